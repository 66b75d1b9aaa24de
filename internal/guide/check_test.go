package guide_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/guide"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// entry returns an entry of Okta's, with its minute as its id.
func entry(minute int, change func(*adminwire.Entry)) adminwire.Entry {
	e := adminwire.Entry{
		ID: at(minute).String(), RequestID: "r" + at(minute).Format("1504"), Time: at(minute), By: "idp", IdP: "okta", TokenID: "tok1",
		ResourceType: "User", Operation: "create", Outcome: "success", Action: "created", Subject: "alice@example.com",
	}
	if change != nil {
		change(&e)
	}
	return e
}

// refusal returns an entry of a refused request.
func refusal(minute int, cause string, change func(*adminwire.Entry)) adminwire.Entry {
	return entry(minute, func(e *adminwire.Entry) {
		e.Outcome, e.Action, e.Cause, e.Detail, e.WhatToDo, e.Documentation = "failure", "", cause, "Refused: "+cause+".", "Do this in Okta.", "https://docs.example/"+cause
		if change != nil {
			change(e)
		}
	})
}

var causes = []adminwire.Cause{
	{Cause: "token_revoked", Summary: "This token was revoked.", WhatToDo: "Create a token.", Advice: map[string]string{"okta": "Enter it under Integration."}},
	{Cause: "seat_limit", Summary: "All seats are in use.", WhatToDo: "Free a seat."},
	{Cause: "unknown_members", Summary: "Members were sent that are no users.", WhatToDo: "Assign them."},
}

// only returns the check of a kind for the connection okta.
func only(t *testing.T, kind guide.CheckKind, credential string, known guide.Known) guide.Check {
	t.Helper()
	p, c, ok := guide.Find("okta")
	require.True(t, ok)
	known.Causes = causes
	for _, check := range guide.Checks(p, c, credential, known) {
		if check.Kind == kind {
			return check
		}
	}
	t.Fatalf("no check %s", kind)
	return guide.Check{}
}

func seen(idp, token string, minute int) adminwire.Overview {
	return adminwire.Overview{LastSeen: []adminwire.LastSeen{{IdP: adminwire.NullableString(idp), TokenID: token, Time: at(minute)}}}
}

