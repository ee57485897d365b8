package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"recount/internal/kafka"
	"recount/internal/partition"
)

// loader runs one load as a pipeline: one goroutine reads chunks of lines, several check and encode them, and one takes
// the chunks in the order they were read and publishes them. So lines are published in the order of the file, whatever
// finished first, and at most chunksMax chunks are in memory.
type loader struct {
	cfg      LoadConfig
	catalog  catalog
	src      *source
	rejected *rejectedFile
	tally    *tally

	once   sync.Once
	failed chan struct{} // closed when the broker has failed
	cause  error
}

const (
	chunkLines    = 256
	chunkBytesMax = 256 << 10
	chunksPerCPU  = 2
)

// chunk is some lines on their way.
type chunk struct {
	lines []line
	// done is closed when encoded and faults, one of each a line, are there.
	done    chan struct{}
	encoded []kafka.Command
	faults  []*fault
	// err says why nothing follows these lines, unless it is the end.
	err error
}

func (l *loader) run(ctx context.Context) error {
	l.failed = make(chan struct{})
	group, inner := errgroup.WithContext(ctx)
	// The reader isn't waited for: nothing can wake it while it reads from a terminal or a pipe that stays silent.
	chunks := make(chan *chunk)
	go l.read(inner, chunks)

	depth := chunksPerCPU * l.cfg.Encoders
	work, order := make(chan *chunk, depth), make(chan *chunk, depth)
	group.Go(func() error {
		defer close(work)
		defer close(order)
		return l.feed(inner, chunks, work, order)
	})
	for range l.cfg.Encoders {
		group.Go(func() error {
			for c := range work {
				l.encode(c)
				close(c.done)
			}
			return nil
		})
	}
	group.Go(func() error { return l.publish(inner, order) })
	err := group.Wait()

	// What is on its way is waited for in any case: the count must not claim less than there is.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.FlushTimeout)
	defer cancel()
	flushErr := l.cfg.Publisher.Flush(ctx)
	switch {
	case isClosed(l.failed):
		err = l.cause // that everything else stopped only follows from it
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	}
	return l.explain(errors.Join(err, flushErr))
}

// read makes chunks of what it reads. It owns the source, and closes it.
func (l *loader) read(ctx context.Context, chunks chan<- *chunk) {
	defer close(chunks)
	defer l.src.Close()
	lines := newLineReader(l.src, l.cfg.LineBytesMax)
	for {
		c, err := l.fill(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			c.err = fmt.Errorf("reading line %d: %w", lines.number, err)
		}
		select {
		case chunks <- c:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// feed hands each chunk to the publisher, which takes them in this order, and to the encoders, which don't.
func (l *loader) feed(ctx context.Context, chunks <-chan *chunk, work, order chan<- *chunk) error {
	for {
		var c *chunk
		select {
		case next, ok := <-chunks:
			if !ok {
				return ctx.Err()
			}
			c = next
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, to := range []chan<- *chunk{order, work} {
			select {
			case to <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// fill reads lines until a chunk is full. With an error, the chunk holds what came before.
func (l *loader) fill(lines *lineReader) (*chunk, error) {
	c := &chunk{done: make(chan struct{})}
	for size := 0; len(c.lines) < chunkLines && size < chunkBytesMax; {
		next, err := lines.next()
		if err != nil {
			return c, err
		}
		c.lines = append(c.lines, next)
		size += len(next.text)
		l.tally.lines.Add(1)
	}
	return c, nil
}

func (l *loader) encode(c *chunk) {
	c.encoded, c.faults = make([]kafka.Command, len(c.lines)), make([]*fault, len(c.lines))
	for i, in := range c.lines {
		c.encoded[i], c.faults[i] = l.encodeLine(in)
	}
}

func (l *loader) encodeLine(in line) (kafka.Command, *fault) {
	if in.tooLong {
		return kafka.Command{}, malformed("longer than %d bytes", l.cfg.LineBytesMax)
	}
	e, f := parseEnvelope(in.text)
	if f != nil {
		return kafka.Command{}, f
	}
	info, f := l.catalog.byWire(e.wire)
	if f != nil {
		return kafka.Command{}, f
	}
	if e.meta.CommandID == "" {
		e.meta.CommandID = deriveID(l.src.name, in.number, in.text)
	}
	e.meta.Actor = l.cfg.Actor
	frame, f := encodeCommand(l.cfg.Codec, info.Type, e.meta, e.data)
	if f != nil {
		return kafka.Command{}, f
	}
	return kafka.Command{
		Topic:     info.Context + kafka.CommandsSuffix,
		Partition: partition.Of(e.meta.AggregateID, l.cfg.Partitions),
		Key:       []byte(e.meta.AggregateID), Value: frame,
	}, nil
}

var errStopped = errors.New("stopped")

// publish takes the chunks in their order.
func (l *loader) publish(ctx context.Context, order <-chan *chunk) error {
	for {
		var c *chunk
		select {
		case next, ok := <-order:
			if !ok {
				return nil
			}
			c = next
		case <-l.failed: // not only before a line: the next one may take its time
			return errStopped
		}
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err() // its encoder may never have got it
		}
		for i := range c.lines {
			if err := l.publishLine(ctx, c.lines[i], c.encoded[i], c.faults[i]); err != nil {
				return err
			}
		}
		if c.err != nil {
			return c.err
		}
	}
}

func (l *loader) publishLine(ctx context.Context, in line, command kafka.Command, f *fault) error {
	if isClosed(l.failed) { // before every line, so that little is written behind one that failed
		return errStopped
	}
	if f == nil {
		err := l.cfg.Publisher.Produce(ctx, command, func(_ int32, _ int64, err error) { l.acknowledged(in.number, err) })
		if err == nil || !errors.Is(err, kafka.ErrTooLarge) {
			return err
		}
		f = malformed("%v", err)
	}
	l.tally.rejected.Add(1)
	return l.rejected.add(in, f)
}

// acknowledged counts a line that the broker has. The first that it hasn't stops the load.
func (l *loader) acknowledged(number int64, err error) {
	if err == nil {
		l.tally.published.Add(1)
		return
	}
	l.once.Do(func() {
		l.cause = fmt.Errorf("publishing line %d: %w", number, err)
		close(l.failed)
	})
}

// explain says how to go on after err.
func (l *loader) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ingest: the load has stopped: %w; %d of the %d lines read so far are acknowledged. To go on, load all of it again under the same name (%q): the same lines are the same commands, and those decided within the dedup window are not decided twice",
		err, l.tally.published.Load(), l.tally.lines.Load(), l.src.name)
}
