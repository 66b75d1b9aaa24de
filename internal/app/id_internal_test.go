package app

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestNewIDAt_IsInTheOrderOfTime(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 999_999_000, time.UTC)
	last := ""
	for range 1000 {
		id := newIDAt(at)
		parsed, err := uuid.Parse(id)
		if err != nil || parsed.Version() != 7 || parsed.Variant() != uuid.RFC4122 {
			t.Fatalf("%s: %v, version %d", id, err, parsed.Version())
		}
		if seconds, ns := parsed.Time().UnixTime(); time.Unix(seconds, ns).UnixMilli() != at.UnixMilli() {
			t.Fatalf("%s is of %v, not of %v", id, time.Unix(seconds, ns), at)
		}
		require.Truef(t, id > last, "%s is not after %s", id, last)
		last = id
		at = at.Add(250 * time.Nanosecond)
	}
}
