package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

func TestTenants_ListsThem(t *testing.T) {
	b := visitor(t, healthy())
	p := b.get("/console/").page()
	list := p.id(t, "tenants")
	list.says(t, "acme Acme Ltd", "beta SCIM is off", "gone being deleted")
	to := list.link(t, "acme")
	assert.Equalf(t, "/console/t/acme", to, "acme is at %s", to)
}

func TestTenants_SkipTheListForASingleTenant(t *testing.T) {
	b := visitor(t, healthy())
	b.service.set("GET /tenants", adminwire.Tenants{Tenants: []adminwire.Tenant{{ID: "a/b?c"}}})
	if a := b.get("/console/"); a.Code != http.StatusSeeOther || a.Header().Get("Location") != "/console/t/a%2Fb%3Fc" {
		t.Errorf("%d %s", a.Code, a.Header().Get("Location"))
	}
	b.service.set("GET /tenants", adminwire.Tenants{Tenants: []adminwire.Tenant{{ID: "acme"}}, Next: "n&1"})
	p := b.get("/console/").page()
	to := p.link(t, "More")
	assert.Equalf(t, "/console/?after=n%261", to, "more is at %s", to)
	b.service.set("GET /tenants", adminwire.Tenants{})
	b.get("/console/").page().says(t, "No tenants.")
}

func TestOverview_SummarizesTheTenant(t *testing.T) {
	b := visitor(t, healthy())
	a := b.get("/console/t/acme")
	p := a.page()
	require.Equal(t, http.StatusOK, a.Code)
	p.says(t, "Acme Ltd", "43 of 50 seats in use", "1 reader in use, no limit")
	if p.id(t, "users").words() != "1,234" || p.id(t, "groups").words() != "7" {
		t.Errorf("users %s, groups %s", p.id(t, "users").words(), p.id(t, "groups").words())
	}
	if l := p.id(t, "failing-link"); l.words() != "1" || l.attrs["href"] != "/console/t/acme/failed" {
		t.Errorf("failing: %v %s", l, l.words())
	}
	p.id(t, "last-sync").says(t, "Okta", "3 minutes ago", "2026-07-14 11:57:00 UTC", "failure", "carol@example.com")
	to := p.id(t, "last-sync").link(t, "View details")
	assert.Equalf(t, "/console/t/acme/requests/"+failedID, to, "the details are at %s", to)
	plot := p.id(t, "plot")
	svg := plot.named("svg")[0]
	assert.Truef(t, svg.attrs["role"] == "img" && svg.attrs["aria-labelledby"] == "plot-title plot-desc", "the drawing is %v", svg)
	p.id(t, "plot-desc").says(t, "7 failures from 7 July 2026 12:00 to 14 July 2026 12:00 UTC", "Most: No free seat, 6")
	p.id(t, "legend").says(t, "No free seat 6 failures", "Duplicate user 1 failure")
	to = p.id(t, "legend").link(t, "No free seat")
	assert.Equalf(t, "/console/t/acme/log?cause=seat_limit", to, "the cause is at %s", to)
	p.id(t, "plot-numbers").says(t, "14 Jul 06:00 to 14 Jul 12:00 4 1 5", "12 Jul 12:00 to 12 Jul 18:00 2 0 2")
	var bars []string
	for _, r := range plot.named("svg")[0].named("rect") {
		bars = append(bars, r.words())
	}
	want := []string{"12 Jul 12:00 to 12 Jul 18:00 UTC: 2 × No free seat", "14 Jul 06:00 to 14 Jul 12:00 UTC: 4 × No free seat", "14 Jul 06:00 to 14 Jul 12:00 UTC: 1 × Duplicate user"}
	assert.Truef(t, slices.Equal(bars, want), "bars %q", bars)
}

