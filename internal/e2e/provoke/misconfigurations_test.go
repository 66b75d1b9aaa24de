package provoke

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A misconfiguration is a wrong setting in an identity provider, from public reports and
// the documentation of vendors, with the request that the identity provider then sends. The list was written before the advice about it.
type misconfiguration struct {
	ID       string       `json:"id"`
	Provider idp.Provider `json:"provider"`
	Area     string       `json:"area"`
	// Setting says what is wrong, and Source where that was reported or documented.
	Setting string   `json:"setting"`
	Source  []string `json:"source"`
	// Setup are the requests before it, of the identity provider ("idp") or of the
	// application ("app"); {{NAME.id}} is the id in the answer that is kept as NAME.
	Setup []struct {
		By     string          `json:"by"`
		Method string          `json:"method"`
		Path   string          `json:"path"`
		Body   json.RawMessage `json:"body"`
		As     string          `json:"as"`
	} `json:"setup"`
	// Settings are the tenant's settings, set after the setup, and Days pass then.
	Settings json.RawMessage `json:"settings"`
	Days     int             `json:"days"`
	Request  struct {
		Method string          `json:"method"`
		Path   string          `json:"path"`
		Body   json.RawMessage `json:"body"`
		// Authorization is the header, if it is not that of a valid token.
		Authorization string `json:"authorization"`
	} `json:"request"`
	// Status is that of the answer, 0 for any.
	Status int `json:"status"`
	// Where is "overview" for what only the absence of requests shows.
	Where string `json:"where"`
	// Must has words that the advice must have: one of each list.
	Must [][]string `json:"must"`
}

//go:embed testdata/misconfigurations.json
var misconfigurationsJSON []byte

func misconfigurations(t *testing.T) []misconfiguration {
	t.Helper()
	var list []misconfiguration
	require.NoError(t, json.Unmarshal(misconfigurationsJSON, &list))
	return list
}

// Every misconfiguration is answered with advice that names the screen of that
// identity provider and the correction: in the error, in the log entry, and in the list
// of failed users; or on the overview, if only the absence of requests shows it.
func TestMisconfigurations_NameTheScreenAndTheCorrection(t *testing.T) {
	for _, m := range misconfigurations(t) {
		t.Run(m.ID, func(t *testing.T) {
			for where, text := range m.provoke(t) {
				for _, words := range m.Must {
					assert.Truef(t, slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) }),
						"%s has none of %q: %s", where, words, text)
				}
			}
		})
	}
}

// leastRows is how many misconfigurations the list has at least.
const leastRows = 75

// The list is long, and each row has its source.
func TestMisconfigurations_AreMany(t *testing.T) {
	list := misconfigurations(t)
	assert.GreaterOrEqual(t, len(list), leastRows)
	ids := map[string]bool{}
	for _, m := range list {
		assert.Falsef(t, ids[m.ID], "%s occurs twice", m.ID)
		ids[m.ID] = true
		assert.Truef(t, len(m.Source) > 0 && m.Setting != "" && len(m.Must) > 0, "%s lacks its source, its setting or its words", m.ID)
	}
}

// placeholder is a value in a row that is known when the row is provoked.
var placeholder = regexp.MustCompile(`\{\{([a-zA-Z]+)(?:\.id)?\}\}`)

// provoke sends the requests of a row to a stage of its own, and returns the texts that
// must have its words, by where they are.
func (m misconfiguration) provoke(t *testing.T) map[string]string {
	s := New(t, enginetest.Memory(t), 5)
	known := map[string]string{"TOKEN": s.token}
	fill := func(text string) string {
		return placeholder.ReplaceAllStringFunc(text, func(found string) string {
			return known[placeholder.FindStringSubmatch(found)[1]]
		})
	}
	send := func(method, path string, body json.RawMessage, headers ...string) Answer {
		return s.Send(method, fill(path), fill(string(body)), append([]string{"User-Agent", userAgents[m.Provider]}, headers...)...)
	}
	for _, r := range m.Setup {
		var a Answer
		if r.By == "app" {
			a = s.Ask(r.Method, fill(r.Path), fill(string(r.Body)))
		} else {
			a = send(r.Method, r.Path, r.Body)
		}
		if s.must(a); r.As != "" {
			known[r.As] = a.ID()
		}
	}
	if m.Settings != nil {
		s.set(string(m.Settings))
	}
	s.Pass(time.Duration(m.Days) * 24 * time.Hour)
	a := send(m.Request.Method, m.Request.Path, m.Request.Body,
		"Authorization", cmp.Or(fill(m.Request.Authorization), "Bearer "+s.token))
	require.Truef(t, m.Status == 0 || a.Status == m.Status, "%d %v", a.Status, a.Body)
	if m.Where == "overview" {
		return map[string]string{"the overview": fmt.Sprint(s.must(s.Ask("GET", "/tenants/acme/overview", "")).Body)}
	}
	return s.told(a)
}

// told returns what an administrator reads about a request, by where: in the error, in
// the log entry, and in the list of failed users.
func (s *Stage) told(a Answer) map[string]string {
	texts := map[string]string{}
	of := cause.Cause("")
	if a.Status >= 400 {
		texts["the error"] = a.Detail
		line := s.Line(a.RequestID)
		c, _ := line["cause"].(string)
		operation, _ := line["operation"].(string)
		if of = cause.Cause(c); journal.RuleOf(of).Entries == journal.None || !journal.Records(journal.Operation(operation), of) {
			return texts
		}
	}
	x := s.must(s.Ask("GET", "/tenants/acme/requests/"+a.RequestID, ""))
	entry := x.Body["entries"].([]any)[0].(map[string]any)
	texts["the entry"], _ = entry["whatToDo"].(string)
	if a.Status < 400 {
		return texts
	}
	for _, v := range s.Ask("GET", "/tenants/acme/failed-users?cause="+string(of), "").Body["failedUsers"].([]any) {
		if f := v.(map[string]any); f["requestId"] == a.RequestID {
			texts["the failed users"], _ = f["whatToDo"].(string)
		}
	}
	return texts
}
