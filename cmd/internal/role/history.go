package role

import (
	"context"

	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/inspect"
)

// Events names one aggregate's events, for inspect to read.
func (f *Foundation) Events(context string, of es.AggregateType, id string) inspect.Request {
	return inspect.Request{
		Kafka: f.Kafka, Codec: f.Codec.Context(context), Context: context,
		Aggregate: of, ID: id, Partitions: int32(f.Services.Partitions), Learn: f.Learn,
	}
}

// ProcessEvents names the events of one instance of a saga, for inspect to read.
func (f *Foundation) ProcessEvents(context string, of es.Process, id string) inspect.Request {
	return inspect.Request{
		Kafka: f.Kafka, Codec: f.Codec.Processes(context), Context: context, Topic: context + kafka.ProcessesSuffix,
		Aggregate: of, ID: id, Partitions: int32(f.Services.Partitions), Learn: f.Learn,
	}
}

// Learn asks the registry about a frame's schema if it was not met before: a newer program may have written it.
func (f *Foundation) Learn(ctx context.Context, frame []byte) error {
	id, unknown := f.Codec.Unknown(frame)
	if !unknown {
		return nil
	}
	return f.Codec.Learn(ctx, id)
}
