// Package embeddedtest starts embedded services for a test, and ends them behind it: whatever the test's own cleanups
// do, they still find them there. A service that does not start, or ends by itself, fails the test.
//
// ClickHouse runs in a copy of the test's program: its TestMain calls embedded.RunIfChild first.
package embeddedtest

import (
	"errors"
	"testing"

	"recount/internal/embedded"
)

// Kafka starts a broker in this process.
func Kafka(t testing.TB) *embedded.Kafka {
	t.Helper()
	broker, err := embedded.StartKafka(embedded.KafkaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closeBehind(t, broker.Close)
	return broker
}

// Registry starts a schema registry in this process.
func Registry(t testing.TB) *embedded.Registry {
	t.Helper()
	registry, err := embedded.StartRegistry(embedded.RegistryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closeBehind(t, registry.Close)
	return registry
}

// ClickHouse starts an engine in a process and a folder of its own. Both are thrown away, so it is killed: no statement
// that a test left under way holds that up. How it stops is what embedded's own tests try.
func ClickHouse(t testing.TB) *embedded.ClickHouse {
	t.Helper()
	engine, err := embedded.StartClickHouse(t.Context(), embedded.ClickHouseOptions{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	closeBehind(t, func() error { return errors.Join(engine.Err(), engine.Kill()) })
	return engine
}

func closeBehind(t testing.TB, end func() error) {
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}
