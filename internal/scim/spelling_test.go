package scim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/bulk"
	"github.com/rollcall-scim/rollcall/internal/scim/filter"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

const (
	hrURN   = "urn:example:hr:1.0:Person"
	gateURN = "urn:example:gate:1.0:Person"
)

// namedUser returns the User type of a tenant with two schemas of its own,
// which have one name in common.
func namedUser(t testing.TB) *schema.ResourceType {
	t.Helper()
	base := schema.Types{User: scimtest.UserType(), Group: schema.GroupType()}
	var all schema.Registrations
	for _, document := range []string{
		`{"id":"` + hrURN + `","attributes":[{"name":"grade","type":"string"},{"name":"level","type":"string"},
			{"name":"desk","type":"complex","subAttributes":[{"name":"floor","type":"integer"},{"name":"name","type":"string"}]},
			{"name":"cards","type":"complex","multiValued":true,"subAttributes":[{"name":"value","type":"string"},{"name":"type","type":"string"}]}]}`,
		`{"id":"` + gateURN + `","attributes":[{"name":"level","type":"string"},{"name":"door","type":"string"}]}`,
	} {
		s, err := schema.Parse([]byte(document))
		require.NoError(t, err)
		all, err = all.Put(base, schema.Registration{ResourceType: "User", Schema: s})
		require.NoError(t, err)
	}
	return base.With(all).User
}

// spellings are names beyond RFC 7644 §3.10, each with the name that they are
// accepted for, a value of it as JSON, and the notice.
var spellings = []struct{ sent, canonical, value, notice string }{
	{"department", scim.EnterpriseURN + ":department", `"D"`, scim.NoticeUnqualified},
	{"EMPLOYEENUMBER", scim.EnterpriseURN + ":employeeNumber", `"7"`, scim.NoticeUnqualified},
	{"manager.value", scim.EnterpriseURN + ":manager.value", `"m-1"`, scim.NoticeUnqualified},
	{"Manager.$ref", scim.EnterpriseURN + ":manager.$ref", `"../Users/m-1"`, scim.NoticeUnqualified},
	{"grade", hrURN + ":grade", `"A"`, scim.NoticeUnqualified},
	{"desk.floor", hrURN + ":desk.floor", `3`, scim.NoticeUnqualified},
	{"door", gateURN + ":door", `"N"`, scim.NoticeUnqualified},
	{"isTeamAccount", scim.RollcallURN + ":isTeamAccount", `true`, scim.NoticeTopLevel},
	{scim.EnterpriseURN + ".department", scim.EnterpriseURN + ":department", `"D"`, scim.NoticeDottedURN},
	{strings.ToUpper(scim.EnterpriseURN) + ".Manager.Value", scim.EnterpriseURN + ":manager.value", `"m-1"`, scim.NoticeDottedURN},
	{scim.RollcallURN + ".isTeamAccount", scim.RollcallURN + ":isTeamAccount", `false`, scim.NoticeDottedURN},
	{hrURN + ".desk.floor", hrURN + ":desk.floor", `3`, scim.NoticeDottedURN},
	{gateURN + ".level", gateURN + ":level", `"1"`, scim.NoticeDottedURN},
	{scim.CoreUserURN + ".title", "title", `"T"`, scim.NoticeDottedURN},
	{scim.CoreUserURN + ".name.givenName", "name.givenName", `"G"`, scim.NoticeDottedURN},
}

