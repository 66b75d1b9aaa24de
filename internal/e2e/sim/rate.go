package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/throttle"
)

// stormShare is one in how many runs has a storm.
const stormShare = 20

// limitRate sets the rate of the tenants. In a run with a storm it is the lowest one that a
// deployment can have, clocks are nearly right, and the table is fast enough for leases.
func (w *world) limitRate() {
	w.rate = app.DefaultTenantRate
	if w.storm = w.random.IntN(stormShare) == 0 || w.options.Storm; w.storm {
		w.rate = httpapi.MinRate
		w.faults.Usual = min(w.faults.Usual, 12*time.Millisecond)
		w.faults.Hold = min(w.faults.Hold, 8*time.Millisecond)
	}
}

// skew draws by how much the clock of an instance is fast.
func (w *world) skew() time.Duration {
	skew := time.Duration(w.random.Int64N(int64(maxSkew))) - maxSkew/2
	if w.storm {
		skew /= 20
	}
	return skew
}

// stormers is how many clients send requests at once in a storm.
const stormers = 10

// addStorm adds clients that send more than the rate of a tenant for some seconds. They do
// not wait as long as they are told.
func (w *world) addStorm(c *customer) {
	for n := range stormers {
		w.spawn(fmt.Sprint(c.name, " storm", n), func(p *proc) {
			for c.token == "" && !c.deleted && w.calm.IsZero() {
				p.sleep(time.Second)
			}
			for begun := time.Now(); time.Since(begun) < 8*time.Second && c.token != "" && !c.deleted; {
				a := p.send(&request{customer: c, method: "GET", path: probe, agent: "storm", token: c.token})
				if a == nil || a.status != 200 {
					p.sleep(p.between(100*time.Millisecond, 400*time.Millisecond))
				}
			}
		})
	}
}

// probe is the request of a storm, whose price is one token.
const probe = "/Users?count=1"

// A bucketFault is a call about a tenant's bucket that had no answer for the instance,
// which lives by its own limit for the next second.
type bucketFault struct {
	tenant string
	in     *instance
	at     time.Time
}

// A lease is the transaction of a lease that was applied.
type lease struct {
	tenant string
	call   *call
	at     time.Time
	// ended reports that the instance had crashed.
	ended bool
}

// isLost reports whether the instance does not know that it has the tokens.
func (l lease) isLost() bool { return l.ended || l.call.failed.Load() }

// noteLease keeps the lease of a transaction that was applied.
func (c *call) noteLease() {
	if key := c.tx.Ops[0].Key; part(key) == "RATE" {
		c.world.leases = append(c.world.leases, lease{tenant: tenantOf(key), call: c, at: time.Now(), ended: c.in.hasEnded()})
	}
}

// noteBucket keeps the failure of a call about a bucket.
func (c *call) noteBucket(err error) {
	var failed *table.ConditionError
	if err == nil || errors.As(err, &failed) {
		return
	}
	keys := c.keys
	for _, op := range c.tx.Ops {
		keys = append(keys, op.Key)
	}
	if len(keys) != 1 || part(keys[0]) != "RATE" {
		return
	}
	c.failed.Store(true)
	w := c.world
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bucketFaults = append(w.bucketFaults, bucketFault{tenant: tenantOf(keys[0]), in: c.in, at: time.Now()})
}

// noteCounted keeps when a request that is served was counted: before its first call that is
// not about its token or the bucket.
func (c *call) noteCounted() {
	if c.request == nil || !c.request.counted.IsZero() {
		return
	}
	early := func(k table.Key) bool {
		return isShared(k) || part(k) == "RATE" || strings.HasPrefix(k.Sort, "TOKEN#") || strings.HasPrefix(k.Sort, "CLIENT#")
	}
	if slices.ContainsFunc(c.keys, early) || len(c.tx.Ops) > 0 && early(c.tx.Ops[0].Key) {
		return
	}
	c.request.counted = time.Now()
}

// countedAt returns when the request was counted, or refused.
func (r *request) countedAt() time.Time {
	if r.counted.IsZero() {
		return r.began.Add(r.took)
	}
	return r.counted
}

// price returns how many tokens a request may have cost, rather too many.
func (r *request) price() float64 {
	switch {
	case r.served != nil && (r.served.status == 429 || r.served.status == 401):
		return 0
	case r.path == probe, r.by != nil:
		return 1
	case r.path == "/Bulk":
		return float64(10 + 3*strings.Count(r.body, `"method"`))
	case r.method != "GET" && strings.HasPrefix(r.path, "/Groups"):
		return 20
	}
	return 2
}

