package system

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// exactRoutes returns a route for every method on every path that the handlers know: the
// routes whose answers those of the template must equal.
func exactRoutes() []local.Route {
	routes := []local.Route{{Path: local.DefaultPath, Function: "BulkFunction"}}
	for _, r := range httpapi.Routes() {
		function := strings.ToUpper(r.Function[:1]) + r.Function[1:] + "Function"
		routes = append(routes, local.Route{Method: r.Method, Path: r.Path, Function: function})
		if r.Method == http.MethodGet {
			routes = append(routes, local.Route{Method: http.MethodHead, Path: r.Path, Function: function})
		}
	}
	for _, r := range adminapi.Routes() {
		routes = append(routes, local.Route{Method: r.Method, Path: r.Path, Function: "AdminFunction", IAM: true})
	}
	return append(routes, local.Route{Method: "ANY", Path: adminapi.Prefix + "/{proxy+}", Function: "AdminFunction", IAM: true})
}

// paths are every kind of path that an attacker or a careless client sends; {user} is a
// user's id.
var paths = []string{
	"", "/", "/scim", "/scim/v2", "/scim/v2/", "/scim/v2/.search", "/scim/v2/%2Esearch", "/scim/v1/Users", "/SCIM/V2/Users",
	"/scim/v2/Users", "/scim/v2/Users/", "/scim/v2//Users", "//scim/v2/Users", "/scim/v2/users", "/scim/v2/USERS", "/scim/v2/%55sers",
	"/scim/v2/Users/{user}", "/scim/v2/users/{user}", "/scim/v2/USERS/{user}", "/scim/v2/Users/{user}/", "/scim/v2/Users//{user}",
	"/scim/v2/Users/none", "/scim/v2/Users/.search", "/scim/v2/Users/%2Esearch", "/scim/v2/Users/.search/", "/scim/v2/Users/.SEARCH",
	"/scim/v2/Users/x%2F{user}", "/scim/v2/Users/{user}%2F", "/scim/v2/Users/{user}%2f..%2f{user}", "/scim/v2/Users%2F{user}",
	"/scim/v2/Users/..", "/scim/v2/Users/%2e%2e", "/scim/v2/Users/%2e%2e/Users/{user}", "/scim/v2/Users/..%2fSchemas", "/scim/v2/Users/%252e%252e%252fSchemas",
	"/scim/v2/Users/../../../admin/v1/tenants", "/scim/v2/Users/..%2f..%2f..%2fadmin%2fv1%2ftenants", "/scim/v2/Users/%2fadmin%2fv1%2ftenants",
	"/scim/v2/Users/%00", "/scim/v2/Users/{user}%3Fx", "/scim/v2/Users/{user}%23x", "/scim/v2/Users/{user};x=1", "/scim/v2/Users/{user}/x",
	"/scim/v2/Groups", "/scim/v2/groups/none", "/scim/v2/Groups/.search", "/scim/v2/Groups/..%2fUsers%2f{user}", "/scim/v2/Groups/", "/scim/v2/Groups/a/b",
	"/scim/v2/Bulk", "/scim/v2/bulk", "/scim/v2/Bulk/", "/scim/v2/Bulk/x", "/scim/v2/Me",
	"/scim/v2/Schemas", "/scim/v2/Schemas/x", "/scim/v2/Schemas/..%2fUsers", "/scim/v2/schemas/", "/scim/v2/ResourceTypes/User", "/scim/v2/ResourceTypes/%55ser",
	"/scim/v2/ServiceProviderConfig", "/scim/v2/ServiceProviderConfig/", "/scim/v2/ServiceProviderConfig%2Fx", "/scim/v2/serviceproviderconfig",
	"/admin", "/admin/v1", "/admin/v1/", "/admin/v1//tenants", "/ADMIN/v1/tenants", "/admin/V1/tenants", "/admin%2fv1/tenants", "//admin/v1/tenants",
	"/admin/v1/tenants", "/admin/v1/TENANTS", "/admin/v1/tenants/", "/admin/v1/%74enants", "/admin/v1/tenants/{tenant}", "/admin/v1/tenants//{tenant}",
	"/admin/v1/tenants/{tenant}/users/{user}", "/admin/v1/tenants/{tenant}/users/{user}/", "/admin/v1/tenants/{tenant}/users/{user}/x",
	"/admin/v1/tenants/{tenant}/users/..", "/admin/v1/tenants/{tenant}/users/%2e%2e", "/admin/v1/tenants/none/users/../../{tenant}",
	"/admin/v1/tenants/none/..%2f{tenant}", "/admin/v1/tenants/{tenant}/tokens/x/rotation", "/admin/v1/tenants/{tenant}/tokens/x/rotation/x",
	"/admin/v1/a/b/c/d/e/f/g", "/admin/v1/../../scim/v2/Users", "/admin/v1/..%2f..%2fscim%2fv2%2fUsers", "/admin/v1/tenants/%00",
}

