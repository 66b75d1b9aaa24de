package assertion

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// Leeway is by how much the clock of the sender may differ.
	Leeway = time.Minute
	// MaxLife is how long an assertion may be valid. Entra's tokens live for an hour, and
	// those of managed identities for 24 hours.
	MaxLife = 24 * time.Hour
	// backdated is how much before its issue an issuer may date an assertion: Entra does so by
	// five minutes.
	backdated = 5 * time.Minute
)

// minRSA is the smallest RSA key in bits. Keys of more than 4096 bits, which would only cost
// time, are not decoded by go-jose.
const minRSA = 2048

// Expected is what an assertion must say, exactly.
type Expected struct {
	Issuer, Subject string
	// Audiences are accepted each. One of them must be among the audiences of the assertion.
	Audiences []string
}

// A Verified is an assertion that proves the expected client.
type Verified struct {
	Issuer string
	// ID is the jti of the assertion or, if it has none, a hash of what is signed. HasID
	// reports which: an issuer that gives no ids may hand out the same token again.
	ID    string
	HasID bool
	// Until is when the assertion can no longer be used: until then, its use is remembered.
	Until time.Time
}

// Keys has the public keys that may have signed an assertion.
type Keys interface {
	// Keys returns all keys. kid is the id that the assertion names, "" for none: keys that
	// lack it are read again, where they are read from elsewhere. Its errors are *Error.
	Keys(ctx context.Context, kid string) ([]jose.JSONWebKey, error)
}

// Verify returns what an assertion proves. Any error is an *Error with the reason.
//
// The claims are compared before the keys are asked for, so that only an assertion of the
// expected issuer, subject and audience can cause a request to it; none of them is a secret.
func Verify(ctx context.Context, text string, want Expected, keys Keys, now time.Time) (Verified, error) {
	p, err := parse(text)
	if err != nil {
		return Verified{}, err
	}
	if err := p.header.check(); err != nil {
		return Verified{}, err
	}
	if err := p.payload.check(want); err != nil {
		return Verified{}, err
	}
	if err := p.payload.checkTime(now); err != nil {
		return Verified{}, err
	}
	all, err := keys.Keys(ctx, p.header.KeyID)
	if err != nil {
		return Verified{}, err
	}
	if err := p.verify(text, all); err != nil {
		return Verified{}, err
	}
	v := Verified{Issuer: want.Issuer, ID: p.payload.ID, HasID: p.payload.ID != "", Until: p.payload.Expires.Add(Leeway)}
	if !v.HasID {
		// Without the signature, of which ES256 has two for one text.
		sum := sha256.Sum256([]byte(p.signed))
		v.ID = "sha-256:" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return v, nil
}

// verify checks the signature with the key that the header names.
func (p parsed) verify(text string, keys []jose.JSONWebKey) error {
	key, err := p.header.choose(keys)
	if err != nil {
		return err
	}
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(p.header.Algorithm)})
	if err != nil {
		return refused(Malformed, "not a signed token")
	}
	if _, err := signed.Verify(key.Key); err != nil {
		return refused(Signature, "the signature is not that of the key")
	}
	return nil
}

// check refuses headers with another algorithm, with a key of their own, or with something that
// must be understood. RFC 7515 §4.1
func (h header) check() error {
	switch {
	case h.Algorithm != rs256 && h.Algorithm != es256:
		return refused(Algorithm, "the algorithm is neither RS256 nor ES256")
	case h.JWK != nil, h.JKU != nil, h.X5U != nil:
		return refused(Header, "the header has a key or the address of one")
	case h.Critical != nil, h.Unencoded != nil, h.Zip != nil:
		return refused(Header, "the header has an extension")
	}
	return nil
}

