package embedded_test

import (
	"strings"
	"sync"
	"testing"

	"recount/internal/embedded"
)

// TestDataDirHasOneUser starts each service twice on one folder.
func TestDataDirHasOneUser(t *testing.T) {
	t.Parallel()
	clickHouse := embedded.ClickHouseOptions{DataDir: t.TempDir()}
	kafka := embedded.KafkaOptions{DataDir: t.TempDir()}
	registry := embedded.RegistryOptions{DataDir: t.TempDir()}
	startClickHouse(t, clickHouse)
	startKafka(t, kafka)
	startRegistry(t, registry)

	var group sync.WaitGroup // together, because each waits a while for the folder
	for name, again := range map[string]func() error{
		"ClickHouse": func() error { _, err := embedded.StartClickHouse(soon(t), clickHouse); return err },
		"Kafka":      func() error { _, err := embedded.StartKafka(kafka); return err },
		"Kafka, in a process of its own": func() error {
			_, err := embedded.StartKafkaProcess(soon(t), kafka)
			return err
		},
		"schema registry": func() error { _, err := embedded.StartRegistry(registry); return err },
	} {
		group.Go(func() {
			service, _, _ := strings.Cut(name, ",")
			if err := again(); err == nil || !strings.Contains(err.Error(), "is in use: the embedded "+service+" of process") {
				t.Errorf("a second %s on the same folder: %v", name, err)
			}
		})
	}
	group.Wait()
}
