package access

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The errors of a Keeper.
var (
	// ErrNoToken: the tenant has no token of the id.
	ErrNoToken = errors.New("access: no such token")
	// ErrRotation: the token is not at the point of a rotation that the request
	// goes on from.
	ErrRotation = errors.New("access: rotation is not at that point")
	// ErrTooManyTokens: the tenant has as many live tokens as it may.
	ErrTooManyTokens = errors.New("access: too many tokens")
	// ErrPast: the end that was asked for is over already.
	ErrPast = errors.New("access: end in the past")
)

// MaxTokens is how many live tokens a tenant may have: one for each identity provider,
// and room to spare. While one is rotated its successor is not counted, so that a
// tenant with all of them can rotate each.
const MaxTokens = 20

// Store keeps tokens. Implemented by package store.
type Store interface {
	SaveToken(ctx context.Context, t tenant.ID, r Record) error
	// Token reads one token; ok is false when there is none.
	Token(ctx context.Context, t tenant.ID, id string) (r Record, ok bool, err error)
	// Tokens reads all tokens of a tenant, revoked ones too, in the order of ids.
	Tokens(ctx context.Context, t tenant.ID) ([]Record, error)
	RevokeToken(ctx context.Context, t tenant.ID, id string, now time.Time) error
	// BeginRotation stores a token beside the one whose place it is to take;
	// CompleteRotation revokes the old one and CancelRotation the new one.
	// ErrRotation when the tokens are not as that begins with.
	BeginRotation(ctx context.Context, t tenant.ID, old string, next Record) error
	CompleteRotation(ctx context.Context, t tenant.ID, old, next string, now time.Time) error
	CancelRotation(ctx context.Context, t tenant.ID, old, next string, now time.Time) error
}

// Keeper mints, rotates and revokes the tokens of all tenants. Safe for concurrent
// use.
type Keeper struct {
	store Store
	now   func() time.Time
}

// NewKeeper makes a Keeper.
func NewKeeper(s Store, now func() time.Time) *Keeper { return &Keeper{store: s, now: now} }

// Wanted is what is chosen of a token that is to be minted.
type Wanted struct {
	Label string
	// Expires is zero for no end.
	Expires time.Time
}

// Tokens lists the tokens of a tenant, revoked ones too.
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

// Mint makes a token. Its text is returned once and kept nowhere.
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
	if text, r, err = k.mint(t, w); err != nil {
		return "", Record{}, err
	}
	if err := k.store.SaveToken(ctx, t, r); err != nil {
		return "", Record{}, err
	}
	return text, r, nil
}

func (k *Keeper) mint(t tenant.ID, w Wanted) (string, Record, error) {
	now := k.now()
	if !w.Expires.IsZero() && !now.Before(w.Expires) {
		return "", Record{}, ErrPast
	}
	text, r := Mint(t)
	r.Label, r.Expires, r.Created = w.Label, w.Expires, now
	return text, r, nil
}

// Revoke ends a token; ended again it stays as it is. The other token of a rotation
// is left alone in its place: revoking the old one completes the rotation, revoking
// the new one cancels it.
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
			return k.store.RevokeToken(ctx, t, id, k.now())
		}
		if !errors.Is(err, ErrRotation) {
			return err
		}
	}
	return ErrRotation
}

// maxRounds is how often a change is decided anew because the rotation moved.
const maxRounds = 3

// Rotate mints the token that is to take another's place. Both are taken from here
// on, so that the identity provider is changed over without a request refused.
// Without a label the new one has the old one's.
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
	if text, r, err = k.mint(t, w); err != nil {
		return "", Record{}, err
	}
	r.Replaces = id
	if err := k.store.BeginRotation(ctx, t, id, r); err != nil {
		return "", Record{}, err
	}
	return text, r, nil
}

// Complete ends a rotation: the old token is revoked, and the new one has its place.
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
	if err := k.store.CompleteRotation(ctx, t, id, old.Next, k.now()); err != nil {
		return Record{}, err
	}
	return k.Token(ctx, t, old.Next)
}

// Cancel ends a rotation: the new token is revoked, and the old one stays.
func (k *Keeper) Cancel(ctx context.Context, t tenant.ID, id string) (Record, error) {
	old, err := k.Token(ctx, t, id)
	if err != nil {
		return Record{}, err
	}
	if old.Next == "" {
		return Record{}, ErrRotation
	}
	if err := k.store.CancelRotation(ctx, t, id, old.Next, k.now()); err != nil {
		return Record{}, err
	}
	return k.Token(ctx, t, id)
}
