package replaytest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// An endpoint is the kind of endpoint of a request.
type endpoint int

const (
	toList endpoint = iota
	toRead
	toCreate
	toReplace
	toModify
	toDelete
	toSearch
	toBulk
	toDiscover
	endpoints
)

var endpointNames = [endpoints]string{
	"list", "read", "create", "replace", "modify", "delete", "`/.search`", "`/Bulk`", "discovery",
}

// A plainRequest is a request in the form of the RFCs, to be spelled
// differently.
type plainRequest struct {
	method, path, query, body string
	headers                   map[string]string
	// base is another base path; "" is the target's.
	base   string
	status int
	// then are matchers of the answer.
	then map[string]any
}

// plainRequests returns the requests of each endpoint; {{u}} and {{g}} are a
// user and a group.
func plainRequests() [endpoints][]plainRequest { //nolint:funlen // a table
	named := func(attribute, value string) string { return "filter=" + escaped(attribute+` eq "`+value+`"`) }
	one := map[string]any{"/totalResults": 1}
	user := `{"schemas":["` + coreUser + `"],"userName":"{{k}}@example.com","title":"x"}`
	group := `{"schemas":["` + coreGroup + `"],"displayName":"{{k}}","externalId":"{{k}}"}`
	patch := func(path string) string {
		return `{"schemas":["` + patchOp + `"],"Operations":[{"op":"replace","path":"` + path + `","value":"{{k}}-y"}]}`
	}
	renamed := func(body string) string { return strings.Replace(body, "{{k}}", "{{k}}-new", 1) }
	search := func(filter string) string {
		return marshalled(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}, "filter": filter})
	}
	bulk := marshalled(map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
		"Operations": []any{map[string]any{"method": "PATCH", "path": "/Users/{{u}}", "data": json.RawMessage(patch("title"))}},
	})
	return [endpoints][]plainRequest{
		toList: {
			{method: "GET", path: "/Users", query: named("userName", "{{k}}@example.com"), status: 200, then: one},
			{method: "GET", path: "/Groups", query: named("displayName", "{{k}}"), status: 200, then: one},
		},
		toRead: {
			{method: "GET", path: "/Users/{{u}}", status: 200, then: map[string]any{"/title": "x"}},
			{method: "GET", path: "/Groups/{{g}}", status: 200, then: map[string]any{"/externalId": "{{k}}"}},
		},
		toCreate: {
			{method: "POST", path: "/Users", body: renamed(user), status: 201, then: map[string]any{"/title": "x"}},
			{method: "POST", path: "/Groups", body: strings.Replace(renamed(group), `"externalId":"{{k}}"`, `"externalId":"{{k}}-new"`, 1), status: 201, then: map[string]any{"/displayName": "{{k}}-new"}},
		},
		toReplace: {
			{method: "PUT", path: "/Users/{{u}}", body: renamed(user), status: 200, then: map[string]any{"/userName": "{{k}}-new@example.com"}},
			{method: "PUT", path: "/Groups/{{g}}", body: renamed(group), status: 200, then: map[string]any{"/displayName": "{{k}}-new"}},
		},
		toModify: {
			{method: "PATCH", path: "/Users/{{u}}", body: patch("title"), status: 200, then: map[string]any{"/title": "{{k}}-y"}},
			{method: "PATCH", path: "/Groups/{{g}}", body: patch("externalId"), status: 200, then: map[string]any{"/externalId": "{{k}}-y"}},
		},
		toDelete: {
			{method: "DELETE", path: "/Users/{{u}}", status: 204},
			{method: "DELETE", path: "/Groups/{{g}}", status: 204},
		},
		toSearch: {
			{method: "POST", path: "/Users/.search", body: search(`userName eq "{{k}}@example.com"`), status: 200, then: one},
			{method: "POST", path: "/Groups/.search", body: search(`displayName eq "{{k}}"`), status: 200, then: one},
			{method: "POST", path: "/.search", body: search(`id eq "{{u}}"`), status: 200, then: one},
		},
		toBulk: {{method: "POST", path: "/Bulk", body: bulk, status: 200, then: map[string]any{"/Operations/0/status": "200"}}},
		toDiscover: {
			{method: "GET", path: "/Schemas", status: 200, then: map[string]any{"/totalResults": map[string]any{"min": 2}}},
			{method: "GET", path: "/Schemas/" + coreUser, status: 200, then: map[string]any{"/id": coreUser}},
			{method: "GET", path: "/ResourceTypes", status: 200, then: map[string]any{"/totalResults": 2}},
			{method: "GET", path: "/ResourceTypes/Group", status: 200, then: map[string]any{"/endpoint": "/Groups"}},
			{method: "GET", path: "/ServiceProviderConfig", status: 200, then: map[string]any{"/patch/supported": true}},
		},
	}
}

