package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"recount/internal/embedded/embeddedtest"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

func TestWhichErrorsMayPass(t *testing.T) {
	t.Parallel()
	wrapped := func(err error) error { return fmt.Errorf("inserting: %w", err) }
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&ch.Exception{Code: 252}, true},  // too many parts
		{&ch.Exception{Code: 241}, true},  // memory limit
		{&ch.Exception{Code: 999}, true},  // keeper
		{&ch.Exception{Code: 60}, false},  // unknown table
		{&ch.Exception{Code: 497}, false}, // access denied
		{&ch.Exception{Code: 62}, false},  // syntax
		{&ch.HTTPError{StatusCode: 503, Err: errors.New("proxy")}, true},
		{&ch.HTTPError{StatusCode: 404, Err: errors.New("proxy")}, false},
		{&ch.HTTPError{StatusCode: 500, Err: &ch.Exception{Code: 252}}, true},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{io.ErrUnexpectedEOF, true},
		{context.DeadlineExceeded, true},
		{context.Canceled, false},
		{&net.OpError{Op: "read", Err: context.Canceled}, false},
		{errors.New("column amount: wrong type"), false},
	} {
		if got := transient(wrapped(c.err)); got != c.want {
			t.Errorf("%v: got %v", c.err, got)
		}
	}
}

func TestARangeIsGivenUpWhenItsLifetimeIsOver(t *testing.T) {
	t.Parallel()
	engine := embeddedtest.ClickHouse(t)
	db := openAt(t, engine.URL())
	f := newFixture()
	pace := testPace()
	pace.InsertLifetime = 400 * time.Millisecond
	retried := 0
	s := f.sink(t, db, SinkConfig{Pace: pace, Retried: func(string, error) { retried++ }})
	if err := engine.Kill(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := s.Insert(t.Context(), always, f.batch(0, 0, 9))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "is ClickHouse running") || retried == 0 {
		t.Errorf("got %v after %d repetitions", err, retried)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v to give up", took)
	}
}
