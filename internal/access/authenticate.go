package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The reasons for which a credential is refused.
var (
	// ErrMissing: the request has no Authorization header.
	ErrMissing = errors.New("access: no Authorization header")
	// ErrNotBearer: the header is not of the form "Bearer TOKEN".
	ErrNotBearer = errors.New("access: not a Bearer credential")
	// ErrNoScheme: the header is a token of this service without the word Bearer.
	ErrNoScheme = fmt.Errorf("%w: a token alone", ErrNotBearer)
	// ErrColon: the word Bearer is followed by a colon.
	ErrColon = fmt.Errorf("%w: a colon after the scheme", ErrNotBearer)
	// ErrMalformed: the token was not minted here, or is incomplete or changed.
	ErrMalformed = errors.New("access: malformed token")
	// ErrTwice: the word Bearer occurs twice.
	ErrTwice = fmt.Errorf("%w: the scheme twice", ErrMalformed)
	// ErrEmpty: nothing follows the word Bearer.
	ErrEmpty = fmt.Errorf("%w: no token after the scheme", ErrMalformed)
	// ErrQuoted: there are quotes or brackets around the token or in it.
	ErrQuoted = fmt.Errorf("%w: quotes", ErrMalformed)
	// ErrSpaced: the token contains, or is surrounded by, spaces, line breaks
	// or invisible characters.
	ErrSpaced = fmt.Errorf("%w: spaces", ErrMalformed)
	// ErrCut: the text begins as a token, and is cut off or changed.
	ErrCut = fmt.Errorf("%w: cut off or changed", ErrMalformed)
	// ErrTokenID: the text is of the form of a token's id.
	ErrTokenID = fmt.Errorf("%w: the id of a token", ErrMalformed)
	// ErrAccessCut: the text begins as an access token, and is cut off or changed.
	ErrAccessCut = fmt.Errorf("%w: an access token", ErrCut)
	// ErrOwnSecret: the text is of the form of a client secret of this service.
	ErrOwnSecret = fmt.Errorf("%w: a client secret of this service", ErrMalformed)
	// ErrOwnClient: the text is of the form of a client id of this service.
	ErrOwnClient = fmt.Errorf("%w: a client id of this service", ErrMalformed)
	// ErrEntra: the text is a JSON Web Token that names Microsoft Entra ID as its issuer.
	ErrEntra = fmt.Errorf("%w: a token issued by Microsoft Entra ID", ErrMalformed)
	// ErrJWT: the text is any other JSON Web Token.
	ErrJWT = fmt.Errorf("%w: a JSON Web Token", ErrMalformed)
	// ErrOktaToken: the text is of the form of an Okta API token, or has its scheme.
	ErrOktaToken = fmt.Errorf("%w: an Okta API token", ErrMalformed)
	// ErrBasic: the scheme is Basic.
	ErrBasic = fmt.Errorf("%w: a user name and a password", ErrNotBearer)
	// ErrGUID: the text is a GUID.
	ErrGUID = fmt.Errorf("%w: a GUID", ErrMalformed)
	// ErrClientSecret: the text is of the form of an Entra client secret.
	ErrClientSecret = fmt.Errorf("%w: a client secret", ErrMalformed)
	// ErrURL: the text is an address.
	ErrURL = fmt.Errorf("%w: an address", ErrMalformed)
	// ErrMasked: the text has only the characters that hide a secret on a screen.
	ErrMasked = fmt.Errorf("%w: a hidden value", ErrMalformed)
	// ErrHeaderName: the text begins with the name of the header.
	ErrHeaderName = fmt.Errorf("%w: the name of the header", ErrMalformed)
	// ErrForeign: the text does not begin as a token.
	ErrForeign = fmt.Errorf("%w: a text of another kind", ErrMalformed)
	// ErrUnknown: the token is unknown, or its secret is wrong.
	ErrUnknown = errors.New("access: unknown token")
	// ErrElsewhere: the token has the mark of another deployment.
	ErrElsewhere = fmt.Errorf("%w: of another deployment", ErrUnknown)
	// ErrCrowded: the token may be known, but too many unknown ones that name its
	// tenant were looked up within a second, and it was not.
	ErrCrowded = errors.New("access: too many unknown tokens")
	// ErrRevoked: the token was revoked.
	ErrRevoked = errors.New("access: revoked token")
	// ErrExpired: the token has expired.
	ErrExpired = errors.New("access: expired token")
	// ErrStaticRefused: the tenant accepts no static tokens, only access tokens of its
	// OAuth clients.
	ErrStaticRefused = errors.New("access: static tokens are refused")
	// ErrDisabled: SCIM is disabled for the tenant.
	ErrDisabled = errors.New("access: SCIM is disabled")
)

