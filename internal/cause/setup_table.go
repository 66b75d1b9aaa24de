package cause

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// staticOnly is the reason of causes of OAuth clients.
const staticOnly = "the provider sends a static token, not one of an OAuth client"

// notMet are the causes that no identity provider meets, each with the reason, and
// notMetBy those that one of them does not.
var (
	notMet = map[Cause]string{
		BadEvent:        "API Gateway sends whole events",
		NotSupported:    "identity providers do not request /Me",
		MediaType:       "identity providers send JSON",
		SensitiveFilter: "identity providers do not match by password",
		DiscoveryFilter: "identity providers read the discovery endpoints whole",
		SchemaNotFound:  "identity providers list the schemas",
		VersionMismatch: "identity providers send no If-Match",
		BulkLimit:       "identity providers send no bulk requests",
		BulkReference:   "identity providers send no bulk requests",
		BulkTime:        "identity providers send no bulk requests",
		BulkPartial:     "identity providers send no bulk requests",
	}
	notMetBy = map[idp.Provider]map[Cause]string{
		idp.Okta: {
			WalkLimit: "Okta filters by userName and displayName", AccessExpired: staticOnly, AccessEnded: staticOnly,
			ClientUnknown: staticOnly, ClientRevoked: staticOnly, SecretUnknown: staticOnly, SecretExpired: staticOnly, SecretRevoked: staticOnly,
			AssertionRefused: staticOnly, OAuthRequest: staticOnly, GrantUnsupported: staticOnly,
		},
		idp.Entra: {AnswerTooLarge: "Entra reads groups without members"},
	}
)

// Meets reports whether an identity provider can meet the cause, and why it cannot.
func (c Cause) Meets(p idp.Provider) (met bool, reason string) {
	if reason = notMet[c]; reason == "" {
		reason = notMetBy[p][c]
	}
	return reason == "", reason
}

// The marks in a setup page between which SetupTable stands.
const (
	setupBegin = "<!-- Generated from internal/cause by go generate; not to be edited. -->\n"
	setupEnd   = "<!-- The end of what is generated. -->\n"
)

// SetupPage returns an identity provider's setup page with its table up to date.
func SetupPage(page []byte, p idp.Provider) ([]byte, error) {
	return WithTable(page, setupBegin, SetupTable(p), setupEnd)
}

// WithTable returns a page with a table in place of what stands between two lines. A page
// without them is an error.
func WithTable(page []byte, begin, table, end string) ([]byte, error) {
	before, rest, begins := strings.Cut(string(page), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return nil, fmt.Errorf("the page lacks the lines %q and %q", begin, end)
	}
	return []byte(before + begin + table + end + after), nil
}

// SetupTable returns what an identity provider's setup page says of failures: a row for every
// cause that it can meet, by status, with the advice that its administrator is given.
func SetupTable(p idp.Provider) string {
	var b strings.Builder
	b.WriteString("\n| status | cause | what it means | do |\n|---|---|---|---|\n")
	causes := slices.DeleteFunc(Causes(), func(c Cause) bool { met, _ := c.Meets(p); return !met })
	rank := func(c Cause) int {
		if s := c.Meaning().Status; s != 0 {
			return s
		}
		return 1000 // warnings last
	}
	slices.SortStableFunc(causes, func(x, y Cause) int { return rank(x) - rank(y) })
	for _, c := range causes {
		m := c.Meaning()
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", m.status(), c, m.Summary, c.Advice("", p))
	}
	fmt.Fprintf(&b, "| warning | `%s` | Members were skipped that are not provisioned users. | %s |\n\n", UnknownMembers, SkippedMembers.Advice(p))
	return b.String()
}
