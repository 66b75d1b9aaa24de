package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/e2e/eventfile"
)

func TestFunctionOf_FollowsTheRoute(t *testing.T) {
	for _, tt := range []struct {
		event, name, want, problem string
	}{
		{event: `{"routeKey":"ANY /scim/v2/Users"}`, want: "UsersFunction"},
		{event: `{"routeKey":"ANY /scim/v2/users/{id}"}`, want: "UsersFunction"},
		{event: `{"routeKey":"ANY /scim/v2/Groups/{id}"}`, want: "GroupsFunction"},
		{event: `{"routeKey":"ANY /scim/v2/Schemas"}`, want: "DiscoveryFunction"},
		{event: `{"routeKey":"$default"}`, want: "BulkFunction"},
		{event: `{"source":"aws.events","resources":["arn:aws:events:us-east-1:1:rule/rollcall-SweepFunctionSchedule"]}`, want: "SweepFunction"},
		{event: `{"source":"aws.events","resources":["arn:aws:events:us-east-1:1:rule/rollcall-DeliverFunctionSchedule"]}`, want: "DeliverFunction"},
		{event: `{"Records":[{"eventSource":"aws:dynamodb"}]}`, want: "FeedFunction"},
		{event: `{"Records":[{"eventSource":"aws:sqs"}]}`, want: "DeliverFunction"},
		{event: `{"source":"aws.events"}`, problem: "name the function with --function"},
		{event: `{"routeKey":"ANY /scim/v2/Users"}`, name: "sweep", want: "SweepFunction"},
		{event: `{}`, name: "GroupsFunction", want: "GroupsFunction"},
		{event: `{"routeKey":"ANY /Users"}`, problem: "template.yaml has no route ANY /Users"},
		{event: `{}`, problem: "name the function with --function"},
		{event: `[`, problem: "not a JSON object"},
	} {
		got, err := functionOf([]byte(tt.event), tt.name)
		switch {
		case tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)):
			t.Errorf("%s: %v, want %s", tt.event, err, tt.problem)
		case tt.problem == "" && (err != nil || got != tt.want):
			t.Errorf("%s %s: %s %v, want %s", tt.event, tt.name, got, err, tt.want)
		}
	}
}

func TestTried_HasAnEventForEachFunction(t *testing.T) {
	tried := tryEvents(t)
	for _, function := range []string{"UsersFunction", "GroupsFunction", "BulkFunction", "AdminFunction", "DiscoveryFunction", "OAuthFunction", "PortalFunction", "SweepFunction", "FeedFunction", "DeliverFunction"} {
		assert.Equalf(t, 1, tried[function], "%d events are tried on %s, want one", tried[function], function)
	}
}

func tryEvents(t *testing.T) map[string]int {
	t.Helper()
	count := make(map[string]int)
	for _, name := range tried {
		e, err := readEvent(filepath.Join("..", "..", name))
		require.Truef(t, err == nil && e.want != nil, "%s: %v", name, err)
		f, err := functionOf(e.payload, "")
		require.NoErrorf(t, err, "%s", name)
		count[f]++
	}
	return count
}

func TestReadEvent_TakesOneWithoutAnExpectedAnswer(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mine.json")
	write(t, name, `{"routeKey":"$default"}`)
	e, err := readEvent(name)
	assert.Truef(t, err == nil && e.want == nil && string(e.payload) == `{"routeKey":"$default"}`, "%+v %v", e, err)
	write(t, eventfile.WantPath(name), `{"abuot":"misspelt"}`)
	_, err = readEvent(name)
	assert.Error(t, err, "an invalid expected answer is accepted")
}

func TestLogged_FindsTheFunctionsEvents(t *testing.T) {
	said := `Invoking bootstrap (provided.al2023)
START RequestId: x
{"event":"scim.request","status":201}
END RequestId: x
{"level":"INFO","message":"failed to get the next invoke: connection reset by peer"}
`
	lines := logged(said)
	assert.Truef(t, len(lines) == 1 && lines[0]["status"] == 201.0, "%v", lines)
}

func TestAnswer_IsComparedWithItsWant(t *testing.T) {
	e := event{want: &eventfile.Want{About: "a test", Status: 404, Headers: map[string]string{"location": "{{baseUrl}}/Users/1"}}}
	a := answer{payload: []byte(`{"statusCode":404,"headers":{"Location":"` + fixture.BaseURL + `/Users/1"}}`)}
	assert.NoError(t, a.check(e))
	e.want.Status = 200
	assert.Error(t, a.check(e), "another status passes")
}

func TestPrintAnswer_ShowsWhatAClientSees(t *testing.T) {
	for payload, want := range map[string]string{
		`{"statusCode":200,"headers":{"Content-Type":"application/scim+json"},"body":"{\"id\":\"1\"}"}`: "\n200 OK\nContent-Type: application/scim+json\n\n{\n  \"id\": \"1\"\n}\n",
		`{"statusCode":204,"headers":{},"body":""}`:                                                     "\n204 No Content\n",
		`{"statusCode":200,"body":"aGk=","isBase64Encoded":true}`:                                       "\n200 OK\n\nhi\n",
		`null`: "\nnull\n",
	} {
		var out bytes.Buffer
		printAnswer(&out, []byte(payload))
		assert.Equalf(t, want, out.String(), "%s", payload)
	}
}

func TestDocs_NameEveryDifference(t *testing.T) {
	guide, err := os.ReadFile("../../docs/how-to/sam-local.md")
	require.NoError(t, err)
	for _, d := range differences {
		assert.Truef(t, bytes.Contains(bytes.ToLower(guide), []byte(strings.ToLower(d.name))), "docs/how-to/sam-local.md does not name %q", d.name)
	}
}
