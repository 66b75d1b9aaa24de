package event

import (
	"slices"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// SetSize is how many members of a whole new set one event has.
const SetSize = 1000

// Of returns the events that a source of a tenant causes, in order. An entry without a change
// causes none, except the first failure of a user or group.
func Of(t tenant.ID, s Source) []Draft {
	var drafts []Draft
	switch {
	case s.Signal != nil:
		drafts = []Draft{ofSignal(s.Signal)}
	case s.Entry == nil:
	case s.Entry.ResourceType == journal.TypeUser:
		drafts = ofUser(s.Entry)
	case s.Entry.ResourceType == journal.TypeGroup:
		drafts = ofGroup(s.Entry, s.Set)
	}
	if s.Entry != nil && s.Entry.Begins {
		drafts = append(drafts, ofFailure(s.Entry))
	}
	for i := range drafts {
		drafts[i].Key, drafts[i].Part, drafts[i].Tenant = s.Key(), i, t
	}
	return drafts
}

// actions are the events of what was done to a user.
var actions = map[journal.Action]Type{
	journal.Created:     UserCreated,
	journal.Reactivated: UserReactivated,
	journal.Restored:    UserRestored,
	journal.Linked:      UserLinked,
	journal.Updated:     UserUpdated,
	journal.Deactivated: UserDeactivated,
	journal.Deleted:     UserDeleted,
	journal.Purged:      UserPurged,
	journal.Repaired:    UserUpdated,
}

// ofUser returns the events of a change of a user: the change, each deleted user that lost
// a value by it, and each group that the user left by it.
func ofUser(e *journal.Entry) []Draft {
	var drafts []Draft
	// An entry without a version is about a part of a change, or about an item that is no
	// user's.
	if kind, ok := actions[e.Action]; ok && e.Version > 0 {
		if e.Kept {
			kind = UserDeactivated
		}
		d := of(e, kind)
		d.Changed, d.Version = e.Changed, e.Version
		d.Ended = e.Ended || e.Action == journal.Deleted || e.Action == journal.Purged
		drafts = append(drafts, d)
	}
	return append(append(drafts, ofLosses(e)...), ofGroupsLeft(e)...)
}

// ofLosses returns the events of the deleted users that lost a value.
func ofLosses(e *journal.Entry) []Draft {
	var drafts []Draft
	for _, loss := range e.Lost {
		d := of(e, UserUpdated)
		d.Subject = journal.Subject{Type: journal.TypeUser, ID: loss.ID}
		d.Version = loss.Version
		drafts = append(drafts, d)
	}
	return drafts
}

// ofGroupsLeft returns the events of the groups that a user left.
func ofGroupsLeft(e *journal.Entry) []Draft {
	var drafts []Draft
	for _, group := range e.Left {
		d := of(e, GroupMembersChanged)
		d.Subject = journal.Subject{Type: journal.TypeGroup, ID: group}
		d.Removed = []string{e.ResourceID}
		drafts = append(drafts, d)
	}
	return drafts
}

// ofGroup returns the events of a change of a group: of its attributes, and of its members.
func ofGroup(e *journal.Entry, set []string) []Draft {
	switch e.Action {
	case journal.Created:
		return append(ofCreation(e, set), ofLosses(e)...)
	case journal.Deleted:
		d := of(e, GroupDeleted)
		d.Version = e.Version
		return []Draft{d}
	case journal.Repaired:
		if e.Version == 0 {
			return nil
		}
		d := of(e, GroupUpdated)
		d.Changed, d.Version = e.Changed, e.Version
		return append([]Draft{d}, ofLosses(e)...)
	case journal.Updated:
		return ofGroupUpdate(e, set)
	}
	return nil
}

// ofCreation returns the events of a new group. Of a whole set, further members are in
// events of their own.
func ofCreation(e *journal.Entry, set []string) []Draft {
	first := of(e, GroupCreated)
	first.Version, first.Changed, first.Added = e.Version, without(e.Changed, members), e.Added
	if !e.NewSet {
		return []Draft{first}
	}
	first.Added, first.Generation = set[:min(len(set), SetSize)], e.Epoch
	drafts := []Draft{first}
	for part := range slices.Chunk(set[len(first.Added):], SetSize) {
		d := of(e, GroupMembersChanged)
		d.Added, d.Generation = part, e.Epoch
		drafts = append(drafts, d)
	}
	return drafts
}

// ofGroupUpdate returns the events of a change of a group that existed.
func ofGroupUpdate(e *journal.Entry, set []string) []Draft {
	var drafts []Draft
	attributes := without(e.Changed, members)
	ofMembers := e.NewSet || len(e.Added)+len(e.Removed) > 0 || len(attributes) < len(e.Changed)
	if len(attributes) > 0 || !ofMembers {
		d := of(e, GroupUpdated)
		d.Changed, d.Version = attributes, e.Version
		drafts = append(drafts, d)
	}
	switch {
	case !ofMembers:
	case e.NewSet && e.Epoch > 0 && len(set) == e.Size:
		parts := slices.Collect(slices.Chunk(set, SetSize))
		if len(parts) == 0 {
			parts = [][]string{nil} // all members left
		}
		for _, part := range parts {
			d := of(e, GroupMembersChanged)
			d.Added, d.Replaced, d.Generation = part, true, e.Epoch
			drafts = append(drafts, d)
		}
	default:
		// Without ids it is a change of many members, each part of which has an entry, or
		// a whole new set that an earlier version wrote, or of which items have expired: that
		// all members left would be made up.
		d := of(e, GroupMembersChanged)
		d.Added, d.Removed = e.Added, e.Removed
		drafts = append(drafts, d)
	}
	return drafts
}

// members is the attribute of a group that is no part of its document.
const members = "members"

// ofFailure returns the event of the first failure of a user or group.
func ofFailure(e *journal.Entry) Draft {
	d := of(e, ProvisioningFailing)
	if d.Subject.ID == "" {
		d.Subject.ID = e.About.ID
	}
	d.Details = map[string]string{}
	for name, value := range map[string]string{
		"operation": string(e.Operation), "cause": string(e.Cause), "detail": e.WhatHappened(), "whatToDo": e.WhatToDo(),
	} {
		if value != "" {
			d.Details[name] = value
		}
	}
	return d
}

// ofSignal returns the event of a signal.
func ofSignal(s *journal.Signal) Draft {
	return Draft{Type: Type(s.Type), Time: s.Time, Subject: s.Subject, RequestID: s.RequestID, Details: s.Details}
}

// of returns an event of a type about the subject of an entry.
func of(e *journal.Entry, kind Type) Draft {
	return Draft{
		Type: kind, SCIMEvent: kind.scimEvent(e.Operation), Time: e.Time,
		Subject: journal.Subject{Type: e.ResourceType, ID: e.ResourceID, Name: e.Subject, ExternalID: e.ExternalID},
		By:      e.By, IdP: string(e.IdP), Who: e.Who, RequestID: e.RequestID,
	}
}

// without returns names without one of them.
func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}
