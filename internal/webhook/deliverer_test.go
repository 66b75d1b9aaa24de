package webhook_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

func TestWake_DeliversWhatWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		var want []string
		for n := range 250 {
			p := w.pending("w1", fmt.Sprint("u", n%3))
			want = append(want, p.Event)
			w.waits(p)
		}
		require.NoError(t, w.process(w.table).Wake(t.Context(), "w1"))
		events, count := w.requests("w1")
		require.ElementsMatch(t, want, events)
		for e, n := range count {
			require.Equal(t, 1, n, e)
			require.NotZero(t, w.delivery("w1", e).Delivered)
		}
		require.Empty(t, w.left("w1"))
		require.Contains(t, w.log.String(), `"event":"webhook.delivery","endpoint":"w1","delivered":250,"failed":0`)
	})
}

// The events of one user are sent in order, one after another, however long the endpoint
// takes; those of others meanwhile.
func TestWake_KeepsTheOrderOfAResource(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		flying, most := map[string]int{}, 0
		user := map[string]string{}
		w.answer = func(r request, _ int) subscription.Attempt {
			w.mu.Lock()
			flying[user[r.event]]++
			assert.Equal(t, 1, flying[user[r.event]], "two requests of %s at once", user[r.event])
			most = max(most, len(flying))
			w.mu.Unlock()
			time.Sleep(time.Duration(r.event[len(r.event)-1]-'0'+1) * time.Second)
			w.mu.Lock()
			delete(flying, user[r.event])
			w.mu.Unlock()
			return subscription.Attempt{Status: 204}
		}
		for n := range 90 {
			p := w.pending("w1", fmt.Sprint("u", n%9))
			user[p.Event] = p.Resource
			w.waits(p)
		}
		require.NoError(t, w.process(w.table).Wake(t.Context(), "w1"))
		last := map[string]string{}
		events, _ := w.requests("w1")
		require.Len(t, events, 90)
		for _, e := range events {
			require.Less(t, last[user[e]], e)
			last[user[e]] = e
		}
		require.Equal(t, 8, most, "requests at once")
	})
}

// An event that the endpoint never acknowledges holds back the events of its user, is tried
// on the schedule, and is given up; all others are delivered at once.
func TestWake_OnePoisonEventHoldsOnlyItsResource(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		poison := w.pending("w1", "u1")
		behind := w.pending("w1", "u1")
		w.waits(poison, behind)
		w.answer = func(r request, _ int) subscription.Attempt {
			if r.event == poison.Event {
				return subscription.Attempt{Status: 500, Answer: "no"}
			}
			return subscription.Attempt{Status: 200}
		}
		d, alarm := w.living()
		start := now()
		for n := range 30 * 60 {
			p := w.pending("w1", fmt.Sprint("other", n))
			w.waits(p)
			w.live(d, alarm, time.Minute)
			require.NotZero(t, w.delivery("w1", p.Event).Delivered, "held back by another user's event")
		}
		_, count := w.requests("w1")
		require.Equal(t, webhook.MaxAttempts, count[poison.Event])
		require.Equal(t, 1, count[behind.Event])
		got := w.delivery("w1", poison.Event)
		require.True(t, got.GivenUp, "%+v", got)
		require.Equal(t, "The endpoint acknowledged others, but not this event in 9 attempts.", got.Reason)
		require.Equal(t, webhook.MaxAttempts, got.Count)
		require.Equal(t, "no", got.Attempts[0].Answer)
		var times []time.Duration
		for _, a := range got.Attempts {
			times = append(times, a.Time.Sub(start).Round(time.Minute))
		}
		require.Equal(t, []time.Duration{0, 0, time.Minute, 6 * time.Minute, 36 * time.Minute, 156 * time.Minute, 456 * time.Minute, 1056 * time.Minute, 1656 * time.Minute}, times)
		require.False(t, w.delivery("w1", behind.Event).Delivered.Before(got.Attempts[8].Time))
		require.Empty(t, w.left("w1"))
	})
}

