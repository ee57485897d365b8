//go:build e2e

package kafka

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"recount/bench/broker"
)

// securedBroker is one Kafka that can be reached in every way there is.
func securedBroker(t *testing.T) *securityWorld {
	t.Helper()
	w := &securityWorld{authority: newAuthority(t)}
	w.broker()
	w.clients()
	both := bytes.Join([][]byte{w.read("broker.key"), w.read("broker.pem")}, nil)
	w.write("broker-both.pem", both)
	const login = "required username=\"x\" password=\"x\" user_" + securityUser + "=\"" + securityPassword + "\";"
	b, err := broker.Start(t.Context(), broker.Options{
		HeapBytes: 512 << 20, Progress: func(s string) { t.Log(s) },
		Listeners: []broker.Listener{
			w.listener("TLS", "SSL", nil),
			w.listener("MUTUAL", "SSL", map[string]string{"ssl.client.auth": "required"}),
			w.listener("SCRAM256", "SASL_SSL", map[string]string{
				"sasl.enabled.mechanisms":        "SCRAM-SHA-256",
				"scram-sha-256.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
			}),
			w.listener("SCRAM512", "SASL_SSL", map[string]string{
				"sasl.enabled.mechanisms":        "SCRAM-SHA-512",
				"scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
			}),
			w.listener("PLAIN", "SASL_SSL", map[string]string{
				"sasl.enabled.mechanisms": "PLAIN",
				"plain.sasl.jaas.config":  "org.apache.kafka.common.security.plain.PlainLoginModule " + login,
			}),
		},
	})
	w.must(err)
	t.Cleanup(func() {
		if err := b.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	w.open, w.encrypted, w.mutual = b.Addr(), b.ListenerAddr("TLS"), b.ListenerAddr("MUTUAL")
	w.scram256, w.scram512, w.plain = b.ListenerAddr("SCRAM256"), b.ListenerAddr("SCRAM512"), b.ListenerAddr("PLAIN")
	w.enrol(b.Addr())
	return w
}

// listener is one whose broker shows its certificate, and trusts the authority's.
func (w *securityWorld) listener(name, protocol string, more map[string]string) broker.Listener {
	l := broker.Listener{Name: name, Protocol: protocol, Settings: map[string]string{
		"ssl.keystore.type": "PEM", "ssl.keystore.location": w.file("broker-both.pem"),
		"ssl.truststore.type": "PEM", "ssl.truststore.location": w.file("ca.pem"),
	}}
	for key, value := range more {
		l.Settings[key] = value
	}
	return l
}

// enrol tells the broker the user's password for both kinds of SCRAM, as an administrator would.
func (w *securityWorld) enrol(open string) {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(open))
	w.must(err)
	defer cl.Close()
	for _, mechanism := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} { // a request may name a user once
		done, err := kadm.NewClient(cl).AlterUserSCRAMs(w.t.Context(), nil, []kadm.UpsertSCRAM{
			{User: securityUser, Mechanism: mechanism, Iterations: 4096, Password: securityPassword},
		})
		w.must(err)
		w.must(done.Error())
	}
}

func (a *authority) read(name string) []byte {
	a.t.Helper()
	text, err := os.ReadFile(a.file(name))
	a.must(err)
	return text
}

// TestSecurityOfARealBroker tries every way of reaching a Kafka, and who must be turned away from each.
func TestSecurityOfARealBroker(t *testing.T) {
	t.Parallel()
	securedBroker(t).try(t)
}

// TestATransactionOverTLSWithALogin: what the aggregators do works over a line that is encrypted, by a user who logs in.
func TestATransactionOverTLSWithALogin(t *testing.T) {
	t.Parallel()
	w := securedBroker(t)
	cfg, err := Config{Brokers: []string{w.scram512}}.With(Security{
		TLS: true, CAFile: w.file("ca.pem"), Mechanism: MechanismScramSHA512, User: securityUser, PasswordFile: w.file("password"),
	})
	w.must(err)
	w.must(EnsureTopics(t.Context(), cfg, []string{"x"}, 1, Replication{}))
	s, err := OpenSession(t.Context(), SessionConfig{
		Config: cfg, Group: "g", InstanceID: "i", TransactionalID: "t", Inputs: []string{"x" + CommandsSuffix},
	})
	w.must(err)
	defer s.Close()
	committed, err := s.Commit(t.Context(), []*Record{{Topic: "x" + EventsSuffix, Key: []byte("k"), Value: []byte("v")}}, nil)
	if err != nil || !committed {
		t.Fatalf("committed %v, %v", committed, err)
	}
	extents, err := Extents(t.Context(), cfg, "x"+EventsSuffix)
	w.must(err)
	if e := extents["x"+EventsSuffix][0]; e.Stable < 1 {
		t.Errorf("nothing is to be read: %+v", e)
	}
}
