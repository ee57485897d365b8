package clickhouse

import (
	"bytes"
	"encoding/binary"
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

// choose returns which rows are the newest of their keys.
//
// Keys are in a table of its own, open and at most half full, and side by side in memory, as the versions are: with ten
// times as many rows as keys, what takes time is to reach for the rows that were kept, which lie all over the block.
func (n *newest) choose(base unsafe.Pointer, count int, size uintptr) (keep []int) {
	seed, mask := maphash.MakeSeed(), 1<<bits.Len(uint(2*count))-1
	slots := make([]int32, mask+1) // 1 + place in keep; 0: free
	var keys []byte
	var versions []uint64
	ends := []int{0} // of each key in keys, behind the end of nothing
	for i := range count {
		row := unsafe.Add(base, uintptr(i)*size)
		keys = n.appendKey(keys, row)
		key := keys[ends[len(ends)-1]:]
		slot := int(maphash.Bytes(seed, key)) & mask
		for k := slots[slot]; k != 0 && !bytes.Equal(key, keys[ends[k-1]:ends[k]]); k = slots[slot] {
			slot = (slot + 1) & mask
		}
		version := n.order(row)
		if k := slots[slot] - 1; k >= 0 {
			if version >= versions[k] { // of equal versions the one that was inserted last counts
				keep[k], versions[k] = i, version
			}
			keys = keys[:ends[len(ends)-1]]
			continue
		}
		keep, versions, ends = append(keep, i), append(versions, version), append(ends, len(keys))
		slots[slot] = int32(len(keep))
	}
	return keep
}

// appendKey appends a row's key: equal for equal keys, and different for others.
func (n *newest) appendKey(dst []byte, row unsafe.Pointer) []byte {
	for _, c := range n.key {
		field := unsafe.Add(row, c.at)
		if c.size > 0 {
			dst = append(dst, unsafe.Slice((*byte)(field), c.size)...)
			continue
		}
		s := *(*string)(field)
		if len(n.key) > 1 { // where one string ends and the next begins is part of the key
			dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
		}
		dst = append(dst, s...)
	}
	return dst
}

// order is the version as a number that is greater where the version is.
func (n *newest) order(row unsafe.Pointer) uint64 {
	const sign = 1 << 63
	at := unsafe.Add(row, n.version)
	switch {
	case n.signed && n.wide:
		return uint64(*(*int64)(at)) ^ sign
	case n.signed:
		return uint64(int64(*(*int32)(at))) ^ sign
	case n.wide:
		return *(*uint64)(at)
	}
	return uint64(*(*uint32)(at))
}
