package adminwire

// A Check says what the last failed request of a user or group would do if it were sent again
// now. Nothing is written.
type Check struct {
	// succeeds: it would be accepted. fails: it would be refused. unknown: see reason.
	Result string `json:"result" jsonschema:"enum=succeeds,enum=fails,enum=unknown"`
	// values_not_kept: the values of the request were never stored, for example because it
	// broke a rule of SCIM. members_not_kept: not all of its members were stored; the result
	// is that of the stored ones. in_progress: an accepted change of the same user or group is
	// still being completed.
	Reason string `json:"reason,omitzero" jsonschema:"enum=values_not_kept,enum=members_not_kept,enum=in_progress"`
	// The result in sentences.
	Text string `json:"text"`
	// What a request that succeeds would do.
	Action string `json:"action,omitzero" jsonschema:"enum=created,enum=reactivated,enum=restored,enum=linked,enum=updated,enum=deactivated,enum=deleted"`
	// The record that it would change; absent for a new one.
	ResourceID string `json:"resourceId,omitzero"`
	// The warning that would be logged. One of /causes.
	Warning string `json:"warning,omitzero"`
	// The seats and Reader licences that it would take.
	Seats   int64 `json:"seats,omitzero"`
	Readers int64 `json:"readers,omitzero"`
	// The cause of the refusal. One of /causes.
	Cause    string `json:"cause,omitzero"`
	WhatToDo string `json:"whatToDo,omitzero"`
	// The record that already has the name, address or id that the request needs.
	Holder *Holder `json:"holder,omitzero"`
}

// A Holder is a user or a group that a failure or a fix concerns.
type Holder struct {
	ResourceType string `json:"resourceType" jsonschema:"enum=User,enum=Group"`
	ID           string `json:"id"`
	// The userName, or a group's displayName.
	Name string `json:"name,omitzero"`
	// Of a user.
	State string `json:"state,omitzero" jsonschema:"enum=active,enum=inactive,enum=deleted"`
	// Present for a user: whether the application deactivated it, and whether an identity
	// provider manages it.
	DeactivatedInApp Optional[bool] `json:"deactivatedInApp,omitzero"`
	Linked           Optional[bool] `json:"linked,omitzero"`
	Protected        Optional[bool] `json:"protected,omitzero"`
}

// An Effect is the result of a fix: once it is made, the requests of the failing users and
// groups are sent again in the order given here.
type Effect struct {
	// retry: nothing is to be fixed, the next attempt succeeds. seats, readers: the number of
	// licences is added, or freed. other_user, other_group: the record is deleted in the
	// application. reactivate, unprotect, identity, convert: the application changes the
	// record. team_account, mapping: a mapping in the identity provider. rehire,
	// unknown_members: a setting of the tenant. members: the members are provisioned first.
	// assign_again, link_again, split: a step in the identity provider. other: none of these.
	Fix string `json:"fix" jsonschema:"enum=retry,enum=seats,enum=readers,enum=other_user,enum=other_group,enum=reactivate,enum=unprotect,enum=identity,enum=convert,enum=team_account,enum=rehire,enum=unknown_members,enum=members,enum=mapping,enum=assign_again,enum=link_again,enum=split,enum=other"`
	// The effect in sentences.
	Text string `json:"text"`
	// How many licences are added.
	Licences int64 `json:"licences,omitzero" jsonschema:"minimum=1"`
	// The record that is changed.
	Record *Holder `json:"record,omitzero"`
	// The users and groups whose requests then succeed.
	Fixed []EffectOn `json:"fixed"`
	// The users and groups whose requests are then refused for another reason.
	Left []EffectOn `json:"left"`
	// The users and groups whose requests have an unknown result.
	Open []EffectOn `json:"open"`
	// Groups to push again, because requests for them skipped deleted users that the fix
	// restores. Only the newest log entries are considered.
	Push []Holder `json:"push"`
}

// EffectOn is the effect on a failing user or group.
type EffectOn struct {
	ResourceType string         `json:"resourceType" jsonschema:"enum=User,enum=Group"`
	ResourceID   NullableString `json:"resourceId" jsonschema:"nullable"`
	Subject      NullableString `json:"subject" jsonschema:"nullable"`
	ExternalID   NullableString `json:"externalId" jsonschema:"nullable"`
	// The last request that failed.
	RequestID string `json:"requestId"`
	// What it does after the fix.
	Check Check `json:"check"`
}
