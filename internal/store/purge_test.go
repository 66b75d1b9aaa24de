package store

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// witness is a table that records the key of every item that was ever in it.
type witness struct {
	table.Table

	mu   sync.Mutex
	seen map[table.Key]bool
}

func newWitness(t table.Table) *witness { return &witness{Table: t, seen: map[table.Key]bool{}} }

func (w *witness) Write(ctx context.Context, tx table.Transaction) error {
	w.mu.Lock()
	for _, op := range tx.Ops {
		if op.Kind == table.OpPut || op.Kind == table.OpUpdate {
			w.seen[op.Key] = true
		}
	}
	w.mu.Unlock()
	return w.Table.Write(ctx, tx)
}

// lines returns all items, of one tenant or of all others.
func (w *witness) lines(t *testing.T, of tenant.ID, others bool) []string {
	t.Helper()
	w.mu.Lock()
	keys := slices.Collect(maps.Keys(w.seen))
	w.mu.Unlock()
	items, err := New(w.Table, nil, nil).getAll(t.Context(), keys)
	require.NoError(t, err)
	var lines []string
	for key, item := range items {
		if owns(of, key) != others {
			lines = append(lines, line(item))
		}
	}
	slices.Sort(lines)
	return lines
}

// owns reports whether an item belongs to a tenant, or names it.
func owns(t tenant.ID, key table.Key) bool {
	switch name := t.String(); key.Partition {
	case duePartition:
		return strings.HasPrefix(key.Sort, name+"#")
	case expiringPartition:
		return strings.Contains(key.Sort, "#"+name+"#")
	case tenantsPartition:
		return key.Sort == name
	default:
		return strings.HasPrefix(key.Partition+"#", "T#"+name+"#")
	}
}

// fill writes an item of every kind for a tenant, in addition to the items of a
// mess.
func (f *fixture) fill() {
	f.t.Helper()
	for _, id := range []string{"k1", "k2", "k3"} {
		f.must(f.store.SaveToken(f.t.Context(), f.tenant, access.Record{ID: id, Hash: "h", LastFour: "abcd", Created: f.now(), Expires: f.now().Add(40 * aDay)}))
		f.must(f.store.Used(f.t.Context(), f.tenant, id, time.Time{}, f.now()))
	}
	f.must(f.store.BeginRotation(f.t.Context(), f.tenant, "k1", access.Record{ID: "k4", Hash: "h", LastFour: "abcd", Created: f.now()}))
	f.must(f.store.RevokeToken(f.t.Context(), f.tenant, "k2", f.now()))
	f.must(f.store.AddClient(f.t.Context(), f.tenant, access.Client{ID: "c1", SigningKey: []byte("key"), Version: 1, Secrets: []access.Secret{{ID: "s1", Expires: f.now().Add(20 * aDay)}}}, access.Roster{}))
	f.must(f.store.ClaimAssertion(f.t.Context(), f.tenant, "digest", f.now().Add(time.Hour)))
	mark := directory.Bookmark{TokenID: "k1", StartIndex: 101, Now: f.now()}
	f.must(f.store.SaveBookmark(f.t.Context(), f.tenant, mark, "u1"))
	f.write(
		table.Put(table.Item{Key: schemasKey(f.tenant), Attributes: table.Attributes{attrSchemas: table.Text("{}")}}),
		table.Put(table.Item{Key: markerKey(f.tenant, "g9"), Attributes: table.Attributes{attrTime: millis(f.now())}}),
		table.Put(table.Item{Key: protectedKey(f.tenant, "u9")}),
		table.Put(table.Item{Key: failingKey(f.tenant, "alice"), Attributes: table.Attributes{attrTime: millis(f.now())}}),
		table.Put(table.Item{Key: mailKey(f.tenant, "a@b.c", "u1")}))
}

// wantGone checks that nothing is left of a deleted tenant, and everything of
// the others.
func (f *fixture) wantGone(t *testing.T, w *witness, others []string) {
	t.Helper()
	left := w.lines(t, f.tenant, false)
	require.Emptyf(t, left, "%d items of the deleted tenant are left: %q …", len(left), left[:min(len(left), 5)])
	got := w.lines(t, f.tenant, true)
	require.Truef(t, slices.Equal(got, others), "others' items are %q, were %q", got, others)
	_, ok, err := f.store.Tenant(t.Context(), f.tenant)
	require.Truef(t, !ok && err == nil, "the deleted tenant is there: %v", err)
}

