// Package credential recognizes the service's own credentials in any text, so
// that one that was sent in the wrong place is neither stored nor logged.
//
// It knows only their form: it never judges whether a credential is valid.
package credential

import (
	"regexp"
	"strings"
	"sync"
)

// The prefixes of credentials: a tenant's SCIM token, the secret and the access tokens of an
// OAuth client, the secret in a link to the portal and the cookie of a session of it, the admin
// token of rollcall local, and the secret of a webhook.
const (
	Token        = "rct_"
	ClientSecret = "rcs_"
	AccessToken  = "rcx_"
	PortalLink   = "rcl_"
	PortalVisit  = "rcv_"
	LocalAdmin   = "rca_local_"
	Webhook      = "whsec_"
)

// form matches a credential at the beginning of a text, whole or with its secret
// cut off after at least 16 characters, in any letter case. Few requests have a text
// with the prefix of one, so it is compiled for the first of them.
var form = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(?:rc[tslv]_[a-z0-9-]{1,63}_[a-z2-7]{16}_[a-z2-7]{16,52}(_[0-9a-f]{1,32})?|rcx_[a-z0-9-]{1,63}_[a-z2-7]{16}_[a-z2-7]{44}_[a-z2-7]{16,52}(_[0-9a-f]{1,32})?|rca_local_[a-z2-7]{16,}|whsec_[a-z0-9+/]{16,}={0,2})`)
})

// In reports whether a credential is in a text.
func In(text string) bool {
	from, _ := next(text, 0)
	return from >= 0
}

// Redact returns the text with each credential replaced. Credentials can
// overlap: what looks like the end of one may be the beginning of another.
func Redact(text string) string {
	from, to := next(text, 0)
	if from < 0 {
		return text
	}
	var b strings.Builder
	kept := 0
	for from >= 0 {
		if from >= kept {
			b.WriteString(text[kept:from])
			b.WriteString("[token]")
		}
		kept = max(kept, to)
		from, to = next(text, from+1)
	}
	return b.String() + text[kept:]
}

// next returns the place of the first credential that begins at or after a
// position, -1 for none. Few texts have the prefix of one, and the others only
// cost a search for underscores.
func next(text string, at int) (from, to int) {
	for begin := at; at <= len(text); at++ {
		i := strings.IndexByte(text[at:], '_')
		if i < 0 {
			break
		}
		at += i
		if from = prefixed(text[begin:at]); from < 0 {
			continue
		}
		from += begin
		if found := form().FindStringIndex(text[from:]); found != nil {
			return from, from + found[1]
		}
	}
	return -1, -1
}

// prefixed returns where a text ends in a prefix of credentials, without its underscore; -1 if
// it does not.
func prefixed(text string) int {
	for _, prefix := range [...]string{"rct", "rcs", "rcx", "rcl", "rcv", "rca", "whsec"} {
		from := len(text) - len(prefix)
		if from >= 0 && strings.EqualFold(text[from:], prefix) {
			return from
		}
	}
	return -1
}
