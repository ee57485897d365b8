package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// ErrUnavailable says that ClickHouse could not do something in time that it may well do later.
var ErrUnavailable = errors.New("clickhouse: not available")

// passing lists the server's errors that may pass by themselves; every other one is permanent, and repeating the
// statement would only repeat the error. The numbers are ClickHouse's, for ever.
func passing(code int32) bool {
	switch code {
	case 33, // CANNOT_READ_ALL_DATA: the connection broke inside the rows
		40,  // CHECKSUM_DOESNT_MATCH: the rows were damaged on their way
		159, // TIMEOUT_EXCEEDED
		160, // TOO_SLOW
		202, // TOO_MANY_SIMULTANEOUS_QUERIES
		203, // NO_FREE_CONNECTION
		209, // SOCKET_TIMEOUT
		210, // NETWORK_ERROR
		225, // NO_ZOOKEEPER
		236, // ABORTED: the server is shutting down
		241, // MEMORY_LIMIT_EXCEEDED: other queries end
		242, // TABLE_IS_READ_ONLY: a replica that has lost its keeper
		243, // NOT_ENOUGH_SPACE: merges free some, and so may a person
		252, // TOO_MANY_PARTS: merges catch up
		279, // ALL_CONNECTION_TRIES_FAILED
		285, // TOO_FEW_LIVE_REPLICAS
		286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
		289, // REPLICA_IS_NOT_IN_QUORUM
		319, // UNKNOWN_STATUS_OF_INSERT: the token makes repeating it safe
		364, // UNEXPECTED_ZOOKEEPER_ERROR
		394, // QUERY_WAS_CANCELLED: by the server's operator or its end
		425, // SYSTEM_ERROR
		439, // CANNOT_SCHEDULE_TASK
		473, // DEADLOCK_AVOIDED: a table is being altered
		722, // ASYNC_LOAD_WAIT_FAILED: the tables are still being loaded
		999: // KEEPER_EXCEPTION
		return true
	}
	return false
}

// transient says whether an error may pass by itself.
func transient(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false // nobody waits for it any more
	}
	var exception *ch.Exception
	if errors.As(err, &exception) {
		return passing(exception.Code)
	}
	var http *ch.HTTPError
	if errors.As(err, &http) {
		switch http.StatusCode {
		case 408, 425, 429, 502, 503, 504: // a proxy's way to say later
			return true
		}
		return false
	}
	var network net.Error
	for _, passes := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded, ch.ErrAcquireConnTimeout, ch.ErrAcquireConnNoAddress,
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, syscall.EHOSTUNREACH,
	} {
		if errors.Is(err, passes) {
			return true
		}
	}
	return errors.As(err, &network)
}

// explain adds what to do to an error where that can be known.
func explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("clickhouse: %w%s", err, advice(err))
}

// advice is what a person can do about an error.
func advice(err error) string {
	var exception *ch.Exception
	if errors.As(err, &exception) {
		switch exception.Code {
		case 516, 192, 193, 194: // AUTHENTICATION_FAILED, UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD
			return ": check user and password"
		case 497: // ACCESS_DENIED
			return ": grant the user what is named here"
		case 60: // UNKNOWN_TABLE
			return ": is this the right database, and has a projector run on it?"
		case 81: // UNKNOWN_DATABASE
			return ": the database was dropped; a restart makes it again"
		case 241: // MEMORY_LIMIT_EXCEEDED
			return ": give the server more memory, or make the batches smaller"
		case 243: // NOT_ENOUGH_SPACE
			return ": the server's disk is full"
		}
		return ""
	}
	if transient(err) {
		return ": is ClickHouse running, and is its address right (--clickhouse)?"
	}
	return ""
}
