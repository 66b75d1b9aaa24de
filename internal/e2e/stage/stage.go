// Package stage has what tests of the service begin with: a tenant with a token, the
// messages that are sent to it, and its log.
//
// It checks nothing: what an answer must be is for the tests.
package stage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ID returns a tenant's id.
func ID(t testing.TB, name string) tenant.ID {
	t.Helper()
	id, err := tenant.ParseID(name)
	require.NoError(t, err)
	return id
}

// Tenant creates a tenant with this many seats, and a token for it.
func Tenant(t testing.TB, s *store.Store, name string, seats int64) (id tenant.ID, token string) {
	t.Helper()
	return TenantWith(t, s, name, seats, tenant.DefaultSettings(), time.Now())
}

// TenantWith creates a tenant with settings at a time, and a token for it.
func TenantWith(t testing.TB, s *store.Store, name string, seats int64, settings tenant.Settings, at time.Time) (id tenant.ID, token string) {
	t.Helper()
	id = ID(t, name)
	require.NoError(t, s.CreateTenant(t.Context(), id, settings, seats, tenant.Unlimited, at))
	token, record := access.Mint(id)
	record.Created = at
	require.NoError(t, s.SaveToken(t.Context(), id, record))
	return id, token
}

// User returns the body of a user with these members.
func User(members string) string {
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],` + members + `}`
}

// Group returns the body of a group with members by their ids.
func Group(name string, members ...string) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":%q,"members":%s}`, name, Members(members...))
}

// Members returns the members of a group.
func Members(ids ...string) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = fmt.Sprintf(`{"value":%q}`, id)
	}
	return "[" + strings.Join(list, ",") + "]"
}

// Patch returns the body of a PATCH.
func Patch(operations ...string) string {
	return PatchList("[" + strings.Join(operations, ",") + "]")
}

// PatchList returns the body of a PATCH with a list of operations.
func PatchList(operations string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":` + operations + `}`
}

// Bulk returns the body of a bulk request.
func Bulk(operations ...string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + strings.Join(operations, ",") + `]}`
}

// Event decodes a request's line. What the line leaves out because it is zero has its value.
func Event(line []byte) (map[string]any, error) {
	event := map[string]any{"retries": 0.0, "itemsRead": 0.0, "readUnits": 0.0, "writeUnits": 0.0, "coldStart": false}
	err := json.Unmarshal(line, &event)
	return event, err
}

// A Log collects what is logged. It is safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds a line.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// String returns what was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Forget empties the log.
func (l *Log) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}
