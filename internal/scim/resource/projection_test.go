package resource

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// Covers: 7643-3.1-3
func TestProjection_Apply(t *testing.T) {
	const doc = `"id":"1","externalId":"e","userName":"a","name":{"familyName":"F","givenName":"G"},` +
		`"emails":[{"value":"w@x","type":"work"},{"value":"h@x"}],"groups":[{"value":"g","display":"G"}],"password":"p",` +
		`"meta":{"location":"l","version":"v"},"` + scim.EnterpriseURN + `":{"department":"D","manager":{"value":"m","$ref":"r"}}`
	const ent = `"` + scim.EnterpriseURN + `"`
	const rest = `"externalId":"e","userName":"a","name":{"familyName":"F","givenName":"G"},`
	const emails = `"emails":[{"value":"w@x","type":"work"},{"value":"h@x"}],`
	const meta = `"meta":{"location":"l","version":"v"}`
	const manager = ent + `:{"department":"D","manager":{"value":"m","$ref":"r"}},`
	const groups = `"groups":[{"value":"g","display":"G"}],`
	tests := []struct {
		name                 string
		attributes, excluded []string
		want                 string
	}{
		// Covers: 7644-3.4-1
		{"default", nil, nil, rest + emails + groups + manager + meta},
		// Covers: 7644-3.9-1
		{"rfc-010: named", []string{"USERNAME,name.givenName"}, nil, `"userName":"a","name":{"givenName":"G"}`},
		{"in elements", []string{"userName", " externalId "}, nil, `"externalId":"e","userName":"a"`},
		// Covers: 7643-7-15, 7644-3.4.2.5-3
		{"rfc-011: id stays", nil, []string{"id,emails,schemas"}, rest + groups + manager + meta},
		// Covers: 7644-3.9-2
		{"entra-g02: excluded", nil, []string{"groups"}, rest + emails + manager + meta},
		{"a part excluded", nil, []string{"emails.type,name.familyName,meta.version"}, `"externalId":"e","userName":"a","name":{"givenName":"G"},"emails":[{"value":"w@x"},{"value":"h@x"}],` + groups + manager + `"meta":{"location":"l"}`},
		{"all parts excluded", nil, []string{"name.familyName,name.givenName,name"}, `"externalId":"e","userName":"a",` + emails + groups + manager + meta},
		// Covers: 7644-3.10-2
		{"a part named", []string{"emails.type"}, nil, `"emails":[{"type":"work"}]`},
		{"a part and the whole", []string{"emails.type,emails,emails.value"}, nil, `"emails":[{"value":"w@x","type":"work"},{"value":"h@x"}]`},
		{"with URN", []string{scim.CoreUserURN + ":userName"}, nil, `"userName":"a"`},
		{"of an extension", []string{scim.EnterpriseURN + ":manager.value"}, nil, ent + `:{"manager":{"value":"m"}}`},
		{"an extension", []string{scim.EnterpriseURN}, nil, ent + `:{"department":"D","manager":{"value":"m","$ref":"r"}}`},
		{"an extension excluded", nil, []string{scim.EnterpriseURN}, rest + emails + groups + meta},
		{"of an extension excluded", nil, []string{scim.EnterpriseURN + ":department," + scim.EnterpriseURN + ":manager"}, rest + emails + groups + meta},
		{"the core schema", []string{scim.CoreUserURN}, nil, `"userName":"a","name":{"familyName":"F","givenName":"G"},` + emails + `"groups":[{"value":"g","display":"G"}]`},
		{"meta", []string{"meta.location"}, nil, `"meta":{"location":"l"}`},
		// Covers: 7643-7-16
		{"misc-006: the password", []string{"password"}, nil, ``},
		{"unknown", []string{"noSuch,name.nick,uſerName"}, nil, ``},
		{"unknown excluded", nil, []string{"noSuch"}, rest + emails + groups + manager + meta},
		{"empty", []string{"", ","}, []string{" "}, rest + emails + groups + manager + meta},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rt := scimtest.UserType()
			p, err := ParseProjection(rt, test.attributes, test.excluded)
			require.NoError(t, err)
			r := parseUser(t, doc)
			kept := string(Encode(rt, r))
			want := `{"schemas":["` + scim.CoreUserURN + `","` + scim.EnterpriseURN + `"],"id":"1"`
			if test.want != "" {
				want += "," + test.want
			}
			got := string(Encode(rt, p.Apply(rt, r)))
			assert.Equalf(t, want+"}", got, "got  %s\nwant %s}", got, want)
			assert.Equal(t, kept, string(Encode(rt, r)), "the resource was altered")
		})
	}
}

func TestProjection_Wants(t *testing.T) {
	tests := []struct {
		attributes, excluded   string
		wants, names, isDfault bool
	}{
		{"", "", true, false, true},
		{"groups", "", true, true, false},
		{"Groups.value", "", true, true, false},
		{"userName", "", false, false, false},
		{"noSuch", "", false, false, false},
		{"", "groups", false, false, false},
		{"", "groups.display", true, false, false},
		{"", "groups.display,groups", false, false, false},
		{"", "emails", true, false, false},
		{"", "noSuch", true, false, true},
	}
	for _, test := range tests {
		p, err := ParseProjection(scimtest.UserType(), []string{test.attributes}, []string{test.excluded})
		require.NoError(t, err)
		if p.Wants("groups") != test.wants || p.Names("groups") != test.names || p.IsDefault() != test.isDfault {
			t.Errorf("%q, %q: %v %v %v", test.attributes, test.excluded, p.Wants("groups"), p.Names("groups"), p.IsDefault())
		}
	}
	var zero Projection
	assert.True(t, zero.IsDefault() && zero.Wants("members"), "the zero Projection is not the default")
}

// Covers: 7644-3.9-4
func TestParseProjection_RefusesBoth(t *testing.T) {
	_, err := ParseProjection(scimtest.UserType(), []string{"password"}, []string{"id,schemas"})
	e, ok := err.(*scim.Error)
	assert.Truef(t, ok && e.Type == scim.InvalidValue, "misc-006: %v", err)
}
