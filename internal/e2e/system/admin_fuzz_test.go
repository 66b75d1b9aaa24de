package system

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// No request to the admin API causes a fault of the service: it is done, or
// refused with a problem that says what is wrong.
func FuzzAdmin(f *testing.F) {
	for _, r := range adminapi.Routes() {
		path := strings.TrimPrefix(r.Path, adminapi.Prefix)
		path = strings.NewReplacer("{tenant}", "acme", "{token}", "aaaaaaaaaaaaaaaa", "{schema}", "urn:example:a", "{user}", "u", "{group}", "g").Replace(path)
		f.Add(r.Method, path, "", `{}`, "", "")
	}
	for _, seed := range [][6]string{
		{"PUT", "/tenants/beta", "", `{"maxSeats":1,"maxReaders":null,"logDays":9}`, "application/json", ""},
		{"PATCH", "/tenants/acme", "", `{"dialect":"refuse","displayName":"\u0000"}`, "application/merge-patch+json", `W/"1"`},
		{"POST", "/tenants/acme/users", "", `{"userName":"a","email":"a@x","origin":"jit","accountType":"reader","active":false,"protected":true}`, "", ""},
		{"POST", "/tenants/acme/tokens", "", `{"label":"x","expiresAt":"9999-12-31T23:59:59Z"}`, "", ""},
		{"GET", "/tenants/acme/users", "limit=1&after=YQ&deleted=true", "", "", ""},
		{"GET", "/tenants", "after=////&limit=-1", "", "", ""},
		{"GET", "/tenants", "after=__79", "", "", ""},
		{"GET", "/tenants/acme/deleted-groups", "after=" + strings.Repeat("eno", 500), "", "", ""},
		{"PUT", "/tenants/acme/schemas/urn:example:a", "", `{"resourceType":"User","schema":{"id":"urn:example:a","name":"A","attributes":[{"name":"b","type":"string"}]}}`, "", ""},
		{"DELETE", "/tenants/acme", "confirm=beta", "", "", "*"},
		{"PATCH", "/tenants/acme/users/%2e%2e", "", strings.Repeat("[", 300), "", `"1", "2"`},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	for _, e := range loadEvents(f) {
		var event lambdahttp.Event
		if _, path, ok := strings.Cut(e.RouteKey, " "); !ok || !strings.HasPrefix(path, adminapi.Prefix) {
			continue
		}
		require.NoError(f, json.Unmarshal(e.Payload, &event))
		f.Add(event.RequestContext.HTTP.Method, strings.TrimPrefix(event.RawPath, adminapi.Prefix), event.RawQueryString, event.Body, event.Headers["content-type"], "")
	}
	for _, body := range corpus.Read(f, "../../..").Bodies {
		f.Add("POST", "/tenants/acme/users", "", body, "application/json", "")
	}
	f.Fuzz(func(t *testing.T, method, path, query, body, contentType, match string) {
		escaped := adminapi.Prefix + "/" + strings.TrimPrefix(path, "/")
		unescaped, err := url.PathUnescape(escaped)
		r, bad := http.NewRequestWithContext(t.Context(), method, "https://scim.test/", strings.NewReader(body))
		if err != nil || bad != nil {
			t.Skip("no HTTP server hands this over")
		}
		r.URL = &url.URL{Path: unescaped, RawPath: escaped, RawQuery: query}
		r.Header.Set(web.OperatorHeader, operator)
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("If-Match", match)
		r.Header.Set(adminapi.ActorHeader, contentType)
		s := newService(t, enginetest.Memory(t), 5, app.Options{})
		w := httptest.NewRecorder()
		s.app.AdminHandler().ServeHTTP(w, r)
		require.Truef(t, w.Code < 500, "%d %s", w.Code, w.Body)
		if w.Code < 400 {
			return
		}
		var problem struct {
			Type, Title, Detail, RequestID string
			Status                         int
		}
		if err := json.Unmarshal(w.Body.Bytes(), &problem); method != http.MethodHead && (err != nil || problem.Status != w.Code || problem.Title == "" || problem.Detail == "" || problem.Type == "") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		kind := w.Header().Get("Content-Type")
		assert.Equalf(t, "application/problem+json", kind, "%d of %s", w.Code, kind)
	})
}
