package access

import (
	"errors"
	"io"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// SecretPrefix begins the text of every client secret.
const SecretPrefix = "rcs"

// The reasons for which a client secret is refused.
var (
	// ErrSecretMalformed: the text is not a client secret of this service.
	ErrSecretMalformed = errors.New("access: malformed client secret")
	// ErrSecretUnknown: the client does not have the secret.
	ErrSecretUnknown = errors.New("access: unknown client secret")
	// ErrSecretExpired and ErrSecretRevoked are only for a caller that knows the secret.
	ErrSecretExpired = errors.New("access: expired client secret")
	ErrSecretRevoked = errors.New("access: revoked client secret")
)

// mintSecret returns a new client secret, marked with a key unless that is nil. Its text has
// the form of a token.
func mintSecret(random io.Reader, t tenant.ID, key *Key) (text string, s Secret) {
	text, r := mint(random, SecretPrefix, t, key)
	return text, Secret{ID: r.ID, Hash: r.Hash, LastFour: r.LastFour}
}

// checkSecret returns the client's secret that a text has, if it is live. A text that names
// none of its secrets is hashed and compared too, so that the time does not show which exist.
func (c Client) checkSecret(t tenant.ID, text string, now time.Time) (Secret, error) {
	named, err := parse(text, SecretPrefix)
	if err != nil {
		return Secret{}, ErrSecretMalformed
	}
	found, ok := c.secret(named.ID)
	if !named.matches(found.Hash) || !ok || named.Tenant != t {
		return Secret{}, ErrSecretUnknown
	}
	switch {
	case !found.Revoked.IsZero():
		return found, ErrSecretRevoked
	case !now.Before(found.Expires):
		return found, ErrSecretExpired
	}
	return found, nil
}
