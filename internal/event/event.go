// Package event says which events a committed change causes: pure functions from entries of
// the log and signals to events, and the table of all types of event.
//
// An event has two halves. What happened is known from the entry or the signal, and is a
// Draft. What is true now (the resource, the memberships) is read when the event is sent:
// package admindoc adds it. Package event neither reads nor sends.
package event

import (
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Type is the type of an event, as the application sees it.
type Type string

// The types of events about users and groups: each is caused by a committed change.
const (
	UserCreated     Type = "user.created"
	UserUpdated     Type = "user.updated"
	UserDeactivated Type = "user.deactivated"
	UserReactivated Type = "user.reactivated"
	UserDeleted     Type = "user.deleted"
	UserRestored    Type = "user.restored"
	UserPurged      Type = "user.purged"
	UserLinked      Type = "user.linked"

	GroupCreated        Type = "group.created"
	GroupUpdated        Type = "group.updated"
	GroupMembersChanged Type = "group.members_changed"
	GroupDeleted        Type = "group.deleted"
)

// The types of operational events, about a tenant's provisioning.
const (
	ProvisioningFailing  Type = "provisioning.failing"
	ProvisioningFixed    Type = "provisioning.fixed"
	SeatsFull            Type = "seats.full"
	SeatsAvailable       Type = "seats.available"
	TokenExpiring        Type = "token.expiring" //nolint:gosec // the name of an event
	TokenRefused         Type = "token.refused"
	DeactivationsUnusual Type = "deactivations.unusual"
	// WebhookDisabled is about an endpoint that rollcall has disabled. It is sent to the
	// other endpoints.
	WebhookDisabled Type = "webhook.disabled"
	// WebhookTest is sent on request, to one endpoint.
	WebhookTest Type = "webhook.test"
)

// A Source is what an event is derived from: exactly one of the two is set.
type Source struct {
	Entry  *journal.Entry
	Signal *journal.Signal
	// Set has, of the entry of a whole new set of members, the ids of the set.
	Set []string
}

// Key returns the key of the source: a UUIDv7. Sources are in the order of their keys.
func (s Source) Key() string {
	if s.Entry != nil {
		return s.Entry.Key()
	}
	return s.Signal.ID
}

// A Position is a place among the events of a tenant: after all events of the sources up to
// Key, of which Part are part of Key. The zero Position is before the first event.
type Position struct {
	// Key is the key of a source, "" for the beginning.
	Key string
	// Part is how many events of that source are before the position; 0 means all.
	Part int
}

// A Page is a part of the sources of a tenant, in the order of their keys.
type Page struct {
	Sources []Source
	// To is the key up to which the page has all sources: the next page begins after it.
	// More reports that there may be others before the end of what was asked for.
	To   string
	More bool
}

// A Draft is an event without what is read when it is sent.
type Draft struct {
	// Key is the key of the source. Part counts the events of one source, from 0.
	Key  string
	Part int
	Type Type
	// SCIMEvent is the URI of RFC 9967, "" for an event that has none.
	SCIMEvent string
	Time      time.Time
	// Tenant is the tenant that the event belongs to, zero for a deployment's own event.
	Tenant tenant.ID
	// Subject is the user or group. Its Type is "" for an event about the tenant.
	Subject journal.Subject
	// Version is the version of the record after the change, 0 if it is not known before the
	// event is sent: changes of members do not know it.
	Version int64
	Changed []string
	// Added and Removed are the members who joined and left. Replaced reports that the
	// members before the change are none any more, unless they are among those of this
	// source; Generation is then the generation (epoch) of the new set.
	Added, Removed []string
	Replaced       bool
	Generation     int64
	// Ended reports that the memberships that the user had before Version have ended.
	Ended bool
	// By, IdP and Who are those of the entry.
	By        journal.Actor
	IdP, Who  string
	RequestID string
	// Details has the members of an operational event's details, by name.
	Details map[string]string
}

// ID returns the id of the event, by which consumers recognize one that they have handled:
// the source's key, and from the second event of a source on its number.
func (d Draft) ID() string {
	if d.Part == 0 {
		return d.Key
	}
	return d.Key + "-" + strconv.Itoa(d.Part)
}

// IsOperational reports whether events of the type are about provisioning itself: they are no
// changes of users or groups.
func (t Type) IsOperational() bool {
	return !strings.HasPrefix(string(t), "user.") && !strings.HasPrefix(string(t), "group.")
}

// IsDeparture reports whether the application must act at once: somebody may no longer
// use it. Such events have a record of delivery of their own.
func (t Type) IsDeparture() bool { return t == UserDeactivated || t == UserDeleted || t == UserPurged }
