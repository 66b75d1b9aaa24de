package system

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A cutTable is a table whose connection ends after a number of writes. The
// zero value never fails.
type cutTable struct {
	table.Table
	mu sync.Mutex
	// cut is set if writes are counted; left is how many are made before the
	// end.
	cut  bool
	left int
}

func (c *cutTable) after(writes int) { c.mu.Lock(); c.cut, c.left = true, writes; c.mu.Unlock() }

func (c *cutTable) restore() { c.mu.Lock(); c.cut = false; c.mu.Unlock() }

func (c *cutTable) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut && c.left <= 0
}

func (c *cutTable) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if c.gone() {
		return nil, table.ErrNoConnection
	}
	return c.Table.Get(ctx, keys...)
}

func (c *cutTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if c.gone() {
		return table.Page{}, table.ErrNoConnection
	}
	return c.Table.Query(ctx, q)
}

func (c *cutTable) Write(ctx context.Context, tx table.Transaction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut && c.left <= 0 {
		return table.ErrNoConnection
	}
	err := c.Table.Write(ctx, tx)
	if err == nil {
		c.left--
	}
	return err
}

// A table that is lost after any write of a request: the answer says that
// nothing was changed only if that is true.
func TestLostTable_NothingWasChangedIsTrue(t *testing.T) {
	group := func(name string, members []string) string {
		return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":%q,"members":%s}`, name, stage.Members(members...))
	}
	type world struct {
		*service
		users             []string
		group, big, token string
		rotating          string
		client, secret    string
		schema            string
	}
	for _, tt := range []struct {
		name  string
		admin bool
		ask   func(w *world) (method, path, body string)
		// look is a path of the admin API, or of SCIM, that shows the change.
		look func(w *world) string
	}{
		{"create a user", false, func(*world) (string, string, string) { return "POST", "/Users", userBody(`"userName":"new"`) }, func(*world) string { return "/Users?filter=userName+eq+%22new%22" }},
		{"replace a user", false, func(w *world) (string, string, string) {
			return "PUT", "/Users/" + w.users[0], userBody(`"userName":"u0","displayName":"x"`)
		}, func(w *world) string { return "/Users/" + w.users[0] }},
		{"change a user", false, func(w *world) (string, string, string) { return "PATCH", "/Users/" + w.users[0], patchBody(deactivate) }, func(w *world) string { return "/Users/" + w.users[0] }},
		{"delete a user", false, func(w *world) (string, string, string) { return "DELETE", "/Users/" + w.users[0], "" }, func(w *world) string { return "/Users/" + w.users[0] }},
		{"create a group", false, func(w *world) (string, string, string) { return "POST", "/Groups", group("new", w.users[:2]) }, func(*world) string { return "/Groups?filter=displayName+eq+%22new%22&attributes=displayName" }},
		{"create a large group", false, func(w *world) (string, string, string) { return "POST", "/Groups", group("new", w.users) }, func(*world) string { return "/Groups?filter=displayName+eq+%22new%22&attributes=displayName" }},
		{"add members", false, func(w *world) (string, string, string) {
			return "PATCH", "/Groups/" + w.group, patchBody(`[{"op":"add","path":"members","value":` + stage.Members(w.users[:3]...) + `}]`)
		}, func(w *world) string { return "/Groups/" + w.group }},
		{"add many members", false, func(w *world) (string, string, string) {
			return "PATCH", "/Groups/" + w.group, patchBody(`[{"op":"add","path":"members","value":` + stage.Members(w.users...) + `}]`)
		}, func(w *world) string { return "/Groups/" + w.group }},
		{"remove many members", false, func(w *world) (string, string, string) {
			return "PATCH", "/Groups/" + w.big, patchBody(`[{"op":"remove","path":"members","value":` + stage.Members(w.users...) + `}]`)
		}, func(w *world) string { return "/Groups/" + w.big }},
		{"replace a group", false, func(w *world) (string, string, string) {
			return "PUT", "/Groups/" + w.group, group("small", w.users)
		}, func(w *world) string { return "/Groups/" + w.group }},
		{"empty a group", false, func(w *world) (string, string, string) {
			return "PUT", "/Groups/" + w.big, group("big", nil)
		}, func(w *world) string { return "/Groups/" + w.big }},
		{"delete a group", false, func(w *world) (string, string, string) { return "DELETE", "/Groups/" + w.big, "" }, func(w *world) string { return "/Groups/" + w.big }},

		{"create a tenant", true, func(*world) (string, string, string) { return "PUT", "/tenants/globex", `{"maxSeats":3}` }, func(*world) string { return "/tenants/globex" }},
		{"replace a tenant", true, func(*world) (string, string, string) { return "PUT", "/tenants/acme", `{"maxSeats":300}` }, func(*world) string { return "/tenants/acme" }},
		{"change a tenant", true, func(*world) (string, string, string) { return "PATCH", "/tenants/acme", `{"logDays":3}` }, func(*world) string { return "/tenants/acme" }},
		{"delete a tenant", true, func(*world) (string, string, string) { return "DELETE", "/tenants/acme?confirm=acme", "" }, func(*world) string { return "/tenants/acme" }},
		{"create a token", true, func(*world) (string, string, string) { return "POST", "/tenants/acme/tokens", "" }, func(*world) string { return "/tenants/acme/tokens" }},
		{"revoke a token", true, func(w *world) (string, string, string) { return "DELETE", "/tenants/acme/tokens/" + w.token, "" }, func(*world) string { return "/tenants/acme/tokens" }},
		{"revoke a token that is replaced", true, func(w *world) (string, string, string) { return "DELETE", "/tenants/acme/tokens/" + w.rotating, "" }, func(*world) string { return "/tenants/acme/tokens" }},
		{"start a rotation", true, func(w *world) (string, string, string) {
			return "POST", "/tenants/acme/tokens/" + w.token + "/rotation", ""
		}, func(*world) string { return "/tenants/acme/tokens" }},
		{"complete a rotation", true, func(w *world) (string, string, string) {
			return "PUT", "/tenants/acme/tokens/" + w.rotating + "/rotation", ""
		}, func(*world) string { return "/tenants/acme/tokens" }},
		{"cancel a rotation", true, func(w *world) (string, string, string) {
			return "DELETE", "/tenants/acme/tokens/" + w.rotating + "/rotation", ""
		}, func(*world) string { return "/tenants/acme/tokens" }},
		{"create a client", true, func(*world) (string, string, string) { return "POST", "/tenants/acme/clients", "" }, func(*world) string { return "/tenants/acme/clients" }},
		{"rename a client", true, func(w *world) (string, string, string) {
			return "PATCH", "/tenants/acme/clients/" + w.client, `{"label":"new"}`
		}, func(*world) string { return "/tenants/acme/clients" }},
		{"revoke a client", true, func(w *world) (string, string, string) { return "DELETE", "/tenants/acme/clients/" + w.client, "" }, func(*world) string { return "/tenants/acme/clients" }},
		{"add a secret", true, func(w *world) (string, string, string) {
			return "POST", "/tenants/acme/clients/" + w.client + "/secrets", ""
		}, func(*world) string { return "/tenants/acme/clients" }},
		{"revoke a secret", true, func(w *world) (string, string, string) {
			return "DELETE", "/tenants/acme/clients/" + w.client + "/secrets/" + w.secret, ""
		}, func(*world) string { return "/tenants/acme/clients" }},
		{"set a federation", true, func(w *world) (string, string, string) {
			return "PUT", "/tenants/acme/clients/" + w.client + "/federation", federation(entraKeys)
		}, func(*world) string { return "/tenants/acme/clients" }},
		{"create a user of the application", true, func(*world) (string, string, string) { return "POST", "/tenants/acme/users", `{"userName":"own"}` }, func(*world) string { return "/tenants/acme/users?subject=own" }},
		{"change a user of the application", true, func(w *world) (string, string, string) {
			return "PATCH", "/tenants/acme/users/" + w.users[0], `{"active":false}`
		}, func(w *world) string { return "/tenants/acme/users/" + w.users[0] }},
		{"protect a user", true, func(w *world) (string, string, string) {
			return "PATCH", "/tenants/acme/users/" + w.users[0], `{"protected":true}`
		}, func(w *world) string { return "/tenants/acme/users/" + w.users[0] }},
		{"purge a user", true, func(w *world) (string, string, string) {
			return "DELETE", "/tenants/acme/users/" + w.users[0], ""
		}, func(w *world) string { return "/tenants/acme/users/" + w.users[0] }},
		{"delete a group in the application", true, func(w *world) (string, string, string) { return "DELETE", "/tenants/acme/groups/" + w.big, "" }, func(w *world) string { return "/tenants/acme/groups/" + w.big }},
		{"register a schema", true, func(*world) (string, string, string) {
			return "PUT", "/tenants/acme/schemas/urn:example:b", `{"id":"urn:example:b","name":"B","attributes":[{"name":"b","type":"string"}]}`
		}, func(*world) string { return "/tenants/acme/schemas" }},
		{"remove a schema", true, func(w *world) (string, string, string) { return "DELETE", "/tenants/acme/schemas/" + w.schema, "" }, func(*world) string { return "/tenants/acme/schemas" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			changed := false
			for writes := 0; ; writes++ {
				cut := &cutTable{Table: enginetest.Memory(t)}
				w := &world{service: newService(t, cut, 500, app.Options{
					RequestTime: 2 * time.Second, Retry: []table.RetryOption{table.RetryFor(time.Millisecond)},
				})}
				users := 3
				if strings.Contains(tt.name, "group") || strings.Contains(tt.name, "members") {
					users = 40 // more than fit into one transaction
				}
				for i := range users {
					w.users = append(w.users, w.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i))))
				}
				w.group = w.must(201, "POST", "/Groups", group("small", nil))
				w.big = w.must(201, "POST", "/Groups", group("big", w.users))
				w.token, _ = w.mustAdmin(201, "POST", "/tenants/acme/tokens", "")["id"].(string)
				w.rotating, _ = w.mustAdmin(201, "POST", "/tenants/acme/tokens", "")["id"].(string)
				w.mustAdmin(201, "POST", "/tenants/acme/tokens/"+w.rotating+"/rotation", "")
				made := w.mustAdmin(201, "POST", "/tenants/acme/clients", "")
				w.client, _ = made["clientId"].(string)
				w.secret, _ = made["secretId"].(string)
				w.schema = "urn:example:a"
				w.mustAdmin(201, "PUT", "/tenants/acme/schemas/"+w.schema, `{"id":"urn:example:a","name":"A","attributes":[{"name":"a","type":"string"}]}`)
				look := func() string {
					if tt.admin {
						a := w.admin("GET", tt.look(w), "")
						return seen(t, a)
					}
					return seen(t, w.send("GET", tt.look(w), ""))
				}
				before := look()
				method, path, body := tt.ask(w)
				cut.after(writes)
				var a answer
				if tt.admin {
					a = w.admin(method, path, body)
				} else {
					a = w.send(method, path, body)
				}
				cut.restore()
				after := look()
				detail, _ := a.body["detail"].(string)
				title, _ := a.body["title"].(string)
				nothing := strings.Contains(detail+title, "othing was changed") || strings.Contains(detail+title, "could not be saved")
				switch {
				case before != after && nothing:
					t.Errorf("%d writes: %d %s %s, but it was changed from %s to %s", writes, a.status, title, detail, before, after)
				case before == after && a.status < 300:
					t.Errorf("%d writes: %d, but nothing changed: %s", writes, a.status, after)
				case before == after && a.status != 503:
					t.Errorf("%d writes: %d %v", writes, a.status, a.body)
				}
				changed = changed || before != after
				if a.status < 300 && writes > 0 || writes > 12 {
					break
				}
			}
			assert.True(t, changed, "it changes nothing")
		})
	}
}

