// Package status is recount status: how everything stands, and what to do where something needs somebody.
//
// It only asks. What it finds is a Report, which --json prints as it is; tables and warnings are made from that alone.
package status

import (
	"time"

	"recount/cmd/internal/role"
	"recount/internal/telemetry"
)

// Report is how everything stands. A part that could not be asked for is empty, and a warning says why. Fields are
// added over time, and never change their meaning.
type Report struct {
	At time.Time `json:"at"`
	// Healthy says that there is no warning.
	Healthy      bool                   `json:"healthy"`
	Services     []Service              `json:"services"`
	Roles        []Role                 `json:"roles"`
	Contexts     []Context              `json:"contexts"`
	Views        []role.ViewStanding    `json:"views"`
	Sagas        []role.SagaStanding    `json:"sagas"`
	Transactions []role.OpenTransaction `json:"transactions"`
	Warnings     []Warning              `json:"warnings"`
}

// newReport returns one in which lists are empty and not absent: machines iterate over them.
func newReport(at time.Time) *Report {
	return &Report{
		At: at, Services: []Service{}, Roles: []Role{}, Contexts: []Context{}, Views: []role.ViewStanding{},
		Sagas: []role.SagaStanding{}, Transactions: []role.OpenTransaction{}, Warnings: []Warning{},
	}
}

// Service is a system that the roles work with.
type Service struct {
	Name      string `json:"name"`
	Reachable bool   `json:"reachable"`
	// Problem is why it is not.
	Problem string `json:"problem,omitempty"`
}

// Role is a process, by the address it shows its health on.
type Role struct {
	Address string `json:"address"`
	// Name is the host that was named, if this is one of several addresses that it stands for.
	Name string `json:"name,omitempty"`
	// Expected says that somebody named it; others are those that run on this machine by default.
	Expected  bool                `json:"expected"`
	Reachable bool                `json:"reachable"`
	Ready     bool                `json:"ready"`
	Waiting   []telemetry.Waiting `json:"waiting,omitempty"`
	Problem   string              `json:"problem,omitempty"`
}

// Context is the write side of a bounded context.
type Context struct {
	Name string `json:"name"`
	// Group is the state of the aggregators' consumer group, in Kafka's words: Stable, PreparingRebalance, Empty …
	Group      string      `json:"group_state"`
	Members    []string    `json:"members"`
	Partitions []Partition `json:"partitions"`
	// Sagas is who carries out what takes several aggregates; absent where the context has no saga.
	Sagas *SagaWorkers `json:"saga_workers,omitempty"`
}

// SagaWorkers are the sessions that carry out a context's sagas, and how far they are in what they wait for.
type SagaWorkers struct {
	// Group is the state of their consumer group, in Kafka's words.
	Group   string   `json:"group_state"`
	Members []string `json:"members"`
	// LagRecords wait in the inbox and among the events, over all partitions; LagSeconds is the age of the oldest.
	LagRecords int64   `json:"lag_records"`
	LagSeconds float64 `json:"lag_seconds"`
}

// Partition is one of a context.
type Partition struct {
	Number int32 `json:"partition"`
	// Owner is the session that decides its commands; absent: nobody.
	Owner string `json:"owner,omitempty"`
	// Inputs are the topics its commands come from, Outputs those that are written with them.
	Inputs  []Input  `json:"inputs"`
	Outputs []Output `json:"outputs"`
}

// Input is where the aggregators are in a topic of commands. Lag is measured to the last stable offset.
type Input struct {
	Topic      string  `json:"topic"`
	Start      int64   `json:"start"`
	Committed  int64   `json:"committed"` // -1: never
	Stable     int64   `json:"last_stable_offset"`
	End        int64   `json:"end"`
	LagRecords int64   `json:"lag_records"`
	LagSeconds float64 `json:"lag_seconds"` // age of the oldest command that waits
}

// Output is what a topic holds that the aggregators write.
type Output struct {
	Topic  string `json:"topic"`
	Start  int64  `json:"start"`
	Stable int64  `json:"last_stable_offset"`
	End    int64  `json:"end"`
}

// Warning is something that needs somebody.
type Warning struct {
	// Code is stable: machines may tell warnings apart by it.
	Code string `json:"code"`
	Text string `json:"text"`
	// Do is what to do next.
	Do string `json:"do"`
}

// Codes of warnings.
const (
	CodeUnreachable  = "service-unreachable"
	CodeNotAsked     = "not-asked" // a part of the report is missing
	CodeRoleGone     = "role-unreachable"
	CodeRoleNotReady = "role-not-ready"
	CodeNoOwner      = "partition-without-owner"
	CodeLostCommands = "commands-lost"
	CodeLag          = "commands-lag"
	CodeTransaction  = "transaction-open"
	CodeViewMissing  = "view-missing"
	CodeViewLag      = "view-lag"
	CodeViewParked   = "view-parked"
	CodeNoSagas      = "sagas-without-worker"
	CodeSagaLag      = "sagas-lag"
	CodeSagaStuck    = "saga-stuck"
)