// namePlaces are the places where a name can occur. Each returns the effect of
// a name there, as text that is equal for names that mean the same.
var namePlaces = map[string]func(rt *schema.ResourceType, name, value string) (string, []scim.Notice, error){
	"body": func(rt *schema.ResourceType, name, value string) (string, []scim.Notice, error) {
		r, notices, err := resource.Decode(rt, userWith(fmt.Sprintf(`"userName":"a",%q:%s`, name, value)))
		return string(resource.Encode(rt, r)), notices, err
	},
	"object of the core schema": func(rt *schema.ResourceType, name, value string) (string, []scim.Notice, error) {
		r, notices, err := resource.Decode(rt, userWith(fmt.Sprintf(`"userName":"a",%q:{%q:%s}`, scim.CoreUserURN, name, value)))
		return string(resource.Encode(rt, r)), notices, err
	},
	"path": func(rt *schema.ResourceType, name, value string) (string, []scim.Notice, error) {
		return patched(rt, fmt.Sprintf(`{"op":"add","path":%q,"value":%s}`, name, value))
	},
	"path of a remove": func(rt *schema.ResourceType, name, value string) (string, []scim.Notice, error) {
		return patched(rt, fmt.Sprintf(`{"op":"add","path":%q,"value":%s},{"op":"remove","path":%[1]q}`, name, value))
	},
	"value without a path": func(rt *schema.ResourceType, name, value string) (string, []scim.Notice, error) {
		return patched(rt, fmt.Sprintf(`{"op":"replace","value":{%q:%s}}`, name, value))
	},
	"value of the core schema's path": func(rt *schema.ResourceType, name, value string) (string, []scim.Notice, error) {
		return patched(rt, fmt.Sprintf(`{"op":"replace","path":%q,"value":{%q:%s}}`, scim.CoreUserURN, name, value))
	},
	"filter": func(rt *schema.ResourceType, name, value string) (string, []scim.Notice, error) {
		f, err := match.CompileFilter(rt, name+" eq "+value)
		if err != nil {
			return "", nil, err
		}
		return f.String(), f.Notices(), nil
	},
	"presence filter": func(rt *schema.ResourceType, name, _ string) (string, []scim.Notice, error) {
		f, err := match.CompileFilter(rt, "not ("+name+" pr)")
		if err != nil {
			return "", nil, err
		}
		return f.String(), f.Notices(), nil
	},
	"sortBy": func(rt *schema.ResourceType, name, _ string) (string, []scim.Notice, error) {
		s, err := match.CompileSort(rt, nil, name, "")
		if err != nil {
			return "", nil, err
		}
		return s.String(), s.Notices(), nil
	},
	"attributes": func(rt *schema.ResourceType, name, _ string) (string, []scim.Notice, error) {
		p, err := resource.ParseProjection(rt, []string{"userName," + name}, nil)
		return projected(rt, p), p.Notices(), err
	},
	"excludedAttributes": func(rt *schema.ResourceType, name, _ string) (string, []scim.Notice, error) {
		p, err := resource.ParseProjection(rt, nil, []string{name})
		return projected(rt, p), p.Notices(), err
	},
	"bulk reference": func(rt *schema.ResourceType, name, _ string) (string, []scim.Notice, error) {
		b, _, err := bulk.Decode(fmt.Appendf(nil, `{"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{}},
			{"method":"PUT","path":"/Users/1","data":{%q:"bulkId:a"}}]}`, name))
		if err != nil {
			return "", nil, err
		}
		plan, err := bulk.NewPlan(b, func(*bulk.Operation) *schema.ResourceType { return rt })
		if err != nil {
			return "", nil, err
		}
		body, err := plan.Body(bulk.Step{Operation: 1}, map[string]string{"a": "A"})
		_, value, _ := strings.Cut(string(body), `":`)
		return value, []scim.Notice{{}}, err
	},
}

