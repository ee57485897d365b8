package proof

// Kind is how a link fails to hold. The strings are codes for machines.
type Kind string

// The kinds.
const (
	// Altered: the bytes are not those that were linked.
	Altered Kind = "altered"
	// Missing: a version does not follow the one before.
	Missing Kind = "missing"
	// Repeated: a version comes again.
	Repeated Kind = "repeated"
	// Unreadable: it is no event, or its schema is not known.
	Unreadable Kind = "unreadable"
	// Misnamed: the record's key is not the event's. Compaction goes by keys, and would remove what has another's.
	Misnamed Kind = "misnamed"
	// Misplaced: the event's aggregate lives in another partition.
	Misplaced Kind = "misplaced"
	// Disordered: its link holds, and it was recorded or decided before what stands in front of it.
	Disordered Kind = "disordered"
	// Cut: the aggregate ends before the version that is anchored.
	Cut Kind = "cut"
	// Rewritten: the chain at the version that is anchored is another.
	Rewritten Kind = "rewritten"
)

// Do says what to do about it.
func (k Kind) Do() string {
	switch k {
	case Misnamed:
		return "Nothing is lost yet: compaction may remove it, or another. Export an archive now, and find out who wrote the key."
	case Misplaced, Disordered, Repeated:
		return "Find out who else writes to the topic, and take that right away. An archive made before shows what belonged there; import it into an empty cluster."
	case Unreadable:
		return "If a newer program wrote it, verify with that one. Else compare the record with an archive made before, and import that into an empty cluster."
	case Cut, Rewritten:
		return "The log is not the one that was anchored: a newest archive that holds by the same anchor can be imported into an empty cluster."
	default:
		return "Stop deciding on this aggregate. Verify the newest archive (--archive DIR): if it holds there, import it into an empty cluster."
	}
}

// Break is the first link of an aggregate that does not hold.
type Break struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Offset is the record's; of a tail that was cut, where the log ended when it was read.
	Offset    int64  `json:"offset"`
	Aggregate string `json:"aggregate"` // its type; empty where the record does not say
	ID        string `json:"id"`
	Version   int64  `json:"version"`
	Kind      Kind   `json:"kind"`
	// Differs says what is not as it should be, for people.
	Differs string `json:"differs"`
}
