package provoke

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/simulate"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// Provocations has a function for each cause that provokes it, on a Stage of its
// own with 5 seats, and returns the answer of the request that has the cause.
// BadEvent is missing: it is not a request to the service, and package
// lambdahttp refuses it. So are the causes of the token endpoint alone.
var Provocations = withRequests(map[cause.Cause]func(s *Stage) Answer{
	// Unauthenticated requests.
	cause.TokenUnknown:  tokenUnknown,
	cause.TokenRevoked:  tokenRevoked,
	cause.TokenExpired:  tokenExpired,
	cause.StaticRefused: staticRefused,
	cause.AccessExpired: accessExpired,
	cause.AccessEnded:   accessEnded,
	cause.ClientRevoked: clientRevoked,
	cause.SCIMDisabled: func(s *Stage) Answer {
		s.set(`{"scimEnabled":false}`)
		return s.Send("POST", "/Users", stage.User(`"userName":"a"`))
	},
	// Invalid requests.
	cause.TokenExposed:   func(s *Stage) Answer { return s.Send("POST", "/Users", stage.User(`"userName":"`+s.token+`"`)) },
	cause.WalkLimit:      walkLimit,
	cause.AnswerTooLarge: answerTooLarge,
	cause.RateLimit:      rateLimit,
	// Unknown resources.
	cause.GroupDeleted: func(s *Stage) Answer {
		id := s.must(s.Send("POST", "/Groups", stage.Group("Staff"))).ID()
		s.must(s.Ask("DELETE", "/tenants/acme/groups/"+id, ""))
		return s.Send("PATCH", "/Groups/"+id, stage.Patch(`{"op":"replace","path":"displayName","value":"x"}`))
	},
	// Duplicates.
	cause.DuplicateOffInApp: func(s *Stage) Answer {
		s.must(s.Ask("PATCH", "/tenants/acme/users/"+s.user(`"userName":"a"`), `{"active":false}`))
		return s.Send("POST", "/Users", stage.User(`"userName":"a"`))
	},
	cause.DeactivatedInApp: func(s *Stage) Answer {
		id := s.user(`"userName":"a"`)
		s.must(s.Ask("PATCH", "/tenants/acme/users/"+id, `{"active":false}`))
		return s.Send("PATCH", "/Users/"+id, stage.Patch(`{"op":"replace","path":"active","value":true}`))
	},
	cause.ExternalIDRefused: func(s *Stage) Answer {
		s.set(`{"rehire":"refuse"}`)
		s.user(`"userName":"a","externalId":"1","active":false`)
		return s.Send("POST", "/Users", stage.User(`"userName":"a","externalId":"2"`))
	},
	cause.IdentityDiffers: func(s *Stage) Answer {
		s.must(s.Ask("POST", "/tenants/acme/users", `{"userName":"a","email":"a@x.test"}`))
		return s.Send("POST", "/Users", stage.User(`"userName":"b","emails":[{"value":"a@x.test"}],"isTeamAccount":true`))
	},
	cause.IdentityChanged: func(s *Stage) Answer {
		id := s.must(s.Ask("POST", "/tenants/acme/users", `{"userName":"a"}`)).ID()
		return s.Send("PATCH", "/Users/"+id, stage.Patch(`{"op":"replace","path":"userName","value":"b"}`))
	},
	cause.OwnUser: func(s *Stage) Answer {
		s.must(s.Ask("POST", "/tenants/acme/users", `{"userName":"a"}`))
		return s.Send("POST", "/Users", stage.User(`"userName":"a"`))
	},
	cause.OwnUserConversion: func(s *Stage) Answer {
		s.must(s.Ask("POST", "/tenants/acme/users", `{"userName":"a"}`))
		return s.Send("POST", "/Users", stage.User(`"userName":"a","isTeamAccount":false`))
	},
	cause.Protected: func(s *Stage) Answer {
		id := s.user(`"userName":"a"`)
		s.must(s.Ask("PATCH", "/tenants/acme/users/"+id, `{"protected":true}`))
		return s.Send("DELETE", "/Users/"+id, "")
	},
	// Limits.
	cause.SeatLimit: func(s *Stage) Answer {
		s.set(`{"maxSeats":0}`)
		return s.Send("POST", "/Users", stage.User(`"userName":"a","externalId":"00u1a"`))
	},
	cause.ReaderLimit: func(s *Stage) Answer {
		s.set(`{"maxReaders":0}`)
		return s.Send("POST", "/Users", stage.User(`"userName":"a","isTeamAccount":false`))
	},
	// Faults of the service.
	cause.Conflict: func(s *Stage) Answer {
		return s.spoiling("#USERS", table.ErrConflict, func() Answer { return s.Send("POST", "/Users", stage.User(`"userName":"a"`)) })
	},
	cause.OutcomeUnknown: func(s *Stage) Answer {
		return s.spoiling("#USERS", table.ErrUnknownOutcome, func() Answer { return s.Send("POST", "/Users", stage.User(`"userName":"a"`)) })
	},
	cause.StoreUnavailable: func(s *Stage) Answer {
		return s.spoiling("#USERS", table.ErrUnreachable, func() Answer { return s.Send("POST", "/Users", stage.User(`"userName":"a"`)) })
	},
	cause.Internal: func(s *Stage) Answer {
		return s.spoiling("#USERS", errors.New("the disk is on fire"), func() Answer { return s.Send("POST", "/Users", stage.User(`"userName":"a"`)) })
	},
	cause.Unfinished: unfinished,
	// Many at once.
	cause.BulkReference: func(s *Stage) Answer {
		a := s.must(s.Send("POST", "/Bulk", stage.Bulk(
			`{"method":"POST","path":"/Users","bulkId":"u","data":`+stage.User(`"userName":"a","emails":"none"`)+`}`,
			`{"method":"POST","path":"/Groups","bulkId":"g","data":`+stage.Group("Staff", "bulkId:u")+`}`)))
		return operationOf(a, 1)
	},
	cause.BulkTime: bulkTime,
	cause.BulkPartial: func(s *Stage) Answer {
		return s.Send("POST", "/Bulk", stage.Bulk(bulkUser(1, ""), bulkUser(2, `,"emails":"none"`)))
	},
})

