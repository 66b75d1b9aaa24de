package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Renewed counts what RenewNames did.
type Renewed struct {
	// Records counts the records that were converted, and Kept the records with a
	// value that stays as it was, because another record has the new form.
	Records, Kept int
}

// RenewNames converts the reserved values of a tenant's records to the form
// that this version uses: a userName that is an address is reserved among the
// unique emails, and names are stored in the form in which they are compared
// now, in reservations and in the index of emails. A value that another live
// record holds stays as it is, and Audit reports both records.
//
// Each record is one transaction under its version, which changes, with an entry in the
// log; it is safe concurrently with requests, and to repeat.
func (s *Store) RenewNames(ctx context.Context, t tenant.ID) (Renewed, error) {
	found, ok, err := s.Tenant(ctx, t)
	if err != nil || !ok {
		return Renewed{}, err
	}
	r := renewal{store: s, tenant: t, retain: found.Settings.LogRetention()}
	for _, in := range []struct {
		partition string
		renew     func(ctx context.Context, item table.Item) error
	}{
		{partition(t, "USERS"), func(ctx context.Context, i table.Item) error { return r.user(ctx, i.Key) }},
		{partition(t, "GONE"), func(ctx context.Context, i table.Item) error { return r.user(ctx, i.Key) }},
		{partition(t, "GROUPS"), func(ctx context.Context, i table.Item) error { return r.group(ctx, i.Key) }},
	} {
		if err := s.each(ctx, in.partition, r.outdated, in.renew); err != nil {
			return r.done, err
		}
	}
	return r.done, nil
}

type renewal struct {
	store  *Store
	tenant tenant.ID
	retain time.Duration // of log entries
	mu     sync.Mutex
	done   Renewed
}

// outdated reports whether a record may hold something as an earlier version
// did.
func (r *renewal) outdated(item table.Item) bool {
	if item.Partition == partition(r.tenant, "GROUPS") {
		p, err := groupRenewal(decodeGroup(item))
		return err == nil && p.needed()
	}
	p, err := userRenewal(decodeUser(item, item.Partition == partition(r.tenant, "GONE")))
	return err == nil && p.needed()
}

// plan has the values that a record holds, and those that it should hold.
type plan struct {
	id                 string
	version            int64
	deleted            bool
	subject            string
	externalID         string
	history            journal.History
	kinds              []directory.Kind
	held, wanted       directory.Claims
	formerMails, mails []string
}

func (p plan) needed() bool {
	return !maps.Equal(p.held, p.wanted) || !slices.Equal(p.formerMails, p.mails)
}

// userRenewal returns what a user should hold. A deleted one may have lost
// values, and gets none that it does not hold.
func userRenewal(u *directory.User) (plan, error) {
	r, err := u.Resource()
	if err != nil {
		return plan{}, fmt.Errorf("store: %w", err)
	}
	p := plan{
		id: u.ID, version: u.Version, deleted: u.Deleted, subject: r.Text("userName"), externalID: r.Text("externalId"), history: u.History,
		kinds: directory.Kinds[:], held: u.Held, wanted: directory.Claims{},
		formerMails: directory.FormerOtherEmails(r), mails: directory.OtherEmails(r),
	}
	p.want(directory.ClaimsOf(r), directory.FormerClaims(r), u.Live())
	return p, nil
}

func groupRenewal(g *directory.Group) (plan, error) {
	r, err := g.Resource()
	if err != nil {
		return plan{}, fmt.Errorf("store: %w", err)
	}
	p := plan{
		id: g.ID, version: g.Version, subject: r.Text("displayName"), externalID: r.Text("externalId"), history: g.History,
		kinds: directory.GroupKinds[:], held: g.Held, wanted: directory.Claims{},
	}
	p.want(directory.GroupClaimsOf(r), directory.FormerGroupClaims(r), false)
	return p, nil
}

