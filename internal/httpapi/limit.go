package httpapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// limiter holds each tenant to a rate, so that one cannot take what the others
// need. It counts what this process serves: a service of several processes is as
// generous as all of them together. Safe for concurrent use.
type limiter struct {
	rate rate.Limit

	mu      sync.Mutex
	tenants map[tenant.ID]*rate.Limiter
}

// MinRate is the lowest rate that a tenant may be held to, in requests a second:
// identity providers need it.
const MinRate = 25

// burstSeconds is how much of its rate a tenant may have saved.
const burstSeconds = 2

// maxLimited bounds the memory of one process; beyond it all begin anew.
const maxLimited = 10_000

// newLimiter makes a limiter; 0 a second is none at all.
func newLimiter(perSecond int) *limiter {
	return &limiter{rate: rate.Limit(perSecond), tenants: map[tenant.ID]*rate.Limiter{}}
}

// allow tells whether a tenant may be served now.
func (l *limiter) allow(t tenant.ID, now time.Time) bool {
	return l.rate == 0 || l.bucket(t).AllowN(now, 1)
}

// charge counts an operation of a bulk request as a request, and refuses none: the
// requests behind it wait until the tenant has paid.
func (l *limiter) charge(t tenant.ID, now time.Time) {
	if l.rate != 0 {
		l.bucket(t).ReserveN(now, 1)
	}
}

func (l *limiter) bucket(t tenant.ID) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, ok := l.tenants[t]
	if !ok {
		if len(l.tenants) >= maxLimited {
			clear(l.tenants)
		}
		bucket = rate.NewLimiter(l.rate, burstSeconds*int(l.rate))
		l.tenants[t] = bucket
	}
	return bucket
}
