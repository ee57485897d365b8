package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"recount/bench/broker"
	"recount/bench/process"
	"recount/bench/report"
	"recount/bench/workload"
	"recount/domain"
	"recount/internal/clickhouse"
	"recount/internal/embedded"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/schemas/avro"
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
	o        options
	broker   *broker.Broker
	engine   *embedded.ClickHouse
	db       *clickhouse.DB
	log      *workload.EventLog
	progress func(string)
	messages io.Writer
}

// bench runs every size, and writes the last as the result to a file and all as a table to out.
func bench(ctx context.Context, o options, out, messages io.Writer) error {
	began := time.Now()
	progress := func(s string) { fmt.Fprintf(messages, "%4.0fs  %s\n", time.Since(began).Seconds(), s) }
	machine := report.Machine(began)
	var readings []reading
	for _, size := range o.sizes {
		r, err := runSize(ctx, o, size, progress, messages)
		if err != nil {
			return fmt.Errorf("%s events: %w", report.Count(float64(size)), err)
		}
		readings = append(readings, r)
	}
	conditions := conditions(o, machine)
	if err := report.Write(o.out, newResult(conditions, readings)); err != nil {
		return err
	}
	return table(out, conditions, readings)
}

// runSize sets a fresh stage, and measures on it in turn.
func runSize(ctx context.Context, o options, size int, progress func(string), messages io.Writer) (r reading, err error) {
	dir, err := os.MkdirTemp("", "recount-bench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &stage{o: o, progress: progress, messages: messages}
	defer func() { err = errors.Join(err, s.clear(ctx)) }()
	if err := s.set(ctx, dir); err != nil {
		return r, err
	}
	r.events = size
	progress(fmt.Sprintf("writing %s events", report.Count(float64(size))))
	if err := s.log.Append(ctx, size, nil); err != nil {
		return r, err
	}
	progress("measuring how much ClickHouse takes")
	if r.limit, err = insertLimit(ctx, s.subject(), s.db, size); err != nil {
		return r, err
	}
	progress(fmt.Sprintf("rebuilding from zero; ClickHouse takes %s events/s as rows", report.Count(r.limit)))
	if r.first, err = s.rebuild(ctx); err != nil {
		return r, err
	}
	progress(fmt.Sprintf("%s events/s; once more beside projectors, %d events/s and %d questions/s", report.Count(r.rate()), o.live, o.queries))
	r.second, r.live, err = s.beside(ctx, size)
	return r, err
}

func (s *stage) set(ctx context.Context, dir string) (err error) {
	if s.broker, err = broker.Start(ctx, broker.Options{Progress: s.progress}); err != nil {
		return err
	}
	cfg := kafka.Config{Brokers: []string{s.broker.Addr()}}
	if err := kafka.EnsureTopics(ctx, cfg, []string{bank}, s.o.plan.Partitions, kafka.Replication{Factor: 1}); err != nil {
		return err
	}
	catalog, err := serde.NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		return err
	}
	if s.log, err = workload.NewEventLog(s.o.plan, catalog.Offline(), s.broker.Addr(), eventsTopic); err != nil {
		return err
	}
	s.engine, err = embedded.StartClickHouse(ctx, embedded.ClickHouseOptions{DataDir: filepath.Join(dir, "clickhouse"), Progress: s.progress})
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
	return subjectConfig{Broker: s.broker.Addr(), URL: s.engine.URL(), Lanes: s.o.lanes, Block: s.o.block}
}

// start starts a subject. Its last line is what it says of itself.
func (s *stage) start(name string, line func(string)) (*process.Process, error) {
	config, err := json.Marshal(s.subject())
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	spec := process.Spec{Name: name, Path: self, Args: []string{subjectArgument, name, string(config)}, OnLine: line}
	if s.o.verbose {
		spec.Log = s.messages
	}
	return process.Start(spec)
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
