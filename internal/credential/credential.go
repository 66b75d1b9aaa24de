// Package credential recognizes the service's own credentials in any text, so
// that one that was sent in the wrong place is neither stored nor logged.
//
// It knows only their form: it never judges whether a credential is valid.
package credential

import (
	"regexp"
	"strings"
)

// The prefixes of credentials: a tenant's SCIM token, and the admin token of
// rollcall local.
const (
	Token      = "rct_"
	LocalAdmin = "rca_local_"
)

// form matches a credential in a text, whole or with its secret cut off after
// at least 16 characters, in any letter case.
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

// begins reports whether a text contains the prefix of a credential. Few texts
// do, and the others only cost a search for underscores.
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
