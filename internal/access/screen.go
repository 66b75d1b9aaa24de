package access

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A screen decides what a token that is not cached may cost in the partition of
// the tenant that it names, which anyone can name. It is safe for concurrent use.
//
//   - A token marked with one of the deployment's keys was minted here: it is read.
//   - A token with a wrong mark was not: it costs nothing.
//   - A token without a mark, as earlier versions minted them, may be ours: one
//     read unit says whether it exists. An instance spends at most missRate and
//     missBurst of them on each tenant.
//
// The same holds for the tokens of a tenant with a right mark if that many were not
// found, so that a key that became known costs no more than none. The two kinds
// are counted apart: forged tokens keep no marked one from being read.
//
// An access token that its client has not issued counts as one that does not exist, and is not
// cached: anyone may know the id of a client.
type screen struct {
	source Source
	keys   Keys // nil if there are none
	now    func() time.Time

	mu    sync.Mutex
	known map[string]Key
	read  time.Time
	// misses are the tokens that an instance may still look up in vain.
	misses map[missKey]*rate.Limiter
	// absent are tokens that do not exist, and when that was read: an id is
	// random, so it does not come into being after a request has sent it.
	absent map[string]time.Time
}

type missKey struct {
	tenant tenant.ID
	minted bool
}

// An instance looks up at most missRate tokens a second of a tenant in vain, and
// missBurst at once: no more than 20 read units within a second.
const (
	missRate  = 10
	missBurst = 10
)

func newScreen(source Source, now func() time.Time) *screen {
	return &screen{source: source, now: now, misses: map[missKey]*rate.Limiter{}, absent: map[string]time.Time{}}
}

// pass returns nil if the token may be read, and otherwise why it is refused.
func (s *screen) pass(ctx context.Context, token Token) error {
	now := s.now()
	if s.missed(token, now) {
		return ErrUnknown
	}
	minted, err := s.minted(ctx, token)
	if err != nil {
		return err
	}
	misses := s.limiter(token.Tenant, minted)
	if minted && misses.TokensAt(now) >= 1 {
		return nil // it is likely to exist
	}
	spent := misses.ReserveN(now, 1)
	if spent.DelayFrom(now) > 0 {
		spent.CancelAt(now)
		return ErrCrowded
	}
	exists, err := s.exists(ctx, token)
	switch {
	case err != nil:
		spent.CancelAt(now) // the table answered nothing, so nothing was read
		return err
	case !exists:
		s.miss(token, now)
		return ErrUnknown
	}
	spent.CancelAt(now) // only misses count
	return nil
}

// exists reports whether a token, or the client of an access token, exists.
func (s *screen) exists(ctx context.Context, token Token) (bool, error) {
	if token.ticket != nil {
		return s.source.HasClient(ctx, token.Tenant, token.ID)
	}
	return s.source.HasToken(ctx, token.Tenant, token.ID)
}

// minted reports whether a token has the mark of a key. A token without a mark,
// and any token while the deployment has no key or its keys cannot be read, may
// be ours or not: minted is false, without an error.
func (s *screen) minted(ctx context.Context, token Token) (minted bool, err error) {
	if token.mark == "" || s.keys == nil {
		return false, nil
	}
	key, ok, fresh := s.key(token.mark[:keyIDSize])
	if !ok && !fresh {
		if s.learn(ctx) != nil {
			return false, nil //nolint:nilerr // it is looked up instead, within bounds
		}
		key, ok, _ = s.key(token.mark[:keyIDSize])
	}
	switch {
	case ok && key.marked(token):
		return true, nil
	case ok:
		return false, ErrMalformed
	case s.keyless():
		return false, nil
	}
	return false, ErrElsewhere
}

// key returns a key by its id. fresh reports that the keys were read just now, so
// that no token can have another id.
func (s *screen) key(id string) (k Key, ok, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok = s.known[id]
	age := s.now().Sub(s.read)
	return k, ok, s.known != nil && age >= 0 && age < keyAge
}

func (s *screen) keyless() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.known) == 0
}

// learn reads the keys.
func (s *screen) learn(ctx context.Context) error {
	began := s.now()
	keys, err := s.keys.TokenKeys(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]Key, len(keys))
	for _, k := range keys {
		known[k.ID] = k
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if began.After(s.read) || s.known == nil {
		s.known, s.read = known, began
	}
	return nil
}

// missed reports whether the token was looked up in vain within CacheTime.
func (s *screen) missed(token Token, now time.Time) bool {
	return s.absentSince(cacheKey(token.Tenant, token.ID), now)
}

// absentSince reports whether a token or a client was looked up in vain within CacheTime.
func (s *screen) absentSince(key string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.absent[key]
	age := now.Sub(at)
	return ok && age >= 0 && age < CacheTime
}

// miss records that a token does not exist.
func (s *screen) miss(token Token, now time.Time) {
	s.missKey(cacheKey(token.Tenant, token.ID), now)
}

// missKey records that a token or a client does not exist.
func (s *screen) missKey(key string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.absent) >= maxCached {
		clear(s.absent)
	}
	s.absent[key] = now
}

// lost takes what a read in vain has cost, though it may be more than is left.
func (s *screen) lost(token Token, now time.Time) {
	s.limiter(token.Tenant, token.mark != "").ReserveN(now, accessUnits)
	s.miss(token, now)
}

// forged takes what an access token has cost that names a client, whose id is no secret, and
// that the client has not issued. The client exists: its own tokens are read as before.
func (s *screen) forged(token Token, now time.Time) {
	s.limiter(token.Tenant, token.mark != "").ReserveN(now, missBurst)
}

// accessUnits is what Source.Access costs at least, in read units.
const accessUnits = 5

func (s *screen) limiter(t tenant.ID, minted bool) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := missKey{t, minted}
	limiter, ok := s.misses[key]
	if !ok {
		if len(s.misses) >= maxCached {
			clear(s.misses)
		}
		limiter = rate.NewLimiter(missRate, missBurst)
		s.misses[key] = limiter
	}
	return limiter
}
