package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// This file tests the requirements of the RFCs that no other test covers.
// docs/reference/scim-conformance.md lists all requirements.

// at returns the value at a path of names and indexes in a decoded body, or nil
// if there is none.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func list(v any) []any {
	all, _ := v.([]any)
	return all
}

// found returns the values of an attribute in the answer to a filter.
func (s *service) found(path, filter, attribute string) []string {
	s.t.Helper()
	a := s.send("GET", path+"?filter="+url.QueryEscape(filter), "")
	assert.Equalf(s.t, 200, a.status, "%s: %d %s", filter, a.status, a.raw)
	var all []string
	for _, r := range list(a.body["Resources"]) {
		all = append(all, fmt.Sprint(at(r, attribute)))
	}
	return all
}

// Covers: 7643-2.1-1, 7643-3-1, 7643-3-3, 7643-3.3-1, 7644-3.4.2-2, 7644-4-4
func TestSchemas_AreInEveryAnswer(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	id := s.mustCreate(`"userName":"a","` + scim.EnterpriseURN + `":{"department":"D"}`)
	group := s.mustGroup("G", id)
	user := []string{scim.CoreUserURN, scim.EnterpriseURN, scim.RollcallURN}
	for path, want := range map[string][]string{
		"/Users/" + id:                                 user,
		"/Users/" + id + "?attributes=active":          user,
		"/Users/" + id + "?excludedAttributes=schemas": user,
		"/Groups/" + group:                             {scim.CoreGroupURN},
		"/Users":                                       {scim.ListURN},
		"/Users/none":                                  {scim.ErrorURN},
		"/ServiceProviderConfig":                       {scim.ServiceURN},
		"/ResourceTypes/User":                          {scim.ResourceTypeURN},
		"/Schemas/" + scim.CoreUserURN:                 {scim.SchemaURN},
		"/Schemas":                                     {scim.ListURN},
		"/ResourceTypes":                               {scim.ListURN},
		"/Users?filter=nope+pr":                        {scim.ErrorURN},
		"/Groups/" + group + "?attributes=id":          {scim.CoreGroupURN},
	} {
		got := fmt.Sprint(s.send("GET", path, "").body["schemas"])
		assert.Equalf(t, fmt.Sprint(want), got, "GET %s: schemas %s, want %s", path, got, want)
	}
}

// Values that are sent in another order, or twice, are the same.
//
// Covers: 7643-2.3.8-1, 7643-3-4, 7643-3-5
func TestOrder_IsIrrelevant(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	id := s.mustCreate(`"userName":"a","name":{"givenName":"G","familyName":"F"},"emails":[{"value":"a@x","type":"work"}],"` +
		scim.EnterpriseURN + `":{"department":"D"}`)
	before := s.send("GET", "/Users/"+id, "").raw
	a := s.send("PUT", "/Users/"+id, `{"`+scim.EnterpriseURN+`":{"department":"D"},"emails":[{"type":"work","value":"a@x"}],`+
		`"name":{"familyName":"F","givenName":"G"},"userName":"a","schemas":["`+scim.EnterpriseURN+`","`+scim.CoreUserURN+`","`+scim.CoreUserURN+`"]}`)
	if a.status != 200 || a.raw != before || a.event["action"] != "unchanged" {
		t.Errorf("PUT of the same in another order: %d %s, was %s", a.status, a.raw, before)
	}
}

// Every URI in an answer is absolute and leads to the resource that it names.
//
// Covers: 7643-2.3.7-1, 7643-2.3.7-4, 7643-2.3.7-5, 7644-1.2-1
func TestReferences_LeadToTheResource(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	id := s.mustCreate(`"userName":"a"`)
	group := s.mustGroup("G", id)
	for path, steps := range map[string][][]any{
		"/Users/" + id:           {{"meta", "location"}, {"groups", 0, "$ref"}},
		"/Groups/" + group:       {{"meta", "location"}, {"members", 0, "$ref"}},
		"/Users":                 {{"Resources", 0, "meta", "location"}},
		"/Schemas":               {{"Resources", 0, "meta", "location"}, {"Resources", 1, "meta", "location"}},
		"/ResourceTypes":         {{"Resources", 0, "meta", "location"}, {"Resources", 1, "meta", "location"}},
		"/ServiceProviderConfig": {{"meta", "location"}},
	} {
		body := s.send("GET", path, "").body
		for _, step := range steps {
			ref, _ := at(body, step...).(string)
			u, err := url.Parse(ref)
			assert.Truef(t, err == nil && u.Scheme == "https" && u.String() == ref, "%s %v: %q is not an absolute URI", path, step, ref)
			below, ok := strings.CutPrefix(ref, baseURL)
			if a := s.send("GET", below, ""); !ok || a.status != 200 || at(a.body, "meta", "location") != ref {
				t.Errorf("GET %s: %d, location %v", ref, a.status, at(a.body, "meta", "location"))
			}
		}
	}
	assert.Equal(t, 404, s.send("GET", "/Users/00000000-0000-7000-8000-000000000000", "").status, "a reference to an unknown user")
}

