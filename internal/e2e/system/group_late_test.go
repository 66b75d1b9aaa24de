package system

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A hooked is a table whose calls a test delays, or runs something beside: the
// effects of a slow network, or of a process that is frozen and continues
// minutes later.
type hooked struct {
	table.Table
	get   func(keys []table.Key, do func() (map[table.Key]table.Item, error)) (map[table.Key]table.Item, error)
	query func(q table.Query, do func() (table.Page, error)) (table.Page, error)
	write func(do func() error) error
}

func (h *hooked) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	do := func() (map[table.Key]table.Item, error) { return h.Table.Get(ctx, keys...) }
	if h.get == nil {
		return do()
	}
	return h.get(keys, do)
}

func (h *hooked) Query(ctx context.Context, q table.Query) (table.Page, error) {
	do := func() (table.Page, error) { return h.Table.Query(ctx, q) }
	if h.query == nil {
		return do()
	}
	return h.query(q, do)
}

func (h *hooked) Write(ctx context.Context, tx table.Transaction) error {
	do := func() error { return h.Table.Write(ctx, tx) }
	if h.write == nil || showsUse(tx) {
		return do()
	}
	return h.write(do)
}

// showsUse reports whether a transaction only records which tokens are in use: that is
// written beside the request, in no order with its other writes.
func showsUse(tx table.Transaction) bool {
	return !slices.ContainsFunc(tx.Ops, func(op table.Op) bool { return !strings.HasSuffix(op.Key.Partition, "#USED") })
}

// slow returns the same service on a hooked table, with its token cached.
func (s *service) slow(t *testing.T, o app.Options) (*service, *hooked) {
	t.Helper()
	h := &hooked{Table: s.table}
	other := s.on(t, h, o)
	other.send("GET", "/Users?count=0", "")
	return other, h
}

// killed returns the same service in a process that ends after its first
// writes.
func (s *service) killed(t *testing.T, writes int) *service {
	t.Helper()
	return s.on(t, tabletest.NewFault(s.table, 1, tabletest.FaultPlan{StopAfter: writes}), app.Options{})
}

// sweepLater sweeps at a time when all running requests have ended.
func (s *service) sweepLater(t *testing.T) {
	t.Helper()
	s.on(t, s.table, app.Options{Now: afterwards}).sweep()
}

// inGroups creates forty groups with the same members.
func (s *service) inGroups(people ...string) []string {
	s.t.Helper()
	groups := make([]string, 40)
	for i := range groups {
		groups[i] = s.must(201, "POST", "/Groups", groupBody(fmt.Sprint("g", i), people...))
	}
	return groups
}

// Users are deleted while they are added, over a slow network: a deleted user
// is a member of no group.
func TestGroup_DeletedWhileJoining(t *testing.T) {
	const pairs = 150
	s, ids := crowd(t, enginetest.Memory(t), pairs)
	group := s.must(201, "POST", "/Groups", groupBody("g"))
	slow, h := s.slow(t, app.Options{})
	nap := func() { time.Sleep(rand.N(4 * time.Millisecond)) }
	h.get = func(_ []table.Key, do func() (map[table.Key]table.Item, error)) (map[table.Key]table.Item, error) {
		nap()
		defer nap()
		return do()
	}
	h.query = func(_ table.Query, do func() (table.Page, error)) (table.Page, error) {
		nap()
		defer nap()
		return do()
	}
	slow.atOnce(2*pairs, func(i int) (string, string, string) {
		if i%2 == 0 {
			return "DELETE", "/Users/" + ids[i/2], ""
		}
		return "PATCH", "/Groups/" + group, memberPatch("add", ids[i/2])
	})
	got := s.membersOf(group)
	assert.Emptyf(t, got, "%d deleted users are members", len(got))
	s.check(0)
}

