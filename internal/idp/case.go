package idp

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

//go:embed requests.jsonl
var requests []byte

// Case is one request of an identity provider.
type Case struct {
	ID string `json:"id"`
	// IdP is who sends it: okta, entra, ping, sailpoint, rfc.
	IdP string `json:"idp"`
	// Basis tells where the expectation comes from: documented, inferred or
	// decided.
	Basis   string            `json:"basis"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
	Status  int               `json:"status"`
	// Notes say in words what Checks say in code.
	Notes  string  `json:"notes"`
	Steps  []Step  `json:"steps"`
	Checks []Check `json:"checks"`
	// Waits is set while the service does not do what the case is about.
	Waits *Waits `json:"waits"`
	// Later is the part of the notes that waits, when the rest does not.
	Later  string `json:"later"`
	Source string `json:"source"`
}

// Waits says what a case waits for.
type Waits struct {
	For    string `json:"for"`
	Reason string `json:"reason"`
}

// Request is what is sent. Path and body hold {{variables}}: run, a suffix that
// keeps names apart in a server with other users; token; extUrn; and what steps
// saved.
type Request struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"`
}

// Step is one thing done before the request, or after it by a Check.
type Step struct {
	// Send a request; Want is its status, Checks are of its answer, and Save
	// keeps parts of it as variables, by JSON pointer.
	Send    *Request          `json:"send"`
	Headers map[string]string `json:"headers"`
	Want    int               `json:"want"`
	Save    map[string]string `json:"save"`
	Checks  []Check           `json:"checks"`
	// Fill takes all seats but Left, with users of its own.
	Fill *struct {
		Left int `json:"left"`
	} `json:"fill"`
	// Users makes so many inactive users, who hold no seat.
	Users int `json:"users"`
	// OtherTenant makes a user in another tenant and keeps its id.
	OtherTenant *struct {
		As string `json:"as"`
	} `json:"otherTenant"`
}

// Check is one thing that must be true of an answer, or after it. At is a JSON
// pointer (RFC 6901) into the answer's body.
type Check struct {
	At      string          `json:"at"`
	Is      json.RawMessage `json:"is"`
	IsNot   json.RawMessage `json:"isNot"`
	Absent  bool            `json:"absent"`
	Type    string          `json:"type"`
	Matches string          `json:"matches"`
	Count   *int            `json:"count"`
	AtLeast *float64        `json:"atLeast"`
	AtMost  *float64        `json:"atMost"`
	// Holds is a string that an array has.
	Holds string `json:"holds"`
	// Some and None: an element of an array has these attributes, or none has.
	Some map[string]any `json:"some"`
	None map[string]any `json:"none"`

	// Header names a header, judged by Matches or by SameAs, a JSON pointer.
	Header string `json:"header"`
	SameAs string `json:"sameAs"`
	// Empty: the answer has no body. BodyLacks: a text that must not be in it.
	Empty     bool   `json:"empty"`
	BodyLacks string `json:"bodyLacks"`

	Save map[string]string `json:"save"`
	Then *Step             `json:"then"`
	// SeatsFree: so many users can be made, and not one more. After a Fill.
	SeatsFree *int `json:"seatsFree"`
	// FreeOne frees a seat that a Fill took.
	FreeOne bool `json:"freeOne"`
	// Race sends requests at once and counts the statuses.
	Race *struct {
		Send []Request      `json:"send"`
		Want map[string]int `json:"want"`
	} `json:"race"`
	// Echo sends the answer's body back.
	Echo *struct {
		Method string  `json:"method"`
		Path   string  `json:"path"`
		Want   int     `json:"want"`
		Checks []Check `json:"checks"`
	} `json:"echo"`
	// Walk reads all pages: every user once, totalResults of them, Users or more
	// of them made by steps.
	Walk *struct {
		Count int `json:"count"`
		Users int `json:"users"`
	} `json:"walk"`
	// Event is what the service logged of the request, where the log is seen:
	// each field contains the text.
	Event map[string]string `json:"event"`
}

// Cases are the cases of requests.jsonl.
func Cases() ([]Case, error) { return Parse(requests) }

// Parse reads cases, one a line. A line is refused that has an unknown word, or
// that neither waits nor has a check for its notes.
func Parse(lines []byte) ([]Case, error) {
	var cases []Case
	seen := map[string]bool{}
	for n, line := range bytes.Split(bytes.TrimSpace(lines), []byte("\n")) {
		var c Case
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		err := d.Decode(&c)
		switch {
		case err != nil:
		case c.ID == "" || seen[c.ID]:
			err = errors.New("needs an id of its own")
		case c.Waits != nil:
			if c.Waits.For == "" || c.Waits.Reason == "" {
				err = errors.New("waits without saying for what and why")
			}
		default:
			err = c.check()
		}
		if err != nil {
			return nil, fmt.Errorf("idp: line %d (%s): %w", n+1, c.ID, err)
		}
		seen[c.ID] = true
		cases = append(cases, c)
	}
	return cases, nil
}

func (c Case) check() error {
	if c.Notes == "" || len(c.Checks) == 0 {
		return errors.New("has no notes, or no check for them")
	}
	if c.Method == "" || !strings.HasPrefix(c.Path, "/") || c.Status == 0 {
		return errors.New("is no request")
	}
	for _, check := range c.Checks {
		if err := check.valid(); err != nil {
			return err
		}
	}
	return nil
}

// valid refuses a check that could not fail: one that judges nothing.
func (c Check) valid() error {
	judges := len(c.Is) > 0 || len(c.IsNot) > 0 || c.Absent || c.Type != "" || c.Matches != "" || c.Count != nil ||
		c.AtLeast != nil || c.AtMost != nil || c.Holds != "" || c.Some != nil || c.None != nil || c.SameAs != ""
	acts := c.Empty || c.BodyLacks != "" || c.Save != nil || c.Then != nil || c.SeatsFree != nil || c.FreeOne ||
		c.Race != nil || c.Echo != nil || c.Walk != nil || c.Event != nil
	switch {
	case (c.At != "" || c.Header != "") != judges:
		return fmt.Errorf("the check of %q judges nothing", c.At+c.Header)
	case !judges && !acts:
		return errors.New("a check is empty")
	}
	return nil
}
