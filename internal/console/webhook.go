package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// webhookRow is an endpoint as a row.
type webhookRow struct {
	ID, URL, Label string
	// Types and Tenants say in words what it gets.
	Types, Tenants string
	// State says in words how it does; Level is the class of its badge.
	State, Level string
	// Since is the time that the state names, and Why the reason of a disabled endpoint.
	Since *When
	Why   string
	// OldSecret is until when the secret before signs too.
	OldSecret *When
	// To is the address of its page; the others are of its changes.
	To, Rotate, Disable, Enable, Delete string
}

// newWebhookRow returns an endpoint as a tenant's pages show it.
func newWebhookRow(at home, w adminwire.Webhook, now time.Time) webhookRow {
	r := webhookRow{
		ID: w.ID, URL: w.URL, Label: string(w.Label), Types: allOr(w.Types, "all types"), Tenants: allOr(w.Tenants, "all tenants"),
		OldSecret: whenOf(w.OldSecretEnds, now), To: at.of("events", w.ID),
	}
	to := func(change string) string { return at.of("events", w.ID, change) }
	r.Rotate, r.Delete = to("rotate"), to("delete")
	if w.Disabled {
		r.Enable = to("enable")
	} else {
		r.Disable = to("disable")
	}
	switch {
	case w.Disabled:
		r.State, r.Level, r.Since, r.Why = "disabled", "bad", whenOf(w.DisabledAt, now), w.DisabledReason
	case w.FailingSince != nil:
		r.State, r.Level, r.Since = "failing since", "bad", whenOf(w.FailingSince, now)
		if w.PausedUntil != nil {
			r.Why = "Nothing else is sent until it answers; it is tried again " + when(*w.PausedUntil, now).Ago + "."
		}
	case w.LastSuccess != nil:
		r.State, r.Level, r.Since = "works, last delivery", "good", whenOf(w.LastSuccess, now)
	default:
		r.State = "nothing sent yet"
	}
	return r
}

// allOr joins names, or returns what an empty list means.
func allOr(names []string, all string) string {
	if len(names) == 0 {
		return all
	}
	return strings.Join(names, ", ")
}

// getsEventsOf reports whether an endpoint gets events of a tenant.
func getsEventsOf(w adminwire.Webhook, tenant string) bool {
	return len(w.Tenants) == 0 || slices.Contains(w.Tenants, tenant)
}

// webhookForm is the form of a new endpoint.
type webhookForm struct {
	URL, Label, Types string
	// OnlyThis limits it to the tenant of the page.
	OnlyThis bool
	// Wrong has the errors of the form's fields, by the name of the field.
	Wrong map[string]string
}

// readWebhookForm reads the form; what the service checks is left to it.
func readWebhookForm(q *request) (f webhookForm, w adminwire.NewWebhook) {
	f = webhookForm{
		URL: strings.TrimSpace(q.PostForm.Get("url")), Label: strings.TrimSpace(q.PostForm.Get("label")),
		Types: strings.TrimSpace(q.PostForm.Get("types")), OnlyThis: q.PostForm.Get("tenants") == "this", Wrong: map[string]string{},
	}
	if f.URL == "" {
		f.Wrong["url"] = "Enter the https URL of your application that gets events."
	}
	if len(f.Label) > maxLabel || strings.ContainsFunc(f.Label, text.Hidden) {
		f.Wrong["label"] = "Enter one line of at most 100 bytes, without invisible characters."
	}
	w = adminwire.NewWebhook{URL: f.URL, Label: f.Label, Types: strings.FieldsFunc(f.Types, func(r rune) bool { return r == ',' || r == ' ' })}
	if f.OnlyThis {
		w.Tenants = []string{q.tenant}
	}
	return f, w
}

// events: GET /console/t/{tenant}/events
func (c *site) events(q *request) (page, error) { return c.eventsPage(q, webhookForm{}) }

func (c *site) eventsPage(q *request, f webhookForm) (page, error) {
	// It answers for the tenant, of which a list of endpoints knows nothing.
	if _, err := q.client.Tenant(q.Context(), q.tenant); err != nil {
		return page{}, err
	}
	all, err := q.client.Webhooks(q.Context())
	if err != nil {
		return page{}, err
	}
	rows := []webhookRow{}
	for _, w := range all {
		if getsEventsOf(w, q.tenant) {
			rows = append(rows, newWebhookRow(q.at, w, c.now()))
		}
	}
	newest, err := c.newestEvents(q)
	if err != nil {
		return page{}, err
	}
	p := page{name: "events", title: "Events", here: "Events", data: map[string]any{
		"Newest": newest, "Rows": rows, "Others": len(all) - len(rows), "Form": f, "To": q.at.of("events"), "Token": q.visit.formToken(),
	}}
	if len(f.Wrong) > 0 || newest.Wrong != "" {
		p.status = http.StatusBadRequest
	}
	return p, nil
}

