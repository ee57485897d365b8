package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"recount/internal/kafka"
)

func TestABrokerThatFailsStopsTheLoadAndLoadingAgainCompletesIt(t *testing.T) {
	t.Parallel()
	const n, failsAt = 3000, 1000
	b := newBank(t)
	failed := false // once: what comes behind the line that failed must not be written although the broker is back
	b.tamper = func(_ kafka.Command, done func(int32, int64, error)) bool {
		if failed || len(b.commands()) < failsAt {
			return true
		}
		failed = true
		done(-1, -1, errors.New("the broker is gone"))
		return false
	}
	res, err := load(t, b, "day.ndjson", deposits(n))
	if err == nil || res.ExitCode() != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	for _, says := range []string{"the broker is gone", fmt.Sprintf("publishing line %d", failsAt+1), fmt.Sprintf("%d of the", failsAt), "load all of it again", `"day.ndjson"`} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("it does not say %q: %v", says, err)
		}
	}
	if res.Published != failsAt || len(b.commands()) != failsAt {
		t.Errorf("%d are said to be published, %d are; the broker failed after %d", res.Published, len(b.commands()), failsAt)
	}
	b.tamper = nil
	if res, err = load(t, b, "day.ndjson", deposits(n)); err != nil || res.Published != n {
		t.Fatalf("again: %+v, %v", res, err)
	}
	var want []string
	for i := range n {
		want = append(want, fmt.Sprint("c-", i))
	}
	if got := commandIDs(b); !slices.Equal(got[failsAt:], want) {
		t.Error("loading again did not repeat the same commands")
	}
}

func TestAFailureAfterTheLastLineIsAFailure(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	var pending []func(int32, int64, error)
	b.tamper = func(_ kafka.Command, done func(int32, int64, error)) bool {
		pending = append(pending, done)
		return false
	}
	b.flush = func(context.Context) error {
		for _, done := range pending {
			done(-1, -1, errors.New("no broker"))
		}
		return nil
	}
	if res, err := load(t, b, "day.ndjson", deposits(3)); err == nil || res.Published != 0 || !strings.Contains(err.Error(), "line 1: no broker") {
		t.Fatalf("%+v, %v", res, err)
	}
	b.flush = func(context.Context) error { return errors.New("not flushed") }
	if res, err := load(t, b, "day.ndjson", deposits(3)); err == nil || !strings.Contains(err.Error(), "not flushed") {
		t.Fatalf("%+v, %v", res, err)
	}
}

func TestACommandThatNoBrokerTakesIsABadLine(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.full = fmt.Errorf("%w: 2 MB", kafka.ErrTooLarge)
	res, err := load(t, b, "day.ndjson", deposits(2))
	if err != nil || res.Rejected != 2 || !strings.Contains(rejectedLines(t, res.RejectedPath)[1].Reason, "too large") {
		t.Fatalf("%+v, %v", res, err)
	}
}

func TestALoadCanBeInterruptedWhileItsInputIsSilent(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(cancel func(), b *bank, done func(int32, int64, error)){
		"by its user":   func(cancel func(), b *bank, done func(int32, int64, error)) { done(0, 0, nil); cancel() },
		"by the broker": func(_ func(), _ *bank, done func(int32, int64, error)) { done(-1, -1, errors.New("no broker")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b := newBank(t)
			published := make(chan func(int32, int64, error), 1000)
			b.tamper = func(_ kafka.Command, done func(int32, int64, error)) bool { published <- done; return false }
			in, out := io.Pipe()
			defer out.Close()
			// A whole chunk, so that it leaves the reader; then nothing.
			go io.WriteString(out, deposits(chunkLines))
			ended := make(chan error, 1)
			go func() {
				_, err := Load(ctx, LoadConfig{
					Codec: b.codec, Contexts: []string{"bank"}, Partitions: 1, Publisher: b, Path: "-", Stdin: in, RejectedPath: filepath.Join(t.TempDir(), "r"),
				})
				ended <- err
			}()
			done := <-published
			stop(cancel, b, done)
			select {
			case err := <-ended:
				if err == nil || !strings.Contains(err.Error(), "To go on") {
					t.Fatalf("Load: %v", err)
				}
			case <-time.After(2 * time.Minute):
				t.Fatal("the load goes on waiting for input")
			}
		})
	}
}

func TestInputThatBreaksOffIsNamedByItsLine(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	in := io.MultiReader(strings.NewReader(deposits(1)+"\n\n\n{"), iotest.ErrReader(errors.New("a broken disk"))) // blank lines count
	res, err := Load(t.Context(), LoadConfig{
		Codec: b.codec, Contexts: []string{"bank"}, Partitions: 1, Publisher: b, Path: "-", Stdin: in, RejectedPath: filepath.Join(t.TempDir(), "r"),
	})
	if res.Published != 1 || err == nil || !strings.Contains(err.Error(), "reading line 5: a broken disk") {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestLoadsThatCannotBegin(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "day.ndjson")
	if err := os.WriteFile(file, []byte(deposits(1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	whole := LoadConfig{Codec: b.codec, Contexts: []string{"bank"}, Partitions: 1, Publisher: b, Path: file}
	for says, edit := range map[string]func(*LoadConfig){
		"codec":           func(c *LoadConfig) { c.Codec = nil },
		"publisher":       func(c *LoadConfig) { c.Publisher = nil },
		"partition count": func(c *LoadConfig) { c.Partitions = 0 },
		"a file to load":  func(c *LoadConfig) { c.Path = "" },
		"standard input":  func(c *LoadConfig) { c.Path = "-" },
		"regular file":    func(c *LoadConfig) { c.RejectedPath = filepath.Join(dir, "empty") },
		"overwrite":       func(c *LoadConfig) { c.RejectedPath = dir + "/./day.ndjson" },
		"limits":          func(c *LoadConfig) { c.Encoders = -1 },
		"no such file":    func(c *LoadConfig) { c.Path = file + ".not" },
		"is a directory":  func(c *LoadConfig) { c.Path = dir },
	} {
		cfg := whole
		edit(&cfg)
		if _, err := Load(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if n := len(b.commands()); n != 0 {
		t.Errorf("%d commands were published", n)
	}
}

func TestRejectedLinesThatCannotBeWrittenStopTheLoad(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(t.TempDir(), "not", "there")
	res, err := load(t, newBank(t), "x.ndjson", "bad\n"+deposits(10), func(c *LoadConfig) { c.RejectedPath = nowhere })
	if err == nil || !strings.Contains(err.Error(), "rejected lines") {
		t.Fatalf("%+v, %v", res, err)
	}
}
