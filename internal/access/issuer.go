package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ErrReplayed reports that an assertion was used before.
var ErrReplayed = errors.New("access: assertion used before")

// A ClientSource reads what the token endpoint needs. Package store implements it.
type ClientSource interface {
	// Registration reads a tenant, one of its clients and the deployment's keys in one
	// round trip. ok is false if the tenant or the client does not exist.
	Registration(ctx context.Context, t tenant.ID, client string) (settings tenant.Settings, c Client, keys []Key, ok bool, err error)
	// ClaimAssertion stores that an assertion was used, until it has expired.
	// ErrReplayed: it was used before.
	ClaimAssertion(ctx context.Context, t tenant.ID, digest string, until time.Time) error
}

// A Registration is a client of a tenant, as the token endpoint has read it.
type Registration struct {
	Tenant   tenant.ID
	Settings tenant.Settings
	Client   Client
	keys     []Key
}

// An Issuer authenticates clients and issues access tokens. It is safe for concurrent use.
type Issuer struct {
	source ClientSource
	now    func() time.Time
	screen *screen

	mu sync.Mutex
	// known are the clients that were found within CacheTime: they cost nothing of what
	// unknown ones may cost.
	known map[string]time.Time
}

// NewIssuer returns an Issuer. Only the time of day of the clock counts.
func NewIssuer(source ClientSource, now func() time.Time) *Issuer {
	wall := func() time.Time { return now().Round(0) }
	return &Issuer{source: source, now: wall, screen: newScreen(nil, wall), known: map[string]time.Time{}}
}

// Find reads the client with a public id: one round trip. Anyone can write an id, so that an
// instance looks up at most missRate unknown ones a second in a tenant.
//
//   - ErrClientMalformed: the text is not a client's id.
//   - ErrUnknownClient and ErrCrowded come with the tenant and the client as claimed.
//   - ErrClientRevoked comes with the registration. It is only for a caller that
//     knows a secret of the client.
func (i *Issuer) Find(ctx context.Context, clientID string) (Registration, error) {
	t, id, err := ParseClientID(clientID)
	if err != nil {
		return Registration{}, err
	}
	r := Registration{Tenant: t, Client: Client{ID: id}}
	now := i.now()
	spent := func() {}
	if key := cacheKey(t, id); !i.isKnown(key, now) {
		if i.screen.absentSince(key, now) {
			return r, ErrUnknownClient
		}
		taken := i.screen.limiter(t, false).ReserveN(now, 1)
		if taken.DelayFrom(now) > 0 {
			taken.CancelAt(now)
			return r, ErrCrowded
		}
		spent = func() { taken.CancelAt(now) }
	}
	settings, c, keys, ok, err := i.source.Registration(ctx, t, id)
	switch {
	case err != nil:
		spent()
		return r, err
	case !ok:
		i.forget(cacheKey(t, id))
		i.screen.missKey(cacheKey(t, id), now)
		return r, ErrUnknownClient
	}
	spent()
	i.remember(cacheKey(t, id), now)
	r.Settings, r.Client, r.keys = settings, c, keys
	if !c.Revoked.IsZero() {
		return r, ErrClientRevoked
	}
	return r, nil
}

func (i *Issuer) isKnown(key string, now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	at, ok := i.known[key]
	age := now.Sub(at)
	return ok && age >= 0 && age < CacheTime
}

func (i *Issuer) remember(key string, now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.known) >= maxCached {
		clear(i.known)
	}
	i.known[key] = now
}

func (i *Issuer) forget(key string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.known, key)
}

// CheckSecret returns the proof that a secret is, and the secret for the log.
//
//   - ErrSecretMalformed, ErrSecretUnknown: the caller does not know a secret of the client.
//   - ErrSecretExpired, ErrSecretRevoked and ErrClientRevoked are only for a caller that does.
func (i *Issuer) CheckSecret(r Registration, text string) (Proof, Secret, error) {
	s, err := r.Client.checkSecret(r.Tenant, text, i.now())
	switch {
	case errors.Is(err, ErrSecretMalformed), errors.Is(err, ErrSecretUnknown):
		return Proof{}, Secret{}, err
	case !r.Client.Revoked.IsZero():
		return Proof{}, s, ErrClientRevoked
	case err != nil:
		return Proof{}, s, err
	}
	return Proof{kind: bySecret, secret: s.ID, expires: s.Expires}, s, nil
}

// ProofOfFederation returns the proof of a client whose federated assertion was verified.
func (r Registration) ProofOfFederation() Proof {
	return Proof{kind: byFederation, revision: r.Client.Federation.Revision}
}

// ProofOfKeys returns the proof of a client whose assertion was verified with its own keys.
func (r Registration) ProofOfKeys() Proof {
	return Proof{kind: byKeys, revision: r.Client.Keys.Revision}
}

// Once records that the client uses an assertion, named by its issuer and its id, until it has
// expired. ErrReplayed: it was used before. One round trip.
func (i *Issuer) Once(ctx context.Context, r Registration, issuer, id string, until time.Time) error {
	sum := sha256.Sum256([]byte(r.Client.ID + "\x00" + issuer + "\x00" + id))
	return i.source.ClaimAssertion(ctx, r.Tenant, base64.RawURLEncoding.EncodeToString(sum[:]), until)
}

// Issue returns an access token of a client that has proved itself, and how long it is valid:
// at most AccessLife, and no longer than the secret. Nothing is stored.
func (i *Issuer) Issue(r Registration, p Proof) (text string, life time.Duration, err error) {
	now := i.now()
	expires := now.Add(AccessLife)
	if !p.expires.IsZero() && p.expires.Before(expires) {
		expires = p.expires
	}
	if life = expires.Sub(now).Truncate(time.Second); life <= 0 {
		return "", 0, ErrSecretExpired
	}
	var key *Key
	if len(r.keys) > 0 {
		key = settled(r.keys, now)
	}
	return sign(r.Tenant, r.Client, p, now, expires, key), life, nil
}
