package chhttp

import (
	"context"
	"log/slog"
	"time"
)

// commentSetting marks a query in system.processes, because the library gives no way to choose its ID. The client's
// own comment follows the mark.
const commentSetting = "log_comment"

// killInterval is how soon a kill is tried again that came before the query was in system.processes.
const killInterval = 100 * time.Millisecond

// killWhenGone kills the marked query when its client goes away. The returned function ends the watch, and is called
// when the query has ended. Only queries that read are watched: whether an INSERT got in is the deduplication token's
// business, and killing it would leave half of it.
func (s *Server) killWhenGone(ctx context.Context, mark string) (stop func()) {
	ended, watching := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watching)
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		for {
			if err := s.engine.kill(mark); err != nil {
				slog.Warn("could not kill the query of a client that has gone", "error", err)
			}
			select {
			case <-ended:
				return
			case <-time.After(killInterval):
			}
		}
	}()
	return func() {
		close(ended)
		<-watching
	}
}

// kill asks the marked query to stop and does not wait for it: KILL … SYNC never returns in the library.
func (e *Engine) kill(mark string) error {
	conn, err := e.open("", nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, _, err = conn.Query("KILL QUERY WHERE startsWith(Settings['"+commentSetting+"'], "+quoteText(mark)+") ASYNC", "Null", nil)
	return err
}
