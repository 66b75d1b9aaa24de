package adminapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/errortext"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// explainText: POST /tenants/{tenant}/explanations explains the text of an error as an
// identity provider shows it: by the request id in it, else by its words. A text has
// names in it, so it is sent in a body and not in a URL, and nothing of it is kept.
func (s *Service) explainText(ctx context.Context, q *request) (*reply, error) {
	var body adminwire.PastedText
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	if len(body.Text) > errortext.MaxText || strings.TrimSpace(body.Text) == "" {
		return nil, &problem{kind: kindInvalid, detail: fmt.Sprintf("text must be the text of an error, of at most %d bytes.", errortext.MaxText)}
	}
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return nil, err
	}
	d, err := s.Provisioning.Diagnose(ctx, q.tenant, body.Text)
	if err != nil {
		return nil, err
	}
	return ok(diagnosisDocument(d, t.Settings, q.start))
}

func diagnosisDocument(d provlog.Diagnosis, settings tenant.Settings, now time.Time) adminwire.Diagnosis {
	document := adminwire.Diagnosis{
		Found: "nothing", By: string(d.Match), Detail: diagnosisDetail(d, settings), Missing: missingPart(d),
		RequestID: d.Text.RequestID, IdP: d.Text.IdP, Status: d.Text.Status,
		Requests: listOf(d.Requests, listedEntry), Causes: listOf(d.Causes, func(c cause.Cause) adminwire.Cause {
			document := causeDocument(c)
			document.WhatToDo = c.Advice(d.Remedy, idp.Provider(d.Text.IdP))
			return document
		}),
	}
	switch {
	case d.Explanation != nil:
		document.Found, document.Explanation = "request", new(explanationDocument(*d.Explanation, now))
	case len(d.Requests) > 0:
		document.Found = "requests"
	case len(d.Causes) > 0:
		document.Found = "causes"
	}
	if len(d.Requests) > 0 {
		document.More = adminwire.Of(d.More)
	}
	return document
}

// diagnosisDetail says how the text was matched, or why it was not.
func diagnosisDetail(d provlog.Diagnosis, settings tenant.Settings) string {
	x := d.Text
	switch {
	case d.Match == provlog.ByID && d.Explanation != nil && x.CutID != "":
		return "The request id in the text is cut off; one request of this tenant has an id that begins so."
	case d.Match == provlog.ByID && d.Explanation != nil:
		return "The text has the id of the request."
	case d.Match == provlog.ByID:
		return "The request id in the text is cut off, and several failed requests have an id that begins so: the newest of each user or group is listed."
	case d.Match == provlog.ByText && d.Explanation != nil:
		return "The text has no request id that the log knows. It matches one failed request of this tenant."
	case d.Match == provlog.ByText:
		return "The text has no request id that the log knows. It matches several failed requests: the newest of each user or group is listed."
	case d.Match == provlog.BySubject && d.Explanation != nil:
		return "The text has no request id that the log knows. This is the newest failed request for the user or group that it names."
	case d.Match == provlog.BySubject:
		return "The text has no request id that the log knows. These are the newest failed requests for the users and groups that it names."
	}
	var said []string
	switch {
	case x.RequestID != "":
		said = append(said, fmt.Sprintf("The log has no request with the id %s: it keeps change requests of this tenant for %s. Of requests with a revoked or expired token it keeps one a minute, of those with an unknown token none, and of reads only some that were refused.",
			x.RequestID, amount.Count(int64(settings.LogDays), "day")))
	case d.Match == provlog.ByWords:
		said = append(said, fmt.Sprintf("The request was not found: the text has no request id, and none of the %s compared has this text.", amount.Count(int64(d.Searched), "failed request")))
	}
	switch {
	case d.Match == provlog.ByWords && len(d.Causes) == 1:
		said = append(said, "The cause is recognized by its words.")
		if what := d.Remedy.Happened(); what != "" {
			said = append(said, what)
		}
	case d.Match == provlog.ByWords:
		said = append(said, "These causes have the words of the text.")
	case d.Match == provlog.ByStatus:
		said = append(said, fmt.Sprintf("The text shows the status %s, and no text of this service that is known. These causes have that status.", statusName(x.Status)))
	case x.Unreached:
		said = append(said, "The identity provider got no answer: it did not reach the service, or the connection broke. Check the base URL, its host name and the network between.")
	case x.Status != 0:
		said = append(said, fmt.Sprintf("The text shows the status %s, which no refusal of this service has: it comes from what is between the identity provider and the service.", statusName(x.Status)))
	case x.RequestID == "":
		said = append(said, "The text has no request id, no text of this service that is known, and no HTTP status.")
	}
	if strings.Contains(strings.ToLower(x.Code), "serviceincompatible") {
		said = append(said, "With this error code Entra says that it cannot read the answer as SCIM: check that the Tenant URL ends in /scim/v2.")
	}
	return strings.Join(said, " ")
}

func statusName(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, errortext.StatusName(status)))
}

// missingPart says which part of the text is missing and where the identity provider
// shows the whole, "" where the request is found or its id is there.
func missingPart(d provlog.Diagnosis) string {
	if d.Text.RequestID != "" || d.Explanation != nil {
		return ""
	}
	what := `The end of the whole text is missing, "(request …)", which names the request.`
	if d.Text.CutID != "" {
		what = "The rest of the request id is missing, with which the whole text ends."
	}
	switch d.Text.IdP {
	case "okta":
		return what + " Okta has the whole text in Reports > System Log: open the event, and read its outcome."
	case "entra":
		return what + " Entra has the whole text in the app's Provisioning logs: open the entry, and read its Troubleshooting & Recommendations."
	}
	return what + " It is in the identity provider's log of provisioning (Okta: Reports > System Log; Entra: the app's Provisioning logs)."
}
