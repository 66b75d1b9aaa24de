package replaytest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// makeCase returns the request in another spelling as a case.
func (q plainRequest) makeCase(t *testing.T, s spelling, name string) replay.Case {
	t.Helper()
	setup := []step{
		{"request": "POST /Users", "with": json.RawMessage(`{"schemas":["` + coreUser + `"],"userName":"{{k}}@example.com","title":"x"}`), "capture": map[string]string{"u": "/id"}},
		{"request": "POST /Groups", "with": json.RawMessage(`{"schemas":["` + coreGroup + `"],"displayName":"{{k}}","externalId":"{{k}}"}`), "capture": map[string]string{"g": "/id"}},
	}
	q = s.respell(q)
	status, then := q.status, step{"body": q.then}
	switch {
	case s.status != 0:
		status, then = s.status, step{"error": s.scimType}
	case q.then == nil:
		then = step{"status": status}
	}
	path := q.path
	if q.query != "" {
		path += "?" + q.query
	}
	line := map[string]any{
		"id": name, "idp": "", "source": "", "basis": "", "method": q.method, "path": path, "headers": q.headers,
		"steps": setup, "checks": []step{then}, "expect": map[string]any{"status": status, "notes": s.sent},
	}
	if q.base != "" {
		line["base"] = q.base
	}
	if q.body != "" {
		line["body"] = json.RawMessage(q.body)
	}
	cases, err := replay.Load(strings.NewReader(strings.ReplaceAll(marshalled(line), "{{k}}", name)))
	if err != nil {
		t.Fatalf("%s: %v\n%s", s.sent, err, marshalled(line))
	}
	return cases[0]
}

// Each spelling is served or refused in the same way at every endpoint, by a
// strict tenant too: none of them changes what a request means.
func TestSpellings_AreTheSameAtEveryEndpoint(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		for name, settings := range map[string]tenant.Settings{"lenient": tenant.DefaultSettings(), "strict": strictSettings()} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				trySpellings(t, engine, settings)
			})
		}
	})
}

// trySpellings sends each request in each spelling to a tenant.
func trySpellings(t *testing.T, engine enginetest.Engine, settings tenant.Settings) {
	t.Helper()
	requests := plainRequests()
	s := newService(t, engine, settings, 1_000_000)
	target := s.target()
	target.Strict = false
	target.Token = s.newTenant(t, tenant.Unlimited)
	next := sample(engine)
	for row, of := range spellings() {
		for e := range endpoints {
			for n, q := range requests[e] {
				if !of.applies(e, q) {
					assert.NotEmptyf(t, of.never, "%s does not apply to %s, and no reason is given", of.sent, endpointNames[e])
					continue
				}
				if !next() {
					continue
				}
				name := fmt.Sprintf("r%de%dn%d", row, e, n)
				r := replay.Run(t.Context(), target, q.makeCase(t, of, name))
				assert.Equalf(t, replay.Passed, r.Outcome, "%s\n%s at %s: %v\n%s %s", name, of.sent, endpointNames[e], r.Reasons, q.method, q.path)
			}
		}
	}
}