func TestOverview_SaysWhatIsWrong(t *testing.T) {
	on := adminwire.Tenant{SCIMEnabled: true, BaseURL: "https://scim.example/scim/v2"}
	const allIsWell = "No failures. Everything received with a valid token was applied."
	refused := adminwire.Notice{
		Kind: "token_refused", Level: "error", Text: "Provisioning has stopped: revoked token …e020 was used 5 times, last 10 seconds ago.",
		Cause: "token_revoked", Outcome: "failure", Count: 5, WhatToDo: "Create a new token.", TokenLastFour: "e020",
	}
	for _, tt := range []struct {
		name   string
		tenant adminwire.Tenant
		o      adminwire.Overview
		ids    []string
		not    []string
		says   []string
		links  map[string]string
	}{
		{
			"nothing failed", on,
			adminwire.Overview{State: "ok", Summary: allIsWell},
			[]string{"no-failures", "no-sync"},
			[]string{"plot", "notices", "failing-link", "next-steps", "sampled"},
			[]string{"None " + allIsWell, "No failures in this time."},
			nil,
		},
		{
			"requests are counted once a minute", on,
			adminwire.Overview{State: "failing", Failures: []adminwire.FailureSpan{{From: noon, To: at(time.Hour), Causes: map[string]int{"scim_disabled": 1}}}},
			[]string{"sampled", "plot"},
			nil,
			[]string{"some of the newest may be missing"},
			nil,
		},
		{"a tenant that is being deleted", adminwire.Tenant{Deleting: true}, adminwire.Overview{}, []string{"deleting"}, []string{"notices", "failing"}, nil, nil},
		{
			"many fail", on,
			adminwire.Overview{
				State: "failing", Summary: "At least 200 users and groups fail now.", Failing: 200, FailingMore: true, FailuresPartial: true,
				FailingCauses: map[string]int{"seat_limit": 150, "duplicate": 50},
			},
			[]string{"failing-causes"},
			nil,
			[]string{"200 and more", "the oldest bars are incomplete", "No free seat 150 Duplicate user 50"},
			map[string]string{"No free seat": "/console/t/acme/failed?cause=seat_limit", "Duplicate user": "/console/t/acme/failed?cause=duplicate"},
		},
		{
			"a revoked token is used", on,
			adminwire.Overview{State: "failing", Summary: "Requests are refused now.", Notices: []adminwire.Notice{refused}},
			[]string{"notices"},
			[]string{"failing-link", "next-steps"},
			[]string{refused.Text, "Create a new token.", "Requests are refused The notices above say why."},
			map[string]string{"Show in the log": "/console/t/acme/log?cause=token_revoked&outcome=failure", "Tokens": "/console/t/acme/tokens"},
		},
		{
			"members were skipped", on,
			adminwire.Overview{State: "warning", Summary: "No failures. There are warnings.", Notices: []adminwire.Notice{{
				Kind: "warnings", Level: "warning", Text: "Members were skipped in 4 requests.", Cause: "unknown_members", Outcome: "warning", Count: 4,
			}}},
			[]string{"notices"},
			nil,
			[]string{"Members were skipped in 4 requests.", "There are warnings."},
			map[string]string{"Show in the log": "/console/t/acme/log?cause=unknown_members&outcome=warning"},
		},
		{
			"unusually many deactivations", on,
			adminwire.Overview{
				State: "warning", Summary: "No failures. There are warnings.",
				Notices:              []adminwire.Notice{{Kind: "deactivations_unusual", Level: "warning", Text: "21 of 100 active users.", WhatToDo: "Check it.", Count: 21}},
				UnusualDeactivations: &adminwire.UnusualDeactivations{Count: 21, ActiveUsers: 100, Since: time.Date(2026, 12, 1, 9, 30, 1, 5, time.UTC), Until: time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)},
			},
			[]string{"notices"},
			nil,
			[]string{"21 of 100 active users.", "Check it."},
			map[string]string{"Show in the log": "/console/t/acme/log?from=2026-12-01+09%3A30%3A01&resourceType=User&to=2026-12-01+10%3A00%3A01"},
		},
		{
			"SCIM is off", on,
			adminwire.Overview{State: "off", Summary: "SCIM is turned off: every request is refused.", Notices: []adminwire.Notice{{Kind: "scim_off", Level: "error", Text: "SCIM is turned off for this tenant."}}},
			nil, nil,
			[]string{"SCIM is turned off for this tenant.", "SCIM is off Every request is refused."},
			nil,
		},
		{
			"no request yet", on,
			adminwire.Overview{State: "waiting", Summary: "Nothing received yet.", Notices: []adminwire.Notice{{Kind: "no_token", Level: "info", Text: "This tenant has no token yet."}}},
			[]string{"next-steps", "no-sync"},
			nil,
			[]string{"This tenant has no token yet.", "https://scim.example/scim/v2", "Nothing yet No request has been received."},
			map[string]string{"Connect an identity provider": "/console/t/acme/connect", "Create a token": "/console/t/acme/tokens", "Create a client": "/console/t/acme/clients"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answers := healthy()
			answers["GET "+acme], answers["GET "+acme+"/overview"] = tt.tenant, tt.o
			p := visitor(t, answers).get("/console/t/acme").page()
			for _, id := range tt.ids {
				p.id(t, id)
			}
			for _, id := range tt.not {
				assert.Falsef(t, p.has(id), "there is %s", id)
			}
			p.says(t, tt.says...)
			for text, to := range tt.links {
				assert.Equalf(t, to, p.link(t, text), "%s leads to", text)
			}
			assert.False(t, tt.o.State != "ok" && strings.Contains(p.words(), allIsWell), "the page says that all is well")
		})
	}
}

// An identity provider that only reads has a row, and one row has what it changed last.
func TestOverview_HasOneRowForEachIdentityProvider(t *testing.T) {
	answers := healthy()
	answers["GET "+acme+"/overview"] = adminwire.Overview{
		State: "ok", LastSeen: []adminwire.LastSeen{{IdP: "entra", Time: at(-time.Minute)}, {IdP: "okta", Time: at(-2 * time.Minute)}},
		LastSync: []adminwire.Entry{carolsEntry},
	}
	rows := visitor(t, answers).get("/console/t/acme").page().id(t, "last-sync").named("tr")
	require.Lenf(t, rows, 3, "%d rows", len(rows))
	rows[1].says(t, "Microsoft Entra ID", "1 minute ago", "none yet")
	rows[2].says(t, "Okta", "2 minutes ago", "3 minutes ago", "failure", "carol@example.com")
}

// No two causes have one label, so that no legend repeats one, and a cause that has no
// label of its own cannot be taken for another.
func TestLabels_AreDistinct(t *testing.T) {
	of := map[string]string{}
	for cause, label := range labels {
		other, duplicate := of[label]
		assert.Falsef(t, duplicate, "%s and %s are both %q", cause, other, label)
		of[label] = cause
	}
	span := adminwire.FailureSpan{From: noon, To: noon.Add(time.Hour), Causes: map[string]int{"no_seat": 1, "no seat": 2, "seat_limit": 3, "duplicate": 4, "a": 5, "b": 6, "c": 1}}
	seen := map[string]bool{}
	for _, l := range newPlot(home{root: Prefix}.in("acme"), []adminwire.FailureSpan{span}).Legend {
		assert.Falsef(t, seen[l.Label], "the legend has %q twice", l.Label)
		seen[l.Label] = true
	}
}

