package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// wrong has requests that no route accepts, and requests that some routes
// refuse.
var wrong = []struct {
	name, query, body string
	headers           []string
}{
	{"no token", "", "", []string{"Authorization", ""}},
	{"another scheme", "", "", []string{"Authorization", "Basic YTpi"}},
	{"a token cut off", "", "", []string{"Authorization", "Bearer rct_acme"}},
	{"an empty body", "", "", nil},
	{"a body cut off", "", `{"schemas":[`, nil},
	{"an empty object", "", `{}`, nil},
	{"an array", "", `[]`, nil},
	{"null", "", `null`, nil},
	{"nulls", "", `{"schemas":null,"userName":null,"displayName":null,"Operations":null,"members":null}`, nil},
	{"the wrong types", "", `{"schemas":1,"userName":[],"displayName":{},"Operations":[1],"members":"x","emails":7,"active":[]}`, nil},
	{"a name twice", "", `{"userName":"a","userName":"b"}`, nil},
	{"no UTF-8", "", "{\"userName\":\"\xff\"}", nil},
	{"too deep", "", strings.Repeat(`{"a":`, 100), nil},
	{"too large", "", `"` + strings.Repeat("a", httpapi.MaxBody) + `"`, nil},
	{"a media type", "", `{}`, []string{"Content-Type", "text/xml"}},
	{"an encoding", "", `{}`, []string{"Content-Encoding", "br"}},
	{"a filter cut off", "?filter=userName+eq", "", nil},
	{"a filter of a secret", "?filter=password+eq+%22a%22", "", nil},
	{"a query that does not decode", "?filter=%zz&count=1", "", nil},
	{"a parameter twice", "?count=1&count=2&attributes=a&attributes=b&filter=a+pr&filter=b+pr", "", nil},
	{"not a number", "?count=x&startIndex=y", "", nil},
	{"an unknown cursor", "?cursor=abc", "", nil},
	{"an unknown attribute", "?sortBy=shoeSize&attributes=shoeSize&sortOrder=up", "", nil},
	{"a version", "", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`, []string{"If-Match", `W/"999"`}},
	{"an operation", "", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"explode"}]}`, nil},
	{"a path", "", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"a[","value":1}]}`, nil},
}

// Every refusal of an invalid request, on every route, has a cause of the table
// and the status of that cause, and is not a fault of the service.
func TestRoutes_RefuseWithACause(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	user := s.mustCreate(`"userName":"a"`)
	group := s.send("POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g"}`).body["id"].(string)
	seen := map[string]bool{}
	for _, r := range httpapi.Routes() {
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			s.t = t
			refused := 0
			for _, id := range []string{user, group, "00000000-0000-7000-8000-000000000000", "a%2Fb", strings.Repeat("x", 300), "%3Cscript%3E"} {
				path := strings.Replace(r.Path, "{id}", id, 1)
				for _, w := range wrong {
					// A request that is accepted may change the user, but the
					// user still exists.
					a := s.sendRaw(r.Method, path+w.query, strings.NewReader(w.body), w.headers...)
					if wantCause(t, w.name, a) {
						refused++
						seen[a.event["cause"].(string)] = true
					}
				}
				if path == r.Path {
					break
				}
			}
			assert.NotEqual(t, 0, refused, "nothing is refused")
		})
	}
	for path, methods := range map[string][]string{"/Users": {"DELETE", "HEAD", "OPTIONS"}, "/Nothing": {"GET", "POST"}, "/Me": {"GET"}, "": {"POST"}} {
		for _, method := range methods {
			if a := s.send(method, path, ""); wantCause(t, method+" "+path, a) {
				seen[a.event["cause"].(string)] = true
			}
		}
	}
	assert.Truef(t, len(seen) >= 12, "the walk meets only %v", seen)
}

// A table that does not answer, or answers too late, is reported as such, and
// never as a fault of the service.
func TestRoutes_ReportATableThatDoesNotAnswer(t *testing.T) {
	busy, unknown, gone := []string{"conflict"}, []string{"outcome_unknown"}, []string{"store_unavailable"}
	for name, failing := range map[string]struct {
		reads, writes error
		causes        []string
	}{
		"throttled":       {table.ErrThrottled, table.ErrThrottled, busy},
		"cut off":         {table.ErrUnavailable, table.ErrUnknownOutcome, []string{"store_unavailable", "outcome_unknown"}},
		"answers lost":    {nil, table.ErrUnknownOutcome, unknown},
		"writes throttle": {nil, table.ErrThrottled, busy},
		"conflicts":       {nil, table.ErrConflict, busy},
		"too late":        {nil, table.ErrTooLate, busy},
		"out of time":     {context.DeadlineExceeded, context.DeadlineExceeded, busy},
		"no connection":   {table.ErrNoConnection, table.ErrNoConnection, gone},
		"no table":        {table.ErrUnreachable, table.ErrUnreachable, gone},
		"no writes":       {nil, table.ErrUnreachable, gone},
		"a full disk":     {nil, table.ErrStorage, gone},
		"a broken disk":   {table.ErrStorage, table.ErrStorage, gone},
	} {
		t.Run(name, func(t *testing.T) {
			s, deaf := deafService(t)
			var record access.Record
			s.token, record = access.Mint(s.tenant)
			require.NoError(t, s.app.Store.SaveToken(t.Context(), s.tenant, record))
			s.handler = s.app.Handler()
			user := s.mustCreate(`"userName":"a"`)
			deaf.reads, deaf.writes = failing.reads, failing.writes
			seen := false
			for _, r := range httpapi.Routes() {
				for name, body := range map[string]string{
					"user":  userBody(`"userName":"b"`),
					"patch": patchBody(`[{"op":"replace","path":"displayName","value":"x"}]`),
					"group": `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g"}`,
					"bulk": `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` +
						`{"method":"POST","path":"/Users","bulkId":"1","data":` + userBody(`"userName":"b"`) + `}]}`,
				} {
					path := strings.Replace(r.Path, "{id}", user, 1)
					before := len(s.log.String())
					q := httptest.NewRequestWithContext(t.Context(), r.Method, path, strings.NewReader(body))
					q.Header.Set("Authorization", "Bearer "+s.token)
					w := httptest.NewRecorder()
					s.handler.ServeHTTP(w, q)
					for line := range strings.Lines(s.log.String()[before:]) {
						if strings.Contains(line, `"cause":"internal"`) || strings.Contains(line, `"status":500`) {
							t.Errorf("%s with a %s: %d %s", r.Method+" "+path, name, w.Code, line)
						}
						for _, named := range []string{"conflict", "outcome_unknown", "store_unavailable"} {
							if strings.Contains(line, `"cause":"`+named+`"`) && !slices.Contains(failing.causes, named) {
								t.Errorf("%s with a %s: cause %s, want %s", r.Method+" "+path, name, named, failing.causes)
							}
						}
						seen = seen || strings.Contains(line, `"cause":"`+failing.causes[0]+`"`)
					}
				}
			}
			assert.Truef(t, seen, "no request has the cause %s", failing.causes[0])
		})
	}
}