// end deletes the tenant, and leaves all that is stored of it to the task.
func (f *fixture) end() {
	f.t.Helper()
	f.must(tenant.NewRegistry(f.store, f.now).End(f.t.Context(), f.tenant))
}

// The deletion is killed after each of its writes, and then left to the sweep.
func TestEndTenant_TakesAllAwayWhereverItIsKilled(t *testing.T) {
	for i, engine := range enginetest.Plain() {
		step := 1
		if i > 0 {
			step = 29 // fifteen transactions a second
		}
		t.Run(engine.Name, func(t *testing.T) {
			engine.Need(t)
			for stop, killed := 1, true; killed; stop += step {
				killed = endKilledAfter(t, engine.Open(t), stop)
			}
		})
	}
}

func endKilledAfter(t *testing.T, on table.Table, stop int) (killed bool) {
	t.Helper()
	w := newWitness(on)
	f := sweepFixture(t, table.Retrying(w))
	f.mess()
	f.fill()
	// Names that begin with the deleted tenant's, or are a prefix of it.
	for _, name := range []string{"acme-2", "acm", "acme2"} {
		other := f.of(name)
		other.people(3)
		other.group("g1", "p00", "p01")
		other.empty("g1")
		other.fill()
	}
	others := w.lines(t, f.tenant, true)

	f.end()
	if swept, err := f.store.SweepTenant(t.Context(), f.tenant, SweepAge); err != nil || swept.Swept != (Swept{Young: tasks + 1}) {
		t.Fatalf("swept %+v, %v, before the requests are over", swept, err)
	}
	if owner, _, ok, err := f.store.Access(t.Context(), f.tenant, "k1"); err != nil || ok && !owner.Settings.SCIMDisabled {
		t.Fatalf("a token is good: %v", err)
	}
	f.pass(SweepAge)
	killed = errors.Is(f.on(tabletest.NewFault(f.table, 1, tabletest.FaultPlan{StopAfter: stop})).
		finishTenant(t.Context(), f.tenant, tenantTask(f.tenant)), tabletest.ErrStopped)
	if killed {
		if err := f.store.CreateTenant(t.Context(), f.tenant, tenant.DefaultSettings(), 1, 1, f.now()); !errors.Is(err, ErrTenantExists) {
			t.Fatalf("created again after %d writes: %v, want ErrTenantExists", stop, err)
		}
	}
	f.pass(time.Minute) // staged sets have a later time limit
	swept, err := f.store.SweepTenant(t.Context(), f.tenant, SweepAge)
	require.Truef(t, err == nil && swept.Failed == 0 && (!killed || swept.Finished != 0), "swept %+v, %v", swept, err)
	f.wantGone(t, w, others)
	// Its id is free, and what it had is gone.
	f.must(f.store.CreateTenant(t.Context(), f.tenant, tenant.DefaultSettings(), 1, 1, f.now()))
	_, _, ok, err := f.store.Access(t.Context(), f.tenant, "k1")
	require.Truef(t, !ok && err == nil, "a token of the forerunner is good: %v", err)
	f.wantNoFaults()
	return killed
}

// meeting is a table on which others act before the nth write.
type meeting struct {
	table.Table
	at     int64
	writes atomic.Int64
	do     func()
}

func (m *meeting) Write(ctx context.Context, tx table.Transaction) error {
	if m.writes.Add(1) == m.at {
		m.do()
	}
	return m.Table.Write(ctx, tx)
}

// Two sweeps at once, or a sweep and rollcall verify --repair: the other one
// finishes unfinished work while the tenant is being deleted.
func TestEndTenant_WhileItsTasksAreFinished(t *testing.T) {
	for at, met := int64(1), true; met; at++ {
		w := newWitness(enginetest.Memory(t))
		f := sweepFixture(t, table.Retrying(w))
		f.mess()
		f.end()
		f.pass(3 * time.Minute)
		m := &meeting{Table: f.table, at: at, do: func() {
			left, err := f.store.tasks(t.Context(), f.tenant)
			f.must(err)
			for task := range left {
				if task.Kind != directory.TaskTenant {
					_, _ = f.store.Finish(t.Context(), f.tenant, task) // it may be gone meanwhile
				}
			}
		}}
		f.must(f.on(m).finishTenant(t.Context(), f.tenant, tenantTask(f.tenant)))
		f.wantGone(t, w, nil)
		met = m.writes.Load() >= at
	}
}

