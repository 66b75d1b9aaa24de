package system

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// A stepping is a table that stops after each write. Its content is then the same as
// after a process that is killed at that point; later writes are not visible.
type stepping struct {
	table.Table
	mu     sync.Mutex
	writes int
	after  func(writes int)
}

func (s *stepping) Write(ctx context.Context, tx table.Transaction) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.Table.Write(ctx, tx)
	if err == nil {
		s.writes++
		s.after(s.writes)
	}
	return err
}

// crowd returns a tenant with many inactive users.
func crowd(t *testing.T, engine table.Table, n int) (*service, []string) {
	t.Helper()
	s := newService(t, engine, 10, app.Options{})
	if n > 500 { // as if long ago: requests would take most of a test's time
		first := s.must(201, "POST", "/Users", userBody(`"userName":"pattern","active":false`))
		ids := s.seedUsers(engine, first, n, func(i int) string { return fmt.Sprintf("u%06d", i) })
		s.must(204, "DELETE", "/Users/"+first, "")
		return s, ids
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%06d","active":false`, i)))
	}
	return s, ids
}

// on returns the same service on another table.
func (s *service) on(t *testing.T, engine table.Table, o app.Options) *service {
	t.Helper()
	other := &service{t: t, token: s.token, tenant: s.tenant}
	other.start(engine, o)
	return other
}

func memberPatch(op string, ids ...string) string {
	return patchBody(fmt.Sprintf(`[{"op":%q,"path":"members","value":%s}]`, op, stage.Members(ids...)))
}

// grow creates a group of any size.
func (s *service) grow(name string, ids []string) string {
	s.t.Helper()
	id := s.must(201, "POST", "/Groups", groupBody(name))
	for chunk := range slices.Chunk(ids, 5000) {
		s.must(200, "PATCH", "/Groups/"+id, memberPatch("add", chunk...))
	}
	return id
}

