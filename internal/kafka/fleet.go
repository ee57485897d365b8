package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Fleet is a group of workers as Kafka knows it.
type Fleet struct {
	// State is the group's, in Kafka's words: "Stable", "PreparingRebalance" …
	State string
	// Workers are by name. In the middle of a rebalance a broker tells nothing of them, and there are none.
	Workers []FleetWorker
	// Ends are the last stable offsets of the topic that the workers' stores reflect. What a worker lacks is
	// the distance to them, markers included: its store counts those it has read, unlike the groups that Lag is for.
	Ends map[int32]int64
}

// FleetWorker is one process of a group, all its sessions together.
type FleetWorker struct {
	Name               string
	Sessions           int
	Capacity, Standbys int
	// Assigned are the partitions the group has given it.
	Assigned []int32
	// Holdings are what it said it has, by partition.
	Holdings map[int32]Holding
}

// coordinatorless is the state of a group of which no broker knows for the moment, as when the cluster has just begun.
const coordinatorless = "NoCoordinator"

// Settled says whether a group in this state is in no rebalance, and a broker tells of it.
func Settled(state string) bool {
	return state != "PreparingRebalance" && state != "CompletingRebalance" && state != coordinatorless
}

// Worker returns the worker of a name.
func (f Fleet) Worker(name string) (FleetWorker, bool) {
	i := slices.IndexFunc(f.Workers, func(w FleetWorker) bool { return w.Name == name })
	if i < 0 {
		return FleetWorker{}, false
	}
	return f.Workers[i], true
}

// Owner returns the worker to which a partition is assigned; "": nobody, as in the middle of a rebalance.
func (f Fleet) Owner(p int32) string {
	for _, w := range f.Workers {
		if slices.Contains(w.Assigned, p) {
			return w.Name
		}
	}
	return ""
}

// Names returns the workers' names.
func (f Fleet) Names() []string {
	var out []string
	for _, w := range f.Workers {
		out = append(out, w.Name)
	}
	return out
}

// DescribeFleet asks Kafka for a group's workers, what is assigned to them, and what they have of the topic of events. A
// group that nobody is in has no workers.
func DescribeFleet(ctx context.Context, cfg Config, group, events string) (f Fleet, err error) {
	err = administer(cfg, func(admin *kadm.Client) error {
		if f, err = describeWorkers(ctx, admin, group); err != nil {
			return err
		}
		for i, w := range f.Workers {
			if f.Workers[i].Holdings, err = readHoldings(ctx, admin, group, w.Name, events); err != nil {
				return err
			}
		}
		found, err := extents(ctx, admin, []string{events})
		f.Ends = map[int32]int64{}
		for p, e := range found[events] {
			f.Ends[p] = e.Stable
		}
		return err
	})
	return f, err
}

func describeWorkers(ctx context.Context, admin *kadm.Client, group string) (Fleet, error) {
	g, err := describeGroup(ctx, admin, group)
	passing := []error{kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator}
	if slices.ContainsFunc(passing, func(e error) bool { return errors.Is(err, e) }) {
		return Fleet{State: coordinatorless}, nil
	}
	if err != nil || !Settled(g.State) {
		return Fleet{State: g.State}, err
	}
	return Fleet{State: g.State, Workers: g.workers()}, nil
}

// workers puts members together that are sessions of one worker.
func (g GroupState) workers() (out []FleetWorker) {
	byName := map[string][]Member{}
	for _, m := range g.Members {
		byName[m.Worker] = append(byName[m.Worker], m)
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		sessions := byName[name]
		w := FleetWorker{Name: name, Sessions: len(sessions), Capacity: sessions[0].Capacity, Standbys: sessions[0].Standbys}
		for _, s := range sessions {
			w.Assigned = append(w.Assigned, s.Partitions...)
		}
		slices.Sort(w.Assigned)
		w.Assigned = slices.Compact(w.Assigned)
		out = append(out, w)
	}
	return out
}
