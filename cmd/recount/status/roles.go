package status

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"recount/cmd/internal/role"
	"recount/internal/certificate"
	"recount/internal/telemetry"
)

// roles asks all processes at once.
func (g *gatherer) roles(ctx context.Context) {
	named, expected := g.cfg.Roles, true
	if len(named) == 0 {
		named, expected = defaultRoles(), false
	}
	found := make([][]Role, len(named))
	var all sync.WaitGroup
	for i, address := range named {
		all.Go(func() { found[i] = g.probeAll(ctx, address) })
	}
	all.Wait()
	for _, r := range slices.Concat(found...) {
		r.Expected = expected
		if r.Expected || r.Reachable { // a role may well run elsewhere
			g.report.Roles = append(g.report.Roles, r)
		}
	}
}

// defaultRoles are the addresses on which programs of this machine show their health, and recount up all of its roles.
func defaultRoles() []string {
	return []string{role.NewIngest().Address, role.AggregatorTelemetry, role.IngestTelemetry, role.ProjectorsTelemetry, role.SagaTelemetry}
}

const (
	probeTimeout  = 3 * time.Second
	probeBytesMax = 1 << 20
)

// schemeOf splits what a role was called by into how it is asked, which is in plain unless it says otherwise, and where.
func schemeOf(named string) (scheme, address string) {
	if scheme, address, found := strings.Cut(named, "://"); found && (scheme == "http" || scheme == "https") {
		return scheme, address
	}
	return "http", named
}

// probeAll asks every process that was called by one name.
func (g *gatherer) probeAll(ctx context.Context, named string) []Role {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	scheme, address := schemeOf(named)
	found := behind(ctx, address, net.DefaultResolver.LookupNetIP)
	var all sync.WaitGroup
	for i := range found {
		all.Go(func() { probe(ctx, scheme+"://"+address, g.cfg.RoleCA, &found[i]) })
	}
	all.Wait()
	return found
}

// behind returns the roles that address stands for, which nobody has asked yet: those at each address of a host that has
// several, as the name of a headless Service has, and else the one that there is. Of addresses of both families those of one
// count: they lead to the same processes.
func behind(ctx context.Context, address string, lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)) (found []Role) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return []Role{{Address: address}}
	}
	for _, network := range []string{"ip4", "ip6"} {
		all, err := lookup(ctx, network, host)
		if err != nil || len(all) == 0 {
			continue
		}
		slices.SortFunc(all, netip.Addr.Compare)
		if all = slices.Compact(all); len(all) == 1 {
			break
		}
		for _, ip := range all {
			found = append(found, Role{Name: host, Address: net.JoinHostPort(ip.Unmap().String(), port)})
		}
		return found
	}
	return []Role{{Address: address}} // the connection will say what is wrong with it
}

// probe notes whether a process is ready.
func probe(ctx context.Context, url, authorities string, r *Role) {
	said, err := ready(ctx, url, authorities, r.Address)
	if err != nil {
		r.Problem = err.Error()
		return
	}
	r.Reachable, r.Ready, r.Waiting = true, said.Ready, said.Waiting
}

// ready asks the process at address whether it is ready, by the name in url, which its certificate must be for.
func ready(ctx context.Context, url, authorities, address string) (said telemetry.Readiness, err error) {
	trusted, err := certificate.Authorities(authorities)
	if err != nil {
		return said, fmt.Errorf("--role-ca: %w", err)
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return said, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return said, err
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, probeBytesMax)).Decode(&said)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return said, fmt.Errorf("its /readyz is not one of ours: %s, %w (one that has a certificate is asked as https://%s)", resp.Status, err, address)
	}
	return said, nil
}

// place says for people where the role is.
func (r Role) place() string {
	if r.Name == "" {
		return r.Address
	}
	return fmt.Sprintf("%s (%s)", r.Address, r.Name)
}