// projected returns what a response has of a user with a value of each of the
// spellings.
func projected(rt *schema.ResourceType, p resource.Projection) string {
	var operations []string
	for _, s := range spellings {
		operations = append(operations, fmt.Sprintf(`{"op":"add","path":%q,"value":%s}`, s.canonical, s.value))
	}
	v, err := resource.DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[` + strings.Join(operations, ",") + `]}`))
	if err != nil {
		return err.Error()
	}
	r, _, err := v.Apply(rt, scim.Resource{"userName": "a"})
	if err != nil {
		return err.Error()
	}
	return string(resource.Encode(rt, p.Apply(rt, r)))
}

// userWith returns the body of a user with the members given.
func userWith(members string) []byte {
	return []byte(`{"schemas":["` + scim.CoreUserURN + `"],` + members + `}`)
}

// encodedUser returns what Encode writes for a user without extensions.
func encodedUser(members string) string { return string(userWith(members)) }

// applyTo returns a resource after a PATCH.
func applyTo(rt *schema.ResourceType, before scim.Resource, body []byte) (scim.Resource, []scim.Notice, error) {
	p, err := resource.DecodePatch(body)
	if err != nil {
		return nil, nil, err
	}
	return p.Apply(rt, before)
}

// patched returns a user after some operations.
func patched(rt *schema.ResourceType, operations string) (string, []scim.Notice, error) {
	before, err := scim.DecodeStored([]byte(`{"userName":"a","active":true}`))
	if err != nil {
		return "", nil, err
	}
	after, notices, err := applyTo(rt, before, []byte(`{"schemas":["`+scim.PatchURN+`"],"Operations":[`+operations+`]}`))
	return string(resource.Encode(rt, after)), notices, err
}

// A name means the same wherever it occurs, and the event says how it was
// written.
//
// Covers: 7644-3.10-1
func TestResolve_MeansTheSameInEveryPlace(t *testing.T) {
	rt := namedUser(t)
	for place, of := range namePlaces {
		for _, s := range spellings {
			want, notices, err := of(rt, s.canonical, s.value)
			require.Truef(t, err == nil && !hasKind(notices, s.notice), "%s in %s: %v, %v", s.canonical, place, notices, err)
			got, notices, err := of(rt, s.sent, s.value)
			assert.Truef(t, err == nil && got == want, "%s in %s is %s, %v; want %s", s.sent, place, got, err, want)
			if place != "bulk reference" && !slices.Contains(notices, scim.Notice{Kind: s.notice, Attribute: s.canonical}) {
				t.Errorf("%s in %s: notices %v, want %s", s.sent, place, notices, s.notice)
			}
		}
	}
}

func hasKind(notices []scim.Notice, kind string) bool {
	return slices.ContainsFunc(notices, func(n scim.Notice) bool { return n.Kind == kind })
}

// A name that two schemas have is refused where an unknown one is refused, and
// ignored where an unknown one is ignored; both say which names it could be.
func TestResolve_RefusesAmbiguousNames(t *testing.T) {
	rt := namedUser(t)
	refused := map[string]scim.ErrorType{
		"path": scim.InvalidPath, "path of a remove": scim.InvalidPath,
		"filter": scim.InvalidFilter, "presence filter": scim.InvalidFilter, "sortBy": scim.InvalidValue,
	}
	for place, of := range namePlaces {
		if place == "bulk reference" {
			continue
		}
		without, _, err := of(rt, "noSuchName", `"1"`)
		want, isRefused := refused[place]
		require.NotEqualf(t, (err == nil), isRefused, "an unknown name in %s: %v", place, err)
		got, notices, err := of(rt, "Level", `"1"`)
		var e *scim.Error
		if isRefused {
			require.Truef(t, errors.As(err, &e) && e.Type == want, "in %s: %v, want %s", place, err, want)
		} else {
			at := slices.IndexFunc(notices, func(n scim.Notice) bool { return n.Kind == scim.NoticeAmbiguous })
			require.Truef(t, err == nil && got == without && at >= 0, "in %s: %s, %v, %v; want %s", place, got, notices, err, without)
			e = notices[at].Refusal()
		}
		for _, candidate := range []string{hrURN + ":level", gateURN + ":level"} {
			assert.Containsf(t, e.Detail, candidate, "in %s: %q does not name %s", place, e.Detail, candidate)
		}
	}
}

// A path without the URN can also select the values of an extension's
// attribute.
func TestResolve_ValuePaths(t *testing.T) {
	rt := namedUser(t)
	const add = `{"op":"add","path":"` + hrURN + `:cards","value":[{"value":"1","type":"a"},{"value":"2","type":"b"}]},`
	want, _, err := patched(rt, add+`{"op":"replace","path":"`+hrURN+`:cards[type eq \"b\"].value","value":"3"}`)
	require.NoError(t, err)
	for _, sent := range []string{`cards[type eq \"b\"].value`, hrURN + `.cards[type eq \"b\"].value`} {
		for _, operation := range []string{`{"op":"replace","path":"` + sent + `","value":"3"}`, `{"op":"replace","value":{"` + sent + `":"3"}}`} {
			got, notices, err := patched(rt, add+operation)
			if err != nil || got != want || !hasKind(notices, scim.NoticeUnqualified) && !hasKind(notices, scim.NoticeDottedURN) {
				t.Errorf("%s: %s, %v, %v; want %s", operation, got, notices, err, want)
			}
		}
		f, err := match.CompileFilter(rt, strings.ReplaceAll(sent, `\`, "")+` eq "3"`)
		assert.Truef(t, err == nil && f.String() == hrURN+`:cards[type eq "b"].value eq "3"`, "%s in a filter: %v, %v", sent, f, err)
	}
}

// A search over users and groups accepts a name that one of the types has.
func TestResolve_AcrossTypes(t *testing.T) {
	user, group := namedUser(t), schema.GroupType()
	for _, name := range []string{"department", scim.EnterpriseURN + ".department", "manager.value"} {
		for _, c := range []struct{ rt, other *schema.ResourceType }{{user, group}, {group, user}} {
			f, err := match.CompileFilterAcross(c.rt, []*schema.ResourceType{c.other}, name+` eq "D"`)
			if err != nil || len(f.Notices()) != 1 {
				t.Errorf("filter of %ss by %s: %v, %v", c.rt.Name, name, f, err)
			} else if f.Match(scim.Resource{"displayName": "D", "department": "D"}) {
				t.Errorf("%s matches a %s without it", name, c.rt.Name)
			}
			s, err := match.CompileSort(c.rt, []*schema.ResourceType{c.other}, name, "")
			assert.Truef(t, err == nil && len(s.Notices()) == 1, "sort of %ss by %s: %v", c.rt.Name, name, err)
		}
	}
	// An attribute of one type after its URN is not an attribute of the other.
	f, err := match.CompileFilterAcross(user, []*schema.ResourceType{group}, scim.CoreGroupURN+`:displayName eq "D"`)
	assert.Truef(t, err == nil && !f.Match(scim.Resource{"displayName": "D"}), "%v, %v matches a user by a group's attribute", f, err)
	var e *scim.Error
	_, err = match.CompileFilterAcross(group, []*schema.ResourceType{user}, `level eq "1"`)
	assert.Truef(t, errors.As(err, &e) && strings.Contains(e.Detail, gateURN), "a name that two schemas of the other type have: %v", err)
}

// The printed name has the same meaning, in the standard's spelling; and a path
// means what the same name means elsewhere.
func FuzzResolve(f *testing.F) {
	for _, s := range spellings {
		f.Add(s.sent)
		f.Add(s.canonical)
	}
	for _, name := range []string{"", ".", ":", "level", "userName", "meta.version", "__proto__", scim.EnterpriseURN, scim.CoreUserURN, scim.CoreUserURN + ":", hrURN + ".", "urn:x:y.z"} {
		f.Add(name)
	}
	for _, path := range corpus.Read(f, "../..").Paths {
		f.Add(path)
	}
	rt := namedUser(f)
	f.Fuzz(func(t *testing.T, name string) {
		n := rt.Resolve(name)
		if n.Known() {
			again := rt.Resolve(n.String())
			require.Truef(t, again.Target == n.Target && again.Spelling == "", "%q is %s, which is %s %q", name, n.Target, again.Target, again.Spelling)
		}
		parsed, _, fault := filter.ReadPath(name, filter.Limits{}, rt.URNs()...)
		if fault != nil || parsed.Filter != nil || n.Known() && n.Attribute == nil || n.Core || name != strings.TrimSpace(name) {
			return
		}
		if p := rt.ResolvePath(parsed); p.Target != n.Target || p.Spelling != n.Spelling || !slices.Equal(p.Candidates, n.Candidates) {
			t.Fatalf("%q is %+v, and as a path %+v", name, n, p)
		}
	})
}

// Attributes of the core schema in an object under its URN are treated like
// others.
func TestCoreObject(t *testing.T) {
	rt := scimtest.UserType()
	object := func(members string) string { return `"` + scim.CoreUserURN + `":{` + members + `}` }
	for _, c := range []struct{ name, members, want string }{
		{"beside others", `"userName":"a",` + object(`"title":"T"`), `"userName":"a","title":"T"`},
		{"all of them", object(`"userName":"a","name":{"givenName":"G"},"emails":[{"value":"e@x"}]`), `"userName":"a","name":{"givenName":"G"},"emails":[{"value":"e@x"}]`},
		{"in another case", `"` + strings.ToUpper(scim.CoreUserURN) + `":{"USERNAME":"a"}`, `"userName":"a"`},
		{"parts of one name", `"userName":"a","name":{"givenName":"G"},` + object(`"name":{"familyName":"F"}`), `"userName":"a","name":{"familyName":"F","givenName":"G"}`},
		{"read-only attributes", object(`"userName":"a","id":"x","meta":{"version":"v"},"schemas":["x"]`), `"userName":"a"`},
		{"unknown attributes", object(`"userName":"a","shoeSize":1,"` + scim.CoreUserURN + `":{"title":"T"}`), `"userName":"a"`},
	} {
		r, notices, err := resource.Decode(rt, userWith(c.members))
		if err != nil || string(resource.Encode(rt, r)) != encodedUser(c.want) || !slices.Contains(notices, scim.Notice{Kind: scim.NoticeCoreObject, Attribute: scim.CoreUserURN}) {
			t.Errorf("%s: %s, %v, %v; want %s", c.name, resource.Encode(rt, r), notices, err, c.want)
		}
	}
	for _, empty := range []string{"null", `""`, "[]", "{}"} {
		r, notices, err := resource.Decode(rt, userWith(`"userName":"a","`+scim.CoreUserURN+`":`+empty))
		if err != nil || string(resource.Encode(rt, r)) != encodedUser(`"userName":"a"`) || len(notices) > 0 {
			t.Errorf("%s: %s, %v, %v", empty, resource.Encode(rt, r), notices, err)
		}
	}
	for members, want := range map[string]scim.ErrorType{
		`"userName":"a","` + scim.CoreUserURN + `":"T"`:            scim.InvalidValue,
		`"userName":"a","` + scim.CoreUserURN + `":[{"title":1}]`:  scim.InvalidValue,
		`"userName":"a",` + object(`"title":1`):                    scim.InvalidValue,
		`"userName":"a",` + object(`"userName":"b"`):               scim.InvalidSyntax,
		object(`"title":"T"`):                                      scim.InvalidValue,
		`"userName":"a","` + scim.CoreGroupURN + `:members":[]`:    "",
		`"userName":"a","` + scim.CoreGroupURN + `":{"members":1}`: "",
	} {
		_, _, err := resource.Decode(rt, userWith(members))
		var e *scim.Error
		got := errors.As(err, &e)
		assert.Truef(t, got == (want != "") && (!got || e.Type == want), "%s: %v, want %q", members, err, want)
	}

	for _, c := range []struct{ operation, want string }{
		{`{"op":"replace","value":{` + object(`"title":"x","active":"False"`) + `}}`, `"userName":"a","title":"x","active":false`},
		{`{"op":"add","value":{"displayName":"D",` + object(`"name.givenName":"G"`) + `}}`, `"userName":"a","name":{"givenName":"G"},"displayName":"D","active":true`},
		{`{"op":"add","path":"` + scim.CoreUserURN + `","value":{` + object(`"title":"x"`) + `}}`, `"userName":"a","title":"x","active":true`},
		{`{"op":"add","value":{"` + scim.CoreUserURN + `":null}}`, `"userName":"a","active":true`},
	} {
		got, notices, err := patched(rt, c.operation)
		if err != nil || got != encodedUser(c.want) || strings.Contains(c.operation, "null") == hasKind(notices, scim.NoticeCoreObject) {
			t.Errorf("%s: %s, %v, %v; want %s", c.operation, got, notices, err, c.want)
		}
	}
	_, _, err := patched(rt, `{"op":"add","value":{"`+scim.CoreUserURN+`":7}}`)
	assert.Error(t, err, "a number for the core schema is taken")
}

// Split finds an attribute in every spelling, and the notices stay.
func TestSplit_FindsEverySpelling(t *testing.T) {
	rt := schema.GroupType()
	for operation, notice := range map[string]string{
		`{"op":"add","path":"MEMBERS","value":[{"value":"u1"}]}`:                                                       "",
		`{"op":"add","path":"` + scim.CoreGroupURN + `.members","value":[{"value":"u1"}]}`:                             scim.NoticeDottedURN,
		`{"op":"add","value":{"members":[{"value":"u1"}]}}`:                                                            "",
		`{"op":"add","value":{"` + scim.CoreGroupURN + `:members":[{"value":"u1"}]}}`:                                  scim.NoticePathInValue,
		`{"op":"add","value":{"` + scim.CoreGroupURN + `.members":[{"value":"u1"}]}}`:                                  scim.NoticeDottedURN,
		`{"op":"add","value":{"` + scim.CoreGroupURN + `":{"members":[{"value":"u1"}]}}}`:                              scim.NoticeCoreObject,
		`{"op":"add","value":{"` + scim.CoreGroupURN + `":{"displayName":"N","members":[{"value":"u1"}]}}}`:            scim.NoticeCoreObject,
		`{"op":"add","path":"` + scim.CoreGroupURN + `","value":{"displayName":"N","members":[{"value":"u1"}]}}`:       "",
		`{"op":"add","path":"` + scim.CoreGroupURN + `","value":{"` + scim.CoreGroupURN + `.members":{"value":"u1"}}}`: scim.NoticeDottedURN,
		`{"op":"add","path":"members[value eq \"u1\"]","value":{"value":"u1"}}`:                                        "",
		`{"op":"add","path":"` + scim.CoreGroupURN + `.members[value eq \"u1\"]","value":{"value":"u1"}}`:              scim.NoticeDottedURN,
		`{"op":"add","value":{"members[value eq \"u1\"]":{"value":"u1"}}}`:                                             scim.NoticePathInValue,
	} {
		p, err := resource.DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[` + operation + `]}`))
		require.NoError(t, err)
		unsplit := *p
		unsplit.Operations = slices.Clone(p.Operations)
		own, rest := p.Split(rt, "members")
		changes, _, err := resource.MemberChanges(rt, own)
		assert.Truef(t, err == nil && len(changes) == 1 && slices.Equal(changes[0].IDs, []string{"u1"}), "%s: changes %v, %v", operation, changes, err)
		after, notices, err := rest.Apply(rt, scim.Resource{"displayName": "G"})
		if err != nil || after["members"] != nil || (after.Text("displayName") == "N") != strings.Contains(operation, `"N"`) {
			t.Errorf("%s: the rest makes %v, %v", operation, after, err)
		}
		assert.Truef(t, (notice == "" || hasKind(notices, notice)) && (notice != "" || len(notices) == 0), "%s: notices %v, want %q", operation, notices, notice)
		assert.Equalf(t, unsplit, *p, "%s: Split changed the patch", operation)
	}
}

