package console

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/sheet"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// pushReasons and sentAlone are the words of the list of what must be pushed again.
var (
	pushReasons = map[string]string{
		"member_skipped": "Member was skipped", "groups_lost": "User left the group by a deletion or a rehire", "group_refused": "Group was refused",
	}
	sentAlone = map[string]string{
		"next_cycle": "Yes, in its next cycle", "never": "No", "unknown": "Not known",
	}
)

// pushRow is a group, or a user in a group, as a row.
type pushRow struct {
	Group, GroupTo string
	// Subject is the user's name, or its id if the name is unknown.
	Subject, SubjectTo, State      string
	Reason, IdP, SentAlone, Others string
	WhatToDo                       string
	Since                          *When
}

func newPushRow(at home, i adminwire.PushAgainItem, now time.Time) pushRow {
	row := pushRow{
		Group: firstOf(i.Group, string(i.GroupID)), Subject: firstOf(i.User, i.UserID), State: i.UserState,
		Reason: firstOf(pushReasons[i.Reason], i.Reason), IdP: string(i.IdP), SentAlone: firstOf(sentAlone[i.SentWithoutAsking], i.SentWithoutAsking),
		WhatToDo: i.WhatToDo, Since: when(i.Since, now),
	}
	if i.GroupID != "" {
		row.GroupTo = at.of("groups", string(i.GroupID))
	}
	if i.User != "" {
		row.SubjectTo = at.of("users", i.UserID)
	}
	if i.Others > 0 {
		row.Others = fmt.Sprintf("and at least %d more", i.Others)
	}
	return row
}

// pushAgain: GET /console/t/{tenant}/push-again shows what the identity provider must push
// again.
func (c *site) pushAgain(q *request) (page, error) {
	after := q.URL.Query().Get("after")
	found, err := q.client.PushAgain(q.Context(), q.tenant, adminwire.Page{After: after, Limit: pageSize})
	if err != nil {
		return page{}, err
	}
	rows := make([]pushRow, len(found.PushAgain))
	for i, item := range found.PushAgain {
		rows[i] = newPushRow(q.at, item, c.now())
	}
	to := q.at.of("push-again")
	return page{name: "push", title: "Push again", here: "Push again", data: map[string]any{
		"Rows": rows, "More": more(to, nil, found.Next), "After": after, "To": to, "CSV": q.at.of("push-again.csv"),
	}}, nil
}

// The bounds of a file: a longer list is printed by the command.
const (
	filePage  = 200
	fileRows  = 10_000
	filePages = 200
)

// download returns a file with the rows of a list, up to fileRows.
func download[R any](ctx context.Context, name string, form sheet.Sheet[R], read func(ctx context.Context, p adminwire.Page) (rows []R, next string, err error)) (page, error) {
	var b bytes.Buffer
	w, err := form.To(&b)
	next, n := "", 0
	for range filePages {
		var rows []R
		if err == nil {
			rows, next, err = read(ctx, adminwire.Page{After: next, Limit: filePage})
		}
		if err == nil {
			err = w.Write(rows)
		}
		if err != nil {
			return page{}, err
		}
		if n += len(rows); next == "" || n >= fileRows {
			break
		}
	}
	return page{answer: &web.Answer{Status: http.StatusOK, Body: b.Bytes(), MediaType: sheet.MediaType, Header: map[string]string{
		"Content-Disposition": `attachment; filename="` + name + `"`,
	}}}, nil
}

// pushAgainFile: GET /console/t/{tenant}/push-again.csv
func (c *site) pushAgainFile(q *request) (page, error) {
	return download(q.Context(), "push-again.csv", sheet.PushAgain, func(ctx context.Context, p adminwire.Page) ([]adminwire.PushAgainItem, string, error) {
		found, err := q.client.PushAgain(ctx, q.tenant, p)
		return found.PushAgain, found.Next, err
	})
}

// failedFile: GET /console/t/{tenant}/failed.csv, with the search of the page.
func (c *site) failedFile(q *request) (page, error) {
	s := readSearch(q)
	return download(q.Context(), "failed-users.csv", sheet.FailedUsers, func(ctx context.Context, p adminwire.Page) ([]adminwire.FailedUser, string, error) {
		found, err := q.client.FailedUsers(ctx, q.tenant, adminwire.LogQuery{Subject: s.Subject, Cause: s.Cause, ResourceType: s.ResourceType, Page: p})
		return found.FailedUsers, found.Next, err
	})
}

// logFile: GET /console/t/{tenant}/log.csv, with the search of the page.
func (c *site) logFile(q *request) (page, error) {
	s := readSearch(q)
	from, to := s.readTimes()
	if len(s.Wrong) > 0 {
		return problemPage(http.StatusBadRequest, "Invalid time", "Go back to the log and correct the marked fields."), nil
	}
	return download(q.Context(), "log.csv", sheet.Log, func(ctx context.Context, p adminwire.Page) ([]adminwire.Entry, string, error) {
		found, err := q.client.Log(ctx, q.tenant, adminwire.LogQuery{
			Subject: s.Subject, Cause: s.Cause, Outcome: s.Outcome, ResourceType: s.ResourceType, From: from, To: to, Page: p,
		})
		return found.Entries, found.Next, err
	})
}
