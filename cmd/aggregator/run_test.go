package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/internal/certificate/certificatetest"
	"recount/internal/embedded/embeddedtest"
)

// freeAddress is one on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func run(ctx context.Context, args ...string) (code int, stderr string) {
	var errs bytes.Buffer
	p := cli.Program{Root: program(), Args: args, Stdout: &errs, Stderr: &errs}
	return p.Run(ctx), errs.String()
}

func TestRunUntilToldToStop(t *testing.T) {
	t.Parallel()
	broker := embeddedtest.Kafka(t)
	registry := embeddedtest.Registry(t)

	state, health, shown := t.TempDir(), freeAddress(t), certificatetest.New(t, 1)
	args := []string{"run", "--state", state, "--kafka", broker.Addr(), "--registry", registry.URL(), "--partitions", "2", "--telemetry-addr", health,
		"--telemetry-cert", shown.Cert, "--telemetry-key", shown.Key}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan string, 1)
	go func() {
		code, said := run(ctx, args...)
		ended <- fmt.Sprint(code, " ", said)
	}()
	awaitReady(t, "https://"+health+"/readyz", &tls.Config{RootCAs: certificatetest.Trust(t, shown)}, ended)
	certificatetest.Listens(t, "https://"+health+"/metrics", shown)

	// A second worker can't have the same state.
	if code, said := run(t.Context(), append(args, "--telemetry-addr=")...); code != cli.ExitFailed || !strings.Contains(said, "another worker runs on --state") {
		t.Errorf("%d %s", code, said)
	}
	stop()
	if got := <-ended; !strings.HasPrefix(got, "0 ") || strings.Contains(got, "Error") {
		t.Errorf("stopped: %s", got)
	}
	if _, err := os.Stat(filepath.Join(state, "instance")); err != nil {
		t.Error(err)
	}
}

func awaitReady(t *testing.T, url string, trusted *tls.Config, ended <-chan string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: trusted, DisableKeepAlives: true}}
	deadline := time.After(time.Minute)
	for {
		if resp, err := client.Get(url); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case got := <-ended:
			t.Fatalf("ended before it was ready: %s", got)
		case <-deadline:
			t.Fatal("not ready")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestMistakesAreToldBeforeAnythingBegins(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state")
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--sesions=2"}, cli.ExitUsage, "did you mean --sessions?"},
		{[]string{"--sessions=0", "--batch=0"}, cli.ExitUsage, "2 things are wrong"},
		{[]string{"--telemetry-addr=0.0.0.0:9101"}, cli.ExitUsage, "--telemetry-token"},
		{[]string{"--telemetry-addr=", "--kafka=" + freeAddress(t)}, cli.ExitFailed, "Kafka can't be reached: nothing listens on"},
	} {
		began := time.Now()
		code, said := run(t.Context(), append([]string{"run", "--state", state}, c.args...)...)
		if code != c.code || !strings.Contains(said, c.says) || strings.Count(said, "Error:") != 1 {
			t.Errorf("%v: %d %s", c.args, code, said)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%v: it took %v to say so", c.args, took)
		}
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("a folder was made for nothing")
	}
}
