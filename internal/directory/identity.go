package directory

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/scim"

	"github.com/rollcall-scim/rollcall/internal/text"
)

// difference is a value that identifies a user and that a request would change:
// as the record has it and as the request does, or "" if there is none.
type difference struct {
	kind          Kind
	before, after string
}

// identityDifferences compares the values that identify a user, folded as
// everywhere: another spelling that folds to the same value is not a
// difference.
func identityDifferences(before, after scim.Resource, kinds ...Kind) []difference {
	was, is := ClaimsOf(before), ClaimsOf(after)
	var found []difference
	for _, kind := range kinds {
		if was[kind] != is[kind] {
			found = append(found, difference{kind: kind, before: shown(before, kind), after: shown(after, kind)})
		}
	}
	return found
}

// disagreement returns the first value in which a POST that would link a user
// differs from the record. A value that the record lacks is filled in, and a
// POST without an email agrees with any.
func disagreement(record, sent scim.Resource) (difference, bool) {
	for _, d := range identityDifferences(record, sent, UserName, Email) {
		if d.before == "" || d.kind == Email && !hasEmail(sent) {
			continue
		}
		return d, true
	}
	return difference{}, false
}

// hasEmail reports whether a resource has an email that is not blank.
func hasEmail(r scim.Resource) bool {
	emails, _ := r["emails"].([]any)
	return slices.ContainsFunc(emails, func(e any) bool { return FoldName(emailValue(e)) != "" })
}

// keepEmails returns what a POST that links a user sends, with the record's
// emails if it sends none: the link does not remove the address that identifies
// the user.
func keepEmails(record, sent scim.Resource) scim.Resource {
	emails, ok := record["emails"]
	if !ok || hasEmail(sent) {
		return sent
	}
	kept := maps.Clone(sent)
	kept["emails"] = emails
	return kept
}

// otherPerson reports whether the identity provider's own id of a user differs
// from the record's: a rehire, or an address that was given to another person.
// A request without an id differs from any.
func otherPerson(record, now scim.Resource) bool {
	old := record.Text("externalId")
	return old != "" && now.Text("externalId") != old
}

// linkWarning returns the warning of a PUT or PATCH that links one of the
// application's users and changes its userName or unique email, and the note
// that explains it.
func linkWarning(before *User, old, document scim.Resource) (warning cause.Cause, note string) {
	if before.Linked {
		return "", ""
	}
	changes := identityDifferences(old, document, UserName, Email)
	changes = slices.DeleteFunc(changes, func(d difference) bool { return d.before == "" })
	if note = noteChanges(changes); note != "" {
		warning = cause.IdentityChanged
	}
	return warning, note
}

// noteChanges returns the sentence that lists the values a link changed, old
// and new.
func noteChanges(changes []difference) string {
	var parts []string
	for _, c := range changes {
		name := c.kind.Attribute()
		if c.kind == Email {
			name = "the unique email"
		}
		parts = append(parts, fmt.Sprintf("%s from %s to %s", name, quoted(c.before), quoted(c.after)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "Linking the user changed " + strings.Join(parts, " and ") + "."
}

// quoted returns a value for a note, cut to a length worth storing.
func quoted(value string) string {
	const longest = 128
	if value == "" {
		return "none"
	}
	return fmt.Sprintf("%q", text.CutRunes(value, longest))
}
