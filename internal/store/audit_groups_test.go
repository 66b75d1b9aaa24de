package store

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// auditFixture returns a tenant without faults: u1 and u2 are in g1; g2 is
// empty; g3 was emptied, so that its epoch is the second; gone is a deleted
// user.
func auditFixture(t testing.TB) *fixture {
	t.Helper()
	f := sweepFixture(t, enginetest.Memory(t))
	f.users("u1", "u2", "gone")
	f.group("g1", "u1", "u2", "gone")
	f.group("g2")
	f.group("g3", "u1")
	f.empty("g3")
	f.deleteUser("gone")
	f.wantSweep(0, Swept{Finished: 2})
	return f
}

func TestAudit_FindsNoFaultInSoundTenant(t *testing.T) {
	f := auditFixture(t)
	f.wantNoFaults()
	items := f.all(partition(f.tenant, "GONE"))
	assert.Lenf(t, items, 1, "%d deleted users, want 1", len(items))
	f.wantMembers("g1", []string{"u1", "u2"})
}

// problem is an expected fault, with its text as in the source.
type problem struct {
	item, format string
	args         []any
	unfinished   bool
}

func (p problem) fault() Fault {
	text := p.format
	if len(p.args) > 0 {
		text = fmt.Sprintf(p.format, p.args...)
	}
	return Fault{Item: p.item, Problem: text, Unfinished: p.unfinished}
}

// unfinished returns the fault of an unfinished task, which is the only one.
func unfinished(name string) problem {
	return problem{item: "task " + name, format: "is not finished", unfinished: true}
}

