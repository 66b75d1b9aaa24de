package adminwire

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// An Event is a committed change, or a fact about a tenant's provisioning. The same document
// is in the list of events, on the bus, and the body of a webhook's request.
type Event struct {
	// Events with the same id are the same event, delivered again.
	ID   string `json:"id"`
	Type string `json:"type"`
	// The URI of RFC 9967, where there is one.
	SCIMEvent string    `json:"scimEvent,omitzero"`
	Time      time.Time `json:"time"`
	Tenant    string    `json:"tenant,omitzero"`
	// The user or group; absent for an event about the tenant.
	Resource *EventResource `json:"resource,omitzero"`
	// Names of the attributes that changed.
	Changed []string `json:"changed,omitempty"`
	// Present on group.created and group.members_changed.
	Members *EventMembers `json:"members,omitzero"`
	// The memberships that the user had before resource.version have ended.
	MembershipsEnded bool       `json:"membershipsEnded,omitzero"`
	Actor            EventActor `json:"actor"`
	RequestID        string     `json:"requestId,omitzero"`
	// What else is known of an operational event.
	Details map[string]string `json:"details,omitempty"`
	// The user or group as it is at the time of sending; null once it is gone, and for an
	// event about the tenant. Its version orders the events of one resource: ignore an event
	// whose data has a lower version than what you have stored.
	Data jsontext.Value `json:"data"`
	// The event was too large for the event bus: data is null although the resource may exist,
	// and the members may be missing. Read the resource, or the list of events. Never present
	// in the list of events and in webhooks.
	DataOmitted bool `json:"dataOmitted,omitzero"`
	// Data is null because the stored record is damaged, not because the resource is gone:
	// keep what you have stored. rollcall verify names the record.
	Unreadable bool `json:"unreadable,omitzero"`
}

// An EventResource names the user or group of an event.
type EventResource struct {
	Type string `json:"type" jsonschema:"enum=User,enum=Group"`
	// Empty for a user or group that fails before it has a record.
	ID string `json:"id"`
	// The version after the change. Of a change of members, which does not record it, the
	// version at the time of sending; 0 if the group is gone by then.
	Version     int64          `json:"version"`
	ExternalID  NullableString `json:"externalId" jsonschema:"nullable"`
	UserName    string         `json:"userName,omitzero"`
	DisplayName string         `json:"displayName,omitzero"`
}

// EventMembers are the members that a change of a group concerns.
type EventMembers struct {
	// The ids of those who joined and left by the change.
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	// The change replaced all members: who is in none of the events of the change has left.
	Replaced bool `json:"replaced,omitzero"`
	// Memberships of an earlier generation have ended. Each replacement of all members begins
	// a generation.
	Generation int64 `json:"generation"`
	// Of those in added and removed, the members at data.version. The others are no members.
	Current []EventMember `json:"current"`
}

// An EventMember is a member of a group at the time of sending.
type EventMember struct {
	ID string `json:"id"`
	// The version of the user when it was read, before the group. The membership ends with a
	// later event about the user that says so: user.deleted, user.purged, or membershipsEnded.
	// 0 if the user was deleted, or its memberships were ending, when it was read: any such
	// event ends the membership, and another event about it may have its version.
	Version int64 `json:"version"`
}

// An EventActor is who caused an event.
type EventActor struct {
	Type string `json:"type" jsonschema:"enum=idp,enum=application,enum=rollcall"`
	// The identity provider, or the person that the application named.
	Name string `json:"name,omitzero"`
}

// An EventsQuery says which events to list.
type EventsQuery struct {
	// How many to return at most. A page may have fewer although more follow.
	Limit int `json:"limit,omitzero" jsonschema:"minimum=1,maximum=500,default=100"`
	// The next of the page before, of a list in the same order. Without it the list begins at
	// the oldest event kept, or with newest at the newest one.
	After string `json:"after,omitzero"`
	// Only events of these types, separated by commas.
	Types string `json:"types,omitzero"`
	// true lists the newest events first, for people. A reader that must miss nothing reads
	// the oldest first.
	Newest string `json:"newest,omitzero" jsonschema:"enum=true,enum=false"`
}

// Events is a page of events, in the order that was asked for.
type Events struct {
	Events []Event `json:"events"`
	// Where the next page begins: always present, also on an empty page.
	Next string `json:"next"`
	// All events up to this time are in this page and those before, unless more is true. With
	// newest, the time of the newest event that could be listed.
	CaughtUpTo time.Time `json:"caughtUpTo"`
	// Whether older events than caughtUpTo follow; with newest, whether older ones follow.
	More bool `json:"more"`
}

