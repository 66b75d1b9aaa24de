package tabletest_test

import (
	"testing"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// The table in a map keeps the contract of all engines: what a test finds on it,
// another engine can show too.
func TestMemory(t *testing.T) {
	open := func(*testing.T) table.Table { return tabletest.NewMemory() }
	tabletest.Run(t, open)
	tabletest.RunConcurrent(t, open)
}
