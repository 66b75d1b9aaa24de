package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
)

// A deliverer keeps what was woken. Each endpoint waits for the others, as far as it can.
type deliverer struct {
	mu    sync.Mutex
	woken []string
	slow  chan struct{} // closed when the slow endpoint may end
	ticks int
}

var errTable = errors.New("the table cannot be reached")

func (d *deliverer) Wake(_ context.Context, endpoint string) error {
	d.mu.Lock()
	d.woken = append(d.woken, endpoint)
	d.mu.Unlock()
	switch endpoint {
	case "slow":
		<-d.slow
	case "last":
		close(d.slow) // reached only while slow is waiting
	case "unread":
		return errTable
	case "faulty":
		panic("a value of an event")
	}
	return nil
}

func (d *deliverer) Tick(context.Context) error { d.ticks++; return errTable }

// Each endpoint of a batch is woken once, beside the others: a slow one keeps none back.
func TestDeliveries_ServeEndpointsSideBySide(t *testing.T) {
	d := &deliverer{slow: make(chan struct{})}
	failed := (&Deliveries{d, slog.New(slog.DiscardHandler)}).Messages(t.Context(), []string{"slow", "a", "slow", "a", "last"})
	assert.Empty(t, failed)
	assert.ElementsMatch(t, []string{"slow", "a", "last"}, d.woken)
}

// Messages of an endpoint that could not be served come again, the others do not. A fault in one
// delivery ends no other, and the log has no value of an event.
func TestDeliveries_ReportFailedMessages(t *testing.T) {
	var log bytes.Buffer
	d := &deliverer{}
	failed := (&Deliveries{d, slog.New(slog.NewTextHandler(&log, nil))}).Messages(t.Context(), []string{"a", "unread", "faulty", "unread", "b"})
	assert.Equal(t, []int{1, 2, 3}, failed)
	assert.Contains(t, log.String(), "endpoint=faulty")
	assert.NotContains(t, log.String(), "a value of an event")
	assert.NotContains(t, log.String(), "endpoint=unread", "the deliverer logs its errors itself")
}

func TestDeliveries_TickOnSchedule(t *testing.T) {
	d := &deliverer{}
	require.ErrorIs(t, (&Deliveries{d, slog.New(slog.DiscardHandler)}).Scheduled(t.Context()), errTable)
	assert.Equal(t, 1, d.ticks)
}

// Without a queue of wake-ups nothing is stored for endpoints: nobody would ever send it.
func TestNewFeed_StoresNothingWithoutAWaker(t *testing.T) {
	engine, err := embedded.Memory()
	require.NoError(t, err)
	defer engine.Close()
	s := NewStore(engine, Options{})
	require.NoError(t, s.CreateEndpoint(t.Context(), subscription.Registrations{}, subscription.Endpoint{
		ID: "w1", URL: "https://app.example.com", Created: time.Now(), Version: 1, Secrets: []subscription.Secret{{Key: make([]byte, 24)}},
	}))
	entry := table.Item{Key: table.Key{Partition: "T#acme#LOG", Sort: "019b8d62-7a80-7000-8000-000000001008"}, Attributes: table.Attributes{
		"op": table.Text("modify"), "out": table.Text("success"), "did": table.Text("deactivated"), "rt": table.Text("User"),
		"rid": table.Text("019b8d62-7a80-7000-8000-000000000002"), "at": table.Number(1767604080000), "ver": table.Number(2),
	}}
	waiting := func(out Outlets) int {
		t.Helper()
		_, err := NewFeed(engine, slog.New(slog.DiscardHandler), out, Options{}).Handle(t.Context(),
			[]table.Record{{Sequence: "1", Inserted: true, Key: entry.Key, Item: &entry, Time: time.Now()}})
		require.NoError(t, err)
		page, _, err := s.PendingPage(t.Context(), "w1", "", 10)
		require.NoError(t, err)
		return len(page)
	}
	assert.Zero(t, waiting(Outlets{}))
	assert.Equal(t, 1, waiting(Outlets{Waker: awake{}}))
}

type awake struct{}

func (awake) Wake(context.Context, []string) error { return nil }
