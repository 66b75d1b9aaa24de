package console

import (
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// effectRow is the effect of a fix.
type effectRow struct {
	Text string
	// Fixed are those that the fix is for, and Left those that then fail for another reason.
	Fixed, Left []effectOn
	// More is how many others there are.
	More int
}

// effectOn is a failing user or group of a fix.
type effectOn struct{ Subject, SubjectTo, Check string }

// effects are the effects of the possible fixes.
type effects struct {
	Rows    []effectRow
	Blocked string
	More    bool
}

// maxEffectOn is how many users and groups of an effect the page names.
const maxEffectOn = 20

// newEffects returns the effects of the possible fixes, nil if there are none.
func newEffects(at home, found adminwire.FailedUsers) *effects {
	if len(found.Effects) == 0 {
		return nil
	}
	e := &effects{Blocked: found.Blocked, More: found.EffectsMore}
	for _, one := range found.Effects {
		row := effectRow{Text: one.Text}
		for _, on := range slices.Concat(one.Fixed, one.Open) {
			row.Fixed = append(row.Fixed, newEffectOn(at, on))
		}
		for _, on := range one.Left {
			row.Left = append(row.Left, newEffectOn(at, on))
		}
		row.More = max(len(row.Fixed)-maxEffectOn, 0) + max(len(row.Left)-maxEffectOn, 0)
		row.Fixed, row.Left = row.Fixed[:min(len(row.Fixed), maxEffectOn)], row.Left[:min(len(row.Left), maxEffectOn)]
		e.Rows = append(e.Rows, row)
	}
	return e
}

func newEffectOn(at home, on adminwire.EffectOn) effectOn {
	return effectOn{
		Subject:   firstOf(string(on.Subject), string(on.ExternalID), string(on.ResourceID)),
		SubjectTo: at.of("requests", on.RequestID), Check: on.Check.Text,
	}
}

// moreLicences returns what more seats and more Reader licences fix, "" for those that no
// failing user needs.
func (c *site) moreLicences(q *request, o adminwire.Overview) (seats, readers string, err error) {
	if o.FailingCauses["seat_limit"]+o.FailingCauses["reader_limit"] == 0 {
		return "", "", nil
	}
	found, err := q.client.FailedUsersAndEffects(q.Context(), q.tenant, adminwire.LogQuery{Page: adminwire.Page{Limit: 1}})
	for _, e := range found.Effects {
		switch e.Fix {
		case "seats":
			seats = e.Text
		case "readers":
			readers = e.Text
		}
	}
	return seats, readers, err
}

// with returns the meter with what more of them fix.
func (m meter) with(at home, effect string) meter {
	if effect != "" {
		m.Effect, m.EffectTo = effect, at.of("failed")
	}
	return m
}

// checked is what a failed request would do now.
type checked struct {
	Result, Text, WhatToDo string
	Holder                 *holderRow
	At                     *When
}

// holderRow is the record that already has what a request needs.
type holderRow struct{ Name, State, To string }

func newChecked(at home, check adminwire.Check, now time.Time) *checked {
	c := &checked{Result: check.Result, Text: check.Text, WhatToDo: check.WhatToDo, At: when(now, now)}
	if h := check.Holder; h != nil {
		c.Holder = &holderRow{Name: h.Name, State: h.State, To: pageOf(at, h.ResourceType, h.ID)}
	}
	return c
}

// checkForm is the form that checks a failure again.
type checkForm struct{ To, Token string }

// checkAgain: POST /console/t/{tenant}/requests/{request}/check shows what the subject's last
// failed request would do now. It changes nothing; it is a form, so that no link, and no
// browser that loads links in advance, causes its reads.
func (c *site) checkAgain(q *request) (page, error) {
	x, err := q.client.CheckedRequest(q.Context(), q.tenant, q.parameters["request"])
	return c.explanation(q, x, err)
}
