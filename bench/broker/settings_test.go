package broker

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestOnlyATunedBrokerHastensTransactions(t *testing.T) {
	t.Parallel()
	at := endpoints{9092, 9093}
	tuned, shipped := settings("d", at, Tuned, nil), settings("d", at, Shipped, nil)
	if tuned["add.partitions.to.txn.retry.backoff.ms"] != "1" || tuned["transaction.abort.timed.out.transaction.cleanup.interval.ms"] != "1000" {
		t.Errorf("a tuned broker has %v", tuned)
	}
	for key := range shipped {
		delete(tuned, key)
	}
	if got := slices.Sorted(maps.Keys(tuned)); !slices.Equal(got, slices.Sorted(maps.Keys(Tuned.transactionSettings()))) {
		t.Errorf("the variants differ in %v", got)
	}
}

func TestTheCallersSettingsWin(t *testing.T) {
	t.Parallel()
	got := settings("d", endpoints{1, 2}, Tuned, map[string]string{"num.io.threads": "9", "broker.rack": "a"})
	if got["num.io.threads"] != "9" || got["broker.rack"] != "a" || got["listeners"] != "CLIENTS://127.0.0.1:1,CONTROLLER://127.0.0.1:2" {
		t.Errorf("settings %v", got)
	}
}

func TestPropertiesAreReadByJavaAsTheyWereMeant(t *testing.T) {
	t.Parallel()
	got := string(properties(map[string]string{"log.dirs": `C:\data`, "a": "b"}))
	if want := "a=b\nlog.dirs=C:\\\\data\n"; got != want {
		t.Errorf("properties %q, want %q", got, want)
	}
}

func TestFreeEndpointsDiffer(t *testing.T) {
	t.Parallel()
	at, err := freeEndpoints(t.Context(), 0)
	if err != nil || at.clients == 0 || at.controller == 0 || at.clients == at.controller {
		t.Errorf("endpoints %+v, %v", at, err)
	}
	again, err := freeEndpoints(t.Context(), at.clients)
	if err != nil || again.clients != at.clients {
		t.Errorf("a port that was asked for: %+v, %v", again, err)
	}
}

func TestTheClusterIDIsOneKafkaTakes(t *testing.T) {
	t.Parallel()
	if len(clusterID) != 22 || strings.HasPrefix(clusterID, "-") || !strings.HasSuffix(clusterID, "A") {
		t.Errorf("%q is not 16 bytes in base 64", clusterID)
	}
}
