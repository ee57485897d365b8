package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Role is what a worker does with a partition's store.
type Role string

// The roles.
const (
	// OwnerRole decides the partition's commands: it has taken over, and not only been assigned to it.
	OwnerRole Role = "owner"
	// StandbyRole follows the partition's events; FillingRole is about to.
	StandbyRole Role = "standby"
	FillingRole Role = "filling"
	// IdleRole keeps what it had, and does nothing with it.
	IdleRole Role = "idle"
)

// Holding is what a worker has of a partition.
type Holding struct {
	// Position is the next event that its store, or its memory above that, does not reflect.
	Position int64 `json:"-"`
	Role     Role  `json:"role"`
	// Since is when the role began, At when this was said.
	Since time.Time `json:"since"`
	At    time.Time `json:"at"`
}

// Holdings publishes what a worker has: as committed offsets of the event topic, in a group that has no members. So any
// tool that shows a group's lag shows how far a standby is behind, and nothing but Kafka is asked.
type Holdings struct {
	cl    *kgo.Client
	group string
	topic string
}

// HoldingsGroup is the name of the group with a worker's holdings, in a context whose aggregators are in group.
func HoldingsGroup(group, worker string) string { return group + ".holds." + worker }

// NewHoldings returns a publisher of one worker's holdings of a topic.
func NewHoldings(cfg Config, group, worker, topic string) (*Holdings, error) {
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return &Holdings{cl: cl, group: HoldingsGroup(group, worker), topic: topic}, nil
}

// Publish says what the worker has, by partition. What was said of others stands.
func (h *Holdings) Publish(ctx context.Context, holdings map[int32]Holding) error {
	offsets := kadm.Offsets{}
	for p, holding := range holdings {
		words, err := json.Marshal(holding)
		if err != nil {
			return err
		}
		offsets.Add(kadm.Offset{Topic: h.topic, Partition: p, At: max(0, holding.Position), LeaderEpoch: -1, Metadata: string(words)})
	}
	if err := kadm.NewClient(h.cl).CommitAllOffsets(ctx, h.group, offsets); err != nil {
		return fmt.Errorf("kafka: publishing what this worker has: %w", err)
	}
	return nil
}

// Close ends the publishing; what was said stands until Kafka forgets it.
func (h *Holdings) Close() { h.cl.Close() }

// readHoldings returns what a worker said it has. One that never said anything has nothing.
func readHoldings(ctx context.Context, admin *kadm.Client, group, worker, topic string) (map[int32]Holding, error) {
	found, err := admin.FetchOffsets(ctx, HoldingsGroup(group, worker))
	if errors.Is(err, kerr.GroupIDNotFound) {
		return map[int32]Holding{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("kafka: asking what %s has: %w", worker, err)
	}
	out := map[int32]Holding{}
	for p, offset := range found[topic] {
		var h Holding
		if offset.Err != nil || json.Unmarshal([]byte(offset.Metadata), &h) != nil {
			continue // said by another version of this program
		}
		h.Position = offset.At
		out[p] = h
	}
	return out, nil
}
