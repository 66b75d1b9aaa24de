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

// The prefixes of credentials: a tenant's SCIM token, and the admin token of
// rollcall local.
const (
	Token      = "rct_"
	LocalAdmin = "rca_local_"
)

// form matches a credential at the beginning of a text, whole or with its secret
// cut off after at least 16 characters, in any letter case. Few requests have a text
// with the prefix of one, so it is compiled for the first of them.
var form = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(?:rct_[a-z0-9-]{1,63}_[a-z2-7]{16}_[a-z2-7]{16,52}(_[0-9a-f]{1,32})?|rca_local_[a-z2-7]{16,})`)
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
	for at += len("rct"); at <= len(text); at++ {
		i := strings.IndexByte(text[at:], '_')
		if i < 0 {
			break
		}
		at += i
		from = at - len("rct")
		if !strings.EqualFold(text[from:at], "rct") && !strings.EqualFold(text[from:at], "rca") {
			continue
		}
		if found := form().FindStringIndex(text[from:]); found != nil {
			return from, from + found[1]
		}
	}
	return -1, -1
}
