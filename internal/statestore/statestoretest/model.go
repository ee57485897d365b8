package statestoretest

import (
	"maps"
	"slices"

	"pgregory.net/rapid"

	"recount/internal/statestore"
)

// TestModel plays random operations on a root, restarts of the process included, and holds it to a plain map. fresh
// returns what opens a root on an empty place.
func TestModel(t rapid.TB, fresh func() Reopen) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{reopen: fresh(), model: map[string]map[string]string{}, stores: map[string]statestore.Store{}}
		m.start(rt)
		defer m.stop(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"apply":   m.apply,
			"get":     m.get,
			"scan":    m.scan,
			"sync":    m.sync,
			"release": m.release,
			"drop":    m.drop,
			"restart": func(rt *rapid.T) { m.stop(rt); m.start(rt) },
			"":        m.check,
		})
	})
}

// machine is a root and what ought to be in it.
type machine struct {
	reopen Reopen
	root   statestore.Root
	stores map[string]statestore.Store
	model  map[string]map[string]string // partition → key → value
}

func (m *machine) start(t *rapid.T) {
	root, err := m.reopen()
	if err != nil {
		t.Fatalf("open root: %v", err)
	}
	m.root = root
}

func (m *machine) stop(t *rapid.T) {
	for name := range m.stores {
		m.close(t, name)
	}
	if err := m.root.Close(); err != nil {
		t.Fatalf("close root: %v", err)
	}
}

// pick draws a partition, opened if need be.
func (m *machine) pick(t *rapid.T) (string, statestore.Store) {
	name := drawName(t)
	s := m.stores[name]
	if s == nil {
		opened, err := m.root.Open(name)
		if err != nil {
			t.Fatalf("open %s: %v", name, err)
		}
		s, m.stores[name] = opened, opened
	}
	return name, s
}

func drawName(t *rapid.T) string {
	return rapid.SampledFrom([]string{"bank.1", "bank.11", "shop.1"}).Draw(t, "partition")
}

// drawKey draws from few keys, close to each other, so that operations meet.
func drawKey(t *rapid.T, label string) []byte {
	part := rapid.SampledFrom([]byte{0x00, 'a', 'b', 0xff})
	return rapid.SliceOfN(part, 1, 3).Draw(t, label)
}

func (m *machine) apply(t *rapid.T) {
	name, s := m.pick(t)
	if m.model[name] == nil {
		m.model[name] = map[string]string{}
	}
	var b statestore.Batch
	for range rapid.IntRange(0, 8).Draw(t, "writes") {
		key := drawKey(t, "key")
		if rapid.Bool().Draw(t, "delete") {
			b.Delete(key)
			delete(m.model[name], string(key))
			continue
		}
		value := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "value")
		b.Set(key, value)
		m.model[name][string(key)] = string(value)
	}
	if err := s.Apply(&b); err != nil {
		t.Fatalf("apply to %s: %v", name, err)
	}
}

func (m *machine) get(t *rapid.T) {
	name, s := m.pick(t)
	key := drawKey(t, "key")
	got, ok, err := s.Get(key)
	want, there := m.model[name][string(key)]
	if err != nil || ok != there || string(got) != want {
		t.Fatalf("%s: get %q = %q, %v, %v; want %q, %v", name, key, got, ok, err, want, there)
	}
}

func (m *machine) scan(t *rapid.T) {
	name, s := m.pick(t)
	var start, end []byte
	if rapid.Bool().Draw(t, "has start") {
		start = drawKey(t, "start")
	}
	if rapid.Bool().Draw(t, "has end") {
		end = drawKey(t, "end")
	}
	m.compare(t, name, s, start, end)
}

func (m *machine) compare(t *rapid.T, name string, s statestore.Store, start, end []byte) {
	var want []kv
	for _, key := range slices.Sorted(maps.Keys(m.model[name])) {
		if key >= string(start) && (end == nil || key < string(end)) {
			want = append(want, kv{key, m.model[name][key]})
		}
	}
	got, err := collect(s, start, end)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%s: scan %q to %q = %q, %v; want %q", name, start, end, got, err, want)
	}
}

func (m *machine) sync(t *rapid.T) {
	name, s := m.pick(t)
	if err := s.Sync(); err != nil {
		t.Fatalf("sync %s: %v", name, err)
	}
}

func (m *machine) release(t *rapid.T) {
	name, _ := m.pick(t)
	m.close(t, name)
}

func (m *machine) close(t *rapid.T, name string) {
	s := m.stores[name]
	if s == nil {
		return
	}
	if err := s.Close(); err != nil {
		t.Fatalf("close %s: %v", name, err)
	}
	delete(m.stores, name)
}

func (m *machine) drop(t *rapid.T) {
	name := drawName(t)
	m.close(t, name)
	if err := m.root.Drop(name); err != nil {
		t.Fatalf("drop %s: %v", name, err)
	}
	delete(m.model, name)
}

// check compares everything that is open, after every operation.
func (m *machine) check(t *rapid.T) {
	for name, s := range m.stores {
		m.compare(t, name, s, nil, nil)
	}
}
