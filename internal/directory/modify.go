package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Precondition is an If-Match header: the versions at which the request may
// act. The zero Precondition allows all.
type Precondition struct {
	Set      bool
	Any      bool
	Versions []int64
}

// Allows reports whether the request may act on a record of the version. RFC
// 7644 §3.14
func (p Precondition) Allows(version int64) bool {
	return !p.Set || p.Any || slices.Contains(p.Versions, version)
}

// Replace handles a PUT: the record becomes what was sent; active and
// isTeamAccount are kept when omitted. RFC 7644 §3.5.1
func (d *Directory) Replace(ctx context.Context, t tenant.ID, by Caller, id string, match Precondition,
	sent scim.Resource,
) (Result, error) {
	return d.update(ctx, t, by, "replace", id, match, func(before scim.Resource) (scim.Resource, []scim.Notice, error) {
		after, err := scim.Replace(d.usersOf(by), before, sent)
		return after, nil, err
	})
}

// Modify handles a PATCH: all operations of the patch are applied, or none. RFC
// 7644 §3.5.2
func (d *Directory) Modify(ctx context.Context, t tenant.ID, by Caller, id string, match Precondition,
	patch *scim.Patch,
) (Result, error) {
	return d.update(ctx, t, by, "modify", id, match, func(before scim.Resource) (scim.Resource, []scim.Notice, error) {
		after, notices, err := patch.Apply(d.usersOf(by), before)
		if err == nil {
			err = CheckNotices(by.Settings, notices)
		}
		return after, notices, err
	})
}

// CheckNotices returns an error if a request needed a tolerance that its tenant
// refuses: attributes outside the schemas, or everything that the RFCs do not
// define. A path to an unknown attribute is both. For other tenants only the
// notice remains.
func CheckNotices(settings tenant.Settings, notices []scim.Notice) error {
	unknown, dialects := settings.UnknownAttributes == tenant.UnknownRefuse, settings.Dialects == tenant.DialectsRefuse
	for _, n := range notices {
		refused := dialects
		switch n.Kind {
		case scim.NoticeUnknownAttribute, scim.NoticeAmbiguous:
			refused = unknown
		case scim.NoticeUnknownPath:
			refused = unknown || dialects
		}
		if refused {
			return n.Refusal()
		}
	}
	return nil
}

// update reads a record, works out the change, and commits it if the record is
// still at the version read. A request that loses the race reads and decides
// again, so that concurrent changes of different attributes all take effect. A
// change of nothing is not written. With an error the result has the user as
// read, if there is one: the log names it.
func (d *Directory) update(ctx context.Context, t tenant.ID, by Caller, operation, id string, match Precondition,
	apply func(before scim.Resource) (scim.Resource, []scim.Notice, error),
) (result Result, err error) {
	var before, last *User
	var mirrors []Mirror
	defer func() {
		if err != nil {
			result = Result{User: last}
		}
	}()
	var lose []Loss
	holders := map[Kind]string{}
	gone := map[string]bool{}
	for range maxDecisions {
		if before == nil {
			if before, mirrors, err = d.read(ctx, t, by, id); err != nil {
				return Result{}, err
			}
			last = before
			if before == nil {
				return Result{}, ErrNotFound
			}
		}
		old, err := before.Resource()
		if err != nil {
			return Result{}, err
		}
		wanted, notices, err := apply(old)
		if err != nil {
			return Result{}, err
		}
		plan, err := d.decideUpdate(by, before, old, wanted)
		if err != nil {
			return Result{}, err
		}
		after, document := plan.after, plan.document
		if !match.Allows(before.Version) {
			return Result{}, d.refuseVersion(ctx, t, before, after, wanted)
		}
		if len(scim.Changed(d.usersOf(by), old, document)) == 0 && after.Linked == before.Linked {
			groups, err := d.mirrored(ctx, t, before, mirrors)
			return Result{User: before, Action: Unchanged, Notices: notices, Groups: groups}, err
		}
		if lose, err = d.loseOrRefuse(ctx, t, after, wanted, holders); err != nil {
			return Result{}, err
		}
		change, result := d.change(by, operation, updateAction(before, after), before, after,
			[2]scim.Resource{old, document}, lose, plan.warning, plan.note)
		result.Notices = notices
		change.Entry.tolerate(notices)
		if plan.ends {
			again, err := d.endMemberships(ctx, t, &change, &result, gone)
			if err != nil {
				return Result{}, err
			}
			if again {
				before = nil
				continue
			}
			mirrors = nil
		}

		groups, err := d.commitAndGroups(ctx, t, change, groupsIn(mirrors))
		failed, again := retryable(err)
		switch {
		case err == nil:
			d.finishEnded(ctx, t, change)
			result.Groups, err = d.shownGroups(ctx, t, id, groups, mirrors)
			return result, err
		case !again:
			return Result{}, err
		case failed.Stale, len(failed.Gone) > 0:
			// The record is read again before the holders are judged: for a
			// user deleted meanwhile the error is ErrNotFound, not a taken
			// value.
			noteGone(gone, failed)
			maps.Copy(holders, failed.Holders)
			before = nil
		case len(failed.Holders) > 0:
			maps.Copy(holders, failed.Holders)
		case failed.Full != nil:
			return Result{}, full(failed.Full, result.Seats)
		default:
			before = nil
		}
	}
	return Result{}, ErrBusy
}

