package adminapi

import (
	"context"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/sheet"
)

// quietTime is how long a user or group has had no change request when it is listed, unless
// the query sets another time.
const quietTime = 90 * 24 * time.Hour

// listDrift: GET /tenants/{tenant}/drift lists the active users, and then the groups, that the
// identity provider may not know, or has not changed for long. Nothing is recorded for it: it is
// read from the records and from the log.
func (s *Service) listDrift(ctx context.Context, q *request) (*reply, error) {
	limit, after, err := q.list()
	if err != nil {
		return nil, err
	}
	since, err := q.moment("since")
	if err != nil {
		return nil, err
	}
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	if since.IsZero() {
		since = q.start.Add(-quietTime)
	}
	if kept := q.start.Add(-t.Settings.LogRetention()); since.Before(kept) {
		since = kept
	}
	place, after, _ := strings.Cut(after, ":")
	var page adminwire.Drift
	if place == "g" {
		page, err = s.quietGroups(ctx, q, after, limit, since)
	} else {
		page, err = s.driftingUsers(ctx, q, after, limit, since)
	}
	if err != nil {
		return nil, err
	}
	page.Next = sealPosition(page.Next)
	return inFormat(q, sheet.Drift, page.Drift, page.Next, page)
}

func (s *Service) driftingUsers(ctx context.Context, q *request, after string, limit int, since time.Time) (page adminwire.Drift, err error) {
	found, err := s.Directory.AppUsers(ctx, q.tenant, directory.AppQuery{After: after, Limit: limit})
	if err != nil {
		return page, err
	}
	var records []provlog.Record
	for _, u := range found.Users {
		if u.Linked && u.Active {
			records = append(records, provlog.Record{Type: journal.TypeUser, ID: u.ID, History: u.History})
		}
	}
	quiet, err := s.Provisioning.Quiet(ctx, q.tenant, records, since)
	if err != nil {
		return page, err
	}
	page.Drift = []adminwire.DriftItem{}
	for _, u := range found.Users {
		if !u.Active || u.Linked && !quiet[u.ID] {
			continue
		}
		r, err := u.Resource()
		if err != nil {
			return page, err
		}
		item := adminwire.DriftItem{
			Reason: "no_request", ResourceType: journal.TypeUser, ResourceID: u.ID, Subject: r.Text("userName"),
			ExternalID: adminwire.NullableString(r.Text("externalId")), Modified: u.Modified,
		}
		if !u.Linked {
			item.Reason = "not_linked"
		}
		page.Drift = append(page.Drift, item)
	}
	page.Next = "g:"
	if found.Next != "" {
		page.Next = "u:" + found.Next
	}
	return page, nil
}

func (s *Service) quietGroups(ctx context.Context, q *request, after string, limit int, since time.Time) (page adminwire.Drift, err error) {
	found, err := s.Directory.SearchGroups(ctx, q.tenant, directory.Caller{Time: q.start}, directory.Query{Cursor: &directory.Cursor{ID: after}, Count: limit})
	if err != nil {
		return page, err
	}
	records := listOf(found.Records, func(g *directory.Group) provlog.Record {
		return provlog.Record{Type: journal.TypeGroup, ID: g.ID, History: g.History}
	})
	quiet, err := s.Provisioning.Quiet(ctx, q.tenant, records, since)
	if err != nil {
		return page, err
	}
	page.Drift = []adminwire.DriftItem{}
	for _, g := range found.Records {
		if !quiet[g.ID] {
			continue
		}
		r, err := g.Resource()
		if err != nil {
			return page, err
		}
		page.Drift = append(page.Drift, adminwire.DriftItem{
			Reason: "no_request", ResourceType: journal.TypeGroup, ResourceID: g.ID, Subject: r.Text("displayName"),
			ExternalID: adminwire.NullableString(r.Text("externalId")), Modified: g.Modified,
		})
	}
	if found.Next != nil {
		page.Next = "g:" + found.Next.ID
	}
	return page, nil
}
