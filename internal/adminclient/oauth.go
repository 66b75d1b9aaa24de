package adminclient

import (
	"context"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// Clients reads all OAuth clients of a tenant.
func (c *Client) Clients(ctx context.Context, tenant string) ([]adminwire.Client, error) {
	list, err := get[adminwire.Clients](ctx, c, below(tenant, "clients"), nil)
	return list.Clients, err
}

// OAuthClient reads an OAuth client.
func (c *Client) OAuthClient(ctx context.Context, tenant, id string) (adminwire.Client, error) {
	return get[adminwire.Client](ctx, c, below(tenant, "clients", id), nil)
}

// CreateClient creates an OAuth client.
func (c *Client) CreateClient(ctx context.Context, tenant string, w adminwire.NewClient) (adminwire.CreatedClient, error) {
	return do[adminwire.CreatedClient](ctx, c, http.MethodPost, below(tenant, "clients"), nil, w)
}

// ChangeClient changes an OAuth client.
func (c *Client) ChangeClient(ctx context.Context, tenant, id string, change adminwire.ClientChange) (adminwire.Client, error) {
	return do[adminwire.Client](ctx, c, http.MethodPatch, below(tenant, "clients", id), nil, change)
}

// RevokeClient revokes an OAuth client.
func (c *Client) RevokeClient(ctx context.Context, tenant, id string) error {
	_, _, err := c.Do(ctx, http.MethodDelete, below(tenant, "clients", id), nil, nil)
	return err
}

// CreateClientSecret creates a secret beside the others of an OAuth client.
func (c *Client) CreateClientSecret(ctx context.Context, tenant, id string, w adminwire.NewClientSecret) (adminwire.CreatedClientSecret, error) {
	return do[adminwire.CreatedClientSecret](ctx, c, http.MethodPost, below(tenant, "clients", id, "secrets"), nil, w)
}

// RevokeClientSecret revokes a secret of an OAuth client.
func (c *Client) RevokeClientSecret(ctx context.Context, tenant, id, secret string) error {
	_, _, err := c.Do(ctx, http.MethodDelete, below(tenant, "clients", id, "secrets", secret), nil, nil)
	return err
}

// SetFederation says which assertions of another issuer authenticate an OAuth client.
func (c *Client) SetFederation(ctx context.Context, tenant, id string, w adminwire.NewFederation) (adminwire.Client, error) {
	return do[adminwire.Client](ctx, c, http.MethodPut, below(tenant, "clients", id, "federation"), nil, w)
}

// RemoveFederation removes the federation of an OAuth client.
func (c *Client) RemoveFederation(ctx context.Context, tenant, id string) error {
	_, _, err := c.Do(ctx, http.MethodDelete, below(tenant, "clients", id, "federation"), nil, nil)
	return err
}

// SetClientKeys sets the public keys of an OAuth client.
func (c *Client) SetClientKeys(ctx context.Context, tenant, id string, w adminwire.NewClientKeys) (adminwire.Client, error) {
	return do[adminwire.Client](ctx, c, http.MethodPut, below(tenant, "clients", id, "keys"), nil, w)
}

// RemoveClientKeys removes the public keys of an OAuth client.
func (c *Client) RemoveClientKeys(ctx context.Context, tenant, id string) error {
	_, _, err := c.Do(ctx, http.MethodDelete, below(tenant, "clients", id, "keys"), nil, nil)
	return err
}
