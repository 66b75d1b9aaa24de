package replay

import (
	"encoding/json"
	"strconv"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
)

// A Case is one recorded request: how it is set up, what is sent, and what must
// be true of the answer and afterwards.
type Case struct {
	ID  string `json:"id"`
	IdP string `json:"idp"`
	// Source is where the request was seen.
	Source string `json:"source"`
	Method string `json:"method"`
	Path   string `json:"path"` // with the query; sent byte by byte
	// Headers are sent beside those of every request; an empty one is not sent.
	Headers map[string]string `json:"headers,omitempty"`
	// Base is another base path than the target's, for a request to a wrong
	// one.
	Base *string `json:"base,omitempty"`
	// Body is null for a request without one.
	Body   json.RawMessage `json:"body"`
	Expect Expect          `json:"expect"`
	// Basis is documented, inferred, or decided: a choice of this product.
	Basis string `json:"basis"`
	// Setup describes Steps in words.
	Setup string `json:"setup,omitempty"`
	// Waits is set while the service lacks what the line needs.
	Waits *Waits `json:"waits,omitempty"`
	// Repeat sends the request until its status is the expected one, at most
	// this many times: for an answer that only a high rate causes.
	Repeat int `json:"repeat,omitempty"`
	// Strict is the answer of a strict tenant, nil if it is the same.
	Strict *Strict `json:"strict,omitempty"`
	Steps  []Step  `json:"steps,omitempty"`
	Checks []Step  `json:"checks,omitempty"`
}

// An Expect is the recorded expectation.
type Expect struct {
	Status statuses `json:"status"`
	// Notes say what the answer must be and why. Each statement in them has a
	// check.
	Notes string `json:"notes"`
}

// A Waits names a capability that the service does not have yet.
type Waits struct {
	For    string `json:"for"`
	Reason string `json:"reason"`
}

