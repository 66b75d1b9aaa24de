package replay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// Doer sends a request and returns its answer. An *http.Client is one. The
// request's URL holds path and query, byte by byte, in Opaque.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Target is the service that the requests are sent to.
type Target struct {
	// Client sends the requests, http.DefaultClient when nil.
	Client Doer
	// Base is the URL that the paths are put behind; it ends in /scim/v2.
	Base string
	// Token is a bearer token of the tenant; Other of a second one, and "" when
	// there is none: lines that need it are then not run.
	Token, Other string
	// ExtensionURN names the schema that has isTeamAccount, DefaultExtension
	// when empty.
	ExtensionURN string
	// Shared tells that the tenant is not for one line alone. The names of a line
	// then get a random part, and what the line made is deleted behind it;
	// otherwise every byte is sent as it was recorded.
	Shared bool
	// Strict tells that the tenants take nothing but what the RFCs have, so that
	// Case.Strict is what they answer.
	Strict bool
	// Timed judges how long answers take. Tests leave it out: the machines that
	// run them are noisy.
	Timed bool
	// Event is the event that the service logged of a request, as JSON, nil when
	// there is none. It may be nil: the log is then not seen.
	Event func(requestID string) []byte
}

// DefaultExtension is the URN of our schema extension where a deployment chooses
// no other.
const DefaultExtension = "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User"

// The variables that every line has, and those that stand for the turn within
// times and each.
const (
	varRun       = "run"    // a part of every name, random on a shared tenant, else empty
	varExtension = "extUrn" // Target.ExtensionURN
	varToken     = "token"  // Target.Token
	varN         = "n"
	varItem      = "item"
)

// otherTenant is the value of a step's tenant that chooses the second one.
const otherTenant = "other"

// userAgents are what identity providers call themselves. Okta's is documented.
// Entra's is the name of its provisioning service's principal: Microsoft
// documents none.
var userAgents = map[idp.Provider]string{
	idp.Okta:      "Okta SCIM Client 1.0.0",
	idp.Entra:     "Microsoft.Azure.SyncFabric",
	idp.Ping:      "PingOne",
	idp.SailPoint: "SailPoint",
}

// userAgent is the user agent of requests that are nobody's.
const userAgent = "rollcall-replay"

// randomRun makes the random part of names. It needs no escaping in a URL, and
// is folded the same way everywhere.
func randomRun() string { return "-r" + strings.ToLower(rand.Text()[:10]) }

// FindExtension asks a service for the URN of the schema that has isTeamAccount.
func FindExtension(ctx context.Context, t Target) (string, error) {
	r := newRunner(ctx, t, Case{})
	a, err := r.send(message{method: http.MethodGet, path: "/Schemas"})
	if err != nil {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", fmt.Errorf("GET /Schemas: %d %s", a.status, show(a.document))
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

// Ready is the case without what it waits for, as far as that is one of these
// capabilities: to see whether the service has them by now.
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
