package fuzz

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/e2e/eventfile"
	"github.com/rollcall-scim/rollcall/internal/e2e/replay"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
)

// A sent is a request as its client sends it, without its credential.
type sent struct {
	method string
	// target is the path with the query.
	target string
	// headers are lines of a name, a colon and a value.
	headers string
	body    string
	form    form
}

// A form is how a request is authenticated, and encoded as an event.
type form uint16

// Without a bit the credential is acme's token, and the event is API Gateway's.
const (
	noToken        form = 1 << iota // no credential, or one in the headers
	otherToken                      // the token of the other tenant
	revokedToken                    // a revoked token of acme
	brokenToken                     // acme's token with another checksum
	twoTokens                       // both tenants' tokens, joined as API Gateway does
	authorized                      // API Gateway has authorized the caller (AWS_IAM)
	asBase64                        // the body is encoded in base64
	notBase64                       // isBase64Encoded is the opposite of the truth
	upperNames                      // headers' names are in capitals
	asRawPath                       // rawPath is escaped, as the client sent it
	asGzip                          // the body is compressed
	parametersOnly                  // the query is in queryStringParameters only
	withCookies                     // the header Cookie is in cookies
	staged                          // a stage with a name, in the path
	unrouted                        // the route is $default, whatever the path is
)

// canary is a secret that seeds contain as a password or a cookie.
const canary = "canary-zkqj"

// placeholders are the words in recorded and hostile requests, and what takes their place.
var placeholders = strings.NewReplacer(
	"{{run}}", "1", "{N}", "2", "{{userId}}", fixture.Alice, "{{userId2}}", fixture.Dave, "{{userId3}}", fixture.Erin, "{{otherUserId}}", fixture.Dave,
	"{{inactiveUserId}}", fixture.Bob, "{{managerId}}", fixture.Erin, "{{groupId}}", fixture.Design, "{{userIdOfOtherTenant}}", fixture.Fay,
	"{{extUrn}}", "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User",
	"{T1}", "acme", "{T2}", "full", "{T1_USER}", fixture.Alice, "{T1_OTHER_USER}", fixture.Dave, "{T1_OWNER}", fixture.Erin,
	"{T1_GROUP}", fixture.Design, "{T1_ADMIN_GROUP}", fixture.Nobody, "{T2_USER}", fixture.Fay, "{T2_USERNAME}", "fay@example.com",
	"{T1_USERNAME}", "alice@example.com", "{T1_GROUP_NAME}", "Design",
)

// seeds are the events under events/, the recorded requests of identity providers, the
// hostile requests, and some encodings that none of them has.
func seeds(f *testing.F) []sent {
	f.Helper()
	all := slices.Concat(ofEvents(f), ofRecordings(f), ofAttacks(f))
	require.Greater(f, len(all), 550)
	const user = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"new@example.com","password":"` + canary + `"}`
	for _, form := range []form{asBase64, notBase64, upperNames, asRawPath, asGzip, parametersOnly, withCookies, staged, noToken, otherToken, revokedToken, brokenToken, twoTokens, authorized, authorized | unrouted, unrouted} {
		all = append(all,
			sent{"POST", "/scim/v2/Users", "content-type: application/scim+json; charset=\"utf-8\"\ncookie: a=" + canary, user, form},
			sent{"GET", "/scim/v2/Users?filter=userName+eq+%22alice%40example.com%22&count=2", "if-none-match: W/\"1\", \"2\"", "", form},
			sent{"GET", "/admin/v1/tenants/full/users?limit=2", "lambda-authorizer-iam-arn: arn:aws:iam::1:user/x", "", form},
		)
	}
	return all
}

// ofEvents returns the events under events/ with a route.
func ofEvents(f *testing.F) []sent {
	f.Helper()
	var all []sent
	for _, e := range events(f) {
		s := sent{method: e.RequestContext.HTTP.Method, target: escape(e.RawPath)}
		if e.RawQueryString != "" {
			s.target += "?" + e.RawQueryString
		}
		for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
			if e.Headers[name] == "Bearer "+fixture.FullToken {
				s.form |= otherToken
			}
			if name != "authorization" {
				s.headers += name + ": " + e.Headers[name] + "\n"
			}
		}
		if a := e.RequestContext.Authorizer; a != nil && a.IAM != nil {
			s.form |= authorized
		}
		s.body = e.Body
		if e.IsBase64Encoded {
			body, err := base64.StdEncoding.DecodeString(e.Body)
			require.NoError(f, err)
			s.body, s.form = string(body), s.form|asBase64
		}
		all = append(all, s)
	}
	return all
}

// events returns the events of API Gateway under events/.
func events(f *testing.F) []lambdahttp.Event {
	f.Helper()
	files, err := eventfile.Load("../../../events")
	require.NoError(f, err)
	var all []lambdahttp.Event
	for _, file := range files {
		var e lambdahttp.Event
		if file.RouteKey != "" {
			require.NoError(f, json.Unmarshal(file.Payload, &e))
			all = append(all, e)
		}
	}
	return all
}

// escape returns a decoded path as a client sends it.
func escape(path string) string { return strings.NewReplacer("%", "%25", "?", "%3F").Replace(path) }

// ofRecordings returns the recorded requests of identity providers.
func ofRecordings(f *testing.F) []sent {
	f.Helper()
	cases, err := replay.Cases()
	require.NoError(f, err)
	var all []sent
	for _, c := range cases {
		s := sent{method: c.Method, target: "/scim/v2" + placeholders.Replace(c.Path)}
		for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
			s.headers += name + ": " + placeholders.Replace(c.Headers[name]) + "\n"
		}
		if string(c.Body) != "null" {
			s.body = placeholders.Replace(string(c.Body))
		}
		all = append(all, s)
	}
	return all
}

// ofAttacks returns the hostile requests of package attack, except those that are generated
// there: long ones, of which no fuzzer would vary anything.
func ofAttacks(f *testing.F) []sent {
	f.Helper()
	file, err := os.Open("../attack/testdata/cases.jsonl")
	require.NoError(f, err)
	defer file.Close()
	var all []sent
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c struct {
			Request struct {
				Method, As string
				Path, Body any
				BodyBase64 string
				Headers    map[string]any
			}
		}
		require.NoError(f, json.Unmarshal(lines.Bytes(), &c))
		path, plain := c.Request.Path.(string)
		if !plain {
			continue
		}
		s := sent{method: c.Request.Method, target: placeholders.Replace(path)}
		for _, name := range slices.Sorted(maps.Keys(c.Request.Headers)) {
			value, _ := c.Request.Headers[name].(string)
			s.headers += name + ": " + placeholders.Replace(value) + "\n"
		}
		body, _ := c.Request.Body.(string)
		s.body = placeholders.Replace(body)
		if b, err := base64.StdEncoding.DecodeString(c.Request.BodyBase64); err == nil && len(b) > 0 {
			s.body, s.form = string(b), asBase64
		}
		switch c.Request.As {
		case "":
			s.form |= noToken
		case "T2_TOKEN":
			s.form |= otherToken
		case "ADMIN_API_TOKEN":
			s.form |= authorized
		}
		all = append(all, s)
	}
	require.NoError(f, lines.Err())
	return all
}
