package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Rehearsal decides requests by the rules of the directory and stores nothing: what a
// request would change is kept in memory, and the next request of the same rehearsal meets
// it. It is not safe for concurrent use.
type Rehearsal struct {
	d      *Directory
	tenant tenant.ID
	store  *rehearsed
}

// ErrInProgress reports that a request cannot be rehearsed, because it would first finish
// an accepted change that is still in progress.
var ErrInProgress = fmt.Errorf("%w: a change is in progress", ErrBusy)

// Rehearse begins a rehearsal with what is stored.
func (d *Directory) Rehearse(t tenant.ID) *Rehearsal {
	s := newRehearsed(d.store, newReads(d.store))
	return &Rehearsal{tenant: t, store: s, d: d.on(s)}
}

// on returns the directory on another store, without hints.
func (d *Directory) on(s Store) *Directory {
	return &Directory{
		store: s, users: d.users, groups: d.groups, extension: d.extension, documents: d.documents,
		newID: d.newID, now: d.now, maxWalk: d.maxWalk, walkTime: d.walkTime,
	}
}

// Again begins another rehearsal with what is stored: what this one read is not read
// again, and what it changed is forgotten.
func (r *Rehearsal) Again() *Rehearsal {
	s := newRehearsed(r.store.stored, r.store.reads)
	return &Rehearsal{tenant: r.tenant, store: s, d: r.d.on(s)}
}

// Asked is a request to rehearse, with the values of it that are known.
type Asked struct {
	Operation journal.Operation
	// Group reports whether the request is about a group, not a user.
	Group bool
	// ID is the record's, "" for a new one.
	ID     string
	Values journal.Asked
}

// Rehearsed is the result of a request that would succeed.
type Rehearsed struct {
	Action journal.Action
	// User and Group are the record after the request; one of them is nil.
	User  *User
	Group *Group
	// Seats and Readers are the licences that the request would take.
	Seats, Readers int64
	// Warning is the warning that the request would get, or "".
	Warning cause.Cause
}

// Send decides a request. Its error is that of the request.
func (r *Rehearsal) Send(ctx context.Context, by Caller, a Asked) (Rehearsed, error) {
	by.ShowGroups, by.ShowMembers = false, false
	r.d = r.d.on(r.store) // of several holders of values, hints choose the one that is named
	if a.Group {
		result, err := r.sendGroup(ctx, by, a)
		return Rehearsed{Action: result.Action, Group: result.Group}, err
	}
	result, err := r.sendUser(ctx, by, a)
	return Rehearsed{
		Action: result.Action, User: result.User, Seats: result.Seats, Readers: result.Readers, Warning: result.Warning,
	}, err
}

func (r *Rehearsal) sendUser(ctx context.Context, by Caller, a Asked) (Result, error) {
	switch a.Operation {
	case journal.Create:
		return r.d.Provision(ctx, r.tenant, by, r.d.askedUser(a.Values))
	case journal.Delete:
		result, err := r.d.Delete(ctx, r.tenant, by, a.ID, nil)
		if result.Action == journal.Unchanged {
			// The answer is the same, and memberships that the rehearsal has ended are
			// still read: it cannot say which of two deletions changes nothing.
			result.Action = journal.Deleted
		}
		return result, err
	}
	return r.d.update(ctx, r.tenant, by, a.Operation, a.ID, nil, func(before scim.Resource) (scim.Resource, []scim.Notice, journal.Asked, error) {
		return r.d.withAsked(before, a.Values), nil, a.Values, nil
	})
}

func (r *Rehearsal) sendGroup(ctx context.Context, by Caller, a Asked) (GroupResult, error) {
	switch a.Operation {
	case journal.Create:
		sent := withNames(scim.Resource{}, a.Values, journal.AskedDisplayName, journal.AskedExternalID)
		if joins := a.Values.Members(journal.AskedJoins); len(joins) > 0 {
			members := make([]any, len(joins))
			for i, id := range joins {
				members[i] = map[string]any{"value": id}
			}
			sent["members"] = members
		}
		return r.d.ProvisionGroup(ctx, r.tenant, by, sent)
	case journal.Delete:
		return r.d.DeleteGroup(ctx, r.tenant, by, a.ID, nil)
	}
	var changes []resource.MemberChange
	joins, leaves := a.Values.Members(journal.AskedJoins), a.Values.Members(journal.AskedLeaves)
	if whole := a.Values[journal.AskedWhole] != ""; whole && a.Values[journal.AskedMembers] == "" {
		changes = append(changes, resource.MemberChange{Kind: resource.MembersReplace, IDs: joins})
	} else if len(joins) > 0 {
		changes = append(changes, resource.MemberChange{Kind: resource.MembersAdd, IDs: joins})
	}
	if len(leaves) > 0 {
		changes = append(changes, resource.MemberChange{Kind: resource.MembersRemove, IDs: leaves})
	}
	w := r.d.newGroupWork(r.tenant, by, a.Operation, a.ID, nil)
	return w.update(ctx, changes, len(a.Values) > 0, func(before scim.Resource) (scim.Resource, []scim.Notice, error) {
		return withNames(before, a.Values, journal.AskedDisplayName, journal.AskedExternalID), nil, nil
	})
}

