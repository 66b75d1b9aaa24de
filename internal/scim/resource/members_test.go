package resource

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

// memberOperations returns the operations on members in the body of a PATCH.
func memberOperations(t testing.TB, operations string) []Operation {
	t.Helper()
	p, err := DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[` + operations + `]}`))
	require.NoError(t, err)
	own, _ := p.Split(schema.GroupType(), "members")
	return own
}

func userRef(id string) string { return "https://example.com/v2/Users/" + id }

// showChange prints a change as "kind id id", followed by "> id" for
// MembersSwap, and by "?" if a filter selects.
func showChange(c MemberChange) string {
	parts := append([]string{string(c.Kind)}, c.IDs...)
	if c.Matches != nil {
		parts = append(parts, "?")
	}
	if c.Joins != "" {
		parts = append(parts, ">", c.Joins)
	}
	return strings.Join(parts, " ")
}

func TestMemberChanges(t *testing.T) {
	tests := []struct{ name, operation, want, notices string }{
		// All members.
		{"add", `{"op":"add","path":"members","value":[{"value":"u1"},{"value":"u2"}]}`, "add u1 u2", ""},
		{"entra-g06: $ref null", `{"op":"Add","path":"members","value":[{"$ref":null,"value":"u1"}]}`, "add u1", ""},
		{"entra-g10: twice the same", `{"op":"Add","path":"members","value":[{"value":"u1"},{"value":"u1"}]}`, "add u1", ""},
		{"twice in two forms", `{"op":"Add","path":"members","value":[{"value":"u1"},{"value":"u2"},{"value":"u1","type":"user"}]}`, "add u1 u2", ""},
		{"ids that differ in case", `{"op":"Add","path":"members","value":[{"value":"u1"},{"value":"U1"}]}`, "add u1 U1", ""},
		{
			"entra-g16: unknown keys", `{"name":"addMember","op":"add","path":"members","value":[{"displayName":"N","value":"u1"}]}`,
			"add u1", "unknown_attribute members.displayName",
		},
		{"display, type, $ref", `{"op":"add","path":"members","value":[{"value":"u1","display":"N","type":"USER","$ref":"../Users/u1"}]}`, "add u1", ""},
		{"single-object-members", `{"op":"add","path":"members","value":{"value":"u1"}}`, "add u1", "single_value members"},
		{
			"salesforce-style-001: wrapped", `{"op":"add","path":"members","value":{"members":[{"value":"u1"}]}}`,
			"add u1", "nested_value members",
		},
		{"add null", `{"op":"add","path":"members","value":null}`, "", ""},
		{"add nobody", `{"op":"add","path":"members","value":[]}`, "", ""},
		{"okta-g07: replace", `{"op":"replace","path":"members","value":[{"value":"u1","display":"a"},{"value":"u2","display":"b"}]}`, "replace u1 u2", ""},
		{"entra-g12: replace by null", `{"op":"Replace","path":"members","value":null}`, "replace", ""},
		{"replace by nobody", `{"op":"replace","path":"members","value":[]}`, "replace", ""},
		{"replace by an empty string", `{"op":"replace","path":"members","value":""}`, "replace", ""},
		{"replace by one", `{"op":"replace","path":"members","value":{"value":"u1"}}`, "replace u1", "single_value members"},
		{"entra-g11: remove all", `{"op":"remove","path":"members"}`, "replace", ""},
		{"remove with null", `{"op":"remove","path":"members","value":null}`, "replace", ""},
		{"entra-g07: remove by values", `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"u2"},{"value":"u1"}]}`, "remove u2 u1", "removed_values members"},
		{"remove one by value", `{"op":"Remove","path":"members","value":{"value":"u1"}}`, "remove u1", "single_value members, removed_values members"},
		{"remove nobody", `{"op":"Remove","path":"members","value":[]}`, "", ""},
		{"remove nobody, wrapped", `{"op":"Remove","path":"members","value":{"members":[]}}`, "", "nested_value members"},

		// Without a path, and other names of members.
		{"add without a path", `{"op":"add","value":{"members":[{"value":"u1"}]}}`, "add u1", ""},
		{"replace without a path", `{"op":"replace","value":{"id":"g","Members":null,"displayName":"D"}}`, "replace", ""},
		{"a path inside a value", `{"op":"add","value":{"members[value eq \"u1\"]":{"value":"u1"}}}`, "add u1", ""},
		{"read-only inside a value", `{"op":"replace","value":{"members.display":"N"}}`, "", ""},
		{"URN", `{"op":"remove","path":"` + scim.CoreGroupURN + `:MEMBERS[VALUE EQ \"u1\"]"}`, "remove u1", ""},

		// A member without a value.
		{"$ref", `{"op":"add","path":"members","value":[{"$ref":"https://example.com/scim/v2/Users/u1"}]}`, "add u1", "value_from_reference members"},
		{"relative $ref", `{"op":"add","path":"members","value":[{"$ref":"../Users/u1","value":null}]}`, "add u1", "value_from_reference members"},
		{"$ref of an id alone", `{"op":"add","path":"members","value":[{"$ref":"u1","value":""}]}`, "add u1", "value_from_reference members"},
		{"encoded $ref with a query", `{"op":"add","path":"members","value":[{"$ref":"/Users/a%2Fb%C3%A9?x=/y#/z"}]}`, "add a/bé", "value_from_reference members"},
		{
			"$ref beside a value", `{"op":"remove","path":"members","value":[{"value":"u1"},{"$ref":"/Users/u1"},{"$ref":"/Users/u2"}]}`,
			"remove u1 u2", "value_from_reference members, removed_values members",
		},
		{"a value beside a $ref that is none", `{"op":"add","path":"members","value":[{"value":"u1","$ref":"%zz"}]}`, "add u1", "not_a_uri members.$ref"},

		// Chosen members.
		{"remove one", `{"op":"remove","path":"members[value eq \"u1\"]"}`, "remove u1", ""},
		{"remove one, with a value", `{"op":"remove","path":"members[value eq \"u1\"]","value":[{"value":"u2"}]}`, "remove u1", ""},
		{"remove either", `{"op":"remove","path":"members[value eq \"u1\" or VALUE eq \"u2\"]"}`, "remove u1 u2", ""},
		{"remove either, in parentheses", `{"op":"remove","path":"members[(value eq \"u1\" or (value eq \"u2\" or value eq \"u1\"))]"}`, "remove u1 u2", ""},
		{"remove nobody by filter", `{"op":"remove","path":"members[value eq \"\"]"}`, "", ""},
		{"remove one of a type", `{"op":"remove","path":"members[value eq \"u1\" and type eq \"User\"]"}`, "removeWhere u1 ?", ""},
		{"remove one of a type, or another", `{"op":"remove","path":"members[(type eq \"User\" and value eq \"u1\") or value eq \"u2\"]"}`, "removeWhere u1 u2 ?", ""},
		{"remove by type", `{"op":"remove","path":"members[type eq \"User\"]"}`, "removeWhere ?", ""},
		{"remove one or a type", `{"op":"remove","path":"members[value eq \"u1\" or type eq \"User\"]"}`, "removeWhere ?", ""},
		{"remove all but one", `{"op":"remove","path":"members[not (value eq \"u1\")]"}`, "removeWhere ?", ""},
		{"remove by display", `{"op":"remove","path":"members[display eq \"A\"]"}`, "removeWhere ?", ""},
		{"replace one", `{"op":"replace","path":"members[value eq \"u1\"]","value":{"value":"u2"}}`, "swap u1 > u2", ""},
		{"replace one by $ref", `{"op":"replace","path":"members[value eq \"u1\"]","value":[{"$ref":"/Users/u2"}]}`, "swap u1 > u2", "value_from_reference members"},
		{"replace one of a type", `{"op":"replace","path":"members[type eq \"User\" and value eq \"u1\"]","value":{"value":"u2"}}`, "swap u1 ? > u2", ""},
		{"replace those of a type", `{"op":"replace","path":"members[type eq \"User\"]","value":{"value":"u2"}}`, "swap ? > u2", ""},
		{"replace one by nobody", `{"op":"replace","path":"members[value eq \"u1\"]","value":null}`, "remove u1", ""},
		{"replace a value", `{"op":"replace","path":"members[value eq \"u1\"].value","value":"u2"}`, "swap u1 > u2", ""},
		{"add a value", `{"op":"add","path":"members[value eq \"u1\"].value","value":"u2"}`, "swap u1 > u2", ""},
		{"replace a type", `{"op":"replace","path":"members[value eq \"u1\"].type","value":"User"}`, "", ""},
		{"replace a $ref", `{"op":"replace","path":"members[value eq \"u1\"].$ref","value":"/Users/u1"}`, "", ""},
		{"remove a type", `{"op":"remove","path":"members[value eq \"u1\"].type"}`, "", ""},
		{"replace every type", `{"op":"replace","path":"members.type","value":"User"}`, "", ""},
		{"read-only of one inside a value", `{"op":"replace","value":{"members[value eq \"u1\"].display":"N"}}`, "", ""},
		{"add whom the filter describes", `{"op":"add","path":"members[value eq \"u1\" and type eq \"User\"]","value":{"value":"u1"}}`, "add u1", ""},
		{"add to whom is chosen", `{"op":"add","path":"members[value eq \"u1\"]","value":{"type":"User"}}`, "", ""},
		{"add nothing to whom is chosen", `{"op":"add","path":"members[value eq \"u1\"]","value":null}`, "", ""},
		{
			"one after the other", `{"op":"add","path":"members","value":{"value":"u1"}},{"op":"replace","path":"displayName","value":"D"},` +
				`{"op":"remove","path":"members[value eq \"u2\"]"},{"op":"add","path":"members","value":[]}`,
			"add u1, remove u2", "single_value members",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			own := memberOperations(t, test.operation)
			changes, notices, err := MemberChanges(schema.GroupType(), own)
			require.NoError(t, err)
			var got []string
			for _, c := range changes {
				got = append(got, showChange(c))
				if c.Number == 0 {
					t.Errorf("%s has no number", showChange(c))
				}
			}
			assert.Equal(t, test.want, strings.Join(got, ", "))
			var want []string
			if test.notices != "" {
				want = strings.Split(test.notices, ", ")
			}
			checkNotices(t, notices, want)
		})
	}
}

func TestMemberChanges_Refuses(t *testing.T) {
	tests := []struct {
		name, operation string
		want            scim.ErrorType
		detail          string
	}{
		{"no value", `{"op":"add","path":"members","value":[{"value":"u1"},{"display":"A"}]}`, scim.InvalidValue, "members: member 2 has no value"},
		{"null for a value", `{"op":"replace","path":"members","value":[{"value":null}]}`, scim.InvalidValue, "member 1 has no value"},
		{"an empty value", `{"op":"replace","path":"members","value":[{"value":"","$ref":null}]}`, scim.InvalidValue, "member 1 has no value"},
		{"null for a member", `{"op":"replace","path":"members","value":[null]}`, scim.InvalidValue, "member 1 has no value"},
		{"an empty string for a member", `{"op":"remove","path":"members","value":[""]}`, scim.InvalidValue, "member 1 has no value"},
		{"an empty object in an array", `{"op":"replace","path":"members","value":[{}]}`, scim.InvalidValue, "member 1 has no value"},
		{"a type alone", `{"op":"replace","path":"members","value":[{"value":"","type":"User"}]}`, scim.InvalidValue, "member 1 has no value"},
		{"an empty value for one", `{"op":"replace","path":"members[value eq \"u1\"]","value":{"value":""}}`, scim.InvalidValue, "member 1 has no value"},
		{"a $ref without a path", `{"op":"add","path":"members","value":[{"$ref":"https://example.com"}]}`, scim.InvalidValue, "has no value"},
		{"a $ref that ends early", `{"op":"add","path":"members","value":[{"$ref":"https://example.com/Users/"}]}`, scim.InvalidValue, "has no value"},
		{"a $ref that is none", `{"op":"add","path":"members","value":[{"$ref":"/Users/%zz"}]}`, scim.InvalidValue, "has no value"},
		{"a URN for a $ref", `{"op":"add","path":"members","value":[{"$ref":"urn:x:u1"}]}`, scim.InvalidValue, "has no value"},
		{"bytes that are no text", `{"op":"add","path":"members","value":[{"$ref":"/Users/%ff"}]}`, scim.InvalidValue, "has no value"},
		{"a control character in a $ref", `{"op":"add","path":"members","value":[{"$ref":"/Users/a%00"}]}`, scim.InvalidValue, "members.value contains a control"},
		{"an array in an array", `{"op":"add","path":"members","value":[["u1"]]}`, scim.InvalidValue, "members must be an array"},
		{"a number", `{"op":"add","path":"members","value":[{"value":1}]}`, scim.InvalidValue, "members.value must be a string"},
		{"replace one by no value", `{"op":"replace","path":"members[value eq \"u1\"]","value":{"display":"A"}}`, scim.InvalidValue, "member 1 has no value"},
		{"replace one by two", `{"op":"replace","path":"members[value eq \"u1\"]","value":[{"value":"u2"},{"value":"u3"}]}`, scim.InvalidValue, "has one value, and the request sends an array of 2"},
		{"replace nobody", `{"op":"replace","path":"members[value eq \"\"]","value":{"value":"u2"}}`, scim.NoTarget, "no value that matches the path"},
		{"add another value", `{"op":"add","path":"members[value eq \"u1\"]","value":{"value":"u2"}}`, scim.NotMutable, "members.value cannot be changed"},
		{"add a value to many", `{"op":"add","path":"members[type eq \"User\"]","value":{"value":"u2"}}`, scim.NotMutable, "members.value cannot be changed"},
		{"add a value to others", `{"op":"add","path":"members[value ne \"u1\"]","value":{"value":"u2"}}`, scim.NotMutable, "members.value cannot be changed"},
		{"remove a value", `{"op":"remove","path":"members[value eq \"u1\"].value"}`, scim.NotMutable, "members.value cannot be changed"},
		{"empty a value", `{"op":"replace","path":"members[value eq \"u1\"].value","value":null}`, scim.NotMutable, "members.value cannot be changed"},
		{"remove every value", `{"op":"remove","path":"members.value"}`, scim.NotMutable, "members.value cannot be changed"},
		{"replace every value", `{"op":"replace","path":"members.value","value":"u1"}`, scim.NotMutable, "members.value cannot be changed"},
		{"display", `{"op":"replace","path":"members[value eq \"u1\"].display","value":"A"}`, scim.NotMutable, "members.display is read-only"},
		{"remove every display", `{"op":"remove","path":"members.display"}`, scim.NotMutable, "members.display is read-only"},
		{"an unknown name in a filter", `{"op":"remove","path":"members[nope eq \"u1\"]"}`, scim.InvalidFilter, "no sub-attribute nope"},
		{"another type in a filter", `{"op":"remove","path":"members[value eq true]"}`, scim.InvalidFilter, "value is of type string"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			own := memberOperations(t, `{"op":"add","path":"members","value":[{"value":"u0"}]},`+test.operation)
			_, _, err := MemberChanges(schema.GroupType(), own)
			var e *scim.Error
			if !errors.As(err, &e) || e.Type != test.want ||
				!strings.HasPrefix(e.Detail, "Operation 2: ") || !strings.Contains(e.Detail, test.detail) {
				t.Errorf("got %v, want %s with %q", err, test.want, test.detail)
			}
		})
	}
	for path, want := range map[string]scim.ErrorType{"displayName": scim.InvalidPath, "meta": scim.InvalidPath, "": scim.InvalidPath, "members.": scim.InvalidPath, "members[": scim.InvalidFilter} {
		_, _, err := MemberChanges(schema.GroupType(), []Operation{{Op: OpRemove, Path: path, Number: 1}})
		var e *scim.Error
		assert.Truef(t, errors.As(err, &e) && e.Type == want, "%q is no path to members: got %v, want %s", path, err, want)
	}
}

func TestPlanMembers(t *testing.T) {
	const (
		add      = `{"op":"add","path":"members","value":[{"value":"u4"},{"value":"u1"}]}`
		clearAll = `{"op":"remove","path":"members"}`
		byFilter = `{"op":"remove","path":"members[type eq \"User\"]"}`
	)
	tests := []struct {
		name, operations string
		needs            bool
		want             string
	}{
		{"nothing", ``, false, "+ -"},
		{"add", add, false, "+u4 +u1 -"},
		{"remove", `{"op":"remove","path":"members","value":[{"value":"u9"},{"value":"u1"}]}`, false, "+ -u9 -u1"},
		{"add, then remove", add + `,{"op":"remove","path":"members[value eq \"u4\"]"}`, false, "+u1 -u4"},
		{"remove, then add", `{"op":"remove","path":"members[value eq \"u1\" or value eq \"u2\"]"},` + add, false, "+u1 +u4 -u2"},
		{"clear", clearAll, false, "=+ -"},
		{"add, then clear", add + "," + clearAll, false, "=+ -"},
		{"clear, then add", clearAll + "," + add, false, "=+u4 +u1 -"},
		{"clear, add, remove", clearAll + "," + add + `,{"op":"remove","path":"members[value eq \"u1\"]"}`, false, "=+u4 -"},
		{"remove of a type", byFilter, true, "+ -u1 -u2 -u3"},
		{"add, then remove of a type", add + "," + byFilter, true, "+ -u4 -u1 -u2 -u3"},
		{"remove of a type, then add", byFilter + "," + add, true, "+u1 +u4 -u2 -u3"},
		{"remove of a type, then clear", byFilter + "," + clearAll, false, "=+ -"},
		{"clear, add, remove of a type", clearAll + "," + add + "," + byFilter, false, "=+ -"},
		{"remove of no type", `{"op":"remove","path":"members[type ne \"User\"]"}`, true, "+ -"},
		{"remove all but one", `{"op":"remove","path":"members[value ne \"u2\"]"}`, true, "+ -u1 -u3"},
		{"remove by $ref", `{"op":"remove","path":"members[$ref ew \"/Users/u2\"]"}`, true, "+ -u2"},
		{"remove by the absence of display", `{"op":"remove","path":"members[display pr or not (value ne \"u3\")]"}`, true, "+ -u3"},
		{"remove one of a type", `{"op":"remove","path":"members[value eq \"u1\" and type eq \"user\"]"}`, false, "+ -u1"},
		{"remove one of another type", `{"op":"remove","path":"members[value eq \"u1\" and type eq \"Group\"]"}`, false, "+ -"},
		{"scimmy: one without $ref", `{"op":"remove","path":"members[$ref eq null and value eq \"u1\"]"}`, false, "+ -"},
		{"replace one", `{"op":"replace","path":"members[value eq \"u1\"]","value":{"value":"u9"}}`, true, "+u9 -u1"},
		{"replace one by itself", `{"op":"replace","path":"members[value eq \"u1\"].value","value":"u1"}`, true, "+ -"},
		{"replace one by another member", `{"op":"replace","path":"members[value eq \"u1\"]","value":{"value":"u2"}}`, true, "+u2 -u1"},
		{"replace the present members", `{"op":"replace","path":"members[value eq \"u9\" or value eq \"u1\"]","value":{"value":"u8"}}`, true, "+u8 -u1"},
		{"replace all of a type by one", `{"op":"replace","path":"members[type eq \"User\"]","value":{"value":"u2"}}`, true, "+ -u1 -u3"},
		{"clear, add, replace one", clearAll + "," + add + `,{"op":"replace","path":"members[value eq \"u1\"]","value":{"value":"u9"}}`, false, "=+u4 +u9 -"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			changes, _, err := MemberChanges(schema.GroupType(), memberOperations(t, test.operations))
			require.NoError(t, err)
			present := []string{"u1", "u2", "u3"}
			if got := NeedsMembers(changes); got != test.needs {
				t.Errorf("NeedsMembers is %t", got)
			} else if !got {
				present = nil
			}
			plan, err := PlanMembers(changes, present, userRef)
			require.NoError(t, err)
			assert.Equal(t, test.want, showPlan(plan))
		})
	}
}

// showPlan prints a plan as "+u1 -u2", after "=" for a reset.
func showPlan(p MemberPlan) string {
	list := func(sign string, ids []string) string {
		if len(ids) == 0 {
			return sign
		}
		return sign + strings.Join(ids, " "+sign)
	}
	reset := ""
	if p.Reset {
		reset = "="
	}
	return reset + list("+", p.Add) + " " + list("-", p.Remove)
}

func TestPlanMembers_Refuses(t *testing.T) {
	swap := func(filter string) string {
		return `{"op":"replace","path":"members[` + filter + `]","value":{"value":"u9"}}`
	}
	tests := []struct {
		name, operations string
		want             scim.ErrorType
		detail           string
	}{
		{"replace of none", swap(`value eq \"u4\"`), scim.NoTarget, "Operation 1: members has no value that matches the path."},
		{"replace of a removed member", `{"op":"remove","path":"members[value eq \"u1\"]"},` + swap(`value eq \"u1\"`), scim.NoTarget, "Operation 2: "},
		{"replace after a clear", `{"op":"remove","path":"members"},` + swap(`value eq \"u1\"`), scim.NoTarget, "Operation 2: "},
		{"replace of no type", swap(`type eq \"Group\"`), scim.NoTarget, "Operation 1: "},
		{"replace of one of no type", swap(`value eq \"u1\" and type eq \"Group\"`), scim.NoTarget, "Operation 1: "},
		{
			"of a value of none", `{"op":"replace","path":"members[value eq \"u4\"].value","value":"u4"}`,
			scim.NoTarget, "Operation 1: ",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			changes, _, err := MemberChanges(schema.GroupType(), memberOperations(t, test.operations))
			require.NoError(t, err)
			_, err = PlanMembers(changes, []string{"u1", "u2", "u3"}, userRef)
			var e *scim.Error
			if !errors.As(err, &e) || e.Type != test.want || !strings.HasPrefix(e.Detail, test.detail) {
				t.Errorf("got %v, want %s with %q", err, test.want, test.detail)
			}
		})
	}
}

