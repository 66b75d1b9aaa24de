package effect

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// An Effect is what a fix brings: if it is made, and the requests of its subjects are sent
// again in the order of Fixed and Left, the first are accepted and the others are not.
type Effect struct {
	Fix cause.Fix
	// Licences are the seats or Reader licences that the fix adds.
	Licences int64
	// Record is the record that the fix changes, or nil.
	Record *Record
	IdP    idp.Provider
	// Fixed are the subjects whose requests are then accepted, and Left those whose
	// requests are then refused for another reason.
	Fixed, Left []Checked
	// Open are subjects whose requests may be accepted: their values are not kept.
	Open []Checked
	// Push are groups that then have to be pushed again: requests for them have skipped
	// deleted users that the fix restores.
	Push []Record
}

// Checked is a failing subject, and what its request does.
type Checked struct {
	journal.Failing
	Verdict Verdict
}

// MaxFailing is how many failing subjects are considered.
const MaxFailing = 100

// unlimited licences are enough for any number of failing subjects.
const unlimited = 1 << 40

// Effects returns what fixes bring, the one that fixes most first. As it makes the
// subjects' requests one after the other, users before groups, in the order of their
// failures, it counts each free seat and each free name once.
//
// with is a number of seats to add; at 0 it is as many as the failing users need. skipped
// reads the members that requests for groups have skipped; it is called where a fix restores
// a deleted user.
func (f *Forecaster) Effects(ctx context.Context, t tenant.Tenant, failing []journal.Failing, with int64, skipped func(context.Context) ([]Skipped, error)) ([]Effect, error) {
	failing = inOrder(failing)
	base, err := f.prepare(ctx, t, failing)
	if err != nil {
		return nil, err
	}
	now, err := f.sendAll(ctx, base.Again(), t, failing)
	if err != nil {
		return nil, err
	}
	fixings := make([]fixing, len(now)) // the fix of each
	for i, c := range now {
		fixings[i] = fixOf(c)
	}
	effects, err := f.licences(ctx, base, t, now, fixings, with)
	if err != nil {
		return nil, err
	}
	fixes := map[fixKey]*fixing{}
	var order []*fixing
	for i, c := range now {
		fx := fixings[i]
		if fx.fix == cause.FixSeats || fx.fix == cause.FixReaders {
			continue
		}
		if fixes[fx.fixKey] == nil {
			fixes[fx.fixKey] = &fx
			order = append(order, &fx)
		}
		known := fixes[fx.fixKey]
		known.subjects = append(known.subjects, c)
	}
	for _, fx := range order {
		e, err := f.made(ctx, base, t, *fx)
		if err != nil {
			return nil, err
		}
		effects = append(effects, e)
	}
	if err := push(ctx, effects, skipped); err != nil {
		return nil, err
	}
	slices.SortStableFunc(effects, func(a, b Effect) int {
		return cmp.Or(cmp.Compare(len(b.Fixed), len(a.Fixed)), cmp.Compare(len(b.Open), len(a.Open)))
	})
	return effects, nil
}

// Skipped is a member that a request for a group has skipped.
type Skipped struct {
	Group Record
	// Member is the id as it was sent.
	Member string
}

// push adds to effects the groups that must be pushed again for deleted users that are
// restored: requests for the groups have skipped them since.
func push(ctx context.Context, effects []Effect, skipped func(context.Context) ([]Skipped, error)) error {
	restores := func(c Checked) bool { return c.Verdict.Action == journal.Restored }
	if !slices.ContainsFunc(effects, func(e Effect) bool { return slices.ContainsFunc(e.Fixed, restores) }) {
		return nil
	}
	all, err := skipped(ctx)
	if err != nil {
		return err
	}
	for i := range effects {
		e := &effects[i]
		for _, s := range all {
			known := slices.ContainsFunc(e.Push, func(g Record) bool { return g.ID == s.Group.ID })
			if !known && slices.ContainsFunc(e.Fixed, func(c Checked) bool { return restores(c) && c.Verdict.ID == s.Member }) {
				e.Push = append(e.Push, s.Group)
			}
		}
	}
	return nil
}

