// Package pathname matches the paths of requests with patterns, for example
// /tenants/{tenant}, for the routes of several services.
package pathname

import (
	"net/url"
	"strings"
)

// Match compares an escaped path with a pattern, in which {name} stands for one
// segment that is not empty, and returns the segments by their names,
// unescaped. An escaped slash is part of its segment.
func Match(pattern, escapedPath string) (parameters map[string]string, ok bool) {
	names, segments := strings.Split(pattern, "/"), strings.Split(escapedPath, "/")
	if len(names) != len(segments) {
		return nil, false
	}
	parameters = map[string]string{}
	for i, name := range names {
		if !strings.HasPrefix(name, "{") {
			if name != segments[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" {
			return nil, false
		}
		parameters[name[1:len(name)-1]] = value
	}
	return parameters, true
}
