package feed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/feed"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func all(id string) subscription.Endpoint { return subscription.Endpoint{ID: id} }

// three are the records of three changes, each of one event.
func three() []table.Record {
	return []table.Record{
		record(1, "acme", "k1", "u1", event.UserCreated, 1),
		record(2, "acme", "k2", "u1", event.UserUpdated, 1),
		record(3, "acme", "k3", "u2", event.UserCreated, 1),
	}
}

func TestHandle_HandsEachEventToEndpointsAndBus(t *testing.T) {
	s := newSurroundings(t)
	s.endpoints = []subscription.Endpoint{all("e1"), {ID: "e2", Types: []event.Type{event.UserUpdated}}, {ID: "e3", Tenants: []tenant.ID{of(t, "other")}}}
	failed, err := s.handler.Handle(t.Context(), append(three(), record(4, "acme", "k4", "u3", event.GroupMembersChanged, 2)))
	require.NoError(t, err)
	assert.Empty(t, failed)
	assert.Equal(t, []string{"k1", "k2", "k3", "k4", "k4-1"}, s.events("e1"))
	assert.Equal(t, []string{"k2"}, s.events("e2"))
	assert.Empty(t, s.events("e3"))
	assert.Equal(t, []string{"k1", "k2", "k3", "k4", "k4-1"}, s.messages())
	assert.Equal(t, []string{"e1", "e2"}, s.woken)
	got := s.enqueued[len(s.enqueued)-1]
	got.Seq = ""
	assert.Equal(t, subscription.Pending{
		Endpoint: "e1", Tenant: of(t, "acme"), Event: "k4-1", Key: "k4", Part: 1, Type: event.GroupMembersChanged, Resource: "User#u3", Committed: began,
	}, got)
	assert.JSONEq(t, `{"id":"k1","type":"user.created","time":"2026-12-01T12:00:00Z","tenant":"acme","actor":{"type":""},"data":{"id":"u1"}}`, string(s.published[0].Detail))
	lines := s.lines(t)
	require.Len(t, lines, 1)
	for field, want := range map[string]any{"event": "feed", "level": "INFO", "records": 4., "events": 5., "pending": 6., "published": 5., "recordsFailed": 0., "poison": 0.} {
		assert.Equal(t, want, lines[0][field], field)
	}
}

// What is removed because its time is over, or written again, is no change.
func TestHandle_OnlyNewItemsCauseEvents(t *testing.T) {
	s := newSurroundings(t)
	s.endpoints = []subscription.Endpoint{all("e1")}
	records := three()
	records[0].Inserted = false
	records[1].Inserted, records[1].Item = false, nil
	records[2].Key.Partition = "T#acme#LEDGER"
	failed, err := s.handler.Handle(t.Context(), records)
	require.NoError(t, err)
	assert.Empty(t, failed)
	assert.Empty(t, s.enqueued)
	assert.Empty(t, s.published)
	assert.Empty(t, s.woken, "an endpoint was woken for nothing")
}

// A record that comes again gives the same events: storing them again changes nothing.
func TestHandle_RepeatedRecordsGiveTheSamePending(t *testing.T) {
	s := newSurroundings(t)
	s.endpoints = []subscription.Endpoint{all("e1"), all("e2")}
	for range 3 {
		_, err := s.handler.Handle(t.Context(), three())
		require.NoError(t, err)
	}
	assert.Len(t, s.enqueued, 18)
	assert.Len(t, s.queued, 6)
}

// The order of what waits is that of the stream, also within one second, within one change,
// and when sequence numbers get longer.
func TestHandle_PendingAreInTheOrderOfTheStream(t *testing.T) {
	s := newSurroundings(t)
	s.endpoints = []subscription.Endpoint{all("e1")}
	var records []table.Record
	for i, sequence := range []int{8, 9, 10, 11, 99, 100, 101, 1000} {
		r := record(sequence, "acme", fmt.Sprintf("k%d", 9-i), "u1", event.UserUpdated, 12)
		r.Time = began
		records = append(records, r)
	}
	_, err := s.handler.Handle(t.Context(), records)
	require.NoError(t, err)
	require.Len(t, s.enqueued, 96)
	for i, p := range s.enqueued[1:] {
		require.Less(t, s.enqueued[i].Seq, p.Seq, "%s is not before %s", s.enqueued[i].Event, p.Event)
	}
	at, err := time.Parse(time.RFC3339, "2026-12-01T12:00:00Z")
	require.NoError(t, err)
	hex := fmt.Sprintf("%012x", at.UnixMilli())
	assert.True(t, strings.HasPrefix(s.enqueued[0].Seq, hex[:8]+"-"+hex[8:]+"-7"), "%s does not begin as a UUIDv7 of the time", s.enqueued[0].Seq)
	assert.True(t, strings.HasSuffix(s.enqueued[0].Seq, "/k9"), s.enqueued[0].Seq)
}

