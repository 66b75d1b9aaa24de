package admindoc

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Store has what is true now. Package store implements it: each call reads a hundred records
// in one request to the table, and sends a few requests at once.
type Store interface {
	// UsersNow reads users by id: the subjects live or deleted, the members live only.
	UsersNow(ctx context.Context, t tenant.ID, subjects, members []string) (map[string]*directory.User, error)
	// GroupsByID reads the groups that exist.
	GroupsByID(ctx context.Context, t tenant.ID, ids []string) ([]*directory.Group, error)
	// StoredMemberships reads which memberships are stored, whatever their users are.
	StoredMemberships(ctx context.Context, t tenant.ID, asked []directory.Membership) (map[directory.Membership]bool, error)
}

// A Reader makes the documents of events. It is safe for concurrent use.
type Reader struct{ store Store }

// NewReader returns a Reader.
func NewReader(s Store) *Reader { return &Reader{store: s} }

// Events returns the documents of a tenant's events, as its users, groups and memberships are
// now. It takes three round trips, one after the other: users, groups, memberships; and up to
// two more if the subjects have deleted or purged users. It reads one item of each user, group
// and membership that the drafts name, and up to four more of a user who is not live. The
// caller bounds the drafts.
//
// The order of the reads matters to a consumer, who compares what it stores by versions. A
// membership is read after its user: if the user is deleted in between, the version that the
// membership is reported with is older than the deletion, and the deletion ends it whenever
// the consumer learns of it. One of a user who was deleted or leaving when it was read has
// version 0, which every end of memberships ends. It is read after its group, and under the group's epoch: a later
// change of the members has an event of its own with a higher version.
//
// A record that cannot be decoded does not stop the others: its event is Unreadable.
func (r *Reader) Events(ctx context.Context, t tenant.ID, drafts []event.Draft) ([]adminwire.Event, error) {
	n, err := r.read(ctx, t, drafts)
	if err != nil {
		return nil, err
	}
	events := make([]adminwire.Event, len(drafts))
	for i, d := range drafts {
		if events[i], err = n.event(d); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// now is what was read for events.
type now struct {
	users       map[string]*directory.User
	groups      map[string]*directory.Group
	memberships map[directory.Membership]bool
}

func (r *Reader) read(ctx context.Context, t tenant.ID, drafts []event.Draft) (n now, err error) {
	named := namesOf(drafts)
	if len(named.users)+len(named.members) > 0 {
		if n.users, err = r.store.UsersNow(ctx, t, sorted(named.users), sorted(named.members)); err != nil {
			return n, err
		}
	}
	if len(named.groups) == 0 {
		return n, nil
	}
	groups, err := r.store.GroupsByID(ctx, t, sorted(named.groups))
	if err != nil {
		return n, err
	}
	n.groups = make(map[string]*directory.Group, len(groups))
	for _, g := range groups {
		n.groups[g.ID] = g
	}
	asked := map[directory.Membership]bool{}
	for _, d := range drafts {
		for id := range members(d) {
			if m, ok := n.membership(d, id); ok {
				asked[m] = true
			}
		}
	}
	if len(asked) > 0 {
		n.memberships, err = r.store.StoredMemberships(ctx, t, slices.Collect(maps.Keys(asked)))
	}
	return n, err
}

// names are the ids of records that events are about.
type names struct{ users, members, groups map[string]bool }

func namesOf(drafts []event.Draft) names {
	n := names{users: map[string]bool{}, members: map[string]bool{}, groups: map[string]bool{}}
	for _, d := range drafts {
		switch {
		case !directory.ValidID(d.Subject.ID): // a subject without a record, or none
		case d.Subject.Type == journal.TypeUser:
			n.users[d.Subject.ID] = true
		case d.Subject.Type == journal.TypeGroup:
			n.groups[d.Subject.ID] = true
		}
		for id := range members(d) {
			if directory.ValidID(id) {
				n.members[id] = true
			}
		}
	}
	return n
}

func sorted(ids map[string]bool) []string { return slices.Sorted(maps.Keys(ids)) }

// members returns the members that an event names.
func members(d event.Draft) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, ids := range [][]string{d.Added, d.Removed} {
			for _, id := range ids {
				if !yield(id) {
					return
				}
			}
		}
	}
}

// membership returns the membership of a user in the group of an event; ok is false if the
// group is gone, or the id is none.
func (n now) membership(d event.Draft, user string) (m directory.Membership, ok bool) {
	g := n.groups[d.Subject.ID]
	if g == nil || !directory.ValidID(user) {
		return directory.Membership{}, false
	}
	return directory.Membership{Group: g.ID, Epoch: g.Epoch, User: user}, true
}

