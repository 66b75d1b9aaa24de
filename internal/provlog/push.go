package provlog

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// PushReason is why an identity provider must push something again.
type PushReason string

// The reasons.
const (
	MemberSkipped PushReason = "member_skipped"
	GroupsLost    PushReason = "groups_lost"
	GroupRefused  PushReason = "group_refused"
)

// The states of a user to push.
const (
	UserActive   = "active"
	UserInactive = "inactive"
	UserDeleted  = "deleted"
	UserUnknown  = "unknown"
)

// PushItem is a group, or a user in a group, that an identity provider must push again.
type PushItem struct {
	Reason         PushReason
	Group, GroupID string
	// User, UserID and State are of a membership; User is "" if the user is not known.
	User, UserID, State string
	// Others is how many others there are at least that are not listed.
	Others int64
	Since  time.Time
	IdP    idp.Provider
	// Failing is the failure of a refused group.
	Failing *journal.Failing
}

// WhatToDo returns what to do in the identity provider.
func (i PushItem) WhatToDo() string {
	switch {
	case i.Failing != nil:
		return i.Failing.WhatToDo()
	case i.State == UserActive || i.State == UserInactive:
		return cause.UnknownMembers.Advice(cause.PushAgain, i.IdP)
	}
	return cause.UnknownMembers.Advice(cause.SkippedMembers, i.IdP)
}

// SentWithoutAsking returns whether the identity provider sends it by itself: in its next
// cycle, never, or unknown. The facts are those of decision 0160.
func (i PushItem) SentWithoutAsking() string {
	switch {
	case i.IdP == idp.Okta, i.IdP == idp.Entra && i.Failing == nil:
		return "never"
	case i.IdP == idp.Entra:
		return "next_cycle"
	}
	return "unknown"
}

// PushFound is a page of what must be pushed again.
type PushFound struct {
	Items []PushItem
	// Next continues the list, "" at its end.
	Next string
}

// maxPushed is the largest number of memberships whose records are read for one page of the
// list, unless its only item has more.
const maxPushed = 1000

// The lists of which the list consists, as positions name them.
const (
	owedPlace    = "o"
	refusedPlace = "r"
)

// PushAgain reads a page of what identity providers must push again: owed memberships, then
// refused groups. The limit bounds the groups and users that are read. What is not owed any
// more is left out and removed.
func (l *Log) PushAgain(ctx context.Context, t tenant.ID, after string, limit int) (PushFound, error) {
	place, key, _ := strings.Cut(after, ":")
	if place == refusedPlace {
		return l.refusedGroups(ctx, t, key, limit)
	}
	page, err := l.source.OwedPage(ctx, t, key, limit)
	if err != nil {
		return PushFound{}, err
	}
	stored, owed, more := firstOwed(page)
	states, err := l.source.OwedStates(ctx, t, owed)
	if err != nil {
		return PushFound{}, err
	}
	var found PushFound
	for _, o := range stored {
		items, waits := pushOf(o, states)
		found.Items = append(found.Items, items...)
		if len(items) > 0 || waits {
			continue
		}
		_, exists := states.Groups[o.ID]
		if err := l.source.RemoveOwed(ctx, t, o, exists); err != nil {
			return PushFound{}, err
		}
	}
	found.Next = refusedPlace + ":"
	if more {
		found.Next = owedPlace + ":" + cmp.Or(lastKey(stored), page.Last)
	}
	if len(found.Items) == 0 && !more { // an empty page says nothing: the refused groups follow
		return l.refusedGroups(ctx, t, "", limit)
	}
	return found, nil
}

// firstOwed returns the first items of a page that together name few memberships, at least
// one item, with these memberships, and reports whether others follow.
func firstOwed(page Page[Owed]) (stored []Owed, owed []OwedMembership, more bool) {
	for _, o := range page.Items {
		if len(owed) > 0 && len(owed)+len(o.Others) > maxPushed {
			return stored, owed, true
		}
		stored, owed = append(stored, o), append(owed, o.memberships()...)
		if len(o.Others) == 0 {
			owed = append(owed, OwedMembership{Group: o.ID}) // to know whether the group exists
		}
	}
	return stored, owed, page.More
}

func lastKey(stored []Owed) string {
	if len(stored) == 0 {
		return ""
	}
	last := stored[len(stored)-1]
	return last.Type + "#" + last.ID
}

// memberships returns the memberships that are stored as owed.
func (o Owed) memberships() []OwedMembership {
	owed := make([]OwedMembership, len(o.Others))
	for i, id := range o.Others {
		if owed[i] = (OwedMembership{Group: o.ID, User: id}); o.Type == journal.TypeUser {
			owed[i] = OwedMembership{Group: id, User: o.ID}
		}
	}
	return owed
}

// pushOf returns the memberships of an item that must be pushed now. waits reports that
// others must be pushed as soon as their user is active.
func pushOf(o Owed, states OwedStates) (items []PushItem, waits bool) {
	more := o.More
	for _, m := range o.memberships() {
		group, exists := states.Groups[m.Group]
		user, known := states.Users[m.User]
		if !exists || states.Exist[m] {
			continue
		}
		item := PushItem{
			Reason: MemberSkipped, Group: group.Name, GroupID: m.Group, User: user.Name, UserID: m.User, State: user.state(known), Since: o.Since, IdP: o.IdP,
		}
		if o.Type == journal.TypeUser {
			owed := user.Live && slices.Contains(user.Groups, m.Group)
			waits = waits || owed && !user.Active
			if !owed || !user.Active {
				continue
			}
			item.Reason = GroupsLost
			if user.More {
				more = 1
			}
		}
		items = append(items, item)
	}
	if len(items) > 0 {
		items[0].Others = more
	}
	return items, waits
}

func (u OwedUser) state(known bool) string {
	switch {
	case !known:
		return UserUnknown
	case !u.Live:
		return UserDeleted
	case !u.Active:
		return UserInactive
	}
	return UserActive
}

// refusedGroups reads a page of the groups whose last request was refused. They are the
// first of the failing subjects.
func (l *Log) refusedGroups(ctx context.Context, t tenant.ID, after string, limit int) (PushFound, error) {
	page, err := l.source.FailingPage(ctx, t, after, limit)
	if err != nil {
		return PushFound{}, err
	}
	more := page.More
	groups := slices.DeleteFunc(slices.Clone(page.Items), func(f journal.Failing) bool { return f.Type != journal.TypeGroup })
	if len(groups) < len(page.Items) {
		more = false // users follow the groups
	}
	failing, err := l.stillFailing(ctx, t, groups)
	if err != nil {
		return PushFound{}, err
	}
	var found PushFound
	for _, f := range failing {
		if f.Operation == journal.Delete {
			continue // a group that is to be deleted is not pushed
		}
		found.Items = append(found.Items, PushItem{
			Reason: GroupRefused, Group: cmp.Or(f.Name, f.ExternalID), GroupID: f.ID, Since: f.First, IdP: f.IdP, Failing: &f,
		})
	}
	if more {
		found.Next = refusedPlace + ":" + page.Last
	}
	return found, nil
}
