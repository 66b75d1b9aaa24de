package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// maxTries is how often a message is sent to the bus before the stream has to send its record
// again. The waits between are firstWait, and double each time.
const (
	maxTries  = 4
	firstWait = 100 * time.Millisecond
)

// messageRoom is more bytes than a message has besides its detail: source, type, bus, time
// and resources.
const messageRoom = 1 << 10

// errRefused says that the bus took none of the attempts of a message.
var errRefused = errors.New("the bus does not take an event")

// publish puts the events of changes on the bus, and returns how many changes are done.
func (h *Handler) publish(ctx context.Context, changes []change, b *batch) (done int, err error) {
	if h.c.Bus == nil {
		return len(changes), nil
	}
	messages, of, failure := h.messages(ctx, changes, b)
	for begin := 0; begin < len(messages); {
		end := begin + call(messages[begin:])
		first, err := h.send(ctx, messages[begin:end], b)
		if err != nil {
			return of[begin+first], err
		}
		begin = end
	}
	if failure != nil {
		return failure.change, failure.err
	}
	return len(changes), nil
}

// call returns how many of the messages fit in one call.
func call(messages []Message) int {
	size := 0
	for n, m := range messages {
		size += len(m.Detail) + messageRoom
		if n == MaxPublished || n > 0 && size > MaxPublishedBytes {
			return n
		}
	}
	return len(messages)
}

// send sends the messages of one call, again without those that the bus took. On failure it
// returns the index of the first message that the bus did not take.
func (h *Handler) send(ctx context.Context, messages []Message, b *batch) (first int, err error) {
	left := make([]int, len(messages))
	for i := range left {
		left[i] = i
	}
	for try, wait := 1, firstWait; ; try, wait = try+1, 2*wait {
		sent := make([]Message, len(left))
		for i, at := range left {
			sent[i] = messages[at]
		}
		refused, err := h.c.Bus.Publish(ctx, sent)
		if err == nil {
			b.Published += len(left) - len(refused)
			for i, at := range refused {
				refused[i] = left[at]
			}
			if left = refused; len(left) == 0 {
				return 0, nil
			}
			err = errRefused
		}
		if try == maxTries {
			return left[0], err
		}
		if stopped := h.c.Sleep(ctx, wait); stopped != nil {
			return left[0], err
		}
	}
}

// An unread change is one whose documents cannot be read now.
type unread struct {
	change int
	err    error
}

// messages returns the messages of changes, with the index of the change of each, up to the
// change whose documents cannot be read now.
func (h *Handler) messages(ctx context.Context, changes []change, b *batch) (messages []Message, of []int, failure *unread) {
	documents, failure := h.documents(ctx, changes)
	for i, c := range changes[:len(documents)] {
		for n, d := range c.drafts {
			message, err := newMessage(d, documents[i][n])
			if err != nil {
				h.poisoned(ctx, c.key, c.sequence, err, b)
				continue
			}
			messages, of = append(messages, message), append(of, i)
		}
	}
	return messages, of, failure
}

// documents reads the documents of changes. If they cannot be read together, it reads those of
// one change after another, up to the one that fails.
func (h *Handler) documents(ctx context.Context, changes []change) (read [][]adminwire.Event, failure *unread) {
	var drafts []event.Draft
	for _, c := range changes {
		drafts = append(drafts, c.drafts...)
	}
	all, err := h.readEvents(ctx, drafts)
	switch {
	case err == nil:
		for _, c := range changes {
			read, all = append(read, all[:len(c.drafts)]), all[len(c.drafts):]
		}
		return read, nil
	case len(changes) == 1 || ctx.Err() != nil:
		return nil, &unread{0, fmt.Errorf("what an event is about cannot be read: %w", err)}
	}
	for i := range changes {
		one, failure := h.documents(ctx, changes[i:i+1])
		if failure != nil {
			return read, &unread{i, failure.err}
		}
		read = append(read, one...)
	}
	return read, nil
}

// maxTenants is the largest number of tenants whose documents are read at once.
const maxTenants = 8

// readEvents returns the documents of drafts, those of each tenant read together.
func (h *Handler) readEvents(ctx context.Context, drafts []event.Draft) ([]adminwire.Event, error) {
	of := map[tenant.ID][]int{}
	for i, d := range drafts {
		of[d.Tenant] = append(of[d.Tenant], i)
	}
	all := make([]adminwire.Event, len(drafts))
	errs := make(chan error, len(of))
	free := make(chan struct{}, maxTenants)
	for t, indexes := range of {
		free <- struct{}{}
		go func() {
			defer func() { <-free }()
			errs <- h.readTenant(ctx, t, drafts, indexes, all)
		}()
	}
	var err error
	for range of {
		err = cmp.Or(err, <-errs)
	}
	return all, err
}

// readTenant reads the documents of a tenant's drafts into their places.
func (h *Handler) readTenant(ctx context.Context, t tenant.ID, drafts []event.Draft, indexes []int, all []adminwire.Event) (err error) {
	defer recovered(&err)
	chosen := make([]event.Draft, len(indexes))
	for i, at := range indexes {
		chosen[i] = drafts[at]
	}
	events, err := h.c.Documents.Events(ctx, t, chosen)
	if err == nil && len(events) != len(chosen) {
		err = fmt.Errorf("%d documents of %d events", len(events), len(chosen))
	}
	if err != nil {
		return err
	}
	for i, at := range indexes {
		all[at] = events[i]
	}
	return nil
}

// newMessage returns a message with as much of the document as one call takes.
func newMessage(d event.Draft, document adminwire.Event) (Message, error) {
	m := Message{ID: d.ID(), Type: d.Type, Time: document.Time, Tenant: document.Tenant}
	for _, reduce := range []func(*adminwire.Event){
		func(*adminwire.Event) {},
		func(e *adminwire.Event) { e.Data, e.DataOmitted = jsontext.Value("null"), true },
		func(e *adminwire.Event) {
			if e.Members != nil {
				members := *e.Members
				members.Added, members.Removed, members.Current = []string{}, []string{}, []adminwire.EventMember{}
				e.Members = &members
			}
		},
	} {
		reduce(&document)
		detail, err := json.Marshal(document)
		if err != nil {
			return m, err
		}
		if m.Detail = detail; len(detail)+messageRoom <= MaxPublishedBytes {
			return m, nil
		}
	}
	return m, fmt.Errorf("the event %s is too large for the bus: %d bytes", d.ID(), len(m.Detail))
}

// sleep waits, and returns the error of the context if that ends first.
func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
