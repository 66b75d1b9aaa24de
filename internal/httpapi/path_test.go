package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// spellings are other ways to write a path: with more slashes, and with the
// fixed segments in another letter case. The id stays unchanged.
var spellings = map[string]func(path, id string) string{
	"a slash at the end":       func(path, _ string) string { return path + "/" },
	"two slashes at the end":   func(path, _ string) string { return path + "//" },
	"double slashes":           func(path, _ string) string { return strings.ReplaceAll(path, "/", "//") },
	"a double slash at a time": func(path, _ string) string { return strings.Replace(path, "/v2/", "/v2//", 1) },
	"upper case":               func(path, id string) string { return inCase(path, id, strings.ToUpper) },
	"lower case":               func(path, id string) string { return inCase(path, id, strings.ToLower) },
	"all at once":              func(path, id string) string { return "/" + inCase(path, id, strings.ToUpper) + "//" },
}

func inCase(path, id string, to func(string) string) string {
	if id == "" {
		return to(path)
	}
	before, behind, _ := strings.Cut(path, id)
	return to(before) + id + to(behind)
}

// Every route is served for every spelling of its path, with the same answer
// and the same route in the event.
func TestPaths_AreServedInAnySpelling(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	user := s.mustCreate(`"userName":"ann"`)
	group := s.mustGroup("G", user)
	ids := map[string]string{
		"/users/": user, "/groups/": group, "/schemas/": scim.CoreUserURN, "/resourcetypes/": "User",
	}
	search := `{"schemas":["` + scim.SearchURN + `"]}`
	for _, r := range httpapi.Routes() {
		if r.Method == http.MethodPost && !strings.HasSuffix(r.Path, "/.search") || r.Method == http.MethodDelete {
			continue // changes are tested below: each affects the next spelling
		}
		id := ""
		for prefix, known := range ids {
			if strings.Contains(strings.ToLower(r.Path), prefix+"{id}") {
				id = known
			}
		}
		path := strings.Replace(r.Path, "{id}", id, 1)
		body := map[string]string{http.MethodPost: search, http.MethodPatch: patchBody(`[]`)}[r.Method]
		switch {
		case r.Method == http.MethodPut && id == user:
			body = userBody(`"userName":"ann"`)
		case r.Method == http.MethodPut:
			body = groupBody(`"displayName":"G","members":` + memberList(user))
		}
		plain := s.sendRaw(r.Method, path, strings.NewReader(body))
		require.Equalf(t, 200, plain.status, "%s %s: %d %s", r.Method, path, plain.status, plain.raw)
		for name, spelled := range spellings {
			a := s.sendRaw(r.Method, spelled(path, id), strings.NewReader(body))
			if a.status != plain.status || a.raw != plain.raw || a.header.Get("Location") != plain.header.Get("Location") {
				t.Errorf("%s %s, %s: %d %s", r.Method, spelled(path, id), name, a.status, a.raw)
			}
			if route := plain.event["route"]; a.event["route"] != route || a.event["operation"] != plain.event["operation"] {
				t.Errorf("%s, %s: the event has the route %v, and %v plain", spelled(path, id), name, a.event["route"], route)
			}
		}
	}
	for name, spelled := range spellings {
		a := s.sendRaw("POST", spelled("/scim/v2/Users", ""), strings.NewReader(userBody(fmt.Sprintf(`"userName":%q`, name))))
		id, _ := a.body["id"].(string)
		require.Truef(t, a.status == 201 && a.header.Get("Location") == baseURL+"/Users/"+id, "POST, %s: %d %s", name, a.status, a.raw)
		path := "/scim/v2/Users/" + id
		if a = s.sendRaw("DELETE", spelled(path, id), strings.NewReader("")); a.status != 204 || a.event["route"] != "DELETE /scim/v2/Users/{id}" {
			t.Errorf("DELETE, %s: %d %s", name, a.status, a.raw)
		}
		if a = s.sendRaw("GET", path, strings.NewReader("")); a.status != 404 {
			t.Errorf("deleted, %s: %d", name, a.status)
		}
		wantRefused(t, "no token, "+name, s.sendRaw("GET", spelled("/scim/v2/Users", ""), strings.NewReader(""), "Authorization", ""),
			http.StatusUnauthorized, cause.TokenMissing, "", "")
	}
}

