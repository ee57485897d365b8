package kafka

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"recount/internal/partition"
)

// Steering is what a session tells its group beside what it owns, and what its group tells it. The zero value is a
// session that stands for itself, follows nothing and obeys nobody's orders.
type Steering struct {
	// Worker is the name of the process; its sessions count together. Empty: the session's own name.
	Worker string
	// Capacity is how many partitions the worker should own at most, Standbys how many it is ready to follow; zero: no
	// limit, and none.
	Capacity, Standbys int
	// Stores returns how far the worker's stores reflect the events, by partition, whoever owns that. Nil: unknown.
	Stores func() map[int32]int64
	// Orders returns what is ordered. The group's leader asks. Nil: nothing.
	Orders func() Orders
	// StandBy is told which partitions the worker is to follow, at each assignment and by each of its sessions. Nil:
	// nobody is.
	StandBy func(partitions []int32)
}

// memberWords is what a member tells the leader, in the user data of the consumer protocol's metadata. A member that tells
// nothing, or in a form that is not known here, stands for itself: an older version of this program, during an update.
type memberWords struct {
	Version  int    `json:"v"`
	Worker   string `json:"worker"`
	Capacity int    `json:"capacity,omitempty"`
	Standbys int    `json:"standbys,omitempty"`
	// Orders is the revision this member knows. With it a member that heard of new orders tells something new: a broker
	// passes over a member that joins again with the same words, unless it leads the group.
	Orders int64           `json:"orders,omitempty"`
	Stores map[int32]int64 `json:"stores,omitempty"`
}

// leaderWords is what the leader tells each member, in the user data of its assignment.
type leaderWords struct {
	Version  int     `json:"v"`
	Standbys []int32 `json:"standbys,omitempty"`
}

const wordsVersion = 1

// words are this member's.
func (s Steering) words() ([]byte, error) {
	if s.Worker == "" {
		return nil, nil
	}
	w := memberWords{Version: wordsVersion, Worker: s.Worker, Capacity: s.Capacity, Standbys: s.Standbys}
	if s.Stores != nil {
		w.Stores = s.Stores()
	}
	if s.Orders != nil {
		w.Orders = s.Orders().Revision
	}
	return json.Marshal(w)
}

// hear takes over what the leader tells.
func (s Steering) hear(userData []byte) {
	var w leaderWords
	if s.StandBy == nil {
		return
	}
	if err := json.Unmarshal(userData, &w); err != nil || w.Version != wordsVersion {
		w = leaderWords{} // a leader of an older version has nobody follow anything
	}
	s.StandBy(w.Standbys)
}

// groupMember is a member as the leader, or somebody who looks, knows it.
type groupMember struct {
	name  string // the same after a restart where a member has an instance ID
	words memberWords
}

func readMember(name string, meta *kmsg.ConsumerMemberMetadata) groupMember {
	m := groupMember{name: name}
	if err := json.Unmarshal(meta.UserData, &m.words); err != nil || m.words.Version != wordsVersion || m.words.Worker == "" {
		m.words = memberWords{Worker: name}
	}
	return m
}

// warmGapMax is how many events a store may be behind the best and still be called warm: they are folded in less than a
// second.
const warmGapMax = 500_000

// workersOf puts members together that are of one worker. claims are what each member owns, by its name.
func workersOf(members []groupMember, claims map[string][]int32) (workers []partition.Member, sessions map[string][]partition.Member) {
	best := map[int32]int64{}
	for _, m := range members {
		for p, at := range m.words.Stores {
			best[p] = max(best[p], at)
		}
	}
	byName := map[string]*partition.Member{}
	warm := map[string]map[int32]bool{}
	sessions = map[string][]partition.Member{}
	for _, m := range members {
		name := m.words.Worker
		w := byName[name]
		if w == nil {
			w = &partition.Member{ID: name}
			byName[name], warm[name] = w, map[int32]bool{}
		}
		w.Capacity, w.Standbys = max(w.Capacity, m.words.Capacity), max(w.Standbys, m.words.Standbys)
		w.Owned = append(w.Owned, claims[m.name]...)
		for p, at := range m.words.Stores {
			warm[name][p] = warm[name][p] || best[p]-at <= warmGapMax
		}
		sessions[name] = append(sessions[name], partition.Member{ID: m.name, Owned: claims[m.name]})
	}
	for name, w := range byName {
		for p, is := range warm[name] {
			if is {
				w.Warm = append(w.Warm, p)
			}
		}
		workers = append(workers, *w)
	}
	slices.SortFunc(workers, func(a, b partition.Member) int { return cmp.Compare(a.ID, b.ID) })
	return workers, sessions
}