// A member may be identified by a relative reference, also if the reference has
// another version of the protocol or no version.
//
// Covers: 7643-2.3.7-3, 7643-2.4-5
func TestReferences_OfMembers(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	id := s.mustCreate(`"userName":"a"`)
	for i, ref := range []string{
		"Users/" + id, "../Users/" + id, baseURL + "/Users/" + id, "https://scim.test/scim/Users/" + id, "https://scim.test/scim/v1/Users/" + id,
	} {
		a := s.send("POST", "/Groups", groupBody(fmt.Sprintf(`"displayName":"g%d","members":[{"$ref":%q}]`, i, ref)))
		got := values(a.body["members"])
		assert.Truef(t, a.status == 201 && slices.Equal(got, []string{id}), "%s: %d, members %q", ref, a.status, got)
	}
}

// Covers: 7643-3.1-4, 7643-3.1-7, 7643-3.1-8
func TestIDs_AreUnique(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	seen := make(map[string]bool)
	for i := range 20 {
		user := s.mustCreate(fmt.Sprintf(`"userName":"u%d"`, i))
		for _, id := range []string{user, s.mustGroup(fmt.Sprintf("g%d", i), user)} {
			assert.Truef(t, !seen[id] && uuidv7.MatchString(id) && !strings.Contains(id, "bulkId"), "id %q", id)
			seen[id] = true
		}
		a := s.send("GET", "/Users/"+user, "")
		assert.Nilf(t, a.body["externalId"], "the service made the externalId %v", a.body["externalId"])
	}
}

// The same externalId identifies different users in two tenants, and is
// case-exact within a tenant.
//
// Covers: 7643-3.1-9, 7643-3.1-10, 7643-7-11
func TestExternalID_IsUniqueInTheTenant(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	id := s.mustCreate(`"userName":"a","externalId":"E-1"`)
	_, token := stage.Tenant(t, s.app.Store, "acme-2", 5)
	a := s.send("POST", "/Users", userBody(`"userName":"b","externalId":"E-1"`), "Authorization", "Bearer "+token)
	assert.Truef(t, a.status == 201 && a.body["id"] != id, "the same externalId in another tenant: %d %s", a.status, a.raw)
	s.mustCreate(`"userName":"c","externalId":"e-1"`)
	for externalID, want := range map[string]string{"E-1": "a", "e-1": "c"} {
		a := s.send("GET", "/Users?filter="+url.QueryEscape(`externalId eq "`+externalID+`"`), "")
		if a.body["totalResults"] != 1.0 || at(a.body, "Resources", 0, "userName") != want || at(a.body, "Resources", 0, "externalId") != externalID {
			t.Errorf("externalId %s: %s", externalID, a.raw)
		}
	}
}

// Covers: 7643-2.3.5-1, 7643-3.1-12, 7643-3.1-13, 7643-3.1-14
func TestMeta_Times(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	for _, path := range []string{"/Users/" + s.mustCreate(`"userName":"a"`), "/Groups/" + s.mustGroup("a")} {
		times := func() (created, modified time.Time) {
			body := s.send("GET", path, "").body
			var errs [2]error
			created, errs[0] = time.Parse(time.RFC3339, at(body, "meta", "created").(string))
			modified, errs[1] = time.Parse(time.RFC3339, at(body, "meta", "lastModified").(string))
			require.NoErrorf(t, errors.Join(errs[:]...), "%s", path)
			return created, modified
		}
		created, modified := times()
		assert.Truef(t, modified.Equal(created) && time.Since(created) <= time.Minute, "%s: created %v, modified %v", path, created, modified)
		time.Sleep(2 * time.Millisecond) // what is served is in milliseconds
		s.send("PATCH", path, patchBody(`[{"op":"add","path":"externalId","value":"e"}]`))
		again, later := times()
		assert.Truef(t, again.Equal(created) && later.After(modified), "%s: created %v, modified %v; were %v, %v", path, again, later, created, modified)
	}
}

