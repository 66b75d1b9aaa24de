// Package subscription has the facts of webhooks: the endpoints that the SaaS team has
// registered, the events that wait for them, and what came of each attempt to deliver one.
// It neither stores nor sends.
package subscription

import (
	"errors"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// MaxEndpoints is the largest number of endpoints of a deployment: each event is compared
// with all of them.
const MaxEndpoints = 50

// An Endpoint is a URL of the application that gets events.
type Endpoint struct {
	// ID is a UUIDv7.
	ID    string
	URL   string
	Label string
	// Types and Tenants are those whose events it gets; empty means all.
	Types   []event.Type
	Tenants []tenant.ID
	// Secrets sign what is sent, the newest first. Those after the first end at their End.
	Secrets []Secret
	Created time.Time
	// Version counts the changes of the registration, from 1.
	Version int64
	// Disabled is when it was disabled, by a person or by failures, zero for an endpoint that
	// gets events. Reason says why, in a sentence.
	Disabled time.Time
	Reason   string
}

// A Secret signs deliveries. Key is never logged and never listed.
type Secret struct {
	Key []byte
	// End is when it stops to sign, zero for the current one.
	End time.Time
}

// Wants reports whether the endpoint gets events of a type and tenant. A deployment's own
// event, without a tenant, goes only to endpoints that are not limited to tenants.
func (e Endpoint) Wants(t tenant.ID, kind event.Type) bool {
	if !e.Disabled.IsZero() || len(e.Types) > 0 && !slices.Contains(e.Types, kind) {
		return false
	}
	return len(e.Tenants) == 0 || slices.Contains(e.Tenants, t)
}

// In returns the endpoint in a state: one that failures have disabled is disabled.
func (e Endpoint) In(s State) Endpoint {
	if e.Disabled.IsZero() && !s.Disabled.IsZero() {
		e.Disabled, e.Reason = s.Disabled, s.Reason
	}
	return e
}

// Signing returns the keys that sign at a time.
func (e Endpoint) Signing(now time.Time) [][]byte {
	var keys [][]byte
	for _, s := range e.Secrets {
		if s.End.IsZero() || now.Before(s.End) {
			keys = append(keys, s.Key)
		}
	}
	return keys
}

// A Pending is an event that waits for an endpoint. Its identity is (Endpoint, Seq): storing
// it again changes nothing.
type Pending struct {
	Endpoint string
	// Seq orders the waiting events of an endpoint: a UUIDv7 of the time at which the event
	// was first seen, "/" and the event's id; the same for each attempt to store it.
	Seq    string
	Tenant tenant.ID
	// Event is the event's id, Key and Part lead to its source, and Signal reports that the
	// source is a signal.
	Event  string
	Key    string
	Part   int
	Signal bool
	Type   event.Type
	// Resource is type#id of the user or group: events of one are delivered one after
	// another, in order. "" for an event about the tenant.
	Resource string
	// Committed is the time of the change.
	Committed time.Time
	// Attempts is how often it was tried, First and Tried when for the first and the last
	// time, and Due when it may be tried again.
	Attempts     int
	First, Tried time.Time
	Due          time.Time
	// Redelivery reports that somebody asked for it again.
	Redelivery bool
	// Details are those of an event that has no source: it is about a webhook, not about a
	// tenant. They are all that the event has.
	Details map[string]string
}

// A Wait is how long the first of the events that wait for an endpoint has waited; the zero
// Wait if none waits.
type Wait struct {
	// Committed is the time of the change. Since is when the event began to wait: then, or
	// when somebody asked for it again.
	Committed, Since time.Time
}

// HasSource reports whether the event is derived from an entry or a signal of its tenant.
func (p Pending) HasSource() bool { return !p.Tenant.IsZero() }

// Draft returns the draft of an event that has no source.
func (p Pending) Draft() event.Draft {
	return event.Draft{Key: p.Key, Part: p.Part, Type: p.Type, Time: p.Committed, Details: p.Details}
}

// A Delivery is what came of an event at an endpoint.
type Delivery struct {
	Endpoint string
	Event    string
	Tenant   tenant.ID
	Type     event.Type
	Resource string
	// Committed is the time of the change, First that of the first attempt, zero without
	// one. Delivered is when the endpoint acknowledged the event with a 2xx, zero until
	// then. GivenUp reports that no attempt follows, Reason why, in a sentence.
	Committed time.Time
	First     time.Time
	Delivered time.Time
	GivenUp   bool
	Reason    string
	// Next is when it is tried again, zero if it is not.
	Next time.Time
	// Attempts are the newest MaxAttemptsKept, oldest first; Count is how many there were.
	Attempts []Attempt
	Count    int
}

// MaxAttemptsKept is how many attempts a Delivery remembers.
const MaxAttemptsKept = 10

// An Attempt is one request to an endpoint.
type Attempt struct {
	Time     time.Time
	Duration time.Duration
	// Status is the HTTP status, 0 without an answer. Error then says why, in a sentence.
	Status int
	Error  string
	// Answer is the beginning of the answer's body, at most 1 KB of valid text.
	Answer string
}

// A State is how an endpoint does. It is changed by deliveries only.
type State struct {
	// FailingSince is when the endpoint began to fail, zero while it works. Failures counts
	// failed attempts since its last success.
	FailingSince time.Time
	Failures     int
	// Streak counts the events that failed for the first time since the last success: those
	// of different users and groups.
	Streak int
	// Paused is until when nothing is sent, zero for an endpoint that works. Pauses counts
	// the pauses since the last success.
	Paused time.Time
	Pauses int
	// Recovered is when the endpoint last worked again after a pause: what failed before is
	// tried again at once.
	Recovered time.Time
	// LastSuccess is the time of the last acknowledgement.
	LastSuccess time.Time
	// Disabled is when failures disabled the endpoint, zero while they have not. Reason says
	// why, in a sentence. Enabling the endpoint deletes the whole State.
	Disabled time.Time
	Reason   string
}

// A Lease is the right of one process to deliver to an endpoint, which it has until a time,
// unless it renews it.
type Lease struct {
	Endpoint string
	// Holder names the process, with a new id each time that it acquires a lease.
	Holder string
	Until  time.Time
}

// ErrLease reports that the lease is another process's by now, or that the endpoint was
// deleted. Nothing was stored.
var ErrLease = errors.New("subscription: the lease is lost")

// MaxSettled is how many events are settled together.
const MaxSettled = 16

// An Outcome is what a process stores while it holds a lease.
type Outcome struct {
	// Settled are at most MaxSettled events, each with what came of it.
	Settled []Settlement
	// State is how the endpoint does, nil if that is as it was.
	State *State
	// Notices are events for other endpoints, about this one.
	Notices []Pending
}

// A Settlement is an event after an attempt, or after it was given up. It waits no longer if
// the Delivery is Done, and else until the Due of Pending.
type Settlement struct {
	Pending  Pending
	Delivery Delivery
}

// Done reports whether no attempt follows.
func (d Delivery) Done() bool { return d.Next.IsZero() }

// A Redelivery sends the events of a time to an endpoint again. It is stored until all of them
// wait for the endpoint.
type Redelivery struct {
	Endpoint string
	// ID is a UUIDv7: the events wait behind those that were there when it began.
	ID string
	// From is the first time whose events are sent, and To the time before which they end.
	From, To time.Time
	// Events counts those that wait, so far.
	Events int64
}

// Pending returns an event that is sent to an endpoint again. again is the id of the
// redelivery.
func (e Endpoint) Pending(d event.Draft, signal bool, again string) Pending {
	p := Pending{
		Endpoint: e.ID, Seq: again + "/" + d.ID(), Tenant: d.Tenant, Event: d.ID(), Key: d.Key, Part: d.Part, Signal: signal,
		Type: d.Type, Committed: d.Time, Redelivery: true,
	}
	if d.Subject.Type != "" && d.Subject.ID != "" {
		p.Resource = d.Subject.Type + "#" + d.Subject.ID
	}
	return p
}
