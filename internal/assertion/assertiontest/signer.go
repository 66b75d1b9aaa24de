// Package assertiontest signs client assertions for tests: good ones, and the hostile ones of a
// table, each with the reason for which it is refused.
package assertiontest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A Header is the first part of an assertion. A nil value leaves a member out.
type Header map[string]any

// Claims are the second part of an assertion. A nil value leaves a member out.
type Claims map[string]any

// keys are the pairs of keys, which are made once.
var keys = sync.OnceValue(func() (k struct {
	rsa, otherRSA, weakRSA *rsa.PrivateKey
	p256, otherP256, p384  *ecdsa.PrivateKey
},
) {
	k.rsa, k.otherRSA, k.weakRSA = newRSA(2048), newRSA(2048), newRSA(1024)
	k.p256, k.otherP256, k.p384 = newEC(elliptic.P256()), newEC(elliptic.P256()), newEC(elliptic.P384())
	return k
})

func newRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func newEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// The ids of the keys that JWKS returns. That of weak is too short, of encrypting has the use enc,
// of wide is on P-384, and of other is for RS512.
const (
	RSA        = "rsa"
	EC         = "ec"
	weak       = "weak"
	encrypting = "encrypting"
	wide       = "wide"
	other      = "other"
	twice      = "twice"
)

// JWKS returns the public keys of a Signer as a JSON Web Key Set.
func JWKS() string { return set(jwk(RSA, &keys().rsa.PublicKey), jwk(EC, &keys().p256.PublicKey)) }

// hostileJWKS also has keys that verify nothing.
func hostileJWKS() string {
	enc, rs512 := jwk(encrypting, &keys().rsa.PublicKey), jwk(other, &keys().rsa.PublicKey)
	enc.Use, rs512.Algorithm = "enc", "RS512"
	return set(
		jwk(RSA, &keys().rsa.PublicKey), jwk(EC, &keys().p256.PublicKey), jwk(weak, &keys().weakRSA.PublicKey), enc, rs512,
		jwk(wide, &keys().p384.PublicKey), jwk(twice, &keys().rsa.PublicKey), jwk(twice, &keys().otherRSA.PublicKey),
	)
}

// JWKSOf returns a set with one of the keys alone, without an id.
func JWKSOf(kid string) string {
	if kid == RSA {
		return set(jwk("", &keys().rsa.PublicKey))
	}
	return set(jwk("", &keys().p256.PublicKey))
}

func jwk(kid string, key any) jose.JSONWebKey { return jose.JSONWebKey{Key: key, KeyID: kid} }

func set(all ...jose.JSONWebKey) string {
	b, err := json.Marshal(jose.JSONWebKeySet{Keys: all})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A Signer signs assertions of one client.
type Signer struct {
	Issuer, Subject, Audience string
	Now                       time.Time
}

// Claims are those of a good assertion of five minutes, with others added or replaced.
func (s Signer) Claims(others Claims) Claims {
	c := Claims{
		"iss": s.Issuer, "sub": s.Subject, "aud": s.Audience, "jti": rand.Text(),
		"iat": s.Now.Unix(), "nbf": s.Now.Unix(), "exp": s.Now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(c, others)
	return c
}

// Sign returns an assertion with the client's RSA key.
func (s Signer) Sign(others Claims) string {
	return Sign(Header{"alg": "RS256", "kid": RSA, "typ": "JWT"}, s.Claims(others), keys().rsa)
}

// SignES256 returns an assertion with the client's EC key.
func (s Signer) SignES256(others Claims) string {
	return Sign(Header{"alg": "ES256", "kid": EC, "typ": "JWT"}, s.Claims(others), keys().p256)
}

// Sign signs header and claims as they are, by the kind of the key alone: what the header says
// does not matter.
func Sign(h Header, c Claims, key any) string { return sign(encode(h)+"."+encode(c), key) }

// encode encodes a part without the members that are nil.
func encode(part any) string {
	members := map[string]any{}
	switch part := part.(type) {
	case Header:
		maps.Copy(members, part)
	case Claims:
		maps.Copy(members, part)
	}
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == nil })
	b, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return raw(string(b))
}

func raw(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func sign(text string, key any) string {
	digest := sha256.Sum256([]byte(text))
	var signature []byte
	switch key := key.(type) {
	case *rsa.PrivateKey:
		var err error
		if signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
			panic(err)
		}
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			panic(err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		signature = append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case []byte:
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		signature = mac.Sum(nil)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// publicDER is the public RSA key in the form in which attackers use it as a secret.
func publicDER() []byte {
	der, err := x509.MarshalPKIXPublicKey(&keys().rsa.PublicKey)
	if err != nil {
		panic(err)
	}
	return der
}

// WithoutKeyID returns an assertion whose header has no kid.
func WithoutKeyID(s Signer) string { return Sign(Header{"alg": "RS256"}, s.Claims(nil), keys().rsa) }

// OtherSignature returns an ES256 assertion with the other signature that is valid for the same
// text and key.
func OtherSignature(text string) string {
	at := strings.LastIndexByte(text, '.')
	signature, err := base64.RawURLEncoding.DecodeString(text[at+1:])
	if err != nil {
		panic(err)
	}
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s)
	return text[:at+1] + base64.RawURLEncoding.EncodeToString(append(signature[:32:32], s.FillBytes(make([]byte, 32))...))
}
