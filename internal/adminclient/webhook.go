package adminclient

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// webhookPath returns the path of a webhook, and of what is below it.
func webhookPath(id string, below ...string) string {
	return strings.Join(append([]string{"/webhooks", url.PathEscape(id)}, below...), "/")
}

// Webhooks reads all webhooks.
func (c *Client) Webhooks(ctx context.Context) ([]adminwire.Webhook, error) {
	list, err := get[adminwire.Webhooks](ctx, c, "/webhooks", nil)
	return list.Webhooks, err
}

// Webhook reads a webhook.
func (c *Client) Webhook(ctx context.Context, id string) (adminwire.Webhook, error) {
	return get[adminwire.Webhook](ctx, c, webhookPath(id), nil)
}

// CreateWebhook registers an endpoint.
func (c *Client) CreateWebhook(ctx context.Context, w adminwire.NewWebhook) (adminwire.WebhookWithSecret, error) {
	return do[adminwire.WebhookWithSecret](ctx, c, http.MethodPost, "/webhooks", nil, w)
}

// ChangeWebhook changes a webhook.
func (c *Client) ChangeWebhook(ctx context.Context, id string, w adminwire.WebhookChange) (adminwire.Webhook, error) {
	return do[adminwire.Webhook](ctx, c, http.MethodPatch, webhookPath(id), nil, w)
}

// DeleteWebhook deletes a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	_, _, err := c.Do(ctx, http.MethodDelete, webhookPath(id), nil, nil)
	return err
}

// RotateWebhook creates a new secret of a webhook.
func (c *Client) RotateWebhook(ctx context.Context, id string) (adminwire.WebhookWithSecret, error) {
	return do[adminwire.WebhookWithSecret](ctx, c, http.MethodPost, webhookPath(id, "secret"), nil, nil)
}

// TestWebhook sends a test event to a webhook, and returns what came of it.
func (c *Client) TestWebhook(ctx context.Context, id string) (adminwire.WebhookTest, error) {
	return do[adminwire.WebhookTest](ctx, c, http.MethodPost, webhookPath(id, "test"), nil, nil)
}

// Redeliver sends events to a webhook again.
func (c *Client) Redeliver(ctx context.Context, id string, r adminwire.Redelivery) (adminwire.Redelivering, error) {
	return do[adminwire.Redelivering](ctx, c, http.MethodPost, webhookPath(id, "redeliver"), nil, r)
}

// WebhookDeliveries reads a page of what came of the events that were sent to a webhook.
func (c *Client) WebhookDeliveries(ctx context.Context, id string, q adminwire.WebhookDeliveriesQuery) (adminwire.WebhookDeliveries, error) {
	v := page(q.After, q.Limit)
	for name, value := range map[string]string{"state": q.State, "tenant": q.Tenant, "event": q.Event} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return get[adminwire.WebhookDeliveries](ctx, c, webhookPath(id, "deliveries"), v)
}
