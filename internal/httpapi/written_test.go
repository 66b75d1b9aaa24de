package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// scribe is a table that keeps the transactions that were sent and applied.
type scribe struct {
	table.Table

	mu   sync.Mutex
	sent []table.Transaction
}

func (s *scribe) Write(ctx context.Context, tx table.Transaction) error {
	err := s.Table.Write(ctx, tx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.sent = append(s.sent, tx)
	}
	return err
}

// taken returns the transactions since the last call.
func (s *scribe) taken() []table.Transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// in returns the operations in a partition of acme, except for conditions.
func in(tx table.Transaction, name string) (ops []table.Op) {
	for _, op := range tx.Ops {
		if op.Kind != table.OpCheck && op.Key.Partition == "T#acme#"+name {
			ops = append(ops, op)
		}
	}
	return ops
}

// changes are requests that change something, one after the other, by the body's %s for the
// ids of a user and of a group.
func (s *service) changes(t *testing.T, each func(name string, a answer)) {
	t.Helper()
	var user, group string
	for _, r := range []struct{ name, method, path, body string }{
		{"create", "POST", "/Users", stage.User(`"userName":"anna@x","externalId":"e1"`)},
		{"replace", "PUT", "/Users/USER", stage.User(`"userName":"anna@x","title":"a"`)},
		{"deactivate", "PATCH", "/Users/USER", stage.Patch(`{"op":"replace","path":"active","value":false}`)},
		{"reactivate", "POST", "/Users", stage.User(`"userName":"anna@x"`)},
		{"create a group", "POST", "/Groups", stage.Group("Staff", "USER")},
		{"rename a group", "PATCH", "/Groups/GROUP", stage.Patch(`{"op":"replace","path":"displayName","value":"Crew"}`)},
		{"remove a member", "PATCH", "/Groups/GROUP", stage.Patch(`{"op":"remove","path":"members[value eq \"USER\"]"}`)},
		{"add a member", "PATCH", "/Groups/GROUP", stage.Patch(`{"op":"add","path":"members","value":[{"value":"USER"}]}`)},
		{"replace a group", "PUT", "/Groups/GROUP", stage.Group("Crew")},
		{"delete a group", "DELETE", "/Groups/GROUP", ""},
		{"delete", "DELETE", "/Users/USER", ""},
		{"restore", "POST", "/Users", stage.User(`"userName":"anna@x"`)},
	} {
		fill := strings.NewReplacer("USER", user, "GROUP", group)
		a := s.send(r.method, fill.Replace(r.path), fill.Replace(r.body))
		require.Less(t, a.status, 300, "%s: %s", r.name, a.raw)
		if id, ok := a.body["id"].(string); ok && strings.HasPrefix(r.path, "/Users") {
			user = id
		} else if ok {
			group = id
		}
		each(r.name, a)
	}
}

// Every change is one transaction with its log entry: there is no change without an entry,
// and no entry without a change.
func TestChanges_AreWrittenWithTheirEntry(t *testing.T) {
	w := &scribe{Table: enginetest.Memory(t)}
	s := newServiceOn(t, w, 5, tenant.DefaultSettings())
	w.taken()
	s.changes(t, func(name string, a answer) {
		changes, entries := 0, 0
		for _, tx := range w.taken() {
			changed, logged := len(in(tx, "USERS"))+len(in(tx, "GONE"))+len(in(tx, "GROUPS")), in(tx, "LOG")
			require.Equal(t, changed > 0, len(logged) > 0, "%s: a transaction with %d changed records and %d entries", name, changed, len(logged))
			require.LessOrEqual(t, len(logged), 1, name)
			changes, entries = changes+min(changed, 1), entries+len(logged)
			for _, op := range logged {
				require.Equal(t, a.header.Get("X-Request-Id"), op.Key.Sort, "%s: the name of the entry", name)
			}
		}
		require.Equal(t, 1, changes, "%s: transactions with a change", name)
		require.Equal(t, 1, entries, "%s: entries", name)
	})
	// A refused change has an entry and changes nothing.
	a := s.send("POST", "/Users", stage.User(`"userName":"anna@x"`))
	require.Equal(t, http.StatusConflict, a.status)
	for _, tx := range w.taken() {
		require.Empty(t, append(in(tx, "USERS"), in(tx, "LEDGER")...))
	}
}

// An entry is written within eight seconds of the time that its name says, or not at all:
// a reader of the log that is 15 seconds behind misses none.
func TestEntries_AreWrittenWithinEightSeconds(t *testing.T) {
	w := &scribe{Table: enginetest.Memory(t)}
	s := newServiceOn(t, w, 5, tenant.DefaultSettings())
	w.taken()
	entries := 0
	check := func(name string) {
		for _, tx := range w.taken() {
			for _, op := range in(tx, "LOG") {
				entries++
				at := time.UnixMilli(op.Attributes.Number("at"))
				require.False(t, tx.NotAfter.IsZero(), "%s: may be written at any time", name)
				require.Less(t, tx.NotAfter.Sub(at), 8*time.Second+time.Millisecond, name) // the time is stored in milliseconds
			}
		}
	}
	s.changes(t, func(name string, _ answer) { check(name) })
	s.send("POST", "/Users", stage.User(`"userName":"anna@x"`))
	check("a refused creation")
	s.send("GET", "/Users?filter=x", "")
	check("a refused query")
	bulk := s.sendBulk(stage.Bulk(`{"method":"POST","path":"/Users","bulkId":"a","data":` + stage.User(`"userName":"bob@x"`) + `}`))
	require.Equal(t, http.StatusOK, bulk.status)
	check("a bulk request")
	require.Equal(t, 15, entries)
}

// No line of the log has a secret, whether the request was accepted, or refused at any step.
func TestLog_HasNoSecret(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	secret := strings.Split(s.token, "_")[3]
	const password = "correct-horse-battery"
	s.changes(t, func(string, answer) {})
	body := stage.User(`"userName":"carl@x","password":"` + password + `"`)
	for _, r := range []struct {
		method, path, body string
		headers            []string
	}{
		{"POST", "/Users", body, nil},
		{"POST", "/Users", body, nil}, // taken by now
		{"POST", "/Users", body[:len(body)-1], nil},
		{"POST", "/Users", stage.User(`"userName":"` + s.token + `"`), nil},
		{"GET", "/Users?access_token=" + s.token, "", nil},
		{"GET", "/Users?filter=userName+eq+%22" + s.token + "%22", "", nil},
		{"GET", "/Users/" + s.token, "", nil},
		{"GET", "/" + s.token, "", nil},
		{"GET", "/Users", "", []string{"Authorization", s.token}},
		{"GET", "/Users", "", []string{"Authorization", "Bearer  \"" + s.token + `"`}},
		{"GET", "/Users", "", []string{"Authorization", "Basic " + s.token}},
		{"GET", "/Users", "", []string{"User-Agent", "curl " + s.token}},
		{"GET", "/Users", "", []string{"X-Request-Id", s.token}},
		{"GET", "/Users", "", []string{"Authorization", "Bearer " + s.token[:len(s.token)-1] + "x"}},
	} {
		s.send(r.method, r.path, r.body, r.headers...)
	}
	require.NotEmpty(t, s.log.String())
	require.NotContains(t, s.log.String(), secret)
	require.NotContains(t, s.log.String(), password)
}
