package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// load is a file on its way into a bank.
func load(t *testing.T, b *bank, name, content string, edit ...func(*LoadConfig)) (LoadResult, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := LoadConfig{Codec: b.codec, Contexts: []string{"bank"}, Partitions: testPartitions, Publisher: b, Path: path, Actor: "loader"}
	for _, e := range edit {
		e(&cfg)
	}
	return Load(t.Context(), cfg)
}

func depositLine(id, commandID string, amount int) string {
	return fmt.Sprintf(`{"type":"bank.account.deposit","id":%q,"command_id":%q,"data":{"amount":%d,"currency":"EUR","reference":"r"}}`, id, commandID, amount)
}

func deposits(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(depositLine(fmt.Sprint("acct-", i%7), fmt.Sprint("c-", i), i+1) + "\n")
	}
	return b.String()
}

func commandIDs(b *bank) (ids []string) {
	for _, m := range b.metas() {
		ids = append(ids, m.CommandID)
	}
	return ids
}

func TestEveryCommandOfAFileIsPublishedInItsOrder(t *testing.T) {
	t.Parallel()
	const n = 5000 // many chunks, so that encoders overtake each other
	b := newBank(t)
	res, err := load(t, b, "day.ndjson", deposits(n), func(c *LoadConfig) { c.Encoders = 8 })
	if err != nil {
		t.Fatal(err)
	}
	if res.Lines != n || res.Published != n || res.Rejected != 0 || res.ExitCode() != 0 {
		t.Errorf("%+v", res)
	}
	for i, id := range commandIDs(b) {
		if id != fmt.Sprint("c-", i) {
			t.Fatalf("in place %d came %s", i, id)
		}
	}
	if m := b.metas()[0]; m.Actor != "loader" || m.ReplyTo != "" {
		t.Errorf("meta %+v", m)
	}
	for _, c := range b.commands() {
		if c.Topic != "bank.commands" || c.Partition < 0 || c.Partition >= testPartitions {
			t.Fatalf("published to %s/%d", c.Topic, c.Partition)
		}
	}
	if _, err := os.Stat(res.RejectedPath); !os.IsNotExist(err) {
		t.Errorf("there is a file of rejected lines, though there are none: %v", err)
	}
}

