package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
)

// followed has somebody follow an input.
func followed(in engine.Input, as string) engine.Input {
	in.Carried = []engine.Header{{Key: "follow", Value: []byte(as)}}
	return in
}

// carried is what a record bears, besides what an engine writes itself.
func carried(records []engine.Record) (out []string) {
	for _, r := range records {
		borne := "-"
		for _, h := range r.Headers {
			if h.Key == "follow" {
				borne = string(h.Value)
			}
		}
		out = append(out, borne)
	}
	return out
}

func TestWhatIsMadeOfAFollowedCommandBearsItsHeaders(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ask := func(m *es.CommandMeta) { m.ProcessID = "shop/fulfil/o-1" }
	fx := r.step(1,
		followed(r.command("add", "a", "c1", `{"by":5,"times":2}`, ask), "one"),
		r.command("add", "a", "c2", `{"by":5,"times":1}`, ask),
		followed(r.command("add", "a", "c3", `{"by":500,"times":1}`), "three"),
		r.command("add", "a", "c4", `{"by":500,"times":1}`),
		followed(r.command("add", "a", "c5", `{"by":1,"times":0}`), "five"),
		followed(r.command("add", "a", "c1", `{"by":5,"times":2}`), "again"),
		followed(r.command("explode", "a", "c6", `{"note":""}`), "six"),
		followed(r.input([]byte("garbage")), "seven"))
	for _, tc := range []struct {
		what      string
		got, want []string
	}{
		{"events", carried(fx.Events), []string{"one", "one", "-"}},
		{"refusals", carried(fx.Refusals), []string{"three", "-", "five", "six"}},
		{"inbox", carried(fx.Inbox), []string{"one", "-"}},
	} {
		if !slices.Equal(tc.got, tc.want) {
			t.Errorf("%s bear %v, want %v", tc.what, tc.got, tc.want)
		}
	}
	var told []string
	for _, f := range fx.Followed {
		told = append(told, fmt.Sprint(f.Offset, f.Aggregate, f.Command, f.Meta.CommandID, f.Outcome, f.Code, f.Version, f.Events, f.Duplicate))
	}
	want := []string{
		fmt.Sprint(0, "counter", "lab.counter.add", "c1", es.Accepted, "", 2, 2, false),
		fmt.Sprint(2, "counter", "lab.counter.add", "c3", es.Refused, tooMuch, 3, 0, false),
		fmt.Sprint(4, "counter", "lab.counter.add", "c5", es.Unchanged, "", 3, 0, false),
		fmt.Sprint(5, "counter", "lab.counter.add", "c1", es.Accepted, "", 2, 0, true),
		fmt.Sprint(6, "counter", "lab.counter.explode", "c6", es.Failed, engine.ReasonPanic, 3, 0, false),
		fmt.Sprint(7, "", "", "", es.Failed, engine.ReasonUndecodable, 0, 0, false),
	}
	if !slices.Equal(told, want) {
		t.Errorf("told\n%q\nwant\n%q", told, want)
	}
}

// TestWhatIsNotDecidedTellsNobody: a command that is sent on is decided elsewhere, with the headers that it came with.
func TestWhatIsNotDecidedTellsNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	elsewhere := "b"
	for partition.Of(elsewhere, rigPartitions) == r.cfg.Partition {
		elsewhere += "b"
	}
	in := r.command("add", elsewhere, "c1", `{"by":1,"times":1}`)
	in.Headers = []engine.Header{{Key: "follow", Value: []byte("from outside")}}
	fx := r.step(1, followed(in, "from here"))
	if got := carried(fx.Dispatch); !slices.Equal(got, []string{"from outside"}) || len(fx.Followed) != 0 {
		t.Errorf("forwarded with %v, told %+v", got, fx.Followed)
	}
	again := followed(r.command("add", "a", "c2", `{"by":1,"times":1}`), "x")
	r.commit(r.step(1, again))
	if fx = r.step(1, again); len(fx.Followed) != 0 || fx.Counts.Skipped != 1 {
		t.Errorf("skipped %d, told %+v", fx.Counts.Skipped, fx.Followed)
	}
}

// TestNobodyFollowingCostsNothing: neither that commands could be followed nor the headers that they come with make a step
// allocate. Those that are followed do, which shows that it would be noticed.
func TestNobodyFollowingCostsNothing(t *testing.T) {
	const commands = 500
	allocs := func(edit func(i int, in engine.Input) engine.Input) float64 {
		r := newRig(t, 1)
		var batch []engine.Input
		for i := range commands {
			batch = append(batch, edit(i, r.command("add", "a", fmt.Sprint(i), `{"by":0,"times":1}`)))
		}
		return testing.AllocsPerRun(5, func() { r.step(1, batch...) })
	}
	plain := allocs(func(_ int, in engine.Input) engine.Input { return in })
	headers := allocs(func(_ int, in engine.Input) engine.Input {
		in.Headers = []engine.Header{{Key: "traceparent", Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")}}
		return in
	})
	all := allocs(func(_ int, in engine.Input) engine.Input { return followed(in, "x") })
	// One a command would be 500. Pools and maps make the number differ by a few from run to run.
	if few := plain + commands/10; headers > few || all <= few {
		t.Errorf("%v allocations without headers, %v with, %v where all are followed", plain, headers, all)
	}
}
