package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/amount"
	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/event"
)

const webhookHelp = "WEBHOOK is a webhook's id, its label, or its URL."

func newWebhooks() *cobra.Command {
	return parent("webhooks", "endpoints of your application that get events",
		webhookAdd(), webhookList(), webhookShow(), webhookChange(), webhookDelete(), webhookRotate(),
		webhookTest(), webhookDeliveries(), webhookRedeliver())
}

// webhookPath returns the path of a webhook, and of what is below it.
func webhookPath(id string, below ...string) string {
	path := "/webhooks/" + url.PathEscape(id)
	for _, segment := range below {
		path += "/" + segment
	}
	return path
}

// webhook finds a webhook by its id, label or URL.
func (p place) webhook(ctx context.Context, name string) (adminwire.Webhook, error) {
	if credential.In(name) {
		return adminwire.Webhook{}, mistake("The argument is the secret of a webhook. Give the webhook's id, its label or its URL; 'rollcall webhooks list' lists them.")
	}
	list, err := call[adminwire.Webhooks](ctx, p, http.MethodGet, "/webhooks", nil, nil)
	if err != nil {
		return adminwire.Webhook{}, err
	}
	var found []adminwire.Webhook
	for _, w := range list.Webhooks {
		if w.ID == name || w.URL == name {
			return w, nil
		}
		if string(w.Label) == name {
			found = append(found, w)
		}
	}
	switch len(found) {
	case 0:
		return adminwire.Webhook{}, notFoundError(fmt.Sprintf("webhook not found: %q; 'rollcall webhooks list' lists them", name))
	case 1:
		return found[0], nil
	}
	return adminwire.Webhook{}, ambiguousError(fmt.Sprintf("%d webhooks have the label %q; give the id or the URL", len(found), name))
}

// webhooks offers the webhooks.
func (a *asking) webhooks(ctx context.Context, _ []string) []cobra.Completion {
	return names(ctx, a, "/webhooks", func(page adminwire.Webhooks, offer offer) {
		for _, w := range page.Webhooks {
			offer(w.ID, otherwise(text(w.Label), w.URL))
		}
	})
}

// eventTypes offers the types of events.
func eventTypes(context.Context, []string) []cobra.Completion {
	var values []cobra.Completion
	for _, t := range event.Types() {
		values = append(values, string(t))
	}
	return values
}

// webhookState says in words how an endpoint does.
func webhookState(w adminwire.Webhook) string {
	switch {
	case w.Disabled:
		return "disabled since " + seconds(w.DisabledAt) + ": " + text(w.DisabledReason)
	case w.PausedUntil != nil:
		return "paused until " + seconds(w.PausedUntil) + ", failing since " + seconds(w.FailingSince)
	case w.FailingSince != nil:
		return "failing since " + seconds(w.FailingSince)
	case w.LastSuccess == nil:
		return "nothing sent yet"
	}
	return "works, last success " + seconds(w.LastSuccess)
}

// limits returns what an endpoint is limited to.
func limits(names []string) string {
	if len(names) == 0 {
		return "all"
	}
	return text(strings.Join(names, ", "))
}

func printWebhook(w io.Writer, hook adminwire.Webhook) {
	rows := [][2]string{
		{"id", text(hook.ID)},
		{"url", text(hook.URL)},
		{"label", text(hook.Label)},
		{"types", limits(hook.Types)},
		{"tenants", limits(hook.Tenants)},
		{"state", webhookState(hook)},
		{"created", seconds(hook.Created)},
	}
	if hook.OldSecretEnds != nil {
		rows = append(rows, [2]string{"old secret", "signs until " + seconds(hook.OldSecretEnds)})
	}
	labelled(w, "", rows)
}

// showSecret prints a webhook with its new secret.
func (a *asking) showSecret(c *cobra.Command, made adminwire.WebhookWithSecret, quiet bool, advice string) error {
	return a.show(c, made, func(w io.Writer) {
		if quiet {
			fmt.Fprintln(w, made.Secret)
			return
		}
		fmt.Fprintf(w, "secret   %s\n", text(made.Secret))
		printWebhook(w, made.Webhook)
		fmt.Fprintf(w, "\nThe secret is shown only once. %s\n", advice)
	})
}

