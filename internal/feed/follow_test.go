package feed_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/feed"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// A river is a stream in memory. idle is closed over each time that a reader finds nothing new.
type river struct {
	mu      sync.Mutex
	records []table.Record
	trimmed string
	failing int // how many reads fail
	idle    chan struct{}
	changed chan struct{}
}

func newRiver(records ...table.Record) *river {
	return &river{records: records, idle: make(chan struct{}, 1000), changed: make(chan struct{}, 1)}
}

func (r *river) add(records ...table.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, records...)
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *river) Records(_ context.Context, after string, limit int) ([]table.Record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failing > 0 {
		r.failing--
		return nil, errors.New("the file cannot be read")
	}
	rest := r.records
	for _, position := range []string{r.trimmed, after} {
		if i := slices.IndexFunc(rest, func(r table.Record) bool { return r.Sequence == position }); i >= 0 {
			rest = rest[i+1:]
		}
	}
	if len(rest) == 0 {
		r.idle <- struct{}{}
	}
	return rest[:min(limit, len(rest))], nil
}

func (r *river) Trim(upTo string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trimmed = upTo
	return nil
}

func (r *river) Changed() <-chan struct{} { return r.changed }

// following follows a stream until the test calls stop.
func following(t *testing.T, h *feed.Handler, r *river) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.Follow(ctx, r) }()
	return func() { cancel(); <-done }
}

func TestFollow_HandlesWhatIsThereAndWhatComes(t *testing.T) {
	s := newSurroundings(t)
	s.endpoints = []subscription.Endpoint{all("e1")}
	r := newRiver(three()...)
	stop := following(t, s.handler, r)
	<-r.idle
	for i := range 250 {
		r.add(record(10+i, "acme", fmt.Sprintf("m%03d", i), "u1", event.UserUpdated, 1))
	}
	for <-r.idle; r.position() != "259"; <-r.idle {
	}
	stop()
	assert.Len(t, s.enqueued, 253, "an event is missing, or came twice")
	assert.Equal(t, []string{"k1", "k2", "k3", "m000"}, s.events("e1")[:4])
}

func (r *river) position() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trimmed
}

// After a failure only the failed record and those after it come again, after growing waits.
func TestFollow_TriesAFailedRecordAgain(t *testing.T) {
	s := newSurroundings(t)
	s.endpoints = []subscription.Endpoint{all("e1")}
	s.unqueued["k2"] = true
	r := newRiver(three()...)
	r.failing = 2
	c := s.config()
	c.Sleep = func(_ context.Context, d time.Duration) error {
		if s.waits = append(s.waits, d); len(s.waits) == 5 {
			s.unqueued["k2"] = false
		}
		return nil
	}
	stop := following(t, feed.NewHandler(c), r)
	<-r.idle
	stop()
	assert.Equal(t, []string{"k1", "k2", "k3"}, s.events("e1"))
	assert.True(t, slices.IsSorted(s.waits[2:]), "%v", s.waits)
	assert.Equal(t, "3", r.position())
}

// A record that always fails does not stop the ones after it for good.
func TestFollow_LeavesOutARecordThatAlwaysFails(t *testing.T) {
	s := newSurroundings(t)
	s.endpoints = []subscription.Endpoint{all("e1")}
	s.unqueued["k2"] = true
	r := newRiver(three()...)
	stop := following(t, s.handler, r)
	<-r.idle
	stop()
	assert.Equal(t, []string{"k1", "k3"}, s.events("e1"))
	assert.Len(t, s.waits, 11)
	total := time.Duration(0)
	for _, wait := range s.waits {
		total += wait
	}
	assert.Greater(t, total, 2*time.Minute, "a table that cannot be reached for a moment loses events")
	assert.Contains(t, s.log.String(), `"event":"feed.abandoned","partition":"T#acme#LOG","sort":"k2"`)
}

// A restart continues where the last one ended.
func TestFollow_ContinuesAfterARestart(t *testing.T) {
	s := newSurroundings(t)
	s.endpoints = []subscription.Endpoint{all("e1")}
	r := newRiver(three()...)
	stop := following(t, s.handler, r)
	<-r.idle
	stop()
	r.add(record(4, "acme", "k4", "u2", event.UserUpdated, 1))
	stop = following(t, s.handler, r)
	<-r.idle
	stop()
	require.Equal(t, []string{"k1", "k2", "k3", "k4"}, s.events("e1"))
}
