package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// witness is a table that records every key that was ever written to.
type witness struct {
	table.Table
	keys map[table.Key]bool
}

func (w *witness) Write(ctx context.Context, tx table.Transaction) error {
	for _, op := range tx.Ops {
		w.keys[op.Key] = true
	}
	return w.Table.Write(ctx, tx)
}

// contents returns all stored items.
func (w *witness) contents(t testing.TB) map[table.Key]string {
	t.Helper()
	all := make(map[table.Key]string)
	for keys := range slices.Chunk(slices.Collect(maps.Keys(w.keys)), table.MaxGetKeys) {
		items, err := w.Get(context.Background(), keys...)
		require.NoError(t, err)
		for key, item := range items {
			all[key] = fmt.Sprintf("%+v", item.Attributes)
		}
	}
	return all
}

// differ lists the items that differ, by key.
func differ(before, after map[table.Key]string) string {
	var lines []string
	for key := range maps.Keys(after) {
		if strings.HasSuffix(key.Partition, "#OWED") {
			continue // a group that stays as it is may owe further members
		}
		if before[key] != strings.Replace(after[key], " owe:{text: number:1 isNumber:true}", "", 1) && before[key] != after[key] {
			lines = append(lines, fmt.Sprintf("%v\n  before %s\n  after  %s", key, before[key], after[key]))
		}
	}
	for key := range maps.Keys(before) {
		if _, ok := after[key]; !ok {
			lines = append(lines, fmt.Sprintf("%v\n  before %s\n  is gone", key, before[key]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// expected reports whether a PATCH on a working table, without concurrent
// requests, may have the answer.
func expected(err error) bool {
	var (
		invalid *scim.Error
		taken   *directory.TakenError
		full    *directory.FullError
		convert *directory.ConvertError
		members *directory.MembersError
		unknown *directory.UnknownMembersError
		tooMany *directory.TooManyError
	)
	return errors.As(err, &invalid) || errors.As(err, &taken) || errors.As(err, &full) || errors.As(err, &convert) ||
		errors.As(err, &members) || errors.As(err, &unknown) || errors.As(err, &tooMany) || errors.Is(err, directory.ErrDeactivatedInApp)
}

// tight is a tenant in which much can fail: its one seat is in use, and it has
// names, emails and externalIds to collide with.
type tight struct {
	table *embedded.Table
	keys  map[table.Key]bool
	users []string
	group string
}

func newTight(f *testing.F) *tight {
	f.Helper()
	engine, err := embedded.Memory()
	require.NoError(f, err)
	f.Cleanup(func() { _ = engine.Close() })
	w := &witness{Table: engine, keys: make(map[table.Key]bool)}
	on := newFixtureOn(f, w, 1, tenant.Unlimited)
	alice := on.mustPost(`{"schemas":["` + scim.CoreUserURN + `"],"userName":"alice@x","externalId":"a","name":{"givenName":"A"},` +
		`"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"}],` +
		`"` + scim.EnterpriseURN + `":{"department":"D","manager":{"value":"m"}}}`)
	bob := on.mustPost(`{"schemas":["` + scim.CoreUserURN + `"],"userName":"bob@x","externalId":"b","active":false}`)
	own := on.own(`{"schemas":["`+scim.CoreUserURN+`"],"userName":"own@x"}`, false, tenant.User)
	for _, name := range []string{"Design", "Taken"} {
		g, _, err := resource.Decode(schema.GroupType(), []byte(`{"schemas":["`+scim.CoreGroupURN+`"],"displayName":"`+name+`","members":[{"value":"`+alice.ID+`"}]}`))
		require.NoError(f, err)
		_, err = on.dir.ProvisionGroup(context.Background(), on.tenant, on.by(), g)
		require.NoError(f, err)
	}
	groups, err := on.dir.SearchGroups(context.Background(), on.tenant, on.by(), directory.Query{StartIndex: 1, Count: 1})
	if err != nil || len(groups.Records) != 1 {
		f.Fatal(groups, err)
	}
	return &tight{table: engine, keys: w.keys, users: []string{alice.ID, bob.ID, own.ID}, group: groups.Records[0].ID}
}

// copied returns a copy of the tenant, and a directory on it.
func (g *tight) copied(t *testing.T, strict bool) (*fixture, *witness) {
	t.Helper()
	engine, err := g.table.Copy()
	require.NoError(t, err)
	t.Cleanup(func() { _ = engine.Close() })
	w := &witness{Table: engine, keys: maps.Clone(g.keys)}
	f := newFixtureWithout(t, w, "acme")
	if strict {
		f.settings.Dialects, f.settings.UnknownAttributes, f.settings.UnknownMembers = tenant.DialectsRefuse, tenant.UnknownRefuse, tenant.UnknownMembersRefuse
	}
	return f, w
}

// A PATCH that fails leaves every stored byte as it was: users, groups,
// reservations and ledger. So does one that succeeds and changes nothing. After
// any other PATCH the data is consistent.
func FuzzModify_FailsWithoutATrace(f *testing.F) {
	g := newTight(f)
	for _, body := range patchSeeds(f, g) {
		f.Add([]byte(body), false)
		f.Add([]byte(body), true)
	}
	for _, body := range corpus.Read(f, "../..").Bodies {
		if strings.Contains(body, "Operations") && len(body) < 10_000 {
			f.Add([]byte(body), false)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, strict bool) {
		if _, err := resource.DecodePatch(body); err != nil {
			return // the directory is never reached
		}
		on, w := g.copied(t, strict)
		before := w.contents(t)
		step := func(what string, changed bool, err error) {
			t.Helper()
			after := w.contents(t)
			switch {
			case err != nil && !expected(err):
				t.Fatalf("%s: %T: %v", what, err, err)
			case (err != nil || !changed) && differ(before, after) != "":
				t.Fatalf("%s: %v, changed %t, and the table differs:\n%s", what, err, changed, differ(before, after))
			case err == nil && changed:
				faults, err := on.store.Audit(context.Background(), on.tenant)
				require.Truef(t, err == nil && len(faults) == 0, "%s: %v %v", what, faults, err)
			}
			before = after
		}
		for i, id := range append([]string{newID()}, g.users...) {
			patch, err := resource.DecodePatch(body)
			require.NoError(t, err)
			result, err := on.dir.Modify(context.Background(), on.tenant, on.by(), id, nil, patch)
			if i == 0 {
				require.ErrorIs(t, err, directory.ErrNotFound, "a PATCH of an unknown user")
				err = &scim.Error{}
			}
			step(fmt.Sprintf("user %d", i), did(result.Action), err)
		}
		patch, err := resource.DecodePatch(body)
		require.NoError(t, err)
		result, err := on.dir.ModifyGroup(context.Background(), on.tenant, on.by(), g.group, nil, patch)
		step("the group", did(result.Action), err)
	})
}

func did(a journal.Action) bool { return a != "" && a != journal.Unchanged }

// patchSeeds returns bodies of PATCH requests: those of other servers' test
// suites, and some for each rule.
func patchSeeds(f *testing.F, g *tight) []string {
	f.Helper()
	text, err := os.ReadFile("../scim/resource/testdata/patches.json")
	require.NoError(f, err)
	var corpus struct {
		Cases []struct{ Ops json.RawMessage }
	}
	if err := json.Unmarshal(text, &corpus); err != nil || len(corpus.Cases) < 200 {
		f.Fatal(len(corpus.Cases), err)
	}
	var operations []string
	for _, c := range corpus.Cases {
		operations = append(operations, string(c.Ops))
	}
	operations = append(operations,
		`[{"op":"replace","path":"title","value":"T"},{"op":"replace","path":"userName","value":"bob@x"}]`,
		`[{"op":"replace","path":"displayName","value":"Taken"}]`,
		`[{"op":"replace","path":"displayName","value":"New"},{"op":"add","path":"members","value":[{"value":"`+g.users[1]+`"},{"value":"nobody"}]}]`,
		`[{"op":"replace","path":"members","value":[{"value":"`+g.users[1]+`"}]}]`,
		`[{"op":"remove","path":"members"},{"op":"replace","path":"noSuch","value":1}]`,
		`[{"op":"replace","path":"active","value":true}]`,
		`[{"op":"replace","path":"active","value":false},{"op":"replace","path":"id","value":"x"}]`,
		`[{"op":"replace","path":"`+extension+`:isTeamAccount","value":false}]`,
		`[{"op":"replace","path":"emails[type eq \"work\"].value","value":"own@x"},{"op":"remove","path":"userName"}]`,
		`[{"op":"remove","path":"externalId"},{"op":"remove","path":"emails"}]`,
	)
	bodies := make([]string, len(operations))
	for i, o := range operations {
		bodies[i] = `{"schemas":["` + scim.PatchURN + `"],"Operations":` + o + `}`
	}
	return bodies
}