// A process that finishes a deletion's work late removes no membership that the
// user got after it was restored.
func TestGroup_DelayedDeletionTask(t *testing.T) {
	for late := 1; late <= 3; late++ {
		for _, again := range []bool{false, true} {
			s, ids := crowd(t, enginetest.Memory(t), 2)
			groups := s.inGroups(ids...)
			s.killed(t, 1).send("DELETE", "/Users/"+ids[0], "")
			slow, h := s.slow(t, app.Options{Now: afterwards})
			n := 0
			h.write = func(do func() error) error {
				if n++; n == late {
					s.sweepLater(t)
					s.must(200, "POST", "/Users", userBody(`"userName":"u000000"`))
					for _, g := range groups {
						s.must(200, "PATCH", "/Groups/"+g, memberPatch("add", ids[0]))
					}
					if again {
						s.killed(t, 1).send("DELETE", "/Users/"+ids[0], "")
					}
				}
				return do()
			}
			slow.sweep()
			want, seats := groups, int64(1)
			if again {
				want, seats = []string{}, 0
			}
			for range 2 {
				in := []string{}
				for _, g := range groups {
					if slices.Contains(s.membersOf(g), ids[0]) {
						in = append(in, g)
					}
				}
				assert.Lenf(t, in, len(want), "write %d late, deleted again %t: a member of %d groups, want %d", late, again, len(in), len(want))
				s.sweepLater(t)
			}
			s.check(seats)
		}
	}
}

// A request about to accept a change of many members is delayed until the sweep
// removes its writes as abandoned: it changes nothing or everything.
func TestGroup_DelayedAcceptance(t *testing.T) {
	s, ids := crowd(t, enginetest.Memory(t), 4000)
	group := s.must(201, "POST", "/Groups", groupBody("g"))
	slow, h := s.slow(t, app.Options{RequestTime: time.Minute})
	n := 0
	h.write = func(do func() error) error {
		if n++; n == 2 {
			s.sweepLater(t)
		}
		return do()
	}
	a := slow.send("PATCH", "/Groups/"+group, memberPatch("add", ids...))
	got := len(s.membersOf(group))
	assert.Truef(t, (a.status != 200 || got == len(ids)) && (a.status == 200 || got == 0), "%d, and %d of %d are members", a.status, got, len(ids))
	s.sweepLater(t)
	s.check(0)
}

// DynamoDB may show the items of a transaction one after the other: a reader
// that sees only the first part of an accepted change does not take it for the
// whole.
func TestGroup_PartsVisibleOneByOne(t *testing.T) {
	s, ids := crowd(t, enginetest.Memory(t), 300)
	group := s.must(201, "POST", "/Groups", groupBody("g"))
	s.killed(t, 1).send("PATCH", "/Groups/"+group, memberPatch("add", ids...))
	reader, h := s.slow(t, app.Options{})
	n := 0
	h.query = func(q table.Query, do func() (table.Page, error)) (table.Page, error) {
		page, err := do()
		if strings.HasSuffix(q.Partition, "#TASKS") && strings.HasPrefix(q.Prefix, "members#") {
			if n++; n == 2 || n == 3 {
				page.Items, page.More = nil, false
			} else if len(page.Items) > 0 {
				page.Items, page.More = page.Items[:1], false
			}
		}
		return page, err
	}
	got := len(reader.membersOf(group))
	assert.Equalf(t, len(ids), got, "%d members, want %d", got, len(ids))
	s.check(0)
}

// In a tenant that keeps deleted users readable, a user that is leaving its
// groups appears in none of them, in no answer, and becomes a member again when
// it is added.
func TestGroup_JoinsWhileLeaving(t *testing.T) {
	for _, many := range []bool{false, true} {
		for _, op := range []string{"add", "replace"} {
			s := newService(t, enginetest.Memory(t), 10, app.Options{})
			s.readable(t)
			ids := make([]string, 45)
			for i := range ids {
				ids[i] = s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%06d","active":false`, i)))
			}
			groups := s.inGroups(ids[0])
			before := s.send("GET", "/Groups/"+groups[1], "")
			s.killed(t, 1).send("DELETE", "/Users/"+ids[0], "")
			a := s.send("PATCH", "/Groups/"+groups[1], patchBody(`[{"op":"replace","path":"displayName","value":"g1"}]`))
			got := valuesOf(a.body["members"])
			assert.Emptyf(t, got, "a PATCH of nothing shows %v", got)
			if got := s.send("GET", "/Groups/"+groups[1], "", "If-None-Match", before.header.Get("ETag")).status; got != 200 {
				t.Errorf("a group whose member left is answered %d, want 200", got)
			}
			a = s.send("POST", "/Users", userBody(`"userName":"u000000"`))
			got = valuesOf(a.body["groups"])
			assert.Truef(t, a.status == 200 && len(got) == 0, "reactivated (%d) the user is in %v", a.status, got)
			add := ids[:1]
			if many {
				add = ids
			}
			s.must(200, "PATCH", "/Groups/"+groups[0], memberPatch(op, add...))
			s.sweepLater(t)
			got = s.membersOf(groups[0])
			assert.Lenf(t, got, len(add), "%s of %d: %d members", op, len(add), len(got))
			s.check(1)
		}
	}
}