func webhookAdd() *cobra.Command {
	var a asking
	var sent adminwire.NewWebhook
	quiet := false
	c := a.add(&cobra.Command{
		Use: "add URL", Short: "register an endpoint, which gets events from now on", Args: takes(1),
		Long:    "Register an endpoint of your application, which gets events from now on.\n\nThe secret that signs them is shown only once.",
		Example: "  rollcall webhooks add https://app.example.com/hooks/rollcall\n  rollcall webhooks add https://app.example.com/hook --tenants acme",
		RunE: func(c *cobra.Command, args []string) error {
			if quiet && a.json {
				return mistake("--quiet and --json exclude each other: choose one")
			}
			sent.URL = args[0]
			made, err := connectAndCall[adminwire.WebhookWithSecret](&a, c, http.MethodPost, "/webhooks", nil, sent)
			if err != nil {
				return err
			}
			return a.showSecret(c, made, quiet, "Give it to your application now: it verifies each request with it.")
		},
	})
	c.Flags().StringSliceVar(&sent.Types, "types", nil, "`TYPES` of events, separated by commas; all without it")
	c.Flags().StringSliceVar(&sent.Tenants, "tenants", nil, "`TENANTS` whose events are sent, separated by commas; all without it")
	c.Flags().StringVar(&sent.Label, "label", "", "`TEXT` that names the webhook")
	c.Flags().BoolVar(&quiet, "quiet", false, "print only the secret")
	completesFlag(c, "types", eventTypes)
	completesFlag(c, "tenants", a.tenants)
	return completes(c, false)
}

func webhookList() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "list", Short: "list webhooks, without their secrets", Args: takes(0),
		Example: "  rollcall webhooks list",
		RunE: func(c *cobra.Command, _ []string) error {
			list, err := connectAndCall[adminwire.Webhooks](&a, c, http.MethodGet, "/webhooks", nil, nil)
			if err != nil {
				return err
			}
			return a.show(c, list, func(w io.Writer) {
				rows := make([][]string, len(list.Webhooks))
				for i, hook := range list.Webhooks {
					rows[i] = []string{text(hook.URL), text(hook.Label), limits(hook.Types), limits(hook.Tenants), webhookState(hook), text(hook.ID)}
				}
				printList(w, "webhooks", []column{{"URL", stays}, {"LABEL", left}, {"TYPES", below}, {"TENANTS", below}, {"STATE", below}, {"ID", below}}, rows)
			})
		},
	}), false)
}

func webhookShow() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "show WEBHOOK", Short: "show a webhook and how it does", Args: takes(1),
		Long: "Show a webhook and how it does.\n\n" + webhookHelp, Example: "  rollcall webhooks show https://app.example.com/hooks/rollcall",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			hook, err := p.webhook(c.Context(), args[0])
			if err != nil {
				return err
			}
			return a.show(c, hook, func(w io.Writer) { printWebhook(w, hook) })
		},
	}), false, a.webhooks)
}

// webhookChanges are the flags of webhookChange.
type webhookChanges struct {
	asking
	address, label, types, of string
	disable, enable           bool
}

// change returns the changes that the flags ask for.
func (o *webhookChanges) change(c *cobra.Command) (change adminwire.WebhookChange, err error) {
	given := c.Flags().Changed
	if o.disable && o.enable {
		return change, mistake("--disable and --enable exclude each other: choose one")
	}
	if given("url") {
		change.URL = adminwire.Of(o.address)
	}
	if given("label") {
		change.Label = adminwire.Of(o.label)
	}
	if given("types") {
		change.Types = listChange(o.types)
	}
	if given("tenants") {
		change.Tenants = listChange(o.of)
	}
	if o.disable || o.enable {
		change.Disabled = adminwire.Of(o.disable)
	}
	if reflect.ValueOf(change).IsZero() {
		return change, mistake("nothing to change: give at least one of --url, --label, --types, --tenants, --disable, --enable")
	}
	return change, nil
}

// listChange returns the change of a list; the word all removes the limit.
func listChange(names string) adminwire.Optional[[]string] {
	if names == "all" {
		return adminwire.Optional[[]string]{Set: true}
	}
	return adminwire.Of(strings.Split(names, ","))
}