// A spelling is another way to send a request: in its path, its query or its
// headers.
type spelling struct {
	// sent is the form, in Markdown.
	sent string
	// respell spells a request for which applies reports true.
	respell func(plainRequest) plainRequest
	applies func(endpoint, plainRequest) bool
	// never is why the form cannot occur where it does not apply.
	never string
	// status, scimType and reason are those of a refusal.
	status           int
	scimType, reason string
}

// fixedSegments matches the segments of a path that are names, not ids.
var fixedSegments = regexp.MustCompile(`(?i)/(Users|Groups|\.search|Bulk|Schemas|ResourceTypes|ServiceProviderConfig)\b`)

func hasBody(_ endpoint, q plainRequest) bool { return q.body != "" }

func isGet(_ endpoint, q plainRequest) bool { return q.method == http.MethodGet }

func isList(e endpoint, _ plainRequest) bool { return e == toList }

func everywhere(endpoint, plainRequest) bool { return true }

// onPath, onQuery and onHeader return a spelling of a part of a request.
func onPath(f func(string) string) func(plainRequest) plainRequest {
	return func(q plainRequest) plainRequest {
		q.path = f(q.path)
		return q
	}
}

func onQuery(f func(string) string) func(plainRequest) plainRequest {
	return func(q plainRequest) plainRequest {
		q.query = f(q.query)
		return q
	}
}

func onHeader(name, value string) func(plainRequest) plainRequest {
	return func(q plainRequest) plainRequest {
		q.headers = map[string]string{name: value}
		return q
	}
}

