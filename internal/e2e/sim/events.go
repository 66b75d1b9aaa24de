package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/webhook"
	"github.com/rollcall-scim/rollcall/mirror"
)

// The part of a world that makes events of commits: the stream of the table, a feed that
// hands its records on, deliverers that send what waits, and receivers in applications.

// An outlet is everything between the table's stream and the applications.
type outlet struct {
	world *world
	// records are those of the stream, and done how many the feed has handled.
	records []table.Record
	done    int
	// woken are the endpoints for which a wake-up is under way.
	woken     []string
	receivers map[string]*receiver // by URL
}

// A receiver is an application that gets webhooks.
type receiver struct {
	name string
	// only is the tenant whose events it wants, nil for all.
	only    *customer
	url     string
	handler *mirror.Handler
	mirror  *mirror.Memory
	secret  string
	// loses is the share of events that it acknowledges and then loses.
	loses float64
	// lossy reports that it may have lost some: it pulls in the end.
	lossy bool
	// got are the versions of each resource, in the order in which they came.
	got map[string][]int64
}

// addEvents starts the processes that make events of commits.
func (w *world) addEvents() {
	o := &outlet{world: w, receivers: map[string]*receiver{}}
	w.outlet = o
	for i, name := range []string{"all", "one", "lossy"} {
		r := &receiver{name: name, url: "https://" + name + ".example.com/events", mirror: &mirror.Memory{}, got: map[string][]int64{}}
		if i > 0 {
			r.only = w.customers[0]
		}
		if name == "lossy" {
			r.loses, r.lossy = 0.3, true
		}
		r.handler = &mirror.Handler{Store: r.mirror, Secrets: func(context.Context) ([]string, error) { return []string{r.secret}, nil }}
		o.receivers[r.url] = r
		w.spawn("receiver "+name, func(p *proc) { o.register(p, r) })
	}
	for _, c := range w.customers {
		c.pulled = &mirror.Memory{}
		w.spawn("reader "+c.name, func(p *proc) { o.read(p, c) })
	}
	behind := func(run func(*proc)) func(*proc) {
		return func(p *proc) {
			w.behind.Add(1)
			defer w.behind.Add(-1)
			run(p)
		}
	}
	w.spawn("feed", behind(o.feed))
	for n := range 2 {
		w.spawn(fmt.Sprintf("deliverer %d", n), behind(o.deliver))
	}
}

// register registers the receiver's endpoint, and rotates its secret now and then.
func (o *outlet) register(p *proc, r *receiver) {
	body := map[string]any{"url": r.url, "label": r.name}
	if r.only != nil {
		for p.world.running.Load() > 0 && r.only.token == "" && !r.only.deleted { // its tenant must exist
			p.sleep(time.Second)
		}
		body["tenants"] = []string{r.only.name}
	}
	text, _ := json.Marshal(body) // texts cannot fail
	var got *answer
	for r.secret == "" {
		if got = p.send(&request{method: "POST", path: "/webhooks", body: string(text), agent: "application", admin: true}); got.ok() {
			r.secret = got.string("secret")
			o.begin(p, r)
			return
		}
		if got != nil && got.status == 409 { // the answer with the secret was lost
			p.sleep(30 * time.Second) // an earlier request for a secret has ended
			if id := o.idOf(p, r); id != "" {
				if got = p.send(&request{method: "POST", path: "/webhooks/" + id + "/secret", agent: "application", admin: true}); got.ok() {
					r.secret = got.string("secret")
					o.begin(p, r)
					return
				}
			}
		}
		if got != nil && got.status == 400 && r.only != nil && r.only.deleted {
			return
		}
		p.sleep(5 * time.Second)
	}
}

// idOf returns the id of the receiver's endpoint, "" if it is not found out.
func (o *outlet) idOf(p *proc, r *receiver) string {
	got := p.send(&request{method: "GET", path: "/webhooks", agent: "application", admin: true})
	if !got.ok() {
		return ""
	}
	listed, _ := got.body["webhooks"].([]any)
	for _, one := range listed {
		if e, _ := one.(map[string]any); e["url"] == r.url {
			id, _ := e["id"].(string)
			return id
		}
	}
	return ""
}

// begin pulls what was committed before the endpoint was registered, once it cannot be changed
// any more without an event for the endpoint.
func (o *outlet) begin(p *proc, r *receiver) {
	p.sleep(30 * time.Second)
	for _, c := range o.world.customers {
		if r.only != nil && r.only != c {
			continue
		}
		for cursor, ok := "", false; !ok; {
			if cursor, ok = o.pull(p, c, r.mirror, cursor, 100); !ok {
				p.sleep(5 * time.Second)
			}
		}
	}
}

