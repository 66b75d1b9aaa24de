package system

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
	"github.com/rollcall-scim/rollcall/internal/guide"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A setup is the set-up of a connection, by requests that were recorded from its product.
type setup struct {
	*story
	connection string
	// credential is the id of the token or client that was created for it.
	credential string
	agent      string
	cases      map[string]replay.Case
	ids        map[string]string
}

func newSetup(t *testing.T, connection, agent string) *setup {
	t.Helper()
	s := &setup{story: newStory(t, enginetest.Memory, `{"maxSeats":2}`), connection: connection, agent: agent, cases: map[string]replay.Case{}, ids: map[string]string{"run": ""}}
	cases, err := replay.Cases()
	require.NoError(t, err)
	for _, c := range cases {
		s.cases[c.ID] = c
	}
	return s
}

// document reads a document of the admin API.
func document[T any](s *setup, path string) (value T) {
	s.t.Helper()
	text, err := json.Marshal(s.mustAdmin(200, "GET", path, ""))
	require.NoError(s.t, err)
	require.NoErrorf(s.t, jsonv2.Unmarshal(text, &value), "%s: %s", path, text)
	return value
}

type causesDocument struct {
	Causes []adminwire.Cause `json:"causes"`
}

// checks returns the checks of the connection by what the admin API says.
func (s *setup) checks() []guide.Check {
	s.t.Helper()
	known := guide.Known{
		Overview: document[adminwire.Overview](s, "/tenants/acme/overview"),
		Tokens:   document[adminwire.Tokens](s, "/tenants/acme/tokens").Tokens,
		Clients:  document[adminwire.Clients](s, "/tenants/acme/clients").Clients,
		Causes:   document[causesDocument](s, "/causes").Causes,
	}
	for _, q := range guide.Searches() {
		values := url.Values{"limit": {fmt.Sprint(q.Limit)}}
		for name, value := range map[string]string{"resourceType": q.ResourceType, "outcome": q.Outcome} {
			if value != "" {
				values.Set(name, value)
			}
		}
		known.Entries = append(known.Entries, document[adminwire.Log](s, "/tenants/acme/log?"+values.Encode()).Entries...)
	}
	p, c, ok := guide.Find(s.connection)
	require.True(s.t, ok)
	return guide.Checks(p, c, s.credential, known)
}

// shows fails the test unless the checks have the states, by their first letters: for
// example "pw" for passed and waiting. It returns the checks by kind.
func (s *setup) shows(when, states string) map[guide.CheckKind]guide.Check {
	s.t.Helper()
	got, by := "", map[guide.CheckKind]guide.Check{}
	for _, c := range s.checks() {
		got += string(c.State[0])
		by[c.Kind] = c
	}
	require.Equalf(s.t, states, got, "%s: %+v", when, by)
	return by
}

// replays sends a recorded request, and returns its answer.
func (s *setup) replays(id string, status int) answer {
	s.t.Helper()
	c, ok := s.cases[id]
	require.Truef(s.t, ok, "no request %s was recorded", id)
	fill := func(text string) string {
		for name, value := range s.ids {
			text = strings.ReplaceAll(text, "{{"+name+"}}", value)
		}
		return text
	}
	body := ""
	if string(c.Body) != "null" {
		body = fill(string(c.Body))
	}
	a := s.send(c.Method, fill(c.Path), body, "User-Agent", s.agent)
	require.Equalf(s.t, status, a.status, "%s: %v", id, a.body)
	s.now = s.now.Add(time.Minute)
	return a
}

