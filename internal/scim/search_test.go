package scim

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A parameter without a value is absent, with two exceptions: an empty cursor
// begins a walk, and an empty filter is refused where it is parsed, because a
// filter that a client failed to fill in must not list everything. RFC 9865 §2
func TestDecodeSearch_EmptyParameters(t *testing.T) {
	for _, name := range []string{"attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count", "cursor"} {
		for _, empty := range []string{`null`, `""`, `[]`, `{}`} {
			kept := empty == `""` && (name == "filter" || name == "cursor")
			refused := (empty == `[]` || empty == `{}`) && (name == "filter" || name == "cursor")
			want := Search{}
			if kept {
				want[name] = ""
			}
			got, _, err := DecodeSearch([]byte(`{"schemas":["` + SearchURN + `"],"` + name + `":` + empty + `}`))
			assert.Truef(t, refused == (err != nil) && (refused || maps.Equal(got, want)), "%s %s: %v, %v, want %v", name, empty, got, err, want)
		}
	}
}