// Covers: 7643-5-1, 7643-5-2, 7643-5-3, 7643-5-4, 7643-5-5, 7643-5-6, 7643-5-7, 7643-5-8, 7643-5-10, 7644-4-1, 9865-2.4-1, 9865-4-1, 9865-4-2, 9865-4-3
func TestServiceProviderConfig_IsComplete(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	a := s.send("GET", "/ServiceProviderConfig", "", "Authorization", "")
	require.Truef(t, a.status == 200 && slices.Equal(list(a.body["schemas"]), []any{scim.ServiceURN}), "%d %s", a.status, a.raw)
	isBool := func(v any) bool { _, ok := v.(bool); return ok }
	isNumber := func(v any) bool { n, ok := v.(float64); return ok && n >= 0 && n == float64(int(n)) }
	isText := func(v any) bool { s, _ := v.(string); return s != "" }
	for _, tt := range []struct {
		path []any
		is   func(any) bool
	}{
		{[]any{"patch", "supported"}, isBool},
		{[]any{"bulk", "supported"}, isBool},
		{[]any{"bulk", "maxOperations"}, isNumber},
		{[]any{"bulk", "maxPayloadSize"}, isNumber},
		{[]any{"filter", "supported"}, isBool},
		{[]any{"filter", "maxResults"}, isNumber},
		{[]any{"changePassword", "supported"}, isBool},
		{[]any{"sort", "supported"}, isBool},
		{[]any{"etag", "supported"}, isBool},
		{[]any{"authenticationSchemes", 0, "name"}, isText},
		{[]any{"authenticationSchemes", 0, "description"}, isText},
		{[]any{"authenticationSchemes", 0, "type"}, func(v any) bool { return v == "oauthbearertoken" }},
		{[]any{"authenticationSchemes", 0, "primary"}, func(v any) bool { return v == true }},
		{[]any{"authenticationSchemes", 1, "name"}, isText},
		{[]any{"authenticationSchemes", 1, "description"}, isText},
		{[]any{"authenticationSchemes", 1, "specUri"}, isText},
		{[]any{"authenticationSchemes", 1, "documentationUri"}, isText},
		{[]any{"authenticationSchemes", 1, "type"}, func(v any) bool { return v == "oauth2" }},
		{[]any{"authenticationSchemes", 1, "primary"}, func(v any) bool { return v == false }},
		{[]any{"pagination", "cursor"}, func(v any) bool { return v == true }},
		{[]any{"pagination", "defaultPaginationMethod"}, func(v any) bool { return v == "index" }},
		{[]any{"pagination", "cursorTimeout"}, isNumber},
		{[]any{"pagination", "index"}, func(v any) bool { return v == true }},
	} {
		v := at(a.body, tt.path...)
		assert.Truef(t, tt.is(v), "%v is %v", tt.path, v)
	}
}

var attributeName = regexp.MustCompile(`^([A-Za-z][-$_0-9A-Za-z]*|\$ref)$`)

// The schemas are those of RFC 7643, and the resource types name them.
//
// Covers: 7643-2.1-2, 7643-2.3-1, 7643-2.3.8-2, 7643-2.3.8-3, 7643-2.4-2, 7643-3.3-3, 7643-6-1, 7643-6-2, 7643-6-3, 7643-6-4
// Covers: 7643-6-5, 7643-6-6, 7643-6-7, 7643-7-1, 7643-7-2, 7643-7-3, 7643-7-4, 7643-7-5, 7643-7-9, 7644-4-2
func TestSchemas_AndResourceTypesAgree(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	schemas := make(map[string]any)
	names := make(map[string]map[string]bool)
	for _, schema := range list(s.send("GET", "/Schemas", "").body["Resources"]) {
		id, _ := at(schema, "id").(string)
		if u, err := url.Parse(id); err != nil || u.Scheme != "urn" || at(schema, "name") == "" || at(schema, "description") == "" {
			t.Errorf("schema %q, name %v", id, at(schema, "name"))
		}
		schemas[id], names[id] = schema, make(map[string]bool)
		for _, a := range list(at(schema, "attributes")) {
			names[id][strings.ToLower(at(a, "name").(string))] = true
			checkDefinition(t, id, a, true)
		}
	}
	// The discovery resources have the attributes of their schemas only.
	for _, resource := range []string{"/ServiceProviderConfig", "/ResourceTypes/User", "/Schemas/" + scim.CoreUserURN} {
		body := s.send("GET", resource, "").body
		urn, _ := at(body, "schemas", 0).(string)
		schema := s.send("GET", "/Schemas/"+urn, "").body
		require.Truef(t, at(schema, "id") == urn && schemas[urn] == nil, "%s: the schema by the id %q is %v, listed %v", resource, urn, schema, schemas[urn])
		for _, a := range list(at(schema, "attributes")) {
			checkDefinition(t, urn, a, true)
		}
		checkDefined(t, urn, list(at(schema, "attributes")), body)
	}
	for _, rt := range list(s.send("GET", "/ResourceTypes", "").body["Resources"]) {
		name, _ := at(rt, "name").(string)
		endpoint, _ := at(rt, "endpoint").(string)
		core, _ := at(rt, "schema").(string)
		assert.Truef(t, at(rt, "description") != "" && schemas[core] != nil && endpoint == "/"+name+"s", "resource type %v", rt)
		listed, required := []any{core}, []string{}
		for _, e := range list(at(rt, "schemaExtensions")) {
			extension, _ := at(e, "schema").(string)
			_, isBool := at(e, "required").(bool)
			assert.Truef(t, isBool && schemas[extension] != nil, "%s: extension %v", name, e)
			for attribute := range names[extension] {
				assert.Falsef(t, names[core][attribute], "%s defines %s of %s again", extension, attribute, core)
			}
			listed = append(listed, extension)
			if at(e, "required") == true {
				required = append(required, extension)
			}
		}
		made := s.send("POST", endpoint, `{"userName":"a","displayName":"a","`+scim.EnterpriseURN+`":{"department":"D"}}`)
		assert.Truef(t, made.status == 201 && at(made.body, "meta", "resourceType") == name, "POST %s: %d %s, want a %s", endpoint, made.status, made.raw, name)
		for _, extension := range required {
			assert.NotNilf(t, made.body[extension], "a %s is made without %s", name, extension)
		}
		for _, urn := range list(made.body["schemas"]) {
			assert.Truef(t, slices.Contains(listed, urn), "a %s lists %v, which its type does not", name, urn)
		}
	}
}

