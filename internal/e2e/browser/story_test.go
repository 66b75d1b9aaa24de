package browsertest

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
)

// From a failing user to the screen in the identity provider, to what the fix brings, to the fix,
// made in the console where it is a setting here, to users that no longer fail.
func TestConsole_FromTheFailureToTheScreenToTheFix(t *testing.T) {
	b := browse(t)
	s := serve(t, 2)
	for _, name := range []string{"first@example.com", "second@example.com"} {
		require.Equal(t, 201, s.user(name).Status)
	}
	const anna, berta = `,"externalId":"00u1anna"`, `,"emails":"berta"`
	full := s.user("anna@example.com", anna)
	require.Equal(t, 403, full.Status)
	mapped := s.user("berta@example.com", berta)
	require.Equal(t, 400, mapped.Status)
	details := func(request string) {
		t.Helper()
		b.open(s.base+"/console/t/acme/requests/"+request, "Details of a request")
	}

	// The failures, with the screen and the faulty mapping, and what a seat brings.
	b.open(s.base+s.console.Link("acme"), "Overview")
	b.follow("#failing-link", "Failed users")
	b.says("#failed", "anna@example.com", "berta@example.com", "Directory > Profile Editor")
	b.says("#effects", "1 more seat fixes 1 user.", "Retry Selected")
	details(mapped.RequestID)
	b.says("#now", "Still failing")
	b.says("#what-to-do-1", "Directory > Profile Editor", "emails")
	b.says("#detail-1", "emails must be an array", mapped.RequestID)
	details(full.RequestID)
	b.follow("#check button", "Details of a request")
	b.says("#checked", "still refused", "2 of 2 seats in use")

	// The seat, as the effect says; the page shows the change before it is made.
	b.open(s.base+"/console/t/acme/settings", "Settings")
	b.set("#maxSeats", "3")
	b.follow("#settings button", "Change settings")
	b.says("#changes", "Seats", "2", "3")
	b.follow("#confirm button", "Settings")
	b.says("#notice", "Settings changed")
	details(full.RequestID)
	b.follow("#check button", "Details of a request")
	b.says("#checked", "would succeed")

	// The identity provider sends the user again: fixed, and gone from the list.
	require.Equal(t, 201, s.user("anna@example.com", anna).Status)
	details(full.RequestID)
	b.says("#now", "Resolved")
	b.open(s.base+"/console/t/acme/failed", "Failed users")
	b.says("#failed", "berta@example.com")
	assert.NotContains(t, get(b, chromedp.Text(chromedp.CSS("#failed"))), "anna@example.com")

	// The mapping is corrected there, and a seat is freed here by deactivating a user.
	b.open(s.base+"/console/t/acme/users?subject=first%40example.com", "Users")
	b.follow("#users a.subject", "User")
	b.follow("#deactivate", "Deactivate the user")
	b.follow("#confirm button", "User")
	b.says("#notice", "The user is deactivated")
	made := s.Send("POST", "/Users", stage.User(`"userName":"berta@example.com","emails":[{"value":"berta@example.com","primary":true}]`))
	require.Equalf(t, 201, made.Status, "%d %v", made.Status, made.Body)
	b.open(s.base+"/console/t/acme/failed", "Failed users")
	b.says("#nobody", "No failures")
	b.calm()
}
