package projector

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
)

// keeper keeps one view of one context: it follows every generation that is to be kept up to date. That is the one that
// serves, and for a while beside it one that is about to take over.
type keeper struct {
	cfg     *Config
	context string
	view    es.View
	turns   kafka.Turns
	limits  kafka.RangeLimits
	marks   *clickhouse.Watermarks
	board   *parking.Board

	changed chan struct{} // holds a token when following has ended
	serving int           // the generation that serves; 0: none

	mu     sync.Mutex
	all    []*projection
	main   *projection // what Status and Ready speak of: the generation that serves, else the newest
	reason error       // why nothing is followed
	err    error       // why the view stopped
}

// generationsPause is how soon a projector notices that a generation is to be followed, or no longer.
const generationsPause = 500 * time.Millisecond

// following is a generation at work.
type following struct {
	*projection
	stop context.CancelFunc
	done chan struct{}
	err  error // set before done is closed
}

// run prepares the view and follows its generations until ctx ends.
func (k *keeper) run(ctx context.Context, partitions int) error {
	pace := k.cfg.Pace()
	k.limits = k.cfg.limits(k.view, partitions)
	k.warnOfSlowness()
	// Twice the window that is asserted, so that there is room to grow.
	_, err := k.cfg.DB.EnsureView(ctx, k.view, 2*pace.Window(), k.cfg.Render)
	if err != nil && !errors.Is(err, clickhouse.ErrRevision) && !errors.Is(err, clickhouse.ErrUnserved) {
		return err // else a rebuild will bring a generation that this program can follow
	}
	err = nil
	running := map[int]*following{}
	for ctx.Err() == nil {
		if k.adjust(ctx, running) {
			break
		}
		select {
		case <-ctx.Done():
		case <-k.changed:
		case <-time.After(generationsPause):
		}
	}
	for _, f := range running {
		f.end()
		if f.generation.Number == k.serving {
			err = errors.Join(err, f.err)
		}
	}
	if p, reason := k.of(); p == nil {
		err = errors.Join(err, reason)
	}
	return err
}

// warnOfSlowness tells that the bound on inserts is what makes a view as old as it will be, and not what it declares.
func (k *keeper) warnOfSlowness() {
	if slowest := time.Duration(float64(time.Second) / k.limits.Rate); slowest > k.limits.Age {
		k.cfg.Log.Warn("the view will be less fresh than it is to be: its partitions share the inserts that a table may take", "view", k.view.Name,
			"context", k.context, "freshness", k.limits.Age, "will be", slowest.Round(time.Millisecond), "inserts per second", k.cfg.InsertsPerSecond)
	}
}

// adjust starts and stops following, by what the records say now. The generation that serves ends the view when it
// fails; one that nobody looks at yet must not take the one with it that everybody looks at.
func (k *keeper) adjust(ctx context.Context, running map[int]*following) (failed bool) {
	all, err := k.cfg.DB.Generations(ctx, k.view.Name)
	if err != nil {
		k.cfg.Log.Debug("the generations are not known at the moment", "view", k.view.Name, "error", err)
		f := running[k.serving]
		return f != nil && f.ended()
	}
	k.rollForward(ctx, all)
	serving, _ := clickhouse.In(all, clickhouse.StateServing)
	k.serving = serving.Number
	for _, g := range all {
		f := running[g.Number]
		if f != nil {
			f.serves.Store(g.State == clickhouse.StateServing)
		}
		switch wanted := g.State.Followed() && g.Revision == k.view.Revision && k.cfg.follows(g); {
		case wanted && f == nil:
			running[g.Number] = k.start(ctx, g)
		case !wanted && f != nil:
			f.end()
			delete(running, g.Number)
		case wanted && f.ended():
			if f.err != nil && g.State == clickhouse.StateServing {
				return true
			}
		}
	}
	k.choose(serving, running)
	return false
}

