package adminclient

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// answering returns a client of a service that gives one answer; asked returns the
// request that the service received.
func answering(t *testing.T, status int, answer string) (c *Client, asked func() string) {
	t.Helper()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Method + " " + r.URL.EscapedPath()
		if r.URL.RawQuery != "" {
			got += "?" + r.URL.RawQuery
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	c, err := New(server.URL+"/admin/v1", Bearer("secret"))
	require.NoError(t, err)
	return c, func() string { return strings.Replace(got, "/admin/v1", "", 1) }
}

var (
	east  = time.FixedZone("east", 2*60*60)
	since = time.Date(2026, 1, 5, 11, 9, 0, 1_000_000, east)
	until = time.Date(2026, 1, 6, 0, 0, 0, 0, time.UTC)
)

// Each method requests its path. Unset parameters are not in the query, and values are
// escaped, so that none can change the path or another parameter.
func TestClient_AsksForTheLog(t *testing.T) {
	all := adminwire.LogQuery{
		Subject: "a&b=c+d/é%", Cause: "seat_limit", Outcome: "failure", From: since, To: until, Page: adminwire.Page{After: "x+/=", Limit: 7}, ResourceType: "User",
	}
	const encoded = "after=x%2B%2F%3D&cause=seat_limit&from=2026-01-05T09%3A09%3A00.001Z&limit=7&outcome=failure&resourceType=User" +
		"&subject=a%26b%3Dc%2Bd%2F%C3%A9%25&to=2026-01-06T00%3A00%3A00Z"
	for name, tt := range map[string]struct {
		ask  func(context.Context, *Client) error
		want string
	}{
		"log": {func(ctx context.Context, c *Client) error {
			_, err := c.Log(ctx, "acme", adminwire.LogQuery{})
			return err
		}, "GET /tenants/acme/log"},
		"log, all": {func(ctx context.Context, c *Client) error {
			_, err := c.Log(ctx, "acme", all)
			return err
		}, "GET /tenants/acme/log?" + encoded},
		"users, narrowed": {func(ctx context.Context, c *Client) error {
			_, err := c.Users(ctx, "acme", adminwire.UsersQuery{Subject: "é", State: "deleted", ManagedBy: "idp", Deleted: "true", Page: adminwire.Page{After: "x", Limit: 5}})
			return err
		}, "GET /tenants/acme/users?after=x&deleted=true&limit=5&managedBy=idp&state=deleted&subject=%C3%A9"},
		"a user": {func(ctx context.Context, c *Client) error {
			_, err := c.User(ctx, "acme", "../u")
			return err
		}, "GET /tenants/acme/users/..%2Fu"},
		"members": {func(ctx context.Context, c *Client) error {
			_, err := c.GroupMembers(ctx, "acme", "g?", "x", 5)
			return err
		}, "GET /tenants/acme/groups/g%3F/members?after=x&limit=5"},
		"a tenant that is none": {func(ctx context.Context, c *Client) error {
			_, err := c.Log(ctx, "../a?b#c", adminwire.LogQuery{})
			return err
		}, "GET /tenants/..%2Fa%3Fb%23c/log"},
		"failed users": {func(ctx context.Context, c *Client) error {
			_, err := c.FailedUsers(ctx, "acme", adminwire.LogQuery{})
			return err
		}, "GET /tenants/acme/failed-users"},
		"failed users, narrowed": {func(ctx context.Context, c *Client) error {
			_, err := c.FailedUsers(ctx, "acme", adminwire.LogQuery{Subject: "é", Cause: "duplicate", ResourceType: "Group", Page: adminwire.Page{After: "x", Limit: 200}})
			return err
		}, "GET /tenants/acme/failed-users?after=x&cause=duplicate&limit=200&resourceType=Group&subject=%C3%A9"},
		"request": {func(ctx context.Context, c *Client) error {
			_, err := c.Request(ctx, "acme", "a/b c")
			return err
		}, "GET /tenants/acme/requests/a%2Fb%20c"},
		"overview": {func(ctx context.Context, c *Client) error {
			_, err := c.Overview(ctx, "acme")
			return err
		}, "GET /tenants/acme/overview"},
		"causes": {func(ctx context.Context, c *Client) error {
			_, err := c.Causes(ctx)
			return err
		}, "GET /causes"},
	} {
		t.Run(name, func(t *testing.T) {
			c, asked := answering(t, http.StatusOK, "{}")
			assert.NoError(t, tt.ask(t.Context(), c))
			assert.Equal(t, tt.want, asked(), "asked")
			for what, answer := range map[string]string{"no JSON": "<html>", "of another kind": "[]", "cut": `{"entries":[{`} {
				c, _ := answering(t, http.StatusOK, answer)
				assert.Errorf(t, tt.ask(t.Context(), c), "an answer that is %s is taken", what)
			}
			c, _ = answering(t, http.StatusNotFound, `{"status":404,"detail":"There is no such tenant."}`)
			var problem *Problem
			if err := tt.ask(t.Context(), c); !errors.As(err, &problem) || problem.Status != http.StatusNotFound || problem.Detail != "There is no such tenant." {
				t.Errorf("a refusal is %v", err)
			}
		})
	}
}

// want reads the body of an expected answer, which the tests of the service
// compare too.
func want(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "events", "admin", name+".want.json"))
	require.NoError(t, err)
	var answer struct{ Body json.RawMessage }
	require.NoError(t, json.Unmarshal(text, &answer))
	const at = "2026-01-05T00:00:00.000Z"
	return strings.NewReplacer("{{time}}", at, "{{any}}", at).Replace(string(answer.Body))
}

