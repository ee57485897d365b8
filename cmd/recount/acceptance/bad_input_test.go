package acceptance_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
)

// mishap is something bad that reaches the pipeline, and how it shows.
type mishap struct {
	// happen sends it to the account, and returns what its sender was told.
	happen func(t *testing.T, w *whole, id string) string
	// told is part of that.
	told string
	// found counts, by the account, the one row that speaks of it in a view; empty: it never got that far.
	found string
}

// badInput sends bad input of every kind, each to an account of its own, and sees that the account goes on.
func badInput(t *testing.T, w *whole) {
	for name, m := range map[string]mishap{
		"malformed JSON":                 {overHTTP("deposit", `{"amount":`), "400 malformed", ""},
		"malformed JSON in a file":       {inFile(`{"type":"bank.account.deposit","id":"%s","data":{`), "exit 1: not JSON", ""},
		"unknown command":                {overHTTP("rob", `{}`), "404 unknown-command", ""},
		"unknown command in a file":      {inFile(`{"type":"bank.account.rob","id":"%s","data":{}}`), `exit 1: there is no command "bank.account.rob"`, ""},
		"wrong type":                     {overHTTP("deposit", `{"amount":"much","currency":"EUR"}`), "422 invalid-field", ""},
		"wrong type in a file":           {inFile(`{"type":"bank.account.deposit","id":"%s","data":{"amount":1.5,"currency":"EUR"}}`), "exit 1: a whole number", ""},
		"negative amount":                {overHTTP("deposit", `{"amount":-5,"currency":"EUR"}`), "409 account/amount-not-positive", refusal("account/amount-not-positive")},
		"a number no int64 holds":        {overHTTP("deposit", `{"amount":9223372036854775808,"currency":"EUR"}`), "422 invalid-field", ""},
		"a balance no int64 holds":       {overHTTP("deposit", fmt.Sprintf(`{"amount":%d,"currency":"EUR"}`, int64(math.MaxInt64))), "409 account/overflow", refusal("account/overflow")},
		"unknown schema ID":              {onTopic([]byte{0, 0x7f, 0xff, 0xff, 0xff, 'r', 'e', 's', 't'}), "published", deadLetter("unknown-schema")},
		"garbage bytes":                  {onTopic([]byte("\xde\xad\xbe\xef, and so on")), "published", deadLetter("undecodable")},
		"no bytes":                       {onTopic(nil), "published", deadLetter("undecodable")},
		"an event's schema in a command": {eventAsCommand, "published", deadLetter("unknown-command")},
		"oversized request":              {overHTTP("deposit", `{"reference":"`+strings.Repeat("x", 1<<20)+`"}`), "413 too-large", ""},
		"oversized line in a file":       {inFile(`{"id":"%s","type":"` + strings.Repeat("x", 2<<20) + `"}`), "exit 1: ", ""},
		"unknown flag":                   {typed(aggregatorProgram, "run", "--partition", "6"), "exit 2: Error: aggregator run has no flag --partition; did you mean --partitions", ""},
		"unreachable broker":             {typed(projectorsProgram, "run", "--kafka", "127.0.0.1:1"), "exit 1: Error: Kafka can't be reached: nothing listens on 127.0.0.1:1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := "bad-" + strings.NewReplacer(" ", "-", "'", "").Replace(name)
			w.command(t, id, "open", `{"customer_id":"ada","currency":"EUR"}`).expect(t, "open", 200)
			w.command(t, id, "deposit", `{"amount":700,"currency":"EUR"}`).expect(t, "deposit before", 200)
			if told := m.happen(t, w, id); !strings.Contains(told, m.told) {
				t.Errorf("told %q, want %q", told, m.told)
			}
			w.command(t, id, "deposit", `{"amount":77,"currency":"EUR"}`).expect(t, "deposit after", 200, "version", 3.0)
			eventuallyCounts(t, w.db, 777, "SELECT balance FROM account_balances WHERE account_id = ?", id)
			if m.found != "" {
				eventuallyCounts(t, w.db, 1, m.found, id)
			}
		})
	}
}