// checkDefined checks that an object has every required attribute, and only
// defined ones.
func checkDefined(t *testing.T, path string, definitions []any, object map[string]any) {
	t.Helper()
	known := map[string]any{"schemas": nil, "meta": nil}
	for _, d := range definitions {
		name := at(d, "name").(string)
		known[name] = d
		_, ok := object[name]
		assert.Falsef(t, !ok && at(d, "required") == true, "%s has no %s, which is required", path, name)
	}
	for name, value := range object {
		d, ok := known[name]
		if !ok {
			t.Errorf("%s has %s, which is not defined", path, name)
			continue
		}
		values, many := value.([]any)
		if d != nil && many != (at(d, "multiValued") == true) {
			t.Errorf("%s.%s: %v, multiValued %v", path, name, value, at(d, "multiValued"))
		}
		if !many {
			values = []any{value}
		}
		for _, v := range values {
			if part, ok := v.(map[string]any); ok && d != nil {
				checkDefined(t, path+"."+name, list(at(d, "subAttributes")), part)
			}
		}
	}
}

// checkDefinition checks the definition of an attribute or sub-attribute.
func checkDefinition(t *testing.T, schema string, a any, mayBeComplex bool) {
	t.Helper()
	name, _ := at(a, "name").(string)
	kind, _ := at(a, "type").(string)
	assert.Truef(t, attributeName.MatchString(name), "%s: %q is not an attribute name", schema, name)
	if !slices.Contains([]string{"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"}, kind) {
		t.Errorf("%s: %s has the type %q", schema, name, kind)
	}
	if kind == "complex" {
		unique := at(a, "uniqueness")
		assert.Truef(t, (mayBeComplex || schema == scim.SchemaURN) && at(a, "caseExact") != true && (unique == nil || unique == "none"), "%s: %v", schema, a)
	}
	for _, sub := range list(at(a, "subAttributes")) {
		checkDefinition(t, schema, sub, false)
		want := map[any]string{"primary": "boolean", "$ref": "reference", "display": "string", "type": "string"}[at(sub, "name")]
		if want != "" && at(sub, "type") != want {
			t.Errorf("%s: %s.%v is a %v, want a %s", schema, name, at(sub, "name"), at(sub, "type"), want)
		}
	}
}

