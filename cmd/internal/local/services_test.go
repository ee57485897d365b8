package local_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/local"
	"recount/internal/embedded"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	os.Exit(m.Run())
}

func start(t *testing.T, o local.Options) *local.Services {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s, err := local.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestAllServicesComeBackWithTheirData(t *testing.T) {
	t.Parallel()
	o := local.Options{DataDir: t.TempDir(), Start: local.All()}
	s := start(t, o)
	for _, service := range local.All() {
		conn, err := net.Dial("tcp", s.Address(service))
		if err != nil {
			t.Fatalf("%s: %v", service, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	ask(t, s, "CREATE DATABASE books")
	ask(t, s, "CREATE TABLE books.lines (n Int32) ENGINE = MergeTree ORDER BY n")
	ask(t, s, "INSERT INTO books.lines VALUES (7)")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, start(t, o), "SELECT n FROM books.lines"); got != "7\n" {
		t.Errorf("after a restart: %q", got)
	}
}

func ask(t *testing.T, s *local.Services, query string) string {
	t.Helper()
	response, err := http.Post("http://"+s.Address(local.ClickHouse), "text/plain", strings.NewReader(query))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", query, answer, err)
	}
	return string(answer)
}

func TestEachServiceStartsAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, service := range local.All() {
		s := start(t, local.Options{DataDir: dir, Start: []local.Service{service}}) // beside the others
		for _, other := range local.All() {
			if has := s.Address(other) != ""; has != (other == service) {
				t.Errorf("%s alone: %s has the address %q", service, other, s.Address(other))
			}
		}
		if _, err := os.Stat(filepath.Join(dir, string(service))); err != nil {
			t.Error(err)
		}
	}
}

func TestATakenPortNamesItsFlag(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	for _, service := range local.All() {
		_, err := local.Start(t.Context(), local.Options{
			DataDir: t.TempDir(), Start: []local.Service{service}, Ports: map[local.Service]int{service: port},
		})
		if err == nil || !strings.Contains(err.Error(), service.PortFlag()) || !strings.Contains(err.Error(), strconv.Itoa(port)) {
			t.Errorf("%s: %v", service, err)
		}
	}
}

// TestAFailedStartLeavesNothingBehind: what had started before the failure lets its folder go.
func TestAFailedStartLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, string(local.Registry)), nil, 0o600); err != nil { // a file where a folder belongs
		t.Fatal(err)
	}
	o := local.Options{DataDir: dir, Start: []local.Service{local.Kafka, local.Registry}}
	if _, err := local.Start(t.Context(), o); err == nil {
		t.Fatal("the registry started in a file")
	}
	start(t, local.Options{DataDir: dir, Start: []local.Service{local.Kafka}})
}

func TestTheSameDataIsUsedOnce(t *testing.T) {
	t.Parallel()
	o := local.Options{DataDir: t.TempDir(), Start: []local.Service{local.Kafka}}
	start(t, o)
	_, err := local.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), o.DataDir) {
		t.Errorf("a second instance: %v", err)
	}
}

func TestTheEndOfClickHouseIsNoticed(t *testing.T) {
	t.Parallel()
	s := start(t, local.Options{DataDir: t.TempDir(), Start: []local.Service{local.ClickHouse}})
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(stopped); err != nil {
		t.Errorf("nothing has ended: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	local.KillClickHouse(t, s)
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "ClickHouse") {
			t.Errorf("got %v", err)
		}
	case <-time.After(2 * time.Minute):
		t.Error("nobody noticed")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, s := range local.All() {
		if got, err := local.Parse(string(s)); err != nil || got != s {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	if _, err := local.Parse("kafak"); err == nil || !strings.Contains(err.Error(), "registry") {
		t.Errorf("got %v", err)
	}
}
