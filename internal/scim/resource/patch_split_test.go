package resource

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
)

func TestPatch_Split(t *testing.T) {
	p, err := DecodePatch([]byte(`{"Operations":[
		{"op":"Add","path":"Members","value":[{"value":"u1"}]},
		{"op":"replace","value":{"id":"1","displayName":"G","` + scim.CoreGroupURN + `:MEMBERS":{"value":"u2"}}},
		{"op":"remove","path":"` + scim.CoreGroupURN + `:members[Value eq \"u3\"]"},
		{"op":"replace","value":{"members":[]}},
		{"op":"replace","path":"members[value eq \"u4\"].DISPLAY","value":"x"},
		{"op":"replace","path":"displayName","value":"H"},
		{"op":"remove","path":"members[value"}]}`))
	require.NoError(t, err)
	own, rest := p.Split(schema.GroupType(), "members")
	texts := func(operations []Operation) (list []string) {
		for _, o := range operations {
			list = append(list, fmt.Sprintf("%d %s %s %s", o.Number, o.Op, o.Path, scim.EncodeValue(o.Value)))
		}
		return list
	}
	wantOwn := []string{
		`1 add members [{"value":"u1"}]`,
		`2 replace members {"value":"u2"}`,
		`3 remove members[Value eq "u3"] null`,
		`4 replace members []`,
		`5 replace members[value eq "u4"].display "x"`,
	}
	wantRest := []string{
		`2 replace  {"displayName":"G","id":"1"}`,
		`6 replace displayName "H"`,
		`7 remove members[value null`,
	}
	got := texts(own)
	assert.Equalf(t, fmt.Sprintf("%q", wantOwn), fmt.Sprintf("%q", got), "own:\ngot  %q\nwant %q", got, wantOwn)
	got = texts(rest.Operations)
	assert.Equalf(t, fmt.Sprintf("%q", wantRest), fmt.Sprintf("%q", got), "rest:\ngot  %q\nwant %q", got, wantRest)
	assert.Len(t, p.Operations[1].Value.(map[string]any), 3, "the patch was altered")
	if _, _, err := rest.Apply(schema.GroupType(), scim.Resource{"id": "1", "displayName": "G"}); err == nil ||
		err.(*scim.Error).Detail[:12] != "Operation 7:" {
		t.Errorf("got %v, want the fault of operation 7", err)
	}
}

func TestDecodeElements(t *testing.T) {
	tests := []struct {
		value any
		want  string
	}{
		{nil, `[]`},
		{[]any{}, `[]`},
		{map[string]any{"Value": "u1", "$ref": nil, "display": "A"}, `[{"value":"u1"}]`},
		{[]any{map[string]any{"value": "u1"}, map[string]any{"value": "u1"}}, `[{"value":"u1"}]`},
		{map[string]any{"members": []any{map[string]any{"value": "u1"}}}, `[{"value":"u1"}]`},
		{"u1", `[{"value":"u1"}]`},
		{[]any{"u1"}, `[{"value":"u1"}]`},
		{`[{"value":"u1"}]`, `[{"value":"u1"}]`},
		{[]any{map[string]any{"value": scim.Number("1")}}, ``},
		{[]any{map[string]any{"value": "g1", "type": "Group"}}, `[{"type":"Group","value":"g1"}]`},
	}
	for _, test := range tests {
		elements, _, err := DecodeElements(schema.GroupType(), "members", test.value)
		list := []any{}
		for _, e := range elements {
			list = append(list, e)
		}
		if got := string(scim.EncodeValue(list)); (err != nil) != (test.want == "") || err == nil && got != test.want {
			t.Errorf("%v: got %s, %v, want %s", test.value, got, err, test.want)
		}
	}
}