// readable sets the tenant to keep deleted users readable.
func (s *service) readable(t *testing.T) {
	t.Helper()
	settings := tenant.DefaultSettings()
	settings.DeletedUsers = tenant.DeletedReadable
	id, text := stage.TenantWith(t, s.app.Store, "other", 10, settings, time.Now())
	s.tenant, s.token = id, text
}

// The leaving users are read before the group is read again: a slow read that
// finds the work done does not show users that were deleted before it started.
func TestGroup_LeavingUsersReadLate(t *testing.T) {
	s, ids := crowd(t, enginetest.Memory(t), 2)
	groups := s.inGroups(ids...)
	s.killed(t, 1).send("DELETE", "/Users/"+ids[0], "")
	reader, h := s.slow(t, app.Options{})
	var once sync.Once
	h.query = func(q table.Query, do func() (table.Page, error)) (table.Page, error) {
		if strings.HasSuffix(q.Partition, "#TASKS") {
			time.Sleep(20 * time.Millisecond) // the members have been read by now
			once.Do(func() { s.sweepLater(t) })
		}
		return do()
	}
	got := reader.membersOf(groups[0])
	assert.Truef(t, slices.Equal(got, ids[1:]), "members %v, want %v", got, ids[1:])
}

// A list succeeds without a group that is deleted while the others are read.
func TestGroup_ListedAndDeleted(t *testing.T) {
	s, ids := crowd(t, enginetest.Memory(t), 2)
	s.must(201, "POST", "/Groups", groupBody("a", ids...))
	for _, path := range []string{"/Groups?attributes=members", `/Groups?filter=members.type+eq+"User"`} {
		gone := s.must(201, "POST", "/Groups", groupBody("b", ids...))
		reader, h := s.slow(t, app.Options{})
		var once sync.Once
		h.query = func(q table.Query, do func() (table.Page, error)) (table.Page, error) {
			page, err := do()
			if strings.HasSuffix(q.Partition, "#GROUPS") {
				once.Do(func() { s.must(204, "DELETE", "/Groups/"+gone, "") })
			}
			return page, err
		}
		a := reader.send("GET", path, "")
		assert.Equalf(t, 200, a.status, "%s: %d %v", path, a.status, a.body)
	}
}

// A condition that was not checked because of a conflict is checked again.
func TestGroup_CreatedDuringAConflict(t *testing.T) {
	s, ids := crowd(t, enginetest.Memory(t), 2)
	slow, h := s.slow(t, app.Options{})
	var once sync.Once
	h.write = func(do func() error) error {
		err := do()
		var failed *table.ConditionError
		if errors.As(err, &failed) {
			once.Do(func() { failed.Incomplete = true })
		}
		return err
	}
	id := slow.must(201, "POST", "/Groups", groupBody("g", append(slices.Clone(ids), "00000000-0000-7000-8000-000000000000")...))
	got := s.membersOf(id)
	assert.Lenf(t, got, 2, "%d members, want 2", len(got))
	s.check(0)
}

// A set that seems unchanged, read in two pages between which it changed, is
// written after all.
func TestGroup_SameSetOverPages(t *testing.T) {
	s, ids := crowd(t, enginetest.Memory(t), 2)
	group := s.must(201, "POST", "/Groups", groupBody("g", ids[0]))
	slow, h := s.slow(t, app.Options{})
	var once sync.Once
	h.query = func(q table.Query, do func() (table.Page, error)) (table.Page, error) {
		page, err := do()
		if strings.Contains(q.Partition, "#G#"+group) && q.After == "" {
			once.Do(func() {
				s.must(200, "PATCH", "/Groups/"+group, memberPatch("remove", ids[0]))
				s.must(200, "PATCH", "/Groups/"+group, memberPatch("add", ids[1]))
				page.More, page.Last = true, ids[0] // the page ended here
			})
		}
		return page, err
	}
	slow.must(200, "PUT", "/Groups/"+group, groupBody("g", ids...))
	got := s.membersOf(group)
	assert.Lenf(t, got, 2, "PUT of two, and %d are members", len(got))
}
