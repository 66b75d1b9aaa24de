package provoke

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// Each faulty setting ends in advice that names the screen and the correction: in the
// error, its log line, the entry, the failed users and the console.
func TestFaultySettings_NameTheScreenAndTheCorrection(t *testing.T) {
	for _, m := range FaultySettings {
		t.Run(string(m.By)+"/"+m.Name, func(t *testing.T) {
			s := New(t, enginetest.Memory(t), 5)
			a := m.Do(s, m.By)
			texts := map[string]string{}
			if a.Status >= 400 {
				texts["the error"] = a.Detail
			}
			line := s.Line(a.RequestID)
			require.Equalf(t, string(m.By), line["idp"], "%v", line)
			x := s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, "")
			if x.Status == 200 {
				entry := x.Body["entries"].([]any)[0].(map[string]any)
				texts["the entry"], _ = entry["whatToDo"].(string)
				assert.Truef(t, hasFault(entry["faults"], m.Fault), "the entry has the faults %v, not %s: %v", entry["faults"], m.Fault, entry)
				texts["the console"] = s.page(t, "/console/t/acme/requests/"+a.RequestID)
			}
			if x.Body["now"] == "failing" {
				for _, v := range s.Ask("GET", "/tenants/acme/failed-users", "").Body["failedUsers"].([]any) {
					texts["the failed users"], _ = v.(map[string]any)["whatToDo"].(string)
				}
			}
			assert.NotEmptyf(t, texts, "%d %v: nowhere", a.Status, a.Body)
			for where, text := range texts {
				for _, word := range m.Says {
					assert.Containsf(t, text, word, "%s", where)
				}
			}
			assert.LessOrEqualf(t, len(a.Detail), maxDetail, "%s", a.Detail)
		})
	}
}

// Every fault is provoked, and at least 60 settings of six identity providers.
func TestFaultySettings_ProvokeEveryFault(t *testing.T) {
	provoked, by := map[setting.Fault]bool{}, map[idp.Provider]bool{}
	for _, m := range FaultySettings {
		provoked[m.Fault], by[m.By] = true, true
	}
	for _, f := range setting.Faults() {
		assert.Truef(t, provoked[f], "%s is provoked by no request", f)
	}
	assert.GreaterOrEqual(t, len(FaultySettings), 60)
	assert.GreaterOrEqual(t, len(by), 6)
}

func hasFault(faults any, fault setting.Fault) bool {
	list, _ := faults.([]any)
	for _, name := range list {
		if text, _ := name.(string); setting.Parse(text).Fault == fault {
			return true
		}
	}
	return false
}

// page returns the text of a page of the console.
func (s *Stage) page(t *testing.T, path string) string {
	t.Helper()
	server := httptest.NewServer(nil)
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	client, err := adminclient.New(server.URL+adminapi.Prefix, adminclient.Bearer("admin"))
	require.NoError(t, err)
	pages, err := console.New(console.Config{Client: client, Address: address, Place: "this machine", Log: logline.New(io.Discard), Now: s.Now})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(console.Prefix+"/", pages)
	mux.HandleFunc(adminapi.Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set(web.OperatorHeader, Operator)
		s.Admin().ServeHTTP(w, r)
	})
	server.Config.Handler = mux
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar}
	read := func(path string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		answer, err := browser.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return html.UnescapeString(string(body))
	}
	read(pages.Link("acme"))
	return read(path)
}

// The overview has the correction of the newest request that was accepted with changes.
func TestFaultySettings_AreOnTheOverview(t *testing.T) {
	s := New(t, enginetest.Memory(t), 5)
	s.must(s.create(idp.Entra, `,"mobile":"+1 555 0100"`))
	var todo string
	for _, v := range s.must(s.Ask("GET", "/tenants/acme/overview", "")).Body["notices"].([]any) {
		if n := v.(map[string]any); n["cause"] == string(cause.Tolerated) {
			todo, _ = n["whatToDo"].(string)
		}
	}
	assert.Contains(t, todo, `phoneNumbers[type eq "mobile"].value`)
	assert.Contains(t, s.page(t, "/console/t/acme"), `phoneNumbers[type eq "mobile"].value`)
}
