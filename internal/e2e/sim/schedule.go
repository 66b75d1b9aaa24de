package sim

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"
)

// A scheduler orders everything that happens in a world. Goroutines post events
// and wait for them; the scheduler runs one event at a time, when all goroutines
// of the bubble are blocked.
type scheduler struct {
	// random decides; only the scheduler's goroutine draws from it.
	random *rand.Rand
	queue  queue
	seq    int

	mu      sync.Mutex
	arrived []*event
	// wake says that events have arrived, to a scheduler that waits for time to
	// pass.
	wake chan struct{}
}

// An event is something that is going to happen at a time.
type event struct {
	at  time.Time
	seq int
	// name orders events that were posted at once, by goroutines that ran in
	// parallel. Equal names mean that the order makes no difference.
	name func() string
	// plan draws after what time the event happens; after a negative one it never
	// happens.
	plan func(random *rand.Rand) time.Duration
	run  func()
}

func newScheduler(random *rand.Rand) *scheduler {
	return &scheduler{random: random, wake: make(chan struct{}, 1)}
}

// post adds an event. Any goroutine of the bubble may call it.
func (s *scheduler) post(e *event) {
	s.mu.Lock()
	s.arrived = append(s.arrived, e)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// after runs a function in the scheduler after a time. Only the scheduler's own
// goroutine may call it.
func (s *scheduler) after(d time.Duration, run func()) {
	s.push(&event{at: time.Now().Add(d), run: run})
}

func (s *scheduler) push(e *event) {
	s.seq++
	e.seq = s.seq
	heap.Push(&s.queue, e)
}

// take plans the events that have arrived, in the order of their names.
func (s *scheduler) take() {
	s.mu.Lock()
	arrived := s.arrived
	s.arrived = nil
	s.mu.Unlock()
	if len(arrived) > 1 {
		names := make(map[*event]string, len(arrived))
		for _, e := range arrived {
			names[e] = e.name()
		}
		slices.SortStableFunc(arrived, func(a, b *event) int { return strings.Compare(names[a], names[b]) })
	}
	now := time.Now()
	for _, e := range arrived {
		if delay := e.plan(s.random); delay >= 0 {
			e.at = now.Add(delay)
			s.push(e)
		}
	}
}

// run runs events until done returns true while all goroutines are blocked. It
// returns false if nothing happens for longer than idle.
func (s *scheduler) run(done func() bool, idle time.Duration) bool {
	for {
		synctest.Wait()
		s.take()
		if done() {
			return true
		}
		wait := idle
		if len(s.queue) > 0 {
			if wait = time.Until(s.queue[0].at); wait <= 0 {
				heap.Pop(&s.queue).(*event).run() //nolint:forcetypeassert // queue has nothing else
				continue
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.wake:
			timer.Stop()
		case <-timer.C:
			if len(s.queue) == 0 {
				return false
			}
		}
	}
}

// queue is a heap of events by time.
type queue []*event

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].seq < q[j].seq
	}
	return q[i].at.Before(q[j].at)
}

func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q *queue) Push(x any) { *q = append(*q, x.(*event)) } //nolint:forcetypeassert // of heap

func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
