// Package docs tries the command lines that documents tell people to type.
package docs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// Programs whose command lines are tried.
func programs() []string { return []string{"aggregator", "ingest", "projectors", "recount", "saga"} }

// bin builds the programs and returns the folder they are in.
func bin(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := tool(t, "build", "-o", dir+string(filepath.Separator), "recount/cmd/..."); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tool runs a command of the Go tool as this test was built: what it is made of need not be compiled again.
func tool(t *testing.T, name string, args ...string) error {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("this test does not know how it was built")
	}
	all := []string{name}
	for _, s := range info.Settings {
		if s.Key == "-race" || s.Key == "-tags" {
			all = append(all, s.Key+"="+s.Value)
		}
	}
	if out, err := exec.Command("go", append(all, args...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(all, " "), err, out)
	}
	return nil
}

// nowhere is a configuration that is not there. A program looks at its command, its flags and their values first, then for
// what they take; only then does it read this, and gives up. So nothing is begun, and every fault before that is told.
const nowhere = "there-is-no-such-file.yaml"

// accepted returns an error if the program in dir does not take these arguments.
func accepted(dir, program string, args ...string) error {
	run := exec.Command(filepath.Join(dir, program), args...)
	run.Env = []string{"RECOUNT_CONFIG=" + nowhere}
	var said bytes.Buffer
	run.Stdout, run.Stderr = &said, &said
	err := run.Run()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		return err
	}
	if !strings.Contains(said.String(), nowhere) {
		return fmt.Errorf("%s %s: %s", program, strings.Join(args, " "), strings.TrimSpace(said.String()))
	}
	return nil
}

// commandLines are those of Recount's programs in the code blocks of a Markdown text, as words.
func commandLines(text string) (lines [][]string) {
	for _, block := range regexp.MustCompile("(?ms)^ *```(\\w*)\n(.*?)^ *```$").FindAllStringSubmatch(text, -1) {
		if block[1] != "" && block[1] != "sh" {
			continue
		}
		for _, line := range strings.Split(strings.ReplaceAll(block[2], "\\\n", " "), "\n") {
			line = strings.TrimPrefix(strings.TrimSpace(line), "go run ./cmd/")
			if words := wordsOf(line); len(words) > 1 && slices.Contains(programs(), words[0]) {
				lines = append(lines, words)
			}
		}
	}
	return lines
}

// wordsOf are a line's words as a shell takes them, up to a comment, a pipe or a redirection.
func wordsOf(line string) (words []string) {
	for _, w := range regexp.MustCompile(`"[^"]*"|'[^']*'|[^\s"']+`).FindAllString(line, -1) {
		if strings.ContainsAny(w[:1], "#|>&;") {
			break
		}
		words = append(words, strings.Trim(w, `"'`))
	}
	return words
}

// TestDocumentsTellCommandsThatThereAre has the programs read every command line of the documents.
func TestDocumentsTellCommandsThatThereAre(t *testing.T) {
	t.Parallel()
	dir := bin(t)
	documents, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, path := range append(documents, filepath.Join("..", "README.md")) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range commandLines(string(raw)) {
			tried++
			if err := accepted(dir, words[0], words[1:]...); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d command lines were found: they are written otherwise by now", tried)
	}
	// The controls: what programs do not take is told.
	for _, wrong := range []string{
		"aggregator mvoe 3 --to worker-2", "aggregator move --to worker-2", "aggregator move 3 4 --to worker-2", "aggregator move 3 --at worker-2",
		"aggregator drain worker-2 --wait soon", "projectors parked realese account_history", "saga list --stuck=perhaps", "recount",
	} {
		words := strings.Fields(wrong)
		if accepted(dir, words[0], words[1:]...) == nil {
			t.Errorf("the control: %q was accepted", wrong)
		}
	}
}

// TestCommandLinesAreFound is the control of how they are looked for.
func TestCommandLinesAreFound(t *testing.T) {
	t.Parallel()
	got := commandLines("recount text\n```sh\nrecount status | grep x\nsaga retry a b --reason \"it's two words\" # why\nls\n```\n```go\nrecount nothing\n```\n```\ngo run ./cmd/ingest load \\\n  f.gz\n```\n")
	want := [][]string{{"recount", "status"}, {"saga", "retry", "a", "b", "--reason", "it's two words"}, {"ingest", "load", "f.gz"}}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q", got)
	}
}
