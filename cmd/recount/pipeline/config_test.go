package pipeline

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recount/cmd/internal/local"
)

func TestWhatIsOutsideIsNotStarted(t *testing.T) {
	t.Parallel()
	c := NewConfig(UsualPorts())
	if got := c.Embedded().Start; !slices.Equal(got, local.All()) {
		t.Errorf("without systems outside %v are started", got)
	}
	c.Services.Kafka = []string{"broker:9092"}
	c.Services.ClickHouse = "http://db:8123"
	if got := c.Embedded().Start; !slices.Equal(got, []local.Service{local.Registry}) {
		t.Errorf("%v are started", got)
	}
	if got := c.Embedded(local.ClickHouse).Start; !slices.Equal(got, []local.Service{local.ClickHouse}) {
		t.Errorf("--only clickhouse starts %v", got)
	}
	all := c.reachable(func(s local.Service) string { return "127.0.0.1:" + string(s) })
	if all.Kafka[0] != "broker:9092" || all.ClickHouse != "http://db:8123" || all.Registry != "http://127.0.0.1:registry" {
		t.Errorf("got %+v", all)
	}
}

func TestEveryServiceHasItsOwnPort(t *testing.T) {
	t.Parallel()
	c := NewConfig(Ports{HTTP: 1, Kafka: 2, ClickHouse: 3, Registry: 4})
	want := map[local.Service]int{local.Kafka: 2, local.ClickHouse: 3, local.Registry: 4}
	for s, port := range c.Embedded().Ports {
		if port != want[s] {
			t.Errorf("%s: %d", s, port)
		}
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	c := NewConfig(Ports{HTTP: -1, Kafka: 70_000, ClickHouse: -2, Registry: 65_536})
	c.Services.Kafka, c.Services.ClickHouse, c.Services.Registry, c.Services.Partitions = []string{"broker"}, "db", "registry", 0
	err := c.Validate()
	for _, flag := range []string{"--http-port", "--kafka-port", "--clickhouse-port", "--registry-port", "--kafka:", "--clickhouse:", "--registry:", "--partitions"} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s is not in %v", flag, err)
		}
	}
	good := NewConfig(UsualPorts())
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func TestUserDataDir(t *testing.T) {
	for xdg, want := range map[string]string{"/data": "/data/recount", "": "/somebody/.local/share/recount", "relative": "/somebody/.local/share/recount"} {
		t.Setenv("HOME", "/somebody")
		t.Setenv("XDG_DATA_HOME", xdg)
		if got, err := UserDataDir(); err != nil || got != filepath.FromSlash(want) {
			t.Errorf("XDG_DATA_HOME=%q: %s, %v", xdg, got, err)
		}
	}
}
