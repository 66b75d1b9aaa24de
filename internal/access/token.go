// Package access authenticates: it mints and hashes bearer tokens, and turns a
// token into the tenant it was minted for.
//
// A token's text is never stored, logged or put into an error; only a SHA-256
// of its 256-bit secret is stored. The secret decides who is authenticated; the mark
// at the end of a token only saves reads for those that were not minted here.
package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Prefix begins every token, so that secret scanners can recognize one.
const Prefix = "rct"

// The sizes of a token's parts in bytes of text: rct_TENANT_ID_SECRET_MARK, or, as
// earlier versions minted them, rct_TENANT_ID_SECRET_CHECKSUM.
const (
	idSize       = 16 // 80 random bits
	secretSize   = 52 // 256 random bits
	checksumSize = 8  // CRC-32 of everything before it
	maxTokenSize = len(Prefix) + tenant.MaxIDSize + idSize + secretSize + markSize + 4
)

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Token is a parsed token. Its text is a secret: it has no String method that
// would show it.
type Token struct {
	Tenant tenant.ID
	ID     string
	secret string
	// body is the text before the mark, and mark the end that only this
	// deployment can compute. It is "" in a token with a checksum.
	body, mark string
	// ticket is what an access token of an OAuth client says, nil for a static token. ID is
	// then the client's.
	ticket *ticket
}

// Mint returns a new token for a tenant with a checksum, which anyone can compute,
// in place of a mark: the form of deployments without a key. The text is shown to
// its owner once; only the Record is stored.
func Mint(t tenant.ID) (text string, record Record) { return mint(rand.Reader, Prefix, t, nil) }

// mint returns a new token, or another secret of its form, marked with a key unless that
// is nil.
func mint(random io.Reader, prefix string, t tenant.ID, key *Key) (text string, record Record) {
	id := randomText(random, 10)
	secret := randomText(random, 32)
	body := strings.Join([]string{prefix, t.String(), id, secret}, "_")
	text = ended(body, key)
	return text, Record{ID: id, Hash: hash(secret), LastFour: text[len(text)-4:]}
}

// Parse parses a token's text. A text in another form, or with a wrong checksum, is
// refused. A mark is not checked: that needs the deployment's keys.
func Parse(text string) (Token, error) { return parse(text, Prefix) }

// parse parses a text of the form of a token that begins with a prefix.
func parse(text, prefix string) (Token, error) {
	if len(text) > maxTokenSize {
		return Token{}, ErrMalformed
	}
	parts := strings.Split(text, "_")
	if len(parts) != 5 || parts[0] != prefix ||
		len(parts[2]) != idSize || len(parts[3]) != secretSize || !isBase32(parts[2]) || !isBase32(parts[3]) {
		return Token{}, ErrMalformed
	}
	t, err := tenant.ParseID(parts[1])
	if err != nil {
		return Token{}, ErrMalformed
	}
	token := Token{Tenant: t, ID: parts[2], secret: parts[3]}
	if _, ok := token.takeEnd(text); !ok {
		return Token{}, ErrMalformed
	}
	return token, nil
}

// ended returns a credential with its end: the mark of a key or, without one, a checksum.
func ended(body string, key *Key) string {
	end := checksum(body)
	if key != nil {
		end = key.mark(body)
	}
	return body + "_" + end
}

// takeEnd returns the text before the end of a credential, and keeps a mark for the
// deployment's keys to check. ok is false for an end of another form, or a wrong checksum.
func (t *Token) takeEnd(text string) (body string, ok bool) {
	at := strings.LastIndexByte(text, '_')
	body, end := text[:at], text[at+1:]
	if len(end) == markSize && isHex(end) {
		t.body, t.mark = body, end
		return body, true
	}
	return body, end == checksum(body)
}

// GoString keeps the secret out of %#v.
func (t Token) GoString() string { return t.String() }

// String returns the token's id and tenant, without its secret.
func (t Token) String() string { return "token " + t.ID + " of " + t.Tenant.String() }

// matches compares the secret with a stored hash in constant time.
func (t Token) matches(stored string) bool {
	return subtle.ConstantTimeCompare([]byte(hash(t.secret)), []byte(stored)) == 1
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func checksum(body string) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body)))
}

func randomText(random io.Reader, bytes int) string {
	b := make([]byte, bytes)
	if _, err := io.ReadFull(random, b); err != nil {
		panic("access: no randomness") // rand.Reader never fails: it ends the program instead
	}
	return base32Lower.EncodeToString(b)
}

func isBase32(s string) bool {
	for i := range len(s) {
		if (s[i] < 'a' || s[i] > 'z') && (s[i] < '2' || s[i] > '7') {
			return false
		}
	}
	return true
}

func isHex(s string) bool {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}
