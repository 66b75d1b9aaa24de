package adminapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	events "github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// maxEndpointTenants is how many tenants an endpoint can be limited to: each is read when it
// is chosen.
const maxEndpointTenants = 100

// disabledByPerson is the reason of an endpoint that a request has disabled.
const disabledByPerson = "Disabled in the admin API."

// webhookDocument returns an endpoint without its secrets.
func (q *request) webhookDocument(e subscription.Observed) adminwire.Webhook {
	w := adminwire.Webhook{
		ID: e.ID, URL: e.URL, Label: adminwire.NullableString(e.Label), Created: e.Created, Version: e.Version,
		Types:    listOf(e.Types, func(t events.Type) string { return string(t) }),
		Tenants:  listOf(e.Tenants, tenant.ID.String),
		Disabled: !e.Disabled.IsZero(), DisabledAt: instant(e.Disabled), DisabledReason: e.Reason,
		FailingSince: instant(e.State.FailingSince), LastSuccess: instant(e.State.LastSuccess),
	}
	if q.start.Before(e.State.Paused) && !w.Disabled {
		w.PausedUntil = instant(e.State.Paused)
	}
	for _, s := range e.Secrets {
		if q.start.Before(s.End) && (w.OldSecretEnds == nil || s.End.After(*w.OldSecretEnds)) {
			w.OldSecretEnds = instant(s.End)
		}
	}
	return w
}

// withSecret answers with an endpoint and its new secret: it is returned only this once.
func (q *request) withSecret(status int, e subscription.Observed) (*reply, error) {
	q.resource = e.ID
	return answer(status, adminwire.WebhookWithSecret{Webhook: q.webhookDocument(e), Secret: e.Secrets[0].Text()}, etag(e.Version))
}

// listWebhooks: GET /webhooks
func (s *Service) listWebhooks(ctx context.Context, q *request) (*reply, error) {
	all, err := s.Webhooks.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	return ok(adminwire.Webhooks{Webhooks: listOf(all, q.webhookDocument)})
}

// createWebhook: POST /webhooks
func (s *Service) createWebhook(ctx context.Context, q *request) (*reply, error) {
	var body adminwire.NewWebhook
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	wanted := subscription.Endpoint{URL: body.URL, Label: body.Label}
	var err error
	if wanted.Types, err = parseTypes(body.Types); err != nil {
		return nil, err
	}
	if wanted.Tenants, err = s.parseTenants(ctx, body.Tenants); err != nil {
		return nil, err
	}
	if err := s.checkWebhook(wanted); err != nil {
		return nil, err
	}
	q.action = "created"
	e, err := s.Webhooks.Create(ctx, wanted)
	if err != nil {
		return nil, err
	}
	return q.withSecret(http.StatusCreated, subscription.Observed{Endpoint: e})
}

// checkWebhook checks the URL and label of an endpoint.
func (s *Service) checkWebhook(e subscription.Endpoint) error {
	if fault := subscription.URLFault(e.URL, s.LoopbackWebhooks); fault != "" {
		return &problem{kind: kindInvalid, detail: fault}
	}
	return checkLabel(e.Label)
}

