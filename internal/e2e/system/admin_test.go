package system

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// operator is the caller of the admin API in tests.
const operator = "arn:aws:iam::123456789012:user/owner"

// admin sends a request to the admin API.
func (s *service) admin(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "https://scim.test"+adminapi.Prefix+path, strings.NewReader(body))
	r.Header.Set(web.OperatorHeader, operator)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	iam.Handler(s.app.AdminHandler(), func(string, string) string { return "AdminFunction" }).ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header()}
	got := w.Header().Get("X-Content-Type-Options")
	assert.Equalf(s.t, "nosniff", got, "%s %s: X-Content-Type-Options %q", method, path, got)
	if w.Body.Len() > 0 {
		assert.NoErrorf(s.t, json.Unmarshal(w.Body.Bytes(), &a.body), "%s %s", method, path)
	}
	if a.event = s.event(w.Header().Get("X-Request-Id")); a.event == nil || a.event["event"] != "admin.request" {
		s.t.Errorf("%s %s: no event was logged", method, path)
	}
	conform(s.t, method, path, body, a)
	return a
}

// mustAdmin sends a request that must be answered with status.
func (s *service) mustAdmin(status int, method, path, body string) map[string]any {
	s.t.Helper()
	a := s.admin(method, path, body)
	require.Equalf(s.t, status, a.status, "%s %s %s: %d %v, want %d", method, path, body, a.status, a.body, status)
	return a.body
}

func newApplication(t *testing.T, engine table.Table, o app.Options) *service {
	t.Helper()
	s := &service{t: t}
	s.start(engine, o)
	return s
}

func TestAdmin_Tenants(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testAdminTenants) }

func testAdminTenants(t *testing.T, open func(testing.TB) table.Table) {
	s := newApplication(t, open(t), app.Options{})
	assert.Equal(t, 404, s.admin("GET", "/tenants/acme", "").status, "unknown tenant")
	made := s.mustAdmin(201, "PUT", "/tenants/acme", `{"displayName":"Acme","maxSeats":2}`)
	for name, want := range map[string]any{
		"id": "acme", "displayName": "Acme", "maxSeats": 2.0, "maxReaders": nil, "defaultAccountType": "user",
		"unknownMembers": "skip", "unknownAttributes": "drop", "deletedUsers": "hidden", "rehire": "warn",
		"dialect": "take", "scimEnabled": true, "logDays": 90.0, "scimBaseUrl": "https://scim.test/scim/v2",
	} {
		assert.Truef(t, made[name] == want, "%s is %v, want %v", name, made[name], want)
	}
	again := s.admin("PUT", "/tenants/acme", `{"displayName":"Acme","maxSeats":2}`)
	assert.Truef(t, again.status == 200 && again.body["version"] == made["version"], "the same again: %d %v", again.status, again.body)
	changed := s.mustAdmin(200, "PATCH", "/tenants/acme", `{"maxReaders":7,"unknownMembers":"refuse","scimEnabled":false}`)
	if changed["maxSeats"] != 2.0 || changed["maxReaders"] != 7.0 || changed["unknownMembers"] != "refuse" || changed["scimEnabled"] != false {
		t.Errorf("changed: %v", changed)
	}
	a := s.admin("PATCH", "/tenants/acme", `{"maxSeats":3}`, "If-Match", `W/"`+made["version"].(string)+`"`)
	assert.Equalf(t, 412, a.status, "an old version: %d %v", a.status, a.body)
	a = s.admin("PATCH", "/tenants/acme", `{"maxSeats":3}`, "If-Match", s.admin("GET", "/tenants/acme", "").header.Get("ETag"))
	assert.Equalf(t, 200, a.status, "the version of now: %d %v", a.status, a.body)
	back := s.mustAdmin(200, "PATCH", "/tenants/acme", `{"maxSeats":null,"scimEnabled":null,"unknownMembers":null}`)
	assert.Truef(t, back["maxSeats"] == nil && back["scimEnabled"] == true && back["unknownMembers"] == "skip", "null: %v", back)
	for i := range 5 {
		s.mustAdmin(201, "PUT", fmt.Sprintf("/tenants/t%d", i), "")
	}
	var ids []string
	for after := ""; ; {
		list := s.mustAdmin(200, "GET", "/tenants?limit=2&after="+after, "")
		for _, r := range list["tenants"].([]any) {
			ids = append(ids, r.(map[string]any)["id"].(string))
		}
		var more bool
		if after, more = list["next"].(string); !more {
			break
		}
	}
	assert.Truef(t, slices.Equal(ids, []string{"acme", "t0", "t1", "t2", "t3", "t4"}), "the list is %v", ids)
	usage := s.mustAdmin(200, "GET", "/tenants/acme/usage", "")
	assert.Equalf(t, "map[groups:0 readers:map[limit:7 used:0] seats:map[limit:<nil> used:0] users:0]", fmt.Sprint(usage), "usage: %v", usage)
}

