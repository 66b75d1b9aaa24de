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

// The name of a group is taken, even if the transaction did not check all of its conditions.
func TestProvisionGroup_UncheckedConditions(t *testing.T) {
	for _, kind := range []string{"gname", "gext"} {
		raw := enginetest.Memory(t)
		f := newFixtureOn(t, table.Retrying(raw), 10, 10)
		id := f.mustPostGroup(`{"displayName":"Staff","externalId":"e1"}`)
		d := f.on(table.Retrying(&unjudged{Table: raw, reported: "T#acme#NAMES#" + kind}))
		_, err := d.ProvisionGroup(t.Context(), f.tenant, f.by(), f.decodeGroup(`{"displayName":"Staff","externalId":"e1"}`))
		var taken *directory.TakenError
		require.ErrorAs(t, err, &taken, kind)
		require.Equal(t, []any{directory.TakenGroup, id}, []any{taken.Reason, taken.HolderID}, kind)
	}
}

// A user that was deleted meanwhile is not found, even if there is no free seat either.
func TestModify_DeletedUserNeedsNoSeat(t *testing.T) {
	raw := enginetest.Memory(t)
	f := newFixtureFor(t, raw, "acme", 1)
	idle := f.mustPost(user(`"userName":"idle","active":false`))
	f.mustPost(user(`"userName":"busy"`))
	m := &meanwhile{Table: raw, run: func() { f.mustRemove(idle.ID) }}
	_, err := f.on(table.Retrying(m)).Modify(t.Context(), f.tenant, f.by(), idle.ID, nil, f.patchOf(`{"op":"replace","path":"active","value":true}`))
	require.ErrorIs(t, err, directory.ErrNotFound)
}
