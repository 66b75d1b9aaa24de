package scim

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// FormerFold is the form in which names were compared by versions that left nothing
// out and did not read domains. Reservations of that time lie under it until
// `rollcall verify --repair` has renewed them, and are looked up by it.
func FormerFold(s string) string {
	if isASCII(s) {
		return strings.ToLower(strings.TrimSpace(s))
	}
	folded := cases.Fold().String(norm.NFKC.String(s))
	return strings.TrimSpace(norm.NFKC.String(strings.Map(foldCherokee, folded)))
}
