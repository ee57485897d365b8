package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// VerdictKind is what an operator has decided about events that a view could not map.
type VerdictKind string

const (
	// ReleaseVerdict has an aggregate's parked events be mapped again. It ends by itself, and when it has been tried.
	ReleaseVerdict VerdictKind = "release"
	// DiscardVerdict has one event never be in the view: neither in a generation there is nor in one there will be. It is
	// a fact that no event tells, so it stands in the control topic for ever.
	DiscardVerdict VerdictKind = "discard"
)

// Verdict is a record of the control topic. It is JSON, as orders are.
type Verdict struct {
	Version int         `json:"v"`
	Kind    VerdictKind `json:"kind"`
	Context string      `json:"context"`
	View    string      `json:"view"`
	// Aggregate and ID say whose events they are.
	Aggregate string `json:"aggregate"`
	ID        string `json:"id"`
	// Partition and Offset say which event a discard concerns.
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
	// Attempt tells one release from the next.
	Attempt string `json:"attempt,omitempty"`
	// Until is when a release ends by itself, so that a tool that dies leaves none behind; nil: never.
	Until *time.Time `json:"until,omitempty"`
	At    time.Time  `json:"at"`
	By    string     `json:"by"`
	Why   string     `json:"why,omitempty"`
}

const (
	verdictVersion = 1
	verdictPrefix  = "parked/"
)

// key is the verdict's place in the control topic. Only an aggregate's ID may hold a slash.
func (v Verdict) key() string {
	if v.Kind == DiscardVerdict {
		return fmt.Sprintf("%s%s/%s/%s/%d@%d", verdictPrefix, v.Kind, v.View, v.Context, v.Partition, v.Offset)
	}
	return fmt.Sprintf("%s%s/%s/%s/%s/%s", verdictPrefix, v.Kind, v.View, v.Context, v.Aggregate, v.ID)
}

// GiveVerdicts writes verdicts to the control topic.
func GiveVerdicts(ctx context.Context, cfg Config, verdicts ...Verdict) error {
	var entries []controlEntry
	for _, v := range verdicts {
		v.Version = verdictVersion
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("kafka: writing what was decided about %s %s: %w", v.Aggregate, v.ID, err)
		}
		entries = append(entries, controlEntry{v.key(), text})
	}
	return writeControl(ctx, cfg, entries...)
}

// WithdrawVerdicts takes verdicts back. One that does not stand is no error.
func WithdrawVerdicts(ctx context.Context, cfg Config, verdicts ...Verdict) error {
	var entries []controlEntry
	for _, v := range verdicts {
		entries = append(entries, controlEntry{key: v.key()})
	}
	return writeControl(ctx, cfg, entries...)
}

// Verdicts are those in force.
type Verdicts []Verdict

// Of returns those that concern a view of a context.
func (v Verdicts) Of(context, view string) Verdicts {
	return slices.DeleteFunc(slices.Clone(v), func(v Verdict) bool { return v.Context != context || v.View != view })
}

// ReadVerdicts returns the verdicts in force at now.
func ReadVerdicts(ctx context.Context, cfg Config, now time.Time) (Verdicts, error) {
	d := docket{}
	if _, err := readControl(ctx, cfg, d); err != nil {
		return nil, err
	}
	return d.inForce(now), nil
}

// FollowVerdicts hands the verdicts in force to deliver: first those that stand in the control topic, and then whenever
// one is given, withdrawn or ends by itself. It returns when ctx ends, or with an error that reading again may mend.
func FollowVerdicts(ctx context.Context, cfg Config, now func() time.Time, deliver func(Verdicts)) error {
	d := docket{}
	return followControl(ctx, cfg, now, d, func(at time.Time) { deliver(d.inForce(at)) })
}

// docket is what stands in the control topic of verdicts, by key.
type docket map[string]Verdict

func (d docket) enter(key, value []byte, _ int64) bool {
	if !strings.HasPrefix(string(key), verdictPrefix) {
		return false
	}
	_, known := d[string(key)]
	var v Verdict
	if err := json.Unmarshal(value, &v); err != nil || v.Version != verdictVersion || v.key() != string(key) {
		delete(d, string(key)) // withdrawn, or in a form that is not known here
		return known
	}
	d[string(key)] = v
	return true
}

func (v Verdict) ends(at time.Time) bool { return v.Until != nil && !at.Before(*v.Until) }

func (d docket) inForce(now time.Time) Verdicts {
	var out Verdicts
	for _, key := range slices.Sorted(maps.Keys(d)) {
		if v := d[key]; !v.ends(now) {
			out = append(out, v)
		}
	}
	return out
}

func (d docket) next(now time.Time) (next time.Time) {
	for _, v := range d {
		if v.Until != nil && !v.ends(now) && (next.IsZero() || v.Until.Before(next)) {
			next = *v.Until
		}
	}
	return next
}
