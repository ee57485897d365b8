package webconsole

import (
	"cmp"
	"context"
	"net/http"
	"strings"
)

// finder is a form that leads to an aggregate, to a saga's instance, or to what came of a request.
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

// What a trace can be asked for by, as the form has it.
const (
	byCorrelation = "correlation"
	byCommand     = "command"
)

func findTrace(kind, id string) finder {
	return finder{Action: Path + "/trace", Label: "Known by its", Button: "Show all that came of it", Kinds: []string{byCorrelation, byCommand}, Kind: kind, ID: id}
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
