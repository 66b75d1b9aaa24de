package assertiontest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/assertion"
)

// A Case is a hostile assertion.
type Case struct {
	Name   string
	Reason assertion.Reason
	Make   func(s Signer) string
}

// HostileJWKS are the keys of the client that the hostile assertions pretend to be.
func HostileJWKS() string { return hostileJWKS() }

// Hostile are hostile assertions, each with the reason for which it is refused.
var Hostile = joined(badForms, badAlgorithms, badHeaders, badKeys, badSignatures, badClaims, badTimes)

func joined(tables ...[]Case) (all []Case) {
	for _, t := range tables {
		all = append(all, t...)
	}
	return all
}

// parts returns a good assertion cut at its dots.
func (s Signer) parts() (header, claims, signature string) {
	p := strings.Split(s.Sign(nil), ".")
	return p[0], p[1], p[2]
}

// text returns a malformed case of a header and claims that are texts, signed by the client's key.
func text(name string, header, claims func(s Signer) string) Case {
	return Case{name, assertion.Malformed, func(s Signer) string {
		h, c, _ := s.parts()
		if header != nil {
			h = raw(header(s))
		}
		if claims != nil {
			c = raw(claims(s))
		}
		return sign(h+"."+c, keys().rsa)
	}}
}

// claim returns a case with other claims, signed by the client's key.
func claim(name string, r assertion.Reason, others func(s Signer) Claims) Case {
	return Case{name, r, func(s Signer) string { return s.Sign(others(s)) }}
}

// head returns a case with another header, signed by a key of the client.
func head(name string, r assertion.Reason, h func() Header, key func() any) Case {
	return Case{name, r, func(s Signer) string { return Sign(h(), s.Claims(nil), key()) }}
}

func ours() any { return keys().rsa }

// constant returns a function that returns a text.
func constant(text string) func(Signer) string { return func(Signer) string { return text } }

// seconds returns a claim of a time relative to now.
func seconds(name string, d time.Duration) func(Signer) Claims {
	return func(s Signer) Claims { return Claims{name: s.Now.Add(d).Unix()} }
}

var badForms = []Case{
	{"an empty text", assertion.Malformed, constant("")},
	{"two parts, without a signature", assertion.Malformed, func(s Signer) string { h, c, _ := s.parts(); return h + "." + c }},
	{"four parts", assertion.Malformed, func(s Signer) string { return s.Sign(nil) + ".x" }},
	{"five parts, as an encrypted token has", assertion.Malformed, func(s Signer) string { return s.Sign(nil) + ".x.x" }},
	{"an empty header", assertion.Malformed, func(s Signer) string { _, c, sig := s.parts(); return "." + c + "." + sig }},
	{"a header that is not base64url", assertion.Malformed, func(s Signer) string { _, c, sig := s.parts(); return "e+/=." + c + "." + sig }},
	{"a padded header", assertion.Malformed, func(s Signer) string { h, c, sig := s.parts(); return h + "=." + c + "." + sig }},
	{"a line break in the claims", assertion.Malformed, func(s Signer) string { h, c, sig := s.parts(); return h + "." + c[:8] + "\n" + c[8:] + "." + sig }},
	{"a space before the assertion", assertion.Malformed, func(s Signer) string { return " " + s.Sign(nil) }},
	{"the JSON form of a signed token", assertion.Malformed, func(s Signer) string {
		h, c, sig := s.parts()
		return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, h, c, sig)
	}},
	{"more than 16 KB", assertion.Size, func(s Signer) string { return s.Sign(Claims{"x": strings.Repeat("a", assertion.MaxSize)}) }},
	text("a header that is a list", constant(`["RS256"]`), nil),
	text("a header with alg twice", constant(`{"alg":"RS256","kid":"rsa","alg":"none"}`), nil),
	text("a header with an alg that is a list", constant(`{"alg":["RS256","none"]}`), nil),
	text("a header with a kid that is a number", constant(`{"alg":"RS256","kid":1}`), nil),
	text("a header with more after it", constant(`{"alg":"RS256"}{"alg":"none"}`), nil),
	text("claims that are null", nil, constant(`null`)),
	text("claims that are a list", nil, constant(`[]`)),
	text("claims that are deeply nested", nil, constant(strings.Repeat("[", 5000))),
	text("claims that are not UTF-8", nil, constant("{\"iss\":\"\xff\"}")),
	text("claims with sub twice", nil, func(s Signer) string {
		return fmt.Sprintf(`{"iss":%q,"sub":"other","sub":%q,"aud":%q,"exp":%d}`, s.Issuer, s.Subject, s.Audience, s.Now.Unix()+60)
	}),
	text("claims in capitals", nil, func(s Signer) string {
		return fmt.Sprintf(`{"ISS":%q,"SUB":%q,"AUD":%q,"EXP":%d}`, s.Issuer, s.Subject, s.Audience, s.Now.Unix()+60)
	}),
}

