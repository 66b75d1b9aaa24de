package scim

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Covers: 7644-3.1-1, 7644-3.12-2, 7644-3.12-3
func TestErrorDocument(t *testing.T) {
	got := string(ErrorDocument(409, NotUnique, `userName "a" is taken.`))
	want := `{"schemas":["` + ErrorURN + `"],"status":"409","scimType":"uniqueness","detail":"userName \"a\" is taken."}`
	assert.Equal(t, want, got)
	assert.Equal(t, `{"schemas":["`+ErrorURN+`"],"status":"404"}`, string(ErrorDocument(404, "", "")))
}

// Covers: 7644-3.1-1, 7644-3.4.2-2, 7644-3.4.2-3, 7644-3.4.2-6, 7644-3.4.2-7
func TestListDocument(t *testing.T) {
	const head = `{"schemas":["` + ListURN + `"],"totalResults":`
	tests := []struct {
		name, got, want string
	}{
		{"a page", string(ListDocument(12, 6, [][]byte{[]byte(`{"id":"1"}`), []byte(`{"id":"2"}`)})), head + `12,"startIndex":6,"itemsPerPage":2,"Resources":[{"id":"1"},{"id":"2"}]}`},
		{"okta-023: past the end", string(ListDocument(3, 9999, [][]byte{})), head + `3,"startIndex":9999,"itemsPerPage":0,"Resources":[]}`},
		// Covers: 7644-3.4.2-5, 7644-3.4.2.4-3
		{"rfc-008: count=0", string(ListDocument(3, 1, nil)), head + `3,"startIndex":1,"itemsPerPage":0,"Resources":[]}`},
		{"rfc-024: a cursor", string(CursorListDocument(3, `c"`, "p", [][]byte{[]byte(`{}`)})), head + `3,"nextCursor":"c\"","previousCursor":"p","itemsPerPage":1,"Resources":[{}]}`},
		{"the last cursor", string(CursorListDocument(3, "", "", [][]byte{})), head + `3,"itemsPerPage":0,"Resources":[]}`},
		{"nobody has counted", string(CursorListDocument(-1, "n", "", [][]byte{})), `{"schemas":["` + ListURN + `"],"nextCursor":"n","itemsPerPage":0,"Resources":[]}`},
	}
	for _, test := range tests {
		assert.Equalf(t, test.want, test.got, "%s:\ngot  %s\nwant %s", test.name, test.got, test.want)
	}
}
