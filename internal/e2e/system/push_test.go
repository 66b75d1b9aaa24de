package system

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// pushAgain returns the rows of the list, read in pages of some groups and users.
func (s *service) pushAgain(limit int) []map[string]any {
	s.t.Helper()
	var rows []map[string]any
	for after := ""; ; {
		page := s.mustAdmin(200, "GET", fmt.Sprintf("/tenants/acme/push-again?limit=%d&after=%s", limit, after), "")
		for _, row := range page["pushAgain"].([]any) {
			rows = append(rows, row.(map[string]any))
		}
		var more bool
		if after, more = page["next"].(string); !more {
			return rows
		}
	}
}

// owing is a model of what an identity provider must push again: for each group the
// members that were skipped, and for each user the groups that the user lost.
type owing struct {
	rt     *rapid.T
	s      *service
	users  []*owingUser
	groups []*owingGroup
	ghosts []string
}

type owingUser struct {
	name, id     string
	external     int
	live, active bool
	lost         map[string]bool
}

type owingGroup struct {
	name, id         string
	exists, refused  bool
	members, skipped map[string]bool
}

func (m *owing) user(id string) *owingUser {
	for _, u := range m.users {
		if u.id == id {
			return u
		}
	}
	return nil
}

func (m *owing) isLive(id string) bool { u := m.user(id); return u != nil && u.live }

// join is what the model knows of members that were sent.
func (m *owing) join(g *owingGroup, ids []string) {
	for _, id := range ids {
		if !m.isLive(id) {
			g.skipped[id] = true
			continue
		}
		g.members[id] = true
		delete(g.skipped, id)
		delete(m.user(id).lost, g.id)
	}
}

// leave is what it knows of members that the identity provider removed.
func (m *owing) leave(g *owingGroup, id string) {
	delete(g.members, id)
	delete(g.skipped, id)
	if m.isLive(id) {
		delete(m.user(id).lost, g.id)
	}
}

// lose ends all memberships of a user.
func (m *owing) lose(u *owingUser) {
	for _, g := range m.groups {
		if g.members[u.id] {
			delete(g.members, u.id)
			u.lost[g.id] = true
		}
	}
}

// want returns the rows of the list.
func (m *owing) want() []string {
	rows := []string{}
	for _, g := range m.groups {
		if !g.exists {
			continue
		}
		if g.refused {
			rows = append(rows, "group_refused "+g.id)
		}
		for id := range g.skipped {
			rows = append(rows, "member_skipped "+g.id+" "+id)
		}
		for _, u := range m.users {
			if u.live && u.active && u.lost[g.id] {
				rows = append(rows, "groups_lost "+g.id+" "+u.id)
			}
		}
	}
	slices.Sort(rows)
	return rows
}

func (m *owing) check() {
	rows := []string{}
	for _, row := range m.s.pushAgain(rapid.SampledFrom([]int{1, 2, 50}).Draw(m.rt, "limit")) {
		id, _ := row["userId"].(string)
		rows = append(rows, strings.TrimSpace(fmt.Sprint(row["reason"], " ", row["groupId"], " ", id)))
	}
	slices.Sort(rows)
	require.Equal(m.rt, m.want(), rows)
}

// body returns a user's request.
func (u *owingUser) body() string {
	return userBody(fmt.Sprintf(`"userName":%q,"externalId":"%s-%d"`, u.name, u.name, u.external))
}

// changeUser provisions, deletes, deactivates, activates or hires a user again.
func (m *owing) changeUser() {
	u := rapid.SampledFrom(m.users).Draw(m.rt, "user")
	s := m.s
	switch {
	case u.id == "":
		u.id = s.must(201, "POST", "/Users", u.body())
		u.live, u.active = true, true
	case !u.live:
		s.must(200, "POST", "/Users", u.body())
		u.live, u.active = true, true
	case !u.active && rapid.Bool().Draw(m.rt, "hired again"):
		u.external++
		s.must(200, "POST", "/Users", u.body())
		m.lose(u)
		u.active = true
	case !u.active:
		s.must(200, "PATCH", "/Users/"+u.id, patchBody(`[{"op":"replace","path":"active","value":true}]`))
		u.active = true
	case rapid.Bool().Draw(m.rt, "deactivate"):
		s.must(200, "PATCH", "/Users/"+u.id, patchBody(`[{"op":"replace","path":"active","value":false}]`))
		u.active = false
	default:
		s.must(204, "DELETE", "/Users/"+u.id, "")
		m.lose(u)
		u.live = false
	}
}