func TestMeter(t *testing.T) {
	for _, tt := range []struct {
		used  int64
		limit *int64
		text  string
		level string
		width string
		note  string
	}{
		{43, limit(50), "43 of 50 seats in use", levelOK, "86.00", ""},
		{44, limit(50), "44 of 50 seats in use", levelOK, "88.00", ""},
		{45, limit(50), "45 of 50 seats in use", levelHigh, "90.00", "5 seats left."},
		{49, limit(50), "49 of 50 seats in use", levelHigh, "98.00", "1 seat left."},
		{50, limit(50), "50 of 50 seats in use", levelFull, "100.00", "None is free. N"},
		{52, limit(50), "52 of 50 seats in use", levelFull, "100.00", "2 above the limit. N"},
		{0, limit(0), "0 of 0 seats in use", levelFull, "100.00", "None is free. N"},
		{0, limit(1), "0 of 1 seat in use", levelOK, "0.00", ""},
		{1234567, nil, "1,234,567 seats in use, no limit", levelOK, "", ""},
	} {
		m := newMeter("seats", "Seats", "seat", adminwire.Count{Used: tt.used, Limit: tt.limit}, "N")
		if m.Text != tt.text || m.Level != tt.level || m.Width != tt.width || m.Note != tt.note || m.Limited != (tt.limit != nil) || m.Now > m.Max {
			t.Errorf("%d: %+v", tt.used, m)
		}
	}
	b := visitor(t, healthy())
	gauge := b.get("/console/t/acme").page().all(func(e *element) bool { return e.attrs["role"] == "meter" })
	if len(gauge) != 1 { // readers have no limit
		t.Fatalf("%d meters", len(gauge))
	}
	for name, want := range map[string]string{"aria-labelledby": "seats-name", "aria-valuemin": "0", "aria-valuemax": "50", "aria-valuenow": "43", "aria-valuetext": "43 of 50 seats in use"} {
		got := gauge[0].attrs[name]
		assert.Equalf(t, want, got, "%s is %q", name, got)
	}
}

func TestPlot_DrawsEveryFailureOnce(t *testing.T) {
	if p := newPlot(home{root: Prefix}.in("acme"), nil); p.Total != 0 || p.Bars != nil {
		t.Errorf("%+v", p)
	}
	span := adminwire.FailureSpan{From: noon, To: noon.Add(time.Hour), Causes: map[string]int{"none": 0}}
	if p := newPlot(home{root: Prefix}.in("acme"), []adminwire.FailureSpan{span}); p.Total != 0 || len(p.Legend) != 0 {
		t.Errorf("%+v", p)
	}
	span.Causes = map[string]int{"a": 9, "b": 8, "c": 7, "d": 6, "e": 5, "f": 4, "g": 3, "h": 2}
	p := newPlot(home{root: Prefix}.in("acme"), []adminwire.FailureSpan{span})
	if p.Total != 44 || len(p.Legend) != plotColours+1 || p.Legend[plotColours].Label != "2 other causes" || p.Legend[plotColours].Total != 5 || p.Legend[plotColours].To != "" {
		t.Errorf("%+v", p.Legend)
	}
	assert.Truef(t, len(p.Bars) == plotColours+1 && len(p.Rows) == 1 && p.Rows[0].Total == 44 && p.Rows[0].Counts[plotColours] == 5, "%+v %+v", p.Bars, p.Rows)
	last := p.Lines[len(p.Lines)-1]
	assert.Equalf(t, "60", last.Label, "the highest line is %s", last.Label)
	for highest, want := range map[int]int{1: 1, 4: 1, 5: 2, 9: 5, 20: 5, 21: 10, 44: 20, 999: 500, 1 << 30: 500_000_000} {
		got := tick(highest)
		assert.Equalf(t, want, got, "lines for %d are %d apart, want %d", highest, got, want)
	}
}

func TestFailed_ShowsUserReasonAndAction(t *testing.T) {
	b := visitor(t, healthy())
	p := b.get("/console/t/acme/failed").page()
	table := p.id(t, "failed")
	table.says(t, "carol@example.com", "User", "No free seat", "Deactivate a user, or buy more seats.", "3 minutes ago", " 4 ")
	to := table.link(t, "View details")
	assert.Equalf(t, "/console/t/acme/requests/"+failedID, to, "the details are at %s", to)
	to = table.link(t, "No free seat")
	assert.Equalf(t, "/console/causes/seat_limit", to, "the cause is at %s", to)
	to = table.link(t, "carol@example.com")
	assert.Equalf(t, "/console/t/acme/log?subject=carol%40example.com", to, "the history is at %s", to)
	b.service.last()
	b.service.set("GET "+acme+"/failed-users", adminwire.FailedUsers{FailedUsers: []adminwire.FailedUser{carol}, Next: "n1"})
	p = b.get("/console/t/acme/failed?subject=+carol+&cause=seat_limit&resourceType=User&after=n0").page()
	if asked, _ := b.service.last(); !slices.Equal(asked, []string{"GET " + acme + "/failed-users?after=n0&cause=seat_limit&limit=50&resourceType=User&subject=carol"}) {
		t.Errorf("asked %q", asked)
	}
	to = p.link(t, "More")
	assert.Equalf(t, "/console/t/acme/failed?after=n1&cause=seat_limit&resourceType=User&subject=carol", to, "more is at %s", to)
	to = p.link(t, "First")
	assert.Equalf(t, "/console/t/acme/failed?cause=seat_limit&resourceType=User&subject=carol", to, "the first is at %s", to)
	s := p.id(t, "subject")
	assert.Equalf(t, "carol", s.attrs["value"], "the search shows %v", s)
	b.service.set("GET "+acme+"/failed-users", adminwire.FailedUsers{})
	b.get("/console/t/acme/failed").page().id(t, "nobody").says(t, "No failures")
	b.get("/console/t/acme/failed?after=n1").page().id(t, "nobody").says(t, "No more failures.")
	b.service.set("GET "+acme+"/failed-users", adminwire.FailedUsers{Next: "n3"})
	to = b.get("/console/t/acme/failed?cause=seat_limit").page().id(t, "nobody").link(t, "Search on")
	assert.Containsf(t, to, "after=n3", "the rest of the list is at %s", to)
}

