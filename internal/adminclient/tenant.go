package adminclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// page returns the query of a page; a limit of 0 is the service's default.
func page(after string, limit int) url.Values {
	v := url.Values{}
	if after != "" {
		v.Set("after", after)
	}
	if limit > 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	return v
}

// Tenants reads a page of the tenants.
func (c *Client) Tenants(ctx context.Context, after string, limit int) (adminwire.Tenants, error) {
	return get[adminwire.Tenants](ctx, c, "/tenants", page(after, limit))
}

// Tenant reads a tenant.
func (c *Client) Tenant(ctx context.Context, tenant string) (adminwire.Tenant, error) {
	return get[adminwire.Tenant](ctx, c, below(tenant), nil)
}

// Tokens reads all tokens of a tenant.
func (c *Client) Tokens(ctx context.Context, tenant string) ([]adminwire.Token, error) {
	list, err := get[adminwire.Tokens](ctx, c, below(tenant, "tokens"), nil)
	return list.Tokens, err
}

// CreateToken creates a token.
func (c *Client) CreateToken(ctx context.Context, tenant string, w adminwire.NewToken) (adminwire.MintedToken, error) {
	return do[adminwire.MintedToken](ctx, c, http.MethodPost, below(tenant, "tokens"), nil, w)
}

// StartRotation creates a token beside another one: both work.
func (c *Client) StartRotation(ctx context.Context, tenant, token string, w adminwire.NewToken) (adminwire.MintedToken, error) {
	return do[adminwire.MintedToken](ctx, c, http.MethodPost, below(tenant, "tokens", token, "rotation"), nil, w)
}

// RevokeToken revokes a token.
func (c *Client) RevokeToken(ctx context.Context, tenant, token string) error {
	_, _, err := c.Do(ctx, http.MethodDelete, below(tenant, "tokens", token), nil, nil)
	return err
}

// CompleteRotation revokes the token that is replaced.
func (c *Client) CompleteRotation(ctx context.Context, tenant, token string) error {
	_, _, err := c.Do(ctx, http.MethodPut, below(tenant, "tokens", token, "rotation"), nil, nil)
	return err
}

// CancelRotation revokes the token that was to replace another one.
func (c *Client) CancelRotation(ctx context.Context, tenant, token string) error {
	_, _, err := c.Do(ctx, http.MethodDelete, below(tenant, "tokens", token, "rotation"), nil, nil)
	return err
}

// Groups reads a page of a tenant's groups.
func (c *Client) Groups(ctx context.Context, tenant, after string, limit int) (adminwire.Groups, error) {
	return get[adminwire.Groups](ctx, c, below(tenant, "groups"), page(after, limit))
}

// DeletedGroups reads a page of the markers of groups that the application deleted.
func (c *Client) DeletedGroups(ctx context.Context, tenant, after string, limit int) (adminwire.DeletedGroups, error) {
	return get[adminwire.DeletedGroups](ctx, c, below(tenant, "deleted-groups"), page(after, limit))
}

// GroupMembers reads a group and a page of its members.
func (c *Client) GroupMembers(ctx context.Context, tenant, group, after string, limit int) (adminwire.GroupMembers, error) {
	return get[adminwire.GroupMembers](ctx, c, below(tenant, "groups", group, "members"), page(after, limit))
}

// Users reads a page of a tenant's users.
func (c *Client) Users(ctx context.Context, tenant string, q adminwire.UsersQuery) (adminwire.Users, error) {
	v := page(q.After, q.Limit)
	for name, value := range map[string]string{"subject": q.Subject, "state": q.State, "managedBy": q.ManagedBy, "deleted": q.Deleted} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return get[adminwire.Users](ctx, c, below(tenant, "users"), v)
}

// User reads a user, a deleted one too.
func (c *Client) User(ctx context.Context, tenant, user string) (adminwire.User, error) {
	return get[adminwire.User](ctx, c, below(tenant, "users", user), nil)
}

// ChangeUser changes a user if it still has the version, and fails with a *Problem (412)
// otherwise.
func (c *Client) ChangeUser(ctx context.Context, tenant, user string, version int64, change adminwire.UserChange) error {
	return c.change(ctx, below(tenant, "users", user), strconv.FormatInt(version, 10), change)
}

// ChangeTenant changes settings of a tenant if it still has the version, and fails with a
// *Problem (412) otherwise.
func (c *Client) ChangeTenant(ctx context.Context, tenant, version string, change adminwire.TenantSettings) error {
	return c.change(ctx, below(tenant), version, change)
}

// change sends a change of one version of a resource, once: after a lost answer the
// resource would have another version, and a second request would fail.
func (c *Client) change(ctx context.Context, path, version string, change any) error {
	sent, err := json.Marshal(change, json.Deterministic(true))
	if err == nil {
		_, _, _, err = c.once(ctx, http.MethodPatch, path, nil, sent, "If-Match", `W/"`+version+`"`)
	}
	return err
}
