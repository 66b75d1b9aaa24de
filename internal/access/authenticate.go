package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The reasons for which a credential is refused.
var (
	// ErrMissing: there is no Authorization header.
	ErrMissing = errors.New("access: no Authorization header")
	// ErrNotBearer: the header is not of the form "Bearer TOKEN".
	ErrNotBearer = errors.New("access: not a Bearer credential")
	// ErrNoScheme: the header is a token of this service without the word Bearer.
	ErrNoScheme = fmt.Errorf("%w: a token alone", ErrNotBearer)
	// ErrColon: the word Bearer is followed by a colon.
	ErrColon = fmt.Errorf("%w: a colon after the scheme", ErrNotBearer)
	// ErrMalformed: the token was never minted here, or was cut or altered.
	ErrMalformed = errors.New("access: malformed token")
	// ErrTwice: the word Bearer is there twice.
	ErrTwice = fmt.Errorf("%w: the scheme twice", ErrMalformed)
	// ErrEmpty: the word Bearer is followed by nothing.
	ErrEmpty = fmt.Errorf("%w: no token after the scheme", ErrMalformed)
	// ErrQuoted: there are quotes or brackets around the token or in it.
	ErrQuoted = fmt.Errorf("%w: quotes", ErrMalformed)
	// ErrSpaced: there are spaces, line breaks or invisible characters in the token or
	// around it.
	ErrSpaced = fmt.Errorf("%w: spaces", ErrMalformed)
	// ErrUnknown: no such token is known, or its secret is wrong.
	ErrUnknown = errors.New("access: unknown token")
	// ErrRevoked: the token was revoked.
	ErrRevoked = errors.New("access: revoked token")
	// ErrExpired: the token's time is over.
	ErrExpired = errors.New("access: expired token")
	// ErrDisabled: the tenant has SCIM turned off.
	ErrDisabled = errors.New("access: SCIM is turned off")
)

// Record is what is stored of a token.
type Record struct {
	ID string
	// Hash is the SHA-256 of the secret, in hexadecimal.
	Hash string
	// LastFour are the last characters of the token's text, to tell tokens
	// apart by sight. They are a part of the checksum, not of the secret.
	LastFour string
	Label    string
	Created  time.Time
	// Expires is zero for a token without an end.
	Expires time.Time
	// Revoked is zero for a token that is not revoked.
	Revoked time.Time
	// LastUsed is when the token was last used, to UsedEvery; zero for never.
	LastUsed time.Time
	// Next is the token that is to take this one's place, and Replaces the one
	// whose place this one is to take: both are taken until the rotation is
	// completed or cancelled.
	Next, Replaces string
}

// Live tells that a token is neither revoked nor expired.
func (r Record) Live(now time.Time) bool {
	return r.Revoked.IsZero() && (r.Expires.IsZero() || now.Before(r.Expires))
}

// Grant is what an authenticated request may act on.
type Grant struct {
	Tenant   tenant.ID
	Settings tenant.Settings
	TokenID  string
	// Label is what the token was called when it was created.
	Label string
	// CursorKey is the tenant's secret with which its cursors are sealed.
	CursorKey []byte
	// Types are the resource types as the tenant has them, if the Authenticator
	// knows those that every tenant has (WithTypes).
	Types scim.Types
	// lastUsed is when the token was used by what was read of it.
	lastUsed time.Time
	// seats are those of the tenant as this instance knows them, nil for never read.
	seats *seats
}

// seats are a tenant's seats as they were read, with what this instance has changed
// since. Safe for concurrent use.
type seats struct {
	mu     sync.Mutex
	counts tenant.Counts
}

// Counts are the tenant's seats as they were last read, at most CacheTime before, with
// what requests to this instance have changed since.
func (g Grant) Counts() tenant.Counts {
	if g.seats == nil {
		return tenant.Counts{}
	}
	g.seats.mu.Lock()
	defer g.seats.mu.Unlock()
	return g.seats.counts
}

// Counted notes that a request took seats, or gave them back.
func (g Grant) Counted(seats int64) {
	if g.seats == nil || seats == 0 {
		return
	}
	g.seats.mu.Lock()
	defer g.seats.mu.Unlock()
	g.seats.counts.Seats += seats
}

// Source reads what authentication needs. Implemented by package store.
type Source interface {
	// Access reads a tenant and one of its tokens in one round trip. ok is false
	// when either does not exist.
	Access(ctx context.Context, t tenant.ID, tokenID string) (owner Owner, record Record, ok bool, err error)
	// Used notes when a token was used, if nobody has since it was read that it
	// was used before.
	Used(ctx context.Context, t tenant.ID, tokenID string, before, now time.Time) error
}

