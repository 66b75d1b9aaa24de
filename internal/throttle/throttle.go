// Package throttle limits the rate of each tenant over all instances of the
// service, so that one tenant cannot take what the others need.
//
// A tenant's rate is a bucket of tokens in the table. A request takes a token, and
// large work takes more. An instance leases tokens in portions and spends them
// without the table; while it sees few requests of a tenant it spends tokens of
// its own and leases none. So N instances together accept, in any T seconds,
//
//	rate × (T + 2)                 from the bucket, which holds two seconds of the rate
//	+ N × (rate/40 × T + rate/20)  that instances spend without a lease
//	+ N × a portion                leased before, at most rate/4, kept for 10 s
//
// and the requests of a second in which the table did not answer: a lease that
// fails refuses nothing. Whatever happens, an instance alone accepts no more than
// rate × (T + 2).
//
// It knows no HTTP and no table, and decides nothing about who sends a request.
package throttle

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Buckets keeps the bucket of each tenant. Package store implements it.
type Buckets interface {
	// Spent reads the time up to which a tenant's tokens are spent; zero if none
	// ever were.
	Spent(ctx context.Context, t tenant.ID) (time.Time, error)
	// Spend moves that time on. If it is no longer from, moved is false and now is
	// what it is instead.
	Spend(ctx context.Context, t tenant.ID, from, to time.Time) (now time.Time, moved bool, err error)
}

const (
	// BurstSeconds is how many seconds of the rate may be spent at once.
	BurstSeconds = 2
	// freeShare is the part of the rate that each instance spends without a lease,
	// and freeBurst how much of it at once.
	freeShare, freeBurst = 1.0 / 40, 1.0 / 20
	// A portion has the tokens that an instance spends in about a second, at least
	// smallest of the rate and at most largest.
	smallest, largest = 1.0 / 20, 1.0 / 4
	// kept is how long leased tokens can be spent.
	kept = 10 * time.Second
	// patience is how long a request waits for a lease.
	patience = 200 * time.Millisecond
	// spreadOver is the longest time for WithSpread: less than the bucket holds.
	spreadOver = 500 * time.Millisecond
	// openTime is how long an instance lives by its own limit after a failed lease.
	openTime = time.Second
	// maxRaces is how often a lease is tried again because another instance was first.
	maxRaces = 3
	// maxDebt is how many seconds of the rate a large work takes in advance, and
	// maxAhead how far ahead of the clock the bucket is believed to be spent: a
	// wrong clock of one instance must not block a tenant.
	maxDebt, maxAhead = 5, 10 * time.Second
	// maxTenants bounds the memory of an instance; beyond it all tenants begin again.
	maxTenants = 10_000
)

// A Limiter limits the rate of each tenant. It is safe for concurrent use.
type Limiter struct {
	rate    float64 // tokens a second
	buckets Buckets

	// spread returns a time from zero to the given one.
	spread func(longest time.Duration) time.Duration

	mu      sync.Mutex
	tenants map[tenant.ID]*share
}

// New returns a Limiter of a number of tokens a second, which is no limit if it is
// 0. Without buckets it limits this instance alone.
func New(perSecond int, buckets Buckets) *Limiter {
	return &Limiter{
		rate: float64(perSecond), buckets: buckets, tenants: map[tenant.ID]*share{},
		spread: func(time.Duration) time.Duration { return 0 },
	}
}

// WithSpread sets by how much longer than necessary, at most, an instance waits before
// it asks an empty bucket again: instances that all ask at once are all busy at once.
// Call it before the Limiter is used. nil means no longer.
func (l *Limiter) WithSpread(spread func(longest time.Duration) time.Duration) *Limiter {
	if spread != nil {
		l.spread = spread
	}
	return l
}

// share is what an instance knows of a tenant's bucket. It is guarded by the
// Limiter's mutex.
type share struct {
	// own limits the instance, and free is what it spends without a lease.
	own, free pool
	// leased are the tokens that are left of the portion, leasedAt when it was
	// leased. Below zero it is what was spent beyond it.
	leased   float64
	leasedAt time.Time
	// spent counts tokens since leasedAt, for the size of the next portion.
	spent float64
	// emptyUntil is when the bucket has tokens again; openUntil is the end of the
	// time after a failed lease.
	emptyUntil, openUntil time.Time
	// leasing reports that a request is leasing a portion.
	leasing bool
}

// pool is a bucket in memory, which fills at a rate up to its size.
type pool struct {
	rate, size, tokens float64
	at                 time.Time
}

func newPool(rate, size float64, now time.Time) pool {
	return pool{rate: rate, size: size, tokens: size, at: now}
}

// fill adds the tokens of the time that has passed.
func (p *pool) fill(now time.Time) {
	if passed := now.Sub(p.at).Seconds(); passed > 0 {
		p.tokens = min(p.size, p.tokens+passed*p.rate)
		p.at = now
	}
}

