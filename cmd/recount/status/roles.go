package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"recount/cmd/internal/role"
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
		all.Go(func() { found[i] = probeAll(ctx, address) })
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

// probeAll asks every process that an address stands for.
func probeAll(ctx context.Context, address string) []Role {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	found := behind(ctx, address, net.DefaultResolver.LookupNetIP)
	var all sync.WaitGroup
	for i := range found {
		all.Go(func() { probe(ctx, address, &found[i]) })
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

// probe asks a process whether it is ready. It is asked by the name that it was called by, and at its own address.
func probe(ctx context.Context, named string, r *Role) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, r.Address)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+named+"/readyz", nil)
	if err != nil {
		r.Problem = err.Error()
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		r.Problem = err.Error()
		return
	}
	var said telemetry.Readiness
	err = json.NewDecoder(io.LimitReader(resp.Body, probeBytesMax)).Decode(&said)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		r.Problem = fmt.Sprintf("its /readyz is not one of ours: %v", err)
		return
	}
	r.Reachable, r.Ready, r.Waiting = true, said.Ready, said.Waiting
}

// place says for people where the role is.
func (r Role) place() string {
	if r.Name == "" {
		return r.Address
	}
	return fmt.Sprintf("%s (%s)", r.Address, r.Name)
}