var badAlgorithms = []Case{
	{"alg none, without a signature", assertion.Algorithm, func(s Signer) string {
		return encode(Header{"alg": "none"}) + "." + encode(s.Claims(nil)) + "."
	}},
	head("alg None", assertion.Algorithm, func() Header { return Header{"alg": "None", "kid": RSA} }, ours),
	head("no alg", assertion.Algorithm, func() Header { return Header{"kid": RSA} }, ours),
	head("alg in small letters", assertion.Algorithm, func() Header { return Header{"alg": "rs256", "kid": RSA} }, ours),
	head("HS256 with the public key as the secret", assertion.Algorithm, func() Header { return Header{"alg": "HS256", "kid": RSA} }, func() any { return publicDER() }),
	head("HS256 with the text of the key set as the secret", assertion.Algorithm, func() Header { return Header{"alg": "HS256", "kid": RSA} }, func() any { return []byte(hostileJWKS()) }),
	head("RS512", assertion.Algorithm, func() Header { return Header{"alg": "RS512", "kid": RSA} }, ours),
	head("PS256", assertion.Algorithm, func() Header { return Header{"alg": "PS256", "kid": RSA} }, ours),
	head("ES384", assertion.Algorithm, func() Header { return Header{"alg": "ES384", "kid": wide} }, func() any { return keys().p384 }),
	head("EdDSA", assertion.Algorithm, func() Header { return Header{"alg": "EdDSA", "kid": EC} }, ours),
}

var badHeaders = []Case{
	head("a key of its own in the header (jwk)", assertion.Header, func() Header {
		return Header{"alg": "RS256", "jwk": jwk("", &keys().otherRSA.PublicKey)}
	}, func() any { return keys().otherRSA }),
	head("the address of a key set (jku)", assertion.Header, func() Header {
		return Header{"alg": "RS256", "kid": RSA, "jku": "https://attacker.example/keys"}
	}, ours),
	head("the address of a certificate (x5u)", assertion.Header, func() Header {
		return Header{"alg": "RS256", "kid": RSA, "x5u": "https://attacker.example/cert"}
	}, ours),
	head("a critical extension (crit)", assertion.Header, func() Header {
		return Header{"alg": "RS256", "kid": RSA, "crit": []string{"exp"}, "exp": 1}
	}, ours),
	head("an empty list of critical extensions", assertion.Header, func() Header { return Header{"alg": "RS256", "kid": RSA, "crit": []string{}} }, ours),
	head("claims that are not encoded (b64)", assertion.Header, func() Header { return Header{"alg": "RS256", "kid": RSA, "b64": false} }, ours),
	head("compressed claims (zip)", assertion.Header, func() Header { return Header{"alg": "RS256", "kid": RSA, "zip": "DEF"} }, ours),
}

