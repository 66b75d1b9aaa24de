package access

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The errors of a Keeper.
var (
	// ErrNoToken: the tenant has no token with the id.
	ErrNoToken = errors.New("access: token not found")
	// ErrRotation: the token is not at the step of a rotation that the request
	// continues.
	ErrRotation = errors.New("access: rotation is not at that step")
	// ErrTooManyTokens: the tenant has the largest number of live tokens.
	ErrTooManyTokens = errors.New("access: too many tokens")
	// ErrPast: the requested expiry is in the past.
	ErrPast = errors.New("access: expiry in the past")
)

// MaxTokens is how many live tokens a tenant may have: one for each identity
// provider, with some reserve. While a token is rotated its successor is not
// counted, so that a tenant with all of them can rotate each.
const MaxTokens = 20

// Store keeps tokens. Package store implements it.
type Store interface {
	Tokens
	Rotations
}

// Tokens keeps the records of tokens.
type Tokens interface {
	SaveToken(ctx context.Context, t tenant.ID, r Record) error
	// Token reads one token; ok is false if it does not exist.
	Token(ctx context.Context, t tenant.ID, id string) (r Record, ok bool, err error)
	// Tokens reads all tokens of a tenant, including revoked ones, in the order
	// of ids.
	Tokens(ctx context.Context, t tenant.ID) ([]Record, error)
	RevokeToken(ctx context.Context, t tenant.ID, id string, now time.Time) error
}

// Rotations replaces one token by another. ErrRotation: the tokens are not at
// that step.
type Rotations interface {
	// BeginRotation stores a token beside the one that it is to replace;
	// CompleteRotation revokes the old one and CancelRotation the new one.
	BeginRotation(ctx context.Context, t tenant.ID, old string, next Record) error
	CompleteRotation(ctx context.Context, t tenant.ID, old, next string, now time.Time) error
	CancelRotation(ctx context.Context, t tenant.ID, old, next string, now time.Time) error
}

// Keeper mints, rotates and revokes the tokens of all tenants. It is safe for
// concurrent use.
type Keeper struct {
	store Store
	marker
}

// NewKeeper returns a Keeper.
func NewKeeper(s Store, now func() time.Time) *Keeper {
	return &Keeper{s, newMarker(nil, now)}
}

// WithKeys marks new tokens with the deployment's key, and keeps one that is not
// older than KeyLife. Call it before the Keeper is used.
func (k *Keeper) WithKeys(keys Keys) *Keeper {
	k.keys = keys
	return k
}

// Settled leaves it to others to create the deployment's keys: this Keeper may only read them.
// Call it before the Keeper is used.
func (k *Keeper) Settled() *Keeper {
	k.fixed = true
	return k
}

// WithRandom replaces the source of the secrets of tokens, for tests that repeat
// a run. Call it before the Keeper is used.
func (k *Keeper) WithRandom(random io.Reader) *Keeper {
	k.random = random
	return k
}

// Wanted are the choices for a token that is to be minted.
type Wanted struct {
	Label string
	// Expires is zero if it never expires.
	Expires time.Time
}

// Tokens lists the tokens of a tenant, including revoked ones.
func (k *Keeper) Tokens(ctx context.Context, t tenant.ID) ([]Record, error) {
	return k.store.Tokens(ctx, t)
}

// Token reads one token.
func (k *Keeper) Token(ctx context.Context, t tenant.ID, id string) (Record, error) {
	if len(id) != idSize || !isBase32(id) {
		return Record{}, ErrNoToken
	}
	r, ok, err := k.store.Token(ctx, t, id)
	if err == nil && !ok {
		err = ErrNoToken
	}
	return r, err
}

