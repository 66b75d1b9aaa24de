package local

import (
	"net/url"
	"sort"
	"strings"
)

// A router finds the route of a request as an HTTP API does: the most specific
// path first, segment by segment (text before a variable before a greedy
// variable), and for one path the named method before ANY. $default is the
// route of all other requests.
type router struct {
	routes []routed
	rest   *Route
}

type routed struct {
	Route
	segments []string
}

func newRouter(routes []Route) *router {
	r := &router{}
	for _, route := range routes {
		if route.Path == DefaultPath {
			r.rest = &route
			continue
		}
		r.routes = append(r.routes, routed{route, strings.Split(route.Path[1:], "/")})
	}
	sort.SliceStable(r.routes, func(i, j int) bool { return r.routes[i].before(r.routes[j]) })
	return r
}

// before reports whether a route is tried before another.
func (r routed) before(other routed) bool {
	for i := range min(len(r.segments), len(other.segments)) {
		if a, b := kind(r.segments[i]), kind(other.segments[i]); a != b {
			return a < b
		}
	}
	if len(r.segments) != len(other.segments) {
		return len(r.segments) > len(other.segments)
	}
	return r.Method != "ANY" && other.Method == "ANY"
}

// The kinds of segment, the most specific first.
const (
	textSegment = iota
	variableSegment
	greedySegment
)

func kind(segment string) int {
	switch {
	case strings.HasSuffix(segment, "+}"):
		return greedySegment
	case strings.HasPrefix(segment, "{"):
		return variableSegment
	}
	return textSegment
}

// find returns the route of a request, with the decoded values of its
// variables. The path is split before it is decoded: an escaped slash does not
// separate segments.
func (r *router) find(method, escapedPath string) (route Route, parameters map[string]string, ok bool) {
	path := strings.Split(strings.TrimPrefix(escapedPath, "/"), "/")
	for i, s := range path {
		// The server has refused a path that cannot be decoded.
		if decoded, err := url.PathUnescape(s); err == nil {
			path[i] = decoded
		}
	}
	for _, candidate := range r.routes {
		if candidate.Method != "ANY" && candidate.Method != method {
			continue
		}
		if parameters, ok := candidate.match(path); ok {
			return candidate.Route, parameters, true
		}
	}
	if r.rest == nil {
		return Route{}, nil, false
	}
	return *r.rest, nil, true
}

// match compares a decoded path with the route's, in the same letter case. A
// variable matches one segment that is not empty, a greedy one the whole rest.
func (r routed) match(path []string) (parameters map[string]string, ok bool) {
	for i, s := range r.segments {
		k := kind(s)
		if i >= len(path) || k != textSegment && path[i] == "" {
			return nil, false
		}
		switch k {
		case textSegment:
			if s != path[i] {
				return nil, false
			}
			continue
		case variableSegment:
			parameters = with(parameters, s[1:len(s)-1], path[i])
		case greedySegment:
			return with(parameters, s[1:len(s)-2], strings.Join(path[i:], "/")), true
		}
	}
	return parameters, len(path) == len(r.segments)
}

func with(parameters map[string]string, name, value string) map[string]string {
	if parameters == nil {
		parameters = make(map[string]string)
	}
	parameters[name] = value
	return parameters
}
