package httpapi

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// A cursor is a position in a list, encrypted with the tenant's key: it cannot
// be read, changed, or used for another tenant, resource type, filter or order.
// Nothing is stored for it. RFC 9865

// CursorTime is how long a cursor is valid.
const CursorTime = time.Hour

// maxCursor is the longest cursor that is decoded. Ours are shorter: the folded
// name of a record has at most directory.MaxClaim bytes.
const maxCursor = 4096

// The parts of the encrypted text before the key and the id: a version, the
// time at which it expires in seconds since 1970, flags, and the length of the
// key.
const (
	cursorVersion = 1
	cursorHead    = 1 + 8 + 1 + 2
	cursorBack    = 1
	cursorGroups  = 2
)

// seal returns the text of a cursor, or "" for a nil cursor.
func (q *request) seal(c *directory.Cursor, of string, query directory.Query) (string, error) {
	if c == nil {
		return "", nil
	}
	sealer, err := cursorSealer(q.grant.CursorKey)
	if err != nil {
		return "", err
	}
	b := make([]byte, cursorHead, cursorHead+len(c.Key)+len(c.ID))
	b[0] = cursorVersion
	binary.BigEndian.PutUint64(b[1:], uint64(q.start.Add(CursorTime).Unix())) //nolint:gosec // G115: the time is after 1970
	if c.Back {
		b[9] |= cursorBack
	}
	if c.Of != "" {
		b[9] |= cursorGroups
	}
	binary.BigEndian.PutUint16(b[10:], uint16(len(c.Key))) //nolint:gosec // G115: a key is shorter than directory.MaxClaim
	b = append(append(b, c.Key...), c.ID...)
	return base64.RawURLEncoding.EncodeToString(sealer.Seal(nil, nil, b, q.walk(of, query))), nil
}

// open decodes a cursor that seal returned for the same list.
func (q *request) open(text, of string, query directory.Query) (*directory.Cursor, error) {
	sealer, err := cursorSealer(q.grant.CursorKey)
	if err != nil {
		return nil, err
	}
	// The base64 decoder ignores line breaks, which no cursor has.
	if len(text) > maxCursor || strings.ContainsAny(text, "\r\n") {
		return nil, errNoCursor
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errNoCursor
	}
	b, err := sealer.Open(nil, nil, sealed, q.walk(of, query))
	if err != nil || len(b) < cursorHead || b[0] != cursorVersion {
		return nil, errNoCursor
	}
	rest := b[cursorHead:]
	length := int(binary.BigEndian.Uint16(b[10:]))
	if length > len(rest) {
		return nil, errNoCursor
	}
	if ends := binary.BigEndian.Uint64(b[1:]); ends < uint64(q.start.Unix()) { //nolint:gosec // G115: as above
		return nil, &scim.Error{
			Type: scim.ExpiredCursor, Detail: "The cursor is older than an hour.",
		}
	}
	c := &directory.Cursor{Key: string(rest[:length]), ID: string(rest[length:]), Back: b[9]&cursorBack != 0}
	if b[9]&cursorGroups != 0 {
		c.Of = "Group"
	}
	return c, nil
}

// errNoCursor does not say what is wrong: that would help an attacker.
var errNoCursor = &scim.Error{
	Type:   scim.InvalidCursor,
	Detail: "Invalid cursor: a cursor is valid only for its tenant, endpoint, filter and order.",
}

// walk names the list to which a cursor is bound. The parts are separated by
// NUL, which occurs in none of them.
func (q *request) walk(of string, query directory.Query) []byte {
	b := []byte("rollcall cursor\x00" + q.grant.Tenant.String() + "\x00" + of + "\x00")
	if query.Filter != nil {
		b = append(b, query.Filter.String()...)
	}
	b = append(b, 0)
	if query.Sort != nil {
		b = append(b, query.Sort.String()...)
	}
	return b
}

func cursorSealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
