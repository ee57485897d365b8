package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/domain"
	"recount/internal/es"
	"recount/internal/worker/instances"
)

// found is a saga and its context.
type found struct {
	context string
	process es.Process
}

// named returns the saga that is meant, or an error that says which ones there are.
func named(context, name string) (found, error) {
	var known []string
	for _, c := range domain.Contexts() {
		for _, p := range c.Processes {
			if p.Name() == name && (context == "" || context == c.Name) {
				return found{c.Name, p}, nil
			}
			known = append(known, c.Name+"/"+p.Name())
		}
	}
	return found{}, cli.Usage(fmt.Errorf("there is no saga %q; there are: %s", name, strings.Join(known, ", ")))
}

// logOf is where the processes of a context are.
func logOf(f *role.Foundation, in *cli.Process, context string) (instances.Log, func()) {
	status := console.NewStatus(in.Stderr)
	return instances.Log{
		Kafka: f.Kafka, Codec: f.Codec.Processes(context), Context: context, Partitions: int32(f.Services.Partitions), Learn: f.Learn,
		Progress: func(read, total int64) {
			status.Say("read %s of %s records", console.Count(read), console.Count(total))
		},
	}, status.End
}

// tool is the configuration of a command that looks at sagas or steers them.
type tool struct {
	services cli.Services
	context  string
	json     bool
}

func newTool() tool { return tool{services: cli.DefaultServices()} }

// Flags declares them.
func (t *tool) Flags(f *cli.Flags) {
	f.StringVar(&t.context, "context", t.context, "`context` of the saga; empty: any")
	f.BoolVar(&t.json, "json", t.json, "answer as JSON")
	t.services.Flags(f)
	for _, unused := range []string{"clickhouse", "database"} { // a --config file that all programs share may name them
		if err := f.MarkHidden(unused); err != nil {
			panic(err) // declared a line above
		}
	}
}

// Validate returns every fault.
func (t *tool) Validate() error {
	var fault error
	if known := contextNames(); t.context != "" && !slices.Contains(known, t.context) {
		fault = fmt.Errorf("--context: there is no context %q; there are: %s", t.context, strings.Join(known, ", "))
	}
	return errors.Join(fault, t.services.Validate())
}

func contextNames() (names []string) {
	for _, c := range domain.Contexts() {
		names = append(names, c.Name)
	}
	return names
}
