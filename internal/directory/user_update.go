package directory

import (
	"context"
	"fmt"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Replace handles a PUT: the record becomes what was sent; active and
// isTeamAccount are kept when omitted. RFC 7644 §3.5.1
func (d *Directory) Replace(ctx context.Context, t tenant.ID, by Caller, id string, match Versions,
	sent scim.Resource,
) (Result, error) {
	return d.update(ctx, t, by, journal.Replace, id, match, func(before scim.Resource) (scim.Resource, []scim.Notice, journal.Asked, error) {
		after, err := resource.Replace(d.usersOf(by), before, sent)
		return after, nil, d.asked(sent), err
	})
}

// Modify handles a PATCH: all operations of the patch are applied, or none. RFC
// 7644 §3.5.2
func (d *Directory) Modify(ctx context.Context, t tenant.ID, by Caller, id string, match Versions,
	patch *resource.Patch,
) (Result, error) {
	return d.update(ctx, t, by, journal.Modify, id, match, func(before scim.Resource) (scim.Resource, []scim.Notice, journal.Asked, error) {
		after, notices, err := patch.Apply(d.usersOf(by), before)
		if err == nil {
			err = CheckNotices(by.Settings, notices)
		}
		if err != nil {
			return nil, notices, nil, err
		}
		return after, notices, d.askedChange(before, after, patch.Specified(d.usersOf(by))), nil
	})
}

// update works out a change of a live user. A request that loses the race reads
// and decides again, so that concurrent changes of different attributes all
// take effect. A change of nothing is not written.
func (d *Directory) update(ctx context.Context, t tenant.ID, by Caller, operation journal.Operation, id string, match Versions,
	apply func(before scim.Resource) (scim.Resource, []scim.Notice, journal.Asked, error),
) (Result, error) {
	w := d.newUserWork(t, by, operation)
	return w.run(ctx, func(ctx context.Context) (decision, error) {
		_, old, err := w.live(ctx, id)
		if err != nil {
			return decision{}, err
		}
		wanted, notices, asked, err := apply(old)
		if err != nil {
			return decision{}, err
		}
		w.asked = asked
		made, err := w.decideUpdate(ctx, match, old, wanted)
		if err != nil {
			return decision{}, err
		}
		made.result.Notices = notices
		made.change.Entry.Tolerate(notices)
		return made, nil
	})
}

// read reads a live user, and its memberships if the answer shows its groups.
func (d *Directory) read(ctx context.Context, t tenant.ID, by Caller, id string) (*User, []UserMembership, error) {
	if !by.ShowGroups {
		u, err := d.store.User(ctx, t, id)
		return u, nil, err
	}
	u, memberships, err := d.userAndMemberships(ctx, t, id)
	if u == nil || u.Leaving {
		memberships = nil
	}
	return u, memberships, err
}

// shownGroups returns the groups of a changed user, as they were read beside
// the change. A group whose members are being changed by parts is finished
// first; if that fails, the change of the user stands.
func (d *Directory) shownGroups(ctx context.Context, t tenant.ID, id string, groups []*Group, memberships []UserMembership) ([]*Group, error) {
	if len(memberships) > MaxGroupsRead {
		return nil, &TooManyError{Sought: "groups", Limit: MaxGroupsRead}
	}
	if !unsettled(groups, memberships) {
		return current(groups, memberships), nil
	}
	groups, err := d.GroupsOf(ctx, t, id)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnresolved, err)
	}
	return groups, err
}