// wantCause checks an answer that may be a refusal, and reports whether it is.
func wantCause(t *testing.T, name string, a answer) bool {
	t.Helper()
	id := a.header.Get("X-Request-Id")
	assert.Truef(t, id != "" && a.event["requestId"] == id, "%s: X-Request-Id %q, in the event %v", name, id, a.event["requestId"])
	if a.status < 400 {
		return false
	}
	name = fmt.Sprintf("%s: %d %.300s", name, a.status, a.raw)
	named, _ := a.event["cause"].(string)
	if !slices.Contains(cause.Causes(), cause.Cause(named)) || named == string(cause.Internal) {
		t.Errorf("%s has the cause %q", name, named)
		return false
	}
	m := cause.Cause(named).Meaning()
	assert.Equalf(t, a.status, m.Status, "%s, and %s has %d", name, named, m.Status)
	detail, _ := a.event["detail"].(string)
	assert.NotContainsf(t, detail, "arn:", "%s: the detail names an AWS identity", name)
	if !strings.HasSuffix(detail, "(request "+id+")") || a.event["method"] != http.MethodHead && a.body["detail"] != detail {
		t.Errorf("%s: detail %q", name, detail)
	}
	return true
}

// A token that could not be checked proves nothing: the event has the tenant as
// claimed only, and nothing is written for the tenant. The secret is wrong here.
func TestRoutes_ProveNothingWithoutTheTable(t *testing.T) {
	for name, reads := range map[string]error{
		"throttled": table.ErrThrottled, "no connection": table.ErrNoConnection, "no answer": table.ErrUnavailable, "out of time": context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			s, deaf := deafService(t)
			s.token, _ = access.Mint(s.tenant)
			s.handler = s.app.Handler()
			deaf.reads = reads
			deaf.written.Store(0)
			for _, r := range httpapi.Routes() {
				a := s.send(r.Method, strings.TrimPrefix(strings.Replace(r.Path, "{id}", "x", 1), httpapi.Prefix), userBody(`"userName":"b"`), "Authorization", "Bearer "+s.token)
				if a.status != 503 || a.event["tenant"] != nil || a.event["claimedTenant"] != "acme" {
					t.Errorf("%s %s: %d, tenant %v, claimed %v", r.Method, r.Path, a.status, a.event["tenant"], a.event["claimedTenant"])
				}
			}
			n := deaf.written.Load()
			assert.Truef(t, n == 0, "%d writes", n)
		})
	}
}

// deafService returns a service with the tenant acme on a deafTable.
func deafService(t *testing.T) (*service, *deafTable) {
	t.Helper()
	deaf := &deafTable{Table: enginetest.Memory(t)}
	s := &service{t: t, log: &stage.Log{}}
	var err error
	if s.app, err = app.NewWith(deaf, app.Config{BaseURL: baseURL}, logline.New(s.log), app.Options{
		RequestTime: 200 * time.Millisecond, Retry: []table.RetryOption{table.RetryFor(time.Millisecond)},
	}); err != nil {
		t.Fatal(err)
	}
	s.tenant, err = tenant.ParseID("acme")
	require.NoError(t, err)
	require.NoError(t, s.app.Store.CreateTenant(t.Context(), s.tenant, tenant.DefaultSettings(), 5, tenant.Unlimited, time.Now()))
	return s, deaf
}

// A deafTable fails every call once it is set to.
type deafTable struct {
	table.Table
	reads, writes error
	// written counts the calls of Write.
	written atomic.Int64
}

func (d *deafTable) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if d.reads != nil {
		return nil, d.reads
	}
	return d.Table.Get(ctx, keys...)
}

func (d *deafTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if d.reads != nil {
		return table.Page{}, d.reads
	}
	return d.Table.Query(ctx, q)
}

func (d *deafTable) Write(ctx context.Context, tx table.Transaction) error {
	d.written.Add(1)
	if d.writes != nil {
		return d.writes
	}
	return d.Table.Write(ctx, tx)
}
