package deals

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"

	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/serde"
	"recount/internal/statestore/pebble"
)

// Stores compares what the stores of an aggregator in dir hold with the log, aggregate by aggregate, and returns the
// money in their accounts, by currency. The aggregator must have been stopped in good order.
func (l *Log) Stores(dir string, partitions int, codec *serde.Codec) (total map[string]int64, err error) {
	root, err := pebble.Open(pebble.Config{Dir: filepath.Join(dir, "store")})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	s := stored{l: l, codec: codec, seen: map[Key]bool{}, total: map[string]int64{}}
	for context := range l.contexts {
		for p := range partitions {
			if err := s.read(root, context, p); err != nil {
				return nil, err
			}
		}
	}
	for key := range l.states {
		if !s.seen[key] {
			s.faults.add(ErrDiffer, "no store has %v", key)
		}
	}
	return s.total, errors.Join(s.faults.found...)
}

// stored is what was found in the stores so far.
type stored struct {
	l      *Log
	codec  *serde.Codec
	seen   map[Key]bool
	total  map[string]int64
	faults faults
}

func (s *stored) read(root *pebble.Root, context string, partition int) (err error) {
	store, err := root.Open(fmt.Sprintf("%s.%d", context, partition))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for pair, err := range store.Scan(nil, nil) {
		if err != nil {
			return err
		}
		found, isState, err := engine.ReadStored(pair)
		if err == nil && isState {
			err = s.compare(context, found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *stored) compare(context string, found engine.StoredAggregate) error {
	key := Key{context, found.Aggregate, found.ID}
	a, ok := s.l.contexts[context].Aggregate(found.Aggregate)
	if !ok {
		return fmt.Errorf("nobody declares %v", key)
	}
	codec := s.codec.Context(context)
	state, err := codec.DecodeState(a, found.State)
	if err != nil {
		return err
	}
	if account, isAccount := state.(account.Account); isAccount && account.Balance != 0 {
		s.total[account.Currency] += account.Balance
	}
	s.seen[key] = true
	want, known := s.l.states[key]
	if !known {
		s.faults.add(ErrDiffer, "the log has no %v", key)
		return nil
	}
	bytesOf, err := codec.AppendState(nil, a, want)
	if err != nil {
		return err
	}
	if found.Version != s.l.versions[key] || !bytes.Equal(bytesOf, found.State) {
		s.faults.add(ErrDiffer, "the store has %v at version %d as %+v, the log at %d as %+v", key, found.Version, state, s.l.versions[key], want)
	}
	return nil
}
