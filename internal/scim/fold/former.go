package fold

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Former returns the form in which earlier versions compared names: they
// removed no characters and did not decode domains. Reservations of those
// versions are keyed by it until `rollcall verify --repair` renews them, and
// are looked up by it.
func Former(s string) string {
	if isASCII(s) {
		return strings.ToLower(strings.TrimSpace(s))
	}
	folded := cases.Fold().String(norm.NFKC.String(s))
	return strings.TrimSpace(norm.NFKC.String(strings.Map(foldCherokee, folded)))
}
