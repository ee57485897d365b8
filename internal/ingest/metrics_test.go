package ingest

import (
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// series returns a metric's values by the values of its labels.
func series(t *testing.T, from prometheus.Gatherer, name string) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			out[labels(m)] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return out
}

func labels(m *dto.Metric) (s string) {
	for _, l := range m.GetLabel() {
		s += l.GetValue() + " "
	}
	return s
}

func TestRequestsAreCountedByRouteAndNotByPath(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	b := newBank(t)
	s := newServer(t, b, func(c *Config) { c.Registerer = registry })
	for _, path := range []string{"/v1/bank/account/a/open", "/v1/bank/account/b/open", "/v1/bank/account/a/rob", "/v9/x", "/v9//y"} {
		ask(path, openAccount).do(t, s)
	}
	for labels, n := range map[string]float64{patternCommand + " 200 ": 2, patternCommand + " 404 ": 1, "/ 404 ": 1, "other 404 ": 1} {
		if got := series(t, registry, "recount_ingest_requests_total"); got[labels] != n {
			t.Errorf("%s: counted %v, want %v: %v", labels, got[labels], n, got)
		}
	}
	if got := series(t, registry, "recount_ingest_replies_total"); got["true "] != 2 {
		t.Errorf("replies: %v", got)
	}
	if got := series(t, registry, "recount_ingest_in_flight_requests"); len(got) != 1 || got[""] != 0 {
		t.Errorf("in flight: %v", got)
	}
	_, err := NewServer(Config{Codec: b.codec, Contexts: []string{"bank"}, Partitions: 1, Publisher: b, Registerer: registry})
	if err == nil {
		t.Error("two servers registered the same metrics")
	}
}

func TestMoreRoutesAreServedBesideTheAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t), func(c *Config) {
		c.Tokens = someTokens(t)
		c.Routes = map[string]http.Handler{"/healthz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, "application/json", map[string]bool{"alive": true})
		})}
	})
	get("/healthz").do(t, s).check(t, want{status: http.StatusOK, says: "alive"})
}
