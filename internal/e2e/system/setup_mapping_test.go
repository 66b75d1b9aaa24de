package system

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A setupTarget is an attribute as an administrator names it in the identity
// provider: its schema, its sub-attribute, and the key and value that select
// its element.
type setupTarget struct {
	schema, name string
	key, value   string // "" for an attribute without elements
	sub          string
}

var (
	oktaName  = regexp.MustCompile(`^(\w+)(?:\.\^\[(\w+)==(?:'(\w+)'|(\w+))\])?(?:\.(\w+))?$`)
	entraPath = regexp.MustCompile(`^(?:(urn:.+:\w+):)?(\w+)(?:\[(\w+) eq "(\w+)"\])?(?:\.(\w+))?$`)
)

func oktaTarget(t *testing.T, name, namespace string) setupTarget {
	t.Helper()
	m := oktaName.FindStringSubmatch(name)
	require.NotNilf(t, m, "%q is not an external name", name)
	return setupTarget{schema: namespace, name: m[1], key: m[2], value: m[3] + m[4], sub: m[5]}
}

func entraTarget(t *testing.T, path, core string) setupTarget {
	t.Helper()
	m := entraPath.FindStringSubmatch(path)
	require.NotNilf(t, m, "%q is not a path", path)
	schema := m[1]
	if schema == "" {
		schema = core
	}
	return setupTarget{schema: schema, name: m[2], key: m[3], value: m[4], sub: m[5]}
}

// core reports whether the attribute is at the top of the resource.
func (g setupTarget) core() bool {
	return g.schema == scim.CoreUserURN || g.schema == scim.CoreGroupURN
}

// literal returns the selecting value as JSON has it.
func (g setupTarget) literal() any {
	if g.key == "primary" {
		return g.value == "true"
	}
	return g.value
}

// put sets the value in a resource, beside what others have set.
func (g setupTarget) put(resource map[string]any, value any) {
	if !g.core() {
		inner, ok := resource[g.schema].(map[string]any)
		if !ok {
			inner = map[string]any{}
			resource[g.schema] = inner
		}
		resource = inner
	}
	switch {
	case g.key != "":
		elements, _ := resource[g.name].([]any)
		for _, e := range elements {
			if element := e.(map[string]any); element[g.key] == g.literal() {
				element[g.sub] = value
				return
			}
		}
		resource[g.name] = append(elements, map[string]any{g.key: g.literal(), g.sub: value})
	case g.sub != "":
		inner, ok := resource[g.name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			resource[g.name] = inner
		}
		inner[g.sub] = value
	default:
		resource[g.name] = value
	}
}

// read returns the value in a resource, or nil.
func (g setupTarget) read(resource map[string]any) any {
	if !g.core() {
		resource, _ = resource[g.schema].(map[string]any)
	}
	value := resource[g.name]
	if g.key != "" {
		elements, _ := value.([]any)
		value = nil
		for _, e := range elements {
			if element, _ := e.(map[string]any); element[g.key] == g.literal() {
				value = element
			}
		}
	}
	inner, isObject := value.(map[string]any)
	switch {
	case g.sub != "":
		return inner[g.sub]
	case isObject: // the manager: its value is sent in place of the object
		return inner["value"]
	}
	return value
}

// schemaAttribute returns an attribute of /Schemas, or nil. externalId is in no
// schema. RFC 7643 §3.1
func schemaAttribute(t *testing.T, s *service, g setupTarget) map[string]any {
	t.Helper()
	if g.name == "externalId" && g.core() {
		return map[string]any{"type": "string", "mutability": "readWrite", "uniqueness": "server"}
	}
	a := s.send("GET", "/Schemas/"+g.schema, "")
	if a.status != 200 {
		t.Errorf("/Schemas/%s: %d", g.schema, a.status)
		return nil
	}
	found := named(a.body["attributes"], g.name)
	if g.key != "" && named(found["subAttributes"], g.key) == nil {
		return nil
	}
	if found != nil && g.sub != "" {
		found = named(found["subAttributes"], g.sub)
	}
	return found
}

func named(attributes any, name string) map[string]any {
	list, _ := attributes.([]any)
	for _, a := range list {
		if attribute, _ := a.(map[string]any); attribute["name"] == name {
			return attribute
		}
	}
	return nil
}

// A mapping is a row of a guide's table of mappings: an attribute and a value.
type mapping struct {
	target  setupTarget
	path    string // as entered
	example string
	// value is the example in the attribute's type.
	value any
}

