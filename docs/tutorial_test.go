package docs

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"go/format"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// linesMax is how many lines of Go the tutorial promises to do with, tests aside.
const linesMax = 99

// lesson is what the tutorial has its reader do: files to make, a file to change, requests and a question with their answers.
type lesson struct {
	files    map[string]string // by path from the module's root
	edited   string            // the file to change
	diff     string
	requests []exchange
	query    string
	rows     string
}

// exchange is a request by curl, and members that its answer must have.
type exchange struct {
	path, body, answer string
	headers            [][2]string
}

// TestTheTutorialWorks builds recount with the files of docs/tutorial.md laid over the sources, and does what it says.
func TestTheTutorialWorks(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lessonOf(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	l.isSmall(t)
	overlay := l.overlay(t)
	if err := passes(t, overlay); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "recount")
	if err := tool(t, "build", "-overlay", overlay, "-o", program, "recount/cmd/recount"); err != nil {
		t.Fatal(err)
	}
	l.tryOn(t, start(t, program))
}

// passes runs the lesson's own tests. They are built first: the Go tool would run them in a folder that only the overlay has.
func passes(t *testing.T, overlay string) error {
	t.Helper()
	tests := filepath.Join(t.TempDir(), "loan.test")
	if err := tool(t, "test", "-c", "-vet=off", "-overlay", overlay, "-o", tests, "recount/domain/library/loan"); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tests, "-test.v").CombinedOutput()
	switch {
	case err != nil:
		return fmt.Errorf("the lesson's tests: %w\n%s", err, out)
	case !strings.Contains(string(out), "--- PASS: TestLoan/lend"):
		return fmt.Errorf("the lesson's tests tested nothing:\n%s", out)
	}
	return nil
}

// TestAWrongTutorialIsNoticed is the control: a rule the other way round, an answer that is not given, a page that tries nothing.
func TestAWrongTutorialIsNoticed(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	const rule = `es.Require(l.Reader == "", AlreadyLent)`
	if !strings.Contains(string(raw), rule) {
		t.Fatalf("the page has no %s", rule)
	}
	wrong, err := lessonOf(strings.Replace(string(raw), rule, `es.Require(l.Reader != "", AlreadyLent)`, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := passes(t, wrong.overlay(t)); err == nil || !strings.Contains(err.Error(), "--- FAIL: TestLoan/lend_twice") {
		t.Errorf("with a rule turned round: %v", err)
	}
	right, err := lessonOf(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]bool{
		`{"status":409,"code":"loan/already-lent","outcome":"refused","version":1,"more":true}`: true,
		`{"status":409,"code":"loan/not-lent","outcome":"refused","version":1}`:                 false,
		`{"status":200}`: false, `{}`: false,
	} {
		if err := right.requests[1].holds([]byte(given)); (err == nil) != want {
			t.Errorf("%s: %v", given, err)
		}
	}
	if _, err := lessonOf("`a.go`\n```go\npackage a\n```\n"); err == nil {
		t.Error("a page without anything to try was taken for a tutorial")
	}
	if _, err := applied("a\nb\n", " x\n+y\n"); err == nil {
		t.Error("a line was put behind one that is not there")
	}
}

// lessonOf reads a page: a block whose path stands above it is a file; a call of curl is a request, and the JSON below it
// what is answered; a question in SQL has its rows below it.
func lessonOf(page string) (lesson, error) {
	l := lesson{files: map[string]string{}}
	var last string
	for _, m := range regexp.MustCompile("(?ms)^(?:`(\\S+)`\n)?```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		path, language, text := m[1], m[2], m[3]
		kind := language
		switch {
		case path != "" && language == "diff":
			l.edited, l.diff = path, text
		case path != "":
			l.files[path] = text
		case strings.HasPrefix(text, "curl "):
			r := regexp.MustCompile(`^curl -s localhost:8080(\S+) .*-d '(.*)'\n$`).FindStringSubmatch(text)
			if r == nil {
				return l, fmt.Errorf("what does this ask for? %s", text)
			}
			e := exchange{path: r[1], body: r[2]}
			for _, h := range regexp.MustCompile(`-H '([^:]+): ([^']*)'`).FindAllStringSubmatch(text, -1) {
				e.headers = append(e.headers, [2]string{h[1], h[2]})
			}
			l.requests, kind = append(l.requests, e), "curl"
		case language == "json" && last == "curl":
			l.requests[len(l.requests)-1].answer = text
		case language == "sql":
			l.query = text
		case last == "sql":
			l.rows = text
		}
		last = kind
	}
	if len(l.files) == 0 || l.edited == "" || len(l.requests) < 3 || l.query == "" || l.rows == "" {
		return l, fmt.Errorf("the page has %d files, changes %q, tries %d requests and asks %q", len(l.files), l.edited, len(l.requests), l.query)
	}
	return l, nil
}

// isSmall holds the page to its promise, and its code to the format that all code has.
func (l lesson) isSmall(t *testing.T) {
	t.Helper()
	lines := 0
	for path, text := range l.files {
		if !strings.HasSuffix(path, ".go") {
			continue
		}
		if !strings.HasSuffix(path, "_test.go") {
			lines += strings.Count(text, "\n")
		}
		if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
			t.Errorf("%s is not formatted: %v", path, err)
		}
	}
	if lines > linesMax || lines == 0 {
		t.Errorf("it takes %d lines of Go, not less than a hundred", lines)
	}
}

// overlay writes the lesson's files to a folder, and where they stand in for which.
func (l lesson) overlay(t *testing.T) (path string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(root, l.edited))
	if err != nil {
		t.Fatal(err)
	}
	after, err := applied(string(before), l.diff)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	stands := map[string]string{}
	put := func(name, text string) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		stands[filepath.Join(root, filepath.FromSlash(name))] = file
	}
	put(l.edited, after)
	for name, text := range l.files {
		put(name, text)
	}
	text, err := json.Marshal(map[string]any{"Replace": stands})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// applied puts each line of a diff that is to be added behind the one that stands before it there.
