package system

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/portal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A visitor opens a link, looks, creates and replaces a token, and leaves, on each engine. The
// function needs no more than its grants, and each of them.
func TestPortal_FromTheLinkToTheEnd(t *testing.T) {
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			engine.Need(t)
			on := engine.Open(t)
			s := newService(t, on, 5, app.Options{})
			s.app.WithPortal()
			pages, err := portal.Local(calls.Table(on), app.Config{BaseURL: "https://scim.test/scim/v2"}, portal.Config{Brand: console.Brand{Name: "Example"}}, logline.New(t.Output()), app.Options{})
			require.NoError(t, err)
			handler := iam.Handler(pages, func(string, string) string { return "PortalFunction" })
			cookies, shown := map[string]string{}, ""
			send := func(status int, method, path string, form url.Values) {
				t.Helper()
				for _, field := range regexp.MustCompile(`name="(t|form)" value="([^"]*)"`).FindAllStringSubmatch(shown, -1) {
					if form != nil {
						form.Set(field[1], html.UnescapeString(field[2]))
					}
				}
				r := httptest.NewRequestWithContext(t.Context(), method, "https://scim.test"+path, strings.NewReader(form.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", "https://scim.test")
				for name, value := range cookies {
					r.AddCookie(&http.Cookie{Name: name, Value: value})
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				require.Equalf(t, status, w.Code, "%s %s: %s", method, path, w.Body)
				for _, c := range w.Result().Cookies() {
					cookies[c.Name] = c.Value
				}
				if w.Code == http.StatusOK {
					shown = w.Body.String()
				}
			}
			link := s.mustAdmin(201, "POST", "/tenants/acme/portal-links", `{"actor":"Anna","permissions":["setup"]}`)["url"].(string)
			send(http.StatusOK, "GET", strings.TrimPrefix(link, "https://scim.test"), nil)
			send(http.StatusSeeOther, "POST", "/portal/open", url.Values{})
			send(http.StatusForbidden, "GET", strings.TrimPrefix(link, "https://scim.test"), nil)
			for _, page := range []string{"", "/failed", "/users", "/log", "/connect/okta", "/tokens"} {
				send(http.StatusOK, "GET", "/portal"+page, nil)
			}
			send(http.StatusSeeOther, "POST", "/portal/tokens", url.Values{"label": {"Okta"}, "expires": {time.Now().AddDate(0, 1, 0).Format(time.DateOnly)}})
			tokens := s.mustAdmin(200, "GET", "/tenants/acme/tokens", "")["tokens"].([]any)
			require.Len(t, tokens, 2)
			id := tokens[0].(map[string]any)["id"].(string)
			send(http.StatusOK, "GET", "/portal/tokens", nil)
			send(http.StatusSeeOther, "POST", "/portal/tokens/"+id+"/rotate", url.Values{"label": {"next"}})
			send(http.StatusOK, "GET", "/portal/tokens", nil)
			send(http.StatusSeeOther, "POST", "/portal/tokens/"+id+"/cancel", url.Values{})
			send(http.StatusOK, "GET", "/portal", nil)
			send(http.StatusOK, "POST", "/portal/leave", url.Values{})
			send(http.StatusForbidden, "GET", "/portal", nil)
		})
	}
}
