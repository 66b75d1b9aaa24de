package system

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Extreme values that would be stored as something else, or cannot be keys of
// the table, are refused and change nothing.
func TestAdmin_RefusesExtremeValues(t *testing.T) {
	s := newService(t, enginetest.Memory(t), 50, app.Options{})
	user := "/tenants/acme/users/" + s.makeOwn(`"userName":"base","email":"base@example.com"`)
	seen := func() string {
		return fmt.Sprint(s.ask(200, "GET", "/tenants/acme", "").body, s.ask(200, "GET", user, "").body,
			s.ask(200, "GET", "/tenants/acme/tokens", "").body, s.ask(200, "GET", "/tenants/acme/usage", "").body)
	}
	place := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	before := seen()
	for _, tt := range [][3]string{
		{"POST", "/tenants/acme/tokens", `{"expiresAt":"0001-01-01T00:00:00Z"}`}, // not "no end"
		{"POST", "/tenants/acme/tokens", `{"expiresAt":"1970-01-01T00:00:00Z"}`},
		{"POST", "/tenants/acme/tokens", `{"label":"a\nb"}`},
		{"POST", "/tenants/acme/tokens", `null`},
		{"POST", "/tenants/acme/users", `{"userName":"a\u0000b"}`},
		{"POST", "/tenants/acme/users", `{"userName":"a","email":"a\u0000b@example.com"}`},
		{"POST", "/tenants/acme/users", `{"userName":"a","email":"  "}`},
		{"POST", "/tenants/acme/users", `{"userName":"  "}`},
		{"POST", "/tenants/acme/users", `{"userName":"` + strings.Repeat("x", 600) + `"}`},
		{"POST", "/tenants/acme/users", `{"userName":"a","displayName":"` + strings.Repeat("x", 100_000) + `"}`},
		{"PATCH", user, `{"email":"  "}`},
		{"PATCH", user, `{"email":null}`},
		{"PATCH", user, `{"userName":" "}`},
		{"PATCH", user, ``},
		{"PATCH", user, `null`},
		{"PATCH", "/tenants/acme", ``},
		{"PATCH", "/tenants/acme", ` null `},
		{"PATCH", "/tenants/acme", `{"maxSeats":4503599627370497}`},
		{"PATCH", "/tenants/acme", `{"displayName":"a\u0000"}`},
		{"PATCH", "/tenants/acme", `{"displayName":"a\u2028b"}`},
		{"PUT", "/tenants/acme", `null`},
		{"GET", "/tenants?after=" + place(strings.Repeat("z", 1500)), ""},
		{"GET", "/tenants?after=" + place("\xff"), ""},
		{"GET", "/tenants/acme/users?after=" + place("gone.\x00"), ""},
		{"GET", "/tenants/acme/groups?after=" + place("\xff\xfe"), ""},
		{"GET", "/tenants/acme/deleted-groups?after=" + place(" "), ""},
	} {
		a := s.admin(tt[0], tt[1], tt[2])
		assert.Equalf(t, 400, a.status, "%s %.60s %.60s: %d %v", tt[0], tt[1], tt[2], a.status, a.body)
	}
	after := seen()
	assert.Equalf(t, before, after, "something refused was done:\n%s\nwas\n%s", after, before)
}
