package sim

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// scene is a world in which a test decides what happens. Nothing else goes wrong in it.
type scene struct {
	*world
	t   *testing.T
	ctx context.Context
}

// play opens a world, lets do happen in it, and returns what does not hold afterwards.
func play(t *testing.T, c worldConfig, do func(*scene)) (r result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, err := openWorld(t.Context(), c)
		if err != nil {
			t.Error(err)
			return
		}
		s := &scene{world: w, t: t, ctx: t.Context()}
		do(s)
		r = result{breaches: w.close(t.Context()), counts: w.counts, trace: &w.trace}
		if t.Failed() {
			t.Log(r.report(t.Name(), traceTail))
		}
	})
	return r
}

const scenePatience = 3 * time.Minute

// decided sends deposits on accounts over a time, and waits until all of it is decided.
func (s *scene) decided(name string, accounts, commands int, span time.Duration) {
	s.play(s.ctx, deposits(s.frames, scriptConfig{partitions: s.partitions, commands: commands, accounts: accounts, span: span}, name))
	s.settle(s.ctx, scenePatience)
}

// holds fails the test where an invariant does not hold.
func holds(t *testing.T, r result) {
	t.Helper()
	if len(r.breaches) > 0 {
		t.Error(r.report("go test -run "+t.Name(), traceTail))
	}
}

// breaks is for the control: it fails the test where the invariant holds although it must not.
func breaks(t *testing.T, r result, invariant string) {
	t.Helper()
	for _, b := range r.breaches {
		if b.invariant == invariant {
			return
		}
	}
	t.Errorf("the control has not broken %q: the run would not notice\n%s", invariant, r.report("go test -run "+t.Name(), traceTail))
}

// until waits until something is so.
func (s *scene) until(what string, is func(figures) bool) {
	s.t.Helper()
	for deadline := time.Now().Add(scenePatience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if s.figures(is) {
			return
		}
	}
	s.t.Error("never: " + what)
}

func (s *scene) figures(is func(figures) bool) (yes bool) {
	s.count(func(f *figures) { yes = is(*f) })
	return yes
}
