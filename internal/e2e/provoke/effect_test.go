package provoke

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// sentRequest is a request that can be sent again.
type sentRequest struct{ method, path, body string }

// troubles is a tenant whose requests fail for many reasons.
type troubles struct {
	*Stage
	rt            *rapid.T
	users, groups []string
	// sent has the requests that failed, by id.
	sent map[string]sentRequest
}

func (c *troubles) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(c.rt, label)
}

// send sends a request, and remembers it if it fails.
func (c *troubles) send(method, path, body string) {
	a := c.Send(method, path, body)
	switch {
	case a.Status >= 400:
		c.sent[a.RequestID] = sentRequest{method, path, body}
	case method == "POST" && path == "/Users":
		c.users = append(c.users, a.ID())
	case method == "POST":
		c.groups = append(c.groups, a.ID())
	}
}

func (c *troubles) userBody() string {
	body := `{"schemas":["` + scim.CoreUserURN + `"],"userName":"` + c.pick("name", "anna", "bert", "cleo@x.org", "dora@x.org", "ewan", "finn", "gus", "") + `"`
	if mail := c.pick("mail", "", "", "a@x.org", "cleo@x.org", "e@x.org"); mail != "" {
		body += `,"emails":[{"value":"` + mail + `"}]`
	}
	if id := c.pick("externalId", "", "", "1", "2"); id != "" {
		body += `,"externalId":"` + id + `"`
	}
	if active := c.pick("active", "", "", "", "false"); active != "" {
		body += `,"active":` + active
	}
	if team := c.pick("team", "", "", "", "true", "false"); team != "" {
		body += `,"` + scim.RollcallURN + `":{"isTeamAccount":` + team + `}`
	}
	return body + "}"
}

// request sends one request of an identity provider.
func (c *troubles) request() {
	user := "/Users/" + c.pick("user", append([]string{"nobody"}, c.users...)...)
	group := "/Groups/" + c.pick("group", append([]string{"nogroup"}, c.groups...)...)
	name := c.pick("group name", "Design", "Sales")
	switch rapid.IntRange(0, 9).Draw(c.rt, "request") {
	case 0, 1, 2, 3:
		c.send("POST", "/Users", c.userBody())
	case 4:
		c.send("PATCH", user, stage.Patch(`{"op":"replace","path":"active","value":`+c.pick("active", "true", "false")+`}`))
	case 5:
		c.send("PATCH", user, stage.Patch(`{"op":"replace","path":"userName","value":"`+c.pick("new name", "anna", "bert", "ewan")+`"}`))
	case 6:
		c.send("PUT", user, c.userBody())
	case 7:
		c.send("DELETE", user, "")
	case 8:
		c.send("POST", "/Groups", stage.Group(name, strings.TrimPrefix(user, "/Users/")))
	default:
		member := `[{"value":"` + strings.TrimPrefix(user, "/Users/") + `"}]`
		c.send("PATCH", group, stage.Patch(c.pick("group change",
			`{"op":"add","path":"members","value":`+member+`}`, `{"op":"remove","path":"members","value":`+member+`}`,
			`{"op":"replace","path":"members","value":`+member+`}`, `{"op":"replace","path":"displayName","value":"`+name+`"}`)))
	}
}

// inApp changes something in the application.
func (c *troubles) inApp() {
	user := "/tenants/acme/users/" + c.pick("user", append([]string{"nobody"}, c.users...)...)
	switch rapid.IntRange(0, 7).Draw(c.rt, "in the application") {
	case 0, 1:
		a := c.Ask("POST", "/tenants/acme/users", `{"userName":"`+c.pick("own", "anna", "cleo@x.org", "ewan")+`","accountType":"`+c.pick("own type", "user", "reader")+`"}`)
		if a.Status < 300 {
			c.users = append(c.users, a.ID())
		}
	case 2:
		c.Ask("PATCH", user, `{"active":`+c.pick("active", "true", "false")+`}`)
	case 3:
		c.Ask("PATCH", user, `{"protected":`+c.pick("protected", "true", "false")+`}`)
	case 4:
		c.settings(`{"rehire":"` + c.pick("rehire", "warn", "keep", "refuse") + `"}`)
	case 5:
		c.settings(`{"unknownMembers":"` + c.pick("unknown members", "skip", "refuse") + `"}`)
	case 6: // the ledger is divided, as it is under many requests
		_, err := c.App.Store.AddShards(c.t.Context(), c.tenant)
		require.NoError(c.rt, err)
	default:
		c.settings(fmt.Sprintf(`{"maxSeats":%d,"maxReaders":%d}`, rapid.IntRange(0, 4).Draw(c.rt, "seats"), rapid.IntRange(0, 2).Draw(c.rt, "readers")))
	}
}

