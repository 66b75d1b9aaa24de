package system

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// overview reads the overview, and fails the test unless its state and its
// notices are as given: each notice as its kind and a part of its text.
func (s *service) overview(when, state string, notices ...string) map[string]any {
	s.t.Helper()
	o := s.mustAdmin(200, "GET", "/tenants/acme/overview", "")
	list := o["notices"].([]any)
	good := len(list) == len(notices) && o["state"] == state
	for i := range min(len(list), len(notices)) {
		n := list[i].(map[string]any)
		kind, text, _ := strings.Cut(notices[i], ": ")
		good = good && n["kind"] == kind && strings.Contains(n["text"].(string), text)
	}
	assert.Truef(s.t, good, "%s: %v (%v), notices %v, want %s, %q", when, o["state"], o["summary"], list, state, notices)
	return o
}

// another returns a second instance of the service on the same table, with the
// same clock.
func (s *story) another() *service {
	s.t.Helper()
	other := &service{t: s.t, token: s.token, tenant: s.tenant}
	other.start(s.table, app.Options{Now: func() time.Time { return s.now }})
	return other
}

// A writes is a table that counts the writes to a tenant's partitions.
type writes struct {
	table.Table
	mu sync.Mutex
	n  map[string]int
}

func (w *writes) Write(ctx context.Context, tx table.Transaction) error {
	w.mu.Lock()
	for _, op := range tx.Ops {
		if w.n == nil {
			w.n = map[string]int{}
		}
		w.n[op.Key.Partition]++
	}
	w.mu.Unlock()
	return w.Table.Write(ctx, tx)
}

// take returns the number of writes since the last take, by partition.
func (w *writes) take() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.n
	w.n = nil
	return n
}

// The life of a tenant as the overview shows it, from its creation to a token
// that is revoked while in use, and to its end.
func TestOverview(t *testing.T) { enginetest.RunOn(t, enginetest.Plain(), testOverview) }