// newMapping checks that the server has the attribute and that it can be
// written.
func newMapping(t *testing.T, s *service, g setupTarget, path, example string) mapping {
	t.Helper()
	a := schemaAttribute(t, s, g)
	require.Truef(t, a != nil && a["mutability"] != "readOnly", "%s of %s is not an attribute that can be written: %v", path, g.schema, a)
	m := mapping{target: g, path: path, example: example, value: example}
	if a["type"] == "boolean" {
		m.value = strings.EqualFold(example, "true")
	}
	return m
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// bare creates a user without the values of the mappings: inactive, a Reader,
// under a name that no mapping has.
func (s *service) bare() string {
	s.t.Helper()
	return s.must(201, "POST", "/Users", userBody(fmt.Sprintf(
		`"userName":"bare%d@example.org","active":false,%q:{"isTeamAccount":false}`, bareUsers.Add(1), scim.RollcallURN)))
}

var bareUsers atomic.Int64

// Each attribute in the mappings of the Okta guide exists and is stored as Okta
// sends it: in POST and PUT, and in a PATCH without a path.
func TestSetupDocs_OktaMappingsAreAccepted(t *testing.T) {
	t.Parallel()
	doc := loadSetup(t, "connect-okta.md")
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	var mappings []mapping
	whole := map[string]any{"active": true}
	for _, row := range doc.having(t, "external name", "external namespace", "example") {
		g := oktaTarget(t, row["external name"], row["external namespace"])
		m := newMapping(t, s, g, row["external name"], row["example"])
		mappings = append(mappings, m)
		g.put(whole, m.value)
	}
	require.Truef(t, len(mappings) >= 20, "%d mappings were read, of more", len(mappings))
	patch := patchBody(`[{"op":"replace","value":` + encoded(t, whole) + `}]`)
	whole["schemas"] = []any{scim.CoreUserURN, scim.EnterpriseURN, scim.RollcallURN}
	body := encoded(t, whole)

	posted := s.must(201, "POST", "/Users", body)
	s.hasValues(mappings, posted, "POST")
	s.check(1)
	s.must(204, "DELETE", "/Users/"+posted, "")

	replaced := s.bare()
	s.must(200, "PUT", "/Users/"+replaced, body)
	s.hasValues(mappings, replaced, "PUT")
	s.check(1)
	s.must(204, "DELETE", "/Users/"+replaced, "")

	patched := s.bare()
	s.must(200, "PATCH", "/Users/"+patched, patch)
	s.hasValues(mappings, patched, "PATCH")
	s.check(1)

	// The fields for isTeamAccount are those of the mapping, and the server has
	// the attribute.
	entered := oktaTarget(t, doc.field(t, "External name"), doc.field(t, "External namespace"))
	if want := (setupTarget{schema: scim.RollcallURN, name: "isTeamAccount"}); entered != want ||
		!slices.ContainsFunc(mappings, func(m mapping) bool { return m.target == want }) || doc.field(t, "Data type") != "boolean" {
		t.Errorf("isTeamAccount is entered as %v", entered)
	}
}

// The row of externalId is needed because a PUT without it removes it.
func TestSetupDocs_OktaPUTWithoutExternalID(t *testing.T) {
	t.Parallel()
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	id := s.must(201, "POST", "/Users", userBody(`"userName":"alice","externalId":"00u1"`))
	s.must(200, "PUT", "/Users/"+id, userBody(`"userName":"alice"`))
	a := s.send("GET", "/Users/"+id, "")
	assert.Nilf(t, a.body["externalId"], "externalId is %v: the guide says it is removed", a.body["externalId"])
}

// Each attribute in the mappings of the Entra guide for users exists and is
// stored as Entra sends it: in POST, by Add and by Replace where nothing was,
// and with the flag. The matching attributes find the user, also an inactive
// one.
func TestSetupDocs_EntraMappingsAreAccepted(t *testing.T) {
	t.Parallel()
	doc := loadSetup(t, "connect-entra.md")
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	var mappings []mapping
	match := map[string]mapping{}
	whole := map[string]any{"schemas": []any{scim.CoreUserURN, scim.EnterpriseURN}}
	for _, row := range entraTables(t, doc)[0].rows {
		path := row["customappsso attribute"]
		g := entraTarget(t, path, scim.CoreUserURN)
		m := newMapping(t, s, g, path, row["example"])
		mappings = append(mappings, m)
		if row["matching"] != "" {
			match[row["matching"]] = m
		}
		if path == scim.EnterpriseURN+":manager" {
			g.sub = "value"
		}
		g.put(whole, m.value)
	}
	if len(mappings) < 20 || len(match) != 2 || match["1"].path != "externalId" || match["2"].path != "userName" {
		t.Fatalf("%d mappings were read, of more; matching are %v", len(mappings), match)
	}

	s.found(match, "/Users?", 0)
	posted := s.must(201, "POST", "/Users", encoded(t, whole))
	s.hasValues(mappings, posted, "POST")
	s.found(match, "/Users?", 1)
	s.must(200, "PATCH", "/Users/"+posted, patchBody(`[{"op":"Replace","path":"active","value":"False"}]`))
	s.found(match, "/Users?", 1)
	s.must(204, "DELETE", "/Users/"+posted, "")

	for _, m := range mappings {
		withFlag := map[string]any{"op": "replace", "path": m.path, "value": m.value}
		if m.target.key == "" {
			withFlag = map[string]any{"op": "replace", "value": map[string]any{m.path: m.value}}
		}
		for how, operation := range map[string]map[string]any{
			"Add":       {"op": "Add", "path": m.path, "value": m.example},
			"Replace":   {"op": "Replace", "path": m.path, "value": m.example},
			"with flag": withFlag,
		} {
			id := s.bare()
			s.must(200, "PATCH", "/Users/"+id, patchBody(encoded(t, []any{operation})))
			s.hasValues([]mapping{m}, id, how)
			s.must(204, "DELETE", "/Users/"+id, "")
		}
	}
	name := doc.field(t, "Name")
	assert.Truef(t, name == scim.RollcallURN+":isTeamAccount" && doc.field(t, "Type") == "Boolean", "the attribute list has %s", name)
	s.check(0)
}

// The same for groups. Members are users, by their ids.
func TestSetupDocs_EntraGroupMappingsAreAccepted(t *testing.T) {
	t.Parallel()
	doc := loadSetup(t, "connect-entra.md")
	s := newService(t, enginetest.Memory(t), 5, app.Options{})
	user := s.bare()
	match := map[string]mapping{}
	whole := map[string]any{"schemas": []any{scim.CoreGroupURN}}
	for _, row := range entraTables(t, doc)[1].rows {
		path := row["customappsso attribute"]
		if path == "members" {
			continue // not sent with a new group
		}
		g := entraTarget(t, path, scim.CoreGroupURN)
		m := newMapping(t, s, g, path, row["example"])
		g.put(whole, m.value)
		if row["matching"] != "" {
			match[row["matching"]] = m
		}
	}
	require.Truef(t, len(whole) == 3 && match["1"].path == "displayName", "the mappings of groups are %v, matching %v", whole, match)
	query := "/Groups?excludedAttributes=members&"
	s.found(match, query, 0)
	id := s.must(201, "POST", "/Groups", encoded(t, whole))
	s.found(match, query, 1)
	s.must(200, "PATCH", "/Groups/"+id, patchBody(`[{"op":"Add","path":"members","value":[{"$ref":null,"value":"`+user+`"}]}]`))
	a := s.send("GET", "/Groups/"+id, "")
	got := valuesOf(a.body["members"])
	assert.Truef(t, len(got) == 1 && got[0] == user && a.body["externalId"] == whole["externalId"], "the group is %v", a.body)
}

// entraTables returns the tables of mappings: for users, and for groups.
func entraTables(t *testing.T, doc *setupDoc) []setupTable {
	t.Helper()
	var tables []setupTable
	for _, table := range doc.tables {
		if slices.Contains(table.columns, "customappsso attribute") {
			tables = append(tables, table)
		}
	}
	require.Lenf(t, tables, 2, "%d tables of mappings, want those of users and of groups", len(tables))
	return tables
}

// hasValues fails the test unless a user has the values of the mappings.
func (s *service) hasValues(mappings []mapping, id, how string) {
	s.t.Helper()
	a := s.send("GET", "/Users/"+id, "")
	for _, m := range mappings {
		got := m.target.read(a.body)
		assert.Truef(s.t, got == m.value, "%s, %s: %v, want %v", m.path, how, got, m.value)
	}
}

// found fails the test unless a matching attribute finds the given number, with
// both encodings of a space.
func (s *service) found(match map[string]mapping, query string, want float64) {
	s.t.Helper()
	for _, m := range match {
		assert.Truef(s.t, schemaAttribute(s.t, s, m.target)["uniqueness"] == "server", "%s is matched by and not unique", m.path)
		filter := url.QueryEscape(fmt.Sprintf("%s eq %q", m.path, m.example))
		for _, filter := range []string{filter, strings.ReplaceAll(filter, "+", "%20")} {
			a := s.send("GET", query+"filter="+filter, "")
			assert.Truef(s.t, a.status == 200 && a.body["totalResults"] == want, "GET %sfilter=%s: %d %v, want %v", query, filter, a.status, a.body, want)
		}
	}
}
