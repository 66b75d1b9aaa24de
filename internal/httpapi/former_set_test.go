package httpapi_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A membership of a set that was replaced, or is not the group's yet, is in no answer,
// although its items are still stored.
func TestUsers_AreInNoGroupByAnotherSetOfMembers(t *testing.T) {
	engine := enginetest.Memory(t)
	s := newServiceOn(t, engine, 5, tenant.DefaultSettings())
	user := s.mustCreate(`"userName":"anna@x"`)
	group := s.made("/Groups", stage.Group("Staff"))
	require.NoError(t, engine.Write(t.Context(), table.Transaction{Token: "t", Ops: []table.Op{
		table.Put(table.Item{Key: table.Key{Partition: "T#acme#U#" + user, Sort: group + "#99"}}),
		table.Put(table.Item{Key: table.Key{Partition: "T#acme#G#" + group + "#99", Sort: user}}),
		table.Update(table.Key{Partition: "T#acme#USERS", Sort: user}, table.Change{Add: map[string]int64{"jn": 1}}),
	}}))
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/Users/" + user, ""},
		{"PATCH", "/Users/" + user, stage.Patch(`{"op":"replace","path":"title","value":"a"}`)},
		{"PUT", "/Users/" + user, stage.User(`"userName":"anna@x","title":"b"`)},
		{"GET", "/Users?attributes=groups", ""},
		{"GET", "/Groups/" + group, ""},
	} {
		a := s.send(r.method, r.path, r.body)
		require.Equal(t, 200, a.status, a.raw)
		if r.path != "/Groups/"+group {
			require.NotContains(t, a.raw, group, "%s %s", r.method, r.path)
		} else {
			require.NotContains(t, a.raw, user)
		}
	}
	for _, filter := range []string{`groups.value eq "` + group + `"`, `groups pr`} {
		a := s.send("GET", "/Users?filter="+url.QueryEscape(filter), "")
		require.Equal(t, float64(0), a.body["totalResults"], "%s: %s", filter, a.raw)
	}
}
