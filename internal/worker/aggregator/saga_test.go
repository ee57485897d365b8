package aggregator_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"recount/domain/bank/account"
	"recount/domain/bank/transfer"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/es/saga"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

// processes is the configuration of a worker of the bank's sagas.
func (p *pipeline) processes(instance string, root statestore.Root) aggregator.Config {
	cfg := p.config(instance, root)
	codec := p.codec.Processes("bank")
	cfg.Codec, cfg.Outbox = codec, codec
	return cfg
}

// command publishes a command of any aggregate.
func (p *pipeline) command(wire, id, commandID, data string) {
	p.t.Helper()
	frame, err := p.codec.CommandFromJSON(wire, es.CommandMeta{AggregateID: id, CommandID: commandID}, []byte(data))
	if err != nil {
		p.t.Fatal(err)
	}
	p.raw(partition.Of(id, partitions), id, frame)
}

const (
	savers  = 8
	savings = 100
)

// fund opens accounts with money: the last is closed, and the one before holds dollars.
func (p *pipeline) fund() {
	for i := range savers {
		id, currency := fmt.Sprint("acct-", i), "EUR"
		if i == savers-2 {
			currency = "USD"
		}
		p.command("bank.account.open", id, "open", fmt.Sprintf(`{"customer_id":"ada","currency":%q}`, currency))
		if i < savers-1 {
			p.command("bank.account.deposit", id, "fund", fmt.Sprintf(`{"amount":%d,"currency":%q}`, savings, currency))
			continue
		}
		p.command("bank.account.close", id, "close", `{}`)
	}
}

// transfers requests count transfers between them, every tenth twice.
func (p *pipeline) transfers(tag string, count int) {
	for i := range count {
		from, to := i%(savers-2), (i+1+i/savers)%savers
		if from == to {
			to = (to + 1) % savers
		}
		id := fmt.Sprint(tag, "-", i)
		data := fmt.Sprintf(`{"from_account":"acct-%d","to_account":"acct-%d","amount":%d,"currency":"EUR","reference":"x"}`, from, to, 1+i%40)
		p.command("bank.transfer.request", id, "request", data)
		if i%10 == 0 {
			p.command("bank.transfer.request", id, "request-again", data)
		}
	}
	p.flush()
}

// books is what a log of the bank tells of money and transfers.
type books struct {
	money     map[string]int64           // by currency
	transfers map[string]transfer.Status // by ID
	moved     map[string]int64           // by transfer: what left its accounts, less what came
	arrived   map[string]int64
	asked     map[string]int64
}

// readBooks adds a log up. Movements name their transfer by the process that sent them.
func readBooks(events []engine.Event) books {
	b := books{
		money: map[string]int64{}, transfers: map[string]transfer.Status{},
		moved: map[string]int64{}, arrived: map[string]int64{}, asked: map[string]int64{},
	}
	for i := range events {
		of := events[i].Meta.Actor
		switch e := events[i].Body.(type) {
		case account.FundsDeposited:
			b.money[e.Currency] += e.Amount
			b.moved[of] -= e.Amount
			if e.Channel == transfer.Channel {
				b.arrived[of] += e.Amount
			}
		case account.FundsWithdrawn:
			b.money[e.Currency] -= e.Amount
			b.moved[of] += e.Amount
		case transfer.TransferRequested:
			b.transfers[events[i].Meta.AggregateID], b.asked[events[i].Meta.AggregateID] = transfer.StatusRequested, e.Amount
		case transfer.TransferCompleted:
			b.transfers[events[i].Meta.AggregateID] = transfer.StatusCompleted
		case transfer.TransferFailed:
			b.transfers[events[i].Meta.AggregateID] = transfer.StatusFailed
		}
	}
	return b
}

func (b books) open() (n int) {
	for _, s := range b.transfers {
		if s == transfer.StatusRequested {
			n++
		}
	}
	return n
}

