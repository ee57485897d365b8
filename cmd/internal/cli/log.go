package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// general are the flags of every command.
type general struct {
	level, format, file string
}

func (g *general) flags(f *Flags) {
	f.StringVar(&g.file, configFlag, "", "YAML `file` with values for flags by their names")
	f.StringVar(&g.level, "log-level", "info", "`level` from which on to log: debug, info, warn or error")
	f.StringVar(&g.format, "log-format", "text", "`format` of the log: text, or json for machines")
	f.Group(groupGeneral, configFlag, "log-level", "log-format")
}

func (g *general) validate() error {
	var level slog.Level
	var faults []error
	if err := level.UnmarshalText([]byte(g.level)); err != nil {
		faults = append(faults, fmt.Errorf("--log-level: %q is none of debug, info, warn and error", g.level))
	}
	if g.format != "text" && g.format != "json" {
		faults = append(faults, fmt.Errorf("--log-format: %q is neither text nor json", g.format))
	}
	return errors.Join(faults...)
}

// logger writes to out. A person at a terminal knows the day.
func (g *general) logger(out io.Writer) *slog.Logger {
	var level slog.Level
	level.UnmarshalText([]byte(g.level)) //nolint:errcheck // validate has tried it
	opts := &slog.HandlerOptions{Level: level}
	if g.format == "json" {
		return slog.New(slog.NewJSONHandler(out, opts))
	}
	if IsTerminal(out) {
		opts.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				a.Value = slog.StringValue(a.Value.Time().Format("15:04:05.000"))
			}
			return a
		}
	}
	return slog.New(slog.NewTextHandler(out, opts))
}

// IsTerminal says whether a person looks at what is written to w.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
