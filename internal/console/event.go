package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/amount"
)

// eventRow is an event as a row.
type eventRow struct {
	When *When
	Type string
	// Subject is the user or group, "" for an event about the tenant. To leads to its page, or
	// to its entries in the log once it is gone.
	Subject, To string
	// What says in words what changed, and By who changed it.
	What, By string
	// RequestTo is the address of the request, "" if there was none.
	RequestTo string
}

func newEventRow(at home, e adminwire.Event, now time.Time) eventRow {
	r := eventRow{When: when(e.Time, now), Type: e.Type, What: whatChanged(e), By: "rollcall"}
	if s := e.Resource; s != nil {
		r.Subject = firstOf(s.UserName, s.DisplayName, s.ExternalID.String(), s.ID)
		folder := map[string]string{"User": "users", "Group": "groups"}[s.Type]
		switch {
		case e.Type == "user.purged", e.Type == "group.deleted", s.ID == "", folder == "":
			r.To = historyOf(at, s.ID, firstOf(s.UserName, s.DisplayName), s.ExternalID.String())
		default:
			r.To = at.of(folder, s.ID)
		}
	}
	switch e.Actor.Type {
	case "idp":
		r.By = idpName(e.Actor.Name)
	case "application":
		if r.By = "the application"; e.Actor.Name != "" {
			r.By += ": " + e.Actor.Name
		}
	}
	if e.RequestID != "" {
		r.RequestTo = at.of("requests", e.RequestID)
	}
	return r
}

// whatChanged says in words what an event changed, "" if its type says it all.
func whatChanged(e adminwire.Event) string {
	var parts []string
	if len(e.Changed) > 0 {
		parts = append(parts, strings.Join(e.Changed, ", "))
	}
	if m := e.Members; m != nil {
		switch {
		case m.Replaced:
			parts = append(parts, "all members replaced by "+amount.Count(int64(len(m.Added)), "member"))
		case len(m.Added)+len(m.Removed) > 0:
			parts = append(parts, amount.Number(int64(len(m.Added)))+" joined, "+amount.Number(int64(len(m.Removed)))+" left")
		}
	}
	if cause := e.Details["cause"]; cause != "" {
		parts = append(parts, cause)
	}
	return strings.Join(parts, "; ")
}

// eventSearch is the search of the newest events.
type eventSearch struct {
	// Types are the types that are searched for, separated by commas. Wrong says why none are.
	Types, Wrong string
	// After reports that it is not the first page, and Older is the address of the next one.
	After bool
	Older string
	Rows  []eventRow
}

// shownEvents is how many events a page shows: of each the user or group is read.
const shownEvents = 20

// newestEvents reads a page of the events of the tenant, newest first.
func (c *site) newestEvents(q *request) (eventSearch, error) {
	v := q.URL.Query()
	s := eventSearch{Types: strings.TrimSpace(v.Get("types")), After: v.Get("after") != ""}
	found, err := q.client.Events(q.Context(), q.tenant, adminwire.EventsQuery{
		Limit: shownEvents, After: v.Get("after"), Types: strings.ReplaceAll(s.Types, " ", ""), Newest: "true",
	})
	var refused *adminclient.Problem
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest && strings.HasPrefix(refused.Detail, "types ") {
		s.Wrong = refused.Detail
		return s, nil
	}
	if err != nil {
		return s, err
	}
	for _, e := range found.Events {
		s.Rows = append(s.Rows, newEventRow(q.at, e, c.now()))
	}
	if found.More {
		s.Older = q.at.of("events") + question(url.Values{"types": {s.Types}, "after": {found.Next}}.Encode())
	}
	return s, nil
}
