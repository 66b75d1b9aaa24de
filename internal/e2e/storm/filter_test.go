package storm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// large is the service with a tenant of many users of 3 KB.
type large struct {
	t       *testing.T
	handler http.Handler
	token   string
	log     *stage.Log
}

func newLarge(t *testing.T, users int) *large {
	l := &large{t: t, log: &stage.Log{}}
	engine := enginetest.Memory(t)
	a, err := app.New(engine, app.Config{BaseURL: "https://scim.test/scim/v2"}, logline.New(l.log))
	require.NoError(t, err)
	l.handler = a.Handler()
	_, l.token = stage.Tenant(t, a.Store, "acme", 1_000_000)
	status, _, _ := l.send("POST", "/Users", stage.User(fmt.Sprintf(`"userName":"anna","title":%q`, strings.Repeat("engineer ", 300))))
	require.Equal(t, 201, status)
	page, err := engine.Query(t.Context(), table.Query{Partition: "T#acme#USERS"})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	// Copies of the stored user, under other ids.
	for from := 1; from < users; from += 50 {
		var ops []table.Op
		for i := from; i < min(from+50, users); i++ {
			item := page.Items[0]
			item.Sort = fmt.Sprintf("019b8d62-7a80-7000-8000-%012x", i)
			ops = append(ops, table.Put(item))
		}
		require.NoError(t, engine.Write(t.Context(), table.Transaction{Token: fmt.Sprint(from), Ops: ops}))
	}
	return l
}

func (l *large) send(method, path, body string) (status int, answer, event map[string]any) {
	l.t.Helper()
	l.log.Forget()
	r := httptest.NewRequestWithContext(l.t.Context(), method, "https://scim.test/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+l.token)
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	l.handler.ServeHTTP(w, r)
	require.NoError(l.t, json.Unmarshal(w.Body.Bytes(), &answer))
	lines := strings.Split(strings.TrimSpace(l.log.String()), "\n")
	require.NoError(l.t, json.Unmarshal([]byte(lines[len(lines)-1]), &event))
	return w.Code, answer, event
}

// terms returns a filter of comparisons that no user satisfies.
func terms(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`title co "x%d"`, i)
	}
	return url.QueryEscape(strings.Join(all, " or "))
}

// A search of 180 comparisons over 10,000 users of 3 KB ends when its work is used up, at
// the same user each time, and the answer says what to do.
func TestFilter_EndsWithinItsBudget(t *testing.T) {
	l := newLarge(t, 10_000)
	status, answer, first := l.send("GET", "/Users?filter="+terms(180), "")
	require.Equal(t, 400, status, "%v", answer)
	assert.Equal(t, []any{"tooMany", "walk_limit"}, []any{answer["scimType"], first["cause"]})
	assert.Contains(t, answer["detail"], "The filter has 180 comparisons")
	assert.Contains(t, answer["detail"], "userName")
	assert.Contains(t, answer["detail"], "fewer comparisons")
	_, _, second := l.send("GET", "/Users?filter="+terms(180), "")
	assert.Equal(t, first["itemsRead"], second["itemsRead"], "the budget is counted, not timed")
	assert.Less(t, first["itemsRead"], 1000.0)
	t.Logf("180 comparisons: %v users read of 10000", first["itemsRead"])

	// By cursors it is done in steps.
	status, answer, _ = l.send("GET", "/Users?cursor=&filter="+terms(180), "")
	require.Equal(t, 200, status, "%v", answer)
	assert.NotEmpty(t, answer["nextCursor"])

	// What identity providers and administrators send is far below it.
	status, answer, _ = l.send("GET", "/Users?filter="+url.QueryEscape(`emails.value co "x" or active eq false or meta.lastModified gt "2030-01-01T00:00:00Z"`), "")
	require.Equal(t, 200, status, "%v", answer)
}

// What identity providers were recorded to search for costs less than a tenth of the
// budget with each of 10,000 users, though most of it is looked up by key.
func TestFilter_OfIdentityProvidersIsFarBelowTheBudget(t *testing.T) {
	user := scim.Resource{
		"userName": strings.Repeat("a", 64), "externalId": strings.Repeat("b", 64), "displayName": strings.Repeat("c", 64), "active": true,
		"emails": []any{map[string]any{"value": strings.Repeat("d", 60), "type": "home"}, map[string]any{"value": strings.Repeat("e", 60), "type": "other"}},
	}
	types := []*schema.ResourceType{directory.Types(scim.RollcallURN).User, directory.Types(scim.RollcallURN).Group}
	seen := 0
	for _, file := range []string{"../../recording/requests.jsonl", "../replay/reports.jsonl"} {
		recorded, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`filter=((?:[^"&\\]|\\.)*)`).FindAllSubmatch(recorded, -1) {
			text, err := url.QueryUnescape(strings.ReplaceAll(string(found[1]), `\"`, `"`))
			require.NoError(t, err)
			for _, rt := range types {
				f, err := match.CompileFilter(rt, text)
				if err != nil {
					continue // of the other type, or refused before it costs anything
				}
				f.Match(user)
				assert.LessOrEqual(t, f.Work()*directory.MaxWalk, directory.MaxFilterWork/10, "%s", text)
				seen++
			}
		}
	}
	assert.Greater(t, seen, 50)
}
