package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// AccessPrefix begins the text of every access token of an OAuth client.
const AccessPrefix = "rcx"

// AccessLife is how long an access token is valid at most.
const AccessLife = time.Hour

// The reasons for which an access token is refused that this service has issued.
var (
	// ErrAccessExpired: its hour is over, and the client has to get another one.
	ErrAccessExpired = errors.New("access: expired access token")
	// ErrProofEnded: the secret, the federation or the keys by which the client got it
	// have ended or changed.
	ErrProofEnded = errors.New("access: access token of an ended credential")
)

// A Proof is what a client proved itself by when it got an access token. Access tokens name it
// and end with it.
type Proof struct {
	kind proofKind
	// secret is the id of a secret, revision the number of a federation or of keys.
	secret   string
	revision int64
	// expires is when the secret ends, zero for what has no end.
	expires time.Time
}

type proofKind byte

const (
	bySecret     proofKind = 's'
	byFederation proofKind = 'f'
	byKeys       proofKind = 'k'
)

// holds reports whether the client still has what the proof names.
func (p Proof) holds(c Client) bool {
	switch p.kind {
	case bySecret:
		s, ok := c.secret(p.secret)
		return ok && s.Revoked.IsZero()
	case byFederation:
		return c.Federation != nil && c.Federation.Revision == p.revision
	case byKeys:
		return c.Keys != nil && c.Keys.Revision == p.revision
	}
	return false
}

// used names the record of the last use of what the proof names: each secret has its own, so
// that an operator sees whether the one that is to end is still in use.
func (p Proof) used(client string) string {
	if p.kind == bySecret {
		return p.secret
	}
	return client
}

// A ticket is what an access token says. It is no secret, and is believed only after its
// authentication code was checked.
type ticket struct {
	proof   Proof
	expires time.Time
	// signed is the text before the authentication code.
	signed, code string
}

// The sizes of a ticket: its kind, 10 bytes of a secret's id or of a revision, and two times,
// those of its issue and of its end.
const (
	proofSize   = 10
	payloadSize = 1 + proofSize + 8 + 8
	payloadText = 44 // its size in base32
	codeText    = 52
)

// sign returns the text of an access token: rcx_TENANT_CLIENT_PAYLOAD_CODE_MARK.
func sign(t tenant.ID, c Client, p Proof, issued, expires time.Time, key *Key) string {
	payload := make([]byte, payloadSize)
	payload[0] = byte(p.kind)
	if p.kind == bySecret {
		_, _ = base32Lower.Decode(payload[1:1+proofSize], []byte(p.secret)) // an id of ours
	} else {
		binary.BigEndian.PutUint64(payload[1:], uint64(p.revision)) //nolint:gosec // a count
	}
	binary.BigEndian.PutUint64(payload[1+proofSize:], uint64(issued.UnixMilli()))
	binary.BigEndian.PutUint64(payload[1+proofSize+8:], uint64(expires.UnixMilli()))
	signed := strings.Join([]string{AccessPrefix, t.String(), c.ID, base32Lower.EncodeToString(payload)}, "_")
	return ended(signed+"_"+c.code(signed), key)
}

// code returns the authentication code of the text of an access token.
func (c Client) code(signed string) string {
	mac := hmac.New(sha256.New, c.SigningKey)
	mac.Write([]byte(signed))
	return base32Lower.EncodeToString(mac.Sum(nil))
}

// parseAccess parses the text of an access token. Neither its code nor its mark is checked.
func parseAccess(text string) (Token, error) {
	if len(text) > maxAccessSize {
		return Token{}, ErrMalformed
	}
	parts := strings.Split(text, "_")
	if len(parts) != 6 || parts[0] != AccessPrefix || len(parts[2]) != idSize || len(parts[3]) != payloadText || len(parts[4]) != codeText ||
		!isBase32(parts[2]) || !isBase32(parts[4]) {
		return Token{}, ErrMalformed
	}
	said, err := decodePayload(parts[3])
	if err != nil {
		return Token{}, err
	}
	t, err := tenant.ParseID(parts[1])
	if err != nil {
		return Token{}, ErrMalformed
	}
	token := Token{Tenant: t, ID: parts[2], ticket: said}
	body, ok := token.takeEnd(text)
	if !ok {
		return Token{}, ErrMalformed
	}
	said.signed, said.code = body[:len(body)-codeText-1], parts[4]
	return token, nil
}

// maxAccessSize is the longest text of an access token in bytes.
const maxAccessSize = len(AccessPrefix) + tenant.MaxIDSize + idSize + payloadText + codeText + markSize + 5

func decodePayload(text string) (*ticket, error) {
	payload, err := base32Lower.DecodeString(text)
	if err != nil || len(payload) != payloadSize || base32Lower.EncodeToString(payload) != text {
		return nil, ErrMalformed
	}
	p := Proof{kind: proofKind(payload[0])}
	switch p.kind {
	case bySecret:
		p.secret = base32Lower.EncodeToString(payload[1 : 1+proofSize])
	case byFederation, byKeys:
		p.revision = int64(binary.BigEndian.Uint64(payload[1:])) //nolint:gosec // compared only
	default:
		return nil, ErrMalformed
	}
	expires := time.UnixMilli(int64(binary.BigEndian.Uint64(payload[1+proofSize+8:]))).UTC() //nolint:gosec // compared only
	return &ticket{proof: p, expires: expires}, nil
}

// isOf reports whether the client has issued the ticket.
func (k *ticket) isOf(c Client) bool {
	return len(c.SigningKey) > 0 && hmac.Equal([]byte(c.code(k.signed)), []byte(k.code))
}

// check returns nil if the client has issued the ticket and it is valid. Only
// ErrUnknown is for a caller that has not proved to have it from us.
func (k *ticket) check(c Client, now time.Time) error {
	switch {
	case !k.isOf(c):
		return ErrUnknown
	case !c.Revoked.IsZero():
		return ErrClientRevoked
	case !k.proof.holds(c):
		return ErrProofEnded
	case !now.Before(k.expires):
		return ErrAccessExpired
	}
	return nil
}

// GoString keeps what the ticket says out of %#v.
func (k *ticket) GoString() string { return "ticket until " + strconv.FormatInt(k.expires.Unix(), 10) }
