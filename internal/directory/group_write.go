package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// MaxMembers is the largest number of members that join and leave by one
// request. Members that are already present do not count; ids that are not
// users do.
const MaxMembers = scim.MaxMembers

// stagingTime is how long a request may write members that nobody sees; an
// older task is treated as abandoned.
const stagingTime = 2 * time.Minute

// groupWork is one request that changes a group, in progress.
type groupWork struct {
	d         *Directory
	tenant    tenant.ID
	by        Caller
	operation journal.Operation
	id        string
	match     Versions
	// skipped are the members sent that are not users, unknown is the same as a
	// set.
	skipped []string
	unknown map[string]bool
	// wanted are the members of a whole new set, as sent: at least one must be
	// known.
	wanted []string
	// notices are the tolerances applied to the patch.
	notices []scim.Notice
	// last is the group as it was last read, for the log of a request that
	// failed.
	last *Group
	// seen are the first members as they were read beside a commit, and leaving
	// the users whose memberships are being ended.
	seen    *Page[string]
	leaving map[string]bool
}

func (d *Directory) newGroupWork(t tenant.ID, by Caller, operation journal.Operation, id string, match Versions) *groupWork {
	return &groupWork{d: d, tenant: t, by: by, operation: operation, id: id, match: match}
}

// entry returns the log entry of a change. An entry that is written late in a
// long request gets an id of its own: the log is read in the order of ids, and
// no entry may appear before one that was already read.
func (w *groupWork) entry(action journal.Action, g *Group, r scim.Resource) journal.Entry {
	e := w.by.entry(w.operation, action)
	e.ResourceType, e.ResourceID = w.d.groups.Name, g.ID
	e.Subject, e.ExternalID = r.Text("displayName"), r.Text("externalId")
	e.Tolerate(w.notices)
	if now := w.d.now(); now.Sub(w.by.Time) > journal.WriteTime/4 {
		e.ID, e.Time = w.d.newID(now), now
	}
	e.Skip(w.skipped)
	return e
}

func (w *groupWork) logged(e journal.Entry) Logged {
	return Logged{Entry: e, Expires: e.Time.Add(w.by.Settings.LogRetention()), NotAfter: e.Time.Add(journal.WriteTime)}
}

// skip records members that are not users, or refuses them: when the tenant
// refuses unknown members, and when no member of a whole new set is known.
func (w *groupWork) skip(unknown []string) error {
	w.addSkipped(unknown)
	if len(unknown) > 0 && w.by.Settings.UnknownMembers == tenant.UnknownMembersRefuse {
		return &UnknownMembersError{IDs: unknown}
	}
	if w.nobodyKnown() {
		return &UnknownMembersError{IDs: w.skipped, Whole: true}
	}
	return nil
}

// addSkipped adds ids to those that are not users, each once.
func (w *groupWork) addSkipped(unknown []string) {
	for _, id := range unknown {
		if !w.unknown[id] {
			if w.unknown == nil {
				w.unknown = map[string]bool{}
			}
			w.unknown[id] = true
			w.skipped = append(w.skipped, id)
		}
	}
}

// unskip removes ids that turned out to be users from those that are not.
func (w *groupWork) unskip(known []string) {
	w.skipped = without(w.skipped, known)
	for _, id := range known {
		delete(w.unknown, id)
	}
}

// users returns the ids that can be a user's; the others are skipped.
func (w *groupWork) users(ids []string) ([]string, error) {
	var unknown []string
	users := make([]string, 0, len(ids))
	for _, id := range ids {
		if ValidID(id) {
			users = append(users, id)
		} else {
			unknown = append(unknown, id)
		}
	}
	return users, w.skip(unknown)
}

