package console

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/amount"
)

// pageSize is the number of rows of a table.
const pageSize = 50

// A tenantRow is a tenant of the list.
type tenantRow struct {
	ID, To      string
	DisplayName string
	Off         bool
	Deleting    bool
}

// tenants answers GET /console/ with the list of tenants, or, if there is only
// one, with its overview.
func (c *site) tenants(q *request) (page, error) {
	after := q.URL.Query().Get("after")
	found, err := q.client.Tenants(q.Context(), after, pageSize)
	if err != nil {
		return page{}, err
	}
	if after == "" && found.Next == "" && len(found.Tenants) == 1 {
		return goOn(q.at.in(found.Tenants[0].ID).of()), nil
	}
	rows := make([]tenantRow, len(found.Tenants))
	for i, t := range found.Tenants {
		rows[i] = tenantRow{ID: t.ID, To: q.at.in(t.ID).of(), DisplayName: t.DisplayName, Off: !t.SCIMEnabled, Deleting: t.Deleting}
	}
	return page{name: "tenants", title: "Tenants", data: map[string]any{
		"Rows": rows, "More": more(q.at.root+"/", nil, found.Next), "First": after != "",
	}}, nil
}

// more returns the address of the next page, or "".
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

// A meter shows how many are used of how many.
type meter struct {
	ID, Name string
	Text     string
	// Limited is set if there is a limit. Now, Max and Width are set then;
	// Width is a part of 100.
	Limited  bool
	Now, Max int64
	Width    string
	// Level is ok, high or full.
	Level string
	Note  string
	// Effect is what more of them would fix, "" for nothing, and EffectTo the page that says
	// more.
	Effect, EffectTo string
}

// Levels of a meter.
const (
	levelOK   = "ok"
	levelHigh = "high"
	levelFull = "full"
)

// inUse returns how many are used of how many; noun is the counted thing, in the singular.
func inUse(n adminwire.Count, noun string) string {
	if n.Limit == nil {
		return amount.Count(n.Used, noun) + " in use, no limit"
	}
	return fmt.Sprintf("%s of %s in use", amount.Number(n.Used), amount.Count(max(*n.Limit, 0), noun))
}

// newMeter returns a meter; noun is the counted thing, in the singular.
func newMeter(id, name, noun string, n adminwire.Count, note string) meter {
	m := meter{ID: id, Name: name, Level: levelOK, Text: inUse(n, noun)}
	if n.Limit == nil {
		return m
	}
	limit := max(*n.Limit, 0)
	m.Limited, m.Max, m.Now = true, limit, min(max(n.Used, 0), limit)
	share := 1.0
	if limit > 0 {
		share = float64(m.Now) / float64(limit)
	}
	m.Width = fmt.Sprintf("%.2f", math.Min(share, 1)*100)
	switch {
	case n.Used > limit:
		m.Level, m.Note = levelFull, amount.Number(n.Used-limit)+" above the limit. "+note
	case n.Used == limit:
		m.Level, m.Note = levelFull, "None is free. "+note
	case share >= 0.9:
		m.Level, m.Note = levelHigh, amount.Count(limit-n.Used, noun)+" left."
	}
	return m
}

// A syncRow has the newest requests of an identity provider.
type syncRow struct {
	IdP string
	// Seen is the time of its last request of any kind.
	Seen *When
	// Changed is set if it has sent a change request, which is Entry.
	Changed bool
	Entry   entryRow
}

// A noticeRow is a notice with its link.
type noticeRow struct {
	Kind, Text, WhatToDo string
	// Class is the banner's.
	Class string
	Links []link
}

// A failingRow is the number of users and groups that fail by a cause.
type failingRow struct {
	Cause, To string
	Count     int
}

// A health is the card that shows how provisioning goes.
type health struct {
	Level, Big, Note string
	Count            int
	More             bool
	Causes           []failingRow
}