// Covers: 7643-7-21, 7644-3.1-2, 7644-4-3, 7644-4-5, 7644-4-6
func TestDiscovery_IgnoresPaging(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	for kind, id := range map[string]string{"Schemas": scim.CoreUserURN, "ResourceTypes": "User"} {
		whole := s.send("GET", "/"+kind, "").raw
		a := s.send("GET", "/"+kind+"?startIndex=2&count=1&sortBy=name&sortOrder=descending", "")
		assert.Truef(t, a.status == 200 && a.raw == whole, "%s with parameters: %d %s", kind, a.status, a.raw)
		assert.Equalf(t, 403, s.send("GET", "/"+kind+`?filter=name+eq+"User"`, "").status, "%s with a filter", kind)
		a = s.send("GET", "/"+kind+"/"+id, "")
		assert.Truef(t, a.status == 200 && a.body["id"] == id && a.body["Resources"] == nil, "%s/%s: %d %s", kind, id, a.status, a.raw)
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			for _, path := range []string{"/" + kind, "/" + kind + "/" + id} {
				assert.Equalf(t, 405, s.send(method, path, `{}`).status, "%s %s", method, path)
			}
		}
		assert.NotContainsf(t, whole, `"id":"urn:ietf:params:scim:api:`, "%s lists a message", kind)
	}
	for _, message := range []string{scim.ListURN, scim.ErrorURN, scim.PatchURN, "urn:ietf:params:scim:api:messages:2.0:SearchRequest"} {
		a := s.send("GET", "/Schemas/"+message, "")
		assert.Truef(t, a.status == 404 && strings.HasPrefix(message, "urn:ietf:params:scim:api:"), "GET /Schemas/%s: %d", message, a.status)
	}
}

// A refused credential gets a challenge. RFC 6750 §3
//
// Covers: 6750-2.1-1, 6750-3-1, 6750-3-2, 6750-3.1-1, 7644-2-1, 7644-2-4
func TestChallenge(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	mint := func(change func(r *access.Record)) string {
		token, record := access.Mint(s.tenant)
		change(&record)
		require.NoError(t, s.app.Store.SaveToken(t.Context(), s.tenant, record))
		return "Bearer " + token
	}
	revoked := ""
	gone := mint(func(r *access.Record) { revoked = r.ID })
	require.NoError(t, s.app.Store.RevokeToken(t.Context(), s.tenant, revoked, time.Now()))
	never, _ := access.Mint(s.tenant)
	const plain, invalid = `Bearer realm="SCIM"`, `Bearer realm="SCIM", error="invalid_token"`
	for name, tt := range map[string]struct {
		header    string
		status    int
		challenge string
	}{
		"none":         {"", 401, plain},
		"malformed":    {"Bearer x", 401, invalid},
		"never minted": {"Bearer " + never, 401, invalid},
		"revoked":      {gone, 401, invalid},
		"expired":      {mint(func(r *access.Record) { r.Expires = time.Now().Add(-time.Second) }), 401, invalid},
		"basic":        {"Basic YTpi", 401, invalid},
		"repeated":     {"Bearer " + never + ",Bearer " + never, 401, `Bearer realm="SCIM", error="invalid_request"`},
		"valid":        {mint(func(r *access.Record) { r.Expires = time.Now().Add(time.Hour) }), 200, ""},
	} {
		a := s.send("GET", "/Users", "", "Authorization", tt.header)
		if a.status != tt.status || a.header.Get("WWW-Authenticate") != tt.challenge {
			t.Errorf("%s: %d, WWW-Authenticate %s; want %d, %s", name, a.status, a.header.Get("WWW-Authenticate"), tt.status, tt.challenge)
		}
	}
}

// A token has as much entropy as a key.
//
// Covers: 7644-7.4-1
func TestToken_CannotBeGuessed(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	seen := make(map[string]bool)
	for range 100 {
		token, _ := access.Mint(s.tenant)
		secret := strings.Split(token, "_")[3]
		// 52 digits of 5 bits each; the last holds one bit.
		assert.Truef(t, len(secret) >= 52 && !seen[secret] && len(slices.Compact(slices.Sorted(slices.Values([]byte(secret))))) >= 10, "the secret %q", secret)
		seen[secret] = true
	}
}

// A change is answered with the resource as a read returns it.
//
// Covers: 7644-3.1-3, 7644-3.3-3, 7644-3.5.1-8
func TestAnswers_AreTheResource(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	member := s.mustCreate(`"userName":"m"`)
	for path, bodies := range map[string][2]string{
		"/Users":  {userBody(`"userName":"a","active":"True","shoeSize":44,"password":"p","title":""`), userBody(`"userName":"b","meta":{},"name":{"givenName":"G"}`)},
		"/Groups": {groupBody(`"displayName":"a","members":` + memberList(member, member)), groupBody(`"displayName":"b"`)},
	} {
		a := s.send("POST", path, bodies[0])
		path += "/" + fmt.Sprint(a.body["id"])
		same := func(what string, a answer) {
			t.Helper()
			read := s.send("GET", path, "")
			got, want := fmt.Sprint(a.body), fmt.Sprint(read.body)
			assert.Truef(t, a.status < 300 && got == want, "%s answers %d %s, and a read %s", what, a.status, got, want)
		}
		same("POST", a)
		same("PUT", s.send("PUT", path, bodies[1]))
		same("PATCH", s.send("PATCH", path, patchBody(`[{"op":"replace","path":"displayName","value":"c"}]`)))
	}
}

