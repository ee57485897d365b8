package pebble_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"recount/internal/statestore"
)

// ledger is what one partition was told to write, and can tell whether a store agrees with some prefix of it: the first
// m steps, where m is the watermark the store itself holds. Each step changes values, leaves a dedup block that lists
// what it changed, and raises the watermark.
type ledger struct {
	steps []step
}

type step struct {
	sets    map[string]string
	deletes []string
}

const watermarkKey = "w"

// draw adds a step of random content and returns its number, counted from 1.
func (l *ledger) draw(rng *rand.Rand) int {
	at := len(l.steps) + 1
	s := step{sets: map[string]string{}}
	for range 1 + rng.IntN(6) {
		key := fmt.Sprintf("v/%02d", rng.IntN(40))
		if rng.IntN(5) == 0 {
			s.deletes = append(s.deletes, key)
			delete(s.sets, key)
		} else {
			s.sets[key] = fmt.Sprintf("%d %s", at, strings.Repeat("x", rng.IntN(600)))
		}
	}
	s.deletes = slices.DeleteFunc(s.deletes, func(key string) bool { _, set := s.sets[key]; return set })
	l.steps = append(l.steps, s)
	return at
}

// values adds the writes of step at to b, but for the watermark.
func (l *ledger) values(b *statestore.Batch, at int) {
	s := l.steps[at-1]
	for _, key := range s.deletes {
		b.Delete([]byte(key))
	}
	for _, key := range slices.Sorted(maps.Keys(s.sets)) {
		b.Set([]byte(key), []byte(s.sets[key]))
	}
	b.Set(dedupKey(at), s.dedup())
}

func (l *ledger) watermark(b *statestore.Batch, at int) {
	b.Set([]byte(watermarkKey), binary.BigEndian.AppendUint64(nil, uint64(at)))
}

func dedupKey(at int) []byte { return fmt.Appendf(nil, "d/%06d", at) }

func (s step) dedup() []byte {
	return fmt.Appendf(nil, "%q %q", slices.Sorted(maps.Keys(s.sets)), slices.Sorted(slices.Values(s.deletes)))
}

// prefix returns how many steps r holds, or an error if what it holds is no prefix.
func (l *ledger) prefix(r statestore.Reader) (int, error) {
	held := 0
	if w, ok, err := r.Get([]byte(watermarkKey)); err != nil {
		return 0, err
	} else if ok {
		held = int(binary.BigEndian.Uint64(w))
	}
	if held > len(l.steps) {
		return 0, fmt.Errorf("watermark %d of %d steps", held, len(l.steps))
	}
	want := l.fold(held)
	for p, err := range r.Scan(nil, nil) {
		if err != nil {
			return 0, err
		}
		if value, ok := want[string(p.Key)]; !ok || value != string(p.Value) {
			return 0, fmt.Errorf("watermark %d: %s is %.20q, want %.20q", held, p.Key, p.Value, value)
		}
		delete(want, string(p.Key))
	}
	if len(want) > 0 {
		return 0, fmt.Errorf("watermark %d: missing %q", held, slices.Sorted(maps.Keys(want)))
	}
	return held, nil
}

// fold returns the content after the first n steps.
func (l *ledger) fold(n int) map[string]string {
	content := map[string]string{}
	for at, s := range l.steps[:n] {
		for _, key := range s.deletes {
			delete(content, key)
		}
		maps.Copy(content, s.sets)
		content[string(dedupKey(at+1))] = string(s.dedup())
		content[watermarkKey] = string(binary.BigEndian.AppendUint64(nil, uint64(at+1)))
	}
	return content
}
