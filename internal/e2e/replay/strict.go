package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
)

// A Strict is the answer of a strict tenant, which accepts only what the RFCs
// define, if it differs from Expect. Without it both answers are the same.
//
// A strict tenant refuses the line's request and changes nothing. Then Instead
// is sent: the form that the RFCs have for the same purpose. It must be
// answered as Expect says, and the line's checks apply to it.
type Strict struct {
	// Status and Error are those of the refusal; Error is its scimType.
	Status int    `json:"status"`
	Error  string `json:"error"`
	// Why is the section from which the request deviates, and how.
	Why     string   `json:"why"`
	Instead *Instead `json:"instead"`
}

// An Instead is a request in the form of the RFCs. Empty fields are those of
// the line's request.
type Instead struct {
	Path string          `json:"path,omitempty"`
	Body json.RawMessage `json:"body,omitempty"`
}

// A StrictStep is the outcome of a check whose own request a strict tenant
// refuses, or that is about a tolerance.
type StrictStep struct {
	// Status and Error replace everything that the step expects.
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
	// Omit is why the check is skipped for a strict tenant.
	Omit string `json:"omit,omitempty"`
}

// strictly sends a line's request to a strict tenant that must refuse it,
// checks that nothing changed, and returns the line with the request in the
// form of the RFCs.
func (r *runner) strictly(c Case) (Case, error) {
	before, err := r.state()
	if err != nil {
		return c, err
	}
	m, err := r.own()
	if err != nil {
		return c, err
	}
	a, err := r.sendPatiently(m, statuses{c.Strict.Status})
	if err != nil {
		return c, err
	}
	if a.status != c.Strict.Status {
		return c, fmt.Errorf("a strict tenant answers %d, want %d (%s): %s", a.status, c.Strict.Status, c.Strict.Why, match.Show(a.document))
	}
	if err := errors.Join(a.manners(), a.checkError(&c.Strict.Error)); err != nil {
		return c, fmt.Errorf("a strict tenant's refusal: %w", err)
	}
	after, err := r.state()
	if err != nil {
		return c, err
	}
	if before != after {
		return c, fmt.Errorf("a request that a strict tenant refused changed\n%s\ninto\n%s", before, after)
	}
	if path := c.Strict.Instead.Path; path != "" {
		c.Path = path
	}
	if body := c.Strict.Instead.Body; body != nil {
		c.Body = body
	}
	return c, nil
}

// state returns what a client can read of a tenant with few users and groups.
// On a shared tenant nothing is read, since others change it.
func (r *runner) state() (string, error) {
	if r.target.Shared {
		return "", nil
	}
	text := ""
	for _, path := range []string{"/Users?count=200", "/Groups?count=20&attributes=displayName,externalId,members"} {
		a, err := r.sendPatiently(message{method: http.MethodGet, path: path}, nil)
		if err != nil {
			return "", err
		}
		if a.status != http.StatusOK {
			return "", fmt.Errorf("GET %s: %d %s", path, a.status, match.Show(a.document))
		}
		text += string(a.body)
	}
	return text, nil
}

// forStrict returns a step as a strict tenant answers it, or why it is skipped.
func (s *Step) forStrict() (step *Step, omit bool) {
	switch {
	case s.Strict == nil:
		return s, false
	case s.Strict.Omit != "":
		return s, true
	}
	strict := *s
	strict.Status, strict.Error = statuses{s.Strict.Status}, &s.Strict.Error
	strict.Header, strict.Body, strict.Lacks, strict.Event, strict.Unlogged, strict.Capture = nil, nil, nil, nil, nil, nil
	return &strict, false
}

func (s *Strict) validate(c *Case, known map[string]bool) error {
	switch {
	case s.Status < 400 || s.Status > 499:
		return errors.New("strict is for what a strict tenant refuses: it needs a status from 400 to 499")
	case !strings.HasPrefix(s.Why, "RFC "):
		return errors.New("strict needs the section of the RFC from which the request deviates")
	case c.Expect.Status.allow(s.Status):
		return errors.New("strict is for what a strict tenant answers differently")
	case s.Instead == nil || s.Instead.Path == "" && s.Instead.Body == nil:
		return errors.New("strict needs instead, the form of the RFCs")
	}
	if s.Instead.Path != "" {
		if err := checkRequest(c.Method, s.Instead.Path); err != nil {
			return err
		}
	}
	return allKnown(s.Instead.Path+string(s.Instead.Body), known)
}

func (s *StrictStep) validate(verb string, setsUp bool) error {
	switch {
	case setsUp:
		return errors.New("every tenant accepts a step that sets a line up: strict is for checks")
	case s.Omit != "" && (s.Status != 0 || s.Error != ""):
		return errors.New("strict: a check is refused or omitted, not both")
	case s.Omit == "" && (s.Status < 400 || s.Status > 499):
		return errors.New("strict: a status from 400 to 499, or why the check is omitted")
	case s.Omit == "" && verb != "request" && verb != "again":
		return errors.New("strict: only a request is refused")
	}
	return nil
}