// without returns the ids of a list that another list does not contain.
func without(ids, others []string) []string {
	if len(others) == 0 {
		return ids
	}
	leave := setOf(others)
	kept := make([]string, 0, len(ids))
	for _, id := range ids {
		if !leave[id] {
			kept = append(kept, id)
		}
	}
	return kept
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// commit commits a change with the members who join and leave in it. It assumes
// that each joining user is a live user and not yet a member, and that each
// leaving one is a member. Where that fails, the change is sent again without
// those users, under the condition that nothing changes for them: send sends
// it with the members and the entry as they are then. ErrStale: the group
// changed, or its members kept changing.
func (w *groupWork) commit(ctx context.Context, after *Group, e *journal.Entry, m *MemberDelta, send func(context.Context) error) error {
	for range maxDecisions {
		e.Added, e.Removed = m.Add, m.Remove
		err := send(ctx)
		failed, again := retryable(err)
		if !again {
			return err
		}
		if err := w.judge(ctx, after, m, failed); err != nil {
			return err
		}
		e.Outcome, e.Cause = journal.Success, ""
		e.Skip(w.skipped)
	}
	return ErrStale
}

// judge adjusts the members of a change to what its failed conditions have
// shown, or returns the error for which the change cannot be sent again.
func (w *groupWork) judge(ctx context.Context, after *Group, m *MemberDelta, failed *CommitError) error {
	if err := groupTaken(after, failed.Holders()); err != nil {
		return err
	}
	if failed.Has(RecordChanged) || failed.Has(ClaimHeld) {
		return ErrStale
	}
	staying := without(failed.IDs(UserProtected), failed.IDs(UserNotMember))
	if len(staying) > 0 && !failed.Incomplete {
		return &ProtectedError{ID: staying[0], Refused: RefusedLeaving}
	}
	w.unskip(failed.IDs(UserKnown))
	if err := w.skip(failed.IDs(UserUnknown)); err != nil {
		return err
	}
	for _, user := range failed.IDs(UserLeaving) {
		if _, err := w.d.store.Finish(ctx, w.tenant, leavingTask(user)); err != nil {
			return err
		}
	}
	m.correct(failed)
	return nil
}

// send commits a change of the document or of a few members, and reads the
// first members beside it if the answer shows them.
func (w *groupWork) send(ctx context.Context, c GroupUpdate) error {
	if c.Unchanged() && c.seenAtOnce() {
		return nil
	}
	if !w.by.ShowMembers {
		return w.d.store.UpdateGroup(ctx, w.tenant, c)
	}
	w.seen = &Page[string]{}
	return w.d.commitBeside(ctx,
		func(ctx context.Context) error { return w.d.store.UpdateGroup(ctx, w.tenant, c) },
		func(ctx context.Context) (err error) {
			*w.seen, w.leaving, err = w.d.membersAndLeaving(ctx, w.tenant, c.Before.ID, c.Before.Epoch, MaxShown+1)
			return err
		})
}

// show adds the members to the result of a change, if there are few: those that
// were read beside it, with the members that joined and left.
func (w *groupWork) show(ctx context.Context, m MemberDelta, r *GroupResult) error {
	if !w.by.ShowMembers {
		return nil
	}
	if w.seen == nil {
		page, leaving, err := w.d.membersAndLeaving(ctx, w.tenant, r.Group.ID, r.Group.Epoch, MaxShown+1)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnresolved, err)
		}
		w.seen, w.leaving, m = &page, leaving, MemberDelta{}
	}
	if w.seen.More && len(w.seen.Records) > MaxShown {
		return nil
	}
	there := staying(slices.Clone(w.seen.Records), w.leaving)
	members := slices.Concat(without(without(there, m.Add), m.Remove), m.Add)
	slices.Sort(members)
	if r.Shown = len(members) <= MaxShown; r.Shown {
		r.Members = members
	}
	return nil
}

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

// ProvisionGroup handles a POST: it creates a group with its members. A
// displayName or externalId that another group has is a *TakenError.
//
// Members beyond one transaction are written first, under the group's first
// epoch: nobody sees them before the group exists.
//
// sent is decoded and checked; it is not changed.
func (d *Directory) ProvisionGroup(ctx context.Context, t tenant.ID, by Caller, sent scim.Resource) (GroupResult, error) {
	w := d.newGroupWork(t, by, journal.Create, d.newID(by.Time), nil)
	ids, err := resource.MembersOf(sent)
	if err != nil {
		return GroupResult{}, err
	}
	if ids, err = w.users(ids); err != nil {
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
		result.Members, result.Added, result.Skipped = c.Add, len(c.Add), w.skipped
		return result, err
	}
	result.Members, err = w.stage(ctx, nil, g.Epoch, ids)
	if err == nil {
		c = GroupCreation{Group: g, Staged: true, Logged: w.logged(w.entry(journal.Created, g, document))}
		c.Entry.Version, c.Entry.Changed, c.Entry.NewSet, c.Entry.Size = 1, result.Changed, true, len(result.Members)
		err = w.create(ctx, &c)
	}
	if err != nil {
		w.giveUp(ctx, g.Epoch)
		return GroupResult{Skipped: w.skipped}, busyIfStale(err)
	}
	result.Added, result.Skipped = len(result.Members), w.skipped
	return result, nil
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
	return w.living(ids, live)
}

