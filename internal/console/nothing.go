package console

import (
	"net/url"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// nothing says why a search found nothing, and where to look next.
type nothing struct {
	Detail string
	// Similar are searches for names similar to a name that is not found.
	Similar []similarName
	// SubjectTo is the search for the same subject without the other filters, "" where
	// that would find nothing either.
	SubjectTo string
}

// similarName is a name with the address of the search for it.
type similarName struct{ Name, To string }

// newNothing makes what a page says of a search that found nothing, nil for one that
// found something.
func newNothing(s *search, n *adminwire.Nothing) *nothing {
	if n == nil {
		return nil
	}
	about := func(subject string) string { return s.To + question(url.Values{"subject": {subject}}.Encode()) }
	view := &nothing{Detail: n.Detail}
	for _, name := range n.Similar {
		view.Similar = append(view.Similar, similarName{Name: name, To: about(name)})
	}
	if s.Subject != "" && (n.Reason == "other_entries" || n.Reason == "no_match") {
		view.SubjectTo = about(s.Subject)
	}
	return view
}
