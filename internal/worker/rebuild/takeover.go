package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/projector"
)

// handOver tells the consumer groups of the build where they stand, and has the projectors follow it from there. From
// here on only they write to it.
func (b *build) handOver(ctx context.Context) error {
	if _, err := b.stable(ctx); err != nil { // partitions that nothing was ever written to
		return err
	}
	for _, c := range b.contexts {
		err := kafka.SeedRanges(ctx, b.r.cfg.Projector.Kafka, b.group(c), b.source(c).Topic(), b.now.Number, b.at[c])
		if err != nil {
			return err
		}
	}
	b.r.at(b.view.Name, Seeded)
	now, err := b.r.cfg.Projector.DB.Move(ctx, b.now, clickhouse.StateFollowing)
	if err != nil {
		return err
	}
	b.now = now
	b.r.at(b.view.Name, Followed)
	return nil
}

func (b *build) group(context string) string {
	return projector.Group(b.r.cfg.Projector.DB.Database(), context, b.now)
}

// catchUp waits until the build shows what the generation that serves does, so that nobody sees time run backwards.
// Projectors of this revision follow it, if there are any; else this process does.
func (b *build) catchUp(ctx context.Context) (err error) {
	followed, err := b.followed(ctx)
	if err != nil {
		return err
	}
	var failed <-chan error
	if !followed {
		stop, ended, err := b.follow(ctx)
		if err != nil {
			return err
		}
		failed = ended
		defer func() {
			stop()
			if left := <-ended; err == nil {
				err = left
			}
		}()
	}
	// In this order: what the generation that serves is known to hold was in before it was where it is then. So a build
	// that has come there holds it too, and questions for what was believed go on being answered after the switch.
	db := b.r.cfg.Projector.DB
	known, err := db.KnownOf(ctx, b.old)
	if err != nil {
		return err
	}
	target, err := b.serving(ctx)
	if err != nil {
		return err
	}
	if err := b.await(ctx, target, failed); err != nil {
		return err
	}
	for i := range known {
		known[i].Generation = b.now.Number
	}
	if err := db.TellKnown(ctx, known); err != nil {
		return err
	}
	b.r.at(b.view.Name, CaughtUp)
	return nil
}

// followed waits for projectors to take the build up: some for every context.
func (b *build) followed(ctx context.Context) (bool, error) {
	for began := time.Now(); ; {
		missing := 0
		for _, c := range b.contexts {
			n, err := kafka.GroupMembers(ctx, b.r.cfg.Projector.Kafka, b.group(c))
			if err != nil {
				return false, err
			}
			if n == 0 {
				missing++
			}
		}
		if missing == 0 {
			return true, nil
		}
		if time.Since(began) > b.r.cfg.Patience {
			b.r.cfg.Log.Warn("no projector follows the new generation; until one is started (projectors run) the view stands still after the switch",
				"view", b.view.Name, "generation", b.now.Number)
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(awaitPause * 5):
		}
	}
}

// follow keeps the build up to date from within this process, until stop is called.
func (b *build) follow(ctx context.Context) (stop context.CancelFunc, ended <-chan error, err error) {
	cfg := b.r.cfg.Projector
	cfg.InstanceID = ""
	cfg.Follows = func(g clickhouse.Generation) bool { return g.Number == b.now.Number }
	cfg.Contexts = nil
	for _, c := range b.contexts {
		cfg.Contexts = append(cfg.Contexts, es.Context{Name: c, Views: []es.View{b.view}})
	}
	p, err := projector.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	ctx, stop = context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx); close(done) }()
	return stop, done, nil
}

// stuckPatience is how long a generation that is followed may make no progress.
const stuckPatience = time.Minute

// await waits until the build has reached target.
func (b *build) await(ctx context.Context, target clickhouse.Vector, failed <-chan error) error {
	least, moved := int64(-1), time.Now()
	for {
		reached, err := b.r.cfg.Projector.DB.Vector(ctx, b.now)
		if err != nil {
			return err
		}
		left := distance(reached, target)
		switch {
		case left == 0:
			return nil
		case least < 0 || left < least:
			least, moved = left, time.Now()
		case time.Since(moved) > stuckPatience:
			return fmt.Errorf("generation %d of view %s is %d records behind and makes no progress: the log of the projectors says why", b.now.Number, b.view.Name, left)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return errors.Join(fmt.Errorf("generation %d of view %s can't be brought up to date", b.now.Number, b.view.Name), err)
		case <-time.After(awaitPause):
		}
	}
}

// takeOver writes the switch down, carries it out, and records it.
func (b *build) takeOver(ctx context.Context) error {
	db := b.r.cfg.Projector.DB
	if b.now.State != clickhouse.StateSwitching {
		now, err := db.Move(ctx, b.now, clickhouse.StateSwitching)
		if err != nil {
			return err
		}
		b.now = now
	}
	b.r.at(b.view.Name, Intended)
	now, took, err := db.FinishSwitch(ctx, b.view.Name, func(int) { b.r.at(b.view.Name, Replaced) })
	if errors.Is(err, clickhouse.ErrNoSwitch) { // a projector that took us for dead was faster
		err = nil
		now.Number = b.now.Number
	}
	if err != nil {
		return err
	}
	b.now.State = clickhouse.StateServing
	b.r.cfg.Observer.Switched(b.view.Name, now.Number, took)
	b.r.at(b.view.Name, Serves)
	return nil
}