func (w *groupWork) living(ids []string, live map[string]bool) ([]string, error) {
	var unknown []string
	for _, id := range ids {
		if !live[id] {
			unknown = append(unknown, id)
		}
	}
	return without(ids, unknown), w.skip(unknown)
}

// stage writes members under a new epoch, and returns those that are users.
func (w *groupWork) stage(ctx context.Context, before *Group, epoch int64, ids []string) ([]string, error) {
	if err := w.d.store.BeginEpoch(ctx, w.tenant, w.id, before, epoch, w.d.now().Add(stagingTime)); err != nil {
		return nil, err
	}
	unknown, err := w.d.store.StageMembers(ctx, w.tenant, w.id, epoch, ids)
	if err != nil {
		return nil, err
	}
	return without(ids, unknown), w.skip(unknown)
}

// giveUp removes what was staged, if there is time; else the sweep does. A
// change with an unknown outcome may have made the epoch current; giving it up
// then changes nothing.
func (w *groupWork) giveUp(ctx context.Context, epoch int64) {
	_ = w.d.store.GiveUpEpoch(ctx, w.tenant, w.id, epoch)
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
		from := *before
		from.Version, from.Revision, from.Modified = before.Version+1, before.Revision+1, w.by.Time
		after, renewed := w.d.groupRecord(w.by, wanted, from)
		w.skipped, w.unknown, w.wanted, w.seen, w.leaving, w.notices = nil, nil, nil, nil, nil, notices
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
		result.Notices = notices
		return result, err
	})
}

// run decides and commits until the change is committed or refused. With an
// error the result has the group as last read, if there is one: the log names
// it.
func (w *groupWork) run(attempt func(try int) (GroupResult, error)) (GroupResult, error) {
	result, err := untilCommitted(attempt)
	result.Skipped = w.skipped
	if err != nil {
		result.Group = w.last
	}
	return result, err
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
	if err := groupTaken(e.After, holders); err != nil {
		return err
	}
	return ErrVersion
}

