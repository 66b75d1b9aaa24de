package system

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// A writing is one request that writes, with what must be true after it.
type writing struct {
	name         string
	before       func(s *service) (id string)
	method       string
	path, body   string // {id} stands for the user's id
	status       int
	seats, users int64
	version      string
}

// writings returns the requests that write: each takes or frees one seat, or
// changes one attribute.
func writings() []writing {
	none := func(*service) string { return "" }
	active := func(s *service) string {
		return s.must(201, "POST", "/Users", userBody(`"userName":"lost","externalId":"e-1"`))
	}
	inactive := func(s *service) string {
		id := active(s)
		s.must(200, "PATCH", "/Users/"+id, patchBody(deactivate))
		return id
	}
	body := userBody(`"userName":"lost","externalId":"e-1","title":"x"`)
	return []writing{
		{"POST", none, "POST", "/Users", body, 201, 1, 1, `W/"1"`},
		{"POST reactivates", inactive, "POST", "/Users", body, 200, 1, 1, `W/"3"`},
		{"PUT", active, "PUT", "/Users/{id}", body, 200, 1, 1, `W/"2"`},
		{"PATCH frees the seat", active, "PATCH", "/Users/{id}", patchBody(deactivate), 200, 0, 1, `W/"2"`},
		{"PATCH takes a seat", inactive, "PATCH", "/Users/{id}", patchBody(activate), 200, 1, 1, `W/"3"`},
		{"DELETE", active, "DELETE", "/Users/{id}", "", 204, 0, 0, ""},
	}
}

// A faulty is a way to make the n-th write of a table fail.
type faulty struct {
	name string
	// open opens the table. arm makes the n-th write from now meet the fault,
	// and happened returns how often it did.
	open func(t *testing.T) (engine table.Table, arm func(n int), happened func() int)
}

// switched opens a table of which one write meets a fault once it is armed.
func switched(open func(t testing.TB) table.Table, kind tabletest.FaultKind) func(t *testing.T) (table.Table, func(int), func() int) {
	return func(t *testing.T) (table.Table, func(int), func() int) {
		t.Helper()
		healthy := open(t)
		s := &later{Table: healthy}
		return s, func(n int) {
				s.fault = tabletest.NewFault(healthy, 1, tabletest.FaultPlan{Writes: map[int]tabletest.FaultKind{n: kind}})
				s.Table = s.fault
			}, func() int {
				if s.fault == nil {
					return 0
				}
				return s.fault.Report()[kind]
			}
	}
}

// A later is a table whose engine can be wrapped in a fault while one goroutine
// uses it.
type later struct {
	table.Table
	fault *tabletest.Fault
}

// wire opens DynamoDB with a fault beneath the SDK.
func wire(kind tabletest.WireFault) func(t *testing.T) (table.Table, func(int), func() int) {
	return func(t *testing.T) (table.Table, func(int), func() int) {
		t.Helper()
		s := &laterWire{kind: kind}
		return tabletest.DynamoThrough(t, func(base http.RoundTripper) http.RoundTripper { s.base = base; return s }),
			func(n int) {
				s.fault = tabletest.NewFaultTransport(s.base, 1, tabletest.WirePlan{Requests: map[int]tabletest.WireFault{n: kind}})
			},
			func() int {
				if s.fault == nil {
					return 0
				}
				return s.fault.Report()[kind]
			}
	}
}

type laterWire struct {
	kind  tabletest.WireFault
	base  http.RoundTripper
	fault *tabletest.FaultTransport
}

func (w *laterWire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.fault != nil {
		return w.fault.RoundTrip(r)
	}
	return w.base.RoundTrip(r)
}

func atTheInterface() (kinds []faulty) {
	for _, e := range enginetest.Plain() {
		for _, kind := range []tabletest.FaultKind{
			tabletest.AnswerLost, tabletest.RequestLost, tabletest.Throttled, tabletest.Conflicting,
		} {
			kinds = append(kinds, faulty{fmt.Sprintf("%s, %s", e.Name, kind), switched(e.Open, kind)})
		}
	}
	return kinds
}

func beneathTheSDK() (kinds []faulty) {
	for _, kind := range []tabletest.WireFault{
		tabletest.WireReset, tabletest.WireTruncated, tabletest.WireGarbled, tabletest.WireServer, tabletest.WireHangAfter,
		tabletest.WireHang, tabletest.WireThrottle, tabletest.WireConflict, tabletest.WireInProgress, tabletest.WireBusy,
	} {
		kinds = append(kinds, faulty{fmt.Sprintf("beneath the SDK, %s", kind), wire(kind)})
	}
	return kinds
}