// read mirrors a tenant by its list of events, at random times.
func (o *outlet) read(p *proc, c *customer) {
	for o.world.calm.IsZero() {
		p.sleep(p.between(time.Second, time.Minute))
		c.cursor, _ = o.pull(p, c, c.pulled, c.cursor, 1+p.random.IntN(40))
	}
}

// pull applies the events after a cursor to a mirror, and returns the next cursor. ok reports
// whether it came to the end.
func (o *outlet) pull(p *proc, c *customer, into *mirror.Memory, cursor string, limit int) (next string, ok bool) {
	for !c.deleted && c.token != "" {
		path := fmt.Sprintf("/tenants/%s/events?limit=%d", c.name, limit)
		if cursor != "" {
			path += "&after=" + cursor
		}
		got := p.send(&request{customer: c, method: "GET", path: path, agent: "application", admin: true})
		if !got.ok() {
			return cursor, false
		}
		var page struct {
			Events []json.RawMessage `json:"events"`
			Next   string            `json:"next"`
			More   bool              `json:"more"`
		}
		if err := json.Unmarshal(got.text, &page); err != nil {
			o.world.fail("events of %s: %v", c, err)
			return cursor, false
		}
		for _, text := range page.Events {
			e, err := mirror.DecodeEvent(text)
			if err == nil {
				err = mirror.Apply(background, into, e)
			}
			if err != nil {
				o.world.fail("event %s of %s: %v", text, c, err)
			}
			o.world.reached["an event is pulled"]++
		}
		if cursor = page.Next; !page.More {
			return cursor, true
		}
	}
	return cursor, true
}

// mirrored counts the changes of which mirrors must hear.
const mirrored = "a change becomes an event"

// committed adds the records of a transaction to the stream.
func (o *outlet) committed(tx table.Transaction) {
	for _, op := range tx.Ops {
		wanted := slices.ContainsFunc(app.StreamSuffixes, func(suffix string) bool { return strings.HasSuffix(op.Key.Partition, suffix) })
		if !wanted || op.Kind == table.OpCheck {
			continue
		}
		items, err := o.world.engine.Get(background, op.Key)
		if err != nil {
			o.world.fail("reading a record: %v", err)
		}
		if item, ok := items[op.Key]; ok {
			if part(op.Key) == "LOG" && isChange(item.Attributes) {
				o.world.reached[mirrored]++
			}
			o.records = append(o.records, table.Record{
				Sequence: fmt.Sprint(len(o.records) + 1), Inserted: op.Kind == table.OpPut, Key: op.Key, Item: &item, Time: time.Now(),
			})
		}
	}
}

// program starts a connection to the table that serves no requests.
func (w *world) program() *instance {
	in := w.start()
	w.programs = append(w.programs, in)
	return in
}

// context returns the context of a call that is in the trace as a request.
func (p *proc) context(method string) context.Context {
	r := &request{from: p.name, method: method, finished: make(chan struct{})}
	p.do(func() {
		w := p.world
		w.requests = append(w.requests, r)
		r.n.Store(int64(len(w.requests)))
		w.record("%s", r)
	})
	return context.WithValue(background, requestKey{}, r)
}

// feed hands the records of the stream on, as Lambda has it done: in order, the batch again
// from the first record that failed, and now and then records that were handled before.
func (o *outlet) feed(p *proc) {
	w := p.world
	var in *instance
	for !o.finished() {
		p.sleep(p.between(0, 2*time.Second))
		var batch []table.Record
		p.do(func() {
			if in == nil || w.calm.IsZero() && p.chance(0.05) {
				in = w.program()
			}
			from := o.done
			if from > 0 && w.calm.IsZero() && p.chance(0.1) {
				from -= 1 + p.random.IntN(min(from, 5))
				w.reached["a record of the stream comes again"]++
			}
			batch = slices.Clone(o.records[from:min(len(o.records), o.done+1+p.random.IntN(20))])
		})
		if len(batch) == 0 {
			continue
		}
		handler := app.NewFeed(wire{in}, slog.New(slog.DiscardHandler), app.Outlets{Waker: o}, in.options())
		failed, err := handler.Handle(p.context("FEED"), batch)
		p.do(func() {
			w.reached["a batch of the stream is handled"]++
			after := batch[len(batch)-1].Sequence
			if err != nil {
				w.reached["a batch of the stream fails"]++
				i := slices.IndexFunc(batch, func(r table.Record) bool { return r.Sequence == failed })
				if i <= 0 {
					return
				}
				after = batch[i-1].Sequence
			}
			n := 0
			_, _ = fmt.Sscan(after, &n) // written by committed
			o.done = max(o.done, n)
		})
	}
}

// finished reports whether everything is handed on and nothing more can come.
func (o *outlet) finished() bool { return o.world.settled && o.done == len(o.records) }

