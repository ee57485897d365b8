package kafka

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// AbortCause is why a transaction is not known to be committed, as far as can be told.
type AbortCause string

// The causes.
const (
	// AbortRebalance: the group took partitions away, or began anew, while the transaction was open.
	AbortRebalance AbortCause = "rebalance"
	// AbortFenced: another session has taken this one's place.
	AbortFenced AbortCause = "fenced"
	// AbortTimeout: a record or the end was not answered in time.
	AbortTimeout AbortCause = "timeout"
	// AbortError: the broker or the client gave an error that is none of these.
	AbortError AbortCause = "error"
	// AbortUnknown: the client ended it as an abort and does not say why. Mostly the group's coordinator did not take the
	// offsets.
	AbortUnknown AbortCause = "unknown"
)

// AbortCause says why the last Commit did not report a commit. It belongs to the goroutine that called Commit.
func (s *Session) AbortCause() AbortCause { return s.aborted }

// causeOf finds the cause of a transaction that began in generation and ended with err, one of whose records may have
// failed. What the group did counts before timeouts and errors: those mostly follow from it.
func (s *Session) causeOf(generation int32, err error, failed *error) AbortCause {
	if err == nil && failed != nil {
		err = *failed
	}
	_, now := s.session.Client().GroupMetadata()
	s.mu.Lock()
	defer s.mu.Unlock()
	rebalanced := now != generation
	for _, c := range s.changes { // since the loop last looked: before the poll that began the batch
		rebalanced = rebalanced || !c.gained
	}
	return abortCause(err, rebalanced)
}

func abortCause(err error, rebalanced bool) AbortCause {
	switch {
	case isFenced(err):
		return AbortFenced
	case rebalanced:
		return AbortRebalance
	case IsTimeout(err), errors.Is(err, kgo.ErrRecordTimeout):
		return AbortTimeout
	case err != nil:
		return AbortError
	}
	return AbortUnknown
}

// isFenced reports whether err says that somebody else has this producer's or member's place.
func isFenced(err error) bool {
	for _, fenced := range []error{kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.FencedInstanceID, kerr.FencedMemberEpoch, kerr.InvalidProducerIDMapping} {
		if errors.Is(err, fenced) {
			return true
		}
	}
	return false
}
