package serde

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/twmb/franz-go/pkg/sr"
	"golang.org/x/sync/errgroup"
)

// Topics names the topic of a context's stream: ("bank", "events") → "bank.events". Replies are of context "recount".
type Topics func(context, stream string) string

// registering is how many subjects are registered at a time: a registry writes each to its own log before it answers, and
// there are some hundred.
const registering = 8

func plainTopics(context, stream string) string { return context + "." + stream }

// Register makes every version of every schema known to the registry, oldest first, and returns the codec that uses the
// registry's IDs. Subjects are named <topic>-<record>, such as bank.events-bank.account.FundsDeposited
// (TopicRecordNameStrategy), and kept FULL_TRANSITIVE. What is there already is left alone, so that registering again,
// in whatever order, gives the same IDs. topics names the topics; nil: "<context>.<stream>".
func (c *Catalog) Register(ctx context.Context, r *Registry, topics Topics) (*Codec, error) {
	if topics == nil {
		topics = plainTopics
	}
	var mu sync.Mutex
	ids := map[slot]uint32{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(registering)
	for subject, slots := range c.subjects(topics) {
		g.Go(func() error {
			for _, s := range slots { // a version must be compatible with those that are there already
				id, err := r.register(ctx, subject, s.version)
				if err != nil {
					return err
				}
				mu.Lock()
				ids[s] = uint32(id)
				mu.Unlock()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return newCodec(c, r, ids)
}

// subjects are the slots by the subject that their versions belong to, oldest first.
func (c *Catalog) subjects(topics Topics) map[string][]slot {
	subjects := map[string][]slot{}
	for _, s := range c.slots() {
		subject := topics(s.context, s.stream) + "-" + s.version.record.name
		subjects[subject] = append(subjects[subject], s)
	}
	return subjects
}

// register returns the ID of v in subject, which it gets there unless it is.
func (r *Registry) register(ctx context.Context, subject string, v *version) (int, error) {
	doing := fmt.Sprintf("registering %s as %s", v.path, subject)
	schema := sr.Schema{Schema: v.text, Type: sr.TypeAvro}
	found, err := r.client.LookupSchema(ctx, subject, schema)
	switch {
	case err == nil:
		return found.ID, nil
	case !isAnswer(err, http.StatusNotFound, http.StatusMethodNotAllowed):
		return 0, r.explain(doing, err)
	}
	guarded, err := r.guard(ctx, subject)
	if err != nil {
		return 0, r.explain(doing, err)
	}
	id, err := r.client.RegisterSchema(ctx, subject, schema, -1, -1)
	switch {
	case isAnswer(err, http.StatusConflict):
		return 0, fmt.Errorf("%s: the schema registry at %s says it is incompatible with an earlier version. "+
			"Never edit a schema file: restore it, and add the next version, whose new fields have defaults: %w", doing, r.urls, err)
	case err != nil:
		return 0, r.explain(doing, err)
	case !guarded: // some registries know a subject's settings only once there is a subject
		if _, err := r.guard(ctx, subject); err != nil {
			return 0, r.explain(doing, err)
		}
	}
	return id, nil
}

// guard makes the registry refuse what is not compatible both ways with every version of subject. A registry may not
// know such settings, or not let us change them: then our own gate over the files stands alone, which never depends on it.
func (r *Registry) guard(ctx context.Context, subject string) (guarded bool, err error) {
	for _, result := range r.client.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFullTransitive}, subject) {
		var answer *sr.ResponseError
		if result.Err != nil && !errors.As(result.Err, &answer) {
			return false, result.Err
		}
		guarded = result.Err == nil
	}
	return guarded, nil
}

// isAnswer reports whether err is an answer of the registry with one of these HTTP statuses.
func isAnswer(err error, statuses ...int) bool {
	var answer *sr.ResponseError
	if !errors.As(err, &answer) {
		return false
	}
	for _, status := range statuses {
		if answer.StatusCode == status {
			return true
		}
	}
	return false
}
