package webconsole

import (
	"context"
	"net/http"
	"strings"
)

// traceMax is how many records of one cause are shown.
const traceMax = 500

// tracePart is the part of the console that traces belong to.
const tracePart = "/trace"

// tracePage is what belongs to one cause.
type tracePage struct {
	frame
	Cause
	Caption string
	Records []Record
	Max     int
}

// causeOf is what a request asks for: by a link, or by the form's kind and ID.
func causeOf(r *http.Request) Cause {
	of := Cause{Correlation: r.FormValue(byCorrelation), Command: r.FormValue(byCommand)}
	switch id := strings.TrimSpace(r.FormValue("id")); r.FormValue("type") {
	case byCorrelation:
		of.Correlation = id
	case byCommand:
		of.Command = id
	}
	return of
}

func (c *Console) showTrace(ctx context.Context, r *http.Request) answer {
	of := causeOf(r)
	switch {
	case of == Cause{}:
		return answer{http.StatusOK, "traces", findPage{frame: frame{Title: "Traces", Part: tracePart}, Find: findTrace("", "")}}
	case of.Correlation != "" && of.Command != "":
		return answer{http.StatusBadRequest, "problem", problem{
			frame: frame{Title: "Which cause is meant?", Part: tracePart},
			Lead:  "This page shows what belongs to one correlation, or to one command.",
			Find:  findTrace("", ""),
		}}
	}
	found, err := c.source.Trace(ctx, of, traceMax)
	if err != nil {
		return away(tracePart, err)
	}
	if len(found) == 0 {
		return missing(tracePart, "Nothing is known of it", "The views have nothing with the "+of.name()+".", of.find(),
			"Views follow within a second or two: load the page again if it was sent just now; the overview says how far they are.",
			"A command that was never decided has left nothing yet: the overview says whether commands wait.",
			"What a saga sends is caused by one of its own events, which is on the saga's page.")
	}
	p := tracePage{frame: frame{Title: "Everything with the " + of.name(), Part: tracePart}, Cause: of, Records: found, Max: traceMax, Caption: "What was recorded, oldest first"}
	return answer{http.StatusOK, "trace", p}
}

// find is the form as it was filled in for c.
func (c Cause) find() finder {
	if c.Command != "" {
		return findTrace(byCommand, c.Command)
	}
	return findTrace(byCorrelation, c.Correlation)
}

func (c Cause) name() string {
	if c.Command != "" {
		return "command ID " + c.Command
	}
	return "correlation ID " + c.Correlation
}