// A NewWebhook registers an endpoint.
type NewWebhook struct {
	// An https URL of your application.
	URL string `json:"url"`
	// The types of events to send; empty means all.
	Types []string `json:"types,omitempty" jsonschema:"nullable"`
	// The tenants whose events are sent; empty means all.
	Tenants []string `json:"tenants,omitempty" jsonschema:"nullable"`
	// What you call it.
	Label string `json:"label,omitzero" jsonschema:"nullable"`
}

// A WebhookChange has the members of an endpoint to change.
type WebhookChange struct {
	URL     Optional[string]   `json:"url,omitzero"`
	Types   Optional[[]string] `json:"types,omitzero" jsonschema:"nullable"`
	Tenants Optional[[]string] `json:"tenants,omitzero" jsonschema:"nullable"`
	Label   Optional[string]   `json:"label,omitzero" jsonschema:"nullable"`
	// true stops deliveries; false starts them again, from the next event on.
	Disabled Optional[bool] `json:"disabled,omitzero"`
}

// A Webhook is an endpoint that gets events.
type Webhook struct {
	ID      string         `json:"id"`
	URL     string         `json:"url"`
	Types   []string       `json:"types"`
	Tenants []string       `json:"tenants"`
	Label   NullableString `json:"label" jsonschema:"nullable"`
	Created time.Time      `json:"created"`
	Version int64          `json:"version"`
	// Whether no event is sent, since when and why.
	Disabled       bool       `json:"disabled"`
	DisabledAt     *time.Time `json:"disabledAt,omitzero"`
	DisabledReason string     `json:"disabledReason,omitzero"`
	// Since when each attempt has failed; absent while the endpoint works.
	FailingSince *time.Time `json:"failingSince,omitzero"`
	// When it is tried again.
	PausedUntil *time.Time `json:"pausedUntil,omitzero"`
	LastSuccess *time.Time `json:"lastSuccess,omitzero"`
	// When the older of two secrets stops to sign, during a rotation.
	OldSecretEnds *time.Time `json:"oldSecretEnds,omitzero"`
}

// A WebhookWithSecret is an endpoint with its new secret, which is shown once.
type WebhookWithSecret struct {
	Webhook
	// whsec_ and the key in base64, as the libraries of Standard Webhooks take it.
	Secret string `json:"secret"`
}

// Webhooks are all endpoints.
type Webhooks struct {
	Webhooks []Webhook `json:"webhooks"`
}

// A WebhookDelivery is what came of an event at an endpoint.
type WebhookDelivery struct {
	EventID      string `json:"eventId"`
	Type         string `json:"type"`
	Tenant       string `json:"tenant,omitzero"`
	ResourceType string `json:"resourceType,omitzero"`
	ResourceID   string `json:"resourceId,omitzero"`
	// pending: it will be tried, or tried again. delivered: the endpoint answered 2xx.
	// failed: it was given up.
	State     string    `json:"state" jsonschema:"enum=pending,enum=delivered,enum=failed"`
	Committed time.Time `json:"committed"`
	// When the endpoint acknowledged it.
	DeliveredAt *time.Time `json:"deliveredAt,omitzero"`
	NextAttempt *time.Time `json:"nextAttempt,omitzero"`
	// Why it was given up.
	Reason string `json:"reason,omitzero"`
	// How many attempts there were, and the last of them, the newest last.
	Count    int              `json:"count"`
	Attempts []WebhookAttempt `json:"attempts"`
}

// A WebhookAttempt is one request to an endpoint.
type WebhookAttempt struct {
	Time       time.Time `json:"time"`
	DurationMs int64     `json:"durationMs"`
	// The status of the answer; absent without one.
	Status int `json:"status,omitzero"`
	// Why there is no answer.
	Error string `json:"error,omitzero"`
	// The first 1 KB of the answer.
	Answer string `json:"answer,omitzero"`
}

// A WebhookDeliveriesQuery says which deliveries to list.
type WebhookDeliveriesQuery struct {
	Page
	// Without it the events that were tried are listed. pending lists those that wait, tried
	// or not; delivered and failed those with that outcome.
	State string `json:"state,omitzero" jsonschema:"enum=pending,enum=delivered,enum=failed"`
	// Only events of this tenant.
	Tenant string `json:"tenant,omitzero"`
	// Only the event with this id.
	Event string `json:"event,omitzero"`
}

