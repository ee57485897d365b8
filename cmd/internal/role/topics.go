package role

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"

	"recount/cmd/internal/cli"
	"recount/internal/kafka"
)

// Topics says whether a role makes the topics that are missing, and how.
type Topics struct {
	// Create is auto, true or false; auto makes them on brokers of this machine only.
	Create string
	// Replication is how many brokers keep each partition; 0: 3, or on brokers of this machine what they have as default.
	Replication int
	// EventsCleanup is compact, or delete for clusters with tiered storage, which refuses compacted topics.
	EventsCleanup string
}

const (
	createAuto     = "auto"
	cleanupCompact = "compact"
	cleanupDelete  = "delete"

	replicationProduction = 3
)

// DefaultTopics make topics on this machine only.
func DefaultTopics() Topics { return Topics{Create: createAuto, EventsCleanup: cleanupCompact} }

// Flags declares them.
func (t *Topics) Flags(f *cli.Flags) {
	f.StringVar(&t.Create, "create-topics", t.Create, "`when` to make the topics that are missing: true, false, or auto, on brokers of this machine only")
	f.Lookup("create-topics").NoOptDefVal = "true"
	f.IntVar(&t.Replication, "replication", t.Replication, "`brokers` that keep each partition of a topic we make; 0: 3, or on this machine what the broker says")
	f.StringVar(&t.EventsCleanup, "events-cleanup", t.EventsCleanup, "`policy` of event topics we make: compact, or delete where tiered storage refuses that; they are kept for ever either way")
	f.Group("Topics", "create-topics", "replication", "events-cleanup")
}

// Validate returns every fault.
func (t *Topics) Validate() error {
	var faults []error
	if _, err := strconv.ParseBool(t.Create); err != nil && t.Create != createAuto {
		faults = append(faults, fmt.Errorf("--create-topics: %q is none of true, false and auto", t.Create))
	}
	if t.Replication < 0 || t.Replication > math.MaxInt16 {
		faults = append(faults, fmt.Errorf("--replication: %d brokers can't keep a partition", t.Replication))
	}
	if t.EventsCleanup != cleanupCompact && t.EventsCleanup != cleanupDelete {
		faults = append(faults, fmt.Errorf("--events-cleanup: %q is neither compact nor delete", t.EventsCleanup))
	}
	return errors.Join(faults...)
}

// create says whether topics are to be made on these brokers.
func (t Topics) create(brokers []string) bool {
	if t.Create == createAuto {
		return onThisMachine(brokers)
	}
	create, err := strconv.ParseBool(t.Create)
	return err == nil && create
}

// replication is that of topics on these brokers. Two of three copies must be in step before a write counts.
func (t Topics) replication(brokers []string) kafka.Replication {
	r := kafka.Replication{Factor: int16(t.Replication), DeleteCleanup: t.EventsCleanup == cleanupDelete}
	if t.Replication == 0 && !onThisMachine(brokers) {
		r.Factor = replicationProduction
	}
	if r.Factor >= replicationProduction {
		r.MinInSync = int(r.Factor) - 1
	}
	return r
}

func onThisMachine(brokers []string) bool {
	for _, b := range brokers {
		host, _, err := net.SplitHostPort(b)
		if err != nil {
			return false
		}
		ip, err := netip.ParseAddr(host)
		if host != "localhost" && (err != nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}
