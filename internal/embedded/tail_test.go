package embedded

import (
	"strings"
	"testing"
)

// What a crash leaves in a log is its cause and then, for pages, every goroutine there was.
func TestTheCauseOfACrashOutlivesItsStacks(t *testing.T) {
	t.Parallel()
	var log tail
	for _, text := range []string{"ready\n", "SIGS", "EGV: segmentation violation\nPC=0x1 m=7\n", strings.Repeat("goroutine 1 [select]:\n", 1000), "rip 0x1\n"} {
		if _, err := log.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	got := log.String()
	if !strings.HasPrefix(got, "; it crashed:\nSIGSEGV: segmentation violation\nPC=0x1 m=7\n") || !strings.HasSuffix(got, "rip 0x1") {
		t.Errorf("%s", got)
	}
	if len(got) > tailBytes+crashBytes+100 {
		t.Errorf("%d bytes are no tail", len(got))
	}
}

func TestALogWithoutACrashIsItsLastLines(t *testing.T) {
	t.Parallel()
	var log tail
	if got := log.String(); got != "" {
		t.Errorf("nothing was written, and it says %q", got)
	}
	for range 1000 {
		if _, err := log.Write([]byte("a line\n")); err != nil {
			t.Fatal(err)
		}
	}
	if got := log.String(); !strings.HasPrefix(got, "; its last lines:\n") || len(got) > tailBytes+100 {
		t.Errorf("%s", got)
	}
}

// A short crash stands in the last lines already.
func TestAShortCrashIsToldOnce(t *testing.T) {
	t.Parallel()
	var log tail
	if _, err := log.Write([]byte("ready\npanic: no such thing\n")); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); got != "; its last lines:\nready\npanic: no such thing" {
		t.Errorf("%q", got)
	}
}
