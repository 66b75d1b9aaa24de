package system

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// dismissed returns the list of dismissed failures.
func (s *service) dismissed() []any {
	s.t.Helper()
	return s.mustAdmin(200, "GET", "/tenants/acme/failed-users?dismissed=true", "")["failedUsers"].([]any)
}

func dismissal(a answer) string {
	return "/tenants/acme/requests/" + a.header.Get("X-Request-Id") + "/dismissal"
}

func TestDismiss(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testDismiss) }

// A failure leaves the list when it is dismissed, is listed again when it happens again,
// and is gone when a request succeeds.
func testDismiss(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":1}`)
	s.must(201, "POST", "/Users", userBody(`"userName":"holder@example.com","active":true`))
	body := userBody(`"userName":"dora@example.com","active":true`)
	first := s.send("POST", "/Users", body)
	require.Equal(t, 403, first.status)
	s.now = s.now.Add(time.Minute)

	a := s.ask(200, "POST", dismissal(first), `{"reason":" left the company "}`, adminapi.ActorHeader, "Dana")
	d := a.body["dismissed"].(map[string]any)
	require.Equal(t, "left the company", d["reason"])
	require.Equal(t, "Dana", d["who"])
	require.Equal(t, "dora@example.com", a.body["subject"])
	require.Equal(t, "dismissed", a.event["action"])
	require.Empty(t, s.failing())
	require.Len(t, s.dismissed(), 1)
	require.Equal(t, 0.0, s.mustAdmin(200, "GET", "/tenants/acme/overview", "")["failing"])
	x := s.explain(first)
	require.Equal(t, "failing", x["now"], "a dismissed failure is not resolved")
	require.NotNil(t, x["failing"].(map[string]any)["dismissed"])

	history := s.log(50, "subject=dora@example.com")
	require.Equal(t, []string{"dismiss success dismissed", "create failure seat_limit"}, briefs(history))
	require.Equal(t, "app", history[0]["by"])
	require.Equal(t, "Dana", history[0]["who"])
	require.Equal(t, "left the company", history[0]["detail"])
	require.Equal(t, "dora@example.com", history[0]["subject"])

	second := s.send("POST", "/Users", body)
	require.Equal(t, 403, second.status)
	require.Empty(t, s.dismissed())
	again := s.failing()["dora@example.com"]
	require.Equal(t, 2.0, again["count"])
	require.Nil(t, again["dismissed"])
	refused := s.ask(409, "POST", dismissal(first), `{"reason":"late"}`)
	require.Contains(t, refused.body["detail"], "failed again")

	s.ask(200, "POST", dismissal(second), `{"reason":"once more"}`)
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"maxSeats":2}`)
	s.later()
	s.must(201, "POST", "/Users", body)
	require.Empty(t, s.dismissed(), "a success ends a dismissed failure")
	s.ask(409, "POST", dismissal(second), `{"reason":"nothing fails"}`)
	require.Equal(t, "fixed", s.explain(second)["now"])
	require.Equal(t, "create", s.explain(second)["fixedBy"].(map[string]any)["operation"], "a dismissal fixes nothing")
}

// A reason is one line without a credential: a hostile one changes nothing, and none is
// a failure of the service.
func TestDismiss_RefusesHostileReasons(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{"maxSeats":0}`)
	failed := s.send("POST", "/Users", userBody(`"userName":"dora@example.com","active":true`))
	for _, reason := range []string{
		"", "   ", strings.Repeat("x", 501), "two\nlines", "bell\a", "null\x00", "\u202egnirts", "\u2028", s.token, "see " + s.token, "\u200b",
	} {
		text, err := json.Marshal(reason)
		require.NoError(t, err)
		a := s.admin("POST", dismissal(failed), `{"reason":`+string(text)+`}`)
		require.Equal(t, 400, a.status, "%q: %v", reason, a.body)
		require.NotContains(t, a.body["detail"], s.token)
	}
	for _, body := range []string{"", `{}`, `{"reason":null}`, `{"reason":1}`, `{"reason":"x","who":"y"}`, `[]`} {
		require.Equal(t, 400, s.admin("POST", dismissal(failed), body).status, body)
	}
	for path, status := range map[string]int{
		"/tenants/acme/requests/none/dismissal":                                    404,
		"/tenants/acme/requests/019b8d62-7a80-7000-8000-0000000000f1/dismissal":    409,
		"/tenants/nobody" + strings.TrimPrefix(dismissal(failed), "/tenants/acme"): 404,
	} {
		require.Equal(t, status, s.admin("POST", path, `{"reason":"x"}`).status, path)
	}
	require.Len(t, s.failing(), 1)
	s.ask(200, "POST", dismissal(failed), `{"reason":"<script>alert(1)</script> ünïcode 'quotes' \"and\" `+strings.Repeat("x", 400)+`"}`)
	require.Empty(t, s.failing())
}

// A failure that no request of a user or group caused cannot be dismissed, nor one of
// another tenant.
func TestDismiss_OfNoSubject(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{}`)
	read := s.send("GET", "/Users?filter=userName", "")
	require.Equal(t, 400, read.status)
	s.ask(409, "POST", dismissal(read), `{"reason":"x"}`)
	failed := s.send("PATCH", "/Users/019b8d62-7a80-7000-8000-00000000abcd", patchBody(activate))
	s.mustAdmin(201, "PUT", "/tenants/other", `{}`)
	s.ask(409, "POST", strings.Replace(dismissal(failed), "acme", "other", 1), `{"reason":"x"}`)
	require.Len(t, s.failing(), 1)
}

// What failed by a name alone is forgotten after 30 days without a request for it, even if
// the log is kept for longer; a user with a record is not.
func TestFailing_ByNameIsForgotten(t *testing.T) {
	enginetest.RunOn(t, enginetest.Plain(), func(t *testing.T, open func(testing.TB) table.Table) {
		s := newStory(t, open, `{"maxSeats":1}`)
		holder := s.must(201, "POST", "/Users", userBody(`"userName":"holder@example.com","active":true`))
		dora := s.send("POST", "/Users", userBody(`"userName":"dora@example.com","active":true`))
		held := s.send("PATCH", "/Users/"+holder, patchBody(`[{"op":"replace","path":"userName","value":""}]`))
		require.Equal(t, []int{403, 400}, []int{dora.status, held.status})
		s.now = s.now.Add(journal.NamedFailureKept - time.Minute)
		require.Len(t, s.failing(), 2)
		require.Equal(t, "failing", s.explain(dora)["now"])
		s.now = s.now.Add(2 * time.Minute)
		left := s.failing()
		require.Len(t, left, 1)
		require.Contains(t, left, "holder@example.com")
		require.Equal(t, "forgotten", s.explain(dora)["now"])
		s.ask(409, "POST", dismissal(dora), `{"reason":"x"}`)
	})
}

// The purge of a user leaves no dismissed failure.
func TestDismiss_EndsWithItsUser(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{}`)
	id := s.must(201, "POST", "/Users", userBody(`"userName":"dora@example.com","active":true`))
	failed := s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"userName","value":""}]`))
	s.ask(200, "POST", dismissal(failed), `{"reason":"known"}`)
	require.Len(t, s.dismissed(), 1)
	s.mustAdmin(204, "DELETE", "/tenants/acme/users/"+id, "")
	require.Empty(t, s.dismissed())
}
