package statestoretest_test

import (
	"errors"
	"flag"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"recount/internal/statestore"
	"recount/internal/statestore/statestoretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mixesPartitions fault = "keeps two partitions in one place"
	opensTwice      fault = "opens a partition twice"
	dropsNothing    fault = "drops nothing"
	dropsInUse      fault = "drops what is open"
	closesSilently  fault = "closes without a word on what is open"
	takesAnyName    fault = "takes any name"
	losesAKey       fault = "loses a key in a restart"
)

// faultyRoot is a root in memory with one fault.
type faultyRoot struct {
	*statestore.Mem
	fault  fault
	opened map[string]statestore.Store
}

// restarts returns what opens a root with a fault.
func restarts(f fault) statestoretest.Reopen {
	mem := statestore.NewMem()
	return func() (statestore.Root, error) {
		mem = mem.Reopen()
		if f == losesAKey {
			if err := loseAKey(mem); err != nil {
				return nil, err
			}
		}
		return &faultyRoot{Mem: mem, fault: f, opened: map[string]statestore.Store{}}, nil
	}
}

// loseAKey removes the first key of a partition that all checks use.
func loseAKey(root statestore.Root) error {
	for _, name := range []string{"bank.1", "bank.3"} {
		s, err := root.Open(name)
		if err != nil {
			return err
		}
		var b statestore.Batch
		for p, err := range s.Scan(nil, nil) {
			if err != nil {
				return err
			}
			b.Delete(p.Key)
			break
		}
		if err := errors.Join(s.Apply(&b), s.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (r *faultyRoot) Open(name string) (statestore.Store, error) {
	switch {
	case r.fault == takesAnyName && statestore.CheckName(name) != nil:
		return statestore.NewMemStore(), nil
	case r.fault == mixesPartitions && name == "bank.11":
		name = "bank.1"
	}
	s, err := r.Mem.Open(name)
	if (r.fault == opensTwice || r.fault == mixesPartitions) && errors.Is(err, statestore.ErrInUse) {
		return r.opened[name], nil
	}
	r.opened[name] = s
	return s, err
}

func (r *faultyRoot) Drop(name string) error {
	switch {
	case r.fault == dropsNothing, r.fault == takesAnyName && statestore.CheckName(name) != nil:
		return nil
	case r.fault == dropsInUse:
		if err := r.Mem.Drop(name); !errors.Is(err, statestore.ErrInUse) {
			return err
		}
		return nil
	}
	return r.Mem.Drop(name)
}

func (r *faultyRoot) Close() error {
	err := r.Mem.Close()
	if r.fault == closesSilently && !errors.Is(err, statestore.ErrClosed) {
		return nil
	}
	return err
}

func failedRoot(f fault) []string {
	var names []string
	for _, c := range statestoretest.RootChecks() {
		if fails(func(t statestoretest.T) { c.Run(t, restarts(f)) }) {
			names = append(names, c.Name)
		}
	}
	return names
}

func TestRootChecksCatch(t *testing.T) {
	t.Parallel()
	caughtBy := map[fault]string{
		mixesPartitions: "partitions are apart",
		opensTwice:      "a partition is open once",
		dropsNothing:    "a dropped partition is gone",
		dropsInUse:      "a partition is open once",
		closesSilently:  "a root names what was left open",
		takesAnyName:    "names are checked",
		losesAKey:       "content survives its handles",
	}
	for f, want := range caughtBy {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			if got := failedRoot(f); !slices.Contains(got, want) {
				t.Errorf("failed %q, want %q among them", got, want)
			}
		})
	}
}

func TestRootChecksPass(t *testing.T) {
	t.Parallel()
	if got := failedRoot(none); len(got) > 0 {
		t.Errorf("a root without a fault failed %q", got)
	}
}

// TestModelCatches is not parallel, since it sets flags: a failure that is wanted need be neither shrunk nor kept.
func TestModelCatches(t *testing.T) {
	setFlag(t, "rapid.shrinktime", "0s")
	setFlag(t, "rapid.nofailfile", "true")
	for _, f := range []fault{losesAKey, dropsNothing, mixesPartitions} {
		t.Run(string(f), func(t *testing.T) {
			r := &rapidRecorder{name: t.Name()}
			done := make(chan struct{})
			go func() {
				defer close(done)
				statestoretest.TestModel(r, func() statestoretest.Reopen { return restarts(f) })
			}()
			<-done
			if !r.Failed() {
				t.Error("random operations found nothing")
			}
		})
	}
}

func setFlag(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(name, before); err != nil {
			t.Error(err)
		}
	})
}

// rapidRecorder stands in for a *testing.T where rapid wants one.
type rapidRecorder struct {
	recorder
	name string
}

func (r *rapidRecorder) Name() string             { return r.name }
func (r *rapidRecorder) Logf(string, ...any)      {}
func (r *rapidRecorder) Log(...any)               {}
func (r *rapidRecorder) Skipf(f string, a ...any) { r.Fatalf(f, a...) }
func (r *rapidRecorder) Skip(a ...any)            { r.Fatalf("%v", a) }
func (r *rapidRecorder) SkipNow()                 { r.Fatalf("skipped") }
func (r *rapidRecorder) Error(a ...any)           { r.Errorf("%v", a) }
func (r *rapidRecorder) Fatal(a ...any)           { r.Fatalf("%v", a) }
func (r *rapidRecorder) FailNow()                 { r.Fatalf("failed") }
func (r *rapidRecorder) Fail()                    { r.Errorf("failed") }
func (r *rapidRecorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.faults) > 0
}