// rollForward finishes a switch that somebody has left in the middle.
func (k *keeper) rollForward(ctx context.Context, all []clickhouse.Generation) {
	g, switching := clickhouse.In(all, clickhouse.StateSwitching)
	if !switching {
		return
	}
	_, claimed, err := k.cfg.DB.Claimed(ctx, ClaimName(k.view.Name))
	if err == nil && claimed {
		return
	}
	if err == nil {
		_, _, err = k.cfg.DB.FinishSwitch(ctx, k.view.Name, nil)
	}
	if err != nil {
		k.cfg.Log.Warn("a switch was left in the middle, and can't be finished at the moment", "view", k.view.Name, "generation", g.Number, "error", err)
		return
	}
	k.cfg.Log.Info("a switch that was left in the middle was finished", "view", k.view.Name, "generation", g.Number)
}

// ClaimName is what whoever rebuilds a view, rolls it back or mends it has claimed.
func ClaimName(view string) string { return "view " + view }

func (k *keeper) start(ctx context.Context, g clickhouse.Generation) *following {
	ctx, stop := context.WithCancel(ctx)
	f := &following{
		projection: &projection{
			cfg: k.cfg, source: Source{k.context, k.view.From, k.cfg.Codec}, view: k.view, generation: g,
			limits: k.limits, marks: k.marks, board: k.board,
		},
		stop: stop, done: make(chan struct{}),
	}
	f.serves.Store(g.State == clickhouse.StateServing)
	f.progress.opened(g.Number)
	go func() {
		defer close(f.done)
		err := f.run(ctx, k.turns)
		if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return // being told to stop is no failure, whatever it interrupted
		}
		f.err = err
		f.progress.failed(err)
		select {
		case k.changed <- struct{}{}:
		default:
		}
		k.cfg.Log.Error("a generation is no longer followed", "view", k.view.Name, "context", k.context, "generation", g.Number, "error", err)
	}()
	return f
}

// end stops following and waits until the ranges in work are in.
func (f *following) end() {
	f.stop()
	<-f.done
}

func (f *following) ended() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// choose picks what Status and Ready speak of.
func (k *keeper) choose(serving clickhouse.Generation, running map[int]*following) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = nil
	for _, f := range running {
		k.all = append(k.all, f.projection)
	}
	switch f := running[serving.Number]; {
	case f != nil:
		k.main, k.reason = f.projection, nil
	case len(running) > 0:
		k.main, k.reason = running[slices.Max(slices.Collect(maps.Keys(running)))].projection, nil
	case serving.Number > 0 && serving.Revision != k.view.Revision:
		k.main, k.reason = nil, fmt.Errorf("generation %d was filled by revision %d of its mapping and this program has revision %d: it waits for one of its own "+
			"(projectors rebuild %s)", serving.Number, serving.Revision, k.view.Revision, k.view.Name)
	default:
		k.main, k.reason = nil, errors.New("no generation is to be followed")
	}
}

// of returns what Status and Ready speak of, or why there is nothing.
func (k *keeper) of() (*projection, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.main, k.reason
}

// fail records how the view ended.
func (k *keeper) fail(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = fmt.Errorf("view %s of %s stopped: %w", k.view.Name, k.context, err)
	k.cfg.Observer.Failed(k.context, k.view.Name)
	k.cfg.Log.Error("a view stopped; the others go on", "view", k.view.Name, "context", k.context, "error", err)
}

func (k *keeper) failure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

func (k *keeper) topic() string { return Source{Context: k.context, Stream: k.view.From}.Topic() }

func (k *keeper) stands(partition int32, stable int64, still time.Duration) {
	for _, p := range k.each() {
		p.progress.stands(partition, stable, still)
	}
}

// each returns all that is followed.
func (k *keeper) each() []*projection {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.all)
}

// statuses are those of every generation that is followed: one that is about to serve must be known as well as the one
// before it.
func (k *keeper) statuses() []ViewStatus {
	var out []ViewStatus
	for _, p := range k.each() {
		out = append(out, p.status())
	}
	return out
}

func (k *keeper) ready() error {
	p, reason := k.of()
	err := k.failure()
	switch {
	case err != nil:
		return err
	case p != nil:
		return p.progress.ready()
	case reason != nil:
		return reason
	}
	return errors.New("being prepared")
}

func (k *keeper) status() ViewStatus {
	p, reason := k.of()
	s := ViewStatus{Context: k.context, View: k.view.Name, Err: reason}
	if p != nil {
		s = p.status()
	}
	if err := k.failure(); err != nil {
		s.Err = err
	}
	return s
}