// inOrder returns users before groups, in the order of their first failures.
func inOrder(failing []journal.Failing) []journal.Failing {
	sorted := slices.Clone(failing)
	slices.SortStableFunc(sorted, func(a, b journal.Failing) int {
		return cmp.Or(-strings.Compare(a.Type, b.Type), a.First.Compare(b.First), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return sorted
}

// sendAll sends requests one after the other in one rehearsal.
func (f *Forecaster) sendAll(ctx context.Context, r *directory.Rehearsal, t tenant.Tenant, failing []journal.Failing) ([]Checked, error) {
	all := make([]Checked, len(failing))
	for i, one := range failing {
		v, err := f.send(ctx, r, t, one)
		if err != nil {
			return nil, err
		}
		all[i] = Checked{one, v}
	}
	return all, nil
}

// licences returns the effects of more seats and of more Reader licences. now is what
// happens without them, and fixings has the fix of each subject.
func (f *Forecaster) licences(ctx context.Context, base *directory.Rehearsal, t tenant.Tenant, now []Checked, fixings []fixing, with int64) ([]Effect, error) {
	var effects []Effect
	for _, fix := range []cause.Fix{cause.FixSeats, cause.FixReaders} {
		if !slices.ContainsFunc(fixings, func(fx fixing) bool { return fx.fix == fix }) {
			continue
		}
		need := with
		if with == 0 || fix == cause.FixReaders {
			var err error
			if need, err = f.need(ctx, base.Again(), t, now, fix); err != nil {
				return nil, err
			}
		}
		r := base.Again()
		allow(r, fix, need)
		e := Effect{Fix: fix, Licences: need, IdP: provider(now)}
		for i, before := range now {
			v, err := f.send(ctx, r, t, before.Failing)
			if err != nil {
				return nil, err
			}
			if fixings[i].fix == fix {
				e.add(Checked{before.Failing, v})
			}
		}
		effects = append(effects, e)
	}
	return effects, nil
}

// allow adds licences of the kind that a fix adds.
func allow(r *directory.Rehearsal, fix cause.Fix, n int64) {
	if fix == cause.FixReaders {
		r.Allow(0, n)
		return
	}
	r.Allow(n, 0)
}

// need returns how many licences must be added so that no request lacks one.
func (f *Forecaster) need(ctx context.Context, r *directory.Rehearsal, t tenant.Tenant, now []Checked, fix cause.Fix) (need int64, err error) {
	l, err := r.Ledger(ctx)
	if err != nil {
		return 0, err
	}
	limits := l
	allow(r, fix, unlimited)
	for _, c := range now {
		v, err := f.send(ctx, r, t, c.Failing)
		if err != nil {
			return 0, err
		}
		if l, err = r.Ledger(ctx); err != nil {
			return 0, err
		}
		switch {
		case v.Result != Succeeds:
		case fix == cause.FixSeats && v.Seats > 0:
			need = max(need, l.Seats-limits.SeatLimit)
		case fix == cause.FixReaders && v.Readers > 0:
			need = max(need, l.Readers-limits.ReaderLimit)
		}
	}
	return need, nil
}

// add adds what the request of a subject does after the fix.
func (e *Effect) add(c Checked) {
	switch c.Verdict.Result {
	case Succeeds:
		e.Fixed = append(e.Fixed, c)
	case Fails:
		e.Left = append(e.Left, c)
	default:
		e.Open = append(e.Open, c)
	}
}

// A fixKey identifies a fix: failures with the same key have the same fix.
type fixKey struct {
	fix cause.Fix
	// of is the record, or what distinguishes a mapping from others.
	of  string
	idp idp.Provider
}

// fixing is a fix and its subjects.
type fixing struct {
	fixKey
	record   *Record
	subjects []Checked
	// What the fix does, nil where it does nothing of the kind: make changes what is stored,
	// asked changes the requests, as a mapping does, and settings those of the tenant.
	make     func(ctx context.Context, r *directory.Rehearsal, by directory.Caller) error
	asked    func(directory.Asked) directory.Asked
	settings func(*tenant.Settings)
}

// fixOf returns the fix of a failure.
func fixOf(c Checked) fixing {
	switch c.Verdict.Result {
	case Succeeds:
		return fixing{fixKey: fixKey{fix: cause.FixRetry}}
	case NotKnown:
		return fixing{fixKey: mappingKey(c)}
	}
	var full *directory.FullError
	var taken *directory.TakenError
	var convert *directory.ConvertError
	var owner *directory.ProtectedError
	err := c.Verdict.err
	switch {
	case errors.As(err, &full) && full.Type == tenant.Reader:
		return fixing{fixKey: fixKey{fix: cause.FixReaders}}
	case errors.As(err, &full):
		return fixing{fixKey: fixKey{fix: cause.FixSeats}}
	case errors.As(err, &taken):
		return fixOfTaken(c, taken)
	case errors.As(err, &convert):
		return teamAccount(c)
	case errors.As(err, &owner):
		return change(cause.FixUnprotect, c, owner.ID, directory.AppChange{Protected: new(bool)})
	case errors.Is(err, directory.ErrDeactivatedInApp):
		return change(cause.FixActivate, c, c.ID, directory.AppChange{Active: new(true)})
	}
	return fixOfOther(c)
}

func fixOfOther(c Checked) fixing {
	var unknown *directory.UnknownMembersError
	err := c.Verdict.err
	switch {
	case errors.As(err, &unknown) && !unknown.Whole && !unknown.Itself:
		return fixing{fixKey: fixKey{fix: cause.FixUnknownMembers}, settings: func(s *tenant.Settings) { s.UnknownMembers = tenant.UnknownMembersSkip }}
	case errors.As(err, &unknown):
		return fixing{fixKey: fixKey{fix: cause.FixMembers, idp: c.IdP}}
	case errors.Is(err, directory.ErrNotFound):
		return fixing{fixKey: fixKey{fix: cause.FixAssign, idp: c.IdP}}
	case errors.Is(err, directory.ErrNoGroup):
		return fixing{fixKey: fixKey{fix: cause.FixLink, idp: c.IdP}}
	}
	return fixing{fixKey: fixKey{fix: cause.FixOther, of: string(c.Verdict.Refused.Cause)}}
}

// fixOfTaken returns the fix of a value that another record holds.
func fixOfTaken(c Checked, taken *directory.TakenError) fixing {
	switch taken.Reason {
	case directory.TakenGroup:
		return fixing{fixKey: fixKey{fix: cause.FixGroup, of: taken.HolderID}, record: c.Verdict.Holder, make: func(ctx context.Context, r *directory.Rehearsal, by directory.Caller) error {
			return r.DeleteGroup(ctx, by, taken.HolderID)
		}}
	case directory.TakenRehire:
		return fixing{fixKey: fixKey{fix: cause.FixRehire}, settings: func(s *tenant.Settings) { s.Rehire = tenant.RehireWarn }}
	case directory.TakenByApp:
		return change(cause.FixActivate, c, taken.HolderID, directory.AppChange{Active: new(true)})
	case directory.TakenDiffers:
		if taken.Kind == directory.Email {
			return change(cause.FixIdentity, c, taken.HolderID, directory.AppChange{Email: new(taken.Value)})
		}
		return change(cause.FixIdentity, c, taken.HolderID, directory.AppChange{UserName: new(taken.Value)})
	case directory.TakenUnlinked:
		if taken.Reader {
			fx := change(cause.FixConvert, c, taken.HolderID, directory.AppChange{Type: new(tenant.User)})
			fx.asked = asTeamAccount
			return fx
		}
		return teamAccount(c)
	}
	return fixing{fixKey: fixKey{fix: cause.FixUser, of: taken.HolderID}, record: c.Verdict.Holder, make: func(ctx context.Context, r *directory.Rehearsal, by directory.Caller) error {
		return r.Purge(ctx, by, taken.HolderID)
	}}
}

// change returns a fix that the application makes on a user.
func change(fix cause.Fix, c Checked, id string, asked directory.AppChange) fixing {
	return fixing{fixKey: fixKey{fix: fix, of: id}, record: c.Verdict.Holder, make: func(ctx context.Context, r *directory.Rehearsal, by directory.Caller) error {
		return r.Modify(ctx, by, id, asked)
	}}
}

// teamAccount returns the fix of a mapping of isTeamAccount.
func teamAccount(c Checked) fixing {
	return fixing{fixKey: fixKey{fix: cause.FixTeamAccount, idp: c.IdP}, asked: asTeamAccount}
}

func asTeamAccount(a directory.Asked) directory.Asked {
	values := journal.Asked{journal.AskedTeamAccount: "true"}
	for name, value := range a.Values {
		if name != journal.AskedTeamAccount {
			values[name] = value
		}
	}
	a.Values = values
	return a
}

// mappingKey returns the fix of a request whose values are not known. Failures with the
// same text, apart from values in it, have one.
func mappingKey(c Checked) fixKey {
	switch {
	case c.Verdict.Reason == InProgress:
		return fixKey{fix: cause.FixRetry, of: string(InProgress)}
	case c.Cause == cause.Validation:
		return fixKey{fix: cause.FixMapping, of: string(c.Remedy) + "\x00" + withoutValues(c.Detail), idp: c.IdP}
	case c.Cause == cause.MemberLimit:
		return fixKey{fix: cause.FixSplit, idp: c.IdP}
	}
	return fixKey{fix: cause.FixOther, of: string(c.Cause)}
}

// withoutValues returns what a detail says without the texts in quotes, the numbers and the
// id of the request.
func withoutValues(detail string) string {
	detail, _, _ = strings.Cut(detail, " (request ")
	var b strings.Builder
	quoted := false
	for _, r := range detail {
		switch {
		case r == '"':
			quoted = !quoted
		case !quoted && (r < '0' || r > '9'):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// made makes a fix in a rehearsal, and sends the requests of its subjects.
func (f *Forecaster) made(ctx context.Context, base *directory.Rehearsal, t tenant.Tenant, fx fixing) (Effect, error) {
	e := Effect{Fix: fx.fix, Record: fx.record, IdP: provider(fx.subjects)}
	if fx.make == nil && fx.asked == nil && fx.settings == nil {
		for _, c := range fx.subjects {
			if c.Verdict.Result == Fails { // the fix is another request, of unknown values
				c.Verdict = Verdict{Result: NotKnown, Reason: ValuesNotKept}
			}
			e.add(c)
		}
		return e, nil
	}
	r := base.Again()
	if fx.make != nil {
		var err error
		if e.Record == nil {
			if e.Record, err = f.holder(ctx, r, fx.of, journal.TypeUser); err != nil {
				return e, err
			}
		}
		by := directory.Caller{Settings: t.Settings, Time: f.now(), By: journal.ByApplication}
		if err := fx.make(ctx, r, by); err != nil {
			return f.unmade(e, fx, err)
		}
	}
	if fx.settings != nil {
		fx.settings(&t.Settings)
	}
	for _, c := range fx.subjects {
		asked := askedOf(c.Failing)
		if fx.asked != nil {
			asked = fx.asked(asked)
		}
		v, err := f.sendAsked(ctx, r, t, c.Failing, asked)
		if err != nil {
			return e, err
		}
		e.add(Checked{c.Failing, v})
	}
	return e, nil
}

// unmade returns the effect of a fix that cannot be made as things are, for example for want
// of a seat: its subjects are left, for the reason that the fix meets.
func (f *Forecaster) unmade(e Effect, fx fixing, err error) (Effect, error) {
	refused := f.refused(err)
	switch refused.Cause {
	case cause.StoreUnavailable, cause.OutcomeUnknown, cause.Internal:
		return e, err
	}
	for _, c := range fx.subjects {
		c.Verdict = Verdict{Result: Fails, Refused: refused, err: err}
		e.add(c)
	}
	return e, nil
}

// provider returns the identity provider of at least one subject, "" for several.
func provider(all []Checked) idp.Provider {
	first := all[0].IdP
	if slices.ContainsFunc(all, func(c Checked) bool { return c.IdP != first }) {
		return ""
	}
	return first
}
