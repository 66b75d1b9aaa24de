package tenant_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// aging is a memory at any time.
type aging struct{ *memory }

func (a aging) ChangeTenant(_ context.Context, _, after tenant.Tenant, _ time.Time) error {
	a.tenants[after.ID] = after
	return nil
}

// A reader of the log that was away is told to begin again if an entry after its position has
// expired, however the retention was changed meanwhile: no answer of KeepsLogSince is too
// optimistic, and without a change of the retention none is too pessimistic.
func TestKeepsLogSince_KnowsEarlierRetentions(t *testing.T) {
	const day = 24 * time.Hour
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	kept, lost := 0, 0
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		now := noon
		settings := tenant.DefaultSettings()
		m := newMemory(tenant.Tenant{ID: acme, Settings: settings})
		registry := tenant.NewRegistry(aging{m}, func() time.Time { return now })
		type entry struct{ at, expires time.Time }
		var entries []entry
		var changed time.Time
		for range 120 {
			now = now.Add(day)
			if random.IntN(15) == 0 {
				was := m.tenants[acme].Settings.LogDays
				_, err := registry.Change(t.Context(), acme, nil, func(t *tenant.Tenant) error {
					t.Settings = tenant.DefaultSettings() // as a PUT does
					t.Settings.LogDays = 1 + random.IntN(40)
					return nil
				})
				require.NoError(t, err)
				if m.tenants[acme].Settings.LogDays != was {
					changed = now
				}
			}
			// Instances notice a change a little later.
			entries = append(entries, entry{now, now.Add(settings.LogRetention())})
			settings = m.tenants[acme].Settings
			at := now.Add(-time.Duration(random.IntN(60)) * day)
			all := true
			for _, e := range entries {
				all = all && (e.at.Before(at) || e.expires.After(now))
			}
			got := settings.KeepsLogSince(at, now)
			require.True(t, !got || all, "seed %d: an entry since %s has expired at %s", seed, at, now)
			if changed.IsZero() || now.Sub(changed) > 41*day {
				require.Equal(t, now.Sub(at) < settings.LogRetention(), got, seed)
			}
			if got {
				kept++
			} else {
				lost++
			}
		}
	}
	require.Greater(t, kept, 1000)
	require.Greater(t, lost, 1000)
}

func TestPut_KeepsTheEarlierRetention(t *testing.T) {
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	m := newMemory(tenant.Tenant{ID: acme, Settings: tenant.DefaultSettings()})
	registry := tenant.NewRegistry(m, func() time.Time { return noon })
	for _, days := range []int{5, 100} {
		wanted := tenant.Tenant{ID: acme, Settings: tenant.DefaultSettings()}
		wanted.Settings.LogDays = days
		_, _, err = registry.Put(t.Context(), wanted, nil)
		require.NoError(t, err)
	}
	require.Equal(t, 5, m.tenants[acme].Settings.EarlierLogDays)
	require.Equal(t, noon, m.tenants[acme].Settings.LogDaysSince)
	writes := m.writes
	wanted := tenant.Tenant{ID: acme, Settings: tenant.DefaultSettings()}
	wanted.Settings.LogDays = 100
	_, _, err = registry.Put(t.Context(), wanted, nil)
	require.NoError(t, err)
	require.Equal(t, writes, m.writes, "nothing has changed")
}
