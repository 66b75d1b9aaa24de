package resource

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

const personURN = "urn:example:hr:1.0:Person"

// withSchemas returns the user type of a tenant that registered schemas one
// after the other, each under personURN.
func withSchemas(t *testing.T, attributes ...string) *schema.ResourceType {
	t.Helper()
	base := schema.Types{User: scimtest.UserType(), Group: schema.GroupType()}
	var s schema.Registrations
	for _, a := range attributes {
		one, err := schema.Parse([]byte(`{"id":"` + personURN + `","attributes":[` + a + `]}`))
		require.NoError(t, err)
		s, err = s.Put(base, schema.Registration{ResourceType: "User", Schema: one})
		require.NoError(t, err)
	}
	return base.With(s).User
}

func stored(t *testing.T, values string) scim.Resource {
	t.Helper()
	r, err := scim.DecodeStored([]byte(`{"schemas":["` + scim.CoreUserURN + `","` + personURN + `"],"userName":"a","` + personURN + `":` + values + `}`))
	require.NoError(t, err)
	return r
}

// patchText returns a PATCH with operations as JSON.
func patchText(operations string) []byte {
	return []byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":` + operations + `}`)
}

// An instance that does not know an extension, because it was removed or
// because the instance has not read it yet, neither serves it nor loses it.
func TestUnknownExtension_IsKeptAndNotServed(t *testing.T) {
	old := withSchemas(t, `{"name":"badge"}`)
	none, _ := schema.Registrations{}.Remove(personURN)
	removed := schema.Types{User: scimtest.UserType(), Group: schema.GroupType()}.With(none).User
	before := stored(t, `{"badge":"B-1"}`)
	for name, rt := range map[string]*schema.ResourceType{"removed": removed, "not heard of yet": scimtest.UserType()} {
		t.Run(name, func(t *testing.T) {
			patch, err := DecodePatch(patchText(`[{"op":"replace","path":"title","value":"x"}]`))
			require.NoError(t, err)
			patched, _, err := patch.Apply(rt, before)
			require.NoError(t, err)
			replaced, err := Replace(rt, before, scim.Resource{"userName": "b"})
			require.NoError(t, err)
			for what, after := range map[string]scim.Resource{"PATCH": patched, "PUT": replaced} {
				again, err := scim.DecodeStored(Encode(rt, after))
				require.NoError(t, err)
				assert.Equalf(t, before[personURN], again[personURN], "%s keeps", what)
				served := (Projection{}).Apply(old, again)
				assert.Truef(t, served[personURN] != nil && len(served["schemas"].([]any)) == 2, "%s: the schema's own tenant is served %v", what, served)
			}
			changed := Changed(rt, before, patched)
			assert.Equalf(t, []string{"title"}, changed, "changed %v", changed)
		})
	}
	served := (Projection{}).Apply(removed, before)
	assert.Truef(t, served[personURN] == nil && len(served["schemas"].([]any)) == 1, "a removed extension is served: %v", served)
}