// createWebhook: POST /console/t/{tenant}/events registers an endpoint. The next page shows its
// secret, so that reloading the page does not register a second one.
func (c *site) createWebhook(q *request) (page, error) {
	f, w := readWebhookForm(q)
	if len(f.Wrong) > 0 {
		return c.eventsPage(q, f)
	}
	made, err := q.client.CreateWebhook(q.Context(), w)
	if detail, field := formFault(err); field != "" {
		f.Wrong[field] = detail
		return c.eventsPage(q, f)
	}
	if err != nil {
		return page{}, err
	}
	return c.keepSecret(q, made), nil
}

// formFault returns the detail of a refusal that a field of the form is the reason for, and the
// field; "" for any other error.
func formFault(err error) (detail, field string) {
	var refused *adminclient.Problem
	if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest && refused.Kind() != "taken" {
		return "", ""
	}
	for begin, field := range map[string]string{"url ": "url", "The URL ": "url", "types": "types"} {
		if strings.HasPrefix(refused.Detail, begin) {
			return refused.Detail, field
		}
	}
	return "", ""
}

// keepSecret keeps a new secret for the page that shows it.
func (c *site) keepSecret(q *request, made adminwire.WebhookWithSecret) page {
	q.visit.keep(minted{tenant: q.tenant, id: made.ID, label: made.URL, text: made.Secret, expires: made.OldSecretEnds, kind: webhookSecret})
	return goOn(q.at.of("webhook-secret"))
}

// webhookSecret: GET /console/t/{tenant}/webhook-secret shows a new secret, once.
func (c *site) webhookSecret(q *request) (page, error) {
	events := q.at.of("events")
	if q.Method == http.MethodHead || ahead(q.Request) {
		return goOn(events), nil
	}
	m := q.visit.shown(q.tenant, webhookSecret)
	if m == nil {
		return page{status: http.StatusGone, name: "problem", title: "Secret already shown", here: "Events", data: problem{
			What: "Secret already shown", Why: "A secret is shown only once.",
			Do: []string{"If it is lost, create a new one: Events, the endpoint, New secret."},
		}}, nil
	}
	return page{name: "secret", title: "New secret", here: "Events", data: map[string]any{
		"URL": m.label, "Text": m.text, "OldEnds": whenOf(m.expires, c.now()), "To": q.at.of("events", m.id),
	}}, nil
}

// attemptRow is an attempt as a row.
type attemptRow struct {
	At     *When
	Took   string
	Result string
	Answer string
}

func newAttemptRow(t adminwire.WebhookAttempt, now time.Time) attemptRow {
	r := attemptRow{At: when(t.Time, now), Took: fmt.Sprintf("%d ms", t.DurationMs), Result: t.Error, Answer: t.Answer}
	if t.Status != 0 {
		r.Result = strings.TrimSpace(fmt.Sprintf("%d %s", t.Status, http.StatusText(t.Status)))
		if t.Error != "" {
			r.Result += ": " + t.Error
		}
	}
	return r
}

// deliveryRow is an event that was sent, or waits, as a row.
type deliveryRow struct {
	Event, Type, Tenant   string
	ResourceType, Subject string
	// State says in words how it stands; Level is the class of its badge.
	State, Level   string
	Committed, At  *When
	Why            string
	Count, Earlier int
	// Again reports whether it can be sent again: no attempt follows by itself.
	Again    bool
	Attempts []attemptRow
}

func newDeliveryRow(d adminwire.WebhookDelivery, now time.Time) deliveryRow {
	r := deliveryRow{
		Event: d.EventID, Type: d.Type, Tenant: d.Tenant, ResourceType: d.ResourceType, Subject: d.ResourceID,
		Committed: when(d.Committed, now), Why: d.Reason, Count: d.Count, Earlier: d.Count - len(d.Attempts),
	}
	switch {
	case d.State == "delivered":
		r.State, r.Level, r.At, r.Again = "delivered", "good", whenOf(d.DeliveredAt, now), true
	case d.State == "failed":
		r.State, r.Level, r.Again = "given up", "bad", true
	case d.Count == 0:
		r.State = "waits"
	default:
		r.State, r.Level, r.At = "failed, next attempt", "warn", whenOf(d.NextAttempt, now)
	}
	for _, t := range slices.Backward(d.Attempts) {
		r.Attempts = append(r.Attempts, newAttemptRow(t, now))
	}
	return r
}