func TestChecks_Connection(t *testing.T) {
	used := at(-30)
	group := func(e *adminwire.Entry) { e.ResourceType = "Group" }
	of := func(idp, token string) func(*adminwire.Entry) {
		return func(e *adminwire.Entry) { e.IdP, e.TokenID = idp, token }
	}
	tokens := []adminwire.Token{{ID: "tok1", State: "live"}, {ID: "tok2", State: "live"}}
	for name, c := range map[string]struct {
		credential string
		known      guide.Known
		state      guide.State
		minute     int // of the request that decides, 99 for none
		request    string
		cause, do  string
	}{
		"nothing came":                     {"", guide.Known{}, guide.Waiting, 99, "", "", "Select *Test Connector"},
		"another product's request":        {"", guide.Known{Overview: seen("entra", "tok2", 1), Entries: []adminwire.Entry{entry(1, of("entra", "tok2"))}}, guide.Waiting, 99, "", "", "Select"},
		"a read":                           {"", guide.Known{Overview: seen("okta", "tok1", 2)}, guide.Passed, 2, "", "", ""},
		"a change says more than the read": {"", guide.Known{Overview: seen("okta", "tok1", 2), Entries: []adminwire.Entry{entry(2, nil)}}, guide.Passed, 2, "r1202", "", ""},
		"a read after the change":          {"", guide.Known{Overview: seen("okta", "tok1", 5), Entries: []adminwire.Entry{entry(2, nil)}}, guide.Passed, 5, "", "", ""},
		"a refused change is a connection": {"", guide.Known{Entries: []adminwire.Entry{refusal(3, "seat_limit", group)}}, guide.Passed, 3, "r1203", "", ""},
		"the application's own change":     {"", guide.Known{Entries: []adminwire.Entry{entry(3, func(e *adminwire.Entry) { e.By = "app" })}}, guide.Waiting, 99, "", "", "Select"},
		"a refused token":                  {"", guide.Known{Entries: []adminwire.Entry{refusal(4, "token_revoked", nil)}}, guide.Failing, 4, "r1204", "token_revoked", "Do this in Okta."},
		"refused, then accepted":           {"", guide.Known{Overview: seen("okta", "tok1", 5), Entries: []adminwire.Entry{refusal(4, "token_revoked", nil)}}, guide.Passed, 5, "", "", ""},
		"accepted, then refused":           {"", guide.Known{Overview: seen("okta", "tok1", 3), Entries: []adminwire.Entry{entry(2, nil), refusal(4, "token_revoked", nil)}}, guide.Failing, 4, "r1204", "token_revoked", "Do this"},
		"refused by the token endpoint's rate": {
			"",
			guide.Known{Entries: []adminwire.Entry{refusal(4, "rate_limit", func(e *adminwire.Entry) { e.Operation = "token" })}},
			guide.Waiting, 99, "", "", "Select",
		},
		"SCIM is off": {
			"",
			guide.Known{Overview: adminwire.Overview{Notices: []adminwire.Notice{{Kind: "scim_off", Text: "SCIM is off.", Cause: "scim_disabled", WhatToDo: "Turn it on."}}}},
			guide.Failing, 99, "", "scim_disabled", "Turn it on.",
		},
		"the credential, of an unknown product":     {"tok1", guide.Known{Tokens: tokens, Overview: seen("other", "tok1", 1)}, guide.Passed, 1, "", "", ""},
		"another live credential of the product":    {"tok1", guide.Known{Tokens: tokens, Overview: seen("okta", "tok2", 1)}, guide.Waiting, 99, "", "", "Select"},
		"the product keeps a credential that ended": {"tok2", guide.Known{Tokens: []adminwire.Token{{ID: "tok1", State: "revoked"}, {ID: "tok2", State: "live"}}, Entries: []adminwire.Entry{refusal(4, "token_revoked", nil)}}, guide.Failing, 4, "r1204", "token_revoked", "Do this"},
		"advice of another sender's screens":        {"tok1", guide.Known{Tokens: tokens, Entries: []adminwire.Entry{refusal(4, "token_revoked", of("other", "tok1"))}}, guide.Failing, 4, "r1204", "token_revoked", "Enter it under Integration."},
		"the other token of a rotation":             {"tok1", guide.Known{Tokens: []adminwire.Token{{ID: "tok1", State: "live", ReplacedBy: "tok2"}, {ID: "tok2", State: "live", Replaces: "tok1"}}, Overview: seen("okta", "tok2", 6)}, guide.Passed, 6, "", "", ""},
		"the credential was revoked":                {"tok1", guide.Known{Tokens: []adminwire.Token{{ID: "tok1", State: "revoked"}}}, guide.Failing, 99, "", "", "Create another"},
		"used, to the hour":                         {"tok1", guide.Known{Tokens: []adminwire.Token{{ID: "tok1", State: "live", LastUsedAt: &used}}}, guide.Passed, -30, "", "", ""},
		"a client": {
			"rcc_acme_abc",
			guide.Known{Clients: []adminwire.Client{{ClientID: "rcc_acme_abc", State: "live", Federation: &adminwire.Federation{}}}, Overview: seen("", "abc", 7)},
			guide.Passed, 7, "", "", "",
		},
		"a client, used":              {"rcc_acme_abc", guide.Known{Clients: []adminwire.Client{{ClientID: "rcc_acme_abc", State: "live", LastUsedAt: &used, Keys: &adminwire.ClientKeys{}}}}, guide.Passed, -30, "", "", ""},
		"another client":              {"tok1", guide.Known{Clients: []adminwire.Client{{ClientID: "rcc_acme_abc", State: "live"}}, Overview: seen("okta", "abc", 7)}, guide.Waiting, 99, "", "", "Select"},
		"a revoked client":            {"rcc_acme_abc", guide.Known{Clients: []adminwire.Client{{ClientID: "rcc_acme_abc", State: "revoked"}}}, guide.Failing, 99, "", "", "Create another"},
		"a client without any secret": {"rcc_acme_abc", guide.Known{Clients: []adminwire.Client{{ClientID: "rcc_acme_abc", State: "live"}}}, guide.Failing, 99, "", "", "Create another"},
	} {
		got := only(t, guide.Connected, c.credential, c.known)
		assert.Equal(t, c.state, got.State, "%s: %+v", name, got)
		if c.minute == 99 {
			assert.Nil(t, got.Time, name)
		} else if assert.NotNil(t, got.Time, name) {
			assert.Equal(t, at(c.minute), *got.Time, name)
		}
		assert.Equal(t, c.request, got.RequestID, name)
		assert.Equal(t, c.cause, got.Cause, name)
		assert.Contains(t, got.Try+got.WhatToDo, c.do, name)
		assert.NotEmpty(t, got.Text, name)
	}
}

