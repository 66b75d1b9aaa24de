package cost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/feed"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

// answerMS is how long an endpoint takes to answer, in milliseconds.
const answerMS = 100

// queued is how many requests of SQS a wake-up takes: it is sent, received and deleted.
const queued = 3

// An eventUse is what one event uses, after its change: alone in a batch of the feed and alone in
// a delivery, which is the most expensive form.
type eventUse struct {
	what string
	// fed is what the feed uses without a webhook, and published what a bus adds to it.
	fed, published table.Counts
	// stored is what a webhook adds to the feed, and delivered what its delivery uses.
	stored, delivered table.Counts
}

// occurrences are the changes whose events are measured.
var occurrences = []struct {
	what string
	send func(b *bench) request
}{
	{"a user's attribute changes", func(b *bench) request { return request{"PATCH", "/Users/" + b.ann(), set("nickName", `"Event"`)} }},
	{"a user is deactivated", func(b *bench) request { return request{"PATCH", "/Users/" + b.ann(), set("active", "false")} }},
	{"a member joins a group", func(b *bench) request { return request{"PATCH", "/Groups/" + b.group("Design"), join(b.ann())} }},
}

// measureEvents performs changes, and hands on and delivers the event of each.
func measureEvents() ([]eventUse, error) {
	b, err := newBench()
	if err != nil {
		return nil, err
	}
	defer b.close()
	b.createAnn()
	b.must("POST", "/Groups", group("Design"))
	var all []eventUse
	for _, o := range occurrences {
		q := o.send(b)
		b.must(q.method, q.address, q.body)
		all = append(all, b.measureEvent(o.what))
	}
	return all, errors.Join(b.errs...)
}

// measureEvent measures the event of the newest entry: without outlets, with a bus, and with a webhook.
func (b *bench) measureEvent(what string) eventUse {
	ctx := context.Background()
	page, err := b.table.Query(ctx, table.Query{Partition: "T#" + b.tenant.String() + "#LOG", Limit: 1, Descending: true})
	b.failed(err)
	if len(page.Items) != 1 {
		b.failed(fmt.Errorf("no entry of %s", what))
		return eventUse{what: what}
	}
	item := page.Items[0]
	records := []table.Record{{Sequence: "1", Inserted: true, Key: item.Key, Item: &item, Time: b.now}}
	hand := func(bus feed.Publisher) table.Counts {
		b.table.reset()
		out := app.Outlets{Waker: nobody{}, Bus: bus, Documents: admindoc.NewReader(app.NewStore(b.table, b.options()))}
		_, err := app.NewFeed(b.table, slog.New(slog.DiscardHandler), out, b.options()).Handle(ctx, records)
		b.failed(err)
		return b.table.used()
	}
	use := eventUse{what: what, fed: hand(nil)}
	use.published = less(hand(nobody{}), use.fed)
	s := app.NewStore(b.table, b.options())
	read, err := s.Registrations(ctx)
	b.failed(err)
	const id = "019b8d62-7a80-7000-8000-0000000000e1"
	b.failed(s.CreateEndpoint(ctx, read, subscription.Endpoint{
		ID: id, URL: "https://app.example.com/hooks/rollcall", Created: b.now, Version: 1, Secrets: []subscription.Secret{{Key: make([]byte, 24)}},
	}))
	use.stored = less(hand(nil), use.fed)
	b.table.reset()
	deliverer := webhook.New(webhook.Config{
		Outbox: s, Registry: s, Events: webhook.NewEvents(s, admindoc.NewReader(s)), Sender: nobody{}, Waker: nobody{},
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return b.now }, NewID: func() string { return "lease" },
		Jitter: func(time.Duration) time.Duration { return 0 },
	})
	b.failed(deliverer.Wake(ctx, id))
	use.delivered = b.table.used()
	_, waiting, err := s.PendingPage(ctx, id, "", 1)
	if b.failed(err); waiting {
		b.failed(fmt.Errorf("the event of %s was not delivered", what))
	}
	read, err = s.Registrations(ctx)
	b.failed(err)
	b.failed(s.DeleteEndpoint(ctx, read, id))
	return use
}

// nobody is a waker, a bus and an endpoint that accept everything.
type nobody struct{}

