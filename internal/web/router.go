package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A Router finds the route of a request. R is an API's own type of a route: method, path,
// handler, and whatever else the API knows of it. It is safe for concurrent use.
type Router[R any] struct {
	spelling Spelling
	routes   []entry[R]
}

// entry is a route with the segments of its path.
type entry[R any] struct {
	route    *R
	method   string
	segments []string
}

// Spelling says which spellings of a path lead to a route.
type Spelling int

const (
	// Exact is the path itself: an empty segment, which a client writes for a
	// value that it does not have, leads to no other resource.
	Exact Spelling = iota
	// Tolerant is the path with its fixed segments in any letter case, and with
	// empty segments anywhere: a base URL entered with a slash at its end gives
	// //Users, and some clients end every path with a slash.
	Tolerant
)

// NewRouter returns a router of routes, of which the first that fits is found. pattern
// returns the method and the path of a route; {name} in the path stands for one segment.
func NewRouter[R any](spelling Spelling, routes []R, pattern func(*R) (method, path string)) *Router[R] {
	r := &Router[R]{spelling: spelling}
	for i := range routes {
		method, path := pattern(&routes[i])
		r.routes = append(r.routes, entry[R]{&routes[i], method, spelling.segments(path)})
	}
	return r
}

// Find returns the route of a request and the values in its path by their names, or, if the
// path has routes but none of them has the method, the methods that it allows. HEAD is served
// wherever GET is.
//
// The path is compared in its escaped form, segment by segment, and only values are unescaped:
// an encoded letter or slash reaches no other route. RFC 9110 §9.1, §15.5.6
func (r *Router[R]) Find(method, escapedPath string) (route *R, values map[string]string, allowed []string) {
	path := r.spelling.segments(escapedPath)
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, e := range r.routes {
		found, ok := r.spelling.match(e.segments, path)
		switch {
		case !ok:
		case e.method == method:
			return e.route, found, nil
		case !slices.Contains(allowed, e.method):
			if allowed = append(allowed, e.method); e.method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
	}
	return nil, nil, allowed
}

// match compares a path with a pattern, and returns the values of the pattern's names.
func (s Spelling) match(pattern, path []string) (values map[string]string, ok bool) {
	if len(pattern) != len(path) {
		return nil, false
	}
	for i, segment := range pattern {
		name, isValue := strings.CutPrefix(segment, "{")
		if !isValue {
			if !s.equal(segment, path[i]) {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(path[i])
		if err != nil || value == "" {
			return nil, false
		}
		if values == nil {
			values = map[string]string{}
		}
		values[strings.TrimSuffix(name, "}")] = value
	}
	return values, true
}

// equal compares two segments. Those of patterns are ASCII, so that with as many bytes no
// other letter folds to theirs.
func (s Spelling) equal(fixed, sent string) bool {
	return fixed == sent || s == Tolerant && len(fixed) == len(sent) && strings.EqualFold(fixed, sent)
}

// segments returns the segments of a path.
func (s Spelling) segments(path string) []string {
	if s == Tolerant {
		return Segments(path)
	}
	return strings.Split(path, "/")
}

// Segments returns the segments of a path that are not empty.
func Segments(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
}