// A failure names the first record that failed; what was before it is done and woken, and
// what comes after it is left.
func TestHandle_ReportsTheFirstFailedRecord(t *testing.T) {
	for name, c := range map[string]struct {
		fail              func(s *surroundings, records []table.Record)
		failed            string
		queued, published []string
	}{
		"the endpoints cannot be read": {func(s *surroundings, _ []table.Record) { s.endpointsErr = errDown }, "1", nil, nil},
		"an event cannot be stored":    {func(s *surroundings, _ []table.Record) { s.unqueued["k2"] = true }, "2", []string{"k1"}, []string{"k1", "k2", "k3"}},
		"a document cannot be read":    {func(s *surroundings, _ []table.Record) { s.unread["k2"] = true }, "2", []string{"k1"}, []string{"k1"}},
		"the bus refuses an event":     {func(s *surroundings, _ []table.Record) { s.refusals["k2"] = 100 }, "2", []string{"k1"}, []string{"k1", "k3"}},
		"a set cannot be read": {func(s *surroundings, records []table.Record) {
			s.setErr = errDown
			records[2].Item.Attributes["set"] = table.Number(2)
		}, "3", []string{"k1", "k2"}, []string{"k1", "k2"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSurroundings(t)
			s.endpoints = []subscription.Endpoint{all("e1")}
			records := three()
			c.fail(s, records)
			failed, err := s.handler.Handle(t.Context(), records)
			require.Error(t, err)
			assert.Equal(t, c.failed, failed)
			assert.Equal(t, c.queued, s.events("e1"))
			assert.Equal(t, c.published, s.messages())
			assert.Equal(t, len(c.queued) > 0, len(s.woken) > 0, "woken: %v", s.woken)
			line := s.lines(t)[0]
			assert.Equal(t, "ERROR", line["level"])
			assert.EqualValues(t, 4-int(c.failed[0]-'0'), line["recordsFailed"])
			assert.NotEmpty(t, line["error"])
		})
	}
}

// A record that cannot be read must not stop those of all tenants after it.
func TestHandle_PoisonStopsNothing(t *testing.T) {
	for name, poison := range map[string]func(r *table.Record){
		"not what rollcall writes": func(r *table.Record) { r.Item.Attributes["damaged"] = table.Number(1) },
		"a fault of ours":          func(r *table.Record) { r.Item.Attributes["panics"] = table.Number(1) },
		"unknown attributes":       func(r *table.Record) { r.Fault = errors.New("a list") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSurroundings(t)
			s.endpoints = []subscription.Endpoint{all("e1")}
			records := three()
			poison(&records[1])
			failed, err := s.handler.Handle(t.Context(), records)
			require.NoError(t, err)
			assert.Empty(t, failed)
			assert.Equal(t, []string{"k1", "k3"}, s.events("e1"))
			assert.Equal(t, []string{"k1", "k3"}, s.messages())
			lines := s.lines(t)
			require.Len(t, lines, 2)
			assert.Equal(t, "feed.poison", lines[0]["event"])
			assert.Equal(t, "ERROR", lines[0]["level"])
			assert.Equal(t, "T#acme#LOG", lines[0]["partition"])
			assert.Equal(t, "k2", lines[0]["sort"])
			assert.EqualValues(t, 1, lines[1]["poison"])
			assert.NotContains(t, s.log.String(), "anna@example.com", "a value of the record was logged")
		})
	}
}

// What the bus refuses is sent again alone, after a wait, in its order.
func TestHandle_RefusedEventsAreSentAgain(t *testing.T) {
	s := newSurroundings(t)
	s.refusals["k1"], s.refusals["k3"] = 1, 2
	_, err := s.handler.Handle(t.Context(), three())
	require.NoError(t, err)
	assert.Equal(t, []string{"k2", "k1", "k3"}, s.messages())
	assert.Equal(t, []int{3, 2, 1}, []int{len(s.calls[0]), len(s.calls[1]), len(s.calls[2])})
	assert.Len(t, s.waits, 2)
	assert.Less(t, s.waits[0], s.waits[1])
}

