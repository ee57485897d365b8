package acceptance_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

const (
	berkaSeed = 1993
	// shuffled begins the IDs of the accounts whose entries come in any order; the others have the bank's own.
	shuffled = "shuffled-"
	inOrder  = ""
	// anyOverdraft lets every order of the entries through.
	anyOverdraft = 1_000_000_000_00
)

// realBooks loads a bank's books twice, once in the order of the world and once with each account's entries in any
// order, and asks for the balance of every account at the end of every day on which it moved.
func realBooks(t *testing.T, w *whole) {
	lines, books := unpacked(t, "berka-commands.ndjson.gz"), readBalances(t)
	sent := int64(bytes.Count(lines, []byte("\n")))
	for _, order := range [][]byte{lines, shuffle(t, lines)} {
		res, err := load(t.Context(), w.Foundation, bytes.NewReader(order), filepath.Join(t.TempDir(), "rejected.ndjson"))
		if err != nil || res.Published != sent {
			t.Fatalf("published %d of %d lines: %v", res.Published, sent, err)
		}
	}
	eventuallyCounts(t, w.db, 2*sent, "SELECT count() FROM account_history WHERE account_id LIKE '%berka-%'")
	eventuallyCounts(t, w.db, 2*sent, "SELECT sum(version) FROM account_balances WHERE account_id LIKE '%berka-%'")

	for _, question := range []string{asOf, wholeBook} {
		if wrong := books.compareDays(t, w, question, everyDay); wrong[inOrder] > 0 || wrong[shuffled] > 0 {
			t.Errorf("balances at the end of a day that are not the bank's: %v\n%s", wrong, question)
		}
	}
	books.compareLast(t, w)
	// The newest row by the time of recording is the tempting answer. It is right only while nothing is back-dated.
	wrong := books.compareDays(t, w, newestRecorded, everyTenthDay)
	if wrong[inOrder] > 0 || wrong[shuffled] == 0 {
		t.Errorf("the newest row recorded should be wrong for back-dated entries, and only for those: it is for %v", wrong)
	}
}

func unpacked(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "testdata", "berka", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(unzip)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// shuffle gives the places of each account's entries to its entries in another order, for accounts of another name that
// may be overdrawn. What opens an account stays first.
func shuffle(t *testing.T, lines []byte) []byte {
	t.Helper()
	var places []string            // whose entry is on each line
	entries := map[string][]line{} // of each account
	for scan := bufio.NewScanner(bytes.NewReader(lines)); scan.Scan(); {
		var l line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if l.Type == "bank.account.open" {
			l.Data["overdraft_limit"] = anyOverdraft
		}
		places = append(places, l.ID)
		entries[l.ID] = append(entries[l.ID], line{l.Type, shuffled + l.ID, shuffled + l.CommandID, l.ValidAt, l.Data})
	}
	rng := rand.New(rand.NewPCG(berkaSeed, berkaSeed))
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		rest := entries[id][1:]
		rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	}
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	for _, id := range places {
		if err := to.Encode(entries[id][0]); err != nil {
			t.Fatal(err)
		}
		entries[id] = entries[id][1:]
	}
	return out.Bytes()
}

// line is a command as a file has it.
type line struct {
	Type      string         `json:"type"`
	ID        string         `json:"id"`
	CommandID string         `json:"command_id"`
	ValidAt   string         `json:"valid_at"`
	Data      map[string]any `json:"data"`
}

// balances are what the bank itself says.
type balances struct {
	rows int
	days map[string]map[string]int64 // day → account → balance at its end
	last map[string]int64
}

func readBalances(t *testing.T) balances {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(unpacked(t, "berka-balances.csv.gz"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	b := balances{days: map[string]map[string]int64{}, last: map[string]int64{}}
	newest := map[string]string{}
	for _, r := range records[1:] {
		account, day := r[0], r[1]
		balance, err := strconv.ParseInt(r[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if b.days[day] == nil {
			b.days[day] = map[string]int64{}
		}
		b.rows++
		b.days[day][account] = balance
		if day > newest[account] {
			newest[account], b.last[account] = day, balance
		}
	}
	if b.rows < 20_000 {
		t.Fatalf("only %d balances were read", b.rows)
	}
	return b
}

// Questions for the balance of the bank's accounts at a moment.
const (
	asOf           = "SELECT account_id, balance FROM account_as_of(at = '%s') WHERE account_id LIKE '%%berka-%%'"
	wholeBook      = "SELECT account_id, balance FROM bank_as_of(at = '%s')"
	newestRecorded = "SELECT account_id, argMax(balance_after, (recorded_at, version)) AS balance FROM account_history " +
		"WHERE valid_at <= '%s' AND account_id LIKE '%%berka-%%' GROUP BY account_id"
)

const (
	everyDay      = 1
	everyTenthDay = 10
)

// compareDays counts, for both orders, the balances at the end of every nth day that are not the bank's by the answer
// to question.
func (b balances) compareDays(t *testing.T, w *whole, question string, nth int) (wrong map[string]int) {
	t.Helper()
	wrong = map[string]int{}
	for i, day := range slices.Sorted(maps.Keys(b.days)) {
		if i%nth != 0 {
			continue
		}
		midnight, err := time.Parse(time.RFC3339, day)
		if err != nil {
			t.Fatal(err)
		}
		lastMoment := midnight.Add(24*time.Hour - time.Millisecond).Format("2006-01-02 15:04:05.000")
		found := ask(t, w, fmt.Sprintf(question, lastMoment))
		for account, balance := range b.days[day] {
			for _, order := range []string{inOrder, shuffled} {
				if got, ok := found[order+account]; !ok || got != balance {
					wrong[order]++
				}
			}
		}
	}
	return wrong
}

// compareLast compares what the accounts hold now: all of them, and no others.
func (b balances) compareLast(t *testing.T, w *whole) {
	t.Helper()
	expected := map[string]int64{}
	for account, balance := range b.last {
		expected[inOrder+account], expected[shuffled+account] = balance, balance
	}
	found := ask(t, w, "SELECT account_id, balance FROM account_balances WHERE account_id LIKE '%berka-%'")
	if !maps.Equal(expected, found) {
		t.Errorf("%d accounts hold not what %d of the bank's do", len(found), len(expected))
	}
}

// ask returns the balances that a query answers with, by account.
func ask(t *testing.T, w *whole, query string) map[string]int64 {
	t.Helper()
	var rows []struct {
		Account string `ch:"account_id"`
		Balance int64  `ch:"balance"`
	}
	if err := w.db.Select(t.Context(), &rows, query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	found := map[string]int64{}
	for _, r := range rows {
		found[r.Account] = r.Balance
	}
	return found
}