var badKeys = []Case{
	head("an unknown kid", assertion.UnknownKey, func() Header { return Header{"alg": "RS256", "kid": "unknown"} }, ours),
	head("a kid that is a path", assertion.UnknownKey, func() Header { return Header{"alg": "RS256", "kid": "../../../../dev/null"} }, ours),
	head("a kid that is a query", assertion.UnknownKey, func() Header { return Header{"alg": "RS256", "kid": "x' UNION SELECT 'key"} }, ours),
	head("no kid, and several keys", assertion.UnknownKey, func() Header { return Header{"alg": "RS256"} }, ours),
	head("the kid of an EC key with RS256", assertion.UnknownKey, func() Header { return Header{"alg": "RS256", "kid": EC} }, ours),
	head("the kid of an RSA key with ES256", assertion.UnknownKey, func() Header { return Header{"alg": "ES256", "kid": RSA} }, func() any { return keys().p256 }),
	head("a kid that two keys have", assertion.BadKeys, func() Header { return Header{"alg": "RS256", "kid": twice} }, ours),
	head("an RSA key of 1024 bits", assertion.WeakKey, func() Header { return Header{"alg": "RS256", "kid": weak} }, func() any { return keys().weakRSA }),
	head("a key on P-384 with ES256", assertion.WeakKey, func() Header { return Header{"alg": "ES256", "kid": wide} }, func() any { return keys().p384 }),
	head("a key for encryption", assertion.WeakKey, func() Header { return Header{"alg": "RS256", "kid": encrypting} }, ours),
	head("a key for RS512", assertion.WeakKey, func() Header { return Header{"alg": "RS256", "kid": other} }, ours),
}

var badSignatures = []Case{
	{"an empty signature", assertion.Signature, func(s Signer) string { h, c, _ := s.parts(); return h + "." + c + "." }},
	{"a signature that is not base64url", assertion.Malformed, func(s Signer) string { h, c, _ := s.parts(); return h + "." + c + ".%%%" }},
	{"a signature cut off", assertion.Signature, func(s Signer) string { t := s.Sign(nil); return t[:len(t)-4] }},
	{"the signature of another assertion", assertion.Signature, func(s Signer) string {
		h, c, _ := s.parts()
		_, _, other := s.parts()
		return h + "." + c + "." + other
	}},
	{"claims that were changed", assertion.Signature, func(s Signer) string {
		h, _, sig := s.parts()
		return h + "." + encode(s.Claims(nil)) + "." + sig
	}},
	head("another key with the kid of the client", assertion.Signature, func() Header { return Header{"alg": "RS256", "kid": RSA} }, func() any { return keys().otherRSA }),
	head("another EC key with the kid of the client", assertion.Signature, func() Header { return Header{"alg": "ES256", "kid": EC} }, func() any { return keys().otherP256 }),
	{"an ES256 signature of zeros", assertion.Signature, func(s Signer) string {
		return encode(Header{"alg": "ES256", "kid": EC}) + "." + encode(s.Claims(nil)) + "." + raw(strings.Repeat("\x00", 64))
	}},
	{"an ES256 signature in DER", assertion.Signature, func(s Signer) string {
		signed := encode(Header{"alg": "ES256", "kid": EC}) + "." + encode(s.Claims(nil))
		digest := sha256.Sum256([]byte(signed))
		der, err := ecdsa.SignASN1(rand.Reader, keys().p256, digest[:])
		if err != nil {
			panic(err)
		}
		return signed + "." + base64.RawURLEncoding.EncodeToString(der)
	}},
}

