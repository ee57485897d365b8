package acceptance_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	otlp "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	traceproto "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes spans as any collector does: OTLP over HTTP, in protobuf.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []span
}

// span is one that the collector was sent. IDs are in hex.
type span struct {
	name, service             string
	kind                      traceproto.Span_SpanKind
	trace, id, parent         string
	failed                    bool
	attributes                map[string]string
	startNanoseconds, endNano uint64
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) take(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	var request otlp.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(raw, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, fmt.Sprint("no spans: ", err), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range request.ResourceSpans {
		service := texts(of.Resource.Attributes)["service.name"]
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, span{
					name: s.Name, service: service, kind: s.Kind,
					trace: hex.EncodeToString(s.TraceId), id: hex.EncodeToString(s.SpanId), parent: hex.EncodeToString(s.ParentSpanId),
					failed: s.Status.GetCode() == traceproto.Status_STATUS_CODE_ERROR, attributes: texts(s.Attributes),
					startNanoseconds: s.StartTimeUnixNano, endNano: s.EndTimeUnixNano,
				})
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func texts(attributes []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range attributes {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			out[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			out[a.Key] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_BoolValue:
			out[a.Key] = fmt.Sprint(v.BoolValue)
		default:
			out[a.Key] = a.Value.String()
		}
	}
	return out
}

// all are the spans there are by now.
func (c *collector) all() []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// of are the spans of one trace.
func (c *collector) of(trace string) trail {
	return slices.DeleteFunc(c.all(), func(s span) bool { return s.trace != trace })
}

// trail are the spans of one trace.
type trail []span

// named are those with a name, or with one that begins so where the name ends in a star.
func (l trail) named(name string) (out trail) {
	prefix, any := strings.CutSuffix(name, "*")
	for _, s := range l {
		if s.name == name || any && strings.HasPrefix(s.name, prefix) {
			out = append(out, s)
		}
	}
	return out
}

// above are the names of s and of what it follows from, the last first, and the ID that the first of all follows from.
func (l trail) above(s span) (names []string, from string) {
	for {
		names = append(names, s.name)
		i := slices.IndexFunc(l, func(p span) bool { return p.id == s.parent })
		if i < 0 || len(names) > len(l) {
			return names, s.parent
		}
		s = l[i]
	}
}

// String lists the spans.
func (l trail) String() string {
	var b strings.Builder
	for _, s := range l {
		fmt.Fprintf(&b, "\n%s ← %s %s %v", s.id, s.parent, s.name, s.attributes)
	}
	return b.String()
}

// awaitSpans waits until as many spans of a trace have come for each name.
func (c *collector) awaitSpans(t *testing.T, trace string, want map[string]int) trail {
	t.Helper()
	eventually(t, "the spans of "+trace, func() error {
		got := c.of(trace)
		for name, n := range want {
			if have := len(got.named(name)); have != n {
				return fmt.Errorf("%d of %d %q in%s", have, n, name, got)
			}
		}
		return nil
	})
	return c.of(trace)
}
