package oauth

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rollcall-scim/rollcall/internal/access"
)

// Anyone may know the id of a client and send wrong secrets for it. After failedBurst of them
// at once, and failedRate a second, an instance judges further requests for the client by what
// it has read of it within access.CacheTime: guessing costs nothing more, and the client itself
// still gets its tokens.
const (
	failedRate  = 10
	failedBurst = 10
	// maxClients bounds the memory of an instance; beyond it all clients begin again.
	maxClients = 1000
)

// Attempts are the clients for which requests failed. It is safe for concurrent use.
type attempts struct {
	mu      sync.Mutex
	clients map[string]*attempted
}

// An attempted client is one as it was last read, and how often it may still be read.
type attempted struct {
	reads  *rate.Limiter
	client access.Registration
	read   time.Time
}

// failed records that a request did not prove to be of a client, which was read.
func (a *attempts) failed(id string, r access.Registration, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one, ok := a.clients[id]
	if !ok {
		if a.clients == nil || len(a.clients) >= maxClients {
			a.clients = map[string]*attempted{}
		}
		one = &attempted{reads: rate.NewLimiter(failedRate, failedBurst)}
		a.clients[id] = one
	}
	if one.reads.AllowN(now, 1) || one.stale(now) {
		one.client, one.read = r, now
	}
}

// known returns a client that must not be read again now.
func (a *attempts) known(id string, now time.Time) (r access.Registration, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	one, ok := a.clients[id]
	if !ok || one.reads.TokensAt(now) >= 1 || one.stale(now) {
		return r, false
	}
	return one.client, true
}

// stale reports whether what was read is no longer believed.
func (a *attempted) stale(now time.Time) bool {
	age := now.Sub(a.read)
	return age < 0 || age >= access.CacheTime
}

// find returns the client with an id: what Issuer.Find does, or what it did a moment ago.
func (s *Service) find(ctx context.Context, id string) (access.Registration, error) {
	now := s.Now().Round(0)
	if r, ok := s.attempts.known(id, now); ok {
		return r, nil
	}
	r, err := s.Issuer.Find(ctx, id)
	if errors.Is(err, access.ErrClientRevoked) {
		return r, nil // CheckSecret says so to a caller that knows a secret
	}
	return r, err
}
