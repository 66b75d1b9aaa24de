package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/provlog"
)

// Route is one method on one path. Paths are as in template.yaml, where {id}
// stands for one segment.
type Route struct {
	Method string
	Path   string
	// Function is the folder under functions/ that serves it.
	Function string
	// Public routes are answered without a token.
	Public  bool
	handler handler
}

// Prefix begins the path of every SCIM endpoint.
const Prefix = "/scim/v2"

// The functions that serve routes, by their folders.
const (
	functionUsers     = "users"
	functionGroups    = "groups"
	functionBulk      = "bulk"
	functionDiscovery = "discovery"
)

// Routes are all routes of the service, in the order of the documentation.
// /users and /groups in lower case are Entra's validator's.
func Routes() []Route {
	var routes []Route
	add := func(function, method, path string, public bool, h handler) {
		routes = append(routes, Route{Method: method, Path: Prefix + path, Function: function, Public: public, handler: h})
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
	add(functionUsers, http.MethodPost, "/.search", false, (*Service).searchAll)
	add(functionBulk, http.MethodPost, "/Bulk", false, (*Service).bulk)
	// RFC 7643 §5: how to authenticate can be read before authenticating.
	add(functionDiscovery, http.MethodGet, "/ServiceProviderConfig", true, (*Service).readServiceProviderConfig)
	add(functionDiscovery, http.MethodGet, "/Schemas", false, (*Service).listSchemas)
	add(functionDiscovery, http.MethodGet, "/Schemas/{id}", false, (*Service).readSchema)
	add(functionDiscovery, http.MethodGet, "/ResourceTypes", false, (*Service).listResourceTypes)
	add(functionDiscovery, http.MethodGet, "/ResourceTypes/{id}", false, (*Service).readResourceType)
	return routes
}

// unserved is why a path has no route: /Me is not supported (RFC 7644 §3.11), and
// neither is another version of the protocol (§3.13).
func unserved(escapedPath string) provlog.Cause {
	root, version := Prefix[:len(Prefix)-1], Prefix[len(Prefix)-1:]
	asked, below, _ := strings.Cut(strings.TrimPrefix(escapedPath, root), "/")
	switch {
	case escapedPath == Prefix+"/Me":
		return provlog.NotSupported
	case !strings.HasPrefix(escapedPath, root) || below == "" || asked == "" || asked == version || strings.Trim(asked, "0123456789") != "":
		return provlog.NoRoute
	}
	return provlog.ProtocolVersion
}

// match finds the route of a request, and the id in its path. When only the
// method is wrong it returns the methods that the path takes.
//
// The path is matched in its escaped form, segment by segment, and only an id is
// unescaped: an encoded letter or slash reaches no other endpoint, and an empty
// id is none.
func match(routes []Route, method, escapedPath string) (route *Route, id string, allowed []string) {
	for i := range routes {
		r := &routes[i]
		found, ok := matchPath(r.Path, escapedPath)
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
	return nil, "", allowed
}

func matchPath(pattern, escapedPath string) (id string, ok bool) {
	prefix, isItem := strings.CutSuffix(pattern, "{id}")
	if !isItem {
		return "", pattern == escapedPath
	}
	segment, ok := strings.CutPrefix(escapedPath, prefix)
	if !ok || segment == "" || strings.Contains(segment, "/") {
		return "", false
	}
	id, err := url.PathUnescape(segment)
	return id, err == nil
}
