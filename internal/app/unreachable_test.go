package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A table that cannot be reached, for whatever reason, has one cause on both sides: 503
// with Retry-After, soon. The log has the address and the reason, the answer neither.
func TestUnreachable_IsItsOwnCause(t *testing.T) {
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
			if err != nil {
				t.Fatal(err)
			}
			for side, ask := range unreachableSides(t, client) {
				var log strings.Builder
				begun := time.Now()
				w := ask(&log)
				if took := time.Since(begun); took > 6*time.Second {
					t.Errorf("%s: answered after %s", side, took)
				}
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
					if !strings.Contains(line, want) {
						t.Errorf("%s: the log has no %s: %s", side, want, line)
					}
				}
				if strings.Contains(line, "role/secret") {
					t.Errorf("%s: the log has DynamoDB's message: %s", side, line)
				}
			}
		})
	}
}

// unreachableSides are a request of an identity provider, and one of the application.
func unreachableSides(t *testing.T, client *dynamodb.Client) map[string]func(log io.Writer) *httptest.ResponseRecorder {
	t.Helper()
	acme, err := tenant.ParseID("acme")
	if err != nil {
		t.Fatal(err)
	}
	token, _ := access.Mint(acme)
	serve := func(log io.Writer, admin bool, method, path, header, value string) *httptest.ResponseRecorder {
		a, err := app.NewWith(dynamo.New(client, "none"), app.Config{BaseURL: "https://scim.test/scim/v2"}, logline.New(log), app.Options{})
		if err != nil {
			t.Fatal(err)
		}
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
			return serve(log, true, http.MethodGet, adminapi.Prefix+"/tenants/acme", adminapi.OperatorHeader, "arn:aws:iam::1:user/operator")
		},
	}
}
