package provlog

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// IsRequestID reports whether a text has the form of a request id: a UUIDv7 in lower
// case.
func IsRequestID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.Version() == 7 && id.String() == text
}

// IsCursor reports whether a text can be the Next of a page: empty, or keys of entries.
func IsCursor(text string) bool {
	if text == "" {
		return true
	}
	for key := range strings.SplitSeq(text, ".") {
		if !IsRequestID(key) {
			return false
		}
	}
	return true
}

// timeOfKey returns the time of an entry's key, zero for a text that is not a key.
// RFC 9562 §5.7
func timeOfKey(key string) time.Time {
	id, err := uuid.Parse(key)
	if err != nil || id.Version() != 7 {
		return time.Time{}
	}
	ms := binary.BigEndian.Uint64(append([]byte{0, 0}, id[:6]...))
	return time.UnixMilli(int64(ms)).UTC() //nolint:gosec // G115: 48 bits
}

// FirstKey and LastKey bound the keys of a millisecond.
func FirstKey(at time.Time) string {
	ms := max(at.UnixMilli(), 0)
	return fmt.Sprintf("%08x-%04x", ms>>16, ms&0xffff)
}

// LastKey returns a key after all keys of a millisecond.
func LastKey(at time.Time) string { return FirstKey(at) + "~" }
