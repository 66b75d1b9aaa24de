package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/mirror"
)

// A listener prints the events of a tenant from now on, and forwards them to an application as
// a webhook does.
type listener struct {
	eventReader
	forward, secret string
	// seen are the events that came by webhook, when they came, and are still to come by a
	// pull, or the other way round.
	seen map[string]time.Time
	// began is when the listener began, by the service's clock.
	began time.Time
	// slow is why events come from the list only, of a server on this machine.
	slow error
	// arrived are events that came by webhook.
	arrived chan []byte
	client  *http.Client
}

// How often the list is read, and the waits before an event is forwarded again. Tests shorten
// them.
var (
	listenEvery  = followEvery
	forwardWaits = []time.Duration{time.Second, 3 * time.Second, 10 * time.Second}
)

const (
	// forwardTime is how long the application may take, as with a webhook.
	forwardTime = 10 * time.Second
	// seenFor is longer than an event takes from the webhook to the list.
	seenFor     = 10 * time.Minute
	listenLabel = "rollcall listen"
)

func newListen() *cobra.Command {
	l := listener{seen: map[string]time.Time{}, arrived: make(chan []byte)}
	c := l.add(&cobra.Command{
		Use: "listen", Short: "print events as they happen, and forward them to an application",
		Example: "  rollcall listen\n  rollcall listen --forward-to http://127.0.0.1:3000/webhooks\n  rollcall listen --stack rollcall --tenant acme --types user.deactivated",
		Long: "Print the events of a tenant from now on, until interrupted. With --forward-to each is sent to an\n" +
			"application as a webhook is: signed with the secret that is printed, and again up to three times\n" +
			"unless the application answers 2xx within 10 seconds.\n\n" +
			"Of a server on this machine, events come at once, by a webhook that is registered until the end.\n" +
			"Of a deployment they come from the list of events, 15 seconds after the change.",
		Args: takes(0),
		RunE: func(c *cobra.Command, _ []string) error {
			l.query.Types, l.query.Limit = strings.Join(l.types, ","), 500
			return l.run(c)
		},
	})
	c.Flags().StringVar(&l.forward, "forward-to", "", "send each event to this `URL`")
	c.Flags().StringVar(&l.tenant, "tenant", "", "`TENANT` whose events are printed; the tenant of the server on this machine without it")
	c.Flags().StringSliceVar(&l.types, "types", nil, "`TYPES` of events, separated by commas; all without it")
	c.Flags().StringVar(&l.secret, "secret", "", "`SECRET`, whsec_…, to sign with; a new one without it")
	completesFlag(c, "types", eventTypes)
	completesFlag(c, "tenant", l.tenants)
	return c
}

func (l *listener) run(c *cobra.Command) error {
	if err := l.check(); err != nil {
		return err
	}
	ctx := c.Context()
	p, err := l.connect(ctx)
	if err != nil {
		return err
	}
	if l.tenant = cmp.Or(l.tenant, p.scim.Tenant); l.tenant == "" {
		return usageError{errors.New("--tenant is missing: which tenant's events?")}
	}
	if err := l.begin(ctx, p); err != nil {
		return err
	}
	end, err := l.register(ctx, p)
	if err != nil {
		return err
	}
	defer end()
	if l.slow != nil {
		fmt.Fprintf(c.ErrOrStderr(), "Events come 15 seconds after the change: no webhook can be registered. %s\n", text(l.slow.Error()))
	}
	fmt.Fprintf(l.remarks(c), "Events of %s, until Ctrl-C.\n", text(l.tenant))
	if l.forward != "" {
		fmt.Fprintf(l.remarks(c), "Forwarded to %s, signed with %s\n", text(l.forward), l.secret)
	}
	if err := l.follow(c, p); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// remarks returns where everything but events is written: with --json the output is events only.
func (l *listener) remarks(c *cobra.Command) io.Writer {
	if l.json {
		return c.ErrOrStderr()
	}
	return c.OutOrStdout()
}

// check completes the flags, or returns what is wrong with them.
func (l *listener) check() error {
	if l.forward != "" {
		u, err := url.Parse(l.forward)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return usageError{fmt.Errorf("--forward-to %q is not a URL that begins with http:// or https://", l.forward)}
		}
	}
	for _, name := range l.types {
		if _, known := event.ParseType(name); !known {
			return usageError{fmt.Errorf("--types %q is not a type of event; they are, for example, user.created, user.deactivated and group.members_changed", name)}
		}
	}
	if l.secret == "" {
		key := make([]byte, 24)
		if _, err := rand.Read(key); err != nil {
			return err
		}
		l.secret = "whsec_" + base64.StdEncoding.EncodeToString(key)
	}
	if mirror.Sign(http.Header{}, "1", nil, []string{l.secret}, time.Now()) != nil {
		return usageError{errors.New("--secret is not whsec_ and a key in base64")}
	}
	// A redirect would send the event elsewhere, as with a webhook.
	l.client = &http.Client{Timeout: forwardTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return nil
}

// begin goes to the end of the events that are listed. Asked for a type that no tenant has, the
// service goes through them without reading what is true now.
func (l *listener) begin(ctx context.Context, p place) error {
	for page, err := range p.client.EventPages(ctx, l.tenant, adminwire.EventsQuery{Limit: 500, Types: string(event.WebhookTest)}) {
		if err != nil {
			return p.advised(ctx, tenantPath(l.tenant), err)
		}
		l.query.After, l.began = page.Next, page.CaughtUpTo.Add(journal.SettleTime)
	}
	return nil
}

// register registers a webhook of a server on this machine, which brings events sooner. end
// removes it. A deployment cannot reach this machine.
func (l *listener) register(ctx context.Context, p place) (end func(), err error) {
	if p.scim.AdminURL == "" {
		return func() {}, nil
	}
	var listens net.ListenConfig
	socket, err := listens.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	hook, err := call[adminwire.WebhookWithSecret](ctx, p, http.MethodPost, "/webhooks", nil, adminwire.NewWebhook{
		URL: "http://" + socket.Addr().String() + "/", Types: l.types, Tenants: []string{l.tenant}, Label: listenLabel,
	})
	if err != nil {
		l.slow = err
		_ = socket.Close()
		if _, refused := errors.AsType[*adminclient.Problem](err); !refused {
			return nil, err
		}
		return func() {}, nil
	}
	server := &http.Server{Handler: l.receiver(ctx, hook.Secret), ReadHeaderTimeout: forwardTime}
	go func() { _ = server.Serve(socket) }()
	return func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), forwardTime)
		defer stop()
		_, _ = p.do(ctx, http.MethodDelete, webhookPath(hook.ID), nil, nil)
		_ = server.Close()
	}, nil
}