func TestAdmin_RefusesInvalidRequests(t *testing.T) {
	s := newApplication(t, enginetest.Memory(t), app.Options{})
	s.mustAdmin(201, "PUT", "/tenants/acme", `{"maxSeats":1}`)
	before := s.mustAdmin(200, "GET", "/tenants/acme", "")
	for _, tt := range []struct {
		method, path, body string
		status             int
		kind               string
	}{
		{"PATCH", "/tenants/acme", `{"maxSeats":-1}`, 400, "invalid-value"},
		{"PATCH", "/tenants/acme", `{"maxSeats":1.5}`, 400, "invalid-value"},
		{"PATCH", "/tenants/acme", `{"maxSeats":"2"}`, 400, "invalid-value"},
		{"PATCH", "/tenants/acme", `{"maxSeat":2}`, 400, "invalid-value"},
		{"PATCH", "/tenants/acme", `{"maxSeats":2,"maxSeats":3}`, 400, "invalid-syntax"},
		{"PATCH", "/tenants/acme", `{"dialect":"strict"}`, 400, "invalid-value"},
		{"PATCH", "/tenants/acme", `{"id":"other"}`, 400, "invalid-value"},
		{"PATCH", "/tenants/acme", `{"logDays":0}`, 400, "invalid-value"},
		{"PATCH", "/tenants/acme", `{"displayName":"` + strings.Repeat("x", 201) + `"}`, 400, "invalid-value"},
		{"PATCH", "/tenants/acme", `[]`, 400, "invalid-value"},
		{"PATCH", "/tenants/acme", `{`, 400, "invalid-syntax"},
		{"PATCH", "/tenants/acme", `{"displayName":"` + strings.Repeat("x", 300_000) + `"}`, 413, "body-too-large"},
		{"PATCH", "/tenants/acme?x=1", `{}`, 400, "invalid-value"},
		{"PATCH", "/tenants/nobody", `{}`, 404, "not-found"},
		{"PUT", "/tenants/Acme", `{}`, 400, "invalid-value"},
		{"PUT", "/tenants/a%2Fb", `{}`, 400, "invalid-value"},
		{"POST", "/tenants/acme", `{}`, 405, "method-not-allowed"},
		{"GET", "/tenants/", "", 404, "no-such-resource"},
		{"GET", "/nosuch", "", 404, "no-such-resource"},
		{"GET", "/tenants?limit=0", "", 400, "invalid-value"},
		{"GET", "/tenants?limit=201", "", 400, "invalid-value"},
		{"GET", "/tenants?after=%21", "", 400, "invalid-value"},
		{"DELETE", "/tenants/acme", "", 400, "confirmation-needed"},
		{"DELETE", "/tenants/acme?confirm=other", "", 400, "confirmation-needed"},
		{"GET", "/tenants/nobody/usage", "", 404, "not-found"},
		{"POST", "/tenants/nobody/tokens", "{}", 404, "not-found"},
		{"POST", "/tenants/acme/tokens", `{"expiresAt":"2001-01-01T00:00:00Z"}`, 400, "invalid-value"},
		{"POST", "/tenants/acme/tokens", `{"expiresAt":"tomorrow"}`, 400, "invalid-value"},
		{"DELETE", "/tenants/acme/tokens/nosuch", "", 404, "not-found"},
		{"PUT", "/tenants/acme/tokens/nosuch/rotation", "", 404, "not-found"},
	} {
		a := s.admin(tt.method, tt.path, tt.body)
		kind, _ := a.body["type"].(string)
		if a.status != tt.status || !strings.HasSuffix(kind, "#"+tt.kind) || a.event["cause"] != tt.kind {
			t.Errorf("%s %s %.60s: %d %v, want %d %s", tt.method, tt.path, tt.body, a.status, a.body, tt.status, tt.kind)
		}
		detail, _ := a.body["detail"].(string)
		assert.Truef(t, detail != "" && a.body["requestId"] == a.header.Get("X-Request-Id"), "%s %s: %v", tt.method, tt.path, a.body)
	}
	after := s.mustAdmin(200, "GET", "/tenants/acme", "")
	assert.Equalf(t, fmt.Sprint(before), fmt.Sprint(after), "a refused request changed the tenant: %v", after)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://scim.test"+adminapi.Prefix+"/tenants/acme", http.NoBody)
	w := httptest.NewRecorder()
	s.app.AdminHandler().ServeHTTP(w, r)
	assert.Truef(t, w.Code == 403 && !strings.Contains(w.Body.String(), "acme"), "without an authorized caller: %d %s", w.Code, w.Body.String())
}

