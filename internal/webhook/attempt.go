package webhook

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Message is one request to an endpoint.
type Message struct {
	URL string
	// ID is the event's id, the same at each attempt. Time is that of the attempt.
	ID   string
	Time time.Time
	// Body is the event's document, and Keys sign it, each with a signature of its own.
	Body []byte
	Keys [][]byte
}

// before returns what came of an event before an attempt.
func (d *Deliverer) before(ctx context.Context, p subscription.Pending) (subscription.Delivery, error) {
	if p.Attempts > 0 || p.Redelivery {
		if before, ok, err := d.c.Outbox.Delivery(ctx, p.Endpoint, p.Event); ok || err != nil {
			return before, err
		}
	}
	return subscription.Delivery{
		Endpoint: p.Endpoint, Event: p.Event, Tenant: p.Tenant, Type: p.Type, Resource: p.Resource, Committed: p.Committed,
		First: p.First, Count: p.Attempts,
	}, nil
}

// attempt makes an event's document and sends it.
func (d *Deliverer) attempt(ctx context.Context, e subscription.Endpoint, p subscription.Pending) (res result) {
	res.pending = p
	start := d.c.Now()
	defer func() {
		if v := recover(); v != nil { // it would end the process from here
			d.fault(ctx, p, fmt.Sprintf("panic of type %T at %s", v, debug.Stack()))
			res.own, res.attempt = true, subscription.Attempt{Time: start, Error: "The event could not be sent because of a fault in rollcall."}
		}
	}()
	if res.before, res.err = d.before(ctx, p); res.err != nil {
		return res
	}
	if gone := outside(e, p.Tenant); gone != "" {
		res.gone = gone
		return res
	}
	body, err := d.body(ctx, p)
	switch {
	case errors.Is(err, ErrGone):
		res.gone = "The log entry of the change has expired, so the event could not be sent any more."
		return res
	case err != nil && passing(ctx, err):
		res.err = err
		return res
	case err != nil:
		d.fault(ctx, p, err.Error())
		res.own, res.attempt = true, subscription.Attempt{Time: start, Error: "The event could not be made from what is stored; rollcall's log has the reason."}
		return res
	}
	res.attempt = d.c.Sender.Send(ctx, Message{URL: e.URL, ID: p.Event, Time: d.c.Now(), Body: body, Keys: e.Signing(d.c.Now())})
	if res.attempt.Status == 0 && ctx.Err() != nil {
		res.err = ctx.Err()
	}
	return res
}

// body returns the document of an event.
func (d *Deliverer) body(ctx context.Context, p subscription.Pending) ([]byte, error) {
	document, err := d.c.Events.Event(ctx, p)
	if err != nil {
		return nil, err
	}
	return adminwire.Marshal(document)
}

// passing reports whether an error is of the table at this time, not of the event.
func passing(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, directory.ErrBusy) || errors.Is(err, directory.ErrUnreachable)
}

// outside says in a sentence why an endpoint gets no events of a tenant any more, "" if it does.
// It may have been limited to tenants after the event began to wait.
func outside(e subscription.Endpoint, of tenant.ID) string {
	switch {
	case len(e.Tenants) == 0 || slices.Contains(e.Tenants, of):
		return ""
	case of.IsZero():
		return "The endpoint gets no events of the deployment any more: it is limited to tenants."
	}
	return "The endpoint gets no events of this tenant any more."
}
