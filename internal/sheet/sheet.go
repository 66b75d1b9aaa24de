// Package sheet writes lists of the admin API as CSV, for a spreadsheet or a ticket. The
// admin API, the console and the command share its columns. RFC 4180
//
// Cells contain texts from outside: no cell is a formula for a spreadsheet, and none has a
// control character. The package reads nothing, and holds no list.
package sheet

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// MediaType is the media type of all sheets. RFC 7111
const MediaType = "text/csv; charset=utf-8; header=present"

// A Sheet is the form of a list of rows.
type Sheet[R any] struct {
	headings []string
	cells    func(r R) []string
}

// FailedUsers, Log, Drift, PushAgain and Offboarding are the forms of the lists.
var (
	FailedUsers = Sheet[adminwire.FailedUser]{
		headings: []string{
			"type", "subject", "externalId", "id", "operation", "cause", "detail", "whatToDo", "identityProvider", "firstFailure", "lastFailure", "failures", "request",
		},
		cells: func(f adminwire.FailedUser) []string {
			return []string{
				f.ResourceType, string(f.Subject), string(f.ExternalID), string(f.ResourceID), f.Operation, f.Cause, f.Detail, f.WhatToDo, string(f.IdP),
				moment(f.FirstFailure), moment(f.LastFailure), strconv.FormatInt(f.Count, 10), f.RequestID,
			}
		},
	}
	Log = Sheet[adminwire.Entry]{
		headings: []string{
			"time", "request", "by", "actor", "identityProvider", "operation", "action", "outcome", "status", "type", "subject", "externalId", "id",
			"cause", "detail", "whatToDo", "changed", "membersAdded", "membersRemoved", "identityProviderRequest",
		},
		cells: func(e adminwire.Entry) []string {
			return []string{
				moment(e.Time), e.RequestID, e.By, e.Who, e.IdP, e.Operation, e.Action, e.Outcome, number(e.Status), e.ResourceType, e.Subject, e.ExternalID, e.ResourceID,
				e.Cause, e.Detail, e.WhatToDo, strings.Join(e.Changed, " "), strings.Join(e.MembersAdded, " "), strings.Join(e.MembersRemoved, " "), e.IdPRequestID,
			}
		},
	}
	Drift = Sheet[adminwire.DriftItem]{
		headings: []string{"reason", "type", "subject", "externalId", "id", "modified"},
		cells: func(d adminwire.DriftItem) []string {
			return []string{d.Reason, d.ResourceType, d.Subject, string(d.ExternalID), d.ResourceID, moment(d.Modified)}
		},
	}
	PushAgain = Sheet[adminwire.PushAgainItem]{
		headings: []string{
			"reason", "group", "groupId", "user", "userId", "userState", "others", "since", "identityProvider", "sentWithoutAsking", "cause", "whatToDo",
		},
		cells: func(i adminwire.PushAgainItem) []string {
			return []string{
				i.Reason, i.Group, string(i.GroupID), i.User, i.UserID, i.UserState, number(int(i.Others)), moment(i.Since), string(i.IdP), i.SentWithoutAsking, i.Cause, i.WhatToDo,
			}
		},
	}
	Offboarding = Sheet[OffboardingRow]{
		headings: []string{
			"userId", "userName", "type", "committed", "request", "by", "actor", "identityProviderRequest", "returned",
			"acknowledged", "secondsToAcknowledge", "webhook", "url", "state", "firstAttempt", "delivered", "attempts", "reason", "event",
		},
		cells: func(r OffboardingRow) []string {
			d, e := r.Departure, r.Delivery
			return []string{
				r.UserID, d.UserName, d.Type, moment(d.Committed), d.RequestID, d.Actor.Type, d.Actor.Name, d.IdPRequestID, orMoment(d.ReturnedAt),
				strconv.FormatBool(d.Acknowledged), orNumber(d.SecondsToAcknowledge), e.WebhookID, e.URL, e.State, orMoment(e.FirstAttempt), orMoment(e.DeliveredAt),
				number(e.Attempts), e.Reason, d.EventID,
			}
		},
	}
)

// An OffboardingRow is a departure of a user at one webhook.
type OffboardingRow struct {
	UserID    string
	Departure adminwire.Departure
	Delivery  adminwire.DepartureDelivery
}

// OffboardingRows returns a row for each departure and webhook. A departure without a webhook
// has one row, whose reason says that nobody is notified.
func OffboardingRows(o adminwire.Offboarding) []OffboardingRow {
	var rows []OffboardingRow
	for _, d := range o.Departures {
		if len(d.Endpoints) == 0 {
			rows = append(rows, OffboardingRow{o.UserID, d, adminwire.DepartureDelivery{Reason: d.Notice}})
		}
		for _, e := range d.Endpoints {
			rows = append(rows, OffboardingRow{o.UserID, d, e})
		}
	}
	return rows
}

func orMoment(at *time.Time) string {
	if at == nil {
		return ""
	}
	return moment(*at)
}

func orNumber(n *float64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}

// number returns a count, "" for none.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// A Writer writes the rows of one sheet, the headings first.
type Writer[R any] struct {
	sheet Sheet[R]
	csv   *csv.Writer
}

// To returns a Writer to w, which has written the headings.
func (s Sheet[R]) To(w io.Writer) (*Writer[R], error) {
	out := &Writer[R]{sheet: s, csv: csv.NewWriter(w)}
	out.csv.UseCRLF = true
	err := out.csv.Write(s.headings)
	out.csv.Flush()
	return out, err
}

// Write writes rows, and buffers none of them.
func (w *Writer[R]) Write(rows []R) error {
	for _, r := range rows {
		cells := w.sheet.cells(r)
		for i, cell := range cells {
			cells[i] = safe(cell)
		}
		if err := w.csv.Write(cells); err != nil {
			return err
		}
	}
	w.csv.Flush()
	return w.csv.Error()
}

// formula are the first characters of cells that a spreadsheet evaluates, the full-width forms
// included.
const formula = "=+-@\t\r\n＝＋－＠"

// safe returns a cell that every spreadsheet shows as text: it puts an apostrophe before a
// formula, even one after blanks, and escapes hidden characters.
func safe(cell string) string {
	if first, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, " ")); strings.ContainsRune(formula, first) {
		cell = "'" + cell
	}
	return text.Terminal(cell)
}
