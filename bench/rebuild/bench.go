package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/clickhouse"
	"recount/internal/embedded"
	"recount/internal/process"
	"recount/schemas/clickhouse/migrations"
)

// reading is what came of one size.
type reading struct {
	events int
	limit  float64 // events a second that ClickHouse takes when they are rows already
	first  told    // from zero, with nothing beside it
	second told    // with everything beside it
	live   noticed
}

func (r reading) rate() float64 { return float64(r.events) / r.first.FillSeconds }

// stage is what one run takes place on.
type stage struct {
	*frame.Scene
	o      options
	broker *broker.Broker
	engine *embedded.ClickHouse
	db     *clickhouse.DB
	log    *workload.EventLog
}

// measure runs every size. The last is the result.
func measure(ctx context.Context, on *frame.Scene, o options) (frame.Result, error) {
	var readings []reading
	for _, size := range o.sizes {
		r, err := runSize(ctx, on, o, size)
		if err != nil {
			return frame.Result{}, fmt.Errorf("%s events: %w", report.Count(float64(size)), err)
		}
		readings = append(readings, r)
	}
	return table(conditions(o, on.Machine), readings), nil
}

// runSize sets a fresh stage, and measures on it in turn.
func runSize(ctx context.Context, on *frame.Scene, o options, size int) (r reading, err error) {
	dir, err := os.MkdirTemp(on.Dir, "size-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &stage{Scene: on, o: o}
	defer func() { err = errors.Join(err, s.clear(ctx)) }()
	if err := s.set(ctx, dir); err != nil {
		return r, err
	}
	r.events = size
	on.Progress(fmt.Sprintf("writing %s events", report.Count(float64(size))))
	if err := s.log.Append(ctx, size, nil); err != nil {
		return r, err
	}
	on.Progress("measuring how much ClickHouse takes")
	if r.limit, err = insertLimit(ctx, s.subject(), s.db, size); err != nil {
		return r, err
	}
	on.Progress(fmt.Sprintf("rebuilding from zero; ClickHouse takes %s events/s as rows", report.Count(r.limit)))
	if r.first, err = s.rebuild(ctx); err != nil {
		return r, err
	}
	if o.alone {
		return r, nil
	}
	on.Progress(fmt.Sprintf("%s events/s; once more beside projectors, %d events/s and %d questions/s", report.Count(r.rate()), o.live, o.queries))
	r.second, r.live, err = s.beside(ctx, size)
	return r, err
}

func (s *stage) set(ctx context.Context, dir string) (err error) {
	if s.broker, err = s.Broker(ctx, broker.Tuned, s.o.plan.Partitions, bank); err != nil {
		return err
	}
	codec, err := benchsubject.Offline()
	if err != nil {
		return err
	}
	if s.log, err = workload.NewEventLog(s.o.plan, codec, s.broker.Addr(), eventsTopic); err != nil {
		return err
	}
	s.engine, err = embedded.StartClickHouse(ctx, embedded.ClickHouseOptions{DataDir: filepath.Join(dir, "clickhouse"), Progress: s.Progress})
	if err != nil {
		return err
	}
	if s.db, err = clickhouse.Open(ctx, clickhouse.Config{URL: s.engine.URL(), Database: database}); err != nil {
		return err
	}
	return s.db.Migrate(ctx, migrations.FS())
}

// clear ends what was started, also when ctx has ended.
func (s *stage) clear(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var faults []error
	if s.log != nil {
		s.log.Close()
	}
	if s.db != nil {
		faults = append(faults, s.db.Close())
	}
	if s.engine != nil {
		faults = append(faults, s.engine.Stop(ctx))
	}
	if s.broker != nil {
		faults = append(faults, s.broker.Stop(ctx))
	}
	return errors.Join(faults...)
}

func (s *stage) subject() subjectConfig {
	return subjectConfig{Broker: s.broker.Addr(), URL: s.engine.URL(), Lanes: s.o.lanes, Block: s.o.block, Nice: s.o.nice, Profile: s.o.profile}
}

// start starts a subject. Its last line is what it says of itself.
func (s *stage) start(name string, line func(string)) (*process.Process, error) {
	return frame.Start(name, s.subject(), process.Spec{OnLine: line, Log: s.Log})
}

// rebuild runs a rebuild to its end.
func (s *stage) rebuild(ctx context.Context) (t told, err error) {
	var mu sync.Mutex
	var last string
	p, err := s.start(rebuilder, func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if bytes.HasPrefix([]byte(line), []byte("{")) {
			last = line
		}
	})
	if err != nil {
		return t, err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		return t, errors.Join(ctx.Err(), p.Kill())
	}
	mu.Lock()
	defer mu.Unlock()
	if err := json.Unmarshal([]byte(last), &t); err != nil {
		return t, p.Err()
	}
	return t, nil
}
