package adminapi

import (
	"crypto/ecdh"
	"encoding/base64"
	"fmt"
	"math/bits"

	"github.com/go-json-experiment/json"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/assertion"
)

// The bounds of a client's keys. A request for a token reads all of them.
const (
	maxKeys     = 10
	maxJWKS     = 16 << 10
	leastRSA    = 2048
	longestRSA  = 4096 // the longest that the library verifies with
	maxKeyID    = 200
	sizeOfP256  = 32
	uncompacted = 4 // begins the encoding of a point of a curve with both coordinates
)

// checkJWKS returns the text of a JWK Set to store, and refuses one with anything but public
// keys for RS256 and ES256. No error quotes a value of a key. RFC 7517 §5
func checkJWKS(set map[string]any) (string, error) {
	wrong := func(format string, args ...any) error {
		return &problem{kind: kindInvalid, detail: "jwks: " + fmt.Sprintf(format, args...)}
	}
	keys, ok := set["keys"].([]any)
	if !ok || len(keys) == 0 {
		return "", wrong(`send a JWK Set, {"keys": [...]}, with at least one public key.`)
	}
	if len(keys) > maxKeys {
		return "", wrong("%d keys, and a client can have at most %d.", len(keys), maxKeys)
	}
	seen := map[string]bool{}
	for i, sent := range keys {
		key, ok := sent.(map[string]any)
		if !ok {
			return "", wrong("key %d is not a JSON object.", i+1)
		}
		if why := checkJWK(key); why != "" {
			return "", wrong("key %d %s", i+1, why)
		}
		id, _ := key["kid"].(string)
		if seen[id] {
			return "", wrong("key %d has the kid of an earlier one, or none: of several keys, each needs its own.", i+1)
		}
		seen[id] = true
	}
	text, err := json.Marshal(map[string]any{"keys": keys}, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	if len(text) > maxJWKS {
		return "", wrong("the set is larger than %d bytes.", maxJWKS)
	}
	return string(text), nil
}

// checkJWK returns what is wrong with a key, "" for nothing.
func checkJWK(key map[string]any) string {
	if name := adminwire.PrivateMember(key); name != "" {
		return "is a private or secret key (" + name + "); nothing was changed. Send public keys only, and replace this one: it is known to others now."
	}
	text := func(name string) string {
		value, _ := key[name].(string)
		return value
	}
	if id, ok := key["kid"]; ok && (text("kid") == "" || !isLine(text("kid"), maxKeyID)) {
		return fmt.Sprintf("has a kid that is not one line of text of 1 to %d bytes (%T).", maxKeyID, id)
	}
	if use, ok := key["use"]; ok && use != "sig" {
		return "is not for signatures (use)."
	}
	algorithm := map[string]string{"RSA": "RS256", "EC": "ES256"}[text("kty")]
	switch {
	case algorithm == "":
		return "has a kty other than RSA and EC."
	case key["alg"] != nil && text("alg") != algorithm:
		return "has another alg than " + algorithm + ", the one of its kty that is accepted."
	case algorithm == "RS256" && !isRSA(text("n"), text("e")):
		return fmt.Sprintf("is not an RSA key of %d to %d bits: n and e are base64url numbers.", leastRSA, longestRSA)
	case algorithm == "ES256" && (text("crv") != "P-256" || !isP256(text("x"), text("y"))):
		return "is not a key of the curve P-256: x and y are its coordinates, 32 bytes each as base64url."
	}
	return ""
}

// isRSA reports whether a modulus and an exponent can be those of an RSA key. RFC 7518 §6.3.1
func isRSA(modulus, exponent string) bool {
	n, err := base64.RawURLEncoding.DecodeString(modulus)
	if err != nil || len(n) == 0 || n[0] == 0 || n[len(n)-1]%2 == 0 {
		return false
	}
	size := 8*(len(n)-1) + bits.Len8(n[0])
	e, err := base64.RawURLEncoding.DecodeString(exponent)
	return err == nil && size >= leastRSA && size <= longestRSA && len(e) > 0 && len(e) <= 4 && e[len(e)-1]%2 == 1 && (len(e) > 1 || e[0] > 1)
}

// isP256 reports whether coordinates are those of a point of P-256. RFC 7518 §6.2.1
func isP256(x, y string) bool {
	point := []byte{uncompacted}
	for _, text := range []string{x, y} {
		coordinate, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil || len(coordinate) != sizeOfP256 {
			return false
		}
		point = append(point, coordinate...)
	}
	_, err := ecdh.P256().NewPublicKey(point)
	return err == nil
}

// checkJWKSURI refuses an address of keys that the deployment does not fetch.
func (s *Service) checkJWKSURI(uri string) error {
	if fault := assertion.NewHosts(s.JWKSHosts, s.LoopbackWebhooks).Fault(uri); fault != "" {
		return &problem{kind: kindInvalid, detail: "jwksUri " + fault}
	}
	return nil
}