func spellings() []spelling { //nolint:funlen // a table
	const (
		noQuery = "the request has no query"
		noBody  = "the request has no body"
		listing = "only a list has these parameters"
	)
	projected := func(e endpoint, q plainRequest) bool { return e <= toModify }
	added := func(text string) func(plainRequest) plainRequest {
		return onQuery(func(query string) string { return strings.TrimPrefix(query+"&"+text, "&") })
	}
	return []spelling{
		{sent: "a slash at the end of the path", respell: onPath(func(p string) string { return p + "/" }), applies: everywhere},
		{sent: "two slashes after the base URL", respell: onPath(func(p string) string { return "/" + p }), applies: everywhere},
		{sent: "two slashes inside the path", respell: onPath(func(p string) string { return p[:1] + strings.ReplaceAll(p[1:], "/", "//") }), applies: func(_ endpoint, q plainRequest) bool { return strings.Count(q.path, "/") > 1 }, never: "the path has one segment"},
		{sent: "fixed segments in lower case: `/users`, `/bulk`", respell: onPath(func(p string) string { return fixedSegments.ReplaceAllStringFunc(p, strings.ToLower) }), applies: everywhere},
		{sent: "fixed segments in upper case: `/USERS`, `/BULK`", respell: onPath(func(p string) string { return fixedSegments.ReplaceAllStringFunc(p, strings.ToUpper) }), applies: everywhere},
		{sent: "the base path in another case: `/SCIM/V2`", respell: func(q plainRequest) plainRequest { q.base = "/SCIM/V2"; return q }, applies: everywhere},
		{
			sent: "HEAD", respell: func(q plainRequest) plainRequest { q.method, q.then = http.MethodHead, nil; return q }, applies: isGet,
			never: "HEAD is served only where GET is",
		},
		{sent: "a bare `?` after the path", respell: onPath(func(p string) string { return p + "?" }), applies: func(_ endpoint, q plainRequest) bool { return q.query == "" }, never: "the request has a query"},
		{sent: "a bare `&` after the query", respell: onQuery(func(query string) string { return query + "&" }), applies: func(_ endpoint, q plainRequest) bool { return q.query != "" }, never: noQuery},
		{sent: "the names of parameters in any letter case: `FILTER`, `Attributes`", respell: func(q plainRequest) plainRequest {
			if q.query != "" {
				q.query = strings.Replace(q.query, "filter=", "FILTER=", 1) + "&"
			}
			q.query += "EXCLUDEDattributes=title,displayName"
			then := map[string]any{"/title": map[string]any{"present": false}, "/displayName": map[string]any{"present": false}}
			if q.then["/totalResults"] != nil {
				then = map[string]any{"/totalResults": 1, "/Resources/0/title": map[string]any{"present": false}}
			}
			q.then = then
			return q
		}, applies: projected, never: "the request has no parameters"},
		{sent: "`startindex` and `COUNT`", respell: func(q plainRequest) plainRequest {
			q.query += "&startindex=2&COUNT=1"
			q.then = map[string]any{"/startIndex": 2, "/Resources": map[string]any{"size": 0}}
			return q
		}, applies: isList, never: listing},
		{sent: "a raw `+` as a plus, where the spaces are `%20`", respell: onQuery(func(query string) string {
			return strings.Replace(query, "filter=", "filter="+escaped(`displayName ne "a`)+"+"+escaped(`b" and `), 1)
		}), applies: isList, never: noQuery},
		{sent: "`count` and `startIndex` beyond 32 bits", respell: added("count=9223372036854775807&startIndex=-9223372036854775808"), applies: isList, never: listing},
		{sent: "parameters that are not in the RFCs", respell: added("api-version=2&aadOptscim062020=true"), applies: everywhere},
		{
			sent: "`filter` twice", respell: added("filter=title%20pr"), applies: isList, never: listing,
			status: 400, scimType: "invalidFilter", reason: "one of the two would be ignored",
		},
		{
			sent: "`attributes` twice", respell: added("attributes=title&attributes=name"), applies: projected, never: "the request has no parameters",
			status: 400, scimType: "invalidSyntax", reason: "one of the two would be ignored",
		},
		{sent: "a charset label: `charset=utf8`, `us-ascii`", respell: onHeader("Content-Type", "application/scim+json; charset=utf8"), applies: hasBody, never: noBody},
		{sent: "a wrong charset label for a body in UTF-8", respell: onHeader("Content-Type", `application/json;charset="ISO-8859-1"`), applies: hasBody, never: noBody},
		{sent: "`application/json`", respell: onHeader("Content-Type", "application/json"), applies: hasBody, never: noBody},
		{sent: "no `Content-Type`", respell: onHeader("Content-Type", ""), applies: hasBody, never: noBody},
		{
			sent: "another media type", respell: onHeader("Content-Type", "application/xml"), applies: hasBody, never: noBody,
			status: 415, reason: "the body is not JSON",
		},
		{sent: "no `Accept`", respell: onHeader("Accept", ""), applies: everywhere},
		{sent: "another `Accept`: `text/html, */*`", respell: onHeader("Accept", "text/html, */*;q=0.1"), applies: everywhere},
		{sent: "`bearer` in lower case", respell: onHeader("Authorization", "bearer {{token}}"), applies: everywhere},
		{
			sent: "`Bearer` twice", respell: onHeader("Authorization", "Bearer Bearer {{token}}"), applies: everywhere,
			status: 401, reason: "the credential is refused; the detail says which word to leave out",
		},
	}
}
