package system

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Other spellings of a path go through API Gateway's routes to a function that
// may serve them, and lead only to what they name: API Gateway decodes them.
func TestSpellings_ThroughTheGateway(t *testing.T) {
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	g, err := local.FromTemplate(rollcall.Template, func(folder string) http.Handler {
		function := strings.ToUpper(folder[:1]) + folder[1:] + "Function"
		return iam.Handler(s.app.FunctionHandler(folder), func(string, string) string { return function })
	})
	require.NoError(t, err)
	server := httptest.NewServer(g)
	defer server.Close()
	send := func(method, path, body string) (status int, header http.Header, answer string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+s.token)
		response, err := http.DefaultTransport.RoundTrip(r) // follows no redirect
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		read, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, response.Header, string(read)
	}
	ann := s.must(201, "POST", "/Users", userBody(`"userName":"ann"`))
	bob := s.must(201, "POST", "/Users", userBody(`"userName":"bob"`))
	group := s.must(201, "POST", "/Groups", groupBody("G", ann))
	for _, path := range []string{
		"/Users", "/Users/" + ann, "/Groups", "/Groups/" + group, "/Schemas", "/ResourceTypes", "/ResourceTypes/User", "/ServiceProviderConfig", "",
	} {
		status, _, want := send("GET", "/scim/v2"+path, "")
		require.Equalf(t, 200, status, "%s: %d %s", path, status, want)
		endpoint, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if rest != "" {
			rest = "/" + rest
		}
		for _, spelled := range []string{
			"/scim/v2" + path + "/", "/scim/v2/" + path, "//scim//v2" + path, "/SCIM/V2" + path,
			"/scim/v2/" + strings.ToUpper(endpoint) + rest, "/scim/v2/" + strings.ToLower(endpoint) + rest + "//",
		} {
			if status, _, answer := send("GET", spelled, ""); status != 200 || answer != want {
				t.Errorf("GET %s: %d %s", spelled, status, answer)
			}
			_, header, answer := send("HEAD", spelled, "")
			if answer != "" || header.Get("Content-Length") == "0" || header.Get("Content-Type") != "application/scim+json" {
				t.Errorf("HEAD %s: %v %s", spelled, header, answer)
			}
		}
	}
	for _, path := range []string{
		"/Users/x%2F" + ann, "/Users/" + bob + "%2F..%2F" + ann, "/USERS/" + bob + "%2F..%2F" + ann, "/USERS/x%2F" + ann, "/USERS/" + ann + "%3F",
		"/USERS/%2E%2E/Users/" + ann, "/Users/" + ann + "%2F", "/USERS/%2525" + ann, "/GROUPS/" + ann, "/USERS/" + group, "/USERS/" + ann + "/x",
	} {
		status, _, answer := send("DELETE", "/scim/v2"+path, "")
		assert.Equalf(t, 404, status, "DELETE %s: %d %s", path, status, answer)
	}
	for _, path := range []string{"/Users", "/scim/v2x/Users", "/admin%2Fv1/tenants", "/ADMIN/v1/tenants", "/admin/v1/tenants/", "/"} {
		status, _, answer := send("GET", path, "")
		assert.Falsef(t, status != 404 && status != 403, "GET %s: %d %s", path, status, answer)
	}
	status, header, _ := send("PUT", "/scim/v2/USERS/", "")
	assert.Truef(t, status == 405 && header.Get("Allow") == "GET, HEAD, POST", "PUT: %d, Allow %q", status, header.Get("Allow"))
	for _, path := range []string{"/Users/" + ann, "/Users/" + bob, "/Groups/" + group} {
		status, _, answer := send("GET", "/scim/v2"+path, "")
		assert.Equalf(t, 200, status, "%s is not found: %d %s", path, status, answer)
	}
	status, _, answer := send("DELETE", "/scim/v2//USERS//"+bob+"/", "")
	assert.Equalf(t, 204, status, "DELETE: %d %s", status, answer)
}