// A value of the wrong form is refused with its name and what it must be.
func TestAdmin_SaysWhatAValueMustBe(t *testing.T) {
	s := newApplication(t, enginetest.Memory(t), app.Options{})
	s.mustAdmin(201, "PUT", "/tenants/acme", "")
	for _, tt := range []struct{ method, path, body, detail string }{
		{"PATCH", "/tenants/acme", `{"maxSeats":"2"}`, "maxSeats must be a number or null."},
		{"PATCH", "/tenants/acme", `{"maxSeats":1.5}`, "maxSeats must be a number or null."},
		{"PUT", "/tenants/acme", `{"maxReaders":{}}`, "maxReaders must be a number or null."},
		{"PATCH", "/tenants/acme", `{"logDays":true}`, "logDays must be a number or null."},
		{"PATCH", "/tenants/acme", `{"scimEnabled":"yes"}`, "scimEnabled must be true or false."},
		{"PATCH", "/tenants/acme", `{"dialect":1}`, "dialect must be a text."},
		{"POST", "/tenants/acme/tokens", `{"expiresAt":"tomorrow"}`, "expiresAt must be a time, for example 2027-01-31T00:00:00Z, or null."},
		{"POST", "/tenants/acme/users", `{"userName":["x"]}`, "userName must be a text."},
		{"PATCH", "/tenants/acme", `[]`, "The body must be a JSON object."},
	} {
		if a := s.admin(tt.method, tt.path, tt.body); a.status != 400 || a.body["detail"] != tt.detail {
			t.Errorf("%s %s %s: %d %v, want %q", tt.method, tt.path, tt.body, a.status, a.body["detail"], tt.detail)
		}
	}
}

// With If-None-Match: * a PUT creates a tenant, and changes no existing one.
func TestAdmin_CreatesATenantOnce(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), testAdminCreates)
}

func testAdminCreates(t *testing.T, open func(testing.TB) table.Table) {
	s := newApplication(t, open(t), app.Options{})
	a := s.admin("PUT", "/tenants/acme", `{"maxSeats":3}`, "If-None-Match", "*")
	require.Truef(t, a.status == 201 && a.body["maxSeats"] == 3.0, "a new tenant: %d %v", a.status, a.body)
	for _, body := range []string{`{"maxSeats":4}`, `{"maxSeats":3}`} {
		a := s.admin("PUT", "/tenants/acme", body, "If-None-Match", "*")
		detail, _ := a.body["detail"].(string)
		assert.Truef(t, a.status == 412 && strings.Contains(detail, "The tenant acme exists already"), "an existing tenant: %d %v", a.status, a.body)
	}
	a = s.admin("PUT", "/tenants/acme", `{}`, "If-None-Match", `W/"1"`)
	assert.Equalf(t, 400, a.status, "a version: %d %v", a.status, a.body)
	kept := s.mustAdmin(200, "GET", "/tenants/acme", "")
	assert.Truef(t, kept["maxSeats"] == 3.0, "the tenant was changed: %v", kept)
}

