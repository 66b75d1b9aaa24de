package scimtest

import (
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// A BulkResult is one operation of the answer to a bulk request.
type BulkResult struct {
	Method, BulkID, Location, Version, Status string
	Response                                  map[string]any
}

// ID returns the id at the end of the location.
func (r BulkResult) ID() string { return r.Location[strings.LastIndexByte(r.Location, '/')+1:] }

// Detail returns the detail of a failure, or "".
func (r BulkResult) Detail() string { s, _ := r.Response["detail"].(string); return s }

// BulkBody returns the body of a bulk request. rest has the members before its
// operations, with a comma at its end.
func BulkBody(rest string, operations ...string) string {
	return `{"schemas":["` + scim.BulkRequestURN + `"],` + rest + `"Operations":[` + strings.Join(operations, ",") + `]}`
}