// parseTypes reads the types of events that an endpoint gets, each once.
func parseTypes(names []string) (types []events.Type, err error) {
	for i, name := range names {
		t, ok := events.ParseType(name)
		if !ok {
			return nil, &problem{kind: kindInvalid, detail: fmt.Sprintf("types[%d] is not a type of event. An empty list means all; else choose from %s.", i, allTypes())}
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types, nil
}

// allTypes returns the names of all types of events.
func allTypes() string {
	return strings.Join(listOf(events.Types(), func(t events.Type) string { return string(t) }), ", ")
}

// parseTenants reads the tenants whose events an endpoint gets, each once. The caller may
// act for every tenant. One that does not exist would get no events without anybody noticing.
func (s *Service) parseTenants(ctx context.Context, names []string) (tenants []tenant.ID, err error) {
	if len(names) > maxEndpointTenants {
		return nil, &problem{kind: kindInvalid, detail: fmt.Sprintf("tenants has more than %d tenants. Leave it empty to get the events of all, and choose by the tenant in each event.", maxEndpointTenants)}
	}
	for i, name := range names {
		t, err := tenant.ParseID(name)
		if err != nil {
			return nil, &problem{kind: kindInvalid, detail: fmt.Sprintf("tenants[%d]: %s.", i, err)}
		}
		if slices.Contains(tenants, t) {
			continue
		}
		if _, err := s.Tenants.Tenant(ctx, t); err != nil {
			if errors.Is(err, tenant.ErrNotFound) {
				err = &problem{kind: kindInvalid, detail: fmt.Sprintf("The tenant %s in tenants does not exist; create it first, or leave tenants empty to get the events of all.", t)}
			}
			return nil, err
		}
		tenants = append(tenants, t)
	}
	return tenants, nil
}

// webhook reads the endpoint that the path names.
func (s *Service) webhook(ctx context.Context, q *request) (subscription.Observed, error) {
	return s.Webhooks.Endpoint(ctx, q.about("webhook"))
}

// readWebhook: GET /webhooks/{webhook}
func (s *Service) readWebhook(ctx context.Context, q *request) (*reply, error) {
	e, err := s.webhook(ctx, q)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, q.webhookDocument(e), etag(e.Version))
}

// changeWebhook: PATCH /webhooks/{webhook}
func (s *Service) changeWebhook(ctx context.Context, q *request) (*reply, error) {
	id := q.about("webhook")
	var body adminwire.WebhookChange
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	if body.Disabled.Set && body.Disabled.Value == nil {
		return nil, &problem{kind: kindInvalid, detail: "disabled must be true or false."}
	}
	version, err := q.version()
	if err != nil {
		return nil, err
	}
	types, err := parseTypes(body.Types.Or(nil))
	if err != nil {
		return nil, err
	}
	tenants, err := s.parseTenants(ctx, body.Tenants.Or(nil))
	if err != nil {
		return nil, err
	}
	sent := subscription.Endpoint{URL: body.URL.Or(""), Label: body.Label.Or("")}
	if !body.URL.Set { // it stays, whatever is allowed now
		sent.URL = "https://app.example.com"
	}
	if err := s.checkWebhook(sent); err != nil {
		return nil, err
	}
	q.action = "updated"
	e, err := s.Webhooks.Change(ctx, id, version, func(e *subscription.Endpoint) {
		if body.URL.Set {
			e.URL = sent.URL
		}
		if body.Label.Set {
			e.Label = sent.Label
		}
		if body.Types.Set {
			e.Types = types
		}
		if body.Tenants.Set {
			e.Tenants = tenants
		}
		disable(e, body.Disabled, q.start)
	})
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, q.webhookDocument(e), etag(e.Version))
}

// disable disables or enables an endpoint. One that is disabled keeps since when and why.
func disable(e *subscription.Endpoint, wanted adminwire.Optional[bool], now time.Time) {
	switch {
	case !wanted.Set:
	case !wanted.Or(false):
		e.Disabled, e.Reason = time.Time{}, ""
	case e.Disabled.IsZero():
		e.Disabled, e.Reason = now, disabledByPerson
	}
}

// deleteWebhook: DELETE /webhooks/{webhook}
func (s *Service) deleteWebhook(ctx context.Context, q *request) (*reply, error) {
	q.action = "deleted"
	return noContent(), s.Webhooks.Delete(ctx, q.about("webhook"))
}

// rotateWebhookSecret: POST /webhooks/{webhook}/secret
func (s *Service) rotateWebhookSecret(ctx context.Context, q *request) (*reply, error) {
	q.action = "secret rotated"
	e, err := s.Webhooks.Rotate(ctx, q.about("webhook"))
	if err != nil {
		return nil, err
	}
	return q.withSecret(http.StatusCreated, e)
}
