package clickhouse

import (
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
	base, size := v.UnsafePointer(), v.Type().Elem().Size()
	at := make(map[string]int, v.Len()/4)
	keep := make([]int, 0, v.Len()/4)
	var key []byte
	for i := range v.Len() {
		row := unsafe.Add(base, uintptr(i)*size)
		key = n.appendKey(key[:0], row)
		k, seen := at[string(key)]
		if !seen {
			at[string(key)] = len(keep)
			keep = append(keep, i)
		} else if !n.older(row, unsafe.Add(base, uintptr(keep[k])*size)) {
			keep[k] = i
		}
	}
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

func (n *newest) appendKey(dst []byte, row unsafe.Pointer) []byte {
	for _, c := range n.key {
		field := unsafe.Add(row, c.at)
		if c.size > 0 {
			dst = append(dst, unsafe.Slice((*byte)(field), c.size)...)
			continue
		}
		s := *(*string)(field)
		if len(n.key) > 1 { // where one string ends and the next begins is part of the key
			dst = append(dst, byte(len(s)), byte(len(s)>>8), byte(len(s)>>16), byte(len(s)>>24))
		}
		dst = append(dst, s...)
	}
	return dst
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
