package browsertest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/dev/demo"
	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// An administrator whose sync failed sees which users failed, why, what to do,
// and whether it is resolved. The same with and without scripts.
func TestConsole_FromAFailedSyncToItsFix(t *testing.T) {
	for name, scripts := range map[string]bool{"as it is": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			b := browse(t)
			s := serve(t, 2)
			if !scripts {
				call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			}
			first := s.user("first@example.com")
			s.user("second@example.com")
			refused := s.user("anna@example.com", `,"externalId":"00u1anna"`)
			require.Equalf(t, 403, refused.Status, "%d %v", refused.Status, refused.Body)
			s.Send("POST", "/Groups", stage.Group("Sales", first.ID(), "anna@example.com"))

			b.open(s.base+s.console.Link("acme"), "Overview")
			assert.NotContains(t, get(b, chromedp.Location()), "?", "the secret stays in the address")
			b.says("#seats-text", "2 of 2")
			b.says("#failing", "1")
			b.says("#last-sync", "Okta")
			b.says("#failures", "seat")
			b.follow("#failing-link", "Failed users")
			b.says("#failed", "anna@example.com", cause.SeatLimit.Advice("", idp.Okta))
			b.says("#effects", "1 more seat fixes 1 user.", "Retry Selected")
			b.follow("#failed a.details", "Details of a request")
			b.says("#now", "Still failing")
			b.follow("#check button", "Details of a request")
			b.says("#checked", "still refused", "2 of 2 seats in use")
			b.says("#what-to-do-1", cause.SeatLimit.Advice("", idp.Okta))
			b.says("#detail-1", "2 of 2 seats in use", refused.RequestID)
			b.follow("a.history", "Provisioning log")
			b.says("#log", "anna@example.com", "failure")

			// A search of the log, by subject and by the error's text.
			b.set("#subject", "00u1anna")
			b.follow("#search button", "Provisioning log")
			b.says("#log", "anna@example.com")
			b.set("#subject", "nobody@example.com")
			b.follow("#search button", "Provisioning log")
			b.says("#nothing", "No user, group or log entry has the name or id")
			b.set("#request-text", "Okta says: "+refused.Detail)
			b.follow("#find-request button", "Details of a request")
			b.says("#request", refused.RequestID)

			// The group's page shows the member, and why that one fails.
			b.open(s.base+"/console/t/acme/log?outcome=warning", "Provisioning log")
			b.follow("#log a.details", "Details of a request")
			b.says("#members-1", "anna@example.com", cause.SeatLimit.Advice("", idp.Okta))

			// The fix.
			s.Send("PATCH", "/Users/"+first.ID(), stage.Patch(`{"op":"replace","path":"active","value":false}`))
			b.open(s.base+"/console/t/acme/failed", "Failed users")
			b.says("#effects", "Nothing to fix: the next attempt of 1 user succeeds.")
			b.open(s.base+"/console/t/acme/requests/"+refused.RequestID, "Details of a request")
			b.follow("#check button", "Details of a request")
			b.says("#checked", "would succeed", "it creates the record, and takes a seat")
			made := s.user("anna@example.com", `,"externalId":"00u1anna"`)
			require.Equalf(t, 201, made.Status, "%d %v", made.Status, made.Body)
			b.open(s.base+"/console/t/acme/failed", "Failed users")
			b.says("#nobody", "No failures")
			b.open(s.base+"/console/t/acme/requests/"+refused.RequestID, "Details of a request")
			b.says("#now", "Resolved")
			b.follow("#fixed-by", "Details of a request")
			b.calm()
		})
	}
}

// Tokens are created, shown once, and revoked by forms.
func TestConsole_Tokens(t *testing.T) {
	b := browse(t)
	s := serve(t, 5)
	b.open(s.base+s.console.Link("acme"), "Overview")
	b.open(s.base+"/console/t/acme/tokens", "Tokens")
	b.set("#label", "Okta prod")
	b.follow("#create-token button", "New token")
	text := strings.TrimSpace(get(b, chromedp.Value(chromedp.CSS("#token-text"))))
	assert.Equalf(t, 200, s.Send("GET", "/Users", "", "Authorization", "Bearer "+text).Status, "the token %q", text)
	b.open(s.base+"/console/t/acme/tokens", "Tokens")
	html := b.html()
	assert.True(t, !strings.Contains(html, text) && strings.Contains(html, "Okta prod"), "the token is shown again, or not at all")
	b.calm()
}

