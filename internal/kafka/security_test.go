package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	securityUser     = "aggregator"
	securityPassword = "correct horse"
)

// authority signs certificates that are valid for the loopback address.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign writes name.pem and name.key and returns both. The first is the authority's own.
func (a *authority) sign(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	template.NotBefore = time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	a.must(err)
	cert, err := x509.ParseCertificate(der)
	a.must(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	a.must(err)
	a.write(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	a.write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return cert, key
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) write(name string, text []byte) {
	a.t.Helper()
	a.must(os.WriteFile(a.file(name), text, 0o600))
}

func (a *authority) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// broker writes what a broker shows: broker.pem and broker.key.
func (a *authority) broker() {
	a.t.Helper()
	a.sign("broker", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
}

// server is what a broker in this process shows; it asks for certificates if told to.
func (a *authority) server(ask bool) *tls.Config {
	a.t.Helper()
	a.broker()
	pair, err := tls.LoadX509KeyPair(a.file("broker.pem"), a.file("broker.key"))
	a.must(err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: x509.NewCertPool()}
	config.ClientCAs.AddCert(a.cert)
	if ask {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config
}

// securityWorld is a broker for each way of being reached, and the files that clients know.
type securityWorld struct {
	*authority
	open, encrypted, mutual, scram256, scram512, plain string
}

func newSecurityWorld(t *testing.T) *securityWorld {
	t.Helper()
	w := &securityWorld{authority: newAuthority(t)}
	start := func(opts ...kfake.Opt) string {
		cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
		w.must(err)
		t.Cleanup(cluster.Close)
		return cluster.ListenAddrs()[0]
	}
	login := func(mechanism string) []kfake.Opt {
		return []kfake.Opt{kfake.TLS(w.server(false)), kfake.EnableSASL(), kfake.Superuser(mechanism, securityUser, securityPassword)}
	}
	w.open, w.encrypted, w.mutual = start(), start(kfake.TLS(w.server(false))), start(kfake.TLS(w.server(true)))
	w.scram256, w.scram512, w.plain = start(login("SCRAM-SHA-256")...), start(login("SCRAM-SHA-512")...), start(login("PLAIN")...)
	w.clients()
	return w
}

// clients writes the files that clients know.
func (a *authority) clients() {
	a.t.Helper()
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	a.sign("client", &x509.Certificate{ExtKeyUsage: client})
	a.sign("expired", &x509.Certificate{ExtKeyUsage: client, NotAfter: time.Now().Add(-time.Minute)})
	a.write("password", []byte(securityPassword+"\r\n"))
	a.write("wrong", []byte("incorrect horse"))
}

// visit asks a broker whether it is there, and what topics it has: nobody is told that who has not shown who they are.
func visit(t *testing.T, broker string, s Security, within time.Duration) error {
	t.Helper()
	cfg, err := Config{Brokers: []string{broker}}.With(s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := cfg.Ping(ctx); err != nil {
		return err
	}
	return EnsureTopics(ctx, cfg, []string{"x"}, 2, Replication{})
}

// securityCase is a way of reaching a broker, and whether that is to succeed.
type securityCase struct {
	broker string
	with   Security
	ok     bool
}

// cases are every way of reaching a broker, and who must be turned away from each.
func (w *securityWorld) cases() map[string]securityCase {
	stranger, ca := newAuthority(w.t), w.file("ca.pem")
	encrypted := Security{TLS: true, CAFile: ca}
	login := func(mechanism, password string) Security {
		return Security{TLS: true, CAFile: ca, Mechanism: mechanism, User: securityUser, PasswordFile: w.file(password)}
	}
	shown := func(name string) Security {
		return Security{TLS: true, CAFile: ca, CertFile: w.file(name + ".pem"), KeyFile: w.file(name + ".key")}
	}
	nobody := login(MechanismScramSHA512, "password")
	nobody.User = "nobody"
	return map[string]securityCase{
		"an open line":                         {w.open, Security{}, true},
		"TLS":                                  {w.encrypted, encrypted, true},
		"TLS, a certificate nobody asks for":   {w.encrypted, shown("client"), true},
		"TLS both ways":                        {w.mutual, shown("client"), true},
		"SCRAM-SHA-256":                        {w.scram256, login(MechanismScramSHA256, "password"), true},
		"SCRAM-SHA-512":                        {w.scram512, login(MechanismScramSHA512, "password"), true},
		"PLAIN over TLS":                       {w.plain, login(MechanismPlain, "password"), true},
		"no TLS where it is asked for":         {w.encrypted, Security{}, false},
		"TLS where there is none":              {w.open, encrypted, false},
		"a broker that strangers vouch for":    {w.encrypted, Security{TLS: true, CAFile: stranger.file("ca.pem")}, false},
		"a broker that the system can't trust": {w.encrypted, Security{TLS: true}, false},
		"no certificate where one is due":      {w.mutual, encrypted, false},
		"an expired certificate":               {w.mutual, shown("expired"), false},
		"no login where one is due":            {w.scram512, encrypted, false},
		"a wrong password, SCRAM":              {w.scram512, login(MechanismScramSHA512, "wrong"), false},
		"a wrong password, PLAIN":              {w.plain, login(MechanismPlain, "wrong"), false},
		"an unknown user":                      {w.scram512, nobody, false},
		"another mechanism":                    {w.scram512, login(MechanismPlain, "password"), false},
	}
}

// try tries all of them. A client that is let in must also be able to do something.
func (w *securityWorld) try(t *testing.T) {
	for name, c := range w.cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			within := time.Minute
			if !c.ok {
				within = 5 * time.Second // the client tries again until then
			}
			err := visit(t, c.broker, c.with, within)
			if (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
			if told := fmt.Sprint(err); strings.Contains(told, "horse") {
				t.Errorf("the password is told: %s", told)
			}
		})
	}
}

// TestSecurity tries them on the broker that is made for tests.
func TestSecurity(t *testing.T) {
	t.Parallel()
	newSecurityWorld(t).try(t)
}

// TestAPasswordCanBeReplaced: who logs in again uses the new one.
func TestAPasswordCanBeReplaced(t *testing.T) {
	t.Parallel()
	w := newSecurityWorld(t)
	s := Security{TLS: true, CAFile: w.file("ca.pem"), Mechanism: MechanismScramSHA256, User: securityUser, PasswordFile: w.file("wrong")}
	cfg, err := Config{Brokers: []string{w.scram256}}.With(s)
	w.must(err)
	early, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if cfg.Ping(early) == nil {
		t.Fatal("the wrong password was good enough")
	}
	w.write("wrong", []byte(securityPassword))
	w.must(cfg.Ping(t.Context()))
}

func TestSecurityThatContradictsItself(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.write("empty", []byte("\n"))
	password := a.file("ca.key")
	for name, c := range map[string]struct {
		s    Security
		says string
	}{
		"an authority without TLS":     {Security{CAFile: "ca.pem"}, "--kafka-tls"},
		"a certificate without a key":  {Security{TLS: true, CertFile: "a.pem"}, "belong together"},
		"a user without a mechanism":   {Security{User: "ada"}, "--kafka-sasl"},
		"an unknown mechanism":         {Security{TLS: true, Mechanism: "gssapi", User: "ada", PasswordFile: password}, `"gssapi" is none of plain`},
		"a mechanism without password": {Security{TLS: true, Mechanism: MechanismPlain, User: "ada"}, "--kafka-password"},
		"a password in the open":       {Security{Mechanism: MechanismPlain, User: "ada", PasswordFile: password}, "as it is"},
		"an authority that is none":    {Security{TLS: true, CAFile: a.file("ca.key")}, "no certificate"},
		"an authority that is missing": {Security{TLS: true, CAFile: a.file("none")}, "--kafka-ca"},
		"another's key":                {Security{TLS: true, CertFile: a.file("ca.pem"), KeyFile: newAuthority(t).file("ca.key")}, "--kafka-cert"},
		"a missing password":           {Security{Mechanism: MechanismScramSHA256, User: "ada", PasswordFile: a.file("none")}, "--kafka-password"},
		"an empty password":            {Security{Mechanism: MechanismScramSHA256, User: "ada", PasswordFile: a.file("empty")}, "first line"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := (Config{}).With(c.s); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}
