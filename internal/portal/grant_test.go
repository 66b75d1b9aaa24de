package portal_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	rollcall "github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/portal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A granted table refuses what a policy does not allow, as AWS does.
type granted struct {
	table.Table
	policy iam.Policy
	calls  *calls
}

// calls are what was refused, and which actions were taken on which kinds of partitions.
type calls struct {
	mu            sync.Mutex
	refused, made map[string]bool
}

func (g granted) check(action string, partitions ...string) error {
	g.calls.mu.Lock()
	defer g.calls.mu.Unlock()
	what := fmt.Sprint(action, " ", partitions)
	if !g.policy.Allows(action, partitions...) {
		g.calls.refused[what] = true
		return table.ErrUnreachable
	}
	g.calls.made[action] = true
	return nil
}

func (g granted) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	action, partitions := "BatchGetItem", make([]string, len(keys))
	for i, key := range keys {
		partitions[i] = key.Partition
	}
	if len(keys) == 1 {
		action = "GetItem"
	}
	if err := g.check(action, partitions...); err != nil {
		return nil, err
	}
	return g.Table.Get(ctx, keys...)
}

func (g granted) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := g.check("Query", q.Partition); err != nil {
		return table.Page{}, err
	}
	return g.Table.Query(ctx, q)
}

func (g granted) Write(ctx context.Context, tx table.Transaction) error {
	var partitions []string
	for _, op := range tx.Ops {
		partitions = append(partitions, op.Key.Partition)
	}
	actions := map[table.OpKind]string{table.OpPut: "PutItem", table.OpUpdate: "UpdateItem", table.OpDelete: "DeleteItem", table.OpCheck: "ConditionCheckItem"}
	for _, op := range tx.Ops {
		if err := g.check(actions[op.Kind], partitions...); err != nil {
			return err
		}
	}
	return g.Table.Write(ctx, tx)
}

// All that a visitor can do is done with the rights that the template gives, and each of them is
// needed.
func TestPortal_NeedsTheRightsOfItsRoles(t *testing.T) {
	engine := memory(t)
	d := newDeployment(t, engine)
	d.fill()
	all := &calls{refused: map[string]bool{}, made: map[string]bool{}}
	// Before it assumes the tenant's role, the function has the keys of the deployment alone.
	keys := granted{engine, iam.Policy{{Actions: []string{"GetItem"}, Keys: []string{"KEYS"}}}, all}
	options := app.Options{Now: func() time.Time { return d.now }, Retry: []table.RetryOption{table.RetryFor(0)}}
	policy, err := iam.SessionPolicy(rollcall.Template, "PortalTenantRole", "acme")
	require.NoError(t, err)
	d.portal, err = portal.New(keys, func(_ context.Context, of tenant.ID) (table.Table, error) {
		assert.Equal(t, "acme", of.String())
		return granted{engine, policy, all}, nil
	}, app.Config{BaseURL: origin + "/scim/v2"}, portal.Config{Brand: console.Brand{Name: "Example"}}, logline.New(d.log), options)
	require.NoError(t, err)

	used := d.link("acme", "view")
	b := d.visitor("acme", "setup")
	pages, forms := addresses()
	for _, p := range append(pages, "/connect", "/connect/okta", "/connect/entra-oauth") {
		d.now = d.now.Add(10 * time.Second)
		assert.NotEqual(t, http.StatusServiceUnavailable, b.get("/portal"+p).Code, p)
	}
	for _, f := range forms[:len(forms)-1] {
		d.now = d.now.Add(10 * time.Second)
		b.get("/portal/tokens")
		assert.NotEqual(t, http.StatusServiceUnavailable, b.press("/portal"+f, url.Values{"label": {"x"}}).Code, f)
	}
	// A rotation from its beginning to its end, and a secret of a client that ends.
	var tokens struct{ Tokens []struct{ ID string } }
	decode(t, d.admin(http.MethodGet, "/tenants/acme/tokens", ""), &tokens)
	var clients struct {
		Clients []struct {
			ClientID string
			Secrets  []struct{ SecretID string }
		}
	}
	decode(t, d.admin(http.MethodGet, "/tenants/acme/clients", ""), &clients)
	client := clients.Clients[0]
	for _, form := range []struct {
		path   string
		fields url.Values
	}{
		{"/tokens/" + tokens.Tokens[0].ID + "/rotate", nil},
		{"/tokens/" + tokens.Tokens[0].ID + "/complete", nil},
		{"/tokens", url.Values{"label": {"ends"}, "expires": {d.now.AddDate(0, 1, 0).Format(time.DateOnly)}}},
		{"/clients/" + client.ClientID + "/secret", url.Values{"label": {"next"}}},
		{"/clients/" + client.ClientID + "/end-secret", url.Values{"secret": {client.Secrets[0].SecretID}}},
	} {
		d.now = d.now.Add(10 * time.Second)
		b.get("/portal/tokens")
		assert.Equal(t, http.StatusSeeOther, b.press("/portal"+form.path, form.fields).Code, "%s: %s", form.path, b.shown)
	}
	d.now = d.now.Add(time.Hour)
	d.browser().get(used)
	b.get("/portal")
	assert.Equal(t, http.StatusOK, b.press("/portal/leave", nil).Code)
	assert.Empty(t, slices.Sorted(maps.Keys(all.refused)), "AWS would refuse it")
	assert.Equal(t, []string{"BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"}, slices.Sorted(maps.Keys(all.made)))
}