// TestFaults loses, cuts and refuses the answer to each kind of write, at the
// interface of both engines and beneath the SDK: there must be one user, one
// seat, one change, and the same answer as without the fault.
func TestFaults(t *testing.T) {
	for _, kind := range append(atTheInterface(), beneathTheSDK()...) {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for _, w := range writings() {
				t.Run(w.name, func(t *testing.T) { loseOne(t, kind, w) })
			}
		})
	}
}

func loseOne(t *testing.T, kind faulty, w writing) {
	engine, arm, happened := kind.open(t)
	s := newService(t, engine, 5, app.Options{})
	id := w.before(s)
	s.send("GET", "/Users?count=0", "") // reads the token
	arm(1)
	path := w.path
	if id != "" {
		path = "/Users/" + id
		if w.path == "/Users" {
			path = w.path
		}
	}
	a := s.send(w.method, path, w.body)
	if happened() != 1 {
		t.Fatalf("the fault happened %d times, want once", happened())
	}
	require.Equalf(t, w.status, a.status, "status %d %v, want %d", a.status, a.body, w.status)
	got, _ := a.body["id"].(string)
	assert.Falsef(t, id != "" && w.status == 200 && got != id, "the answer is about user %s, want %s", got, id)
	got = a.header.Get("ETag")
	assert.Equalf(t, w.version, got, "version %s, want %s: it was changed once", got, w.version)
	s.check(w.seats)
	l := s.ledger()
	assert.Equalf(t, w.users, l.Users, "%d users counted, want %d", l.Users, w.users)
}

// A groupWriting is one request that writes groups or ends memberships, in one
// or several transactions, with the members that must be there after it.
type groupWriting struct {
	name string
	// before creates what the request needs: the number of groups, each with
	// members.
	groups int
	start  func(ids []string) []string
	method string
	// path and body may contain the group {id}, the name {name} of a group
	// created for this request only, and the user {user}.
	path, body string
	status     int
	// members returns the members afterwards, nil if the group must be deleted.
	members func(ids []string) []string
	// large is set if the request needs more transactions than a slow engine
	// has time for.
	large bool
}

// groupCrowd is the number of users that the requests of groupWritings need.
const groupCrowd = 80

func groupWritings(ids []string) []groupWriting {
	first := func(from, to int) func([]string) []string {
		return func(ids []string) []string { return ids[from:to] }
	}
	none := func([]string) []string { return []string{} }
	gone := func([]string) []string { return nil }
	return []groupWriting{
		{name: "POST", method: "POST", path: "/Groups", body: groupBody("{name}", ids[:3]...), status: 201, members: first(0, 3)},
		{name: "POST of forty", method: "POST", path: "/Groups", body: groupBody("{name}", ids[:40]...), status: 201, members: first(0, 40), large: true},
		{name: "PATCH adds one", groups: 1, start: first(0, 3), method: "PATCH", path: "/Groups/{id}", body: memberPatch("add", ids[3]), status: 200, members: first(0, 4)},
		{name: "PATCH adds one again", groups: 1, start: first(0, 3), method: "PATCH", path: "/Groups/{id}", body: memberPatch("add", ids[1:4]...), status: 200, members: first(0, 4)},
		{name: "PATCH removes one", groups: 1, start: first(0, 4), method: "PATCH", path: "/Groups/{id}", body: memberPatch("remove", ids[3]), status: 200, members: first(0, 3)},
		{name: "PATCH adds forty", groups: 1, start: first(0, 3), method: "PATCH", path: "/Groups/{id}", body: memberPatch("add", ids[3:43]...), status: 200, members: first(0, 43)},
		{name: "PATCH removes forty", groups: 1, start: first(0, 43), method: "PATCH", path: "/Groups/{id}", body: memberPatch("remove", ids[3:43]...), status: 200, members: first(0, 3), large: true},
		{name: "PATCH replaces by forty", groups: 1, start: first(0, 40), method: "PATCH", path: "/Groups/{id}", body: memberPatch("replace", ids[40:80]...), status: 200, members: first(40, 80)},
		{name: "PATCH clears", groups: 1, start: first(0, 40), method: "PATCH", path: "/Groups/{id}", body: patchBody(`[{"op":"remove","path":"members"}]`), status: 200, members: none, large: true},
		{name: "PATCH renames", groups: 1, start: first(0, 3), method: "PATCH", path: "/Groups/{id}", body: patchBody(`[{"op":"replace","path":"displayName","value":"{name}"}]`), status: 200, members: first(0, 3)},
		{name: "PUT", groups: 1, start: first(0, 3), method: "PUT", path: "/Groups/{id}", body: groupBody("{name}", ids[1:5]...), status: 200, members: first(1, 5)},
		{name: "PUT of forty", groups: 1, start: first(0, 3), method: "PUT", path: "/Groups/{id}", body: groupBody("{name}", ids[40:80]...), status: 200, members: first(40, 80), large: true},
		{name: "DELETE", groups: 1, start: first(0, 3), method: "DELETE", path: "/Groups/{id}", status: 204, members: gone},
		{name: "DELETE of forty", groups: 1, start: first(0, 40), method: "DELETE", path: "/Groups/{id}", status: 204, members: gone, large: true},
		{name: "DELETE of a user in three", groups: 3, start: first(0, 2), method: "DELETE", path: "/Users/{user}", status: 204, members: first(0, 2)},
		{name: "DELETE of a user in forty", groups: 40, start: first(0, 2), method: "DELETE", path: "/Users/{user}", status: 204, members: first(0, 2), large: true},
	}
}

