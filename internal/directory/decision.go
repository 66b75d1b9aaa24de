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

// maxDecisions is how many times one request decides when other requests keep
// changing what it has read. At each conflict another request has made
// progress, so up to five concurrent requests on one record all succeed; beyond
// that a request is answered ErrBusy, and the client is asked to retry.
const maxDecisions = 5

// untilCommitted calls attempt until its outcome is final, at most maxDecisions
// times. An attempt reads a record, decides and commits; ErrStale says that
// another request changed what it had read. All other results are returned as
// they are. try counts the attempts from 0.
func untilCommitted[R any](attempt func(try int) (R, error)) (R, error) {
	for try := range maxDecisions {
		result, err := attempt(try)
		if !errors.Is(err, ErrStale) {
			return result, err
		}
	}
	var none R
	return none, ErrBusy
}

// retryable returns the *CommitError in an error of Commit, and reports whether
// there is one: the change is then decided again.
func retryable(err error) (*CommitError, bool) {
	var failed *CommitError
	ok := errors.As(err, &failed)
	return failed, ok
}

// userWork is one request that changes a user, in progress: what it has read,
// and what the conditions that failed have shown.
type userWork struct {
	d         *Directory
	tenant    tenant.ID
	by        Caller
	operation journal.Operation
	// user is the record as it was last read, for the decision and for the log
	// of a request that fails. memberships are its memberships, read only if the
	// answer shows its groups.
	user        *User
	memberships []UserMembership
	// holders are the holders of sought values, as far as they are known.
	holders map[Kind]string
	// gone are groups that no longer exist: memberships in them end without
	// updating the group.
	gone map[string]bool
	// stale reports that user and holders must be read again.
	stale bool
	// hinted reports that holders are hints.
	hinted bool
	// full is the ledger that refused an earlier request, nil if none did or the
	// request has looked at it.
	full *Ledger
	// asked are the values of the request on which the rules depend, for the failing
	// subject of a request that fails; nil if they are not known.
	asked journal.Asked
}

func (d *Directory) newUserWork(t tenant.ID, by Caller, operation journal.Operation) *userWork {
	return &userWork{d: d, tenant: t, by: by, operation: operation, holders: map[Kind]string{}, gone: map[string]bool{}}
}

// decision is a change to commit, and the result that reports it. There is
// nothing to commit if the result's action is Unchanged.
type decision struct {
	change Change
	result Result
	// ends reports that the user's memberships end with the change.
	ends bool
	// shown are the memberships of the groups that the answer shows.
	shown []UserMembership
}

// run decides and commits until the change is committed or refused, or changes
// nothing. With an error the result has the user as last read, if there is one:
// the log names it. It also has the values that the request asked for.
func (w *userWork) run(ctx context.Context, decide func(ctx context.Context) (decision, error)) (Result, error) {
	result, err := untilCommitted(func(int) (Result, error) {
		made, err := decide(ctx)
		if err != nil || made.result.Action == journal.Unchanged {
			return made.result, err
		}
		return w.commit(ctx, made)
	})
	if err != nil {
		return Result{User: w.user, Asked: w.asked}, err
	}
	return result, nil
}

// commit commits a decision, and reads the groups that the answer shows in the
// same round trip.
func (w *userWork) commit(ctx context.Context, made decision) (Result, error) {
	var groups []*Group
	var err error
	if made.change.After == nil {
		err = w.d.store.Purge(ctx, w.tenant, made.change)
	} else {
		groups, err = w.d.commitAndGroups(ctx, w.tenant, made.change, groupsIn(made.shown))
	}
	if failed, ok := retryable(err); ok {
		return Result{}, w.learn(failed, made.result)
	}
	if err != nil {
		return Result{}, err
	}
	if made.change.Later {
		// Nobody sees these memberships any more; what this request does not
		// finish, the next one or the sweep does.
		w.d.finishSoon(ctx, w.tenant, leavingTask(made.change.Before.ID))
	}
	made.result.Groups, err = w.d.shownGroups(ctx, w.tenant, made.result.User.ID, groups, made.shown)
	return made.result, err
}

// learn keeps what failed conditions have shown for the next attempt: ErrStale.
// A lack of seats is final if nothing else failed.
func (w *userWork) learn(failed *CommitError, wanted Result) error {
	stale, known := failed.Stale(), false
	if stale {
		clear(w.gone) // a group that was to be created may be there now
	}
	for _, f := range failed.Failed {
		switch f.Found {
		case GroupGone:
			w.gone[f.ID], known = true, true
		case ClaimHeld:
			w.holders[f.Claim], known = f.ID, true
		}
	}
	for _, f := range failed.Failed {
		if f.Found == LedgerFull && !stale && !known {
			w.d.hints.noteFull(w.tenant, *f.Ledger, w.by.Time)
			return full(f.Ledger, wanted.Seats, wanted.Action)
		}
	}
	w.stale = stale || !known
	return ErrStale
}

