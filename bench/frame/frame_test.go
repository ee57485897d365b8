package frame

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recount/internal/process"
)

// TestMain lets this test program play a role, as a benchmark's own does.
func TestMain(m *testing.M) { TestProgram(m, counting(&Scene{}).Main) }

// options are a benchmark's that counts.
type options struct {
	Output
	count int
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	f := NewFlags("count", usage, &o.Output)
	f.IntVar(&o.count, "count", 1, "what it comes to")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	f.Check(o.count > 0, "--count: %d", o.count)
	return o, f.Faults()
}

var errMeasured = errors.New("nothing was measured")

func counting(seen *Scene) Program[options] {
	return Program[options]{
		Name: "count", Parse: parse,
		Measure: func(_ context.Context, s *Scene, o options) (Result, error) {
			*seen = *s
			s.Progress("counting")
			if o.count == 13 {
				return Result{}, errMeasured
			}
			r := Result{File: map[string]int{"count": o.count}, Conditions: "here", Header: []string{"who"}, Rows: [][]string{{"me"}}}
			return r, os.WriteFile(filepath.Join(s.Dir, "made"), nil, 0o600)
		},
		Roles: map[string]Role{"even": RoleOf(func(n int, _ context.Context) error {
			if n%2 != 0 {
				return errMeasured
			}
			return nil
		}), "careless": RoleOf(func(_ string, _ context.Context) error {
			_, err := Start("even", 2, process.Spec{})
			return err
		})},
	}
}

func TestABenchmarkLeavesItsResultAndNothingElse(t *testing.T) {
	t.Parallel()
	var scene Scene
	var out, messages strings.Builder
	o := options{Output{Out: filepath.Join(t.TempDir(), "results", "count.json"), Verbose: true}, 7}
	if err := counting(&scene).Bench(t.Context(), o, &out, &messages); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(o.Out)
	var got map[string]int
	if err = errors.Join(err, json.Unmarshal(text, &got)); err != nil || got["count"] != 7 {
		t.Errorf("%s, %v", text, err)
	}
	if out.String() != "\nhere\n\nwho\nme\n" || !strings.Contains(messages.String(), "counting") || scene.Log == nil {
		t.Errorf("%q, %q", out.String(), messages.String())
	}
	if _, err := os.Stat(scene.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
}

func TestWhatFailedLeavesNoResult(t *testing.T) {
	t.Parallel()
	var scene Scene
	var out strings.Builder
	o := options{Output{Out: filepath.Join(t.TempDir(), "count.json")}, 13}
	if err := counting(&scene).Bench(t.Context(), o, &out, io.Discard); !errors.Is(err, errMeasured) {
		t.Error(err)
	}
	for _, path := range []string{o.Out, scene.Dir} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) || out.Len() > 0 {
			t.Errorf("%s: %v; %q", path, err, out.String())
		}
	}
}

func TestFlagsTellAllTheirFaults(t *testing.T) {
	t.Parallel()
	_, err := parse([]string{"--count", "0", "rest"}, io.Discard)
	for _, fault := range []string{"--count", `"rest"`} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%v does not tell of %s", err, fault)
		}
	}
	if o, err := parse(nil, io.Discard); err != nil || o.Out != filepath.Join("bench", "results", "count.json") {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestRolesArePlayedAsTheyAreTold(t *testing.T) {
	t.Parallel()
	p := counting(&Scene{})
	if err := p.Run(t.Context(), []string{RoleArgument, "even", "2"}); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{{"even", "3"}, {"odd", "3"}, {"even"}, {"even", "two"}, {}} {
		if err := p.Run(t.Context(), append([]string{RoleArgument}, args...)); err == nil {
			t.Errorf("%q is played", args)
		}
	}
}

func TestARoleHasAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	for config, want := range map[int]string{2: "without an error", 3: errMeasured.Error()} {
		p, err := Start("even", config, process.Spec{})
		if err != nil {
			t.Fatal(err)
		}
		<-p.Done()
		if err := p.Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "even ") {
			t.Errorf("told %d: %v", config, err)
		}
	}
}

// TestCopiesHaveNoCopies: a program that measures where it was to play a role starts itself once, and not for ever.
func TestCopiesHaveNoCopies(t *testing.T) {
	t.Parallel()
	p, err := Start("careless", "", process.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), ErrRoleStartsRole.Error()) {
		t.Errorf("got %v", err)
	}
}

func TestEachRoundBeginsWithAnother(t *testing.T) {
	t.Parallel()
	all := []int{1, 2, 3}
	for round, want := range [][]int{{1, 2, 3}, {2, 3, 1}, {3, 1, 2}, {1, 2, 3}} {
		if got := Turn(all, round); !slices.Equal(got, want) {
			t.Errorf("round %d: %v", round, got)
		}
	}
}
