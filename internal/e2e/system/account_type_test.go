package system

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Every case of the account types: the type before, who asks for another one
// and how; the answer, the type afterwards and what the user counts as.
func TestAccountTypes_EveryCase(t *testing.T) {
	type cell struct {
		status int
		cause  string // of a refusal
		kind   string // afterwards: user, reader
		linked bool   // afterwards
	}
	kept := func(status int, kind string) cell { return cell{status, "", kind, true} }
	conflict := func(cause, kind string, linked bool) cell { return cell{409, cause, kind, linked} }
	type row struct {
		name   string
		make   func(s *service, name string) string
		kind   string
		active bool
		linked bool
		// by the requested isTeamAccount: true, false, omitted
		post, change [3]cell
	}
	scimUser := func(value string) func(*service, string) string {
		return func(s *service, name string) string {
			return s.must(201, "POST", "/Users", userBody(`"userName":"`+name+`",`+team(value)))
		}
	}
	own := func(kind string, active bool) func(*service, string) string {
		return func(s *service, name string) string {
			return s.makeOwn(fmt.Sprintf(`"userName":%q,"accountType":%q,"active":%t`, name, kind, active))
		}
	}
	rows := []row{
		{
			"a linked User", scimUser("true"), "user", true, true,
			[3]cell{conflict("duplicate", "user", true), conflict("duplicate", "user", true), conflict("duplicate", "user", true)},
			[3]cell{kept(200, "user"), kept(200, "reader"), kept(200, "user")},
		},
		{
			"a linked Reader", scimUser("false"), "reader", true, true,
			[3]cell{conflict("duplicate", "reader", true), conflict("duplicate", "reader", true), conflict("duplicate", "reader", true)},
			[3]cell{kept(200, "user"), kept(200, "reader"), kept(200, "reader")},
		},
	}
	for _, active := range []bool{true, false} {
		rows = append(rows, row{
			fmt.Sprintf("the application's own User, active %t", active), own("user", active), "user", active, false,
			[3]cell{kept(200, "user"), conflict("own_user_conversion", "user", false), conflict("own_user", "user", false)},
			[3]cell{kept(200, "user"), conflict("own_user_conversion", "user", false), kept(200, "user")},
		}, row{
			fmt.Sprintf("the application's own Reader, active %t", active), own("reader", active), "reader", active, false,
			[3]cell{conflict("own_user", "reader", false), conflict("own_user", "reader", false), conflict("own_user", "reader", false)},
			[3]cell{kept(200, "user"), kept(200, "reader"), kept(200, "reader")},
		})
	}
	asked := [3]string{"true", "false", ""}
	holds := func(kind, of string, active bool) int {
		if active && kind == of {
			return 1
		}
		return 0
	}
	onBoth(t, 1000, func(s *service, _ *clock) {
		users, seats, readers, cells := 0, 0, 0, 0
		for _, r := range rows {
			for _, method := range []string{"POST", "PUT", "PATCH"} {
				for i, value := range asked {
					cells++
					want := r.change[i]
					if method == "POST" {
						want = r.post[i]
					}
					name := fmt.Sprintf("user%d@example.com", cells)
					at := fmt.Sprintf("%s, %s %q", r.name, method, value)
					id := r.make(s, name)
					users, seats, readers = users+1, seats+holds(r.kind, "user", r.active), readers+holds(r.kind, "reader", r.active)
					s.wantUsage(seats, readers, users, 0)

					body := userBody(`"userName":"` + name + `"`)
					if value != "" {
						body = userBody(`"userName":"` + name + `",` + team(value))
					}
					var a answer
					switch {
					case method == "POST":
						a = s.send(method, "/Users", body)
					case method == "PUT":
						a = s.send(method, "/Users/"+id, body)
					case value == "":
						a = s.send(method, "/Users/"+id, patchBody(`[{"op":"replace","path":"nickName","value":"N"}]`))
					default:
						a = s.send(method, "/Users/"+id, setTeam(value))
					}
					if want.cause != "" {
						s.wantRefused(a, want.status, want.cause)
					} else if a.status != want.status || a.body["id"] != id || a.body["active"] != r.active {
						t.Errorf("%s: %d %v", at, a.status, a.body)
					}
					seats += holds(want.kind, "user", r.active) - holds(r.kind, "user", r.active)
					readers += holds(want.kind, "reader", r.active) - holds(r.kind, "reader", r.active)
					s.wantUsage(seats, readers, users, 0)
					if u := s.seenUser(id); u["accountType"] != want.kind || u["scimManaged"] != want.linked || u["active"] != r.active {
						t.Errorf("%s: the user is %v, want a %s, linked %t", at, u, want.kind, want.linked)
					}
				}
			}
		}
		assert.Equalf(t, 54, cells, "%d cells, want 54", cells)
		s.check(int64(seats))
	})
}

// A conversion to User at the limit is refused and changes nothing, for the IdP
// and the application.
func TestAccountTypes_ConversionNeedsASeat(t *testing.T) {
	onBoth(t, 1, func(s *service, _ *clock) {
		s.must(201, "POST", "/Users", userBody(`"userName":"a"`))
		linked := s.must(201, "POST", "/Users", userBody(`"userName":"b",`+team("false")))
		own := s.makeOwn(`"userName":"c","accountType":"reader"`)
		for _, id := range []string{linked, own} {
			s.wantRefused(s.send("PATCH", "/Users/"+id, setTeam("true")), 403, "seat_limit", "1 of 1 seats")
			a := s.admin("PATCH", "/tenants/acme/users/"+id, `{"accountType":"user"}`)
			assert.Equalf(t, 409, a.status, "the application converts: %d %v", a.status, a.body)
		}
		u := s.seenUser(own)
		assert.Truef(t, u["scimManaged"] == false && u["accountType"] == "reader", "after the refusals %v", u)
		s.ask(200, "PATCH", "/tenants/acme", `{"maxSeats":2,"maxReaders":2}`)
		s.ask(200, "PATCH", "/tenants/acme/users/"+own, `{"accountType":"user"}`)
		s.wantUsage(2, 1, 3, 0)
		// Readers have a limit of their own.
		s.ask(200, "PATCH", "/tenants/acme", `{"maxReaders":1}`)
		s.wantRefused(s.send("POST", "/Users", userBody(`"userName":"d",`+team("false"))), 403, "reader_limit", "1 of 1 Reader licences")
		s.check(2)
	})
}
