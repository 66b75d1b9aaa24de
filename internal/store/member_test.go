package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Each transaction that ends memberships of a user deletes both items of each. A sweep that
// left one of them would find it again and again.
func TestLeave_DeletesBothItemsOfEachMembership(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	memberships := []directory.UserMembership{{Group: "g1", Epoch: 1}, {Group: "g1", Epoch: 2}, {Group: "gone", Epoch: 1}}
	gone := map[string]bool{"gone": true}
	task := directory.Task{Kind: directory.TaskUser, Resource: "a"}
	later, _ := f.store.leaveLaterOps(f.tenant, task, table.Item{}, memberships, gone)
	for name, ops := range map[string][]operation{
		"with the user": endMembershipOps(f.tenant, "a", memberships, gone, journal.Entry{Time: f.now()}),
		"by a task":     later,
	} {
		deleted := map[table.Key]bool{}
		for _, op := range ops {
			if op.Kind == table.OpDelete {
				deleted[op.Key] = true
			}
		}
		for _, m := range memberships {
			require.True(t, deleted[membershipKey(f.tenant, m.Group, m.Epoch, "a")], "%s: the membership of %v", name, m)
			require.True(t, deleted[userMembershipKey(f.tenant, "a", m.Group, m.Epoch)], "%s: the mirror of %v", name, m)
		}
		require.Len(t, deleted, 2*len(memberships), name)
	}
}