func (c *troubles) settings(body string) {
	require.Less(c.rt, c.Ask("PATCH", "/tenants/acme", body).Status, 300)
	c.Pass(access.CacheTime + time.Second)
}

// failing returns the list of failures with checks and effects, in the order in which effects
// make their requests.
func (c *troubles) failing() (list []map[string]any, effects []map[string]any) {
	a := c.Ask("GET", "/tenants/acme/failed-users?check=true&effect=true&limit=200", "")
	require.Equalf(c.rt, 200, a.Status, "%v", a.Body)
	for _, v := range a.Body["failedUsers"].([]any) {
		list = append(list, v.(map[string]any))
	}
	slices.SortStableFunc(list, func(a, b map[string]any) int {
		text := func(of map[string]any, name string) string { return fmt.Sprint(of[name]) }
		return cmp.Or(-strings.Compare(text(a, "resourceType"), text(b, "resourceType")), strings.Compare(text(a, "firstFailure"), text(b, "firstFailure")))
	})
	all, _ := a.Body["effects"].([]any)
	for _, v := range all {
		effects = append(effects, v.(map[string]any))
	}
	return list, effects
}

// again sends the last failed request of a subject again, and reports how it ended.
func (c *troubles) again(id string, change func(body string) string) string {
	r, ok := c.sent[id]
	require.Truef(c.rt, ok, "the request %s is not known", id)
	if change != nil {
		r.body = change(r.body)
	}
	c.Pass(10 * time.Millisecond)
	a := c.Send(r.method, r.path, r.body)
	line := c.Line(a.RequestID)
	if a.Status < 300 {
		return "succeeds"
	}
	return fmt.Sprintf("fails %v", line["cause"])
}

func said(check any) string {
	of, _ := check.(map[string]any)
	if of["result"] == "fails" {
		return fmt.Sprintf("fails %v", of["cause"])
	}
	return fmt.Sprint(of["result"])
}

var differing = regexp.MustCompile(`with the (userName|email) ".*", and the request has "(.*)"`)

// fix makes the fix of an effect. applied is false for one that is refused, and claims is
// false for one that the service cannot make.
func (c *troubles) fix(e map[string]any, list []map[string]any) (applied, claims bool, change func(string) string) {
	record, _ := e["record"].(map[string]any)
	user := fmt.Sprint("/tenants/acme/users/", record["id"])
	ask := func(method, path, body string) bool { return c.Ask(method, path, body).Status < 300 }
	team := func(body string) string {
		for _, value := range []string{"true", "false"} {
			body = strings.ReplaceAll(body, `,"`+scim.RollcallURN+`":{"isTeamAccount":`+value+`}`, "")
		}
		return strings.TrimSuffix(body, "}") + `,"` + scim.RollcallURN + `":{"isTeamAccount":true}}`
	}
	switch e["fix"] {
	case "retry":
		return true, true, nil
	case "seats", "readers":
		usage := c.Ask("GET", "/tenants/acme/usage", "").Body[fmt.Sprint(e["fix"])].(map[string]any)
		name := map[any]string{"seats": "maxSeats", "readers": "maxReaders"}[e["fix"]]
		c.settings(fmt.Sprintf(`{"%s":%v}`, name, usage["limit"].(float64)+e["licences"].(float64)))
		return true, true, nil
	case "other_user":
		return ask("DELETE", user, ""), true, nil
	case "other_group":
		return ask("DELETE", fmt.Sprint("/tenants/acme/groups/", record["id"]), ""), true, nil
	case "reactivate":
		return ask("PATCH", user, `{"active":true}`), true, nil
	case "unprotect":
		return ask("PATCH", user, `{"protected":false}`), true, nil
	case "convert":
		return ask("PATCH", user, `{"accountType":"user"}`), true, team
	case "identity":
		first := slices.Concat(subjects(e, "fixed"), subjects(e, "left"))[0]
		i := slices.IndexFunc(list, func(f map[string]any) bool { return f["requestId"] == first })
		check := list[i]["check"].(map[string]any)
		values := differing.FindStringSubmatch(fmt.Sprint(check["text"]))
		if values == nil {
			return false, false, nil
		}
		return ask("PATCH", user, fmt.Sprintf(`{%q:%q}`, values[1], values[2])), true, nil
	case "team_account":
		return true, true, team
	case "rehire":
		c.settings(`{"rehire":"warn"}`)
		return true, true, nil
	case "unknown_members":
		c.settings(`{"unknownMembers":"skip"}`)
		return true, true, nil
	}
	return false, false, nil
}

