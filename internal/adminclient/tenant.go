package adminclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

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
