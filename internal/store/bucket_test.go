package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

func TestSpend_MovesTheBucketOnce(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		at := time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)
		f := newFixture(t, open(t), at)
		spent, err := f.store.Spent(t.Context(), f.tenant)
		require.NoError(t, err)
		require.Zero(t, spent)

		now, moved, err := f.store.Spend(t.Context(), f.tenant, time.Time{}, at)
		require.NoError(t, err)
		require.True(t, moved)
		require.Equal(t, at, now)
		now, moved, err = f.store.Spend(t.Context(), f.tenant, time.Time{}, at.Add(time.Second))
		require.NoError(t, err)
		require.False(t, moved, "another instance was first")
		require.Equal(t, at, now, "where the bucket is instead")
		_, moved, err = f.store.Spend(t.Context(), f.tenant, now, at.Add(time.Microsecond))
		require.NoError(t, err)
		require.True(t, moved)
		spent, err = f.store.Spent(t.Context(), f.tenant)
		require.NoError(t, err)
		require.Equal(t, at.Add(time.Microsecond), spent)
	})
}
