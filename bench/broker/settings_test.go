package broker

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestOnlyATunedBrokerHastensTransactions(t *testing.T) {
	t.Parallel()
	at := endpoints{clients: 9092, controller: 9093}
	tuned, shipped := settings("d", at, Options{Variant: Tuned}), settings("d", at, Options{Variant: Shipped})
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
	got := settings("d", endpoints{clients: 1, controller: 2}, Options{Settings: map[string]string{"num.io.threads": "9", "broker.rack": "a"}})
	if got["num.io.threads"] != "9" || got["broker.rack"] != "a" || got["listeners"] != "CLIENTS://127.0.0.1:1,CONTROLLER://127.0.0.1:2" {
		t.Errorf("settings %v", got)
	}
}

func TestAListenerIsOneMore(t *testing.T) {
	t.Parallel()
	got := settings("d", endpoints{1, 2, []int{3}}, Options{Listeners: []Listener{{Name: "TLS", Protocol: "SSL", Settings: map[string]string{"ssl.client.auth": "required"}}}})
	for key, want := range map[string]string{
		"listeners":                         "CLIENTS://127.0.0.1:1,CONTROLLER://127.0.0.1:2,TLS://127.0.0.1:3",
		"advertised.listeners":              "CLIENTS://127.0.0.1:1,TLS://127.0.0.1:3",
		"listener.security.protocol.map":    "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL",
		"listener.name.tls.ssl.client.auth": "required",
	} {
		if got[key] != want {
			t.Errorf("%s=%s, want %s", key, got[key], want)
		}
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
	at, err := freeEndpoints(t.Context(), 0, 1)
	if err != nil || at.clients == 0 || at.controller == 0 || at.clients == at.controller || at.more[0] == at.clients || at.more[0] == 0 {
		t.Errorf("endpoints %+v, %v", at, err)
	}
	again, err := freeEndpoints(t.Context(), at.clients, 0)
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
