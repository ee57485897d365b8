package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/cmd/internal/cli"
	"recount/cmd/recount/verify"
	"recount/internal/kafka"
	"recount/internal/partition"
)

// TestVerify shows that a log holds, twice, and then that somebody has written into it.
func TestVerify(t *testing.T) {
	t.Parallel()
	up := startUp(t, "Ctrl-C", "--data", t.TempDir())
	t.Cleanup(up.end)
	account := up.url("HTTP") + "/v1/bank/account/acct-1/"
	for _, command := range [][2]string{
		{"open", `{"customer_id":"ada","currency":"EUR"}`}, {"deposit", `{"amount":5,"currency":"EUR"}`}, {"deposit", `{"amount":7,"currency":"EUR"}`},
	} {
		if code, answer := request(t, http.MethodPost, account+command[0], command[1]); code != http.StatusOK {
			t.Fatalf("%d %s", code, answer)
		}
	}
	anchor := filepath.Join(t.TempDir(), "heads.anchor")
	args := []string{"verify", "--kafka", up.url("Kafka"), "--registry", up.url("registry"), "--partitions", "4"}
	anchored := append(args, "--anchor", anchor)
	for _, want := range []string{"Anchor written", "Compared with the anchor"} {
		var out, errs output
		code := recount(t.Context(), &out, &errs, anchored...)
		if code != cli.ExitOK || !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "bank.processes") {
			t.Errorf("exit %d, want %q\n%s%s", code, want, out.String(), errs.String())
		}
	}

	writeAgain(t, up.url("Kafka"), "account/acct-1/2")
	var out, errs output
	code := recount(t.Context(), &out, &errs, append(anchored, "--json")...)
	var a verify.Answer
	if err := json.Unmarshal([]byte(out.String()), &a); err != nil {
		t.Fatalf("exit %d: %v\n%s%s", code, err, out.String(), errs.String())
	}
	if code != cli.ExitFailed || a.Holds || a.Broken != 1 || len(a.Breaks) != 1 || a.Breaks[0].ID != "acct-1" || a.Breaks[0].Version != 2 || a.Breaks[0].Do == "" {
		t.Errorf("exit %d: %+v", code, a)
	}
	var table output
	code = recount(t.Context(), &table, &errs, append(args, "--anchor", filepath.Join(t.TempDir(), "new.anchor"))...)
	if code != cli.ExitFailed || !strings.Contains(table.String(), "account acct-1 version 2: repeated") || !strings.Contains(table.String(), "No anchor is written") {
		t.Errorf("exit %d\n%s%s", code, table.String(), errs.String())
	}

	if err := os.WriteFile(anchor, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := recount(t.Context(), &out, &errs, anchored...); code != cli.ExitFailed || !strings.Contains(errs.String(), "is no anchor") {
		t.Errorf("a damaged anchor: exit %d\n%s", code, errs.String())
	}
	if code := recount(t.Context(), &out, &errs, append(args, "--context", "bnk", "--parallel", "-1")...); code != cli.ExitUsage {
		t.Errorf("mistakes: exit %d\n%s", code, errs.String())
	}
}

// writeAgain writes an event once more, behind the aggregator's back.
func writeAgain(t *testing.T, broker, key string) {
	t.Helper()
	cfg := kafka.Config{Brokers: []string{broker}}
	const topic = "bank.events"
	home := partition.Of(strings.Split(key, "/")[1], 4)
	extents, err := kafka.Extents(t.Context(), cfg, topic)
	if err != nil {
		t.Fatal(err)
	}
	out, err := kafka.NewProducer(cfg, kafka.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	span := kafka.Span{Topic: topic, Partition: home, Until: extents[topic][home].Stable}
	err = kafka.Replay(t.Context(), cfg, []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			if string(r.Key) != key {
				continue
			}
			again := kafka.Command{Topic: topic, Partition: home, Key: r.Key, Value: r.Value}
			if err := out.Produce(t.Context(), again, func(_ int32, _ int64, err error) {
				if err != nil {
					t.Error(err)
				}
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err = errors.Join(err, out.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
}
