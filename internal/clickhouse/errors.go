package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// ErrUnavailable says that ClickHouse could not do something in time that it may well do later.
var ErrUnavailable = errors.New("clickhouse: not available")

// PassingError is an error of the server that may pass by itself.
type PassingError struct {
	// Code and Name are ClickHouse's, for ever.
	Code int32
	Name string
	// Why says what makes it pass, or why trying again does no harm.
	Why string
}

// PassingErrors are those that are tried again; every other error of the server is permanent, and repeating the statement
// would only repeat it.
func PassingErrors() []PassingError {
	return []PassingError{
		{33, "CANNOT_READ_ALL_DATA", "the connection broke inside the rows"},
		{40, "CHECKSUM_DOESNT_MATCH", "the rows were damaged on their way"},
		{159, "TIMEOUT_EXCEEDED", "the server was too slow this time"},
		{160, "TOO_SLOW", "the server was too slow this time"},
		{202, "TOO_MANY_SIMULTANEOUS_QUERIES", "other queries end"},
		{203, "NO_FREE_CONNECTION", "other queries end"},
		{209, "SOCKET_TIMEOUT", "the network"},
		{210, "NETWORK_ERROR", "the network"},
		{225, "NO_ZOOKEEPER", "the keeper is away"},
		{236, "ABORTED", "the server is shutting down"},
		{241, "MEMORY_LIMIT_EXCEEDED", "other queries end"},
		{242, "TABLE_IS_READ_ONLY", "a replica that has lost its keeper"},
		{243, "NOT_ENOUGH_SPACE", "merges free some, and so may a person"},
		{252, "TOO_MANY_PARTS", "merges catch up"},
		{279, "ALL_CONNECTION_TRIES_FAILED", "the network"},
		{285, "TOO_FEW_LIVE_REPLICAS", "replicas come back"},
		{286, "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE", "replicas catch up"},
		{289, "REPLICA_IS_NOT_IN_QUORUM", "the replica catches up"},
		{319, "UNKNOWN_STATUS_OF_INSERT", "the token makes repeating it safe"},
		{364, "UNEXPECTED_ZOOKEEPER_ERROR", "the keeper is away"},
		{394, "QUERY_WAS_CANCELLED", "by the server's operator or its end"},
		{425, "SYSTEM_ERROR", "the operating system refused something"},
		{439, "CANNOT_SCHEDULE_TASK", "no thread was free"},
		{473, "DEADLOCK_AVOIDED", "a table is being altered"},
		{722, "ASYNC_LOAD_WAIT_FAILED", "the tables are still being loaded"},
		{999, "KEEPER_EXCEPTION", "the keeper is away"},
	}
}

func passing(code int32) bool {
	return slices.ContainsFunc(PassingErrors(), func(e PassingError) bool { return e.Code == code })
}

// PassingStatuses are the answers of an HTTP proxy that mean later.
func PassingStatuses() []int {
	return []int{
		http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}
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
	var answer *ch.HTTPError
	if errors.As(err, &answer) {
		return slices.Contains(PassingStatuses(), answer.StatusCode)
	}
	if distrusted(err) {
		return false // whoever it is that answers, it is not the server we trust
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

// distrusted says whether a connection was refused because of how the server proved itself, or did not.
func distrusted(err error) bool {
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &certificate) || errors.As(err, &plain) || errors.As(err, &alert) || errors.Is(err, http.ErrSchemeMismatch)
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
	if distrusted(err) {
		return ": does the server speak TLS there, is the host the one in its certificate, and who has signed that (--clickhouse-ca)?"
	}
	if transient(err) {
		return ": is ClickHouse running, and is its address right (--clickhouse)?"
	}
	return ""
}
