package main

import (
	"errors"
	"time"

	"recount/bench/report"
)

// hops is how many transactions lie between a request and the end of its transfer: the aggregator's for the request, the
// withdrawal, the deposit and the completion, and between each two one of the saga's.
const hops = 7

// mark is what was seen at a moment: how many transfers had ended, and the processor times used until then.
type mark struct {
	at                       time.Time
	ended                    int
	aggregator, saga, broker time.Duration
}

// mark reads the processor times.
func (st *stage) mark(ended int, at time.Time) (m mark, err error) {
	var faults [3]error
	m.at, m.ended = at, ended
	m.aggregator, faults[0] = st.aggregator.CPU()
	m.saga, faults[1] = st.saga.CPU()
	m.broker, faults[2] = st.broker.CPU()
	return m, errors.Join(faults[:]...)
}

// rate is what came of a run for throughput, between two marks.
type rate struct{ from, to mark }

func (r rate) transfers() float64 { return float64(r.to.ended - r.from.ended) }

func (r rate) perSecond() float64 { return r.transfers() / r.to.at.Sub(r.from.at).Seconds() }

// micros is the processor time of one of the processes for each transfer.
func (r rate) micros(of func(mark) time.Duration) float64 {
	return float64((of(r.to) - of(r.from)).Microseconds()) / r.transfers()
}

// period is what came of a run for latency.
type period struct {
	transfer report.Delays // from when the broker had accepted a request until the end of its transfer could be read
	due      report.Delays // the same from when the request was due
	command  report.Delays // from when the broker had accepted a request until its event could be read
	// The share of one processor that each took meanwhile.
	aggregator, saga, broker float64
}

// period is of the transfers of a lap that count.
func (w *watch) period(l *lap) period {
	var transfer, due, command []time.Duration
	for n := l.first; n < l.until; n++ {
		accepted := w.accepted[n].Load()
		transfer = append(transfer, time.Duration(w.ended[n]-accepted))
		due = append(due, time.Duration(w.ended[n]-l.pace.Due(n-l.from).UnixNano()))
		// An event may be read before its command's sender has heard of the command's acceptance.
		command = append(command, max(0, time.Duration(w.requested[n]-accepted)))
	}
	share := func(from, to time.Duration) float64 { return float64(to-from) / float64(l.ended.at.Sub(l.began.at)) }
	return period{
		transfer: report.DelaysOf(transfer), due: report.DelaysOf(due), command: report.DelaysOf(command),
		aggregator: share(l.began.aggregator, l.ended.aggregator), saga: share(l.began.saga, l.ended.saga), broker: share(l.began.broker, l.ended.broker),
	}
}

// hops is how many times as long as a command a transfer took, in the middle: no more than there are hops, and nothing
// waits on the way.
func (p period) hops() float64 { return float64(p.transfer.P50) / float64(p.command.P50) }
