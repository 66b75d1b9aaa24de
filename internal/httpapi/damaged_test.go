package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A record whose stored document is damaged is an internal error of every request that
// would serve it, never invalid JSON and never a record that is missing; the log names it.
// Other records are served.
func TestDamagedDocument_IsAnInternalError(t *testing.T) {
	for name, doc := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "a text": `"anna"`, "cut off": `{"userName":"anna@x","name":{"givenName":"a"}`,
		"two values": `{"userName":"anna@x"}{}`, "a brace": "}", "a brace after it": `{"userName":"anna@x"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			engine := enginetest.Memory(t)
			s := newServiceOn(t, engine, 5, tenant.DefaultSettings())
			user, other := s.mustCreate(`"userName":"anna@x"`), s.mustCreate(`"userName":"bert@x"`)
			group := s.made("/Groups", stage.Group("Staff"))
			set := table.Change{Set: table.Attributes{"doc": table.Text(doc)}}
			require.NoError(t, engine.Write(t.Context(), table.Transaction{Token: "t", Ops: []table.Op{
				table.Update(table.Key{Partition: "T#acme#USERS", Sort: user}, set, table.Present()),
				table.Update(table.Key{Partition: "T#acme#GROUPS", Sort: group}, set, table.Present()),
			}}))
			for path, damaged := range map[string]string{
				"/Users/" + user: "user " + user, "/Users/" + user + "?attributes=userName": "",
				"/Users": "user " + user, "/Users?filter=title%20pr": "",
				"/Groups/" + group: "group " + group, "/Groups": "group " + group, "/Groups?attributes=displayName": "",
			} {
				a := s.send("GET", path, "")
				assert.Equal(t, 500, a.status, "%s: %s", path, a.raw)
				assert.Equal(t, []any{scim.ErrorURN}, a.body["schemas"], "%s: %s", path, a.raw)
				assert.Equal(t, "internal", a.event["cause"], path)
				assert.Contains(t, a.event["error"], damaged, path)
				assert.NotContains(t, a.raw, "anna@x", path)
			}
			a := s.send("GET", "/Users/"+other, "")
			assert.Equal(t, 200, a.status, a.raw)
			faults, err := s.app.Store.Audit(t.Context(), s.tenant)
			require.NoError(t, err)
			problems := ""
			for _, fault := range faults {
				problems += fault.String() + "\n"
			}
			assert.Contains(t, problems, "user "+user+": has a document that does not decode")
			assert.Contains(t, problems, "group "+group+": has a document that does not decode")
		})
	}
}