// A search text finds exactly the users and groups of which it is the id, name,
// externalId or email.
func TestAdmin_FindsBySubject(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testAdminFinds) }

func testAdminFinds(t *testing.T, open func(testing.TB) table.Table) {
	s := newApplication(t, open(t), app.Options{})
	s.mustAdmin(201, "PUT", "/tenants/acme", "")
	s.mustAdmin(201, "PUT", "/tenants/globex", "")
	ids := map[string]string{}
	for name, body := range map[string]string{
		"ann":   `{"userName":"Ann@Example.com","email":"ann@example.com"}`,
		"bob":   `{"userName":"bob","email":"bob@example.com"}`,
		"gone":  `{"userName":"gone","email":"gone@example.com"}`,
		"other": `{"userName":"other"}`,
	} {
		ids[name] = s.mustAdmin(201, "POST", "/tenants/acme/users", body)["id"].(string)
	}
	s.mustAdmin(201, "POST", "/tenants/globex/users", `{"userName":"theirs"}`)
	token := s.mustAdmin(201, "POST", "/tenants/acme/tokens", "")["token"].(string)
	send := func(method, path, body string) answer {
		t.Helper()
		return s.send(method, path, body, "Authorization", "Bearer "+token)
	}
	linked := send("POST", "/Users", userBody(`"userName":"linked","externalId":"00uA","emails":[{"value":"l@example.com","primary":true},{"value":"shared@example.com"}]`))
	ids["linked"], _ = linked.body["id"].(string)
	second := send("POST", "/Users", userBody(fmt.Sprintf(`"userName":"second","emails":[{"value":"s@example.com","primary":true},{"value":"SHARED@example.com"},{"value":%q}]`, ids["linked"])))
	ids["second"], _ = second.body["id"].(string)
	// The id of one user is the userName of another.
	ids["namesake"] = s.mustAdmin(201, "POST", "/tenants/acme/users", fmt.Sprintf(`{"userName":%q}`, ids["bob"]))["id"].(string)
	a := send("DELETE", "/Users/"+ids["linked"], "")
	require.Equalf(t, 204, a.status, "DELETE: %d %v", a.status, a.body)
	group := send("POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Staff","externalId":"00gA"}`)
	ids["staff"], _ = group.body["id"].(string)

	for _, tt := range []struct {
		list, subject, deleted string
		want                   []string
	}{
		{"users", "ann@example.com", "", []string{"ann"}},
		{"users", "BOB@EXAMPLE.COM", "", []string{"bob"}},
		{"users", " bob ", "", []string{"bob"}},
		{"users", "bo", "", nil},
		{"users", ids["bob"], "", []string{"bob", "namesake"}},
		{"users", "00uA", "", nil},
		{"users", "00uA", "true", []string{"linked"}},
		{"users", "00ua", "true", nil},
		{"users", "linked", "true", []string{"linked"}},
		{"users", ids["linked"], "true", []string{"linked", "second"}},
		{"users", "shared@example.com", "", []string{"second"}},
		{"users", "theirs", "", nil},
		{"users", "", "true", nil},
		{"users", "nosuch", "", nil},
		{"users", strings.Repeat("x", 5000), "", nil},
		{"users", "\x00#\xff", "", nil},
		{"groups", "staff", "", []string{"staff"}},
		{"groups", "00gA", "", []string{"staff"}},
		{"groups", ids["staff"], "", []string{"staff"}},
		{"groups", "bob", "", nil},
		{"groups", "", "", nil},
	} {
		query := url.Values{"subject": {tt.subject}}
		if tt.deleted != "" {
			query.Set("deleted", tt.deleted)
		}
		found := s.mustAdmin(200, "GET", "/tenants/acme/"+tt.list+"?"+query.Encode(), "")
		var got, want []string
		for _, one := range found[tt.list].([]any) {
			got = append(got, one.(map[string]any)["id"].(string))
		}
		for _, name := range tt.want {
			want = append(want, ids[name])
		}
		slices.Sort(want)
		assert.Truef(t, slices.Equal(got, want) && found["next"] == nil, "%s %.40q: %v, want %v", tt.list, tt.subject, got, tt.want)
	}
	// Several users have one email: each page has as many as were requested.
	for i := range 3 {
		send("POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d","emails":[{"value":"u%[1]d@example.com","primary":true},{"value":"all@example.com"}]`, i)))
	}
	var names []string
	for after := ""; ; {
		page := s.mustAdmin(200, "GET", "/tenants/acme/users?subject=all%40example.com&limit=2&after="+after, "")
		for _, one := range page["users"].([]any) {
			names = append(names, one.(map[string]any)["userName"].(string))
		}
		var more bool
		if after, more = page["next"].(string); !more {
			break
		}
	}
	assert.Truef(t, slices.Equal(names, []string{"u0", "u1", "u2"}), "by pages: %v", names)
	assert.Equal(t, 404, s.admin("GET", "/tenants/nobody/users?subject=x", "").status, "of an unknown tenant")
}

