package partition

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// situation is everything Assign is told.
type situation struct {
	members []Member
	n       int32
	orders  Orders
}

func (s situation) assign() map[string][]int32 { return Assign(s.members, s.n, s.orders) }

// eligible are the members that may own something.
func (s situation) eligible() []Member {
	return slices.DeleteFunc(slices.Clone(s.members), func(m Member) bool { return s.orders.Drains[m.ID] })
}

// pinnedTo is the member that must own p, if its pin is in force.
func (s situation) pinnedTo(p int32) (string, bool) {
	member, pinned := s.orders.Pins[p]
	return member, pinned && slices.ContainsFunc(s.eligible(), func(m Member) bool { return m.ID == member })
}

// drawSituation makes a group of up to most members in any state, reachable or not: two may claim one partition, and
// they may speak of partitions that do not exist.
func drawSituation(t *rapid.T, most int, n int32) situation {
	s := situation{n: rapid.Int32Range(0, n).Draw(t, "n"), orders: Orders{Pins: map[int32]string{}, Drains: map[string]bool{}}}
	some := rapid.SliceOfN(rapid.Int32Range(-1, s.n), 0, int(n))
	for i := range rapid.IntRange(0, most).Draw(t, "members") {
		s.members = append(s.members, Member{
			ID:       fmt.Sprintf("w%d", i),
			Owned:    some.Draw(t, "owned"),
			Warm:     some.Draw(t, "warm"),
			Capacity: rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5}).Draw(t, "capacity"),
		})
		if rapid.IntRange(0, 4).Draw(t, "drain") == 0 {
			s.orders.Drains[s.members[i].ID] = true
		}
	}
	for _, p := range rapid.SliceOfN(rapid.Int32Range(0, n), 0, 2).Draw(t, "pinned") {
		s.orders.Pins[p] = fmt.Sprintf("w%d", rapid.IntRange(0, most).Draw(t, "to"))
	}
	return s
}

// law is something every assignment must be, and a way to spoil one so that it is not. What is spoiled shares nine
// partitions out among w0 to w3, of which w1 is drained, with partition 4 pinned to w2.
type law struct {
	name  string
	check func(situation, map[string][]int32) error
	spoil func(map[string][]int32)
}

func laws() []law {
	return []law{
		{"every partition has one owner", oneOwnerEach, func(a map[string][]int32) { a["w0"] = append(a["w0"], a["w2"][0]) }},
		{"no partition is forgotten", oneOwnerEach, func(a map[string][]int32) { a["w3"] = a["w3"][1:] }},
		{"every member has an entry", everyMember, func(a map[string][]int32) { delete(a, "w1") }},
		{"pins are obeyed", pinsObeyed, func(a map[string][]int32) { a["w0"], a["w2"] = a["w2"], a["w0"] }},
		{"drained members own nothing", drainsObeyed, func(a map[string][]int32) { a["w0"], a["w1"] = a["w1"], a["w0"] }},
		{"loads are equal within one", balanced, func(a map[string][]int32) { a["w0"], a["w3"] = append(a["w0"], a["w3"][0]), a["w3"][1:] }},
		{"each list rises", rising, func(a map[string][]int32) { slices.Reverse(a["w0"]) }},
	}
}

func TestEveryAssignmentKeepsTheLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t, 7, 24)
		got := s.assign()
		for _, law := range laws() {
			if err := law.check(s, got); err != nil {
				t.Errorf("%s: %v in %v", law.name, err, got)
			}
		}
	})
}

func TestEachLawCatchesItsBreach(t *testing.T) {
	t.Parallel()
	s := situation{
		members: []Member{{ID: "w0"}, {ID: "w1"}, {ID: "w2"}, {ID: "w3"}}, n: 9,
		orders: Orders{Pins: map[int32]string{4: "w2"}, Drains: map[string]bool{"w1": true}},
	}
	for _, law := range laws() {
		spoiled := s.assign()
		if err := law.check(s, spoiled); err != nil {
			t.Errorf("%s: fails before anything is spoiled: %v", law.name, err)
		}
		law.spoil(spoiled)
		if law.check(s, spoiled) == nil {
			t.Errorf("%s: not noticed to be broken in %v", law.name, spoiled)
		}
	}
}

