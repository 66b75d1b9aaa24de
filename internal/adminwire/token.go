package adminwire

import "time"

// NewToken has the choices for a new token.
type NewToken struct {
	Label string `json:"label,omitzero" jsonschema:"nullable,maxLength=100"`
	// When the token expires; a token without it never does.
	ExpiresAt *time.Time `json:"expiresAt,omitzero" jsonschema:"nullable"`
}

// A Token is a token of an identity provider, without its text.
type Token struct {
	ID         string     `json:"id"`
	Label      string     `json:"label"`
	LastFour   string     `json:"lastFour"`
	State      string     `json:"state" jsonschema:"enum=live,enum=revoked,enum=expired"`
	CreatedAt  *time.Time `json:"createdAt"`
	ExpiresAt  *time.Time `json:"expiresAt" jsonschema:"nullable"`
	LastUsedAt *time.Time `json:"lastUsedAt" jsonschema:"nullable"`
	RevokedAt  *time.Time `json:"revokedAt" jsonschema:"nullable"`
	// The token that this one replaces, in a rotation.
	Replaces string `json:"replaces,omitzero"`
	// The token that replaces this one, in a rotation.
	ReplacedBy string `json:"replacedBy,omitzero"`
}

// A MintedToken is a token that was just created, with its text.
type MintedToken struct {
	Token
	// The text of the token, which is returned only this once.
	Text string `json:"token"`
}

// Tokens are all tokens of a tenant.
type Tokens struct {
	Tokens []Token `json:"tokens"`
}