// read reads a live user, and its memberships if the answer shows its groups.
func (d *Directory) read(ctx context.Context, t tenant.ID, by Caller, id string) (*User, []Mirror, error) {
	if !by.ShowGroups {
		u, err := d.store.User(ctx, t, id)
		return u, nil, err
	}
	u, mirrors, err := d.userAndMirrors(ctx, t, id)
	if u == nil || u.Leaving {
		mirrors = nil
	}
	return u, mirrors, err
}

// shownGroups returns the groups of a changed user, as they were read beside
// the change. A group whose members are being changed by parts is finished
// first; if that fails, the change of the user stands.
func (d *Directory) shownGroups(ctx context.Context, t tenant.ID, id string, groups []*Group, mirrors []Mirror) ([]*Group, error) {
	if len(mirrors) > MaxGroupsRead {
		return nil, &TooManyError{Sought: "groups", Limit: MaxGroupsRead}
	}
	if !slices.ContainsFunc(groups, func(g *Group) bool { return g.Work != "" }) {
		return counting(groups, mirrors), nil
	}
	groups, err := d.GroupsOf(ctx, t, id)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnresolved, err)
	}
	return groups, err
}

// updating is what a PUT or PATCH makes of a record.
type updating struct {
	after    *User
	document scim.Resource
	// warning and note are those of the log entry.
	warning, note string
	// ends reports that the user's memberships end with the change.
	ends bool
}

// decideUpdate applies the rules for a PUT or PATCH to its result.
func (d *Directory) decideUpdate(by Caller, before *User, old, wanted scim.Resource) (updating, error) {
	after := *before
	after.Version, after.Modified, after.Linked = before.Version+1, by.Time, true
	if active, ok := wanted["active"].(bool); ok {
		after.Active = active
	}
	if kind, ok := d.accountType(wanted); ok {
		after.Type = kind
	}
	if !before.Linked && before.Type == tenant.User && after.Type == tenant.Reader {
		return updating{}, &ConvertError{ID: before.ID}
	}
	switch {
	case after.Active && !before.Active:
		if before.OffBy == ByApplication {
			return updating{}, ErrDeactivatedInApp
		}
		after.OffBy = ""
	case !after.Active && before.Active:
		after.OffBy = ByIdP
	}
	record, document := d.record(by, wanted, after)
	plan := updating{after: record, document: document}
	if err := refuseProtected(before, record, old, document); err != nil {
		return updating{}, err
	}
	if !before.Linked {
		changes := identityDifferences(old, document, UserName, Email)
		changes = slices.DeleteFunc(changes, func(d difference) bool { return d.before == "" })
		if plan.note = noteChanges(changes); plan.note != "" {
			plan.warning = WarnIdentity
		}
	}
	if !before.Active && record.Active && otherPerson(old, document) {
		if by.Settings.Rehire == tenant.RehireRefuse {
			return updating{}, &TakenError{
				Kind: ExternalID, Value: document.Text("externalId"), Reason: TakenRehire, HolderID: before.ID,
			}
		}
		plan.warning = WarnRehire
		plan.note = strings.TrimSpace(noteRehire(by.Settings, before) + " " + plan.note)
		plan.ends = by.Settings.Rehire != tenant.RehireKeep
	}
	return plan, nil
}

func updateAction(before, after *User) Action {
	switch {
	case before.Active && !after.Active:
		return Deactivated
	case !before.Active && after.Active:
		return Reactivated
	case !before.Linked && after.Linked:
		return Linked
	}
	return Updated
}

