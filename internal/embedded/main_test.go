package embedded_test

import (
	"context"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"recount/internal/embedded"
)

func TestMain(m *testing.M) {
	runRole()
	embedded.RunIfChild()
	os.Exit(m.Run())
}

// soon bounds what a test waits for.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
