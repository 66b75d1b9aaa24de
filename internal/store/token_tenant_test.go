package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/journal"
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

// A late table moves the clock before each write: the writer was held up.
type late struct {
	table.Table
	clock *time.Time
}

func (l late) Write(ctx context.Context, tx table.Transaction) error {
	*l.clock = l.clock.Add(journal.WriteTime + time.Second)
	if !tx.NotAfter.IsZero() && l.clock.After(tx.NotAfter) {
		return table.ErrTooLate
	}
	return l.Table.Write(ctx, tx)
}

// A token that is written after the deletion of its tenant has looked for tokens
// would stay: both ways to store one end in time.
func TestTokens_AreNotWrittenLate(t *testing.T) {
	clock := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	s := store.New(late{enginetest.Memory(t), &clock}, uuid.NewString, func() time.Time { return clock })
	id := stage.ID(t, "acme")
	_, record := access.Mint(id)
	require.ErrorIs(t, s.SaveToken(t.Context(), id, record), directory.ErrBusy)
	require.ErrorIs(t, s.BeginRotation(t.Context(), id, "old", record), directory.ErrBusy)
}
