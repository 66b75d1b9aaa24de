package directory

import (
	"context"
	"maps"
	"slices"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Provision handles a POST: an unknown user is created; an inactive or deleted
// user that holds the sent userName, unique email or externalId is reactivated
// in place, with the sent attributes; an active one is a *TakenError. A User
// needs a free seat (*FullError).
//
// The first transaction assumes that the user is unknown: its failed conditions
// name the holders, and only then is anything read. Two requests for one user
// race on its reservations, and exactly one creates it.
//
// sent is decoded and checked; it is not changed.
func (d *Directory) Provision(ctx context.Context, t tenant.ID, by Caller, sent scim.Resource) (Result, error) {
	wanted := seek(sent)
	holders := map[Kind]string{}
	gone := map[string]bool{}
	for range maxDecisions {
		records, mirrors, err := d.records(ctx, t, by, distinct(holders))
		if err != nil {
			return Result{}, err
		}
		if left, err := d.finishLeaving(ctx, t, records); err != nil || left {
			if err != nil {
				return Result{}, err
			}
			continue
		}
		plan, err := d.decideProvision(by, sent, wanted.stillHeld(holders, records), records)
		if err != nil {
			return Result{}, err
		}
		if plan.ends {
			again, err := d.endMemberships(ctx, t, &plan.change, &plan.result, gone)
			if err != nil {
				return Result{}, err
			}
			if again {
				continue
			}
		}
		var kept []Mirror
		if plan.result.Action != Restored && !plan.ends && !plan.result.User.Leaving {
			kept = mirrors[plan.result.User.ID]
		}
		groups, err := d.commitAndGroups(ctx, t, plan.change, groupsIn(kept))
		failed, again := retryable(err)
		switch {
		case err == nil:
			d.finishEnded(ctx, t, plan.change)
			plan.result.Groups, err = d.shownGroups(ctx, t, plan.result.User.ID, groups, kept)
			return plan.result, err
		case !again:
			return Result{}, err
		case len(failed.Gone) > 0:
			noteGone(gone, failed)
		case len(failed.Holders) > 0 && !failed.Stale:
			maps.Copy(holders, failed.Holders)
		case failed.Full != nil && !failed.Stale:
			return Result{}, full(failed.Full, plan.result.Seats)
		default:
			// A holder changed since it was read, or not all conditions were
			// checked: read the holders of all values again, because one that
			// is not known yet may be the user that the request means.
			if holders, err = d.holders(ctx, t, wanted.claims, wanted.former); err != nil {
				return Result{}, err
			}
		}
	}
	return Result{}, ErrBusy
}

// finishLeaving ends the remaining memberships of deleted users that may be
// restored: they are restored without them.
func (d *Directory) finishLeaving(ctx context.Context, t tenant.ID, records map[string]*User) (left bool, err error) {
	for id, u := range records {
		if !u.Leaving || !u.Deleted {
			continue
		}
		left = true
		if _, err := d.store.Finish(ctx, t, leavingTask(id)); err != nil {
			return left, err
		}
	}
	return left, nil
}

// records reads records, and their memberships if the answer shows the user's
// groups.
func (d *Directory) records(ctx context.Context, t tenant.ID, by Caller, ids []string) (
	map[string]*User, map[string][]Mirror, error,
) {
	if by.ShowGroups && len(ids) > 0 {
		return readBoth(ctx, d.store,
			func(ctx context.Context) (map[string]*User, error) { return d.store.Records(ctx, t, ids) },
			func(ctx context.Context) (map[string][]Mirror, error) {
				return d.store.MirrorsOf(ctx, t, ids, MaxGroupsRead+1)
			})
	}
	records, err := d.store.Records(ctx, t, ids)
	return records, nil, err
}

type provisioning struct {
	change Change
	result Result
	// ends reports that the user's memberships end with the change.
	ends bool
}

// decideProvision applies the rules for a POST, given the records that hold the
// sent values; records has the record of each holder.
func (d *Directory) decideProvision(by Caller, sent scim.Resource, holders map[Kind]string,
	records map[string]*User,
) (provisioning, error) {
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
		return d.decideLink(by, sent, active, holders, readable[0], deleted)
	}
	for _, u := range readable {
		if u.Active {
			return provisioning{}, taken(sent, holders, u, TakenActive)
		}
	}
	switch {
	case len(readable) > 1:
		return provisioning{}, taken(sent, holders, readable[0], TakenSeveral)
	case len(readable) == 1:
		u := readable[0]
		if u.OffBy == ByApplication {
			return provisioning{}, taken(sent, holders, u, TakenByApp)
		}
		if !active {
			return provisioning{}, taken(sent, holders, u, TakenInactive)
		}
		return d.reactivate(by, sent, active, Reactivated, holders, u, deleted)
	case len(deleted) > 0:
		// The identity provider's own id identifies a person best, then the
		// name.
		u := records[first(holders)]
		if u.OffBy == ByApplication {
			return provisioning{}, taken(sent, holders, u, TakenByApp)
		}
		return d.reactivate(by, sent, active, Restored, holders, u, deleted)
	}
	return d.create(by, sent, active), nil
}

