package pebble

import (
	"context"
	"fmt"
	"log/slog"
)

// logger passes Pebble's messages on. Its running commentary is for debugging.
type logger struct{ to *slog.Logger }

func (l logger) Infof(format string, args ...any)  { l.log(slog.LevelDebug, format, args) }
func (l logger) Errorf(format string, args ...any) { l.log(slog.LevelError, format, args) }

// Fatalf must not return. Pebble calls it when its files can no longer be trusted to take what was written, a full disk
// for one, and going on would acknowledge writes that are nowhere. A dead process is an ordinary event here: the next
// one goes on from what reached the disk.
func (l logger) Fatalf(format string, args ...any) {
	l.log(slog.LevelError, format, args)
	panic("state store: " + fmt.Sprintf(format, args...))
}

func (l logger) log(level slog.Level, format string, args []any) {
	ctx := context.Background()
	if l.to.Enabled(ctx, level) { // before formatting: at debug Pebble talks a lot
		l.to.Log(ctx, level, fmt.Sprintf(format, args...), "component", "pebble")
	}
}

// background reports a flush or a compaction that failed. Pebble tries again by itself.
func (l logger) background(err error) { l.Errorf("background error: %v", err) }