// members commits a change of a group together with the change of its members.
func (w *groupWork) members(ctx context.Context, e GroupEdit, changes []resource.MemberChange, try int) (GroupResult, error) {
	var present []string
	var err error
	if resource.NeedsMembers(changes) {
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
	if err != nil {
		return GroupResult{}, err
	}
	if err := w.sendMembers(plan); err != nil {
		return GroupResult{}, err
	}
	if plan.Add, err = w.users(plan.Add); err != nil {
		return GroupResult{}, err
	}
	plan.Remove = slices.DeleteFunc(slices.Clone(plan.Remove), func(id string) bool { return !ValidID(id) })
	if plan.Reset {
		return w.replaceMembers(ctx, e, plan.Add, try)
	}
	if len(plan.Add)+len(plan.Remove) > MaxJoined {
		return w.changeMany(ctx, e, plan.Add, plan.Remove, try)
	}
	return w.apply(ctx, e, plan.Add, plan.Remove)
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
	known, err := w.living(joins, live)
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

// apply commits a change of members that are few, or that are each known to
// join or leave.
func (w *groupWork) apply(ctx context.Context, e GroupEdit, add, remove []string) (GroupResult, error) {
	if len(add)+len(remove) > MaxJoined {
		return w.accept(ctx, GroupAcceptance{GroupEdit: e, Add: add, Remove: remove}, len(add), len(remove))
	}
	w.completeEntry(&e.Entry, len(add)+len(remove) > 0)
	c := GroupUpdate{GroupEdit: e, MemberDelta: MemberDelta{Add: add, Remove: remove}}
	err := w.commit(ctx, c.After, &c.Entry, &c.MemberDelta, func(ctx context.Context) error { return w.send(ctx, c) })
	result := resultOf(c.GroupEdit, len(c.Add), len(c.Remove))
	if err != nil || c.Unchanged() {
		result.Action, result.Group = journal.Unchanged, c.Before
	}
	if err == nil {
		err = w.show(ctx, c.MemberDelta, &result)
	}
	return result, err
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
	accepted.Work = w.d.newID(w.by.Time)
	c.After = &accepted
	err = w.d.store.AcceptMembers(ctx, w.tenant, c)
	if failed, again := retryable(err); again {
		return GroupResult{}, errorOr(groupTaken(c.After, failed.Holders()), ErrStale)
	}
	if err != nil {
		return GroupResult{}, err
	}
	result = resultOf(c.GroupEdit, added, removed)
	result.Changed = c.Entry.Changed
	unknown, err := w.d.store.Finish(ctx, w.tenant, accepted.work())
	w.addSkipped(unknown) // deleted since they were looked up
	if err != nil {
		return result, &UnfinishedError{Err: err}
	}
	// Each part incremented the version.
	again, err := w.d.Group(ctx, w.tenant, w.id)
	if err != nil {
		return result, fmt.Errorf("%w: %w", ErrUnresolved, err)
	}
	result.Group = again
	return result, w.show(ctx, MemberDelta{}, &result)
}

// completeEntry updates an entry with what is now known of the members; change
// reports that some join or leave.
func (w *groupWork) completeEntry(e *journal.Entry, change bool) {
	e.Skip(w.skipped)
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
		known, err := w.living(add, live)
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

// present reads the members of a group, unless there are more than a bound.
// Users whose memberships are being ended are not included.
func (w *groupWork) present(ctx context.Context, g *Group, bound int) (members []string, all bool, err error) {
	members, leaving, err := w.d.membersOf(ctx, w.tenant, g, bound)
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
	c.Entry.Changed, c.Entry.NewSet, c.Entry.Size = e.Entry.Changed, true, len(ids)
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

// cleaningTime is how long a request that is done spends on work that no reader
// sees.
const cleaningTime = 2 * time.Second

// finishSoon works on a task that changes nothing for readers. The sweep
// finishes what it has no time for.
func (d *Directory) finishSoon(ctx context.Context, t tenant.ID, task Task) {
	ctx, cancel := context.WithTimeout(ctx, cleaningTime)
	defer cancel()
	_, _ = d.store.Finish(ctx, t, task)
}

func epochTask(g *Group) Task {
	return Task{Kind: TaskEpoch, Resource: g.ID, Name: strconv.FormatInt(g.Epoch, 10)}
}

// DeleteGroup handles a DELETE: the group is gone for good, and its memberships
// end. RFC 7644 §3.6
//
// A group with a protected member is not deleted: its deletion would remove
// that member.
func (d *Directory) DeleteGroup(ctx context.Context, t tenant.ID, by Caller, id string, match Versions) (GroupResult, error) {
	return d.deleteGroup(ctx, t, by, id, match)
}

func (d *Directory) deleteGroup(ctx context.Context, t tenant.ID, by Caller, id string, match Versions) (GroupResult, error) {
	w := d.newGroupWork(t, by, journal.Delete, id, match)
	return w.run(func(try int) (GroupResult, error) {
		before, list, err := d.groupAtRestAndProtected(ctx, t, id)
		if err != nil {
			return GroupResult{}, err
		}
		w.last = before
		if !match.Allow(before.Version) {
			return GroupResult{}, ErrVersion
		}
		document, err := before.Resource()
		if err != nil {
			return GroupResult{}, err
		}
		c := GroupDeletion{Before: before, Exact: match != nil, Logged: w.logged(w.entry(journal.Deleted, before, document))}
		c.Entry.Version = before.Version + 1
		// A few members end with the group, unless they keep changing.
		if try < maxDecisions-2 {
			if c.Members, c.Ends, err = w.present(ctx, before, MaxJoined); err != nil {
				return GroupResult{}, err
			}
			c.Exact = c.Exact || c.Ends
		}
		if by.By == journal.ByApplication {
			c.Marker = &DeletedGroup{
				ID: id, DisplayName: document.Text("displayName"), Deleted: by.Time, Who: by.Who, Expires: by.Time.Add(MarkerTime),
			}
		} else if c.Protected, err = w.checkDeletion(ctx, c, list); err != nil {
			return GroupResult{}, err
		}
		err = d.store.DeleteGroup(ctx, t, c)
		if _, again := retryable(err); again {
			return GroupResult{}, ErrStale
		}
		if err == nil && !c.Ends {
			d.finishSoon(ctx, t, epochTask(before)) // no reader sees them any more
		}
		return GroupResult{Group: before, Action: journal.Deleted}, err
	})
}