// Wake implements feed.Waker: wake-ups may be lost, or come twice.
func (o *outlet) Wake(_ context.Context, endpoints []string) error {
	o.woken = append(o.woken, endpoints...)
	return nil
}

// WakeAfter implements webhook.Waker. The schedule finds what waits.
func (o *outlet) WakeAfter(context.Context, string, time.Duration) error { return nil }

// deliver sends what waits, when it is woken, and every now and then by the schedule. Two of
// them run at once, and may crash.
func (o *outlet) deliver(p *proc) {
	w := p.world
	var in *instance
	for !w.delivered {
		p.sleep(p.between(0, 20*time.Second))
		endpoint := ""
		p.do(func() {
			if in == nil || in.hasEnded() {
				in = w.program()
			}
			if len(o.woken) > 0 && p.chance(0.7) {
				endpoint, o.woken = o.woken[0], o.woken[1:]
			}
			if crashing := in; w.calm.IsZero() && p.chance(0.1) {
				w.scheduler.after(p.between(0, 5*time.Second), func() {
					if !crashing.hasEnded() {
						w.reached["a deliverer crashes"]++
						close(crashing.ended)
					}
				})
			}
		})
		d := webhook.New(webhook.Config{
			Outbox: in.app.Store, Registry: in.app.Store, Events: webhook.NewEvents(in.app.Store, admindoc.NewReader(in.app.Store)),
			Sender: &sender{o, in}, Waker: o, Log: slog.New(slog.DiscardHandler),
			Now: in.now, NewID: func() string { return uuid.Must(uuid.NewRandomFromReader(in.random)).String() }, Jitter: func(d time.Duration) time.Duration { return d / 2 },
		})
		ctx, cancel := context.WithTimeout(p.context("DELIVER"), time.Minute)
		if endpoint != "" {
			_ = d.Wake(ctx, endpoint) // its failures are for the schedule
		} else {
			o.tick(ctx, d, in)
		}
		cancel()
	}
}

// tick does what the schedule does: it wakes all endpoints.
func (o *outlet) tick(ctx context.Context, d *webhook.Deliverer, in *instance) {
	endpoints, err := in.app.Store.Endpoints(ctx)
	if err != nil {
		return
	}
	for _, e := range endpoints {
		_ = d.Wake(ctx, e.ID)
	}
}

// A sender connects a deliverer with the receivers.
type sender struct {
	outlet *outlet
	in     *instance
}

// Send implements webhook.Sender: the request or its answer may be lost, and the application
// may fail.
func (s *sender) Send(ctx context.Context, m webhook.Message) (a subscription.Attempt) {
	w := s.outlet.world
	a = subscription.Attempt{Time: s.in.now()}
	done := make(chan struct{})
	w.scheduler.post(&event{
		name: func() string { return "webhook " + m.URL + " " + m.ID },
		plan: func(random *rand.Rand) time.Duration {
			return time.Duration(random.Int64N(int64(200 * time.Millisecond)))
		},
		run: func() {
			defer close(done)
			fate := w.random.Float64()
			if !w.calm.IsZero() {
				fate = 1
			}
			if fate < 0.1 {
				a.Error = "The request is lost."
				return
			}
			if fate < 0.2 {
				a.Status = http.StatusInternalServerError
				return
			}
			a.Status = s.outlet.receivers[m.URL].receive(w, m)
			if fate < 0.3 {
				w.reached["an acknowledgement is lost"]++
				a.Status, a.Error = 0, "The answer is lost."
			}
		},
	})
	select {
	case <-done:
	case <-s.in.ended:
		a.Status, a.Error = 0, "The process has crashed."
	case <-ctx.Done():
		s.in.takeTurn(func() string { return "cancelled webhook " + m.URL + " " + m.ID })
		a.Status, a.Error = 0, "The time is up."
	}
	return a
}

