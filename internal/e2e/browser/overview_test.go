package browsertest

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// scenes are the states of a tenant in which the overview must not say that all is well.
var scenes = map[string]func(t *testing.T, s *served){
	"revoked": func(t *testing.T, s *served) {
		t.Helper()
		healthySync(t, s)
		s.Ask("DELETE", "/tenants/acme/tokens/"+s.TokenID, "")
		s.Pass(time.Minute)
		for range 5 {
			s.Send("GET", `/Users?filter=userName+eq+"anna@example.com"`, "")
		}
		s.Ask("POST", "/tenants/acme/tokens", `{"label":"Okta 2026"}`)
		s.Pass(10 * time.Second)
	},
	"skipped": func(t *testing.T, s *served) {
		t.Helper()
		healthySync(t, s)
		for _, group := range []string{"Sales", "Support"} {
			s.Send("POST", "/Groups", stage.Group(group, "019b8d62-7a80-7000-8000-00000000abcd"))
			s.Pass(2 * time.Minute)
		}
		s.user("berta@example.com", `,"shoeSize":44`)
		s.Pass(30 * time.Second)
	},
	"off": func(t *testing.T, s *served) {
		t.Helper()
		healthySync(t, s)
		s.Ask("PATCH", "/tenants/acme", `{"scimEnabled":false}`)
		s.Pass(time.Minute)
		for range 3 {
			s.Send("GET", `/Users?filter=userName+eq+"anna@example.com"`, "")
		}
		s.Pass(20 * time.Second)
	},
	"fresh": func(*testing.T, *served) {},
}

// healthySync sends the requests of a sync in which nothing fails.
func healthySync(t *testing.T, s *served) {
	t.Helper()
	for _, name := range []string{"anna@example.com", "ben@example.com", "carla@example.com"} {
		a := s.user(name)
		require.Equalf(t, 201, a.Status, "%d %v", a.Status, a.Body)
		s.Pass(time.Second)
	}
	s.Pass(3 * time.Minute)
}

// wider is by how many pixels the page is wider than the window.
var wider = chromedp.Evaluate[int](`document.documentElement.scrollWidth - window.innerWidth`)

// sceneTime is when the scenes are set.
var sceneTime = time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)

// In each scene the overview says what is the matter and leads to it, and fits the window
// of a phone.
func TestOverview_SaysWhatIsTheMatter(t *testing.T) {
	b := browse(t)
	for name, want := range map[string]struct {
		notices, card []string
		to, heading   string
	}{
		"revoked": {[]string{"Provisioning has stopped: revoked token …", "was used 5 times, last 10 seconds ago", "Create a new token"}, []string{"Requests are refused"}, "token_revoked", "Provisioning log"},
		"skipped": {[]string{"Members that are not provisioned users were skipped in 2 requests", "Attributes or values were dropped or changed in 1 request"}, []string{"None", "There are warnings"}, "unknown_members", "Provisioning log"},
		"off":     {[]string{"SCIM is turned off", "3 requests were refused in the last 7 days, most recently 20 seconds ago"}, []string{"SCIM is off"}, "scim_disabled", "Provisioning log"},
		"fresh":   {[]string{"No request has been received yet"}, []string{"Nothing yet"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			s := serveOn(t, provoke.NewAt(t, enginetest.Memory(t), 45, sceneTime))
			scenes[name](t, s)
			b.shape(390, 800, true, "dark")
			b.open(s.base+s.console.Link("acme"), "Overview")
			wide := get(b, wider)
			assert.Truef(t, wide == 0, "the page is %d pixels too wide for a phone", wide)
			b.shape(1100, 800, false, "light")
			b.says("#notices", want.notices...)
			b.says("#failing", want.card...)
			assert.NotContains(t, b.html(), "Everything received with a valid token was applied", "the page says that all is well")
			if want.to != "" {
				b.follow("#notices a[href*='cause="+want.to+"']", want.heading)
				assert.NotEqual(t, 0, b.count("#log tbody tr"), "the notice leads to no entry")
			}
			b.calm()
		})
	}
}
