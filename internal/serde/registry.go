package serde

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// requestTimeout bounds one request to the registry.
const requestTimeout = 30 * time.Second

// Registry is a client of a schema registry that speaks Confluent's API.
type Registry struct {
	client    *sr.Client
	transport *http.Transport
	urls      string // for people: without passwords
}

// RegistryOption configures a Registry.
type RegistryOption func(*registryConfig)

type registryConfig struct {
	opts      []sr.ClientOpt
	transport *http.Transport
}

// WithBasicAuth authenticates every request by name and password. So does a URL with user:password@ in it.
func WithBasicAuth(user, password string) RegistryOption {
	return func(c *registryConfig) { c.opts = append(c.opts, sr.BasicAuth(user, password)) }
}

// WithBearerToken authenticates every request by token.
func WithBearerToken(token string) RegistryOption {
	return func(c *registryConfig) { c.opts = append(c.opts, sr.BearerToken(token)) }
}

// WithTLS sets how https URLs are spoken to: own authorities, a client certificate.
func WithTLS(config *tls.Config) RegistryOption {
	return func(c *registryConfig) { c.transport.TLSClientConfig = config }
}

// NewRegistry returns a client of the registry at addresses: a URL, or several with commas between, of which the first
// that answers is used. It makes no request.
func NewRegistry(addresses string, opts ...RegistryOption) (*Registry, error) {
	config := registryConfig{transport: http.DefaultTransport.(*http.Transport).Clone()}
	config.transport.MaxIdleConnsPerHost = registering
	var urls, shown []string
	for _, address := range strings.Split(addresses, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, errors.New("the schema registry's address must be a URL such as http://localhost:8081, or several with commas between")
		}
		if password, ok := u.User.Password(); ok {
			config.opts = append(config.opts, sr.BasicAuth(u.User.Username(), password))
		}
		shown = append(shown, u.Redacted())
		u.User = nil
		urls = append(urls, u.String())
	}
	for _, o := range opts {
		o(&config)
	}
	client, err := sr.NewClient(append(config.opts,
		sr.URLs(urls...), sr.UserAgent("recount"),
		sr.HTTPClient(&http.Client{Timeout: requestTimeout, Transport: config.transport}))...)
	if err != nil {
		return nil, fmt.Errorf("a client of the schema registry: %w", err)
	}
	return &Registry{client: client, transport: config.transport, urls: strings.Join(shown, ",")}, nil
}

// Close drops the idle connections to the registry.
func (r *Registry) Close() { r.transport.CloseIdleConnections() }

// explain says what went wrong with a request, and what to do about it.
func (r *Registry) explain(doing string, err error) error {
	var answer *sr.ResponseError
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing, err)
	case !errors.As(err, &answer):
		return fmt.Errorf("%s: schema registry unreachable at %s: is it running, and is the address right? %w", doing, r.urls, err)
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%s: the schema registry at %s denies access: check its user and password, or token: %w", doing, r.urls, err)
	case answer.StatusCode == http.StatusNotFound && answer.ErrorCode == 0:
		return fmt.Errorf("%s: there is no schema registry's API at %s: does the address lack a path, such as /apis/ccompat/v7? %w", doing, r.urls, err)
	}
	return fmt.Errorf("%s: the schema registry at %s answered %d: %w", doing, r.urls, answer.StatusCode, err)
}

// hasCode reports whether err is an answer of the registry with one of these error codes.
func hasCode(err error, codes ...*sr.Error) bool {
	var answer *sr.ResponseError
	if !errors.As(err, &answer) {
		return false
	}
	for _, c := range codes {
		if answer.ErrorCode == c.Code {
			return true
		}
	}
	return false
}
