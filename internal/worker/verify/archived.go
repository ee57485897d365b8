package verify

import (
	"context"
	"fmt"
	"slices"

	"recount/internal/archive"
	"recount/internal/proof"
	"recount/internal/serde"
	"recount/internal/serde/container"
)

// Archive is the Source of an archive's files.
type Archive struct {
	Dir      string
	Manifest *archive.Manifest
	Codec    *serde.Codec
}

// archiveBatch is how many records are handed over at a time.
const archiveBatch = 1_000

// Parts are those of the streams that the archive has. Without one of them the walk would be shorter than one believes.
func (a Archive) Parts(_ context.Context, streams []Stream) (out []Part, err error) {
	for _, s := range streams {
		if !slices.ContainsFunc(a.Manifest.Topics, func(t archive.Topic) bool { return t.Name == s.Topic() }) {
			return nil, fmt.Errorf("the archive has no %s: it is another program's, or an older one's; --context names those to verify", s.Topic())
		}
		for p := range a.Manifest.Partitions {
			out = append(out, Part{Stream: s, Partition: p, Until: a.Manifest.Next(s.Topic(), p)})
		}
	}
	return out, nil
}

// Read reads the files of a part, each of which must be the one that the manifest lists.
func (a Archive) Read(ctx context.Context, p Part, deliver func([]proof.Record, int64) error) error {
	for _, f := range a.Manifest.Of(p.Topic(), p.Partition) {
		var batch []proof.Record
		pass := func(next int64) error {
			defer func() { batch = batch[:0] }()
			return deliver(batch, next)
		}
		err := f.Read(a.Dir, func(r *container.Record) error {
			frame, err := a.Codec.AppendFrame(nil, serde.EventSchema{Record: r.Schema, Version: r.SchemaVersion}, r.Body)
			if err != nil {
				return err
			}
			batch = append(batch, proof.Record{Offset: r.Offset, Key: r.Key, Value: frame})
			if len(batch) < archiveBatch {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			return pass(r.Offset + 1)
		})
		if err == nil {
			err = pass(f.Until)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