// An endpoint that never acknowledges anything gets a bounded number of requests, whatever
// waits for it, and is disabled after three days. Others get their events meanwhile.
func TestWake_DeadEndpointCostsABoundedNumberOfAttempts(t *testing.T) {
	for name, every := range map[string]time.Duration{"a backlog": 0, "an event each hour": time.Hour, "an event each 17 hours": 17 * time.Hour, "one event": 1000 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.endpoint("dead")
				w.endpoint("good")
				w.answer = func(r request, _ int) subscription.Attempt {
					if r.endpoint == "dead" {
						time.Sleep(10 * time.Second)
						return subscription.Attempt{Error: "timeout"}
					}
					return subscription.Attempt{Status: 200}
				}
				d, alarm := w.living()
				next := now()
				if every == 0 {
					for n := range 300 {
						w.waits(w.pending("dead", fmt.Sprint("u", n)))
					}
				}
				for range 90 * 60 {
					if every > 0 && !now().Before(next) {
						next = now().Add(every)
						w.waits(w.pending("dead", fmt.Sprint("u", w.n)))
					}
					if now().Minute() == 0 {
						p := w.pending("good", fmt.Sprint("u", w.n))
						w.waits(p)
						require.NoError(t, d.Wake(t.Context(), "good"))
						require.NotZero(t, w.delivery("good", p.Event).Delivered, "the other endpoint is delayed")
					}
					w.live(d, alarm, time.Minute)
				}
				_, count := w.requests("dead")
				total := 0
				for _, n := range count {
					total += n
				}
				t.Logf("%d requests of %d events", total, len(count))
				require.LessOrEqual(t, total, webhook.MaxDeadAttempts)
				e, _, err := w.store.Endpoint(t.Context(), "dead")
				require.NoError(t, err)
				require.False(t, e.Disabled.IsZero(), "it is not disabled")
				require.Contains(t, e.Reason, "3 days")
				require.Empty(t, w.left("dead"))
			})
		})
	}
}

// Events that come while an endpoint is paused, or while one of its events waits for another
// attempt, cost neither writes of the lease nor wake-ups of their own.
func TestWake_NewEventsOfAFailingEndpointCostLittle(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		w.answer = func(request, int) subscription.Attempt { return subscription.Attempt{Status: 500} }
		d := w.process(w.table)
		for n := range webhook.MaxStreak {
			w.waits(w.pending("w1", fmt.Sprint("u", n)))
		}
		require.NoError(t, d.Wake(t.Context(), "w1"))
		require.Equal(t, 1, w.woke["w1"])
		for range 50 {
			w.waits(w.pending("w1", "other"))
			writes := &counting{Table: w.table}
			require.NoError(t, w.process(writes).Wake(t.Context(), "w1"))
			require.Zero(t, writes.n)
		}
		require.Equal(t, 1, w.woke["w1"])
	})
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		poison := w.pending("w1", "poison")
		w.answer = func(r request, _ int) subscription.Attempt {
			if r.event == poison.Event {
				return subscription.Attempt{Status: 500}
			}
			return subscription.Attempt{Status: 200}
		}
		w.waits(poison)
		d, alarm := w.living()
		w.live(d, alarm, 30*time.Minute)
		lost := w.process(w.table)
		for n := range 50 {
			w.waits(w.pending("w1", fmt.Sprint("u", n)))
			require.NoError(t, lost.Wake(t.Context(), "w1"))
		}
		require.Zero(t, w.woke["w1"])
		require.Len(t, w.left("w1"), 1)
	})
}

// counting is a table that counts writes.
type counting struct {
	table.Table
	n int
}

func (c *counting) Write(ctx context.Context, tx table.Transaction) error {
	c.n++
	return c.Table.Write(ctx, tx)
}

// An endpoint that is down for less than three days loses nothing, and gets everything soon
// after it is back.
func TestWake_OutageLosesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		back := now().Add(40 * time.Hour)
		w.answer = func(r request, _ int) subscription.Attempt {
			if r.at.Before(back) {
				return subscription.Attempt{Status: 503}
			}
			return subscription.Attempt{Status: 200}
		}
		for n := range 60 {
			w.waits(w.pending("w1", fmt.Sprint("u", n%20)))
		}
		d, alarm := w.living()
		w.live(d, alarm, 51*time.Hour)
		require.Empty(t, w.left("w1"), "an endpoint is tried every ten hours")
		for n := range 60 {
			require.NotZero(t, w.delivery("w1", fmt.Sprintf("e%07d", n+1)).Delivered)
		}
	})
}

