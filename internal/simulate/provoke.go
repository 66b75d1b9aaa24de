package simulate

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// The marks of a step's texts.
const (
	// nameMark stands for a userName of its own.
	nameMark = "{{name}}"
	// tokenMark stands for the bearer token.
	tokenMark = "{{token}}"
)

// A Step is one request of a provocation. {{1}} is the id that the answer to the
// first step has.
type Step struct {
	Method, Path, Body string
	// Headers are names and values in turn.
	Headers []string
}

// Nobody is an id that no record has.
const Nobody = "019b8d62-7a80-7000-8000-00000000dead"

// MaxMembers is the most members of one request, of package directory.
const maxMembers = 5000

// Steps returns the requests that have a cause: the last one does, the others
// prepare it. Fill puts names into them. It returns nil for a cause that SCIM
// requests alone cannot provoke, or that needs as many as until it occurs.
func Steps(c cause.Cause) []Step { return slices.Clone(provocations[c]) }

var provocations = map[cause.Cause][]Step{
	cause.TokenMissing:     {{Method: "GET", Path: "/Users", Headers: []string{"Authorization", ""}}},
	cause.TokenInvalid:     {{Method: "GET", Path: "/Users", Headers: []string{"Authorization", "Bearer rct_acme_cut"}}},
	cause.TokenRepeated:    {{Method: "GET", Path: "/Users", Headers: []string{"Authorization", "Bearer a,Bearer b"}}},
	cause.NoRoute:          {{Method: "GET", Path: "/Nothing"}},
	cause.NotSupported:     {{Method: "GET", Path: "/Me"}},
	cause.ProtocolVersion:  {{Method: "GET", Path: "/scim/v1/Users"}},
	cause.MethodNotAllowed: {{Method: "DELETE", Path: "/Users"}},
	cause.SchemaNotFound:   {{Method: "GET", Path: "/Schemas/urn:none"}},
	cause.DiscoveryFilter:  {{Method: "GET", Path: "/Schemas?filter=id+pr"}},
	cause.MediaType:        {{Method: "POST", Path: "/Users", Body: "<a/>", Headers: []string{"Content-Type", "text/xml"}}},
	cause.BodyTooLarge:     {{Method: "POST", Path: "/Users", Body: strings.Repeat("a", 1<<20+1)}},
	cause.Validation:       {create(`"emails":"none"`)},
	cause.SensitiveFilter:  {{Method: "GET", Path: `/Users?filter=password+eq+"x"`}},
	cause.Tolerated:        {create(`"shoeSize":44`)},
	cause.UserNotFound:     {patch("/Users/"+Nobody, rename)},
	cause.GroupNotFound:    {patch("/Groups/"+Nobody, rename)},
	cause.Duplicate:        {create(""), create("")},
	cause.DuplicateInactive: {
		create(`"active":false`), create(`"active":false`),
	},
	cause.DuplicateSeveral: {
		create(`"active":false,"externalId":"{{name}}1"`),
		{Method: "POST", Path: "/Users", Body: user(`"userName":"{{name}}b","active":false,"externalId":"{{name}}2"`)},
		create(`"externalId":"{{name}}2"`),
	},
	cause.DuplicateGroup: {group("Staff {{name}}"), group("staff {{name}}")},
	cause.ExternalIDChanged: {
		create(`"externalId":"{{name}}1","active":false`), create(`"externalId":"{{name}}2"`),
	},
	cause.VersionMismatch: {create(""), {Method: "PATCH", Path: "/Users/{{1}}", Body: patch("", rename).Body, Headers: []string{"If-Match", `W/"99"`}}},
	cause.UnknownMembers:  {group("Staff {{name}}", Nobody)},
	cause.MemberLimit:     {group("Staff {{name}}"), patch("/Groups/{{1}}", tooManyMembers())},
	cause.BulkLimit:       {{Method: "POST", Path: "/Bulk", Body: bulk(101)}},
}

const rename = `{"op":"replace","path":"displayName","value":"x"}`

func user(members string) string {
	return `{"schemas":["` + scim.CoreUserURN + `"],` + strings.TrimSuffix(members, ",") + `}`
}

func create(members string) Step {
	return Step{Method: "POST", Path: "/Users", Body: user(`"userName":"{{name}}",` + members)}
}

func group(name string, members ...string) Step {
	return Step{Method: "POST", Path: "/Groups", Body: fmt.Sprintf(`{"schemas":["%s"],"displayName":%q,"members":%s}`, scim.CoreGroupURN, name,
		list(members, func(id string) string { return `{"value":` + quoted(id) + `}` }))}
}

func patch(path, operation string) Step {
	return Step{Method: "PATCH", Path: path, Body: `{"schemas":["` + scim.PatchURN + `"],"Operations":[` + operation + `]}`}
}

