package browsertest

import (
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// axeSource returns the source of axe-core. Without npm the test is skipped, and fails in CI.
func axeSource(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		const missing = "there is no npm, which installs axe-core: apt-get install npm"
		require.Empty(t, os.Getenv("CI"), missing)
		t.Skip(missing)
	}
	printed, err := exec.CommandContext(t.Context(), "../../../scripts/axe.sh").Output()
	require.NoError(t, err)
	source, err := os.ReadFile(strings.TrimSpace(string(printed)))
	require.NoError(t, err)
	return string(source)
}

// A violation is a rule of axe that a page breaks, with an element that breaks it.
type violation struct{ Rule, Element, Why string }

// The rules of axe: all of WCAG 2.2 A and AA with the best practices, and those that depend on
// colours or on the size of the screen.
const (
	allRules    = `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`
	screenRules = `{type: "rule", values: ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable", "css-orientation-lock"]}`
)

// violations runs rules on the page, and returns what breaks them, and the rules that found
// something to test.
func (b *tab) violations(axe, rules string) (found []violation, ran []string) {
	b.t.Helper()
	result := get(b, chromedp.Evaluate[struct {
		Found []violation
		Ran   []string
	}](axe+`;
		axe.run(document, {
			resultTypes: ["violations"],
			runOnly: `+rules+`,
		}).then((r) => ({
			Found: r.violations.flatMap((v) => v.nodes.map((n) => ({Rule: v.id, Element: n.html, Why: n.failureSummary}))),
			Ran: r.passes.concat(r.violations).map((p) => p.id),
		}))`, chromedp.EvalAwaitPromise))
	return result.Found, result.Ran
}

// kindOf returns what an address of the console leads to: its path with ids left out, and
// the filters that are set.
func kindOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/") // console, t, acme, section, id, change
	for i := range segments {
		if i == 4 && segments[1] == "t" && segments[i] != "minted" || i == 2 && segments[1] == "causes" {
			segments[i] = "*"
		}
	}
	return strings.Join(segments, "/")
}