// A pause does not end by chance: the event that is tried after it changes, so that one that
// fails always does not keep a working endpoint paused.
func TestWake_PauseEndsAlthoughAnEventFailsAlways(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		poison := w.pending("w1", "poison")
		w.waits(poison)
		back := now().Add(10 * time.Minute)
		w.answer = func(r request, _ int) subscription.Attempt {
			if r.at.Before(back) || r.event == poison.Event {
				return subscription.Attempt{Status: 500}
			}
			return subscription.Attempt{Status: 200}
		}
		for n := range 20 {
			w.waits(w.pending("w1", fmt.Sprint("u", n)))
		}
		d, alarm := w.living()
		w.live(d, alarm, time.Hour)
		left := w.left("w1")
		require.Len(t, left, 1)
		require.Equal(t, poison.Event, left[0].Event)
	})
}

func TestWake_GoneDisablesAndNoticesTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("gone")
		w.endpoint("other")
		w.endpoint("limited", w.acme)
		left := w.pending("gone", "u1")
		left.Type = event.UserDeactivated
		w.waits(left, w.pending("gone", "u2"), w.pending("gone", "u1"))
		w.answer = func(r request, _ int) subscription.Attempt {
			if r.endpoint == "gone" {
				return subscription.Attempt{Status: 410}
			}
			return subscription.Attempt{Status: 200}
		}
		d, alarm := w.living()
		require.NoError(t, d.Wake(t.Context(), "gone"))
		alarm.wait()
		e, _, err := w.store.Endpoint(t.Context(), "gone")
		require.NoError(t, err)
		require.Contains(t, e.Reason, "410")
		require.Empty(t, w.left("gone"))
		require.True(t, w.delivery("gone", left.Event).GivenUp)
		require.Contains(t, w.delivery("gone", left.Event).Reason, "410")
		records, err := w.store.DepartureDeliveries(t.Context(), w.acme, left.Event)
		require.NoError(t, err)
		require.Len(t, records, 1)
		require.True(t, records[0].GivenUp)
		_, count := w.requests("gone")
		require.Equal(t, map[string]int{left.Event: 1, "e0000002": 1}, count, "the second one was on its way")
		notices, _ := w.requests("other")
		require.Len(t, notices, 1)
		got := w.delivery("other", notices[0])
		require.Equal(t, event.WebhookDisabled, got.Type)
		require.NotZero(t, got.Delivered)
		notices, _ = w.requests("limited")
		require.Empty(t, notices)
		require.Contains(t, w.log.String(), `"disabled":"The endpoint answered 410 (Gone)`)

		w.waits(w.pending("gone", "u3"))
		require.NoError(t, d.Wake(t.Context(), "gone"))
		_, after := w.requests("gone")
		require.Equal(t, count, after, "a disabled endpoint gets nothing")
	})
}

// The record of a departure shows when it was committed, first sent and acknowledged.
func TestWake_RecordsDepartures(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		p := w.pending("w1", "u1")
		p.Type = event.UserDeactivated
		w.waits(p)
		committed := now()
		w.answer = func(_ request, attempt int) subscription.Attempt {
			if attempt == 1 {
				return subscription.Attempt{Status: 500}
			}
			return subscription.Attempt{Status: 200, Duration: time.Second}
		}
		time.Sleep(2 * time.Second)
		d, alarm := w.living()
		require.NoError(t, d.Tick(t.Context()))
		require.Contains(t, w.log.String(), `"pendingSeconds":2,"unacknowledgedSeconds":2`)
		alarm.wait()
		records, err := w.store.DepartureDeliveries(t.Context(), w.acme, p.Event)
		require.NoError(t, err)
		require.Len(t, records, 1)
		require.Equal(t, committed, records[0].Committed)
		require.Equal(t, committed.Add(2*time.Second), records[0].First)
		require.Equal(t, committed.Add(8*time.Second), records[0].Delivered)
		require.Equal(t, 2, records[0].Count)
		w.log.Reset()
		require.NoError(t, d.Tick(t.Context()))
		require.Contains(t, w.log.String(), `"pendingSeconds":0,"unacknowledgedSeconds":0`)
	})
}

