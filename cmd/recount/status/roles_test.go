package status

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestANameStandsForAllItsAddresses looks names up in a directory of its own.
func TestANameStandsForAllItsAddresses(t *testing.T) {
	t.Parallel()
	directory := map[string][]string{
		"ip4 several": {"10.0.0.9", "10.0.0.7", "10.0.0.9"}, "ip6 several": {"fd00::9", "fd00::7"},
		"ip6 modern": {"fd00::9", "fd00::7"},
		"ip4 one":    {"10.0.0.7"}, "ip6 one": {"fd00::7", "fd00::9"},
	}
	lookup := func(_ context.Context, network, host string) (all []netip.Addr, err error) {
		for _, text := range directory[network+" "+host] {
			all = append(all, netip.MustParseAddr(text))
		}
		if all == nil {
			return nil, errors.New("no such host")
		}
		return all, nil
	}
	for address, want := range map[string][]string{
		"several:9101": {"10.0.0.7:9101 (several)", "10.0.0.9:9101 (several)"},
		"modern:9101":  {"[fd00::7]:9101 (modern)", "[fd00::9]:9101 (modern)"},
		"one:9101":     {"one:9101"},
		"nobody:9101":  {"nobody:9101"},
	} {
		var got []string
		for _, r := range behind(t.Context(), address, lookup) {
			got = append(got, r.place())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s stands for %q, want %q", address, got, want)
		}
	}
}

// TestARoleIsAskedByItsName asks at an address for whom nobody else would take it.
func TestARoleIsAskedByItsName(t *testing.T) {
	t.Parallel()
	answers := map[string]string{"aggregator:9101": `{"ready":true}`, "elsewhere:80": "<html>"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, answers[r.Host]) //nolint:errcheck // whoever asked sees that
	}))
	defer server.Close()
	ask := func(named string) Role {
		r := Role{Address: strings.TrimPrefix(server.URL, "http://")}
		probe(t.Context(), named, &r)
		return r
	}
	if r := ask("aggregator:9101"); !r.Reachable || !r.Ready || r.Problem != "" {
		t.Errorf("%+v", r)
	}
	if r := ask("elsewhere:80"); r.Reachable || r.Ready || !strings.Contains(r.Problem, "not one of ours") {
		t.Errorf("the control: %+v", r)
	}
}
