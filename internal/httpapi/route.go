package httpapi

import (
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/web"
)

// A Route is one method on one path. Paths are as in template.yaml, where {id}
// stands for one segment.
type Route struct {
	Method string
	Path   string
	// Function is the folder under functions/ that serves the route.
	Function string
	// Public routes are answered without a token.
	Public  bool
	handler handler
}

// pattern returns the method and the path with which requests are matched.
func (r *Route) pattern() (method, path string) { return r.Method, r.Path }

// A router finds the route of a request in any spelling of its path.
type router = web.Router[Route]

func newRouter(routes []Route) *router { return web.NewRouter(web.Tolerant, routes, (*Route).pattern) }

// Prefix is the start of the path of every SCIM endpoint.
const Prefix = "/scim/v2"

// The functions that serve routes, by folder.
const (
	functionUsers     = "users"
	functionGroups    = "groups"
	functionBulk      = "bulk"
	functionDiscovery = "discovery"
)

// Routes returns the routes of the service that API Gateway knows by path, in
// the order of the documentation. Each path is also served in other spellings
// (web.Tolerant). /users and /groups in lower case are Entra's, and frequent enough
// for routes of their own.
func Routes() []Route {
	var routes []Route
	add := func(function, method, path string, public bool, h handler) {
		path = Prefix + path
		routes = append(routes, Route{Method: method, Path: path, Function: function, Public: public, handler: h})
	}
	for _, users := range []string{"/Users", "/users"} {
		add(functionUsers, http.MethodGet, users, false, (*Service).listUsers)
		add(functionUsers, http.MethodPost, users, false, (*Service).createUser)
		add(functionUsers, http.MethodPost, users+"/.search", false, (*Service).searchUsers)
		add(functionUsers, http.MethodGet, users+"/{id}", false, (*Service).readUser)
		add(functionUsers, http.MethodPut, users+"/{id}", false, (*Service).replaceUser)
		add(functionUsers, http.MethodPatch, users+"/{id}", false, (*Service).modifyUser)
		add(functionUsers, http.MethodDelete, users+"/{id}", false, (*Service).deleteUser)
	}
	for _, groups := range []string{"/Groups", "/groups"} {
		add(functionGroups, http.MethodGet, groups, false, (*Service).listGroups)
		add(functionGroups, http.MethodPost, groups, false, (*Service).createGroup)
		add(functionGroups, http.MethodPost, groups+"/.search", false, (*Service).searchGroups)
		add(functionGroups, http.MethodGet, groups+"/{id}", false, (*Service).readGroup)
		add(functionGroups, http.MethodPut, groups+"/{id}", false, (*Service).replaceGroup)
		add(functionGroups, http.MethodPatch, groups+"/{id}", false, (*Service).modifyGroup)
		add(functionGroups, http.MethodDelete, groups+"/{id}", false, (*Service).deleteGroup)
	}
	add(functionUsers, http.MethodGet, "", false, (*Service).listAll)
	add(functionUsers, http.MethodPost, "/.search", false, (*Service).searchAll)
	add(functionBulk, http.MethodPost, "/Bulk", false, (*Service).bulk)
	// How to authenticate can be read before authenticating. RFC 7643 §5
	add(functionDiscovery, http.MethodGet, "/ServiceProviderConfig", true, (*Service).readServiceProviderConfig)
	add(functionDiscovery, http.MethodGet, "/Schemas", false, (*Service).listSchemas)
	add(functionDiscovery, http.MethodGet, "/Schemas/{id}", false, (*Service).readSchema)
	add(functionDiscovery, http.MethodGet, "/ResourceTypes", false, (*Service).listResourceTypes)
	add(functionDiscovery, http.MethodGet, "/ResourceTypes/{id}", false, (*Service).readResourceType)
	return routes
}

// serves reports whether a function serves the routes of another. The function
// of /Bulk has the rights of all routes and serves all of them: API Gateway
// sends it the requests whose paths are spelled differently
// (docs/decisions/0111-other-spellings-of-a-path.md).
func serves(function, owner string) bool { return function == owner || function == functionBulk }