// subjects returns the request ids of a part of an effect.
func subjects(e map[string]any, part string) (ids []string) {
	for _, v := range e[part].([]any) {
		ids = append(ids, fmt.Sprint(v.(map[string]any)["requestId"]))
	}
	return ids
}

// verify makes the fix of an effect, sends the requests again, and compares.
func (c *troubles) verify(e map[string]any, list []map[string]any) bool {
	after := map[string]string{}
	for _, part := range []string{"fixed", "left", "open"} {
		for _, v := range e[part].([]any) {
			on := v.(map[string]any)
			after[fmt.Sprint(on["requestId"])] = said(on["check"])
		}
	}
	applied, claims, change := c.fix(e, list)
	if !claims {
		assert.Emptyf(c.rt, e["fixed"], "%v claims to fix", e)
		return false
	}
	if !applied {
		assert.Emptyf(c.rt, e["fixed"], "the fix is refused: %v", e)
		return false
	}
	licences := e["fix"] == "seats" || e["fix"] == "readers"
	for _, f := range list {
		id := fmt.Sprint(f["requestId"])
		want, concerned := after[id]
		if !concerned && !licences {
			continue
		}
		got := c.again(id, change)
		if concerned && want != "unknown" {
			assert.Equalf(c.rt, want, got, "after the fix %v of %v", e["text"], f)
		}
	}
	return true
}

// TestEffects_AreWhatThenHappens makes fixes in generated tenants, and sends the failed requests
// again.
func TestEffects_AreWhatThenHappens(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		verified := map[string]int{}
		fixes := []string{"seats", "other_user", "unprotect", "retry", "check"}
		untried := func(fix string) bool { return verified[fix] == 0 }
		// Few tenants can try some fixes: there are more until each has been tried.
		for round := 0; round < 4 || round < 20 && slices.ContainsFunc(fixes, untried); round++ {
			rapid.Check(t, func(rt *rapid.T) { foresee(rt, New(t, enginetest.Memory(t), 2), verified) })
		}
		for _, fix := range fixes {
			require.NotZerof(t, verified[fix], "no effect of %s was tried: %v", fix, verified)
		}
	})
	t.Run("dynamodb", func(t *testing.T) {
		tabletest.Endpoint(t)
		verified := map[string]int{}
		random := rand.NewChaCha8([32]byte{1})
		for range 4 {
			draws := make([]byte, 8<<10)
			_, _ = random.Read(draws)
			rapid.MakeFuzz(func(rt *rapid.T) { foresee(rt, New(t, tabletest.Dynamo(t), 2), verified) })(t, draws)
		}
		require.NotEmpty(t, verified)
	})
}

// foresee makes a tenant, and tries one effect or one check.
func foresee(rt *rapid.T, s *Stage, verified map[string]int) {
	c := &troubles{Stage: s, rt: rt, sent: map[string]sentRequest{}}
	for range rapid.IntRange(8, 30).Draw(rt, "steps") {
		c.Pass(5 * time.Millisecond)
		if rapid.IntRange(0, 2).Draw(rt, "kind") == 0 {
			c.inApp()
		} else {
			c.request()
		}
	}
	list, effects := c.failing()
	if len(list) == 0 {
		return
	}
	if len(effects) > 0 && rapid.IntRange(0, 3).Draw(rt, "effect") > 0 {
		e := rapid.SampledFrom(effects).Draw(rt, "which")
		if c.verify(e, list) {
			verified[fmt.Sprint(e["fix"])]++
		}
		return
	}
	f := rapid.SampledFrom(list).Draw(rt, "failure")
	if want := said(f["check"]); want != "unknown" {
		require.Equalf(rt, want, c.again(fmt.Sprint(f["requestId"]), nil), "%v", f)
		verified["check"]++
	}
}