// An operation on an attribute of an unknown schema is ignored, so that those
// beside it are applied. A name that may mean an attribute of ours is refused.
//
// Covers: 7644-3.5.2-7
func TestPatch_UnknownSchemas(t *testing.T) {
	rt := namedUser(t)
	const hr = "urn:ietf:params:scim:schemas:extension:hr:2.0:User"
	for _, path := range []string{
		hr + ":costCode", hr + ":cost.code", hr + ":costs[type eq \"a\"]", hr + ":costs[type eq \"a\"].code", hr + ".costCode",
		hr + ".cost.code", hr, "URN:EXAMPLE:x:title", "urn:example:x.y:title", "urn:okta:app_1:1.0:user:custom:costCode",
		"urn:scim:schemas:extension:enterprise:1.0:department", "urn:example:hr:1.0:Persona:grade", "urn:example:hr:1.0:level",
	} {
		for _, op := range []string{`"op":"add","value":"7"`, `"op":"replace","value":{"a":[1]}`, `"op":"replace","value":null`, `"op":"remove"`} {
			encoded, _ := json.Marshal(path)
			got, notices, err := patched(rt, `{"op":"Replace","path":"active","value":false},{`+op+`,"path":`+string(encoded)+`}`)
			name, _, _ := strings.Cut(path, "[")
			if err != nil || got != encodedUser(`"userName":"a","active":false`) || !slices.Contains(notices, scim.Notice{Kind: scim.NoticeUnknownPath, Attribute: name}) {
				t.Errorf("%s %s: %s, %v, %v", op, path, got, notices, err)
			}
		}
	}
	for path, want := range map[string]scim.ErrorType{
		"costCode": scim.InvalidPath, "noSuch.thing": scim.InvalidPath, `noSuch[a eq "b"].c`: scim.InvalidPath, "name.nick": scim.InvalidPath,
		`emails[type eq "work"].nick`: scim.InvalidPath, "__proto__": scim.InvalidPath, "__proto__.isAdmin": scim.InvalidPath,
		"constructor.prototype": scim.InvalidPath, "constructor": scim.InvalidPath,
		hr + ":__proto__": scim.InvalidPath, hr + ":constructor": scim.InvalidPath, hr + ":constructor.prototype": scim.InvalidPath,
		hr + ":a.__proto__": scim.InvalidPath, hr + `:a[b eq "c"].constructor`: scim.InvalidPath,
		scim.EnterpriseURN + ":costCode": scim.InvalidPath, scim.EnterpriseURN + ".costCode": scim.InvalidPath, scim.EnterpriseURN + ":manager.nick": scim.InvalidPath,
		scim.EnterpriseURN + ":__proto__": scim.InvalidPath, scim.EnterpriseURN + `[a eq "b"].department`: scim.InvalidPath,
		hrURN + ":costCode": scim.InvalidPath, scim.CoreUserURN + ":costCode": scim.InvalidPath, scim.CoreUserURN + ".department": scim.InvalidPath,
		scim.CoreGroupURN + ":members": scim.InvalidPath, scim.PatchURN + ":a": scim.InvalidPath,
		"urn:scim:schemas:core:1.0:title": scim.InvalidPath, "urn:scim:schemas:core:2.0:User:active": scim.InvalidPath,
		"urn:ietf:params:scim:schemas:core:2.0:Users:active": scim.InvalidPath, "urn:ietf:params:scim:schemas:core:1.0:nick": scim.InvalidPath,
		hr + ":members": scim.InvalidPath, hr + `.Members[value eq "a"]`: scim.InvalidPath,
		hr + ":active": scim.InvalidPath, hr + ".active": scim.InvalidPath, "urn:example:isTeamAccount": scim.InvalidPath,
		hr + ":": scim.InvalidPath, hr + ":a..b": scim.InvalidPath, hr + ":a b": scim.InvalidPath, ":costCode": scim.InvalidPath, "urn::x:a": scim.InvalidPath,
		hr + ":costs[type eq]": scim.InvalidFilter, hr + ":costs[": scim.InvalidFilter, hr + `:costs[type eq "a"]x`: scim.InvalidPath,
	} {
		encoded, _ := json.Marshal(path)
		got, _, err := patched(rt, `{"op":"Replace","path":"active","value":false},{"op":"add","path":`+string(encoded)+`,"value":"7"}`)
		var e *scim.Error
		assert.Truef(t, errors.As(err, &e) && e.Type == want && strings.HasPrefix(e.Detail, "Operation 2: "), "%s: %s, %v, want %s", path, got, err, want)
	}
	// The detail says what a refused path may mean.
	for path, want := range map[string]string{
		"urn:scim:schemas:core:1.0:title":                  "write title",
		scim.CoreUserURN + ":department":                   "write " + scim.EnterpriseURN + ":department",
		hr + ":active":                                     "write active",
		scim.EnterpriseURN + ":name.givenName":             "write name.givenName",
		"urn:ietf:params:scim:schemas:core:2.0:User:level": "/Schemas",
		"costCode": "/Schemas",
	} {
		_, _, err := patched(rt, `{"op":"add","path":"`+path+`","value":"7"}`)
		assert.Truef(t, err != nil && strings.Contains(err.Error(), want), "%s: %v, want %q", path, err, want)
	}
	// An unknown name with a filter in a value is ignored like one without.
	got, notices, err := patched(rt, `{"op":"replace","value":{"active":false,"noSuch[a eq \"b\"].c":1,"`+hr+`:costs[a pr]":2,"level[a pr]":3}}`)
	if err != nil || got != encodedUser(`"userName":"a","active":false`) || !hasKind(notices, scim.NoticeUnknownAttribute) || !hasKind(notices, scim.NoticeAmbiguous) {
		t.Errorf("%s, %v, %v", got, notices, err)
	}
}

