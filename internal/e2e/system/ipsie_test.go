package system

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// What the SCIM profile of IPSIE asks of an application's users and groups, requirement by
// requirement (docs/gallery.md). draft-schreiber-ipsie-scim-al1-profile of 20 February 2026
func TestIPSIE_UsersAndGroups(t *testing.T) {
	s := newService(t, enginetest.Memory(t), 200, app.Options{})
	found := func(path, filter string) int {
		t.Helper()
		a := s.send("GET", path+"?filter="+url.QueryEscape(filter), "")
		require.Equalf(t, 200, a.status, "%s: %v", filter, a.body)
		n, _ := a.body["totalResults"].(float64)
		return int(n)
	}

	// Users: created, read, found, changed, deactivated, reactivated, deleted, created again.
	user := userBody(`"userName":"ann@example.com","externalId":"00u1","displayName":"Ann","active":true,"emails":[{"value":"ann@example.com","type":"work","primary":true}]`)
	ann := s.must(201, "POST", "/Users", user)
	a := s.send("GET", "/Users/"+ann, "")
	assert.Equal(t, []any{"ann@example.com", "Ann", true, "00u1"}, []any{a.body["userName"], a.body["displayName"], a.body["active"], a.body["externalId"]})
	for _, filter := range []string{`username eq "ann@example.com"`, `externalId eq "00u1"`, `emails[value eq "ann@example.com"]`, `emails[type eq "work" and value eq "ann@example.com"]`} {
		assert.Equal(t, 1, found("/Users", filter), filter)
		assert.Zero(t, found("/Users", strings.NewReplacer("ann@", "nobody@", "00u1", "00u2").Replace(filter)), filter)
	}
	s.must(200, "PATCH", "/Users/"+ann, patchBody(`[{"op":"replace","path":"displayName","value":"Ann Lee"}]`))
	for _, active := range []bool{false, true} {
		s.must(200, "PATCH", "/Users/"+ann, patchBody(fmt.Sprintf(`[{"op":"replace","path":"active","value":%t}]`, active)))
		assert.Equal(t, active, s.send("GET", "/Users/"+ann, "").body["active"])
	}
	s.must(204, "DELETE", "/Users/"+ann, "")
	assert.Less(t, s.send("POST", "/Users", user).status, 300, "a deleted user's name is not free")

	// All users, in pages by index and by cursor, of at most 1,000.
	var members []string
	for i := range 60 {
		members = append(members, s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d@example.com"`, i))))
	}
	first := s.send("GET", "/Users?count=25", "")
	assert.Len(t, first.body["Resources"], 25)
	assert.EqualValues(t, 61, first.body["totalResults"])
	assert.NotEmpty(t, s.send("GET", "/Users?count=25&cursor", "").body["nextCursor"])

	// Groups: without members, read, listed with a choice of attributes, found, 60 changes at once.
	staff := s.must(201, "POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Staff","externalId":"g1"}`)
	for _, filter := range []string{`displayName eq "Staff"`, `externalId eq "g1"`} {
		assert.Equal(t, 1, found("/Groups", filter), filter)
	}
	var operations []string
	for _, id := range members {
		operations = append(operations, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)
	}
	require.Less(t, s.send("PATCH", "/Groups/"+staff, patchBody("["+strings.Join(operations, ",")+"]")).status, 300)
	assert.Len(t, s.send("GET", "/Groups/"+staff, "").body["members"], 60)
	for query, has := range map[string]bool{"excludedAttributes=members": false, "attributes=displayName": false, "attributes=members": true} {
		group := s.send("GET", "/Groups?"+query, "").body["Resources"].([]any)[0].(map[string]any)
		assert.Equal(t, has, group["members"] != nil, query)
	}
	for i := range operations {
		operations[i] = `{"op":"remove","path":"members[value eq \"` + members[i] + `\"]"}`
	}
	require.Less(t, s.send("PATCH", "/Groups/"+staff, patchBody("["+strings.Join(operations, ",")+"]")).status, 300)
	assert.Empty(t, s.send("GET", "/Groups/"+staff, "").body["members"])

	// A password is never returned, and no attribute of the schemas is one that is kept.
	s.must(201, "POST", "/Users", userBody(`"userName":"pass@example.com","password":"secret"`))
	list := s.send("GET", "/Users?filter="+url.QueryEscape(`userName eq "pass@example.com"`), "")
	assert.NotContains(t, fmt.Sprint(list.body), "secret")
	for _, path := range []string{"/ResourceTypes", "/ServiceProviderConfig", "/Schemas"} {
		assert.Equal(t, 200, s.send("GET", path, "").status, path)
	}
}