// Record is a token as stored.
type Record struct {
	ID string
	// Hash is the SHA-256 of the secret, in hexadecimal.
	Hash string
	// LastFour are the last characters of the token's text, by which people
	// identify a token. They are part of the checksum, not of the secret.
	LastFour string
	Label    string
	Created  time.Time
	// Expires is zero for a token that never expires.
	Expires time.Time
	// Revoked is zero for a token that is not revoked.
	Revoked time.Time
	// LastUsed is when the token was last used, to UsedEvery; zero for never.
	LastUsed time.Time
	// Next is the token that is to replace this one, and Replaces the one that
	// this one is to replace: both are accepted until the rotation is completed
	// or cancelled.
	Next, Replaces string
}

// Live reports whether a token is neither revoked nor expired.
func (r Record) Live(now time.Time) bool {
	return r.Revoked.IsZero() && (r.Expires.IsZero() || now.Before(r.Expires))
}

// Grant is the result of authentication: the tenant of a request, with its settings
// and the token.
type Grant struct {
	Tenant   tenant.ID
	Settings tenant.Settings
	// TokenID is the id of the static token, or of the client of an access token.
	TokenID string
	// Client reports that the credential is an access token of an OAuth client.
	Client bool
	// Label is the label of the token or of the client, given when it was created.
	Label string
	// CursorKey is the tenant's secret that seals its cursors.
	CursorKey []byte
	// Types are the tenant's resource types, if the Authenticator knows the
	// built-in ones (WithTypes).
	Types schema.Types
	// used names the record of the last use, and lastUsed is that use, as read.
	used     string
	lastUsed time.Time
	// seats are the tenant's seats as this instance knows them, nil if they are not
	// known.
	seats *seats
}

// seats are a tenant's seats as they were read, with what this instance has
// changed since. It is safe for concurrent use.
type seats struct {
	mu     sync.Mutex
	counts tenant.SeatCounts
}

// SeatCounts returns the tenant's seats as last read, at most CacheTime ago, with
// what requests to this instance have changed since.
func (g Grant) SeatCounts() tenant.SeatCounts {
	if g.seats == nil {
		return tenant.SeatCounts{}
	}
	g.seats.mu.Lock()
	defer g.seats.mu.Unlock()
	return g.seats.counts
}

// AddSeats records that a request took seats, or freed them.
func (g Grant) AddSeats(seats int64) {
	if g.seats == nil || seats == 0 {
		return
	}
	g.seats.mu.Lock()
	defer g.seats.mu.Unlock()
	g.seats.counts.Seats += seats
}

// Source reads what authentication needs. Package store implements it.
type Source interface {
	// Access reads a tenant and one of its tokens in one round trip. ok is
	// false if either does not exist.
	Access(ctx context.Context, t tenant.ID, tokenID string) (owner Owner, record Record, ok bool, err error)
	// AccessClient does the same for a client. LastUsed is that of the record with the
	// name used.
	AccessClient(ctx context.Context, t tenant.ID, client, used string) (owner Owner, c Client, ok bool, err error)
	// HasToken and HasClient report whether a token or a client exists: one read unit.
	HasToken(ctx context.Context, t tenant.ID, tokenID string) (bool, error)
	HasClient(ctx context.Context, t tenant.ID, client string) (bool, error)
	// Used records when a token was used, unless that was recorded since before
	// was read.
	Used(ctx context.Context, t tenant.ID, tokenID string, before, now time.Time) error
}