// A search that finds nothing says what was searched, and leads on.
func TestSearch_ThatFindsNothing(t *testing.T) {
	b := visitor(t, healthy())
	hostile := "<b>\u202e" + `"`
	for _, tt := range []struct {
		query   string
		nothing adminwire.Nothing
		similar []string
		without string // what the link drops the filters from
	}{
		{"subject=x", adminwire.Nothing{Reason: "unknown_subject", Detail: "No one has x.", Similar: []string{"xa@example.com", hostile}}, []string{"xa@example.com", hostile}, ""},
		{"subject=x", adminwire.Nothing{Reason: "no_entry", Detail: "No entry of x."}, nil, ""},
		{"subject=x&cause=seat_limit", adminwire.Nothing{Reason: "other_entries", Detail: "None with seat_limit."}, nil, "x"},
		{"cause=seat_limit", adminwire.Nothing{Reason: "no_match", Detail: "None with seat_limit."}, nil, ""},
	} {
		b.service.set("GET "+acme+"/log", adminwire.Log{Nothing: &tt.nothing})
		b.service.set("GET "+acme+"/failed-users", adminwire.FailedUsers{Nothing: &tt.nothing})
		for page, id := range map[string]string{"log": "nothing", "failed": "nobody"} {
			p := b.get("/console/t/acme/" + page + "?" + tt.query).page()
			p.id(t, id).says(t, tt.nothing.Detail)
			p.link(t, "Clear")
			var similar []string
			if p.has("similar") {
				for _, a := range p.id(t, "similar").all(func(e *element) bool { return e.name == "a" }) {
					to, err := url.Parse(a.attrs["href"])
					assert.Truef(t, err == nil && to.Path == "/console/t/acme/"+page, "%s: similar is at %v", page, to)
					similar = append(similar, to.Query().Get("subject"))
				}
			}
			assert.Truef(t, slices.Equal(similar, tt.similar), "%s of %s offers %q, want %q", page, tt.nothing.Reason, similar, tt.similar)
			want := ""
			if tt.without != "" {
				want = "/console/t/acme/" + page + "?subject=" + tt.without
			}
			got := ""
			if p.has("without-filters") {
				got = p.id(t, "without-filters").attrs["href"]
			}
			assert.Equalf(t, want, got, "%s of %s leads to", page, tt.nothing.Reason)
		}
	}
}

func TestLog_SearchesAndPages(t *testing.T) {
	b := visitor(t, healthy())
	b.service.set("GET "+acme+"/log", adminwire.Log{Entries: []adminwire.Entry{carolsEntry, {
		RequestID: "r2", Time: at(-49 * time.Hour), By: "app", Who: "dana", Operation: "delete", Action: "deleted", ResourceType: "Group", ResourceID: "g9", Subject: "Sailing", Outcome: "success",
	}}, Next: "n=2", SearchedTo: atPtr(-72 * time.Hour)})
	b.get("/console/t/acme/log")
	b.service.last()
	p := b.get("/console/t/acme/log?subject=carol%40example.com&cause=seat_limit&outcome=failure&resourceType=User&from=2026-07-01T10:30&to=2026-07-14+09:00:30&after=n1").page()
	asked, _ := b.service.last()
	want := "GET " + acme + "/log?after=n1&cause=seat_limit&from=2026-07-01T10%3A30%3A00Z&limit=50&outcome=failure&resourceType=User&subject=carol%40example.com&to=2026-07-14T09%3A00%3A30Z"
	assert.Truef(t, slices.Equal(asked, []string{want}), "asked %q, want %q", asked, want)
	table := p.id(t, "log")
	table.says(t, "carol@example.com", "create User", "failure", "No free seat", "Okta", "Sailing", "Group deleted", "success", "The application: dana", "2 days ago")
	to := table.link(t, "Sailing")
	assert.Equalf(t, "/console/t/acme/log?subject=g9", to, "a history by id is at %s", to)
	p.id(t, "searched-to").says(t, "Searched back to 2026-07-11 12:00:00 UTC (3 days ago)")
	values, err := url.Parse(p.id(t, "older").attrs["href"])
	if err != nil || values.Query().Get("after") != "n=2" || values.Query().Get("from") != "2026-07-01T10:30" || values.Query().Get("outcome") != "failure" {
		t.Errorf("older is at %v", values)
	}
	to = p.id(t, "newest").attrs["href"]
	assert.Truef(t, !strings.Contains(to, "after") && strings.Contains(to, "cause=seat_limit"), "the newest is at %s", to)
	for _, id := range []string{"subject", "from", "to"} {
		assert.NotEmptyf(t, p.id(t, id).attrs["value"], "%s shows nothing", id)
	}
	for _, id := range []string{"cause", "outcome", "resourceType"} {
		chosen := p.id(t, id).all(func(e *element) bool { return e.attrs["selected"] != "" })
		assert.Truef(t, len(chosen) == 1 && chosen[0].attrs["value"] != "", "%s has chosen %v", id, chosen)
	}

	b.service.set("GET "+acme+"/log", adminwire.Log{Next: "n3", SearchedTo: atPtr(-time.Hour)})
	p = b.get("/console/t/acme/log?subject=x").page()
	p.id(t, "nothing").says(t, "No entries found in the part of the log that was searched.")
	p.id(t, "older")
	b.service.set("GET "+acme+"/log", adminwire.Log{})
	b.get("/console/t/acme/log?subject=x&after=n1").page().id(t, "nothing").says(t, "No more entries.")
	b.service.set("GET "+acme+"/log", adminwire.Log{Nothing: &adminwire.Nothing{Reason: "empty", Detail: "The log has no entry.", LogDays: 90}})
	p = b.get("/console/t/acme/log").page()
	p.id(t, "nothing").says(t, "The log is empty")
	assert.True(t, !p.has("older") && !p.has("newest"), "an empty log has pages")
}

