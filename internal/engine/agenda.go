package engine

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// alarm is one timer that a process waits for.
type alarm struct {
	due       int64
	aggregate string // the saga
	id, name  string
}

// fired is an alarm that a step has seen to: it was put into the inbox, or was stale and nobody waits for it.
type fired struct {
	alarm
	stale bool
}

// stored is its key in a store: in order of time, and nothing lies under it.
func (a alarm) stored() []byte {
	k := binary.BigEndian.AppendUint64([]byte(prefixTimer), uint64(a.due))
	k = append(append(k, a.aggregate...), '/')
	k = append(append(k, a.id...), 0)
	return append(k, a.name...)
}

func readAlarm(key []byte) (alarm, error) {
	const head = len(prefixTimer) + 8
	if len(key) < head {
		return alarm{}, fmt.Errorf("reading %q from the store: %w", key, errShort)
	}
	a := alarm{due: int64(binary.BigEndian.Uint64(key[len(prefixTimer):]))}
	k, ok := parseKey(key[head:])
	end := strings.LastIndexByte(k.id, 0)
	if !ok || end < 0 {
		return alarm{}, fmt.Errorf("reading %q from the store: %w", key, errShort)
	}
	a.aggregate, a.id, a.name = k.aggregate, k.id[:end], k.id[end+1:]
	return a, nil
}

// agenda is what a partition's processes wait for, the earliest first. One that is removed stays in the queue until it
// comes to its front, or until most of the queue is such: deadlines are long, and nearly all of them are removed. Its zero
// value is empty, and takes nothing.
type agenda struct {
	queue alarms
	live  map[alarm]bool
}

func newAgenda() agenda { return agenda{live: map[alarm]bool{}} }

func (g *agenda) add(a alarm) {
	if !g.live[a] {
		g.live[a] = true
		heap.Push(&g.queue, a)
	}
}

// agendaSlack is how many of the removed the queue holds in any case.
const agendaSlack = 1 << 10

func (g *agenda) remove(a alarm) {
	delete(g.live, a)
	if len(g.queue) > agendaSlack+2*len(g.live) {
		g.queue = slices.DeleteFunc(g.queue, func(a alarm) bool { return !g.live[a] })
		heap.Init(&g.queue)
	}
}

// tidy drops from the queue's front what was removed.
func (g *agenda) tidy() {
	for len(g.queue) > 0 && !g.live[g.queue[0]] {
		heap.Pop(&g.queue)
	}
}

func (g *agenda) next() (due int64, ok bool) {
	if g.tidy(); len(g.queue) == 0 {
		return 0, false
	}
	return g.queue[0].due, true
}

// due returns what is due at a time, the earliest first, limit at most. They stay until they are removed.
func (g *agenda) due(at int64, limit int) (out []alarm) {
	for g.tidy(); len(g.queue) > 0 && g.queue[0].due <= at && len(out) < limit; g.tidy() {
		out = append(out, heap.Pop(&g.queue).(alarm))
	}
	for _, a := range out {
		heap.Push(&g.queue, a)
	}
	return out
}

// alarms is a heap.
type alarms []alarm

func (q alarms) Len() int           { return len(q) }
func (q alarms) Less(i, j int) bool { return q[i].due < q[j].due }
func (q alarms) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *alarms) Push(x any)        { *q = append(*q, x.(alarm)) }
func (q *alarms) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}
