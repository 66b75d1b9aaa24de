package replaytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The document is that of the tables.
func TestDialects_AreDocumented(t *testing.T) {
	got, err := os.ReadFile("../../../../docs/reference/dialect-places.md")
	require.NoError(t, err)
	assert.True(t, bytes.Equal(got, Document()), "docs/reference/dialect-places.md is out of date: make generate writes it")
}

// Each form is accepted, with its notice and its effect, or refused without a
// change, in every place in which it can occur; a strict tenant answers with
// the error of the notice. The table is complete.
func TestDialects_AreTheSameInEveryPlace(t *testing.T) {
	table := tables()
	checkTable(t, table)
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		for _, strict := range []bool{false, true} {
			t.Run(map[bool]string{false: "lenient", true: "strict"}[strict], func(t *testing.T) {
				t.Parallel()
				tryTable(t, engine, table, strict)
			})
		}
	})
}

// tryTable sends the requests of the table to a tenant.
func tryTable(t *testing.T, engine enginetest.Engine, table []tolerance, strict bool) {
	t.Helper()
	settings, prefix := tenant.DefaultSettings(), "d"
	if strict {
		settings, prefix = strictSettings(), "s"
	}
	s := newService(t, engine, settings, 1_000_000)
	target := s.target()
	target.Strict = false // the cases have the answers of a strict tenant themselves
	target.Token = s.newTenant(t, tenant.Unlimited)
	s.addSchemas(t, tenantSchemas...)
	next := sample(engine)
	for row, of := range table {
		for p := range places {
			for n, one := range of.cells[p].tries {
				if !next() {
					continue
				}
				name := fmt.Sprintf("%s%dp%dn%d", prefix, row, p, n)
				r := replay.Run(t.Context(), target, one.makeCase(t, of, name, strict))
				if r.Outcome != replay.Passed {
					t.Errorf("%s\n%s in %s: %v\n%s %s %s", name, of.sent, placeNames[p], r.Reasons, one.method, one.path, one.body)
				}
			}
		}
	}
}

// sampled: one of this many tries is made on an engine that is not in memory.
// The tries are about requests, which are parsed before a table is read.
const sampled = 29

// sample returns a function that reports whether the next try is made on an
// engine.
func sample(engine enginetest.Engine) func() bool {
	n := 0
	return func() bool {
		n++
		return engine.Name == "embedded" || n%sampled == 0
	}
}

// checkTable reports notices, places and tries that are missing in the table.
func checkTable(t *testing.T, table []tolerance) {
	t.Helper()
	missing := scim.NoticeKinds()
	for _, of := range table {
		for p := range places {
			c, ok := of.cells[p]
			if !ok || len(c.tries) == 0 && c.never == "" || len(c.tries) > 0 && c.never != "" {
				t.Errorf("%s: the cell of %s has no try, and no reason for it", of.sent, placeNames[p])
			}
			for _, one := range c.tries {
				kinds := one.kinds(of)
				missing = slices.DeleteFunc(missing, func(kind string) bool { return one.reason == "" && slices.Contains(kinds, kind) })
			}
		}
	}
	assert.Emptyf(t, missing, "no row of the table shows %q", missing)
}

// isTaken reports whether a tenant accepts the request.
func (t try) isTaken(of tolerance, strict bool) bool {
	return t.reason == "" && (!strict || len(t.kinds(of)) == 0 && t.strict == "")
}

// makeCase returns the try as a case, with a name that no other try has.
func (t try) makeCase(t2 testing.TB, of tolerance, name string, strict bool) replay.Case {
	t2.Helper()
	checks := t.refused
	if t.isTaken(of, strict) {
		checks = append(t.success(t.kinds(of)), t.accepted...)
	} else {
		checks = append([]step{t.failure(t.kinds(of))}, checks...)
	}
	line := map[string]any{
		"id": name, "idp": "", "source": "", "basis": "", "method": t.method, "path": t.path, "steps": t.setup, "checks": checks,
		"expect": map[string]any{"status": []int{200, 201}, "notes": of.sent},
	}
	if !t.isTaken(of, strict) && !t.bulk {
		line["expect"] = map[string]any{"status": 400, "notes": of.sent}
	}
	if t.body != "" {
		line["body"] = json.RawMessage(t.body)
	}
	cases, err := replay.Load(strings.NewReader(strings.ReplaceAll(marshalled(line), "{{k}}", name)))
	if err != nil {
		t2.Fatalf("%s: %v\n%s", of.sent, err, marshalled(line))
	}
	return cases[0]
}

// success returns the checks of the answer and the event of an accepted
// request: the event names exactly these notices.
func (t try) success(kinds []string) []step {
	at := "/notices"
	if t.bulk {
		at = "/operations/0/notices"
	}
	one := "(" + strings.Join(kinds, "|") + "):[^,]+"
	checks := []step{{
		"says":  "the event names exactly what was tolerated",
		"event": map[string]any{at: map[string]any{"matches": "^" + one + "(," + one + ")*$"}},
	}}
	if len(kinds) == 0 {
		checks[0]["event"] = map[string]any{at: map[string]any{"present": false}}
	}
	for _, kind := range kinds {
		checks = append(checks, step{"says": "the event names " + kind, "event": map[string]any{at: map[string]any{"contains": kind + ":"}}})
	}
	if t.bulk {
		checks[0]["body"] = map[string]any{"/Operations/0/status": map[string]any{"matches": "^20[01]$"}}
	}
	return checks
}

// failure returns the check of a refusal: its scimType, and that it says what
// is wrong. Of several notices any one may be refused.
func (t try) failure(kinds []string) step {
	types, detail := []string{t.scimType}, map[string]any{"type": "string"}
	if t.reason == "" && t.strict == "" {
		var texts []string
		for _, kind := range kinds {
			refusal := scim.Notice{Kind: kind}.Refusal()
			types = append(types, string(refusal.Type))
			says, _, _ := strings.Cut(strings.TrimSpace(refusal.Detail), ". This tenant")
			texts = append(texts, regexp.QuoteMeta(says))
		}
		detail = map[string]any{"matches": strings.Join(texts, "|")}
	}
	if t.strict != "" && t.reason == "" {
		types = []string{t.strict}
	}
	scimType := map[string]any{"oneOf": types}
	if t.bulk {
		return step{"body": map[string]any{
			"/Operations/0/status": "400", "/Operations/0/response/scimType": scimType, "/Operations/0/response/detail": detail,
		}}
	}
	return step{"body": map[string]any{"/status": "400", "/scimType": scimType, "/detail": detail}}
}
