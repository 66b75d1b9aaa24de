package journal

import (
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Sampler limits log entries to one an Interval for requests that are refused for the same
// reason. Each entry has the number of requests that it stands for. It is safe for concurrent
// use.
type Sampler struct {
	mu      sync.Mutex
	sampled map[sampledOf]sample
}

// sampledOf is what the requests have in common of which one is kept.
type sampledOf struct {
	tenant     tenant.ID
	cause      cause.Cause
	credential string
}

// sample describes the recent ones of these requests.
type sample struct {
	last    time.Time
	skipped int64
}

// maxSampled bounds what a Sampler remembers; beyond it all begin again.
const maxSampled = 10_000

// Take reports whether a request is kept, and for how many it stands: itself and those that
// were not kept since the one before. credential is what the requests authenticate with, ""
// if one is kept of those of all credentials.
func (s *Sampler) Take(t tenant.ID, c cause.Cause, credential string, now time.Time) (kept bool, standsFor int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := sampledOf{t, c, credential}
	before, ok := s.sampled[of]
	if ok && now.Sub(before.last) < Interval {
		before.skipped++
		s.sampled[of] = before
		return false, 0
	}
	if s.sampled == nil || len(s.sampled) >= maxSampled {
		s.sampled = map[sampledOf]sample{}
	}
	s.sampled[of] = sample{last: now}
	return true, before.skipped + 1
}
