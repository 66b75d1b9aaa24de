package console

import (
	"net/url"
)

// groupRow is a group as a row.
type groupRow struct {
	ID, DisplayName, ExternalID, Origin string
	Modified                            *When
	HistoryTo                           string
}

// deletedRow is a group that the application deleted, as a row.
type deletedRow struct {
	ID, DisplayName, By string
	Deleted             *When
	HistoryTo           string
}

// groups: GET /console/t/{tenant}/groups shows the groups, and the markers of those that
// the application deleted.
func (c *Console) groups(q *request) (page, error) {
	query := q.URL.Query()
	after, deletedAfter := query.Get("after"), query.Get("deletedAfter")
	found, err := c.client.Groups(q.Context(), q.tenant, after, pageSize)
	if err != nil {
		return page{}, err
	}
	deleted, err := c.client.DeletedGroups(q.Context(), q.tenant, deletedAfter, pageSize)
	if err != nil {
		return page{}, err
	}
	rows := make([]groupRow, len(found.Groups))
	for i, g := range found.Groups {
		rows[i] = groupRow{
			ID: g.ID, DisplayName: g.DisplayName, ExternalID: string(g.ExternalID), Origin: g.Origin,
			Modified: whenOf(g.Modified, c.now()), HistoryTo: historyOf(q.tenant, g.ID, g.DisplayName, string(g.ExternalID)),
		}
	}
	markers := make([]deletedRow, len(deleted.DeletedGroups))
	for i, g := range deleted.DeletedGroups {
		markers[i] = deletedRow{
			ID: g.ID, DisplayName: g.DisplayName, By: string(g.DeletedBy), Deleted: whenOf(g.DeletedAt, c.now()),
			HistoryTo: historyOf(q.tenant, g.ID, g.DisplayName, ""),
		}
	}
	here := of(q.tenant, "groups")
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
