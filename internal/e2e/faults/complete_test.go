package faults

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
)

// TestTable_HasEveryWrite finds a row for each route that writes.
func TestTable_HasEveryWrite(t *testing.T) {
	rows := allWrites()
	has := func(to side, method, path string) bool {
		return slices.ContainsFunc(rows, func(w write) bool {
			sent, _, _ := strings.Cut(w.path, "?")
			return w.side == to && w.method == method && samePath(path, sent)
		})
	}
	for _, r := range httpapi.Routes() {
		path := strings.TrimPrefix(r.Path, httpapi.Prefix)
		reads := r.Method == "GET" || strings.HasSuffix(path, "/.search")
		other := strings.HasPrefix(path, "/users") || strings.HasPrefix(path, "/groups") || strings.HasPrefix(path, "/Me") // another spelling, or none
		assert.True(t, reads || other || has(toSCIM, r.Method, path), "no row for %s %s", r.Method, path)
	}
	for _, r := range adminapi.Routes() {
		path := strings.TrimPrefix(r.Path, adminapi.Prefix)
		// A test of a webhook writes nothing, and what is sent again has the tests of deliveries.
		reads := r.Method == "GET" || r.ID == "explainText" || strings.HasSuffix(path, "/test") || strings.HasSuffix(path, "/redeliver")
		assert.True(t, reads || has(toAdmin, r.Method, path), "no row for %s %s", r.Method, path)
	}
}

// samePath reports whether a path is one of a route, whose {name} stands for any
// segment.
func samePath(route, path string) bool {
	a, b := strings.Split(route, "/"), strings.Split(path, "/")
	return slices.EqualFunc(a, b, func(r, p string) bool { return r == p || strings.HasPrefix(r, "{") })
}