func oneOwnerEach(s situation, got map[string][]int32) error {
	owners := make([]int, s.n)
	for member, partitions := range got {
		for _, p := range partitions {
			if p < 0 || p >= s.n {
				return fmt.Errorf("%s owns %d of %d", member, p, s.n)
			}
			owners[p]++
		}
	}
	want := min(1, len(s.eligible()))
	for p, n := range owners {
		if n != want {
			return fmt.Errorf("partition %d has %d owners, want %d", p, n, want)
		}
	}
	return nil
}

func everyMember(s situation, got map[string][]int32) error {
	for _, m := range s.members {
		if _, there := got[m.ID]; !there {
			return fmt.Errorf("%s is missing", m.ID)
		}
	}
	if len(got) != len(s.members) {
		return fmt.Errorf("%d entries for %d members", len(got), len(s.members))
	}
	return nil
}

func pinsObeyed(s situation, got map[string][]int32) error {
	for p := range s.n {
		if member, pinned := s.pinnedTo(p); pinned && !slices.Contains(got[member], p) {
			return fmt.Errorf("partition %d is not with %s", p, member)
		}
	}
	return nil
}

func drainsObeyed(s situation, got map[string][]int32) error {
	for _, m := range s.members {
		if s.orders.Drains[m.ID] && len(got[m.ID]) > 0 {
			return fmt.Errorf("%s owns %v", m.ID, got[m.ID])
		}
	}
	return nil
}

// balanced: nobody could hand over a partition to a member that has two fewer, or relieve a member above its capacity.
func balanced(s situation, got map[string][]int32) error {
	for _, a := range s.eligible() {
		free := slices.ContainsFunc(got[a.ID], func(p int32) bool { _, pinned := s.pinnedTo(p); return !pinned })
		for _, b := range s.eligible() {
			overA, fullB := a.Capacity > 0 && len(got[a.ID]) > a.Capacity, b.Capacity > 0 && len(got[b.ID]) >= b.Capacity
			if free && overA && !fullB {
				return fmt.Errorf("%s is above its capacity and %s has room", a.ID, b.ID)
			}
			if free && len(got[a.ID]) > len(got[b.ID])+1 && (overA || !fullB) {
				return fmt.Errorf("%s has %d and %s has %d", a.ID, len(got[a.ID]), b.ID, len(got[b.ID]))
			}
		}
	}
	return nil
}

func rising(_ situation, got map[string][]int32) error {
	for member, partitions := range got {
		if !slices.IsSorted(partitions) {
			return fmt.Errorf("%s has %v", member, partitions)
		}
	}
	return nil
}

func TestTheOrderOfArgumentsDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t, 6, 16)
		want := s.assign()
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		shuffled := s
		shuffled.members = shuffle(rng, s.members)
		for i, m := range shuffled.members {
			shuffled.members[i].Owned, shuffled.members[i].Warm = shuffle(rng, m.Owned), shuffle(rng, m.Warm)
		}
		if got := shuffled.assign(); !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%v, but shuffled %v", want, got)
		}
	})
}

func shuffle[T any](rng *rand.Rand, in []T) []T {
	out := slices.Clone(in)
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func TestAssignLeavesItsArgumentsAlone(t *testing.T) {
	t.Parallel()
	members := []Member{{ID: "w1", Owned: []int32{2, 0}, Warm: []int32{1}}, {ID: "w0"}}
	Assign(members, 3, Orders{})
	if members[0].ID != "w1" || !slices.Equal(members[0].Owned, []int32{2, 0}) || !slices.Equal(members[0].Warm, []int32{1}) {
		t.Errorf("the members became %v", members)
	}
}

func TestTwoMembersOfOneNameAreAMistake(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("one of two namesakes was given nothing")
		}
	}()
	Assign([]Member{{ID: "w0"}, {ID: "w0"}}, 3, Orders{})
}
