package adminwire

import "time"

// An Overview is the state of a tenant's provisioning.
type Overview struct {
	// How provisioning goes: SCIM is turned off; requests are refused or users and groups
	// fail now; nothing has been received yet; something needs attention; nothing does.
	// The first that holds.
	State string `json:"state" jsonschema:"enum=off,enum=failing,enum=waiting,enum=warning,enum=ok"`
	// The state in a sentence.
	Summary string `json:"summary"`
	// The reasons for the state, the most urgent first.
	Notices []Notice `json:"notices"`
	Seats   Count    `json:"seats"`
	Readers Count    `json:"readers"`
	Users   int64    `json:"users"`
	Groups  int64    `json:"groups"`
	// The number of users and groups that fail now.
	Failing int `json:"failing"`
	// Whether there are others.
	FailingMore bool `json:"failingMore"`
	// How many of them fail by each cause.
	FailingCauses map[string]int `json:"failingCauses"`
	// The newest change request of each identity provider, the latest first. Of one that
	// is not among the newest 200 entries it is known to the minute.
	LastSync []Entry `json:"lastSync"`
	// When each identity provider sent its newest request with a valid token, reads
	// included, to the minute; the latest first.
	LastSeen []LastSeen `json:"lastSeen"`
	// The requests of the last seven days that succeeded with a warning, by cause.
	Warnings []WarningCount `json:"warnings"`
	// The failures of seven days, today included, by cause, in spans of six hours from
	// 00:00 UTC, the oldest first.
	Failures []FailureSpan `json:"failures"`
	// Whether there were more failures than were counted: the oldest spans lack them.
	FailuresPartial bool `json:"failuresPartial"`
	// Unusually many deactivations within an hour, if there were some in the last day.
	UnusualDeactivations *UnusualDeactivations `json:"unusualDeactivations,omitzero"`
}

// UnusualDeactivations are users whom identity providers deactivated or deleted within an hour,
// more than 20 and more than 10 % of the active users.
type UnusualDeactivations struct {
	Count int64 `json:"count" jsonschema:"minimum=1"`
	// How many users were active before.
	ActiveUsers int64 `json:"activeUsers"`
	// When the first was deactivated, and when the last one until this was found out: the log
	// of that time has them. There may be others since.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// A Notice is one thing in a tenant's provisioning that its administrator should know.
type Notice struct {
	Kind  string `json:"kind" jsonschema:"enum=scim_off,enum=token_refused,enum=token_refused_beside_valid,enum=token_refused_before,enum=no_valid_token,enum=no_token,enum=nothing_received,enum=token_expires,enum=requests_refused,enum=rate_limited,enum=deactivations_unusual,enum=warnings,enum=groups_absent,enum=deactivations_absent,enum=updates_absent,enum=only_creations,enum=users_absent,enum=members_absent,enum=idp_silent,enum=imports_absent,enum=sync_stops,enum=retries_end"`
	Level string `json:"level" jsonschema:"enum=error,enum=warning,enum=info"`
	// The notice in sentences.
	Text string `json:"text"`
	// The cause of the requests that it concerns.
	Cause string `json:"cause,omitzero"`
	// Their outcome in the log.
	Outcome string `json:"outcome,omitzero" jsonschema:"enum=warning,enum=failure"`
	// How many there were.
	Count int64 `json:"count,omitzero" jsonschema:"minimum=1"`
	// Present with count: whether there may have been others. Requests that come faster
	// than one a minute are counted once a minute.
	AtLeast Optional[bool] `json:"atLeast,omitzero"`
	// When the last one was counted.
	Last *time.Time `json:"last,omitzero"`
	IdP  string     `json:"idp,omitzero"`
	// The id of the token, of the OAuth client, or of the client's secret that the notice is about.
	TokenID       string `json:"tokenId,omitzero"`
	TokenLastFour string `json:"tokenLastFour,omitzero"`
	// The client that the notice is about, in place of a token.
	ClientID string `json:"clientId,omitzero"`
	// When the token expires or expired.
	ExpiresAt     *time.Time `json:"expiresAt,omitzero"`
	WhatToDo      string     `json:"whatToDo,omitzero"`
	Documentation string     `json:"documentation,omitzero"`
}

// LastSeen is when an identity provider sent its newest request with a valid token, to the
// minute.
type LastSeen struct {
	IdP  NullableString `json:"idp" jsonschema:"nullable"`
	Time time.Time      `json:"time"`
	// The id of the token, or of the OAuth client of an access token.
	TokenID string `json:"tokenId"`
}

// A WarningCount counts the requests with a warning of one cause.
type WarningCount struct {
	Cause string `json:"cause"`
	Count int64  `json:"count" jsonschema:"minimum=1"`
	// Whether there may have been others.
	AtLeast bool      `json:"atLeast"`
	Last    time.Time `json:"last"`
}

// A FailureSpan has the failures of a span of time by cause.
type FailureSpan struct {
	From   time.Time      `json:"from"`
	To     time.Time      `json:"to"`
	Causes map[string]int `json:"causes"`
}
