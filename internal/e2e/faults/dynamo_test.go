package faults

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// onDynamo is one table in DynamoDB Local, with a tenant for each world.
type onDynamo struct {
	on      table.Table
	tenants *atomic.Int64
}

func (d onDynamo) open(testing.TB) (table.Table, string) {
	return d.on, fmt.Sprintf("w%d", d.tenants.Add(1))
}

func (onDynamo) copy(testing.TB, table.Table) table.Table { return nil }

func (onDynamo) close(testing.TB, table.Table) {}

// TestTable_OnDynamoDB tries some cells of the table on DynamoDB: those in which
// a transaction is sent again, and a process that ends.
func TestTable_OnDynamoDB(t *testing.T) {
	if raceEnabled {
		t.Skip("make check runs it without the race detector")
	}
	d := onDynamo{tabletest.Dynamo(t), &atomic.Int64{}}
	for _, name := range []string{"POST /Users", "PATCH /Users/{id} deactivates", "DELETE /Users/{id}, in 2 groups", "PATCH adds 1"} {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			t.Parallel()
			s := newStudy(t, d, named(t, name))
			for _, fault := range []string{"answer lost once", "killed", "sent twice", "sent again later"} {
				words, wrong := s.trials(faultNamed(t, fault), nil, s.alone)
				assert.Empty(t, strings.Join(wrong, "\n"))
				assert.NotEmpty(t, words, "%q is never met", fault)
				t.Logf("%s: %s", fault, strings.Join(words, ", "))
			}
		})
	}
}