// redeliveryForm is the form of a time whose events are sent again.
type redeliveryForm struct {
	From, To string
	// Wrong has the errors of the form's fields, by the name of the field.
	Wrong map[string]string
}

// testWebhook: POST /console/t/{tenant}/events/{webhook}/test sends an event at once. The page
// says what came of it.
func (c *site) testWebhook(q *request) (page, error) {
	w, p, err := c.webhookOf(q)
	if err != nil || p.name != "" {
		return p, err
	}
	tested, err := q.client.TestWebhook(q.Context(), w.ID)
	if err != nil {
		return page{}, err
	}
	return page{name: "tested", title: "Test", here: "Events", data: map[string]any{
		"URL": w.URL, "Delivered": tested.Delivered, "Attempt": newAttemptRow(tested.Attempt, c.now()), "Back": q.at.of("events", w.ID),
	}}, nil
}

// redeliver: POST /console/t/{tenant}/events/{webhook}/redeliver sends the events of a time
// again, or one event.
func (c *site) redeliver(q *request) (page, error) {
	w, p, err := c.webhookOf(q)
	if err != nil || p.name != "" {
		return p, err
	}
	f := redeliveryForm{From: strings.TrimSpace(q.PostForm.Get("from")), To: strings.TrimSpace(q.PostForm.Get("to")), Wrong: map[string]string{}}
	body := adminwire.Redelivery{EventID: q.PostForm.Get("event"), Tenant: q.tenant}
	if body.EventID == "" {
		from, to, ok := f.read()
		if !ok {
			return c.webhookPage(q, w, f)
		}
		body = adminwire.Redelivery{From: from, To: to}
	}
	done, err := q.client.Redeliver(q.Context(), w.ID, body)
	var refused *adminclient.Problem
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest && body.EventID == "" {
		f.Wrong["from"] = refused.Detail
		return c.webhookPage(q, w, f)
	}
	if err != nil {
		return page{}, err
	}
	notice := amount.Count(done.Events, "event") + " will be sent again."
	if !done.Complete {
		notice += " The service finds further ones within minutes."
	}
	q.visit.storeNotice(notice)
	return goOn(q.at.of("events", w.ID)), nil
}

// read returns the times of the form; ok is false if one of them is wrong.
func (f redeliveryForm) read() (from, to *time.Time, ok bool) {
	begin, fromOK := readTime(f.From)
	end, toOK := readTime(f.To)
	if !fromOK || f.From == "" {
		f.Wrong["from"] = "Enter a time, for example 2027-01-31 12:00."
	}
	if !toOK {
		f.Wrong["to"] = "Enter a time, for example 2027-01-31 12:00, or leave it empty for now."
	}
	if from = &begin; f.To != "" {
		to = &end
	}
	return from, to, len(f.Wrong) == 0
}

// deliveryStates are the choices of the list of deliveries.
var deliveryStates = []choice{{Value: "", Label: "tried"}, {Value: "failed", Label: "given up"}, {Value: "pending", Label: "waiting"}, {Value: "delivered", Label: "delivered"}}

// webhook: GET /console/t/{tenant}/events/{webhook}
func (c *site) webhook(q *request) (page, error) {
	w, p, err := c.webhookOf(q)
	if err != nil || p.name != "" {
		return p, err
	}
	return c.webhookPage(q, w, redeliveryForm{})
}

func (c *site) webhookPage(q *request, w adminwire.Webhook, f redeliveryForm) (page, error) {
	state := q.URL.Query().Get("state")
	known := slices.ContainsFunc(deliveryStates, func(s choice) bool { return s.Value == state })
	if !known {
		state = ""
	}
	found, err := q.client.WebhookDeliveries(q.Context(), w.ID, adminwire.WebhookDeliveriesQuery{
		Page: adminwire.Page{After: q.URL.Query().Get("after"), Limit: 50}, State: state, Tenant: q.tenant,
	})
	if err != nil {
		return page{}, err
	}
	rows := make([]deliveryRow, len(found.Deliveries))
	for i, d := range found.Deliveries {
		rows[i] = newDeliveryRow(d, c.now())
	}
	to := q.at.of("events", w.ID)
	data := map[string]any{
		"Row": newWebhookRow(q.at, w, c.now()), "Deliveries": rows, "States": chosenStates(state), "To": to,
		"Form": f, "TestTo": to + "/test", "RedeliverTo": to + "/redeliver",
		"Searched": state != "" || q.URL.Query().Has("after"), "Token": q.visit.formToken(),
	}
	if found.Next != "" {
		data["Older"] = to + question(url.Values{"state": {state}, "after": {found.Next}}.Encode())
	}
	p := page{name: "webhook", title: "Endpoint", here: "Events", data: data}
	if len(f.Wrong) > 0 {
		p.status = http.StatusBadRequest
	}
	return p, nil
}

