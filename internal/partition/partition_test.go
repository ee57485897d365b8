package partition

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

//go:embed testdata/murmur2.txt
var goldenText []byte

// golden is what the Java client answers for one key; partitions is keyed by their number.
type golden struct {
	key        []byte
	hash       int32
	partitions map[int32]int32
}

func goldens(t *testing.T) []golden {
	t.Helper()
	var all []golden
	for in := bufio.NewScanner(bytes.NewReader(goldenText)); in.Scan(); {
		if strings.HasPrefix(in.Text(), "#") {
			continue
		}
		all = append(all, parseGolden(t, in.Text()))
	}
	if len(all) < 200 {
		t.Fatalf("%d vectors, want at least 200", len(all))
	}
	return all
}

func parseGolden(t *testing.T, line string) golden {
	t.Helper()
	var key string
	var hash, of7, of12, of24 int32
	if _, err := fmt.Sscan(line, &key, &hash, &of7, &of12, &of24); err != nil {
		t.Fatalf("vector %q: %v", line, err)
	}
	decoded, err := hex.DecodeString(strings.TrimPrefix(key, "-"))
	if err != nil {
		t.Fatalf("vector %q: %v", line, err)
	}
	return golden{decoded, hash, map[int32]int32{7: of7, 12: of12, 24: of24}}
}

func TestIDsLieWhereTheJavaClientPutsThem(t *testing.T) {
	t.Parallel()
	for _, g := range goldens(t) {
		if got := murmur2(g.key); got != g.hash {
			t.Errorf("murmur2(%x) = %d, want %d", g.key, got, g.hash)
		}
		for n, want := range g.partitions {
			if got := Of(g.key, n); got != want {
				t.Errorf("Of(%x, %d) = %d, want %d", g.key, n, got, want)
			}
			if got := Of(string(g.key), n); got != want {
				t.Errorf("Of(string %x, %d) = %d, want %d", g.key, n, got, want)
			}
		}
	}
}

// The vectors would be worthless if a plausible mistake agreed with them.
func TestTheVectorsTellMistakesApart(t *testing.T) {
	t.Parallel()
	mistakes := map[string]func(hash, n int32) int32{
		"negates a negative hash": func(h, n int32) int32 { return int32(math.Abs(float64(h))) % n },
		"negates the remainder":   func(h, n int32) int32 { return max(h%n, -(h % n)) },
		"keeps the sign bit":      func(h, n int32) int32 { return int32(uint32(h) % uint32(n)) },
		"keeps the sign":          func(h, n int32) int32 { return h % n },
	}
	for mistake, place := range mistakes {
		for _, n := range []int32{7, 12, 24} {
			if agrees(goldens(t), n, place) {
				t.Errorf("a client that %s passes for the Java client with %d partitions", mistake, n)
			}
		}
	}
	if !agrees(goldens(t), 12, func(h, n int32) int32 { return positive(h) % n }) {
		t.Error("the right placement is told apart as well")
	}
}

func agrees(vectors []golden, n int32, place func(hash, n int32) int32) bool {
	for _, g := range vectors {
		if place(g.hash, n) != g.partitions[n] {
			return false
		}
	}
	return true
}

// Not parallel: the count is of the whole process.
func TestOfDoesNotAllocate(t *testing.T) {
	id, key := "acct-1234567", []byte("acct-1234567")
	if n := testing.AllocsPerRun(100, func() { Of(id, 12); Of(key, 12) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestOfRefusesNoPartitions(t *testing.T) {
	t.Parallel()
	for _, n := range []int32{0, -1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Of(%q, %d) found a partition", "acct-1", n)
				}
			}()
			Of("acct-1", n)
		}()
	}
}

// splits reports whether growing from n to grown partitions moves the ID only as Split says.
func splits(id string, n, grown int32) bool {
	stays, moves := Split(Of(id, n), n)
	p := Of(id, grown)
	return p == stays || p == moves
}

func TestDoublingMovesAnIDOnlyFromItsPartitionToItsTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.String().Draw(t, "id")
		n := rapid.Int32Range(1, 1<<29).Draw(t, "n")
		if !splits(id, n, 2*n) {
			t.Errorf("%q moves from %d of %d to %d of %d", id, Of(id, n), n, Of(id, 2*n), 2*n)
		}
	})
}

func TestGrowingByLessThanDoublingMovesOtherIDs(t *testing.T) {
	t.Parallel()
	for i := range 100 {
		if !splits(fmt.Sprintf("acct-%d", i), 12, 18) {
			return
		}
	}
	t.Error("12 partitions became 18 and every ID stayed or went to its twin: the property proves nothing")
}

func TestIDsSpreadEvenly(t *testing.T) {
	t.Parallel()
	const ids, n = 120_000, 12
	var counts [n]int
	for i := range ids {
		counts[Of(fmt.Sprintf("acct-%d", i), n)]++
	}
	for p, got := range counts {
		if got < ids/n*95/100 || got > ids/n*105/100 {
			t.Errorf("partition %d has %d of %d IDs, want %d within 5 %%", p, got, ids, ids/n)
		}
	}
}

func FuzzEveryIDHasAPartition(f *testing.F) {
	f.Add("acct-1", int32(12))
	f.Add("", int32(1))
	f.Fuzz(func(t *testing.T, id string, n int32) {
		if n <= 0 {
			return
		}
		if p := Of(id, n); p < 0 || p >= n || p != Of([]byte(id), n) {
			t.Errorf("Of(%q, %d) = %d, and %d for its bytes", id, n, p, Of([]byte(id), n))
		}
	})
}

func BenchmarkOf(b *testing.B) {
	id := "acct-1234567"
	for b.Loop() {
		Of(id, 12)
	}
}