func testOverview(t *testing.T, open func(testing.TB) table.Table) {
	s := newStory(t, open, `{"maxSeats":5}`)
	okta := []string{"User-Agent", "Okta SCIM Client 1.0.0"}
	s.overview("a token that was never used", "waiting", "nothing_received: No request has been received yet.")

	// A read shows that the identity provider is active, but is no entry of the
	// log.
	s.send("GET", "/Users?count=0", "", okta...)
	o := s.overview("after a read", "ok")
	if seen := o["lastSeen"].([]any); len(seen) != 1 || seen[0].(map[string]any)["idp"] != "okta" || len(o["lastSync"].([]any)) != 0 {
		t.Errorf("seen: %v, changed: %v", seen, o["lastSync"])
	}
	assert.Truef(t, o["summary"] == "No failures. Everything received with a valid token was applied.", "summary %v", o["summary"])

	// Warnings are shown even if nothing fails.
	s.send("POST", "/Users", userBody(`"userName":"a","shoeSize":44`), okta...)
	s.send("POST", "/Groups", groupBody("Staff", "019b8d62-7a80-7000-8000-00000000abcd"), okta...)
	o = s.overview("after warnings", "warning",
		"warnings: Attributes or values were dropped or changed in 1 request in the last 7 days", "warnings: Members that are not provisioned users were skipped in 1 request")
	w := o["warnings"].([]any)
	assert.Truef(t, len(w) == 2 && w[0].(map[string]any)["cause"] == "tolerated" && w[1].(map[string]any)["count"] == 1.0, "warnings: %v", w)
	for _, cause := range []string{"tolerated", "unknown_members"} {
		n := len(s.log(50, "outcome=warning&cause="+cause))
		assert.Equalf(t, 1, n, "the notice leads to %d entries of %s", n, cause)
	}

	// Failures by cause; a refused read marks no subject as failing.
	s.send("POST", "/Users", userBody(`"userName":"a"`), okta...)
	s.send("PATCH", "/Users/019b8d62-7a80-7000-8000-00000000abcd", patchBody(activate), okta...)
	warnings := []string{"warnings: Attributes", "warnings: Members"}
	o = s.overview("after failures", "failing", warnings...)
	causes := fmt.Sprint(o["failingCauses"])
	assert.Truef(t, o["failing"] == 2.0 && causes == "map[duplicate:1 user_not_found:1]", "%v failing, %s", o["failing"], causes)
	s.send("GET", "/Users?filter=userName", "", okta...)
	s.overview("after a refused read", "failing", append([]string{"requests_refused: 1 request was refused in the last 24 hours"}, warnings...)...)

	// The token is revoked, and still used.
	list := s.mustAdmin(200, "GET", "/tenants/acme/tokens", "")["tokens"].([]any)
	token := list[0].(map[string]any)
	s.mustAdmin(204, "DELETE", "/tenants/acme/tokens/"+token["id"].(string), "")
	s.later()
	var refused answer
	for _, method := range []string{"GET", "POST", "GET", "PATCH", "GET"} {
		path, body := "/Users", userBody(`"userName":"b"`)
		if method == "PATCH" {
			path, body = "/Users/019b8d62-7a80-7000-8000-00000000abcd", patchBody(activate)
		}
		if a := s.send(method, path, body, okta...); a.status != 401 || a.event["cause"] != "token_revoked" {
			t.Fatalf("%s: %d %v", method, a.status, a.event)
		} else if refused.header == nil {
			refused = a
		}
	}
	s.now = s.now.Add(10 * time.Second)
	stopped := fmt.Sprintf("token_refused: Provisioning has stopped: revoked token …%s was used 5 times, last 10 seconds ago.", token["lastFour"])
	o = s.overview("a revoked token is used", "failing", stopped, "no_valid_token: ", "requests_refused: ", warnings[0], warnings[1])
	if n := o["notices"].([]any)[0].(map[string]any); n["count"] != 5.0 || n["atLeast"] != false || n["tokenId"] != token["id"] || n["cause"] != "token_revoked" || n["whatToDo"] == nil || n["idp"] != "okta" {
		t.Errorf("the notice: %v", n)
	}
	// One of these requests is in the log, with what to do.
	x := s.explain(refused)["entries"].([]any)[0].(map[string]any)
	if x["cause"] != "token_revoked" || x["operation"] != "list" || x["detail"] != refused.body["detail"] || x["whatToDo"] == nil {
		t.Errorf("the request: %v", x)
	}
	n := len(s.log(50, "cause=token_revoked"))
	assert.Equalf(t, 1, n, "the log has %d entries of 5 requests within a minute", n)
	failing := s.failing()
	assert.Lenf(t, failing, 2, "failing: %v", failing)

	// A new token is created, but the identity provider still has the old one.
	old := s.token
	s.token, _ = s.mustAdmin(201, "POST", "/tenants/acme/tokens", "")["token"].(string)
	s.overview("a new token is not used yet", "failing", stopped[:len("token_refused: Provisioning has stopped")], "requests_refused: ", warnings[0], warnings[1])
	// It has the new one: the notice ends by itself.
	s.send("GET", "/Users?count=0", "", okta...)
	s.overview("the new token is used", "failing", "token_refused_before: Requests with a valid token have arrived since.", "requests_refused: ", warnings[0], warnings[1])
	// It uses both.
	s.now = s.now.Add(time.Second)
	s.send("GET", "/Users?count=0", "", "User-Agent", okta[1], "Authorization", "Bearer "+old)
	s.overview("both are used", "failing", "token_refused_beside_valid: was used 6 times, last just now. These requests are refused", "requests_refused: ", warnings[0], warnings[1])
	// A day later the notice has ended.
	s.now = s.now.Add(25 * time.Hour)
	s.send("GET", "/Users?count=0", "", okta...)
	s.overview("a day later", "failing", warnings...)

	// SCIM is disabled.
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"scimEnabled":false}`)
	s.later()
	s.overview("SCIM is off", "off", append([]string{"scim_off: "}, warnings...)...)
	for range 3 {
		s.send("GET", "/Users", "", okta...)
	}
	s.overview("SCIM is off, and requests come", "off", append([]string{"scim_off: 3 requests were refused in the last 7 days, most recently just now."}, warnings...)...)
	n = len(s.log(50, "cause=scim_disabled"))
	assert.Equalf(t, 1, n, "the log has %d entries of 3 reads within a minute", n)
	s.usage("at the end", 1, 0)
}

// An unauthenticated request writes nothing, whatever tenant and token it
// names, not even with the id of a revoked token and a wrong secret. Many
// authenticated requests write a bounded number of times, from each instance.
func TestOverview_WritesOfRefusedRequestsAreBounded(t *testing.T) {
	w := &writes{}
	s := newStory(t, func(t testing.TB) table.Table { w.Table = enginetest.Memory(t); return w }, `{"maxSeats":5}`)
	token := s.mustAdmin(200, "GET", "/tenants/acme/tokens", "")["tokens"].([]any)[0].(map[string]any)
	s.mustAdmin(204, "DELETE", "/tenants/acme/tokens/"+token["id"].(string), "")
	s.later()
	w.take()

	// Another token of the tenant, with the id of the revoked one: only the
	// secret is wrong.
	forged := s.forge(token["id"].(string))
	for range 20 {
		for _, header := range []string{"", "Bearer rct_acme", "Bearer " + forged} {
			a := s.send("POST", "/Users", userBody(`"userName":"a"`), "Authorization", header)
			require.Truef(t, a.status == 401 && a.event["cause"] != "token_revoked", "%q: %d %v", header, a.status, a.event)
		}
	}
	if n := w.take(); len(n) > 0 {
		t.Errorf("requests that prove no token write %v", n)
	}
	s.overview("unproved requests only", "waiting", "no_token: This tenant has no valid token.")

	other := s.another()
	for i := range 1000 {
		instance := s.service
		if i%2 == 1 {
			instance = other
		}
		a := instance.send("POST", "/Users", userBody(`"userName":"a"`))
		require.Truef(t, a.event["cause"] == "token_revoked", "%v", a.event)
		s.now = s.now.Add(60 * time.Millisecond) // a minute in total
	}
	n := w.take()
	// Each instance writes the first ten, and one a minute later; and one
	// entry, indexed among the failures.
	if n["T#acme#USED"] > 2*12 || n["T#acme#LOG"] > 2*2 || n["T#acme#INDEX"] > 2*2 || len(n) != 3 {
		t.Errorf("a storm of 1,000 requests in a minute writes %v", n)
	}
	s.overview("after a storm", "failing", "token_refused: was used at least 2", "no_valid_token: ")
	// What an instance has not written yet, it writes with the next request:
	// the count loses nothing, and the entry has the number of requests that it
	// stands for.
	s.now = s.now.Add(time.Minute)
	for _, instance := range []*service{s.service, other} {
		instance.send("POST", "/Users", userBody(`"userName":"a"`))
	}
	s.overview("a minute later", "failing", "token_refused: was used at least 1,002 times", "no_valid_token: ")
	stands := 0.0
	for _, e := range s.log(50, "cause=token_revoked") {
		if n, ok := e["standsFor"].(float64); ok {
			stands += n
		} else {
			stands++
		}
	}
	o := s.mustAdmin(200, "GET", "/tenants/acme/overview", "")
	total := counted(o, "token_revoked")
	assert.Truef(t, stands == 1002 && total == 1002, "the entries stand for %v requests, the failures count %v, want 1002", stands, total)
}

// counted returns the number of failures with a cause in an overview.
func counted(o map[string]any, cause string) float64 {
	total := 0.0
	for _, span := range o["failures"].([]any) {
		n, _ := span.(map[string]any)["causes"].(map[string]any)[cause].(float64)
		total += n
	}
	return total
}

// forge returns a well-formed token with a token's id, but not its secret.
func (s *story) forge(id string) string {
	s.t.Helper()
	parts := strings.Split(s.token, "_")
	parts[2], parts[3] = id, strings.Repeat("a", len(parts[3]))
	body := strings.Join(parts[:4], "_")
	return body + "_" + fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body)))
}

// A busy identity provider does not hide a quiet one: each has its last
// request.
func TestOverview_LastSyncOfEachIdentityProvider(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{"maxSeats":500}`)
	quiet := s.send("POST", "/Users", userBody(`"userName":"quiet"`), "User-Agent", "OneLogin SCIM")
	s.now = s.now.Add(time.Second)
	s.send("GET", "/Users?count=0", "", "User-Agent", "JumpCloud")
	s.send("GET", "/Users?filter=userName", "", "User-Agent", "JumpCloud") // refused, and no change
	for i := range 250 {
		s.now = s.now.Add(time.Second)
		s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d","active":false`, i)))
	}
	s.mustAdmin(201, "POST", "/tenants/acme/users", `{"userName":"own"}`) // of the application: no identity provider
	o := s.overview("after a large sync", "warning", "requests_refused: ")
	changed := map[string]string{}
	for _, e := range o["lastSync"].([]any) {
		e := e.(map[string]any)
		idp, _ := e["idp"].(string)
		changed[idp] = fmt.Sprint(e["subject"])
		assert.Falsef(t, idp == "onelogin" && e["requestId"] != quiet.header.Get("X-Request-Id"), "the quiet one: %v", e)
	}
	assert.Equalf(t, "map[:u249 onelogin:quiet]", fmt.Sprint(changed), "last changes: %v", changed)
	var seen []string
	for _, one := range o["lastSeen"].([]any) {
		seen = append(seen, fmt.Sprint(one.(map[string]any)["idp"]))
	}
	assert.Truef(t, slices.Equal(seen, []string{"<nil>", "jumpcloud", "onelogin"}), "seen: %v", seen)
}