// membersOf returns the ids that a client sees, or nil for a group that is not
// found.
func (s *service) membersOf(id string) []string {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), "GET", "https://scim.test/scim/v2/Groups/"+id, nil)
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	body, err := io.ReadAll(plain(s.t, w))
	require.NoError(s.t, err)
	switch w.Code {
	case http.StatusNotFound:
		return nil
	case http.StatusOK:
	default:
		s.t.Fatalf("GET group: %d %s", w.Code, body)
	}
	// Parsed by hand: decoding thousands of members would take most of the
	// time.
	ids := []string{}
	for _, element := range strings.Split(string(body), `{"value":"`)[1:] {
		id, _, _ := strings.Cut(element, `"`)
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (s *service) groupsOf(user string) []string {
	s.t.Helper()
	return valuesOf(s.send("GET", "/Users/"+user, "").body["groups"])
}

func valuesOf(list any) []string {
	ids := []string{}
	elements, _ := list.([]any)
	for _, e := range elements {
		element, _ := e.(map[string]any)
		id, _ := element["value"].(string)
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// A killing is a change that takes many writes, and what is seen before and
// after it: the members of the group, or the groups of the user.
type killing struct {
	name          string
	people        int
	prepare       func(s *service, ids []string) (subject string)
	method        string
	path          func(subject string) string
	body          func(ids []string) string
	status        int
	see           func(s *service, subject string, ids []string) []string
	before, after func(ids []string, subject string) []string
	// sweepEvery sets at which writes the recovery is tested too. A client
	// reads after every write, but a sweep of 20,000 memberships takes long.
	sweepEvery int
	// helped is set if a reader may finish the change, so that it must read a copy.
	helped bool
}

func allMembers(ids []string, _ string) []string { return slices.Sorted(slices.Values(ids)) }
func noMembers([]string, string) []string        { return []string{} }

// full runs the tests that a size shortens on the largest changes. TestKilled compares
// the members after every write, so its time grows with the square of the size.
var full = flag.Bool("full", false, "change groups of up to 20,000 members, list 100,000 users, race longer (make soak)")

// size returns a number of users, members or rounds: large with -full, otherwise short.
// Both make the same kinds of writes in the same order.
func size(large, short int) int {
	if *full {
		return large
	}
	return short
}

func killings() []killing {
	replaced, cleared, deleted, joined := size(3000, 600), size(20_000, 1500), size(5000, 1000), size(1500, 600)
	groupPath := func(id string) string { return "/Groups/" + id }
	members := func(s *service, id string, _ []string) []string { return s.membersOf(id) }
	return []killing{
		{
			name: fmt.Sprintf("replace of %d members", replaced), people: 2 * replaced,
			prepare: func(s *service, ids []string) string { return s.grow("g", ids[:replaced]) },
			method:  "PATCH", path: groupPath, status: 200, see: members,
			body:   func(ids []string) string { return memberPatch("replace", ids[replaced:]...) },
			before: func(ids []string, _ string) []string { return slices.Sorted(slices.Values(ids[:replaced])) },
			after:  func(ids []string, _ string) []string { return slices.Sorted(slices.Values(ids[replaced:])) },

			sweepEvery: size(25, 8),
		},
		{
			name: fmt.Sprintf("clear-all on %d", cleared), people: cleared,
			prepare: func(s *service, ids []string) string { return s.grow("g", ids) },
			method:  "PATCH", path: groupPath, status: 200, see: members,
			body:   func([]string) string { return patchBody(`[{"op":"remove","path":"members"}]`) },
			before: allMembers, after: noMembers, sweepEvery: size(100, 8),
		},
		{
			name: fmt.Sprintf("DELETE of a group of %d", deleted), people: deleted,
			prepare: func(s *service, ids []string) string { return s.grow("g", ids) },
			method:  "DELETE", path: groupPath, status: 204, see: members,
			body:   func([]string) string { return "" },
			before: allMembers, after: func([]string, string) []string { return nil }, sweepEvery: size(20, 6),
		},
		{
			name: "DELETE of a user in 100 groups", people: 2,
			prepare: func(s *service, ids []string) string {
				for i := range 100 {
					s.must(201, "POST", "/Groups", groupBody(fmt.Sprint("g", i), ids...))
				}
				return ids[0]
			},
			method: "DELETE", path: func(id string) string { return "/Users/" + id }, status: 204,
			body: func([]string) string { return "" },
			// From the groups: the user's groups, and the other one.
			see: func(s *service, user string, ids []string) []string {
				seen := []string{}
				s.send("GET", "/Groups?attributes=members&count=20", "")
				for start := 1; start <= 100; start += 20 {
					a := s.send("GET", fmt.Sprintf("/Groups?attributes=members&count=20&startIndex=%d", start), "")
					resources, _ := a.body["Resources"].([]any)
					for _, r := range resources {
						group, _ := r.(map[string]any)
						seen = append(seen, strings.Join(valuesOf(group["members"]), " "))
					}
				}
				for _, filter := range []string{`members+eq+"` + user + `"`, `members.value+eq+"` + user + `"`} {
					n, _ := s.send("GET", "/Groups?count=0&filter="+filter, "").body["totalResults"].(float64)
					assert.Falsef(s.t, n != 0 && n != 100, "%v groups have the user by filter, want none or all", n)
				}
				slices.Sort(seen)
				return slices.Compact(seen)
			},
			before: func(ids []string, _ string) []string {
				return []string{strings.Join(slices.Sorted(slices.Values(ids)), " ")}
			},
			after:      func(ids []string, _ string) []string { return ids[1:] },
			sweepEvery: 1,
		},
		{
			name: fmt.Sprintf("%d join a group of %d", joined-joined/3, joined/3), people: joined,
			prepare: func(s *service, ids []string) string { return s.grow("g", ids[:joined/3]) },
			method:  "PATCH", path: groupPath, status: 200, see: members,
			body:   func(ids []string) string { return memberPatch("add", ids...) },
			before: func(ids []string, _ string) []string { return slices.Sorted(slices.Values(ids[:joined/3])) },
			after:  allMembers, sweepEvery: 5, helped: true,
		},
	}
}

// TestKilled kills the process at every write of a change that takes many.
// Afterwards a client sees either nothing of the change or all of it,
// unfinished work is reported and nothing else is wrong, and a sweep finishes
// it.
func TestKilled(t *testing.T) {
	for _, k := range killings() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			kill(t, k)
		})
	}
}