// changeGroup pushes members to a group, or removes some.
func (m *owing) changeGroup() {
	g := rapid.SampledFrom(m.groups).Draw(m.rt, "group")
	var known []string
	for _, u := range m.users {
		if u.id != "" {
			known = append(known, u.id)
		}
	}
	ids := rapid.SliceOfNDistinct(rapid.SampledFrom(append(known, m.ghosts...)), 1, 4, rapid.ID).Draw(m.rt, "members")
	s := m.s
	kind := rapid.SampledFrom([]string{"add", "add", "remove", "PUT", "replace", "delete", "refused"}).Draw(m.rt, "change")
	switch {
	case !g.exists:
		g.id = s.must(201, "POST", "/Groups", stage.Group(g.name, ids...))
		*g = owingGroup{name: g.name, id: g.id, exists: true, members: map[string]bool{}, skipped: map[string]bool{}}
		m.join(g, ids)
		return
	case kind == "delete":
		s.must(204, "DELETE", "/Groups/"+g.id, "")
		g.exists = false
		return
	case kind == "refused":
		s.must(409, "PATCH", "/Groups/"+g.id, patchBody(`[{"op":"replace","path":"displayName","value":"taken"}]`))
		g.refused = true
		return
	case kind == "add":
		s.must(200, "PATCH", "/Groups/"+g.id, patchBody(`[{"op":"add","path":"members","value":`+stage.Members(ids...)+`}]`))
		m.join(g, ids)
	case kind == "remove":
		s.must(200, "PATCH", "/Groups/"+g.id, patchBody(`[{"op":"remove","path":"members","value":`+stage.Members(ids...)+`}]`))
		for _, id := range ids {
			m.leave(g, id)
		}
	default:
		if !slices.ContainsFunc(ids, m.isLive) {
			m.whole(400, g, kind, ids)
			g.refused = true
			return
		}
		m.whole(200, g, kind, ids)
	}
	g.refused = false
}

// whole pushes all members of a group.
func (m *owing) whole(status int, g *owingGroup, kind string, ids []string) {
	if kind == "PUT" {
		m.s.must(status, "PUT", "/Groups/"+g.id, stage.Group(g.name, ids...))
	} else {
		m.s.must(status, "PATCH", "/Groups/"+g.id, patchBody(`[{"op":"replace","path":"members","value":`+stage.Members(ids...)+`}]`))
	}
	if status != 200 {
		return
	}
	for _, u := range m.users {
		if u.live {
			delete(u.lost, g.id)
		}
	}
	g.members, g.skipped = map[string]bool{}, map[string]bool{}
	m.join(g, ids)
}

// The list is what a model of the identity provider's requests says, at any time, and is
// empty after all of it was pushed.
func TestPushAgain_IsWhatIsOwed(t *testing.T) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		m := &owing{rt: rt, s: newService(t, enginetest.Memory(t), 50, app.Options{}), ghosts: []string{uuid.NewString(), "not-ours", "a b=c"}}
		m.s.must(201, "POST", "/Groups", stage.Group("taken"))
		for i := range 3 {
			m.users = append(m.users, &owingUser{name: fmt.Sprintf("u%d@x", i), lost: map[string]bool{}})
		}
		for i := range 2 {
			m.groups = append(m.groups, &owingGroup{name: fmt.Sprint("g", i)})
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "of a user") {
				m.changeUser()
			} else {
				m.changeGroup()
			}
			if rapid.IntRange(0, 3).Draw(rt, "look") == 0 {
				m.check()
			}
		}
		m.check()
		for _, g := range m.groups {
			if !g.exists {
				continue
			}
			ids := slices.Collect(maps.Keys(g.members))
			for _, u := range m.users {
				if u.live && !g.members[u.id] && (u.lost[g.id] || g.skipped[u.id]) {
					ids = append(ids, u.id)
				}
			}
			m.whole(200, g, "PUT", ids)
			g.refused = false
		}
		require.Empty(rt, m.want())
		m.check()
		m.s.check(m.s.active())
	})
	t.Logf("%d histories", n)
}