// Covers: 7644-3.2-2, 7644-3.5.1-1, 7644-3.5.1-7
func TestPUT_DoesNotCreateAndReturnsTheWholeResource(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	none := "/00000000-0000-7000-8000-000000000000"
	for path, body := range map[string]string{"/Users": userBody(`"userName":"a"`), "/Groups": groupBody(`"displayName":"a"`)} {
		assert.Equalf(t, 404, s.send("PUT", path+none, body).status, "PUT %s", path+none)
		assert.Equalf(t, 405, s.send("PUT", path, body).status, "PUT %s", path)
		a := s.send("GET", path, "")
		assert.Truef(t, a.body["totalResults"] == 0.0, "PUT made one: %s", a.raw)
	}
	id := s.mustCreate(`"userName":"a"`)
	a := s.send("PUT", "/Users/"+id, userBody(`"title":"x"`))
	assert.Truef(t, a.status == 400 && a.body["scimType"] == "invalidValue", "PUT without userName: %d %s", a.status, a.raw)
}

// Unknown and unsupported parameters change nothing.
//
// Covers: 7644-3.4.2-1
func TestQuery_IgnoresUnknownParameters(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	for _, name := range []string{"b", "c", "a"} {
		s.mustCreate(`"userName":"` + name + `"`)
	}
	whole := s.send("GET", "/Users", "").raw
	for _, query := range []string{"?foo=bar", "?sortOrder=descending", "?sortBy="} {
		a := s.send("GET", "/Users"+query, "")
		assert.Truef(t, a.status == 200 && a.raw == whole, "%s: %d %s", query, a.status, a.raw)
	}
}

// Values that the service added can be found by a filter as they are answered.
//
// Covers: 7644-3.4.2.2-20
func TestFilter_SeesDefaults(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	s.mustCreate(`"userName":"a"`)
	s.mustCreate(`"userName":"b","active":false`)
	for filter, want := range map[string][]string{
		`active eq true`: {"a"},
		`active pr`:      {"a", "b"},
		scim.RollcallURN + `:isTeamAccount eq true`:      {"a", "b"},
		scim.RollcallURN + `:isTeamAccount eq false`:     nil,
		`meta.resourceType eq "User" and active ne true`: {"b"},
	} {
		got := s.found("/Users", filter, "userName")
		assert.Truef(t, slices.Equal(got, want), "%s: %q, want %q", filter, got, want)
	}
}

// Adding an existing value changes nothing, not even the time of the last
// change.
//
// Covers: 7644-3.5.2.1-7, 7644-3.5.2.1-8, 7644-3.5.2.1-9
func TestPATCH_AddOfAnExistingValueChangesNothing(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	id := s.mustCreate(`"userName":"a","title":"T","emails":[{"value":"a@x","type":"work"}]`)
	group := s.mustGroup("G", id)
	for path, operations := range map[string]string{
		"/Users/" + id:     `[{"op":"add","path":"title","value":"T"},{"op":"add","path":"emails","value":[{"value":"a@x","type":"work"}]},{"op":"add","value":{"userName":"a"}}]`,
		"/Groups/" + group: `[{"op":"add","path":"members","value":[{"value":"` + id + `"}]}]`,
	} {
		before := s.send("GET", path, "").raw
		time.Sleep(2 * time.Millisecond)
		if a := s.send("PATCH", path, patchBody(operations)); a.status != 200 || s.send("GET", path, "").raw != before {
			t.Errorf("PATCH %s: %d, now %s, was %s", path, a.status, s.send("GET", path, "").raw, before)
		}
	}
}