func refusal(code string) string {
	return "SELECT count() FROM refusals WHERE aggregate_id = ? AND outcome = 'refused' AND code = '" + code + "'"
}

func deadLetter(reason string) string {
	return "SELECT count() FROM dead_letters WHERE key = ? AND source_topic = 'bank.commands' AND reason = '" + reason + "'"
}

func overHTTP(command, body string) func(*testing.T, *whole, string) string {
	return func(t *testing.T, w *whole, id string) string {
		a := w.command(t, id, command, body)
		return fmt.Sprintf("%d %v", a.status, a.body["code"])
	}
}

// inFile puts a line among good ones, and loads them with the program.
func inFile(bad string) func(*testing.T, *whole, string) string {
	return func(t *testing.T, w *whole, id string) string {
		stem := filepath.Join(t.TempDir(), "commands")
		good := `{"type":"bank.account.open","id":"%s-%s","data":{"customer_id":"ada","currency":"EUR"}}`
		lines := []string{fmt.Sprintf(good, id, "before"), strings.Replace(bad, "%s", id, 1), fmt.Sprintf(good, id, "after")}
		if err := os.WriteFile(stem+".ndjson", []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		code, said := launch(t, ingestProgram, append([]string{"load", stem + ".ndjson"}, w.flags(t)...)...).ends(t)
		if !strings.Contains(said, "2 commands published") || !strings.Contains(said, "1 lines rejected") {
			t.Errorf("the program said: %s", said)
		}
		eventuallyCounts(t, w.db, 2, "SELECT count() FROM account_balances WHERE account_id IN (?, ?)", id+"-before", id+"-after")
		rejected, err := os.ReadFile(stem + ".rejected.ndjson")
		if err != nil {
			t.Fatal(err)
		}
		var why struct {
			Line   int
			Reason string
		}
		if err := json.Unmarshal(rejected, &why); err != nil || why.Line != 2 {
			t.Errorf("the rejected line is %.200s: %v", rejected, err)
		}
		return fmt.Sprintf("exit %d: %s", code, why.Reason)
	}
}

// flags are those that lead a program to the pipeline's services.
func (w *whole) flags(t *testing.T) []string {
	t.Helper()
	return []string{
		"--kafka", strings.Join(w.Services.Kafka, ","), "--registry", w.Services.Registry, "--clickhouse", w.Services.ClickHouse,
		"--partitions", strconv.Itoa(w.Services.Partitions),
	}
}

// onTopic writes bytes to the account's partition of the command topic, as any Kafka client could.
func onTopic(value []byte) func(*testing.T, *whole, string) string {
	return func(t *testing.T, w *whole, id string) string {
		t.Helper()
		producer, err := kafka.NewProducer(w.Kafka, kafka.ProducerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer producer.Close()
		answer := "published"
		err = producer.Produce(t.Context(), kafka.Command{
			Topic: "bank" + kafka.CommandsSuffix, Partition: partition.Of(id, int32(w.Services.Partitions)), Key: []byte(id), Value: value,
		}, func(_ int32, _ int64, err error) {
			if err != nil {
				answer = err.Error()
			}
		})
		if err == nil {
			err = producer.Flush(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if value != nil {
			eventuallyCounts(t, w.db, 1, "SELECT count() FROM dead_letters WHERE key = ? AND hex(value) = ?", id, fmt.Sprintf("%X", value))
		}
		return answer
	}
}

// eventAsCommand writes what is no command, though its schema is known.
func eventAsCommand(t *testing.T, w *whole, id string) string {
	t.Helper()
	frame, _, _, err := w.Codec.Context("bank").AppendEvent(nil, account.Type(), &es.Meta{AggregateID: id, CommandID: id}, account.AccountOpened{})
	if err != nil {
		t.Fatal(err)
	}
	return onTopic(frame)(t, w, id)
}

// typed runs a program with what somebody typed.
func typed(name string, args ...string) func(*testing.T, *whole, string) string {
	return func(t *testing.T, _ *whole, _ string) string {
		code, said := launch(t, name, args...).ends(t)
		return fmt.Sprintf("exit %d: %s", code, said)
	}
}
