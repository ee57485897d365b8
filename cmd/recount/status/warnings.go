package status

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"recount/internal/kafka"
)

// limits are beyond what something needs somebody.
type limits struct {
	lag time.Duration
}

// warnings are those that follow from what was found.
func (l limits) warnings(r *Report) []Warning {
	var out []Warning
	add := func(code, do, format string, args ...any) {
		out = append(out, Warning{Code: code, Text: fmt.Sprintf(format, args...), Do: do})
	}
	for _, s := range r.Services {
		if !s.Reachable {
			add(CodeUnreachable, "start it, or name the right address", "%s: %s", s.Name, s.Problem)
		}
	}
	for _, p := range r.Roles {
		switch {
		case !p.Reachable && p.Expected:
			add(CodeRoleGone, "start it, or name the right address with --role", "nothing at %s: %s", p.place(), p.Problem)
		case p.Reachable && !p.Ready:
			add(CodeRoleNotReady, "wait, and read its log if that takes longer than a minute", "the role at %s is not ready: %s", p.place(), reasons(p))
		}
	}
	for i := range r.Contexts {
		l.contextWarnings(&r.Contexts[i], add)
	}
	for _, t := range r.Transactions {
		add(CodeTransaction, t.Do, "a transaction of producer %d has been open in %s/%d for %s%s", t.ProducerID, t.Topic, t.Partition, age(t.AgeSeconds), held(t.HoldsStable))
	}
	for _, v := range r.Views {
		switch {
		case v.Generation == 0:
			add(CodeViewMissing, "start projectors run", "view %s of %s was never made", v.View, v.Context)
		case v.LagSeconds > l.lag.Seconds():
			add(CodeViewLag, "start more projectors, or see why theirs are slow: recount_projector_insert_seconds and their log",
				"view %s of %s: the oldest of %d records has been waiting for %s", v.View, v.Context, v.LagRecords, age(v.LagSeconds))
		}
		if v.Parked > 0 {
			add(CodeViewParked, "projectors parked list "+v.View+" says which and why", "view %s of %s lacks events of %d aggregates that it could not map", v.View, v.Context, v.Parked)
		}
	}
	l.sagaWarnings(r, add)
	return out
}

func (l limits) sagaWarnings(r *Report, add func(code, do, format string, args ...any)) {
	for _, c := range r.Contexts {
		switch s := c.Sagas; {
		case s == nil || s.LagSeconds <= l.lag.Seconds():
		case len(s.Members) == 0:
			add(CodeNoSagas, "start saga run: what they have begun stands still", "nobody carries out the sagas of %s: the oldest of %d records has been waiting for %s", c.Name, s.LagRecords, age(s.LagSeconds))
		default:
			add(CodeSagaLag, "start another saga run, or see what slows them: their log, and recount_saga_step_seconds",
				"the sagas of %s lag: the oldest of %d records has been waiting for %s", c.Name, s.LagRecords, age(s.LagSeconds))
		}
	}
	for _, s := range r.Sagas {
		if s.Stuck > 0 {
			add(CodeSagaStuck, "saga list --stuck says which and why; mend the cause, and have them go on with saga retry, or back with saga compensate",
				"%d instances of saga %s of %s are stuck, the first for %s", s.Stuck, s.Saga, s.Context, age(s.StuckSeconds))
		}
	}
}

func (l limits) contextWarnings(c *Context, add func(code, do, format string, args ...any)) {
	var unowned []string
	for _, p := range c.Partitions {
		if p.Owner == "" {
			unowned = append(unowned, strconv.Itoa(int(p.Number)))
		}
		for _, in := range p.Inputs {
			at := fmt.Sprintf("%s/%d", in.Topic, p.Number)
			switch {
			case in.Committed > in.End, in.Committed >= 0 && in.Committed < in.Start, in.Committed < 0 && in.Start > 0:
				add(CodeLostCommands, "find out what deleted them; then aggregator run --accept-lost-commands goes on",
					"%s: the aggregators stand at %d, and the log goes from %d to %d", at, in.Committed, in.Start, in.End)
			case in.LagSeconds > l.lag.Seconds():
				add(CodeLag, "start another aggregator, or see what slows them: recount_aggregator_decide_seconds and recount_aggregator_commit_seconds",
					"%s: the oldest of %d commands has been waiting for %s", at, in.LagRecords, age(in.LagSeconds))
			}
		}
	}
	if len(unowned) > 0 {
		do := "start aggregator run"
		if len(c.Members) > 0 {
			do = "wait for the group to assign them (it is " + c.Group + "), and read the aggregators' logs if that takes longer than a minute"
		}
		add(CodeNoOwner, do, "nobody decides %s's partitions %s", c.Name, strings.Join(unowned, ", "))
	}
}

func reasons(p Role) string {
	var all []string
	for _, w := range p.Waiting {
		all = append(all, w.Name+": "+w.Reason)
	}
	if len(all) == 0 {
		return "it tells its reasons to those who have its token"
	}
	return strings.Join(all, "; ")
}

func held(holds bool) string {
	if holds {
		return ", and nobody reads past it"
	}
	return ""
}

// age is a time for people.
func age(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d == 0:
		return "0"
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// input is a lag as the report has it.
func input(l kafka.Lag, now time.Time) Input {
	return Input{
		Topic: l.Topic, Start: l.Start, Committed: l.Committed, Stable: l.Stable, End: l.End,
		LagRecords: l.Records, LagSeconds: l.Age(now).Seconds(),
	}
}
