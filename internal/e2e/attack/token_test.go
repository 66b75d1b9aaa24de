package attack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A place is a position in a request that holds a text of the client's.
type place struct {
	name string
	// request returns the request with a text in the place.
	request func(w *world, text string) *http.Request
	// refused is set if the request is answered with 400 and changes nothing.
	// In other places the text is ignored.
	refused bool
}

// bodies are the bodies of requests with a text in each possible place.
var bodies = []struct {
	method, path string
	body         string // with TEXT
}{
	{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"TEXT"}`},
	{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"t@example.com","externalId":"TEXT"}`},
	{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"t@example.com","displayName":"Bearer TEXT"}`},
	{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"t@example.com","emails":[{"value":"TEXT@example.com"}]}`},
	{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"t@example.com","name":{"givenName":"TEXT"}}`},
	{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"t@example.com","password":"TEXT"}`},
	{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"t@example.com","profileUrl":"https://example.com/TEXT"}`},
	{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"t@example.com","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"TEXT"}}}`},
	{"POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"t@example.com","TEXT":1}`},
	{"POST", "/Users", `{"schemas":["TEXT"],"userName":"t@example.com"}`},
	{"POST", "/Users", `{"userName":"TEXT"`}, // no JSON
	{"PUT", "/Users/{T1_USER}", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"TEXT"}`},
	{"PATCH", "/Users/{T1_USER}", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"title","value":"TEXT"}]}`},
	{"PATCH", "/Users/{T1_USER}", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"externalId":"TEXT"}}]}`},
	{"PATCH", "/Users/{T1_USER}", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"TEXT","value":"x"}]}`},
	{"PATCH", "/Users/{T1_USER}", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"TEXT","path":"title","value":"x"}]}`},
	{"POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"TEXT"}`},
	{"POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"T","members":[{"value":"TEXT"}]}`},
	{"PUT", "/Groups/{T1_GROUP}", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"T","externalId":"TEXT"}`},
	{"PATCH", "/Groups/{T1_GROUP}", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"TEXT"}]}]}`},
	{"PATCH", "/Groups/{T1_GROUP}", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove","path":"members[value eq \"TEXT\"]"}]}`},
	{"POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"TEXT\""}`},
	{"POST", "/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"sortBy":"TEXT"}`},
	{"POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"DELETE","path":"/Users/TEXT"}]}`},
	{"POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"POST","path":"/Users","bulkId":"TEXT","data":{"userName":"x"}}]}`},
	{"POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"POST","path":"/Users","bulkId":"1","data":{"userName":"TEXT"}}]}`},
	{"POST", "/admin/v1/tenants/{T1}/users", `{"userName":"TEXT"}`},
	{"POST", "/admin/v1/tenants/{T1}/tokens", `{"label":"TEXT"}`},
	{"PATCH", "/admin/v1/tenants/{T1}", `{"displayName":"TEXT"}`},
	{"PATCH", "/admin/v1/tenants/{T1}", `{"TEXT":1}`},
	{"PUT", "/admin/v1/tenants/{T1}/schemas/urn:x", `{"id":"urn:x","name":"TEXT"}`},
}

// urls are requests with a text in each place of the URL.
var urls = []string{
	"GET /Users/TEXT", "DELETE /Users/TEXT", "GET /Groups/TEXT", "DELETE /Groups/TEXT", "GET /Schemas/TEXT",
	"GET /Users?filter=userName+eq+%22TEXT%22", "GET /Users?filter=TEXT+eq+1", "GET /Groups?filter=displayName+eq+%22TEXT%22",
	"GET /Users?sortBy=TEXT", "GET /Users?attributes=TEXT", "GET /Users?cursor=TEXT", "GET /Users?count=TEXT", "GET /Users?TEXT=1",
	"GET /Users?token=TEXT", "GET /admin/v1/tenants/{T1}/users/TEXT", "GET /admin/v1/tenants/{T1}/log?subject=TEXT",
	"GET /admin/v1/tenants/{T1}/requests/TEXT",
}

// headers are those that could be logged or read.
var headers = []string{
	"User-Agent", "X-Request-Id", "Client-Request-Id", "Traceparent", "X-Amzn-Trace-Id", "Lambda-Runtime-Aws-Request-Id",
	"If-Match", "If-None-Match", "Accept", "Accept-Encoding", "Referer", "X-Forwarded-For", "Cookie",
}

// requestOf returns a request of the tenant's identity provider, or of the
// application.
func requestOf(w *world, method, path, body string) *http.Request {
	if strings.HasPrefix(path, "/admin/") {
		return w.request(method, w.fill(path), adminToken, w.fill(body))
	}
	return w.request(method, "/scim/v2"+w.fill(path), w.vars["T1_TOKEN"], w.fill(body))
}

func places() []place {
	var all []place
	for _, b := range bodies {
		all = append(all, place{b.method + " " + b.path + " " + b.body, func(w *world, text string) *http.Request {
			return requestOf(w, b.method, b.path, strings.ReplaceAll(b.body, "TEXT", text))
		}, true})
	}
	for _, u := range urls {
		method, path, _ := strings.Cut(u, " ")
		all = append(all, place{u, func(w *world, text string) *http.Request {
			return requestOf(w, method, strings.ReplaceAll(path, "TEXT", text), "")
		}, true})
	}
	for _, name := range headers {
		all = append(all, place{"the header " + name, func(w *world, text string) *http.Request {
			r := requestOf(w, "GET", "/Users?count=1", "")
			r.Header.Set(name, text)
			return r
		}, false})
	}
	return append(all,
		place{"the media type", func(w *world, text string) *http.Request {
			r := requestOf(w, "POST", "/Users", `{"userName":"media@example.com"}`)
			r.Header.Set("Content-Type", text)
			return r
		}, false},
		place{"a credential of another scheme", func(w *world, text string) *http.Request {
			r := requestOf(w, "GET", "/Users", "")
			r.Header.Set("Authorization", "Basic "+text)
			return r
		}, false},
		place{"the method", func(w *world, text string) *http.Request { return requestOf(w, text, "/Users", "") }, false},
		place{"a path without a route", func(w *world, text string) *http.Request { return requestOf(w, "GET", "/Nothing/"+text, "") }, false},
		place{"the application's actor", func(w *world, text string) *http.Request {
			r := requestOf(w, "GET", "/admin/v1/tenants/{T1}", "")
			r.Header.Set(adminapi.ActorHeader, text)
			return r
		}, true},
	)
}

// A token in any place of a request, of the same tenant or of another one,
// appears in no log line, no stored item and no answer. Where a value would be
// stored or looked up, the request is refused and changes nothing.
func TestTokens_AreStoredNowhere(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		w := newWorld(t, engine.Open(t))
		w.begin()
		w.fill("{T1_USER}{T1_GROUP}")
		own := w.vars["T1_TOKEN"]
		texts := map[string]string{"its own": own}
		if engine.Name == "embedded" { // refusals are the same on every engine
			texts["another tenant's"], texts["the admin token"] = w.vars["T2_TOKEN"], adminToken
			texts["its own without the checksum"], texts["its own in upper case"] = own[:len(own)-9], strings.ToUpper(own)
		}
		for name, text := range texts {
			for _, p := range places() {
				w.exposed(t, name+" in "+p.name, p, text)
			}
		}
		for _, b := range escapedBodies {
			w.exposed(t, "its own in "+b.body, place{b.body, func(w *world, text string) *http.Request {
				return requestOf(w, b.method, b.path, strings.ReplaceAll(b.body, "TEXT", strings.TrimPrefix(text, "r")))
			}, true}, own)
		}
	})
}

// escapedBodies are bodies with a token whose first letter is escaped: in the
// body itself, or in a text of it that is decoded as JSON or as a filter.
var escapedBodies = []struct{ method, path, body string }{
	{"POST", "/Users", `{"userName":"\u0072TEXT"}`},
	{"POST", "/Users", `{"userName":"t@example.com","roles":[{"value":"{\"value\":\"\\u0072TEXT\"}"}]}`},
	{"POST", "/Users", `{"userName":"t@example.com","roles":[{"value":"{\"value\":\"\u005cu0072TEXT\"}"}]}`},
	{"PATCH", "/Users/{T1_USER}", `{"Operations":[{"op":"add","path":"emails[value eq \"\\u0072TEXT\"].type","value":"work"}]}`},
	{"POST", "/Users/.search", `{"filter":"userName eq \"\\u0072TEXT\""}`},
}

// exposed sends a token in a place.
func (w *world) exposed(t *testing.T, name string, p place, text string) {
	t.Helper()
	w.watch.take()
	w.log.take()
	a := w.send(p.request(w, text))
	calls := w.watch.take()
	logged, faults := w.log.take()
	for _, fault := range faults {
		t.Errorf("%s: %s", name, fault)
	}
	parts := strings.Split(strings.ToLower(text), "_")
	secret := parts[min(3, len(parts)-1)]
	assert.NotContainsf(t, strings.ToLower(a.body+fmt.Sprint(a.header, logged)), secret, "%s is shown: %d %s %v", name, a.status, a.body, logged)
	for _, c := range calls {
		assert.Falsef(t, c.write && strings.Contains(strings.ToLower(c.values+c.sort), secret), "%s is stored in %s", name, c.partition)
		assert.Falsef(t, c.write && !logPartition(c.partition), "%s changed %s", name, c.partition)
	}
	assert.Truef(t, a.status < 500 && (!p.refused || (a.status == 400 && strings.Contains(a.body, "otate the token"))), "%s: %d %s", name, a.status, a.body)
}