// With each of Okta's requests another check passes, and the failing one explains itself.
func TestGuide_ChecksOfOktaPassOneByOne(t *testing.T) {
	s := newSetup(t, "okta", "Okta SCIM Client 1.0.0")
	list := document[adminwire.Tokens](s, "/tenants/acme/tokens").Tokens
	s.credential = list[0].ID
	s.shows("before the first request", "wwww")

	s.replays("okta-001-test-credentials", 200)
	assert.NotNil(t, s.shows("the connection test", "pwww")[guide.Connected].Time)

	s.must(201, "POST", "/Users", userBody(`"userName":"x"`))
	s.must(201, "POST", "/Users", userBody(`"userName":"y"`))
	s.credential = "" // the two users are not Okta's
	s.replays("okta-009-create-no-seat", 403)
	c := s.shows("all seats are in use", "pfww")[guide.FirstUser]
	assert.Equal(t, "seat_limit", c.Cause)
	assert.Equal(t, "All seats of the tenant are in use.", c.Text)
	assert.Contains(t, c.WhatToDo, "Dashboard > Tasks")
	assert.Contains(t, c.Documentation, "causes.md#seat_limit")
	assert.True(t, c.RequestID != "" && c.Subject == "seat@example.com" && c.Detail == "2 of 2 seats in use; nothing was changed.", "%+v", c)

	s.mustAdmin(200, "PATCH", "/tenants/acme", `{"maxSeats":null}`)
	s.later()
	created := s.replays("okta-004-create", 201)
	s.ids["userId"], _ = created.body["id"].(string)
	c = s.shows("a user is provisioned", "ppww")[guide.FirstUser]
	assert.Equal(t, []string{"test.user@example.com", created.header.Get("X-Request-Id"), "The user was created."}, []string{c.Subject, c.RequestID, c.Text})

	s.ids["groupId"], _ = s.replays("okta-g03-create", 201).body["id"].(string)
	s.shows("a group is pushed", "pppw")
	s.replays("okta-g09-unknown-member", 200)
	c = s.shows("a member is skipped", "pppw")[guide.GroupPush]
	assert.Equal(t, "unknown_members", c.Cause)
	assert.Contains(t, c.WhatToDo, "Push Groups")

	s.replays("okta-015-put-deactivate", 200)
	s.shows("the user is unassigned", "pppp")

	s.mustAdmin(204, "DELETE", "/tenants/acme/tokens/"+list[0].ID, "")
	s.later()
	s.replays("okta-001-test-credentials", 401)
	c = s.shows("the token is revoked and still in use", "fppp")[guide.Connected]
	assert.Equal(t, "token_revoked", c.Cause)
	assert.Contains(t, c.WhatToDo, "Provisioning > Integration")
}

// Entra's client is recognized by its label alone. A wrong secret explains itself before any
// request of SCIM comes.
func TestGuide_ChecksOfEntraPassOneByOne(t *testing.T) {
	s := newSetup(t, "entra-oauth", "")
	p, _, _ := guide.Find(s.connection)
	client := s.mustAdmin(201, "POST", "/tenants/acme/clients", `{"label":"`+p.Label()+`"}`)
	s.credential, _ = client["clientId"].(string)
	secret, _ := client["clientSecret"].(string)
	s.shows("before the first request", "wwww")

	s.requestToken(s.app, url.Values{"client_id": {s.credential}, "client_secret": {"wrong"}})
	c := s.shows("a wrong secret", "fwww")[guide.Connected]
	assert.Equal(t, "secret_unknown", c.Cause)
	assert.Contains(t, c.WhatToDo, "Client Secret under Provisioning")

	s.now = s.now.Add(time.Minute)
	got := s.requestToken(s.app, url.Values{"client_id": {s.credential}, "client_secret": {secret}})
	s.token, _ = got.body["access_token"].(string)
	s.replays("entra-002-probe-group", 200)
	s.shows("the connection test", "pwww")

	s.ids["userId"], _ = s.replays("entra-008-create", 201).body["id"].(string)
	s.shows("a user is provisioned", "ppww")
	a := s.send("POST", "/Groups", groupBody("Staff"), "User-Agent", "")
	s.ids["groupId"], _ = a.body["id"].(string)
	s.replays("entra-g06-add-member-null-ref", 200)
	assert.Equal(t, "Staff", s.shows("a group is provisioned", "pppw")[guide.GroupPush].Subject)
	s.replays("entra-013-disable-string", 200)
	s.shows("the user is removed", "pppp")

	// The requests of Entra are none of Okta's connection.
	s.connection, s.credential = "okta", ""
	s.shows("of Okta", "wwww")
}
