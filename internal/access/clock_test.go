package access_test

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
)

// frozen returns a time as read by a Lambda function that was frozen meanwhile:
// the time of day advanced by d, and the monotonic clock did not.
func frozen(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	thawed := at
	// A time with a monotonic reading has the seconds of the day from the 31st
	// bit of its first word on.
	*(*uint64)(unsafe.Pointer(&thawed)) += uint64(d/time.Second) << 30
	if thawed.Sub(at) != 0 || thawed.Round(0).Sub(at.Round(0)) != d {
		t.Fatalf("the monotonic clock advanced by %s, the time of day by %s", thawed.Sub(at), thawed.Round(0).Sub(at.Round(0)))
	}
	return thawed
}

// A token that was revoked while the function was frozen is read again, however
// little the monotonic clock advanced; so are settings. The same holds if the
// clock is set back.
func TestAuthenticate_CacheExpiresByTheTimeOfDay(t *testing.T) {
	for name, later := range map[string]func(at time.Time) time.Time{
		"frozen":   func(at time.Time) time.Time { return frozen(t, at, access.CacheTime) },
		"set back": func(at time.Time) time.Time { return at.Round(0).Add(-time.Hour) },
		"awake":    func(at time.Time) time.Time { return at.Add(access.CacheTime) },
	} {
		t.Run(name, func(t *testing.T) {
			s, text, key := setUp(t)
			now := time.Now()
			require.Contains(t, now.String(), "m=", "the time has no monotonic reading")
			a := access.NewAuthenticator(s, func() time.Time { return now })
			_, err := a.Authenticate(t.Context(), "Bearer "+text)
			require.NoError(t, err)
			record := s.records[key]
			record.Revoked = now.Add(-2 * time.Hour)
			s.records[key] = record
			_, err = a.Authenticate(t.Context(), "Bearer "+text)
			require.NoErrorf(t, err, "it should be cached for %s, and was not", access.CacheTime)
			now = later(now)
			_, err = a.Authenticate(t.Context(), "Bearer "+text)
			assert.ErrorIs(t, err, access.ErrRevoked, "revoked")
		})
	}
}

// A token that expires while the function is frozen is expired.
func TestAuthenticate_TokenExpiresByTheTimeOfDay(t *testing.T) {
	s, text, key := setUp(t)
	now := time.Now()
	record := s.records[key]
	record.Expires = now.Add(5 * time.Second)
	s.records[key] = record
	a := access.NewAuthenticator(s, func() time.Time { return now })
	_, err := a.Authenticate(t.Context(), "Bearer "+text)
	require.NoError(t, err)
	now = frozen(t, now, 6*time.Second)
	_, err = a.Authenticate(t.Context(), "Bearer "+text)
	assert.ErrorIs(t, err, access.ErrExpired, "expired")
}
