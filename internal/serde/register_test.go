package serde

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"recount/internal/es"
)

func fakeRegistry(t testing.TB) (*srfake.Registry, *Registry) {
	t.Helper()
	fake := srfake.New()
	t.Cleanup(fake.Close)
	return fake, client(t, fake.URL())
}

func client(t testing.TB, url string, opts ...RegistryOption) *Registry {
	t.Helper()
	r, err := NewRegistry(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func register(t testing.TB, c *Catalog, r *Registry) *Codec {
	t.Helper()
	codec, err := c.Register(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return codec
}

// ids returns what a codec reads under which ID.
func ids(c *Codec) map[string]uint32 {
	out := map[string]uint32{}
	for id, v := range c.versions() {
		out[v.path] = id
	}
	return out
}

func TestRegisterNamesSubjectsByTopicAndRecord(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	register(t, libraryCatalog(t), r)
	for subject, versions := range map[string]int{
		"library.events-library.book.BookAdded":      3,
		"library.commands-library.book.Add":          2,
		"library.dispatch-library.book.Add":          2,
		"library.refusals-recount.Refusal":           1,
		"library.inbox-recount.Outcome":              1,
		"library.snapshots-recount.Snapshot":         1,
		"library.snapshots-recount.Marker":           1,
		"recount.replies-recount.Reply":              1,
		"library.events-library.reader.ReaderJoined": 1,
	} {
		if _, ok := fake.GetSchema(subject, versions); !ok {
			t.Errorf("%s has no version %d", subject, versions)
		}
		if _, ok := fake.GetSchema(subject, versions+1); ok {
			t.Errorf("%s has a version %d", subject, versions+1)
		}
		levels := r.client.Compatibility(t.Context(), subject)
		if len(levels) != 1 || levels[0].Err != nil || levels[0].Level != sr.CompatFullTransitive {
			t.Errorf("%s is kept %+v", subject, levels)
		}
	}
	oldest, _ := fake.GetSchema("library.events-library.book.BookAdded", 1)
	if strings.Contains(oldest.Schema.Schema, "language") {
		t.Errorf("version 1 is not the oldest: %s", oldest.Schema.Schema)
	}
	if !strings.Contains(oldest.Schema.Schema, `"name":"Meta"`) {
		t.Errorf("the schema needs another one to be read: %s", oldest.Schema.Schema)
	}
}

func TestRegisterUsesTheTopicsGiven(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	_, err := libraryCatalog(t).Register(t.Context(), r, func(context, stream string) string { return "blue." + context + "." + stream })
	if err != nil {
		t.Fatal(err)
	}
	if !fake.SubjectExists("blue.library.events-library.book.BookAdded") || fake.SubjectExists("library.events-library.book.BookAdded") {
		t.Fatal("the subjects do not carry the topics' names")
	}
}

func TestRegisteringAgainWritesNothing(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	first := register(t, libraryCatalog(t), r)
	var writes atomic.Int32
	fake.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		if req.Method == http.MethodPut || strings.HasSuffix(req.URL.Path, "/versions") {
			writes.Add(1)
		}
		return false
	})
	again := register(t, libraryCatalog(t), r)
	if writes.Load() != 0 {
		t.Errorf("%d requests tried to write", writes.Load())
	}
	if !maps.Equal(ids(first), ids(again)) {
		t.Errorf("IDs were %v and are %v", ids(first), ids(again))
	}
}

// A registry hands out IDs in the order schemas come in. After a restart they may come in any order: from another
// process first, or from a release with other schemas before these. What was registered once must keep its ID.
func TestIDsSurviveTheReverseOrder(t *testing.T) {
	t.Parallel()
	_, r := fakeRegistry(t)
	before := ids(register(t, libraryCatalog(t), r))

	catalog := libraryCatalog(t)
	slots := catalog.slots()
	slices.Reverse(slots)
	after := map[string]uint32{}
	for _, s := range slots {
		id, err := r.register(t.Context(), plainTopics(s.context, s.stream)+"-"+s.version.record.name, s.version)
		if err != nil {
			t.Fatal(err)
		}
		after[s.version.path] = uint32(id)
	}
	if len(before) != len(catalogVersions(catalog)) || !maps.Equal(before, after) {
		t.Fatalf("IDs were %v and are %v", before, after)
	}

	// The negative control: a registry that forgot everything gives other IDs in this order.
	_, forgetful := fakeRegistry(t)
	if _, err := forgetful.register(t.Context(), "library.events-library.reader.ReaderJoined", catalog.records["library.reader.ReaderJoined"].newest()); err != nil {
		t.Fatal(err)
	}
	if other := ids(register(t, catalog, forgetful)); maps.Equal(before, other) {
		t.Fatal("the order makes no difference even to an empty registry: this test proves nothing")
	}
}

func catalogVersions(c *Catalog) (out []*version) {
	for _, r := range c.records {
		if r.kind != part {
			out = append(out, r.versions...)
		}
	}
	return out
}

func TestFramesSurviveANewCodec(t *testing.T) {
	t.Parallel()
	_, r := fakeRegistry(t)
	frame, _, _, err := register(t, libraryCatalog(t), r).Context("library").AppendEvent(nil, es.Declare(bookType()), &es.Meta{AggregateID: "b-1"}, bookAdded{Title: "Emma", Pages: 474})
	if err != nil {
		t.Fatal(err)
	}
	e, err := register(t, libraryCatalog(t), r).Context("library").DecodeEvent(frame)
	if err != nil || e.Body != (bookAdded{Title: "Emma", Pages: 474}) {
		t.Fatalf("DecodeEvent = %+v, %v", e, err)
	}
}

func TestRegisterErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	answering := func(status int, code int, when func(*http.Request) bool) string {
		fake := srfake.New()
		t.Cleanup(fake.Close)
		fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
			if !when(req) {
				return false
			}
			w.WriteHeader(status)
			if code != 0 {
				_ = json.NewEncoder(w).Encode(map[string]any{"error_code": code, "message": "no"})
			}
			return true
		})
		return fake.URL()
	}
	always := func(*http.Request) bool { return true }
	for name, tc := range map[string]struct {
		url  string
		says []string
	}{
		"unreachable":   {gone.URL, []string{"unreachable at " + gone.URL, "is it running"}},
		"no API there":  {answering(404, 0, always), []string{"no schema registry's API", "lack a path"}},
		"no access":     {answering(401, 40101, always), []string{"denies access", "password"}},
		"broken inside": {answering(500, 50001, always), []string{"answered 500"}},
		"incompatible": {
			answering(409, 409, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "BookAdded/versions") }),
			[]string{"library/book/BookAdded.v1.avsc", "incompatible", "Never edit a schema file", "add the next version"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := libraryCatalog(t).Register(t.Context(), client(t, tc.url), nil)
			for _, part := range tc.says {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Fatalf("Register = %v, want it to say %q", err, part)
				}
			}
		})
	}
}

