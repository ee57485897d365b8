package webconsole

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// overviewAge is how old an overview may be that is shown: however many people look, everything is asked as often as that.
const overviewAge = 2 * time.Second

// overviews asks for the overview, one at a time.
type overviews struct {
	source Source
	turn   chan struct{} // held by whoever asks, or looks at the last one
	last   *Overview
	asked  *time.Time
}

func newOverviews(source Source) overviews {
	return overviews{source: source, turn: make(chan struct{}, 1), last: &Overview{}, asked: &time.Time{}}
}

// get returns an overview that is young enough. It waits for whoever asks already, no longer than ctx.
func (o overviews) get(ctx context.Context) (Overview, error) {
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return Overview{}, fmt.Errorf("the overview is being asked for, and that takes longer than %v: a service does not answer, and does not refuse either", pageTimeout)
	}
	defer func() { <-o.turn }()
	if time.Since(*o.asked) < overviewAge {
		return *o.last, nil
	}
	found := o.source.Overview(ctx)
	if ctx.Err() != nil {
		return found, nil // half of it was not asked: shown to who waited, and to nobody else
	}
	*o.last, *o.asked = found, time.Now()
	return found, nil
}

// overviewPage is the overview.
type overviewPage struct {
	frame
	Overview
	// Says is the whole in a sentence.
	Says string
}

func (c *Console) showOverview(ctx context.Context, _ *http.Request) answer {
	found, err := c.overview.get(ctx)
	if err != nil {
		return away("", err)
	}
	p := overviewPage{frame: frame{Title: "Overview", Refresh: refreshSeconds}, Overview: found, Says: "Nothing needs you."}
	switch n := len(found.Warnings); {
	case n == 1:
		p.Says = "1 thing needs you."
	case n > 1:
		p.Says = fmt.Sprintf("%d things need you.", n)
	}
	return answer{http.StatusOK, "overview", p}
}