func (d *Directory) create(by Caller, sent scim.Resource, active bool) provisioning {
	kind, ok := d.accountType(sent)
	if !ok {
		kind = by.Settings.DefaultAccountType
	}
	after := User{
		ID: d.newID(by.Time), Version: 1, Created: by.Time, Modified: by.Time,
		Active: active, Type: kind, Origin: OriginSCIM, Linked: true,
	}
	if !active {
		after.OffBy = ByIdP
	}
	record, document := d.record(by, sent, after)
	change, result := d.change(by, "create", Created, nil, record, [2]scim.Resource{nil, document}, nil, "", "")
	return provisioning{change: change, result: result}
}

// reactivate makes a record active or live again: its id, origin and creation
// stay, its document becomes what was sent. Other deleted holders lose the sent
// values to it.
func (d *Directory) reactivate(by Caller, sent scim.Resource, active bool, action Action,
	holders map[Kind]string, u *User, deleted []*User,
) (provisioning, error) {
	before, err := u.Resource()
	if err != nil {
		return provisioning{}, err
	}
	var warning, note string
	ends := false
	if otherPerson(before, sent) {
		if by.Settings.Rehire == tenant.RehireRefuse {
			return provisioning{}, taken(sent, holders, u, TakenRehire)
		}
		warning, note = WarnRehire, noteRehire(by.Settings, u)
		ends = by.Settings.Rehire != tenant.RehireKeep && !u.Deleted
	}
	wanted, err := scim.Renew(d.usersOf(by), before, sent)
	if err != nil {
		return provisioning{}, err
	}
	kind, ok := d.accountType(sent)
	if !ok {
		kind = u.Type
	}
	after := *u
	after.Version, after.Modified = u.Version+1, by.Time
	after.Active, after.Type, after.Deleted, after.Linked = active, kind, false, true
	after.OffBy = ""
	if !active {
		after.OffBy = ByIdP
	}
	if u.Deleted {
		after.Held, after.Doc = nil, nil // to claim all values again
	}
	record, document := d.record(by, wanted, after)
	if err := refuseProtected(u, record, before, document); err != nil {
		return provisioning{}, err
	}
	change, result := d.change(by, "create", action, u, record, [2]scim.Resource{before, document},
		seek(sent).losses(record, holders, deleted), warning, note)
	return provisioning{change: change, result: result, ends: ends}, nil
}

// decideLink applies the rules for a POST that meets one of the application's
// own users: only a User is linked, and only if the request says
// isTeamAccount=true. Linking changes neither activity nor type, and never the
// identity: the userName and the unique email must be the record's, or missing
// from the record.
func (d *Directory) decideLink(by Caller, sent scim.Resource, active bool, holders map[Kind]string,
	u *User, deleted []*User,
) (provisioning, error) {
	kind, _ := d.accountType(sent)
	if !active {
		reason := TakenInactive
		if u.Active {
			reason = TakenActive
		}
		return provisioning{}, taken(sent, holders, u, reason)
	}
	if u.Type != tenant.User || kind != tenant.User {
		refusal := taken(sent, holders, u, TakenOwn)
		refusal.Conversion = u.Type == tenant.User && kind == tenant.Reader
		refusal.Reader = u.Type == tenant.Reader
		return provisioning{}, refusal
	}
	before, err := u.Resource()
	if err != nil {
		return provisioning{}, err
	}
	wanted, err := scim.Renew(d.usersOf(by), before, keepEmails(before, sent))
	if err != nil {
		return provisioning{}, err
	}
	after := *u
	after.Version, after.Modified, after.Linked = u.Version+1, by.Time, true
	record, document := d.record(by, wanted, after)
	if err := refuseProtected(u, record, before, document); err != nil {
		return provisioning{}, err
	}
	if d, ok := disagreement(before, sent); ok {
		return provisioning{}, &TakenError{
			Kind: d.kind, Value: d.after, Recorded: d.before, Reason: TakenDiffers, HolderID: u.ID,
		}
	}
	change, result := d.change(by, "create", Linked, u, record, [2]scim.Resource{before, document},
		seek(sent).losses(record, holders, deleted), "", "")
	return provisioning{change: change, result: result}, nil
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