// The client decodes every member of the service's expected answers.
func TestClient_ReadsTheServicesAnswers(t *testing.T) {
	dora := time.Date(2026, 1, 5, 9, 9, 0, 0, time.UTC)
	const id = "019b8d62-7a80-7000-8000-0000000000f1"
	c, _ := answering(t, http.StatusOK, want(t, "log"))
	log, err := c.Log(t.Context(), "acme", adminwire.LogQuery{})
	require.Truef(t, err == nil && len(log.Entries) == 1 && log.Next == "" && log.SearchedTo == nil, "the log: %+v, %v", log, err)
	e := log.Entries[0]
	if e.RequestID != id || !e.Time.Equal(dora) || e.By != "idp" || e.Outcome != "failure" || e.Status != 403 || e.Cause != "seat_limit" ||
		e.Subject != "dora@example.com" || e.ExternalID != "00u1dora" || !strings.HasPrefix(e.WhatToDo, "Free a seat") || e.MembersSet != nil {
		t.Errorf("the entry: %+v", e)
	}
	if e.Seats == nil || e.Seats.Used == nil || *e.Seats.Used != 2 || e.Seats.Limit.Value == nil || *e.Seats.Limit.Value != 2 || e.Seats.AsOf == nil || !e.Seats.AsOf.Equal(dora) {
		t.Errorf("the seats then: %+v", e.Seats)
	}
	c, _ = answering(t, http.StatusOK, want(t, "failed_users"))
	failed, err := c.FailedUsers(t.Context(), "acme", adminwire.LogQuery{})
	if err != nil || len(failed.FailedUsers) != 1 || failed.FailedUsers[0].Count != 1 || failed.FailedUsers[0].RequestID != id ||
		failed.FailedUsers[0].ResourceID != "" || !failed.FailedUsers[0].FirstFailure.Equal(dora) {
		t.Errorf("failed users: %+v, %v", failed, err)
	}
	c, _ = answering(t, http.StatusOK, want(t, "request"))
	x, err := c.Request(t.Context(), "acme", id)
	if err != nil || x.Now != "failing" || x.Failing == nil || x.Failing.Cause != "seat_limit" || x.FixedBy != nil || !reflect.DeepEqual(x.Entries, log.Entries) {
		t.Errorf("the explanation: %+v, %v", x, err)
	}
	c, _ = answering(t, http.StatusOK, want(t, "overview"))
	o, err := c.Overview(t.Context(), "acme")
	if err != nil || o.Failing != 1 || o.Seats.Limit == nil || *o.Seats.Limit != 5 || o.Seats.Used != 2 || o.Readers.Limit != nil || len(o.Failures) == 0 || len(o.LastSync) == 0 ||
		o.State != "failing" || o.Summary == "" || o.FailingCauses["seat_limit"] != 1 || len(o.LastSeen) != 2 || o.LastSeen[0].IdP != "okta" {
		t.Errorf("the overview: %+v, %v", o, err)
	}
	c, _ = answering(t, http.StatusOK, want(t, "causes"))
	causes, err := c.Causes(t.Context())
	at := slices.IndexFunc(causes, func(c adminwire.Cause) bool { return c.Cause == "seat_limit" })
	if err != nil || at < 0 || causes[at].Status != 403 || causes[at].Where != "log" || causes[at].Advice["okta"] != e.WhatToDo || causes[at].Summary == "" {
		t.Errorf("the causes: %v, %v", causes, err)
	}
}

