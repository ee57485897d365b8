package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/internal/es"
)

func diagramCommand() *cobra.Command {
	return cli.Command{
		Use: "diagram SAGA", Short: "Draw a saga's state machine, in Mermaid",
		Long: `
Writes a saga's state machine as a Mermaid diagram, made from the machine itself. docs/sagas has them all.`,
		Example: `
  saga diagram money_transfer
  saga diagram money_transfer > money_transfer.mmd`,
		Args: cli.Takes("SAGA"),
		Run: func(_ context.Context, in *cli.Process) error {
			of, err := named("", in.Args[0])
			if err != nil {
				return err
			}
			_, err = io.WriteString(in.Stdout, draw(of.process.Machine()))
			return err
		},
	}.Cobra()
}

// draw writes a machine as a Mermaid state diagram: forward from top to bottom, and back where something is undone.
func draw(m es.Machine) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "    "+format+"\n", args...) }
	b.WriteString("stateDiagram-v2\n")
	node := func(name string) string { return cmp.Or(name, "[*]") }
	for _, e := range m.Edges() {
		line("%s --> %s: %s", node(e.From), node(e.To), e.Why)
	}
	for _, s := range m.Steps {
		if note := noteOf(s); note != "" {
			line("note right of %s: %s", s.Name, note)
		}
	}
	return b.String()
}

func noteOf(s es.MachineStep) string {
	var notes []string
	if s.Final {
		notes = append(notes, "once it is done there is no way back")
	}
	if len(s.Awaits) > 0 {
		notes = append(notes, "answered by "+strings.Join(s.Awaits, ", "))
	}
	if s.DeadlineMillis > 0 {
		note := fmt.Sprintf("within %d s", s.DeadlineMillis/1000)
		if s.DeadlineVaries {
			note += " unless the instance has a time of its own"
		}
		notes = append(notes, note)
	}
	return strings.Join(notes, "; ")
}
