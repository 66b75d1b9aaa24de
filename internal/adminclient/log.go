package adminclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcall-scim/rollcall/internal/errortext"
)

// Entry is one entry of a tenant's provisioning log: the result of one change
// request.
type Entry struct {
	// ID is the entry's id: the request's id, except for a part of a longer request.
	ID        string `json:"id"`
	RequestID string `json:"requestId"`
	// BulkRequestID is the id of the bulk request of an operation.
	BulkRequestID string    `json:"bulkRequestId"`
	Time          time.Time `json:"time"`
	// By is "idp" or "app", Who is the person for whom the application sent it.
	By      string `json:"by"`
	Who     string `json:"who"`
	IdP     string `json:"idp"`
	TokenID string `json:"tokenId"`
	// IdPRequestID is the request id of the identity provider.
	IdPRequestID string `json:"idpRequestId"`
	// Operation is the kind of request: create, replace, modify, delete, bulk, …
	Operation string `json:"operation"`
	// Action is the result: created, updated, deactivated, …; "" for no change.
	Action       string `json:"action"`
	ResourceType string `json:"resourceType"`
	ResourceID   string `json:"resourceId"`
	// Subject is the userName, or a group's displayName.
	Subject    string `json:"subject"`
	ExternalID string `json:"externalId"`
	// Outcome is success, warning, failure or skipped.
	Outcome string `json:"outcome"`
	Status  int    `json:"status"`
	// StandsFor is how many requests the entry stands for, 0 for itself alone.
	StandsFor int64  `json:"standsFor"`
	ScimType  string `json:"scimType"`
	Cause     string `json:"cause"`
	Detail    string `json:"detail"`
	// WhatToDo and Documentation are the cause's.
	WhatToDo      string `json:"whatToDo"`
	Documentation string `json:"documentation"`
	// Changed are names of attributes, Tolerances the accepted deviations.
	Changed        []string `json:"changed"`
	Tolerances     []string `json:"tolerances"`
	MembersAdded   []string `json:"membersAdded"`
	MembersRemoved []string `json:"membersRemoved"`
	// MembersSet is the size of a whole new set of members, nil for none.
	MembersSet *int `json:"membersSet"`
	// Members are the members that a failure or a warning is about.
	Members []Member `json:"members"`
	Seats   *Seats   `json:"seats"`
}

// Member is a member that a group's failure or warning is about.
type Member struct {
	ID string `json:"id"`
	// Subject and State are those of a user: active, inactive or deleted; the State of
	// an unknown id is "unknown".
	Subject string `json:"subject"`
	State   string `json:"state"`
	// Failure is the failure of the member's own provisioning, nil for none.
	Failure *FailedUser `json:"failure"`
}

// Seats are the seats at the time of an entry.
type Seats struct {
	// Delta and ReadersDelta are the seats and readers that the request added.
	Delta        int64 `json:"delta"`
	ReadersDelta int64 `json:"readersDelta"`
	// Used and Limit were read at AsOf; nil where they were not. Limit is nil for none.
	Used  *int64     `json:"used"`
	Limit *int64     `json:"limit"`
	AsOf  *time.Time `json:"asOf"`
}

// FailedUser is a user or a group whose provisioning fails now.
type FailedUser struct {
	ResourceType  string    `json:"resourceType"`
	ResourceID    string    `json:"resourceId"`
	Subject       string    `json:"subject"`
	ExternalID    string    `json:"externalId"`
	Operation     string    `json:"operation"`
	IdP           string    `json:"idp"`
	Cause         string    `json:"cause"`
	Detail        string    `json:"detail"`
	WhatToDo      string    `json:"whatToDo"`
	Documentation string    `json:"documentation"`
	FirstFailure  time.Time `json:"firstFailure"`
	LastFailure   time.Time `json:"lastFailure"`
	Count         int       `json:"count"`
	RequestID     string    `json:"requestId"`
}

// Explanation is what is known of one request.
type Explanation struct {
	RequestID string  `json:"requestId"`
	Entries   []Entry `json:"entries"`
	// Now is the state of the failure: "failing", "fixed", or "" for a request that did
	// not fail.
	Now string `json:"now"`
	// Failing is the subject's failure now, nil for none.
	Failing *FailedUser `json:"failing"`
	// FixedBy is the success that came after the failure, where it is known.
	FixedBy *Entry `json:"fixedBy"`
}

