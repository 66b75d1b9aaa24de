package sim

import (
	"testing"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// The simulation's table keeps the contract of all engines: what a run finds on
// it, another engine can show too.
func TestMemory(t *testing.T) {
	open := func(*testing.T) table.Table { return newMemory() }
	tabletest.Run(t, open)
	tabletest.RunConcurrent(t, open)
}