// spoils are direct writes that damage the tenant, each with all faults that
// must then be reported.
var spoils = []struct {
	name  string
	spoil func(f *fixture) []table.Op
	want  []problem
}{
	{
		"a document is no JSON",
		func(f *fixture) []table.Op { return set(groupKey(f.tenant, "g2"), attrDoc, table.Text("{")) },
		[]problem{
			{item: "group g2", format: "has a document that does not decode"},
			{item: "reservation of g2", format: "names a record that does not hold it"}, // its name
			{item: "reservation of g2", format: "names a record that does not hold it"}, // its externalId
		},
	},
	{
		"a document has another displayName",
		func(f *fixture) []table.Op {
			return set(groupKey(f.tenant, "g2"), attrDoc, table.Text(`{"displayName":"other","externalId":"e-g2","id":"g2"}`))
		},
		[]problem{{item: "group g2", format: "holds a %s that is not in its document", args: []any{"displayName"}}},
	},
	{
		"a document has no externalId any more",
		func(f *fixture) []table.Op {
			return set(groupKey(f.tenant, "g2"), attrDoc, table.Text(`{"displayName":"Group g2","id":"g2"}`))
		},
		[]problem{{item: "group g2", format: "holds a %s that is not in its document", args: []any{"externalId"}}},
	},
	{
		"a claim is not held",
		func(f *fixture) []table.Op {
			return []table.Op{table.Update(groupKey(f.tenant, "g2"), table.Change{Remove: []string{"held.gname"}})}
		},
		[]problem{
			{item: "group g2", format: "does not hold the %s of its document", args: []any{"displayName"}},
			{item: "reservation of g2", format: "names a record that does not hold it"},
		},
	},
	{
		"two groups hold a name",
		func(f *fixture) []table.Op {
			return []table.Op{table.Update(groupKey(f.tenant, "g2"), table.Change{Set: table.Attributes{
				attrDoc: table.Text(`{"displayName":"GROUP G1","externalId":"e-g2","id":"g2"}`), "held.gname": table.Text("group g1"),
			}})}
		},
		[]problem{
			{item: "group g2", format: "holds the same %s as group %s", args: []any{"displayName", "g1"}},
			{item: "reservation of g1", format: "is held by %s", args: []any{"g2"}},
			{item: "reservation of g2", format: "names a record that does not hold it"},
		},
	},
	{
		"a reservation is not there",
		func(f *fixture) []table.Op {
			return []table.Op{table.Delete(reservationKey(f.tenant, directory.GroupName, "group g2"))}
		},
		[]problem{{item: "record g2", format: "has no reservation in %s", args: []any{"T#acme#NAMES#gname"}}},
	},
	{
		"a reservation is another's",
		func(f *fixture) []table.Op {
			return set(reservationKey(f.tenant, directory.GroupExternalID, directory.HashExternalID("e-g2")), attrHolder, table.Text("g3"))
		},
		[]problem{{item: "reservation of g3", format: "is held by %s", args: []any{"g2"}}},
	},
	{
		"a reservation is nobody's",
		func(f *fixture) []table.Op {
			return set(reservationKey(f.tenant, directory.GroupName, "free"), attrHolder, table.Text("g2"))
		},
		[]problem{{item: "reservation of g2", format: "names a record that does not hold it"}},
	},
	{
		"the groups are counted wrongly",
		func(f *fixture) []table.Op { return set(ledgerKey(f.tenant), attrGroups, table.Number(4)) },
		[]problem{{item: "ledger", format: "counts %d %s, there are %d", args: []any{4, "groups", 3}}},
	},
	{
		"the ledger is not there",
		func(f *fixture) []table.Op { return []table.Op{table.Delete(ledgerKey(f.tenant))} },
		[]problem{
			{item: "ledger", format: "has no first shard"},
			{item: "ledger", format: "counts %d %s, there are %d", args: []any{0, "users", 2}},
			{item: "ledger", format: "counts %d %s, there are %d", args: []any{0, "groups", 3}},
		},
	},
	{
		"a shard has no number",
		func(f *fixture) []table.Op {
			return []table.Op{table.Put(ledgerItem(table.Key{Partition: ledgerKey(f.tenant).Partition, Sort: "01"}, directory.Ledger{}))}
		},
		[]problem{
			{item: "ledger", format: "has a shard without a number: %s", args: []any{"01"}},
			{item: "ledger", format: "has the shards %s, by the first one %d", args: []any{"[0 1]", 1}},
		},
	},
	{
		"a shard is there that the first one does not know",
		func(f *fixture) []table.Op {
			return []table.Op{table.Put(ledgerItem(shardKey(f.tenant, 1), directory.Ledger{}))}
		},
		[]problem{{item: "ledger", format: "has the shards %s, by the first one %d", args: []any{"[0 1]", 1}}},
	},
	{
		"a shard is not there",
		func(f *fixture) []table.Op { f.split(4); return []table.Op{table.Delete(shardKey(f.tenant, 2))} },
		[]problem{
			{item: "ledger", format: "has the shards %s, by the first one %d", args: []any{"[0 1 3]", 4}},
			{item: "ledger", format: "divides %d %s among its shards, the limit is %d", args: []any{8, "seats", 10}},
			{item: "ledger", format: "divides %d %s among its shards, the limit is %d", args: []any{8, "readers", 10}},
		},
	},
	{
		"a ledger of one shard has totals",
		func(f *fixture) []table.Op { return set(ledgerKey(f.tenant), attrSeatTotal, table.Number(10)) },
		[]problem{{item: "ledger", format: "has totals without several shards, or several shards without totals"}},
	},
	{
		"the parts of a limit are not the limit",
		func(f *fixture) []table.Op {
			f.split(4)
			return set(shardKey(f.tenant, 3), attrReaderLimit, table.Number(3))
		},
		[]problem{{item: "ledger", format: "divides %d %s among its shards, the limit is %d", args: []any{11, "readers", 10}}},
	},
	{
		"a shard has no limit, and others have one",
		func(f *fixture) []table.Op {
			f.split(4)
			return set(shardKey(f.tenant, 3), attrReaderLimit, table.Number(tenant.Unlimited))
		},
		[]problem{{item: "ledger", format: "limits %s in some shards only", args: []any{"readers"}}},
	},
	{
		"a shard is above its limit",
		func(f *fixture) []table.Op {
			f.split(4)
			return []table.Op{
				table.Update(shardKey(f.tenant, 1), table.Change{Add: map[string]int64{attrSeats: 3}}),
				table.Update(shardKey(f.tenant, 2), table.Change{Add: map[string]int64{attrSeats: -3}}),
			}
		},
		[]problem{{item: "ledger", format: "has more %s in shard %d than its part of the limit", args: []any{"seats", 1}}},
	},
	{
		"an epoch was never begun",
		func(f *fixture) []table.Op { return set(groupKey(f.tenant, "g2"), attrEpoch, table.Number(2)) },
		[]problem{{item: "group g2", format: "is at epoch %d of %d", args: []any{2, 1}}},
	},
	{
		"an epoch is none",
		func(f *fixture) []table.Op { return set(groupKey(f.tenant, "g2"), attrEpoch, table.Number(0)) },
		[]problem{{item: "group g2", format: "is at epoch %d of %d", args: []any{0, 1}}},
	},
	{
		"a task is left",
		func(f *fixture) []table.Op { return f.task("epoch#g3#1", nil) },
		[]problem{unfinished("epoch#g3#1")},
	},
	{
		"a task is not due",
		func(f *fixture) []table.Op { return f.task("epoch#g3#1", nil)[:1] },
		[]problem{unfinished("epoch#g3#1"), {item: "task epoch#g3#1", format: "is not listed as due: no sweep finds it"}},
	},
	{
		"a part of a change is left alone",
		func(f *fixture) []table.Op { return f.task("members#g2#w1#0003", nil)[:1] },
		[]problem{unfinished("members#g2#w1"), {item: "task members#g2#w1", format: "is not listed as due: no sweep finds it"}},
	},
	{
		"a task that is due is not there",
		func(f *fixture) []table.Op { return f.task("user#u1", nil)[1:] },
		[]problem{{item: "task user#u1", format: "is listed as due and does not exist", unfinished: true}},
	},
	{
		"a task of another tenant",
		func(f *fixture) []table.Op {
			return []table.Op{table.Put(table.Item{Key: table.Key{Partition: duePartition, Sort: "acme-1#user#u1"}})}
		},
		nil,
	},
	{
		"a user leaves without a task",
		func(f *fixture) []table.Op { return set(userKey(f.tenant, "u1"), attrLeaving, flag(true)) },
		[]problem{{item: "user u1", format: "is leaving its groups, and has no task"}},
	},
	{
		"a deleted user leaves without a task",
		func(f *fixture) []table.Op { return set(goneKey(f.tenant, "gone"), attrLeaving, flag(true)) },
		[]problem{{item: "user gone", format: "is leaving its groups, and has no task"}},
	},
	{
		"a deleted user leaves with a task",
		func(f *fixture) []table.Op {
			return slices.Concat(
				set(goneKey(f.tenant, "gone"), attrLeaving, flag(true)), f.member("g1", 1, "gone"), f.member("g0", 1, "gone")[1:],
				f.task("user#gone", nil))
		},
		[]problem{unfinished("user#gone")},
	},
	{
		"an accepted change is not there",
		func(f *fixture) []table.Op { return set(groupKey(f.tenant, "g2"), attrWork, table.Text("w1")) },
		[]problem{{item: "group g2", format: "names an accepted change that has no parts left"}},
	},
	{
		"another change is there than the accepted one",
		func(f *fixture) []table.Op {
			return append(set(groupKey(f.tenant, "g2"), attrWork, table.Text("w1")), f.task("members#g2#w2", nil)...)
		},
		[]problem{
			{item: "group g2", format: "names an accepted change that has no parts left"},
			unfinished("members#g2#w2"),
		},
	},
	{
		"an accepted change is not made",
		func(f *fixture) []table.Op {
			return append(set(groupKey(f.tenant, "g2"), attrWork, table.Text("w1")), f.task("members#g2#w1", nil)...)
		},
		[]problem{unfinished("members#g2#w1")},
	},
	{
		"a membership of an old epoch",
		func(f *fixture) []table.Op { return f.member("g3", 1, "u1")[:1] },
		[]problem{{item: "group g3", format: "has memberships of the old epoch %d, and no task ends them", args: []any{1}}},
	},
	{
		"memberships of an old epoch with a task",
		func(f *fixture) []table.Op {
			return append(f.member("g3", 1, "u1"), f.task("epoch#g3#1", nil)...)
		},
		[]problem{unfinished("epoch#g3#1")},
	},
	{
		"a member does not know of it",
		func(f *fixture) []table.Op {
			return []table.Op{table.Delete(userMembershipKey(f.tenant, "u1", "g1", 1))}
		},
		[]problem{{item: "group g1", format: "has the member %s, whose mirror is missing", args: []any{"u1"}}},
	},
	{
		"a deleted user is a member",
		func(f *fixture) []table.Op { return f.member("g1", 1, "gone") },
		[]problem{{item: "group g1", format: "has the member %s, who is not a live user", args: []any{"gone"}}},
	},
	{
		"a stranger is a member",
		func(f *fixture) []table.Op { return f.member("g1", 1, "nobody")[:1] },
		[]problem{
			{item: "group g1", format: "has the member %s, whose mirror is missing", args: []any{"nobody"}},
			{item: "group g1", format: "has the member %s, who is not a live user", args: []any{"nobody"}},
		},
	},
	{
		"a mirror is not readable",
		func(f *fixture) []table.Op {
			return []table.Op{table.Put(table.Item{Key: table.Key{Partition: "T#acme#U#u1", Sort: "g1#first"}})}
		},
		[]problem{{item: "user u1", format: "has a membership that cannot be read"}},
	},
	{
		"a mirror of no group",
		func(f *fixture) []table.Op { return f.member("g0", 1, "u1")[1:] },
		[]problem{{item: "user u1", format: "is a member of group %s, which does not exist", args: []any{"g0"}}},
	},
	{
		"a mirror of no group with a task",
		func(f *fixture) []table.Op { return append(f.member("g0", 1, "u1")[1:], f.task("epoch#g0#1", nil)...) },
		[]problem{unfinished("epoch#g0#1")},
	},
	{
		"a mirror of an old epoch",
		func(f *fixture) []table.Op { return f.member("g3", 1, "u1")[1:] },
		[]problem{{item: "user u1", format: "is a member of group %s in the old epoch %d", args: []any{"g3", 1}}},
	},
	{
		"a mirror of another epoch than the task's",
		func(f *fixture) []table.Op { return append(f.member("g3", 1, "u1")[1:], f.task("epoch#g3#7", nil)...) },
		[]problem{
			unfinished("epoch#g3#7"),
			{item: "user u1", format: "is a member of group %s in the old epoch %d", args: []any{"g3", 1}},
		},
	},
	{
		"a group does not know of a member",
		func(f *fixture) []table.Op { return []table.Op{table.Delete(membershipKey(f.tenant, "g1", 1, "u1"))} },
		[]problem{{item: "user u1", format: "has a mirror of a membership that does not exist: %s", args: []any{"T#acme#G#g1#1"}}},
	},
	{
		"a user is protected and neither listed nor marked",
		func(f *fixture) []table.Op { return set(userKey(f.tenant, "u1"), attrProtect, flag(true)) },
		[]problem{{item: "user u1", format: "differs in protection from the list of protected users"}},
	},
	{
		"a user is listed as protected and is not",
		func(f *fixture) []table.Op { return set(protectedListKey(f.tenant), attrIDs, table.Text("u1")) },
		[]problem{{item: "user u1", format: "differs in protection from the list of protected users"}},
	},
	{
		"a user is marked as protected and is not",
		func(f *fixture) []table.Op {
			return []table.Op{table.Put(table.Item{Key: protectedKey(f.tenant, "u1")})}
		},
		[]problem{{item: "user u1", format: "differs in protection from its guard item"}},
	},
	{
		"a protected user is not there",
		func(f *fixture) []table.Op {
			return append(set(protectedListKey(f.tenant), attrIDs, table.Text("nobody")), table.Put(table.Item{Key: protectedKey(f.tenant, "nobody")}))
		},
		[]problem{
			{item: "user nobody", format: "is listed as protected and does not exist"},
			{item: "user nobody", format: "has a guard item and does not exist"},
		},
	},
	{
		"a protected user was deleted",
		func(f *fixture) []table.Op {
			return slices.Concat(set(goneKey(f.tenant, "gone"), attrProtect, flag(true)), set(protectedListKey(f.tenant), attrIDs, table.Text("gone")),
				[]table.Op{table.Put(table.Item{Key: protectedKey(f.tenant, "gone")})})
		},
		[]problem{{item: "user gone", format: "differs in protection from the list of protected users"}},
	},
	{
		"a group is remembered as deleted and is there",
		func(f *fixture) []table.Op { return set(markerKey(f.tenant, "g1"), attrSubject, table.Text("g1")) },
		[]problem{{item: "group g1", format: "exists and has a marker as deleted in the application"}},
	},
	{
		"a group has owed members and no flag",
		func(f *fixture) []table.Op {
			return set(owedKey(f.tenant, "Group", "g1"), owedName("x"), table.Number(1))
		},
		[]problem{{item: "group g1", format: "has owed members and does not say so"}},
	},
	{
		"groups are owed to a user that is not there",
		func(f *fixture) []table.Op {
			return set(owedKey(f.tenant, "User", "nobody"), owedName("g1"), table.Number(1))
		},
		[]problem{{item: "user nobody", format: "has an item of owed groups and does not exist"}},
	},
	{
		"a user was purged, and its memberships are being ended",
		func(f *fixture) []table.Op {
			return append(f.member("g1", 1, "purged"), f.task("user#purged", table.Attributes{attrPartOf: table.Text("r")})...)
		},
		[]problem{unfinished("user#purged")},
	},
}

