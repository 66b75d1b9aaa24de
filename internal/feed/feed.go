package feed

import (
	"context"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Decoder reads the sources of events out of the records of a stream.
type Decoder interface {
	// DecodeSource returns what events are derived from: the entry or signal that the
	// record's transaction stored. ok is false for a record of any other change, from which
	// no event follows. The error reports that the item is not what rollcall writes.
	DecodeSource(table.Record) (t tenant.ID, source event.Source, ok bool, err error)
	// ReadSet completes the source of a whole new set of members with the ids of the set.
	ReadSet(ctx context.Context, t tenant.ID, source event.Source) (event.Source, error)
}

// Endpoints lists the registered webhooks.
type Endpoints interface {
	Endpoints(ctx context.Context) ([]subscription.Endpoint, error)
}

// A Queue keeps the events that wait for endpoints.
type Queue interface {
	// Enqueue stores events. Those that are stored already stay as they are.
	Enqueue(ctx context.Context, events []subscription.Pending) error
}

// A Waker starts the delivery of waiting events.
type Waker interface {
	// Wake says that events wait for some endpoints, by id. A wake-up may be lost: the
	// schedule of deliveries finds what waits.
	Wake(ctx context.Context, endpoints []string) error
}

// Documents reads what is true now of the events that are sent. Package admindoc implements it.
type Documents interface {
	// Events returns the document of each draft of a tenant.
	Events(ctx context.Context, t tenant.ID, drafts []event.Draft) ([]adminwire.Event, error)
}

// A Watcher reports what no single change says, for example that all seats are in use.
type Watcher interface {
	// Watch looks at the records of a batch. After an error, the record with the index
	// failed and all after it have to come again.
	Watch(ctx context.Context, records []table.Record) (failed int, err error)
}

// A Publisher puts events on a bus.
type Publisher interface {
	// Publish sends at most MaxPublished messages, of MaxPublishedBytes together, in one
	// call. It returns the indexes of those that the bus did not take and may take later.
	// The error reports that none was taken.
	Publish(ctx context.Context, messages []Message) (refused []int, err error)
}

// A Message is an event as a bus takes it.
type Message struct {
	// ID, Type and Time are those of the event.
	ID   string
	Type event.Type
	Time time.Time
	// Tenant is "" for a deployment's own event.
	Tenant string
	// Detail is the event's document, an adminwire.Event as JSON.
	Detail []byte
}

// The limits of one call of a Publisher, below those of EventBridge's PutEvents. Package feed
// keeps them.
const (
	MaxPublished      = 10
	MaxPublishedBytes = 256 << 10
)