// want decides which values should be held: the values that are held, in the
// current form, and the address that an earlier version did not reserve. Any
// other difference has an unknown reason, and stays.
func (p *plan) want(claims, former directory.Claims, live bool) {
	for kind, value := range p.held {
		p.wanted[kind] = value
		if claims[kind] != "" && former[kind] == value {
			p.wanted[kind] = claims[kind]
		}
	}
	if address := claims[directory.Address]; live && address != "" && p.held[directory.Address] == "" {
		p.wanted[directory.Address] = address
	}
}

// user renews one user, which is read again so that the decision is made on its
// current state.
func (r *renewal) user(ctx context.Context, key table.Key) error {
	gone := key == goneKey(r.tenant, key.Sort)
	return r.record(ctx, key, func(item table.Item) (plan, []table.Condition, error) {
		u := decodeUser(item, gone)
		p, err := userRenewal(u)
		return p, []table.Condition{table.Is(attrVersion, table.Number(u.Version))}, err
	})
}

func (r *renewal) group(ctx context.Context, key table.Key) error {
	return r.record(ctx, key, func(item table.Item) (plan, []table.Condition, error) {
		g := decodeGroup(item)
		p, err := groupRenewal(g)
		return p, []table.Condition{table.Is(attrRevision, table.Number(g.Revision))}, err
	})
}

// maxRenewals is how often a record is decided again because requests changed
// it.
const maxRenewals = 8

func (r *renewal) record(ctx context.Context, key table.Key, decide func(table.Item) (plan, []table.Condition, error)) error {
	held := map[directory.Kind]bool{} // by others
	transfers := map[table.Key]directory.Transfer{}
	for range maxRenewals {
		item, ok, err := r.store.read(ctx, key)
		if err != nil || !ok {
			return err
		}
		p, same, err := decide(item)
		if err != nil {
			return err
		}
		for kind := range held {
			p.giveUp(kind)
		}
		if p.mailsAreThere(ctx, r) {
			p.formerMails = p.mails
		}
		if !p.needed() {
			r.count(0, p.kept(held))
			return nil
		}
		e := r.entry(key, p, transfers)
		err = r.store.commit(ctx, e.Time.Add(journal.WriteTime), r.ops(key, p, e, same, transfers))
		var failed *directory.CommitError
		switch {
		case err == nil:
			r.count(1, p.kept(held))
			return nil
		case !errors.As(err, &failed):
			return err
		case failed.Stale():
			clear(held)
			clear(transfers)
		default:
			if err := r.judge(ctx, p, failed.Holders(), held, transfers); err != nil {
				return err
			}
		}
	}
	r.count(0, 1) // requests are faster, or the record is inconsistent: Audit reports it
	return nil
}

// giveUp leaves a value to another record that has it: a live record keeps the
// value in its old form, a deleted record loses it.
func (p *plan) giveUp(kind directory.Kind) {
	delete(p.wanted, kind)
	if value, ok := p.held[kind]; ok && !p.deleted {
		p.wanted[kind] = value
	}
}

// mailsAreThere reports whether the index has the user's emails in the current
// form only. It reads only for emails whose form has changed; emails that
// cannot be read are renewed.
func (p *plan) mailsAreThere(ctx context.Context, r *renewal) bool {
	var keys []table.Key
	wanted := map[table.Key]bool{}
	for _, mail := range p.mails {
		if !slices.Contains(p.formerMails, mail) {
			key := mailKey(r.tenant, mail, p.id)
			keys, wanted[key] = append(keys, key), true
		}
	}
	for _, mail := range p.formerMails {
		if !slices.Contains(p.mails, mail) {
			keys = append(keys, mailKey(r.tenant, mail, p.id))
		}
	}
	if len(keys) == 0 {
		return false
	}
	items, err := r.store.getAll(ctx, keys)
	if err != nil || len(items) != len(wanted) {
		return false
	}
	for key := range items {
		if !wanted[key] {
			return false
		}
	}
	return true
}