// The work of filters over many members is limited.
func TestPlanMembers_CostIsBounded(t *testing.T) {
	present := manyIDs(100_000)
	plan := func(operations int, filter string) error {
		list := make([]string, operations)
		for i := range list {
			list[i] = `{"op":"remove","path":"members[` + filter + `]"}`
		}
		changes, _, err := MemberChanges(schema.GroupType(), memberOperations(t, strings.Join(list, ",")))
		require.NoError(t, err)
		_, err = PlanMembers(changes, present, userRef)
		return err
	}
	assert.NoError(t, plan(12, `type eq \"Group\"`), "a dozen")
	for name, filter := range map[string]string{
		"chooses nobody": `type eq \"Group\"`,
		"chooses all":    `type eq \"User\"`,
		"long":           `type eq \"Group\"` + strings.Repeat(` or display co \"a\"`, 150),
	} {
		err := plan(100, filter)
		var e *scim.Error
		assert.Truef(t, errors.As(err, &e) && e.Type == scim.TooMany, "%s: got %v, want tooMany", name, err)
	}
}

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	}
	return ids
}

func TestMembersOf(t *testing.T) {
	tests := []struct{ members, want, err string }{
		{``, "", ""},
		{`,"members":null`, "", ""},
		{`,"members":[]`, "", ""},
		{`,"members":[{"value":"u2"},{"value":"u1","type":"User"},{"value":"u2","$ref":"/Users/u2"},{"$ref":"/Users/u3"}]`, "u2 u1 u3", ""},
		{`,"members":[{"value":"u1"},{"display":"A"}]`, "", "members: member 2 has no value"},
		{`,"members":[{"value":"u1","type":"Group"},{"value":"u2","$ref":"/v2/Groups/u2"},{"$ref":"/v2/Groups/u3"}]`, "u1 u2 u3", ""},
		{`,"members":["u1","u2"]`, "u1 u2", ""},
	}
	for _, test := range tests {
		r, _, err := Decode(schema.GroupType(), []byte(`{"displayName":"G"`+test.members+`}`))
		var ids []string
		if err == nil {
			ids, err = MembersOf(r)
		}
		var e *scim.Error
		if errors.As(err, &e) != (test.err != "") || e != nil && (e.Type != scim.InvalidValue || !strings.Contains(e.Detail, test.err)) {
			t.Errorf("%s: got %v, want %q", test.members, err, test.err)
		}
		assert.Equalf(t, test.want, strings.Join(ids, " "), "%s", test.members)
	}
	_, err := MembersOf(scim.Resource{"members": []any{map[string]any{"type": "User"}}})
	assert.Error(t, err, "a member without a value is taken")
}

