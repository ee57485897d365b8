package cli_test

import (
	"math"
	"strings"
	"testing"

	"recount/cmd/internal/cli"
)

func TestWhereTracesMayGo(t *testing.T) {
	t.Parallel()
	share := cli.DefaultTracing().Share
	for _, tc := range []struct {
		tracing cli.Tracing
		fault   string
	}{
		{cli.Tracing{Share: share}, ""},
		{cli.Tracing{To: "http://localhost:4318"}, ""},
		{cli.Tracing{To: "https://collector.example/v1/traces", Share: 1}, ""},
		{cli.Tracing{To: "localhost:4318"}, "--traces-to"},
		{cli.Tracing{To: "grpc://localhost:4317"}, "begins with none of"},
		{cli.Tracing{To: "https://ada:secret@collector.example"}, "OTEL_EXPORTER_OTLP_HEADERS"},
		{cli.Tracing{Share: 1.01}, "--trace-share"},
		{cli.Tracing{Share: -0.01}, "--trace-share"},
		{cli.Tracing{Share: math.NaN()}, "--trace-share"},
	} {
		err := tc.tracing.Validate()
		if (err == nil) != (tc.fault == "") || err != nil && !strings.Contains(err.Error(), tc.fault) {
			t.Errorf("%+v: %v", tc.tracing, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a password is told: %v", err)
		}
	}
}