// Recording activity costs one write a minute, and adds nothing to what a
// request's budget counts.
func TestOverview_WritesOfAcceptedRequestsAreBounded(t *testing.T) {
	w := &writes{}
	s := newStory(t, func(t testing.TB) table.Table { w.Table = enginetest.Memory(t); return w }, `{"maxSeats":5}`)
	w.take()
	for range 600 { // an hour and ten minutes, a request every seven seconds
		a := s.send("GET", "/Users?count=0", "")
		require.Truef(t, a.event["writeUnits"] == 0.0, "a read costs %v write units", a.event["writeUnits"])
		s.now = s.now.Add(7 * time.Second)
	}
	n := w.take()
	// One a minute, and the kind of request once an hour.
	assert.Truef(t, n["T#acme#USED"] <= 70+2+2 && len(n) == 1, "600 reads in 70 minutes write %v", n)
}

// Each cause of requests refused before they are handled has its own entries.
func TestLog_SamplesEachCause(t *testing.T) {
	s := newStory(t, enginetest.Memory, `{"maxSeats":5}`)
	revoked := s.token
	token := s.mustAdmin(200, "GET", "/tenants/acme/tokens", "")["tokens"].([]any)[0].(map[string]any)
	s.mustAdmin(204, "DELETE", "/tenants/acme/tokens/"+token["id"].(string), "")
	end := s.now.Add(time.Hour).UTC().Format(time.RFC3339)
	expired, _ := s.mustAdmin(201, "POST", "/tenants/acme/tokens", `{"expiresAt":"`+end+`"}`)["token"].(string)
	s.token, _ = s.mustAdmin(201, "POST", "/tenants/acme/tokens", "")["token"].(string)
	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"scimEnabled":false}`)
	s.now = s.now.Add(2 * time.Hour)
	for range 3 {
		for cause, token := range map[string]string{"token_revoked": revoked, "token_expired": expired, "scim_disabled": s.token} {
			a := s.send("GET", "/Groups", "", "Authorization", "Bearer "+token)
			require.Truef(t, a.event["cause"] == cause, "%v, want %s", a.event, cause)
			// A request that is never logged does not take another's place in
			// the log.
			s.send("GET", "/ServiceProviderConfig", "", "Authorization", "Bearer "+token)
		}
	}
	for _, cause := range []string{"token_revoked", "token_expired", "scim_disabled"} {
		entries := s.log(50, "cause="+cause)
		assert.Truef(t, len(entries) == 1 && entries[0]["operation"] == "list", "%s has the entries %v", cause, entries)
	}
	s.overview("all at once", "off", "scim_off: 6 requests were refused", "token_refused: ", "token_refused: ")
}