func webhookChange() *cobra.Command {
	var o webhookChanges
	c := o.add(&cobra.Command{
		Use: "change WEBHOOK", Short: "change, disable or enable a webhook", Args: takes(1),
		Long:    "Change, disable or enable a webhook. Events of the time for which it was disabled are not\nsent later; 'rollcall webhooks redeliver' sends them.\n\n" + webhookHelp,
		Example: "  rollcall webhooks change app --types user.deactivated,user.deleted\n  rollcall webhooks change app --tenants all\n  rollcall webhooks change app --enable",
		RunE: func(c *cobra.Command, args []string) error {
			change, err := o.change(c)
			if err != nil {
				return err
			}
			p, err := o.connect(c.Context())
			if err != nil {
				return err
			}
			hook, err := p.webhook(c.Context(), args[0])
			if err != nil {
				return err
			}
			changed, err := call[adminwire.Webhook](c.Context(), p, http.MethodPatch, webhookPath(hook.ID), nil, change)
			if err != nil {
				return err
			}
			return o.show(c, changed, func(w io.Writer) { printWebhook(w, changed) })
		},
	})
	c.Flags().StringVar(&o.address, "url", "", "`URL` to send to from now on")
	c.Flags().StringVar(&o.label, "label", "", "`TEXT` that names the webhook")
	c.Flags().StringVar(&o.types, "types", "", "`TYPES` of events, separated by commas, or the word all")
	c.Flags().StringVar(&o.of, "tenants", "", "`TENANTS` whose events are sent, separated by commas, or the word all")
	c.Flags().BoolVar(&o.disable, "disable", false, "send nothing from now on")
	c.Flags().BoolVar(&o.enable, "enable", false, "send again, from the next event on")
	completesFlag(c, "types", eventTypes)
	completesFlag(c, "tenants", o.tenants)
	return completes(c, false, o.webhooks)
}

func webhookDelete() *cobra.Command {
	var a asking
	yes := false
	return completes(addYes(a.add(&cobra.Command{
		Use: "delete WEBHOOK", Short: "delete a webhook, with what waits for it", Args: takes(1),
		Long:    "Delete a webhook, with the events that wait for it and the record of its deliveries.\n\n" + webhookHelp + "\n\nThe command asks for confirmation. Without a terminal it needs --yes.",
		Example: "  rollcall webhooks delete app\n  rollcall webhooks delete app --yes",
		RunE: func(c *cobra.Command, args []string) error {
			if err := askable(c, yes); err != nil {
				return err
			}
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			hook, err := p.webhook(c.Context(), args[0])
			if err != nil {
				return err
			}
			what := fmt.Sprintf("This deletes the webhook %s (%s). Events that wait for it are never sent, and its secret stops to sign.", text(hook.URL), text(hook.ID))
			if err := confirm(c, yes, what, "yes"); err != nil {
				return err
			}
			if _, err := p.do(c.Context(), http.MethodDelete, webhookPath(hook.ID), nil, nil); err != nil {
				return err
			}
			return a.show(c, deleted{ID: hook.ID}, func(w io.Writer) { fmt.Fprintf(w, "Webhook %s is deleted.\n", text(hook.URL)) })
		},
	}), &yes), false, a.webhooks)
}

func webhookRotate() *cobra.Command {
	var a asking
	quiet := false
	c := a.add(&cobra.Command{
		Use: "rotate WEBHOOK", Short: "create a new secret; the one before signs for 24 hours more", Args: takes(1),
		Long:    "Create a new secret for a webhook. Requests are signed with both for 24 hours, so your\napplication can change over without a failure. The secret is shown only once.\n\n" + webhookHelp,
		Example: "  rollcall webhooks rotate app",
		RunE: func(c *cobra.Command, args []string) error {
			if quiet && a.json {
				return mistake("--quiet and --json exclude each other: choose one")
			}
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			hook, err := p.webhook(c.Context(), args[0])
			if err != nil {
				return err
			}
			made, err := call[adminwire.WebhookWithSecret](c.Context(), p, http.MethodPost, webhookPath(hook.ID, "secret"), nil, nil)
			if err != nil {
				return err
			}
			return a.showSecret(c, made, quiet, "Give it to your application until the old secret ends.")
		},
	})
	c.Flags().BoolVar(&quiet, "quiet", false, "print only the secret")
	return completes(c, false, a.webhooks)
}

