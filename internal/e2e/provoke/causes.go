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
	"github.com/rollcall-scim/rollcall/internal/table"
)

// Provocations has a function for each cause that provokes it, on a Stage of its
// own with 5 seats, and returns the answer of the request that has the cause.
// BadEvent is missing: it is not a request to the service, and package
// lambdahttp refuses it. So are the causes of the token endpoint alone.
var Provocations = map[cause.Cause]func(s *Stage) Answer{
	// Unauthenticated requests.
	cause.TokenMissing:  func(s *Stage) Answer { return s.Send("GET", "/Users", "", "Authorization", "") },
	cause.TokenInvalid:  func(s *Stage) Answer { return s.Send("GET", "/Users", "", "Authorization", "Bearer rct_acme_cut") },
	cause.TokenUnknown:  tokenUnknown,
	cause.TokenRevoked:  tokenRevoked,
	cause.TokenExpired:  tokenExpired,
	cause.StaticRefused: staticRefused,
	cause.AccessExpired: accessExpired,
	cause.AccessEnded:   accessEnded,
	cause.ClientRevoked: clientRevoked,
	cause.TokenRepeated: func(s *Stage) Answer { return s.Send("GET", "/Users", "", "Authorization", "Bearer a,Bearer b") },
	cause.SCIMDisabled: func(s *Stage) Answer {
		s.set(`{"scimEnabled":false}`)
		return s.Send("POST", "/Users", stage.User(`"userName":"a"`))
	},
	// Requests to no endpoint.
	cause.NoRoute:          func(s *Stage) Answer { return s.Send("GET", "/Nothing", "") },
	cause.NotSupported:     func(s *Stage) Answer { return s.Send("GET", "/Me", "") },
	cause.ProtocolVersion:  func(s *Stage) Answer { return s.Send("GET", "/scim/v1/Users", "") },
	cause.MethodNotAllowed: func(s *Stage) Answer { return s.Send("DELETE", "/Users", "") },
	cause.SchemaNotFound:   func(s *Stage) Answer { return s.Send("GET", "/Schemas/urn:none", "") },
	cause.DiscoveryFilter:  func(s *Stage) Answer { return s.Send("GET", "/Schemas?filter=id+pr", "") },
	// Invalid requests.
	cause.MediaType:       func(s *Stage) Answer { return s.Send("POST", "/Users", "<a/>", "Content-Type", "text/xml") },
	cause.BodyTooLarge:    func(s *Stage) Answer { return s.Send("POST", "/Users", strings.Repeat("a", 1<<20+1)) },
	cause.Validation:      func(s *Stage) Answer { return s.Send("POST", "/Users", stage.User(`"userName":"a","emails":"none"`)) },
	cause.TokenExposed:    func(s *Stage) Answer { return s.Send("POST", "/Users", stage.User(`"userName":"`+s.token+`"`)) },
	cause.SensitiveFilter: func(s *Stage) Answer { return s.Send("GET", `/Users?filter=password+eq+"x"`, "") },
	cause.Tolerated:       func(s *Stage) Answer { return s.Send("POST", "/Users", stage.User(`"userName":"a","shoeSize":44`)) },
	cause.WalkLimit:       walkLimit,
	cause.AnswerTooLarge:  answerTooLarge,
	cause.RateLimit:       rateLimit,
	// Unknown resources.
	cause.UserNotFound: func(s *Stage) Answer { return s.Send("PATCH", "/Users/"+nobody, stage.Patch(rename("x"))) },
	cause.GroupNotFound: func(s *Stage) Answer {
		return s.Send("PATCH", "/Groups/"+nobody, stage.Patch(`{"op":"replace","path":"displayName","value":"x"}`))
	},
	cause.GroupDeleted: func(s *Stage) Answer {
		id := s.must(s.Send("POST", "/Groups", stage.Group("Staff"))).ID()
		s.must(s.Ask("DELETE", "/tenants/acme/groups/"+id, ""))
		return s.Send("PATCH", "/Groups/"+id, stage.Patch(`{"op":"replace","path":"displayName","value":"x"}`))
	},
	// Duplicates.
	cause.Duplicate: func(s *Stage) Answer {
		s.user(`"userName":"a"`)
		return s.Send("POST", "/Users", stage.User(`"userName":"a"`))
	},
	cause.DuplicateInactive: func(s *Stage) Answer {
		s.user(`"userName":"a","active":false`)
		return s.Send("POST", "/Users", stage.User(`"userName":"a","active":false`))
	},
	cause.DuplicateSeveral: func(s *Stage) Answer {
		s.user(`"userName":"a","active":false,"externalId":"1"`)
		s.user(`"userName":"b","active":false,"externalId":"2"`)
		return s.Send("POST", "/Users", stage.User(`"userName":"a","externalId":"2"`))
	},
	cause.DuplicateGroup: func(s *Stage) Answer {
		s.must(s.Send("POST", "/Groups", stage.Group("Staff")))
		return s.Send("POST", "/Groups", stage.Group("staff"))
	},
	cause.DuplicateOffInApp: func(s *Stage) Answer {
		s.must(s.Ask("PATCH", "/tenants/acme/users/"+s.user(`"userName":"a"`), `{"active":false}`))
		return s.Send("POST", "/Users", stage.User(`"userName":"a"`))
	},
	cause.DeactivatedInApp: func(s *Stage) Answer {
		id := s.user(`"userName":"a"`)
		s.must(s.Ask("PATCH", "/tenants/acme/users/"+id, `{"active":false}`))
		return s.Send("PATCH", "/Users/"+id, stage.Patch(`{"op":"replace","path":"active","value":true}`))
	},
	cause.ExternalIDChanged: func(s *Stage) Answer {
		s.user(`"userName":"a","externalId":"1","active":false`)
		return s.Send("POST", "/Users", stage.User(`"userName":"a","externalId":"2"`))
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
	cause.VersionMismatch: func(s *Stage) Answer {
		return s.Send("PATCH", "/Users/"+s.user(`"userName":"a"`), stage.Patch(rename("x")), "If-Match", `W/"99"`)
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
	cause.UnknownMembers: func(s *Stage) Answer { return s.Send("POST", "/Groups", stage.Group("Staff", nobody)) },
	cause.MemberLimit: func(s *Stage) Answer {
		return s.Send("PATCH", "/Groups/"+s.must(s.Send("POST", "/Groups", stage.Group("Staff"))).ID(), addMembers(5001))
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
	cause.BulkLimit: func(s *Stage) Answer {
		return s.Send("POST", "/Bulk", stage.Bulk(many(101, func(i int) string { return bulkUser(i, "") })...))
	},
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
}

// nobody is an id that no record has.
const nobody = "019b8d62-7a80-7000-8000-00000000dead"

func rename(to string) string {
	return fmt.Sprintf(`{"op":"replace","path":"displayName","value":%q}`, to)
}

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
