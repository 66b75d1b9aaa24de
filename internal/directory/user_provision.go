package directory

import (
	"context"
	"errors"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Provision handles a POST: an unknown user is created; an inactive or deleted
// user that holds the sent userName, unique email or externalId is reactivated
// in place, with the sent attributes; an active one is a *TakenError. A User
// needs a free seat (*FullError).
//
// The first transaction assumes that the user is unknown: its failed conditions
// name the holders, and only then is anything read. Two requests for one user
// race on its reservations, and exactly one creates it. A value that this process
// saw in use a short time ago is read first (hints).
//
// sent is decoded and checked; it is not changed.
func (d *Directory) Provision(ctx context.Context, t tenant.ID, by Caller, sent scim.Resource) (Result, error) {
	w := d.newUserWork(t, by, journal.Create)
	w.asked = d.asked(sent)
	claims := ClaimsOf(sent)
	w.hint(claims)
	result, err := w.run(ctx, func(ctx context.Context) (decision, error) { return w.provision(ctx, sent) })
	var taken *TakenError
	switch {
	case errors.As(err, &taken):
		d.hints.noteAll(t, claims, w.holders)
	case err == nil && result.Action == journal.Created:
		d.hints.noteAll(t, claims, nil)
	}
	return result, err
}

// provision reads the holders of the sent values, and decides.
func (w *userWork) provision(ctx context.Context, sent scim.Resource) (decision, error) {
	wanted := seek(sent)
	if err := w.findHolders(ctx, wanted); err != nil {
		return decision{}, err
	}
	records, memberships, err := w.records(ctx, distinct(w.holders))
	if err != nil {
		return decision{}, err
	}
	if err := w.finishLeaving(ctx, records); err != nil {
		return decision{}, err
	}
	if w.hinted {
		w.learnHeld(wanted.claims, records)
	}
	made, err := w.decideProvision(sent, wanted.stillHeld(w.holders, records), records)
	if !w.proves(err) {
		w.hinted, w.stale = false, true
		return decision{}, ErrStale
	}
	if err == nil {
		err = w.refuseFull(ctx, made)
	}
	if err != nil {
		return decision{}, err
	}
	switch user := made.result.User; {
	case made.ends:
		err = w.leaveGroups(ctx, &made)
	case made.result.Action != journal.Restored && !user.Leaving:
		made.shown = memberships[user.ID]
	}
	return made, err
}

// finishLeaving ends the remaining memberships of deleted users that may be
// restored: they are restored without them. ErrStale: some were ended.
func (w *userWork) finishLeaving(ctx context.Context, records map[string]*User) (err error) {
	for id, u := range records {
		if !u.Leaving || !u.Deleted {
			continue
		}
		if _, err := w.d.store.Finish(ctx, w.tenant, leavingTask(id)); err != nil {
			return err
		}
		err = ErrStale
	}
	return err
}

// records reads records, and their memberships if the answer shows the user's
// groups.
func (w *userWork) records(ctx context.Context, ids []string) (map[string]*User, map[string][]UserMembership, error) {
	if w.by.ShowGroups {
		return readBoth(ctx, w.d.store,
			func(ctx context.Context) (map[string]*User, error) { return w.d.store.Records(ctx, w.tenant, ids) },
			func(ctx context.Context) (map[string][]UserMembership, error) {
				return w.d.store.MembershipsOfUsers(ctx, w.tenant, ids, MaxGroupsRead+1)
			})
	}
	records, err := w.d.store.Records(ctx, w.tenant, ids)
	return records, nil, err
}

// decideProvision applies the rules for a POST, given the records that hold the
// sent values; records has the record of each holder.
func (w *userWork) decideProvision(sent scim.Resource, holders map[Kind]string,
	records map[string]*User,
) (decision, error) {
	var readable, deleted []*User
	for _, id := range distinct(holders) {
		if u := records[id]; u.Deleted {
			deleted = append(deleted, u)
		} else {
			readable = append(readable, u)
		}
	}
	active := true
	if sentActive, ok := sent["active"].(bool); ok {
		active = sentActive
	}
	if len(readable) == 1 && !readable[0].Linked {
		return w.decideLink(sent, active, holders, readable[0], deleted)
	}
	for _, u := range readable {
		if u.Active {
			return decision{}, taken(sent, holders, u, TakenActive)
		}
	}
	switch {
	case len(readable) > 1:
		return decision{}, taken(sent, holders, readable[0], TakenSeveral)
	case len(readable) == 1:
		u := readable[0]
		if u.DeactivatedBy == journal.ByApplication {
			return decision{}, taken(sent, holders, u, TakenByApp)
		}
		if !active {
			return decision{}, taken(sent, holders, u, TakenInactive)
		}
		return w.reactivate(sent, active, journal.Reactivated, holders, u, deleted)
	case len(deleted) > 0:
		// The identity provider's own id identifies a person best, then the
		// name.
		u := records[first(holders)]
		if u.DeactivatedBy == journal.ByApplication {
			return decision{}, taken(sent, holders, u, TakenByApp)
		}
		return w.reactivate(sent, active, journal.Restored, holders, u, deleted)
	}
	return w.create(sent, active), nil
}

func (w *userWork) create(sent scim.Resource, active bool) decision {
	kind, ok := w.d.accountType(sent)
	if !ok {
		kind = w.by.Settings.DefaultAccountType
	}
	after := User{
		ID: w.d.newID(w.by.Time), Version: 1, Created: w.by.Time, Modified: w.by.Time,
		Active: active, Type: kind, Origin: OriginSCIM, Linked: true,
	}
	if !active {
		after.DeactivatedBy = journal.ByIdP
	}
	record, document := w.d.record(w.by, sent, after)
	return w.change(journal.Created, nil, record, [2]scim.Resource{nil, document}, nil)
}

// reactivate makes a record active or live again: its id, origin and creation
// stay, its document becomes what was sent. Other deleted holders lose the sent
// values to it.
func (w *userWork) reactivate(sent scim.Resource, active bool, action journal.Action,
	holders map[Kind]string, u *User, deleted []*User,
) (decision, error) {
	before, err := u.Resource()
	if err != nil {
		return decision{}, err
	}
	var warning cause.Cause
	var note string
	ends := false
	if otherPerson(before, sent) {
		if w.by.Settings.Rehire == tenant.RehireRefuse {
			refusal := taken(sent, holders, u, TakenRehire)
			refusal.NoExternalID = sent.Text("externalId") == ""
			return decision{}, refusal
		}
		warning, note = cause.ExternalIDChanged, noteRehire(w.by.Settings, u)
		ends = w.by.Settings.Rehire != tenant.RehireKeep && !u.Deleted
	}
	wanted, err := resource.Renew(w.d.usersOf(w.by), before, sent)
	if err != nil {
		return decision{}, err
	}
	kind, ok := w.d.accountType(sent)
	if !ok {
		kind = u.Type
	}
	after := *u
	after.Version, after.Modified = u.Version+1, w.by.Time
	after.Active, after.Type, after.Deleted, after.Linked = active, kind, false, true
	after.DeactivatedBy = ""
	if !active {
		after.DeactivatedBy = journal.ByIdP
	}
	if u.Deleted {
		after.Held, after.Doc = nil, nil // to claim all values again
	}
	record, document := w.d.record(w.by, wanted, after)
	if err := refuseProtected(u, record, before, document); err != nil {
		return decision{}, err
	}
	made := w.change(action, u, record, [2]scim.Resource{before, document}, seek(sent).transfers(record, holders, deleted))
	made.ends = ends
	made.warn(warning, remedyOfRehire(sent), note)
	return made, nil
}

// decideLink applies the rules for a POST that meets an unlinked user: only a
// User is linked, and only if the request says isTeamAccount=true. Linking changes neither activity nor type, and never the
// identity: the userName and the unique email must be the record's, or missing
// from the record.
func (w *userWork) decideLink(sent scim.Resource, active bool, holders map[Kind]string,
	u *User, deleted []*User,
) (decision, error) {
	kind, _ := w.d.accountType(sent)
	if !active {
		return decision{}, taken(sent, holders, u, takenFrom(u))
	}
	if u.Type != tenant.User || kind != tenant.User {
		refusal := taken(sent, holders, u, TakenUnlinked)
		refusal.Conversion = u.Type == tenant.User && kind == tenant.Reader
		refusal.Reader = u.Type == tenant.Reader
		return decision{}, refusal
	}
	before, err := u.Resource()
	if err != nil {
		return decision{}, err
	}
	wanted, err := resource.Renew(w.d.usersOf(w.by), before, keepEmails(before, sent))
	if err != nil {
		return decision{}, err
	}
	after := *u
	after.Version, after.Modified, after.Linked = u.Version+1, w.by.Time, true
	record, document := w.d.record(w.by, wanted, after)
	if err := refuseProtected(u, record, before, document); err != nil {
		return decision{}, err
	}
	if d, ok := disagreement(before, sent); ok {
		return decision{}, &TakenError{
			Kind: d.kind, Value: d.after, Recorded: d.before, Reason: TakenDiffers, HolderID: u.ID,
		}
	}
	return w.change(journal.Linked, u, record, [2]scim.Resource{before, document}, seek(sent).transfers(record, holders, deleted)), nil
}

// taken returns the error that names the first kind of value that the record
// holds.
func taken(sent scim.Resource, holders map[Kind]string, u *User, reason TakenReason) *TakenError {
	e := &TakenError{Reason: reason, HolderID: u.ID}
	for _, held := range withFormer(Kinds[:]) {
		if holders[held] == u.ID {
			kind := held.Today()
			e.Kind, e.Value = kind, shown(sent, kind)
			e.HeldAs, _, _ = seek(sent).heldBy(u, kind)
			break
		}
	}
	return e
}

// takenFrom returns why a value of a live user is refused.
func takenFrom(u *User) TakenReason {
	if u.Active {
		return TakenActive
	}
	return TakenInactive
}

// shown returns the value of a claim as it was sent.
func shown(r scim.Resource, kind Kind) string {
	switch kind {
	case Email:
		return UniqueEmail(r)
	case ExternalID:
		return r.Text("externalId")
	default:
		return r.Text("userName")
	}
}

// first picks among deleted holders: by externalId, else userName, else an
// address.
func first(holders map[Kind]string) string {
	for _, kind := range withFormer([]Kind{ExternalID, UserName, Email, Address}) {
		if id, ok := holders[kind]; ok {
			return id
		}
	}
	return ""
}

// distinct lists the holders once each, in the order of Kinds, those of an
// earlier form last.
func distinct(holders map[Kind]string) []string {
	var ids []string
	for _, kind := range withFormer(Kinds[:]) {
		if id, ok := holders[kind]; ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}
