package provoke

import (
	"cmp"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Each faulty credential and address is named in the error, with the correction in the
// words of the identity provider that sent it, and its text explains itself when it is
// pasted without the id of the request. Nothing that was sent as a credential is in an
// error or in a log line.
func TestConnections_NameTheFaultAndTheField(t *testing.T) {
	for _, c := range Connections {
		t.Run(c.Name, func(t *testing.T) {
			s := New(t, enginetest.Memory(t), 5)
			for _, p := range append(cause.Advised[:], idp.Ping) {
				s.Pass(time.Second) // unknown tokens are looked up at a rate
				a := c.By(s, p)
				require.Equalf(t, c.Cause.Meaning().Status, a.Status, "%s: %v", p, a.Body)
				line := s.Line(a.RequestID)
				assert.Truef(t, line["cause"] == string(c.Cause) && line["idp"] == string(p), "%s: the line %v", p, line)
				what := cmp.Or(c.Remedy.Happened(), c.Cause.Meaning().Summary)
				assert.Equalf(t, what+" "+c.Cause.Advice(c.Remedy, p)+" (request "+a.RequestID+")", a.Detail, "%s", p)
				assert.LessOrEqual(t, len(a.Detail), maxDetail)
				for _, word := range c.Says[p] {
					assert.Containsf(t, a.Detail, word, "%s", p)
				}
				if p == idp.Entra {
					s.wantExplained(c, p, a)
				}
			}
			s.wantNoCredential(c)
		})
	}
}

// What differs from the documented base URL and does no harm is served: slashes, letter
// case, Entra's parameter and the paths of its validator.
func TestConnections_HarmlessFormsAreServed(t *testing.T) {
	s := New(t, enginetest.Memory(t), 5)
	s.user(`"userName":"alice"`)
	const filter = "filter=userName+eq+%22alice%22"
	for name, path := range map[string]string{
		"a slash at the end": "/scim/v2//Users?" + filter, "two slashes": "/scim//v2/Users?" + filter, "capitals": "/SCIM/V2/Users?" + filter,
		"Entra's parameter": "/scim/v2/Users?aadOptscim062020&" + filter, "another parameter": "/scim/v2/Users?x=1&" + filter,
		"the validator": "/scim/v2/users?" + filter, "the base URL itself": "/scim/v2/?" + filter,
		"a filter with an address": "/scim/v2?filter=userName+eq+%22alice%22+or+displayName+eq+%22a/Users%22",
	} {
		a := s.must(s.SendTo("GET", path, ""))
		assert.EqualValuesf(t, 1, a.Body["totalResults"], "%s: %v", name, a.Body)
	}
}

// A base URL with a query of its own never leads to the list of all users: an identity
// provider would take the first of them for the one that it looked up.
func TestConnections_QueryInTheBaseURLListsNobody(t *testing.T) {
	s := New(t, enginetest.Memory(t), 5)
	s.user(`"userName":"bob"`)
	for _, query := range []string{"aadOptscim062020/Users?filter=userName+eq+%22alice%22", "x=1/Users?filter=userName+eq+%22alice%22", "x=1/groups", "x/Users/" + nobody, "/Users&count=1"} {
		a := s.SendTo("GET", "/scim/v2?"+query, "")
		assert.Truef(t, a.Status == 404 && strings.Contains(a.Detail, cause.AddressQuery.Happened()), "%s: %d %v", query, a.Status, a.Body)
	}
}

// wantExplained pastes the text of an error as an identity provider shows it, without
// the id of the request.
func (s *Stage) wantExplained(c Connection, p idp.Provider, a Answer) {
	s.t.Helper()
	shown, _, _ := strings.Cut(a.Detail, " (request ")
	body, err := json.Marshal(map[string]string{"text": shown})
	require.NoError(s.t, err)
	d := s.must(s.Ask("POST", "/tenants/acme/explanations", string(body)))
	causes, _ := d.Body["causes"].([]any)
	require.Lenf(s.t, causes, 1, "%s, pasted: %v", p, d.Body)
	first, _ := causes[0].(map[string]any)
	assert.Equalf(s.t, string(c.Cause), first["cause"], "%s, pasted", p)
	assert.Containsf(s.t, append(c.Remedy.AllAdvice(), c.Cause.AllAdvice()...), first["whatToDo"], "%s, pasted", p)
	if c.Remedy != "" {
		assert.Containsf(s.t, c.Remedy.AllAdvice(), first["whatToDo"], "%s, pasted, for this fault", p)
	}
}

// wantNoCredential finds nothing in the log of what was sent as a credential.
func (s *Stage) wantNoCredential(c Connection) {
	s.t.Helper()
	if c.Header == nil {
		return
	}
	for word := range strings.FieldsSeq(c.Header(s)) {
		if len(word) < 8 || word == s.TokenID || strings.HasPrefix(word, "Authoriz") {
			continue
		}
		shown := strings.Contains(s.log.String(), word) || !strings.HasPrefix(word, "https:") && strings.Contains(s.log.String(), word[len(word)-8:])
		assert.Falsef(s.t, shown, "the log has a part of the credential after %s", c.Name)
	}
}
