package acceptance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/cmd/recount/archive"
	"recount/cmd/recount/verify"
)

// archivedLines is how much of the bank's books moves: its first months. All of them would show nothing more.
const archivedLines = 6_000

// TestTheBooksMoveToAnotherCluster exports a real bank's books from one cluster, brings them into another, and has the
// views made anew there: the balances, and the heads of all chains, are the same; and it goes on from there.
func TestTheBooksMoveToAnotherCluster(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	lines := bytes.SplitAfterN(unpacked(t, "berka-commands.ndjson.gz"), []byte("\n"), archivedLines+1)[:archivedLines]

	from := newFleet(t)
	from.start(aggregatorProgram)
	from.start(projectorsProgram)
	from.loads(bytes.Join(lines, nil))
	before := from.balances(archivedLines)
	if said := from.tool(archive.ExportCommand(), dir); !strings.Contains(said, "6,000 events") || !strings.Contains(said, "ok    Nothing was under way") {
		t.Fatalf("export says:\n%s", said)
	}
	was := from.verified()
	from.die(aggregatorProgram)
	from.die(projectorsProgram)

	to := newFleet(t)
	if said := to.tool(archive.ImportCommand(), dir, "--create-topics"); !strings.Contains(said, "6,000 events imported") {
		t.Fatalf("import says:\n%s", said)
	}
	if is, kept := to.verified(), to.verified("--archive", dir); is.HeadsSHA256 != was.HeadsSHA256 || kept.HeadsSHA256 != was.HeadsSHA256 || is.Heads != len(before) {
		t.Errorf("heads: %d %s, of the archive %s, imported %d %s", was.Heads, was.HeadsSHA256, kept.HeadsSHA256, is.Heads, is.HeadsSHA256)
	}
	to.start(aggregatorProgram)
	to.start(projectorsProgram)
	if after := to.balances(archivedLines); !maps.Equal(before, after) {
		t.Errorf("%d accounts hold something else than %d did", len(after), len(before))
	}

	// What was decided in the first cluster is known in the second; what is new is decided.
	more := append(bytes.Clone(lines[archivedLines-1]), []byte(`{"type":"bank.customer.register","id":"ada","command_id":"new","data":{"name":"Ada","email":"ada@example.org","address":{"street":"St James's Square 12","city":"London","country":"GB"}}}`+"\n")...)
	to.loads(more)
	db := views(t, to.services)
	eventuallyCounts(t, db, 1, "SELECT count() FROM customers")
	if n, err := count(t, db, "SELECT count() FROM events"); err != nil || n != archivedLines+1 {
		t.Errorf("%d events, want %d: %v", n, archivedLines+1, err)
	}
}

// loads publishes lines of commands.
func (f *fleet) loads(lines []byte) {
	f.t.Helper()
	loader := role.Tool(&cli.Process{Name: "acceptance", Log: slog.New(slog.DiscardHandler)}, f.services)
	loader.Topics = role.DefaultTopics() // whoever comes first makes them
	err := loader.Do(f.t.Context(), func(ctx context.Context, foundation *role.Foundation) error {
		_, err := load(ctx, foundation, bytes.NewReader(lines), filepath.Join(f.t.TempDir(), "rejected.ndjson"))
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// balances are those of all accounts, once the views have so many events.
func (f *fleet) balances(events int64) map[string]int64 {
	f.t.Helper()
	db := views(f.t, f.services)
	for _, view := range []string{"account_balances", "events"} { // which the projectors make
		eventually(f.t, view+" is there", func() error {
			_, err := count(f.t, db, "SELECT count() FROM "+view)
			return err
		})
	}
	eventuallyCounts(f.t, db, events, "SELECT sum(version) FROM account_balances")
	eventuallyCounts(f.t, db, events, "SELECT count() FROM events")
	var rows []struct {
		Account string `ch:"account_id"`
		Balance int64  `ch:"balance"`
	}
	if err := db.Select(f.t.Context(), &rows, "SELECT account_id, balance FROM account_balances"); err != nil || len(rows) == 0 {
		f.t.Fatalf("%d balances: %v", len(rows), err)
	}
	out := map[string]int64{}
	for _, r := range rows {
		out[r.Account] = r.Balance
	}
	return out
}

// tool runs a command of recount over the fleet's services, and returns what it says.
func (f *fleet) tool(c *cobra.Command, args ...string) string {
	f.t.Helper()
	said := &log{}
	c.SetOut(said)
	c.SetErr(said)
	c.SetArgs(append(args, "--kafka", f.services.Kafka[0], "--registry", f.services.Registry, "--partitions", strconv.Itoa(f.services.Partitions)))
	if err := c.ExecuteContext(f.t.Context()); err != nil {
		f.t.Fatalf("%s: %v\n%s", c.Name(), err, said)
	}
	return said.String()
}

func (f *fleet) verified(args ...string) (a verify.Answer) {
	f.t.Helper()
	if err := json.Unmarshal([]byte(f.tool(verify.Command(), append(args, "--json", "--quiet")...)), &a); err != nil {
		f.t.Fatal(err)
	}
	if !a.Holds || a.Heads == 0 {
		f.t.Errorf("%+v", a)
	}
	return a
}
