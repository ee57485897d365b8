package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/internal/embedded/embeddedtest"
)

// ask runs a command to its end and returns what it wrote.
func ask(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := cli.Program{Root: program(), Args: args, Stdout: &out, Stderr: &errs}
	return p.Run(ctx), out.String(), errs.String()
}

// shownPartitions is a part of what aggregator partitions --json writes.
type shownPartitions []struct {
	Context    string
	Workers    []struct{ Name string }
	Partitions []struct {
		Partition int32
		Owner     string
		TakenOver bool `json:"taken_over"`
		Pinned    string
	}
}

func TestOperatorsSeeAndSteerWorkers(t *testing.T) {
	t.Parallel()
	broker := embeddedtest.Kafka(t)
	registry := embeddedtest.Registry(t)
	kafka := "--kafka=" + broker.Addr()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan string, 2)
	for _, name := range []string{"w1", "w2"} {
		go func() {
			code, said := run(ctx, "run", "--state", t.TempDir(), kafka, "--registry", registry.URL(), "--partitions=2", "--context=bank", "--instance", name, "--telemetry-addr=")
			ended <- fmt.Sprint(code, " ", said)
		}()
	}
	defer func() {
		stop()
		for range 2 {
			if got := <-ended; !strings.HasPrefix(got, "0 ") {
				t.Errorf("stopped: %s", got)
			}
		}
	}()
	shown := awaitShown(t, kafka)
	from, to := shown[0].Partitions[0].Owner, shown[0].Partitions[1].Owner

	code, said, errs := ask(ctx, "move", "0", "--to", to, kafka)
	if code != cli.ExitOK || !strings.Contains(said, "partition 0: "+from+" → "+to) {
		t.Errorf("move: %d %s%s", code, said, errs)
	}
	code, said, _ = ask(ctx, "partitions", kafka, "--context=bank")
	if code != cli.ExitOK || !strings.Contains(said, "owner") || !strings.Contains(said, "pinned to") {
		t.Errorf("partitions: %d %s", code, said)
	}
	if code, said, errs = ask(ctx, "release", "0", kafka); code != cli.ExitOK || !strings.Contains(said, to) {
		t.Errorf("release: %d %s%s", code, said, errs)
	}
	if code, said, errs = ask(ctx, "drain", to, kafka); code != cli.ExitOK || !strings.Contains(said, "owns nothing") {
		t.Errorf("drain: %d %s%s", code, said, errs)
	}
	if code, said, errs = ask(ctx, "drain", to, "--undo", kafka); code != cli.ExitOK || !strings.Contains(said, "may own") {
		t.Errorf("undo: %d %s%s", code, said, errs)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"move", "0", "--to=w9", kafka}, cli.ExitFailed, `"w9"; there are: w1, w2`},
		{[]string{"move", "7", "--to=w1", kafka}, cli.ExitFailed, "partitions 0 to 1, and no 7"},
		{[]string{"move", "x", "--to=w1", kafka}, cli.ExitUsage, "not the number of a partition"},
		{[]string{"move", "0", kafka}, cli.ExitUsage, "--to: which worker"},
		{[]string{"move", "0", "--to=w1", "--context=bnak", kafka}, cli.ExitUsage, `no context "bnak"`},
		{[]string{"move", "0", "--to=w1", "--wait=0s", kafka}, cli.ExitUsage, "--wait"},
		{[]string{"release", "1", kafka}, cli.ExitFailed, "pinned to nobody"},
		{[]string{"drain", "w9", kafka}, cli.ExitFailed, `"w9"`},
		{[]string{"drain", "w1", "--undo", kafka}, cli.ExitFailed, "not drained"},
	} {
		if code, _, errs := ask(ctx, c.args...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%v: %d %s", c.args, code, errs)
		}
	}
}

// awaitShown waits until two workers have taken over a partition of the bank each.
func awaitShown(t *testing.T, kafka string) shownPartitions {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		code, said, errs := ask(t.Context(), "partitions", "--json", "--context=bank", kafka)
		var shown shownPartitions
		if code == cli.ExitOK {
			if err := json.Unmarshal([]byte(said), &shown); err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			p := shown[0].Partitions
			if len(p) == 2 && p[0].TakenOver && p[1].TakenOver && p[0].Owner != p[1].Owner {
				return shown
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %d %s%s", code, said, errs)
		}
	}
}