// Owner is what a token's tenant brings to each of its requests.
type Owner struct {
	Settings tenant.Settings
	// CursorKey is the tenant's secret with which its cursors are sealed.
	CursorKey []byte
	// Schemas are the tenant's own schemas, as scim.TenantSchemas encodes them; "" for
	// a tenant that never had one.
	Schemas string
	// Seats and SeatLimit are the tenant's count then.
	Seats, SeatLimit int64
}

// CacheTime is how long a token and its tenant's settings are believed without
// reading them again: a revoked token works this long at most.
const CacheTime = 10 * time.Second

// maxCached bounds the memory of one instance; beyond it the cache starts anew.
const maxCached = 10_000

// Authenticator turns Authorization headers into grants. Safe for concurrent
// use.
type Authenticator struct {
	source Source
	now    func() time.Time
	types  scim.Types

	mu     sync.Mutex
	cached map[string]entry
}

type entry struct {
	owner  Owner
	record Record
	types  scim.Types
	read   time.Time
	// noted tells that this instance has noted that the token was used.
	noted bool
	seats *seats
}

// NewAuthenticator makes an Authenticator that reads from source. Of the clock only the
// time of day counts: the machine's own clock stands while a Lambda function is frozen,
// and a revoked token would be believed for as long.
func NewAuthenticator(source Source, now func() time.Time) *Authenticator {
	return &Authenticator{source: source, now: func() time.Time { return now().Round(0) }, cached: make(map[string]entry)}
}

// WithTypes lets grants tell the resource types as their tenant has them: those that
// every tenant has, with the tenant's own schemas. It is called before the
// Authenticator is used.
func (a *Authenticator) WithTypes(types scim.Types) *Authenticator {
	a.types = types
	return a
}

// Authenticate judges the value of an Authorization header. With ErrRevoked,
// ErrExpired and ErrDisabled comes the grant that the credential would have
// given, for the log. Only who knows the secret is told these from ErrUnknown,
// with which comes what the credential claims, and nobody has proved.
// Errors that are none of this package's come from the source: the credential
// was not judged. RFC 6750 §2.1
func (a *Authenticator) Authenticate(ctx context.Context, header string) (Grant, error) {
	if header == "" {
		return Grant{}, ErrMissing
	}
	token, err := parseHeader(header)
	if err != nil {
		return Grant{}, err
	}
	claimed := Grant{Tenant: token.Tenant, TokenID: token.ID}
	found, err := a.lookUp(ctx, token)
	if err != nil {
		return claimed, err
	}
	grant := Grant{
		Tenant: token.Tenant, TokenID: token.ID, Label: found.record.Label,
		Settings: found.owner.Settings, CursorKey: found.owner.CursorKey,
		Types:    found.types,
		lastUsed: found.record.LastUsed, seats: found.seats,
	}
	switch {
	case !token.matches(found.record.Hash):
		return claimed, ErrUnknown
	case !found.record.Revoked.IsZero():
		return grant, ErrRevoked
	case !found.record.Expires.IsZero() && !a.now().Before(found.record.Expires):
		return grant, ErrExpired
	case found.owner.Settings.SCIMDisabled:
		return grant, ErrDisabled
	}
	return grant, nil
}

// lookUp finds the token's record, believing what it read less than CacheTime
// ago. Tokens that do not exist are not remembered, so a new one works at once.
func (a *Authenticator) lookUp(ctx context.Context, token Token) (entry, error) {
	key := cacheKey(token.Tenant, token.ID)
	now := a.now()
	a.mu.Lock()
	found, ok := a.cached[key]
	a.mu.Unlock()
	if age := now.Sub(found.read); ok && age >= 0 && age < CacheTime { // a clock that was set back says nothing
		return found, nil
	}
	owner, record, known, err := a.source.Access(ctx, token.Tenant, token.ID)
	if err != nil {
		return entry{}, err
	}
	types := found.types
	if known && (!ok || owner.Schemas != found.owner.Schemas) {
		if types, err = a.typesOf(owner); err != nil {
			return entry{}, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !known {
		delete(a.cached, key)
		return entry{}, ErrUnknown
	}
	if len(a.cached) >= maxCached {
		clear(a.cached)
	}
	found = entry{
		owner: owner, record: record, types: types, read: now,
		noted: found.noted && record.LastUsed.Equal(found.record.LastUsed),
		seats: &seats{counts: tenant.Counts{Seats: owner.Seats, SeatLimit: owner.SeatLimit, Read: now}},
	}
	a.cached[key] = found
	return found, nil
}

// typesOf are the resource types with a tenant's schemas.
func (a *Authenticator) typesOf(owner Owner) (scim.Types, error) {
	if a.types.User == nil || owner.Schemas == "" {
		return a.types, nil
	}
	own, err := scim.DecodeTenantSchemas([]byte(owner.Schemas))
	return a.types.With(own), err
}
func cacheKey(t tenant.ID, id string) string { return t.String() + "_" + id }
