package adminwire

import "time"

// A PushAgainQuery is the part of the list to read, and its form.
type PushAgainQuery struct {
	// How many groups and users to read at most. A page has a row for each of their
	// memberships, about 1,000 at most.
	Page
	Formatted
}

// A Formatted is the form of the answer.
type Formatted struct {
	// csv answers text/csv: the same rows under a line of headings. The header Link names
	// the next page.
	Format string `json:"format,omitzero" jsonschema:"enum=json,enum=csv,default=json"`
}

// A PushAgainItem is a group, or a user in a group, that the identity provider must push
// again.
type PushAgainItem struct {
	// member_skipped: the identity provider sent a member that was no user. groups_lost:
	// the user was in the group before being deleted, or hired again under another
	// externalId. group_refused: the last request for the group was refused.
	Reason string `json:"reason" jsonschema:"enum=member_skipped,enum=groups_lost,enum=group_refused"`
	// The group's displayName.
	Group   string         `json:"group"`
	GroupID NullableString `json:"groupId" jsonschema:"nullable"`
	// The userName, if the user is known.
	User   string `json:"user,omitzero"`
	UserID string `json:"userId,omitzero"`
	// The state of the user now. active: push the group again. deleted or unknown: provision
	// the user before the group is pushed.
	UserState string `json:"userState,omitzero" jsonschema:"enum=active,enum=inactive,enum=deleted,enum=unknown"`
	// The least number of further items that are not listed: skipped members of the group,
	// or groups of the user.
	Others int64          `json:"others,omitzero" jsonschema:"minimum=1"`
	Since  time.Time      `json:"since"`
	IdP    NullableString `json:"idp" jsonschema:"nullable"`
	// Whether the identity provider sends it by itself. next_cycle: in its next cycle.
	// never: only when it is pushed. unknown: its documentation does not say.
	SentWithoutAsking string `json:"sentWithoutAsking" jsonschema:"enum=next_cycle,enum=never,enum=unknown"`
	// The cause of a refusal.
	Cause    string `json:"cause,omitzero"`
	WhatToDo string `json:"whatToDo"`
}

// PushAgain is a page of what the identity provider must push again: skipped members, then
// groups that users lost, then refused groups.
type PushAgain struct {
	PushAgain []PushAgainItem `json:"pushAgain"`
	// The parameter after of the next page; absent on the last one.
	Next string `json:"next,omitzero"`
}
