package role

import (
	"context"

	"recount/cmd/internal/cli"
	"recount/internal/kafka"
	"recount/internal/telemetry"
	"recount/internal/telemetry/traces"
)

const program = "recount"

// followed begins to follow commands, as s says. What is left to send is sent when the foundation is closed: after all
// that makes spans.
func (f *Foundation) followed(ctx context.Context, s cli.Tracing) (err error) {
	service := program
	if f.Name != program { // all roles in one process
		service += "-" + f.Name
	}
	f.Traces, err = traces.Open(ctx, traces.Config{
		Service: service, Version: telemetry.ThisBuild().Version, To: s.To, Share: s.Share,
		Observer: f.Telemetry.Spans(), Log: f.Log,
	})
	f.OnClose(func() error { f.Traces.Close(); return nil })
	return err
}

// producer makes a producer whose records go on with the traces of those who publish them.
func (f *Foundation) producer() (*kafka.Producer, error) {
	p, err := kafka.NewProducer(f.Kafka, kafka.ProducerConfig{Spans: f.Traces.Provider()})
	if err != nil {
		return nil, err
	}
	f.OnClose(func() error { p.Close(); return nil })
	return p, nil
}
