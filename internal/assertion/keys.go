package assertion

import (
	"context"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The limits of a set of keys. Microsoft publishes about ten keys in 20 KB.
const (
	// MaxSet is the largest set in bytes.
	MaxSet = 64 << 10
	// MaxKeys is how many keys a set may have.
	MaxKeys = 50
)

// A member is what is read of a key in a set. Certificates are left out: they prove nothing here,
// and one that cannot be decoded would make a good key unusable.
type member struct {
	Kind      string `json:"kty"`
	KeyID     string `json:"kid,omitempty"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
}

// ParseKeys returns the RSA and EC keys of a JSON Web Key Set. Other keys are left out, and so are
// those that are not valid: one bad key of an identity provider does not make the others
// unusable. Its error is an *Error. RFC 7517 §5
func ParseKeys(set []byte) ([]jose.JSONWebKey, error) {
	if len(set) > MaxSet {
		return nil, refused(BadKeys, "the set is longer than 64 KB")
	}
	var document struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(set, &document); err != nil {
		return nil, refused(BadKeys, "not a JSON Web Key Set")
	}
	if len(document.Keys) > MaxKeys {
		return nil, refused(BadKeys, "the set has more than 50 keys")
	}
	var keys []jose.JSONWebKey
	for _, raw := range document.Keys {
		if key, ok := parseKey(raw); ok {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, refused(BadKeys, "the set has no valid RSA or EC key")
	}
	return keys, nil
}

// maxNumber is the longest modulus of an RSA key as base64url: more than one of 4096 bits has.
const maxNumber = 2 << 10

func parseKey(raw jsontext.Value) (key jose.JSONWebKey, ok bool) {
	var m member
	if json.Unmarshal(raw, &m) != nil || m.Kind != "RSA" && m.Kind != "EC" || len(m.N) > maxNumber {
		return key, false
	}
	public, err := json.Marshal(m)
	if err != nil || key.UnmarshalJSON(public) != nil {
		return key, false
	}
	return key, algorithmOf(key) != ""
}

// StaticKeys are the keys of a set that is stored with a client.
type StaticKeys string

// Keys returns the keys of the set.
func (s StaticKeys) Keys(context.Context, string) ([]jose.JSONWebKey, error) {
	return ParseKeys([]byte(s))
}
