package resource

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/scim/scimtest"
)

// list returns a JSON array of n elements; %d in one is its number.
func list(n int, element string) string {
	elements := make([]string, n)
	for i := range elements {
		elements[i] = strings.ReplaceAll(element, "%d", fmt.Sprint(i))
	}
	return "[" + strings.Join(elements, ",") + "]"
}

// Eight times the body costs at most a dozen times as much to read, to apply
// and to write, up to the limits: quadratic cost would be 64 times. Objects and
// bytes are counted, not time; TestPatch_CostIsBounded limits what filters in
// paths read.
func TestRequests_CostIsLinear(t *testing.T) {
	const times, most = 8, 12
	user := parseUser(t, `"userName":"a@x"`)
	decode := func(body string) func() {
		return func() {
			if v, err := scim.DecodeJSON([]byte(body)); err == nil {
				scim.EncodeValue(v)
			}
		}
	}
	resource := func(attributes string) func() {
		rt := scimtest.UserType()
		return func() {
			if r, _, err := Decode(rt, userBody(`"userName":"a@x",`+attributes)); err == nil {
				Encode(rt, r)
			}
		}
	}
	patch := func(rt *schema.ResourceType, before scim.Resource, operations string) func() {
		body := []byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":` + operations + `}`)
		return func() {
			if after, _, err := applyBody(rt, before, body); err == nil {
				Encode(rt, after)
			}
		}
	}
	filter := func(text string) func() {
		return func() {
			if f, err := match.CompileFilter(scimtest.UserType(), text); err == nil {
				f.Match(user)
				_ = f.String()
			}
		}
	}
	members := func(n int) string { return list(n, `{"value":"u%d"}`) }
	for name, tt := range map[string]struct {
		n    int // times of it are within the limits
		call func(n int) func()
	}{
		"an array":            {1000, func(n int) func() { return decode(list(n, `"x"`)) }},
		"an object":           {1000, func(n int) func() { return decode("{" + strings.Trim(list(n, `"a%d":1`), "[]") + "}") }},
		"a name twice at end": {1000, func(n int) func() { return decode("{" + strings.Trim(list(n, `"a%d":1`), "[]") + `,"A0":1}`) }},
		"a string":            {1000, func(n int) func() { return decode(`"` + strings.Repeat("x", 16*n) + `"`) }},
		"escapes":             {1000, func(n int) func() { return decode(`"` + strings.Repeat(`\u00e9\n`, n) + `"`) }},
		"a number":            {1000, func(n int) func() { return decode(strings.Repeat("1", n)) }},
		"an unclosed array":   {1000, func(n int) func() { return decode(`["x"` + strings.Repeat(`,"x"`, n)) }},
		"spaces":              {1000, func(n int) func() { return decode(strings.Repeat(" ", 16*n) + "1") }},
		"values":              {scim.MaxElements / times, func(n int) func() { return resource(`"roles":` + list(n, `{"value":"%d","display":"Role %d"}`)) }},
		"equal values":        {scim.MaxElements / times, func(n int) func() { return resource(`"roles":` + list(n, `{"value":"x"}`)) }},
		"unknown attributes":  {1000, func(n int) func() { return resource(strings.Trim(list(n, `"no%d":1`), "[]")) }},
		"schemas":             {1000, func(n int) func() { return decode(list(n, `"urn:x:%d"`)) }},
		"operations": {scim.MaxOperations / times, func(n int) func() {
			return patch(scimtest.UserType(), user, list(n, `{"op":"replace","path":"title","value":"%d"}`))
		}},
		"operations on one name": {scim.MaxOperations / times, func(n int) func() {
			return patch(scimtest.UserType(), user, list(n, `{"op":"replace","value":{"name.givenName":"%d"}}`))
		}},
		"operations by filter": {scim.MaxOperations / times, func(n int) func() {
			return patch(scimtest.UserType(), user, list(n, `{"op":"add","path":"emails[type eq \"work\"].value","value":"a%d@x"}`))
		}},
		"members that join": {scim.MaxNamedMembers / times / 2, func(n int) func() {
			return patch(schema.GroupType(), nil, `[{"op":"add","path":"members","value":`+members(n)+`}]`)
		}},
		"members of a group": {scim.MaxNamedMembers / times / 2, func(n int) func() {
			return func() {
				if r, _, err := Decode(schema.GroupType(), []byte(`{"schemas":["`+scim.CoreGroupURN+`"],"displayName":"G","members":`+members(n)+`}`)); err == nil {
					Encode(schema.GroupType(), r)
				}
			}
		}},
		"comparisons":      {25, func(n int) func() { return filter(strings.Repeat(`userName eq "a" or `, n-1) + `title pr`) }},
		"a long literal":   {500, func(n int) func() { return filter(`userName eq "` + strings.Repeat("é", n) + `"`) }},
		"a long attribute": {500, func(n int) func() { return filter(strings.Repeat("a", n) + ` pr`) }},
	} {
		objects, bytes := scimtest.Allocated(tt.call(tt.n))
		moreObjects, moreBytes := scimtest.Allocated(tt.call(times * tt.n))
		// A few kilobytes are the same for any body, or belong to the runtime.
		if moreObjects > most*objects+64 || moreBytes > most*bytes+16384 {
			t.Errorf("%s: %d bytes in %d objects, of %d times as many %d bytes in %d", name, bytes, objects, times, moreBytes, moreObjects)
		}
	}
}
