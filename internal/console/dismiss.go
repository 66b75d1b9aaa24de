package console

import (
	"errors"
	"net/http"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// dismissedRow is a dismissed failure as a row.
type dismissedRow struct {
	failedRow
	At          *When
	Who, Reason string
}

// dismissed: GET /console/t/{tenant}/dismissed shows the failures that were dismissed.
func (c *site) dismissed(q *request) (page, error) {
	found, err := q.client.DismissedFailures(q.Context(), q.tenant, q.URL.Query().Get("after"), pageSize)
	if err != nil {
		return page{}, err
	}
	rows := make([]dismissedRow, 0, len(found.FailedUsers))
	for _, f := range found.FailedUsers {
		row := dismissedRow{failedRow: newFailedRow(q.at, f, c.now())}
		if d := f.Dismissed; d != nil {
			row.At, row.Who, row.Reason = when(d.Time, c.now()), d.Who, d.Reason
		}
		rows = append(rows, row)
	}
	return page{name: "dismissed", title: "Dismissed failures", here: "Failed users", data: map[string]any{
		"Rows": rows, "More": more(q.at.of("dismissed"), nil, found.Next), "FailedTo": q.at.of("failed"),
	}}, nil
}

// maxReason is the longest reason of a dismissal, in bytes.
const maxReason = 500

// dismissForm is the form of a dismissal.
type dismissForm struct {
	Reason string
	// Wrong is the error of the form, "" without one.
	Wrong string
}

// confirmDismissal: GET /console/t/{tenant}/requests/{request}/dismiss asks for the reason.
func (c *site) confirmDismissal(q *request) (page, error) {
	return c.dismissPage(q, dismissForm{})
}

func (c *site) dismissPage(q *request, f dismissForm) (page, error) {
	id := q.parameters["request"]
	x, err := q.client.Request(q.Context(), q.tenant, id)
	if err != nil {
		return page{}, err
	}
	if x.Failing == nil || x.Failing.RequestID != id {
		return notFailing("The user or group no longer fails, or it has failed again since."), nil
	}
	p := page{name: "dismiss", title: "Dismiss a failure", here: "Failed users", data: map[string]any{
		"Row": newFailedRow(q.at, *x.Failing, c.now()), "Form": f, "Token": q.visit.formToken(),
		"To": q.at.of("requests", id, "dismiss"), "Back": q.at.of("failed"),
	}}
	if f.Wrong != "" {
		p.status = http.StatusBadRequest
	}
	return p, nil
}

// notFailing returns the page for a request that is not the last failure of a user or group.
func notFailing(why string) page {
	return problemPage(http.StatusConflict, "Nothing to dismiss", why+" See Failed users.")
}

// dismiss: POST /console/t/{tenant}/requests/{request}/dismiss
func (c *site) dismiss(q *request) (page, error) {
	f := dismissForm{Reason: strings.TrimSpace(q.PostForm.Get("reason"))}
	switch {
	case f.Reason == "":
		f.Wrong = "Enter a reason: it is shown in the log and in the list of dismissed failures."
	case len(f.Reason) > maxReason || strings.ContainsFunc(f.Reason, text.Hidden):
		f.Wrong = "Enter one line of at most 500 bytes, without invisible characters."
	}
	if f.Wrong != "" {
		return c.dismissPage(q, f)
	}
	_, err := q.client.Dismiss(q.Context(), q.tenant, q.parameters["request"], adminwire.NewDismissal{Reason: f.Reason})
	var refusal *adminclient.Problem
	switch {
	case errors.As(err, &refusal) && refusal.Status == http.StatusConflict:
		return notFailing(refusal.Detail), nil
	case errors.As(err, &refusal) && refusal.Status == http.StatusBadRequest:
		f.Wrong = refusal.Detail
		return c.dismissPage(q, f)
	case err != nil:
		return page{}, err
	}
	q.visit.storeNotice("Failure dismissed. It is listed again if the user or group fails again.")
	return goOn(q.at.of("failed")), nil
}