// Purge lets the application purge a user.
func (r *Rehearsal) Purge(ctx context.Context, by Caller, id string) error {
	_, err := r.d.Purge(ctx, r.tenant, by, id)
	return err
}

// Modify lets the application change a user.
func (r *Rehearsal) Modify(ctx context.Context, by Caller, id string, asked AppChange) error {
	by.By = journal.ByApplication
	_, err := r.d.ModifyInApp(ctx, r.tenant, by, id, nil, asked)
	return err
}

// DeleteGroup lets the application delete a group.
func (r *Rehearsal) DeleteGroup(ctx context.Context, by Caller, id string) error {
	_, err := r.d.DeleteGroupInApp(ctx, r.tenant, by, id)
	return err
}

// Allow adds seats and Reader licences to the limits.
func (r *Rehearsal) Allow(seats, readers int64) {
	r.store.moreSeats += seats
	r.store.moreReaders += readers
}

// Ledger returns the counts and limits as they are now in the rehearsal.
func (r *Rehearsal) Ledger(ctx context.Context) (Ledger, error) { return r.store.Ledger(ctx, r.tenant) }

// Users returns users by id as they are now in the rehearsal, live or deleted.
func (r *Rehearsal) Users(ctx context.Context, ids []string) (map[string]*User, error) {
	return r.store.Records(ctx, r.tenant, ids)
}

// GroupOf returns a group as it is now in the rehearsal, nil if there is none.
func (r *Rehearsal) GroupOf(ctx context.Context, id string) (*Group, error) {
	return r.store.Group(ctx, r.tenant, id)
}

// prepared is how many requests are prepared side by side.
const prepared = 25

// Prepare reads what the requests need side by side: two round trips for each 25 of them,
// and those of one request for each 25 for groups.
func (r *Rehearsal) Prepare(ctx context.Context, asked []Asked) error {
	reads := r.store.reads
	for part := range slices.Chunk(asked, prepared) {
		calls := make([]func(context.Context) error, 0, len(part)+2)
		holders := make([]map[Kind]string, len(part))
		var ids []string
		for i, a := range part {
			if a.ID != "" && !a.Group {
				ids = append(ids, a.ID)
			}
			if len(a.Values) == 0 {
				continue
			}
			calls = append(calls, func(ctx context.Context) (err error) {
				holders[i], err = reads.holdersOf(ctx, r.tenant, r.d.claimsAsked(a))
				return err
			})
		}
		calls = append(calls,
			func(ctx context.Context) error { _, err := reads.ledgerOf(ctx, r.tenant); return err },
			func(ctx context.Context) error { _, err := reads.protectedOf(ctx, r.tenant); return err })
		if err := r.store.stored.Together(ctx, calls...); err != nil {
			return err
		}
		for i, a := range part {
			if !a.Group {
				ids = slices.AppendSeq(ids, maps.Values(holders[i]))
			}
		}
		if _, err := reads.records(ctx, r.tenant, ids); err != nil {
			return err
		}
	}
	return r.prepareGroups(ctx, slices.DeleteFunc(slices.Clone(asked), func(a Asked) bool { return !a.Group }))
}

// prepareGroups reads what requests for groups need, by sending each in a rehearsal of its
// own.
func (r *Rehearsal) prepareGroups(ctx context.Context, groups []Asked) error {
	for part := range slices.Chunk(groups, prepared) {
		calls := make([]func(context.Context) error, len(part))
		for i, a := range part {
			calls[i] = func(ctx context.Context) error {
				_, _ = r.Again().Send(ctx, Caller{Settings: tenant.DefaultSettings(), Time: r.d.now()}, a) // what it reads is remembered
				return nil
			}
		}
		if err := r.store.stored.Together(ctx, calls...); err != nil {
			return err
		}
	}
	return nil
}

// claimsAsked returns the claims that a request may want.
func (d *Directory) claimsAsked(a Asked) Claims {
	claims := ClaimsOf(d.askedUser(a.Values))
	if a.Group {
		claims = GroupClaimsOf(withNames(scim.Resource{}, a.Values, journal.AskedDisplayName, journal.AskedExternalID))
	}
	maps.DeleteFunc(claims, func(_ Kind, value string) bool { return value == "" })
	return claims
}
