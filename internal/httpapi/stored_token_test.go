package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A token that is sent as a value of any request is refused, and no item has its secret.
func TestToken_IsNeverStored(t *testing.T) {
	w := &scribe{Table: enginetest.Memory(t)}
	s := newServiceOn(t, w, 5, tenant.DefaultSettings())
	user := s.mustCreate(`"userName":"anna@x"`)
	group := s.made("/Groups", stage.Group("Staff", user))
	secret := strings.Split(s.token, "_")[3]
	escaped := `\u0072` + s.token[1:]
	refused := func(name, method, path, body string) {
		for _, token := range []string{s.token, escaped} {
			a := s.send(method, path, strings.ReplaceAll(body, "TOKEN", token))
			require.Equal(t, http.StatusBadRequest, a.status, "%s: %s", name, a.raw)
			require.Equal(t, string(cause.TokenExposed), a.event["cause"], name)
			require.NotContains(t, a.raw, secret, name)
		}
	}
	refused("a new user", "POST", "/Users", stage.User(`"userName":"TOKEN"`))
	refused("a replaced user", "PUT", "/Users/"+user, stage.User(`"userName":"anna@x","title":"TOKEN"`))
	refused("a changed user", "PATCH", "/Users/"+user, stage.Patch(`{"op":"replace","path":"externalId","value":"TOKEN"}`))
	refused("a new group", "POST", "/Groups", stage.Group("TOKEN"))
	refused("a changed group", "PATCH", "/Groups/"+group, stage.Patch(`{"op":"replace","path":"displayName","value":"TOKEN"}`))
	refused("a member", "PATCH", "/Groups/"+group, stage.Patch(`{"op":"add","path":"members","value":[{"value":"TOKEN"}]}`))
	refused("a search", "POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"TOKEN\""}`)
	refused("a bulk request", "POST", "/Bulk", stage.Bulk(`{"method":"POST","path":"/Users","bulkId":"a","data":`+stage.User(`"userName":"TOKEN"`)+`}`))
	for _, tx := range w.taken() {
		for _, op := range tx.Ops {
			for _, attributes := range []map[string]string{texts(op.Attributes), texts(op.Change.Set)} {
				for name, text := range attributes {
					require.NotContains(t, text, secret, "%s of %s", name, op.Key)
				}
			}
			require.NotContains(t, op.Key.Sort, secret)
		}
	}
}

// texts returns the attributes that are texts.
func texts(of table.Attributes) map[string]string {
	all := map[string]string{}
	for name, value := range of {
		all[name] = value.Text()
	}
	return all
}