// attemptText says what came of an attempt.
func attemptText(t adminwire.WebhookAttempt) string {
	said := fmt.Sprintf("%s  %d ms  ", seconds(t.Time), t.DurationMs)
	if t.Status == 0 {
		return said + text(t.Error)
	}
	said += fmt.Sprintf("%d %s", t.Status, http.StatusText(t.Status))
	if t.Error != "" {
		said += ": " + text(t.Error)
	}
	return said
}

func webhookTest() *cobra.Command {
	var a asking
	return completes(a.add(&cobra.Command{
		Use: "test WEBHOOK", Short: "send a test event now, and report the answer", Args: takes(1),
		Long:    "Send an event of the type webhook.test at once, whatever waits, and report the answer.\nThe exit status is 1 unless the endpoint answers 2xx.\n\n" + webhookHelp,
		Example: "  rollcall webhooks test app",
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			hook, err := p.webhook(c.Context(), args[0])
			if err != nil {
				return err
			}
			tested, err := call[adminwire.WebhookTest](c.Context(), p, http.MethodPost, webhookPath(hook.ID, "test"), nil, nil)
			if err != nil {
				return err
			}
			err = a.show(c, tested, func(w io.Writer) {
				fmt.Fprintf(w, "event %s\n%s\n", text(tested.EventID), attemptText(tested.Attempt))
				if tested.Attempt.Answer != "" {
					labelled(w, "", [][2]string{{"answer", text(tested.Attempt.Answer)}})
				}
			})
			if err == nil && !tested.Delivered {
				err = errors.New("the endpoint did not acknowledge the event")
			}
			return err
		},
	}), false, a.webhooks)
}

// redeliveryFlags are the flags of webhookRedeliver.
type redeliveryFlags struct {
	asking
	from, to, event, of string
}

func webhookRedeliver() *cobra.Command {
	var o redeliveryFlags
	c := o.add(&cobra.Command{
		Use: "redeliver WEBHOOK", Short: "send events again: those of a time, or one", Args: takes(1),
		Long:    "Send events to a webhook again: those of a time of at most 31 days, or one. They have the\ndata of now. Applications ignore what they have handled, by the event's id or version.\n\n" + webhookHelp,
		Example: "  rollcall webhooks redeliver app --from 2h\n  rollcall webhooks redeliver app --from 2027-01-31T08:00 --to 2027-01-31T12:00",
		RunE:    func(c *cobra.Command, args []string) error { return o.redeliver(c, args[0]) },
	})
	c.Flags().StringVar(&o.from, "from", "", "`TIME` from which on events are sent, or how long ago it was, for example 2h")
	c.Flags().StringVar(&o.to, "to", "", "`TIME` before which they end; now without it")
	c.Flags().StringVar(&o.event, "event", "", "`ID` of one event, in place of --from")
	c.Flags().StringVar(&o.of, "tenant", "", "`TENANT` of the event, if it was never sent to this webhook")
	completesFlag(c, "tenant", o.tenants)
	return completes(c, false, o.webhooks)
}

// body returns what the flags ask for.
func (o *redeliveryFlags) body(now time.Time) (body adminwire.Redelivery, err error) {
	if (o.from == "") == (o.event == "") {
		return body, mistake("give either --from or --event")
	}
	body = adminwire.Redelivery{EventID: o.event, Tenant: o.of}
	for _, bound := range []struct {
		flag, given string
		to          **time.Time
	}{{"from", o.from, &body.From}, {"to", o.to, &body.To}} {
		if bound.given == "" {
			continue
		}
		at, err := parseMoment(bound.given, now)
		if err != nil {
			return body, mistake("--%s: %w", bound.flag, err)
		}
		*bound.to = &at
	}
	return body, nil
}

