package system

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// accessToken gets an access token by a client's secret.
func (s *service) accessToken(client, secret string) string {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, secret)
	w := httptest.NewRecorder()
	s.app.OAuthHandler().ServeHTTP(w, r)
	var answer struct {
		Token string `json:"access_token"`
	}
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	require.Equal(s.t, 200, w.Code, w.Body)
	return answer.Token
}

// The overview knows by what a tenant can send requests: tokens, unless it refuses them, and
// clients.
func TestOverview_KnowsClients(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), testOverviewKnowsClients)
}

func testOverviewKnowsClients(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, "")
	user := func(name string) string { return userBody(`"userName":"` + name + `"`) }
	s.must(201, "POST", "/Users", user("a"))
	s.overview("a token", "ok")

	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"staticTokens":"refuse"}`)
	s.later()
	require.Equal(t, 401, s.send("POST", "/Users", user("b")).status)
	s.overview("refused tokens alone", "failing",
		"token_refused: which this tenant refuses, was used 1 time", "no_valid_token: refuses static tokens and has no valid client")

	made := s.mustAdmin(201, "POST", "/tenants/acme/clients", `{"label":"Production"}`)
	token := s.accessToken(made["clientId"].(string), made["clientSecret"].(string))
	s.later()
	s.token = token
	s.must(201, "POST", "/Users", user("b"))
	s.overview("a client", "warning", "token_refused_before: Requests with a valid token have arrived since")

	s.now = s.now.Add(access.SecretLife - 5*24*time.Hour)
	s.token = s.accessToken(made["clientId"].(string), made["clientSecret"].(string))
	s.must(201, "POST", "/Users", user("c"))
	s.overview("its secret expires soon", "warning", "token_expires: of client Production expires on")

	s.mustAdmin(204, "DELETE", "/tenants/acme/clients/"+made["clientId"].(string), "")
	s.later()
	require.Equal(t, 401, s.send("POST", "/Users", user("d")).status)
	s.overview("revoked", "failing",
		"token_refused: revoked client Production was used 1 time", "no_valid_token: refuses static tokens and has no valid client")
}
