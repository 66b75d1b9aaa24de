package system

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A table that cannot be reached, for whatever reason, has one cause in SCIM
// and in the admin API: 503 with Retry-After, soon. The log has the address and
// the reason, the answer neither.
func TestUnreachable_IsASeparateCause(t *testing.T) {
	refuses := func(code string) func(t *testing.T) string {
		return func(t *testing.T) string {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#`+code+`","message":"arn:aws:iam::1:role/secret"}`)
			}))
			t.Cleanup(s.Close)
			return s.URL
		}
	}
	at := func(address string) func(*testing.T) string { return func(*testing.T) string { return address } }
	for name, tt := range map[string]struct {
		address func(t *testing.T) string
		reason  string
	}{
		"nothing listens":     {at("http://127.0.0.1:1"), "connection refused"},
		"an unknown host":     {at("http://no-such-host.invalid"), "no-such-host.invalid"},
		"no such table":       {refuses("ResourceNotFoundException"), "the table does not exist"},
		"access denied":       {refuses("AccessDeniedException"), "access is denied"},
		"unknown credentials": {refuses("UnrecognizedClientException"), "the credentials are unknown"},
		"expired credentials": {refuses("ExpiredTokenException"), "the credentials have expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := tt.address(t)
			client, err := dynamo.NewLocalClient(t.Context(), address)
			require.NoError(t, err)
			for side, ask := range unreachableSides(t, client) {
				var log strings.Builder
				begun := time.Now()
				w := ask(&log)
				elapsed := time.Since(begun)
				assert.Truef(t, elapsed <= 6*time.Second, "%s: answered after %s", side, elapsed)
				body := w.Body.String()
				if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" ||
					!strings.Contains(body, "The service's database cannot be reached or used") {
					t.Errorf("%s: %d, Retry-After %q, %s", side, w.Code, w.Header().Get("Retry-After"), body)
				}
				if strings.Contains(body, address) || strings.Contains(body, tt.reason) {
					t.Errorf("%s: the answer has the address or the reason: %s", side, body)
				}
				line := log.String()
				for _, want := range []string{`"level":"ERROR"`, address, tt.reason} {
					assert.Containsf(t, line, want, "%s: the log has no %s", side, want)
				}
				assert.NotContainsf(t, line, "role/secret", "%s: the log has DynamoDB's message", side)
			}
		})
	}
}

// unreachableSides returns a request of an identity provider, and one of the
// application.
func unreachableSides(t *testing.T, client *dynamodb.Client) map[string]func(log io.Writer) *httptest.ResponseRecorder {
	t.Helper()
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	token, _ := access.Mint(acme)
	serve := func(log io.Writer, admin bool, method, path, header, value string) *httptest.ResponseRecorder {
		a, err := app.NewWith(dynamo.New(client, "none"), app.Config{BaseURL: "https://scim.test/scim/v2"}, logline.New(log), app.Options{})
		require.NoError(t, err)
		handler := a.Handler()
		if admin {
			handler = a.AdminHandler()
		}
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(""))
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	return map[string]func(io.Writer) *httptest.ResponseRecorder{
		"identity provider": func(log io.Writer) *httptest.ResponseRecorder {
			return serve(log, false, http.MethodGet, "/scim/v2/Users", "Authorization", "Bearer "+token)
		},
		"application": func(log io.Writer) *httptest.ResponseRecorder {
			return serve(log, true, http.MethodGet, adminapi.Prefix+"/tenants/acme", web.OperatorHeader, "arn:aws:iam::1:user/operator")
		},
	}
}

// Every route of the admin API has the cause, whether reads fail or only
// writes, and none is a fault of the service.
func TestUnreachable_InEveryAdminRoute(t *testing.T) {
	deaf := &unreachableTable{Table: enginetest.Memory(t)}
	s := newService(t, deaf, 5, app.Options{})
	user, _ := s.mustAdmin(201, http.MethodPost, "/tenants/acme/users", `{"userName":"a"}`)["id"].(string)
	group := s.must(201, "POST", "/Groups", groupBody("g"))
	token, _ := s.mustAdmin(201, http.MethodPost, "/tenants/acme/tokens", "")["id"].(string)
	const schema = "urn:example:hr:1.0:Person"
	names := strings.NewReplacer("{tenant}", "acme", "{user}", user, "{group}", group, "{token}", token, "{schema}", schema,
		"{request}", "019b8d62-7a80-7000-8000-000000000001")
	bodies := map[string]string{
		"POST /tenants/{tenant}/explanations": `{"text":"Conflict"}`, "POST /tenants/{tenant}/requests/{request}/dismissal": `{"reason":"x"}`,
		"PUT /tenants/{tenant}": `{}`, "PATCH /tenants/{tenant}": `{"displayName":"x"}`, "POST /tenants/{tenant}/users": `{"userName":"b"}`,
		"PATCH /tenants/{tenant}/users/{user}":   `{"displayName":"x"}`,
		"POST /webhooks":                         `{"url":"https://app.example.com/hook"}`,
		"PATCH /webhooks/{webhook}":              `{"label":"x"}`,
		"POST /webhooks/{webhook}/redeliver":     `{"from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z"}`,
		"PUT /tenants/{tenant}/schemas/{schema}": `{"id":"` + schema + `","name":"P","attributes":[{"name":"badge"}]}`,
	}
	for _, failing := range []struct {
		name          string
		reads, writes error
	}{{"nothing is written", nil, table.ErrUnreachable}, {"nothing is read", table.ErrUnreachable, table.ErrUnreachable}} {
		met := 0
		for _, r := range adminapi.Routes() {
			path := strings.TrimPrefix(r.Path, adminapi.Prefix)
			query := ""
			if r.Method == http.MethodDelete && path == "/tenants/{tenant}" {
				query = "?confirm=acme"
			}
			deaf.reads, deaf.writes = failing.reads, failing.writes
			a := s.admin(r.Method, names.Replace(path)+query, bodies[r.Method+" "+path])
			deaf.reads, deaf.writes = nil, nil
			cause, _ := a.event["cause"].(string)
			if a.status == http.StatusServiceUnavailable && cause == "store-unavailable" {
				met++
			}
			stored := path != "/openapi.json" && path != "/causes"
			if a.status >= 500 && cause != "store-unavailable" || failing.reads != nil && stored && a.status != http.StatusServiceUnavailable {
				t.Errorf("%s, %s %s: %d %v", failing.name, r.Method, path, a.status, a.body)
			}
		}
		assert.Truef(t, met >= 8, "%s: only %d requests meet it", failing.name, met)
	}
}

// An unreachableTable is a table that can become unreachable.
type unreachableTable struct {
	table.Table
	reads, writes error
}

func (u *unreachableTable) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if u.reads != nil {
		return nil, u.reads
	}
	return u.Table.Get(ctx, keys...)
}

func (u *unreachableTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if u.reads != nil {
		return table.Page{}, u.reads
	}
	return u.Table.Query(ctx, q)
}

func (u *unreachableTable) Write(ctx context.Context, tx table.Transaction) error {
	if u.writes != nil {
		return u.writes
	}
	return u.Table.Write(ctx, tx)
}