func TestLog_RefusesInvalidTimes(t *testing.T) {
	b := visitor(t, healthy())
	b.get("/console/t/acme/log")
	for _, tt := range []struct{ query, id, says string }{
		{"from=yesterday", "from-wrong", "Enter a time"},
		{"to=2026-13-01", "to-wrong", "Enter a time"},
		{"from=1969-12-31", "from-wrong", "Enter a time"},
		{"from=2026-07-02&to=2026-07-01", "to-wrong", "after"},
		{"subject=" + strings.Repeat("x", maxSubject+1), "subject-wrong", "at most"},
	} {
		b.service.last()
		a := b.get("/console/t/acme/log?" + tt.query)
		p := a.page()
		p.id(t, tt.id).says(t, tt.says)
		field := p.id(t, strings.TrimSuffix(tt.id, "-wrong"))
		if a.Code != http.StatusBadRequest || field.attrs["aria-invalid"] != "true" || !strings.Contains(field.attrs["aria-describedby"], tt.id) {
			t.Errorf("%s: %d %v", tt.query, a.Code, field)
		}
		asked, _ := b.service.last()
		assert.Emptyf(t, asked, "%s: asked %q", tt.query, asked)
	}
}

func TestFindRequest_LeadsToTheIDOfALink(t *testing.T) {
	b := visitor(t, healthy())
	for _, text := range []string{failedID, " " + strings.ToUpper(failedID) + "\n", carol.Detail, "id: " + failedID + "."} {
		if a := b.get("/console/t/acme/requests?" + url.Values{"id": {text}}.Encode()); a.Code != http.StatusSeeOther || a.Header().Get("Location") != "/console/t/acme/requests/"+failedID {
			t.Errorf("%q: %d %s", text, a.Code, a.Header().Get("Location"))
		}
	}
	for _, text := range []string{"", "no id", "../../tokens", "(request <script>)", strings.Repeat("a", 65)} {
		a := b.get("/console/t/acme/requests?" + url.Values{"id": {text}}.Encode())
		a.page().says(t, "Request ID not found in the address")
		assert.Equalf(t, http.StatusBadRequest, a.Code, "%q", text)
	}
}