// memberVersion returns the version of a user for a stored membership: 0 for a user who was
// deleted or leaving. What is stored may be a membership that has ended, or one that began
// since the user was read, and the group may have been read after that: "no member" would
// then be wrong at its version.
func (n now) memberVersion(user string) int64 {
	u := n.users[user]
	if u == nil || u.Deleted || u.Leaving {
		return 0
	}
	return u.Version
}

// event returns the document of an event.
func (n now) event(d event.Draft) (adminwire.Event, error) {
	document := adminwire.Event{
		ID: d.ID(), Type: string(d.Type), SCIMEvent: d.SCIMEvent, Time: d.Time, Tenant: d.Tenant.String(),
		Changed: d.Changed, Members: n.members(d), MembershipsEnded: d.Ended, Actor: actor(d), RequestID: d.RequestID, Details: d.Details,
		Data: []byte("null"),
	}
	switch d.Subject.Type {
	case journal.TypeUser:
		return document, n.addUser(&document, d)
	case journal.TypeGroup:
		return document, n.addGroup(&document, d)
	}
	return document, nil
}

// addUser adds the user of an event. What the event does not know of the user is as it is now.
func (n now) addUser(document *adminwire.Event, d event.Draft) error {
	r := adminwire.EventResource{
		Type: journal.TypeUser, ID: d.Subject.ID, Version: d.Version, ExternalID: adminwire.NullableString(d.Subject.ExternalID), UserName: d.Subject.Name,
	}
	document.Resource = &r
	u := n.users[d.Subject.ID]
	if u == nil {
		return nil
	}
	r.Version = cmp.Or(r.Version, u.Version)
	data, err := User(u)
	if err != nil {
		document.Unreadable = true
		return nil //nolint:nilerr // the event says it
	}
	if r.UserName == "" {
		r.UserName, r.ExternalID = data.UserName, data.ExternalID
	}
	document.Data, err = adminwire.Marshal(data)
	return err
}

// addGroup adds the group of an event, as addUser does a user.
func (n now) addGroup(document *adminwire.Event, d event.Draft) error {
	r := adminwire.EventResource{
		Type: journal.TypeGroup, ID: d.Subject.ID, Version: d.Version, ExternalID: adminwire.NullableString(d.Subject.ExternalID), DisplayName: d.Subject.Name,
	}
	document.Resource = &r
	g := n.groups[d.Subject.ID]
	if g == nil {
		return nil
	}
	r.Version = cmp.Or(r.Version, g.Version)
	data, err := Group(g)
	if err != nil {
		document.Unreadable = true
		return nil //nolint:nilerr // the event says it
	}
	if r.DisplayName == "" {
		r.DisplayName, r.ExternalID = data.DisplayName, data.ExternalID
	}
	document.Data, err = adminwire.Marshal(data)
	return err
}

// members returns the members that an event is about, nil for one that is not.
func (n now) members(d event.Draft) *adminwire.EventMembers {
	if d.Type != event.GroupCreated && d.Type != event.GroupMembersChanged {
		return nil
	}
	m := &adminwire.EventMembers{
		Added: orNone(d.Added), Removed: orNone(d.Removed), Replaced: d.Replaced, Generation: d.Generation, Current: []adminwire.EventMember{},
	}
	if g := n.groups[d.Subject.ID]; g != nil {
		m.Generation = g.Epoch
	}
	listed := map[string]bool{}
	for id := range members(d) {
		asked, ok := n.membership(d, id)
		if ok && n.memberships[asked] && !listed[id] {
			listed[id] = true
			m.Current = append(m.Current, adminwire.EventMember{ID: id, Version: n.memberVersion(id)})
		}
	}
	return m
}

// orNone returns a list that is [] and not null when it is empty.
func orNone(ids []string) []string {
	if ids == nil {
		return []string{}
	}
	return ids
}

// The types of actors.
const (
	actorIdP         = "idp"
	actorApplication = "application"
	actorRollcall    = "rollcall"
)

// actor returns who caused an event: rollcall itself noticed what an operational event is about,
// unless a request was the cause.
func actor(d event.Draft) adminwire.EventActor {
	switch {
	case d.By == journal.ByApplication:
		return adminwire.EventActor{Type: actorApplication, Name: d.Who}
	case d.Type.IsOperational() && d.IdP == "":
		return adminwire.EventActor{Type: actorRollcall}
	}
	return adminwire.EventActor{Type: actorIdP, Name: d.IdP}
}