// An operation with a value path changes only the values that match.
//
// Covers: 7644-3.5.2.2-2, 7644-3.5.2.3-4, 7644-3.5.2.3-6, 7644-3.5.2.3-7
func TestPATCH_ValuePathSelectsAllMatches(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	phones := `"phoneNumbers":[{"value":"1","type":"work"},{"value":"2","type":"work"},{"value":"3","type":"home"}]`
	for i, tt := range []struct{ operation, attribute, want string }{
		{`{"op":"replace","path":"phoneNumbers[type eq \"work\"].display","value":"D"}`, "phoneNumbers", `[{"value":"1","display":"D","type":"work"},{"value":"2","display":"D","type":"work"},{"value":"3","type":"home"}]`},
		{`{"op":"replace","path":"phoneNumbers[type eq \"work\"]","value":{"value":"9","type":"other"}}`, "phoneNumbers", `[{"value":"9","type":"other"},{"value":"3","type":"home"}]`},
		{`{"op":"remove","path":"phoneNumbers[type eq \"work\"]"}`, "phoneNumbers", `[{"value":"3","type":"home"}]`},
		{`{"op":"remove","path":"phoneNumbers[value pr]"}`, "phoneNumbers", ""},
		{`{"op":"remove","path":"title"}`, "title", ""},
		{`{"op":"replace","path":"nickName","value":"N"}`, "nickName", `"N"`},
	} {
		id := s.mustCreate(fmt.Sprintf(`"userName":"u%d","title":"T",%s`, i, phones))
		a := s.send("PATCH", "/Users/"+id+"?attributes="+tt.attribute, patchBody("["+tt.operation+"]"))
		_, rest, there := strings.Cut(a.raw, `"`+tt.attribute+`":`)
		if a.status != 200 || there != (tt.want != "") || rest != "" && rest != tt.want+"}" {
			t.Errorf("%s: %d %s, want %s", tt.operation, a.status, a.raw, tt.want)
		}
	}
}

// Covers: 7644-3.5.2.1-4, 7644-3.5.2.3-5
func TestPATCH_ComplexAttributes(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	id := s.mustCreate(`"userName":"a","name":{"givenName":"G","familyName":"F"}`)
	for _, op := range []string{"add", "replace"} {
		for _, value := range []string{`"x"`, `7`, `["x"]`} {
			a := s.send("PATCH", "/Users/"+id, patchBody(fmt.Sprintf(`[{"op":%q,"path":"name","value":%s}]`, op, value)))
			assert.Truef(t, a.status == 400 && a.body["scimType"] == "invalidValue", "%s of %s: %d %s", op, value, a.status, a.raw)
		}
		a := s.send("PATCH", "/Users/"+id, patchBody(fmt.Sprintf(`[{"op":%q,"path":"name","value":{"givenName":%q}}]`, op, op)))
		assert.Truef(t, a.status == 200 && at(a.body, "name", "givenName") == op && at(a.body, "name", "familyName") == "F", "%s: %d %s", op, a.status, a.raw)
	}
}

// Covers: 7644-3.8-1, 7644-3.8-2, 7644-3.8-3, 7644-3.8-4, 7644-3.8-5
func TestAccept(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	id := s.mustCreate(`"userName":"zoë","displayName":"Ζωή 👩‍💻"`)
	for _, accept := range []string{"application/scim+json", "application/json", "application/scim+json, application/json;q=0.5", "*/*", ""} {
		a := s.send("GET", "/Users/"+id, "", "Accept", accept)
		if a.status != 200 || a.body["displayName"] != "Ζωή 👩‍💻" || !strings.Contains(a.raw, "zoë") ||
			a.header.Get("Content-Type") != "application/scim+json" {
			t.Errorf("Accept %q: %d %s %s", accept, a.status, a.header.Get("Content-Type"), a.raw)
		}
	}
}

// The version stands before the endpoint, and no other path segment is read as
// a version.
//
// Covers: 7644-3.13-1, 7644-3.13-2, 7644-3.12-21
func TestVersion_OfTheProtocol(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	for target, want := range map[string]struct {
		status   int
		scimType any
	}{
		"/scim/v2/Users": {200, nil}, "/scim/v1/Users": {400, "invalidVers"}, "/scim/v3/Users/x": {400, "invalidVers"}, "/scim/v22/Users": {400, "invalidVers"},
		"/scim/v2/Nothing": {404, nil}, "/scim/V2/Users": {200, nil}, "/v2/scim/Users": {404, nil}, "/scim/Users": {404, nil},
		"/scim/v/Users": {404, nil}, "/scim/v1": {404, nil}, "/scim/v1x/Users": {404, nil}, "/": {404, nil},
	} {
		a := s.sendRaw("GET", target, strings.NewReader(""))
		assert.Truef(t, a.status == want.status && a.body["scimType"] == want.scimType, "GET %s: %d %v, want %v", target, a.status, a.body["scimType"], want)
	}
}

