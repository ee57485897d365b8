package sim

import (
	"bytes"
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"

	"recount/internal/statestore"
)

// Mutations that are made on the way: to the broker, to the disk.
const (
	uncommittedReads mutation = "aborted transactions are read"
	offsetsUnsent    mutation = "a transaction goes without the group's offsets, whatever its member hears of the group"
	statesUnwritten  mutation = "a store takes the watermarks of a write, and not its states"
)

// bentFrame returns what goes instead of a request or an answer; nil: what was sent.
func (m mutation) bentFrame(p passage) []byte {
	if p.answer {
		if m == offsetsUnsent && p.key == keyHeartbeat {
			return unworried(p.frame)
		}
		return nil
	}
	switch {
	case m == uncommittedReads && p.key == keyFetch:
		return rewritten(p.frame, func(r kmsg.Request) { r.(*kmsg.FetchRequest).IsolationLevel = 0 })
	case m == offsetsUnsent && p.key == keyTxnOffsetCommit:
		return rewritten(p.frame, func(r kmsg.Request) {
			commit := r.(*kmsg.TxnOffsetCommitRequest)
			commit.Generation, commit.MemberID, commit.InstanceID, commit.Topics = -1, "", nil, nil
		})
	}
	return nil
}

// unworried is the answer to a heartbeat without its error: the client asks for one before it ends a transaction, and
// would otherwise end none that the group has given up on.
func unworried(frame []byte) []byte {
	const header, throttle = 4 + 1, 4 // of flexible versions: correlation ID and tags, then the time
	out := bytes.Clone(frame)
	binary.BigEndian.PutUint16(out[header+throttle:], 0)
	return out
}

// rewritten is a request's frame with another body under the same header.
func rewritten(frame []byte, alter func(kmsg.Request)) []byte {
	request := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(frame)))
	request.SetVersion(int16(binary.BigEndian.Uint16(frame[2:])))
	header := headerBytes(frame, request.IsFlexible())
	if err := request.ReadFrom(frame[header:]); err != nil {
		panic("sim: a request of the client can't be read: " + err.Error())
	}
	alter(request)
	return request.AppendTo(frame[:header:header])
}

// headerBytes is the length of a request's header: key, version, correlation ID, client ID, and tags if it has any.
func headerBytes(frame []byte, flexible bool) int {
	const fixed, lengthBytes = 2 + 2 + 4, 2
	n := fixed + lengthBytes
	if id := int16(binary.BigEndian.Uint16(frame[fixed:])); id > 0 {
		n += int(id)
	}
	if flexible {
		n++ // no tags
	}
	return n
}

// bentRoot returns a root whose stores make a mutation's mistake.
func (m mutation) bentRoot(r statestore.Root) statestore.Root {
	if m != statesUnwritten {
		return r
	}
	return forgetfulRoot{r}
}

type forgetfulRoot struct{ statestore.Root }

func (r forgetfulRoot) Open(name string) (statestore.Store, error) {
	s, err := r.Root.Open(name)
	if err != nil {
		return nil, err
	}
	return forgetfulStore{s}, nil
}

type forgetfulStore struct{ statestore.Store }

func (s forgetfulStore) Apply(b *statestore.Batch) error {
	var left statestore.Batch
	for op := range b.All() {
		switch {
		case len(op.Key) > len(prefixState) && string(op.Key[:len(prefixState)]) == prefixState:
		case op.Delete:
			left.Delete(op.Key)
		default:
			left.Set(op.Key, op.Value)
		}
	}
	return s.Store.Apply(&left)
}
