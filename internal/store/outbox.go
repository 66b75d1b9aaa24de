package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of an event that waits for an endpoint, and of its delivery, besides
// attrTime (when the change was committed), attrExpires and attrReason.
const (
	attrOf         = "tenant"
	attrEvent      = "event"   // the event's id
	attrEventType  = "type"    //
	attrSource     = "source"  // key of the source
	attrPart       = "part"    // number of the event among those of its source
	attrIsSignal   = "signal"  // 1 if the source is a signal
	attrSubjectKey = "subject" // type#id of the user or group
	attrAttempts   = "tries"   // number of attempts
	attrFirstTry   = "first"
	attrLastTry    = "tried"
	attrDue        = "due"     // when it may be tried again
	attrAgain      = "again"   // 1 if somebody asked for it again
	attrDetails    = "details" // JSON, of an event without a source
)

// maxEnqueued is how many events one transaction stores: two operations for each departure.
const maxEnqueued = table.MaxOps / 2

func pendingKey(endpoint, seq string) table.Key {
	return table.Key{Partition: webhookPartition(endpoint, webhookPending), Sort: seq}
}

// urgentKey returns the key of an item that exists while a departure waits: the first one of
// the partition is the oldest departure that the application does not know about.
func urgentKey(endpoint, seq string) table.Key {
	return table.Key{Partition: webhookPartition(endpoint, webhookUrgent), Sort: seq}
}

func sentKey(endpoint, event string) table.Key {
	return table.Key{Partition: webhookPartition(endpoint, webhookSent), Sort: event}
}

// Enqueue stores events that wait for endpoints, in the order given. An event that is stored
// already stays as it is, and one that was sent to the endpoint before is left out, unless
// somebody asked for it again.
//
// The condition of each is that it is absent: a stream's record that comes twice must not
// begin the attempts again. Whether it was sent is read before. So an event whose record
// comes twice, and that is delivered in between, may be delivered twice.
func (s *Store) Enqueue(ctx context.Context, events []subscription.Pending) error {
	waiting, err := s.unsent(ctx, events)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(waiting, maxEnqueued) {
		if err := s.enqueue(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// unsent returns the events that have not been sent yet, each once.
func (s *Store) unsent(ctx context.Context, events []subscription.Pending) ([]subscription.Pending, error) {
	var keys []table.Key
	for _, p := range events {
		if key := sentKey(p.Endpoint, p.Event); !p.Redelivery && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	var sent map[table.Key]table.Item
	if len(keys) > 0 {
		var err error
		if sent, err = s.getAll(ctx, keys); err != nil {
			return nil, err
		}
	}
	seen := make(map[table.Key]bool, len(events))
	var waiting []subscription.Pending
	for _, p := range events {
		_, was := sent[sentKey(p.Endpoint, p.Event)]
		if key := pendingKey(p.Endpoint, p.Seq); !seen[key] && (p.Redelivery || !was) {
			seen[key] = true
			waiting = append(waiting, p)
		}
	}
	return waiting, nil
}

// enqueue stores the events of one transaction, without those that are stored already.
func (s *Store) enqueue(ctx context.Context, events []subscription.Pending) error {
	for len(events) > 0 {
		var ops []table.Op
		of := map[int]int{} // the event of an operation
		for i, p := range events {
			of[len(ops)] = i
			ops = append(ops, enqueueOps(p)...)
		}
		err := s.write(ctx, time.Time{}, ops...)
		var failed *table.ConditionError
		if !errors.As(err, &failed) {
			return writeError(err)
		}
		stored := map[int]bool{}
		for _, f := range failed.Failed {
			stored[of[f.Op]] = true
		}
		var rest []subscription.Pending
		for i, p := range events {
			if !stored[i] {
				rest = append(rest, p)
			}
		}
		events = rest
	}
	return nil
}

// enqueueOps store an event that waits.
func enqueueOps(p subscription.Pending) []table.Op {
	ops := []table.Op{table.Put(pendingItem(p), table.Absent())}
	if p.Type.IsDeparture() {
		a := table.Attributes{attrTime: millis(p.Committed)}
		setNumbers(a, map[string]int64{attrAgain: flag(p.Redelivery).Number()})
		ops = append(ops, table.Put(table.Item{Key: urgentKey(p.Endpoint, p.Seq), Attributes: a}))
	}
	return ops
}

func pendingItem(p subscription.Pending) table.Item {
	a := table.Attributes{
		attrEvent:     table.Text(p.Event),
		attrEventType: table.Text(string(p.Type)),
		attrSource:    table.Text(p.Key),
		attrTime:      millis(p.Committed),
	}
	setTexts(a, map[string]string{attrOf: p.Tenant.String(), attrSubjectKey: p.Resource, attrDetails: joinDetails(p.Details)})
	setNumbers(a, map[string]int64{
		attrPart: int64(p.Part), attrIsSignal: flag(p.Signal).Number(), attrAgain: flag(p.Redelivery).Number(),
		attrAttempts: int64(p.Attempts), attrFirstTry: millis(p.First).Number(), attrLastTry: millis(p.Tried).Number(),
		attrDue: millis(p.Due).Number(),
	})
	return table.Item{Key: pendingKey(p.Endpoint, p.Seq), Attributes: a}
}

func decodePending(endpoint string, item table.Item) (subscription.Pending, error) {
	a := item.Attributes
	of, err := storedTenant(a)
	if err != nil {
		return subscription.Pending{}, fmt.Errorf("store: the waiting event %s: %w", a.Text(attrEvent), err)
	}
	details, err := splitDetails(a.Text(attrDetails))
	if err != nil {
		return subscription.Pending{}, fmt.Errorf("store: details of the waiting event %s: %w", a.Text(attrEvent), err)
	}
	return subscription.Pending{
		Endpoint: endpoint, Seq: item.Sort, Tenant: of, Event: a.Text(attrEvent), Key: a.Text(attrSource), Part: int(a.Number(attrPart)),
		Signal: a.Number(attrIsSignal) == 1, Type: event.Type(a.Text(attrEventType)), Resource: a.Text(attrSubjectKey),
		Committed: timeOf(a, attrTime), Attempts: int(a.Number(attrAttempts)), First: timeOf(a, attrFirstTry),
		Tried: timeOf(a, attrLastTry), Due: timeOf(a, attrDue), Redelivery: a.Number(attrAgain) == 1, Details: details,
	}, nil
}

// storedTenant returns the tenant of an event, zero for a deployment's own.
func storedTenant(a table.Attributes) (tenant.ID, error) {
	if a.Text(attrOf) == "" {
		return tenant.ID{}, nil
	}
	return tenant.ParseID(a.Text(attrOf))
}

// joinDetails returns details as they are stored, "" for none.
func joinDetails(details map[string]string) string {
	if len(details) == 0 {
		return ""
	}
	return encode(details)
}

func splitDetails(text string) (details map[string]string, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &details)
	}
	return details, err
}

// PendingPage reads the events that wait for an endpoint, in order, from the first one after
// a Seq: one round trip. More reports that others may follow.
func (s *Store) PendingPage(ctx context.Context, endpoint, after string, limit int) (waiting []subscription.Pending, more bool, err error) {
	page, err := s.table.Query(ctx, table.Query{Partition: webhookPartition(endpoint, webhookPending), After: after, Limit: limit})
	if err != nil {
		return nil, false, readError(err)
	}
	for _, item := range page.Items {
		p, err := decodePending(endpoint, item)
		if err != nil {
			return nil, false, err
		}
		waiting = append(waiting, p)
	}
	return waiting, page.More, nil
}
