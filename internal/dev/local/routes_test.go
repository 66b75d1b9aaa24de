package local

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	rollcall "github.com/rollcall-scim/rollcall"
)

func TestRoutes_OfTheDeployedTemplate(t *testing.T) {
	routes, err := Routes(rollcall.Template)
	require.NoError(t, err)
	for _, want := range []Route{
		{Method: "ANY", Path: "/scim/v2/Users", Function: "UsersFunction"},
		{Method: "ANY", Path: "/scim/v2/users/{id}", Function: "UsersFunction"},
		{Method: "ANY", Path: "/scim/v2/Schemas/{id}", Function: "DiscoveryFunction"},
		{Method: "ANY", Path: "/admin/v1/{s1}/{s2}", Function: "AdminFunction", IAM: true},
		{Method: "", Path: "$default", Function: "BulkFunction"},
	} {
		var found bool
		for _, r := range routes {
			found = found || r == want
		}
		assert.Truef(t, found, "no route %+v", want)
	}
}

const templateHead = `
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Environment: {Variables: {A: !If [B, !Ref C, !Sub 'x${D}']}}}}
Resources:
  Table: {Type: AWS::DynamoDB::Table, Condition: B, Properties: {Name: !Ref AWS::NoValue}}
`

func TestRoutes_FollowsPlainResources(t *testing.T) {
	got, err := Routes([]byte(templateHead + `
  Default:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: $default, Target: !Sub 'integrations/${B}'}
  One:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: 'GET /a/{id}', Target: !Sub 'integrations/${A}'}
  A: {Type: AWS::ApiGatewayV2::Integration, Properties: {IntegrationUri: !Sub '${FA.Arn}:live'}}
  B: {Type: AWS::ApiGatewayV2::Integration, Properties: {IntegrationUri: !Sub '${FB.Arn}'}}
  FA: {Type: AWS::Serverless::Function, Properties: {AutoPublishAlias: live, Events: {Timer: {Type: Schedule, Properties: {Schedule: rate(1 hour)}}}}}
  FB: {Type: AWS::Serverless::Function}
`))
	require.NoError(t, err)
	want := []Route{{Method: "GET", Path: "/a/{id}", Function: "FA"}, {Method: "", Path: "$default", Function: "FB"}}
	assert.Equal(t, want, got)
}

func TestRoutes_ReadsHTTPAPIEvents(t *testing.T) {
	got, err := Routes([]byte(templateHead + `
  F:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Rest: {Type: HttpApi}
        One: {Type: HttpApi, Properties: {Path: '/a/{proxy+}', Method: any, ApiId: !Ref Api}}
`))
	require.NoError(t, err)
	want := []Route{{Method: "ANY", Path: "/a/{proxy+}", Function: "F"}, {Method: "", Path: "$default", Function: "F"}}
	assert.Equal(t, want, got)
}

func TestRoutes_RefusesWhatAWSRefuses(t *testing.T) {
	route := func(key, target string) string {
		return "  R: {Type: AWS::ApiGatewayV2::Route, Properties: {RouteKey: '" + key + "', Target: " + target + "}}\n"
	}
	const rest = `
  I: {Type: AWS::ApiGatewayV2::Integration, Properties: {IntegrationUri: !GetAtt F.Arn}}
  J: {Type: AWS::ApiGatewayV2::Integration, Properties: {IntegrationUri: !GetAtt Table.Arn}}
  K: {Type: AWS::ApiGatewayV2::Integration, Properties: {IntegrationUri: !Sub '${F.Arn}:live'}}
  F: {Type: AWS::Serverless::Function}
`
	const good = "!Sub 'integrations/${I}'"
	for name, tt := range map[string]struct{ template, want string }{
		"no routes":           {rest, "no routes"},
		"no YAML":             {"  a: [", "yaml"},
		"tab":                 {"\t", "yaml"},
		"unknown integration": {rest + route("GET /a", "!Sub 'integrations/${X}'"), "unknown integration X"},
		"no integration":      {rest + route("GET /a", "!Ref I"), "is not !Sub"},
		"no function":         {rest + route("GET /a", "!Sub 'integrations/${J}'"), "not a function"},
		"no such alias":       {rest + route("GET /a", "!Sub 'integrations/${K}'"), `alias "live" of F, which publishes ""`},
		"no method":           {rest + route("/a", good), "not a route"},
		"unknown method":      {rest + route("FETCH /a", good), "not a route"},
		"no slash":            {rest + route("GET a", good), "not a route"},
		"greedy inside":       {rest + route("GET /{a+}/b", good), "not a route"},
		"variable in text":    {rest + route("GET /a{b}", good), "not a route"},
		"variable twice":      {rest + route("GET /{a}/{a}", good), "not a route"},
		"route twice":         {rest + route("GET /a", good) + strings.Replace(route("GET /a", good), "  R:", "  S:", 1), "R and S"},
		"resources as a list": {"", "not a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			text := templateHead + tt.template
			if name == "resources as a list" {
				text = "Resources: [a]"
			}
			routes, err := Routes([]byte(text))
			assert.Truef(t, err != nil && strings.Contains(err.Error(), tt.want), "got %v, %v, want an error with %q", routes, err, tt.want)
		})
	}
}