// Take takes the token of a request. If the tenant has none left, wait is how long
// the request should wait before it is sent again.
func (l *Limiter) Take(ctx context.Context, t tenant.ID, now time.Time) (wait time.Duration, ok bool) {
	if l.rate == 0 {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.share(t, now)
	if s.own.tokens < 1 {
		return time.Duration((1 - s.own.tokens) / l.rate * float64(time.Second)), false
	}
	if !s.take(now) {
		if wait := l.beyond(ctx, t, s, now); wait > 0 {
			return wait, false
		}
	}
	s.own.tokens--
	s.spent++
	return 0, true
}

// beyond finds a token for a request for which the share has none, and otherwise
// returns how long the request should wait.
func (l *Limiter) beyond(ctx context.Context, t tenant.ID, s *share, now time.Time) (wait time.Duration) {
	if l.buckets == nil || now.Before(s.openUntil) {
		return 0
	}
	if !s.leasing && !now.Before(s.emptyUntil) {
		l.lease(ctx, t, s, now)
		if now.Before(s.openUntil) || s.take(now) {
			return 0
		}
	}
	if wait = s.emptyUntil.Sub(now); wait > 0 && !s.leasing {
		return wait
	}
	// Another request's lease is under way, or other instances were first each time:
	// nothing proves that the tenant is above its rate. The next portion pays.
	s.leased--
	return 0
}

// take takes a free or a leased token, without the table.
func (s *share) take(now time.Time) bool {
	if s.leased > 0 && now.Sub(s.leasedAt) >= kept {
		s.leased = 0
	}
	switch {
	case s.leased >= 0 && s.free.tokens >= 1: // debts are paid first
		s.free.tokens--
	case s.leased >= 1:
		s.leased--
	default:
		return false
	}
	return true
}

// Charge takes more tokens for a request that was accepted. It refuses nothing:
// the tenant's next requests wait.
func (l *Limiter) Charge(ctx context.Context, t tenant.ID, now time.Time, tokens int) {
	if l.rate == 0 || tokens <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s, n := l.share(t, now), float64(tokens)
	s.own.tokens -= n
	s.spent += n
	free := min(max(s.free.tokens, 0), n)
	s.free.tokens -= free
	if l.buckets == nil || now.Before(s.openUntil) {
		return
	}
	s.leased -= n - free
	if -s.leased >= l.smallest() && !s.leasing {
		l.lease(ctx, t, s, now)
	}
}

// share returns a tenant's share, filled up to now.
func (l *Limiter) share(t tenant.ID, now time.Time) *share {
	s, ok := l.tenants[t]
	if !ok {
		if len(l.tenants) >= maxTenants {
			clear(l.tenants)
		}
		s = &share{
			own:      newPool(l.rate, BurstSeconds*l.rate, now),
			free:     newPool(l.rate*freeShare, max(1, l.rate*freeBurst), now),
			leasedAt: now,
		}
		l.tenants[t] = s
	}
	s.own.fill(now)
	s.free.fill(now)
	return s
}

// lease leases a portion. The mutex is held before and after, and not meanwhile.
func (l *Limiter) lease(ctx context.Context, t tenant.ID, s *share, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	portion, debt := l.portion(s, now), max(0, -s.leased)
	got, next, err := l.unlocked(s, func() (float64, time.Time, error) { return l.draw(ctx, t, now, portion, debt) })
	if err != nil {
		// What was served meanwhile is not charged: the failed lease may have paid it,
		// and the tenant must not pay it when it has long kept its rate again.
		s.leased = max(s.leased, 0)
		s.openUntil = now.Add(openTime)
		return
	}
	if got > 0 {
		s.leased, s.leasedAt, s.spent = s.leased+got, now, 0
	}
	if s.leased < 1 {
		s.emptyUntil = next // or zero, if others were first each time
		if next.After(now) {
			s.emptyUntil = next.Add(l.spread(spreadOver))
		}
	}
}

// unlocked calls a function without the mutex, while the share is leasing. The mutex is
// held again, and the lease over, even if the function panics.
func (l *Limiter) unlocked(s *share, draw func() (float64, time.Time, error)) (float64, time.Time, error) {
	s.leasing = true
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		s.leasing = false
	}()
	return draw()
}

// smallest returns the tokens of the smallest portion.
func (l *Limiter) smallest() float64 { return max(1, l.rate*smallest) }

// portion returns how many tokens to lease beside a debt: those of a second.
func (l *Limiter) portion(s *share, now time.Time) float64 {
	demand := l.rate * largest
	if passed := now.Sub(s.leasedAt).Seconds(); passed > 0 {
		demand = s.spent / passed
	}
	return min(max(demand, l.smallest()), l.rate*largest)
}

// draw takes a portion and a debt out of the bucket, or of the portion what is there.
// A debt is drawn in advance too, because its work is done. next is when a smallest
// portion will be there again; it is zero if other instances were first each time.
func (l *Limiter) draw(ctx context.Context, t tenant.ID, now time.Time, portion, debt float64) (got float64, next time.Time, err error) {
	at, err := l.buckets.Spent(ctx, t)
	if err != nil {
		return 0, time.Time{}, err
	}
	for range maxRaces {
		begin := at
		if oldest := now.Add(-BurstSeconds * time.Second); begin.Before(oldest) {
			begin = oldest
		}
		if begin.After(now.Add(maxAhead)) {
			begin = now.Add(-BurstSeconds * time.Second)
		}
		there := now.Sub(begin).Seconds() * l.rate
		got = math.Floor(max(min(portion+debt, there), min(debt, there+maxDebt*l.rate)))
		if got < l.smallest() && got < portion+debt { // fewer are not worth a write
			return 0, begin.Add(l.time(l.smallest())), nil
		}
		end := begin.Add(l.time(got))
		var moved bool
		if at, moved, err = l.buckets.Spend(ctx, t, at, end); err != nil {
			return 0, time.Time{}, err
		}
		if moved {
			return got, end.Add(l.time(l.smallest())), nil
		}
	}
	return 0, time.Time{}, nil
}

// time returns how long the bucket needs for some tokens.
func (l *Limiter) time(tokens float64) time.Duration {
	return time.Duration(tokens / l.rate * float64(time.Second))
}
