package console

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

const dismissPath = "/console/t/acme/requests/" + failedID + "/dismiss"

// A failure is dismissed with its reason, from the list of failures and back to it.
func TestDismiss_SendsTheReason(t *testing.T) {
	answers := healthy()
	const call = "POST " + acme + "/requests/" + failedID + "/dismissal"
	answers[call] = carol
	b := visitor(t, answers)
	var links []string
	for _, a := range b.get("/console/t/acme/failed").page().id(t, "failed").named("a") {
		links = append(links, a.attrs["href"])
	}
	require.Contains(t, links, dismissPath)
	b.get(dismissPath).page().named("main")[0].says(t, "If the user or group fails again, it is listed again.")
	b.service.last()

	a := b.post(dismissPath, url.Values{"reason": {" left the company "}})
	require.Equal(t, 303, a.Code)
	require.Equal(t, "/console/t/acme/failed", a.Header().Get("Location"))
	asked, body := b.service.last()
	require.Equal(t, []string{call}, asked)
	require.JSONEq(t, `{"reason":"left the company"}`, body)
	b.get("/console/t/acme/failed").page().named("main")[0].says(t, "Failure dismissed.")
}

// A reason that cannot be kept is refused in the form, which keeps the text; nothing is sent.
func TestDismiss_RefusesHostileReasons(t *testing.T) {
	b := visitor(t, healthy())
	for _, reason := range []string{"", "  ", strings.Repeat("x", 501), "two\nlines", "\u202egnirts", "bell\a"} {
		b.service.last()
		a := b.post(dismissPath, url.Values{"reason": {reason}})
		require.Equal(t, 400, a.Code, "%q", reason)
		a.page().id(t, "reason-wrong")
		asked, _ := b.service.last()
		require.Equal(t, []string{"GET " + acme + "/requests/" + failedID}, asked)
	}
	b.service.set("POST "+acme+"/requests/"+failedID+"/dismissal", refusal{400, "invalid-value", "reason has a token of this service in it"})
	a := b.post(dismissPath, url.Values{"reason": {`"><script>alert(1)</script>`}})
	require.Equal(t, 400, a.Code)
	a.page().id(t, "reason-wrong").says(t, "has a token of this service")
	require.NotContains(t, a.Body.String(), "<script>alert")
}

// A failure that happened again, or is over, is not dismissed.
func TestDismiss_OfAnotherFailure(t *testing.T) {
	answers := healthy()
	answers["POST "+acme+"/requests/"+failedID+"/dismissal"] = refusal{409, "wrong-state", "The user or group has failed again since."}
	b := visitor(t, answers)
	a := b.post(dismissPath, url.Values{"reason": {"x"}})
	require.Equal(t, 409, a.Code)
	a.page().named("main")[0].says(t, "failed again since")
	b.service.set("GET "+acme+"/requests/"+failedID, adminwire.Explanation{RequestID: failedID, Entries: []adminwire.Entry{carolsEntry}, Now: "fixed"})
	require.Equal(t, 409, b.get(dismissPath).Code)
}

// A form of another page dismisses nothing.
func TestDismiss_NeedsTheFormToken(t *testing.T) {
	b := visitor(t, healthy())
	b.service.last()
	r := b.newRequest("POST", dismissPath, "reason=x")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://evil.example")
	require.Equal(t, 403, b.send(r).Code)
	asked, _ := b.service.last()
	require.Empty(t, asked)
}

func TestDismissed_ListsReasons(t *testing.T) {
	b := visitor(t, healthy())
	of := carol
	of.Dismissed = &adminwire.Dismissal{Time: at(0), Who: "Dana", Reason: "left <b>the</b> company"}
	b.service.set("GET "+acme+"/failed-users", adminwire.FailedUsers{FailedUsers: []adminwire.FailedUser{of}, Next: "x"})
	b.service.last()
	p := b.get("/console/t/acme/dismissed").page()
	asked, _ := b.service.last()
	require.Equal(t, []string{"GET " + acme + "/failed-users?dismissed=true&limit=50"}, asked)
	p.id(t, "dismissed").says(t, "Dana left <b>the</b> company")
	p.id(t, "more")
	b.service.set("GET "+acme+"/failed-users", adminwire.FailedUsers{})
	b.get("/console/t/acme/dismissed").page().id(t, "nobody").says(t, "No failure is dismissed.")
}