// Location and Content-Location of an answer about one resource are the
// resource's URL; lists, errors and answers to a DELETE have neither.
//
// Covers: 7643-3.1-15
func TestLocation_IsThatOfTheResource(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	id := s.mustCreate(`"userName":"a"`)
	group := s.mustGroup("G", id)
	etag := s.send("GET", "/Users/"+id, "").header.Get("ETag")
	for _, tt := range []struct {
		method, path, body string
		headers            []string
		want               bool
	}{
		{"GET", "/Users/" + id, "", nil, true},
		{"GET", "/users/" + id + "?attributes=userName", "", nil, true},
		{"HEAD", "/Users/" + id, "", nil, true},
		{"PUT", "/Users/" + id, userBody(`"userName":"a"`), nil, true},
		{"PATCH", "/Users/" + id, patchBody(`[{"op":"add","path":"title","value":"T"}]`), nil, true},
		{"POST", "/Users", userBody(`"userName":"b"`), nil, true},
		{"GET", "/Groups/" + group, "", nil, true},
		{"PATCH", "/Groups/" + group, patchBody(`[{"op":"remove","path":"members"}]`), nil, true},
		{"POST", "/Groups", groupBody(`"displayName":"H"`), nil, true},
		{"GET", "/ServiceProviderConfig", "", nil, true},
		{"GET", "/Schemas/" + scim.CoreUserURN, "", nil, true},
		{"GET", "/ResourceTypes/User", "", nil, true},
		{"GET", "/Users", "", nil, false},
		{"GET", "/Schemas", "", nil, false},
		{"GET", "", "", nil, false},
		{"GET", "/Users/none", "", nil, false},
		{"DELETE", "/Groups/" + group, "", nil, false},
		{"GET", "/Users/" + id, "", []string{"If-None-Match", etag}, true}, // it has changed since
	} {
		a := s.send(tt.method, tt.path, tt.body, tt.headers...)
		got := a.header.Get("Location")
		also := a.header.Get("Content-Location")
		assert.Equalf(t, got, also, "%s %s: Content-Location %q, Location %q", tt.method, tt.path, also, got)
		location, _ := at(a.body, "meta", "location").(string)
		if !tt.want && got != "" || tt.want && (!strings.HasPrefix(got, baseURL) || location != "" && got != location) {
			t.Errorf("%s %s: %d, Location %q, meta.location %q", tt.method, tt.path, a.status, got, location)
		}
	}
}

// Covers: 7644-1.3-1
func TestBaseURL_HasNoQuery(t *testing.T) {
	for base, want := range map[string]bool{
		baseURL: true, "http://127.0.0.1:8080/scim/v2": true,
		baseURL + "?x=/scim/v2": false, baseURL + "?": false, baseURL + "#/scim/v2": false, baseURL + "/": false, "/scim/v2": false, "https://scim.test": false,
	} {
		_, err := app.New(enginetest.Memory(t), app.Config{BaseURL: base}, slog.New(slog.DiscardHandler))
		assert.Equalf(t, want, err == nil, "%s: %v", base, err)
	}
}

// A broken is a table that fails once it is set to.
type broken struct {
	table.Table
	fails bool
}

func (b *broken) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if b.fails {
		return nil, errors.New("the table is gone")
	}
	return b.Table.Get(ctx, keys...)
}

// Covers: 7644-3.12-1, 7644-3.12-2, 7644-3.12-3, 7644-3.12-12
func TestErrors_AreSCIMErrors(t *testing.T) {
	b := &broken{Table: enginetest.Memory(t)}
	s := newServiceOn(t, b, 5, tenant.DefaultSettings())
	id := s.mustCreate(`"userName":"a"`)
	b.fails = true
	a := s.send("GET", "/Users/"+id, "")
	detail, _ := a.body["detail"].(string)
	if a.status != 500 || a.body["status"] != "500" || !slices.Equal(list(a.body["schemas"]), []any{scim.ErrorURN}) ||
		!strings.Contains(detail, "report the request id") || !strings.Contains(detail, a.header.Get("X-Request-Id")) || strings.Contains(a.raw, "gone") {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

// A deployment cannot be reached without TLS: an HTTP API of API Gateway has no
// other endpoints, and a custom domain requires at least TLS 1.2.
//
// Covers: 7644-7.2-1, 7644-7.2-2, 7644-7.4-2, 6750-5.3-1
func TestTemplate_AsksForTLS(t *testing.T) {
	template := string(rollcall.Template)
	for text, want := range map[string]int{
		"Type: AWS::ApiGatewayV2::Api\n": 1, "ProtocolType: HTTP\n": 1,
		"Type: AWS::ApiGatewayV2::DomainName\n": 1, "SecurityPolicy: TLS_1_2\n": 1,
		"FunctionUrl": 0, "AWS::Serverless::Api\n": 0, "AWS::ElasticLoadBalancingV2": 0, "http://": 0,
	} {
		got := strings.Count(template, text)
		assert.Equalf(t, want, got, "template.yaml has %q %d times, want %d", text, got, want)
	}
	assert.Contains(t, template, `AllowedPattern: '|https://[^/]+(/.*)?/scim/v2'`, "the base URL may be something else than https")
}
