package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// A Key is a secret of the deployment with which it marks the tokens that it
// mints, so that a token of anyone else is refused without a read in the
// partition of the tenant that it names.
//
// It protects capacity and no data: a token is accepted only for its own secret.
type Key struct {
	// ID names the key in tokens: eight hexadecimal digits, not secret.
	ID      string
	Secret  []byte
	Created time.Time
}

// GoString keeps the secret out of %#v.
func (k Key) GoString() string { return k.String() }

// String returns the key's id, without its secret.
func (k Key) String() string { return "token key " + k.ID }

// Keys keeps the keys of the deployment. Package store implements it.
type Keys interface {
	// TokenKeys reads all keys, the oldest first.
	TokenKeys(ctx context.Context) ([]Key, error)
	// AddTokenKey adds a key to those that were read. ErrKeys: another instance
	// has added one since.
	AddTokenKey(ctx context.Context, read []Key, added Key) error
}

// ErrKeys reports that the keys have changed since they were read.
var ErrKeys = errors.New("access: token keys changed meanwhile")

const (
	// KeyLife is the age at which a key gets a successor. All former keys are
	// kept, because tokens that were marked with them are still in use.
	KeyLife = 365 * 24 * time.Hour
	// keySettles is how long a key is stored before it marks tokens, unless it is
	// the first: by then every instance that meets it reads the keys again.
	keySettles = time.Minute
	// keyAge is how old the keys that an instance has read must be before it reads
	// them again for an unknown id. It is well below keySettles: an id that is not
	// among keys read a moment ago was never minted with.
	keyAge = 5 * time.Second

	keyIDSize  = 8  // hexadecimal digits
	macSize    = 24 // hexadecimal digits: 96 bits of HMAC-SHA256
	markSize   = keyIDSize + macSize
	secretSeed = 32 // bytes of a key's secret
)

// mark returns the end of a token's text that only this deployment can compute:
// the key's id, and an authentication code of all that is before it.
func (k Key) mark(body string) string {
	mac := hmac.New(sha256.New, k.Secret)
	mac.Write([]byte(body))
	mac.Write([]byte("_" + k.ID))
	return k.ID + hex.EncodeToString(mac.Sum(nil))[:macSize]
}

// marked reports whether a token's mark is this key's, in constant time.
func (k Key) marked(t Token) bool { return hmac.Equal([]byte(k.mark(t.body)), []byte(t.mark)) }

func newKey(random io.Reader, now time.Time) (Key, error) {
	drawn := make([]byte, keyIDSize/2+secretSeed)
	if _, err := io.ReadFull(random, drawn); err != nil {
		return Key{}, fmt.Errorf("access: token key: %w", err) // not of crypto/rand, which ends the program instead
	}
	return Key{ID: hex.EncodeToString(drawn[:keyIDSize/2]), Secret: drawn[keyIDSize/2:], Created: now}, nil
}

// A marker has what marks new tokens and client secrets.
type marker struct {
	keys   Keys // nil if there are none
	now    func() time.Time
	random io.Reader
	// fixed reports that the keys may only be read.
	fixed bool
}

// newMarker returns a marker with keys, nil for none.
func newMarker(keys Keys, now func() time.Time) marker {
	return marker{keys: keys, now: now, random: rand.Reader}
}

// key returns the key that marks a new credential, nil for a marker without keys. It
// creates the deployment's first key, and the successor of one that is a year
// old: nothing else rotates keys.
func (m marker) key(ctx context.Context) (*Key, error) {
	if m.keys == nil {
		return nil, nil
	}
	for range maxRounds {
		known, err := m.keys.TokenKeys(ctx)
		if err != nil {
			return nil, err
		}
		now := m.now()
		n := len(known)
		if n > 0 && (m.fixed || now.Sub(known[n-1].Created) < KeyLife) {
			return settled(known, now), nil
		}
		if m.fixed {
			return nil, ErrKeys
		}
		added, err := newKey(m.random, now)
		if err != nil {
			return nil, err
		}
		if err = m.keys.AddTokenKey(ctx, known, added); err == nil {
			return settled(append(known, added), now), nil
		}
		if !errors.Is(err, ErrKeys) {
			return nil, err
		}
	}
	return nil, ErrKeys
}

// settled returns the newest key that all instances accept by now: the first one
// is accepted at once, because an instance that knows no key refuses none.
func settled(keys []Key, now time.Time) *Key {
	for i := len(keys) - 1; i > 0; i-- {
		if now.Sub(keys[i].Created) >= keySettles {
			return &keys[i]
		}
	}
	return &keys[0]
}
