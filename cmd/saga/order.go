package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/es"
	"recount/internal/worker/instances"
)

// orderConfig is what saga retry and saga compensate are told.
type orderConfig struct {
	tool
	order  es.Order
	reason string
	wait   time.Duration
}

// Flags declares them.
func (c *orderConfig) Flags(f *cli.Flags) {
	f.StringVar(&c.reason, "reason", c.reason, "`words` for whoever reads the instance's history")
	f.DurationVar(&c.wait, "wait", c.wait, "`time` to wait until a worker has taken the order in")
	c.tool.Flags(f)
}

// Validate returns every fault.
func (c *orderConfig) Validate() error {
	var fault error
	if c.wait <= 0 {
		fault = fmt.Errorf("--wait: %v is no time to wait", c.wait)
	}
	return errors.Join(fault, c.tool.Validate())
}

const orderWait = 10 * time.Second

// described is an order as its command's help has it.
type described struct {
	order            es.Order
	use, short, long string
}

func retry() described {
	return described{es.OrderRetry, "retry SAGA ID", "Have what is stuck, or waits to be tried again, be sent now", `
Has an instance send what is stuck once more, or what failed and waits for its time. Mend the cause first: a refusal was an
answer, and will be the same.

What failed is sent under the same command ID, so that it is done once, whatever becomes of the first attempt. A dead letter
of a saga's command need not be sent again by hand.`}
}

func compensate() described {
	return described{es.OrderCompensate, "compensate SAGA ID", "Have an instance give up and undo what it did", `
Has an instance give up: it waits for the answers of what is under way, undoes what was done, and tells that it came to
nothing. Behind its final step there is no way back: the order is refused then.`}
}

func orderCommand(d described) *cobra.Command {
	cfg := &orderConfig{tool: newTool(), order: d.order, wait: orderWait}
	return cli.Command{
		Use: d.use, Short: d.short, Long: d.long,
		Example: fmt.Sprintf(`
  saga %[1]s money_transfer t-1
  saga %[1]s money_transfer t-1 --reason "the account was opened again"`, d.order),
		Args:   cli.Takes("SAGA", "ID"),
		Config: cfg,
		Run:    cfg.run,
	}.Cobra()
}

func (c *orderConfig) run(ctx context.Context, in *cli.Process) error {
	of, err := named(c.context, in.Args[0])
	if err != nil {
		return err
	}
	id := in.Args[1]
	return role.With(ctx, in, c.services, func(ctx context.Context, f *role.Foundation) error {
		history, err := historyOf(ctx, f, of, id)
		if err != nil {
			return err
		}
		log, end := logOf(f, in, of.context)
		end()
		ctx, cancel := context.WithTimeout(ctx, c.wait)
		defer cancel()
		answer, err := log.Order(ctx, of.context+"/"+of.process.Name()+"/"+id, es.CommandMeta{
			CommandID: uuid.NewString(), AggregateID: id, Actor: operator(), CorrelationID: history.Steps[0].Meta.CorrelationID,
		}, c.order, c.reason)
		switch {
		case errors.Is(err, instances.ErrNoAnswer):
			return fmt.Errorf("%w: see that saga run is running; the order is kept, and is carried out when it is", err)
		case err != nil:
			return err
		case answer.Refused != "":
			return fmt.Errorf("%s %s does not %s: %s", of.process.Name(), id, c.order, answer.Refused)
		}
		_, err = fmt.Fprintf(in.Stdout, "%s %s has taken the order in, at version %d\n", of.process.Name(), id, answer.Version)
		return err
	})
}

// operator is who gives orders here.
func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "operator"
}