// A pasted text leads to its request, or shows the requests and causes that it may be
// of. It is in no address and in no page, and a token in it is not sent.
func TestExplainText_ShowsWhatIsFound(t *testing.T) {
	b := visitor(t, healthy())
	const path, call = "/console/t/acme/requests", "POST " + acme + "/explanations"
	send := func(text string, d any) answer {
		t.Helper()
		b.service.set(call, d)
		b.service.last()
		return b.post(path, url.Values{"text": {text}})
	}
	x := adminwire.Explanation{RequestID: failedID, Entries: []adminwire.Entry{carolsEntry}}
	a := send("Okta says: "+carol.Detail, adminwire.Diagnosis{Found: "request", By: "id", RequestID: failedID, Explanation: &x})
	if a.Code != http.StatusSeeOther || a.Header().Get("Location") != path+"/"+failedID {
		t.Errorf("%d %s", a.Code, a.Header().Get("Location"))
	}
	asked, body := b.service.last()
	assert.Truef(t, slices.Equal(asked, []string{call}) && strings.Contains(body, "Okta says: 50 of 50"), "asked %q with %s", asked, body)

	a = send("50 of 50 seats SECRET", adminwire.Diagnosis{Found: "request", By: "text", Detail: "It has this text.", Missing: "The end is missing.", Explanation: &x})
	p := a.page()
	p.id(t, "how").says(t, "It has this text.")
	p.id(t, "missing").says(t, "The end is missing.")
	p.id(t, "requests").says(t, "carol@example.com", "No free seat")
	to := p.id(t, "requests").link(t, "View details")
	assert.Equalf(t, path+"/"+failedID, to, "the details are at %s", to)
	assert.NotContains(t, a.Body.String()+b.log.String(), "SECRET", "the text is shown or logged")

	a = send("seats", adminwire.Diagnosis{Found: "requests", By: "text", Requests: []adminwire.Entry{carolsEntry, carolsEntry}, More: adminwire.Of(true)})
	a.page().says(t, "Failed requests that it may be", "There are others.")
	a = send("Forbidden", adminwire.Diagnosis{Found: "causes", By: "status", Causes: []adminwire.Cause{
		{Cause: "seat_limit", Status: 403, Summary: "All seats are in use.", WhatToDo: "Free a seat."}, {Cause: "protected", Status: 403, Summary: "Protected.", WhatToDo: "Ask an owner."},
	}})
	p = a.page()
	p.says(t, "All seats are in use.", "Free a seat.", "Protected.", "Ask an owner.")
	to = p.link(t, "No free seat")
	assert.Equalf(t, "/console/causes/seat_limit", to, "the cause is at %s", to)

	token := "rct_acme_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst_0123abcd"
	a = send("Authorization: Bearer "+token+" "+carol.Detail, adminwire.Diagnosis{Found: "request", By: "id", Explanation: &x})
	a.page().id(t, "redacted").says(t, "Rotate the token")
	_, body = b.service.last()
	assert.NotContains(t, body+a.Body.String()+b.log.String(), token, "the token is sent, shown or logged")

	for name, tt := range map[string]struct {
		text   string
		answer any
		status int
		to     string
	}{
		"empty":                     {" ", nil, http.StatusBadRequest, ""},
		"1 MB":                      {strings.Repeat("x", 1<<20), nil, http.StatusRequestEntityTooLarge, ""},
		"without permission, an id": {carol.Detail, refusal{http.StatusForbidden, "not-authorized", "No."}, http.StatusSeeOther, path + "/" + failedID},
		"without permission":        {"Forbidden", refusal{http.StatusForbidden, "not-authorized", "No."}, http.StatusForbidden, ""},
		"an unknown tenant":         {"Forbidden", refusal{http.StatusNotFound, "not-found", "No such tenant."}, http.StatusNotFound, ""},
	} {
		if a := send(tt.text, tt.answer); a.Code != tt.status || a.Header().Get("Location") != tt.to {
			t.Errorf("%s: %d %s", name, a.Code, a.Header().Get("Location"))
		}
	}
	for name, text := range hostile {
		a := send("x", filled[adminwire.Diagnosis](text))
		assert.Equal(t, http.StatusOK, a.Code, name)
		checkInert(t, name, a)
	}
}

func TestExplain_ShowsWhatHappenedWhyAndTheAction(t *testing.T) {
	b := visitor(t, healthy())
	p := b.get("/console/t/acme/requests/" + failedID).page()
	if p.id(t, "request").words() != failedID {
		t.Error(p.id(t, "request").words())
	}
	p.id(t, "now").says(t, "Still failing.", "4 failures, the first 2026-07-13 10:00:00 UTC (26 hours ago), the last 2026-07-14 11:57:00 UTC (3 minutes ago)")
	p.id(t, "what-to-do-1").says(t, "Deactivate a user, or buy more seats.")
	p.id(t, "detail-1").says(t, "50 of 50 seats in use; nothing was changed.")
	entry := p.id(t, "entry-1")
	entry.says(t, "User carol@example.com", "failure The request was refused. Nothing was changed.", "All seats of the tenant are in use.", "seat_limit",
		"Operation create", "Result nothing", "Status 403", "Sender Okta", "externalId 00u3", "Seats at the time 50 of 50 seats in use", "Token Okta …ab12 tok1", "Identity provider request ID okta-77")
	to := entry.link(t, "Documentation")
	assert.Equalf(t, carol.Documentation, to, "the documentation is at %s", to)
	to = entry.link(t, "History of this user")
	assert.Equalf(t, "/console/t/acme/log?subject=carol%40example.com", to, "the history is at %s", to)
	here := p.all(func(e *element) bool { return e.attrs["aria-current"] == "page" })
	assert.Truef(t, len(here) == 1 && here[0].words() == "Failed users", "the page is at %v", here)
}

