package pathname

import (
	"fmt"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct{ pattern, path, want string }{
		{"/a", "/a", "map[]"},
		{"/a", "/A", ""},
		{"/a", "/a/", ""},
		{"/a", "/%61", ""}, // another spelling is another path
		{"/a/{b}", "/a/x", "map[b:x]"},
		{"/a/{b}", "/a/x%2Fy%20z", "map[b:x/y z]"},
		{"/a/{b}", "/a/", ""},
		{"/a/{b}", "/a/x/y", ""},
		{"/a/{b}", "/a/%zz", ""},
		{"/a/{b}/c/{d}", "/a/1/c/2", "map[b:1 d:2]"},
		{"/a/{b}/c/{d}", "/a/1/d/2", ""},
		{"", "", "map[]"},
	} {
		got := ""
		if parameters, ok := Match(c.pattern, c.path); ok {
			got = fmt.Sprint(parameters)
		}
		if got != c.want {
			t.Errorf("Match(%q, %q) = %s, want %s", c.pattern, c.path, got, c.want)
		}
	}
}
