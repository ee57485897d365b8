package clickhouse

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unsafe"
)

// newest keeps of the rows of one insert only those that a table would keep: of equal keys the one with the highest
// version. The others would be sorted, compressed, written, and merged away. A range has the same rows whenever it
// comes again, so its token stays true.
type newest struct {
	key     []keyColumn
	version uintptr
	signed  bool
	wide    bool
}

// keyColumn is where a part of the key stands in a row.
type keyColumn struct {
	at   uintptr
	size uintptr // 0: a string
}

// newestOf returns how the rows of a table are thinned out; nil where that cannot be told from plain columns.
func newestOf(e engine, row reflect.Type) *newest {
	fields := map[string]reflect.StructField{}
	for f := range row.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get(tagName), ",")
		fields[name] = f
	}
	version, ok := fields[e.version]
	if !e.replaces() || !ok || len(e.key) == 0 {
		return nil
	}
	n := &newest{version: version.Offset}
	switch version.Type.Kind() {
	case reflect.Int64:
		n.signed, n.wide = true, true
	case reflect.Int32:
		n.signed = true
	case reflect.Uint64:
		n.wide = true
	case reflect.Uint32:
	default:
		return nil
	}
	for _, name := range e.key {
		f, ok := fields[name]
		switch {
		case !ok, f.Type.Kind() == reflect.Slice:
			return nil
		case f.Type.Kind() == reflect.String:
			n.key = append(n.key, keyColumn{at: f.Offset})
		default:
			n.key = append(n.key, keyColumn{f.Offset, f.Type.Size()})
		}
	}
	return n
}

// versionColumn finds the column that ReplacingMergeTree goes by, whose paths in Keeper are in quotes.
func versionColumn(engineFull string) string {
	m := regexp.MustCompile(`ReplacingMergeTree\(([^)]*)\)`).FindStringSubmatch(engineFull)
	if m == nil {
		return ""
	}
	var columns []string
	for a := range strings.SplitSeq(m[1], ",") {
		if a = strings.TrimSpace(a); a != "" && !strings.HasPrefix(a, "'") {
			columns = append(columns, a)
		}
	}
	if len(columns) != 1 { // none, or one that marks deleted rows as well
		return ""
	}
	return columns[0]
}

// thin removes from the rows behind a *[]R all but the newest of each key, in place.
func (n *newest) thin(rows any) {
	v := reflect.ValueOf(rows).Elem()
	if v.Len() < 2 {
		return
	}
	keep := n.choose(v.UnsafePointer(), v.Len(), v.Type().Elem().Size())
	if len(keep) == v.Len() {
		return
	}
	// In order, a row never moves onto one that is still to be moved.
	slices.Sort(keep)
	for to, from := range keep {
		if to != from {
			v.Index(to).Set(v.Index(from))
		}
	}
	v.SetLen(len(keep))
}

// choose returns which rows are the newest of their keys. It finds equal keys by a table of its own, open and half empty:
// a map would copy every key.
func (n *newest) choose(base unsafe.Pointer, count int, size uintptr) (keep []int) {
	seed, mask := maphash.MakeSeed(), 1<<bits.Len(uint(2*count))-1
	slots := make([]int32, mask+1) // 1 + place in keep; 0: free
	var key []byte
	for i := range count {
		row := unsafe.Add(base, uintptr(i)*size)
		key = n.appendKey(key[:0], row)
		slot := int(maphash.Bytes(seed, key)) & mask
		for slots[slot] != 0 && !n.equal(row, unsafe.Add(base, uintptr(keep[slots[slot]-1])*size)) {
			slot = (slot + 1) & mask
		}
		switch k := slots[slot] - 1; {
		case k < 0:
			keep = append(keep, i)
			slots[slot] = int32(len(keep))
		case !n.older(row, unsafe.Add(base, uintptr(keep[k])*size)):
			keep[k] = i
		}
	}
	return keep
}

// appendKey appends what rows of one key have in common; it may be the same for two keys.
func (n *newest) appendKey(dst []byte, row unsafe.Pointer) []byte {
	for _, c := range n.key {
		if c.size > 0 {
			dst = append(dst, unsafe.Slice((*byte)(unsafe.Add(row, c.at)), c.size)...)
		} else {
			dst = append(dst, *(*string)(unsafe.Add(row, c.at))...)
		}
	}
	return dst
}

func (n *newest) equal(a, b unsafe.Pointer) bool {
	for _, c := range n.key {
		a, b := unsafe.Add(a, c.at), unsafe.Add(b, c.at)
		if c.size == 0 && *(*string)(a) != *(*string)(b) || c.size > 0 && !bytes.Equal(unsafe.Slice((*byte)(a), c.size), unsafe.Slice((*byte)(b), c.size)) {
			return false
		}
	}
	return true
}

// older says whether a's version is below b's. Of equal versions the one that was inserted last counts.
func (n *newest) older(a, b unsafe.Pointer) bool {
	a, b = unsafe.Add(a, n.version), unsafe.Add(b, n.version)
	switch {
	case n.signed && n.wide:
		return *(*int64)(a) < *(*int64)(b)
	case n.signed:
		return *(*int32)(a) < *(*int32)(b)
	case n.wide:
		return *(*uint64)(a) < *(*uint64)(b)
	}
	return *(*uint32)(a) < *(*uint32)(b)
}
