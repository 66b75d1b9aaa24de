package adminapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/pathname"
)

// Route is one method on one path. Paths are as in template.yaml, where {name}
// stands for one segment.
type Route struct {
	Method  string
	Path    string
	handler handler
}

// handler answers a matched request.
type handler func(s *Service, ctx context.Context, q *request) (*reply, error)

// Prefix begins the path of every resource.
const Prefix = "/admin/v1"

// Routes are all routes of the service, in the order of the documentation.
func Routes() []Route {
	var routes []Route
	add := func(method, path string, h handler) {
		routes = append(routes, Route{Method: method, Path: Prefix + path, handler: h})
	}
	add(http.MethodGet, "/openapi.json", (*Service).readOpenAPI)
	add(http.MethodGet, "/causes", (*Service).listCauses)
	add(http.MethodGet, "/tenants", (*Service).listTenants)
	const one = "/tenants/{tenant}"
	add(http.MethodPut, one, (*Service).putTenant)
	add(http.MethodGet, one, (*Service).readTenant)
	add(http.MethodPatch, one, (*Service).changeTenant)
	add(http.MethodDelete, one, (*Service).deleteTenant)
	add(http.MethodGet, one+"/usage", (*Service).readUsage)
	add(http.MethodGet, one+"/overview", (*Service).readOverview)
	add(http.MethodGet, one+"/log", (*Service).listLog)
	add(http.MethodGet, one+"/failed-users", (*Service).listFailed)
	add(http.MethodGet, one+"/requests/{request}", (*Service).readRequest)
	add(http.MethodPost, one+"/explanations", (*Service).explainText)
	add(http.MethodGet, one+"/tokens", (*Service).listTokens)
	add(http.MethodPost, one+"/tokens", (*Service).createToken)
	add(http.MethodDelete, one+"/tokens/{token}", (*Service).revokeToken)
	add(http.MethodPost, one+"/tokens/{token}/rotation", (*Service).startRotation)
	add(http.MethodPut, one+"/tokens/{token}/rotation", (*Service).completeRotation)
	add(http.MethodDelete, one+"/tokens/{token}/rotation", (*Service).cancelRotation)
	add(http.MethodGet, one+"/schemas", (*Service).listSchemas)
	add(http.MethodGet, one+"/schemas/{schema}", (*Service).readSchema)
	add(http.MethodPut, one+"/schemas/{schema}", (*Service).putSchema)
	add(http.MethodDelete, one+"/schemas/{schema}", (*Service).deleteSchema)
	add(http.MethodGet, one+"/users", (*Service).listUsers)
	add(http.MethodPost, one+"/users", (*Service).createUser)
	add(http.MethodGet, one+"/users/{user}", (*Service).readUser)
	add(http.MethodPatch, one+"/users/{user}", (*Service).changeUser)
	add(http.MethodDelete, one+"/users/{user}", (*Service).purgeUser)
	add(http.MethodGet, one+"/groups", (*Service).listGroups)
	add(http.MethodGet, one+"/groups/{group}", (*Service).readGroup)
	add(http.MethodDelete, one+"/groups/{group}", (*Service).deleteGroup)
	add(http.MethodGet, one+"/deleted-groups", (*Service).listDeletedGroups)
	return routes
}

// match returns the route of a request and the values of its names. When only the
// method is wrong, allowed has the methods of the path. The path is matched in its
// escaped form, segment by segment.
func match(routes []Route, method, escapedPath string) (route *Route, parameters map[string]string, allowed []string) {
	for i := range routes {
		r := &routes[i]
		found, ok := pathname.Match(r.Path, escapedPath)
		if !ok {
			continue
		}
		if r.Method == method {
			return r, found, nil
		}
		if !slices.Contains(allowed, r.Method) {
			allowed = append(allowed, r.Method)
		}
	}
	return nil, nil, allowed
}