func TestHandle_KeepsTheLimitsOfTheBus(t *testing.T) {
	s := newSurroundings(t)
	s.data["k1"] = `"` + strings.Repeat("x", feed.MaxPublishedBytes-3_000) + `"`
	s.data["k2"] = `"` + strings.Repeat("x", feed.MaxPublishedBytes) + `"`
	_, err := s.handler.Handle(t.Context(), append(three(), record(4, "acme", "k4", "u3", event.UserUpdated, 25)))
	require.NoError(t, err)
	assert.Len(t, s.published, 28)
	for _, call := range s.calls {
		bytes := 0
		for _, m := range call {
			bytes += len(m.Detail)
		}
		assert.LessOrEqual(t, len(call), feed.MaxPublished)
		assert.LessOrEqual(t, bytes, feed.MaxPublishedBytes)
	}
	assert.NotContains(t, string(s.published[0].Detail), "dataOmitted")
	assert.Contains(t, string(s.published[1].Detail), `"data":null,"dataOmitted":true`)
	assert.NotContains(t, string(s.published[2].Detail), "dataOmitted", "the flag of another event")
}

// The documents of large changes are not read together: each member is read.
func TestHandle_ReadsFewMembersAtOnce(t *testing.T) {
	s := newSurroundings(t)
	s.set = 1500
	var records []table.Record
	for i := range 4 {
		r := record(i, "acme", fmt.Sprint("k", i), "g1", event.GroupMembersChanged, 1)
		r.Item.Attributes["set"] = table.Number(1)
		records = append(records, r)
	}
	_, err := s.handler.Handle(t.Context(), records)
	require.NoError(t, err)
	assert.Len(t, s.published, 4)
	assert.Equal(t, 1500, s.mostMembers)
}

// Without a bus no document is read.
func TestHandle_WithoutBus(t *testing.T) {
	s := newSurroundings(t)
	c := s.config()
	c.Bus, c.Documents = nil, nil
	s.endpoints = []subscription.Endpoint{all("e1")}
	_, err := feed.NewHandler(c).Handle(t.Context(), three())
	require.NoError(t, err)
	assert.Len(t, s.enqueued, 3)
}

// Without webhooks nothing is stored for endpoints: nobody would send it.
func TestHandle_WithoutWebhooks(t *testing.T) {
	s := newSurroundings(t)
	c := s.config()
	c.Waker = nil
	s.endpoints = []subscription.Endpoint{all("e1")}
	_, err := feed.NewHandler(c).Handle(t.Context(), three())
	require.NoError(t, err)
	assert.Empty(t, s.enqueued)
	assert.Len(t, s.published, 3)
}

// A lost wake-up delays deliveries and loses none: the batch is done.
func TestHandle_FailedWakeUpIsNoFailure(t *testing.T) {
	s := newSurroundings(t)
	s.endpoints, s.wakeErr = []subscription.Endpoint{all("e1")}, errDown
	_, err := s.handler.Handle(t.Context(), three())
	require.NoError(t, err)
	assert.Equal(t, "WARN", s.lines(t)[0]["level"])
	assert.Equal(t, "down", s.lines(t)[0]["wakeError"])
}

// The events of a large batch are stored in portions, each after what was before it.
func TestHandle_LargeBatchIsHandedOnInPortions(t *testing.T) {
	s := newSurroundings(t)
	for i := range subscription.MaxEndpoints {
		s.endpoints = append(s.endpoints, all(fmt.Sprint("e", i)))
	}
	var records []table.Record
	for i := range 100 {
		records = append(records, record(i, "acme", fmt.Sprintf("k%03d", i), "u1", event.UserUpdated, 1))
	}
	s.unqueued["k051"] = true
	failed, err := s.handler.Handle(t.Context(), records)
	require.Error(t, err)
	assert.Equal(t, "51", failed)
	assert.Len(t, s.enqueued, 51*subscription.MaxEndpoints)
	assert.Less(t, len(s.published), 60, "far more was published than is done")
}

// A watcher looks at the records whose events were handed on. Those that it fails at come
// again, and keep no event back.
func TestHandle_LetsTheWatcherLookAtWhatWasHandedOn(t *testing.T) {
	s := newSurroundings(t)
	s.endpoints = []subscription.Endpoint{all("e1")}
	w := &watcher{}
	config := s.config()
	config.Watcher = w
	handler := feed.NewHandler(config)
	_, err := handler.Handle(t.Context(), three())
	require.NoError(t, err)
	assert.Equal(t, 3, w.saw)

	w.failed, w.err = 1, errDown
	failed, err := handler.Handle(t.Context(), three())
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, "2", failed)
	assert.Equal(t, []string{"k1", "k2", "k3", "k1", "k2", "k3"}, s.events("e1"))

	w.err, w.saw = nil, 0
	records := three()
	records[1].Item.Attributes["set"], s.setErr = table.Number(1), errDown
	failed, err = handler.Handle(t.Context(), records)
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, "2", failed)
	assert.Equal(t, 1, w.saw, "the others come again")
}

// watcher fails at a record.
type watcher struct {
	saw, failed int
	err         error
}

func (w *watcher) Watch(_ context.Context, records []table.Record) (int, error) {
	w.saw = len(records)
	return w.failed, w.err
}