func TestPushAgain(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testPushAgain) }

func testPushAgain(t *testing.T, open func(testing.TB) table.Table) {
	s := newService(t, open(t), 5, app.Options{})
	okta := []string{"User-Agent", "Okta SCIM Client 1.0.0"}
	ann := s.must(201, "POST", "/Users", userBody(`"userName":"ann@x"`))
	ghost := uuid.NewString()
	staff := s.send("POST", "/Groups", stage.Group("=Staff", ann, ghost), okta...)
	require.Equal(t, 201, staff.status)
	id := staff.body["id"].(string)
	rows := s.pushAgain(50)
	require.Len(t, rows, 1)
	require.Equal(t, map[string]any{
		"reason": "member_skipped", "group": "=Staff", "groupId": id, "userId": ghost, "userState": "unknown", "since": rows[0]["since"], "idp": "okta",
		"sentWithoutAsking": "never", "whatToDo": cause.UnknownMembers.Advice(cause.SkippedMembers, idp.Okta),
	}, rows[0])

	s.must(204, "DELETE", "/Users/"+ann, "")
	require.Len(t, s.pushAgain(50), 1, "a deleted user is not pushed")
	restored := s.send("POST", "/Users", userBody(`"userName":"ann@x"`), okta...)
	require.Equal(t, 200, restored.status)
	rows = s.pushAgain(50)
	require.Len(t, rows, 2)
	require.Equal(t, "groups_lost ann@x active", fmt.Sprint(rows[1]["reason"], " ", rows[1]["user"], " ", rows[1]["userState"]))
	require.Equal(t, "The user exists and is not in the group: select Push now for the group under Push Groups.", rows[1]["whatToDo"])

	lines := strings.Split(s.csv("/tenants/acme/push-again?format=csv"), "\r\n")
	require.Len(t, lines, 4)
	require.True(t, strings.HasPrefix(lines[1], "member_skipped,'=Staff,"+id+",,"+ghost+",unknown,,"), lines[1])

	s.must(200, "PATCH", "/Groups/"+id, patchBody(`[{"op":"add","path":"members","value":`+stage.Members(ann)+`}]`))
	s.must(200, "PATCH", "/Groups/"+id, patchBody(`[{"op":"remove","path":"members","value":`+stage.Members(ghost)+`}]`))
	s.must(200, "PATCH", "/Groups/"+id, patchBody(`[{"op":"remove","path":"members","value":`+stage.Members(ann)+`}]`))
	require.Empty(t, s.pushAgain(50), "a member that joined and was removed is not owed any more")
	s.check(1)
}

// More members are skipped than an item names: the list has their number, and is empty
// once all members are pushed.
func TestPushAgain_IsBounded(t *testing.T) {
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	ann := s.must(201, "POST", "/Users", userBody(`"userName":"ann@x"`))
	ghosts := make([]string, 1200)
	for i := range ghosts {
		ghosts[i] = uuid.NewString()
	}
	id := s.must(201, "POST", "/Groups", stage.Group("Staff", append([]string{ann}, ghosts[:700]...)...))
	rows := s.pushAgain(1)
	require.Len(t, rows, 500)
	require.InEpsilon(t, 200.0, rows[0]["others"], 0)
	s.must(200, "PATCH", "/Groups/"+id, patchBody(`[{"op":"add","path":"members","value":`+stage.Members(ghosts[700:]...)+`}]`))
	rows = s.pushAgain(1)
	require.Len(t, rows, 500)
	require.InEpsilon(t, 700.0, rows[0]["others"], 0)
	s.must(200, "PUT", "/Groups/"+id, stage.Group("Staff", ann))
	require.Empty(t, s.pushAgain(1))

	// The reads of a page are bounded by what it shows.
	s.must(200, "PUT", "/Groups/"+id, stage.Group("Staff", append([]string{ann}, ghosts...)...))
	read := s.admin("GET", "/tenants/acme/push-again", "").event
	require.LessOrEqual(t, read["roundTrips"], 12.0)
	require.LessOrEqual(t, read["readUnits"], 1100.0)
}

