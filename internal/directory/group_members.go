package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
)

// MaxMembers is the largest number of members that join and leave by one
// request. Members that are already present do not count; ids that are not
// users do.
const MaxMembers = scim.MaxMembers

// stagingTime is how long a request may write members that nobody sees; an
// older task is treated as abandoned.
const stagingTime = 2 * time.Minute

func (w *groupWork) living(ctx context.Context, ids []string, live map[string]bool) ([]string, error) {
	var unknown []string
	for _, id := range ids {
		if !live[id] {
			unknown = append(unknown, id)
		}
	}
	return without(ids, unknown), w.miss(ctx, unknown)
}

// stage writes members under a new epoch, and returns the ids that belong to
// users.
func (w *groupWork) stage(ctx context.Context, before *Group, epoch int64, ids []string) ([]string, error) {
	if err := w.d.store.BeginEpoch(ctx, w.tenant, w.id, before, epoch, w.d.now().Add(stagingTime)); err != nil {
		return nil, err
	}
	unknown, err := w.d.store.StageMembers(ctx, w.tenant, w.id, epoch, ids)
	if err != nil {
		return nil, err
	}
	return without(ids, unknown), w.miss(ctx, unknown)
}

// giveUp removes what was staged, if there is time; else the sweep does. A
// change with an unknown outcome may have made the epoch current; giving it up
// then changes nothing.
func (w *groupWork) giveUp(ctx context.Context, epoch int64) {
	_ = w.d.store.GiveUpEpoch(ctx, w.tenant, w.id, epoch)
}

// looseFrom is the try from which a change of many members is accepted as it
// was sent.
const looseFrom = 2

// changeMany lets more members join and leave than one transaction takes.
// Members that do not change are left out, under the version at which they were
// looked up. A group that keeps changing does not stay at one version that
// long: then the change is accepted as sent, and each of its parts looks its
// members up, at a time when nothing else may change them.
func (w *groupWork) changeMany(ctx context.Context, e GroupEdit, add, remove []string, try int) (GroupResult, error) {
	member, live, err := w.d.store.Joined(ctx, w.tenant, e.Before.ID, e.Before.Epoch, slices.Concat(add, remove))
	if err != nil {
		return GroupResult{}, err
	}
	joins := slices.DeleteFunc(slices.Clone(add), func(id string) bool { return member[id] })
	leaves := slices.DeleteFunc(slices.Clone(remove), func(id string) bool { return !member[id] })
	if len(joins)+len(leaves) > MaxMembers {
		return GroupResult{}, &MembersError{Limit: MaxMembers}
	}
	known, err := w.living(ctx, joins, live)
	if err != nil {
		return GroupResult{}, err
	}
	asSent := GroupAcceptance{GroupEdit: e, Add: without(add, without(joins, known)), Remove: remove, Loose: true}
	if try >= looseFrom && !e.Exact && len(asSent.Add)+len(remove) > 0 && len(add)+len(remove) <= MaxMembers {
		return w.accept(ctx, asSent, len(known), len(leaves))
	}
	e.Exact = true
	if len(known)+len(leaves) == 0 {
		return w.confirm(ctx, e)
	}
	return w.apply(ctx, e, known, leaves)
}

// accept stores a change of many members as accepted, and applies it part by
// part. added and removed are how many join and leave.
func (w *groupWork) accept(ctx context.Context, c GroupAcceptance, added, removed int) (result GroupResult, err error) {
	w.completeEntry(&c.Entry, true)
	if len(c.Remove) > 0 {
		// A leaving user is a member. No protected one may leave, and a user
		// who is protected from now on is a member of the group as it will be.
		list, err := w.d.store.ProtectedUsers(ctx, w.tenant)
		if err != nil {
			return GroupResult{}, err
		}
		if c.Protected, err = w.checkProtected(ctx, c.Before, list, both(c.Remove, list.IDs)); err != nil {
			return GroupResult{}, err
		}
	}
	accepted := *c.After
	accepted.PendingChange = w.d.newID(w.by.Time)
	c.After = &accepted
	err = w.d.store.AcceptMembers(ctx, w.tenant, c)
	if failed, again := retryable(err); again {
		if failed.Stale() {
			return GroupResult{}, ErrStale
		}
		return GroupResult{}, errorOr(groupTaken(c.After, failed.Holders()), ErrStale)
	}
	if err != nil {
		return GroupResult{}, err
	}
	result = resultOf(c.GroupEdit, added, removed)
	result.Changed = c.Entry.Changed
	unknown, err := w.d.store.Finish(ctx, w.tenant, accepted.changeTask())
	w.addSkipped(unknown) // deleted since they were looked up
	if err != nil {
		return result, &UnfinishedError{Err: err}
	}
	// Each part incremented the version.
	again, err := w.d.Group(ctx, w.tenant, w.id)
	if errors.Is(err, ErrNoGroup) {
		return result, nil // it was changed, and then deleted
	}
	if err != nil {
		return result, fmt.Errorf("%w: %w", ErrUnresolved, err)
	}
	result.Group = again
	return result, w.show(ctx, MemberDelta{}, &result)
}