// WebhookDeliveries is a page of deliveries, newest first. With tenant or state it may have
// fewer than limit, even none, although next is there.
type WebhookDeliveries struct {
	Deliveries []WebhookDelivery `json:"deliveries"`
	// The parameter after of the page with older deliveries; absent at the end.
	Next string `json:"next,omitzero"`
}

// A WebhookTest is what came of a test.
type WebhookTest struct {
	EventID string `json:"eventId"`
	// Whether the endpoint acknowledged the event with a 2xx.
	Delivered bool           `json:"delivered"`
	Attempt   WebhookAttempt `json:"attempt"`
}

// A Redelivery says which events are sent to an endpoint again: those of a time, or one.
type Redelivery struct {
	// The first time whose events are sent, and the time before which they end: now, without
	// it. At most 31 days.
	From *time.Time `json:"from,omitzero" jsonschema:"nullable"`
	To   *time.Time `json:"to,omitzero" jsonschema:"nullable"`
	// The id of one event, and its tenant, which is not needed for an event that the list of
	// deliveries has.
	EventID string `json:"eventId,omitzero" jsonschema:"nullable"`
	Tenant  string `json:"tenant,omitzero" jsonschema:"nullable"`
}

// Redelivering says how many events are sent again.
type Redelivering struct {
	// The events that were found so far.
	Events int64 `json:"events"`
	// Whether that is all. Otherwise the service finds the others within minutes.
	Complete bool `json:"complete"`
}

// An OffboardingQuery says in which form to read the evidence.
type OffboardingQuery struct {
	Formatted
}

// An Offboarding is the evidence that the application was told that somebody may no longer use
// it: the latest departures of a user, newest first, at most 8, and when each webhook
// acknowledged them.
type Offboarding struct {
	UserID string `json:"userId"`
	// The user now.
	State      string      `json:"state" jsonschema:"enum=active,enum=inactive,enum=deleted,enum=gone"`
	Departures []Departure `json:"departures"`
	// The log was searched back to this time: older departures may be missing. Absent if it
	// was searched as far as it is kept.
	SearchedTo *time.Time `json:"searchedTo,omitzero"`
}

// A Departure is a change after which somebody may no longer use the application.
type Departure struct {
	EventID  string `json:"eventId"`
	Type     string `json:"type" jsonschema:"enum=user.deactivated,enum=user.deleted,enum=user.purged"`
	UserName string `json:"userName,omitzero"`
	// When the request came that was committed.
	Committed time.Time  `json:"committed"`
	RequestID string     `json:"requestId"`
	Actor     EventActor `json:"actor"`
	// The identity provider's own id of the request, if it sent one.
	IdPRequestID string `json:"idpRequestId,omitzero"`
	// When the user came back, if that was later.
	ReturnedAt *time.Time `json:"returnedAt,omitzero"`
	// Whether every webhook in the list acknowledged it. false without any.
	Acknowledged bool `json:"acknowledged"`
	// From committed to the last acknowledgement; absent unless acknowledged.
	SecondsToAcknowledge *float64 `json:"secondsToAcknowledge,omitzero"`
	// The webhooks that get the event: those that it was sent to, and those that are
	// registered since before it and get such events of the tenant.
	Endpoints []DepartureDelivery `json:"endpoints"`
	// What the list of webhooks does not say: that nobody is notified.
	Notice string `json:"notice,omitzero"`
}

// A DepartureDelivery is what came of a departure at a webhook.
type DepartureDelivery struct {
	WebhookID string `json:"webhookId"`
	// Absent if the webhook is deleted.
	URL   string `json:"url,omitzero"`
	Label string `json:"label,omitzero"`
	// pending: it will be tried, or tried again. delivered: the webhook acknowledged it with
	// a 2xx. failed: it was not sent or not acknowledged, and is not tried again.
	State string `json:"state" jsonschema:"enum=pending,enum=delivered,enum=failed"`
	// Why it failed, or what the last attempt of a pending one met.
	Reason       string     `json:"reason,omitzero"`
	FirstAttempt *time.Time `json:"firstAttempt,omitzero"`
	DeliveredAt  *time.Time `json:"deliveredAt,omitzero"`
	NextAttempt  *time.Time `json:"nextAttempt,omitzero"`
	Attempts     int        `json:"attempts"`
}