// Each page that links lead to, and those that only forms lead to, keeps the rules of axe in
// light colours on a wide screen, and those that depend on the screen also in dark ones on a
// phone.
func TestConsole_KeepsTheRulesOfAxe(t *testing.T) {
	axe := axeSource(t)
	b := browse(t)
	s := serveOn(t, provoke.NewAt(t, enginetest.Memory(t), 45, sceneTime))
	story := failedSync(t, s)
	b.expected = []string{"404", "400"} // pages of errors are tested too
	pages := map[string]bool{}
	check := func(where string) {
		t.Helper()
		for scheme, rules := range map[string]string{"light": allRules, "dark": screenRules} {
			if scheme == "light" {
				b.shape(1280, 800, false, scheme)
			} else {
				b.shape(390, 800, true, scheme)
				wide := get(b, wider)
				assert.Zerof(t, wide, "%s is %d pixels too wide for a phone", where, wide)
			}
			found, ran := b.violations(axe, rules)
			for _, v := range found {
				assert.Failf(t, v.Rule, "%s, %s: %s\n%s", where, scheme, v.Element, v.Why)
			}
			assert.Contains(t, ran, "color-contrast", where)
		}
		pages[get(b, chromedp.Evaluate[string](`document.body.dataset.page`))] = true
	}

	s.Ask("PUT", "/tenants/beta", `{"displayName":"Beta"}`)
	endpoint := s.Ask("POST", "/webhooks", `{"url":"https://app.example.com/hooks/first","label":"app"}`).Body["id"].(string)
	deliveries(t, s, endpoint)
	client := s.Ask("POST", "/tenants/acme/clients", `{"label":"Entra"}`).Body["clientId"].(string)
	s.Ask("PUT", "/tenants/acme/clients/"+client+"/federation", `{"issuer":"https://issuer.example/","subject":"s","audience":"a","jwksUri":"https://login.microsoftonline.com/common/discovery/v2.0/keys"}`)
	s.Ask("PUT", "/tenants/acme/clients/"+client+"/keys", `{"jwks":{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}}`)
	left := s.Ask("POST", "/tenants/acme/users", `{"userName":"left@example.com","accountType":"reader"}`).Body["id"].(string)
	s.Ask("PATCH", "/tenants/acme/users/"+left, `{"active":false}`)
	b.do(chromedp.Navigate(s.base + s.console.Link("acme")))
	queue := []string{get(b, chromedp.Location())}
	for _, more := range []string{"/console/t/acme/requests/" + story.Request, "/console/t/acme/log?from=yesterday&outcome=failure", "/console/t/acme/users?state=inactive", "/console/t/acme/users?subject=nobody", "/console/t/acme/users/" + left, "/console/none"} {
		queue = append(queue, s.base+more)
	}
	seen := map[string]bool{}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		b.do(chromedp.Navigate(next))
		check(next)
		if strings.HasSuffix(next, left) {
			assert.True(t, get(b, chromedp.Evaluate[bool](`document.querySelector("#offboarding li") !== null`)), "the page of a user who left has no webhook")
		}
		if strings.HasSuffix(next, "/console/t/acme/events") {
			assert.True(t, get(b, chromedp.Evaluate[bool](`document.querySelector("#newest-events a.details") !== null`)), "the page of events has none")
		}
		for _, to := range get(b, chromedp.Evaluate[[]string](`[...document.querySelectorAll("main a[href], nav a[href], footer a[href]")].map((a) => a.href)`)) {
			if kind := kindOf(to); strings.HasPrefix(to, s.base+"/console/") && !strings.HasSuffix(kind, "csv") && !seen[kind] {
				seen[kind] = true
				queue = append(queue, to)
			}
		}
		require.Less(t, len(seen), 60, "the links have no end")
	}

	for _, form := range []struct{ page, field, value, button string }{
		{"/console/t/acme/log", "#request-text", "403 Forbidden", "#find-request button"},
		{"/console/t/acme/requests/" + story.Request, "", "", "#check button"},
		{"/console/t/acme/tokens", "#expires", "never", "#create-token button"},
		{"/console/t/acme/tokens", "#label", "Okta 2", "#create-token button"},
		{"/console/t/acme/clients", "#expires", "never", "#create-client button"},
		{"/console/t/acme/clients", "#label", "Okta", "#create-client button"},
		{"/console/t/acme/clients/" + client, "#name", "Entra \u200b", "#set-label button"},
		{"/console/t/acme/clients/" + client, "#expires", "never", "#add-secret button"},
		{"/console/t/acme/clients/" + client, "#jwksUri", "https://10.0.0.1/", "#set-federation button"},
		{"/console/t/acme/clients/" + client, "#jwks", "{}", "#set-keys button"},
		{"/console/t/acme/events/" + endpoint, "", "", "#test button"},
		{"/console/t/acme/events/" + endpoint, "#from", "soon", "#redeliver button"},
		{"/console/t/acme/events", "#url", "https://10.0.0.1/", "#create-webhook button"},
		{"/console/t/acme/events", "#url", "https://app.example.com/hooks/rollcall", "#create-webhook button"},
		{"/console/t/acme/settings", "#maxSeats", "many", "#settings button"},
		{"/console/t/acme/settings", "#maxSeats", "60", "#settings button"},
	} {
		b.do(chromedp.Navigate(s.base + form.page))
		if form.field != "" {
			b.set(form.field, form.value)
		}
		b.submit(form.button)
		check(form.page + " with " + form.field)
	}
	b.do(chromedp.Navigate(s.base + "/console/t/acme"))
	b.submit("#leave")
	check("left")
	t.Logf("%d kinds of addresses, pages %v", len(seen), pages)
	b.calm()
}

// The rules notice what they are for: a text that is hard to read, a field without a label, a
// table without headings.
func TestAxe_CanFail(t *testing.T) {
	axe := axeSource(t)
	b := browse(t)
	s := serve(t, 5)
	b.open(s.base+s.console.Link("acme"), "Overview")
	b.do(chromedp.Navigate(s.base + "/console/t/acme/settings"))
	get(b, chromedp.Evaluate[bool](`(() => {
		document.querySelector("h1").style.color = "#b8b8b8";
		document.querySelector("label[for=maxSeats]").remove();
		document.querySelector("#maxSeats").removeAttribute("aria-describedby");
		document.querySelector("main").removeAttribute("id");
		return true;
	})()`))
	found, _ := b.violations(axe, allRules)
	rules := map[string]bool{}
	for _, v := range found {
		rules[v.Rule] = true
	}
	for _, rule := range []string{"color-contrast", "label", "skip-link"} {
		assert.True(t, rules[rule], "%s is not noticed: %v", rule, found)
	}
	b.shape(390, 800, true, "dark")
	get(b, chromedp.Evaluate[bool](`document.querySelector("h1").style.color = "#444", true`))
	found, _ = b.violations(axe, screenRules)
	require.Len(t, found, 1)
	assert.Equal(t, "color-contrast", found[0].Rule)
}