// adminLine returns the event of the newest request to the admin API.
func (s *Stage) adminLine() (line map[string]any) {
	for text := range strings.Lines(s.log.String()) {
		var one map[string]any
		if json.Unmarshal([]byte(text), &one) == nil && one["event"] == "admin.request" {
			line = one
		}
	}
	return line
}

// What is read for checks and effects has a bound, whatever fails.
func TestEffects_ReadsAreBounded(t *testing.T) {
	s := New(t, enginetest.Memory(t), 2)
	holder := s.user(`"userName":"holder","emails":[{"value":"held@x.org"}]`)
	s.user(`"userName":"other"`)
	s.must(s.Ask("PATCH", "/tenants/acme/users/"+holder, `{"protected":true}`))
	group := s.must(s.Send("POST", "/Groups", stage.Group("Design", holder))).ID()
	for i := range 60 {
		s.Send("POST", "/Users", stage.User(fmt.Sprintf(`"userName":"new%d","externalId":"e%[1]d","emails":[{"value":"mail%[1]d@x.org"}]`, i)))
		s.Send("POST", "/Users", stage.User(fmt.Sprintf(`"userName":"mail%d","emails":[{"value":"held@x.org"}]`, i)))
		s.Send("PATCH", fmt.Sprintf("/Users/gone%d", i), stage.Patch(`{"op":"replace","path":"active","value":true}`))
	}
	for i := range 45 {
		s.Send("POST", "/Groups", fmt.Sprintf(`{"schemas":[%q],"displayName":"Design","externalId":"g%d"}`, scim.CoreGroupURN, i))
		s.Send("PATCH", fmt.Sprintf("/Groups/gone%d", i), stage.Patch(`{"op":"add","path":"members","value":[{"value":"`+holder+`"}]}`))
	}
	s.Send("PATCH", "/Groups/"+group, stage.Patch(`{"op":"remove","path":"members"}`))
	list := s.must(s.Ask("GET", "/tenants/acme/failed-users?limit=200", ""))
	require.Equal(t, 60+60+1+45+1, len(list.Body["failedUsers"].([]any)))
	before, _ := s.adminLine()["roundTrips"].(float64)
	for query, bound := range map[string]float64{"check=true&limit=200": 36, "effect=true": 24} {
		answer := s.must(s.Ask("GET", "/tenants/acme/failed-users?"+query, ""))
		line := s.adminLine()
		t.Logf("%s: %v round trips, %v read units", query, line["roundTrips"], line["readUnits"])
		assert.LessOrEqualf(t, line["roundTrips"], before+bound, "%s: %v", query, line)
		assert.LessOrEqualf(t, line["readUnits"], 1100.0, "%s: %v", query, line)
		assert.Zero(t, line["writeUnits"])
		if query == "effect=true" {
			assert.NotEmpty(t, answer.Body["effects"])
			assert.Equal(t, true, answer.Body["effectsMore"])
		}
	}
}

// Groups that skipped a deleted user must be pushed again once the user is restored.
func TestEffects_NameTheGroupsToPushAgain(t *testing.T) {
	s := New(t, enginetest.Memory(t), 1)
	anna := s.user(`"userName":"anna"`)
	s.must(s.Send("DELETE", "/Users/"+anna, ""))
	s.must(s.Send("POST", "/Groups", stage.Group("Design", anna)))
	sales := s.must(s.Send("POST", "/Groups", stage.Group("Sales"))).ID()
	s.must(s.Send("POST", "/Groups", stage.Group("Other", "somebody-else")))
	s.must(s.Send("PATCH", "/Groups/"+sales, stage.Patch(`{"op":"add","path":"members","value":[{"value":"`+anna+`"}]}`)))
	s.user(`"userName":"holder"`)
	require.Equal(t, 403, s.Send("POST", "/Users", stage.User(`"userName":"anna"`)).Status)
	effects := s.must(s.Ask("GET", "/tenants/acme/failed-users?effect=true", "")).Body["effects"].([]any)
	require.Len(t, effects, 1)
	e := effects[0].(map[string]any)
	var groups []string
	for _, g := range e["push"].([]any) {
		groups = append(groups, fmt.Sprint(g.(map[string]any)["name"]))
	}
	require.ElementsMatch(t, []string{"Design", "Sales"}, groups)
	require.Contains(t, e["text"], "1 more seat fixes 1 user. Then use Retry Selected for the user under Dashboard > Tasks; then select Push now for the group under Push Groups (Sales, Design).")
}
