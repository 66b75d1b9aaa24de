package adminclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// Entry is one entry of a tenant's provisioning log: what became of one request
// that wanted to change something.
type Entry struct {
	// ID is the entry's own; it is the request's but for a part of a longer one.
	ID        string `json:"id"`
	RequestID string `json:"requestId"`
	// BulkRequestID is the bulk request that this one is an operation of.
	BulkRequestID string    `json:"bulkRequestId"`
	Time          time.Time `json:"time"`
	// By is "idp" or "app", Who is on whose behalf the application asked.
	By      string `json:"by"`
	Who     string `json:"who"`
	IdP     string `json:"idp"`
	TokenID string `json:"tokenId"`
	// IdPRequestID is the identity provider's own id of the request.
	IdPRequestID string `json:"idpRequestId"`
	// Operation is what was asked: create, replace, modify, delete, bulk, …
	Operation string `json:"operation"`
	// Action is what was done: created, updated, deactivated, …; "" for nothing.
	Action       string `json:"action"`
	ResourceType string `json:"resourceType"`
	ResourceID   string `json:"resourceId"`
	// Subject is the userName, or a group's displayName.
	Subject    string `json:"subject"`
	ExternalID string `json:"externalId"`
	// Outcome is success, warning, failure or skipped.
	Outcome  string `json:"outcome"`
	Status   int    `json:"status"`
	ScimType string `json:"scimType"`
	Cause    string `json:"cause"`
	Detail   string `json:"detail"`
	// WhatToDo and Documentation are the cause's.
	WhatToDo      string `json:"whatToDo"`
	Documentation string `json:"documentation"`
	// Changed are names of attributes, Tolerances what was not taken as it was sent.
	Changed        []string `json:"changed"`
	Tolerances     []string `json:"tolerances"`
	MembersAdded   []string `json:"membersAdded"`
	MembersRemoved []string `json:"membersRemoved"`
	// MembersSet is the size of a whole new set of members, nil for none.
	MembersSet *int `json:"membersSet"`
	// Members are those whom a failure or a warning concerns.
	Members []Member `json:"members"`
	Seats   *Seats   `json:"seats"`
}

// Member is a member whom a group's failure or warning concerns.
type Member struct {
	ID string `json:"id"`
	// Subject and State are known of a user that there is or was: active, inactive,
	// deleted; "unknown" is the state of all others.
	Subject string `json:"subject"`
	State   string `json:"state"`
	// Failure is why the member's own provisioning fails, nil where it does not.
	Failure *FailedUser `json:"failure"`
}

// Seats are the seats at the time of an entry.
type Seats struct {
	// Delta and ReadersDelta are what the request added.
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

// Explanation is all that is known of one request.
type Explanation struct {
	RequestID string  `json:"requestId"`
	Entries   []Entry `json:"entries"`
	// Now tells whether what failed is mended: "failing", "fixed", or "" for a
	// request that did not fail.
	Now string `json:"now"`
	// Failing is how the subject fails now, where it does.
	Failing *FailedUser `json:"failing"`
	// FixedBy is the success that came after the failure, where it is known.
	FixedBy *Entry `json:"fixedBy"`
}

// Overview is a tenant at one glance.
type Overview struct {
	Seats   Count `json:"seats"`
	Readers Count `json:"readers"`
	Users   int64 `json:"users"`
	Groups  int64 `json:"groups"`
	// Failing is the number of failed users and groups; FailingMore tells that there
	// are more.
	Failing     int  `json:"failing"`
	FailingMore bool `json:"failingMore"`
	// LastSync are the newest requests of each identity provider.
	LastSync []Entry `json:"lastSync"`
	// Failures are counted by cause, in equal spans of time from the oldest.
	Failures []FailureSpan `json:"failures"`
	// FailuresPartial tells that there were more than were counted: the oldest spans
	// are not whole.
	FailuresPartial bool `json:"failuresPartial"`
}

// Count is how many are used of how many; Limit is nil for no limit.
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

// CauseText is what a cause means.
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
	// Where says where requests of this cause are found: "log" or "cloudwatch".
	Where string `json:"where"`
}

// LogQuery says which entries are wanted; zero members are not asked for.
type LogQuery struct {
	// Subject is a userName, displayName, externalId or id.
	Subject      string
	Cause        string
	Outcome      string
	From, To     time.Time
	After        string
	Limit        int
	ResourceType string
}

// LogPage is a page of entries, the newest first.
type LogPage struct {
	Entries []Entry `json:"entries"`
	// Next is to be sent as After while others follow.
	Next string `json:"next"`
	// SearchedTo is the time down to which the log was searched for this page, nil
	// at its end.
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

// get asks for a document.
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

// Log reads a page of a tenant's provisioning log, the newest first.
func (c *Client) Log(ctx context.Context, tenant string, q LogQuery) (LogPage, error) {
	return get[LogPage](ctx, c, below(tenant, "log"), q.values())
}

// FailedUsers reads a page of those whose provisioning fails now. Of the query
// Subject, Cause, ResourceType, After and Limit are asked for.
func (c *Client) FailedUsers(ctx context.Context, tenant string, q LogQuery) (FailedPage, error) {
	return get[FailedPage](ctx, c, below(tenant, "failed-users"), q.values())
}

// Request reads all that is known of one request.
func (c *Client) Request(ctx context.Context, tenant, id string) (Explanation, error) {
	return get[Explanation](ctx, c, below(tenant, "requests", id), nil)
}

// Overview reads a tenant at one glance.
func (c *Client) Overview(ctx context.Context, tenant string) (Overview, error) {
	return get[Overview](ctx, c, below(tenant, "overview"), nil)
}

// Causes reads what all causes mean.
func (c *Client) Causes(ctx context.Context) ([]CauseText, error) {
	list, err := get[struct {
		Causes []CauseText `json:"causes"`
	}](ctx, c, "/causes", nil)
	return list.Causes, err
}