// Mint creates a token. Its text is returned once and not stored.
func (k *Keeper) Mint(ctx context.Context, t tenant.ID, w Wanted) (text string, r Record, err error) {
	known, err := k.store.Tokens(ctx, t)
	if err != nil {
		return "", Record{}, err
	}
	live := 0
	for _, r := range known {
		if r.Live(k.now()) && r.Replaces == "" {
			live++
		}
	}
	if live >= MaxTokens {
		return "", Record{}, ErrTooManyTokens
	}
	if text, r, err = k.mint(ctx, t, w); err != nil {
		return "", Record{}, err
	}
	if err := k.store.SaveToken(ctx, t, r); err != nil {
		return "", Record{}, err
	}
	return text, r, nil
}

func (k *Keeper) mint(ctx context.Context, t tenant.ID, w Wanted) (string, Record, error) {
	now := k.now()
	if !w.Expires.IsZero() && !now.Before(w.Expires) {
		return "", Record{}, ErrPast
	}
	key, err := k.key(ctx)
	if err != nil {
		return "", Record{}, err
	}
	text, r := mint(k.random, Prefix, t, key)
	r.Label, r.Expires, r.Created = w.Label, w.Expires, now
	return text, r, nil
}

// Revoke revokes a token; a revoked one stays as it is. The other token of a
// rotation remains in its place: revoking the old one completes the rotation,
// revoking the new one cancels it.
func (k *Keeper) Revoke(ctx context.Context, t tenant.ID, id string) error {
	for range maxRounds {
		r, err := k.Token(ctx, t, id)
		switch {
		case err != nil, !r.Revoked.IsZero():
			return err
		case r.Next != "":
			err = k.store.CompleteRotation(ctx, t, id, r.Next, k.now())
		case r.Replaces != "":
			err = k.store.CancelRotation(ctx, t, r.Replaces, id, k.now())
		default:
			err = k.store.RevokeToken(ctx, t, id, k.now())
		}
		if !errors.Is(err, ErrRotation) {
			return err
		}
	}
	return ErrRotation
}

// maxRounds is how often a change is decided again because the rotation moved.
const maxRounds = 3

// Rotate mints the token that is to replace another. Both are accepted from
// here on, so that the identity provider can be changed over without a refused
// request. Without a label the new token has the old one's.
func (k *Keeper) Rotate(ctx context.Context, t tenant.ID, id string, w Wanted) (text string, r Record, err error) {
	old, err := k.Token(ctx, t, id)
	if err != nil {
		return "", Record{}, err
	}
	if !old.Live(k.now()) || old.Next != "" || old.Replaces != "" {
		return "", Record{}, ErrRotation
	}
	if w.Label == "" {
		w.Label = old.Label
	}
	if text, r, err = k.mint(ctx, t, w); err != nil {
		return "", Record{}, err
	}
	r.Replaces = id
	if err := k.store.BeginRotation(ctx, t, id, r); err != nil {
		return "", Record{}, err
	}
	return text, r, nil
}

// Complete completes a rotation: the old token is revoked, and the new one
// replaces it.
func (k *Keeper) Complete(ctx context.Context, t tenant.ID, id string) (Record, error) {
	old, err := k.Token(ctx, t, id)
	if err != nil {
		return Record{}, err
	}
	if old.Next == "" {
		return Record{}, ErrRotation
	}
	next, err := k.Token(ctx, t, old.Next)
	if err != nil {
		return Record{}, err
	}
	if !next.Live(k.now()) {
		return Record{}, ErrRotation // it expired: without the old one there would be none
	}
	// The record is not read again: the rotation is complete, whatever a read returns.
	next.Replaces = ""
	return next, k.store.CompleteRotation(ctx, t, id, old.Next, k.now())
}

// Cancel cancels a rotation: the new token is revoked, and the old one stays.
func (k *Keeper) Cancel(ctx context.Context, t tenant.ID, id string) (Record, error) {
	old, err := k.Token(ctx, t, id)
	if err != nil {
		return Record{}, err
	}
	if old.Next == "" {
		return Record{}, ErrRotation
	}
	next := old.Next
	old.Next = ""
	return old, k.store.CancelRotation(ctx, t, id, next, k.now())
}
