package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

func TestTokenKeys_AreReadAsTheyWereAdded(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open func(t testing.TB) table.Table) {
		s := New(table.Retrying(open(t)), func() string { return fmt.Sprint(time.Now().UnixNano()) }, time.Now)
		none, err := s.TokenKeys(t.Context())
		require.NoError(t, err)
		require.Empty(t, none)

		at := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
		first, second := access.Key{ID: "0000000a", Secret: []byte{0, 1, 255}, Created: at}, access.Key{ID: "0000000b", Secret: []byte("b"), Created: at.Add(time.Hour)}
		require.NoError(t, s.AddTokenKey(t.Context(), nil, first))
		require.ErrorIs(t, s.AddTokenKey(t.Context(), nil, second), access.ErrKeys, "another instance was first")
		require.NoError(t, s.AddTokenKey(t.Context(), []access.Key{first}, second))
		keys, err := s.TokenKeys(t.Context())
		require.NoError(t, err)
		require.Equal(t, []access.Key{first, second}, keys)
	})
}

// What is stored is a secret: an error about damage has nothing of it.
func TestTokenKeys_DamageIsReportedWithoutTheKey(t *testing.T) {
	for _, stored := range []string{"c2VjcmV0", `[{"id":"0000000a","key":"c2VjcmV0!"}]`} {
		f := newFixture(t, enginetest.Memory(t), time.Now())
		f.write(table.Put(table.Item{Key: tokenKeysKey(), Attributes: table.Attributes{attrTokenKeys: table.Text(stored)}}))
		_, err := f.store.TokenKeys(t.Context())
		require.ErrorContains(t, err, "damaged")
		require.NotContains(t, err.Error(), "c2VjcmV0")
	}
}
