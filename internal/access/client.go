package access

import (
	"errors"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ClientPrefix begins the public id of every OAuth client.
const ClientPrefix = "rcc"

// The errors of a client's id, and of a client.
var (
	// ErrClientMalformed: the text is not the id of a client of this service.
	ErrClientMalformed = errors.New("access: malformed client id")
	// ErrUnknownClient: no client has the id.
	ErrUnknownClient = errors.New("access: unknown client")
	// ErrClientRevoked: the client was revoked.
	ErrClientRevoked = errors.New("access: revoked client")
)

// A Client is an OAuth client of a tenant as stored: an identity provider that gets access
// tokens. It proves itself by a secret, by keys of its own, or by tokens of an issuer that the
// tenant trusts, whichever it has.
type Client struct {
	ID      string
	Label   string
	Created time.Time
	// Revoked is zero for a client that is not revoked.
	Revoked time.Time
	// Secrets are its secrets, the oldest first, with those that have ended.
	Secrets []Secret
	// Federation and Keys are nil if the client has none.
	Federation *Federation
	Keys       *KeySet
	// SigningKey authenticates the access tokens of the client.
	SigningKey []byte
	// Version counts the changes of the client: a change of it names the one that it changes.
	Version int64
	// LastUsed is when a request was last sent with an access token of the client, to
	// UsedEvery; zero for never. That of a token from a secret is the secret's.
	LastUsed time.Time
}

// A Secret is a secret of a client as stored.
type Secret struct {
	ID string
	// Hash is the SHA-256 of the secret, in hexadecimal.
	Hash string
	// LastFour are the last characters of the secret's text, which are not part of the
	// secret itself.
	LastFour string
	Label    string
	Created  time.Time
	// Expires is never zero: every secret ends.
	Expires time.Time
	// Revoked is zero for a secret that is not revoked.
	Revoked time.Time
	// LastUsed is when a request was last sent with an access token that was issued for the
	// secret, to UsedEvery; zero for never.
	LastUsed time.Time
}

// Live reports whether a secret is neither revoked nor expired.
func (s Secret) Live(now time.Time) bool { return s.Revoked.IsZero() && now.Before(s.Expires) }

// A Federation names the tokens of another issuer that prove a client.
type Federation struct {
	Issuer, Subject, Audience string
	// JWKSURI is where the issuer publishes its keys.
	JWKSURI string
	// Revision is another number after each change.
	Revision int64
	Since    time.Time
}

// A KeySet has the public keys with which a client signs its assertions.
type KeySet struct {
	// JWKS is a JSON Web Key Set. RFC 7517 §5
	JWKS string
	// Revision is another number after each change.
	Revision int64
	Since    time.Time
}

// secret returns the secret with an id, and whether the client has it.
func (c Client) secret(id string) (Secret, bool) {
	for _, s := range c.Secrets {
		if s.ID == id {
			return s, true
		}
	}
	return Secret{}, false
}

// Live reports whether the client can get a token: it is not revoked, and has a live secret,
// a federation or keys.
func (c Client) Live(now time.Time) bool {
	if !c.Revoked.IsZero() {
		return false
	}
	for _, s := range c.Secrets {
		if s.Live(now) {
			return true
		}
	}
	return c.Federation != nil || c.Keys != nil
}

// ClientID returns the public id of a client, which is not secret: rcc_TENANT_ID.
func ClientID(t tenant.ID, id string) string {
	return strings.Join([]string{ClientPrefix, t.String(), id}, "_")
}

// ParseClientID returns the tenant and the short id that a client's public id has.
// ErrClientMalformed for any other text.
func ParseClientID(text string) (t tenant.ID, id string, err error) {
	if len(text) > maxTokenSize {
		return t, "", ErrClientMalformed
	}
	parts := strings.Split(text, "_")
	if len(parts) != 3 || parts[0] != ClientPrefix || len(parts[2]) != idSize || !isBase32(parts[2]) {
		return t, "", ErrClientMalformed
	}
	if t, err = tenant.ParseID(parts[1]); err != nil {
		return t, "", ErrClientMalformed
	}
	return t, parts[2], nil
}