// joined are paths of the admin API with an encoded slash, which would name a resource if the
// slash were a separator.
var joined = []string{"/admin/v1/tenants%2F{tenant}", "/admin/v1/tenants/{tenant}%2Fusers", "/admin/v1/tenants%2f{tenant}/users%2f{user}"}

// The few routes of the template answer every request as a route for each method and path
// would: the same status, headers and error, and nothing more is reached.
func TestRoutes_AnswerAsExactOnes(t *testing.T) {
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	user := s.must(201, "POST", "/Users", userBody(`"userName":"ann"`))
	names := strings.NewReplacer("{user}", user, "{tenant}", s.tenant.String())
	functions := map[string]local.LambdaHandler{}
	for _, name := range []string{"Users", "Groups", "Bulk", "Discovery", "OAuth", "Admin"} {
		folder, function := strings.ToLower(name), name+"Function"
		functions[function] = lambdahttp.Handler(iam.Handler(s.app.FunctionHandler(folder), func(string, string) string { return function }))
	}
	functions["PortalFunction"] = lambdahttp.Handler(http.NotFoundHandler())
	deployed, err := local.Routes(rollcall.Template)
	require.NoError(t, err)
	few, err := local.NewGateway(deployed, functions)
	require.NoError(t, err)
	exact, err := local.NewGateway(exactRoutes(), functions)
	require.NoError(t, err)

	const operator = "arn:aws:iam::123456789012:role/operator"
	changing := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|"(lastUsed|lastModified|created)\w*":"[^"]*"`)
	slash := regexp.MustCompile("%2[Ff]")
	authorize := func(r *http.Request) (string, bool) { return operator, r.Header.Get("Authorization") == "signed" }
	few.Authorize, exact.Authorize = authorize, authorize
	send := func(h http.Handler, method, path, credential string) string {
		r := httptest.NewRequest(method, "/", strings.NewReader(""))
		r.URL.Path, r.URL.RawPath = unescaped(t, path), path
		r.Header.Set("Authorization", credential)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		header := w.Result().Header
		return fmt.Sprint(w.Code, header.Values("Allow"), header.Values("Content-Type"), header.Values("WWW-Authenticate"), changing.ReplaceAllString(w.Body.String(), "ID"))
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "BREW", "get"}
	for _, credential := range []string{"Bearer " + s.token, "signed", ""} {
		for _, path := range paths {
			for _, method := range methods {
				path := names.Replace(path)
				reference := http.Handler(exact)
				if slash.MatchString(path) && few.Route(method, path).Path != local.DefaultPath && exact.Route(method, path).Path == local.DefaultPath {
					// A method that the path does not have. The exact routes have it decoded, in
					// which an encoded slash separates segments; the handler itself sees it as sent.
					reference = s.app.Handler()
				}
				got, want := send(few, method, path, credential), send(reference, method, path, credential)
				require.Equalf(t, want, got, "%s %s with %q, by %s", method, path, credential, few.Route(method, path).Key())
				admin := few.Route(method, path).Function == "AdminFunction"
				require.Falsef(t, admin && credential != "signed" && !strings.HasPrefix(got, "403 "), "%s %s with %q: %s", method, path, credential, got)
			}
		}
	}
	for _, path := range joined {
		got := send(few, "GET", names.Replace(path), "signed")
		assert.Truef(t, strings.HasPrefix(got, "404 ") || strings.HasPrefix(got, "400 "), "GET %s: %s", path, got)
		got = send(few, "GET", names.Replace(path), "Bearer "+s.token)
		assert.Truef(t, strings.HasPrefix(got, "403 "), "GET %s: %s", path, got)
	}
	s.check(1)
}

// unescaped returns a path as net/http's server decodes it.
func unescaped(t *testing.T, path string) string {
	t.Helper()
	decoded, err := url.PathUnescape(path)
	require.NoError(t, err)
	return decoded
}
