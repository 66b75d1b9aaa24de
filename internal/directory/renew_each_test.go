package directory_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// aged returns a tenant with a live user, a deleted user and a group of an earlier version,
// and a user that needs no renewal.
func aged(t *testing.T) (f *fixture, raw *embedded.Table, live, deleted, group1 string) {
	t.Helper()
	raw, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	f = newFixtureFor(t, raw, "acme", 50)
	live = f.mustPost(user(`"userName":"live@xn--bcher-kva.test","emails":[{"value":"mail@xn--bcher-kva.test"},{"value":"other@xn--bcher-kva.test"},{"value":"same@a.test"}]`)).ID
	deleted = f.mustPost(user(`"userName":"gone@a.test","emails":[{"value":"unique@xn--bcher-kva.test"},{"value":"more@xn--bcher-kva.test"}]`)).ID
	f.mustRemove(deleted)
	group1 = f.mustPostGroup(group("Sa\u200bles"))
	f.mustPost(user(`"userName":"new@a.test"`))
	f.age(raw, "USERS", live)
	f.age(raw, "GONE", deleted)
	f.age(raw, "GROUPS", group1)
	return f, raw, live, deleted, group1
}

// Each value of an earlier version is reported as what it is, and a renewal removes the
// report.
func TestAudit_SaysWhatARenewalChanges(t *testing.T) {
	f, _, live, deleted, group1 := aged(t)
	faults, err := f.store.Audit(t.Context(), f.tenant)
	require.NoError(t, err)
	var got []string
	for _, fault := range faults {
		require.True(t, fault.Renewable, "%s", fault)
		got = append(got, fault.String())
	}
	former := func(item, attribute string) string {
		return item + ": holds its " + attribute + " in the form of an earlier version"
	}
	require.ElementsMatch(t, []string{
		former("user "+live, "userName"), former("user "+live, "emails"), "user " + live + ": does not hold its userName as an address: an earlier version did not reserve it",
		"email of user " + live + ": is in the index in the form of an earlier version", "user " + live + ": has an email that is not in the index",
		"email of user " + deleted + ": is in the index in the form of an earlier version", "user " + deleted + ": has an email that is not in the index",
		former("user "+deleted, "emails"), former("group "+group1, "displayName"),
	}, got)
	records, kept := f.renew()
	require.Equal(t, []int{3, 0}, []int{records, kept})
	text, _ := f.faults()
	require.Empty(t, text)
}

// A renewal gives a record what it holds in the current form, and the address of a live user;
// a deleted user gets no value that it does not hold. It is a change of the record: a request
// that read the record before it decides again.
func TestRenewNames_ChangesWhatIsHeld(t *testing.T) {
	f, _, live, deleted, group1 := aged(t)
	before := map[string]int64{live: f.read(live).Version, deleted: f.read(deleted).Version}
	g, err := f.dir.Group(t.Context(), f.tenant, group1)
	require.NoError(t, err)
	f.renew()
	require.Equal(t, directory.Claims{
		directory.UserName: "live@bücher.test", directory.Email: "mail@bücher.test", directory.Address: "live@bücher.test",
	}, f.read(live).Held)
	require.Equal(t, directory.Claims{directory.UserName: "gone@a.test", directory.Email: "unique@bücher.test"}, f.read(deleted).Held)
	for id, version := range before {
		require.Equal(t, version+1, f.read(id).Version)
	}
	after, err := f.dir.Group(t.Context(), f.tenant, group1)
	require.NoError(t, err)
	require.Equal(t, directory.Claims{directory.GroupName: "sales"}, after.Held)
	require.Equal(t, []int64{g.Version + 1, g.Revision + 1}, []int64{after.Version, after.Revision})
	f.check(2)
}