// check says what is wrong once every transfer has ended.
func (b books) check() error {
	var faults []error
	if b.money["EUR"] != (savers-2)*savings || b.money["USD"] != savings {
		faults = append(faults, fmt.Errorf("the accounts hold %v", b.money))
	}
	for id, status := range b.transfers {
		of := "bank/money_transfer/" + id
		want := int64(0)
		if status == transfer.StatusCompleted {
			want = b.asked[id]
		}
		if status == transfer.StatusRequested || b.moved[of] != 0 || b.arrived[of] != want {
			faults = append(faults, fmt.Errorf("%s of %d is %s: %d arrived, %d is on its way", id, b.asked[id], status, b.arrived[of], b.moved[of]))
		}
	}
	return errors.Join(faults...)
}

// settled waits until n transfers have ended, and returns the books.
func (p *pipeline) settled(n int) books {
	p.t.Helper()
	var b books
	eventually(p.t, fmt.Sprint(n, " transfers to end"), func() bool {
		b = readBooks(p.events(0))
		return len(b.transfers) == n && b.open() == 0
	})
	return b
}

// histories folds the processes' own events, and checks what holds of any log.
func (p *pipeline) histories() map[string]saga.Phase {
	p.t.Helper()
	codec, process := p.codec.Processes("bank"), transfer.Saga()
	states, versions := map[string]any{}, map[string]int64{}
	for _, r := range p.log("bank.processes", 0) {
		e, err := codec.DecodeEvent(r.Value)
		if err != nil {
			p.t.Fatal(err)
		}
		id := e.Meta.AggregateID
		if versions[id]++; e.Meta.Version != versions[id] {
			p.t.Errorf("process %s: version %d in place %d", id, e.Meta.Version, versions[id])
		}
		if states[id] == nil {
			states[id] = process.Zero()
		}
		states[id] = process.Evolve(states[id], e.Body)
	}
	out := map[string]saga.Phase{}
	for id, s := range states {
		out[id] = s.(saga.Instance[transfer.Movement]).Phase
	}
	return out
}

// swollen sends commands that are larger than brokers take.
type swollen struct{ engine.Outbox }

func (s swollen) AppendCommand(dst []byte, meta *es.CommandMeta, c *es.Command) ([]byte, error) {
	out, err := s.Outbox.AppendCommand(dst, meta, c)
	return append(out, make([]byte, kafka.RecordBytesMax)...), err
}

func TestACommandOfASagaThatIsTooLargeCostsItsInput(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.start(p.config("w1", statestore.NewMem()))
	cfg := p.processes("s1", statestore.NewMem())
	cfg.Outbox = swollen{cfg.Outbox}
	p.start(cfg)
	p.fund()
	p.transfers("t", 1)
	letters := p.log("bank.dead-letters", 1)
	reason := ""
	for _, h := range letters[0].Headers {
		if h.Key == engine.HeaderReason {
			reason = string(h.Value)
		}
	}
	if len(letters) != 1 || reason != engine.ReasonTooLarge {
		t.Errorf("%d dead letters, the first for %q", len(letters), reason)
	}
}

func TestTransfersMoveMoney(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.start(p.config("w1", statestore.NewMem()))
	p.start(p.processes("s1", statestore.NewMem()))
	p.fund()
	p.transfers("t", 60)
	b := p.settled(60)
	if err := b.check(); err != nil {
		t.Error(err)
	}
	ends := map[transfer.Status]int{}
	for _, status := range b.transfers {
		ends[status]++
	}
	if ends[transfer.StatusCompleted] == 0 || ends[transfer.StatusFailed] == 0 {
		t.Errorf("the ends are %v: of both kinds there should be some", ends)
	}
	eventually(t, "every process to end", func() bool {
		for _, phase := range p.histories() {
			if !phase.Ended() {
				return false
			}
		}
		return len(p.histories()) == 60
	})
}