func TestExplain_NamesMembersAndWhyTheyFail(t *testing.T) {
	answers := healthy()
	size := 3
	other := carol
	other.RequestID = "r9"
	answers["GET "+acme+"/requests/r1"] = adminwire.Explanation{RequestID: "r1", Now: "failing", Failing: &other, Entries: []adminwire.Entry{{
		RequestID: "r1", BulkRequestID: "b1", Time: at(-time.Hour), By: "idp", IdP: "entra", Operation: "modify", Action: "updated", ResourceType: "Group", ResourceID: "g1", Subject: "Sales",
		Outcome: "warning", Cause: "unknown_members", Detail: "2 members are no users.", Documentation: "javascript:alert(1)",
		Changed: []string{"displayName", "members"}, Tolerances: []string{"The value of emails was kept."}, MembersAdded: []string{"u1", "u2"}, MembersRemoved: []string{"u3"}, MembersSet: &size,
		Members: []adminwire.Member{{ID: "u7", Subject: "carol@example.com", State: "unknown", Failure: &carol}, {ID: "u8", State: "deleted"}},
		Seats:   &adminwire.Seats{Delta: 2, ReadersDelta: -1},
	}, {RequestID: "r1", Outcome: "skipped", ResourceType: "User", Subject: "ann"}}}
	p := visitor(t, answers).get("/console/t/acme/requests/r1").page()
	p.says(t, "It has 2 parts.", "There was nothing to change.")
	to := p.id(t, "last-failure").attrs["href"]
	assert.Equalf(t, "/console/t/acme/requests/r9", to, "the newest failure is at %s", to)
	entry := p.id(t, "entry-1")
	entry.says(t, "Group Sales", "warning The change was made, with a warning.", "Provision the users first.", "Microsoft Entra ID", "Attributes changed displayName members", "The value of emails was kept.",
		"Members set replaced by a new set of 3", "Members added 2 members", "u1", "u2", "Members removed 1 member", "u3", "Seats 2 seats taken, 1 reader freed")
	members := p.id(t, "members-1")
	members.says(t, "carol@example.com u7 unknown Fails: No free seat", "Deactivate a user, or buy more seats.", "u8 deleted Not failing.")
	to = members.link(t, "View details")
	assert.Equalf(t, "/console/t/acme/requests/"+failedID, to, "the member's failure is at %s", to)
	for _, a := range p.named("a") {
		assert.Truef(t, !strings.HasPrefix(a.attrs["href"], "javascript") && a.words() != "Documentation", "there is %v", a)
	}
	to = entry.link(t, "b1")
	assert.Equalf(t, "/console/t/acme/requests/b1", to, "the bulk request is at %s", to)
	to = entry.link(t, "History of this group")
	assert.Equalf(t, "/console/t/acme/log?subject=g1", to, "the history is at %s", to)
}

func TestExplain_SaysWhatFixedIt(t *testing.T) {
	answers := healthy()
	fix := adminwire.Entry{RequestID: "r5", Time: at(-time.Minute), Outcome: "success", Action: "created", ResourceType: "User", Subject: "carol@example.com"}
	answers["GET "+acme+"/requests/"+failedID] = adminwire.Explanation{RequestID: failedID, Entries: []adminwire.Entry{carolsEntry}, Now: "fixed", FixedBy: &fix}
	b := visitor(t, answers)
	p := b.get("/console/t/acme/requests/" + failedID).page()
	p.id(t, "now").says(t, "Resolved.", "succeeded, 2026-07-14 11:59:00 UTC (1 minute ago)")
	to := p.id(t, "fixed-by").attrs["href"]
	assert.Equalf(t, "/console/t/acme/requests/r5", to, "the fix is at %s", to)
	b.service.set("GET "+acme+"/requests/"+failedID, adminwire.Explanation{RequestID: failedID, Entries: []adminwire.Entry{carolsEntry}, Now: "fixed"})
	b.get("/console/t/acme/requests/"+failedID).page().id(t, "now").says(t, "the log no longer has it")
	unknown := carolsEntry
	unknown.Cause = "outcome_unknown"
	b.service.set("GET "+acme+"/requests/"+failedID, adminwire.Explanation{RequestID: failedID, Entries: []adminwire.Entry{unknown}})
	p = b.get("/console/t/acme/requests/" + failedID).page()
	p.says(t, "The outcome was not known when the request was answered.")
	assert.False(t, p.has("now"), "a request without a state has one")
	a := b.get("/console/t/acme/requests/r-none")
	a.page().says(t, "Request not found in the log", "one-request")
	assert.Equal(t, http.StatusNotFound, a.Code)
}

func TestGroups_NamesThoseThatTheApplicationDeleted(t *testing.T) {
	b := visitor(t, healthy())
	p := b.get("/console/t/acme/groups").page()
	p.id(t, "deleted").says(t, "Sailing", "2026-07-11 12:00:00 UTC", "dana@app.example")
	p.id(t, "deleted-groups").says(t, "What to do in each identity provider")
	advice := b.get("/console/causes/group_deleted")
	assert.Equalf(t, http.StatusOK, advice.Code, "the page that it links to: %d", advice.Code)
	p.id(t, "groups").says(t, "Sales", "00g1", "scim")
	b.service.set("GET "+acme+"/groups", adminwire.Groups{Next: "n1"})
	b.service.set("GET "+acme+"/deleted-groups", adminwire.DeletedGroups{Next: "d1"})
	b.service.last()
	p = b.get("/console/t/acme/groups?after=n0&deletedAfter=d0").page()
	if asked, _ := b.service.last(); !slices.Equal(asked, []string{"GET " + acme + "/groups?after=n0&limit=50", "GET " + acme + "/deleted-groups?after=d0&limit=50"}) {
		t.Errorf("asked %q", asked)
	}
	if p.id(t, "more").attrs["href"] != "/console/t/acme/groups?after=n1&deletedAfter=d0" || p.id(t, "more-deleted").attrs["href"] != "/console/t/acme/groups?after=n0&deletedAfter=d1" {
		t.Errorf("%v %v", p.id(t, "more"), p.id(t, "more-deleted"))
	}
	p.id(t, "none-deleted")
	p.id(t, "no-groups")
}