// overview: GET /console/t/{tenant}
func (c *site) overview(q *request) (page, error) {
	t, err := q.client.Tenant(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	if t.Deleting { // nothing is left to count
		return page{name: "overview", title: "Overview", here: "Overview", data: map[string]any{"DisplayName": t.DisplayName, "Deleting": true}}, nil
	}
	o, err := q.client.Overview(q.Context(), q.tenant)
	if err != nil {
		return page{}, err
	}
	notices := make([]noticeRow, len(o.Notices))
	for i, n := range o.Notices {
		notices[i] = newNotice(q.at, n)
		if u := o.UnusualDeactivations; u != nil && n.Kind == "deactivations_unusual" {
			query := url.Values{"resourceType": {"User"}, "from": {u.Since.UTC().Format("2006-01-02 15:04:05")}, "to": {u.Until.UTC().Add(time.Second).Format("2006-01-02 15:04:05")}}
			notices[i].Links = append(notices[i].Links, link{Name: "Show in the log", To: q.at.find(query, "log")})
		}
	}
	seats, readers, err := c.moreLicences(q, o)
	if err != nil {
		return page{}, err
	}
	return page{name: "overview", title: "Overview", here: "Overview", data: map[string]any{
		"DisplayName": t.DisplayName, "Deleting": false, "BaseURL": t.BaseURL, "Waiting": o.State == "waiting",
		"Notices": notices, "Health": newHealth(q.at, o),
		"Meters": []meter{
			newMeter("seats", "Seats", "seat", o.Seats, "New users are refused until one is freed or the limit is raised.").with(q.at, seats),
			newMeter("readers", "Readers", "reader", o.Readers, "New readers are refused until one is deactivated or the limit is raised.").with(q.at, readers),
		},
		"Users": o.Users, "Groups": o.Groups, "UsersTo": q.at.of("users"), "GroupsTo": q.at.of("groups"), "FailedTo": q.at.of("failed"), "ConnectTo": q.at.of("connect"),
		"LastSync": newSync(q.at, o, c.now()), "Plot": newPlot(q.at, o.Failures), "Partial": o.FailuresPartial, "LogTo": q.at.of("log"),
		"Summary": summaryText(t, o, c.now()),
	}}, nil
}

// newSync returns the rows of the last sync, the latest first.
func newSync(at home, o adminwire.Overview, now time.Time) []syncRow {
	var rows []syncRow
	places := map[string]int{}
	for _, s := range o.LastSeen {
		places[string(s.IdP)] = len(rows)
		rows = append(rows, syncRow{IdP: string(s.IdP), Seen: when(s.Time, now)})
	}
	for _, e := range o.LastSync {
		i, ok := places[e.IdP]
		if !ok {
			i = len(rows)
			places[e.IdP] = i
			rows = append(rows, syncRow{IdP: e.IdP, Seen: when(e.Time, now)})
		}
		rows[i].Changed, rows[i].Entry = true, newEntryRow(at, e, now)
	}
	return rows
}

// newHealth returns the card of what fails now. It reports no failures only if
// the service says so.
func newHealth(at home, o adminwire.Overview) health {
	h := health{Level: levelFull, Note: o.Summary, Count: o.Failing, More: o.FailingMore}
	switch {
	case o.Failing > 0 || o.FailingMore:
		h.Note = "Users and groups whose last request was refused."
	case o.State == "off":
		h.Big, h.Note = "SCIM is off", "Every request is refused."
	case o.State == "failing":
		h.Big, h.Note = "Requests are refused", "The notices above say why."
	case o.State == "waiting":
		h.Level, h.Big, h.Note = levelOK, "Nothing yet", "No request has been received."
	case o.State == "ok":
		h.Level, h.Big = levelOK, "None"
	default:
		h.Level, h.Big = levelHigh, "None"
	}
	for cause, n := range o.FailingCauses {
		h.Causes = append(h.Causes, failingRow{Cause: cause, To: at.find(url.Values{"cause": {cause}}, "failed"), Count: n})
	}
	slices.SortFunc(h.Causes, func(x, y failingRow) int {
		if x.Count != y.Count {
			return y.Count - x.Count
		}
		return strings.Compare(x.Cause, y.Cause)
	})
	return h
}

// noticeClasses are the banners of the levels.
var noticeClasses = map[string]string{"error": "bad", "warning": "warn", "info": "plain"}

// newNotice returns a notice with its link: to the tokens or the client if it is about one,
// and to its requests in the log if it counts some. Pages that the visitor does not get are left
// out.
func newNotice(at home, n adminwire.Notice) noticeRow {
	row := noticeRow{Kind: n.Kind, Text: n.Text, WhatToDo: n.WhatToDo, Class: noticeClasses[n.Level]}
	switch n.Kind {
	case "token_refused", "token_refused_beside_valid", "token_refused_before", "token_expires":
		if n.ClientID != "" {
			row.Links = append(row.Links, link{Name: "Client", To: at.of("clients", n.ClientID)})
			break
		}
		row.Links = append(row.Links, link{Name: "Tokens", To: at.of("tokens")})
	case "no_token", "no_valid_token":
		row.Links = append(row.Links, link{Name: "Connect an identity provider", To: at.of("connect")}, link{Name: "Create a token", To: at.of("tokens")}, link{Name: "Create a client", To: at.of("clients")})
	}
	if n.Count > 0 && n.Cause != "" {
		query := url.Values{"cause": {n.Cause}}
		if n.Outcome != "" {
			query.Set("outcome", n.Outcome)
		}
		row.Links = append(row.Links, link{Name: "Show in the log", To: at.find(query, "log")})
	}
	row.Links = slices.DeleteFunc(row.Links, func(l link) bool { return l.To == "" })
	return row
}
