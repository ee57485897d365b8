package meter

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// steady commits so many commands a second, from the first look on.
func steady(perSecond, commands int64) func(context.Context) (int64, error) {
	var began time.Time
	return func(context.Context) (int64, error) {
		if began.IsZero() {
			began = time.Now()
		}
		return min(commands, perSecond*int64(time.Since(began)/time.Millisecond)/1000), nil
	}
}

// watching returns a watch whose contender uses half a core, and its broker a quarter.
func watching(commands, warmUp int64, committed func(context.Context) (int64, error)) *watch {
	began := time.Now()
	return &watch{
		commands: commands, warmUp: warmUp, committed: committed, ended: func() error { return nil },
		cpu: func() (time.Duration, time.Duration, error) {
			return time.Since(began) / 2, time.Since(began) / 4, nil
		},
	}
}

func TestTheWarmUpDoesNotCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rate := steady(1000, 10_000)
		cold := time.Now().Add(5 * time.Second)
		w := watching(10_000, 2000, func(ctx context.Context) (int64, error) {
			if time.Now().Before(cold) {
				return 0, nil
			}
			return rate(ctx)
		})
		r, err := w.run(t.Context())
		if err != nil || r.Commands != 8000 || r.PerSecond() < 995 || r.PerSecond() > 1005 {
			t.Fatalf("%+v at %.0f/s, %v; want 8000 at 1000/s", r, r.PerSecond(), err)
		}
		if r.ContenderCPU != r.Elapsed/2 || r.BrokerCPU != r.Elapsed/4 {
			t.Errorf("processor times %v and %v of %v", r.ContenderCPU, r.BrokerCPU, r.Elapsed)
		}
	})
}

func TestWhatEndsARunEarlyIsAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for want, change := range map[string]func(*watch){
		"broken": func(w *watch) { w.ended = func() error { return broken } },
		"is unreadable": func(w *watch) {
			w.cpu = func() (a, b time.Duration, err error) { return 0, 0, errors.New("is unreadable") }
		},
		"no progress":     func(w *watch) { w.committed = func(context.Context) (int64, error) { return 7, nil } },
		"11 of 10":        func(w *watch) { w.commands, w.committed = 10, func(context.Context) (int64, error) { return 11, nil } },
		"over before its": func(w *watch) { w.committed = func(context.Context) (int64, error) { return w.commands, nil } },
		"not reachable": func(w *watch) {
			w.committed = func(context.Context) (int64, error) { return 0, errors.New("not reachable") }
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := watching(10_000, 2000, steady(1000, 10_000))
				change(w)
				if r, err := w.run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}

func TestAProcessMayEndWithItsRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rate, last := steady(1000, 10_000), int64(0)
		w := watching(10_000, 2000, func(ctx context.Context) (n int64, err error) {
			last, err = rate(ctx)
			return last, err
		})
		w.ended = func() error {
			if last == w.commands {
				return errors.New("ended")
			}
			return nil
		}
		if _, err := w.run(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestACancelledRunEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := watching(10_000, 2000, steady(1000, 10_000)).run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