// A body of 1 MiB has 20,000 members. They are accepted, do not count in the
// size of the resource, and cost four times what 5,000 cost.
func TestMembers_AreLinear(t *testing.T) {
	rt := schema.GroupType()
	run := func(n int) {
		list := make([]string, n)
		for i, id := range manyIDs(n) {
			list[i] = `{"value":"` + id + `"}`
		}
		members := `[` + strings.Join(list, ",") + `]`
		sent, _, err := Decode(rt, []byte(`{"displayName":"big","members":`+members+`}`))
		require.NoError(t, err)
		after, err := Replace(rt, scim.Resource{"id": "g", "displayName": "old"}, sent)
		require.NoError(t, err)
		ids, err := MembersOf(after)
		require.Truef(t, err == nil && len(ids) == n, "%d of %d members: %v", len(ids), n, err)
		for _, op := range []string{"add", "remove", "replace"} {
			p, err := DecodePatch([]byte(`{"Operations":[{"op":"` + op + `","path":"members","value":` + members + `}]}`))
			require.NoError(t, err)
			own, _ := p.Split(rt, "members")
			changes, _, err := MemberChanges(rt, own)
			require.NoError(t, err)
			plan, err := PlanMembers(changes, nil, userRef)
			if err != nil || len(plan.Add)+len(plan.Remove) != n || plan.Reset != (op == "replace") {
				t.Fatalf("%s: %d join, %d leave, %v", op, len(plan.Add), len(plan.Remove), err)
			}
			_, _, err = p.Apply(rt, after)
			require.NoError(t, err)
		}
	}
	few := testing.AllocsPerRun(1, func() { run(5_000) })
	many := testing.AllocsPerRun(1, func() { run(20_000) })
	if many > 4.5*few {
		t.Errorf("20,000 members take %.0f allocations, 5,000 take %.0f", many, few)
	}
}

