package console

import (
	"net/url"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// groupRow is a group as a row, and as the head of its page.
type groupRow struct {
	ID, DisplayName, ExternalID, Origin string
	To                                  string
	Created, Modified                   *When
	HistoryTo                           string
}

func newGroupRow(at home, g adminwire.Group, now time.Time) groupRow {
	return groupRow{
		ID: g.ID, DisplayName: g.DisplayName, ExternalID: g.ExternalID.String(), Origin: g.Origin, To: at.of("groups", g.ID),
		Created: whenOf(g.Created, now), Modified: whenOf(g.Modified, now), HistoryTo: historyOf(at, g.ID, g.DisplayName, g.ExternalID.String()),
	}
}

// deletedRow is a group that the application deleted, as a row.
type deletedRow struct {
	ID, DisplayName, By string
	Deleted             *When
	HistoryTo           string
}

// groups: GET /console/t/{tenant}/groups shows the groups, and the markers of those that
// the application deleted.
func (c *site) groups(q *request) (page, error) {
	query := q.URL.Query()
	after, deletedAfter := query.Get("after"), query.Get("deletedAfter")
	found, err := q.client.Groups(q.Context(), q.tenant, after, pageSize)
	if err != nil {
		return page{}, err
	}
	deleted, err := q.client.DeletedGroups(q.Context(), q.tenant, deletedAfter, pageSize)
	if err != nil {
		return page{}, err
	}
	rows := make([]groupRow, len(found.Groups))
	for i, g := range found.Groups {
		rows[i] = newGroupRow(q.at, g, c.now())
	}
	markers := make([]deletedRow, len(deleted.DeletedGroups))
	for i, g := range deleted.DeletedGroups {
		markers[i] = deletedRow{
			ID: g.ID, DisplayName: g.DisplayName, By: string(g.DeletedBy), Deleted: whenOf(g.DeletedAt, c.now()),
			HistoryTo: historyOf(q.at, g.ID, g.DisplayName, ""),
		}
	}
	here := q.at.of("groups")
	kept := url.Values{}
	if deletedAfter != "" {
		kept.Set("deletedAfter", deletedAfter)
	}
	moreDeleted := ""
	if deleted.Next != "" {
		v := url.Values{"deletedAfter": {deleted.Next}}
		if after != "" {
			v.Set("after", after)
		}
		moreDeleted = here + question(v.Encode())
	}
	return page{name: "groups", title: "Groups", here: "Groups", data: map[string]any{
		"Rows": rows, "More": more(here, kept, found.Next), "Markers": markers, "MoreMarkers": moreDeleted,
		"First": here, "Later": after != "" || deletedAfter != "",
	}}, nil
}

// groupMember is a member of a group as a row.
type groupMember struct {
	ID, Subject, State, To string
	Failure                *failedRow
}

// group: GET /console/t/{tenant}/groups/{group} shows a group, with its failure, its
// members and theirs, and its history.
func (c *site) group(q *request) (page, error) {
	after := q.URL.Query().Get("after")
	found, err := q.client.GroupMembers(q.Context(), q.tenant, q.parameters["group"], after, pageSize)
	if err != nil {
		return page{}, err
	}
	members := make([]groupMember, len(found.Members))
	for i, m := range found.Members {
		members[i] = groupMember{ID: m.ID, Subject: m.Subject, State: m.State, To: q.at.of("users", m.ID)}
		if m.Failure != nil {
			row := newFailedRow(q.at, *m.Failure, c.now())
			members[i].Failure = &row
		}
	}
	failing, entries, err := c.recent(q, "Group", found.Group.ID)
	if err != nil {
		return page{}, err
	}
	g := newGroupRow(q.at, found.Group, c.now())
	return page{name: "group", title: "Group", here: "Groups", data: map[string]any{
		"Group": g, "Members": members, "More": more(g.To, nil, found.Next), "Later": after != "", "Failing": failing, "Entries": entries,
	}}, nil
}
