package adminwire

import "time"

// An Entry is the result of one change request, in the provisioning log.
type Entry struct {
	// The request's id, except for a part of a longer request.
	ID        string    `json:"id"`
	RequestID string    `json:"requestId"`
	Time      time.Time `json:"time"`
	// Whether the identity provider or the application sent the request.
	By string `json:"by" jsonschema:"enum=idp,enum=app"`
	// The person for whom the application sent the request.
	Who string `json:"who,omitzero"`
	IdP string `json:"idp,omitzero"`
	// The id of the token, or of the OAuth client of an access token or a token request.
	TokenID string `json:"tokenId,omitzero"`
	// The identity provider's own id of the request.
	IdPRequestID string `json:"idpRequestId,omitzero"`
	// The bulk request that had this operation.
	BulkRequestID string `json:"bulkRequestId,omitzero"`
	// The kind of request: create, replace, modify, delete, bulk and others.
	Operation string `json:"operation"`
	// The change that was made, for example created or deactivated; absent for none.
	Action       string `json:"action,omitzero"`
	ResourceType string `json:"resourceType"`
	ResourceID   string `json:"resourceId,omitzero"`
	// The userName, or a group's displayName.
	Subject    string `json:"subject,omitzero"`
	ExternalID string `json:"externalId,omitzero"`
	Outcome    string `json:"outcome" jsonschema:"enum=success,enum=warning,enum=failure,enum=skipped"`
	// The HTTP status of a failure.
	Status int `json:"status,omitzero"`
	// How many requests the entry stands for. Of requests that are refused before they are
	// handled the log has one a minute of each cause.
	StandsFor int64  `json:"standsFor,omitzero" jsonschema:"minimum=2"`
	ScimType  string `json:"scimType,omitzero"`
	// One of /causes.
	Cause string `json:"cause,omitzero"`
	// The error that the identity provider received; of a warning, its subject.
	Detail        string `json:"detail,omitzero"`
	WhatToDo      string `json:"whatToDo,omitzero"`
	Documentation string `json:"documentation,omitzero" jsonschema:"format=uri"`
	// Names of the attributes that changed.
	Changed []string `json:"changed,omitempty"`
	// Deviations from the RFCs that were accepted.
	Tolerances []string `json:"tolerances,omitempty"`
	// Faulty settings of the identity provider that the request shows, as fault:attribute.
	Faults         []string `json:"faults,omitempty"`
	MembersAdded   []string `json:"membersAdded,omitempty"`
	MembersRemoved []string `json:"membersRemoved,omitempty"`
	// The size of a whole new set of members.
	MembersSet *int `json:"membersSet,omitzero"`
	// The members that a failure or a warning concerns. Their subject, state and failure
	// are there only where one request is read.
	Members []Member `json:"members,omitempty"`
	Seats   *Seats   `json:"seats,omitzero"`
}

// A Member is a member that a group's failure or warning concerns.
type Member struct {
	// The id as it was sent.
	ID      string `json:"id"`
	Subject string `json:"subject,omitzero"`
	State   string `json:"state,omitzero" jsonschema:"enum=active,enum=inactive,enum=deleted,enum=unknown"`
	// The failure of the member's own provisioning.
	Failure *FailedUser `json:"failure,omitzero"`
}

// Seats are the seats at the time of an entry.
type Seats struct {
	// The seats that the request took; negative for seats that it freed.
	Delta int64 `json:"delta,omitzero"`
	// The same of Reader licences.
	ReadersDelta int64 `json:"readersDelta,omitzero"`
	// The seats in use at the time, with the change.
	Used *int64 `json:"used,omitzero"`
	// null is no limit.
	Limit Optional[int64] `json:"limit,omitzero" jsonschema:"nullable"`
	// When they were read: at most 10 seconds before the request; by a request that was
	// refused for its seat, at its time.
	AsOf *time.Time `json:"asOf,omitzero"`
}

