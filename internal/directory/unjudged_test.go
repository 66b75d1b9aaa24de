package directory_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// unjudged is a table whose first failed transaction reports only one
// reservation: DynamoDB does not check a condition whose item is in another
// transaction.
type unjudged struct {
	table.Table
	reported string
	done     bool
}

func (u *unjudged) Write(ctx context.Context, tx table.Transaction) error {
	err := u.Table.Write(ctx, tx)
	var failed *table.ConditionError
	if !errors.As(err, &failed) || u.done {
		return err
	}
	u.done = true
	kept := slices.DeleteFunc(slices.Clone(failed.Failed), func(f table.FailedCondition) bool {
		return tx.Ops[f.Op].Key.Partition != u.reported
	})
	return &table.ConditionError{Failed: kept, Incomplete: true}
}

// The holders of all values of a POST decide which user it restores, by name
// before email, even if the transaction reported only one of the holders.
func TestProvision_UncheckedConditions(t *testing.T) {
	for _, kind := range []string{"user", "mail"} {
		t.Run("reported holder of the "+kind, func(t *testing.T) {
			raw := enginetest.Memory(t)
			f := newFixtureOn(t, table.Retrying(raw), 10, 10)
			named := f.mustPost(user(`"userName":"cat"`))
			mailed := f.mustPost(user(`"userName":"dan","emails":[{"value":"dan@x"}]`))
			off := false
			if _, err := f.modifyInApp(mailed.ID, directory.AppChange{Active: &off}); err != nil {
				t.Fatal(err)
			}
			for _, u := range []*directory.User{named, mailed} {
				require.NoError(t, f.remove(u.ID))
			}
			d := f.on(table.Retrying(&unjudged{Table: raw, reported: "T#acme#NAMES#" + kind}))
			result, err := d.Provision(t.Context(), f.tenant, f.by(), f.decode(user(`"userName":"cat","emails":[{"value":"dan@x"}]`)))
			assert.Truef(t, err == nil && result.User.ID == named.ID && result.Action == journal.Restored, "%+v, %v; want the user with the name", result, err)
		})
	}
}
