package console

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/amount"
)

// explained is one entry of a request, in full.
type explained struct {
	Row   entryRow
	Entry adminwire.Entry
	// Number is the entry's place, from 1, for ids of elements.
	Number      int
	Summary     string
	Docs        string
	Concerned   []memberRow
	Seats       *seatsText
	TheSubject  string
	HistoryTo   string
	OutcomeText string
	// PageTo is the page of the user or group, "" if it has none.
	PageTo string
	// Token is the label and the last characters of the token, "" if they are not known.
	Token string
}

// memberRow is a member that a group's failure or warning is about.
type memberRow struct {
	ID, Subject, State string
	Failure            *failedRow
	HistoryTo          string
}

// seatsText are the seats at the time of an entry.
type seatsText struct {
	Then   string
	AsOf   *When
	Change []string
}

// explain: GET /console/t/{tenant}/requests/{request} shows what is known of one
// request.
func (c *site) explain(q *request) (page, error) {
	x, err := q.client.Request(q.Context(), q.tenant, q.parameters["request"])
	return c.explanation(q, x, err)
}

// explanation returns the page that explains a request, or that says why it could not be
// read.
func (c *site) explanation(q *request, x adminwire.Explanation, err error) (page, error) {
	var refusal *adminclient.Problem
	if errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
		return page{status: http.StatusNotFound, name: "problem", title: "Request not found in the log", here: "Log", data: problem{
			What: "Request not found in the log", Why: refusal.Detail, Request: refusal.RequestID,
			Do: []string{
				"Check the id: paste the whole text that the identity provider shows into the first field of the log.",
				"The log has no request with an unknown token, one a minute of those with a revoked or expired token, and few of those that only read. CloudWatch has them all: run the saved query one-request with the id. On this machine they are in the output of rollcall local.",
				"Check the tenant: requests of other tenants are not shown here.",
			},
		}}, nil
	}
	if err != nil {
		return page{}, err
	}
	now := c.now()
	entries := make([]explained, len(x.Entries))
	tokens := c.tokensOf(q, x.Entries)
	for i, e := range x.Entries {
		if entries[i], err = c.explainEntry(q, e, i+1, now); err != nil {
			return page{}, err
		}
		entries[i].Token = tokens[e.TokenID]
	}
	data := map[string]any{"RequestID": x.RequestID, "Entries": entries, "Now": x.Now, "Failing": (*failedRow)(nil), "FixedBy": (*entryRow)(nil), "SameRequest": false, "Check": (*checkForm)(nil), "Checked": (*checked)(nil)}
	if x.Failing != nil {
		row := newFailedRow(q.at, *x.Failing, now)
		data["Failing"], data["SameRequest"] = &row, x.Failing.RequestID == x.RequestID
		data["Check"] = &checkForm{To: q.at.of("requests", x.RequestID, "check"), Token: q.visit.formToken()}
		if x.Failing.Check != nil {
			data["Checked"] = newChecked(q.at, *x.Failing.Check, now)
		}
	}
	if x.FixedBy != nil {
		row := newEntryRow(q.at, *x.FixedBy, now)
		data["FixedBy"] = &row
	}
	here := "Log"
	if x.Now == "failing" {
		here = "Failed users"
	}
	return page{name: "explain", title: "Details of a request", here: here, data: data}, nil
}

// tokensOf returns the labels and last characters of the tenant's tokens, by id, if an
// entry names a token. If they cannot be read, the page shows only the token's id.
func (c *site) tokensOf(q *request, entries []adminwire.Entry) map[string]string {
	if !slices.ContainsFunc(entries, func(e adminwire.Entry) bool { return e.TokenID != "" }) {
		return nil
	}
	all, err := q.client.Tokens(q.Context(), q.tenant)
	if err != nil {
		return nil
	}
	return tokenNames(all)
}

// pageOf returns the address of the page of a user or group, "" without its id.
func pageOf(at home, resourceType, id string) string {
	switch {
	case id == "":
		return ""
	case resourceType == "User":
		return at.of("users", id)
	case resourceType == "Group":
		return at.of("groups", id)
	}
	return ""
}

// explainEntry returns an entry with the meaning of its cause.
func (c *site) explainEntry(q *request, e adminwire.Entry, n int, now time.Time) (explained, error) {
	x := explained{
		Row: newEntryRow(q.at, e, now), Entry: e, Number: n, Docs: documentation(e.Documentation),
		TheSubject: firstOf(e.Subject, e.ExternalID, e.ResourceID), HistoryTo: historyOf(q.at, e.ResourceID, e.Subject, e.ExternalID),
		OutcomeText: outcomeText(e), PageTo: pageOf(q.at, e.ResourceType, e.ResourceID),
	}
	if e.Cause != "" {
		meaning, ok, err := c.meaning(q, e.Cause)
		if err != nil {
			return x, err
		}
		if ok {
			x.Summary = meaning.Summary
			x.Entry.WhatToDo = firstOf(e.WhatToDo, meaning.WhatToDo)
			x.Docs = firstOf(x.Docs, documentation(meaning.Documentation))
		}
	}
	for _, m := range e.Members {
		row := memberRow{ID: m.ID, Subject: m.Subject, State: m.State, HistoryTo: historyOf(q.at, m.ID, m.Subject, "")}
		if m.Failure != nil {
			f := newFailedRow(q.at, *m.Failure, now)
			row.Failure = &f
		}
		x.Concerned = append(x.Concerned, row)
	}
	if e.Seats != nil {
		x.Seats = newSeatsText(*e.Seats, now)
	}
	return x, nil
}

// outcomeText returns the outcome of a request in a sentence.
func outcomeText(e adminwire.Entry) string {
	switch e.Outcome {
	case "success":
		return "The change was made."
	case "warning":
		return "The change was made, with a warning."
	case "failure":
		switch e.Cause {
		case "outcome_unknown", "unfinished":
			return "The outcome was not known when the request was answered."
		}
		return "The request was refused. Nothing was changed."
	case "skipped":
		return "There was nothing to change."
	}
	return ""
}

// newSeatsText returns the seats at the time of an entry, nil where none are known.
func newSeatsText(s adminwire.Seats, now time.Time) *seatsText {
	t := &seatsText{AsOf: whenOf(s.AsOf, now)}
	if s.Used != nil {
		t.Then = newMeter("", "", "seat", adminwire.Count{Used: *s.Used, Limit: s.Limit.Value}, "").Text
	}
	for _, change := range []struct {
		n    int64
		noun string
	}{{s.Delta, "seat"}, {s.ReadersDelta, "reader"}} {
		switch {
		case change.n > 0:
			t.Change = append(t.Change, amount.Count(change.n, change.noun)+" taken")
		case change.n < 0:
			t.Change = append(t.Change, amount.Count(-change.n, change.noun)+" freed")
		}
	}
	if t.Then == "" && len(t.Change) == 0 {
		return nil
	}
	return t
}

// Changes returns the seats taken and freed, in words.
func (t *seatsText) Changes() string { return strings.Join(t.Change, ", ") }
