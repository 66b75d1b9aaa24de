package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// maxSubject is the longest text that a subject is searched by, in bytes.
const maxSubject = 1024

// search is a page's search: its filters and the choices of its form.
type search struct {
	Subject, Cause, Outcome, ResourceType string
	From, Until                           string
	After                                 string
	// To is the page's own address.
	To                      string
	Causes, Outcomes, Kinds []choice
	// Wrong has the errors of the form's fields, by the name of the field.
	Wrong map[string]string
	// Set has the labels of the filters that are set, which the folded filters show.
	Set []string
	// Narrowed reports whether there are filters.
	Narrowed bool
}

// choice is one of several values.
type choice struct {
	Value, Label string
	Chosen       bool
}

// choices makes choices from pairs of value and label.
func choices(chosen string, pairs ...string) []choice {
	var list []choice
	known := false
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, choice{Value: pairs[i], Label: pairs[i+1], Chosen: pairs[i] == chosen})
		known = known || pairs[i] == chosen
	}
	if !known {
		list = append(list, choice{Value: chosen, Label: nameText(chosen).String(), Chosen: true})
	}
	return list
}

// readSearch reads a page's query.
func readSearch(q *request) search {
	v := q.URL.Query()
	s := search{
		Subject: strings.TrimSpace(v.Get("subject")), Cause: v.Get("cause"), Outcome: v.Get("outcome"), ResourceType: v.Get("resourceType"),
		From: strings.TrimSpace(v.Get("from")), Until: strings.TrimSpace(v.Get("to")), After: v.Get("after"), Wrong: map[string]string{},
	}
	s.Narrowed = s.Subject != "" || s.Cause != "" || s.Outcome != "" || s.ResourceType != "" || s.From != "" || s.Until != ""
	return s
}

// values returns the query of the same search, from its beginning.
func (s search) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"subject": s.Subject, "cause": s.Cause, "outcome": s.Outcome, "resourceType": s.ResourceType, "from": s.From, "to": s.Until,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// Newest returns the address of the search's beginning.
func (s search) Newest() string { return s.To + question(s.values().Encode()) }

// timeForms are how a browser writes the time of a form, and how it is written in our
// own pages.
var timeForms = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.RFC3339Nano, "2006-01-02"}

// readTime reads a time, in UTC unless it says otherwise, or zero if there is
// none.
func readTime(text string) (at time.Time, ok bool) {
	if text == "" {
		return time.Time{}, true
	}
	text = strings.TrimSuffix(text, " UTC")
	for _, form := range timeForms {
		if at, err := time.Parse(form, text); err == nil && at.Year() >= 1970 && at.Year() <= 9999 {
			return at, true
		}
	}
	return time.Time{}, false
}

// readTimes reads from and to, and keeps the errors of both.
func (s *search) readTimes() (from, to time.Time) {
	for name, t := range map[string]struct {
		text string
		at   *time.Time
	}{"from": {s.From, &from}, "to": {s.Until, &to}} {
		at, ok := readTime(t.text)
		if !ok {
			s.Wrong[name] = "Enter a time, for example 2026-01-31 12:00."
		}
		*t.at = at
	}
	if len(s.Wrong) == 0 && !from.IsZero() && !to.IsZero() && to.Before(from) {
		s.Wrong["to"] = "Enter a time after “From”."
	}
	return from, to
}

// history: GET /console/t/{tenant}/log shows the provisioning log, newest first.
func (c *site) history(q *request) (page, error) {
	s := readSearch(q)
	s.To = q.at.of("log")
	s.Causes = c.causeChoices(q, s.Cause)
	s.Outcomes = choices(s.Outcome, "", "Any outcome", "failure", "Failure", "warning", "Warning", "success", "Success", "skipped", "Skipped")
	s.Kinds = choices(s.ResourceType, "", "Users and groups", "User", "Users", "Group", "Groups")
	s.Set = chosenLabels(s.Outcomes, s.Causes, s.Kinds)
	if s.From != "" || s.Until != "" {
		s.Set = append(s.Set, "Time")
	}
	from, to := s.readTimes()
	if len(s.Subject) > maxSubject {
		s.Wrong["subject"] = "A name has at most 1,024 bytes."
	}
	data := map[string]any{"Search": &s, "Rows": []entryRow(nil), "More": "", "CSV": q.at.of("log.csv") + question(s.values().Encode()), "SearchedTo": (*When)(nil), "RequestsTo": q.at.of("requests"), "Token": q.visit.formToken(), "Nothing": (*nothing)(nil)}
	p := page{name: "log", title: "Provisioning log", here: "Log", data: data}
	if len(s.Wrong) > 0 {
		p.status = http.StatusBadRequest
		return p, nil
	}
	found, err := q.client.Log(q.Context(), q.tenant, adminwire.LogQuery{
		Subject: s.Subject, Cause: s.Cause, Outcome: s.Outcome, ResourceType: s.ResourceType,
		From: from, To: to, Page: adminwire.Page{After: s.After, Limit: pageSize},
	})
	if err != nil {
		return page{}, err
	}
	rows := make([]entryRow, len(found.Entries))
	for i, e := range found.Entries {
		rows[i] = newEntryRow(q.at, e, c.now())
	}
	data["Rows"], data["More"], data["SearchedTo"] = rows, more(s.To, s.values(), found.Next), whenOf(found.SearchedTo, c.now())
	data["Nothing"] = newNothing(&s, found.Nothing)
	return p, nil
}
