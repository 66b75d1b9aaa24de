package console

import (
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// failedRow is a failing user or group as a row.
type failedRow struct {
	Subject, ExternalID, ResourceID string
	SubjectTo                       string
	Type                            string
	Cause                           string
	CauseTo                         string
	Detail, WhatToDo, Retry         string
	Documentation                   string
	First, Last                     *When
	Count                           int
	To, DismissTo                   string
}

func newFailedRow(at home, f adminwire.FailedUser, now time.Time) failedRow {
	subject, externalID, id := string(f.Subject), string(f.ExternalID), string(f.ResourceID)
	return failedRow{
		Subject: firstOf(subject, externalID, id), ExternalID: externalID, ResourceID: id,
		SubjectTo: historyOf(at, id, subject, externalID),
		Type:      f.ResourceType, Cause: f.Cause, CauseTo: at.address("causes", f.Cause),
		Detail: f.Detail, WhatToDo: f.WhatToDo, Retry: f.Retry, Documentation: documentation(f.Documentation),
		First: when(f.FirstFailure, now), Last: when(f.LastFailure, now), Count: int(f.Count),
		To: at.of("requests", f.RequestID), DismissTo: at.of("requests", f.RequestID, "dismiss"),
	}
}

// documentation returns an address that may be linked to, "" for any other.
func documentation(url string) string {
	if strings.HasPrefix(url, "https://") {
		return url
	}
	return ""
}

// failed: GET /console/t/{tenant}/failed shows the failing users and groups.
func (c *site) failed(q *request) (page, error) {
	f := readSearch(q)
	f.Kinds = choices(f.ResourceType, "", "Users and groups", "User", "Users", "Group", "Groups")
	f.Causes = c.causeChoices(q, f.Cause)
	f.Set = chosenLabels(f.Causes, f.Kinds)
	f.To = q.at.of("failed")
	read := q.client.FailedUsers
	if !f.Narrowed && f.After == "" {
		read = q.client.FailedUsersAndEffects
	}
	found, err := read(q.Context(), q.tenant, adminwire.LogQuery{
		Subject: f.Subject, Cause: f.Cause, ResourceType: f.ResourceType, Page: adminwire.Page{After: f.After, Limit: pageSize},
	})
	if err != nil {
		return page{}, err
	}
	rows := make([]failedRow, len(found.FailedUsers))
	for i, one := range found.FailedUsers {
		rows[i] = newFailedRow(q.at, one, c.now())
	}
	return page{name: "failed", title: "Failed users", here: "Failed users", data: map[string]any{
		"Search": f, "Rows": rows, "More": more(f.To, f.values(), found.Next), "Nothing": newNothing(&f, found.Nothing),
		"DismissedTo": q.at.of("dismissed"),
		"CSV":         q.at.of("failed.csv") + question(f.values().Encode()),
		"Effects":     newEffects(q.at, found), "LogTo": q.at.of("log") + question(url.Values{"subject": {f.Subject}}.Encode()),
	}}, nil
}