// A departure that somebody asks for again has waited since then: it was acknowledged before, or
// was given up, and is no reason for an alarm until it has waited.
func TestDeliverer_CountsTheWaitOfARedeliveryFromItsRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		p := w.pending("w1", "u1")
		p.Type = event.UserDeactivated
		time.Sleep(24 * time.Hour)
		p.Seq, p.Redelivery = event.PositionBefore(now().Add(time.Millisecond)).Key+"/"+p.Event, true
		w.waits(p)
		time.Sleep(3 * time.Second)
		d, alarm := w.living()
		require.NoError(t, d.Tick(t.Context()))
		require.Contains(t, w.log.String(), `"pendingSeconds":3,"unacknowledgedSeconds":3`)
		alarm.wait()
		require.Len(t, w.got, 1)
	})
}

// An endpoint that is limited while events wait for it gets none of those outside of its limit,
// also not those of the deployment.
func TestDeliverer_LimitHoldsForWhatWaits(t *testing.T) {
	for name, limited := range map[string]string{"its tenant": "acme", "another tenant": "beta"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.endpoint("w1")
				ofTenant, ofDeployment := w.pending("w1", "u1"), w.pending("w1", "")
				ofDeployment.Tenant, ofDeployment.Type, ofDeployment.Resource = tenant.ID{}, event.WebhookDisabled, ""
				ofDeployment.Details = map[string]string{"webhook": "w2", "label": "of somebody else"}
				w.waits(ofTenant, ofDeployment)
				read, err := w.store.Registrations(t.Context())
				require.NoError(t, err)
				e := read.Endpoints[0]
				to, err := tenant.ParseID(limited)
				require.NoError(t, err)
				e.Tenants = []tenant.ID{to}
				require.NoError(t, w.store.ChangeEndpoint(t.Context(), read, e, false))
				require.NoError(t, w.process(w.table).Wake(t.Context(), "w1"))
				var want []request
				if limited == "acme" {
					want = []request{{endpoint: "w1", event: ofTenant.Event, at: now()}}
				}
				require.Equal(t, want, w.got)
				given := w.delivery("w1", ofDeployment.Event)
				require.True(t, given.GivenUp)
				require.Contains(t, given.Reason, "limited to tenants")
				require.Empty(t, w.left("w1"))
			})
		})
	}
}

// unmade are documents of which some cannot be made.
type unmade struct {
	plain
	fails func(p subscription.Pending) error
}

func (u unmade) Event(ctx context.Context, p subscription.Pending) (adminwire.Event, error) {
	if err := u.fails(p); err != nil {
		return adminwire.Event{}, err
	}
	return u.plain.Event(ctx, p)
}

