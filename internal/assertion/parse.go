package assertion

import (
	"encoding/base64"
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxSize is the largest assertion in bytes. One of Entra has about 2 KB. It is checked before
// anything is decoded.
const MaxSize = 16 << 10

// The algorithms.
const (
	rs256 = "RS256"
	es256 = "ES256"
)

// alphabet are the characters of an assertion. RFC 7515 §7.1
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// A header is what the header of an assertion says. What would name a key other than one that is
// known already is only looked for.
type header struct {
	Algorithm string         `json:"alg"`
	KeyID     string         `json:"kid"`
	JWK       jsontext.Value `json:"jwk"`
	JKU       jsontext.Value `json:"jku"`
	X5U       jsontext.Value `json:"x5u"`
	Critical  jsontext.Value `json:"crit"`
	Unencoded jsontext.Value `json:"b64"`
	Zip       jsontext.Value `json:"zip"`
}

// A payload has the claims that are read.
type payload struct {
	Issuer   *string    `json:"iss"`
	Subject  *string    `json:"sub"`
	Audience audience   `json:"aud"`
	Expires  *timestamp `json:"exp"`
	Issued   *timestamp `json:"iat"`
	Begins   *timestamp `json:"nbf"`
	ID       string     `json:"jti"`
}

// An audience is one text or a list. RFC 7519 §4.1.3
type audience []string

// UnmarshalJSON decodes both forms.
func (a *audience) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var one string
		err := json.Unmarshal(b, &one)
		*a = audience{one}
		return err
	}
	var all []string
	err := json.Unmarshal(b, &all)
	*a = all
	return err
}

// A timestamp is a number of seconds, which may have a fraction. RFC 7519 §2
type timestamp struct{ time.Time }

// UnmarshalJSON refuses numbers that are no time of this or the next centuries.
func (t *timestamp) UnmarshalJSON(b []byte) error {
	var seconds float64
	if err := json.Unmarshal(b, &seconds); err != nil {
		return err
	}
	if seconds < 0 || seconds > 1<<36 {
		return refused(Malformed, "a time out of range")
	}
	whole, fraction := math.Modf(seconds)
	t.Time = time.Unix(int64(whole), int64(fraction*float64(time.Second)))
	return nil
}

// A parsed is an assertion that was decoded and not verified.
type parsed struct {
	header  header
	payload payload
	// signed is the text that the signature covers.
	signed string
}

// parse decodes an assertion: a signed JSON Web Token in the compact form.
func parse(text string) (parsed, error) {
	if len(text) > MaxSize {
		return parsed{}, refused(Size, "longer than 16 KB")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(alphabet, r) }) {
		// The decoder would skip line breaks, so that one assertion had many texts.
		return parsed{}, refused(Malformed, "a character that base64url does not have")
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
		return parsed{}, refused(Malformed, "not three parts with dots between them")
	}
	p := parsed{signed: parts[0] + "." + parts[1]}
	if err := decode(parts[0], &p.header); err != nil {
		return parsed{}, refused(Malformed, "the header is not valid")
	}
	if err := decode(parts[1], &p.payload); err != nil {
		return parsed{}, refused(Malformed, "the claims are not valid")
	}
	return p, nil
}

// decode decodes a part strictly: no padding, no names twice, no text that is not UTF-8.
func decode(part string, into any) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// Claims are what an assertion says of itself, which is not verified.
type Claims struct {
	Issuer, Subject  string
	Audience         []string
	Algorithm, KeyID string
}

// Peek returns what an assertion says of itself, to choose what it is verified against. Nothing
// of it is verified.
func Peek(text string) (Claims, error) {
	p, err := parse(text)
	if err != nil {
		return Claims{}, err
	}
	c := Claims{Audience: p.payload.Audience, Algorithm: p.header.Algorithm, KeyID: p.header.KeyID}
	if p.payload.Issuer != nil {
		c.Issuer = *p.payload.Issuer
	}
	if p.payload.Subject != nil {
		c.Subject = *p.payload.Subject
	}
	return c, nil
}