// An id is matched exactly, and no spelling of a path bypasses that.
func TestPaths_LeadToNoOtherResource(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	id := s.mustCreate(`"userName":"ann"`)
	other := s.mustCreate(`"userName":"bob"`)
	for path, want := range map[string]cause.Cause{
		"/Users/" + strings.ToUpper(id):         cause.UserNotFound,
		"/Users/x%2F" + id:                      cause.UserNotFound,
		"/Users/" + other + "%2F..%2F" + id:     cause.UserNotFound,
		"/Users/" + id + "%2F":                  cause.UserNotFound,
		"/Users/%20" + id:                       cause.UserNotFound,
		"/USERS/" + id + "%3Fx":                 cause.UserNotFound,
		"/Users/x/" + id:                        cause.NoRoute,
		"/Users/../Users/" + id:                 cause.NoRoute,
		"/Users/./" + id:                        cause.NoRoute,
		"/Users%2F" + id:                        cause.NoRoute,
		"/%55sers/" + id:                        cause.NoRoute,
		"/U%C5%BFers/" + id:                     cause.NoRoute, // ſ is not s
		"/Users/" + id + "/" + id:               cause.NoRoute,
		"/scim/v2/Users/" + id:                  cause.NoRoute,
		"/Groups/" + id:                         cause.GroupNotFound,
		"/Users/" + id + "/.search/" + "/Users": cause.NoRoute,
	} {
		for _, method := range []string{"GET", "DELETE"} {
			a := s.send(method, path, "")
			assert.Truef(t, a.status == 404 && a.event["cause"] == string(want), "%s %s: %d %v, want %s", method, path, a.status, a.event["cause"], want)
		}
	}
	a := s.send("GET", "/Users?count=0", "")
	assert.Truef(t, a.body["totalResults"] == 2.0, "%v users are left", a.body["totalResults"])
	for _, path := range []string{"", "/", "/Users", "/admin/v1", "/scim", "/scim/v2x/Users", "//"} {
		a := s.sendRaw("GET", "/x"+path, strings.NewReader(""))
		wantRefused(t, "/x"+path, a, 404, cause.NoRoute, "Unknown SCIM endpoint.", "ends in /scim/v2")
	}
}

// HEAD is answered as GET, with the same headers and without a body.
func TestHead_HasTheHeadersOfGet(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	user := s.mustCreate(`"userName":"ann"`)
	group := s.mustGroup("G", user)
	for _, path := range []string{
		"", "/", "/Users", "/Users/" + user, "/users/" + user, "/Groups", "/Groups/" + group, "/Users/none", "/Groups?count=x",
		"/ServiceProviderConfig", "/Schemas", "/Schemas/" + scim.CoreUserURN, "/ResourceTypes", "/ResourceTypes/User", "/Nothing",
	} {
		get, head := s.send("GET", path, ""), s.send("HEAD", path, "")
		assert.Truef(t, head.status == get.status && head.raw == "", "HEAD %s: %d with %d bytes, GET %d", path, head.status, len(head.raw), get.status)
		for _, name := range []string{"Content-Type", "Content-Length", "ETag", "Location", "Content-Location", "Vary", "Cache-Control", "X-Content-Type-Options"} {
			// The ids of both requests have the same length.
			got, want := head.header.Get(name), get.header.Get(name)
			assert.Equalf(t, want, got, "HEAD %s: %s %q, GET %q", path, name, got, want)
		}
		for _, field := range []string{"operation", "outcome", "cause", "route", "resourceType"} {
			assert.Truef(t, head.event[field] == get.event[field], "HEAD %s: the event has %s %v, GET %v", path, field, head.event[field], get.event[field])
		}
		assert.Truef(t, head.event["method"] == "HEAD", "HEAD %s: method %v", path, head.event["method"])
	}
	etag := s.send("GET", "/Users/"+user, "").header.Get("ETag")
	assert.Equal(t, 304, s.send("HEAD", "/Users/"+user, "", "If-None-Match", etag).status, "HEAD of a known version")
}

