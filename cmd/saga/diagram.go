package main

import (
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
	behind := map[string]bool{} // steps that others wait for
	for _, s := range m.Steps {
		for _, before := range s.After {
			behind[before] = true
		}
	}
	final := ""
	for _, s := range m.Steps {
		if len(s.After) == 0 {
			line("[*] --> %s: %s", s.Name, strings.Join(m.Starts, ", "))
		}
		for _, before := range s.After {
			line("%s --> %s: done", before, s.Name)
		}
		if !behind[s.Name] {
			line("%s --> [*]: completed", s.Name)
		}
		if s.Final {
			final = s.Name
		}
	}
	back(m, final, line)
	for _, s := range m.Steps {
		if note := noteOf(s); note != "" {
			line("note right of %s: %s", s.Name, note)
		}
	}
	return b.String()
}

// back draws the way back: from each step that may be refused, over what undoes the steps before it, in reverse.
func back(m es.Machine, final string, line func(string, ...any)) {
	target := "[*]"
	if m.Abandons {
		target = "abandon"
		line("abandon --> [*]: compensated")
	}
	why := "refused"
	if m.DeadlineMillis > 0 {
		why += fmt.Sprintf(", or %d s have passed", m.DeadlineMillis/1000)
	}
	if len(m.Stops) > 0 {
		why += ", or " + strings.Join(m.Stops, ", ")
	}
	for _, s := range m.Steps {
		line("%s --> %s: %s", s.Name, target, why)
		if s.Undone {
			line("undo_%s --> %s: undone", s.Name, target)
			target = "undo_" + s.Name
		}
		if s.Name == final {
			return // behind it there is no way back
		}
	}
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
