package table

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// The defaults of Retrying.
const (
	retryFor     = 8 * time.Second
	retryFirst   = 10 * time.Millisecond
	retryLongest = 500 * time.Millisecond
	// retryConflict is the longest first wait after a conflict: about the time for which
	// the other transaction is in progress, twice. Each further wait may be longer by
	// one part in retrySlowly, so that callers who have waited for long keep their
	// chance against new ones.
	retryConflict = 20 * time.Millisecond
	retrySlowly   = 7
	// retryConnecting is for how long a table is tried that no connection can be made
	// to: a name server or a network that fails for a moment is back by then, and a
	// caller is not kept waiting for an address that is wrong.
	retryConnecting = 2 * time.Second
	// maxMovable is the number of conflicts on a movable operation at which its caller
	// is to choose another item: one may be a coincidence.
	maxMovable = 2
)

// Retrying sends calls again that failed for temporary reasons: a write after a
// conflict, a throttle or a lost answer, a read after a throttle or no answer,
// both if there was no connection. It gives up after 8 seconds (2 without a
// connection), at the context's deadline, or when the transaction's NotAfter
// has passed, whichever is first, and waits in between for a random time that
// grows to 500 ms: from 10 ms to double each time, and after a conflict from 20 ms
// by a seventh. At the second conflict on the transaction's movable operation it
// gives up at once: the caller has another item for it; and at the first conflict of
// an optional one.
//
// A write is sent again unchanged, with its token: with a new token a lost
// answer could mean that it is applied twice. Each attempt counts as a retry in
// the Usage of the context.
//
// The error is that of the last attempt, and one of ErrConflict, ErrThrottled,
// ErrUnknownOutcome, ErrUnavailable and ErrUnreachable gives the cause. Once an
// answer was lost, only success, a failed condition or a refusal decides the
// outcome: until then the error is ErrUnknownOutcome, whatever came after it and
// whatever ended the attempts, including the end of the caller's context. If
// NotAfter ended them, or prevented the first, the error is ErrTooLate too.
func Retrying(t Table, options ...RetryOption) Table {
	r := &retrying{
		table: t,
		total: retryFor,
		now:   time.Now,
		sleep: sleep,
		// Spreads load; no secret depends on it.
		jitter: func(d time.Duration) time.Duration { return rand.N(d + 1) }, //nolint:gosec // see above
	}
	for _, o := range options {
		o(r)
	}
	return r
}

// RetryOption changes how Retrying waits.
type RetryOption func(*retrying)

// RetryFor sets the time after which it gives up.
func RetryFor(total time.Duration) RetryOption {
	return func(r *retrying) { r.total = total }
}

// RetryClock replaces the clock and the wait. The wait returns the context's
// error if that ended first.
func RetryClock(now func() time.Time, sleep func(context.Context, time.Duration) error) RetryOption {
	return func(r *retrying) { r.now, r.sleep = now, sleep }
}

// RetryJitter replaces the choice of a wait between zero and the given time.
func RetryJitter(jitter func(longest time.Duration) time.Duration) RetryOption {
	return func(r *retrying) { r.jitter = jitter }
}

type retrying struct {
	table  Table
	total  time.Duration
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	jitter func(time.Duration) time.Duration
}

// Get calls the table, with retries.
func (r *retrying) Get(ctx context.Context, keys ...Key) (map[Key]Item, error) {
	return read(ctx, r, func() (map[Key]Item, error) { return r.table.Get(ctx, keys...) })
}

// Query calls the table, with retries.
func (r *retrying) Query(ctx context.Context, q Query) (Page, error) {
	return read(ctx, r, func() (Page, error) { return r.table.Query(ctx, q) })
}

func read[T any](ctx context.Context, r *retrying, send func() (T, error)) (T, error) {
	end, run := r.end(ctx), connecting{}
	for try := 0; ; try++ {
		answer, err := send()
		if err == nil || !(errors.Is(err, ErrThrottled) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNoConnection)) {
			return answer, err
		}
		if stop := r.pause(ctx, longestWait(err, try), run.end(err, r.now(), end)); stop != nil {
			return answer, ended(err, stop)
		}
		Add(ctx, Counts{Retries: 1})
	}
}

