package mirror

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// An Event is a committed change of a tenant's users and groups, or a fact about its
// provisioning. Unknown members and unknown types are no error: later versions of rollcall
// add some.
type Event struct {
	// ID is the same each time an event is delivered.
	ID   string    `json:"id"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	// SCIMEvent is the URI of RFC 9967, "" where there is none.
	SCIMEvent string `json:"scimEvent"`
	// Tenant is "" for an event about the deployment.
	Tenant string `json:"tenant"`
	// Resource is nil for an event about the tenant.
	Resource *Resource `json:"resource"`
	// Changed are the names of the attributes that changed.
	Changed []string `json:"changed"`
	// Members is nil unless members are concerned.
	Members *Members `json:"members"`
	// MembershipsEnded reports that the memberships that the user had before
	// Resource.Version have ended.
	MembershipsEnded bool   `json:"membershipsEnded"`
	Actor            Actor  `json:"actor"`
	RequestID        string `json:"requestId"`
	// Details has what else is known of an operational event.
	Details map[string]any `json:"details"`
	// Data is the user or group as it was when the event was sent, null if it was gone by
	// then or could not be read.
	Data json.RawMessage `json:"data"`
}

// The types of resources.
const (
	TypeUser  = "User"
	TypeGroup = "Group"
)

// A Resource names the user or group of an event.
type Resource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	// Version is the version after the change; of a change of members, the version when the
	// event was sent, 0 if the group was gone by then.
	Version     int64  `json:"version"`
	ExternalID  string `json:"externalId"`
	UserName    string `json:"userName"`
	DisplayName string `json:"displayName"`
}

// Members are the members that a change of a group concerns.
type Members struct {
	// Added and Removed joined and left by the change.
	Added   []string `json:"added"`
	Removed []string `json:"removed"`
	// Replaced reports that all members were replaced: memberships of a generation before
	// Generation have ended.
	Replaced   bool  `json:"replaced"`
	Generation int64 `json:"generation"`
	// Current are those of Added and Removed who were members when the event was sent. The
	// others were none.
	Current []Member `json:"current"`
}

// A Member is a member of a group. Version is that of the user when it was read, 0 if it was
// deleted or its memberships were ending.
type Member struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
}

// An Actor is the cause of an event: an identity provider ("idp"), the application, or
// rollcall itself.
type Actor struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

// ErrMalformed reports an event or a document that is not what rollcall sends.
var ErrMalformed = errors.New("malformed event")

// DecodeEvent decodes an event.
func DecodeEvent(body []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("mirror: %w: %w", ErrMalformed, err)
	}
	if e.ID == "" || e.Type == "" {
		return Event{}, fmt.Errorf("mirror: %w: it has no id or no type", ErrMalformed)
	}
	return e, nil
}

// gone reports whether the user or group is gone for good. Null data of another event has no
// meaning: the event that says so comes as well.
func (e Event) gone() bool { return e.Type == "user.purged" || e.Type == "group.deleted" }

// hasData reports whether the event has the user or group.
func (e Event) hasData() bool { return len(e.Data) > 0 && string(e.Data) != "null" }

// endsMemberships reports whether the memberships that the user had before the version of the
// resource have ended.
func (e Event) endsMemberships() bool {
	return e.MembershipsEnded || e.Type == "user.deleted" || e.Type == "user.purged"
}

// about reports whether the event is about a user or group that has a record: an operational
// event may name one that was refused.
func (e Event) about(resourceType string) bool {
	return e.Resource != nil && e.Resource.ID != "" && e.Resource.Type == resourceType &&
		strings.HasPrefix(e.Type, strings.ToLower(resourceType)+".")
}

// document decodes the data of the event.
func document[T any](e Event, version func(T) int64) (T, error) {
	var d T
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return d, fmt.Errorf("mirror: %w: the data of event %s: %w", ErrMalformed, e.ID, err)
	}
	if version(d) < 1 {
		return d, fmt.Errorf("mirror: %w: the data of event %s has no version", ErrMalformed, e.ID)
	}
	return d, nil
}
