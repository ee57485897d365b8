package local

import (
	"syscall"
	"testing"
)

// KillClickHouse ends the child as a crash would, behind the back of those who watch it.
func KillClickHouse(t *testing.T, s *Services) {
	t.Helper()
	if err := syscall.Kill(s.clickhouse.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
