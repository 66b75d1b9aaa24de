package cause

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/idp"
)

// Remedy names a piece of advice: a cause's own, by the name of the cause, or one that
// fits the particulars of a failure better, by the name of its cause, a dot and its own.
// Log entries keep the name and never the text, so that an entry is read with the
// advice of today. It is stable.
type Remedy string

// The remedies for particulars.
const (
	InvalidGroup     Remedy = "validation.group"
	InvalidQuery     Remedy = "validation.query"
	InvalidLookup    Remedy = "validation.lookup"
	InvalidSearch    Remedy = "validation.search"
	InvalidCursor    Remedy = "validation.cursor"
	InvalidBulk      Remedy = "validation.bulk"
	InvalidOperation Remedy = "validation.bulk_operation"
	InvalidForm      Remedy = "validation.form"
	InvalidPath      Remedy = "validation.path"
	TooMuch          Remedy = "validation.too_many"
	DuplicateChange  Remedy = "duplicate.change"
	OwnReader        Remedy = "own_user.reader"
	ProtectedMember  Remedy = "protected.member"
	SkippedMembers   Remedy = "unknown_members.skipped"
	PushAgain        Remedy = "unknown_members.again"
	WholeSetUnknown  Remedy = "unknown_members.whole"
	GroupInItself    Remedy = "unknown_members.itself"
	AnswerPlain      Remedy = "answer_too_large.plain"
	AnswerGroups     Remedy = "answer_too_large.groups"
	AnswerMembers    Remedy = "answer_too_large.members"
	AnswerMembersZip Remedy = "answer_too_large.members_gzip"
	WalkSort         Remedy = "walk_limit.sort"
	WalkFilter       Remedy = "walk_limit.filter"
	BulkCircle       Remedy = "bulk_reference.circle"
	BulkIncomplete   Remedy = "bulk_reference.incomplete"
)

// texts are the advice of one remedy: the neutral text, for an unknown identity
// provider, and a text for each provider in which the steps differ. Words in braces
// stand for the screens of the provider. There is only the neutral text if only
// developers' programs send such requests, or if the remedy is not in the identity
// provider.
type texts map[idp.Provider]string

// advice returns the text for an identity provider, in the words of its screens; "" if
// there is none.
func (t texts) advice(p idp.Provider) string { return Words(cmp.Or(t[p], t[neutral]), p) }

// joined returns all texts of several tables.
func joined(tables ...map[Remedy]texts) map[Remedy]texts {
	all := map[Remedy]texts{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// Remedies lists all remedies by name.
func Remedies() []Remedy {
	all := slices.AppendSeq(slices.Collect(maps.Keys(advices)), maps.Keys(faults))
	slices.Sort(all)
	return all
}

// Remedies lists the cause's remedies: its own, and those of its particulars.
func (c Cause) Remedies() []Remedy {
	return slices.DeleteFunc(Remedies(), func(r Remedy) bool {
		of, _, _ := strings.Cut(string(r), ".")
		return of != string(c)
	})
}

// Remedy returns the cause's own advice.
func (c Cause) Remedy() Remedy { return Remedy(c) }

// Advice returns what to do in an identity provider, in the words of its screens; one whose
// screens are not known gets the neutral text.
func (r Remedy) Advice(p idp.Provider) string {
	advised, ok := advices[r]
	if !ok {
		advised = faults[r].advice
	}
	return advised.advice(p)
}

// Words returns a text with the words for an identity provider's screens in place of
// the names in braces, which are those of the table of advice.
func Words(text string, p idp.Provider) string {
	if _, ok := screens[p]; !ok {
		p = neutral
	}
	return words()[p].Replace(text)
}

// AllAdvice lists the texts in which the details of the cause's errors can end: those of
// each of its remedies, for each identity provider.
func (c Cause) AllAdvice() []string {
	var all []string
	for _, r := range c.Remedies() {
		for _, text := range r.AllAdvice() {
			if !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	return all
}

// AllAdvice lists the texts of the remedy, for each identity provider.
func (r Remedy) AllAdvice() []string {
	var all []string
	for _, p := range append(Advised[:], neutral) {
		if text := r.Advice(p); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// Advice returns what to do about a failure or a warning in an identity provider: the advice
// of the remedy, or the cause's own where it names none. A name of another version of
// the service counts as none.
func (c Cause) Advice(r Remedy, p idp.Provider) string {
	if text := r.Advice(p); text != "" {
		return text
	}
	return c.Remedy().Advice(p)
}