// Log is a page of entries, newest first.
type Log struct {
	Entries []Entry `json:"entries"`
	// The parameter after of the page with older entries; absent at the end.
	Next string `json:"next,omitzero"`
	// The time back to which the log was searched for this page, while older entries
	// follow.
	SearchedTo *time.Time `json:"searchedTo,omitzero"`
	// Present on a first page that is empty and has no next.
	Nothing *Nothing `json:"nothing,omitzero"`
}

// A FailedUser is a user or a group whose last request failed.
type FailedUser struct {
	ResourceType  string         `json:"resourceType" jsonschema:"enum=User,enum=Group"`
	ResourceID    NullableString `json:"resourceId" jsonschema:"nullable"`
	Subject       NullableString `json:"subject" jsonschema:"nullable"`
	ExternalID    NullableString `json:"externalId" jsonschema:"nullable"`
	Operation     string         `json:"operation"`
	IdP           NullableString `json:"idp" jsonschema:"nullable"`
	Cause         string         `json:"cause"`
	Detail        string         `json:"detail"`
	WhatToDo      string         `json:"whatToDo"`
	Documentation string         `json:"documentation" jsonschema:"format=uri"`
	FirstFailure  time.Time      `json:"firstFailure"`
	LastFailure   time.Time      `json:"lastFailure"`
	Count         int64          `json:"count" jsonschema:"minimum=1"`
	// The last request that failed.
	RequestID string `json:"requestId"`
	// Present with check=true.
	Check *Check `json:"check,omitzero"`
	// Whether and when the identity provider sends the change again by itself, where it
	// documents that. Present only in lists of failures, and for one request.
	Retry string `json:"retry,omitzero"`
	// Present for a dismissed failure.
	Dismissed *Dismissal `json:"dismissed,omitzero"`
}

// A Dismissal is the removal of a failure from the list of failures until the user or group
// fails again.
type Dismissal struct {
	Time time.Time `json:"time"`
	// The person or operator who dismissed it.
	Who    string `json:"who"`
	Reason string `json:"reason"`
}

// A NewDismissal dismisses a failure.
type NewDismissal struct {
	// Why the failure needs no attention: one line of at most 500 bytes. It is kept in the
	// log.
	Reason string `json:"reason" jsonschema:"minLength=1"`
}

// FailedUsers is a page of failing users and groups.
type FailedUsers struct {
	FailedUsers []FailedUser `json:"failedUsers"`
	// Present with effect=true on the first page: the effects of the possible fixes, the
	// fix of the most users and groups first.
	Effects []Effect `json:"effects,omitempty"`
	// Whether more users and groups fail than the 100 that effects consider.
	EffectsMore bool `json:"effectsMore,omitzero"`
	// Present with check=true or effect=true if every request is refused now, whatever is
	// fixed: the reason.
	Blocked string `json:"blocked,omitzero"`
	// The parameter after of the next page; absent on the last one.
	Next string `json:"next,omitzero"`
	// Present on a first page that is empty and has no next.
	Nothing *Nothing `json:"nothing,omitzero"`
}

// Nothing says why a search found nothing.
type Nothing struct {
	// empty: there is no entry, or no failing subject, at all. no_match: there are some,
	// and none matches. unknown_subject: nothing has the name or id. no_entry: a user or
	// group without an entry. other_entries: the subject has entries, and none matches.
	// not_failing: the subject is known and does not fail. before_retention: the time
	// searched is before the oldest entry that is kept.
	Reason string `json:"reason" jsonschema:"enum=empty,enum=no_match,enum=unknown_subject,enum=no_entry,enum=other_entries,enum=not_failing,enum=before_retention"`
	// What was searched, and why nothing was found.
	Detail string `json:"detail"`
	// The time of the subject's newest entry, if it has one.
	Newest *time.Time `json:"newest,omitzero"`
	// Names similar to the one that was not found.
	Similar []string `json:"similar,omitempty" jsonschema:"minItems=1,maxItems=5"`
	// How many days the log keeps entries.
	LogDays int `json:"logDays"`
}