// A delayed sweep deletes nothing of the tenant that has the id now.
func TestEndTenant_LeavesItsSuccessor(t *testing.T) {
	for at, met := int64(1), true; met; at++ {
		w := newWitness(enginetest.Memory(t))
		f := sweepFixture(t, table.Retrying(w))
		f.people(3)
		f.group("g1", "p00", "p01")
		f.fill()
		f.end()
		f.pass(time.Minute)
		var successor []string
		m := &meeting{Table: f.table, at: at, do: func() {
			f.must(f.store.finishTenant(t.Context(), f.tenant, tenantTask(f.tenant)))
			again := f.of(f.tenant.String())
			again.people(4)
			again.group("g1", "p00", "p03")
			again.fill()
			if at%2 == 0 {
				again.pass(time.Minute)
				again.end() // a later end is another task's
			}
			successor = w.lines(t, f.tenant, false)
		}}
		f.must(f.on(m).finishTenant(t.Context(), f.tenant, tenantTask(f.tenant)))
		if met = m.writes.Load() >= at; !met {
			break
		}
		got := w.lines(t, f.tenant, false)
		require.Truef(t, slices.Equal(got, successor), "met before write %d, the successor has %d items, had %d", at, len(got), len(successor))
	}
}

// The deletion ends with any data, with concurrent sweeps, killed anywhere,
// while requests that had read the tenant before still write.
func TestEndTenant_Property(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		raw := enginetest.Memory(t)
		w := newWitness(raw)
		f := sweepFixture(t, table.Retrying(w))
		other := f.of("acme-2")
		for _, one := range []*fixture{f, other} {
			one.draw(rt)
		}
		late := f.late()
		others := w.lines(t, f.tenant, true)
		f.end()
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, len(late)-1), 0, 8).Draw(rt, "late") {
			late[n](t.Context())
		}
		f.pass(3 * time.Minute)
		for range rapid.IntRange(1, 6).Draw(rt, "kills") {
			s := f.on(tabletest.NewFault(f.table, 1, tabletest.FaultPlan{StopAfter: rapid.IntRange(1, 40).Draw(rt, "writes")}))
			switch rapid.SampledFrom([]string{"purge", "sweep", "task"}).Draw(rt, "who") {
			case "purge":
				_ = s.finishTenant(t.Context(), f.tenant, tenantTask(f.tenant))
			case "sweep":
				_, _ = s.SweepTenant(t.Context(), f.tenant, SweepAge)
			case "task": // another that was left over, and is at work meanwhile
				left, err := f.store.tasks(t.Context(), f.tenant)
				f.must(err)
				for task := range left {
					if task.Kind != directory.TaskTenant {
						_, _ = s.Finish(t.Context(), f.tenant, task)
						break
					}
				}
			}
		}
		_, err := f.store.SweepTenant(t.Context(), f.tenant, SweepAge)
		require.NoError(t, err)
		f.wantGone(t, w, others)
	})
}

// draw creates some of what a tenant may have.
func (f *fixture) draw(rt *rapid.T) {
	f.t.Helper()
	people := f.people(12)
	f.users("leaver")
	for i, n := range rapid.SliceOfN(rapid.IntRange(0, 12), 3, 6).Draw(rt, "groups") {
		f.group(fmt.Sprint("g", i), people[:n]...)
	}
	f.group("last", "leaver")
	for _, what := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"empty", "stage", "accept", "parts", "leave", "fill", "new"}), 0, 7, rapid.ID).Draw(rt, "more") {
		switch what {
		case "empty":
			f.empty("g0")
		case "stage":
			f.stageSet("g0", people...)
		case "accept":
			f.accept("g1", []string{"leaver"}, nil)
		case "parts":
			f.writeParts(f.edit("g2"), 1)
		case "leave":
			f.deleteUser("leaver")
		case "fill":
			f.fill()
		case "new":
			f.must(f.store.BeginEpoch(f.t.Context(), f.tenant, "new", nil, 1, f.now().Add(time.Minute)))
			_, err := f.store.StageMembers(f.t.Context(), f.tenant, "new", 1, people)
			f.must(err)
		}
	}
}

