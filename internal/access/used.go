package access

import (
	"context"
	"time"
)

// UsedEvery is how often the use of a token is recorded at most: checking
// whether an old token is still in use does not need minutes, and a write with
// every request would cost more than the request.
const UsedEvery = time.Hour

// usedPatience is how long an answer waits for the record of the use, if the
// request itself finished sooner. If it is not written then, the next request
// writes it.
const usedPatience = 50 * time.Millisecond

// RecordUse records that a grant's token was used, if that was last recorded an hour
// ago or more. It does so concurrently with the request, and the function that
// it returns must be called before the request is answered: a Lambda function
// that has answered may be frozen in the middle of a write. A record that fails
// is dropped.
func (a *Authenticator) RecordUse(ctx context.Context, g Grant) (done func()) {
	now := a.now()
	if now.Sub(g.lastUsed) < UsedEvery || !a.first(g) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	recorded := make(chan struct{})
	go func() {
		defer close(recorded)
		defer func() { _ = recover() }() // it would end the process from here
		if err := a.source.Used(ctx, g.Tenant, g.used, g.lastUsed, now); err != nil {
			a.forget(g)
		}
	}()
	return func() {
		defer cancel()
		select {
		case <-recorded:
		case <-time.After(usedPatience):
		}
	}
}

// first reports whether this request is the one that records the use.
func (a *Authenticator) first(g Grant) bool {
	key := entryKey(g.Tenant, g.TokenID, g.used)
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := a.cached[key]
	if !ok || found.recorded {
		return false
	}
	found.recorded = true
	a.cached[key] = found
	return true
}

// forget lets the next request record the use.
func (a *Authenticator) forget(g Grant) {
	key := entryKey(g.Tenant, g.TokenID, g.used)
	a.mu.Lock()
	defer a.mu.Unlock()
	if found, ok := a.cached[key]; ok {
		found.recorded = false
		a.cached[key] = found
	}
}