// A preparedWriting is a groupWriting and the data that it needs.
type preparedWriting struct {
	groupWriting
	groups []string
	user   string
	new    string // the new name, or that of the first group
	fill   *strings.Replacer
}

func (s *service) prepare(w groupWriting, ids []string, n int) preparedWriting {
	s.t.Helper()
	p := preparedWriting{groupWriting: w, new: fmt.Sprintf("%s, write %d", w.name, n)}
	var members []string
	if w.start != nil {
		members = w.start(ids)
	}
	if strings.Contains(w.path, "{user}") {
		p.user = s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":%q,"active":false`, p.new)))
		members = append(slices.Clone(members), p.user)
	}
	for i := range w.groups {
		p.groups = append(p.groups, s.must(201, "POST", "/Groups", groupBody(fmt.Sprintf("%s, before write %d, %d", w.name, n, i), members...)))
	}
	id := ""
	if len(p.groups) > 0 {
		id = p.groups[0]
	}
	p.fill = strings.NewReplacer("{id}", id, "{name}", p.new, "{user}", p.user)
	return p
}

// A written is the result of a groupWriting: its answer, its event, and what a
// reader finds afterwards.
type written struct {
	status          int
	version, shown  string
	name            bool // is the new one
	location        bool
	action, changed any
	added, removed  any
	outcome         any
	versions        string // of all groups, afterwards
	user            int    // the status of the deleted user
}

// write sends a prepared request, and checks the members afterwards.
func (s *service) write(p preparedWriting, ids []string) written {
	s.t.Helper()
	a := s.send(p.method, p.fill.Replace(p.path), p.fill.Replace(p.body))
	assert.Equalf(s.t, p.status, a.status, "%s: %d %v, want %d", p.new, a.status, a.body, p.status)
	w := written{
		status: a.status, version: a.header.Get("ETag"), shown: strings.Join(valuesOf(a.body["members"]), " "),
		name: a.body["displayName"] == p.new, location: a.header.Get("Location") != "",
		action: a.event["action"], changed: a.event["changed"], added: a.event["membersAdded"], removed: a.event["membersRemoved"],
		outcome: a.event["outcome"],
	}
	groups := p.groups
	if id, ok := a.body["id"].(string); ok && len(groups) == 0 {
		groups = []string{id}
	}
	want := p.groupWriting.members(ids)
	for _, id := range groups {
		read := s.send("GET", "/Groups/"+id, "")
		w.versions += read.header.Get("ETag") + " "
		if want == nil {
			assert.Equalf(s.t, 404, read.status, "%s: the group exists", p.new)
			continue
		}
		got := valuesOf(read.body["members"])
		assert.Truef(s.t, slices.Equal(got, want), "%s: %d members, want %d", p.new, len(got), len(want))
	}
	// The groups of users too: of the first, the middle and the last one.
	for _, user := range []string{ids[0], ids[len(ids)/2], ids[len(ids)-1]} {
		in := s.groupsOf(user)
		for _, id := range groups {
			assert.Equalf(s.t, slices.Contains(want, user), slices.Contains(in, id), "%s: user %s is in the group", p.new, user)
		}
	}
	if p.user != "" {
		w.user = s.send("GET", "/Users/"+p.user, "").status
	}
	return w
}

