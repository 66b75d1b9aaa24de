package httpapi_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// benchUsers is the number of users of the tenant.
const benchUsers = 1000

// BenchmarkAccess measures the same request with a static token and with an access token, in turn,
// and a request of the token endpoint. "ratio" is the time with an access token by that with a
// static one.
func BenchmarkAccess(b *testing.B) {
	a, err := app.New(enginetest.Memory(b), app.Config{BaseURL: baseURL}, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	id, static := stage.Tenant(b, a.Store, "acme", tenant.Unlimited)
	c, secret, _, err := access.NewClients(a.Store, time.Now).WithKeys(a.Store).Create(b.Context(), id, access.ClientWanted{})
	require.NoError(b, err)
	scim, endpoint := a.Handler(), a.OAuthHandler()
	login := func(b *testing.B) string {
		b.Helper()
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {access.ClientID(id, c.ID)}, "client_secret": {secret}}
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/oauth2/token", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		endpoint.ServeHTTP(w, r)
		require.Equal(b, http.StatusOK, w.Code)
		var got struct {
			Token string `json:"access_token"`
		}
		require.NoError(b, json.Unmarshal(w.Body.Bytes(), &got))
		return got.Token
	}
	search := func(b *testing.B, token string) time.Duration {
		b.Helper()
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/scim/v2/Users?filter=userName+eq+%22u7@example.com%22", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w, began := httptest.NewRecorder(), time.Now()
		scim.ServeHTTP(w, r)
		took := time.Since(began)
		require.Equal(b, http.StatusOK, w.Code)
		return took
	}
	b.Run("token request", func(b *testing.B) {
		for b.Loop() {
			login(b)
		}
	})
	b.Run("userName eq, both tokens", func(b *testing.B) {
		bearer := login(b)
		var withStatic, withAccess time.Duration
		for b.Loop() {
			withStatic += search(b, static)
			withAccess += search(b, bearer)
		}
		b.ReportMetric(float64(withStatic.Nanoseconds())/float64(b.N), "static-ns/op")
		b.ReportMetric(float64(withAccess.Nanoseconds())/float64(b.N), "access-ns/op")
		b.ReportMetric(float64(withAccess)/float64(withStatic), "ratio")
	})
}

// BenchmarkService measures requests from the handler to a table in memory and
// back: all the work of the service itself. In AWS the round trips to DynamoDB
// are added.
func BenchmarkService(b *testing.B) {
	a, err := app.New(enginetest.Memory(b), app.Config{BaseURL: baseURL}, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	_, token := stage.Tenant(b, a.Store, "acme", tenant.Unlimited)
	handler := a.Handler()
	send := func(b *testing.B, method, path, body string, status int) *httptest.ResponseRecorder {
		b.Helper()
		r := httptest.NewRequestWithContext(b.Context(), method, "/scim/v2"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equalf(b, status, w.Code, "%s %s: %d %s", method, path, w.Code, w.Body)
		return w
	}
	user := func(n int) string {
		return userBody(fmt.Sprintf(`"userName":"u%d@example.com","externalId":"e%d","name":{"givenName":"G","familyName":"F"},"displayName":"G F",`+
			`"emails":[{"value":"u%d@example.com","type":"work","primary":true}]`, n, n, n))
	}
	var location string
	for i := range benchUsers {
		location = send(b, "POST", "/Users", user(i), http.StatusCreated).Header().Get("Location")
	}
	one := strings.TrimPrefix(location, baseURL)
	title := 0
	for _, bench := range []struct {
		name, method, path string
		body               func() string
	}{
		{"page of 100", "GET", "/Users?count=100", nil},
		{"userName eq", "GET", "/Users?filter=userName+eq+%22u7@example.com%22", nil},
		{"unindexed filter over 1000", "GET", "/Users?filter=name.familyName+eq+%22none%22", nil},
		{"GET user", "GET", one, nil},
		{"PATCH one attribute", "PATCH", one, func() string {
			title++
			return patchBody(fmt.Sprintf(`[{"op":"replace","path":"title","value":"T%d"}]`, title))
		}},
		{"PATCH that changes nothing", "PATCH", one, func() string { return patchBody(`[{"op":"replace","path":"active","value":true}]`) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				body := ""
				if bench.body != nil {
					body = bench.body()
				}
				size = send(b, bench.method, bench.path, body, http.StatusOK).Body.Len()
			}
			b.ReportMetric(float64(size), "sent-B")
		})
	}
}