// live returns the live user that the request changes, and its resource. It is
// read again only if it may have changed since: before the holders are judged,
// so that the error for a user deleted meanwhile is ErrNotFound, not a taken
// value.
func (w *userWork) live(ctx context.Context, id string) (*User, scim.Resource, error) {
	if w.user == nil || w.stale || w.user.Leaving {
		u, memberships, err := w.d.read(ctx, w.tenant, w.by, id)
		if err != nil {
			return nil, nil, err
		}
		if u == nil { // the log names the user as it was read before
			return nil, nil, ErrNotFound
		}
		w.user, w.memberships, w.stale = u, memberships, false
	}
	r, err := w.user.Resource()
	return w.user, r, err
}

// findHolders reads the holders of all sought values if a conflict may have
// hidden some: an unknown holder may be the user of the request.
func (w *userWork) findHolders(ctx context.Context, wanted sought) (err error) {
	if w.stale {
		w.stale = false
		w.holders, err = w.d.holders(ctx, w.tenant, wanted.claims, wanted.former)
	}
	return err
}

// endMemberships makes a change end the user's memberships: in its transaction
// or, if they are more than most, by a task. Readers see none of them from the
// change on. ErrStale: memberships of an earlier change had to be ended first.
func (w *userWork) endMemberships(ctx context.Context, c *Change, most int) error {
	u := c.Before
	if u.Leaving {
		_, err := w.d.store.Finish(ctx, w.tenant, leavingTask(u.ID))
		return errorOr(err, ErrStale)
	}
	// After the read of the user, never beside it: memberships that had begun
	// by then are among these, and one that begins later changes the count that
	// the commit requires. A user who was never in a group has none to read.
	var memberships []UserMembership
	if u.Joins > 0 && !u.Deleted {
		var err error
		if memberships, err = w.d.store.MembershipsOf(ctx, w.tenant, u.ID, most+1); err != nil {
			return err
		}
	}
	c.Ends, c.Leave, c.Later, c.Gone = true, memberships, len(memberships) > most, w.gone
	if c.After != nil {
		c.After.Leaving = c.Later
		c.After.owe(groupsIn(memberships), c.Later)
	}
	return nil
}

// change assembles what is committed, and the result that reports it.
func (w *userWork) change(action journal.Action, before, after *User, resources [2]scim.Resource, transfers []Transfer) decision {
	var changed []string
	switch action {
	case journal.Created:
		changed = resource.Changed(w.d.usersOf(w.by), nil, resources[1])
	case journal.Deleted, journal.Purged:
	default:
		changed = resource.Changed(w.d.usersOf(w.by), resources[0], resources[1])
	}
	subject, document, version := after, resources[1], int64(1)
	if before != nil {
		version = before.Version + 1
	}
	if after == nil {
		subject, document = before, resources[0]
	}
	e := w.by.entry(w.operation, action)
	e.ResourceType, e.ResourceID, e.Version = w.d.users.Name, subject.ID, version
	e.Subject, e.ExternalID = document.Text("userName"), document.Text("externalId")
	e.Changed, e.Lost = changed, losses(transfers)
	e.Seats, e.Readers = holdingDelta(before, after)
	return decision{
		change: Change{
			Before: before, After: after, Transfers: transfers,
			OtherBefore: indexed(resources[0], resources[1]), OtherAfter: OtherEmails(resources[1]),
			Entry:    e,
			Expires:  w.by.Time.Add(w.by.Settings.LogRetention()),
			NotAfter: w.by.Time.Add(journal.WriteTime),
		},
		result: Result{User: subject, Action: action, Changed: changed, Seats: e.Seats, Readers: e.Readers},
	}
}

// losses returns the deleted users that lose a value to a change.
func losses(transfers []Transfer) []journal.Loss {
	var lost []journal.Loss
	for _, moved := range transfers {
		loss := journal.Loss{ID: moved.From.ID, Version: moved.From.Version + 1}
		if !slices.Contains(lost, loss) {
			lost = append(lost, loss)
		}
	}
	return lost
}

// warn sets the warning of a decision; detail explains it, and remedy names the advice
// if it is not the warning's own.
func (m *decision) warn(warning cause.Cause, remedy cause.Remedy, detail string) {
	if warning != "" {
		m.result.Warning, m.result.Detail = warning, detail
		m.change.Entry.Warn(warning)
		m.change.Entry.Remedy, m.change.Entry.Detail = remedy, detail
	}
}
