package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// actVariable makes this test program play a child.
const actVariable = "RECOUNT_PROCESS_TEST_ACT"

func TestMain(m *testing.M) {
	if act := os.Getenv(actVariable); act != "" {
		play(act)
		return
	}
	goleak.VerifyTestMain(m)
}

func play(act string) {
	fmt.Println("playing", act)
	switch act {
	case "orderly":
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		fmt.Println("ready")
		<-asked
		fmt.Println("closed")
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Minute)
	case "parent":
		parent()
	case "busy":
		fmt.Println("ready")
		for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		}
	case "failing":
		fmt.Fprintln(os.Stderr, "no room left")
		os.Exit(3)
	}
}

// parent starts a child, tells its ID and dies without a word to it.
func parent() {
	child, ready, err := startActor("busy", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	<-ready
	fmt.Println("child", child.PID())
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		fmt.Println(err)
	}
}

func startActor(act string, log *bytes.Buffer) (*Process, <-chan struct{}, error) {
	ready := make(chan struct{})
	s := Spec{Name: "the " + act + " child", Path: os.Args[0], Env: []string{actVariable + "=" + act}, OnLine: func(line string) {
		if line == "ready" {
			close(ready)
		}
	}}
	if log != nil {
		s.Log = log
	}
	p, err := Start(s)
	return p, ready, err
}

func start(t *testing.T, act string, log *bytes.Buffer) *Process {
	t.Helper()
	p, ready, err := startActor(act, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case <-p.Done():
	}
	return p
}

func TestAnOrderlyChildIsStopped(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := start(t, "orderly", &log)
	if err := p.Err(); err != nil {
		t.Errorf("it runs, and Err says %v", err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := log.String(), "playing orderly\nready\nclosed\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	if err := p.Err(); err != nil {
		t.Errorf("it was asked to end, and Err says %v", err)
	}
}

func TestADeafChildIsKilledAndReported(t *testing.T) {
	t.Parallel()
	p := start(t, "deaf", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Stop(ctx); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Stop of a deaf child: %v", err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("it still runs")
	}
}

func TestAFailureIsToldWithItsLastLines(t *testing.T) {
	t.Parallel()
	p := start(t, "failing", nil)
	<-p.Done()
	err := p.Err()
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no room left") {
		t.Errorf("Err = %v", err)
	}
	if stop := p.Stop(t.Context()); stop == nil {
		t.Error("Stop takes a failure from before for an orderly end")
	}
}

func TestOutputIsCutIntoLines(t *testing.T) {
	t.Parallel()
	var lines []string
	o := &output{onLine: func(l string) { lines = append(lines, l) }}
	for _, piece := range []string{"on", "e\ntwo\r\nth", strings.Repeat("x", lineBytesMax), "\n"} {
		if _, err := o.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if len(lines) != 4 || lines[0] != "one" || lines[1] != "two" || len(lines[2]) != lineBytesMax || lines[3] != "xx" {
		t.Errorf("lines %.40q", lines)
	}
	for range 2 * tailLinesMax {
		o.cut([]byte("more\n"))
	}
	if len(o.tail) != tailLinesMax {
		t.Errorf("%d lines are kept, want %d", len(o.tail), tailLinesMax)
	}
}