func TestWake_EventsThatCannotBeMade(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		gone, bad, panics, good := w.pending("w1", "u1"), w.pending("w1", "u2"), w.pending("w1", "u3"), w.pending("w1", "u4")
		w.waits(gone, bad, panics, good)
		busy := true
		fails := func(p subscription.Pending) error {
			switch {
			case busy && p.Event == good.Event:
				return directory.ErrBusy
			case p.Event == gone.Event:
				return webhook.ErrGone
			case p.Event == bad.Event:
				return fmt.Errorf("damaged")
			case p.Event == panics.Event:
				panic("a fault")
			}
			return nil
		}
		d, alarm := w.living(func(c *webhook.Config) { c.Events = unmade{fails: fails} })
		require.ErrorIs(t, d.Wake(t.Context(), "w1"), directory.ErrBusy, "it has to be called again")
		busy = false
		w.live(d, alarm, 30*time.Hour)
		require.NotZero(t, w.delivery("w1", good.Event).Delivered)
		require.Contains(t, w.delivery("w1", gone.Event).Reason, "expired")
		require.Zero(t, w.delivery("w1", gone.Event).Count)
		for _, p := range []subscription.Pending{bad, panics} {
			require.True(t, w.delivery("w1", p.Event).GivenUp)
			require.Equal(t, webhook.MaxAttempts, w.delivery("w1", p.Event).Count)
		}
		_, count := w.requests("w1")
		require.Equal(t, map[string]int{good.Event: 1}, count)
		require.Contains(t, w.log.String(), `"event":"webhook.fault","endpoint":"w1","eventId":"`+bad.Event+`","tenant":"acme","error":"damaged"`)
		require.Contains(t, w.log.String(), "panic of type string")
		require.NotContains(t, w.log.String(), "a fault", "what a panic says may be personal data")
		e, _, err := w.store.Endpoint(t.Context(), "w1")
		require.NoError(t, err)
		require.True(t, e.Disabled.IsZero(), "the endpoint is not at fault")
	})
}

// Of two calls for one endpoint one delivers, and it also delivers what was stored while the
// other one was refused.
func TestWake_TwoAtOnceDeliverOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		first, second := w.process(w.table), w.process(w.table)
		for n := range 40 {
			w.waits(w.pending("w1", fmt.Sprint("u", n)))
		}
		w.answer = func(r request, _ int) subscription.Attempt {
			if r.event == "e0000040" {
				w.waits(w.pending("w1", "late"))
				assert.NoError(t, second.Wake(t.Context(), "w1"))
			}
			return subscription.Attempt{Status: 200}
		}
		done := make(chan error)
		go func() { done <- second.Wake(t.Context(), "w1") }()
		require.NoError(t, first.Wake(t.Context(), "w1"))
		require.NoError(t, <-done)
		events, count := w.requests("w1")
		require.Len(t, events, 41)
		for e, n := range count {
			require.Equal(t, 1, n, e)
		}
		require.Empty(t, w.left("w1"))
		require.Contains(t, w.log.String(), `"busy":true`)
	})
}

// slowRelease is an outbox in which something happens before a lease is released.
type slowRelease struct {
	webhook.Outbox
	before func()
}

func (s *slowRelease) ReleaseLease(ctx context.Context, l subscription.Lease) error {
	if before := s.before; before != nil {
		s.before = nil
		before()
	}
	return s.Outbox.ReleaseLease(ctx, l)
}

// An event that is stored after the last read, and whose wake-up comes before the release of
// the lease, is delivered by the call that has the lease.
func TestWake_FindsWhatWasStoredBeforeTheRelease(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		held := w.pending("w1", "held")
		w.waits(held, w.pending("w1", "u1"))
		w.answer = func(r request, _ int) subscription.Attempt {
			if r.event == held.Event {
				return subscription.Attempt{Status: 500}
			}
			return subscription.Attempt{Status: 200}
		}
		late := w.pending("w1", "u2")
		outbox := &slowRelease{Outbox: w.store, before: func() {
			w.waits(late)
			require.NoError(t, w.process(w.table).Wake(t.Context(), "w1"))
			_, count := w.requests("w1")
			require.Zero(t, count[late.Event], "the lease is held")
		}}
		require.NoError(t, w.process(w.table, func(c *webhook.Config) { c.Outbox = outbox }).Wake(t.Context(), "w1"))
		require.NotZero(t, w.delivery("w1", late.Event).Delivered)
		require.Len(t, w.left("w1"), 1)
	})
}

// What an endpoint with too many failing users gets is bounded in memory: further events wait.
func TestWake_HoldsABoundedNumberOfResources(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		// One answer after another, each third a success, so that the endpoint is not paused.
		start, answers := now(), 0
		w.answer = func(request, int) subscription.Attempt {
			w.mu.Lock()
			answers++
			n := answers
			w.mu.Unlock()
			time.Sleep(time.Until(start.Add(time.Duration(n) * time.Millisecond)))
			if n%3 == 0 {
				return subscription.Attempt{Status: 200}
			}
			return subscription.Attempt{Status: 500}
		}
		for n := range 2 * webhook.MaxHeld {
			w.waits(w.pending("w1", fmt.Sprint("u", n)))
		}
		d := w.process(w.table)
		require.NoError(t, d.Wake(t.Context(), "w1"))
		_, count := w.requests("w1")
		require.Less(t, len(count), 2*webhook.MaxHeld)
		require.GreaterOrEqual(t, len(count), webhook.MaxHeld)
		require.Equal(t, 1, w.woke["w1"])
	})
}

