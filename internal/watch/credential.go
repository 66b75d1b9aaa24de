package watch

import (
	"context"
	"strconv"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// refused are the causes of a request with a credential that has ended.
var refused = map[cause.Cause]bool{
	cause.TokenRevoked: true, cause.TokenExpired: true,
	cause.ClientRevoked: true, cause.SecretExpired: true, cause.SecretRevoked: true, cause.AccessEnded: true,
}

const (
	// refusedEvery is how often the use of one ended credential is reported at most.
	refusedEvery = time.Hour
	// refusedKept is how long a report of it is remembered: longer than a record may come
	// again.
	refusedKept = 12 * time.Hour
)

// credential reports that a credential is in use that has ended, if no use of the hour before
// was reported.
func (w *Watcher) credential(ctx context.Context, t tenant.ID, e *journal.Entry) error {
	name := "CREDENTIAL#" + e.TokenID
	was, err := w.store.Watched(ctx, t, name)
	if err != nil {
		return err
	}
	if last, err := strconv.ParseInt(was, 10, 64); err == nil && e.Time.Before(time.UnixMilli(last).Add(refusedEvery)) {
		return nil
	}
	c, ok, err := w.store.Credential(ctx, t, e.TokenID)
	if err != nil || !ok {
		return err
	}
	return w.store.Report(ctx, t, Report{
		Name: name, Before: was, After: strconv.FormatInt(e.Time.UnixMilli(), 10), Until: e.Time.Add(refusedKept),
		Signal: journal.Signal{Type: string(event.TokenRefused), RequestID: e.RequestID, Details: detailsOf(e, c)},
	})
}

func detailsOf(e *journal.Entry, c Credential) map[string]string {
	kind := "token"
	if c.Client {
		kind = "client"
	}
	details := map[string]string{"credential": kind, "id": e.TokenID, "cause": string(e.Cause), "whatToDo": e.WhatToDo()}
	for name, value := range map[string]string{"label": c.Label, "lastFour": c.LastFour, "identityProvider": string(e.IdP)} {
		if value != "" {
			details[name] = value
		}
	}
	if !c.Ended.IsZero() {
		details["endedAt"] = c.Ended.UTC().Format(time.RFC3339)
	}
	return details
}
