package meter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// PageUnits is the most that one page of a Query uses: MaxPageBytes, and the
// item with which the page reaches them.
const PageUnits = (table.MaxPageBytes + table.MaxItem) / readUnit

// Limit returns the table with a limit of read units a second, counted by the
// rules of New. A read waits until the reads of the last second, and those that
// are on their way, leave room: what a page uses is known only after it was
// read, so until then it counts as PageUnits, and a Get as a unit for each key.
// So no second uses more than the limit and one page, however many reads are
// sent in parallel. Writes are not limited.
//
// It wraps an engine beneath table.Retrying, so that each attempt counts.
func Limit(t table.Table, perSecond int, now func() time.Time) table.Table {
	return &limit{Table: t, perSecond: float64(perSecond), now: now, moved: make(chan struct{})}
}

type limit struct {
	table.Table

	perSecond float64
	now       func() time.Time

	mu sync.Mutex
	// recent are the reads of the last second, used their units, and reserved
	// those of the reads that are on their way.
	recent         []spent
	used, reserved float64
	// moved is closed when a read ends, and replaced.
	moved chan struct{}
}

// spent is what a read used, and when it ended.
type spent struct {
	at    time.Time
	units float64
}

// Get calls the table when there is room.
func (l *limit) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if err := l.reserve(ctx, float64(len(keys))); err != nil {
		return nil, err
	}
	items, err := l.Table.Get(ctx, keys...)
	l.settle(float64(len(keys)), getUnits(keys, items), err)
	return items, err
}

// Query calls the table when there is room.
func (l *limit) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := l.reserve(ctx, PageUnits); err != nil {
		return table.Page{}, err
	}
	page, err := l.Table.Query(ctx, q)
	l.settle(PageUnits, queryUnits(page), err)
	return page, err
}

// reserve waits until there is room, and takes units of it.
func (l *limit) reserve(ctx context.Context, units float64) error {
	for {
		l.mu.Lock()
		pause := l.room(l.now())
		if pause == 0 {
			l.reserved += units
			l.mu.Unlock()
			return nil
		}
		moved := l.moved
		l.mu.Unlock()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-moved:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("meter: not read: %w", ctx.Err())
		}
		timer.Stop()
	}
}

// room returns 0 if a read may be sent, and otherwise after which time there
// may be room if no read ends before.
func (l *limit) room(now time.Time) time.Duration {
	for len(l.recent) > 0 && now.Sub(l.recent[0].at) >= time.Second {
		l.used -= l.recent[0].units
		l.recent = l.recent[1:]
	}
	switch {
	case l.used+l.reserved < l.perSecond:
		return 0
	case len(l.recent) == 0:
		return time.Second
	}
	return time.Second - now.Sub(l.recent[0].at)
}

// settle replaces what a read has reserved by what it used. A read without an
// answer may have been done, unless it was throttled or never sent.
func (l *limit) settle(reserved, used float64, err error) {
	if err != nil {
		used = reserved
		if neverSent(err) || errors.Is(err, table.ErrThrottled) || errors.Is(err, table.ErrNoConnection) {
			used = 0
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved -= reserved
	l.used += used
	l.recent = append(l.recent, spent{l.now(), used})
	close(l.moved)
	l.moved = make(chan struct{})
}