// Diagnosis is what the text of an error means.
type Diagnosis struct {
	// Found is "request", "requests", "causes" or "nothing".
	Found string `json:"found"`
	// By is how it was found: "id", "text", "subject", "words", "status", or "".
	By string `json:"by"`
	// Detail says how the text was matched, or why it was not.
	Detail string `json:"detail"`
	// Missing says which part of the text is missing, "" for none.
	Missing string `json:"missing"`
	// RequestID is the request id that the text names, "" for none.
	RequestID string `json:"requestId"`
	IdP       string `json:"idp"`
	// Status is the HTTP status that the text shows, 0 for none.
	Status int `json:"status"`
	// Explanation is that of the request that is found, nil for none.
	Explanation *Explanation `json:"explanation"`
	// Requests are those that the text may be of, the newest of each user or group;
	// More reports that there are others.
	Requests []Entry     `json:"requests"`
	More     bool        `json:"more"`
	Causes   []CauseText `json:"causes"`
}

// Overview is the state of a tenant's provisioning.
type Overview struct {
	// State is how provisioning goes: off, failing, waiting, warning or ok; Summary says
	// it in a sentence, and Notices are the reasons, the most urgent first.
	State   string   `json:"state"`
	Summary string   `json:"summary"`
	Notices []Notice `json:"notices"`
	Seats   Count    `json:"seats"`
	Readers Count    `json:"readers"`
	Users   int64    `json:"users"`
	Groups  int64    `json:"groups"`
	// Failing is the number of failed users and groups, and FailingCauses how many by
	// each cause; FailingMore reports that there are more.
	Failing       int            `json:"failing"`
	FailingMore   bool           `json:"failingMore"`
	FailingCauses map[string]int `json:"failingCauses"`
	// LastSync are the newest requests of each identity provider that wanted to change
	// something, LastSeen the times of its newest requests of all.
	LastSync []Entry    `json:"lastSync"`
	LastSeen []LastSeen `json:"lastSeen"`
	// Warnings count the requests that succeeded with a warning, by cause.
	Warnings []WarningCount `json:"warnings"`
	// Failures are counted by cause, in equal spans of time from the oldest.
	Failures []FailureSpan `json:"failures"`
	// FailuresPartial reports that there were more than were counted: the oldest spans
	// are not whole.
	FailuresPartial bool `json:"failuresPartial"`
}

// Notice is one thing that whoever administers a tenant should know of its provisioning.
type Notice struct {
	Kind string `json:"kind"`
	// Level is error, warning or info.
	Level string `json:"level"`
	Text  string `json:"text"`
	// Cause and Outcome are those of the requests that it is about, "" for none.
	Cause   string `json:"cause"`
	Outcome string `json:"outcome"`
	// Count is how many there were, 0 for a notice that counts nothing; AtLeast reports
	// that there may have been others.
	Count         int64      `json:"count"`
	AtLeast       bool       `json:"atLeast"`
	Last          *time.Time `json:"last"`
	IdP           string     `json:"idp"`
	TokenID       string     `json:"tokenId"`
	TokenLastFour string     `json:"tokenLastFour"`
	ExpiresAt     *time.Time `json:"expiresAt"`
	WhatToDo      string     `json:"whatToDo"`
	Documentation string     `json:"documentation"`
}

// LastSeen is when an identity provider sent its newest request with a valid token, to
// the minute.
type LastSeen struct {
	IdP     string    `json:"idp"`
	Time    time.Time `json:"time"`
	TokenID string    `json:"tokenId"`
}

// WarningCount counts the requests with a warning of one cause; AtLeast reports that
// there may have been others.
type WarningCount struct {
	Cause   string    `json:"cause"`
	Count   int64     `json:"count"`
	AtLeast bool      `json:"atLeast"`
	Last    time.Time `json:"last"`
}

// Count is a number in use and its limit; Limit is nil for no limit.
type Count struct {
	Used  int64  `json:"used"`
	Limit *int64 `json:"limit"`
}

// FailureSpan are the failures of a span of time by cause.
type FailureSpan struct {
	From   time.Time      `json:"from"`
	To     time.Time      `json:"to"`
	Causes map[string]int `json:"causes"`
}