// kept returns how many values of a live record stay as they were.
func (p *plan) kept(held map[directory.Kind]bool) int {
	if p.deleted {
		return 0
	}
	return len(held)
}

func (r *renewal) count(records, kept int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done.Records += records
	r.done.Kept += min(kept, 1)
}

// judge decides on values that other records hold: a deleted user loses them,
// as in any request; a live record keeps them.
func (r *renewal) judge(ctx context.Context, p plan, holders map[directory.Kind]string, held map[directory.Kind]bool, transfers map[table.Key]directory.Transfer) error {
	records, err := r.store.Records(ctx, r.tenant, slices.Collect(maps.Values(holders)))
	if err != nil {
		return err
	}
	for kind, id := range holders {
		value := p.wanted[kind]
		u := records[id]
		if u == nil || !u.Deleted || p.deleted {
			held[kind] = true
		} else if as, ok := u.Held.As(kind, value); ok {
			transfers[reservationKey(r.tenant, kind, value)] = directory.Transfer{Kind: as, From: u, Value: value}
		}
	}
	return nil
}

// entry returns the log entry of a renewal.
func (r *renewal) entry(key table.Key, p plan, transfers map[table.Key]directory.Transfer) journal.Entry {
	e := journal.Entry{
		RequestID: r.store.newID(), Time: r.store.now(), By: journal.ByApplication,
		Operation: journal.Repair, Action: journal.Repaired, Outcome: journal.Success,
		ResourceType: journal.TypeUser, ResourceID: p.id, Version: p.version + 1, Subject: p.subject, ExternalID: p.externalID,
		Detail: "The names are stored in the form that this version of the service uses.",
	}
	if key.Partition == partition(r.tenant, "GROUPS") {
		e.ResourceType = journal.TypeGroup
	}
	for _, at := range slices.SortedFunc(maps.Keys(transfers), func(x, y table.Key) int { return strings.Compare(x.Sort, y.Sort) }) {
		from := transfers[at].From
		if loss := (journal.Loss{ID: from.ID, Version: from.Version + 1}); !slices.Contains(e.Lost, loss) {
			e.Lost = append(e.Lost, loss)
		}
	}
	return e
}

// ops renew a record in one transaction:
//
//	record        version (a group's: revision) is      settles it against any change of the record
//	reservations  absent, or held by the losing record  settles it against others that want the value
//	mails         unconditional: an index of candidates
//	losers        version is
//	log entry     absent
func (r *renewal) ops(key table.Key, p plan, e journal.Entry, same []table.Condition, transfers map[table.Key]directory.Transfer) []operation {
	change := table.Change{Set: table.Attributes{}, Add: map[string]int64{attrVersion: 1}}
	for _, kind := range p.kinds {
		switch value, ok := p.wanted[kind]; {
		case ok && value != p.held[kind]:
			change.Set[heldAttribute(kind)] = table.Text(value)
		case !ok && p.held[kind] != "":
			change.Remove = append(change.Remove, heldAttribute(kind))
		}
	}
	if key.Partition == partition(r.tenant, "GROUPS") {
		change.Add[attrRevision] = 1
	}
	losers := map[table.Key]string{}
	for at, moved := range transfers {
		losers[at] = moved.From.ID
	}
	extendHistory(&change, p.history, e)
	ops := []operation{{Op: table.Update(key, change, same...)}, {Op: logOp(r.tenant, e, p.history, e.Time.Add(r.retain))}}
	ops = append(ops, claimOps(r.tenant, p.id, p.kinds, p.held, p.wanted, nil, losers)...)
	ops = append(ops, transferOps(r.tenant, slices.Collect(maps.Values(transfers)))...)
	return append(ops, mailOps(r.tenant, directory.Change{
		After: &directory.User{ID: p.id}, OtherBefore: p.formerMails, OtherAfter: p.mails,
	})...)
}
