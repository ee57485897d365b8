package role

import (
	"cmp"
	"context"

	"recount/internal/es"
	"recount/internal/worker/parking"
	"recount/internal/worker/projector"
)

// ParkingDesk returns where is decided about events that views could not map; by says who decides, empty: this user.
func (f *Foundation) ParkingDesk(ctx context.Context, by string) (parking.Desk, error) {
	db, err := f.Views(ctx)
	if err != nil {
		return parking.Desk{}, err
	}
	return parking.Desk{DB: db, Kafka: f.Kafka, Who: cmp.Or(by, whoAmI())}, nil
}

// Source is a stream of a context, for a tool that reads its records.
func (f *Foundation) Source(context, stream string) projector.Source {
	return projector.Source{Context: context, Stream: es.Stream(stream), Codec: f.Codec}
}