// Brackets after a singular attribute either match its value or not.
func TestPatch_BracketsAfterOneValue(t *testing.T) {
	rt := namedUser(t)
	const ent, hr = `"` + scim.EnterpriseURN + `":`, `"` + hrURN + `":`
	const before = `"userName":"a","name":{"givenName":"G","familyName":"F"},` + ent + `{"department":"D","manager":{"value":"m-1"}},` + hr + `{"desk":{"floor":3,"name":"A"}}`
	const manager = `manager[value eq \"m-1\"]`
	for _, c := range []struct{ operation, want string }{ // "" is no change
		{`"op":"remove","path":"` + manager + `"`, strings.Replace(before, `,"manager":{"value":"m-1"}`, "", 1)},
		{`"op":"remove","path":"` + scim.EnterpriseURN + `:` + manager + `"`, strings.Replace(before, `,"manager":{"value":"m-1"}`, "", 1)},
		{`"op":"remove","path":"` + scim.EnterpriseURN + `.` + manager + `.value"`, strings.Replace(before, `,"manager":{"value":"m-1"}`, "", 1)},
		{`"op":"replace","path":"` + manager + `.value","value":"m-2"`, strings.Replace(before, "m-1", "m-2", 1)},
		{`"op":"replace","path":"` + manager + `","value":{"value":"m-2"}`, strings.Replace(before, "m-1", "m-2", 1)},
		{`"op":"replace","path":"` + manager + `","value":"m-2"`, strings.Replace(before, "m-1", "m-2", 1)},
		{`"op":"replace","path":"` + manager + `","value":""`, strings.Replace(before, `,"manager":{"value":"m-1"}`, "", 1)},
		{`"op":"add","path":"` + manager + `.$ref","value":"../Users/m-1"`, strings.Replace(before, `"m-1"`, `"m-1","$ref":"../Users/m-1"`, 1)},
		{`"op":"add","path":"name[familyName eq \"f\"]","value":{"middleName":"M"}`, strings.Replace(before, `"givenName":"G"`, `"givenName":"G","middleName":"M"`, 1)},
		{`"op":"replace","path":"name[familyName eq \"F\" and givenName sw \"g\"].givenName","value":"H"`, strings.Replace(before, `"G"`, `"H"`, 1)},
		{`"op":"replace","path":"name[not (familyName eq \"X\")].givenName","value":"H"`, strings.Replace(before, `"G"`, `"H"`, 1)},
		{`"op":"remove","path":"desk[floor gt 2].name"`, strings.Replace(before, `,"name":"A"`, "", 1)},
		{`"op":"remove","path":"manager[value eq \"m-9\"]"`, ""},
		{`"op":"remove","path":"` + scim.EnterpriseURN + `:manager[value eq \"m-9\"].value"`, ""},
		{`"op":"replace","path":"manager[value eq \"m-9\"]","value":{"value":"m-2"}`, ""},
		{`"op":"add","path":"manager[value eq \"m-9\"].$ref","value":"x"`, ""},
		{`"op":"replace","path":"name[familyName eq \"X\"].givenName","value":"H"`, ""},
		{`"op":"replace","path":"desk[floor gt 3]","value":null`, ""},
	} {
		r := patchedUser(t, rt, before)
		body := `{"schemas":["` + scim.PatchURN + `"],"Operations":[{` + c.operation + `}]}`
		after, notices, err := applyTo(rt, r, []byte(body))
		want := c.want
		if want == "" {
			want = before
		}
		if err != nil || string(resource.Encode(rt, after)) != string(resource.Encode(rt, patchedUser(t, rt, want))) || !hasKind(notices, scim.NoticeFilterForm) {
			t.Errorf("%s:\ngot  %s, %v, %v\nwant %s", c.operation, resource.Encode(rt, after), notices, err, want)
		}
	}
	// Without a value, the brackets do not match.
	for _, operation := range []string{`"op":"remove","path":"` + manager + `"`, `"op":"add","path":"` + manager + `.$ref","value":"x"`, `"op":"replace","path":"manager[not (value pr)]","value":"m-2"`} {
		got, _, err := patched(rt, `{`+operation+`}`)
		assert.Truef(t, err == nil && got == encodedUser(`"userName":"a","active":true`), "%s: %s, %v", operation, got, err)
	}
	for operation, want := range map[string]scim.ErrorType{
		`"op":"replace","path":"` + manager + `.displayName","value":"x"`:    scim.NotMutable,
		`"op":"replace","path":"` + manager + `.nick","value":"x"`:           scim.InvalidPath,
		`"op":"remove","path":"manager[nick eq \"x\"]"`:                      scim.InvalidFilter,
		`"op":"remove","path":"manager[value eq m-1]"`:                       scim.InvalidFilter,
		`"op":"remove","path":"userName[value eq \"a\"]"`:                    scim.InvalidPath,
		`"op":"replace","path":"manager[value eq \"m-9\"].value","value":7`:  scim.InvalidValue,
		`"op":"replace","path":"name[familyName eq \"X\"]","value":"B"`:      scim.InvalidValue,
		`"op":"replace","path":"meta[version eq \"X\"].version","value":"B"`: scim.NotMutable,
	} {
		_, _, err := applyTo(rt, patchedUser(t, rt, before), []byte(`{"schemas":["`+scim.PatchURN+`"],"Operations":[{`+operation+`}]}`))
		var e *scim.Error
		assert.Truef(t, errors.As(err, &e) && e.Type == want, "%s: %v, want %s", operation, err, want)
	}
}

