package estest_test

import (
	"maps"
	"slices"
	"testing"

	"recount/internal/es/estest"
)

// The same state in four ways: two that share, two that don't.
type (
	appends struct{ List []int }
	clones  struct{ List []int }
	writes  struct{ Set map[int]bool }
	copies  struct{ Set map[int]bool }
)

func (s appends) Evolve(n int) appends { return appends{append(s.List, n)} }
func (s clones) Evolve(n int) clones   { return clones{append(slices.Clip(s.List), n)} }

func (s writes) Evolve(n int) writes {
	if s.Set == nil {
		s.Set = map[int]bool{}
	}
	s.Set[n] = true
	return s
}

func (s copies) Evolve(n int) copies {
	set := map[int]bool{n: true}
	maps.Copy(set, s.Set)
	return copies{set}
}

func TestSharedMemoryIsNoticed(t *testing.T) {
	t.Parallel()
	events := []int{1, 2, 3, 4, 5, 6}
	for name, tc := range map[string]struct {
		problem error
		shared  bool
	}{
		"a slice that is appended to in place": {estest.Shared[appends](events), true},
		"a slice that is cloned":               {estest.Shared[clones](events), false},
		"a map that is written to":             {estest.Shared[writes](events), true},
		"a map that is copied":                 {estest.Shared[copies](events), false},
	} {
		if (tc.problem != nil) != tc.shared {
			t.Errorf("%s: %v", name, tc.problem)
		}
	}
}
