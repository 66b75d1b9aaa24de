package adminwire

// An Explanation is all that is known of one request.
type Explanation struct {
	RequestID string  `json:"requestId"`
	Entries   []Entry `json:"entries" jsonschema:"minItems=1"`
	// Whether the subject of a failure still fails; absent for a request that did not
	// fail. forgotten: nothing with its name was sent for 30 days.
	Now string `json:"now,omitzero" jsonschema:"enum=failing,enum=fixed,enum=forgotten"`
	// The subject's failure now.
	Failing *FailedUser `json:"failing,omitzero"`
	// The success that came after the failure, where it is known.
	FixedBy *Entry `json:"fixedBy,omitzero"`
}

// A PastedText is the text of an error, to be explained.
type PastedText struct {
	// The text of an error as an identity provider shows it, of at most 65,536 bytes. A
	// token in it is refused: replace it first.
	Text string `json:"text" jsonschema:"minLength=1"`
}

// A Diagnosis is the meaning of the text of an error.
type Diagnosis struct {
	// request: explanation is that of the request. requests: the text may belong to any of
	// these. causes: the request is not found, and the text may have any of these causes.
	Found string `json:"found" jsonschema:"enum=request,enum=requests,enum=causes,enum=nothing"`
	// How it was found: by the id of the request, by the text of its failure, by the user
	// or group that the text names, by the words of a cause, or by an HTTP status alone.
	// Absent for nothing.
	By string `json:"by,omitzero" jsonschema:"enum=id,enum=text,enum=subject,enum=words,enum=status"`
	// How the text was matched, or why it was not.
	Detail string `json:"detail"`
	// Which part of the text is missing, and where the identity provider shows it. Absent
	// where the request is found, or its id is in the text.
	Missing string `json:"missing,omitzero"`
	// The request id that the text names.
	RequestID string `json:"requestId,omitzero"`
	// The identity provider that writes errors in this way.
	IdP string `json:"idp,omitzero" jsonschema:"enum=okta,enum=entra,enum=onelogin"`
	// The HTTP status that the text shows.
	Status      int          `json:"status,omitzero"`
	Explanation *Explanation `json:"explanation,omitzero"`
	// Failed requests, the newest of each user or group, newest first.
	Requests []Entry `json:"requests,omitempty" jsonschema:"minItems=1,maxItems=10"`
	// Present with requests: whether there are others.
	More   Optional[bool] `json:"more,omitzero"`
	Causes []Cause        `json:"causes,omitempty" jsonschema:"minItems=1"`
}

// A Cause is the meaning of a cause.
type Cause struct {
	Cause string `json:"cause"`
	// The HTTP status; 0 for a cause of warnings.
	Status   int            `json:"status"`
	ScimType NullableString `json:"scimType" jsonschema:"nullable"`
	Summary  string         `json:"summary"`
	// What to do in an identity provider that is not known.
	WhatToDo string `json:"whatToDo"`
	// What to do in each identity provider whose screens are known, by the name that log
	// entries have in idp. Okta, Entra, OneLogin and JumpCloud are always there, the others
	// only where their advice differs from whatToDo.
	Advice        map[string]string `json:"advice" jsonschema_extras:"required=okta,required=entra,required=onelogin,required=jumpcloud"`
	Documentation string            `json:"documentation" jsonschema:"format=uri"`
	// The faulty settings of identity providers that can lead to the cause. The log entry of
	// such a request has the correction.
	Settings []Setting `json:"settings,omitempty"`
	// Where requests of the cause are found.
	Where string `json:"where" jsonschema:"enum=log,enum=cloudwatch"`
}

// A Setting is a faulty setting of an identity provider.
type Setting struct {
	// The name that the faults of log entries begin with.
	Fault string `json:"fault"`
	// What is set wrongly.
	Summary string `json:"summary"`
}

// Causes are the meanings of all causes.
type Causes struct {
	Causes []Cause `json:"causes"`
}

// A Problem is the refusal of a request. RFC 9457
type Problem struct {
	// The address of an explanation, which ends in # and the kind of problem.
	Type      string `json:"type" jsonschema:"format=uri"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"requestId"`
	// Of cursor-expired: the parameter after with which to continue, once all users and groups
	// were listed.
	Next string `json:"next,omitzero"`
}