// set sets an attribute of an item, which it creates if necessary.
func set(key table.Key, name string, value table.Value) []table.Op {
	return []table.Op{table.Update(key, table.Change{Set: table.Attributes{name: value}})}
}

// member returns a membership and its mirror.
func (f *fixture) member(group string, epoch int64, user string) []table.Op {
	return []table.Op{
		table.Put(table.Item{Key: membershipKey(f.tenant, group, epoch, user)}),
		table.Put(table.Item{Key: userMembershipKey(f.tenant, user, group, epoch)}),
	}
}

// task returns a task and its name among those that are due.
func (f *fixture) task(name string, a table.Attributes) []table.Op {
	return []table.Op{table.Put(table.Item{Key: taskKey(f.tenant, name), Attributes: a}), dueOp(f.tenant, name, millis(f.now()))}
}

func TestAudit_FindsEveryFaultOfGroups(t *testing.T) {
	for _, tt := range spoils {
		t.Run(tt.name, func(t *testing.T) {
			f := auditFixture(t)
			f.write(tt.spoil(f)...)
			got, err := f.store.Audit(t.Context(), f.tenant)
			f.must(err)
			var want []Fault
			for _, p := range tt.want {
				want = append(want, p.fault())
			}
			wantFaults(t, got, want)
		})
	}
}