// csv returns the text of an answer of the admin API in CSV.
func (s *service) csv(path string) string {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, "https://scim.test"+adminapi.Prefix+path, http.NoBody)
	r.Header.Set(web.OperatorHeader, operator)
	w := httptest.NewRecorder()
	iam.Handler(s.app.AdminHandler(), func(string, string) string { return "AdminFunction" }).ServeHTTP(w, r)
	require.Equal(s.t, 200, w.Code, w.Body)
	require.Equal(s.t, "text/csv; charset=utf-8; header=present", w.Header().Get("Content-Type"))
	return w.Body.String()
}

func TestDrift(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testDrift) }

func testDrift(t *testing.T, open func(testing.TB) table.Table) {
	at := time.Now().UTC()
	s := newService(t, open(t), 9, app.Options{Now: func() time.Time { return at }, Random: rand.Reader})
	post := func(name string) string { return s.must(201, "POST", "/Users", userBody(`"userName":"`+name+`"`)) }
	quiet, changed, same, refused, off := post("quiet@x"), post("changed@x"), post("same@x"), post("refused@x"), post("off@x")
	own := s.makeOwn(`"userName":"own@x"`)
	group := s.must(201, "POST", "/Groups", stage.Group("Staff", quiet))
	s.must(201, "POST", "/Groups", stage.Group("Design"))
	at = at.Add(40 * 24 * time.Hour)
	s.must(200, "PATCH", "/Users/"+changed, patchBody(`[{"op":"replace","path":"displayName","value":"C"}]`))
	s.must(200, "PATCH", "/Users/"+same, patchBody(`[{"op":"replace","path":"userName","value":"same@x"}]`))
	s.must(409, "PATCH", "/Users/"+refused, patchBody(`[{"op":"replace","path":"userName","value":"same@x"}]`))
	s.must(200, "PATCH", "/Users/"+off, patchBody(`[{"op":"replace","path":"active","value":false}]`))
	s.ask(200, "PATCH", "/tenants/acme/users/"+quiet, `{"displayName":"By the application"}`)
	s.must(200, "PATCH", "/Groups/"+group, patchBody(`[{"op":"add","path":"members","value":`+stage.Members(same)+`}]`))

	list := func(query string) []string {
		rows := []string{}
		for after := ""; ; {
			page := s.mustAdmin(200, "GET", "/tenants/acme/drift?limit=2&after="+after+query, "")
			for _, row := range page["drift"].([]any) {
				row := row.(map[string]any)
				rows = append(rows, fmt.Sprint(row["reason"], " ", row["subject"]))
			}
			var more bool
			if after, more = page["next"].(string); !more {
				return rows
			}
		}
	}
	since := "&since=" + at.Add(-30*24*time.Hour).Format(time.RFC3339)
	require.ElementsMatch(t, []string{"no_request quiet@x", "no_request same@x", "not_linked own@x", "no_request Design"}, list(since), "of same@x nothing was changed")
	require.Equal(t, []string{"not_linked own@x"}, list(""), "90 days")
	require.Contains(t, s.csv("/tenants/acme/drift?format=csv"+since), "not_linked,User,own@x,,"+own+",")
	require.LessOrEqual(t, s.admin("GET", "/tenants/acme/drift?limit=200", "").event["roundTrips"], 6.0)
}
