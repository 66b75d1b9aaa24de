package console

import (
	"errors"
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/errortext"
)

// likelyCause is a cause that a pasted text may have.
type likelyCause struct {
	Cause, Summary, WhatToDo, To string
	Status                       int
}

// findRequest: GET /console/t/{tenant}/requests?id= leads to the details of a request,
// by its id alone: the text of an error has names in it, and is sent by a form.
func (c *site) findRequest(q *request) (page, error) {
	if id := errortext.RequestID(q.URL.Query().Get("id")); id != "" {
		return goOn(q.at.of("requests", id)), nil
	}
	return problemPage(http.StatusBadRequest, "Request ID not found in the address",
		"Open the log and paste the text of the error into its first field."), nil
}

// explainText: POST /console/t/{tenant}/requests explains the text of an error as an
// identity provider shows it. The text is not shown again.
func (c *site) explainText(q *request) (page, error) {
	pasted := q.PostForm.Get("text")
	if strings.TrimSpace(pasted) == "" {
		return problemPage(http.StatusBadRequest, "The text is empty", "Paste the text of the error that the identity provider shows."), nil
	}
	d, redacted, err := q.client.Explain(q.Context(), q.tenant, pasted)
	var refusal *adminclient.Problem
	if id := errortext.RequestID(pasted); id != "" && errors.As(err, &refusal) && refusal.Status == http.StatusForbidden {
		// Reading a request takes less permission than explaining a text.
		return goOn(q.at.of("requests", id)), nil
	}
	if err != nil {
		return page{}, err
	}
	if d.Explanation != nil && d.By == "id" && !redacted {
		return goOn(q.at.of("requests", d.Explanation.RequestID)), nil
	}
	now := c.now()
	requests := make([]entryRow, len(d.Requests))
	for i, e := range d.Requests {
		requests[i] = newEntryRow(q.at, e, now)
	}
	if d.Explanation != nil && len(d.Explanation.Entries) > 0 {
		requests = append(requests, newEntryRow(q.at, d.Explanation.Entries[0], now))
	}
	causes := make([]likelyCause, len(d.Causes))
	for i, t := range d.Causes {
		causes[i] = likelyCause{Cause: t.Cause, Summary: t.Summary, WhatToDo: t.WhatToDo, Status: t.Status, To: q.at.address("causes", t.Cause)}
	}
	return page{name: "diagnosis", title: "Explanation of an error", here: "Log", data: map[string]any{
		"Diagnosis": d, "Redacted": redacted, "Requests": requests, "Causes": causes, "LogTo": q.at.of("log"),
	}}, nil
}
