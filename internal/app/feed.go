package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/feed"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/watch"
)

// StreamSuffixes end the names of the partitions whose records the feed gets. The filter of
// the function's event source in template.yaml has the same ones.
var StreamSuffixes = []string{"#LOG", "#SIGNALS", "#LEDGER"}

// Outlets are where a feed hands events to, besides the table.
type Outlets struct {
	// Waker starts deliveries to webhooks. Without one, no event waits for a webhook.
	Waker feed.Waker
	// Bus and Documents are nil without a bus.
	Bus       feed.Publisher
	Documents feed.Documents
	// Quiet leaves out the log lines of batches from which nothing follows.
	Quiet bool
}

// NewFeed returns the handler of the records of a table's stream.
func NewFeed(t table.Table, log *slog.Logger, out Outlets, o Options) *feed.Handler {
	s := NewStore(t, o)
	var endpoints feed.Endpoints = s
	if out.Waker == nil {
		endpoints = noEndpoints{}
	}
	return feed.NewHandler(feed.Config{
		Decoder: sources{s}, Derive: event.Of, Endpoints: endpoints, Queue: s, Waker: out.Waker, Bus: out.Bus, Documents: out.Documents,
		Watcher: watching{watch.New(s).OnUnusual(unusualLine(log))}, Log: log, Now: o.clock(), Quiet: out.Quiet,
	})
}

// noEndpoints are the endpoints of a deployment that sends nothing to webhooks. Their events would
// wait for ever.
type noEndpoints struct{}

// Endpoints implements feed.Endpoints.
func (noEndpoints) Endpoints(context.Context) ([]subscription.Endpoint, error) { return nil, nil }

// sources reads the sources of events out of records.
type sources struct{ store *store.Store }

// errIncomplete says that an item is neither an entry nor a signal that rollcall wrote.
var errIncomplete = errors.New("an entry without an operation, an outcome or a time, or a signal without a type")

// DecodeSource implements feed.Decoder.
func (s sources) DecodeSource(r table.Record) (t tenant.ID, source event.Source, ok bool, err error) {
	t, source, ok = store.SourceOf(*r.Item)
	switch {
	case !ok:
	case source.Entry != nil && (source.Entry.Operation == "" || source.Entry.Outcome == "" || source.Entry.Time.IsZero()),
		source.Signal != nil && source.Signal.Type == "":
		err = errIncomplete
	}
	return t, source, ok, err
}

// ReadSet implements feed.Decoder.
func (s sources) ReadSet(ctx context.Context, t tenant.ID, source event.Source) (event.Source, error) {
	var err error
	source.Set, err = s.store.SetOf(ctx, t, source.Key())
	return source, err
}

// unusualLine logs that unusually many users were deactivated or deleted: an alarm counts the
// lines.
func unusualLine(log *slog.Logger) func(context.Context, tenant.ID, int64, int64) {
	return func(ctx context.Context, t tenant.ID, count, active int64) {
		log.LogAttrs(ctx, slog.LevelWarn, "", slog.String("event", logline.Unusual), slog.String("tenant", t.String()),
			slog.Int64("count", count), slog.Int64("activeUsers", active), slog.Int(logline.UnusualDeactivations, 1))
	}
}

// watching gives the facts of records to a watch.Watcher.
type watching struct{ watcher *watch.Watcher }

// Watch implements feed.Watcher.
func (w watching) Watch(ctx context.Context, records []table.Record) (failed int, err error) {
	var facts []watch.Fact
	for i, r := range records {
		if fact, ok := factOf(r); ok {
			fact.Record = i
			facts = append(facts, fact)
		}
	}
	return w.watcher.Watch(ctx, facts)
}

// factOf returns what a record says. A record that cannot be read says nothing: the feed logs
// it.
func factOf(r table.Record) (fact watch.Fact, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return store.FactOf(r)
}