// The path of an operation is accepted in the same spellings, and operations on
// one resource stay in order.
func TestBulk_PathsInAnySpelling(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	id := s.mustCreate(`"userName":"ann"`)
	var operations []string
	paths := []string{"/Users/" + id, "/users/" + id + "/", "//USERS//" + id, "/Users/" + id + "//"}
	for i, path := range paths {
		operations = append(operations, fmt.Sprintf(`{"method":"PATCH","path":%q,"data":%s}`, path,
			patchBody(fmt.Sprintf(`[{"op":"replace","path":"title","value":"T%d"}]`, i))))
	}
	operations = append(operations, `{"method":"POST","path":"/GROUPS/","bulkId":"g","data":`+groupBody(`"displayName":"G"`)+`}`,
		`{"method":"DELETE","path":"/Users%2F`+id+`"}`)
	a := s.bulk(strings.Join(operations, ","))
	got := a.statuses()
	require.Equalf(t, "200 200 200 200 201 400", got, "%s %s", got, a.raw)
	for i, r := range a.operations[:len(paths)] {
		assert.Truef(t, r.Location == baseURL+"/Users/"+id && r.Version == fmt.Sprintf(`W/"%d"`, i+2), "%s: %+v", paths[i], r)
	}
	if got := s.send("GET", "/Users/"+id, "").body["title"]; got != "T3" {
		t.Errorf("title %v", got)
	}
}

// The base URL lists users and groups, as a search does.
//
// Covers: 7644-3.4.2.1-1
func TestRoot_IsASearch(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	user := s.mustCreate(`"userName":"ann","displayName":"B"`)
	s.mustGroup("A", user)
	for query, body := range map[string]string{
		"": "", "?count=1&startIndex=2": `"count":1,"startIndex":2`, "?filter=displayName+sw+%22A%22": `"filter":"displayName sw \"A\""`,
		"?sortBy=displayName&attributes=displayName": `"sortBy":"displayName","attributes":["displayName"]`, "?count=0": `"count":0`,
	} {
		want := s.send("POST", "/.search", searchBody(body))
		for _, path := range []string{"", "/"} {
			a := s.send("GET", path+query, "")
			if a.status != 200 || a.raw != want.raw || a.event["operation"] != "search" || a.event["route"] != "GET /scim/v2" {
				t.Errorf("GET %s%s: %d %s, want %s", path, query, a.status, a.raw, want.raw)
			}
		}
	}
	a := s.send("POST", "", "{}")
	assert.Truef(t, a.status == 405 && a.header.Get("Allow") == "GET, HEAD", "POST: %d, Allow %q", a.status, a.header.Get("Allow"))
}

// The function of /Bulk serves every route, for paths that API Gateway sends to
// $default; every other function serves its own.
func TestFunctions_ServeTheirRoutes(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	for _, function := range []string{"users", "groups", "bulk", "discovery"} {
		s.handler = s.app.Handler(function)
		for _, r := range httpapi.Routes() {
			a := s.sendRaw(r.Method, r.Path, strings.NewReader(""), "Authorization", "")
			served := a.event["cause"] != string(cause.NoRoute)
			assert.Equalf(t, function == "bulk" || function == r.Function, served, "%s: %s %s is served", function, r.Method, r.Path)
		}
	}
}

func TestAnswers_ForbidGuessingTheirType(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	id := s.mustCreate(`"userName":"ann"`)
	seen := map[int]bool{}
	for _, r := range [][3]string{
		{"GET", "/Users", ""},
		{"GET", "/Nothing", ""},
		{"DELETE", "/Users", ""},
		{"POST", "/Users", userBody(`"userName":"b"`)},
		{"POST", "/Users", "{"},
		{"GET", "/Me", ""},
		{"DELETE", "/Users/" + id, ""},
	} {
		a := s.send(r[0], r[1], r[2])
		seen[a.status] = true
		got := a.header.Values("X-Content-Type-Options")
		assert.Truef(t, slices.Equal(got, []string{"nosniff"}), "%s %s: %d, X-Content-Type-Options %q", r[0], r[1], a.status, got)
		kind := a.header.Get("Content-Type")
		assert.Falsef(t, a.raw != "" && kind != "application/scim+json", "%s %s: %d, Content-Type %q", r[0], r[1], a.status, kind)
	}
	assert.Truef(t, len(seen) >= 6, "answers only of %v", seen)
}