// receiver takes events from the server.
func (l *listener) receiver(ctx context.Context, secret string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mirror.MaxBody))
		if err != nil || mirror.Verify(r.Header, body, []string{secret}, time.Now()) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		select {
		case l.arrived <- body:
			w.WriteHeader(http.StatusNoContent)
		case <-ctx.Done():
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

// follow handles events until the context ends: those that the webhook brings, and every few
// seconds those of the list, which has them all.
func (l *listener) follow(c *cobra.Command, p place) error {
	tick := time.NewTicker(listenEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.Context().Done():
			return nil
		case body := <-l.arrived:
			var e adminwire.Event
			if err := json.Unmarshal(body, &e); err != nil {
				return err
			}
			if err := l.handle(c, e); err != nil {
				return err
			}
		case <-tick.C:
			for page, err := range p.client.EventPages(c.Context(), l.tenant, l.query) {
				if err != nil {
					return expiredCursor(p.advised(c.Context(), tenantPath(l.tenant), err))
				}
				for _, e := range page.Events {
					if err := l.handle(c, e); err != nil {
						return err
					}
				}
				l.query.After = page.Next
			}
		}
	}
}

// handle prints an event, and forwards it, unless it came before or is older than the listener.
func (l *listener) handle(c *cobra.Command, e adminwire.Event) error {
	now := time.Now()
	for id, came := range l.seen {
		if now.Sub(came) > seenFor {
			delete(l.seen, id)
		}
	}
	if _, ok := l.seen[e.ID]; ok || e.Time.Before(l.began) {
		return nil
	}
	l.seen[e.ID] = now
	if err := l.print(c.OutOrStdout(), e); err != nil || l.forward == "" {
		return err
	}
	return l.deliver(c, e)
}

// deliver sends an event to the application until it answers 2xx, or four times.
func (l *listener) deliver(c *cobra.Command, e adminwire.Event) error {
	body, err := adminwire.Marshal(e)
	if err != nil {
		return err
	}
	out := l.remarks(c)
	for try := 0; ; try++ {
		sent := time.Now()
		status, reason := l.send(c.Context(), e.ID, body)
		answered := fmt.Sprintf("  → %s in %d ms", cmp.Or(reason, fmt.Sprintf("%d %s", status, http.StatusText(status))), time.Since(sent).Milliseconds())
		if err := c.Context().Err(); err != nil {
			return err
		}
		switch {
		case status >= http.StatusOK && status < http.StatusMultipleChoices:
			fmt.Fprintln(out, answered)
			return nil
		case try == len(forwardWaits):
			fmt.Fprintln(out, answered+"; given up")
			return nil
		}
		fmt.Fprintf(out, "%s; again in %s\n", answered, forwardWaits[try])
		if err := wait(c.Context(), forwardWaits[try]); err != nil {
			return err
		}
	}
}

// send sends an event once. It returns the status of the answer, or why there is none.
func (l *listener) send(ctx context.Context, id string, body []byte) (status int, reason string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.forward, bytes.NewReader(body))
	if err != nil {
		return 0, "the URL cannot be used"
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "rollcall-listen")
	if err := mirror.Sign(r.Header, id, body, []string{l.secret}, time.Now()); err != nil {
		return 0, "the event cannot be signed"
	}
	response, err := l.client.Do(r)
	if err != nil {
		return 0, "no answer"
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	_ = response.Body.Close()
	return response.StatusCode, ""
}
