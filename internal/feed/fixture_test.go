package feed_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/feed"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var began = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

var errDown = errors.New("down")

// surroundings are everything that a handler uses. It fails as the maps and functions say.
type surroundings struct {
	endpoints    []subscription.Endpoint
	endpointsErr error
	// unqueued and unread are the events that cannot be stored and whose documents cannot be
	// read, by id; refusals says how often the bus refuses an event.
	unqueued, unread map[string]bool
	refusals         map[string]int
	data             map[string]string
	wakeErr, setErr  error
	// set is the size of a whole new set, and mostMembers how many members the documents read
	// together had at most.
	set, mostMembers int

	queued    map[string]subscription.Pending
	enqueued  []subscription.Pending
	published []feed.Message
	calls     [][]feed.Message
	woken     []string
	waits     []time.Duration
	log       bytes.Buffer
	handler   *feed.Handler
}

func newSurroundings(t testing.TB) *surroundings {
	t.Helper()
	s := &surroundings{
		unqueued: map[string]bool{}, unread: map[string]bool{}, refusals: map[string]int{}, data: map[string]string{}, queued: map[string]subscription.Pending{},
	}
	s.handler = feed.NewHandler(s.config())
	return s
}

func (s *surroundings) config() feed.Config {
	return feed.Config{
		Decoder: s, Derive: derive, Endpoints: s, Queue: s, Waker: s, Bus: s, Documents: s,
		Log: slog.New(slog.NewJSONHandler(&s.log, nil)), Now: func() time.Time { return began },
		Sleep: func(_ context.Context, d time.Duration) error { s.waits = append(s.waits, d); return nil },
	}
}

// record is a record of an entry: its sort key is the key of the entry, and its attribute
// "parts" the number of its events.
func record(sequence int, of, key, resource string, kind event.Type, parts int) table.Record {
	k := table.Key{Partition: "T#" + of + "#LOG", Sort: key}
	return table.Record{
		Sequence: fmt.Sprint(sequence), Inserted: true, Key: k, Time: began.Add(time.Duration(sequence/10) * time.Second),
		Item: &table.Item{Key: k, Attributes: table.Attributes{
			"rid": table.Text(resource), "type": table.Text(string(kind)), "parts": table.Number(int64(parts)),
		}},
	}
}

func (s *surroundings) DecodeSource(r table.Record) (t tenant.ID, source event.Source, ok bool, err error) {
	a := r.Item.Attributes
	switch name, isLog := strings.CutSuffix(strings.TrimPrefix(r.Key.Partition, "T#"), "#LOG"); {
	case a.Has("panics"):
		panic("anna@example.com")
	case a.Has("damaged"):
		return t, source, false, errors.New("no operation")
	case !isLog:
		return t, source, false, nil
	default:
		t, err = tenant.ParseID(name)
		return t, event.Source{Entry: &journal.Entry{
			RequestID: r.Key.Sort, Time: r.Time, ResourceType: journal.TypeUser, ResourceID: a.Text("rid"),
			Action: journal.Action(a.Text("type")), Version: a.Number("parts"), NewSet: a.Has("set"),
		}}, true, err
	}
}

func (s *surroundings) ReadSet(_ context.Context, _ tenant.ID, source event.Source) (event.Source, error) {
	source.Set = make([]string, s.set)
	return source, s.setErr
}

func derive(t tenant.ID, source event.Source) (drafts []event.Draft) {
	for part := range int(source.Entry.Version) {
		drafts = append(drafts, event.Draft{
			Key: source.Key(), Part: part, Type: event.Type(source.Entry.Action), Time: source.Entry.Time, Tenant: t,
			Subject: journal.Subject{Type: source.Entry.ResourceType, ID: source.Entry.ResourceID}, Added: source.Set,
		})
	}
	return drafts
}

func (s *surroundings) Endpoints(context.Context) ([]subscription.Endpoint, error) {
	return s.endpoints, s.endpointsErr
}

func (s *surroundings) Enqueue(_ context.Context, events []subscription.Pending) error {
	if slices.ContainsFunc(events, func(p subscription.Pending) bool { return s.unqueued[p.Event] }) {
		return errDown
	}
	s.enqueued = append(s.enqueued, events...)
	for _, p := range events {
		s.queued[p.Endpoint+" "+p.Seq] = p
	}
	return nil
}

func (s *surroundings) Wake(_ context.Context, endpoints []string) error {
	s.woken = append(s.woken, endpoints...)
	return s.wakeErr
}

func (s *surroundings) Events(_ context.Context, t tenant.ID, drafts []event.Draft) (documents []adminwire.Event, err error) {
	members := 0
	for _, d := range drafts {
		members += len(d.Added)
		s.mostMembers = max(s.mostMembers, members)
		if d.Tenant != t {
			return nil, errors.New("an event of another tenant")
		}
		if s.unread[d.ID()] {
			return nil, errDown
		}
		data := `{"id":"` + d.Subject.ID + `"}`
		if given, ok := s.data[d.ID()]; ok {
			data = given
		}
		documents = append(documents, adminwire.Event{ID: d.ID(), Type: string(d.Type), Time: d.Time, Tenant: d.Tenant.String(), Data: jsontext.Value(data)})
	}
	return documents, nil
}

func (s *surroundings) Publish(_ context.Context, messages []feed.Message) (refused []int, err error) {
	s.calls = append(s.calls, messages)
	for i, m := range messages {
		if s.refusals[m.ID] > 0 {
			s.refusals[m.ID]--
			refused = append(refused, i)
			continue
		}
		s.published = append(s.published, m)
	}
	return refused, nil
}

// lines returns the lines of the log.
func (s *surroundings) lines(t testing.TB) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(s.log.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		lines = append(lines, fields)
	}
	return lines
}

func (s *surroundings) events(endpoint string) (ids []string) {
	for _, p := range s.enqueued {
		if p.Endpoint == endpoint {
			ids = append(ids, p.Event)
		}
	}
	return ids
}

func (s *surroundings) messages() (ids []string) {
	for _, m := range s.published {
		ids = append(ids, m.ID)
	}
	return ids
}

func of(t testing.TB, id string) tenant.ID {
	t.Helper()
	parsed, err := tenant.ParseID(id)
	require.NoError(t, err)
	return parsed
}
