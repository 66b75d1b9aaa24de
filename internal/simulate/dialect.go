package simulate

import (
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// A dialect is how one identity provider sends.
type dialect struct {
	provider idp.Provider
	// gap is the time between two requests. No identity provider documents its pace:
	// Entra's is the 25 requests a second that its gallery asks for, the others are
	// assumed.
	gap time.Duration
	// test is the request of its connection test.
	test func() Request

	find, create    func(p person) Request
	update, off, on func(p person, id string) Request

	findGroup func(name string) Request
	// createsWithMembers means that a created group has its members at once.
	createsWithMembers bool

	createGroup func(name, externalID string, members []string) Request
	addMembers  func(id, name string, members []string) []Request
}

// Providers are the names of the identity providers that can be simulated.
func Providers() []string { return []string{"okta", "entra", "onelogin", "ping"} }

// Retries. Okta repeats a request after 429 up to ten times; the other numbers are
// assumed, and the same for all.
const (
	mostLimited = 10
	mostFailed  = 4
	firstWait   = time.Second
	longestWait = time.Minute
)

func dialectOf(name string) (dialect, bool) {
	switch name {
	case "okta":
		return okta(), true
	case "entra":
		return entra(), true
	case "onelogin":
		return oneLogin(), true
	case "ping":
		return ping(), true
	}
	return dialect{}, false
}

// escaped returns a text for a query in which Okta and Entra escape @.
func escaped(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

const (
	active   = `"active": true`
	inactive = `"active": false`
)

func okta() dialect {
	put := func(p person, id string) Request {
		return fill("update user", "okta-014-put-profile", "{{userId}}", id, "test.user{{run}}@example.com", p.userName,
			`"Another"`, quoted(p.given), `"familyName": "User"`, `"familyName": `+quoted(p.family))
	}
	return dialect{
		provider: idp.Okta, gap: 200 * time.Millisecond,
		test: func() Request { return fill("test connection", "okta-001-test-credentials") },
		find: func(p person) Request {
			return fill("look user up", "okta-003-lookup", "test.user{{run}}%40example.com", escaped(p.userName))
		},
		create: func(p person) Request {
			return fill("create user", "okta-004-create", "test.user{{run}}@example.com", p.userName, `"Test"`, quoted(p.given),
				`"familyName": "User"`, `"familyName": `+quoted(p.family), `"Test User"`, quoted(p.given+" "+p.family),
				"00u1{{run}}", "00u"+p.externalID, "1mz050nq", p.password)
		},
		update: put,
		off: func(_ person, id string) Request {
			return fill("deactivate user", "okta-018-patch-deactivate-pathless", "{{userId}}", id)
		},
		on: func(_ person, id string) Request {
			return fill("activate user", "okta-019-patch-activate-pathless", "{{userId}}", id)
		},
		findGroup: func(name string) Request {
			return fill("look group up", "okta-g02-lookup", "Test%20SCIMv2{{run}}", escaped(name))
		},
		createGroup: func(name, _ string, _ []string) Request {
			return fill("create group", "okta-g03-create", "Test SCIMv2{{run}}", name)
		},
		addMembers: func(id, _ string, members []string) []Request {
			return []Request{fill("set members", "okta-g07-replace-members", "{{groupId}}", id,
				`[{"value": "{{userId}}", "display": "a"}, {"value": "{{userId2}}", "display": "b"}]`,
				list(members, func(id string) string { return `{"value": ` + quoted(id) + `, "display": ` + quoted(id) + `}` }))}
		},
	}
}

func entra() dialect {
	return dialect{
		provider: idp.Entra, gap: 40 * time.Millisecond,
		test: func() Request { return fill("test connection", "entra-002-probe-group") },
		find: func(p person) Request {
			return fill("look user up", "entra-018-filter-disabled", "alice{{run}}%40example.com", escaped(p.userName))
		},
		create: func(p person) Request {
			return fill("create user", "entra-008-create", "alice{{run}}@example.com", p.userName, "e-1{{run}}", p.externalID,
				`"Alice A"`, quoted(p.given+" "+p.family), `"familyName": "A"`, `"familyName": `+quoted(p.family), `"Alice"`, quoted(p.given))
		},
		update: func(p person, id string) Request {
			return fill("update user", "entra-020-replace-many", "{{userId}}", id, `"P V"`, quoted(p.given+" "+p.family),
				"p{{run}}@example.com", p.userName, `"P"`, quoted(p.given), `"V"`, quoted(p.family), "e-9{{run}}", p.externalID)
		},
		off: func(_ person, id string) Request {
			return fill("deactivate user", "entra-013-disable-string", "{{userId}}", id)
		},
		on: func(_ person, id string) Request {
			return fill("activate user", "entra-015-enable-string", "{{userId}}", id)
		},
		findGroup: func(name string) Request {
			return fill("look group up", "entra-g03-filter-excl", "Design{{run}}", escaped(name))
		},
		createGroup: func(name, externalID string, _ []string) Request {
			return fill("create group", "entra-g18-create", "Research{{run}}", name, "g-18{{run}}", externalID)
		},
		addMembers: func(id, _ string, members []string) []Request {
			return each(members, func(member string) Request {
				return fill("add member", "entra-g06-add-member-null-ref", "{{groupId}}", id, "{{userId}}", member)
			})
		},
	}
}

func oneLogin() dialect {
	put := func(kind, state string) func(p person, id string) Request {
		return func(p person, id string) Request {
			return fill(kind, "onelogin-002-replace-user", "{{userId}}", id, "ol.put{{run}}@example.com", p.userName, inactive, state,
				`"Ola"`, quoted(p.given), `"Login"`, quoted(p.family), `"Ola Login"`, quoted(p.given+" "+p.family), "ol-2{{run}}", p.externalID)
		}
	}
	return dialect{
		provider: idp.OneLogin, gap: 500 * time.Millisecond,
		test: func() Request { return fill("test connection", "onelogin-003-find-user", "ol.find{{run}}", "test") },
		find: func(p person) Request {
			return fill("look user up", "onelogin-003-find-user", "ol.find{{run}}@example.com", p.userName)
		},
		create: func(p person) Request {
			return fill("create user", "onelogin-001-create-user", "ol{{run}}@example.com", p.userName, `"Ola"`, quoted(p.given),
				`"Login"`, quoted(p.family), `"Ola Login"`, quoted(p.given+" "+p.family), "ol-1{{run}}", p.externalID)
		},
		update: put("update user", active), off: put("deactivate user", inactive), on: put("activate user", active),
		findGroup: findGroup,
		createGroup: func(name, _ string, _ []string) Request {
			return fill("create group", "onelogin-005-create-group", "ol group{{run}}", name)
		},
		addMembers: func(id, _ string, members []string) []Request {
			return each(members, func(member string) Request {
				return fill("add member", "onelogin-004-group-members", "{{groupId}}", id, "{{userId}}", member)
			})
		},
	}
}

// ping is PingFederate.
func ping() dialect {
	put := func(kind, state string) func(p person, id string) Request {
		return func(p person, id string) Request {
			return fill(kind, "pingfederate-003-disable", "{{userId}}", id, "pf.off{{run}}@example.com", p.userName, inactive, state)
		}
	}
	group := func(kind, name string, members []string) Request {
		return fill(kind, "pingfederate-002-create-group", "pf group{{run}}", name, `[{"value": "{{userId}}", "type": "value"}]`,
			list(members, func(id string) string { return `{"value": ` + quoted(id) + `, "type": "value"}` }))
	}
	return dialect{
		provider: idp.PingFederate, createsWithMembers: true, gap: 250 * time.Millisecond,
		test: func() Request { return fill("test connection", "pingfederate-001-find-by-email", "pf{{run}}", "test") },
		find: func(p person) Request {
			return fill("look user up", "pingfederate-001-find-by-email", "pf{{run}}@example.com", p.userName)
		},
		create: func(p person) Request {
			return fill("create user", "pingfederate-004-create-user", "pf.new{{run}}@example.com", p.userName, `"Pia"`, quoted(p.given), `"Fed"`, quoted(p.family))
		},
		update: put("update user", active), off: put("deactivate user", inactive), on: put("activate user", active),
		findGroup: findGroup,
		createGroup: func(name, _ string, members []string) Request {
			return group("create group", name, members)
		},
		addMembers: func(id, name string, members []string) []Request {
			r := group("replace group", name, members)
			r.Method, r.Path = "PUT", "/Groups/"+id
			return []Request{r}
		},
	}
}

// findGroup is the lookup of identity providers of which none is recorded.
func findGroup(name string) Request {
	return Request{Kind: "look group up", Method: "GET", Path: "/Groups?filter=displayName%20eq%20%22" + escaped(name) + "%22"}
}

func each(values []string, one func(value string) Request) []Request {
	all := make([]Request, len(values))
	for i, value := range values {
		all[i] = one(value)
	}
	return all
}
