package mirror

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// A Report says what a reconciliation compared and repaired.
type Report struct {
	// Users, Groups and Members are how many the admin API has.
	Users, Groups, Members int
	// Repaired is how many users, groups and members were added, changed or removed.
	Repaired int
	// Differences are those that were repaired, without those of the last minute: their
	// events may still be on their way.
	Differences []Difference
}

// A Difference was found between the admin API and the mirror, and repaired.
type Difference struct {
	// Type is User, Group or Membership.
	Type string
	// User and Group are ids; of a user or group the other one is "".
	User, Group string
	// Problem is Missing, Stale or Extra.
	Problem string
}

// TypeMembership is the type of a difference of a membership.
const TypeMembership = "Membership"

// The problems: something that the mirror lacked, had in an earlier version, or had although it
// is gone.
const (
	Missing = "missing"
	Stale   = "stale"
	Extra   = "extra"
)

// String returns the difference for a log line.
func (d Difference) String() string {
	switch d.Type {
	case TypeUser:
		return d.Problem + " user " + d.User
	case TypeGroup:
		return d.Problem + " group " + d.Group
	default:
		return d.Problem + " member " + d.User + " of group " + d.Group
	}
}

// ErrLoss reports that a reconciliation would have removed more than ten users, and more than a
// tenth of them, or as many groups. More likely than such a loss is a Puller that asks another
// deployment: rows that are removed never return. Set AllowLoss if it is right.
var ErrLoss = errors.New("mirror: unusually many users or groups are missing in the admin API")

// onTheirWay is how long the event of a change may take.
const onTheirWay = time.Minute

// Reconcile lists all users, groups and members, and repairs the mirror: run it once a night.
// Events may be applied at the same time. It needs a Store whose Tx is a Lister.
//
// Users are listed first, then each group before its members, as an event is read: what was
// listed is a fact like those of events, with the same versions.
func (p *Puller) Reconcile(ctx context.Context) (Report, error) {
	r := &reconciliation{Puller: p, began: p.now(), users: map[string]int64{}, groups: map[string]bool{}}
	for _, step := range []func(context.Context) error{r.listUsers, r.removeUsers, r.listGroups, r.removeGroups} {
		if err := step(ctx); err != nil {
			return Report{}, err
		}
	}
	return r.report, nil
}

type reconciliation struct {
	*Puller
	began time.Time
	// users has the version of each user when it was listed, before all groups: 0 of a
	// deleted one, who is no member of any group. The version in the mirror must not take its
	// place: an event may have raised it since.
	users  map[string]int64
	groups map[string]bool
	report Report
}

// differs counts a difference, and records it unless its event may be on its way.
func (r *reconciliation) differs(d Difference, changed time.Time) {
	r.report.Repaired++
	if changed.Before(r.began.Add(-onTheirWay)) {
		r.report.Differences = append(r.report.Differences, d)
	}
}

// problem returns how a mirror with one version differs from another one.
func problem(have, listed int64) string {
	switch {
	case have == 0:
		return Missing
	case have < listed:
		return Stale
	default:
		return ""
	}
}

func (r *reconciliation) listUsers(ctx context.Context) error {
	return r.API.listUsers(ctx, r.Tenant, func(users []listed[User]) error {
		var found []func()
		err := r.Store.Update(ctx, r.Tenant, func(tx Tx) error {
			found = nil // the store may run a transaction again
			for _, u := range users {
				before, err := tx.User(u.document.ID)
				if err != nil {
					return err
				}
				if p := problem(before.Version, u.document.Version); p != "" && !before.Purged {
					d := Difference{Type: TypeUser, User: u.document.ID, Problem: p}
					found = append(found, func() { r.differs(d, u.modified) })
				}
				if err := putUser(tx, before, before.with(u.document)); err != nil {
					return err
				}
			}
			return nil
		})
		for _, record := range found {
			record()
		}
		for _, u := range users {
			r.sawUser(u.document)
		}
		r.report.Users = len(r.users)
		return err
	})
}

func (r *reconciliation) sawUser(u User) {
	r.users[u.ID] = u.Version
	if u.Deleted {
		r.users[u.ID] = 0
	}
}

// list reads in a transaction what the mirror has.
func (r *reconciliation) list(ctx context.Context, read func(Lister) error) error {
	return r.Store.Update(ctx, r.Tenant, func(tx Tx) error {
		l, ok := tx.(Lister)
		if !ok {
			return errors.New("mirror: Reconcile needs a store whose Tx is a Lister")
		}
		return read(l)
	})
}

// removeUsers removes the users of the mirror that are purged: those that were not listed, and
// that the admin API does not know one by one. One that moved between pages is applied instead.
func (r *reconciliation) removeUsers(ctx context.Context) error {
	var ids []string
	if err := r.list(ctx, func(l Lister) (err error) {
		ids, err = l.UserIDs()
		return err
	}); err != nil {
		return err
	}
	unlisted := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, ok := r.users[id]; return ok })
	gone, err := r.lost(len(ids), unlisted, func(id string) error {
		var u User
		if err := r.API.get(ctx, tenantPath(r.Tenant)+"/users/"+url.PathEscape(id), nil, &u); err != nil {
			return err
		}
		r.sawUser(u)
		return r.Store.Update(ctx, r.Tenant, func(tx Tx) error {
			before, err := tx.User(id)
			if err != nil {
				return err
			}
			return putUser(tx, before, before.with(u))
		})
	})
	if err != nil {
		return err
	}
	had := map[string]bool{}
	err = r.Store.Update(ctx, r.Tenant, func(tx Tx) error {
		for _, id := range gone {
			before, err := tx.User(id)
			if err != nil {
				return err
			}
			had[id] = before.Version > 0
			if err := putUser(tx, before, before.purged()); err != nil {
				return err
			}
		}
		return nil
	})
	for _, id := range gone {
		if had[id] {
			r.differs(Difference{Type: TypeUser, User: id, Problem: Extra}, time.Time{})
		}
	}
	return err
}

