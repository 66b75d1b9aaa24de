package webhook

import "time"

// What an attempt that fails leads to. An endpoint that acknowledges nothing at all gets at
// most MaxDeadAttempts requests before it is disabled.
const (
	// FailingTime is how long an endpoint may fail before it is disabled.
	FailingTime = 3 * 24 * time.Hour
	// MaxAttempts is after how many attempts an event is given up, if the endpoint has
	// acknowledged another one since its first attempt. An endpoint that acknowledges
	// nothing is at fault itself: its events wait until it works or is disabled.
	MaxAttempts = 9
	// MaxStreak is how many events of different users and groups fail one after another
	// until the endpoint is paused as a whole.
	MaxStreak = 5
	// MaxHeld is how many users and groups may wait for another attempt: each of them takes
	// memory. Events after them wait too.
	MaxHeld = 1000
	// MaxDeadAttempts is the most requests to an endpoint that never acknowledges one: those
	// of MaxStreak-1 events until it is disabled, those that are on their way when it is
	// paused, and one after each pause.
	MaxDeadAttempts = (MaxStreak-1)*maxTries + parallelSends + maxTries
)

// retryAfter is how long an event waits after each failed attempt, and an endpoint after each
// pause; the last one again and again. Each is shortened by up to a tenth, so that endpoints
// that failed together are not tried together.
var retryAfter = [...]time.Duration{
	5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
}

// maxTries is the most attempts in FailingTime: MaxAttempts in a day and a few hours, and
// then one in each nine hours or more.
const maxTries = MaxAttempts + 6

// delay returns how long to wait after a number of failures, from 1.
func (d *Deliverer) delay(failures int) time.Duration {
	longest := retryAfter[min(max(failures, 1), len(retryAfter))-1]
	return longest - d.c.Jitter(longest/10)
}
