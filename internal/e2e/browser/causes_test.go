package browsertest

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
)

var tags = regexp.MustCompile(`<[^>]*>`)

// page returns the text of a page, as a reader without a browser sees it.
func page(t *testing.T, client *http.Client, url string, status int) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	response, err := client.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	assert.Truef(t, err == nil && response.StatusCode == status, "%s: %d, want %d (%v)", url, response.StatusCode, status, err)
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(string(body), " "))), " ")
}

// For every failure, the console shows what to do on one page: at the request
// if the log has it, and always at the cause.
func TestConsole_EveryCause(t *testing.T) {
	for _, c := range cause.Causes() {
		t.Run(string(c), func(t *testing.T) {
			s := serve(t, 5)
			jar, err := cookiejar.New(nil)
			require.NoError(t, err)
			client := &http.Client{Jar: jar}
			page(t, client, s.base+s.console.Link("acme"), http.StatusOK)
			m := c.Meaning()
			says := func(url string, status int, texts ...string) {
				t.Helper()
				got := page(t, client, s.base+"/console"+url, status)
				for _, text := range texts {
					assert.Containsf(t, got, text, "%s does not say %q", url, text)
				}
			}
			says("/causes/"+string(c), http.StatusOK, m.Summary, m.Action)
			do, ok := provoke.Provocations[c]
			if !ok {
				return
			}
			a := do(s.Stage)
			if journal.RuleOf(c).Entries == journal.None {
				says("/causes/"+string(c), http.StatusOK, "CloudWatch")
				says("/t/acme/requests/"+a.RequestID, http.StatusNotFound, "CloudWatch")
				return
			}
			todo := "What to do" // depends on the fault, which is in the detail
			if own := c.Advice("", idp.Okta); strings.Contains(a.Detail, own) {
				todo = own
			}
			says("/t/acme/requests/"+a.RequestID, http.StatusOK, todo, a.Detail, m.Summary)
			says("/t/acme/log?cause="+string(c), http.StatusOK, "View details")
			if x := s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, ""); x.Body["now"] == "failing" && c != cause.BulkPartial {
				says("/t/acme/failed?cause="+string(c), http.StatusOK, todo, "View details")
			}
		})
	}
}

// The console shows the advice for the identity provider that sent the request,
// for each of the failures that administrators meet.
func TestConsole_FailuresInTheWordsOfTheProvider(t *testing.T) {
	for _, f := range provoke.Failures {
		for p, says := range f.Says {
			t.Run(f.Name+"/"+string(p), func(t *testing.T) {
				s := serve(t, 5)
				jar, err := cookiejar.New(nil)
				require.NoError(t, err)
				client := &http.Client{Jar: jar}
				page(t, client, s.base+s.console.Link("acme"), http.StatusOK)
				shows := func(url string, texts ...string) {
					t.Helper()
					got := page(t, client, s.base+"/console"+url, http.StatusOK)
					for _, text := range texts {
						assert.Containsf(t, got, text, "%s does not say %q", url, text)
					}
				}
				in := f.Cause.Advice("", p)
				shows("/causes/"+string(f.Cause), in)
				if in != f.Cause.Advice("", "") {
					shows("/causes/"+string(f.Cause), p.Name()+" "+in)
				}
				a := f.By(s.Stage, p)
				if journal.RuleOf(f.Cause).Entries == journal.None {
					return
				}
				shows("/t/acme/requests/"+a.RequestID, says...)
				if s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "").Body["now"] == "failing" {
					shows("/t/acme/failed?cause="+string(f.Cause), says...)
				}
			})
		}
	}
}
