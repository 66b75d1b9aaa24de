package webhook

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Tester sends a webhook.test to an endpoint at once, before all that waits for it. Nothing
// is stored of it, and it changes nothing in how the endpoint does.
type Tester struct {
	Documents Documents
	Sender    Sender
	Now       func() time.Time
}

// Test sends an event of its own type, with the given id, and returns what came of it.
func (t *Tester) Test(ctx context.Context, e subscription.Endpoint, id string) (subscription.Attempt, error) {
	now := t.Now()
	documents, err := t.Documents.Events(ctx, tenant.ID{}, []event.Draft{{
		Key: id, Type: event.WebhookTest, Time: now, Details: map[string]string{"webhook": e.ID},
	}})
	if err != nil {
		return subscription.Attempt{}, err
	}
	body, err := adminwire.Marshal(documents[0])
	if err != nil {
		return subscription.Attempt{}, err
	}
	return t.Sender.Send(ctx, Message{URL: e.URL, ID: id, Time: now, Body: body, Keys: e.Signing(now)}), nil
}