// A redelivery does not need an endpoint that failed before, and changes the record of the
// first delivery only by its attempt.
func TestWake_DeliversAgainOnRequest(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		p := w.pending("w1", "u1")
		w.waits(p)
		d := w.process(w.table)
		require.NoError(t, d.Wake(t.Context(), "w1"))
		first := w.delivery("w1", p.Event)
		time.Sleep(time.Hour)
		again := p
		again.Seq, again.Redelivery = "z"+p.Seq, true
		w.waits(again)
		require.NoError(t, d.Wake(t.Context(), "w1"))
		second := w.delivery("w1", p.Event)
		require.Equal(t, 2, second.Count)
		require.Len(t, second.Attempts, 2)
		require.Equal(t, first.Delivered, second.Delivered)
		require.Equal(t, first.First, second.First)
		_, count := w.requests("w1")
		require.Equal(t, 2, count[p.Event])
	})
}

// An event that was given up and is sent again on request is not given up while it is tried.
func TestWake_TriesAgainWhatWasGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		gone := true
		d := w.process(w.table, func(c *webhook.Config) {
			c.Events = unmade{fails: func(subscription.Pending) error {
				if gone {
					return webhook.ErrGone
				}
				return nil
			}}
		})
		p := w.pending("w1", "u1")
		w.waits(p)
		require.NoError(t, d.Wake(t.Context(), "w1"))
		require.True(t, w.delivery("w1", p.Event).GivenUp)
		gone = false
		w.answer = func(request, int) subscription.Attempt { return subscription.Attempt{Status: 500} }
		p.Redelivery = true
		w.waits(p)
		require.NoError(t, d.Wake(t.Context(), "w1"))
		got := w.delivery("w1", p.Event)
		require.False(t, got.GivenUp)
		require.Empty(t, got.Reason)
		require.False(t, got.Done())
	})
}

// A call ends when its endpoint is deleted.
func TestWake_EndsWhenTheEndpointIsDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		for range 300 {
			w.waits(w.pending("w1", "u1"))
		}
		w.answer = func(r request, _ int) subscription.Attempt {
			if r.event == "e0000020" {
				read, err := w.store.Registrations(t.Context())
				assert.NoError(t, err)
				assert.NoError(t, w.store.DeleteEndpoint(t.Context(), read, "w1"))
			}
			return subscription.Attempt{Status: 200}
		}
		d := w.process(w.table)
		require.NoError(t, d.Wake(t.Context(), "w1"))
		events, _ := w.requests("w1")
		require.LessOrEqual(t, len(events), 100, "what was in memory")
		require.NoError(t, d.Wake(t.Context(), "w1"))
		after, _ := w.requests("w1")
		require.Equal(t, events, after)
		require.NoError(t, d.Tick(t.Context()))
	})
}

// A call whose time is nearly over leaves the rest to the next one.
func TestWake_EndsBeforeItsDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.endpoint("w1")
		for range 20 {
			w.waits(w.pending("w1", "u1"))
		}
		w.answer = func(request, int) subscription.Attempt {
			time.Sleep(9 * time.Second)
			return subscription.Attempt{Status: 200}
		}
		end := now().Add(time.Minute)
		ctx, cancel := context.WithDeadline(t.Context(), end)
		defer cancel()
		require.NoError(t, w.process(w.table).Wake(ctx, "w1"))
		require.True(t, now().Before(end))
		require.Len(t, w.left("w1"), 15)
		require.Equal(t, 1, w.woke["w1"])
		require.Contains(t, w.log.String(), `"interrupted":true`)
	})
}
