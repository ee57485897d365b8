package cli_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
)

// closed is an address on which nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestReach(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := cli.Reach(t.Context(), "Kafka", "--kafka", closed(t), ln.Addr().String()); err != nil {
		t.Errorf("one of two brokers is enough: %v", err)
	}

	address := closed(t)
	began := time.Now()
	err = cli.Reach(t.Context(), "Kafka", "--kafka", address, "no-such-host.invalid:9092")
	if err == nil {
		t.Fatal("nobody answers there")
	}
	for _, want := range []string{"Kafka can't be reached", "nothing listens on " + address, "no-such-host.invalid:9092 has no such host", "is --kafka right?"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: without %q", err, want)
		}
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("said only after %v", took)
	}
}
