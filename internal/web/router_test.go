package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// pattern is the simplest route: its method and its path.
type pattern string

func (p *pattern) split() (method, path string) {
	method, path, _ = strings.Cut(string(*p), " ")
	return method, path
}

func TestRouter_MatchesPaths(t *testing.T) {
	for _, c := range []struct{ pattern, path, exact, tolerant string }{
		{"/a", "/a", "map[]", "map[]"},
		{"/a", "/A", "", "map[]"},
		{"/a", "/a/", "", "map[]"},
		{"/a", "//a", "", "map[]"},
		{"/as", "/aſ", "", ""},
		{"/asx", "/aſ", "", ""}, // as many bytes
		{"/a", "/%61", "", ""},  // an escaped letter is another path
		{"/a/{b}", "/a/x", "map[b:x]", "map[b:x]"},
		{"/a/{b}", "/a/X", "map[b:X]", "map[b:X]"},
		{"/a/{b}", "/a/x%2Fy%20z", "map[b:x/y z]", "map[b:x/y z]"},
		{"/a/{b}", "/a/", "", ""},
		{"/a/{b}", "/a//x", "", "map[b:x]"},
		{"/a/{b}", "/a/x/y", "", ""},
		{"/a/{b}", "/a/%zz", "", ""},
		{"/a/{b}/c/{d}", "/a/1/c/2", "map[b:1 d:2]", "map[b:1 d:2]"},
		{"/a/{b}/c/{d}", "/a/1/d/2", "", ""},
		{"", "", "map[]", "map[]"},
	} {
		for spelling, want := range map[Spelling]string{Exact: c.exact, Tolerant: c.tolerant} {
			got := ""
			if route, values, _ := NewRouter(spelling, []pattern{pattern("GET " + c.pattern)}, (*pattern).split).Find("GET", c.path); route != nil {
				got = fmt.Sprint(values)
			}
			assert.Equalf(t, want, got, "%q finds %q in spelling %d", c.path, c.pattern, spelling)
		}
	}
}

func TestRouter_FindsTheMethodOrNamesThoseOfThePath(t *testing.T) {
	r := NewRouter(Tolerant, []pattern{"PUT /a/{b}", "GET /a/{b}", "GET /A/{c}", "POST /b"}, (*pattern).split)
	for _, c := range []struct{ method, path, route, allowed string }{
		{"PUT", "/a/1", "PUT /a/{b}", "[]"},
		{"GET", "/A/1", "GET /a/{b}", "[]"}, // the first
		{"HEAD", "/a/1", "GET /a/{b}", "[]"},
		{"DELETE", "/a/1", "", "[PUT GET HEAD]"},
		{"HEAD", "/b", "", "[POST]"},
		{"get", "/a/1", "", "[PUT GET HEAD]"},
		{"GET", "/c", "", "[]"},
	} {
		route, _, allowed := r.Find(c.method, c.path)
		got := ""
		if route != nil {
			got = string(*route)
		}
		if got != c.route || fmt.Sprint(allowed) != c.allowed {
			t.Errorf("%s %s: %q, allowed %v; want %q, allowed %s", c.method, c.path, got, allowed, c.route, c.allowed)
		}
	}
}
