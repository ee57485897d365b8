package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Replies reads the answers to one instance's callers who wait, from the moment it was opened. It belongs to no group:
// every instance reads the whole topic, and takes what is addressed to it.
//
// A reply's key is what its command had in reply_to: the instance, then a slash and whatever the instance added to tell
// its callers apart.
type Replies struct {
	cl       *kgo.Client
	instance string
	log      *slog.Logger
}

const (
	repliesRetryPause = time.Second
	// fetchWaitMax bounds how long a broker holds an empty fetch. It delays nothing: a record ends the wait.
	fetchWaitMax = time.Second
)

// OpenReplies finds the ends of the topic's partitions and will read on from there. So a reply to any command published
// after OpenReplies has returned is seen; a reader that looked up the ends later could miss it.
func OpenReplies(ctx context.Context, cfg Config, instance string) (*Replies, error) {
	ends, err := repliesEnds(ctx, cfg)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(cfg.options(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{RepliesTopic: ends}),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), // the topic was made again: nothing in it is older than us
		kgo.FetchMaxWait(fetchWaitMax),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: a reader of replies: %w", err)
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Replies{cl: cl, instance: instance, log: log}, nil
}

func repliesEnds(ctx context.Context, cfg Config) (map[int32]kgo.Offset, error) {
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		return nil, fmt.Errorf("kafka: a reader of replies: %w", err)
	}
	defer cl.Close()
	listed, err := kadm.NewClient(cl).ListEndOffsets(ctx, RepliesTopic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("kafka: looking for the end of %s: %w (is Kafka running, is --kafka right, were the topics made?)", RepliesTopic, err)
	}
	ends := map[int32]kgo.Offset{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = kgo.NewOffset().At(o.Offset) })
	return ends, nil
}

// Instance returns the name that leads replies here.
func (r *Replies) Instance() string { return r.instance }

// Run hands each reply's address (what follows the instance's name) and value to deliver, until ctx ends. The values are
// deliver's to keep. Errors are logged and outlived: a caller whose reply does not come can ask for the command.
func (r *Replies) Run(ctx context.Context, deliver func(address string, value []byte)) error {
	prefix := []byte(r.instance + "/")
	for {
		fetched := r.cl.PollFetches(ctx)
		if ctx.Err() != nil || fetched.IsClientClosed() {
			return nil
		}
		fetched.EachRecord(func(rec *kgo.Record) {
			if address, ok := bytes.CutPrefix(rec.Key, prefix); ok {
				deliver(string(address), rec.Value)
			}
		})
		if err := fetched.Err(); err != nil && !errors.Is(err, context.Canceled) {
			r.log.Warn("replies could not be read; callers who wait are told to ask later", "error", err)
			if !pause(ctx, repliesRetryPause) {
				return nil
			}
		}
	}
}

// pause waits for d; false: ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// Close ends the reader; Run returns.
func (r *Replies) Close() { r.cl.Close() }
