package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// groupWork is one request that changes a group, in progress.
type groupWork struct {
	d         *Directory
	tenant    tenant.ID
	by        Caller
	operation journal.Operation
	id        string
	match     Versions
	// skipped are the members sent that are not users, unknown is the same as a
	// set. nested reports that ids of groups are among them.
	skipped []string
	unknown map[string]bool
	nested  bool
	// wanted are the members of a whole new set, as sent: at least one must be
	// known.
	wanted []string
	// whole reports that the request states all members. absent are those that
	// were to leave and are not members. owed are the groups owed to users, read
	// if all members are stated.
	whole  bool
	absent []string
	owed   map[string][]string
	// notices are the tolerances applied to the patch.
	notices []scim.Notice
	// last is the group as it was last read, for the log of a request that
	// failed.
	last *Group
	// asked are the values of the request on which the rules depend, nil if they are not known.
	asked journal.Asked
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
	if now := w.d.now(); journal.Late(w.by.Time, now) {
		e.ID, e.Time = w.d.newID(now), now
	}
	w.skip(&e)
	return e
}

// RemedyOfMembers returns the advice about members that are not users, "" for the usual
// one. nested reports that ids of groups are among them.
func RemedyOfMembers(unknown []string, nested bool) cause.Remedy {
	switch {
	case nested:
		return cause.NestedGroup
	case slices.ContainsFunc(unknown, isAddress):
		return cause.MembersByName
	}
	return ""
}

// isAddress reports whether a member is an email address or a userName of that form.
func isAddress(id string) bool { return strings.Contains(id, "@") && !strings.ContainsAny(id, ` "{[`) }

// skip records in an entry the members that are not users.
func (w *groupWork) skip(e *journal.Entry) {
	if e.Skip(w.skipped); e.Cause == cause.UnknownMembers {
		e.Remedy = RemedyOfMembers(w.skipped, w.nested)
	}
}

func (w *groupWork) logged(e journal.Entry) Logged {
	return Logged{Entry: e, Expires: e.Time.Add(w.by.Settings.LogRetention()), NotAfter: e.Time.Add(journal.WriteTime)}
}

// miss records members that are not users, or refuses them: when the tenant
// refuses unknown members, and when no member of a whole new set is known.
func (w *groupWork) miss(ctx context.Context, unknown []string) error {
	w.addSkipped(unknown)
	if err := w.lookForGroups(ctx, unknown); err != nil {
		return err
	}
	if len(unknown) > 0 && w.by.Settings.UnknownMembers == tenant.UnknownMembersRefuse {
		return &UnknownMembersError{IDs: unknown, Groups: w.nested}
	}
	if w.nobodyKnown() {
		return &UnknownMembersError{IDs: w.skipped, Whole: true, Groups: w.nested}
	}
	return nil
}

// lookedFor is how many members that are not users are looked for among the groups: an
// identity provider that sends nested groups sends them in each request.
const lookedFor = 5

// lookForGroups finds out whether members that are not users are groups: what to do
// about them differs.
func (w *groupWork) lookForGroups(ctx context.Context, unknown []string) error {
	ids := slices.DeleteFunc(slices.Clone(unknown), func(id string) bool { return !ValidID(id) })
	if ids = ids[:min(len(ids), lookedFor)]; len(ids) == 0 || w.nested {
		return nil
	}
	groups, err := w.d.store.GroupsByID(ctx, w.tenant, ids)
	w.nested = len(groups) > 0
	return err
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
func (w *groupWork) users(ctx context.Context, ids []string) ([]string, error) {
	var unknown []string
	users := make([]string, 0, len(ids))
	for _, id := range ids {
		if ValidID(id) {
			users = append(users, id)
		} else {
			unknown = append(unknown, id)
		}
	}
	return users, w.miss(ctx, unknown)
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
		e.Outcome, e.Cause, e.Remedy = journal.Success, "", ""
		w.skip(e)
	}
	return ErrStale
}

// judge adjusts the members of a change to what its failed conditions have
// shown, or returns the error for which the change cannot be sent again.
//
// A taken value is the reason only if the group is known to be as it was read: of
// one deleted meanwhile the error is ErrNoGroup.
func (w *groupWork) judge(ctx context.Context, after *Group, m *MemberDelta, failed *CommitError) error {
	if failed.Has(RecordChanged) || failed.Incomplete && w.last != nil && failed.Has(ClaimHeld) {
		return ErrStale
	}
	if err := groupTaken(after, failed.Holders()); err != nil {
		return err
	}
	if failed.Has(ClaimHeld) {
		return ErrStale
	}
	staying := without(failed.IDs(UserProtected), failed.IDs(UserNotMember))
	if len(staying) > 0 && !failed.Incomplete {
		return &ProtectedError{ID: staying[0], Refused: RefusedLeaving}
	}
	w.unskip(failed.IDs(UserKnown))
	if err := w.miss(ctx, failed.IDs(UserUnknown)); err != nil {
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
	if c.Unchanged() && c.seenAtOnce() && !c.Owes() {
		return nil
	}
	if !w.by.ShowMembers {
		return w.d.store.UpdateGroup(ctx, w.tenant, c)
	}
	w.seen = nil
	return w.d.commitBeside(ctx,
		func(ctx context.Context) error { return w.d.store.UpdateGroup(ctx, w.tenant, c) },
		func(ctx context.Context) error {
			page, leaving, err := w.d.membersAndLeaving(ctx, w.tenant, c.Before.ID, c.Before.Epoch, MaxShown+1)
			if err == nil {
				w.seen, w.leaving = &page, leaving
			}
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

// run decides and commits until the change is committed or refused. With an
// error the result has the group as last read, if there is one: the log names
// it.
func (w *groupWork) run(attempt func(try int) (GroupResult, error)) (GroupResult, error) {
	result, err := untilCommitted(attempt)
	result.Skipped, result.Nested = w.skipped, w.nested
	if err != nil {
		result.Group = w.last
		result.ask(w.asked, err)
	}
	return result, err
}
