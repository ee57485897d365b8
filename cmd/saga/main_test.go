package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/cmd/internal/cli"
	"recount/domain"
)

var update = flag.Bool("update", false, "write the diagrams in docs/sagas")

// ask runs a command to its end and returns what it wrote.
func ask(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := cli.Program{Root: program(), Args: args, Stdout: &out, Stderr: &errs}
	return p.Run(ctx), out.String(), errs.String()
}

// TestDiagramsAreCurrent compares the diagrams in the documentation with the machines they are of.
func TestDiagramsAreCurrent(t *testing.T) {
	t.Parallel()
	for _, c := range domain.Contexts() {
		for _, p := range c.Processes {
			path := filepath.Join("..", "..", "docs", "sagas", c.Name+"."+p.Name()+".md")
			code, drawn, said := ask(t.Context(), "diagram", p.Name())
			if code != 0 {
				t.Fatal(said)
			}
			want := "# " + c.Name + "/" + p.Name() + "\n\nMade by `saga diagram " + p.Name() + "`; a test sees that it is current.\n\n```mermaid\n" + drawn + "```\n"
			if *update {
				if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Errorf("%s is not what the machine is: go test ./cmd/saga -run TestDiagrams -update", path)
			}
		}
	}
}

func TestWhatIsTypedWrongIsExplained(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		"there is no saga \"transfers\"; there are: bank/money_transfer": {"diagram", "transfers"},
		"is none of running":            {"list", "--state", "done"},
		"--wait":                        {"retry", "money_transfer", "t-1", "--wait=0s"},
		"there is no context \"banks\"": {"list", "--context", "banks"},
	} {
		if code, _, said := ask(t.Context(), args...); code == 0 || !strings.Contains(said, says) {
			t.Errorf("saga %s: %d, %s", strings.Join(args, " "), code, said)
		}
	}
}