// A Step is one action and what is expected of it. In Case.Steps each has a
// verb. In Case.Checks one without a verb is about the answer to the line's own
// request.
type Step struct {
	// Says is the statement that a check proves; a failure quotes it.
	Says string `json:"says,omitempty"`
	// Waits names the capability that only this step waits for. The step is
	// then skipped, and the result says so.
	Waits string `json:"waits,omitempty"`
	// Strict is set if a strict tenant answers this check differently.
	Strict *StrictStep `json:"strict,omitempty"`

	// The verbs; a step has at most one of them.

	// Request is METHOD PATH, sent with With or Operations as its body.
	Request string `json:"request,omitempty"`
	// Again sends the line's own request again.
	Again bool `json:"again,omitempty"`
	// Create creates a "user" or a "group" with the attributes of With, under a
	// name of its own.
	Create string `json:"create,omitempty"`
	// LeaveSeats creates users until this many seats are free.
	LeaveSeats *int `json:"leaveSeats,omitempty"`
	// FreeSeats expects this many free seats: so many users can be created, and
	// one more is refused with 403.
	FreeSeats *int `json:"freeSeats,omitempty"`
	// Walk reads a list page by page.
	Walk *Walk `json:"walk,omitempty"`
	// Together sends requests concurrently.
	Together []Sent `json:"together,omitempty"`
	// Rest waits for a time, for example until a limiter has its full burst
	// again.
	Rest string `json:"rest,omitempty"`
	// List sets a variable to a list: With, once for each of Times or Each.
	List bool `json:"list,omitempty"`

	// The options of verbs.

	With json.RawMessage `json:"with,omitempty"`
	// Operations is short for With and a PatchOp of these operations.
	Operations json.RawMessage   `json:"operations,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	// Tenant "other" sends with the second tenant's token.
	Tenant string `json:"tenant,omitempty"`
	// Times is how often the step is repeated: a number, or a variable. {{n}}
	// counts from 1.
	Times json.RawMessage `json:"times,omitempty"`
	// More is added to Times.
	More int `json:"more,omitempty"`
	// Each repeats the step for each element of a variable; {{item}} is the
	// element.
	Each string `json:"each,omitempty"`
	// As names the variable that is set to the id of the created resource, or
	// to a list of ids.
	As string `json:"as,omitempty"`

	// What is expected of the answer.

	Status statuses `json:"status,omitempty"`
	// Statuses counts the answers to Together by status; "2xx" counts all
	// successes. Unless it counts "429", a request with that answer is sent
	// again.
	Statuses map[string]match.Matcher `json:"statuses,omitempty"`
	// Error expects an error document with this scimType, "" without one.
	Error  *string                  `json:"error,omitempty"`
	Header map[string]match.Matcher `json:"header,omitempty"`
	Body   map[string]match.Matcher `json:"body,omitempty"`
	// Lacks are texts that must not occur in the answer.
	Lacks []string `json:"lacks,omitempty"`
	// Within is the longest time that the answer may take. A read has three
	// tries.
	Within string `json:"within,omitempty"`
	// Event is expected of the event of the request, if the target shows its
	// log.
	Event map[string]match.Matcher `json:"event,omitempty"`
	// Unlogged are texts that must not occur in that event.
	Unlogged []string `json:"unlogged,omitempty"`
	// Capture sets variables from the answer's body.
	Capture map[string]string `json:"capture,omitempty"`
}

// A Sent is one of the requests of Step.Together.
type Sent struct {
	Request    string          `json:"request"`
	With       json.RawMessage `json:"with,omitempty"`
	Operations json.RawMessage `json:"operations,omitempty"`
}

// A Walk reads a list to its end, as an identity provider imports users.
type Walk struct {
	// Path is the list, without startIndex and count.
	Path  string `json:"path"`
	Count int    `json:"count"`
	// By is "startIndex", the default, or "cursor".
	By string `json:"by,omitempty"`
	// Pages is the smallest number of pages expected.
	Pages int `json:"pages,omitempty"`
	// IDs is expected of the list of all ids.
	IDs *match.Matcher `json:"ids,omitempty"`
	// As names the variable that is set to the list of all ids.
	As string `json:"as,omitempty"`
}

// A statuses is a set of accepted HTTP statuses.
type statuses []int

// UnmarshalJSON decodes a number or a list of numbers.
func (s *statuses) UnmarshalJSON(b []byte) error {
	var one int
	if err := json.Unmarshal(b, &one); err == nil {
		*s = statuses{one}
		return nil
	}
	return json.Unmarshal(b, (*[]int)(s))
}

func (s statuses) String() string {
	text := ""
	for i, n := range s {
		if i > 0 {
			text += " or "
		}
		text += strconv.Itoa(n)
	}
	if text == "" {
		return "2xx"
	}
	return text
}

// allow reports whether a status is one of these, or, if there are none,
// whether it is a success.
func (s statuses) allow(status int) bool {
	if len(s) == 0 {
		return status/100 == 2
	}
	for _, n := range s {
		if n == status {
			return true
		}
	}
	return false
}

// verbs returns the verbs of a step.
func (s *Step) verbs() []string {
	var verbs []string
	for _, v := range []struct {
		name string
		has  bool
	}{
		{"request", s.Request != ""},
		{"again", s.Again},
		{"create", s.Create != ""},
		{"leaveSeats", s.LeaveSeats != nil},
		{"freeSeats", s.FreeSeats != nil},
		{"walk", s.Walk != nil},
		{"together", s.Together != nil},
		{"rest", s.Rest != ""},
		{"list", s.List},
	} {
		if v.has {
			verbs = append(verbs, v.name)
		}
	}
	return verbs
}

func (s *Step) verb() string {
	if v := s.verbs(); len(v) > 0 {
		return v[0]
	}
	return ""
}

// expects reports whether the step expects anything of its answer.
func (s *Step) expects() bool {
	return len(s.Status) > 0 || len(s.Statuses) > 0 || s.Error != nil || len(s.Header) > 0 || len(s.Body) > 0 ||
		len(s.Lacks) > 0 || s.Within != "" || len(s.Event) > 0 || len(s.Unlogged) > 0
}
