package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// person stores an inactive user, or a deleted one, with a userName, a unique email,
// another email and an externalId, each with the user's id in it.
func (f *fixture) person(id string, deleted bool) {
	f.t.Helper()
	u := &directory.User{
		ID: id, Version: 1, Created: f.now(), Modified: f.now(), Type: tenant.User, DeactivatedBy: journal.ByIdP, Origin: directory.OriginSCIM,
		Doc: docOf(id, id), Deleted: deleted,
	}
	r, err := u.Resource()
	f.must(err)
	u.Held = directory.ClaimsOf(r)
	c := directory.Change{After: u, OtherAfter: directory.OtherEmails(r)}
	var ops []table.Op
	for _, o := range slices.Concat(recordOps(f.tenant, c), userClaimOps(f.tenant, c), mailOps(f.tenant, c)) {
		ops = append(ops, o.Op)
	}
	if !deleted {
		count := countOp(f.tenant, 0, counts{users: 1})
		ops = append(ops, count)
	}
	f.write(ops...)
}

// docOf returns a user's document, with the names of another user.
func docOf(id, names string) []byte {
	return fmt.Appendf(nil, `{"active":false,"emails":[{"type":"work","value":"%s@x.test"},{"type":"home","value":"%s@home.test"}],`+
		`"externalId":"e-%s","id":%q,"userName":%q}`, names, names, names, id, names)
}

// named returns the document of a user with another userName.
func (f *fixture) named(id, name string) table.Value {
	return table.Text(strings.Replace(string(docOf(id, id)), fmt.Sprintf(`"userName":%q`, id), fmt.Sprintf(`"userName":%q`, name), 1))
}

// rebuildFixture returns a tenant with the users u1 and u2, the deleted user gone, and
// the groups g1 and g2.
func rebuildFixture(t testing.TB, on table.Table) *fixture {
	t.Helper()
	f := sweepFixture(t, on)
	f.names()
	f.wantNoFaults()
	return f
}

// names stores the users and groups of rebuildFixture.
func (f *fixture) names() {
	f.t.Helper()
	f.person("u1", false)
	f.person("u2", false)
	f.person("gone", true)
	f.group("g1")
	f.group("g2")
}

// nameAt returns the key of a user's reservation.
func (f *fixture) nameAt(kind directory.Kind, id string) table.Key {
	value := map[directory.Kind]string{
		directory.UserName: id, directory.Email: id + "@x.test", directory.ExternalID: directory.HashExternalID("e-" + id),
		directory.GroupName: "group " + id, directory.GroupExternalID: directory.HashExternalID("e-" + id),
	}[kind]
	return reservationKey(f.tenant, kind, value)
}

// holder returns an operation that makes a reservation name a record.
func holder(key table.Key, id string) table.Op {
	return table.Put(table.Item{Key: key, Attributes: table.Attributes{attrHolder: table.Text(id)}})
}

