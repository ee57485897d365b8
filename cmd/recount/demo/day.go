package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/cmd/internal/shopday"
	"recount/cmd/recount/pipeline"
	"recount/internal/es"
	"recount/internal/kafka"
)

// day plays a shop's day: hour by hour people want something, the sagas carry it out as far as they can, and people
// answer what is asked of them.
type day struct {
	shopday.Day
	patience
	p     *pipeline.Pipeline
	in    *cli.Process
	world *shopday.World
	// lines is the file that keeps everything that was sent.
	lines io.Writer
	hour  int
	// read is up to where the world has read the shop's events, by partition.
	read []int64
	sent map[string]int64 // commands, by context
}

// answeringHours is how many hours after the last order people are asked something: to pay, to pack, whether it arrived,
// to take it back, twice. More is an error: somebody is asked again and again.
const answeringHours = 10

// playDay plays the day and returns how many commands were sent, by context.
func (c *config) playDay(ctx context.Context, in *cli.Process, p *pipeline.Pipeline, patience patience) (_ map[string]int64, err error) {
	f, err := os.Create(c.dayPath())
	if err != nil {
		return nil, fmt.Errorf("making a file for the commands of the shop's day: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	d := &day{Day: shopday.Day{Seed: c.seed, Orders: c.orders}, patience: patience, p: p, in: in, lines: f, sent: map[string]int64{}}
	d.world = d.World()
	if d.read, err = ends(ctx, p, shop+kafka.EventsSuffix); err != nil {
		return nil, err
	}
	if err := d.play(ctx); err != nil {
		return nil, fmt.Errorf("playing the shop's day: %w", err)
	}
	d.line.End()
	return d.sent, nil
}

// dayPath is where the day's commands are kept, to be looked at and loaded again.
func (c *config) dayPath() string {
	return filepath.Join(c.pipeline.DataDir, fmt.Sprintf("day-%d-%d.ndjson", c.seed, c.orders))
}

func (d *day) play(ctx context.Context) error {
	if err := d.step(ctx, d.Opening()); err != nil {
		return err
	}
	for answers := []shopday.Line(nil); d.hour < shopday.Hours || len(answers) > 0; d.hour++ {
		if d.hour > shopday.Hours+answeringHours {
			return fmt.Errorf("%d hours after the last order people are still asked something", answeringHours)
		}
		if err := d.step(ctx, append(d.world.Hour(d.hour), answers...)); err != nil {
			return err
		}
		answers = d.world.Answers()
	}
	err := d.until(ctx, visibleEvery, "waiting for payments to be given up that nobody answers for", func(ctx context.Context) (left, error) {
		waiting := int64(d.world.Waiting())
		what := console.Count(waiting) + " orders wait for money that does not come"
		d.line.Say("%s", what)
		return left{waiting, what}, d.step(ctx, nil)
	})
	if err != nil {
		return err
	}
	return d.rest(ctx) // what was given up last may still be taken back
}

// step hands lines in, waits until all that follows from them has come to rest, and has the world read of it.
func (d *day) step(ctx context.Context, lines []shopday.Line) error {
	if err := d.send(ctx, lines); err != nil {
		return err
	}
	if err := d.rest(ctx); err != nil {
		return err
	}
	return d.notice(ctx)
}

// send hands lines in as any bulk load does, and keeps them.
func (d *day) send(ctx context.Context, lines []shopday.Line) error {
	if len(lines) == 0 {
		return nil
	}
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	for _, l := range lines {
		if err := out.Encode(l); err != nil {
			return fmt.Errorf("writing a command: %w", err)
		}
		d.sent[l.Context()]++
	}
	if _, err := d.lines.Write(text.Bytes()); err != nil {
		return fmt.Errorf("keeping the commands: %w", err)
	}
	in := *d.in
	in.Stdin, in.Stdout = &text, io.Discard
	rejected := filepath.Join(d.p.DataDir(), "day.rejected.ndjson")
	loaded, err := role.Load{Actor: "demo", Rejected: rejected, Quiet: true}.Run(ctx, d.p.Foundation, &in, "-")
	if errors.Is(err, cli.ErrReported) { // where nobody reads it
		return fmt.Errorf("%d commands were rejected before they were sent; %s says why (--data keeps it)", loaded.Rejected, loaded.RejectedPath)
	}
	return err
}

// notice has the world read what the shop has recorded since it last did.
func (d *day) notice(ctx context.Context) error {
	topic := shop + kafka.EventsSuffix
	until, err := ends(ctx, d.p, topic)
	if err != nil {
		return err
	}
	var spans []kafka.Span
	for n := range until {
		spans = append(spans, kafka.Span{Topic: topic, Partition: int32(n), From: d.read[n], Until: until[n]})
	}
	d.read = until
	return kafka.Replay(ctx, d.p.Kafka, spans, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			recorded, err := d.p.Codec.Recorded(shop, es.FromEvents, r.Partition, r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value, nil)
			if err != nil {
				return err
			}
			d.world.Notice(recorded)
		}
		return nil
	})
}