func (nobody) Wake(context.Context, []string) error                          { return nil }
func (nobody) WakeAfter(context.Context, string, time.Duration) error        { return nil }
func (nobody) Publish(context.Context, []feed.Message) (none []int, _ error) { return nil, nil }

func (nobody) Send(_ context.Context, m webhook.Message) subscription.Attempt {
	return subscription.Attempt{Time: m.Time, Status: 204}
}

func less(a, b table.Counts) table.Counts {
	return table.Counts{RoundTrips: a.RoundTrips - b.RoundTrips, ReadUnits: a.ReadUnits - b.ReadUnits, WriteUnits: a.WriteUnits - b.WriteUnits}
}

// units returns the price of reads and writes.
func (s setup) units(c table.Counts) float64 {
	return c.ReadUnits*s.prices.Of(itemReads) + c.WriteUnits*s.prices.Of(itemWrites)
}

// invocation returns the price of an invocation with calls of the table, and a wait.
func (s setup) invocation(trips int, waitMS float64) float64 {
	return s.prices.Of(itemRequests) + math.Ceil(s.duration(float64(trips))+waitMS)/1000*float64(s.deployment.MemoryMB)/1024*s.prices.Of(itemTime)
}

// ofEvent returns what the event of one change costs: the feed, a bus, each webhook.
func (s setup) ofEvent(u eventUse) (fed, bus, hook float64) {
	fed = s.invocation(u.fed.RoundTrips, 0) + s.units(u.fed)
	bus = s.prices.Of(itemBus) + s.units(u.published)
	hook = s.units(u.stored) + s.units(u.delivered) + s.invocation(u.delivered.RoundTrips, answerMS) + queued*s.prices.Of(itemQueue)
	return fed, bus, hook
}

// causes are the operations that cause an event, with the one of occurrences that costs what they do.
var causes = map[string]int{
	createUser: 0, changeUser: 0, replaceUser: 0, activateUser: 0, reactivateUser: 0, restoreUser: 0,
	deactivateUser: 1, deleteUser: 1, createGroup: 2, joinGroup: 2, leaveGroup: 2,
}

// eventsOf returns how many events a number of requests of a model causes, and what they cost.
func (s setup) eventsOf(m traffic, requests float64) (events, fed, bus, hook float64, err error) {
	uses, err := measureEvents()
	for _, share := range m.shares() {
		at, ok := causes[share.operation]
		if !ok || err != nil {
			continue
		}
		n := share.part * requests
		f, b, h := s.ofEvent(uses[at])
		events, fed, bus, hook = events+n, fed+n*f, bus+n*b, hook+n*h
	}
	return events, fed, bus, hook, err
}

// events writes the section about events.
func (p *page) events(now setup) error {
	uses, err := measureEvents()
	if err != nil {
		return err
	}
	p.line(`## Events

What a million changes cost in addition, each alone in a batch of the feed and alone in a delivery: the most
expensive form. In a burst a batch has up to 100 changes, and a delivery a page of events. Dollars, without free tiers.
`)
	p.head(1, "change", "feed", "RRU", "bus", "RRU", "each webhook", "RRU", "WRU")
	for _, u := range uses {
		fed, published, hook := now.ofEvent(u)
		p.row(u.what, dollars(fed*1e6), fmt.Sprintf("%.0f", u.fed.ReadUnits), dollars(published*1e6), fmt.Sprintf("%.0f", u.published.ReadUnits),
			dollars(hook*1e6), fmt.Sprintf("%.0f", u.stored.ReadUnits+u.delivered.ReadUnits), fmt.Sprintf("%.0f", u.stored.WriteUnits+u.delivered.WriteUnits))
	}
	p.line(`
Measured are the units, through the feed's handler and the deliverer. Assumed: an endpoint answers in %d ms.
Lambda's reads of the table's stream have no price. An entry without an event, for example of a request that changed
nothing, costs what the feed does without reading. A change has its record of the ledger beside that of the log, usually in
the same batch.
The writes of a webhook are: the event that waits, the lease, what came of it, and a record of delivery of a departure.
An endpoint that does not answer costs a bounded number of attempts; while it is paused, its events cost only what
stores them.
Without any webhook, a run of the deliver function each minute costs about a cent a month, and the polling of the queue
%s dollars, in an account that has used up SQS's free million of requests ([all of it](../how-to/deploy.md#events)).
`, answerMS, dollars(650_000*now.prices.Of(itemQueue)))
	return nil
}