// chosenStates returns the choices, with the chosen one.
func chosenStates(state string) []choice {
	all := slices.Clone(deliveryStates)
	for i := range all {
		all[i].Chosen = all[i].Value == state
	}
	return all
}

// webhookOf reads the endpoint that the path names; p says why there is none for the tenant.
func (c *site) webhookOf(q *request) (w adminwire.Webhook, p page, err error) {
	if w, err = q.client.Webhook(q.Context(), q.parameters["webhook"]); err != nil {
		return w, page{}, err
	}
	if !getsEventsOf(w, q.tenant) {
		p = problemPage(http.StatusNotFound, "Endpoint not found", "It does not get events of this tenant. See Events.")
	}
	return w, p, nil
}

// webhookEffect is a change of an endpoint.
type webhookEffect struct {
	title, what, button, done string
	danger                    bool
	// do makes the change. The page that it returns is shown, if it has one.
	do func(c *site, q *request, id string) (page, error)
}

// webhookEffects are the changes of an endpoint, by the last segment of the path.
var webhookEffects = map[string]webhookEffect{
	"rotate": {
		title: "New secret", button: "Create secret",
		what: "Requests are signed with the new secret and with the one before, which ends after 24 hours. Give the new one to your application in that time.",
		do: func(c *site, q *request, id string) (page, error) {
			made, err := q.client.RotateWebhook(q.Context(), id)
			if err != nil {
				return page{}, err
			}
			return c.keepSecret(q, made), nil
		},
	},
	"disable": {
		title: "Disable the endpoint", button: "Disable", danger: true, done: "Endpoint disabled. Nothing is sent to it.",
		what: "Nothing is sent to it from now on. Events of this time are not sent when you enable it again, unless you ask for them.",
		do: func(c *site, q *request, id string) (page, error) {
			_, err := q.client.ChangeWebhook(q.Context(), id, adminwire.WebhookChange{Disabled: adminwire.Of(true)})
			return page{}, err
		},
	},
	"enable": {
		title: "Enable the endpoint", button: "Enable", done: "Endpoint enabled. It gets events from now on.",
		what: "It gets events from now on, not those of the time for which it was disabled.",
		do: func(c *site, q *request, id string) (page, error) {
			_, err := q.client.ChangeWebhook(q.Context(), id, adminwire.WebhookChange{Disabled: adminwire.Of(false)})
			return page{}, err
		},
	},
	"delete": {
		title: "Delete the endpoint", button: "Delete endpoint", danger: true, done: "Endpoint deleted.",
		what: "Events that wait for it are never sent, and its secret stops to sign. This cannot be undone.",
		do: func(c *site, q *request, id string) (page, error) {
			return page{}, q.client.DeleteWebhook(q.Context(), id)
		},
	},
}

// confirmWebhook: GET /console/t/{tenant}/events/{webhook}/{change} asks before an endpoint is
// changed.
func (c *site) confirmWebhook(q *request) (page, error) {
	effect, ok := webhookEffects[q.parameters["change"]]
	if !ok {
		return noPage(), nil
	}
	w, p, err := c.webhookOf(q)
	if err != nil || p.name != "" {
		return p, err
	}
	what := []string{effect.what}
	if len(w.Tenants) != 1 {
		what = append(what, "The endpoint gets events of other tenants too: the change is for all of them.")
	}
	return page{name: "change", title: effect.title, here: "Events", data: confirmation{
		Title: effect.title, What: what, Button: effect.button, Danger: effect.danger,
		Facts: []fact{{"Endpoint", w.URL}, {"Tenants", allOr(w.Tenants, "all tenants")}},
		To:    q.at.of("events", w.ID, q.parameters["change"]), Back: q.at.of("events", w.ID), Token: q.visit.formToken(),
	}}, nil
}

// changeWebhook: POST /console/t/{tenant}/events/{webhook}/{change}
func (c *site) changeWebhook(q *request) (page, error) {
	effect, ok := webhookEffects[q.parameters["change"]]
	if !ok {
		return noPage(), nil
	}
	w, p, err := c.webhookOf(q)
	if err != nil || p.name != "" {
		return p, err
	}
	shown, err := effect.do(c, q, w.ID)
	if err != nil || shown.answer != nil || shown.name != "" {
		return shown, err
	}
	q.visit.storeNotice(effect.done)
	return goOn(q.at.of("events")), nil
}
