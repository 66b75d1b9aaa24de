package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A token that is saved after its tenant was deleted would stay for ever.
func TestSaveToken_NeedsTheTenant(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(testing.TB) table.Table) {
		s := store.New(table.Retrying(open(t)), uuid.NewString, time.Now)
		id := stage.ID(t, "gone")
		_, record := access.Mint(id)
		record.Created = time.Now()
		require.ErrorIs(t, s.SaveToken(t.Context(), id, record), tenant.ErrNotFound)
		_, stored, err := s.Token(t.Context(), id, record.ID)
		require.NoError(t, err)
		require.False(t, stored)
	})
}
