package clickhouse

import (
	"context"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"recount/internal/embedded/embeddedtest"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]struct {
		protocol  ch.Protocol
		addresses []string
		secure    bool
	}{
		"http://a":                           {ch.HTTP, []string{"a:8123"}, false},
		"https://ada:x@a, https://ada:x@b:1": {ch.HTTP, []string{"a:8443", "b:1"}, true},
		"tcp://a,tcp://b:9001,tcp://[::1]":   {ch.Native, []string{"a:9000", "b:9001", "[::1]:9000"}, false},
		"tcps://ada:x@a":                     {ch.Native, []string{"a:9440"}, true},
	} {
		o, err := Config{URL: url, Database: "d"}.options("d")
		if err != nil || o.Protocol != want.protocol || !slices.Equal(o.Addr, want.addresses) || (o.TLS != nil) != want.secure {
			t.Errorf("%s: got %+v, %v", url, o, err)
		}
	}
	for _, url := range []string{"", "http://", "ftp://a", "http://a,https://a", "http://a,tcp://a", "http://ada:x@a,http://a", "http://a,,http://b", "http://a\x7f:secret@b"} {
		if _, err := (Config{URL: url, Database: "d"}).options("d"); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v", url, err)
		}
	}
	if got := (Config{URL: "http://ada:secret@a,http://ada:secret@b"}).address(); strings.Contains(got, "secret") {
		t.Error(got)
	}
}

// TestPatienceWithTheSameMachine: what gets lost on a network is waited for less long than what a busy machine is late with.
func TestPatienceWithTheSameMachine(t *testing.T) {
	t.Parallel()
	for url, want := range map[string][2]time.Duration{
		"http://127.0.0.1:1":                {LocalTimeoutDefault, localDialTimeout},
		"http://localhost,http://[::1]:812": {LocalTimeoutDefault, localDialTimeout},
		"http://a":                          {QueryTimeoutDefault, dialTimeout},
		"http://127.0.0.1,http://a":         {QueryTimeoutDefault, dialTimeout},
	} {
		c := Config{URL: url}.withDefaults()
		o, err := c.options("d")
		if err != nil || c.QueryTimeout != want[0] || o.DialTimeout != want[1] {
			t.Errorf("%s: %v, %+v, %v", url, c.QueryTimeout, o, err)
		}
	}
	if c := (Config{URL: "http://127.0.0.1", QueryTimeout: time.Second}).withDefaults(); c.QueryTimeout != time.Second {
		t.Errorf("what was asked for is not kept: %v", c.QueryTimeout)
	}
}

// TestTLS connects to a server behind TLS, and to some that can't prove who they are. A minute is far more than a clear stop
// takes, and far less than what passes by itself is waited for.
func TestTLS(t *testing.T) {
	t.Parallel()
	engine := embeddedtest.ClickHouse(t)
	proxy := newFaulty(t, engine.URL(), quietTLS)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(t.TempDir(), "garbage.pem")
	if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), Config{URL: proxy.URL, Database: "tls", CAFile: ca})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Ping(t.Context()), db.Close()); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"a stranger's signature":    {Config{URL: proxy.URL}, "--clickhouse-ca"},
		"no TLS where TLS is asked": {Config{URL: strings.Replace(engine.URL(), "http:", "https:", 1), CAFile: ca}, "does the server speak TLS there"},
		"nobody to trust":           {Config{URL: proxy.URL, CAFile: garbage}, "there is no certificate"},
		"a file that is not there":  {Config{URL: proxy.URL, CAFile: ca + "x"}, "reading whom to trust"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			c.cfg.Database, c.cfg.ConnectTimeout = "tls", time.Hour
			_, err := Open(ctx, c.cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) || ctx.Err() != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

// quietTLS is a server behind TLS that does not print what strangers' handshakes come to.
func quietTLS(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	s.StartTLS()
	return s
}

// TestSeveralServers has the first of three not be there, and the second die.
func TestSeveralServers(t *testing.T) {
	t.Parallel()
	engine := embeddedtest.ClickHouse(t)
	dead, dying := cut(t, engine.URL()), cut(t, engine.URL())
	dead.Close()
	single := openAt(t, engine.URL())
	f, retried := newFixture(), 0
	g, err := single.EnsureView(t.Context(), f.view, testPace().Window(), single.render())
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), Config{URL: strings.Join([]string{dead.URL, dying.URL, engine.URL()}, ","), Database: single.Database()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	cfg := SinkConfig{Pace: testPace(), Retried: func(string, error) { retried++ }}
	if _, err := db.NewSink(t.Context(), f.view, g, cfg); !errors.Is(err, errNotReplicated) {
		t.Errorf("rows would be spread over several servers, and it said %v", err)
	}
	cfg.Without = GuardReplicas // there is one server behind all addresses
	s, err := db.NewSink(t.Context(), f.view, g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	insert(t, s, f.batch(0, 0, 9))
	dying.CloseClientConnections()
	dying.Close()
	insert(t, s, f.batch(0, 10, 19))
	if n, sum := count(t, single, "entries_g1"); n != 20 || sum != 190 {
		t.Errorf("%d rows, sum %d", n, sum)
	}
}
