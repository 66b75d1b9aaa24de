package directory

import (
	"context"
	"errors"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ProvisionGroup handles a POST: it creates a group with its members. A
// displayName or externalId that another group has is a *TakenError.
//
// Members beyond one transaction are written first, under the group's first
// epoch: nobody sees them before the group exists.
//
// sent is decoded and checked; it is not changed.
func (d *Directory) ProvisionGroup(ctx context.Context, t tenant.ID, by Caller, sent scim.Resource) (made GroupResult, err error) {
	w := d.newGroupWork(t, by, journal.Create, d.newID(by.Time), nil)
	ids, err := resource.MembersOf(sent)
	if err != nil {
		return GroupResult{}, err
	}
	asked := askedOfGroup(nil, sent)
	askMembers(asked, ids, nil, false)
	defer func() { made.ask(asked, err) }()
	if ids, err = w.users(ctx, ids); err != nil {
		return GroupResult{Skipped: w.skipped}, err
	}
	g, document := d.groupRecord(by, sent, Group{
		ID: w.id, Version: 1, Revision: 1, Epoch: 1, Epochs: 1, Created: by.Time, Modified: by.Time, Origin: OriginSCIM,
	})
	if len(ids) > MaxJoined {
		if ids, err = w.knownBeforehand(ctx, g, ids); err != nil {
			return GroupResult{Skipped: w.skipped}, err
		}
	}
	c := GroupCreation{Group: g, Logged: w.logged(w.entry(journal.Created, g, document))}
	c.Entry.Version = 1
	c.Entry.Changed = resource.Changed(d.groupsOf(by), nil, document)
	result := GroupResult{Group: g, Action: journal.Created, Changed: c.Entry.Changed, Shown: true}
	if len(ids) <= MaxJoined {
		c.Add = ids
		err = w.create(ctx, &c)
		result.Members, result.Added, result.Skipped, result.Nested = c.Add, len(c.Add), w.skipped, w.nested
		return result, err
	}
	result.Members, err = w.stage(ctx, nil, g.Epoch, ids)
	if err == nil {
		c = GroupCreation{Group: g, Staged: true, Members: result.Members, Logged: w.logged(w.entry(journal.Created, g, document))}
		c.Entry.Version, c.Entry.Changed = 1, result.Changed
		c.Entry.NewSet, c.Entry.Size, c.Entry.Epoch = true, len(result.Members), g.Epoch
		err = w.create(ctx, &c)
	}
	if err != nil {
		w.giveUp(ctx, g.Epoch)
		return GroupResult{Skipped: w.skipped}, busyIfStale(err)
	}
	result.Added = len(result.Members)
	result.Skipped, result.Nested = w.skipped, w.nested
	if by.ShowMembers {
		w.showStaged(ctx, &result)
	}
	return result, nil
}

// showStaged makes the result of a new group show the members that it has: users
// that were deleted after they were staged are left out. A group that cannot be
// read is shown without members.
func (w *groupWork) showStaged(ctx context.Context, r *GroupResult) {
	g, members, err := w.d.Members(ctx, w.tenant, w.id, MaxMembersRead)
	if err != nil {
		r.Members, r.Shown = nil, false
		return
	}
	r.Group, r.Members = g, members
}

// create commits a new group, without the members that turn out to be unknown.
// Failed conditions become the error; if a change beside it was not judged, it
// tries again.
func (w *groupWork) create(ctx context.Context, c *GroupCreation) error {
	m := MemberDelta{Add: c.Add}
	_, err := untilCommitted(func(int) (any, error) {
		return nil, w.commit(ctx, c.Group, &c.Entry, &m, func(ctx context.Context) error {
			c.Add, c.Unknown = m.Add, m.Unknown
			return w.d.store.CreateGroup(ctx, w.tenant, *c)
		})
	})
	return err
}

// knownBeforehand refuses a group with many members before anything is written
// if its name is taken or its members are too many, and leaves out members that
// are not users.
func (w *groupWork) knownBeforehand(ctx context.Context, g *Group, ids []string) ([]string, error) {
	holders, err := w.d.holders(ctx, w.tenant, g.Held, g.Former)
	if err != nil {
		return nil, err
	}
	if err := groupTaken(g, holders); err != nil {
		return nil, err
	}
	if len(ids) > MaxMembers {
		return nil, &MembersError{Limit: MaxMembers}
	}
	_, live, err := w.d.store.Joined(ctx, w.tenant, g.ID, g.Epoch, ids)
	if err != nil {
		return nil, err
	}
	return w.living(ctx, ids, live)
}

func busyIfStale(err error) error {
	if errors.Is(err, ErrStale) {
		return ErrBusy
	}
	return err
}

// groupRecord returns the record that a resource describes, with the document
// it keeps.
func (d *Directory) groupRecord(by Caller, r scim.Resource, from Group) (*Group, scim.Resource) {
	document := make(scim.Resource, len(r)+1)
	for name, value := range r {
		if name != "members" {
			document[name] = value
		}
	}
	document["id"] = from.ID
	from.Held, from.Former = claimsAfter(from.Held, GroupClaimsOf(document), FormerGroupClaims(document), from.Doc, GroupClaimsOf)
	from.Doc = resource.Encode(d.groupsOf(by), document)
	return &from, document
}