func tooManyMembers() string {
	ids := make([]string, maxMembers+1)
	for i := range ids {
		ids[i] = fmt.Sprintf("019b8d62-7a80-7000-8000-%012x", i+1)
	}
	return `{"op":"add","path":"members","value":` + list(ids, func(id string) string { return `{"value":` + quoted(id) + `}` }) + `}`
}

func bulk(n int) string {
	operations := make([]string, n)
	for i := range operations {
		operations[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":%s}`, i, user(fmt.Sprintf(`"userName":"{{name}}%d"`, i)))
	}
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + strings.Join(operations, ",") + `]}`
}

// Fill returns a step with a userName and the ids of the answers before it.
func (s Step) Fill(name string, ids []string) Step {
	pairs := []string{nameMark, name}
	for i, id := range ids {
		pairs = append(pairs, "{{"+strconv.Itoa(i+1)+"}}", id)
	}
	r := strings.NewReplacer(pairs...)
	s.Path, s.Body = r.Replace(s.Path), r.Replace(s.Body)
	return s
}

// Provocable are the causes that Provoke can provoke, sorted.
func Provocable() []cause.Cause {
	all := append(slices.Collect(maps.Keys(provocations)), cause.SeatLimit, cause.RateLimit)
	slices.Sort(all)
	return all
}

// CanProvoke reports whether SCIM requests alone can provoke a cause.
func CanProvoke(c cause.Cause) bool { return slices.Contains(Provocable(), c) }

// Provoke sends the requests that have a cause, as an identity provider. The name
// makes those of its users its own.
func Provoke(ctx context.Context, t Target, provider string, c cause.Cause, name string) (Summary, error) {
	d, known := dialectOf(provider)
	if !known || !CanProvoke(c) {
		return Summary{}, fmt.Errorf("%w: %s cannot be provoked as %q", ErrPlan, c, provider)
	}
	d.gap = 0
	s := newSender(ctx, t, d, 1)
	err := s.provoke(c, name)
	return s.summary(), err
}

// provoke sends the requests that have a cause.
func (s *sender) provoke(c cause.Cause, name string) error {
	switch c {
	case cause.SeatLimit:
		return s.fillSeats(name)
	case cause.RateLimit:
		return s.flood()
	}
	var ids []string
	steps := provocations[c]
	for i, step := range steps {
		kind := "prepare " + string(c)
		if i == len(steps)-1 {
			kind = "provoke " + string(c)
			s.provoked = c
		}
		step = step.Fill(name+"-"+strings.ReplaceAll(string(c), "_", "-"), ids)
		a, err := s.send(Request{Kind: kind, Method: step.Method, Path: step.Path, Body: step.Body, Headers: step.Headers})
		s.provoked = ""
		if err != nil {
			return err
		}
		ids = append(ids, a.id())
	}
	return nil
}

// The most requests that are sent until a limit is reached.
const (
	mostSeats = 2000
	mostFlood = 3200
	// atOnce is how many of these are sent together.
	atOnce = 32
)

// fillSeats creates users until no seat is free, and deletes them afterwards.
func (s *sender) fillSeats(name string) error {
	var made []string
	full := false
	for i := 0; i < mostSeats && !full; i++ {
		step := create("").Fill(fmt.Sprintf("%s-seat-%d", name, i+1), nil)
		s.provoked = cause.SeatLimit
		a, err := s.send(Request{Kind: "provoke seat_limit", Method: step.Method, Path: step.Path, Body: step.Body})
		s.provoked = ""
		if err != nil {
			return err
		}
		if a.status < 300 && a.id() != "" {
			made = append(made, a.id())
		}
		full = a.status >= 400
	}
	for _, id := range made {
		if _, err := s.send(Request{Kind: "delete user", Method: "DELETE", Path: "/Users/" + id}); err != nil {
			return err
		}
	}
	return nil
}

// flood sends requests together, without a pause and without a retry, until one is
// limited.
func (s *sender) flood() error {
	r := Request{Kind: "provoke rate_limit", Method: "GET", Path: "/ServiceProviderConfig"}
	s.provoked = cause.RateLimit
	defer func() { s.provoked = "" }()
	for range mostFlood / atOnce {
		var answers [atOnce]answer
		var faults [atOnce]error
		var all sync.WaitGroup
		for i := range atOnce {
			all.Go(func() { answers[i], faults[i] = s.once(r) })
		}
		all.Wait()
		limited := false
		for i, a := range answers {
			if faults[i] != nil {
				return faults[i]
			}
			s.count(r, a)
			limited = limited || a.status == http.StatusTooManyRequests
		}
		if limited {
			return nil
		}
	}
	return nil
}
