package httpapi

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A limiter limits the rate of each tenant, so that one cannot take what the
// others need. It counts the requests of this process: several processes allow
// several times as many. It is safe for concurrent use.
type limiter struct {
	rate rate.Limit

	mu      sync.Mutex
	tenants map[tenant.ID]*rate.Limiter
}

// MinRate is the lowest rate that a tenant can be limited to, in requests a
// second: identity providers need it.
const MinRate = 25

// burstSeconds is the largest burst, in seconds of the rate.
const burstSeconds = 2

// maxLimited bounds the memory of one process; beyond it all tenants start
// again with a full burst.
const maxLimited = 10_000

// newLimiter returns a limiter; 0 requests a second means no limit.
func newLimiter(perSecond int) *limiter {
	return &limiter{rate: rate.Limit(perSecond), tenants: map[tenant.ID]*rate.Limiter{}}
}

// allow reports whether a tenant's request may be served now.
func (l *limiter) allow(t tenant.ID, now time.Time) bool {
	return l.rate == 0 || l.bucket(t).AllowN(now, 1)
}

// charge counts an operation of a bulk request as a request, and refuses none:
// the tenant's next requests wait for it.
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
