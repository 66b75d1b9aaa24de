package adminclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// Tenant is the part of a tenant that the console shows.
type Tenant struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	SCIMEnabled bool   `json:"scimEnabled"`
	// Deleting reports that the tenant's deletion has begun.
	Deleting bool      `json:"deleting"`
	LogDays  int       `json:"logDays"`
	Created  time.Time `json:"created"`
	BaseURL  string    `json:"scimBaseUrl"`
}

// TenantPage is a page of tenants.
type TenantPage struct {
	Tenants []Tenant `json:"tenants"`
	Next    string   `json:"next"`
}

// Token is a token without its secret.
type Token struct {
	ID       string `json:"id"`
	Label    string `json:"label"`
	LastFour string `json:"lastFour"`
	// State is live, revoked or expired.
	State      string     `json:"state"`
	CreatedAt  *time.Time `json:"createdAt"`
	ExpiresAt  *time.Time `json:"expiresAt"`
	LastUsedAt *time.Time `json:"lastUsedAt"`
	RevokedAt  *time.Time `json:"revokedAt"`
	// Replaces and ReplacedBy are the other token of a rotation.
	Replaces   string `json:"replaces"`
	ReplacedBy string `json:"replacedBy"`
}

// NewToken is a token that was just created, with its secret, which is returned only
// once.
type NewToken struct {
	Token
	Text string `json:"token"`
}

// TokenWish has the choices for a new token.
type TokenWish struct {
	Label     string     `json:"label,omitzero"`
	ExpiresAt *time.Time `json:"expiresAt,omitzero"`
}

// Group is a group as the application sees it.
type Group struct {
	ID          string     `json:"id"`
	DisplayName string     `json:"displayName"`
	ExternalID  string     `json:"externalId"`
	Origin      string     `json:"origin"`
	Created     *time.Time `json:"created"`
	Modified    *time.Time `json:"modified"`
}

// GroupPage is a page of groups.
type GroupPage struct {
	Groups []Group `json:"groups"`
	Next   string  `json:"next"`
}

// DeletedGroup is the marker of a group that the application deleted.
type DeletedGroup struct {
	ID          string     `json:"id"`
	DisplayName string     `json:"displayName"`
	DeletedAt   *time.Time `json:"deletedAt"`
	DeletedBy   string     `json:"deletedBy"`
}

// DeletedGroupPage is a page of markers.
type DeletedGroupPage struct {
	DeletedGroups []DeletedGroup `json:"deletedGroups"`
	Next          string         `json:"next"`
}

// place is where a page begins, and its length; 0 is the service's default.
func place(after string, limit int) url.Values {
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
func (c *Client) Tenants(ctx context.Context, after string, limit int) (TenantPage, error) {
	return get[TenantPage](ctx, c, "/tenants", place(after, limit))
}

// Tenant reads a tenant.
func (c *Client) Tenant(ctx context.Context, tenant string) (Tenant, error) {
	return get[Tenant](ctx, c, below(tenant), nil)
}

// Tokens reads all tokens of a tenant.
func (c *Client) Tokens(ctx context.Context, tenant string) ([]Token, error) {
	list, err := get[struct {
		Tokens []Token `json:"tokens"`
	}](ctx, c, below(tenant, "tokens"), nil)
	return list.Tokens, err
}

// CreateToken creates a token.
func (c *Client) CreateToken(ctx context.Context, tenant string, w TokenWish) (NewToken, error) {
	return c.mint(ctx, below(tenant, "tokens"), w)
}

// StartRotation creates a token beside another one: both work.
func (c *Client) StartRotation(ctx context.Context, tenant, token string, w TokenWish) (NewToken, error) {
	return c.mint(ctx, below(tenant, "tokens", token, "rotation"), w)
}

func (c *Client) mint(ctx context.Context, path string, w TokenWish) (NewToken, error) {
	var made NewToken
	answer, _, err := c.Do(ctx, http.MethodPost, path, nil, w)
	if err == nil {
		err = json.Unmarshal(answer, &made)
	}
	return made, err
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
func (c *Client) Groups(ctx context.Context, tenant, after string, limit int) (GroupPage, error) {
	return get[GroupPage](ctx, c, below(tenant, "groups"), place(after, limit))
}

// DeletedGroups reads a page of the markers of groups that the application deleted.
func (c *Client) DeletedGroups(ctx context.Context, tenant, after string, limit int) (DeletedGroupPage, error) {
	return get[DeletedGroupPage](ctx, c, below(tenant, "deleted-groups"), place(after, limit))
}
