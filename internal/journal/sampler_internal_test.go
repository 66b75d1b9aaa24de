package journal

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// One of many is kept, for each tenant, cause and credential, with the number that it
// stands for.
func TestSampler_KeepsOneAMinuteOfEachCause(t *testing.T) {
	var s Sampler
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		tenant     string
		cause      cause.Cause
		credential string
		at         time.Duration
		kept       bool
		standsFor  int64
	}{
		{"acme", cause.TokenRevoked, "", 0, true, 1},
		{"acme", cause.TokenRevoked, "", time.Second, false, 0},
		{"acme", cause.TokenRevoked, "a", time.Second, true, 1},
		{"acme", cause.TokenRevoked, "b", time.Second, true, 1},
		{"acme", cause.RateLimit, "", time.Second, true, 1},
		{"beta", cause.TokenRevoked, "", time.Second, true, 1},
		{"acme", cause.TokenRevoked, "a", 2 * time.Second, false, 0},
		{"acme", cause.TokenRevoked, "", 59 * time.Second, false, 0},
		{"acme", cause.RateLimit, "", 60 * time.Second, false, 0},
		{"acme", cause.TokenRevoked, "", 60 * time.Second, true, 3},
		{"acme", cause.RateLimit, "", 61 * time.Second, true, 2},
		{"acme", cause.TokenRevoked, "a", 61 * time.Second, true, 2},
		{"acme", cause.TokenRevoked, "", time.Hour, true, 1},
	} {
		id, err := tenant.ParseID(tt.tenant)
		require.NoError(t, err)
		if kept, n := s.Take(id, tt.cause, tt.credential, now.Add(tt.at)); kept != tt.kept || n != tt.standsFor {
			t.Errorf("%v of %s %q after %v: %t, %d, want %t, %d", tt.cause, tt.tenant, tt.credential, tt.at, kept, n, tt.kept, tt.standsFor)
		}
	}
}

// However many tenants, causes and credentials there are, a bounded number is remembered.
func TestSampler_IsBoundedInMemory(t *testing.T) {
	var s Sampler
	id, err := tenant.ParseID("acme")
	require.NoError(t, err)
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for i := range maxSampled + 1000 {
		s.Take(id, cause.TokenRevoked, fmt.Sprint(i), now)
	}
	assert.LessOrEqual(t, len(s.sampled), maxSampled)
}
