package cli

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"recount/internal/certificate"
)

// Telemetry says where a role shows its metrics and health.
type Telemetry struct {
	Address   string
	TokenFile string
	// Certificate is what those are shown who ask; none: plain HTTP.
	Certificate certificate.Files
}

// Flags declares them.
func (t *Telemetry) Flags(f *Flags) {
	f.StringVar(&t.Address, "telemetry-addr", t.Address, "`address` of /metrics, /healthz and /readyz; empty turns them off. One that others can reach needs --telemetry-token")
	f.StringVar(&t.TokenFile, "telemetry-token", t.TokenFile, "`file` with the bearer token that /metrics is given for; /healthz and /readyz answer without, and without reasons")
	f.Certificate("telemetry", &t.Certificate)
	f.Group("Telemetry", "telemetry-addr", "telemetry-token", "telemetry-cert", "telemetry-key")
}

// Validate returns every fault.
func (t *Telemetry) Validate() error {
	faults := []error{CheckCertificate("telemetry", t.Certificate)}
	if t.Address != "" {
		faults = append(faults, CheckListener("--telemetry-addr", t.Address, "--telemetry-token", t.TokenFile))
	}
	return errors.Join(faults...)
}

// Certificate declares the flags of what a listener shows those who connect: --http-cert and --http-key for one called
// http.
func (f *Flags) Certificate(listener string, c *certificate.Files) {
	f.StringVar(&c.Cert, listener+"-cert", c.Cert, "`file` with the certificate (PEM) to serve HTTPS with, and those that lead to its authority; read again for each connection. Empty: plain HTTP")
	f.StringVar(&c.Key, listener+"-key", c.Key, "`file` with its key (PEM)")
}

// CheckCertificate checks what the flags of a listener's Certificate say. It reads no file.
func CheckCertificate(listener string, c certificate.Files) error {
	if (c.Cert == "") != (c.Key == "") {
		return fmt.Errorf("--%[1]s-cert and --%[1]s-key belong together: one is missing", listener)
	}
	return nil
}

// CheckListener checks an address to listen on. One that others can reach needs what guardFlag names. A host that is a
// name is only looked up when it is listened on, where the same is checked again.
func CheckListener(flag, address, guardFlag, guard string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return fmt.Errorf("%s: %q is not host:port", flag, address)
	}
	ip, err := netip.ParseAddr(host)
	exposed := host == "" || err == nil && !ip.IsLoopback()
	if exposed && guard == "" {
		return fmt.Errorf("%s: others can reach %q, and nobody would be asked who they are: give %s FILE, or listen on 127.0.0.1", flag, address, guardFlag)
	}
	return nil
}