// receive passes a signed request to the receiver's handler.
func (r *receiver) receive(w *world, m webhook.Message) int {
	if r.secret == "" {
		return http.StatusServiceUnavailable // the answer with the secret has not come yet
	}
	hr := httptest.NewRequestWithContext(background, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	hr.Header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	hr.Header.Set(standardwebhooks.HeaderWebhookTimestamp, fmt.Sprint(m.Time.Unix()))
	for _, key := range m.Keys {
		signer, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			w.fail("a key that cannot sign: %v", err)
			return http.StatusInternalServerError
		}
		signature, _ := signer.Sign(m.ID, m.Time, m.Body) // an HMAC cannot fail
		hr.Header.Add(standardwebhooks.HeaderWebhookSignature, signature)
	}
	e, err := mirror.DecodeEvent(m.Body)
	switch {
	case err != nil:
		w.fail("a webhook is no event: %v: %s", err, m.Body)
	case r.only != nil && e.Tenant != r.only.name:
		w.fail("the receiver of %s gets an event of %q", r.only, e.Tenant)
	}
	if r.loses > 0 && w.random.Float64() < r.loses {
		w.reached["an application loses an event"]++
		return http.StatusNoContent
	}
	recorded := httptest.NewRecorder()
	r.handler.ServeHTTP(recorded, hr)
	_, _ = io.Copy(io.Discard, recorded.Body)
	switch recorded.Code {
	case http.StatusNoContent:
	case http.StatusUnauthorized: // signed before the lost secret was replaced: it comes again
		return recorded.Code
	default:
		w.fail("the receiver %s answers %d to %s", r.name, recorded.Code, m.Body)
	}
	w.reached["an event is delivered"]++
	return recorded.Code
}

// finish waits until all that was committed is delivered, and pulls the rest.
func (o *outlet) finish(p *proc) {
	w := o.world
	p.sleep(30 * time.Second) // the newest entries may be pulled
	p.do(func() { w.settled = true })
	for begun := time.Now(); time.Since(begun) < bound/2; {
		p.sleep(time.Minute)
		if o.finished() && !o.waiting() {
			break
		}
	}
	if !o.finished() {
		w.fail("the feed has handled %d of %d records", o.done, len(o.records))
	}
	if o.waiting() {
		w.fail("events still wait for their endpoints")
	}
	p.do(func() { w.delivered = true })
	for _, c := range w.customers {
		c.cursor, _ = o.pull(p, c, c.pulled, c.cursor, 500)
	}
	for _, url := range keys(o.receivers) {
		if r := o.receivers[url]; r.lossy {
			o.pull(p, r.only, r.mirror, "", 500)
		}
	}
}

// waiting reports whether an event waits for an endpoint.
func (o *outlet) waiting() bool {
	s := app.NewStore(o.world.engine, app.Options{})
	endpoints, err := s.Endpoints(background)
	if err != nil {
		o.world.fail("listing endpoints: %v", err)
	}
	for _, e := range endpoints {
		page, _, err := s.PendingPage(background, e.ID, "", 1)
		if err != nil {
			o.world.fail("reading what waits: %v", err)
		}
		if len(page) > 0 {
			return true
		}
	}
	return false
}

// checkEvents compares the mirrors, which were made of events alone, with what is stored.
func (w *world) checkEvents(c *customer, l *ledger) {
	if w.outlet == nil || c.deleted {
		return
	}
	w.compare(c, l, "the mirror of the list of events", c.pulled)
	for _, url := range keys(w.outlet.receivers) {
		if r := w.outlet.receivers[url]; r.secret != "" && (r.only == nil || r.only == c) {
			w.compare(c, l, "the mirror of the receiver "+r.name, r.mirror)
		}
	}
}

// compare reports how a mirror differs from what is stored.
func (w *world) compare(c *customer, l *ledger, name string, m *mirror.Memory) {
	stored, mirrored := map[string]string{}, map[string]string{}
	for id, u := range l.users {
		stored["user "+id] = storedUser(u, false)
	}
	for id, u := range l.deleted {
		stored["user "+id] = storedUser(u, true)
	}
	for id, g := range l.groups {
		stored["group "+id] = fmt.Sprint(documentOf(g)["displayName"], " ", keys(l.members[id]))
	}
	for _, u := range m.Users(c.name) {
		mirrored["user "+u.ID] = fmt.Sprintf("%s %s %t %t", u.UserName, u.DisplayName, u.Active, u.Deleted)
	}
	for _, g := range m.Groups(c.name) {
		members := m.Members(c.name, g.ID)
		mirrored["group "+g.ID] = fmt.Sprint(g.DisplayName, " ", members)
	}
	w.reached["a mirror is compared"]++
	for _, what := range keys(stored) {
		if mirrored[what] != stored[what] {
			w.fail("%s: %s has %q of %s, stored is %q", c, name, mirrored[what], what, stored[what])
		}
		delete(mirrored, what)
	}
	for _, what := range keys(mirrored) {
		w.fail("%s: %s has %s, which is not stored: %q", c, name, what, mirrored[what])
	}
}

func storedUser(item table.Item, deleted bool) string {
	doc := documentOf(item)
	shown, _ := doc["displayName"].(string)
	return fmt.Sprintf("%s %s %t %t", doc["userName"], shown, !deleted && item.Attributes.Number("act") == 1, deleted)
}

func documentOf(item table.Item) (doc map[string]any) {
	_ = json.Unmarshal([]byte(item.Attributes.Text("doc")), &doc) // checked by audit
	return doc
}
