package saga

// The events of a process beside Started. Their schemas differ from saga to saga in their namespace alone. Times are Unix
// milliseconds; Leg counts a step's commands from 0; Undo says that the event is about what takes the leg back.

// StepRequested says that a leg's command was sent. It is the only event that sends anything.
type StepRequested struct {
	Step    string `avro:"step"`
	Leg     int32  `avro:"leg"`
	Undo    bool   `avro:"undo"`
	Attempt int32  `avro:"attempt"`
	At      int64  `avro:"at"`
	// ValidAt is when the command is true in the world: when what started the process is.
	ValidAt int64 `avro:"valid_at"`
	// Target is "<aggregate type>/<aggregate ID>", for people.
	Target string `avro:"target"`
}

// StepSkipped says that there was nothing to do.
type StepSkipped struct {
	Step string `avro:"step"`
}

// StepAccepted says that a leg's command was accepted, and the event that answers it is awaited.
type StepAccepted struct {
	Step string `avro:"step"`
	Leg  int32  `avro:"leg"`
}

// StepSucceeded says that a leg is done, or undone.
type StepSucceeded struct {
	Step string `avro:"step"`
	Leg  int32  `avro:"leg"`
	Undo bool   `avro:"undo"`
}

// StepRefused says that the answer was no. It is never tried again.
type StepRefused struct {
	Step   string `avro:"step"`
	Leg    int32  `avro:"leg"`
	Undo   bool   `avro:"undo"`
	Code   string `avro:"code"`
	Detail string `avro:"detail"`
}

// StepFailed says that something broke, and that nothing was done. It is tried again at RetryAt; 0: not by itself.
type StepFailed struct {
	Step    string `avro:"step"`
	Leg     int32  `avro:"leg"`
	Undo    bool   `avro:"undo"`
	Failure int32  `avro:"failure"` // 1, 2, 3 …
	Code    string `avro:"code"`
	Detail  string `avro:"detail"`
	RetryAt int64  `avro:"retry_at"`
	// Correlation is shared by everything that follows from one request.
	Correlation string `avro:"correlation_id"`
}

// TimerSet says that the process waits for a moment.
type TimerSet struct {
	Name        string `avro:"name"`
	Due         int64  `avro:"due"`
	Correlation string `avro:"correlation_id"`
}

// TimerFired says that a moment has come.
type TimerFired struct {
	Name string `avro:"name"`
}

// StopRequested says that the process is to give up, and why. It does so unless a final step turns out to be done.
type StopRequested struct {
	Code   string `avro:"code"`
	Detail string `avro:"detail"`
	Step   string `avro:"step"`
}

// CompensationStarted says that no further step is taken, and what was done is undone.
type CompensationStarted struct {
	Code string `avro:"code"`
}

// Stuck says that a leg can be neither done nor undone without an operator.
type Stuck struct {
	Step string `avro:"step"`
	Leg  int32  `avro:"leg"`
	Undo bool   `avro:"undo"`
	Code string `avro:"code"`
}

// Retried says that an operator has what is stuck or waits be sent now.
type Retried struct {
	Actor  string `avro:"actor"`
	Reason string `avro:"reason"`
}

// Completed says that every step is done. It ends the process.
type Completed struct{}

// Compensated says that everything that was done is undone. It ends the process.
type Compensated struct {
	Code string `avro:"code"`
}