// Every fault needs a case here: otherwise nothing shows that it is reported.
func TestAudit_EveryFaultOfGroupsHasACase(t *testing.T) {
	provoked := map[string]bool{}
	for _, tt := range spoils {
		for _, p := range tt.want {
			provoked[p.format] = true
		}
	}
	for _, format := range append(faultTexts(t, "audit_groups.go"), slices.Concat(faultTexts(t, "audit_own.go"), faultTexts(t, "audit_ledger.go"))...) {
		assert.Truef(t, provoked[format], "no case provokes the fault %q", format)
	}
}

func wantFaults(t *testing.T, got, want []Fault) {
	t.Helper()
	count := map[Fault]int{}
	for _, fault := range got {
		count[fault]++
	}
	for _, fault := range want {
		count[fault]--
	}
	for fault, n := range count {
		assert.Equalf(t, 0, n, "%+d of %q, unfinished %t", n, fault, fault.Unfinished)
	}
}

// faultTexts returns the texts of all faults that a file of this package
// reports: what it passes to audit.fault, and assigns to Fault.Problem.
func faultTexts(t *testing.T, file string) []string {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	texts := map[string]bool{}
	add := func(e ast.Expr) {
		literal, ok := e.(*ast.BasicLit)
		if !ok {
			t.Errorf("%s has a fault whose text is no literal", file)
			return
		}
		text, err := strconv.Unquote(literal.Value)
		require.NoError(t, err)
		texts[text] = true
	}
	ast.Inspect(source, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "fault" {
				add(n.Args[1])
			}
		case *ast.KeyValueExpr:
			if name, ok := n.Key.(*ast.Ident); ok && name.Name == "Problem" {
				add(n.Value)
			}
		}
		return true
	})
	require.NotEmptyf(t, texts, "%s reports no fault", file)
	return slices.Sorted(maps.Keys(texts))
}

// Faults of unfinished work are exactly those that a sweep removes.
func TestAudit_UnfinishedIsWhatASweepFinishes(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	m := f.mess()
	faults, err := f.store.Audit(t.Context(), f.tenant)
	f.must(err)
	var want []Fault
	for _, name := range taskNames {
		want = append(want, unfinished(name).fault())
	}
	wantFaults(t, faults, want)
	f.pass(2 * time.Minute)
	f.wantSweep(SweepAge, Swept{Finished: len(want)})
	m.wantTidy()
}

// Each member of a group is compared, whatever the ones before it are.
func TestAudit_ComparesEachMember(t *testing.T) {
	f := auditFixture(t)
	f.write(slices.Concat(f.member("g1", 1, "a-stranger"), f.member("g1", 1, "u1-stranger"), f.member("g1", 1, "z-stranger"))...)
	faults := 0
	for _, fault := range mustAudit(t, f) {
		if fault.Item == "group g1" && strings.HasSuffix(fault.Problem, "who is not a live user") {
			faults++
		}
	}
	require.Equal(t, 3, faults)
}