var badClaims = []Case{
	claim("no iss", assertion.Malformed, func(Signer) Claims { return Claims{"iss": nil} }),
	claim("an iss that is a list", assertion.Malformed, func(s Signer) Claims { return Claims{"iss": []string{s.Issuer}} }),
	claim("another issuer", assertion.Issuer, func(Signer) Claims { return Claims{"iss": "https://attacker.example/"} }),
	claim("an issuer with a slash more", assertion.Issuer, func(s Signer) Claims { return Claims{"iss": s.Issuer + "/"} }),
	claim("an issuer in capitals", assertion.Issuer, func(s Signer) Claims { return Claims{"iss": strings.ToUpper(s.Issuer)} }),
	claim("an issuer that begins as the expected one", assertion.Issuer, func(s Signer) Claims { return Claims{"iss": s.Issuer + ".attacker.example"} }),
	claim("an empty issuer", assertion.Issuer, func(Signer) Claims { return Claims{"iss": ""} }),
	claim("no sub", assertion.Malformed, func(Signer) Claims { return Claims{"sub": nil} }),
	claim("another subject", assertion.Subject, func(Signer) Claims { return Claims{"sub": "another app"} }),
	claim("a subject in capitals", assertion.Subject, func(s Signer) Claims { return Claims{"sub": strings.ToUpper(s.Subject)} }),
	claim("a subject with a space", assertion.Subject, func(s Signer) Claims { return Claims{"sub": s.Subject + " "} }),
	claim("no aud", assertion.Malformed, func(Signer) Claims { return Claims{"aud": nil} }),
	claim("an empty list of audiences", assertion.Malformed, func(Signer) Claims { return Claims{"aud": []string{}} }),
	claim("a list of audiences with a number", assertion.Malformed, func(s Signer) Claims { return Claims{"aud": []any{s.Audience, 1}} }),
	claim("another audience", assertion.Audience, func(Signer) Claims { return Claims{"aud": "https://other.example/token"} }),
	claim("a list of other audiences", assertion.Audience, func(s Signer) Claims { return Claims{"aud": []string{"a", s.Audience + "/"}} }),
	claim("an audience that begins as the expected one", assertion.Audience, func(s Signer) Claims { return Claims{"aud": s.Audience + ".attacker.example"} }),
	claim("an empty audience", assertion.Audience, func(Signer) Claims { return Claims{"aud": ""} }),
	claim("a jti that is a list", assertion.Malformed, func(Signer) Claims { return Claims{"jti": []string{"x"}} }),
}

var badTimes = []Case{
	claim("no exp", assertion.Malformed, func(Signer) Claims { return Claims{"exp": nil} }),
	claim("an exp that is a text", assertion.Malformed, func(Signer) Claims { return Claims{"exp": "2999-01-01T00:00:00Z"} }),
	claim("a negative exp", assertion.Malformed, func(Signer) Claims { return Claims{"exp": -1} }),
	claim("an exp beyond any calendar", assertion.Malformed, func(Signer) Claims { return Claims{"exp": 1e300} }),
	claim("expired a minute ago", assertion.Expired, seconds("exp", -assertion.Leeway)),
	claim("expired a year ago", assertion.Expired, func(s Signer) Claims {
		return Claims{"exp": s.Now.AddDate(-1, 0, 0).Unix(), "iat": nil, "nbf": nil}
	}),
	claim("nbf in two minutes", assertion.Early, seconds("nbf", 2*time.Minute)),
	claim("iat in two minutes", assertion.Early, seconds("iat", 2*time.Minute)),
	claim("valid for 25 hours", assertion.Life, seconds("exp", 25*time.Hour)),
	claim("valid for ten years", assertion.Life, seconds("exp", 10*365*24*time.Hour)),
	claim("valid for ten years, without iat and nbf", assertion.Life, func(s Signer) Claims {
		return Claims{"exp": s.Now.AddDate(10, 0, 0).Unix(), "iat": nil, "nbf": nil}
	}),
	claim("issued a year ago, for one more hour", assertion.Life, func(s Signer) Claims {
		return Claims{"iat": s.Now.AddDate(-1, 0, 0).Unix(), "nbf": nil, "exp": s.Now.Add(time.Hour).Unix()}
	}),
}

// Document returns docs/reference/hostile-assertions.md: the table of hostile assertions.
func Document() []byte {
	var b strings.Builder
	b.WriteString(`# Hostile assertions

<!-- Generated from internal/assertion/assertiontest by go generate; not to be edited. -->

The client assertions that a test sends, and the reason for which each is refused.
The reason is the remedy of the cause [` + "`assertion_refused`" + `](causes.md#assertion_refused) in the tenant's log; the answer of the
token endpoint does not name it, because the caller has proven nothing.
Each assertion is otherwise a good one: signed by a key of the client, for the expected issuer, subject and
audience, and for five minutes.

| assertion | reason |
|---|---|
`)
	for _, c := range Hostile {
		fmt.Fprintf(&b, "| %s | `%s` |\n", c.Name, c.Reason)
	}
	return []byte(b.String())
}
