package console

import (
	"fmt"
	"math"
	"net/url"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
)

// pageSize is how many rows a table has.
const pageSize = 50

// tenantRow is a tenant of the list.
type tenantRow struct {
	ID, To      string
	DisplayName string
	Off         bool
	Deleting    bool
}

// tenants: GET /console/ lists the tenants; when there is one alone, its overview is
// shown.
func (c *Console) tenants(q *request) (page, error) {
	after := q.URL.Query().Get("after")
	found, err := c.client.Tenants(q.Context(), after, pageSize)
	if err != nil {
		return page{}, err
	}
	if after == "" && found.Next == "" && len(found.Tenants) == 1 {
		return goOn(of(found.Tenants[0].ID)), nil
	}
	rows := make([]tenantRow, len(found.Tenants))
	for i, t := range found.Tenants {
		rows[i] = tenantRow{ID: t.ID, To: of(t.ID), DisplayName: t.DisplayName, Off: !t.SCIMEnabled, Deleting: t.Deleting}
	}
	return page{name: "tenants", title: "Tenants", data: map[string]any{
		"Rows": rows, "More": more(Prefix+"/", nil, found.Next), "First": after != "",
	}}, nil
}

// more is the address of the page behind, "" for none.
func more(path string, query url.Values, next string) string {
	if next == "" {
		return ""
	}
	values := url.Values{"after": {next}}
	for name, v := range query {
		values[name] = v
	}
	return path + question(values.Encode())
}

// meter is how many are used of how many.
type meter struct {
	ID, Name string
	Text     string
	// Limited tells that there is a limit; then Now, Max and Width are set, of which
	// Width is a part of 100.
	Limited  bool
	Now, Max int64
	Width    string
	// Level is ok, high or full.
	Level string
	Note  string
}

// Levels of a meter.
const (
	levelOK   = "ok"
	levelHigh = "high"
	levelFull = "full"
)

// newMeter makes a meter: noun is what is counted, one of them.
func newMeter(id, name, noun string, n adminclient.Count, note string) meter {
	m := meter{ID: id, Name: name, Level: levelOK}
	if n.Limit == nil {
		m.Text = count(n.Used, noun) + " in use, no limit"
		return m
	}
	limit := max(*n.Limit, 0)
	m.Limited, m.Max, m.Now = true, limit, min(max(n.Used, 0), limit)
	m.Text = fmt.Sprintf("%s of %s in use", number(n.Used), count(limit, noun))
	share := 1.0
	if limit > 0 {
		share = float64(m.Now) / float64(limit)
	}
	m.Width = fmt.Sprintf("%.2f", math.Min(share, 1)*100)
	switch {
	case n.Used > limit:
		m.Level, m.Note = levelFull, number(n.Used-limit)+" above the limit. "+note
	case n.Used == limit:
		m.Level, m.Note = levelFull, "None is free. "+note
	case share >= 0.9:
		m.Level, m.Note = levelHigh, count(limit-n.Used, noun)+" left."
	}
	return m
}

// syncRow is the newest request of an identity provider.
type syncRow struct {
	IdP   string
	Entry entryRow
}

// overview: GET /console/t/{tenant}
func (c *Console) overview(q *request) (page, error) {
	t, err := c.client.Tenant(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	o, err := c.client.Overview(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	now := c.now()
	last := make([]syncRow, len(o.LastSync))
	for i, e := range o.LastSync {
		last[i] = syncRow{IdP: e.IdP, Entry: newEntryRow(q.tenant, e, now)}
	}
	return page{name: "overview", title: "Overview", here: "Overview", data: map[string]any{
		"DisplayName": t.DisplayName, "Off": !t.SCIMEnabled, "Deleting": t.Deleting, "BaseURL": t.BaseURL,
		"Meters": []meter{
			newMeter("seats", "Seats", "seat", o.Seats, "New users are refused until one is freed or the limit is raised."),
			newMeter("readers", "Readers", "reader", o.Readers, "New readers are refused until one is deactivated or the limit is raised."),
		},
		"Users": o.Users, "Groups": o.Groups, "GroupsTo": of(q.tenant, "groups"),
		"Failing": o.Failing, "FailingMore": o.FailingMore, "FailedTo": of(q.tenant, "failed"),
		"LastSync": last, "Plot": newPlot(q.tenant, o.Failures), "Partial": o.FailuresPartial, "LogTo": of(q.tenant, "log"),
	}}, nil
}