// loseOrRefuse checks the holders of values that a change wants: a live holder
// keeps them, and the change is refused; a deleted one loses them.
func (d *Directory) loseOrRefuse(ctx context.Context, t tenant.ID, after *User, wanted scim.Resource,
	holders map[Kind]string,
) ([]Loss, error) {
	records, err := d.store.Records(ctx, t, distinct(holders))
	if err != nil {
		return nil, err
	}
	seeks := seek(wanted)
	held := seeks.stillHeld(holders, records)
	var deleted []*User
	for _, id := range distinct(held) {
		switch u := records[id]; {
		case id == after.ID:
		case u.Live():
			reason := TakenInactive
			if u.Active {
				reason = TakenActive
			}
			return nil, taken(wanted, held, u, reason)
		default:
			deleted = append(deleted, u)
		}
	}
	return seeks.losses(after, held, deleted), nil
}

// refuseVersion returns the error for a request whose If-Match does not hold. A
// taken value or a missing seat is reported first: fixing the version alone
// would not help.
func (d *Directory) refuseVersion(ctx context.Context, t tenant.ID, before, after *User, wanted scim.Resource) error {
	holders, err := d.holders(ctx, t, added(before.Held, after.Held), after.Former)
	if err != nil {
		return err
	}
	if _, err := d.loseOrRefuse(ctx, t, after, wanted, holders); err != nil {
		return err
	}
	if seats, readers := holdingDelta(before, after); seats > 0 || readers > 0 {
		l, err := d.store.Ledger(ctx, t)
		if err != nil {
			return err
		}
		if seats > 0 && l.Seats >= l.SeatLimit || readers > 0 && l.Readers >= l.ReaderLimit {
			return full(&l, seats)
		}
	}
	return ErrVersion
}

// Delete handles a DELETE: the record is kept and hidden, its seat is freed,
// its memberships end, and its names stay reserved until another record wants
// them. A tenant may choose that it stays readable as inactive. RFC 7644 §3.6
//
// The memberships end in the same transaction or, if they do not fit, by a
// task: readers see none of them from the first transaction on.
func (d *Directory) Delete(ctx context.Context, t tenant.ID, by Caller, id string, match Precondition) (result Result, err error) {
	var last *User
	defer func() {
		if err != nil {
			result = Result{User: last}
		}
	}()
	gone := map[string]bool{}
	for range maxDecisions {
		before, err := d.store.User(ctx, t, id)
		if err != nil {
			return Result{}, err
		}
		if before == nil {
			return Result{}, ErrNotFound
		}
		last = before
		if before.Leaving {
			if _, err := d.store.Finish(ctx, t, leavingTask(id)); err != nil {
				return Result{}, err
			}
			continue
		}
		if before.Protected {
			return Result{}, &ProtectedError{ID: id, Refused: RefusedDeletion}
		}
		if !match.Allows(before.Version) {
			return Result{}, ErrVersion
		}
		// After the read of the user, never beside it: memberships that had
		// begun by then are among these, and one that begins later changes the
		// count that the commit requires. A user who was never in a group has
		// none to read.
		var mirrors []Mirror
		if before.Joins > 0 {
			if mirrors, err = d.store.Mirrors(ctx, t, id, MaxJoined+1); err != nil {
				return Result{}, err
			}
		}
		old, err := before.Resource()
		if err != nil {
			return Result{}, err
		}
		after := *before
		after.Version, after.Modified, after.Active = before.Version+1, by.Time, false
		after.Linked = true
		after.Deleted = by.Settings.DeletedUsers != tenant.DeletedReadable
		if after.OffBy == "" {
			after.OffBy = ByIdP
		}
		if !before.Active && !after.Deleted && len(mirrors) == 0 {
			return Result{User: before, Action: Unchanged}, nil
		}
		after.Leaving = len(mirrors) > MaxJoined
		record, document := d.record(by, old, after)
		change, result := d.change(by, "delete", Deleted, before, record, [2]scim.Resource{old, document}, nil, "", "")
		change.Ends, change.Leave, change.Later, change.Gone = true, mirrors, after.Leaving, gone
		err = d.store.Commit(ctx, t, change)
		failed, again := retryable(err)
		if again {
			noteGone(gone, failed)
			continue
		}
		if err == nil && change.Later {
			// Readers see none of them any more; what this request does not
			// finish, the next one or the sweep does.
			d.finishSoon(ctx, t, leavingTask(id))
		}
		return result, err
	}
	return Result{}, ErrBusy
}

func leavingTask(id string) Task { return Task{Kind: TaskUser, Resource: id} }