// A link works once.
func TestConsole_LinkIsGoodOnce(t *testing.T) {
	b := browse(t)
	s := serve(t, 5)
	link := s.base + s.console.Link("acme")
	b.open(link, "Overview")
	b.calm()
	other := browse(t)
	other.expected = []string{"401", "403"}
	other.do(chromedp.Navigate(link))
	html := other.html()
	assert.Truef(t, !strings.Contains(html, "Overview") && !strings.Contains(html, "seats in use"), "a used link opens the console: %s", html)
	other.calm()
}

// hostile are names that identity providers can send.
var hostile = map[string]string{
	"markup":    `<script>document.title="owned"</script><img src=x onerror="document.title='owned'">`,
	"attribute": `" autofocus onfocus="document.title='owned'" x="`,
	"address":   `javascript:document.title='owned'`,
	"template":  `{{.Client}}${7*7}`,
	"newlines":  "first\r\nsecond\n\n\tthird",
	"bidi":      "\u202egnp.exe\u2066 \u200b\ufeff",
	"long":      strings.Repeat("Anna-Magdalena ", 66),
	"one word":  strings.Repeat("x", 1000),
}

// Every name is shown as text, and the page does not become wider than the
// window.
func TestConsole_HostileNames(t *testing.T) {
	b := browse(t)
	for name, subject := range hostile {
		t.Run(name, func(t *testing.T) {
			b.t = t
			s := serve(t, 0)
			a := s.user(subject, fmt.Sprintf(`,"externalId":%q,"displayName":%q`, "x", "y"))
			require.Truef(t, a.Status >= 400, "%d", a.Status)
			b.open(s.base+s.console.Link("acme"), "Overview")
			for _, phone := range []bool{false, true} {
				width := int64(1100)
				if phone {
					width = 390
				}
				b.shape(width, 800, phone, "light")
				for page, heading := range map[string]string{
					"": "Overview", "/failed": "Failed users", "/log": "Provisioning log", "/requests/" + a.RequestID: "Details of a request",
					"/log?subject=" + url.QueryEscape(subject): "Provisioning log",
				} {
					b.open(s.base+"/console/t/acme"+page, heading)
					if b.count("script:not(head > [src='/console/script.js'])") > 0 || b.count("main img") > 0 || b.count("[onfocus]") > 0 || b.count("[onerror]") > 0 || b.count("a[href^='javascript']") > 0 {
						t.Errorf("%s: the name is more than text", page)
					}
					title, text := get(b, chromedp.Title()), get(b, chromedp.Text(chromedp.CSS("body")))
					wide := get(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - window.innerWidth`))
					assert.Truef(t, !strings.Contains(title, "owned") && wide == 0, "%s: title %q, %d pixels too wide", page, title, wide)
					assert.Falsef(t, strings.ContainsAny(text, "\u202e\u2066\u200b"), "%s: the page turns or hides text", page)
				}
			}
			b.calm()
		})
	}
}

// Every link can be reached and recognized by keyboard.
func TestConsole_ByKeyboard(t *testing.T) {
	b := browse(t)
	s := serve(t, 0)
	s.user("anna@example.com")
	b.open(s.base+s.console.Link("acme"), "Overview")
	b.do(chromedp.KeyEvent("\t"))
	focused := get(b, chromedp.Evaluate[string](`document.activeElement.textContent`))
	assert.Containsf(t, focused, "Skip", "the first stop is %q, want the link that skips to the content", focused)
	reached := map[string]bool{}
	for range 60 {
		b.do(chromedp.KeyEvent("\t"))
		where := get(b, chromedp.Evaluate[string](`String(document.activeElement.href || document.activeElement.id || "")`))
		outline := get(b, chromedp.Evaluate[string](`getComputedStyle(document.activeElement).outlineStyle`))
		if where != "" {
			reached[where] = true
			assert.NotEqualf(t, "none", outline, "the focus on %s is not to be seen", where)
		}
	}
	links := b.count("main a[href], nav a[href]")
	assert.Truef(t, len(reached) >= min(links, 6), "%d places are reached, there are %d links: %v", len(reached), links, reached)
	b.calm()
}

// failedSync fills a service with a week that failed, as administrators meet
// it.
func failedSync(t *testing.T, s *served) demo.Story {
	t.Helper()
	story, err := demo.Fill(t.Context(), demo.Service{
		SCIM: s.SCIM(), Tenant: "acme", Pass: s.Pass,
		Admin: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set(web.OperatorHeader, provoke.Operator)
			s.Admin().ServeHTTP(w, r)
		}),
	})
	require.NoError(t, err)
	return story
}