// Owner is the tenant's data that each request with its token needs.
type Owner struct {
	Settings tenant.Settings
	// CursorKey is the tenant's secret that seals its cursors.
	CursorKey []byte
	// Schemas are the tenant's own schemas, as schema.Registrations encodes them;
	// "" if it never had any.
	Schemas string
	// Seats and SeatLimit are the tenant's counts when it was read, if Counted.
	Seats, SeatLimit int64
	// Counted reports that the ledger is one item, which has the tenant's counts.
	Counted bool
}

// CacheTime is how long a token and its tenant's settings are cached: a revoked
// token works at most this long.
const CacheTime = 10 * time.Second

// maxCached limits the memory of one instance; beyond it the cache is emptied.
const maxCached = 10_000

// Authenticator turns Authorization headers into grants. It is safe for
// concurrent use.
type Authenticator struct {
	source Source
	now    func() time.Time
	types  schema.Types
	screen *screen

	mu     sync.Mutex
	cached map[string]entry
}

type entry struct {
	owner  Owner
	record Record
	// client is that of an access token; record then has its label and its last use.
	client Client
	mark   string // of the token that was read
	types  schema.Types
	read   time.Time
	// recorded reports that this instance has recorded that the token was used.
	recorded bool
	seats    *seats
}

// NewAuthenticator returns an Authenticator that reads from source. Only the
// time of day of the clock counts: the monotonic clock stops while a Lambda
// function is frozen, so that a revoked token would be accepted longer.
func NewAuthenticator(source Source, now func() time.Time) *Authenticator {
	wall := func() time.Time { return now().Round(0) }
	return &Authenticator{source: source, now: wall, screen: newScreen(source, wall), cached: make(map[string]entry)}
}

// WithKeys makes the Authenticator refuse tokens that none of the deployment's keys
// has marked. Call it before the Authenticator is used.
func (a *Authenticator) WithKeys(keys Keys) *Authenticator {
	a.screen.keys = keys
	return a
}

// WithTypes makes grants carry their tenant's resource types: the built-in ones
// with the tenant's own schemas. Call it before the Authenticator is used.
func (a *Authenticator) WithTypes(types schema.Types) *Authenticator {
	a.types = types
	return a
}

// Authenticate checks the value of an Authorization header.
//
//   - ErrRevoked, ErrExpired, ErrClientRevoked, ErrProofEnded, ErrAccessExpired,
//     ErrStaticRefused and ErrDisabled are only for a caller that knows the secret, or has
//     an access token that was issued here. They come with the grant that the token would
//     have given, for the log.
//   - Any other error for a token of the right form comes with a grant that has
//     the tenant and the token as claimed, which are not proven.
//   - Errors of other packages come from the source: the token was not checked.
//
// RFC 6750 §2.1
func (a *Authenticator) Authenticate(ctx context.Context, header string) (Grant, error) {
	if header == "" {
		return Grant{}, ErrMissing
	}
	token, err := parseHeader(header)
	if err != nil {
		return Grant{}, err
	}
	claimed := Grant{Tenant: token.Tenant, TokenID: token.ID, Client: token.ticket != nil}
	found, err := a.lookUp(ctx, token)
	if err != nil {
		return claimed, err
	}
	grant := grantOf(token, found)
	switch err := token.check(found, a.now()); {
	case errors.Is(err, ErrUnknown):
		return claimed, err
	case err != nil:
		return grant, err
	case found.owner.Settings.SCIMDisabled:
		return grant, ErrDisabled
	case token.ticket == nil && found.owner.Settings.StaticTokens == tenant.StaticRefuse:
		return grant, ErrStaticRefused
	}
	return grant, nil
}

// grantOf returns the grant of a token that was found.
func grantOf(token Token, found entry) Grant {
	return Grant{
		Tenant: token.Tenant, TokenID: token.ID, Client: token.ticket != nil, Label: found.record.Label,
		Settings: found.owner.Settings, CursorKey: found.owner.CursorKey,
		Types: found.types,
		used:  token.used(), lastUsed: found.record.LastUsed, seats: found.seats,
	}
}