// withRequests adds the causes that SCIM requests alone provoke, which rollcall
// trigger sends too.
func withRequests(all map[cause.Cause]func(s *Stage) Answer) map[cause.Cause]func(s *Stage) Answer {
	for _, c := range simulate.Provocable() {
		if steps := simulate.Steps(c); steps != nil {
			all[c] = func(s *Stage) (last Answer) {
				var ids []string
				for _, step := range steps {
					step = step.Fill("a", ids)
					last = s.Send(step.Method, step.Path, step.Body, step.Headers...)
					ids = append(ids, last.ID())
				}
				return last
			}
		}
	}
	return all
}

// nobody is an id that no record has.
const nobody = simulate.Nobody

func many(n int, one func(i int) string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = one(i)
	}
	return list
}

func bulkUser(i int, attributes string) string {
	return fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":%s}`, i, stage.User(fmt.Sprintf(`"userName":"b%d"%s`, i, attributes)))
}

// addMembers returns a PATCH that adds n members.
func addMembers(n int, ids ...string) string {
	for i := len(ids); i < n; i++ {
		ids = append(ids, fmt.Sprintf("019b8d62-7a80-7000-8000-%012x", i+1))
	}
	values := many(n, func(i int) string { return fmt.Sprintf(`{"value":%q}`, ids[i]) })
	return stage.Patch(`{"op":"add","path":"members","value":[` + strings.Join(values, ",") + `]}`)
}

