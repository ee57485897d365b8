package workload

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"

	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/internal/serde"
)

// Workload is a stream, encoded, in a file.
type Workload struct {
	Plan
	// Expected is what every account must have come to, by its number.
	Expected []Account
	// Bytes is the size of all commands' frames.
	Bytes int64
	// EventKeyBytes and EventBytes are the mean sizes of the key and the frame of the events that follow.
	EventKeyBytes, EventBytes int

	path string
}

const (
	// chunkCommands are encoded at a time, on all cores, and written in their order.
	chunkCommands = 1 << 15
	// recordHeaderBytes precede a frame in the file: the account's number and the frame's length, 4 bytes each.
	recordHeaderBytes = 8
	fileBufferBytes   = 1 << 20
	// sampleEvery: of so many commands one is decided, to learn the size of events.
	sampleEvery = 97
)

// Write makes the stream of a plan in the file at path.
func Write(ctx context.Context, p Plan, codec *serde.Codec, path string) (*Workload, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("workload: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("workload: %w", err)
	}
	w := &Workload{Plan: p, path: path}
	out := bufio.NewWriterSize(file, fileBufferBytes)
	err = w.write(ctx, codec, out)
	if err = errors.Join(err, out.Flush(), file.Close()); err != nil {
		return nil, fmt.Errorf("workload: encode %d commands: %w", p.Commands, err)
	}
	return w, nil
}

func (w *Workload) write(ctx context.Context, codec *serde.Codec, out io.Writer) error {
	s, sizes := newScript(w.Plan), newSizes(codec)
	steps := make([]step, 0, chunkCommands)
	for s.next < w.Commands {
		if err := ctx.Err(); err != nil {
			return err
		}
		steps = steps[:0]
		for len(steps) < chunkCommands && s.next < w.Commands {
			steps = append(steps, s.step())
		}
		if err := sizes.sample(steps); err != nil {
			return err
		}
		frames, err := encodeAll(codec, steps)
		if err != nil {
			return err
		}
		for _, part := range frames {
			if _, err := out.Write(part); err != nil {
				return err
			}
			w.Bytes += int64(len(part))
		}
	}
	w.Bytes -= recordHeaderBytes * int64(w.Commands)
	w.EventKeyBytes, w.EventBytes = sizes.means()
	w.Expected = s.state
	return nil
}

// encodeAll encodes steps on all cores; the parts follow one another in the steps' order.
func encodeAll(codec *serde.Codec, steps []step) ([][]byte, error) {
	share := (len(steps) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	parts := make([][]byte, 0, runtime.GOMAXPROCS(0))
	var g errgroup.Group
	for from := 0; from < len(steps); from += share {
		mine := steps[from:min(from+share, len(steps))]
		parts = append(parts, nil)
		part := &parts[len(parts)-1]
		g.Go(func() (err error) {
			*part, err = encode(codec, mine)
			return err
		})
	}
	return parts, g.Wait()
}

func encode(codec *serde.Codec, steps []step) ([]byte, error) {
	var out, fields []byte
	for i := range steps {
		s := &steps[i]
		var wire string
		wire, fields = asJSON(fields[:0], s.command)
		frame, err := codec.CommandFromJSON(wire, s.meta, fields)
		if err != nil {
			return nil, fmt.Errorf("command %d: %w", s.number, err)
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(s.account))
		out = binary.LittleEndian.AppendUint32(out, uint32(len(frame)))
		out = append(out, frame...)
	}
	return out, nil
}

// asJSON appends a command's fields as ingest takes them, and returns its wire name. Nothing in the stream's own strings
// needs an escape.
func asJSON(dst []byte, c account.Command) (wire string, fields []byte) {
	movement := func(amount int64, reference, channel string) []byte {
		return fmt.Appendf(dst, `{"amount":%d,"currency":%q,"reference":%q,"channel":%q}`, amount, currency, reference, channel)
	}
	switch c := c.(type) {
	case account.Open:
		return "bank.account.open", fmt.Appendf(dst, `{"customer_id":%q,"currency":%q}`, c.CustomerID, c.Currency)
	case account.Deposit:
		return "bank.account.deposit", movement(c.Amount, c.Reference, c.Channel)
	case account.Withdraw:
		return "bank.account.withdraw", movement(c.Amount, c.Reference, c.Channel)
	case account.Reserve, account.Capture, account.Release, account.Freeze, account.Unfreeze, account.Close:
	}
	panic(es.Unhandled(c)) // the script has no others
}