func BenchmarkMemberChanges_20000(b *testing.B) {
	list := make([]any, 20_000)
	for i, id := range manyIDs(len(list)) {
		list[i] = map[string]any{"value": id}
	}
	own := []Operation{{Op: OpReplace, Path: "members", Value: list, Number: 1}}
	rt := schema.GroupType()
	b.ReportAllocs()
	for b.Loop() {
		changes, _, err := MemberChanges(rt, own)
		require.NoError(b, err)
		_, err = PlanMembers(changes, nil, userRef)
		require.NoError(b, err)
	}
}

func FuzzMemberChanges(f *testing.F) {
	for _, c := range patchCorpus(f) {
		f.Add(patchBody(c["ops"]))
	}
	addBodies(f)
	for _, o := range []string{
		`{"op":"add","path":"members","value":{"members":[{"$ref":"/Users/u1"}]}}`,
		`{"op":"remove","path":"members[value eq \"u1\" or not (type pr)]"}`,
		`{"op":"replace","value":{"members[value eq \"u1\" and $ref pr].value":"u2"}}`,
		`{"op":"add","path":"members[value eq \"u1\"]","value":{"value":"u1"}}`,
	} {
		f.Add([]byte(`{"Operations":[` + o + `]}`))
	}
	rt := schema.GroupType()
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := DecodePatch(body)
		if err != nil {
			return
		}
		own, _ := p.Split(rt, "members")
		changes, _, err := MemberChanges(rt, own)
		var plan MemberPlan
		if err == nil {
			plan, err = PlanMembers(changes, []string{"u1", "u2", "u3"}, userRef)
		}
		if err != nil {
			_, ok := err.(*scim.Error)
			require.Truef(t, ok, "%T: %v", err, err)
			return
		}
		if plan.Reset && len(plan.Remove) > 0 {
			t.Fatalf("%s removes from nobody", showPlan(plan))
		}
		ids := slices.Concat(plan.Add, plan.Remove)
		if len(distinctIDs(ids)) != len(ids) || slices.Contains(ids, "") {
			t.Fatalf("%s names somebody twice, or nobody", showPlan(plan))
		}
	})
}
