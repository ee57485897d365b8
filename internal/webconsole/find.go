package webconsole

import (
	"cmp"
	"context"
	"net/http"
	"strings"
)

// finder is a form that leads to an aggregate, or to a saga's instance.
type finder struct {
	Action, Label, Button string
	Kinds                 []string
	Kind, ID              string // what was typed
}

func (c *Console) findAggregate(kind, id string) finder {
	return finder{Action: Path + "/aggregate", Label: "Aggregate", Button: "Show its time line", Kinds: c.aggregateKinds(), Kind: kind, ID: id}
}

func (c *Console) findSaga(kind, id string) finder {
	return finder{Action: Path + "/saga", Label: "Saga", Button: "Show its path", Kinds: c.sagaKinds(), Kind: kind, ID: id}
}

// missing is the page for a kind or an ID that is not there, with the form to try another.
func missing(part, title, lead string, f finder, try ...string) answer {
	return answer{http.StatusNotFound, "problem", problem{frame: frame{Title: title, Part: part}, Lead: lead, Try: try, Find: f}}
}

// noKind is the page for an aggregate or saga that nothing is called.
func noKind(part string, f finder) answer {
	return missing(part, "There is no such "+strings.ToLower(f.Label), "Nothing is called "+cmp.Or(f.Kind, "nothing")+".", f,
		"There are: "+strings.Join(f.Kinds, ", ")+".")
}

// findPage is a form, with what happened last below it.
type findPage struct {
	frame
	Find      finder
	Caption   string // of what follows
	Records   []Record
	Instances []Instance
	// Away is why these could not be asked for; empty: they could.
	Away string
}

// newestMax is how many of the newest are listed.
const newestMax = 40

func (c *Console) showAggregates(ctx context.Context, _ *http.Request) answer {
	p := findPage{frame: frame{Title: "Aggregates", Part: "/aggregates", Refresh: refreshSeconds}, Find: c.findAggregate("", ""), Caption: "Events, newest first"}
	var err error
	if p.Records, err = c.source.Newest(ctx, newestMax); err != nil {
		p.Away = err.Error()
	}
	return answer{http.StatusOK, "aggregates", p}
}

func (c *Console) showSagas(ctx context.Context, _ *http.Request) answer {
	p := findPage{frame: frame{Title: "Sagas", Part: "/sagas", Refresh: refreshSeconds}, Find: c.findSaga("", ""), Caption: "Instances of sagas"}
	var err error
	if p.Instances, err = c.source.Instances(ctx, newestMax); err != nil {
		p.Away = err.Error()
	}
	return answer{http.StatusOK, "sagas", p}
}

// traceMax is how many records of one cause are shown.
const traceMax = 500

// tracePage is what belongs to one cause.
type tracePage struct {
	frame
	Cause
	Caption string
	Records []Record
	Max     int
}

func (c *Console) showTrace(ctx context.Context, r *http.Request) answer {
	of := Cause{Correlation: r.FormValue("correlation"), Command: r.FormValue("command")}
	if (of.Correlation == "") == (of.Command == "") {
		return answer{http.StatusBadRequest, "problem", problem{
			frame: frame{Title: "Which cause is meant?", Part: "/aggregates"},
			Lead:  "This page shows what belongs to one correlation, or to one command.",
			Try:   []string{"Follow the links beside an aggregate's events."},
		}}
	}
	found, err := c.source.Trace(ctx, of, traceMax)
	if err != nil {
		return away("/aggregates", err)
	}
	if len(found) == 0 {
		return lost("Nothing is known of it", "The views have nothing with the "+of.name()+".",
			"Views follow within a second or two: load the page again if it was sent just now; the overview says how far they are.",
			"A command that was never decided has left nothing yet: the overview says whether commands wait.",
			"What a saga sends is caused by one of its own events, which is on the saga's page.")
	}
	p := tracePage{frame: frame{Title: "Everything with the " + of.name(), Part: "/aggregates"}, Cause: of, Records: found, Max: traceMax, Caption: "What was recorded, oldest first"}
	return answer{http.StatusOK, "trace", p}
}

func (c Cause) name() string {
	if c.Command != "" {
		return "command ID " + c.Command
	}
	return "correlation ID " + c.Correlation
}

// generationsPage is how far every generation of every view is.
type generationsPage struct {
	frame
	Generations []Generation
	Away        string
}

func (c *Console) showViews(ctx context.Context, _ *http.Request) answer {
	p := generationsPage{frame: frame{Title: "Views and rebuilds", Part: "/views", Refresh: refreshSeconds}}
	var err error
	if p.Generations, err = c.source.Generations(ctx); err != nil {
		p.Away = err.Error()
	}
	return answer{http.StatusOK, "views", p}
}

// Moves says whether the generation is being filled or kept up to date; one that is kept stands still.
func (g Generation) Moves() bool { return g.State != "kept" }

// Percent is how much of the log is in it, between 0 and 100, rounded down: 100 means all of it.
func (g Generation) Percent() int64 {
	if g.Total <= 0 {
		return 100
	}
	return 100 * g.Done / g.Total
}

// Behind is how many offsets are not in it yet.
func (g Generation) Behind() int64 { return g.Total - g.Done }
