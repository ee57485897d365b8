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

	"recount/cmd/internal/cli"
	"recount/internal/certificate/certificatetest"
	"recount/internal/telemetry"
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
	ask := func(url string) Role {
		r := Role{Address: strings.TrimPrefix(server.URL, "http://")}
		probe(t.Context(), url, "", &r)
		return r
	}
	if r := ask("http://aggregator:9101"); !r.Reachable || !r.Ready || r.Problem != "" {
		t.Errorf("%+v", r)
	}
	if r := ask("http://elsewhere:80"); r.Reachable || r.Ready || !strings.Contains(r.Problem, "not one of ours") {
		t.Errorf("the control: %+v", r)
	}
}

// TestARoleMustBeWhomItsCertificateNames asks one that serves HTTPS.
func TestARoleMustBeWhomItsCertificateNames(t *testing.T) {
	t.Parallel()
	shown, another := certificatetest.New(t, 1, "aggregator"), certificatetest.New(t, 2, "aggregator")
	tel := telemetry.New("test")
	tel.AddReady("test", func() error { return nil })
	server, err := tel.Listen(t.Context(), telemetry.Endpoint{Address: "127.0.0.1:0", Certificate: shown})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Run(ctx) }()
	for _, c := range []struct{ url, trusted, problem string }{
		{"https://aggregator:9101", shown.Cert, ""},
		{"https://aggregator:9101", another.Cert, "certificate"},
		{"https://aggregator:9101", "", "certificate"},
		{"https://aggregator:9101", shown.Key, "--role-ca"},
		{"https://saga:9101", shown.Cert, "certificate"},
		{"http://aggregator:9101", shown.Cert, "is asked as https://"},
	} {
		r := Role{Address: server.Addr()}
		probe(t.Context(), c.url, c.trusted, &r)
		if ok := c.problem == ""; r.Reachable != ok || r.Ready != ok || !strings.Contains(r.Problem, c.problem) {
			t.Errorf("%s, trusting %s: %+v", c.url, c.trusted, r)
		}
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestHowRolesAreNamed(t *testing.T) {
	t.Parallel()
	for named, want := range map[string]bool{
		"aggregator-0:9101": true, "http://aggregator-0:9101": true, "https://aggregator-0:9101": true, "[::1]:9101": true, "https://[::1]:9101": true,
		"aggregator-0": false, "https://aggregator-0": false, "ftp://aggregator-0:9101": false, "https://:9101": false, "https://": false,
	} {
		q := Usual(cli.DefaultServices())
		q.Roles = []string{named}
		if err := q.Validate(); (err == nil) != want {
			t.Errorf("%s: %v", named, err)
		}
	}
}