// late returns writes of requests that read the tenant while it existed. Their
// errors do not matter to the deletion.
func (f *fixture) late() []func(context.Context) {
	f.t.Helper()
	join := directory.GroupUpdate{GroupEdit: f.edit("last")}
	join.Add = []string{"p00", "p05", "p11"}
	cleared := emptied(f.edit("last"))
	accepted := accepting(f.edit("last"), "w9", []string{"p01", "p02"}, nil)
	user, err := f.store.User(f.t.Context(), f.tenant, "p03")
	f.must(err)
	made := *user
	made.ID, made.Version = "made-late", 1
	gone := *user
	gone.Version, gone.Deleted, gone.Leaving = user.Version+1, true, true
	return []func(context.Context){
		func(ctx context.Context) { _ = f.store.UpdateGroup(ctx, f.tenant, join) },
		func(ctx context.Context) { _ = f.store.ReplaceMembers(ctx, f.tenant, cleared) },
		func(ctx context.Context) { _ = f.store.AcceptMembers(ctx, f.tenant, accepted) },
		func(ctx context.Context) {
			_ = f.store.BeginEpoch(ctx, f.tenant, "late", nil, 1, f.now().Add(time.Minute))
			_, _ = f.store.StageMembers(ctx, f.tenant, "late", 1, []string{"p00", "p04", "p09"})
		},
		func(ctx context.Context) {
			_ = f.store.Commit(ctx, f.tenant, directory.Change{After: &made, Expires: f.now(), Entry: f.entry("create", journal.Created, "User", made.ID)})
		},
		func(ctx context.Context) {
			_ = f.store.Commit(ctx, f.tenant, directory.Change{
				Before: user, After: &gone, Ends: true, Later: true, Expires: f.now(), Entry: f.entry("delete", journal.Deleted, "User", user.ID),
			})
		},
		func(ctx context.Context) { _ = f.store.Used(ctx, f.tenant, "k9", time.Time{}, f.now()) },
		func(ctx context.Context) {
			_ = f.store.SaveBookmark(ctx, f.tenant, directory.Bookmark{TokenID: "k9", StartIndex: 101, Now: f.now()}, "u1")
		},
		func(ctx context.Context) { _ = f.store.SaveToken(ctx, f.tenant, access.Record{ID: "late"}) },
		func(ctx context.Context) {
			_ = f.store.AddClient(ctx, f.tenant, access.Client{ID: "late"}, access.Roster{})
		},
		func(ctx context.Context) { _ = f.store.SetSeatLimit(ctx, f.tenant, 5, f.now()) },
		func(ctx context.Context) {
			_, _ = f.store.Finish(ctx, f.tenant, directory.Task{Kind: directory.TaskMembers, Resource: "g1", Name: "w1"})
		},
		func(ctx context.Context) {
			_, _ = f.store.Finish(ctx, f.tenant, directory.Task{Kind: directory.TaskUser, Resource: "leaver"})
		},
	}
}

// A deletion visits every partition for which a key is built.
func TestRecordPartitions_AreAllThatHaveKeys(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "layout.go", nil, 0)
	require.NoError(t, err)
	// Those that are visited in a special way, see finishTenant.
	known := map[string]bool{"": true, "TASKS": true, "USERS": true, "GONE": true, "GROUPS": true, "G#": true, "U#": true}
	for _, name := range recordPartitions() {
		if kind, ok := strings.CutPrefix(name, "NAMES#"); ok {
			known["NAMES#"] = slices.Contains(slices.Concat(directory.Kinds[:], directory.GroupKinds[:]), directory.Kind(kind))
			continue
		}
		known[name] = true
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		if f, ok := call.Fun.(*ast.Ident); !ok || f.Name != "partition" {
			return true
		}
		arg := call.Args[1]
		for {
			sum, ok := arg.(*ast.BinaryExpr)
			if !ok {
				break
			}
			arg = sum.X
		}
		literal, ok := arg.(*ast.BasicLit)
		if !ok {
			t.Errorf("a partition is not named by a literal, so that this test cannot check whether a deletion visits it")
			return true
		}
		name, err := strconv.Unquote(literal.Value)
		assert.Truef(t, err == nil && known[name], "the partition %s is not deleted with its tenant: name it in recordPartitions (%v)", literal.Value, err)
		found++
		return true
	})
	assert.Truef(t, found >= 12, "only %d partitions found", found)
}
