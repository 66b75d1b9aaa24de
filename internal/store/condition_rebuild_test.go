package store

import (
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// rebuildDecisions are the transactions of RebuildNames.
func rebuildDecisions(t tenant.ID) []decision {
	rebuild := func(f *fixture, s *Store) error {
		_, err := s.RebuildNames(f.t.Context(), f.tenant, Repairer{Apply: true})
		return err
	}
	damaged := func(ops func(f *fixture) []table.Op) func(f *fixture) {
		return func(f *fixture) {
			f.names()
			f.write(ops(f)...)
		}
	}
	name := func(id string) table.Key { return reservationKey(t, directory.UserName, id) }
	group := func(id string) table.Key { return reservationKey(t, directory.GroupName, id) }
	user := settled{userKey(t, "u1"), table.Is(attrVersion, table.Number(1)), "", "a rebuild and a change of the user"}
	ofGroup := settled{groupKey(t, "g1"), table.Is(attrRevision, table.Number(1)), "", "a rebuild and a change of the document"}
	entry := settled{logKey(t, "id-*", 0), table.Absent(), "", "two entries under one name"}
	reserved := func(key table.Key, id string) settled {
		return settled{key, table.Is(attrHolder, table.Text(id)), "", "a rebuild and a change of the reservation"}
	}
	noUser := []settled{
		{userKey(t, "nobody"), table.Absent(), "", "a rebuild and a user who is created or restored"},
		{goneKey(t, "nobody"), table.Absent(), "", "a rebuild and a user who is deleted"},
	}
	return []decision{
		{
			name: "a user whose reservation is missing", commit: rebuild,
			given: damaged(func(*fixture) []table.Op { return []table.Op{table.Delete(name("u1"))} }),
			conditions: []settled{
				user, entry, {name("u1"), table.Absent(), "", "a rebuild and another user of the name"},
			},
		},
		{
			name: "a group that has reserved another name than its document has", commit: rebuild,
			given: damaged(func(f *fixture) []table.Op {
				return set(groupKey(t, "g1"), attrDoc, table.Text(`{"displayName":"Other","externalId":"e-g1","id":"g1"}`))
			}),
			conditions: []settled{
				ofGroup, entry, reserved(group("group g1"), "g1"), {group("other"), table.Absent(), "", "a rebuild and another group of the name"},
			},
		},
		{
			name: "a user whose name is reserved for nobody", commit: rebuild,
			given:      damaged(func(*fixture) []table.Op { return []table.Op{holder(name("u1"), "nobody")} }),
			conditions: append([]settled{user, entry, reserved(name("u1"), "nobody")}, noUser...),
		},
		{
			name: "a group whose name is reserved for nobody", commit: rebuild,
			given: damaged(func(*fixture) []table.Op { return []table.Op{holder(group("group g1"), "nobody")} }),
			conditions: []settled{
				ofGroup, entry, reserved(group("group g1"), "nobody"), {groupKey(t, "nobody"), table.Absent(), "", "a rebuild and a group that is created"},
			},
		},
		{
			name: "a user whose name is reserved for a user without it", commit: rebuild,
			given: damaged(func(*fixture) []table.Op { return []table.Op{holder(name("u1"), "u2")} }),
			conditions: []settled{
				user, entry, reserved(name("u1"), "u2"),
				{userKey(t, "u2"), table.Is(attrVersion, table.Number(1)), "", "a rebuild and a user who takes the name"},
			},
		},
		{
			name: "a user whose name a deleted one has reserved", commit: rebuild,
			given: damaged(func(f *fixture) []table.Op {
				return []table.Op{
					table.Delete(name("gone")), holder(name("u1"), "gone"),
					table.Update(goneKey(t, "gone"), table.Change{Set: table.Attributes{attrDoc: f.named("gone", "u1"), "held.user": table.Text("u1")}}),
				}
			}),
			conditions: []settled{
				user, entry, reserved(name("u1"), "gone"),
				{goneKey(t, "gone"), table.Is(attrVersion, table.Number(1)), "", "a rebuild and the restore of the deleted user"},
			},
		},
		{
			name: "a reservation for nobody", commit: rebuild,
			given:      damaged(func(*fixture) []table.Op { return []table.Op{holder(name("free"), "nobody")} }),
			conditions: append([]settled{entry, reserved(name("free"), "nobody")}, noUser...),
		},
		{
			name: "an email in the index for nobody", commit: rebuild,
			given: damaged(func(*fixture) []table.Op {
				return []table.Op{table.Put(table.Item{Key: mailKey(t, "old@home.test", "nobody")})}
			}),
			conditions: append([]settled{entry}, noUser...),
		},
	}
}