func TestCauses_ShowActionAndPlace(t *testing.T) {
	b := visitor(t, healthy())
	list := b.get("/console/causes").page().id(t, "causes")
	list.says(t, "No free seat seat_limit 403 All seats of the tenant are in use. log", "token_revoked 401 The token was revoked. CloudWatch")
	to := list.link(t, "No free seat")
	assert.Equalf(t, "/console/causes/seat_limit", to, "the cause is at %s", to)
	p := b.get("/console/causes/seat_limit").page()
	p.id(t, "what-to-do").says(t, "Deactivate a user, or buy more seats.")
	p.id(t, "summary").says(t, "All seats of the tenant are in use.")
	to = p.id(t, "where").link(t, "acme")
	assert.Equalf(t, "/console/t/acme/log?cause=seat_limit", to, "the log is at %s", to)
	for cause, query := range map[string]string{"token_revoked": "token-failures", "no_route": "failures-by-cause"} {
		b.get("/console/causes/"+cause).page().id(t, "where").says(t, "Not in the provisioning log", "saved query "+query, `jq 'select(.cause == "`+cause+`")'`)
	}
	a := b.get("/console/causes/none")
	a.page().says(t, "Unknown cause")
	assert.Equal(t, http.StatusNotFound, a.Code)
	n := 0
	asked, _ := b.service.last()
	for _, call := range asked {
		if call == "GET /causes" {
			n++
		}
	}
	assert.Equalf(t, 1, n, "the causes were asked for %d times", n)
}

func TestProblems_SayWhatHappenedAndTheAction(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer any
		status int
		says   []string
		again  bool
	}{
		{"an unknown tenant", refusal{404, "not-found", "Tenant not found."}, 404, []string{"Not found", "Tenant not found", "admin-1"}, false},
		{"not authorized", refusal{403, "not-authorized", ""}, 403, []string{"Access denied by the service", "another admin token", "execute-api:Invoke"}, true},
		{"no signature", refusal{401, "", "no"}, 502, []string{"Access denied by the service"}, true},
		{"an invalid value", refusal{400, "invalid-value", "after is not the next of a page"}, 400, []string{"Invalid request", "after is not the next"}, true},
		{"a tenant that is being deleted", refusal{409, "wrong-state", "The tenant is being deleted."}, 409, []string{"Not possible now"}, true},
		{"a fault", refusal{500, "internal", "An error of the service."}, 500, []string{"Internal error of the service", "report the request ID", "admin-1"}, true},
		{"busy", refusal{503, "busy", "Send the request again."}, 503, []string{"The service is busy", "Try again in a moment."}, true},
		{"no database", refusal{503, "store-unavailable", "Nothing was changed."}, 503, []string{"The service's database cannot be reached", "report the request ID"}, true},
		{"a redirect", refusal{302, "", ""}, 502, []string{"Internal error of the service"}, true},
		{"no JSON", bytesAnswer("<html>"), 502, []string{"The service's answer cannot be read"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answers := healthy()
			answers["GET "+acme+"/failed-users"] = tt.answer
			b := visitor(t, answers)
			a := b.get("/console/t/acme/failed?subject=x")
			p := a.page()
			p.says(t, tt.says...)
			if a.Code != tt.status || p.has("again") != tt.again || tt.again && p.id(t, "again").attrs["href"] != "/console/t/acme/failed?subject=x" {
				t.Errorf("%d: %s", a.Code, p.words())
			}
			for _, secret := range []string{"admin-secret", "goroutine", ".go:"} {
				assert.Truef(t, !strings.Contains(a.Body.String(), secret) && !strings.Contains(b.log.String(), secret), "%q is told", secret)
			}
		})
	}
}

func TestProblems_ReportAServiceThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	b := visitor(t, healthy())
	client, err := adminclient.New("http://127.0.0.1:1/admin/v1", adminclient.Bearer("admin-secret"))
	require.NoError(t, err)
	b.console.client = client
	a := b.get("/console/t/acme/failed")
	a.page().says(t, "The service does not answer", "rollcall local")
	if a.Code != http.StatusBadGateway || strings.Contains(a.Body.String(), "connection refused") || !strings.Contains(b.log.String(), "127.0.0.1:1") {
		t.Errorf("%d %s", a.Code, b.log)
	}
	b.console.client, err = adminclient.New("http://127.0.0.1:1/admin/v1", func(*http.Request, []byte) error { return http.ErrNoCookie })
	require.NoError(t, err)
	b.get("/console/t/acme/failed").page().says(t, "The request could not be signed")
}

func TestNoPage_IsNotFound(t *testing.T) {
	b := visitor(t, healthy())
	for _, path := range []string{"/console/none", "/console/t", "/console/t/", "/console/t//log", "/console/t/acme/", "/console/T/acme", "/console//", "/console/t/acme/log/", "/console/t/%zz"} {
		r := b.newRequest(http.MethodGet, "/console/", "")
		u, err := url.Parse(path)
		if err != nil {
			continue // no server lets it through
		}
		r.URL = u
		a := b.send(r)
		assert.Equalf(t, http.StatusNotFound, a.Code, "%s", path)
		a.page().says(t, "Page not found")
	}
	for method, want := range map[string]string{http.MethodPost: "GET, HEAD", http.MethodDelete: "GET, HEAD", "PROPFIND": "GET, HEAD"} {
		a := b.send(b.newRequest(method, "/console/t/acme/log", ""))
		if a.Code != http.StatusMethodNotAllowed || a.Header().Get("Allow") != want {
			t.Errorf("%s: %d %s", method, a.Code, a.Header().Get("Allow"))
		}
	}
	if a := b.get("/console/leave"); a.Code != http.StatusMethodNotAllowed || a.Header().Get("Allow") != "POST" {
		t.Errorf("leave by GET: %d %s", a.Code, a.Header().Get("Allow"))
	}
	assert.Equal(t, http.StatusOK, b.send(b.newRequest(http.MethodHead, "/console/t/acme/log", "")).Code, "HEAD")
}
