// Package clickhouse holds the SQL of every view and turns it into the statements that make one generation of that view.
// It has no connection and runs nothing.
//
// A view has a file <view>.sql, and may have more, <view>.<part>.sql, that answer from its tables. A file is a
// text/template in two sections, each begun by a marker of its own line; a statement ends with a semicolon at the end of
// a line. The parts of a view are read in the order of their names, after its first file.
//
//	-- recount:tables   what one generation owns, under names that end in _g{{.Generation}} for life, because a
//	                    materialized view binds to names: tables and materialized views, IF NOT EXISTS
//	-- recount:public   the names analysts use: plain and parameterised views over that one generation, to be
//	                    replaced one by one (CREATE OR REPLACE VIEW) when a generation takes over
//
// A file may use
//
//	{{.Database}}            the database
//	{{.Generation}}          the generation, from 1
//	{{mergetree}}            the engine of a table that is only appended to
//	{{replacing "version"}}  the engine of a table that keeps the row with the highest version of each key
//	{{settings}}             what every table must set: a deduplication window (0 by default), durability, no statistics, a prompt removal of old parts
//
// A table needs an alias where COMMENT follows it, or the word is taken for one.
package clickhouse

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed *.sql
var files embed.FS

const (
	extension     = ".sql"
	tablesSection = "-- recount:tables"
	publicSection = "-- recount:public"
)

// Params are what a view's statements depend on.
type Params struct {
	// Database is a plain identifier.
	Database string
	// Generation counts the rebuilds of the view, from 1.
	Generation int
	// DedupWindow is how many inserts back, per table, a repeated insert is known. It must cover the inserts of the
	// longest takeover, or a range that was in already is inserted twice.
	DedupWindow int
}

// Script is what makes one generation of a view.
type Script struct {
	// Tables make its physical tables. They can be run again.
	Tables []string
	// Public point the public names at it. Each replaces one name.
	Public []string
}

// Views returns the names of the views that have a file, sorted.
func Views() ([]string, error) {
	names, err := fs.Glob(files, "*"+extension)
	if err != nil {
		return nil, fmt.Errorf("listing the views: %w", err)
	}
	for i, name := range names {
		names[i], _, _ = strings.Cut(name, ".")
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Render returns the statements of view under p.
func Render(view string, p Params) (Script, error) {
	if err := p.validate(); err != nil {
		return Script{}, fmt.Errorf("rendering view %s: %w", view, err)
	}
	text, err := read(view)
	if err != nil {
		return Script{}, fmt.Errorf("rendering view %s: %w", view, err)
	}
	script, err := render(view, text, p)
	if err != nil {
		return Script{}, fmt.Errorf("rendering view %s: %w", view, err)
	}
	return script, nil
}

// read returns a view's files, one after the other.
func read(view string) (string, error) {
	first, err := files.ReadFile(view + extension)
	if err != nil {
		return "", fmt.Errorf("no schemas/clickhouse/%s%s: %w", view, extension, err)
	}
	parts, err := fs.Glob(files, view+".*"+extension) // sorted
	if err != nil {
		return "", fmt.Errorf("looking for its other files: %w", err)
	}
	text := string(first)
	for _, part := range parts {
		more, err := files.ReadFile(part)
		if err != nil {
			return "", fmt.Errorf("reading one of its files: %w", err)
		}
		text += "\n" + string(more)
	}
	return text, nil
}

func render(view, text string, p Params) (Script, error) {
	t, err := template.New(view).Funcs(functions(p)).Parse(text)
	if err != nil {
		return Script{}, err
	}
	var out strings.Builder
	if err := t.Execute(&out, p); err != nil {
		return Script{}, err
	}
	return split(out.String())
}

// functions are what a file calls. ClickHouse would keep statistics of every column, which merges write and every question
// reads before it is planned, part by part: for one account that takes as long as the answer, and what is asked here has
// one plan.
//
// What merges leave behind is removed every second, and not every half a minute: then a table that takes a hundred inserts
// a second had a thousand parts to remove at once, ten files each, and all inserts stood still behind that for a second.
//
// A replicated cluster needs other engines and another name for the window: both are chosen here, so that no file changes.
func functions(p Params) template.FuncMap {
	return template.FuncMap{
		"mergetree": func() string { return "MergeTree" },
		"replacing": func(version string) string { return "ReplacingMergeTree(" + version + ")" },
		"settings": func() string {
			return fmt.Sprintf("non_replicated_deduplication_window = %d, fsync_after_insert = 1, fsync_part_directory = 1, auto_statistics_types = '', "+
				"cleanup_delay_period = 1, cleanup_delay_period_random_add = 0", p.DedupWindow)
		},
	}
}

func (p Params) validate() error {
	identifier := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	var problems []error
	if !identifier.MatchString(p.Database) {
		problems = append(problems, fmt.Errorf("database %q: use letters, digits and underscores, and no digit first", p.Database))
	}
	if p.Generation < 1 {
		problems = append(problems, fmt.Errorf("generation %d: they count from 1", p.Generation))
	}
	if p.DedupWindow < 1 {
		problems = append(problems, fmt.Errorf("deduplication window %d: without one, a range inserted again is there twice", p.DedupWindow))
	}
	return errors.Join(problems...)
}