// Users are narrowed by their state and by what manages them, and the members of a group
// come in pages, each with the failure of its own provisioning.
func TestAdmin_NarrowsUsersAndListsMembers(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), testAdminNarrowsUsers)
}

func testAdminNarrowsUsers(t *testing.T, open func(testing.TB) table.Table) {
	s := newApplication(t, open(t), app.Options{})
	s.mustAdmin(201, "PUT", "/tenants/acme", `{"maxSeats":4}`)
	s.token, _ = s.mustAdmin(201, "POST", "/tenants/acme/tokens", "")["token"].(string)
	ids := map[string]string{}
	for _, name := range []string{"ann", "ben", "cleo"} {
		ids[name] = s.must(201, "POST", "/Users", userBody(`"userName":"`+name+`"`))
	}
	s.mustAdmin(201, "POST", "/tenants/acme/users", `{"userName":"own"}`)
	s.must(200, "PATCH", "/Users/"+ids["ben"], patchBody(deactivate))
	s.must(204, "DELETE", "/Users/"+ids["cleo"], "")
	for query, want := range map[string][]string{
		"state=active": {"ann", "own"}, "state=inactive": {"ben"}, "state=deleted": {"cleo"}, "managedBy=app": {"own"}, "managedBy=idp": {"ann", "ben"},
		"managedBy=idp&deleted=true": {"ann", "ben", "cleo"}, "state=active&managedBy=idp": {"ann"}, "subject=ben&state=active": nil, "subject=cleo&state=deleted": {"cleo"},
	} {
		var got []string
		page := s.mustAdmin(200, "GET", "/tenants/acme/users?"+query, "")
		for _, one := range page["users"].([]any) {
			got = append(got, one.(map[string]any)["userName"].(string))
		}
		assert.Equal(t, want, got, query)
		assert.Nil(t, page["next"], query)
	}
	for _, query := range []string{"state=gone", "managedBy=me", "state=active&state=active"} {
		assert.Equal(t, 400, s.admin("GET", "/tenants/acme/users?"+query, "").status, query)
	}
	group := s.must(201, "POST", "/Groups", groupBody("Sales", ids["ann"], ids["ben"]))
	// Nobody but ben fails.
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"maxSeats":1}`)
	assert.Equal(t, 403, s.send("PATCH", "/Users/"+ids["ben"], patchBody(`[{"op":"replace","path":"active","value":true}]`)).status)
	failures := map[string]string{}
	after := ""
	for pages := 0; ; pages++ {
		page := s.mustAdmin(200, "GET", "/tenants/acme/groups/"+group+"/members?limit=1&after="+after, "")
		assert.Equal(t, "Sales", page["group"].(map[string]any)["displayName"])
		for _, one := range page["members"].([]any) {
			m := one.(map[string]any)
			failure, _ := m["failure"].(map[string]any)
			cause, _ := failure["cause"].(string)
			failures[m["subject"].(string)+" "+m["state"].(string)] = cause
		}
		next, more := page["next"].(string)
		if !more {
			break
		}
		after = next
		require.Less(t, pages, 5)
	}
	assert.Equal(t, map[string]string{"ann active": "", "ben inactive": "seat_limit"}, failures)
	assert.Equal(t, 404, s.admin("GET", "/tenants/acme/groups/"+ids["ann"]+"/members", "").status, "not a group")
	assert.Equal(t, 404, s.admin("GET", "/tenants/nobody/groups/"+group+"/members", "").status, "of an unknown tenant")
}

// A token is shown once, works, can be distinguished from the others, and is
// revoked.
func TestAdmin_Tokens(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testAdminTokens) }

func testAdminTokens(t *testing.T, open func(testing.TB) table.Table) {
	now := time.Now().Truncate(time.Millisecond)
	s := newApplication(t, open(t), app.Options{Now: func() time.Time { return now }})
	s.mustAdmin(201, "PUT", "/tenants/acme", `{"maxSeats":1}`)
	minted := s.mustAdmin(201, "POST", "/tenants/acme/tokens", `{"label":"Okta","expiresAt":"`+now.Add(time.Hour).UTC().Format(time.RFC3339)+`"}`)
	other := s.mustAdmin(201, "POST", "/tenants/acme/tokens", "")
	assert.Truef(t, other["expiresAt"] == nil && other["label"] == "", "a token without choices: %v", other)
	works := func(token any) int {
		t.Helper()
		s.token, _ = token.(string)
		return s.send("GET", "/Users?count=0", "").status
	}
	assert.Equal(t, 200, works(minted["token"]), "a new token")
	list := func() map[string]map[string]any {
		t.Helper()
		all := map[string]map[string]any{}
		for _, r := range s.mustAdmin(200, "GET", "/tenants/acme/tokens", "")["tokens"].([]any) {
			r := r.(map[string]any)
			all[r["id"].(string)] = r
		}
		return all
	}
	first := list()[minted["id"].(string)]
	if first["label"] != "Okta" || first["state"] != "live" || first["lastUsedAt"] == nil || !strings.HasSuffix(minted["token"].(string), first["lastFour"].(string)) {
		t.Errorf("the token in the list: %v", first)
	}
	assert.Nil(t, list()[other["id"].(string)]["lastUsedAt"], "a token that was never used was used")
	// A rotation: both tokens work, then only the new one.
	path := "/tenants/acme/tokens/" + other["id"].(string)
	next := s.mustAdmin(201, "POST", path+"/rotation", "")
	assert.Equal(t, 409, s.admin("POST", path+"/rotation", "").status, "rotated twice")
	a, b := works(other["token"]), works(next["token"])
	assert.Truef(t, a == 200 && b == 200, "during a rotation: %d and %d", a, b)
	s.mustAdmin(204, "PUT", path+"/rotation", "")
	now = now.Add(access.CacheTime + time.Second)
	a, b = works(other["token"]), works(next["token"])
	assert.Truef(t, a == 401 && b == 200, "after a rotation: %d and %d", a, b)
	// A rotation that is cancelled.
	path = "/tenants/acme/tokens/" + next["id"].(string)
	never := s.mustAdmin(201, "POST", path+"/rotation", `{"label":"new"}`)
	s.mustAdmin(204, "DELETE", path+"/rotation", "")
	assert.Equal(t, 409, s.admin("DELETE", path+"/rotation", "").status, "cancelled twice")
	a, b = works(next["token"]), works(never["token"])
	assert.Truef(t, a == 200 && b == 401, "after a rotation that was cancelled: %d and %d", a, b)
	s.mustAdmin(204, "DELETE", path, "")
	s.mustAdmin(204, "DELETE", path, "")
	now = now.Add(access.CacheTime + time.Second)
	assert.Equal(t, 401, works(next["token"]), "revoked")
	now = now.Add(time.Hour)
	assert.Equal(t, 401, works(minted["token"]), "expired")
	states := map[string]int{}
	for _, r := range list() {
		states[r["state"].(string)]++
	}
	assert.Equalf(t, "map[expired:1 revoked:3]", fmt.Sprint(states), "states: %v", states)
	for i := range access.MaxTokens + 1 {
		a := s.admin("POST", "/tenants/acme/tokens", "")
		if a.status == 201 {
			continue
		}
		assert.Truef(t, a.status == 409 && i >= access.MaxTokens-2, "token %d: %d %v", i, a.status, a.body)
		return
	}
	t.Error("any number of tokens is minted")
}

// A tenant's requests follow the schema that the admin API registers.
func TestAdmin_Schemas(t *testing.T) {
	now := time.Now()
	s := newService(t, enginetest.Memory(t), 5, app.Options{Now: func() time.Time { return now }})
	const urn = "urn:example:hr:1.0:User"
	path := "/tenants/acme/schemas/" + url.PathEscape(urn)
	assert.Equal(t, 404, s.admin("GET", path, "").status)
	body := `{"resourceType":"User","schema":{"id":"` + urn + `","name":"HR","attributes":[{"name":"badge","type":"string"}]}}`
	made := s.mustAdmin(201, "PUT", path, body)
	assert.Truef(t, made["resourceType"] == "User", "made: %v", made)
	s.mustAdmin(200, "PUT", path, body)
	a := s.admin("PUT", "/tenants/acme/schemas/urn:example:other", body)
	assert.Equalf(t, 400, a.status, "another URN in the path: %d %v", a.status, a.body)
	assert.Equal(t, 400, s.admin("PUT", path, `{"schema":{"id":"`+urn+`","attributes":[{"name":"badge","type":"text"}]}}`).status, "an unknown type")
	now = now.Add(access.CacheTime)
	id := s.must(201, "POST", "/Users", userBody(`"userName":"a","`+urn+`":{"badge":"7"}`))
	a = s.send("GET", "/Users/"+id, "")
	assert.Equalf(t, "map[badge:7]", fmt.Sprint(a.body[urn]), "the value: %v", a.body)
	list := s.mustAdmin(200, "GET", "/tenants/acme/schemas", "")["schemas"].([]any)
	assert.Lenf(t, list, 1, "the list: %v", list)
	s.mustAdmin(204, "DELETE", path, "")
	assert.Equal(t, 404, s.admin("DELETE", path, "").status, "deleted twice")
}

// A deleted tenant accepts no request, and the sweep removes everything of it,
// and nothing of the others.
func TestAdmin_DeletesTenants(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), testAdminDeletes)
}

func testAdminDeletes(t *testing.T, open func(testing.TB) table.Table) {
	now := time.Now()
	s := newService(t, open(t), 5, app.Options{Now: func() time.Time { return now }})
	other := s.newTenant("other", 5)
	acme := s.token
	for _, token := range []string{acme, other} {
		s.token = token
		user := s.must(201, "POST", "/Users", userBody(`"userName":"a@x","externalId":"e","emails":[{"value":"a@x"},{"value":"b@x"}]`))
		s.must(201, "POST", "/Groups", groupBody("g", user))
	}
	s.token = acme
	s.mustAdmin(202, "DELETE", "/tenants/acme?confirm=acme", "")
	now = now.Add(access.CacheTime)
	assert.Equal(t, 403, s.send("GET", "/Users", "").status, "being deleted")
	assert.Equal(t, 409, s.admin("PATCH", "/tenants/acme", `{"scimEnabled":true}`).status, "turned on again")
	assert.Equal(t, 409, s.admin("PUT", "/tenants/acme", `{}`).status, "made again")
	now = now.Add(time.Hour)
	_, err := s.app.Store.Sweep(iam.As(t.Context(), "SweepFunction"), 0)
	require.NoError(t, err)
	assert.Equal(t, 404, s.admin("GET", "/tenants/acme", "").status, "deleted")
	now = now.Add(access.CacheTime)
	assert.Equal(t, 401, s.send("GET", "/Users", "").status, "its token")
	s.mustAdmin(201, "PUT", "/tenants/acme", "")
	usage := s.mustAdmin(200, "GET", "/tenants/acme/usage", "")
	assert.Truef(t, usage["users"] == 0.0 && usage["groups"] == 0.0, "created again: %v", usage)
	s.token = other
	a := s.send("GET", "/Users", "")
	assert.Truef(t, a.body["totalResults"] == 1.0, "the other tenant: %d %v", a.status, a.body)
}
