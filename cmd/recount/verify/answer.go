package verify

import (
	"fmt"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/internal/proof"
	"recount/internal/worker/verify"
)

// answer is what recount verify has to say.
type answer struct {
	*verify.Report
	took   time.Duration
	anchor *verify.Anchor // that was compared; nil: none
}

// Answer is the answer for machines.
type Answer struct {
	Holds     bool           `json:"holds"`
	Seconds   float64        `json:"seconds"`
	PerSecond int64          `json:"events_per_second"`
	Topics    []verify.Topic `json:"topics"`
	Broken    int64          `json:"broken"`
	Breaks    []Break        `json:"breaks"`
	Heads     int            `json:"heads"`
	// HeadsSHA256 is the same for every log that has the same events, wherever they stand.
	HeadsSHA256 string       `json:"heads_sha256"`
	Anchor      *AnchorState `json:"anchor,omitempty"`
}

// Break is the first link of an aggregate that does not hold, and what to do about it.
type Break struct {
	proof.Break
	Do string `json:"do"`
}

// AnchorState is what became of --anchor.
type AnchorState struct {
	File   string    `json:"file"`
	Wrote  bool      `json:"written"`
	MadeAt time.Time `json:"made_at"`
	Heads  int       `json:"heads"`
	SHA256 string    `json:"heads_sha256"`
}

// tell writes a new anchor where everything holds, and then the answer.
func (c *config) tell(p *cli.Process, a answer) error {
	out, err := c.answer(a)
	if err != nil {
		return err
	}
	if c.JSON {
		err = console.JSON(p.Stdout, out)
	} else {
		err = c.render(console.New(p.Stdout), out)
	}
	if err != nil {
		return err
	}
	if !out.Holds {
		return cli.ErrReported
	}
	return nil
}

func (c *config) answer(a answer) (Answer, error) {
	out := Answer{
		Holds: a.Broken == 0, Seconds: a.took.Seconds(), PerSecond: perSecond(a.Events, a.took), Topics: a.Topics,
		Broken: a.Broken, Breaks: []Break{}, Heads: len(a.Heads.Heads), HeadsSHA256: a.Heads.SHA256.String(),
	}
	for _, b := range a.Breaks[:min(len(a.Breaks), c.Show)] {
		out.Breaks = append(out.Breaks, Break{b, b.Kind.Do()})
	}
	at := a.anchor
	switch {
	case c.Anchor == "" || at == nil && !out.Holds:
		return out, nil // what does not hold is nothing to compare with later
	case at == nil:
		at = &a.Heads
		if err := at.Save(c.Anchor); err != nil {
			return out, fmt.Errorf("--anchor: %w", err)
		}
	}
	out.Anchor = &AnchorState{File: c.Anchor, Wrote: a.anchor == nil, MadeAt: at.MadeAt, Heads: len(at.Heads), SHA256: at.SHA256.String()}
	return out, nil
}

func (c *config) render(w *console.Writer, a Answer) error {
	topics := console.Table{Columns: []console.Column{
		console.Text("topic"), console.Number("partitions"), console.Number("events"), console.Number("aggregates"), console.Number("broken"),
	}}
	events := int64(0)
	for _, t := range a.Topics {
		events += t.Events
		topics.Rows = append(topics.Rows, []string{
			t.Name, fmt.Sprint(t.Partitions), console.Count(t.Events), console.Count(t.Aggregates), console.Count(t.Broken),
		})
	}
	w.Heading("%s events in %s, %s events/s", console.Count(events), console.Seconds(a.Seconds), console.Count(a.PerSecond))
	w.Table(topics)
	w.Heading("What it shows")
	w.Mark(a.Holds, fmt.Sprintf("Every link holds: aggregates with a broken one: %s", console.Count(a.Broken)))
	if s := a.Anchor; s != nil && s.Wrote {
		w.Mark(true, fmt.Sprintf("Anchor written: %s, %s heads", s.File, console.Count(int64(s.Heads))))
	} else if s != nil {
		w.Mark(a.Holds, fmt.Sprintf("Compared with the anchor %s: %s heads of %s", s.File, console.Count(int64(s.Heads)), s.MadeAt.Format(time.RFC3339)))
	} else if c.Anchor != "" {
		w.Mark(false, "No anchor is written over a log that does not hold")
	}
	w.Line("  heads' SHA-256: %s", a.HeadsSHA256)
	c.renderBreaks(w, a)
	return w.Err()
}

func (c *config) renderBreaks(w *console.Writer, a Answer) {
	if a.Broken == 0 {
		return
	}
	w.Heading("The first broken link of each aggregate")
	for _, b := range a.Breaks {
		name := b.Aggregate + " " + b.ID
		w.Line("  %s", console.Clean(fmt.Sprintf("%s/%d@%d  %s version %d: %s", b.Topic, b.Partition, b.Offset, name, b.Version, b.Kind)))
		w.Line("      %s", console.Clean(b.Differs))
		w.Line("      %s", console.Clean(b.Do))
	}
	if more := a.Broken - int64(len(a.Breaks)); more > 0 {
		w.Line("  and %s more: --show names more of them", console.Count(more))
	}
}
