package app_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// ROLLCALL_LEDGER_SHARDS bounds the growth of the ledgers of the service that is built.
func TestConfig_LedgerShards(t *testing.T) {
	t.Setenv("ROLLCALL_TABLE", "table")
	t.Setenv("ROLLCALL_BASE_URL", "https://scim.test/scim/v2")
	for value, want := range map[string]int{"": 4, "1": 1, "4": 4, "16": 4, "32": 4} {
		t.Setenv("ROLLCALL_LEDGER_SHARDS", value)
		c, err := app.ConfigFromEnv()
		require.NoError(t, err, value)
		a, err := app.New(enginetest.Memory(t), c, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		id, _ := stage.Tenant(t, a.Store, "acme", 1000)
		n, err := a.Store.AddShards(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, want, n, "ROLLCALL_LEDGER_SHARDS=%s", value)
	}
	for _, value := range []string{"0", "2", "33", "-4", "four"} {
		t.Setenv("ROLLCALL_LEDGER_SHARDS", value)
		_, err := app.ConfigFromEnv()
		assert.ErrorContains(t, err, "ROLLCALL_LEDGER_SHARDS", value)
	}
}