// checkRates checks the limit of each tenant's rate over all instances.
func (w *world) checkRates() {
	for _, c := range w.customers {
		var sent []*request
		type limiter struct {
			in    *instance
			oauth bool
		}
		instances := map[limiter]bool{}
		for _, r := range w.requests {
			if r.customer == c && !r.admin && r.in != nil {
				sent = append(sent, r)
				instances[limiter{r.in, r.by != nil}] = true
			}
		}
		slices.SortStableFunc(sent, func(a, b *request) int { return a.countedAt().Compare(b.countedAt()) })
		w.checkServed(c, sent, float64(len(instances)))
		w.checkTooMany(c, sent, float64(len(instances)))
	}
}

// Of the documentation of package throttle, for a rate: what an instance spends without a
// lease at once, and the largest portion.
func (w *world) free() float64    { return max(1, float64(w.rate)/20) }
func (w *world) portion() float64 { return max(1, float64(w.rate)/4) }

// skewed is how far the clocks of two instances are apart, in seconds, at most.
func (w *world) skewed() float64 {
	if w.storm {
		return maxSkew.Seconds() / 20
	}
	return maxSkew.Seconds()
}

// unpaid is how many requests an instance serves at most while one of them leases.
const unpaid = 3

// checkServed checks that in any time no more requests are served than the documented sum.
// What an instance serves in the second after a failed lease is not counted.
func (w *world) checkServed(c *customer, sent []*request, instances float64) {
	rate := float64(w.rate)
	var at []time.Time
	for _, r := range sent {
		if r.served != nil && r.served.status < 300 && !w.isOpen(r) {
			at = append(at, r.countedAt())
		}
	}
	for from := range at {
		for to := from + w.rate; to < len(at); to++ {
			seconds := at[to].Sub(at[from]).Seconds()
			bound := rate*(seconds+throttle.BurstSeconds+w.skewed()) +
				instances*(rate/40*seconds+w.free()+w.portion()+unpaid)
			if served := float64(to - from + 1); served > bound {
				w.fail("%s: %.0f requests are served in %.1f s, the rate is %d and the bound %.0f", c, served, seconds, w.rate, bound)
				return
			}
		}
	}
}

// isOpen reports whether a request was served by an instance whose lease had just failed, or
// was failing.
func (w *world) isOpen(r *request) bool {
	return slices.ContainsFunc(w.bucketFaults, func(f bucketFault) bool {
		after := r.countedAt().Sub(f.at)
		return f.in == r.in && f.tenant == r.customer.name && after > -300*time.Millisecond && after < 1100*time.Millisecond
	})
}

// A spending is what may have been taken out of a bucket at a time: by a request, nil for a
// lease whose answer was lost.
type spending struct {
	at      time.Time
	tokens  float64
	request *request
}

// spendings returns what was spent of a tenant's bucket, in order.
func (w *world) spendings(c *customer, sent []*request) (all []spending) {
	for _, r := range sent {
		all = append(all, spending{at: r.countedAt(), tokens: r.price(), request: r})
		if r.price() <= 2 {
			continue
		}
		// Work is charged while it is done: at any time until the end.
		end := r.countedAt().Add(longestRequest)
		if r.served != nil {
			end = r.began.Add(r.took)
		}
		for at := r.countedAt(); at.Before(end); at = at.Add(time.Second) {
			all = append(all, spending{at: at, tokens: r.price()})
		}
		all = append(all, spending{at: end, tokens: r.price()})
	}
	for _, l := range w.leases {
		if l.tenant == c.name && l.isLost() {
			all = append(all, spending{at: l.at, tokens: w.portion()})
		}
	}
	slices.SortStableFunc(all, func(a, b spending) int { return a.at.Compare(b.at) })
	return all
}

// checkTooMany checks that a request is answered 429, with the time to wait, only if its
// tenant has sent more than its rate: a single bucket that is smaller by what the instances
// may hold would be as good as empty too. They see for half a second that it was empty.
func (w *world) checkTooMany(c *customer, sent []*request, instances float64) {
	rate := float64(w.rate)
	empty := w.free() + rate/2 + 2
	size := throttle.BurstSeconds*rate - instances*w.portion() - w.skewed()*rate
	level, last := size, time.Time{}
	for _, s := range w.spendings(c, sent) {
		level = min(size, level+rate*s.at.Sub(last).Seconds()) - s.tokens
		last = s.at
		r := s.request
		if r == nil || r.served == nil || r.served.status != 429 {
			continue
		}
		w.reached["refused: the rate"]++
		if wait, err := strconv.Atoi(r.served.header.Get("Retry-After")); err != nil || wait < 1 || wait > 10 {
			w.fail("%s: is refused for its rate, with Retry-After %q", r, r.served.header.Get("Retry-After"))
		}
		switch {
		case size <= empty:
			w.reached["refused: the rate, with too many instances to judge"]++
		case level >= empty:
			w.fail("%s: is refused for its rate of %d, of which %.0f are left", r, w.rate, level)
			return
		}
	}
}