func packed(t *testing.T, content string, with func(io.Writer) (io.WriteCloser, error)) string {
	t.Helper()
	var b bytes.Buffer
	w, err := with(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipped(t *testing.T, content string) string {
	return packed(t, content, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

func TestPackedFilesAreKnownByTheirContent(t *testing.T) {
	t.Parallel()
	const n = 300
	plain := deposits(n)
	zst := packed(t, plain, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) })
	half := len(plain[:strings.Index(plain, "c-150")]) - len(`{"type":"bank.account.deposit","id":"acct-3","command_id":"`)
	for name, content := range map[string]string{
		"plain.ndjson": plain, "plain.gz": plain, "a.ndjson.gz": gzipped(t, plain), "a.ndjson.zst": zst, "a.ndjson": gzipped(t, plain), "b.ndjson": zst,
		"joined.gz": gzipped(t, plain[:half]) + gzipped(t, plain[half:]),
	} {
		b := newBank(t)
		if res, err := load(t, b, name, content); err != nil || res.Published != n || res.Lines != n {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		b = newBank(t)
		res, err := load(t, b, "unused", "", func(c *LoadConfig) {
			c.Path, c.Stdin = "-", strings.NewReader(content)
			c.RejectedPath = filepath.Join(t.TempDir(), "r")
		})
		if err != nil || res.Published != n {
			t.Errorf("%s from stdin: %+v, %v", name, res, err)
		}
	}
}

func TestAPackedFileThatIsCutOffStopsTheLoad(t *testing.T) {
	t.Parallel()
	whole := gzipped(t, deposits(10_000))
	b := newBank(t)
	res, err := load(t, b, "cut.gz", whole[:len(whole)/2])
	if err == nil || !strings.Contains(err.Error(), "unexpected EOF") || !strings.Contains(err.Error(), "To go on") {
		t.Fatalf("%+v, %v", res, err)
	}
	if res.Published == 0 || int(res.Published) != len(b.commands()) {
		t.Errorf("%d lines are said to be published, %d are", res.Published, len(b.commands()))
	}
	for name, content := range map[string]string{"gzip": "\x1f\x8bgarbage", "zstd": "\x28\xb5\x2f\xfdgarbage"} {
		if res, err := load(t, newBank(t), "x", content); err == nil {
			t.Errorf("garbage that begins like %s: %+v", name, res)
		}
	}
}

func TestLinesWithoutAnIDAreTheSameCommandsWhenLoadedAgain(t *testing.T) {
	t.Parallel()
	line := `{"type":"bank.account.deposit","id":"a","data":{"amount":1,"currency":"EUR","reference":"r"}}` + "\n"
	ids := map[string][]string{}
	for name, content := range map[string]string{
		"day.ndjson": line + line, "day.ndjson.gz": gzipped(t, line+line), "night.ndjson": line + line,
	} {
		b := newBank(t)
		if _, err := load(t, b, name, content); err != nil {
			t.Fatal(err)
		}
		ids[name] = commandIDs(b)
	}
	if day := ids["day.ndjson"]; day[0] == day[1] {
		t.Error("the same line twice in a file is one command")
	}
	if !slices.Equal(ids["day.ndjson"], ids["day.ndjson.gz"]) {
		t.Error("packing the file makes other commands of its lines")
	}
	if slices.Equal(ids["day.ndjson"], ids["night.ndjson"]) {
		t.Error("another file's lines are the same commands")
	}
	b := newBank(t)
	if _, err := load(t, b, "moved", line+line, func(c *LoadConfig) { c.SourceName = "day.ndjson" }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(commandIDs(b), ids["day.ndjson"]) {
		t.Error("the given name of the source is not heeded")
	}
}

// rejectedLines reads a file of rejected lines.
func rejectedLines(t *testing.T, path string) (out []rejection) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for dec := json.NewDecoder(f); ; {
		var r rejection
		if err := dec.Decode(&r); err == io.EOF {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
}

func TestBadLinesOfEachKindAreSetAsideAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	bad := []struct{ text, field, says string }{
		{`{"type":"bank.account.deposit",`, "", "ends in the middle"},
		{`garbage`, "", "not JSON"},
		{`{"type":"bank.account.rob","id":"a","data":{}}`, "type", "bank.account.deposit"},
		{`{"type":"shop.order.place","id":"a","data":{}}`, "type", "there is no command"},
		{depositLine("a", "x", 1) + depositLine("a", "x", 1), "", "after top-level value"},
		{strings.Replace(depositLine("a", "x", 1), `:1,`, `:"1",`, 1), "amount", "whole number"},
		{strings.Replace(depositLine("a", "x", 1), `:1,`, `:9223372036854775808,`, 1), "amount", "out of range"},
		{strings.Replace(depositLine("a", "x", 1), `"amount":1`, `"amount":1,"amount":2`, 1), "amount", "twice"},
		{strings.Replace(depositLine("a", "x", 1), `"amount":1,`, ``, 1), "amount", "required"},
		{strings.Replace(depositLine("a", "x", 1), `"r"`, `"r","extra":1`, 1), "extra", "no such field"},
		{`{"type":"bank.account.deposit","id":"a","data":[1]}`, "data", "must be an object"},
		{depositLine("a", "", 1), "command_id", "empty"},
		{depositLine(strings.Repeat("x", 600), "x", 1), "id", "600"},
		{"{\"type\":\"\xff\"}", "", "UTF-8"},
		{depositLine("a", "x", 1) + strings.Repeat(" ", 3000), "", "longer than 2000"},
	}
	var content strings.Builder
	for i, l := range bad {
		fmt.Fprintf(&content, "%s\n%s\n", l.text, depositLine("a", fmt.Sprint("good-", i), 1))
	}
	b := newBank(t)
	res, err := load(t, b, "mixed.ndjson", content.String(), func(c *LoadConfig) { c.LineBytesMax = 2000 })
	if err != nil {
		t.Fatal(err)
	}
	if n := int64(len(bad)); res.Rejected != n || res.Published != n || res.Lines != 2*n || res.ExitCode() != 1 {
		t.Errorf("%+v", res)
	}
	if filepath.Base(res.RejectedPath) != "mixed.rejected.ndjson" {
		t.Errorf("they lie in %s", res.RejectedPath)
	}
	got := rejectedLines(t, res.RejectedPath)
	if len(got) != len(bad) {
		t.Fatalf("%d lines were set aside, want %d", len(got), len(bad))
	}
	for i, r := range got {
		if r.Line != int64(2*i+1) || r.Field != bad[i].field || !strings.Contains(r.Reason, bad[i].says) {
			t.Errorf("line %d: %+v, want %+v", 2*i+1, r, bad[i])
		}
		if r.Truncated {
			if r.Input != bad[i].text[:quotedBytesMax] {
				t.Errorf("line %d: the beginning is %q", r.Line, r.Input)
			}
		} else if r.Input+string(r.InputBytes) != bad[i].text {
			t.Errorf("line %d is not as it was: %q", r.Line, r.Input)
		}
	}
	for i, id := range commandIDs(b) {
		if id != fmt.Sprint("good-", i) {
			t.Errorf("in place %d came %s", i, id)
		}
	}
}

func TestRejectedLinesOfAnEarlierLoadAreForgotten(t *testing.T) {
	t.Parallel()
	old := filepath.Join(t.TempDir(), "r")
	for _, content := range []string{"bad\n", deposits(1)} {
		if err := os.WriteFile(old, []byte("of an earlier load"), 0o600); err != nil {
			t.Fatal(err)
		}
		res, err := load(t, newBank(t), "x.ndjson", content, func(c *LoadConfig) { c.RejectedPath = old })
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(old)
		if strings.Contains(string(text), "earlier") || os.IsNotExist(err) != (res.Rejected == 0) {
			t.Errorf("after %+v it holds %q, %v", res, text, err)
		}
	}
}

func TestWhereRejectedLinesGo(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"d/day.ndjson": "d/day.rejected.ndjson", "day.ndjson.gz": "day.rejected.ndjson", "day.ndjson.zst": "day.rejected.ndjson",
		"day.json": "day.json.rejected.ndjson", "-": "stdin.rejected.ndjson", "day.rejected.ndjson": "day.rejected.rejected.ndjson",
	} {
		if got := rejectedPath(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
