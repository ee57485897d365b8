// Package partition says where an ID lives and who looks after the place.
//
// Of places an ID as the Kafka Java client and franz-go place a record's key by default, so that a producer in any
// language and the partition's one writer agree without a word. Split doubles the number of partitions without moving
// any other ID. Assign shares partition numbers out among workers.
//
// It is pure: it never asks a broker how many partitions there are, never learns of topics, and never chooses between
// equals by chance, so every worker that knows the same facts computes the same answer.
package partition

// Of returns the partition, of n, that the ID belongs to. n must be positive.
func Of[ID string | []byte](id ID, n int32) int32 {
	if n <= 0 {
		panic("partition: the number of partitions must be positive")
	}
	return positive(murmur2(id)) % n
}

// Split returns where the IDs of partition p, of n, may live once there are 2n: each stays in p or moves to p+n.
func Split(p, n int32) (stays, moves int32) {
	return p, p + n
}

// positive drops the sign bit. Negating a negative hash instead would look as good, and place half of all IDs elsewhere
// than the Java client does.
func positive(hash int32) int32 {
	return hash & 0x7fffffff
}
