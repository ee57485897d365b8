package es

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Process is a saga's state machine as the engine runs it: an aggregate whose commands are Inputs and whose events are
// its own history, and which besides says what an event sends out and which timers a state waits for. Package saga makes
// one of a declaration.
//
// An instance has the bare ID of the aggregates it looks after: the transfer t-1 is moved by the process t-1.
type Process interface {
	// AggregateType without command types: nobody outside can address a process.
	AggregateType
	// Concerns are the context's events that are inputs, as "<aggregate type>.<event>". The aggregate's ID is the instance's.
	Concerns() []string
	// Dispatch returns the commands that event sends, state being the one after it. It is asked once, when the event is
	// decided, and never when a history is folded. process is the full ID: "<ctx>/<saga>/<id>".
	Dispatch(process string, state, event any) []Request
	// Timers are what state waits for, beside answers and events.
	Timers(state any) []Timer
	// Progress says what event means to those who watch, before being the state before it; ok is false where it means nothing.
	Progress(before, event any, at int64) (p Progress, ok bool)
	// Standing says where an instance in a state is, for people.
	Standing(state any) Standing
	// Machine is the state machine as data.
	Machine() Machine
}

// Input is what a process decides on.
type Input struct {
	// Process is the full ID, "<ctx>/<saga>/<id>".
	Process string
	// At is when the input is consumed, Unix milliseconds; stamped by the runtime, as recorded times are.
	At int64
	// ValidAt is when it is true in the world, Unix milliseconds. The commands of a process are true when what started it is.
	ValidAt int64
	// Correlation is shared by everything that follows from one request.
	Correlation string
	// What the input is.
	What Occurrence
}

// ID is the instance's bare ID.
func (i Input) ID() string {
	_, rest, _ := strings.Cut(i.Process, "/")
	_, id, _ := strings.Cut(rest, "/")
	return id
}

// Occurrence is one kind of input. The set is sealed.
//
//sumtype:decl
type Occurrence interface{ occurrence() }

// Happened is an event of an aggregate with the process's bare ID.
type Happened struct {
	Aggregate, Type string // "transfer", "TransferRequested"
	Event           any
}

// Answered is the outcome of a command that the process sent.
type Answered struct {
	CommandID string
	Outcome   Outcome
	Code      string // of a refusal or failure
	Detail    string
}

// Elapsed is a timer that is due: a tick, recorded in the inbox. No clock is read when it is decided.
type Elapsed struct {
	Timer Timer
}

// Ordered is an operator's order.
type Ordered struct {
	Order  Order
	Actor  string // who ordered it
	Reason string // in the operator's words
}

func (Happened) occurrence() {}
func (Answered) occurrence() {}
func (Elapsed) occurrence()  {}
func (Ordered) occurrence()  {}

// Order is what an operator wants of a process. The strings are wire names.
type Order string

// The orders.
const (
	OrderRetry      Order = "retry"      // send what is stuck, or waits to be sent again, now
	OrderCompensate Order = "compensate" // give up and undo what was done
)

// Timer is a moment a process waits for. Name is unique within the instance; Due is Unix milliseconds.
type Timer struct {
	Name string `avro:"name"`
	Due  int64  `avro:"due"`
	// Correlation is that of the input which set it, and of the one it becomes.
	Correlation string `avro:"correlation_id"`
}

// Command is a command to an aggregate, as a process sends it. Body is of a type that the aggregate declares.
type Command struct {
	Context   string // empty: the process's own
	Aggregate string // type
	ID        string
	Body      any
}

// Request is a command with the ID under which it is sent.
type Request struct {
	CommandID string
	ValidAt   int64 // Unix milliseconds
	Command
}

// Milestone is what an instance has come to, for metrics. The strings are label values.
type Milestone string

// The milestones.
const (
	Started       Milestone = "started"
	StepAnswered  Milestone = "step"
	Completed     Milestone = "completed"
	Compensated   Milestone = "compensated"
	StuckAtAStep  Milestone = "stuck"
	MendedByOrder Milestone = "mended" // no longer stuck
)

// Progress is a milestone, and of a step its name and how long its answer took.
type Progress struct {
	Milestone  Milestone
	Step       string
	TookMillis int64
}

// Standing is where an instance is.
type Standing struct {
	// Phase is "running", "compensating", "completed", "compensated", "stuck" or "stuck-compensating"; "" before the start.
	Phase string
	// Step is what is under way, or stuck.
	Step string
	// Code and Detail are the last refusal or failure, or why it gives up.
	Code, Detail string
	Ended, Stuck bool
}

// Machine is a process's state machine as data: what diagrams are drawn from.
type Machine struct {
	Name   string
	Starts []string // events that start an instance, sorted
	Stops  []string // events that have it give up, sorted
	// DeadlineMillis bounds the whole; zero: nothing does.
	DeadlineMillis int64
	Steps          []MachineStep
	// Abandons says that something is sent once everything is undone.
	Abandons bool
}

// MachineStep is one step of a Machine.
type MachineStep struct {
	Name           string
	After          []string
	Awaits         []string // events that answer it, sorted; none: its command's outcome does
	DeadlineMillis int64
	DeadlineVaries bool // an instance may have a deadline of its own instead
	Undone         bool // there is something to undo
	Final          bool // once it is done there is no way back
}

// Attempt names one sending of one command of a process.
type Attempt struct {
	Step string
	Leg  int32 // which of the step's commands, from 0
	Undo bool  // it takes back what the leg did
	// Number is 1, 2, 3 … It rises only once the one before was refused, which its aggregate remembers. What failed is sent
	// again under the same ID: should it be decided twice after all, it is the same command.
	Number int32
}

// processIDBytesMax is how long a process's ID may be to stand in its commands' IDs as it is.
const processIDBytesMax = 384

// CommandID derives the ID of an attempt's command: sent again, after whatever has died, it is the same command.
// process is the full ID, "<ctx>/<saga>/<id>".
func (a Attempt) CommandID(process string) string {
	var usual [commandIDBytesUsual]byte
	return string(a.appendID(usual[:0], process))
}

// Sent says whether id is that of the attempt's command. Every answer is asked, for every attempt it could be of.
func (a Attempt) Sent(process, id string) bool {
	var usual [commandIDBytesUsual]byte
	return string(a.appendID(usual[:0], process)) == id
}

// commandIDBytesUsual is as long as most IDs: they are put together on the stack.
const commandIDBytesUsual = 128

func (a Attempt) appendID(dst []byte, process string) []byte {
	if len(process) > processIDBytesMax {
		sum := sha256.Sum256([]byte(process))
		dst = hex.AppendEncode(append(dst, "sha256:"...), sum[:])
	} else {
		dst = append(dst, process...)
	}
	dst = append(append(append(dst, '/'), a.Step...), '.')
	dst = strconv.AppendInt(dst, int64(a.Leg), 10)
	if a.Undo {
		dst = append(dst, ".undo"...)
	}
	return strconv.AppendInt(append(dst, '#'), int64(a.Number), 10)
}

// Refusals a process gives to inputs that change nothing: each is recorded, none is an error.
const (
	NotStarted     Refusal = "process/not-started"      // no instance has this ID
	AlreadyStarted Refusal = "process/already-started"  // an instance is started once
	Ended          Refusal = "process/ended"            // it came after the end
	NotAwaited     Refusal = "process/not-awaited"      // an event, answer or timer that nobody waits for any more
	NothingToRetry Refusal = "process/nothing-to-retry" // nothing is stuck, and nothing waits to be sent again
	NoWayBack      Refusal = "process/no-way-back"      // it is undone already, or past the step after which nothing is
)