// A renewal of which any call fails is reported as failed, and the next one completes it.
func TestRenewNames_ReportsEachFailedCall(t *testing.T) {
	base, raw, _, _, _ := aged(t)
	for at, calls := int64(-1), int64(0); at < calls; at++ {
		one, err := raw.Copy()
		require.NoError(t, err)
		t.Cleanup(func() { _ = one.Close() })
		f := *base
		f.store = base.storeOn(one)
		count := newBreaking(one, at)
		renewed, err := base.storeOn(count).RenewNames(t.Context(), f.tenant)
		if at < 0 {
			require.NoError(t, err)
			require.Equal(t, 3, renewed.Records)
			calls = count.Made()
			continue
		}
		if err != nil { // a failed look at the index only makes the emails be written again
			require.ErrorIs(t, err, errCall, "call %d of %d", at, calls)
		} else {
			require.Equal(t, 3, renewed.Records, "call %d of %d", at, calls)
			text, _ := f.faults()
			require.Empty(t, text, "call %d of %d", at, calls)
		}
		f.renew()
		text, _ := f.faults()
		require.Empty(t, text, "call %d of %d", at, calls)
	}
}

// The records of a tenant without values of an earlier version are read once, page by page.
func TestRenewNames_ReadsRecordsOnce(t *testing.T) {
	raw := enginetest.Memory(t)
	f := newFixtureFor(t, raw, "acme", 50)
	f.mustPostGroup(group("Staff", f.people(3)...))
	f.mustRemove(f.mustPost(user(`"userName":"gone@a.test","emails":[{"value":"unique@a.test"},{"value":"more@a.test"}]`)).ID)
	count := tabletest.NewFailing(raw, -1, errCall)
	_, err := f.storeOn(count).RenewNames(t.Context(), f.tenant)
	require.NoError(t, err)
	require.Equal(t, int64(4), count.Made(), "the tenant, users, deleted users and groups")
}

// A record that keeps several values, because other live records have them, is counted once,
// and so is one that changes too often.
func TestRenewNames_CountsRecordsThatStay(t *testing.T) {
	raw := enginetest.Memory(t)
	f := newFixtureFor(t, raw, "acme", 50)
	two := f.mustPost(user(`"userName":"an\u200bn","emails":[{"value":"an\u200bn@a.test"}]`)).ID
	f.age(raw, "USERS", two)
	f.mustPost(user(`"userName":"other","emails":[{"value":"ann@a.test"}]`))
	f.mustPost(user(`"userName":"ann"`))
	records, kept := f.renew()
	require.Equal(t, []int{0, 1}, []int{records, kept})

	f, memory, live, _, _ := aged(t)
	writes := 0
	m := &meddled{Table: memory, before: func(_ int, tx table.Transaction) {
		if strings.HasSuffix(tx.Ops[0].Key.Partition, "#USERS") && tx.Ops[0].Key.Sort == live {
			writes++
			f.mustPatch(live, `[{"op":"replace","path":"title","value":"`+newID()+`"}]`)
		}
	}}
	renewed, err := f.storeOn(m).RenewNames(t.Context(), f.tenant)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1, 8}, []int{renewed.Records, renewed.Kept, writes})
}

// A value that a record holds, and that is not in its document in any form, is not a matter of
// a renewal.
func TestRenewNames_LeavesOtherDifferences(t *testing.T) {
	raw := enginetest.Memory(t)
	f := newFixtureFor(t, raw, "acme", 50)
	id := f.mustPost(user(`"userName":"ann@a.test","emails":[{"value":"mail@a.test"}]`)).ID
	held := table.Change{Set: table.Attributes{"held.user": table.Text("other"), "held.addr": table.Text("other@a.test")}}
	require.NoError(t, raw.Write(t.Context(), table.Transaction{Token: "t", Ops: []table.Op{table.Update(table.Key{Partition: "T#acme#USERS", Sort: id}, held)}}))
	records, kept := f.renew()
	require.Equal(t, []int{0, 0}, []int{records, kept})
	require.Equal(t, directory.Claims{directory.UserName: "other", directory.Email: "mail@a.test", directory.Address: "other@a.test"}, f.read(id).Held)
}
