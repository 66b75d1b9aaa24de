package effect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// Text returns the verdict in sentences.
func (v Verdict) Text() string {
	switch v.Result {
	case Succeeds:
		return "It would succeed now: " + v.done() + "."
	case Fails:
		said := "It would still be refused: " + v.Refused.What
		if v.Holder != nil {
			said += " " + v.Holder.sentence()
		}
		return said
	}
	if v.Reason == InProgress {
		return "Not known now: an accepted change of the same user or group is still being finished. Check again in a minute."
	}
	return "Not known: the values of the request were not kept. Send it again from the identity provider."
}

// done says what a request would do.
func (v Verdict) done() string {
	said := map[journal.Action]string{
		journal.Created: "it creates the record", journal.Reactivated: "it reactivates " + v.ID, journal.Restored: "it restores the deleted " + v.ID,
		journal.Linked: "it links " + v.ID, journal.Updated: "it updates " + v.ID, journal.Deactivated: "it deactivates " + v.ID, journal.Deleted: "it deletes " + v.ID,
	}[v.Action]
	switch {
	case v.Seats > 0:
		said += ", and takes a seat"
	case v.Readers > 0:
		said += ", and takes a Reader licence"
	}
	if v.Warning != "" {
		said += ", with the warning " + string(v.Warning)
	}
	if v.Reason == MembersNotKept {
		said += ", as far as is known: not all of its members were kept"
	}
	return said
}

// longestName is how many characters of a name a sentence shows.
const longestName = 80

// name returns the record's name for a sentence.
func (r Record) name() string {
	if r.Name == "" {
		return r.ID
	}
	return text.CutRunes(r.Name, longestName)
}

// sentence describes the record.
func (r Record) sentence() string {
	if r.Type == journal.TypeGroup {
		return fmt.Sprintf("That group is %s.", r.name())
	}
	said := fmt.Sprintf("That user is %s: %s", r.name(), r.State)
	if r.InApp {
		said += ", deactivated in the application"
	}
	if !r.Linked {
		said += ", not linked to the identity provider"
	}
	if r.Protected {
		said += ", protected"
	}
	return said + "."
}

// Text returns the effect in sentences.
func (e Effect) Text() string {
	return strings.TrimSpace(strings.TrimSpace(e.said()) + " " + e.Fix.Instead())
}

func (e Effect) said() string {
	switch e.Fix {
	case cause.FixRetry:
		if len(e.Fixed) == 0 {
			return fmt.Sprintf("Changes of %s are still being finished: check again in a minute.", counted(e.Open))
		}
		return fmt.Sprintf("Nothing to fix: the next attempt of %s succeeds. %s", counted(e.Fixed), e.again())
	case cause.FixOther:
		return fmt.Sprintf("No single fix for %s: what to do is said with each failure.", counted(e.subjects()))
	}
	switch step := e.step(); {
	case len(e.Open) > 0 && len(e.Fixed)+len(e.Left) == 0 && e.Fix == cause.FixMapping:
		return fmt.Sprintf("%s may fix %s: %s %s", step, counted(e.Open), e.reason(), e.Open[0].WhatToDo())
	case len(e.Open) > 0 && len(e.Fixed)+len(e.Left) == 0:
		return fmt.Sprintf("%s may fix %s: what would then be sent is not known. %s", step, counted(e.Open), e.Open[0].WhatToDo())
	case len(e.Fixed) == 0:
		return fmt.Sprintf("%s alone does not fix %s: %s", step, counted(e.Left), e.Left[0].Verdict.Refused.What)
	case len(e.Left)+len(e.Open) == 0:
		return fmt.Sprintf("%s %s %s. %s", step, e.fixes(), counted(e.Fixed), e.again())
	default:
		return fmt.Sprintf("%s %s %d of %s. %s", step, e.fixes(), len(e.Fixed), counted(e.subjects()), e.again())
	}
}

// reason says why the subjects of a mapping fail.
func (e Effect) reason() string {
	return text.CutRunes(e.Open[0].Entry().WhatHappened(), longestReason)
}

// longestReason is how many characters of a reason a sentence shows.
const longestReason = 160

// step says what the fix does.
func (e Effect) step() string {
	licences := map[cause.Fix]string{cause.FixSeats: "more seat", cause.FixReaders: "more Reader licence"}[e.Fix]
	record := ""
	if e.Record != nil {
		record = e.Record.name()
	}
	return strings.NewReplacer("%N", amount.Count(e.Licences, licences), "%R", record).Replace(e.Fix.Step(e.IdP))
}

func (e Effect) fixes() string {
	if (e.Fix == cause.FixSeats || e.Fix == cause.FixReaders) && e.Licences != 1 {
		return "fix"
	}
	return "fixes"
}

// subjects returns all subjects of the effect.
func (e Effect) subjects() []Checked {
	return slices.Concat(e.Fixed, e.Left, e.Open)
}

// counted counts users and groups.
func counted(all []Checked) string {
	users, groups := int64(0), int64(0)
	for _, c := range all {
		if c.Type == journal.TypeGroup {
			groups++
		} else {
			users++
		}
	}
	switch {
	case groups == 0:
		return amount.Count(users, "user")
	case users == 0:
		return amount.Count(groups, "group")
	}
	return amount.Count(users, "user") + " and " + amount.Count(groups, "group")
}

// maxGroups is how many groups a sentence names.
const maxGroups = 5

// again says what must be sent again, in the words of each identity provider.
func (e Effect) again() string {
	var users []idp.Provider
	groups := map[idp.Provider][]string{}
	var order []idp.Provider
	name := func(p idp.Provider, name string) {
		if groups[p] == nil {
			order = append(order, p)
		}
		groups[p] = append(groups[p], text.CutRunes(name, longestName))
	}
	for _, c := range e.Fixed {
		switch {
		case c.Type == journal.TypeGroup:
			name(c.IdP, cmp.Or(c.Name, c.ID))
		case !slices.Contains(users, c.IdP):
			users = append(users, c.IdP)
		}
	}
	for _, g := range e.Push {
		name(e.IdP, cmp.Or(g.Name, g.ID))
	}
	var said []string
	for _, p := range users {
		user, _ := cause.Again(p)
		said = append(said, in(p, len(users))+user)
	}
	for _, p := range order {
		_, group := cause.Again(p)
		said = append(said, in(p, len(order))+group+" ("+listed(groups[p])+")")
	}
	if len(said) == 0 {
		return ""
	}
	return "Then " + strings.Join(said, "; then ") + "."
}

// in names an identity provider where there are several.
func in(p idp.Provider, of int) string {
	if of == 1 || p == "" || p == idp.Other {
		return ""
	}
	return "in " + p.Name() + " "
}

func listed(names []string) string {
	if len(names) > maxGroups {
		return strings.Join(names[:maxGroups], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}