func (o *redeliveryFlags) redeliver(c *cobra.Command, name string) error {
	body, err := o.body(time.Now())
	if err != nil {
		return err
	}
	p, err := o.connect(c.Context())
	if err != nil {
		return err
	}
	hook, err := p.webhook(c.Context(), name)
	if err != nil {
		return err
	}
	done, err := call[adminwire.Redelivering](c.Context(), p, http.MethodPost, webhookPath(hook.ID, "redeliver"), nil, body)
	if err != nil {
		return err
	}
	return o.show(c, done, func(w io.Writer) {
		fmt.Fprintf(w, "%s will be sent again.\n", amount.Count(done.Events, "event"))
		if !done.Complete {
			fmt.Fprintln(w, "These are those found so far; the service finds the others within minutes.")
		}
	})
}

// deliveryFlags are the flags of webhookDeliveries.
type deliveryFlags struct {
	asking
	state, of, event string
	limit            int
}

func webhookDeliveries() *cobra.Command {
	var o deliveryFlags
	c := o.add(&cobra.Command{
		Use: "deliveries WEBHOOK", Short: "list what came of the events that were sent, newest first", Args: takes(1),
		Long:    "List what came of the events that were sent to a webhook, newest first, with the last\nattempt of each. --json has all attempts, and the beginning of each answer.\n\n" + webhookHelp,
		Example: "  rollcall webhooks deliveries app --state failed\n  rollcall webhooks deliveries app --state pending --tenant acme",
		RunE:    func(c *cobra.Command, args []string) error { return o.list(c, args[0]) },
	})
	c.Flags().StringVar(&o.state, "state", "", "`STATE`: pending, delivered or failed; without it the events that were tried")
	c.Flags().StringVar(&o.of, "tenant", "", "`TENANT`: only its events")
	c.Flags().StringVar(&o.event, "event", "", "`ID`: only the event with this id")
	c.Flags().IntVar(&o.limit, "limit", 50, "at most `N` events; 0 for all")
	completesFlag(c, "state", oneOf("pending", "delivered", "failed"))
	completesFlag(c, "tenant", o.tenants)
	return completes(c, false, o.webhooks)
}

func (o *deliveryFlags) list(c *cobra.Command, name string) error {
	if o.limit < 0 {
		return mistake("--limit must be a number of at least 0, not %d", o.limit)
	}
	p, err := o.connect(c.Context())
	if err != nil {
		return err
	}
	hook, err := p.webhook(c.Context(), name)
	if err != nil {
		return err
	}
	query := url.Values{}
	for name, value := range map[string]string{"state": o.state, "tenant": o.of, "event": o.event} {
		if value != "" {
			query.Set(name, value)
		}
	}
	list := []adminwire.WebhookDelivery{}
	err = eachPage(c, p, webhookPath(hook.ID, "deliveries"), "deliveries", query, func(page []adminwire.WebhookDelivery) (bool, error) {
		list = append(list, page...)
		return o.limit == 0 || len(list) < o.limit, nil
	})
	if err != nil {
		return err
	}
	if o.limit > 0 {
		list = list[:min(len(list), o.limit)]
	}
	return o.show(c, adminwire.WebhookDeliveries{Deliveries: list}, func(w io.Writer) {
		rows := make([][]string, len(list))
		for i, d := range list {
			rows[i] = []string{seconds(d.Committed), text(d.Type), text(d.Tenant), deliveryText(d), lastAttempt(d), text(d.EventID)}
		}
		printList(w, "deliveries", []column{{"CHANGED", stays}, {"TYPE", stays}, {"TENANT", left}, {"STATE", stays}, {"LAST ATTEMPT", below}, {"EVENT", below}}, rows)
	})
}

// deliveryText says in words how a delivery stands.
func deliveryText(d adminwire.WebhookDelivery) string {
	switch {
	case d.State == "delivered":
		return "delivered " + seconds(d.DeliveredAt)
	case d.State == "failed":
		return "given up: " + text(d.Reason)
	case d.Count == 0:
		return "waits"
	}
	return "tried again " + seconds(d.NextAttempt)
}

func lastAttempt(d adminwire.WebhookDelivery) string {
	if len(d.Attempts) == 0 {
		return "-"
	}
	return fmt.Sprintf("%s (attempt %d)", attemptText(d.Attempts[len(d.Attempts)-1]), d.Count)
}