// TestFaults_Groups loses, cuts and refuses the answer to every write of each
// request that writes groups: the answer and the data must be the same as
// without the fault.
func TestFaults_Groups(t *testing.T) {
	for _, kind := range atTheInterface() {
		slow := strings.HasPrefix(kind.name, "dynamodb")
		if slow && !strings.HasSuffix(kind.name, string(tabletest.AnswerLost)) {
			continue // a fault before the engine is the same on both
		}
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			engine, arm, happened := kind.open(t)
			s, ids := crowd(t, engine, groupCrowd)
			for _, w := range groupWritings(ids) {
				if slow && w.large {
					continue
				}
				t.Run(w.name, func(t *testing.T) {
					s.t = t
					want := s.write(s.prepare(w, ids, 0), ids)
					for n := 1; ; n++ {
						p := s.prepare(w, ids, n)
						arm(n)
						got := s.write(p, ids)
						if happened() == 0 {
							t.Logf("%d writes", n-1)
							break
						}
						assert.Truef(t, got == want, "write %d: %+v, want %+v", n, got, want)
						require.NotEqual(t, 30, n, "its writes do not end")
					}
					arm(0)
				})
			}
			s.t = t
			s.check(0)
		})
	}
}

// Beneath the SDK: the SDK must not repeat a write that was done.
func TestFaults_MemberBeneathTheSDK(t *testing.T) {
	for _, kind := range beneathTheSDK() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			engine, arm, happened := kind.open(t)
			s, ids := crowd(t, engine, 4)
			w := groupWriting{
				name: "add", groups: 1, start: func(ids []string) []string { return ids[:3] }, method: "PATCH", path: "/Groups/{id}",
				body: memberPatch("add", ids[3]), status: 200, members: func(ids []string) []string { return ids },
			}
			want, p := s.write(s.prepare(w, ids, 0), ids), s.prepare(w, ids, 1)
			arm(1)
			if got := s.write(p, ids); got != want || happened() != 1 {
				t.Errorf("%+v, want %+v; the fault happened %d times, want once", got, want, happened())
			}
			s.check(0)
		})
	}
}

// An outage is answered with a 503 that says so, and leaves nothing half done.
func TestFaults_Outage(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plan  tabletest.FaultPlan
		cause []string
	}{
		{"every write is throttled", tabletest.FaultPlan{WriteRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 1}}, []string{"conflict"}},
		{"every request is lost", tabletest.FaultPlan{WriteRates: map[tabletest.FaultKind]float64{tabletest.RequestLost: 1}}, []string{"outcome_unknown"}},
		{"every answer is lost", tabletest.FaultPlan{WriteRates: map[tabletest.FaultKind]float64{tabletest.AnswerLost: 1}}, []string{"outcome_unknown"}},
		{"every read is throttled", tabletest.FaultPlan{ReadRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 1}}, []string{"conflict"}},
		{"no read is answered", tabletest.FaultPlan{ReadRates: map[tabletest.FaultKind]float64{tabletest.Unavailable: 1}}, []string{"store_unavailable"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := &later{Table: enginetest.Memory(t)}
			s := newService(t, l, 5, app.Options{Retry: []table.RetryOption{table.RetryFor(150e6)}})
			id := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
			healthy := l.Table
			l.Table = tabletest.NewFault(l.Table, 1, tt.plan)
			for _, r := range [][3]string{
				{"PATCH", "/Users/" + id, patchBody(deactivate)},
				{"PUT", "/Users/" + id, userBody(`"userName":"b"`)},
				{"DELETE", "/Users/" + id, ""},
			} {
				a := s.send(r[0], r[1], r[2])
				cause, _ := a.event["cause"].(string)
				if a.status == 404 && tt.cause[0] == "outcome_unknown" {
					continue // the previous change was made after all
				}
				if a.status != 503 || a.header.Get("Retry-After") == "" || !slices.Contains(tt.cause, cause) {
					t.Errorf("%s: %d, cause %s, Retry-After %q; want 503, %v", r[0], a.status, cause, a.header.Get("Retry-After"), tt.cause)
				}
			}
			l.Table = healthy
			s.check(s.active())
		})
	}
}
