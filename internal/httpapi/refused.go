package httpapi

import (
	"strings"

	"github.com/rollcall-scim/rollcall/internal/journal"
)

// Refused returns how a request with an error of the directory is refused, for a request
// that was not sent: without the words that nothing was changed.
func Refused(err error) journal.Refused {
	p := problemOf(err)
	what := p.what
	if what == "" {
		what = p.cause.Meaning().Summary
	}
	for _, end := range []string{" Nothing was changed.", "; nothing was changed."} {
		if cut, ok := strings.CutSuffix(what, end); ok {
			what = strings.TrimSuffix(cut, ".") + "."
		}
	}
	return journal.Refused{Cause: p.cause, Remedy: p.remedy, What: what, Holder: p.holder}
}
