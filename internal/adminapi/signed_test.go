package adminapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Without the identity that API Gateway has authorized, no route answers, and nothing is
// changed: API Gateway requires a signature, and this is the second lock.
func TestRoutes_RefuseUnsignedRequests(t *testing.T) {
	a, err := app.New(enginetest.Memory(t), app.Config{BaseURL: "https://scim.test/scim/v2"}, logline.New(io.Discard))
	require.NoError(t, err)
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	require.NoError(t, a.Store.CreateTenant(t.Context(), acme, tenant.DefaultSettings(), 1, 1, time.Now()))
	before, _, err := a.Store.Tenant(t.Context(), acme)
	require.NoError(t, err)
	path := strings.NewReplacer("{tenant}", "acme", "{id}", "x", "{token}", "x", "{user}", "x", "{group}", "x", "{urn}", "x", "{cause}", "seat_limit")
	for _, r := range adminapi.Routes() {
		for _, body := range []string{"", `{"id":"acme","seatLimit":9,"label":"x"}`} {
			w := httptest.NewRecorder()
			request := httptest.NewRequestWithContext(t.Context(), r.Method, "https://scim.test"+path.Replace(r.Path), strings.NewReader(body))
			request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA, Signature=x")
			a.AdminHandler().ServeHTTP(w, request)
			require.Equal(t, http.StatusForbidden, w.Code, "%s %s: %s", r.Method, r.Path, w.Body)
			require.NotContains(t, w.Body.String(), "acme")
		}
	}
	after, _, err := a.Store.Tenant(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, before, after)
	tokens, err := a.Store.Tokens(t.Context(), acme)
	require.NoError(t, err)
	require.Empty(t, tokens)
}