// seen returns an answer as a text, without the times and ids of the request.
func seen(t *testing.T, a answer) string {
	t.Helper()
	delete(a.body, "requestId")
	if a.status >= 400 {
		return fmt.Sprint(a.status)
	}
	text, err := json.Marshal(a.body)
	require.NoError(t, err)
	return fmt.Sprintf("%d %s", a.status, text)
}

// Nothing is written for a tenant that is being deleted: its deletion may have passed
// there already, and what is written then stays.
func TestLostTable_WritesNothingForADeletedTenant(t *testing.T) {
	cut := &cutTable{Table: enginetest.Memory(t)}
	s := newService(t, cut, 5, app.Options{})
	id := s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
	s.mustAdmin(202, "DELETE", "/tenants/acme?confirm=acme", "")
	s.start(cut, app.Options{}) // another instance, which has not cached the tenant
	const many = 1000
	cut.after(many)
	for _, ask := range [][3]string{
		{"GET", "/Users", ""},
		{"GET", "/Users/" + id, ""},
		{"POST", "/Users", userBody(`"userName":"b"`)},
		{"PATCH", "/Users/" + id, patchBody(deactivate)},
		{"DELETE", "/Users/" + id, ""},
		{"POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g"}`},
		{"POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[]}`},
		{"GET", "/Schemas", ""},
	} {
		a := s.send(ask[0], ask[1], ask[2])
		assert.Equalf(t, 403, a.status, "%s %s: %d %v", ask[0], ask[1], a.status, a.body)
	}
	cut.mu.Lock()
	defer cut.mu.Unlock()
	n := many - cut.left
	assert.Truef(t, n == 0, "%d writes", n)
}