func TestChangedSchema_ServesWhatFits(t *testing.T) {
	rt := withSchemas(t,
		`{"name":"badge"},{"name":"level"},{"name":"desk","type":"complex","subAttributes":[{"name":"floor"},{"name":"room"}]},{"name":"tags","multiValued":true},{"name":"gone"}`,
		`{"name":"badge"},{"name":"level","type":"integer"},{"name":"desk","type":"complex","subAttributes":[{"name":"floor","type":"integer"},{"name":"room"}]},{"name":"tags"}`)
	before := stored(t, `{"badge":"B-1","level":"three","desk":{"floor":"third","room":"3.14"},"tags":["a"],"gone":"x"}`)
	served := (Projection{}).Apply(rt, before)
	want := map[string]any{"badge": "B-1", "desk": map[string]any{"room": "3.14"}}
	assert.Truef(t, reflect.DeepEqual(served[personURN], want), "served %v, want %v", served[personURN], want)
	for filter, want := range map[string]bool{
		personURN + `:badge eq "b-1"`: true, personURN + ":level pr": false, personURN + ":level eq null": true,
		personURN + ":desk.floor pr": false, personURN + ":tags pr": false,
	} {
		f, err := match.CompileFilter(rt, filter)
		require.NoError(t, err)
		assert.Equalf(t, want, f.Match(before), "%s", filter)
	}
	tests := []struct{ name, operations, want string }{
		{"another attribute", `[{"op":"replace","path":"` + personURN + `:badge","value":"B-2"}]`, `{"badge":"B-2","level":"three","desk":{"floor":"third","room":"3.14"},"tags":["a"],"gone":"x"}`},
		{"a value of the new type", `[{"op":"add","path":"` + personURN + `:level","value":3}]`, `{"badge":"B-1","level":3,"desk":{"floor":"third","room":"3.14"},"tags":["a"],"gone":"x"}`},
		{"a part of a partly fitting value", `[{"op":"add","path":"` + personURN + `:desk.room","value":"3.15"}]`, `{"badge":"B-1","level":"three","desk":{"room":"3.15"},"tags":["a"],"gone":"x"}`},
		{"all that is shown", `[{"op":"remove","path":"` + personURN + `"}]`, `{"level":"three","tags":["a"],"gone":"x"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			patch, err := DecodePatch(patchText(tt.operations))
			require.NoError(t, err)
			after, _, err := patch.Apply(rt, before)
			require.NoError(t, err)
			assert.Equal(t, stored(t, tt.want)[personURN], after[personURN], "stored")
		})
	}
}

func TestExtension_PatchByFilter(t *testing.T) {
	rt := withSchemas(t, `{"name":"doors","type":"complex","multiValued":true,"subAttributes":[
		{"name":"value","caseExact":true,"mutability":"immutable"},{"name":"hours","multiValued":true,"type":"integer"},{"name":"pin","returned":"never"},{"name":"level","required":true}]},
		{"name":"tags","multiValued":true,"caseExact":true}`)
	before := stored(t, `{"doors":[{"value":"N","level":"1"},{"value":"S","hours":[8],"level":"2"}],"tags":["a","B"]}`)
	path := func(p string) string { return `"path":"` + personURN + ":" + p + `"` }
	tests := []struct{ name, operation, want string }{
		{"a part of the chosen", `{"op":"replace",` + path(`doors[value eq \"S\"].level`) + `,"value":"3"}`, `{"doors":[{"value":"N","level":"1"},{"value":"S","hours":[8],"level":"3"}],"tags":["a","B"]}`},
		{"nothing, by a value in another case", `{"op":"remove",` + path(`doors[value eq \"s\"]`) + `}`, `{"doors":[{"value":"N","level":"1"},{"value":"S","hours":[8],"level":"2"}],"tags":["a","B"]}`},
		{"the chosen", `{"op":"remove",` + path(`doors[value eq \"S\"]`) + `}`, `{"doors":[{"value":"N","level":"1"}],"tags":["a","B"]}`},
		{"another value in a part", `{"op":"add",` + path(`doors[value eq \"S\"].hours`) + `,"value":[9,8]}`, `{"doors":[{"value":"N","level":"1"},{"value":"S","hours":[8,9],"level":"2"}],"tags":["a","B"]}`},
		{"checked and not kept", `{"op":"add",` + path(`doors[value eq \"S\"].pin`) + `,"value":"1234"}`, `{"doors":[{"value":"N","level":"1"},{"value":"S","hours":[8],"level":"2"}],"tags":["a","B"]}`},
		{"one value for several", `{"op":"add",` + path(`tags`) + `,"value":"c"}`, `{"doors":[{"value":"N","level":"1"},{"value":"S","hours":[8],"level":"2"}],"tags":["a","B","c"]}`},
		{"a value that is there", `{"op":"add",` + path(`tags`) + `,"value":["B"]}`, `{"doors":[{"value":"N","level":"1"},{"value":"S","hours":[8],"level":"2"}],"tags":["a","B"]}`},
		{"the values that are sent", `{"op":"remove",` + path(`tags`) + `,"value":["B","b"]}`, `{"doors":[{"value":"N","level":"1"},{"value":"S","hours":[8],"level":"2"}],"tags":["a"]}`},
		{"refused: immutable", `{"op":"replace",` + path(`doors[value eq \"S\"].value`) + `,"value":"W"}`, ""},
		{"refused: required", `{"op":"remove",` + path(`doors[value eq \"S\"].level`) + `}`, ""},
		{"refused: one without a required attribute", `{"op":"add",` + path(`doors`) + `,"value":[{"value":"W"}]}`, ""},
		{"refused: a filter by an attribute that is never returned", `{"op":"remove",` + path(`doors[pin eq \"1\"]`) + `}`, ""},
		{"refused: a filter on strings", `{"op":"remove",` + path(`tags[value eq \"a\"]`) + `}`, ""},
		{"refused: a value that is not stored, of the wrong type", `{"op":"add",` + path(`doors[value eq \"S\"].pin`) + `,"value":1234}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			patch, err := DecodePatch(patchText(`[` + tt.operation + `]`))
			require.NoError(t, err)
			after, _, err := patch.Apply(rt, before)
			var refusal *scim.Error
			if tt.want == "" {
				assert.ErrorAsf(t, err, &refusal, "Apply = %v, %v, want an *Error", after[personURN], err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, stored(t, tt.want)[personURN], after[personURN], "after")
		})
	}
}

// Covers: 7643-7-13
func TestRenew_SetsWhatIsImmutableAnew(t *testing.T) {
	rt := withSchemas(t, `{"name":"badge","mutability":"immutable"},{"name":"site","mutability":"immutable"}`)
	before := stored(t, `{"badge":"B-1","site":"north"}`)
	sent := scim.Resource{"userName": "a", personURN: map[string]any{"badge": "B-2"}}
	if after, err := Replace(rt, before, sent); err == nil {
		t.Errorf("Replace = %v, want it refused", after)
	}
	after, err := Renew(rt, before, sent)
	want := map[string]any{"badge": "B-2", "site": "north"}
	assert.Truef(t, err == nil && reflect.DeepEqual(after[personURN], want), "Renew = %v, %v, want %v", after[personURN], err, want)
}
