package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
)

// waits returns a patience and what it tells.
func waits() (patience, *bytes.Buffer) {
	said := &bytes.Buffer{}
	return patience{console.NewStatus(said), &lastWarning{}}, said
}

func TestPatienceWaitsUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	p, said := waits()
	n := int64(3)
	err := p.until(t.Context(), time.Millisecond, "counting", func(context.Context) (left, error) { n--; return left{much: n}, nil })
	if err != nil || n != 0 || said.Len() > 0 {
		t.Errorf("%v with %d left, said %q", err, n, said)
	}
}

func TestPatienceEndsWithWhoeverAsksOrAnswers(t *testing.T) {
	t.Parallel()
	p, _ := waits()
	broken := errors.New("broken")
	err := p.until(t.Context(), time.Millisecond, "counting", func(context.Context) (left, error) { return left{}, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = p.until(ctx, time.Hour, "counting", func(context.Context) (left, error) { return left{much: 1}, nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestPatienceTellsAndGivesUp has something move for a while and then stand still: what is missing is told, and the last
// warning, again and again, and is in the error in the end.
func TestPatienceTellsAndGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, said := waits()
		p.warned.beside(slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))).Warn("an insert failed", "table", "events_g1")
		began, n := time.Now(), int64(100)
		err := p.until(t.Context(), time.Second, "waiting", func(context.Context) (left, error) {
			n = max(n-1, 40)
			return left{n, "events lack it"}, nil
		})
		took := time.Since(began)
		if err == nil || took < standstill+59*time.Second || took > standstill+65*time.Second {
			t.Errorf("got %v after %v", err, took)
		}
		if told := strings.Count(said.String(), "nothing has happened for"); told != int(standstill/tellEvery)-1 {
			t.Errorf("told %d times:\n%s", told, said)
		}
		for _, text := range []string{said.String(), err.Error()} {
			if !strings.Contains(text, "events lack it") || !strings.Contains(text, "an insert failed") || !strings.Contains(text, "table=events_g1") {
				t.Errorf("it does not say why: %s", text)
			}
		}
	})
}

// TestPatienceTakesSilenceForAStandstill: whoever does not answer in time is asked again, answers after a while, and then
// never again. An error that is an answer is none of that.
func TestPatienceTakesSilenceForAStandstill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, said := waits()
		began, asked := time.Now(), 0
		err := p.until(t.Context(), time.Second, "waiting", func(ctx context.Context) (left, error) {
			return inTime(ctx, func(ctx context.Context) (left, error) {
				if asked++; asked == 3 {
					return left{much: 7}, nil
				}
				<-ctx.Done()
				return left{}, ctx.Err()
			})
		})
		if took := time.Since(began); err == nil || took < standstill+2*tellEvery || !strings.Contains(said.String(), "nobody says what is left") {
			t.Errorf("got %v after %v, said %q", err, took, said)
		}
	})
	broken := errors.New("broken")
	if _, err := inTime(t.Context(), func(context.Context) (left, error) { return left{}, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestEveryViewThatLacksSomethingIsNamed(t *testing.T) {
	t.Parallel()
	got := lacking([]role.ViewLag{{Context: "bank", View: "account_balances", Offsets: 1200}, {Context: "shop", View: "events", Offsets: 3}})
	if got.much != 1203 || got.what != "account_balances of bank lacks 1,200 records, events of shop lacks 3 records" {
		t.Errorf("got %+v", got)
	}
	if none := lacking(nil); none.much != 0 {
		t.Errorf("got %+v", none)
	}
}