func applied(text, diff string) (string, error) {
	behind := ""
	for line := range strings.Lines(diff) {
		switch line[0] {
		case ' ':
			behind = "\n" + line[1:]
		case '+':
			if strings.Count(text, behind) != 1 {
				return "", fmt.Errorf("%q is not there once, to put %q behind it", behind, line)
			}
			text = strings.Replace(text, behind, behind+line[1:], 1)
		}
	}
	return text, nil
}

// places are where a pipeline listens.
type places struct{ http, clickHouse string }

// start runs recount up until the test ends, and returns where it is.
func start(t *testing.T, program string) places {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	up := exec.CommandContext(ctx, program, "up", "--data", t.TempDir(), "--http-port=0", "--kafka-port=0", "--clickhouse-port=0", "--registry-port=0")
	up.Cancel = func() error { return up.Process.Signal(os.Interrupt) }
	up.WaitDelay = time.Minute
	var errs strings.Builder
	up.Stderr = &errs
	out, err := up.StdoutPipe()
	if err == nil {
		err = up.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := up.Wait(); err != nil && t.Failed() {
			t.Logf("recount up ended with %v:\n%s", err, errs.String())
		}
	})
	var at places
	for lines := bufio.NewScanner(out); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) > 1 && words[0] == "HTTP":
			at.http = words[1]
		case len(words) > 1 && words[0] == "ClickHouse":
			at.clickHouse = words[1]
		}
		if at.http != "" && at.clickHouse != "" {
			go func() { _, _ = io.Copy(io.Discard, out) }() // it must not wait for a reader
			return at
		}
	}
	t.Fatalf("recount up does not come up:\n%s", errs.String())
	return at
}

// tryOn makes the page's requests, and asks its question until the view has the answer.
func (l lesson) tryOn(t *testing.T, at places) {
	t.Helper()
	for _, e := range l.requests {
		if err := e.holds(post(t, at.http+e.path, e.body, e.headers...)); err != nil {
			t.Errorf("%s with %s: %v", e.path, e.body, err)
		}
	}
	var got string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = string(post(t, at.clickHouse+"/?database=recount", l.query)); got == l.rows {
			return
		}
	}
	t.Errorf("%s gives\n%s, not\n%s", l.query, got, l.rows)
}

func post(t *testing.T, url, body string, headers ...[2]string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		r.Header.Set(h[0], h[1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// holds returns nil if an answer has all that the page says it has, and perhaps more.
func (e exchange) holds(answer []byte) error {
	var want, got any
	if err := json.Unmarshal([]byte(e.answer), &want); err != nil {
		return fmt.Errorf("the page's answer: %w", err)
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return fmt.Errorf("%w in %s", err, answer)
	}
	if !has(got, want) {
		return fmt.Errorf("answered %s, and the page says %s", answer, e.answer)
	}
	return nil
}

// has says whether got is want, or has more members in some of its objects.
func has(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		for name, each := range want {
			ok = ok && has(object[name], each)
		}
		return ok
	case []any:
		list, ok := got.([]any)
		ok = ok && len(list) == len(want)
		for i := range want {
			ok = ok && has(list[i], want[i])
		}
		return ok
	}
	return reflect.DeepEqual(got, want)
}