// check compares the claims that say who the client is. RFC 7523 §3
func (p payload) check(want Expected) error {
	switch {
	case p.Issuer == nil || p.Subject == nil || len(p.Audience) == 0 || p.Expires == nil:
		return refused(Malformed, "iss, sub, aud or exp is missing")
	case *p.Issuer != want.Issuer || want.Issuer == "":
		return refused(Issuer, "another issuer")
	case *p.Subject != want.Subject || want.Subject == "":
		return refused(Subject, "another subject")
	case !slices.ContainsFunc(p.Audience, func(a string) bool { return a != "" && slices.Contains(want.Audiences, a) }):
		return refused(Audience, "another audience")
	}
	return nil
}

// checkTime compares the times with the clock.
func (p payload) checkTime(now time.Time) error {
	begins := now
	for _, at := range []*timestamp{p.Issued, p.Begins} {
		if at == nil {
			continue
		}
		if at.After(now.Add(Leeway)) {
			return refused(Early, "iat or nbf is in the future")
		}
		if at.Before(begins) {
			begins = at.Time
		}
	}
	switch {
	case !now.Before(p.Expires.Add(Leeway)):
		return refused(Expired, "exp has passed")
	case p.Expires.Sub(begins) > MaxLife+backdated+Leeway:
		return refused(Life, "valid for longer than 24 hours")
	}
	return nil
}

// choose returns the key that the header names. Without a name there must be one key alone for the
// algorithm.
func (h header) choose(keys []jose.JSONWebKey) (jose.JSONWebKey, error) {
	named := slices.DeleteFunc(slices.Clone(keys), func(k jose.JSONWebKey) bool {
		return algorithmOf(k) != h.Algorithm || h.KeyID != "" && k.KeyID != h.KeyID
	})
	fit := slices.DeleteFunc(slices.Clone(named), func(k jose.JSONWebKey) bool { return fault(k) != "" })
	switch {
	case len(named) == 0:
		return jose.JSONWebKey{}, refused(UnknownKey, "no key of the algorithm has this kid")
	case len(fit) == 0:
		return jose.JSONWebKey{}, refused(WeakKey, fault(named[0]))
	case len(fit) > 1 && h.KeyID == "":
		return jose.JSONWebKey{}, refused(UnknownKey, "several keys, and no kid to choose one")
	case len(fit) > 1:
		return jose.JSONWebKey{}, refused(BadKeys, "several keys with the same kid")
	}
	return fit[0], nil
}

// algorithmOf returns the algorithm of a key's kind, "" for any other kind.
func algorithmOf(k jose.JSONWebKey) string {
	switch k.Key.(type) {
	case *rsa.PublicKey:
		return rs256
	case *ecdsa.PublicKey:
		return es256
	}
	return ""
}

// fault says why a key verifies no assertion, "" if it does. RFC 7517 §4.2, §4.4
func fault(k jose.JSONWebKey) string {
	if k.Use != "" && k.Use != "sig" {
		return "the use of the key is not sig"
	}
	if k.Algorithm != "" && k.Algorithm != algorithmOf(k) {
		return "the key is for another algorithm"
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSA {
			return "the RSA key has less than 2048 bits"
		}
		if key.E < 3 || key.E&1 == 0 {
			return "the exponent of the RSA key is not valid"
		}
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return "the curve of the key is not P-256"
		}
	default:
		return "neither an RSA key nor one on P-256"
	}
	return ""
}

// Audiences returns the audiences that a configured one stands for. Entra shows that of a
// workload identity as api://ID/.default, and its tokens have api://ID or, by the version of the
// app's tokens, ID alone. All three name the same app.
func Audiences(configured string) []string {
	app, _ := strings.CutSuffix(configured, "/.default")
	all := []string{configured}
	if app != configured {
		all = append(all, app)
	}
	if id, ok := strings.CutPrefix(app, "api://"); ok && isGUID(id) {
		all = append(all, id)
	}
	return all
}

// isGUID reports whether a text is an id of Entra: 32 hexadecimal digits in five groups.
func isGUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range []byte(text) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)):
			return false
		}
	}
	return true
}
