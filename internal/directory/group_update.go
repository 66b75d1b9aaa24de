package directory

import (
	"context"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// groupTaken returns the error for a value of a group that another one holds.
func groupTaken(after *Group, holders map[Kind]string) error {
	for _, holding := range withFormer(GroupKinds[:]) {
		kind := holding.Today()
		id, held := holders[holding]
		if !held || id == after.ID {
			continue
		}
		r, err := after.Resource()
		if err != nil {
			return err
		}
		return &TakenError{Kind: kind, Value: r.Text(kind.Attribute()), Reason: TakenGroup, HolderID: id}
	}
	return nil
}

// ReplaceGroup handles a PUT: the group becomes what was sent, including its
// members. RFC 7644 §3.5.1
func (d *Directory) ReplaceGroup(ctx context.Context, t tenant.ID, by Caller, id string, match Versions,
	sent scim.Resource,
) (GroupResult, error) {
	ids, err := resource.MembersOf(sent)
	if err != nil {
		return GroupResult{}, err
	}
	changes := []resource.MemberChange{{Kind: resource.MembersReplace, IDs: ids}}
	w := d.newGroupWork(t, by, journal.Replace, id, match)
	return w.update(ctx, changes, true, func(before scim.Resource) (scim.Resource, []scim.Notice, error) {
		after, err := resource.Replace(d.groupsOf(by), before, sent)
		return after, nil, err
	})
}

// ModifyGroup handles a PATCH: all operations of the patch are applied, or
// none. RFC 7644 §3.5.2
func (d *Directory) ModifyGroup(ctx context.Context, t tenant.ID, by Caller, id string, match Versions,
	patch *resource.Patch,
) (GroupResult, error) {
	own, rest := patch.Split(d.groupsOf(by), "members")
	changes, memberNotices, unreadable := resource.MemberChanges(d.groupsOf(by), own)
	w := d.newGroupWork(t, by, journal.Modify, id, match)
	return w.update(ctx, changes, len(rest.Operations) > 0, func(before scim.Resource) (scim.Resource, []scim.Notice, error) {
		if unreadable != nil {
			return nil, nil, unreadable
		}
		if err := CheckNotices(by.Settings, memberNotices); err != nil {
			return nil, nil, err
		}
		after, notices, err := rest.Apply(d.groupsOf(by), before)
		if err == nil {
			err = CheckNotices(by.Settings, notices)
		}
		return after, slices.Concat(memberNotices, notices), err
	})
}

// update reads a group, works out the change, and commits it. A few members
// join or leave whatever else happens to the group. A request that concerns the
// document, the whole set or many members is decided again if another change
// came first. A request that finds an unfinished change in parts finishes that
// first.
func (w *groupWork) update(ctx context.Context, changes []resource.MemberChange, document bool,
	apply func(before scim.Resource) (scim.Resource, []scim.Notice, error),
) (GroupResult, error) {
	return w.run(func(try int) (GroupResult, error) {
		before, err := w.d.groupAtRest(ctx, w.tenant, w.id)
		if err != nil {
			return GroupResult{}, err
		}
		w.last = before
		old, err := before.Resource()
		if err != nil {
			return GroupResult{}, err
		}
		wanted, notices, err := apply(old)
		if err != nil {
			return GroupResult{}, err
		}
		w.asked = askedOfGroup(old, wanted)
		if len(changes) > 0 {
			w.asked[journal.AskedMembers] = "true" // until they are worked out
		}
		from := *before
		from.Version, from.Revision, from.Modified = before.Version+1, before.Revision+1, w.by.Time
		after, renewed := w.d.groupRecord(w.by, wanted, from)
		w.skipped, w.unknown, w.wanted, w.seen, w.leaving, w.notices = nil, nil, nil, nil, nil, notices
		w.whole, w.absent, w.owed = false, nil, nil
		e := GroupEdit{
			Before: before, After: after, Document: document, Exact: w.match != nil,
			Logged: w.logged(w.entry(journal.Updated, after, renewed)),
		}
		e.Entry.Changed = resource.Changed(w.d.groupsOf(w.by), old, renewed)
		e.Rewrites = len(e.Entry.Changed) > 0
		if err := w.refuse(ctx, e); err != nil {
			return GroupResult{}, err
		}
		result, err := w.members(ctx, e, changes, try)
		if err == nil {
			w.forgetOwed(ctx)
		}
		result.Notices = notices
		return result, err
	})
}

// refuse returns the error for a request whose If-Match does not hold. A taken
// value is reported first: fixing the version alone would not help.
func (w *groupWork) refuse(ctx context.Context, e GroupEdit) error {
	if w.match.Allow(e.Before.Version) {
		return nil
	}
	holders, err := w.d.holders(ctx, w.tenant, added(e.Before.Held, e.After.Held), e.After.Former)
	if err != nil {
		return err
	}
	taken := groupTaken(e.After, holders)
	if taken == nil {
		return ErrVersion
	}
	return w.unlessChanged(ctx, e.Before, taken)
}

// unlessChanged returns a refusal that was decided on what was read after the
// group, its members or another group: only if the group is still the one read,
// there was a moment at which both were true. Otherwise it is decided again.
func (w *groupWork) unlessChanged(ctx context.Context, before *Group, refusal error) error {
	now, err := w.d.Group(ctx, w.tenant, w.id)
	if err == nil && now.Version != before.Version {
		err = ErrStale
	}
	return errorOr(err, refusal)
}

// members commits a change of a group together with the change of its members.
func (w *groupWork) members(ctx context.Context, e GroupEdit, changes []resource.MemberChange, try int) (GroupResult, error) {
	var present []string
	var err error
	filtered := resource.NeedsMembers(changes)
	if filtered {
		var all bool
		present, all, err = w.present(ctx, e.Before, MaxMembersRead)
		if err == nil && !all {
			err = &TooManyError{Sought: "filter in a path", Limit: MaxMembersRead}
		}
		if err != nil {
			return GroupResult{}, err
		}
		e.Exact = true // the filter was evaluated on the members of this version
	}
	plan, err := resource.PlanMembers(changes, present, w.d.documents.UserLocation)
	if err != nil && filtered {
		err = w.unlessChanged(ctx, e.Before, err)
	}
	if err != nil {
		w.asked = nil
		return GroupResult{}, err
	}
	askMembers(w.asked, plan.Add, plan.Remove, plan.Reset)
	if err := w.sendMembers(plan); err != nil {
		return GroupResult{}, err
	}
	if plan.Add, err = w.users(ctx, plan.Add); err != nil {
		return GroupResult{}, err
	}
	for _, id := range plan.Remove {
		if !ValidID(id) {
			e.Foreign = append(e.Foreign, id)
		}
	}
	plan.Remove = without(plan.Remove, e.Foreign)
	if plan.Reset {
		w.whole, e.Whole = true, true
		return w.replaceMembers(ctx, e, plan.Add, try)
	}
	if filtered && len(plan.Add)+len(plan.Remove) == 0 {
		return w.confirm(ctx, e)
	}
	if len(plan.Add)+len(plan.Remove) > MaxJoined {
		return w.changeMany(ctx, e, plan.Add, plan.Remove, try)
	}
	return w.apply(ctx, e, plan.Add, plan.Remove)
}

// apply commits a change of members that are few, or that are each known to
// join or leave.
func (w *groupWork) apply(ctx context.Context, e GroupEdit, add, remove []string) (GroupResult, error) {
	if len(add)+len(remove) > MaxJoined {
		return w.accept(ctx, GroupAcceptance{GroupEdit: e, Add: add, Remove: remove}, len(add), len(remove))
	}
	w.completeEntry(&e.Entry, len(add)+len(remove) > 0)
	c := GroupUpdate{GroupEdit: e, MemberDelta: MemberDelta{Add: add, Remove: remove}}
	err := w.commit(ctx, c.After, &c.Entry, &c.MemberDelta, func(ctx context.Context) error { return w.send(ctx, c) })
	w.absent = c.NotMembers
	result := resultOf(c.GroupEdit, len(c.Add), len(c.Remove))
	if err != nil || c.Unchanged() {
		result.Action, result.Group = journal.Unchanged, c.Before
	}
	if err == nil {
		err = w.show(ctx, c.MemberDelta, &result)
	}
	return result, err
}

// completeEntry updates an entry with what is now known of the members; change
// reports that some join or leave.
func (w *groupWork) completeEntry(e *journal.Entry, change bool) {
	w.skip(e)
	if change && !slices.Contains(e.Changed, "members") {
		e.Changed = append(slices.Clone(e.Changed), "members")
	}
}

// resultOf returns the result of a change by which some members, or -1 of an
// unknown number, join and leave.
func resultOf(e GroupEdit, added, removed int) GroupResult {
	r := GroupResult{Group: e.After, Action: journal.Updated, Added: added, Removed: removed, Changed: e.Entry.Changed}
	if added == 0 && removed == 0 {
		r.Changed = slices.DeleteFunc(slices.Clone(r.Changed), func(name string) bool { return name == "members" })
	}
	return r
}

// confirm commits a change that leaves the members as they are. They were read
// at the group's version, so the group must still be at it.
func (w *groupWork) confirm(ctx context.Context, e GroupEdit) (GroupResult, error) {
	if e.Rewrites {
		e.Exact = true
		return w.apply(ctx, e, nil, nil)
	}
	now, err := w.d.Group(ctx, w.tenant, w.id)
	if err == nil && now.Version != e.Before.Version {
		err = ErrStale
	}
	if err != nil {
		return GroupResult{}, err
	}
	return w.apply(ctx, e, nil, nil)
}