func TestTheBooksCheckNotices(t *testing.T) {
	t.Parallel()
	right := func() books {
		return books{
			money:     map[string]int64{"EUR": (savers - 2) * savings, "USD": savings},
			transfers: map[string]transfer.Status{"t": transfer.StatusCompleted}, asked: map[string]int64{"t": 5},
			arrived: map[string]int64{"bank/money_transfer/t": 5}, moved: map[string]int64{},
		}
	}
	if err := right().check(); err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]func(b books){
		"money that is gone":       func(b books) { b.money["EUR"]-- },
		"a transfer made twice":    func(b books) { b.arrived["bank/money_transfer/t"] = 10 },
		"money on its way":         func(b books) { b.moved["bank/money_transfer/t"] = 5 },
		"one that has not ended":   func(b books) { b.transfers["t"] = transfer.StatusRequested },
		"one that failed and came": func(b books) { b.transfers["t"] = transfer.StatusFailed },
	} {
		b := right()
		if wrong(b); b.check() == nil {
			t.Errorf("%s: nobody notices", name)
		}
	}
}

// TestTransfersSurviveBrokenEnds breaks the connections around the ends of both workers' transactions, so that each step of
// a transfer is, for some of them, the one whose outcome nobody heard; and both start again, with and without their stores.
func TestTransfersSurviveBrokenEnds(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"requests are lost": true, "answers are lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			deciding, processing := &faultyNet{every: 4, lost: lost}, &faultyNet{every: 3, lost: lost}
			p.fund()
			roots := [2]*statestore.Mem{statestore.NewMem(), statestore.NewMem()}
			const rounds, each = 3, 40
			for round := range rounds {
				decide, process := p.config("w1", roots[0]), p.processes("s1", roots[1])
				decide.Kafka.Dialer, process.Kafka.Dialer = deciding.dial, processing.dial
				decide.BatchMax, process.BatchMax = 20, 20
				w, s := p.start(decide), p.start(process)
				p.transfers(fmt.Sprint("round", round), each)
				eventually(t, "some transfers to end", func() bool {
					b := readBooks(p.events(0))
					return len(b.transfers)-b.open() >= round*each+each/2
				})
				if err := errors.Join(s.stop(), w.stop()); err != nil {
					t.Fatal(err)
				}
				if roots[0], roots[1] = roots[0].Reopen(), roots[1].Reopen(); round == 1 {
					roots[0], roots[1] = statestore.NewMem(), statestore.NewMem()
				}
			}
			p.start(p.config("w1", roots[0]))
			p.start(p.processes("s1", roots[1]))
			if err := p.settled(rounds * each).check(); err != nil {
				t.Error(err)
			}
			p.histories()
			if deciding.broke.Load() < 3 || processing.broke.Load() < 3 {
				t.Errorf("%d and %d connections were broken: the test shows nothing", deciding.broke.Load(), processing.broke.Load())
			}
		})
	}
}

// TestATimerOutlivesItsWorker has a worker die while a process waits for a timer, and another, which has nothing but the
// log, tell it.
func TestATimerOutlivesItsWorker(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.command("bank.account.open", "acct-0", "open", `{"customer_id":"ada","currency":"EUR"}`)
	p.command("bank.account.deposit", "acct-0", "fund", `{"amount":100,"currency":"EUR"}`)
	p.command("bank.transfer.request", "t", "request", `{"from_account":"acct-0","to_account":"nobody","amount":5,"currency":"EUR"}`)
	p.flush()
	first := p.start(p.config("w1", statestore.NewMem()))
	p.events(3)
	if err := first.stop(); err != nil { // nobody answers
		t.Fatal(err)
	}
	s := p.start(p.processes("s1", statestore.NewMem()))
	eventually(t, "the saga to have asked", func() bool { return len(p.read("bank.dispatch")) > 0 })
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	cfg := p.processes("s2", statestore.NewMem())
	cfg.Now = func() time.Time { return time.Now().Add(2 * transfer.DeadlineMillis * time.Millisecond) }
	p.start(cfg)
	eventually(t, "the timer in the inbox", func() bool {
		for _, r := range p.read("bank.processes") {
			if e, err := p.codec.Processes("bank").DecodeEvent(r.Value); err == nil && e.Type == "TimerFired" {
				return true
			}
		}
		return false
	})
	p.start(p.config("w2", statestore.NewMem()))
	eventually(t, "the transfer to fail", func() bool { return readBooks(p.events(0)).transfers["t"] == transfer.StatusFailed })
	if b := readBooks(p.events(0)); b.money["EUR"] != 100 {
		t.Errorf("the accounts hold %v", b.money)
	}
}