// damages are direct writes that damage names, each with the repairs that are made, and
// the conflicts that are left.
var damages = []struct {
	name      string
	damage    func(f *fixture) []table.Op
	repairs   []string
	conflicts []string
}{
	{
		"a reservation of each kind is missing",
		func(f *fixture) []table.Op {
			return []table.Op{
				table.Delete(f.nameAt(directory.UserName, "u1")), table.Delete(f.nameAt(directory.Email, "u1")), table.Delete(f.nameAt(directory.ExternalID, "u1")),
				table.Delete(f.nameAt(directory.UserName, "gone")),
				table.Delete(f.nameAt(directory.GroupName, "g1")), table.Delete(f.nameAt(directory.GroupExternalID, "g2")),
			}
		},
		[]string{
			"user u1: userName not reserved: reserved; emails not reserved: reserved; externalId not reserved: reserved",
			"user gone: userName not reserved: reserved",
			"group g1: displayName not reserved: reserved", "group g2: externalId not reserved: reserved",
		},
		nil,
	},
	{
		"a reservation names nobody",
		func(f *fixture) []table.Op {
			return []table.Op{
				holder(f.nameAt(directory.UserName, "free"), "nobody"), holder(f.nameAt(directory.GroupName, "free"), "nobody"),
				holder(f.nameAt(directory.ExternalID, "u1"), "nobody"),
			}
		},
		[]string{
			"user u1: externalId reserved for nobody, which does not have it: reserved for this one",
			"reservation in T#acme#NAMES#user: userName reserved for nobody, which does not have it: deleted",
			"reservation in T#acme#NAMES#gname: displayName reserved for nobody, which does not have it: deleted",
		},
		nil,
	},
	{
		"a reservation names a record without the value",
		func(f *fixture) []table.Op {
			return []table.Op{
				holder(f.nameAt(directory.UserName, "free"), "u2"), holder(f.nameAt(directory.Email, "u1"), "u2"),
				holder(f.nameAt(directory.GroupName, "g1"), "g2"),
			}
		},
		[]string{
			"user u1: emails reserved for u2, which does not have it: reserved for this one",
			"group g1: displayName reserved for g2, which does not have it: reserved for this one",
			"reservation in T#acme#NAMES#user: userName reserved for u2, which does not have it: deleted",
		},
		nil,
	},
	{
		"a record does not hold what it has reserved",
		func(f *fixture) []table.Op {
			return []table.Op{
				table.Update(userKey(f.tenant, "u1"), table.Change{Remove: []string{"held.ext"}}),
				table.Update(groupKey(f.tenant, "g1"), table.Change{Remove: []string{"held.gname"}}),
			}
		},
		[]string{"user u1: externalId reserved and not held: held", "group g1: displayName reserved and not held: held"},
		nil,
	},
	{
		"a record holds another value than its document has",
		func(f *fixture) []table.Op {
			return []table.Op{
				table.Update(userKey(f.tenant, "u1"), table.Change{Set: table.Attributes{attrDoc: table.Text(string(docOf("u1", "new")))}}),
				table.Delete(mailKey(f.tenant, "u1@home.test", "u1")), table.Put(table.Item{Key: mailKey(f.tenant, "new@home.test", "u1")}),
			}
		},
		[]string{"user u1: userName not reserved: reserved; emails not reserved: reserved; externalId not reserved: reserved"},
		nil,
	},
	{
		"a record holds a value that its document does not have",
		func(f *fixture) []table.Op {
			return set(groupKey(f.tenant, "g1"), attrDoc, table.Text(`{"displayName":"Group g1","id":"g1"}`))
		},
		[]string{"group g1: externalId held without being in the document: given up"},
		nil,
	},
	{
		"a deleted record has the value of a live one",
		func(f *fixture) []table.Op {
			return []table.Op{
				table.Delete(f.nameAt(directory.UserName, "gone")),
				table.Update(goneKey(f.tenant, "gone"), table.Change{Set: table.Attributes{attrDoc: f.named("gone", "u1"), "held.user": table.Text("u1")}}),
			}
		},
		[]string{"user gone: userName of a live record: lost"},
		nil,
	},
	{
		"a deleted record has reserved the value of a live one",
		func(f *fixture) []table.Op {
			return []table.Op{
				table.Delete(f.nameAt(directory.UserName, "gone")), holder(f.nameAt(directory.UserName, "u1"), "gone"),
				table.Update(goneKey(f.tenant, "gone"), table.Change{Set: table.Attributes{attrDoc: f.named("gone", "u1"), "held.user": table.Text("u1")}}),
			}
		},
		[]string{"user u1: userName reserved for gone, which is deleted: reserved for this one"},
		nil,
	},
	{
		"the index of emails",
		func(f *fixture) []table.Op {
			return []table.Op{
				table.Delete(mailKey(f.tenant, "u1@home.test", "u1")), table.Put(table.Item{Key: mailKey(f.tenant, "old@home.test", "u1")}),
				table.Put(table.Item{Key: mailKey(f.tenant, "old@home.test", "nobody")}),
			}
		},
		[]string{
			"user u1: emails not in the index: added",
			"email in T#acme#MAILS: emails in the index for nobody, which does not have it: deleted",
			"email in T#acme#MAILS: emails in the index for u1, which does not have it: deleted",
		},
		nil,
	},
	{
		"two live records have a value, and one has reserved it",
		func(f *fixture) []table.Op {
			return []table.Op{
				table.Update(groupKey(f.tenant, "g2"), table.Change{Set: table.Attributes{
					attrDoc: table.Text(`{"displayName":"Group g1","externalId":"e-g2","id":"g2"}`), "held.gname": table.Text("group g1"),
				}}),
			}
		},
		[]string{"reservation in T#acme#NAMES#gname: displayName reserved for g2, which does not have it: deleted"},
		[]string{"group g2: has the same displayName as another live record: change one of them"},
	},
	{
		"two live records have a value, and none has reserved it",
		func(f *fixture) []table.Op {
			return []table.Op{
				table.Delete(f.nameAt(directory.GroupName, "g1")), table.Delete(f.nameAt(directory.GroupName, "g2")),
				table.Update(groupKey(f.tenant, "g2"), table.Change{Set: table.Attributes{
					attrDoc: table.Text(`{"displayName":"Group g1","externalId":"e-g2","id":"g2"}`), "held.gname": table.Text("group g1"),
				}}),
			}
		},
		nil,
		[]string{
			"group g1: has the same displayName as another live record: change one of them",
			"group g2: has the same displayName as another live record: change one of them",
		},
	},
	{
		"two live records have a value, and neither holds it",
		func(f *fixture) []table.Op {
			return []table.Op{
				table.Delete(f.nameAt(directory.GroupName, "g1")), table.Delete(f.nameAt(directory.GroupName, "g2")),
				table.Update(groupKey(f.tenant, "g1"), table.Change{Remove: []string{"held.gname"}}),
				table.Update(groupKey(f.tenant, "g2"), table.Change{
					Set: table.Attributes{attrDoc: table.Text(`{"displayName":"Group g1","externalId":"e-g2","id":"g2"}`)}, Remove: []string{"held.gname"},
				}),
			}
		},
		nil,
		[]string{
			"group g1: has the same displayName as another live record: change one of them",
			"group g2: has the same displayName as another live record: change one of them",
		},
	},
}

