package transactions

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/kafka"
)

const patience = 3 * time.Minute

// endTxn is the API key of the request that ends a transaction.
const endTxn = 26

var errHeldBack = errors.New("the test holds ends of transactions back")

// unending is a network on which no transaction is ended.
func unending(ctx context.Context, network, host string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, host)
	return unendingConn{c}, err
}

type unendingConn struct{ net.Conn }

func (c unendingConn) Write(b []byte) (int, error) {
	if len(b) > 6 && binary.BigEndian.Uint16(b[4:]) == endTxn {
		return 0, errHeldBack
	}
	return c.Conn.Write(b)
}

// worker is a session that writes a transaction and can't end it.
func worker(t *testing.T, broker string) {
	t.Helper()
	cfg := kafka.Config{Brokers: []string{broker}}
	if err := kafka.EnsureTopics(t.Context(), cfg, []string{"bank"}, 2, kafka.Replication{}); err != nil {
		t.Fatal(err)
	}
	cfg.Dialer = unending
	s, err := kafka.OpenSession(t.Context(), kafka.SessionConfig{
		Config: cfg, Group: "recount.bank.aggregator", InstanceID: "w", TransactionalID: "worker-7", Inputs: []string{"bank.commands"},
		TransactionTimeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := s.Poll(ctx, 1); err != nil { // until the group has assigned: without that nothing is committed
		t.Fatal(err)
	}
	done := make(chan struct{})
	ending, stop := context.WithTimeout(t.Context(), patience)
	go func() {
		defer close(done)
		records := []*kafka.Record{{Topic: "bank.events", Partition: 1, Key: []byte("k"), Value: []byte("v")}}
		if committed, _ := s.Commit(ending, records, nil); committed {
			t.Error("it was committed")
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
}

func run(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	root := cli.Group("aggregator", "", "", "", ListCommand(), EndCommand())
	p := cli.Program{Root: root, Args: args, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs}
	return p.Run(t.Context()), out.String(), errs.String()
}

func list(t *testing.T, args ...string) []role.OpenTransaction {
	t.Helper()
	code, out, errs := run(t, "", append([]string{"transactions", "--json"}, args...)...)
	var found []role.OpenTransaction
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != cli.ExitOK {
		t.Fatalf("%d %v %s%s", code, err, out, errs)
	}
	return found
}

func TestListAndEnd(t *testing.T) {
	t.Parallel()
	broker := embeddedtest.Kafka(t)
	at := []string{"--kafka", broker.Addr()}
	if found := list(t, at...); len(found) != 0 {
		t.Errorf("without topics: %+v", found)
	}
	worker(t, broker.Addr())
	var found []role.OpenTransaction
	for deadline := time.Now().Add(patience); len(found) == 0 && time.Now().Before(deadline); {
		found = list(t, append(at, "--older-than=0s")...)
	}
	if len(found) != 1 || found[0].Topic != "bank.events" || found[0].Partition != 1 || found[0].Standing != kafka.TransactionRuns || !found[0].HoldsStable {
		t.Fatalf("%+v", found)
	}
	if young := list(t, at...); len(young) != 0 {
		t.Errorf("younger than the limit: %+v", young)
	}
	if code, table, _ := run(t, "", append(at, "transactions", "--older-than=0s")...); code != cli.ExitOK || !strings.Contains(table, "worker-7") || !strings.Contains(table, "end-transaction --topic bank.events --partition 1") {
		t.Errorf("%d\n%s", code, table)
	}

	number := strconv.FormatInt(found[0].ProducerID, 10)
	end := append(at, "end-transaction", "--topic=bank.events", "--partition=1", "--producer-id="+number)
	for _, c := range []struct {
		stdin, says string
		more        []string
	}{
		{number, "still runs it", nil},
		{number, "still runs it", []string{"--yes"}},
		{"", "not confirmed", []string{"--force"}},
		{"y\n", "not confirmed", []string{"--force"}},
	} {
		if code, _, errs := run(t, c.stdin, append(end, c.more...)...); code != cli.ExitFailed || !strings.Contains(errs, c.says) {
			t.Errorf("%v: %d %s", c.more, code, errs)
		}
	}
	if left := list(t, append(at, "--older-than=0s")...); len(left) != 1 {
		t.Fatalf("refused, and yet ended: %+v", left)
	}
	if code, out, errs := run(t, number+"\n", append(end, "--force")...); code != cli.ExitOK || !strings.Contains(out, "Ended") {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	if left := list(t, append(at, "--older-than=0s")...); len(left) != 0 {
		t.Errorf("after its end: %+v", left)
	}
	if code, _, errs := run(t, "", append(end, "--yes")...); code != cli.ExitFailed || !strings.Contains(errs, "no open transaction") {
		t.Errorf("ended already: %d %s", code, errs)
	}
}

func TestWhatToDoFollowsFromTheStanding(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for standing, want := range map[kafka.TransactionStanding]string{
		kafka.TransactionHangs: "aggregator end-transaction --topic x --partition 3 --producer-id 9", kafka.TransactionRuns: "--force",
		kafka.TransactionEnds: "wait", kafka.TransactionUnclear: "coordinator",
	} {
		tx := kafka.Transaction{Topic: "x", Partition: 3, ProducerID: 9, Standing: standing, LastWrite: now.Add(-time.Minute)}
		if standing == kafka.TransactionHangs {
			tx.Decision = kafka.DecidedCommit
		}
		if got := role.DescribeTransaction(tx, now); !strings.Contains(got.Do, want) || got.AgeSeconds != 60 {
			t.Errorf("%+v", got)
		}
		err := (&endConfig{}).allowed(tx)
		if allowed := err == nil; allowed != (standing == kafka.TransactionHangs) {
			t.Errorf("%s: %v", standing, err)
		}
		err = (&endConfig{Force: true}).allowed(tx)
		if allowed := err == nil; allowed != (standing == kafka.TransactionHangs || standing == kafka.TransactionRuns) {
			t.Errorf("%s with force: %v", standing, err)
		}
	}
}

func TestNobodyGuessesHowAHangingOneWasDecided(t *testing.T) {
	t.Parallel()
	tx := kafka.Transaction{Standing: kafka.TransactionHangs, Decision: kafka.DecidedUnknown}
	if err := (&endConfig{}).allowed(tx); !errors.Is(err, kafka.ErrDecisionUnknown) {
		t.Errorf("without force: %v", err)
	}
	if err := (&endConfig{Force: true}).allowed(tx); err != nil {
		t.Errorf("with force: %v", err)
	}
	if got := role.DescribeTransaction(tx, time.Now()); !strings.Contains(got.Do, "--force") {
		t.Errorf("%+v", got)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"transactions", "--older-than=-1s"}, {"end-transaction", "--topic=x", "--partition=0"}, {"end-transaction", "--topic=x", "--producer-id=0"},
	} {
		if code, _, errs := run(t, "", args...); code != cli.ExitUsage || !strings.Contains(errs, "Error:") {
			t.Errorf("%v: %s", fmt.Sprint(args), errs)
		}
	}
}