// Write calls the table, with retries.
func (r *retrying) Write(ctx context.Context, tx Transaction) error {
	if r.tooLate(tx) {
		return ErrTooLate
	}
	end, run := r.end(ctx), connecting{}
	var lost error // the last attempt whose outcome is unknown
	met := 0       // conflicts on the movable operation
	for try := 0; ; try++ {
		err := r.table.Write(ctx, tx)
		switch {
		case errors.Is(err, ErrUnknownOutcome):
			lost = err
		case decides(err):
			return err
		case lost != nil:
			err = fmt.Errorf("%w, then: %v", lost, err) //nolint:errorlint // a later conflict settles nothing and must not be found
		}
		if !(errors.Is(err, ErrConflict) || errors.Is(err, ErrThrottled) || errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrNoConnection)) {
			return err
		}
		if movable(tx, err) {
			met++
		}
		if lost == nil && (met == maxMovable || tx.Optional && errors.Is(err, ErrConflict)) {
			return err
		}
		if stop := r.pause(ctx, longestWait(err, try), run.end(err, r.now(), end)); stop != nil {
			return ended(err, stop)
		}
		if r.tooLate(tx) {
			return fmt.Errorf("%w: %w", ErrTooLate, err)
		}
		Add(ctx, Counts{Retries: 1})
	}
}

// decides reports whether an answer is the outcome of the transaction, whatever
// the outcomes of earlier attempts were: the table answers a remembered token
// before it checks a condition.
func decides(err error) bool {
	var condition *ConditionError
	var limit *LimitError
	return err == nil || errors.As(err, &condition) || errors.As(err, &limit) || errors.Is(err, ErrTokenReused)
}

// movable reports whether an error is a conflict on the movable operation.
func movable(tx Transaction, err error) bool {
	var conflict *ConflictError
	return tx.Movable > 0 && errors.As(err, &conflict) && slices.Contains(conflict.Ops, tx.Movable-1)
}

func (r *retrying) tooLate(tx Transaction) bool {
	// By wall clock: the monotonic clock may stop while a process is frozen.
	return !tx.NotAfter.IsZero() && r.now().Round(0).After(tx.NotAfter.Round(0))
}

// connecting is when a run of tries without a connection began; zero outside of one.
type connecting struct{ since time.Time }

// end returns when to give up after an error: end, or sooner without a connection.
func (c *connecting) end(err error, now, end time.Time) time.Time {
	if !errors.Is(err, ErrNoConnection) {
		c.since = time.Time{}
		return end
	}
	if c.since.IsZero() {
		c.since = now
	}
	if soon := c.since.Add(retryConnecting); soon.Before(end) {
		return soon
	}
	return end
}

func (r *retrying) end(ctx context.Context) time.Time {
	end := r.now().Add(r.total)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	return end
}

var errGaveUp = errors.New("gave up")

// longestWait returns the longest wait after a number of attempts, of which the last
// ended with an error. A conflict ends with one other transaction, and costs nobody
// else anything; a table that throttles, or does not answer, needs fewer calls.
func longestWait(err error, tries int) time.Duration {
	if !errors.Is(err, ErrConflict) {
		if tries < 6 {
			return min(retryFirst<<tries, retryLongest)
		}
		return retryLongest
	}
	longest := retryConflict
	for range tries {
		if longest += longest / retrySlowly; longest >= retryLongest {
			return retryLongest
		}
	}
	return longest
}

// pause waits before the next attempt, up to a longest time. It returns errGaveUp if
// there is no time for one, and the context's error if that ended.
func (r *retrying) pause(ctx context.Context, longest time.Duration, end time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	wait := r.jitter(longest)
	if !r.now().Add(wait).Before(end) {
		return errGaveUp
	}
	return r.sleep(ctx, wait)
}

// ended returns the last error, with what ended the attempts if that was the
// caller.
func ended(last, stop error) error {
	if errors.Is(stop, errGaveUp) || errors.Is(last, stop) {
		return last
	}
	return fmt.Errorf("%w: %w", last, stop)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
