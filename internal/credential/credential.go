// Package credential recognises the service's own credentials in any text, so that
// one that was sent in the wrong place is neither stored nor logged.
//
// It knows their form alone: it never judges whether a credential is valid.
package credential

import (
	"regexp"
	"strings"
)

// The beginnings of credentials: a tenant's SCIM token, and the admin token of
// rollcall local.
const (
	Token      = "rct_"
	LocalAdmin = "rca_local_"
)

// form is a credential in a text, whole or cut off in its secret, in any letter case:
// what is left of 16 characters and more is not to be seen either.
var form = regexp.MustCompile(`(?i)rct_[a-z0-9-]{1,63}_[a-z2-7]{16}_[a-z2-7]{16,52}(_[0-9a-f]{1,8})?|rca_local_[a-z2-7]{16,}`)

// In reports whether a credential is in a text.
func In(text string) bool { return begins(text) && form.MatchString(text) }

// Redact returns the text with each credential replaced.
func Redact(text string) string {
	if !begins(text) {
		return text
	}
	return form.ReplaceAllLiteralString(text, "[token]")
}

// begins reports whether a text has the beginning of a credential. Few do, and the
// others cost no more than a look at their underscores.
func begins(text string) bool {
	for at := 0; ; at++ {
		i := strings.IndexByte(text[at:], '_')
		if i < 0 {
			return false
		}
		if at += i; at >= 3 && (strings.EqualFold(text[at-3:at], "rct") || strings.EqualFold(text[at-3:at], "rca")) {
			return true
		}
	}
}
