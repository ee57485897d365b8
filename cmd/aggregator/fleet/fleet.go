// Package fleet holds the commands of the aggregator with which operators see and steer who decides which partition.
//
// It talks to Kafka alone, needs no registry, and decides nothing itself.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
	"recount/internal/worker/steer"
)

// Commands returns them.
func Commands() []*cobra.Command {
	return []*cobra.Command{partitionsCommand(), moveCommand(), drainCommand(), releaseCommand()}
}

// config is what all of them take.
type config struct {
	services cli.Services
	context  string
}

const contextDefault = "bank"

func (c *config) serviceFlags(f *cli.Flags) {
	c.services.Flags(f)
	for _, unused := range []string{"clickhouse", "database", "registry", "partitions"} { // a --config file that all programs share may name them
		if err := f.MarkHidden(unused); err != nil {
			panic(err) // declared a line above
		}
	}
}

// with hands each chosen context's steer to do. No context chosen: all.
func (c *config) with(ctx context.Context, in *cli.Process, do func(ctx context.Context, name string, s steer.Steer) error) error {
	from := role.Tool(in, c.services)
	from.WithoutSchemas = true
	return from.Do(ctx, func(ctx context.Context, f *role.Foundation) error {
		var names []string
		if c.context != "" {
			names = append(names, c.context)
		}
		contexts, err := f.Choose(names)
		if err != nil {
			return err
		}
		for _, bounded := range contexts {
			if err := do(ctx, bounded.Name, steerOf(f, bounded.Name)); err != nil {
				return err
			}
		}
		return nil
	})
}

func steerOf(f *role.Foundation, name string) steer.Steer {
	by := "somebody"
	if u, err := user.Current(); err == nil {
		by = u.Username
	}
	return steer.New(steer.Config{
		Kafka: f.Kafka, Context: name, Group: aggregator.Group(name), By: by, Now: time.Now,
		Inputs: []string{name + kafka.CommandsSuffix, name + kafka.DispatchSuffix}, Events: name + kafka.EventsSuffix,
	})
}

// partitionOf reads a partition's number.
func partitionOf(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, cli.Usagef("%q is not the number of a partition", text)
	}
	return int32(n), nil
}

// waiting is the limit of a command that waits for workers.
type waiting struct{ limit time.Duration }

const waitDefault = 5 * time.Minute

func (w *waiting) flags(f *cli.Flags) {
	f.DurationVar(&w.limit, "wait", w.limit, "`time` to wait at most; what was ordered by then stands, and the error says what to do")
}

func (w *waiting) validate() error {
	if w.limit <= 0 {
		return fmt.Errorf("--wait: %v is not a time to wait", w.limit)
	}
	return nil
}

var errWaited = errors.New("the time to wait is over")

func (w *waiting) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, w.limit, fmt.Errorf("%w (--wait %v)", errWaited, w.limit))
}
