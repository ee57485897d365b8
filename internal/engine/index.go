package engine

import (
	"encoding/binary"

	"recount/internal/es"
)

// index leads from hashes to places in the window's ring: a table with open addressing, half full at the most. One look
// at it nearly always tells that a command is new, which nearly all are; a map of the language would take two or three
// looks and three times the memory.
type index []slot

// slot is empty, or holds a hash and, one higher, the place it leads to.
type slot struct{ hash, next uint32 }

// newIndex returns an index for a ring of length n, a power of two.
func newIndex(n int) index { return make(index, 2*n) }

// hashOf takes a hash out of a fingerprint, which is nothing else: no sender can choose it.
func hashOf(id *es.ID) uint32 { return binary.LittleEndian.Uint32(id[:]) }

func (x index) mask() uint32 { return uint32(len(x) - 1) }

func (x index) add(hash, place uint32) {
	i := hash & x.mask()
	for x[i].next != 0 {
		i = (i + 1) & x.mask()
	}
	x[i] = slot{hash, place + 1}
}

// remove empties the slot that leads to place, and moves those behind it up that would not be found past a gap: whose
// way from where they belong leads over it.
func (x index) remove(hash, place uint32) {
	mask := x.mask()
	i := hash & mask
	for x[i].next != place+1 {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; x[j].next != 0; j = (j + 1) & mask {
		if (j-x[j].hash)&mask >= (j-i)&mask {
			x[i] = x[j]
			i = j
		}
	}
	x[i] = slot{}
}
