package lambdaruntime_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime/runtimetest"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// deployment is a table in the test's DynamoDB, with one tenant and its token.
type deployment struct {
	t     *testing.T
	env   map[string]string
	token string
}

func deploy(t *testing.T) *deployment {
	t.Helper()
	endpoint, name := newTable(t)
	client, err := dynamo.NewLocalClient(t.Context(), endpoint)
	require.NoError(t, err)
	ctx := t.Context()
	s := app.NewStore(dynamo.New(client, name, dynamo.AttemptTimeout(20*time.Second)), app.Options{})
	token, record := mint(t)
	now := time.Now()
	id, err := tenant.ParseID("acme")
	require.NoError(t, err)
	require.NoError(t, s.CreateTenant(ctx, id, tenant.DefaultSettings(), 10, tenant.Unlimited, now))
	record.Created = now
	require.NoError(t, s.SaveToken(ctx, id, record))
	return &deployment{t: t, env: variables(endpoint, name), token: token}
}

// newTable creates an empty table.
func newTable(t *testing.T) (endpoint, name string) {
	t.Helper()
	endpoint = tabletest.Endpoint(t)
	client, err := dynamo.NewLocalClient(t.Context(), endpoint)
	require.NoError(t, err)
	name = "rollcall-test-" + uuid.NewString()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, dynamo.CreateTable(ctx, client, name))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		assert.NoError(t, dynamo.DropTable(ctx, client, name), "the test's table was not deleted")
	})
	return endpoint, name
}

// send sends a request, and checks its answer's status and its event.
func (d *deployment) send(f *lambdaruntime.Function, status int, method, path, body string) answer {
	d.t.Helper()
	r := runtimetest.Invoke(d.t, f, event(d.t, method, path, d.token, body))
	a := answerOf(d.t, r)
	require.Equalf(d.t, status, a.status, "%s %s: %d %v, want %d\n%s", method, path, a.status, a.body, status, r.Logs)
	line := requestLine(d.t, r)
	if line["status"] != float64(status) || line["tenant"] != "acme" || line["requestId"] != a.header.Get("X-Request-Id") {
		d.t.Errorf("%s %s: event %v", method, path, line)
	}
	wantNoSecret(d.t, r, d.token)
	return a
}

func TestBinaries_ServeATenantFromDynamoDB(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	userFunction := runtimetest.Start(t, users, d.env)
	groupFunction := runtimetest.Start(t, groups, d.env)

	a := d.send(userFunction, 201, "POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],
		"userName":"alice@example.com","name":{"givenName":"Alice","familyName":"Archer"}}`)
	id, _ := a.body["id"].(string)
	require.Truef(t, id != "" && a.header.Get("Location") == baseURL+"/Users/"+id, "id %q, Location %q", id, a.header.Get("Location"))
	if a := d.send(userFunction, 200, "GET", "/Users/"+id, ""); a.body["userName"] != "alice@example.com" || a.body["active"] != true {
		t.Errorf("the user reads %v", a.body)
	}

	a = d.send(groupFunction, 201, "POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],
		"displayName":"Design","members":[{"value":"`+id+`"}]}`)
	group, _ := a.body["id"].(string)
	a = d.send(groupFunction, 200, "GET", "/Groups/"+group, "")
	members, _ := a.body["members"].([]any)
	assert.Lenf(t, members, 1, "the group reads %v", a.body)
	a = d.send(userFunction, 200, "GET", "/Users/"+id+"?attributes=groups", "")
	of, _ := a.body["groups"].([]any)
	assert.Lenf(t, of, 1, "the user's groups read %v", a.body)

	a = d.send(userFunction, 200, "PATCH", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations":[{"op":"replace","path":"active","value":false}]}`)
	assert.Truef(t, a.body["active"] == false, "the deactivated user reads %v", a.body)
	d.send(userFunction, 204, "DELETE", "/Users/"+id, "")
	d.send(userFunction, 404, "GET", "/Users/"+id, "")
	a = d.send(groupFunction, 200, "GET", "/Groups/"+group, "")
	members, _ = a.body["members"].([]any)
	assert.Emptyf(t, members, "the group has a deleted member: %v", a.body)

	discoveryFunction := runtimetest.Start(t, discovery, d.env)
	for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes/User"} {
		d.send(discoveryFunction, 200, "GET", path, "")
	}

	sweepFunction := runtimetest.Start(t, sweep, d.env)
	// The first sweep also looks for credentials of earlier versions that end.
	runtimetest.Invoke(t, sweepFunction, []byte(scheduled))
	r := runtimetest.Invoke(t, sweepFunction, []byte(scheduled))
	assert.Truef(t, r.Failure == nil && string(r.Response) == "null", "the sweep answers %s, %v", r.Response, r.Failure)
	all := lines(t, r.Logs)
	if len(all) != 1 || all[0]["event"] != "scim.sweep" || all[0]["level"] != "INFO" || all[0]["failed"] != 0.0 || all[0]["roundTrips"] != 2.0 {
		t.Errorf("log %s", r.Logs)
	}
}
