package provoke

import (
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
				what := c.Remedy.Happened()
				if what == "" {
					what = c.Cause.Meaning().Summary
				}
				assert.Equalf(t, what+" "+c.Cause.Advice(c.Remedy, p)+" (request "+a.RequestID+")", a.Detail, "%s", p)
				assert.LessOrEqual(t, len(a.Detail), maxDetail)
				for _, word := range c.Says[p] {
					assert.Containsf(t, a.Detail, word, "%s", p)
				}
				if p == idp.Okta || p == idp.Entra || p == idp.Ping {
					s.wantExplained(c, p, a)
				}
			}
			s.wantNoCredential(c)
		})
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
