package system

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

func TestSearch_WithoutAResult(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), testSearchNothing)
}

// A search that finds nothing says why, in a bounded number of reads.
func testSearchNothing(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":4,"logDays":30}`)
	begun := s.now
	type search struct {
		list, query, reason string
		says                []string
		similar             []string
	}
	check := func(tt search) {
		t.Helper()
		a := s.admin("GET", "/tenants/acme/"+tt.list+"?"+tt.query, "")
		n, _ := a.body["nothing"].(map[string]any)
		if a.status != 200 || n["reason"] != tt.reason || n["logDays"] != 30.0 {
			t.Errorf("%s?%s: %d %v, want %s", tt.list, tt.query, a.status, a.body, tt.reason)
			return
		}
		detail, _ := n["detail"].(string)
		for _, says := range tt.says {
			assert.Containsf(t, detail, says, "%s?%s: %q does not say %q", tt.list, tt.query, detail, says)
		}
		var similar []string
		list, _ := n["similar"].([]any)
		for _, name := range list {
			similar = append(similar, name.(string))
		}
		assert.Truef(t, slices.Equal(similar, tt.similar), "%s?%s: similar are %q, want %q", tt.list, tt.query, similar, tt.similar)
		if trips := a.event["roundTrips"].(float64); trips > 20 {
			t.Errorf("%s?%s takes %v round trips", tt.list, tt.query, trips)
		}
	}
	check(search{"log", "", "empty", []string{"The log has no entry"}, nil})
	check(search{"failed-users", "", "empty", []string{"No user or group of this tenant fails."}, nil})
	check(search{"log", "subject=anna", "unknown_subject", nil, nil})

	user := func(name, more string) string { return `{"userName":"` + name + `"` + more + `}` }
	s.must(201, "POST", "/Users", user("Anna@example.com", `,"externalId":"00u1"`))
	s.must(201, "POST", "/Users", user("annika@example.com", ""))
	s.must(201, "POST", "/Users", user("bob", `,"emails":[{"value":"bob@mail.example","type":"work"}]`))
	s.must(201, "POST", "/Groups", `{"displayName":"Announcements"}`)
	s.must(201, "POST", "/Users", user("carol@example.com", ""))
	refused := user("dora@example.com", "")
	a := s.send("POST", "/Users", refused)
	require.Equalf(t, 403, a.status, "%d %v", a.status, a.body)
	for _, tt := range []search{
		{"log", "subject=ann", "unknown_subject", []string{`"ann"`, "whole userName"}, []string{"anna@example.com", "annika@example.com", "announcements"}},
		{"log", "subject=ANNA%40", "unknown_subject", nil, []string{"anna@example.com"}},
		{"log", "subject=anna%40example.org", "unknown_subject", nil, []string{"anna@example.com"}}, // by the part before the @
		{"log", "subject=cerol%40example.com", "unknown_subject", nil, nil},                         // the first letters are looked up
		{"log", "subject=carlo%40example.com", "unknown_subject", nil, []string{"carol@example.com"}},
		{"log", "subject=dora", "unknown_subject", nil, []string{"dora@example.com"}}, // without a record
		{"log", "subject=bob%40mail", "unknown_subject", nil, []string{"bob@mail.example"}},
		{"log", "subject=00U1", "unknown_subject", []string{"except in an externalId"}, nil},
		{"log", "subject=x", "unknown_subject", nil, nil},
		{"log", "subject=zzzz", "unknown_subject", nil, nil},
		{
			"log", "subject=anna%40example.com&cause=seat_limit&resourceType=User", "other_entries",
			[]string{`"anna@example.com" has log entries, the newest of ` + begun.UTC().Format("2006-01-02"), "but none with the cause seat_limit, the type User."},
			nil,
		},
		{"log", "subject=anna%40example.com&from=" + url.QueryEscape(begun.Add(time.Hour).UTC().Format(time.RFC3339)), "other_entries", []string{"a time from "}, nil},
		{"log", "outcome=warning", "no_match", []string{"The log has entries, but none with the outcome warning;", "30 days"}, nil},
		{"log", "to=" + url.QueryEscape(begun.Add(-31*24*time.Hour).UTC().Format(time.RFC3339)), "before_retention", []string{"The time searched ends at ", "keeps entries for 30 days: since "}, nil},
		{"failed-users", "subject=dor", "unknown_subject", nil, []string{"dora@example.com"}},
		{"failed-users", "subject=anna%40example.com", "not_failing", []string{"does not fail"}, nil},
		{"failed-users", "subject=dora%40example.com&cause=duplicate", "no_match", []string{`"dora@example.com" fails, but not with the cause duplicate.`}, nil},
		{"failed-users", "resourceType=Group", "no_match", []string{"none with the type Group"}, nil},
	} {
		check(tt)
	}
	assert.Equal(t, 404, s.admin("GET", "/tenants/nobody/log?subject=anna", "").status, "an unknown tenant")
	for _, found := range []string{"log?subject=dora%40example.com", "failed-users", "log?limit=1"} {
		assert.Nilf(t, s.mustAdmin(200, "GET", "/tenants/acme/"+found, "")["nothing"], "%s found something", found)
	}

	s.now = s.now.Add(31 * 24 * time.Hour) // all entries have expired
	check(search{"log", "subject=anna%40example.com", "no_entry", []string{"that this tenant has or had, but the log has no entry of it", "30 days"}, nil})
	check(search{"failed-users", "subject=anna%40example.com", "not_failing", []string{"that this tenant has or had, and its provisioning does not fail"}, nil})
	check(search{"log", "subject=dora%40example.com", "unknown_subject", nil, nil})
}

// A refused request without a name is found by its externalId, also after the
// subject was provisioned under a name.
func TestSearch_SubjectWithoutAName(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		s := newStory(t, engine.Open, `{"maxSeats":4}`)
		for _, tt := range []struct{ path, refused, accepted string }{
			{"/Users", `{"externalId":"abc"}`, `{"externalId":"abc","userName":"anna@example.com"}`},
			{"/Groups", `{"externalId":"grp"}`, `{"externalId":"grp","displayName":"Sales"}`},
		} {
			a := s.send("POST", tt.path, tt.refused)
			require.Equalf(t, 400, a.status, "%s %s: %d %v", tt.path, tt.refused, a.status, a.body)
			s.must(201, "POST", tt.path, tt.accepted)
			s.later()
			explained := s.mustAdmin(200, "GET", "/tenants/acme/requests/"+a.header.Get("X-Request-Id"), "")
			if explained["requestId"] != a.header.Get("X-Request-Id") || explained["now"] == "failing" {
				t.Errorf("%s: explained as %v", tt.refused, explained)
			}
		}
		for _, list := range []string{"failed-users", "failed-users?subject=abc", "failed-users?subject=grp", "failed-users?subject=abc", "log?subject=abc"} {
			s.mustAdmin(200, "GET", "/tenants/acme/"+list, "")
		}
	})
}

// However many names begin alike, and however many subjects fail, few are
// suggested, in the same number of reads.
func TestSearch_WithoutAResultAmongMany(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{"maxSeats":200}`)
	for i := range 150 {
		s.must(201, "POST", "/Users", fmt.Sprintf(`{"userName":"same%03d@example.com"}`, i))
	}
	a := s.admin("GET", "/tenants/acme/log?subject=same", "")
	n, _ := a.body["nothing"].(map[string]any)
	if similar, _ := n["similar"].([]any); len(similar) != 5 || similar[0] != "same000@example.com" || a.event["roundTrips"].(float64) > 12 {
		t.Errorf("%v in %v round trips", n, a.event["roundTrips"])
	}
}