// The client's types have exactly the members that the service's description
// has.
func TestTypes_AreThoseOfTheDescription(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "adminapi", "openapi.json"))
	require.NoError(t, err)
	var described struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal(text, &described))
	for _, kind := range []reflect.Type{
		reflect.TypeFor[adminwire.Entry](),
		reflect.TypeFor[adminwire.Member](),
		reflect.TypeFor[adminwire.Seats](),
		reflect.TypeFor[adminwire.FailedUser](),
		reflect.TypeFor[adminwire.Explanation](),
		reflect.TypeFor[adminwire.Overview](),
		reflect.TypeFor[adminwire.Notice](),
		reflect.TypeFor[adminwire.Count](),
		reflect.TypeFor[adminwire.Log](),
		reflect.TypeFor[adminwire.FailedUsers](),
		reflect.TypeFor[adminwire.Nothing](),
		reflect.TypeFor[adminwire.Diagnosis](),
		reflect.TypeFor[adminwire.Cause](),
		reflect.TypeFor[adminwire.User](),
		reflect.TypeFor[adminwire.GroupMembers](),
	} {
		name := kind.Name()
		t.Run(name, func(t *testing.T) {
			var has, wants []string
			for i := range kind.NumField() {
				name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
				has = append(has, name)
			}
			for member := range described.Components.Schemas[name].Properties {
				wants = append(wants, member)
			}
			slices.Sort(has)
			slices.Sort(wants)
			assert.Truef(t, slices.Equal(has, wants), "the client reads %v, described are %v", has, wants)
		})
	}
}

// A change is sent once, for the version that was read.
func TestClient_ChangesOneVersion(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(context.Context, *Client) error
		want   string
	}{
		"a user": {func(ctx context.Context, c *Client) error {
			return c.ChangeUser(ctx, "acme", "u/1", 7, adminwire.UserChange{Active: adminwire.Of(false)})
		}, `PATCH /tenants/acme/users/u%2F1 W/"7" {"active":false}`},
		"a tenant": {func(ctx context.Context, c *Client) error {
			return c.ChangeTenant(ctx, "acme", "v1", adminwire.TenantSettings{MaxSeats: adminwire.Optional[int64]{Set: true}})
		}, `PATCH /tenants/acme W/"v1" {"maxSeats":null}`},
	} {
		for _, status := range []int{http.StatusOK, http.StatusPreconditionFailed, http.StatusServiceUnavailable} {
			var got []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = append(got, strings.Replace(r.Method+" "+r.URL.EscapedPath()+" "+r.Header.Get("If-Match")+" "+string(body), "/admin/v1", "", 1))
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "{}")
			}))
			c, err := New(server.URL+"/admin/v1", Bearer("secret"))
			require.NoError(t, err)
			err = tt.change(t.Context(), c)
			server.Close()
			var problem *Problem
			assert.Equal(t, status != http.StatusOK, errors.As(err, &problem), "%s, %d: %v", name, status, err)
			assert.Equal(t, []string{tt.want}, got, "%s, %d", name, status)
		}
	}
}
