package clickhouse

import (
	"fmt"
	"strings"
)

// split cuts a rendered file into its sections and those into statements, without comments and blank lines.
func split(text string) (Script, error) {
	var (
		script    Script
		section   *[]string
		statement []string
	)
	for number, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == tablesSection || trimmed == publicSection:
			if len(statement) > 0 {
				return Script{}, fmt.Errorf("line %d: a section begins inside a statement: end the one before with a semicolon", number+1)
			}
			section = &script.Public
			if trimmed == tablesSection {
				section = &script.Tables
			}
		case trimmed == "" || strings.HasPrefix(trimmed, "--"):
		case section == nil:
			return Script{}, fmt.Errorf("line %d: SQL before the first section: begin it with %q or %q", number+1, tablesSection, publicSection)
		case strings.HasSuffix(trimmed, ";"):
			statement = append(statement, strings.TrimSuffix(trimmed, ";"))
			*section = append(*section, strings.Join(statement, "\n"))
			statement = nil
		default:
			statement = append(statement, line)
		}
	}
	switch {
	case len(statement) > 0:
		return Script{}, fmt.Errorf("the last statement has no end: it needs a semicolon at the end of its line")
	case len(script.Tables) == 0:
		return Script{}, fmt.Errorf("no statement in section %q", tablesSection)
	case len(script.Public) == 0:
		return Script{}, fmt.Errorf("no statement in section %q", publicSection)
	}
	return script, nil
}
