package replay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
)

// A Doer sends a request and returns its answer, as an *http.Client does. The
// request's URL has path and query, byte by byte, in Opaque.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// A Target is the service to which the requests are sent.
type Target struct {
	// Client sends the requests; nil means http.DefaultClient.
	Client Doer
	// Base is the URL before every path; it ends in /scim/v2.
	Base string
	// Token is a bearer token of the tenant. Other is one of a second tenant,
	// or "": lines that need it are then not run.
	Token, Other string
	// ExtensionURN is the URN of the schema with isTeamAccount; "" means
	// DefaultExtension.
	ExtensionURN string
	// Shared means that the tenant is not used by one line only. Names then get
	// a random part, and what a line created is deleted afterwards; otherwise
	// every byte is sent as recorded.
	Shared bool
	// Strict means that the tenants accept only what the RFCs define, so that
	// they answer as Case.Strict says.
	Strict bool
	// Timed checks how long answers take. Tests leave it out: their machines
	// are noisy.
	Timed bool
	// Event returns the event that the service logged for a request as JSON, or
	// nil if there is none. It is nil if the log is not shown.
	Event func(requestID string) []byte
}

// DefaultExtension is the URN of our schema extension, unless a deployment
// chooses another.
const DefaultExtension = "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User"

// The variables that every line has, and those of the repetition within times
// and each.
const (
	varRun       = "run"    // a part of every name, random on a shared tenant, else empty
	varExtension = "extUrn" // Target.ExtensionURN
	varToken     = "token"  // Target.Token
	varN         = "n"
	varItem      = "item"
)

// otherTenant is the value of a step's tenant that selects the second one.
const otherTenant = "other"

// userAgent is the user agent of requests of no identity provider.
const userAgent = "rollcall-replay"

// randomRun returns the random part of names. It needs no escaping in a URL,
// and has only lower-case letters and digits.
func randomRun() string { return "-r" + strings.ToLower(rand.Text()[:10]) }

// FindExtension asks a service for the URN of the schema with isTeamAccount.
func FindExtension(ctx context.Context, t Target) (string, error) {
	r := newRunner(ctx, t, Case{})
	a, err := r.send(message{method: http.MethodGet, path: "/Schemas"})
	if err != nil {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", fmt.Errorf("GET /Schemas: %d %s", a.status, match.Show(a.document))
	}
	var list struct {
		Resources []struct {
			ID         string
			Attributes []struct{ Name string }
		}
	}
	if err := json.Unmarshal(a.body, &list); err != nil {
		return "", fmt.Errorf("GET /Schemas: %w", err)
	}
	for _, schema := range list.Resources {
		for _, attribute := range schema.Attributes {
			if attribute.Name == "isTeamAccount" {
				return schema.ID, nil
			}
		}
	}
	return "", fmt.Errorf("GET /Schemas: no schema has isTeamAccount")
}

// Ready returns the case without waiting for these capabilities, to see whether
// the service has them by now.
func (c Case) Ready(capabilities ...string) Case {
	if c.Waits != nil && slices.Contains(capabilities, c.Waits.For) {
		c.Waits = nil
	}
	c.Steps, c.Checks = ready(c.Steps, capabilities), ready(c.Checks, capabilities)
	return c
}

func ready(steps []Step, capabilities []string) []Step {
	steps = slices.Clone(steps)
	for i := range steps {
		if slices.Contains(capabilities, steps[i].Waits) {
			steps[i].Waits = ""
		}
	}
	return steps
}
