package adminwire

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/amount"
)

// NewClient has the choices for a new OAuth client.
type NewClient struct {
	Label string `json:"label,omitzero" jsonschema:"nullable,maxLength=100"`
	// When its first secret expires, at most 3 years from now; a secret without it expires in
	// a year.
	ExpiresAt *time.Time `json:"expiresAt,omitzero" jsonschema:"nullable"`
	// Whether it gets a secret; a client that only authenticates with assertions needs none.
	Secret Optional[bool] `json:"secret,omitzero" jsonschema:"nullable,default=true"`
}

// ClientChange has the members of a client to change.
type ClientChange struct {
	Label Optional[string] `json:"label,omitzero" jsonschema:"nullable,maxLength=100"`
}

// A Client is an OAuth client of an identity provider, without the texts of its secrets.
type Client struct {
	// The id to enter in the identity provider. It is not secret.
	ClientID string `json:"clientId"`
	Label    string `json:"label"`
	// A revoked client gets no access tokens, and those that it has are refused.
	State     string     `json:"state" jsonschema:"enum=live,enum=revoked"`
	CreatedAt *time.Time `json:"createdAt"`
	// When a request was last sent with an access token of the client, to the hour.
	LastUsedAt *time.Time `json:"lastUsedAt" jsonschema:"nullable"`
	RevokedAt  *time.Time `json:"revokedAt" jsonschema:"nullable"`
	// In the order of their creation. The oldest secrets that do not work any more are
	// removed when there are too many.
	Secrets []ClientSecret `json:"secrets"`
	// The assertions of another issuer that authenticate the client (workload identity
	// federation); absent if it has none.
	Federation *Federation `json:"federation,omitzero"`
	// The public keys whose assertions authenticate the client (private_key_jwt); absent if it
	// has none.
	Keys *ClientKeys `json:"keys,omitzero"`
	// The URL at which the identity provider gets access tokens.
	TokenEndpoint string `json:"tokenEndpoint" jsonschema:"format=uri"`
}

// Clients are all OAuth clients of a tenant.
type Clients struct {
	Clients []Client `json:"clients"`
}

// A ClientSecret is a secret of an OAuth client, without its text.
type ClientSecret struct {
	SecretID  string     `json:"secretId"`
	Label     string     `json:"label"`
	LastFour  string     `json:"lastFour"`
	State     string     `json:"state" jsonschema:"enum=live,enum=revoked,enum=expired"`
	CreatedAt *time.Time `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt"`
	// When a request was last sent with an access token of this secret, to the hour.
	LastUsedAt *time.Time `json:"lastUsedAt" jsonschema:"nullable"`
	RevokedAt  *time.Time `json:"revokedAt" jsonschema:"nullable"`
}

// A CreatedClient is a client that was just created, with its first secret, if it has one.
type CreatedClient struct {
	Client
	// The text of the secret, which is returned only this once.
	Text string `json:"clientSecret,omitzero"`
	// The id of the secret.
	SecretID string `json:"secretId,omitzero"`
	// When the secret expires.
	ExpiresAt *time.Time `json:"expiresAt,omitzero"`
}

// NewClientSecret has the choices for a new secret of a client.
type NewClientSecret struct {
	Label string `json:"label,omitzero" jsonschema:"nullable,maxLength=100"`
	// When it expires, at most 3 years from now; a secret without it expires in a year.
	ExpiresAt *time.Time `json:"expiresAt,omitzero" jsonschema:"nullable"`
}

// A CreatedClientSecret is a secret that was just created, with its text.
type CreatedClientSecret struct {
	ClientSecret
	ClientID string `json:"clientId"`
	// The text of the secret, which is returned only this once.
	Text string `json:"clientSecret"`
	// The URL at which the identity provider gets access tokens.
	TokenEndpoint string `json:"tokenEndpoint" jsonschema:"format=uri"`
}

// NewFederation says which assertions of another issuer authenticate a client.
type NewFederation struct {
	// The claim iss, exactly.
	Issuer string `json:"issuer" jsonschema:"maxLength=500"`
	// The claim sub, exactly.
	Subject string `json:"subject" jsonschema:"maxLength=500"`
	// The claim aud, or one of its values, exactly.
	Audience string `json:"audience" jsonschema:"maxLength=500"`
	// Where the issuer publishes its keys: https, on a host that the deployment allows.
	JWKSURI string `json:"jwksUri" jsonschema:"format=uri,maxLength=500"`
}

// A Federation says which assertions of another issuer authenticate a client.
type Federation struct {
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	Audience string `json:"audience"`
	JWKSURI  string `json:"jwksUri" jsonschema:"format=uri"`
	// When it was set.
	Since *time.Time `json:"since"`
}

// NewClientKeys are the public keys of a client.
type NewClientKeys struct {
	// A JWK Set (RFC 7517) of at most 10 public keys, RSA or P-256, and 16 KB. Private keys
	// are refused.
	JWKS map[string]any `json:"jwks"`
}

// ClientKeys are the public keys of a client.
type ClientKeys struct {
	JWKS map[string]any `json:"jwks"`
	// When they were set.
	Since *time.Time `json:"since"`
}

// LiveSecrets returns how many secrets of the client work, and when the last of them expires.
func (c Client) LiveSecrets() (n int, last *time.Time) {
	for _, s := range c.Secrets {
		if s.State != "live" {
			continue
		}
		n++
		if last == nil || s.ExpiresAt != nil && s.ExpiresAt.After(*last) {
			last = s.ExpiresAt
		}
	}
	return n, last
}

// Methods says in words how the client authenticates, for example "2 secrets" and "keys".
func (c Client) Methods() (by []string) {
	if n, _ := c.LiveSecrets(); n > 0 {
		by = append(by, amount.Count(int64(n), "secret"))
	}
	if c.Federation != nil {
		by = append(by, "federation")
	}
	if c.Keys != nil {
		by = append(by, "keys")
	}
	return by
}

// Names returns the ids of the keys, with their types where they have none.
func (k ClientKeys) Names() []string {
	keys, _ := k.JWKS["keys"].([]any)
	names := make([]string, len(keys))
	for i, key := range keys {
		members, _ := key.(map[string]any)
		kind, _ := members["kty"].(string)
		if names[i], _ = members["kid"].(string); names[i] == "" {
			names[i] = kind + " without an id"
		}
	}
	return names
}

// PrivateMember returns the name of a member of a JSON Web Key that only its owner may know, ""
// if the key has none. RFC 7518 §6
func PrivateMember(key map[string]any) string {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, ok := key[name]; ok {
			return name
		}
	}
	return ""
}