func textsOf(done Rebuilt) (repairs, conflicts []string) {
	for _, r := range done.Repairs {
		repairs = append(repairs, r.Item+": "+r.Change)
	}
	for _, c := range done.Conflicts {
		conflicts = append(conflicts, c.String())
	}
	return repairs, conflicts
}

// finds reports whether an entry of the log is found by its record: by the names that the
// record has of its entries, or by the index.
func (f *fixture) finds(e journal.Entry) bool {
	f.t.Helper()
	pages, err := f.store.SubjectPages(f.t.Context(), f.tenant, []journal.Subject{subjectOfRecord(e)}, provlog.Span{})
	f.must(err)
	records, err := f.store.FindRecords(f.t.Context(), f.tenant, e.ResourceID)
	f.must(err)
	return slices.Contains(pages[0].Items, e.Key()) ||
		slices.ContainsFunc(records, func(r provlog.Record) bool { return slices.Contains(r.History, e.Key()) })
}

// Each damage is reported first and changes nothing, then repaired, with an entry for
// each repair; afterwards only conflicts are faults.
func TestRebuildNames_RepairsEachDamage(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(t testing.TB) table.Table) {
		for _, tt := range damages {
			t.Run(tt.name, func(t *testing.T) {
				f := rebuildFixture(t, table.Retrying(open(t)))
				f.write(tt.damage(f)...)
				before, err := f.store.Audit(t.Context(), f.tenant)
				require.NoError(t, err)
				require.NotEmpty(t, before, "the damage is no fault")
				logged := len(f.all(partition(f.tenant, "LOG")))

				dry, err := f.store.RebuildNames(t.Context(), f.tenant, Repairer{Who: "root"})
				require.NoError(t, err)
				after, err := f.store.Audit(t.Context(), f.tenant)
				require.NoError(t, err)
				assert.Equal(t, before, after, "a dry run changes something")
				assert.Len(t, f.all(partition(f.tenant, "LOG")), logged)

				done, err := f.store.RebuildNames(t.Context(), f.tenant, Repairer{Who: "root", Apply: true})
				require.NoError(t, err)
				repairs, conflicts := textsOf(done)
				assert.ElementsMatch(t, tt.repairs, repairs)
				assert.ElementsMatch(t, tt.conflicts, conflicts)
				expected, _ := textsOf(dry)
				assert.ElementsMatch(t, expected, repairs, "the dry run expects something else")

				entries := f.all(partition(f.tenant, "LOG"))
				assert.Len(t, entries, logged+len(repairs))
				for _, r := range done.Repairs {
					read, err := f.store.Entries(t.Context(), f.tenant, []string{r.Entry})
					require.NoError(t, err)
					e := read[r.Entry]
					assert.Equal(t, []any{journal.Repair, journal.Repaired, "root", r.Change}, []any{e.Operation, e.Action, e.Who, e.Detail})
					assert.True(t, f.finds(e), "the entry %q is not found by its record", r.Change)
				}
				faults, err := f.store.Audit(t.Context(), f.tenant)
				require.NoError(t, err)
				if tt.conflicts == nil {
					assert.Empty(t, faults)
				}
				again, err := f.store.RebuildNames(t.Context(), f.tenant, Repairer{Who: "root", Apply: true})
				require.NoError(t, err)
				assert.Empty(t, again.Repairs, "a second repair has something to do")
				assert.ElementsMatch(t, done.Conflicts, again.Conflicts)
			})
		}
	})
}