// CauseText is the meaning of a cause.
type CauseText struct {
	Cause    string `json:"cause"`
	Status   int    `json:"status"`
	ScimType string `json:"scimType"`
	Summary  string `json:"summary"`
	// WhatToDo is for an identity provider that is not known, and Advice for each of
	// those whose screens are, by the names that entries have in IdP.
	WhatToDo      string            `json:"whatToDo"`
	Advice        map[string]string `json:"advice"`
	Documentation string            `json:"documentation"`
	// Where is the place of requests with this cause: "log" or "cloudwatch".
	Where string `json:"where"`
}

// LogQuery is a search of the log; zero members are left out.
type LogQuery struct {
	// Subject is a whole userName, displayName, primary email, externalId or id.
	Subject      string
	Cause        string
	Outcome      string
	From, To     time.Time
	After        string
	Limit        int
	ResourceType string
}

// LogPage is a page of entries, newest first.
type LogPage struct {
	Entries []Entry `json:"entries"`
	// Next is the After of the next page, "" at the end.
	Next string `json:"next"`
	// SearchedTo is the time back to which the log was searched for this page, nil at
	// its end.
	SearchedTo *time.Time `json:"searchedTo"`
	// Nothing says why the search found nothing, nil where it found something.
	Nothing *Nothing `json:"nothing"`
}

// Nothing says why a search found nothing.
type Nothing struct {
	// Reason is "empty", "no_match", "unknown_subject", "no_entry", "other_entries",
	// "not_failing" or "before_retention".
	Reason string `json:"reason"`
	// Detail says what was searched and why nothing was found.
	Detail string `json:"detail"`
	// Newest is the time of the subject's newest entry, nil where none is known.
	Newest *time.Time `json:"newest"`
	// Similar are names like the one that was not found.
	Similar []string `json:"similar"`
	// LogDays is how many days the log keeps entries.
	LogDays int `json:"logDays"`
}

// FailedPage is a page of failed users and groups.
type FailedPage struct {
	FailedUsers []FailedUser `json:"failedUsers"`
	Next        string       `json:"next"`
	// Nothing says why the search found nothing, nil where it found something.
	Nothing *Nothing `json:"nothing"`
}

// get reads a document.
func get[D any](ctx context.Context, c *Client, path string, query url.Values) (D, error) {
	var document D
	answer, _, err := c.Do(ctx, http.MethodGet, path, query, nil)
	if err == nil {
		err = json.Unmarshal(answer, &document)
	}
	return document, err
}

func below(tenant string, segments ...string) string {
	path := "/tenants/" + url.PathEscape(tenant)
	for _, segment := range segments {
		path += "/" + url.PathEscape(segment)
	}
	return path
}

func (q LogQuery) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"subject": q.Subject, "cause": q.Cause, "outcome": q.Outcome, "after": q.After, "resourceType": q.ResourceType,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// Log reads a page of a tenant's provisioning log, newest first.
func (c *Client) Log(ctx context.Context, tenant string, q LogQuery) (LogPage, error) {
	return get[LogPage](ctx, c, below(tenant, "log"), q.values())
}

// FailedUsers reads a page of the failing users and groups. Of the query it uses
// Subject, Cause, ResourceType, After and Limit.
func (c *Client) FailedUsers(ctx context.Context, tenant string, q LogQuery) (FailedPage, error) {
	return get[FailedPage](ctx, c, below(tenant, "failed-users"), q.values())
}

// Request reads what is known of one request.
func (c *Client) Request(ctx context.Context, tenant, id string) (Explanation, error) {
	return get[Explanation](ctx, c, below(tenant, "requests", id), nil)
}

// Explain reads what the pasted text of an error means. Tokens in it are replaced
// before it is sent; redacted reports that there were some.
func (c *Client) Explain(ctx context.Context, tenant, pasted string) (d Diagnosis, redacted bool, err error) {
	text, redacted := errortext.Clean(pasted)
	answer, _, err := c.Do(ctx, http.MethodPost, below(tenant, "explanations"), nil, map[string]any{"text": text})
	if err == nil {
		err = json.Unmarshal(answer, &d)
	}
	return d, redacted, err
}

// Overview reads the state of a tenant's provisioning.
func (c *Client) Overview(ctx context.Context, tenant string) (Overview, error) {
	return get[Overview](ctx, c, below(tenant, "overview"), nil)
}

// Causes reads the meanings of all causes.
func (c *Client) Causes(ctx context.Context) ([]CauseText, error) {
	list, err := get[struct {
		Causes []CauseText `json:"causes"`
	}](ctx, c, "/causes", nil)
	return list.Causes, err
}