func TestRegisterStopsWhenTold(t *testing.T) {
	t.Parallel()
	_, r := fakeRegistry(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := libraryCatalog(t).Register(ctx, r, nil); err == nil {
		t.Fatal("Register went on under a cancelled context")
	}
}

// Some registries have no settings per subject, or let nobody change them. That must not stop anybody.
func TestRegisterWithoutCompatibilitySettings(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusNotFound, http.StatusForbidden, http.StatusNotImplemented} {
		fake, r := fakeRegistry(t)
		fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
			if !strings.HasPrefix(req.URL.Path, "/config") {
				return false
			}
			w.WriteHeader(status)
			return true
		})
		register(t, libraryCatalog(t), r)
	}
}

// Others know a subject's settings only once it exists.
func TestRegisterGuardsSubjectsThatMustExistFirst(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		subject, isConfig := strings.CutPrefix(req.URL.Path, "/config/")
		if !isConfig || fake.SubjectExists(subject) {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	register(t, libraryCatalog(t), r)
	levels := r.client.Compatibility(t.Context(), "library.events-library.book.BookAdded")
	if levels[0].Err != nil || levels[0].Level != sr.CompatFullTransitive {
		t.Fatalf("the subject is kept %+v", levels[0])
	}
}

// Two versions under one ID would be read alike, whatever their upcasts.
func TestRegistryThatTakesTwoVersionsForOneIsRefused(t *testing.T) {
	t.Parallel()
	same := srfake.New()
	t.Cleanup(same.Close)
	same.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method == http.MethodPost && strings.Contains(req.URL.Path, "BookAdded") {
			_ = json.NewEncoder(w).Encode(map[string]any{"id": 7})
			return true
		}
		return false
	})
	_, err := libraryCatalog(t).Register(t.Context(), client(t, same.URL()), nil)
	if err == nil || !strings.Contains(err.Error(), "same schema ID 7") {
		t.Fatalf("Register = %v", err)
	}
}

func TestRegistryAddresses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "localhost:8081", "ftp://host", "http://", "http://a:1,nonsense"} {
		if _, err := NewRegistry(bad); err == nil {
			t.Errorf("NewRegistry(%q) was accepted", bad)
		}
	}
	var stranger atomic.Value // what another asked as, of those who ask side by side
	secured := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, password, _ := req.BasicAuth(); user != "ada" || password != "secret" {
			stranger.Store(user + " with " + password)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(secured.Close)
	r := client(t, strings.Replace(secured.URL, "http://", "http://ada:secret@", 1))
	_, err := libraryCatalog(t).Register(t.Context(), r, nil)
	if who := stranger.Load(); who != nil {
		t.Errorf("the registry was asked as %v", who)
	}
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Register = %v: it must fail, and not tell the password", err)
	}
}

func TestRegistryAuthentication(t *testing.T) {
	t.Parallel()
	for want, option := range map[string]RegistryOption{
		"Bearer abc":             WithBearerToken("abc"),
		"Basic YWRhOnNlY3JldA==": WithBasicAuth("ada", "secret"),
	} {
		fake := srfake.New(srfake.WithAuth(want))
		t.Cleanup(fake.Close)
		register(t, libraryCatalog(t), client(t, fake.URL(), option))
	}
}

func TestRegistryOverTLS(t *testing.T) {
	t.Parallel()
	fake := srfake.NewRegistry()
	secured := httptest.NewUnstartedServer(fake.Handler())
	secured.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about the client that trusts nobody
	secured.StartTLS()
	t.Cleanup(secured.Close)
	if _, err := libraryCatalog(t).Register(t.Context(), client(t, secured.URL), nil); err == nil {
		t.Error("a certificate nobody vouches for was accepted")
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(secured.Certificate())
	register(t, libraryCatalog(t), client(t, secured.URL, WithTLS(&tls.Config{RootCAs: trusted})))
}
