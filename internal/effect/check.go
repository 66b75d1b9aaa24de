// Package effect says what a failed request would do if it were sent again now, and what a
// fix would bring: which failing users and groups succeed after it, and what then has to be
// sent again. Both are decided by the rules of package directory, on a rehearsal, from what
// is stored. It writes nothing.
package effect

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Forecaster checks failed requests again. It is safe for concurrent use.
type Forecaster struct {
	directory *directory.Directory
	refused   func(error) journal.Refused
	now       func() time.Time
}

// NewForecaster returns a Forecaster. refused returns how a request with an error of the
// directory is refused.
func NewForecaster(d *directory.Directory, refused func(error) journal.Refused, now func() time.Time) *Forecaster {
	return &Forecaster{directory: d, refused: refused, now: now}
}

// Result is what would happen to a request.
type Result string

// The results.
const (
	// Succeeds: the request would be accepted.
	Succeeds Result = "succeeds"
	// Fails: it would be refused.
	Fails Result = "fails"
	// NotKnown: it cannot be known.
	NotKnown Result = "unknown"
)

// Reason is why a result is not known, or is known in part.
type Reason string

// The reasons.
const (
	// ValuesNotKept: the values of the request were never stored.
	ValuesNotKept Reason = "values_not_kept"
	// MembersNotKept: some members of the request were not stored. Of a request that
	// succeeds it means that it does as far as is known.
	MembersNotKept Reason = "members_not_kept"
	// InProgress: an accepted change of the same user or group is not finished yet.
	InProgress Reason = "in_progress"
)

// A Verdict is what a failed request would do now.
type Verdict struct {
	Result Result
	Reason Reason
	// Action is what a request that succeeds would do, and Warning its warning, or "".
	Action  journal.Action
	Warning cause.Cause
	// Refused is the refusal of a request that fails.
	Refused journal.Refused
	// Holder is the record that has what the request wants, or nil.
	Holder *Record
	// ID is the id of the record that would be changed, "" for a new one.
	ID string
	// Seats and Readers are the licences that it would take.
	Seats, Readers int64

	err error
}

// Record is a user or a group that a failure is about.
type Record struct {
	Type, ID, Name string
	// State is active, inactive or deleted; "" for a group.
	State string
	// InApp reports that the application deactivated the user, Linked that an identity
	// provider manages it.
	InApp, Linked, Protected bool
}

// Check says what the last failed requests of subjects would do now, each by itself. It
// takes two round trips for each 25 of users, one more for each user whose memberships would
// end, and up to three more for a group.
func (f *Forecaster) Check(ctx context.Context, t tenant.Tenant, failing []journal.Failing) ([]Verdict, error) {
	base, err := f.prepare(ctx, t, failing)
	if err != nil {
		return nil, err
	}
	verdicts := make([]Verdict, len(failing))
	for i, one := range failing {
		if verdicts[i], err = f.send(ctx, base.Again(), t, one); err != nil {
			return nil, err
		}
	}
	return verdicts, nil
}

// prepare begins a rehearsal with what the requests need.
func (f *Forecaster) prepare(ctx context.Context, t tenant.Tenant, failing []journal.Failing) (*directory.Rehearsal, error) {
	base := f.directory.Rehearse(t.ID)
	asked := make([]directory.Asked, len(failing))
	for i, one := range failing {
		asked[i] = askedOf(one)
	}
	return base, base.Prepare(ctx, asked)
}

func askedOf(f journal.Failing) directory.Asked {
	a := directory.Asked{Operation: f.Operation, Group: f.Type == journal.TypeGroup, ID: f.ID, Values: f.Asked}
	if f.Operation == journal.Create {
		a.ID = "" // a failing subject has the id of the record that has its name
	}
	return a
}

// caller returns the identity provider, as it would send a request now.
func (f *Forecaster) caller(t tenant.Tenant, one journal.Failing) directory.Caller {
	return directory.Caller{Settings: t.Settings, Time: f.now(), IdP: one.IdP}
}

// send decides a request in a rehearsal.
func (f *Forecaster) send(ctx context.Context, r *directory.Rehearsal, t tenant.Tenant, one journal.Failing) (Verdict, error) {
	return f.sendAsked(ctx, r, t, one, askedOf(one))
}

func (f *Forecaster) sendAsked(ctx context.Context, r *directory.Rehearsal, t tenant.Tenant, one journal.Failing, a directory.Asked) (Verdict, error) {
	if !one.Asked.Known() && !missing(one.Cause) {
		return Verdict{Result: NotKnown, Reason: ValuesNotKept}, nil
	}
	said, err := r.Send(ctx, f.caller(t, one), a)
	switch {
	case errors.Is(err, directory.ErrInProgress):
		return Verdict{Result: NotKnown, Reason: InProgress}, nil
	case err == nil && !one.Asked.Known():
		// The record exists, and what was asked of it is not known.
		return Verdict{Result: NotKnown, Reason: ValuesNotKept}, nil
	case err == nil:
		return succeeds(one, said), nil
	}
	v := Verdict{Result: Fails, Refused: f.refused(err), err: err}
	switch v.Refused.Cause {
	case cause.Conflict, cause.StoreUnavailable, cause.OutcomeUnknown, cause.Internal:
		return Verdict{}, err // of the check itself
	}
	v.Holder, err = f.holder(ctx, r, v.Refused.Holder, one.Type)
	return v, err
}

// missing reports whether a request failed because its record does not exist: whether it
// still does not is known without the values of the request.
func missing(c cause.Cause) bool {
	return c == cause.UserNotFound || c == cause.GroupNotFound || c == cause.GroupDeleted
}

// succeeds returns the verdict of a request that succeeds.
func succeeds(one journal.Failing, said directory.Rehearsed) Verdict {
	v := Verdict{Result: Succeeds, Action: said.Action, Warning: said.Warning, Seats: said.Seats, Readers: said.Readers}
	if v.Action == journal.Unchanged { // other values may change
		v.Action = journal.Updated
	}
	if one.Asked[journal.AskedMembers] != "" {
		v.Reason = MembersNotKept
	}
	switch {
	case v.Action == journal.Created:
	case said.User != nil:
		v.ID = said.User.ID
	case said.Group != nil:
		v.ID = said.Group.ID
	}
	return v
}

// holder reads the record that has what a request wants.
func (f *Forecaster) holder(ctx context.Context, r *directory.Rehearsal, id, kind string) (*Record, error) {
	if id == "" {
		return nil, nil
	}
	if kind == journal.TypeGroup {
		g, err := r.GroupOf(ctx, id)
		if g == nil || err != nil {
			return nil, err
		}
		document, err := g.Resource()
		return &Record{Type: kind, ID: id, Name: document.Text("displayName")}, err
	}
	users, err := r.Users(ctx, []string{id})
	u := users[id]
	if u == nil || err != nil {
		return nil, err
	}
	document, err := u.Resource()
	return &Record{
		Type: kind, ID: id, Name: document.Text("userName"), State: u.State(),
		InApp: u.DeactivatedBy == journal.ByApplication, Linked: u.Linked, Protected: u.Protected,
	}, err
}
