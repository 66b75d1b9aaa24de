package httpapi

import (
	"strings"

	"github.com/rollcall-scim/rollcall/internal/journal"
)

// Refused describes the refusal of a request that would fail with an error of the directory.
// The request was not sent, so the words that nothing was changed are left out.
func Refused(err error) journal.Refused {
	p := problemOf(err)
	what := p.happened()
	for _, end := range []string{" Nothing was changed.", "; nothing was changed."} {
		if cut, ok := strings.CutSuffix(what, end); ok {
			what = strings.TrimSuffix(cut, ".") + "."
		}
	}
	return journal.Refused{Cause: p.cause, Remedy: p.remedy, What: what, Holder: p.holder}
}