// A request between the decision and the write of a repair: the repair decides again,
// and nothing is taken from the request's record.
func TestRebuildNames_RequestsMeanwhile(t *testing.T) {
	requests := map[string]func(f *fixture, n int){
		"takes the free value": func(f *fixture, n int) {
			u := &directory.User{ID: fmt.Sprint("new", n), Version: 1, Type: tenant.User, DeactivatedBy: journal.ByIdP, Doc: docOf(fmt.Sprint("new", n), "u1")}
			r, err := u.Resource()
			f.must(err)
			u.Held = directory.ClaimsOf(r)
			c := directory.Change{After: u, OtherAfter: directory.OtherEmails(r)}
			_ = f.store.Commit(f.t.Context(), f.tenant, directory.Change{After: u, OtherAfter: c.OtherAfter, Entry: f.entry(journal.Create, journal.Created, "User", u.ID), Expires: f.now()})
		},
		"deletes the record": func(f *fixture, int2 int) { f.deleteUser("u1") },
		"renames the record": func(f *fixture, n int) {
			before, err := f.store.User(f.t.Context(), f.tenant, "u1")
			f.must(err)
			after := *before
			after.Version, after.Doc = before.Version+1, docOf("u1", fmt.Sprint("renamed", n))
			r, err := after.Resource()
			f.must(err)
			old, err := before.Resource()
			f.must(err)
			after.Held = directory.ClaimsOf(r)
			_ = f.store.Commit(f.t.Context(), f.tenant, directory.Change{
				Before: before, After: &after, OtherBefore: directory.OtherEmails(old), OtherAfter: directory.OtherEmails(r),
				Entry: f.entry(journal.Replace, journal.Updated, "User", "u1"), Expires: f.now(),
			})
		},
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			for at, met := int64(1), true; met; at++ {
				f := rebuildFixture(t, enginetest.Memory(t))
				f.write(table.Delete(f.nameAt(directory.UserName, "u1")), table.Delete(f.nameAt(directory.Email, "u1")),
					table.Delete(f.nameAt(directory.ExternalID, "u1")), holder(f.nameAt(directory.UserName, "free"), "u2"))
				m := &meeting{Table: f.table, at: at}
				m.do = func() { request(f, int(at)) }
				_, err := f.on(m).RebuildNames(t.Context(), f.tenant, Repairer{Apply: true})
				require.NoError(t, err)
				met = m.writes.Load() >= at
				done, err := f.store.RebuildNames(t.Context(), f.tenant, Repairer{Apply: true})
				require.NoError(t, err)
				faults, err := f.store.Audit(t.Context(), f.tenant)
				require.NoError(t, err)
				for _, fault := range faults {
					assert.Truef(t, fault.Unfinished || len(done.Conflicts) > 0, "before write %d: %s", at, fault)
				}
				// What the request's record has, it keeps.
				created, err := f.store.User(t.Context(), f.tenant, fmt.Sprint("new", at))
				require.NoError(t, err)
				if created != nil {
					holders, err := f.store.Holders(t.Context(), f.tenant, created.Held)
					require.NoError(t, err)
					for kind, id := range holders {
						assert.Equalf(t, created.ID, id, "before write %d: %s", at, kind)
					}
				}
			}
		})
	}
}
