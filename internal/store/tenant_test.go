package store

import (
	"context"
	"errors"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// No tenant is created without a random key for its cursors.
func TestCreateTenant_NeedsRandomBytes(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	broken := errors.New("no entropy")
	id := mustID(t, "beta")
	err := f.on(f.table).WithRandom(iotest.ErrReader(broken), nil).CreateTenant(t.Context(), id, tenant.DefaultSettings(), 1, 1, f.now())
	require.ErrorIs(t, err, broken)
	_, ok, err := f.store.Tenant(t.Context(), id)
	require.NoError(t, err)
	require.False(t, ok)
}

// Of a cancelled rotation both tokens are free again: the old one may be replaced by another,
// and the new one, which is revoked, replaces none.
func TestCancelRotation_FreesBothTokens(t *testing.T) {
	f := newFixture(t, testMemory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	record := func(id string) access.Record {
		return access.Record{ID: id, Hash: "h", LastFour: "abcd", Created: f.now()}
	}
	f.must(f.store.SaveToken(t.Context(), f.tenant, record("k1")))
	f.must(f.store.BeginRotation(t.Context(), f.tenant, "k1", record("k2")))
	f.must(f.store.CancelRotation(t.Context(), f.tenant, "k1", "k2", f.now()))
	for id, revoked := range map[string]bool{"k1": false, "k2": true} {
		token, ok, err := f.store.Token(t.Context(), f.tenant, id)
		f.must(err)
		require.True(t, ok)
		require.Equal(t, []any{"", "", revoked}, []any{token.Next, token.Replaces, !token.Revoked.IsZero()}, id)
	}
	f.must(f.store.BeginRotation(t.Context(), f.tenant, "k1", record("k3")))
	f.must(f.store.CompleteRotation(t.Context(), f.tenant, "k1", "k3", f.now()))
	token, _, err := f.store.Token(t.Context(), f.tenant, "k3")
	f.must(err)
	require.Equal(t, []any{"", "", true}, []any{token.Next, token.Replaces, token.Revoked.IsZero()})
}

// A panic of one of several calls is the error of the request, not the end of the process.
func TestTogether_ReturnsPanicsAsErrors(t *testing.T) {
	f := newFixture(t, tabletest.NewFailing(testMemory(t), -1, errCall), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	fine := func(context.Context) error { return nil }
	fails := func(context.Context) error { return errCall }
	panics := func(context.Context) error { panic("of a bug") }
	f.must(f.store.Together(t.Context(), fine, fine, fine))
	err := f.store.Together(t.Context(), fine, panics, fails)
	require.ErrorIs(t, err, errCall)
	require.ErrorContains(t, err, "panic of type string")
	require.NotContains(t, err.Error(), "of a bug", "the value may be a secret")
	require.ErrorContains(t, f.store.Together(t.Context(), fine, fine, panics), "panic of type string")
}