// replaceMembers replaces the whole set of members. A small difference is
// committed under the group's version, because it was worked out from the
// members at that version. Otherwise the set is written under a new epoch,
// which becomes the group's at once: readers see the old set or the new one,
// whole.
func (w *groupWork) replaceMembers(ctx context.Context, e GroupEdit, ids []string, try int) (GroupResult, error) {
	// Beyond this many more than the new set has, the difference is too large.
	bound := len(ids) + MaxJoined
	if len(ids) > MaxJoined {
		bound = len(ids) + MaxMembers
	}
	present, all, err := w.present(ctx, e.Before, bound)
	if err != nil {
		return GroupResult{}, err
	}
	is := setOf(present)
	add := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return is[id] })
	if len(add) > MaxMembers {
		return GroupResult{}, &MembersError{Limit: MaxMembers}
	}
	remove := without(present, ids)
	// Joining users are looked up beforehand, unless one transaction checks
	// them.
	if len(add) > 0 && len(add)+len(remove) > MaxJoined {
		_, live, err := w.d.store.Joined(ctx, w.tenant, e.Before.ID, e.Before.Epoch, add)
		if err != nil {
			return GroupResult{}, err
		}
		known, err := w.living(ctx, add, live)
		if err != nil {
			return GroupResult{}, err
		}
		ids, add = without(ids, without(add, known)), known
	}
	size := len(add) + len(remove)
	switch {
	case all && size == 0:
		return w.confirm(ctx, e)
	case all && size <= MaxJoined && try < maxDecisions-1:
		e.Exact = true
		return w.apply(ctx, e, add, remove)
	case all && size <= MaxMembers && 2*size <= len(ids) && (try < maxDecisions-1 || len(ids) > MaxMembers):
		e.Exact = true
		return w.apply(ctx, e, add, remove)
	case len(ids) > MaxMembers:
		return GroupResult{}, &MembersError{Limit: MaxMembers}
	}
	return w.newSet(ctx, e, ids)
}

// present reads the members of a group, unless there are more than a bound.
// Users whose memberships are being ended are not included.
//
// If the request states all members, the groups owed to users are read beside them.
func (w *groupWork) present(ctx context.Context, g *Group, bound int) (members []string, all bool, err error) {
	var leaving map[string]bool
	read := func(ctx context.Context) (err error) {
		members, leaving, err = w.d.membersOf(ctx, w.tenant, g, bound)
		return err
	}
	if w.whole {
		var failed error // of the members: too many are no failure
		err = w.d.store.Together(ctx,
			func(ctx context.Context) error { failed = read(ctx); return nil },
			func(ctx context.Context) (err error) { w.owed, err = w.d.store.OwedGroups(ctx, w.tenant); return err })
		err = errorOr(err, failed)
	} else {
		err = read(ctx)
	}
	var tooMany *TooManyError
	if errors.As(err, &tooMany) {
		return nil, false, nil
	}
	return staying(members, leaving), err == nil, err
}

// newSet writes a whole new set under a new epoch, makes it the group's, and
// ends the memberships of the old one.
func (w *groupWork) newSet(ctx context.Context, e GroupEdit, ids []string) (GroupResult, error) {
	after := *e.After
	after.Epochs = e.Before.Epochs + 1
	after.Epoch = after.Epochs
	e.After = &after
	list, err := w.d.store.ProtectedUsers(ctx, w.tenant)
	if err != nil {
		return GroupResult{}, err
	}
	c := GroupNewSet{GroupEdit: e, Staged: len(ids) > 0}
	if c.Protected, err = w.checkProtected(ctx, e.Before, list, without(list.IDs, ids)); err != nil {
		return GroupResult{}, err
	}
	if c.Staged {
		staged, err := w.stage(ctx, e.Before, after.Epoch, ids)
		if err != nil {
			if !errors.Is(err, ErrStale) {
				w.giveUp(ctx, after.Epoch)
			}
			return GroupResult{}, err
		}
		ids = staged
	}
	document, err := after.Resource()
	if err != nil {
		return GroupResult{}, err
	}
	c.Logged = w.logged(w.entry(journal.Updated, &after, document))
	c.Members = ids
	c.Entry.Changed, c.Entry.NewSet, c.Entry.Size, c.Entry.Epoch = e.Entry.Changed, true, len(ids), after.Epoch
	w.completeEntry(&c.Entry, true)
	err = w.commit(ctx, c.After, &c.Entry, &MemberDelta{}, func(ctx context.Context) error {
		return w.d.store.ReplaceMembers(ctx, w.tenant, c)
	})
	if err != nil {
		if c.Staged {
			w.giveUp(ctx, after.Epoch)
		}
		return GroupResult{}, err
	}
	// Nobody sees what is left of the old set: the sweep ends it, if this
	// request has no time to.
	w.d.finishSoon(ctx, w.tenant, epochTask(e.Before))
	result := resultOf(c.GroupEdit, len(ids), -1)
	return result, w.show(ctx, MemberDelta{}, &result)
}

// sendMembers checks the members that a request sends, and keeps those of a
// whole new set, of which at least one must be known. Ids of other groups are
// unknown and skipped. The group's own id is refused: it would make the group a
// member of itself.
func (w *groupWork) sendMembers(plan resource.MemberPlan) error {
	if plan.Reset {
		w.wanted = plan.Add
	}
	if slices.Contains(plan.Add, w.id) {
		w.addSkipped([]string{w.id})
		return &UnknownMembersError{IDs: []string{w.id}, Itself: true}
	}
	return nil
}

// nobodyKnown reports whether a whole new set of members was sent and all of
// them turned out to be unknown. Such a set comes from stale or failed
// references: it would remove all members and add none. A request that clears
// the members sends none.
func (w *groupWork) nobodyKnown() bool {
	for _, id := range w.wanted {
		if !w.unknown[id] {
			return false
		}
	}
	return len(w.wanted) > 0
}