// lost returns those of the unlisted ids that are gone: look finds a document that was not
// listed, and fails for one that there is not.
func (r *reconciliation) lost(all int, unlisted []string, look func(id string) error) (gone []string, err error) {
	slices.Sort(unlisted)
	for _, id := range unlisted {
		switch err := look(id); {
		case missing(err):
			gone = append(gone, id)
		case err != nil:
			return nil, err
		}
	}
	if len(gone) > max(10, all/10) && !r.AllowLoss {
		return nil, fmt.Errorf("%w: %d of %d", ErrLoss, len(gone), all)
	}
	return gone, nil
}

func (r *reconciliation) listGroups(ctx context.Context) error {
	return r.API.listGroups(ctx, r.Tenant, func(groups []listed[Group]) error {
		for _, g := range groups {
			r.groups[g.document.ID] = true
			if err := r.listMembers(ctx, g.document.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// listMembers lists a group with its members. A group that is deleted meanwhile has an event.
func (r *reconciliation) listMembers(ctx context.Context, group string) error {
	var first *memberPage
	members := map[string]bool{}
	err := r.API.listMembers(ctx, r.Tenant, group, func(page memberPage) error {
		if first == nil {
			first = &page
			if err := r.seeGroup(ctx, page); err != nil {
				return err
			}
		}
		for _, user := range page.members {
			members[user] = true
		}
		return r.seeMembers(ctx, page, page.members, true)
	})
	switch {
	case missing(err):
		return nil
	case err != nil:
		return err
	}
	r.report.Groups++
	r.report.Members += len(members)
	var others []string
	if err := r.list(ctx, func(l Lister) (err error) {
		others, err = l.MemberIDs(group)
		return err
	}); err != nil {
		return err
	}
	others = slices.DeleteFunc(others, func(user string) bool { return members[user] })
	return r.seeMembers(ctx, *first, others, false)
}

func (r *reconciliation) seeGroup(ctx context.Context, page memberPage) error {
	group := page.group.document
	var before Group
	err := r.Store.Update(ctx, r.Tenant, func(tx Tx) (err error) {
		if before, err = tx.Group(group.ID); err != nil {
			return err
		}
		return putGroup(tx, before, before.with(group))
	})
	if err != nil || before.Deleted {
		return err
	}
	// Versions of groups also move without an event; the rest has to be equal.
	same := before
	same.Version, same.Generation = group.Version, group.Generation
	switch {
	case before.Version == 0:
		r.differs(Difference{Type: TypeGroup, Group: group.ID, Problem: Missing}, page.group.modified)
	case before.Version < group.Version && same != group:
		r.differs(Difference{Type: TypeGroup, Group: group.ID, Problem: Stale}, page.group.modified)
	}
	return nil
}

// seeMembers applies that users are members of the group of a page, or are none.
func (r *reconciliation) seeMembers(ctx context.Context, page memberPage, users []string, are bool) error {
	group := page.group.document
	problem := Extra
	if are {
		problem = Missing
	}
	var found []string
	err := r.Store.Update(ctx, r.Tenant, func(tx Tx) error {
		found = nil // the store may run a transaction again
		for _, user := range users {
			fact := Membership{Group: group.ID, User: user, Member: are, Version: group.Version, Generation: page.generation}
			if are {
				fact.UserVersion = r.users[user]
			}
			was, is, err := seeMember(tx, fact)
			if err != nil {
				return err
			}
			if was != is {
				found = append(found, user)
			}
		}
		return nil
	})
	for _, user := range found {
		r.differs(Difference{Type: TypeMembership, Group: group.ID, User: user, Problem: problem}, page.group.modified)
	}
	return err
}

// seeMember applies a fact, and reports whether the user was a member before and is one now.
func seeMember(tx Tx, fact Membership) (was, is bool, err error) {
	u, err := tx.User(fact.User)
	if err != nil {
		return false, false, err
	}
	g, err := tx.Group(fact.Group)
	if err != nil {
		return false, false, err
	}
	before, err := tx.Membership(fact.Group, fact.User)
	if err != nil {
		return false, false, err
	}
	after := before.with(fact)
	if after != before {
		err = tx.PutMembership(after)
	}
	return IsMember(u, g, before), IsMember(u, g, after), err
}

// removeGroups removes the groups of the mirror that are deleted.
func (r *reconciliation) removeGroups(ctx context.Context) error {
	var ids []string
	if err := r.list(ctx, func(l Lister) (err error) {
		ids, err = l.GroupIDs()
		return err
	}); err != nil {
		return err
	}
	unlisted := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return r.groups[id] })
	gone, err := r.lost(len(ids), unlisted, func(id string) error {
		var g Group
		if err := r.API.get(ctx, tenantPath(r.Tenant)+"/groups/"+url.PathEscape(id), nil, &g); err != nil {
			return err
		}
		return r.listMembers(ctx, id)
	})
	if err != nil {
		return err
	}
	had := map[string]bool{}
	err = r.Store.Update(ctx, r.Tenant, func(tx Tx) error {
		for _, id := range gone {
			before, err := tx.Group(id)
			if err != nil {
				return err
			}
			had[id] = before.Version > 0
			if err := putGroup(tx, before, before.deleted()); err != nil {
				return err
			}
		}
		return nil
	})
	for _, id := range gone {
		if had[id] {
			r.differs(Difference{Type: TypeGroup, Group: id, Problem: Extra}, time.Time{})
		}
	}
	return err
}