func TestFind(t *testing.T) {
	r := newRouter([]Route{
		{Method: "", Path: "$default", Function: "default"},
		{Method: "ANY", Path: "/{proxy+}", Function: "all"},
		{Method: "GET", Path: "/pets/{proxy+}", Function: "pets"},
		{Method: "GET", Path: "/pets/dog/{id}", Function: "dogs"},
		{Method: "ANY", Path: "/pets/dog/1", Function: "dog 1"},
		{Method: "GET", Path: "/pets/dog/1", Function: "get dog 1"},
		{Method: "GET", Path: "/pets/{kind}/1", Function: "first"},
		{Method: "GET", Path: "/scim/v2/Users", Function: "users"},
		{Method: "GET", Path: "/scim/v2/Users/{id}", Function: "user"},
	})
	bare := newRouter([]Route{{Method: "GET", Path: "/a", Function: "a"}, {Method: "GET", Path: "/a/{id}", Function: "an a"}})
	for _, tt := range []struct {
		router       *router
		method, path string
		want         string // "" for none
		parameters   map[string]string
	}{
		{r, "GET", "/pets/dog/1", "get dog 1", nil},
		{r, "PUT", "/pets/dog/1", "dog 1", nil},
		{r, "GET", "/pets/dog/2", "dogs", map[string]string{"id": "2"}},
		{r, "GET", "/pets/cat/1", "first", map[string]string{"kind": "cat"}},
		{r, "GET", "/pets/cat/2", "pets", map[string]string{"proxy": "cat/2"}},
		{r, "GET", "/pets/dog/2/3", "pets", map[string]string{"proxy": "dog/2/3"}},
		{r, "POST", "/pets/cat/2", "all", map[string]string{"proxy": "pets/cat/2"}},
		{r, "GET", "/", "default", nil},
		{r, "POST", "/scim/v2/Users", "all", map[string]string{"proxy": "scim/v2/Users"}},
		{r, "GET", "/scim/v2/Users", "users", nil},
		{r, "GET", "/scim/v2/%55sers", "users", nil},
		{r, "GET", "/scim/v2/users", "all", map[string]string{"proxy": "scim/v2/users"}},
		{r, "GET", "/scim/v2/Users/42", "user", map[string]string{"id": "42"}},
		{r, "GET", "/scim/v2/Users/a%2Fb", "user", map[string]string{"id": "a/b"}},
		{r, "GET", "/scim/v2/Users/a%00b", "user", map[string]string{"id": "a\x00b"}},
		{r, "GET", "/scim/v2/Users/a%2Bb+c%20d", "user", map[string]string{"id": "a+b+c d"}},
		{r, "GET", "/scim/v2/Users/", "all", map[string]string{"proxy": "scim/v2/Users/"}},
		{bare, "GET", "/a", "a", nil},
		{bare, "GET", "/a/1", "an a", map[string]string{"id": "1"}},
		{bare, "GET", "/a/", "", nil},
		{bare, "GET", "/a/1/2", "", nil},
		{bare, "POST", "/a", "", nil},
		{bare, "GET", "/A", "", nil},
		{bare, "GET", "/a%2F1", "", nil},
	} {
		route, parameters, ok := tt.router.find(tt.method, tt.path)
		if route.Function != tt.want || ok != (tt.want != "") || !reflect.DeepEqual(parameters, tt.parameters) {
			t.Errorf("%s %s: %q %v, want %q %v", tt.method, tt.path, route.Function, parameters, tt.want, tt.parameters)
		}
	}
}