// decideUpdate applies the rules for a PUT or PATCH to its result.
func (w *userWork) decideUpdate(ctx context.Context, match Versions, old, wanted scim.Resource) (decision, error) {
	before := w.user
	after, document, err := w.updated(old, wanted)
	if err != nil {
		return decision{}, err
	}
	warning, note := linkWarning(before, old, document)
	remedy := cause.Remedy("")
	ends := false
	if !before.Active && after.Active && otherPerson(old, document) {
		if w.by.Settings.Rehire == tenant.RehireRefuse {
			return decision{}, &TakenError{
				Kind: ExternalID, Value: document.Text("externalId"), Reason: TakenRehire, HolderID: before.ID,
				NoExternalID: document.Text("externalId") == "",
			}
		}
		remedy = remedyOfRehire(document)
		warning, note = cause.ExternalIDChanged, strings.TrimSpace(noteRehire(w.by.Settings, before)+" "+note)
		ends = w.by.Settings.Rehire != tenant.RehireKeep
	}
	if !match.Allow(before.Version) {
		return decision{}, w.refuseVersion(ctx, after, wanted)
	}
	made := decision{result: Result{User: before, Action: journal.Unchanged}}
	if len(resource.Changed(w.d.usersOf(w.by), old, document)) == 0 && after.Linked == before.Linked {
		made.result.Groups, err = w.d.currentGroups(ctx, w.tenant, before, w.memberships)
		return made, err
	}
	transfers, err := w.transferOrRefuse(ctx, after, wanted)
	if err != nil {
		return decision{}, err
	}
	made = w.change(updateAction(before, after), before, after, [2]scim.Resource{old, document}, transfers)
	made.warn(warning, remedy, note)
	if ends {
		err = w.leaveGroups(ctx, &made)
	} else {
		made.shown = w.memberships
	}
	return made, err
}

// updated returns the record and the document that a PUT or PATCH makes of the
// user's, or the refusal.
func (w *userWork) updated(old, wanted scim.Resource) (*User, scim.Resource, error) {
	before := w.user
	after := *before
	after.Version, after.Modified, after.Linked = before.Version+1, w.by.Time, true
	if active, ok := wanted["active"].(bool); ok {
		after.Active = active
	}
	if kind, ok := w.d.accountType(wanted); ok {
		after.Type = kind
	}
	if !before.Linked && before.Type == tenant.User && after.Type == tenant.Reader {
		return nil, nil, &ConvertError{ID: before.ID}
	}
	switch {
	case after.Active && !before.Active:
		if before.DeactivatedBy == journal.ByApplication {
			return nil, nil, ErrDeactivatedInApp
		}
		after.DeactivatedBy = ""
	case !after.Active && before.Active:
		after.DeactivatedBy = journal.ByIdP
	}
	record, document := w.d.record(w.by, wanted, after)
	return record, document, refuseProtected(before, record, old, document)
}

func updateAction(before, after *User) journal.Action {
	switch {
	case before.Active && !after.Active:
		return journal.Deactivated
	case !before.Active && after.Active:
		return journal.Reactivated
	case !before.Linked && after.Linked:
		return journal.Linked
	}
	return journal.Updated
}

// refuseVersion returns the error for a request that may not change this
// version of the user. A taken value or a missing seat is reported first:
// fixing the version alone would not help.
func (w *userWork) refuseVersion(ctx context.Context, after *User, wanted scim.Resource) (err error) {
	before := w.user
	if w.holders, err = w.d.holders(ctx, w.tenant, added(before.Held, after.Held), after.Former); err != nil {
		return err
	}
	if _, err := w.transferOrRefuse(ctx, after, wanted); err != nil {
		return w.unlessChanged(ctx, err)
	}
	if seats, readers := holdingDelta(before, after); seats > 0 || readers > 0 {
		l, err := w.d.store.Ledger(ctx, w.tenant)
		if err != nil {
			return err
		}
		if seats > 0 && l.Seats >= l.SeatLimit || readers > 0 && l.Readers >= l.ReaderLimit {
			if l.Approximate {
				return ErrStale
			}
			return w.unlessChanged(ctx, full(&l, seats, updateAction(before, after)))
		}
	}
	return ErrVersion
}

// unlessChanged returns a refusal that was decided on other records than the
// user, read after it: only if the user is still the one read, there was a moment
// at which both were true. Otherwise it is decided again: of a user deleted
// meanwhile the error is ErrNotFound.
func (w *userWork) unlessChanged(ctx context.Context, refusal error) error {
	now, err := w.d.store.User(ctx, w.tenant, w.user.ID)
	if err == nil && now != nil && now.Version == w.user.Version {
		return refusal
	}
	w.stale = true
	return errorOr(err, ErrStale)
}
