package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
)

// ErrClaimed says that somebody else is at work on what was to be claimed.
var ErrClaimed = errors.New("somebody else is at work on it")

// ClaimTimeDefault is how long a claim holds without being renewed: so long after a holder's death others may begin.
const ClaimTimeDefault = 15 * time.Second

// renewals is how often a claim is renewed in the time it holds.
const renewals = 5

// Claim is the right to work on something alone, for as long as it is renewed.
//
// ClickHouse has no compare-and-swap, but it drops an insert whose token it knows. Claims of one name are numbered, and
// the number is the token: of two programs that read turn 7 and write turn 8, one has its row dropped, reads turn 8 back
// and finds the other in it.
type Claim struct {
	db     *DB
	name   string
	holder string
	who    string
	hold   time.Duration

	mu      sync.Mutex
	turn    uint64
	expires time.Time // by this process's monotonic clock, reckoned from before the renewal was sent
	lost    error
	stop    chan struct{}
	done    chan struct{}
}

// claimRow is the newest claim of a name.
type claimRow struct {
	Turn    uint64    `ch:"turn"`
	Holder  string    `ch:"holder"`
	Who     string    `ch:"who"`
	Since   time.Time `ch:"since"`
	Expires time.Time `ch:"expires_at"`
	Now     time.Time `ch:"now"`
}

// Claim claims name for who, a description for people, and keeps renewing it until Release. After the holder's death it
// holds for another hold. The context that is returned ends when somebody else has the claim. If somebody else holds it the error is ErrClaimed and says who.
func (db *DB) Claim(ctx context.Context, name, who string, hold time.Duration) (*Claim, context.Context, error) {
	c := &Claim{db: db, name: name, holder: uuid.NewString(), who: who, hold: hold, stop: make(chan struct{}), done: make(chan struct{})}
	if err := c.take(ctx, c.hold); err != nil {
		return nil, nil, err
	}
	held, lose := context.WithCancelCause(ctx)
	go func() {
		defer close(c.done)
		lose(c.renew(context.WithoutCancel(ctx)))
	}()
	return c, held, nil
}

// take writes the next turn and looks whose it is.
func (c *Claim) take(ctx context.Context, hold time.Duration) error {
	for n := range uint64(recordsMax) {
		row, err := c.newest(ctx)
		if err != nil {
			return err
		}
		if row.Holder != c.holder && row.Expires.After(row.Now) {
			return fmt.Errorf("clickhouse: %s: %w: %s, since %s UTC. Wait for it, or stop it; if it has died, its claim ends in %v",
				c.name, ErrClaimed, row.Who, row.Since.UTC().Format(time.DateTime), row.Expires.Sub(row.Now).Round(time.Second))
		}
		turn, began := row.Turn+1+n, time.Now() // a ClickHouse that was killed may know a turn's token and not have its row: then the next
		since := row.Since
		if row.Holder != c.holder {
			since = row.Now
		}
		err = c.db.Exec(withSettings(ctx, insertSettings(fmt.Sprintf("claim %s/%d", c.name, turn))),
			"INSERT INTO claims (name, turn, holder, who, since, expires_at) SELECT ?, ?, ?, ?, fromUnixTimestamp64Milli(?), now64(3) + toIntervalMillisecond(?)",
			c.name, turn, c.holder, c.who, since.UnixMilli(), hold.Milliseconds())
		if err != nil {
			return fmt.Errorf("claiming %s: %w", c.name, err)
		}
		after, err := c.newest(ctx)
		if err != nil {
			return err
		}
		if after.Holder == c.holder && after.Turn > row.Turn {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.turn, c.expires = after.Turn, began.Add(hold)
			return nil
		}
	}
	row, err := c.newest(ctx)
	return errors.Join(err, fmt.Errorf("clickhouse: %s: %w: %s", c.name, ErrClaimed, row.Who))
}

func (c *Claim) newest(ctx context.Context) (claimRow, error) {
	var row claimRow
	err := c.db.cfg.again(ctx, func() error {
		return c.db.Row(ctx, `SELECT max(turn), argMax(holder, turn), argMax(who, turn), argMax(since, turn), argMax(expires_at, turn), now64(3)
			FROM claims WHERE name = ?`, c.name).Scan(&row.Turn, &row.Holder, &row.Who, &row.Since, &row.Expires, &row.Now)
	})
	if err != nil {
		return row, fmt.Errorf("looking who has claimed %s: %w", c.name, err)
	}
	return row, nil
}

// renew renews the claim until it is released or lost, and returns why it was lost. A renewal that has begun is never
// cut off: it might be carried out later, and take the place of the release.
func (c *Claim) renew(ctx context.Context) error {
	for {
		select {
		case <-c.stop:
			return nil
		case <-time.After(c.hold / renewals):
		}
		trying, cancel := context.WithTimeout(ctx, c.hold)
		err := c.take(trying, c.hold)
		cancel()
		if errors.Is(err, ErrClaimed) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.lost = fmt.Errorf("clickhouse: the claim on %s was lost: %w", c.name, err)
			return c.lost
		}
	}
}

// Check returns nil while the claim holds, by this process's clock: before each effect that must not be made twice. A
// claim that could not be renewed in time is ErrUnavailable: it may yet be renewed.
func (c *Claim) Check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost != nil {
		return c.lost
	}
	if !time.Now().Before(c.expires) {
		return fmt.Errorf("%w: the claim on %s could not be renewed for %v", ErrUnavailable, c.name, c.hold)
	}
	return nil
}

// Release ends the claim, so that others need not wait for it to expire. It tries for as long as the claim would hold: then
// it has expired.
func (c *Claim) Release(ctx context.Context) error {
	close(c.stop)
	<-c.done
	if c.Check() != nil {
		return nil // it is somebody else's
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.hold)
	defer cancel()
	if err := c.take(ctx, 0); err != nil {
		return fmt.Errorf("releasing the claim on %s, which ends by itself in %v: %w", c.name, c.hold, err)
	}
	return nil
}

// Claimed says who is at work on name at the moment, if anybody is.
func (db *DB) Claimed(ctx context.Context, name string) (who string, claimed bool, err error) {
	row, err := (&Claim{db: db, name: name}).newest(ctx)
	return row.Who, row.Expires.After(row.Now), err
}
