package transactions

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/internal/kafka"
)

// endConfig is what aggregator end-transaction is told.
type endConfig struct {
	cli.Services
	Topic      string
	Partition  int32
	ProducerID int64
	Force, Yes bool
}

// Flags declares them.
func (c *endConfig) Flags(f *cli.Flags) {
	f.StringVar(&c.Topic, "topic", "", "`name` of the topic it holds up")
	f.Int32Var(&c.Partition, "partition", c.Partition, "`number` of the partition")
	f.Int64Var(&c.ProducerID, "producer-id", c.ProducerID, "`number` of the producer, as aggregator transactions tells it")
	f.BoolVar(&c.Force, "force", false, "end one that its coordinator still runs, in all its partitions, and fence its worker; or, as an abort, one that hangs and of which it is not known how it was decided")
	f.BoolVar(&c.Yes, "yes", false, "do not ask")
	c.Services.Flags(f)
}

// Validate returns every fault.
func (c *endConfig) Validate() error {
	var faults []error
	check := func(ok bool, problem string) {
		if !ok {
			faults = append(faults, errors.New(problem))
		}
	}
	const where = ": aggregator transactions lists what there is"
	check(c.Topic != "", "--topic: a name is needed"+where)
	check(c.Partition >= 0, "--partition: a number is needed"+where)
	check(c.ProducerID >= 0, "--producer-id: a number is needed"+where)
	return errors.Join(append(faults, c.Services.Validate())...)
}

// EndCommand returns aggregator end-transaction.
func EndCommand() *cobra.Command {
	cfg := &endConfig{Services: cli.DefaultServices(), Partition: -1, ProducerID: -1}
	return cli.Command{
		Use: "end-transaction", Short: "End a transaction that nobody ends",
		Long: `
Ends one of the transactions that aggregator transactions lists.

One that hangs gets the marker that it lacks in the partition, as it was decided: a commit's, and its records are read from
then on; or an abort's, and they never are. The log that coordinators keep tells; where it does not, only --force ends it,
as an abort. Each of its partitions is ended by itself.

One that its coordinator still runs is left alone: it ends at its timeout. If its worker is dead for certain and nobody can
wait, --force has the coordinator abort it in all its partitions at once; a worker that is alive after all is fenced and
starts its session again. One whose markers are on their way, or whose coordinator does not answer, is never touched.

It shows the transaction and asks before it does anything; --yes answers for those who can't.`,
		Example: `
  aggregator end-transaction --topic bank.events --partition 3 --producer-id 4711`,
		Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			return tool(ctx, p, cfg.Services, func(ctx context.Context, f *role.Foundation) error { return cfg.end(ctx, p, f) })
		},
	}.Cobra()
}

// endPatience bounds the wait for the marker to show.
const endPatience = 30 * time.Second

func (c *endConfig) end(ctx context.Context, p *cli.Process, f *role.Foundation) error {
	found, err := kafka.OpenTransaction(ctx, f.Kafka, c.Topic, c.Partition, c.ProducerID)
	if err != nil {
		return err
	}
	out := console.New(p.Stdout)
	out.Table(Table([]role.OpenTransaction{role.DescribeTransaction(found, time.Now())}))
	if err := out.Err(); err != nil {
		return err
	}
	if err := c.allowed(found); err != nil {
		return err
	}
	if !c.Yes {
		if err := confirm(p, c.ProducerID); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, endPatience)
	defer cancel()
	if err := kafka.EndTransaction(ctx, f.Kafka, found, c.Force); err != nil {
		return err
	}
	out.Line("Ended. What was held up behind offset %d of %s/%d can be read.", found.StartOffset, c.Topic, c.Partition)
	return out.Err()
}

// allowed says no before anybody is asked. kafka.EndTransaction, which asks the cluster again, has the last word.
func (c *endConfig) allowed(t kafka.Transaction) error {
	switch {
	case t.Standing == kafka.TransactionHangs && t.Decision == kafka.DecidedUnknown && !c.Force:
		return fmt.Errorf("producer %d, transactional ID %q: %w", t.ProducerID, t.TransactionalID, kafka.ErrDecisionUnknown)
	case t.Standing == kafka.TransactionRuns && !c.Force:
		return fmt.Errorf("producer %d, transactional ID %s: %w", t.ProducerID, t.TransactionalID, kafka.ErrTransactionRuns)
	case t.Standing == kafka.TransactionEnds:
		return kafka.ErrTransactionEnds
	case t.Standing == kafka.TransactionUnclear:
		return kafka.ErrTransactionUnclear
	}
	return nil
}

// confirm has a person type the number of the producer. Who can't be asked has not agreed.
func confirm(p *cli.Process, producer int64) error {
	if _, err := fmt.Fprintf(p.Stderr, "Type the producer's number to end its transaction: "); err != nil {
		return err
	}
	answer, err := bufio.NewReader(p.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if strings.TrimSpace(answer) != strconv.FormatInt(producer, 10) {
		return errors.New("not confirmed, and nothing was done (--yes does not ask)")
	}
	return nil
}
