package access

import (
	"context"
	"time"
)

// UsedEvery is how often it is noted that a token was used, at most: who looks
// whether an old token is still in use does not ask for the minute, and a write
// with every request would cost more than the request.
const UsedEvery = time.Hour

// usedPatience is how long an answer waits for the note, if the request itself was
// over sooner. What it has not written then the next request writes.
const usedPatience = 50 * time.Millisecond

// Note notes that a grant's token was used, when that was last noted an hour ago or
// more. It does so beside the request, and the function that it returns is called
// before the request is answered: a Lambda function that has answered is stopped in
// the middle of a word. A note that fails is none.
func (a *Authenticator) Note(ctx context.Context, g Grant) (done func()) {
	now := a.now()
	if now.Sub(g.lastUsed) < UsedEvery || !a.first(g) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	noted := make(chan struct{})
	go func() {
		defer close(noted)
		defer func() { _ = recover() }() // it would end the process from here
		if err := a.source.Used(ctx, g.Tenant, g.TokenID, g.lastUsed, now); err != nil {
			a.forget(g)
		}
	}()
	return func() {
		defer cancel()
		select {
		case <-noted:
		case <-time.After(usedPatience):
		}
	}
}

// first tells whether this request is the one that notes it.
func (a *Authenticator) first(g Grant) bool {
	key := cacheKey(g.Tenant, g.TokenID)
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := a.cached[key]
	if !ok || found.noted {
		return false
	}
	found.noted = true
	a.cached[key] = found
	return true
}

// forget lets the next request note it.
func (a *Authenticator) forget(g Grant) {
	key := cacheKey(g.Tenant, g.TokenID)
	a.mu.Lock()
	defer a.mu.Unlock()
	if found, ok := a.cached[key]; ok {
		found.noted = false
		a.cached[key] = found
	}
}