func TestChecks_Changes(t *testing.T) {
	as := func(operation, action, resource string) func(*adminwire.Entry) {
		return func(e *adminwire.Entry) { e.Operation, e.Action, e.ResourceType = operation, action, resource }
	}
	notice := func(kind, idp string) adminwire.Overview {
		return adminwire.Overview{Notices: []adminwire.Notice{{Kind: kind, IdP: idp, Text: "It has not come for weeks.", WhatToDo: "Turn it on there."}}}
	}
	skipped := entry(2, func(e *adminwire.Entry) {
		e.ResourceType, e.Outcome, e.Cause, e.WhatToDo, e.Subject = "Group", "warning", "unknown_members", "Assign them first.", "Staff"
	})
	for name, c := range map[string]struct {
		kind  guide.CheckKind
		known guide.Known
		state guide.State
		text  string
		do    string
	}{
		"no user":                           {guide.FirstUser, guide.Known{}, guide.Waiting, "No user has been provisioned yet.", "Assign the app to one person"},
		"no user for weeks":                 {guide.FirstUser, guide.Known{Overview: notice("users_absent", "okta")}, guide.Waiting, "It has not come", "Turn it on there."},
		"another product's notice":          {guide.FirstUser, guide.Known{Overview: notice("users_absent", "entra")}, guide.Waiting, "No user has", "Assign"},
		"a user":                            {guide.FirstUser, guide.Known{Entries: []adminwire.Entry{entry(1, nil)}}, guide.Passed, "The user was created.", ""},
		"a user who was linked":             {guide.FirstUser, guide.Known{Entries: []adminwire.Entry{entry(1, as("create", "linked", "User"))}}, guide.Passed, "The user was linked.", ""},
		"a group is no user":                {guide.FirstUser, guide.Known{Entries: []adminwire.Entry{entry(1, as("create", "created", "Group"))}}, guide.Waiting, "No user", ""},
		"a refused user":                    {guide.FirstUser, guide.Known{Entries: []adminwire.Entry{refusal(1, "seat_limit", nil)}}, guide.Failing, "All seats are in use.", "Do this in Okta."},
		"a cause that is not in the list":   {guide.FirstUser, guide.Known{Entries: []adminwire.Entry{refusal(1, "new_cause", nil)}}, guide.Failing, "Refused: new_cause.", "Do this in Okta."},
		"refused, then provisioned":         {guide.FirstUser, guide.Known{Entries: []adminwire.Entry{refusal(1, "seat_limit", nil), entry(2, nil)}}, guide.Passed, "created", ""},
		"provisioned, then another refused": {guide.FirstUser, guide.Known{Entries: []adminwire.Entry{entry(1, nil), refusal(2, "seat_limit", nil)}}, guide.Passed, "created", ""},
		"a refused token is no user":        {guide.FirstUser, guide.Known{Entries: []adminwire.Entry{refusal(1, "token_revoked", nil)}}, guide.Waiting, "No user", ""},
		"a refused deletion is no user":     {guide.FirstUser, guide.Known{Entries: []adminwire.Entry{refusal(1, "protected", as("delete", "", "User"))}}, guide.Waiting, "No user", ""},
		"no group":                          {guide.GroupPush, guide.Known{}, guide.Waiting, "No group", "Push Groups"},
		"no members for weeks":              {guide.GroupPush, guide.Known{Overview: notice("members_absent", "okta")}, guide.Waiting, "It has not come", "Turn it on"},
		"a group":                           {guide.GroupPush, guide.Known{Entries: []adminwire.Entry{entry(1, as("create", "created", "Group"))}}, guide.Passed, "The group was created.", ""},
		"a group without some members":      {guide.GroupPush, guide.Known{Entries: []adminwire.Entry{skipped}}, guide.Passed, "The group was created. Members were sent that are no users.", "Assign them first."},
		"a refused group":                   {guide.GroupPush, guide.Known{Entries: []adminwire.Entry{refusal(1, "duplicate_group", as("create", "", "Group"))}}, guide.Failing, "Refused", "Do this"},
		"nobody left":                       {guide.Deactivated, guide.Known{Entries: []adminwire.Entry{entry(1, nil)}}, guide.Waiting, "No user has been deactivated", "Unassign"},
		"no departures for weeks":           {guide.Deactivated, guide.Known{Overview: notice("deactivations_absent", "okta")}, guide.Waiting, "It has not come", "Turn it on"},
		"a deactivation":                    {guide.Deactivated, guide.Known{Entries: []adminwire.Entry{entry(1, as("modify", "deactivated", "User"))}}, guide.Passed, "The user was deactivated.", ""},
		"a deletion":                        {guide.Deactivated, guide.Known{Entries: []adminwire.Entry{entry(1, as("delete", "deleted", "User"))}}, guide.Passed, "The user was deleted.", ""},
		"a protected user":                  {guide.Deactivated, guide.Known{Entries: []adminwire.Entry{refusal(1, "protected", as("modify", "", "User"))}}, guide.Failing, "Refused", "Do this"},
		"a deletion of nobody":              {guide.Deactivated, guide.Known{Entries: []adminwire.Entry{refusal(1, "user_not_found", as("delete", "", "User"))}}, guide.Waiting, "No user", ""},
		"a deleted group is no departure":   {guide.Deactivated, guide.Known{Entries: []adminwire.Entry{entry(1, as("delete", "deleted", "Group"))}}, guide.Waiting, "No user", ""},
	} {
		got := only(t, c.kind, "", c.known)
		assert.Equal(t, c.state, got.State, "%s: %+v", name, got)
		assert.Contains(t, got.Text, c.text, name)
		assert.Contains(t, got.Try+got.WhatToDo, c.do, name)
		if c.state != guide.Waiting {
			assert.NotNil(t, got.Time, name)
			assert.NotEmpty(t, got.RequestID, name)
			assert.NotEmpty(t, got.Subject, name)
		}
	}
}

// A product that sends no groups has no check of them, and any other identity provider's
// requests are those of no known product.
func TestChecks_OfOtherProducts(t *testing.T) {
	p, c, _ := guide.Find("google")
	var kinds []string
	for _, check := range guide.Checks(p, c, "", guide.Known{}) {
		kinds = append(kinds, check.Kind.Title())
	}
	assert.Equal(t, []string{"Connection", "First user", "Deactivation"}, kinds)

	p, c, _ = guide.Find("another-token")
	for idp, want := range map[string]guide.State{"sailpoint": guide.Passed, "": guide.Passed, "other": guide.Passed, "okta": guide.Waiting} {
		checks := guide.Checks(p, c, "", guide.Known{Overview: seen(idp, "tok1", 1)})
		assert.Equal(t, want, checks[0].State, "%q", idp)
		assert.Equal(t, "Group push", checks[2].Kind.Title())
	}
}

func TestSearches_AreBounded(t *testing.T) {
	for _, q := range guide.Searches() {
		assert.Equal(t, 200, q.Limit)
	}
}