// patchedUser returns a user of a type with the given members.
func patchedUser(t *testing.T, rt *schema.ResourceType, members string) scim.Resource {
	t.Helper()
	r, err := scim.DecodeStored([]byte("{" + members + "}"))
	require.NoError(t, err)
	schema.SetSchemas(rt, r)
	return r
}

// A replace whose path selects no value creates one if the path names its role,
// and never one that the path names by value.
//
// Covers: 7644-3.5.2.3-8
func TestPatch_ReplaceGrantsNothing(t *testing.T) {
	rt := namedUser(t)
	for _, c := range []struct{ path, value, want string }{
		{`emails[type eq "work"].value`, `"n@x"`, `"emails":[{"value":"n@x","type":"work"}]`},
		{`emails[type eq "work" and primary eq true].value`, `"n@x"`, `"emails":[{"value":"n@x","type":"work","primary":true}]`},
		{`addresses[TYPE eq "work"].locality`, `"L"`, `"addresses":[{"locality":"L","type":"work"}]`},
		{`roles[primary eq "True"].display`, `"R"`, `"roles":[{"display":"R","primary":true}]`},
		{`cards[type eq "a"].value`, `"1"`, `"` + hrURN + `":{"cards":[{"value":"1","type":"a"}]}`},
		{`roles[value eq "admin"].display`, `"R"`, ""},
		{`roles[value eq "admin"].type`, `"R"`, ""},
		{`roles[value eq "admin"].primary`, `true`, ""},
		{`entitlements[Value eq "all"].primary`, `true`, ""},
		{`entitlements[type eq "a" and value eq "all"].display`, `"x"`, ""},
		{`entitlements[value eq "all" and primary eq true].display`, `"x"`, ""},
		{`roles[display eq "Admin"].value`, `"admin"`, ""},
		{`emails[type eq "work" or type eq "home"].value`, `"n@x"`, ""},
		{`emails[type ne "work"].value`, `"n@x"`, ""},
		{`emails[not (type eq "work")].value`, `"n@x"`, ""},
		{`emails[type pr].value`, `"n@x"`, ""},
		{`emails[type sw "w"].value`, `"n@x"`, ""},
		{`emails[value eq null].value`, `"n@x"`, ""},
		{`emails[type eq "work" and value eq null].value`, `"n@x"`, ""},
		{`cards[value eq "1"].type`, `"a"`, ""},
		{`emails[type eq "work"]`, `{"value":"n@x"}`, ""},
	} {
		encoded, _ := json.Marshal(c.path)
		for _, operation := range []string{`{"op":"replace","path":` + string(encoded) + `,"value":` + c.value + `}`, `{"op":"replace","value":{` + string(encoded) + `:` + c.value + `}}`} {
			got, _, err := patched(rt, operation)
			var e *scim.Error
			assert.Falsef(t, c.want == "" && (!errors.As(err, &e) || e.Type != scim.NoTarget), "%s: %s, %v, want noTarget", operation, got, err)
			if c.want == "" {
				continue
			}
			want := string(resource.Encode(rt, patchedUser(t, rt, `"userName":"a","active":true,`+c.want)))
			assert.Truef(t, err == nil && got == want, "%s: %s, %v, want %s", operation, got, err, want)
		}
	}
	// An add says what should exist.
	got, _, err := patched(rt, `{"op":"add","path":"roles[value eq \"admin\"].display","value":"R"}`)
	assert.Truef(t, err == nil && got == encodedUser(`"userName":"a","active":true,"roles":[{"value":"admin","display":"R"}]`), "add: %s, %v", got, err)
	// An existing value is replaced, whatever the filter selects it by.
	got, _, err = patched(rt, `{"op":"add","path":"roles","value":[{"value":"admin"}]},{"op":"replace","path":"roles[value eq \"admin\"].display","value":"R"}`)
	assert.Truef(t, err == nil && got == encodedUser(`"userName":"a","active":true,"roles":[{"value":"admin","display":"R"}]`), "replace: %s, %v", got, err)
}
