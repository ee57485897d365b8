package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"recount/internal/certificate"
)

// Names of the ways in which a client shows brokers who it is.
const (
	MechanismPlain       = "plain"
	MechanismScramSHA256 = "scram-sha-256"
	MechanismScramSHA512 = "scram-sha-512"
)

// Mechanisms are all that Security knows.
func Mechanisms() []string {
	return []string{MechanismPlain, MechanismScramSHA256, MechanismScramSHA512}
}

// Security says how this process and the brokers know each other. The zero value is an open line on which nobody is asked
// who they are. Secrets are in files, never in it: it may be logged.
type Security struct {
	// TLS encrypts, and has brokers show a certificate for the host they are reached at.
	TLS bool
	// CAFile has the certificates (PEM) of those who may have signed the brokers'; empty: the system's.
	CAFile string
	// CertFile and KeyFile (PEM) are what this process shows brokers that ask for a certificate.
	CertFile, KeyFile string
	// Mechanism is one of Mechanisms, by which User logs in with the password in PasswordFile; empty: nobody does.
	Mechanism    string
	User         string
	PasswordFile string
}

// Validate returns every contradiction, in terms of the flags that set the fields. It reads no file.
func (s Security) Validate() error {
	var faults []error
	check := func(ok bool, text string) {
		if !ok {
			faults = append(faults, errors.New(text))
		}
	}
	check(s.TLS || s.CAFile == "" && s.CertFile == "" && s.KeyFile == "", "--kafka-ca, --kafka-cert and --kafka-key are for TLS: give --kafka-tls as well")
	check((s.CertFile == "") == (s.KeyFile == ""), "--kafka-cert and --kafka-key belong together: one is missing")
	if s.Mechanism == "" {
		check(s.User == "" && s.PasswordFile == "", "--kafka-user and --kafka-password are for logging in: say how with --kafka-sasl, one of "+strings.Join(Mechanisms(), ", "))
		return errors.Join(faults...)
	}
	check(slices.Contains(Mechanisms(), s.Mechanism), fmt.Sprintf("--kafka-sasl: %q is none of %s", s.Mechanism, strings.Join(Mechanisms(), ", ")))
	check(s.User != "" && s.PasswordFile != "", "--kafka-sasl: logging in takes --kafka-user, and --kafka-password FILE")
	check(s.TLS || s.Mechanism != MechanismPlain, "--kafka-sasl plain sends the password as it is: give --kafka-tls, or use "+MechanismScramSHA512)
	return errors.Join(faults...)
}

// With returns the configuration with s applied to every client made from it. Files are read once now, so that what is
// wrong with them is told at once, and again whenever a connection is made: a password or a certificate can be replaced
// while this process runs.
func (c Config) With(s Security) (Config, error) {
	if err := s.Validate(); err != nil {
		return c, err
	}
	c.tls, c.secured = nil, nil
	if s.TLS {
		config, err := s.tls()
		if err != nil {
			return c, err
		}
		c.tls = config
	}
	if s.Mechanism != "" {
		if _, err := s.password(); err != nil {
			return c, err
		}
		c.secured = append(c.secured, kgo.SASL(s.login()))
	}
	return c, nil
}

func (s Security) tls() (*tls.Config, error) {
	authorities, err := certificate.Authorities(s.CAFile)
	if err != nil {
		return nil, fmt.Errorf("--kafka-ca: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	if s.CertFile != "" {
		if _, err := s.certificate(nil); err != nil {
			return nil, err
		}
		config.GetClientCertificate = s.certificate
	}
	return config, nil
}

func (s Security) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("--kafka-cert, --kafka-key: %w", err)
	}
	return &pair, nil
}

func (s Security) login() sasl.Mechanism {
	scrammed := func(context.Context) (scram.Auth, error) {
		password, err := s.password()
		return scram.Auth{User: s.User, Pass: password}, err
	}
	switch s.Mechanism {
	case MechanismScramSHA256:
		return scram.Sha256(scrammed)
	case MechanismScramSHA512:
		return scram.Sha512(scrammed)
	}
	return plain.Plain(func(context.Context) (plain.Auth, error) {
		password, err := s.password()
		return plain.Auth{User: s.User, Pass: password}, err
	})
}

// password is the file's first line: editors and secret stores leave one at its end.
func (s Security) password() (string, error) {
	text, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("--kafka-password: %w", err)
	}
	password, _, _ := strings.Cut(string(text), "\n")
	if password = strings.TrimSuffix(password, "\r"); password == "" {
		return "", fmt.Errorf("--kafka-password: the first line of %s is empty: it must be the password", s.PasswordFile)
	}
	return password, nil
}