// operationOf returns the answer to one operation of a bulk request.
func operationOf(a Answer, i int) Answer {
	operations, _ := a.Body["Operations"].([]any)
	operation, _ := operations[i].(map[string]any)
	response, _ := operation["response"].(map[string]any)
	one := Answer{Body: response}
	one.Detail, _ = response["detail"].(string)
	if _, id, ok := strings.Cut(one.Detail, "(request "); ok {
		one.RequestID = strings.TrimSuffix(id, ")")
	}
	_, _ = fmt.Sscan(fmt.Sprint(operation["status"]), &one.Status)
	return one
}

// minted returns another token of the tenant.
func minted(s *Stage, wanted string) (id, text string) {
	a := s.must(s.Ask("POST", "/tenants/acme/tokens", wanted))
	text, _ = a.Body["token"].(string)
	return a.ID(), text
}

func tokenUnknown(s *Stage) Answer {
	// Well formed, but not issued here.
	text, _ := access.Mint(s.tenant)
	return s.Send("GET", "/Users", "", "Authorization", "Bearer "+text)
}

func tokenRevoked(s *Stage) Answer {
	id, text := minted(s, "")
	s.must(s.Ask("DELETE", "/tenants/acme/tokens/"+id, ""))
	return s.Send("POST", "/Users", stage.User(`"userName":"a"`), "Authorization", "Bearer "+text)
}

func tokenExpired(s *Stage) Answer {
	_, text := minted(s, fmt.Sprintf(`{"expiresAt":%q}`, s.Now().Add(time.Minute).UTC().Format(time.RFC3339)))
	s.Pass(2 * time.Minute)
	return s.Send("POST", "/Users", stage.User(`"userName":"a"`), "Authorization", "Bearer "+text)
}

func walkLimit(s *Stage) Answer {
	s.set(`{"maxSeats":100}`)
	for i := range MaxWalk + 2 {
		s.user(fmt.Sprintf(`"userName":"u%d"`, i))
	}
	return s.Send("GET", `/Users?filter=title+eq+"x"`, "")
}

// answerTooLarge requests a group with more members than an answer has room
// for. They are written directly to the table: as many requests would take a
// minute.
func answerTooLarge(s *Stage) Answer {
	id := s.must(s.Send("POST", "/Groups", stage.Group("Staff"))).ID()
	const members = 60_000
	var ops []table.Op
	for i := range members {
		ops = append(ops, table.Put(table.Item{Key: table.Key{
			Partition: "T#acme#G#" + id + "#1", Sort: fmt.Sprintf("019b8d62-7a80-7000-8000-%012x", i),
		}}))
		if len(ops) == table.MaxOps || i == members-1 {
			require.NoError(s.t, s.table.Write(s.t.Context(), table.Transaction{Token: fmt.Sprint("m", i), Ops: ops}))
			ops = nil
		}
	}
	return s.Send("GET", "/Groups/"+id, "")
}

func rateLimit(s *Stage) Answer {
	s.stop()
	for range 2 * tenantRate { // the largest burst
		s.Send("GET", "/ServiceProviderConfig", "")
	}
	return s.Send("POST", "/Users", stage.User(`"userName":"a"`))
}

func unfinished(s *Stage) Answer {
	s.set(`{"maxSeats":100}`)
	var ids []string
	for i := range 40 {
		ids = append(ids, s.user(fmt.Sprintf(`"userName":"u%d"`, i)))
	}
	group := s.must(s.Send("POST", "/Groups", stage.Group("Staff"))).ID()
	// The members are added in parts, each with its memberships.
	return s.spoiling("#U#", table.ErrThrottled, func() Answer { return s.Send("PATCH", "/Groups/"+group, addMembers(40, ids...)) })
}

func bulkTime(s *Stage) Answer {
	s.table.set(func(table.Transaction) error { s.Pass(10 * time.Second); return nil })
	defer s.table.set(nil)
	return operationOf(s.must(s.Send("POST", "/Bulk", stage.Bulk(bulkUser(1, ""), bulkUser(2, "")))), 1)
}