func kill(t *testing.T, k killing) {
	base, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = base.Close() })
	s, ids := crowd(t, base, k.people)
	subject := k.prepare(s, ids)
	s.check(0)
	before, after := k.before(ids, subject), k.after(ids, subject)
	seen := k.see(s, subject, ids)
	require.Truef(t, slices.Equal(seen, before), "before it %d are seen, want %d", len(seen), len(before))

	all, swept := false, 0
	steps := &stepping{Table: base, after: func(int) {}}
	request := s.on(t, steps, app.Options{RequestTime: time.Hour}) // it stops at each write
	request.send("GET", "/Users?count=0", "")                      // reads the token
	steps.after = func(n int) {
		left := s
		if k.helped || n%k.sweepEvery == 0 {
			fork, err := base.Copy()
			require.NoError(t, err)
			defer fork.Close()
			left = s.on(t, fork, app.Options{Now: afterwards})
		}
		seen := k.see(left, subject, ids)
		switch {
		case slices.Equal(seen, after):
			all = true
		case !slices.Equal(seen, before):
			t.Errorf("killed after write %d, %d are seen: neither the %d of before nor the %d of after", n, len(seen), len(before), len(after))
		case all:
			t.Errorf("killed after write %d, what was seen is not seen any more", n)
		}
		if n%k.sweepEvery == 0 {
			swept++
			for _, fault := range left.audit() {
				assert.Truef(t, fault.Unfinished, "killed after write %d: %s", n, fault)
			}
			left.sweep()
			left.check(0)
			later := k.see(left, subject, ids)
			assert.Truef(t, slices.Equal(later, seen), "killed after write %d and swept, %d are seen, %d before the sweep", n, len(later), len(seen))
		}
	}
	a := request.send(k.method, k.path(subject), k.body(ids))
	require.Equalf(t, k.status, a.status, "%s: %d %v, want %d", k.method, a.status, a.body, k.status)
	// What no client sees is finished by the request for some time, then by the
	// sweep, which is killed at every write too.
	s.on(t, steps, app.Options{Now: afterwards}).sweep()
	steps.after = func(int) {}
	seen = k.see(s, subject, ids)
	assert.Truef(t, slices.Equal(seen, after) && all, "after it %d are seen, want %d", len(seen), len(after))
	s.check(0)
	assert.Truef(t, swept >= 2, "the recovery was tried %d times, want at least 2: sweepEvery is too large", swept)
	t.Logf("killed at each of %d writes, swept after %d of them", steps.writes, swept)
}

func (s *service) audit() []store.Fault {
	s.t.Helper()
	faults, err := s.app.Store.Audit(s.t.Context(), s.tenant)
	require.NoError(s.t, err)
	return faults
}

// sweep runs what functions/sweep runs on its schedule.
func (s *service) sweep() {
	s.t.Helper()
	_, err := s.app.Store.Sweep(iam.As(s.t.Context(), "SweepFunction"), store.SweepAge)
	assert.NoError(s.t, err, "sweep")
}

// TestKilled_OnBothEngines kills the process at every write of smaller changes,
// and continues with the next request or the sweep, on both engines. On DynamoDB Local it
// is one kind of change: package kill kills the functions there at every write of the others.
func TestKilled_OnBothEngines(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			engine.Need(t)
			for _, what := range []struct {
				name, body string
				after      func(ids []string) []string
			}{
				{"replace", "replace", func(ids []string) []string { return ids[20:] }},
				{"add", "add", func(ids []string) []string { return ids }},
				{"remove", "remove", func(ids []string) []string { return ids[:20] }},
			} {
				if engine.Name == "dynamodb" && what.name != "replace" {
					continue
				}
				t.Run(what.name, func(t *testing.T) {
					raw := engine.Open(t)
					s, ids := crowd(t, raw, 60)
					late := s.on(t, raw, app.Options{Now: afterwards})
					for stop := 1; ; stop++ {
						start := ids[:20]
						if what.name == "remove" {
							start = ids
						}
						id := s.must(201, "POST", "/Groups", groupBody(fmt.Sprint(what.name, stop), start...))
						s.must(200, "PATCH", "/Groups/"+id, memberPatch("add", "019b8d62-7a80-7000-8000-0000000000ff")) // is owed from now on
						killed := s.on(t, tabletest.NewFault(raw, 1, tabletest.FaultPlan{StopAfter: stop}), app.Options{})
						status := killed.send("PATCH", "/Groups/"+id, memberPatch(what.body, ids[20:]...)).status
						if stop%2 == 0 {
							late.sweep()
						}
						got := s.membersOf(id)
						if want := what.after(ids); !slices.Equal(got, slices.Sorted(slices.Values(want))) &&
							(status == 200 || !slices.Equal(got, slices.Sorted(slices.Values(start)))) {
							t.Errorf("stopped after %d writes (%d): %d members, want %d or %d", stop, status, len(got), len(start), len(want))
						}
						if status == 200 {
							t.Logf("%d writes", stop)
							break
						}
						require.True(t, stop <= 30, "it never came to its end")
						s.must(200, "PATCH", "/Groups/"+id, memberPatch(what.body, ids[20:]...))
						if got := s.membersOf(id); len(got) != len(what.after(ids)) {
							t.Errorf("sent again, %d members, want %d", len(got), len(what.after(ids)))
						}
					}
					late.sweep()
					s.check(0)
				})
			}
		})
	}
}