// check returns nil if the token is valid. Only ErrUnknown is for a caller that has not
// proved to have it from us.
func (t Token) check(found entry, now time.Time) error {
	if t.ticket != nil {
		return t.ticket.check(found.client, now)
	}
	switch {
	case !t.matches(found.record.Hash):
		return ErrUnknown
	case !found.record.Revoked.IsZero():
		return ErrRevoked
	case !found.record.Expires.IsZero() && !now.Before(found.record.Expires):
		return ErrExpired
	}
	return nil
}

// newer reports whether a client has issued an access token after it was read, for keys or a
// federation that it did not have then.
func (t Token) newer(c Client) bool {
	return t.ticket != nil && t.ticket.proof.revision > c.Version && t.ticket.isOf(c)
}

// forged reports whether an access token is not one that the client has issued.
func (t Token) forged(c Client) bool { return t.ticket != nil && !t.ticket.isOf(c) }

// used names the record of the token's last use.
func (t Token) used() string {
	if t.ticket != nil {
		return t.ticket.proof.used(t.ID)
	}
	return t.ID
}

// lookUp returns the token's record, cached for CacheTime. A token that is not
// cached must pass the screen first.
func (a *Authenticator) lookUp(ctx context.Context, token Token) (entry, error) {
	key := entryKey(token.Tenant, token.ID, token.used())
	now := a.now()
	a.mu.Lock()
	found, ok := a.cached[key]
	a.mu.Unlock()
	age := now.Sub(found.read)
	if ok && age >= 0 && age < CacheTime && !token.newer(found.client) { // a clock that was set back proves nothing
		if subtle.ConstantTimeCompare([]byte(token.mark), []byte(found.mark)) == 1 {
			return found, nil
		}
		_, err := a.screen.minted(ctx, token)
		return found, err
	}
	if !ok {
		if err := a.screen.pass(ctx, token); err != nil {
			return entry{}, err
		}
	}
	owner, record, client, known, err := a.read(ctx, token)
	if err != nil {
		return entry{}, err
	}
	if known && !ok && token.forged(client) {
		a.screen.forged(token, now)
		return entry{}, ErrUnknown
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
		a.screen.lost(token, now)
		return entry{}, ErrUnknown
	}
	if len(a.cached) >= maxCached {
		clear(a.cached)
	}
	found = entry{
		owner: owner, record: record, client: client, mark: token.mark, types: types, read: now,
		recorded: found.recorded && record.LastUsed.Equal(found.record.LastUsed),
	}
	if owner.Counted {
		found.seats = &seats{counts: tenant.SeatCounts{Seats: owner.Seats, SeatLimit: owner.SeatLimit, Read: now}}
	}
	a.cached[key] = found
	return found, nil
}

// read reads the tenant of a token, and the token or its client.
func (a *Authenticator) read(ctx context.Context, token Token) (owner Owner, r Record, c Client, known bool, err error) {
	if token.ticket == nil {
		owner, r, known, err = a.source.Access(ctx, token.Tenant, token.ID)
		return owner, r, c, known, err
	}
	owner, c, known, err = a.source.AccessClient(ctx, token.Tenant, token.ID, token.used())
	return owner, Record{ID: c.ID, Label: c.Label, LastUsed: c.LastUsed}, c, known, err
}

// typesOf returns the resource types with a tenant's schemas.
func (a *Authenticator) typesOf(owner Owner) (schema.Types, error) {
	if a.types.User == nil || owner.Schemas == "" {
		return a.types, nil
	}
	own, err := schema.DecodeRegistrations([]byte(owner.Schemas))
	return a.types.With(own), err
}

// entryKey returns the key under which a token is cached. Access tokens of a client share an
// entry if they have the same record of the last use: each secret has its own.
func entryKey(t tenant.ID, id, used string) string { return cacheKey(t, id) + "_" + used }

func cacheKey(t tenant.ID, id string) string { return t.String() + "_" + id }
