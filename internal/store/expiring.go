package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// warningDays are how many days before its end a credential causes a signal, in order.
var warningDays = [...]int{30, 7, 1}

const (
	// warningDelay is how long after its date a signal is written. A date that is ahead of a
	// writer's clock is not over by a sweep's clock: no date gets a second item.
	warningDelay = time.Minute
	// maxWarnings is how many items one sweep works on: about ten seconds. The next one, five
	// minutes later, continues.
	maxWarnings = 1000
	// searchTenants is how many tenants one sweep searches for credentials without an item,
	// and searchPause how long after the last tenant the search begins again.
	searchTenants = 100
	searchPause   = 24 * time.Hour
)

// credentialKind is what ends, as an event's details name it.
type credentialKind string

const (
	tokenCredential  credentialKind = "token"
	secretCredential credentialKind = "clientSecret"
)

// whatToDo is the advice before the end of a credential.
var whatToDo = map[credentialKind]string{
	tokenCredential:  "Rotate the token, enter the new one in the identity provider, then complete the rotation. Once it has expired, every request with it is refused.",
	secretCredential: "Create another secret of the client, enter it in the identity provider, then revoke this one. Once it has expired, the identity provider gets no more access tokens with it.",
}

// An endingCredential is a secret that ends: a token, or a secret of an OAuth client.
type endingCredential struct {
	kind credentialKind
	// id is a token's id, or a secret's after its client's and a '#'.
	id              string
	label, lastFour string
	expires         time.Time // zero if it never expires
	revoked         bool
}

func endingToken(r access.Record) endingCredential {
	return endingCredential{
		kind: tokenCredential, id: r.ID, label: r.Label, lastFour: r.LastFour, expires: r.Expires, revoked: !r.Revoked.IsZero(),
	}
}

func endingSecrets(c access.Client) []endingCredential {
	all := make([]endingCredential, len(c.Secrets))
	for i, one := range c.Secrets {
		all[i] = endingCredential{
			kind: secretCredential, id: c.ID + "#" + one.ID, label: c.Label, lastFour: one.LastFour, expires: one.Expires,
			revoked: !one.Revoked.IsZero() || !c.Revoked.IsZero(),
		}
	}
	return all
}

// credentialsOf returns the credentials that an item of the tenant's own partition has.
func credentialsOf(t tenant.ID, item table.Item) ([]endingCredential, error) {
	if id, ok := strings.CutPrefix(item.Sort, tokenKey(t, "").Sort); ok {
		return []endingCredential{endingToken(decodeToken(id, item.Attributes, nil))}, nil
	}
	id, ok := strings.CutPrefix(item.Sort, clientKey(t, "").Sort)
	if !ok {
		return nil, nil
	}
	c, err := decodeClient(id, item.Attributes)
	return endingSecrets(c), err
}

// live reports whether the credential is neither revoked nor expired.
func (c endingCredential) live(now time.Time) bool {
	return !c.revoked && !c.expires.IsZero() && now.Before(c.expires)
}

// date returns when the credential ends in a number of days.
func (c endingCredential) date(days int) time.Time {
	return c.expires.Add(-time.Duration(days) * 24 * time.Hour)
}

// key returns the key of the credential's item for the date.
func (c endingCredential) key(t tenant.ID, days int) table.Key {
	return expiringKey(c.date(days), t.String()+"#"+string(c.kind)+"#"+c.id)
}

// items returns the items that the credential may have.
func (c endingCredential) items(t tenant.ID) (all []table.Item) {
	if c.expires.IsZero() {
		return nil
	}
	for _, days := range warningDays {
		all = append(all, table.Item{Key: c.key(t, days)})
	}
	return all
}

// put writes the item for the next date that is ahead: no operation without one.
func (c endingCredential) put(t tenant.ID, now time.Time, when ...table.Condition) []table.Op {
	for _, days := range warningDays {
		if c.live(now) && now.Before(c.date(days)) {
			return []table.Op{table.Put(table.Item{Key: c.key(t, days)}, when...)}
		}
	}
	return nil
}

// days returns the latest of its dates that is over.
func (c endingCredential) days(now time.Time) (days int) {
	for _, d := range warningDays {
		if !now.Before(c.date(d)) {
			days = d
		}
	}
	return days
}

// signal returns the signal of a date.
func (c endingCredential) signal(days int) journal.Signal {
	details := map[string]string{
		"credential": string(c.kind), "id": c.id, "lastFour": c.lastFour, "days": strconv.Itoa(days),
		"expiresAt": c.expires.UTC().Format(time.RFC3339), "whatToDo": whatToDo[c.kind],
	}
	if client, secret, ok := strings.Cut(c.id, "#"); ok {
		details["client"], details["id"] = client, secret
	}
	if c.label != "" {
		details["label"] = c.label
	}
	return journal.Signal{Type: string(event.TokenExpiring), Details: details}
}

// SignalExpiring writes the signals of the credentials of all tenants that end soon, and
// returns how many. Each date of a credential causes one signal; of several that are over,
// only the latest does. A failure leaves the others as they are; their errors are joined.
//
// It also adds the items of credentials that have none, because an earlier version stored
// them: those of some tenants each time.
func (s *Store) SignalExpiring(ctx context.Context) (int, error) {
	done := 0
	var signals atomic.Int64
	var failures []error
	search := table.Item{Key: searchKey()}
	end := expiringKey(s.now().Add(time.Millisecond-warningDelay), "").Sort // with the items of the last millisecond
	err := s.pages(ctx, table.Query{Partition: search.Partition, To: end, Limit: 100}, func(items []table.Item) (bool, error) {
		if len(items) > 0 && items[0].Key == search.Key {
			search, items = items[0], items[1:]
		}
		errs := make([]error, len(items))
		failed := parallel(ctx, len(items), func(ctx context.Context, i int) error {
			signalled, err := s.warn(ctx, items[i])
			if signalled {
				signals.Add(1)
			}
			if err != nil {
				errs[i] = fmt.Errorf("credential %s: %w", items[i].Sort, err)
			}
			return nil
		})
		failures = append(failures, errs...)
		done += len(items)
		return done < maxWarnings, failed
	})
	if err == nil {
		failures = append(failures, s.searchExpiring(ctx, search))
	}
	return int(signals.Load()), errors.Join(append(failures, err)...)
}

// warn writes the signal of an item of which the date is over, in one transaction with its
// move to the next date: of two sweeps, one finds the item. An item without a credential is
// deleted.
//
// The transaction does not check the credential and the tenant: the sweep's role would need
// the permission to write them. A token may be revoked in this moment. A tenant that ends
// after it is read is deleted only when no write of this time is on its way.
func (s *Store) warn(ctx context.Context, item table.Item) (bool, error) {
	now := s.now()
	t, c, owner, err := s.expiring(ctx, item)
	switch {
	case err != nil || owner.Settings.Ending: // the deletion takes it away
		return false, err
	case !c.live(now):
		return false, writeError(s.write(ctx, time.Time{}, table.Delete(item.Key)))
	}
	signal := c.signal(c.days(now))
	signal.ID, signal.Time = s.newID(), now
	ops := append([]table.Op{
		table.Delete(item.Key, table.Present()),
		signalOp(t, signal, now.Add(owner.Settings.LogRetention())),
	}, c.put(t, now)...)
	err = s.write(ctx, now.Add(journal.WriteTime), ops...)
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return false, nil // another sweep came first
	}
	return err == nil, writeError(err)
}

// expiring reads what an item is about. The credential of an unknown tenant, and an unknown
// one, is not live.
func (s *Store) expiring(ctx context.Context, item table.Item) (t tenant.ID, c endingCredential, owner tenant.Tenant, err error) {
	invalid := errors.New("store: invalid name of a credential")
	parts := strings.SplitN(item.Sort, "#", 4)
	if len(parts) != 4 {
		return t, c, owner, invalid
	}
	if t, err = tenant.ParseID(parts[1]); err != nil {
		return t, c, owner, invalid
	}
	key := tokenKey(t, parts[3])
	if credentialKind(parts[2]) == secretCredential {
		client, _, _ := strings.Cut(parts[3], "#")
		key = clientKey(t, client)
	}
	items, err := s.table.Get(ctx, tenantKey(t), key)
	if err != nil {
		return t, c, owner, readError(err)
	}
	known, ok := items[tenantKey(t)]
	if !ok {
		return t, c, owner, nil
	}
	if owner, err = decodeTenant(t, known, table.Item{}); err != nil {
		return t, c, owner, err
	}
	found, ok := items[key]
	if !ok {
		return t, c, owner, nil
	}
	all, err := credentialsOf(t, found)
	for _, one := range all {
		if string(one.kind) == parts[2] && one.id == parts[3] {
			c = one
		}
	}
	return t, c, owner, err
}

// searchExpiring adds the items of credentials that have none, of as many tenants as one
// sweep searches. It goes through all tenants, and begins again a day later: an earlier
// version may have stored credentials while it was still deployed beside this one.
func (s *Store) searchExpiring(ctx context.Context, last table.Item) error {
	if s.now().Before(timeOf(last.Attributes, attrTime)) {
		return nil
	}
	names, next, err := s.TenantNames(ctx, last.Attributes.Text(attrAfter), searchTenants)
	if err != nil {
		return err
	}
	errs := make([]error, len(names))
	err = parallel(ctx, len(names), func(ctx context.Context, i int) error {
		if err := s.addExpiring(ctx, names[i]); err != nil {
			errs[i] = fmt.Errorf("credentials of %s: %w", names[i], err)
		}
		return nil
	})
	if err = errors.Join(append(errs, err)...); ctx.Err() != nil {
		return err // the next sweep searches the same tenants
	}
	at := s.now()
	if next == "" {
		at = at.Add(searchPause)
	}
	moved := table.Put(table.Item{Key: searchKey(), Attributes: table.Attributes{attrTime: millis(at), attrAfter: table.Text(next)}})
	return errors.Join(err, writeError(s.write(ctx, time.Time{}, moved)))
}

// addExpiring adds the items of a tenant's credentials that have none. As for the signals, it
// is over before a deletion of the tenant begins.
func (s *Store) addExpiring(ctx context.Context, name string) error {
	now := s.now()
	t, err := tenant.ParseID(name)
	if err != nil {
		return errors.New("store: invalid name of a tenant")
	}
	all, err := s.credentials(ctx, t)
	if err != nil {
		return err
	}
	var ops []table.Op
	var keys []table.Key
	for _, c := range all {
		for _, op := range c.put(t, now, table.Absent()) {
			ops, keys = append(ops, op), append(keys, op.Key)
		}
	}
	known, err := s.getAll(ctx, keys)
	if err != nil {
		return err
	}
	for _, op := range ops {
		if _, ok := known[op.Key]; ok {
			continue
		}
		err := s.write(ctx, now.Add(journal.WriteTime), op)
		var failed *table.ConditionError
		if err != nil && !errors.As(err, &failed) { // another search came first
			return writeError(err)
		}
	}
	return nil
}

// credentials reads the credentials of a tenant, none of one that is being deleted.
func (s *Store) credentials(ctx context.Context, t tenant.ID) ([]endingCredential, error) {
	var all []endingCredential
	ending := true
	err := s.pages(ctx, table.Query{Partition: tenantKey(t).Partition}, func(items []table.Item) (bool, error) {
		for _, item := range items {
			if item.Key == tenantKey(t) {
				owner, err := decodeTenant(t, item, table.Item{})
				if err != nil {
					return false, err
				}
				ending = owner.Settings.Ending
				continue
			}
			some, err := credentialsOf(t, item)
			if err != nil {
				return false, err
			}
			all = append(all, some...)
		}
		return true, nil
	})
	if ending {
		return nil, err
	}
	return all, err
}

// credentials deletes the credentials of the tenant, each after its items. No sweep writes
// one now: the tenant's settings have said for endingTime that it ends.
func (p *purge) credentials(ctx context.Context) error {
	return p.pages(ctx, table.Query{Partition: partition(p.tenant, "")}, func(items []table.Item) error {
		for _, item := range items {
			all, err := credentialsOf(p.tenant, item)
			if err != nil {
				all = nil // a damaged client: a sweep deletes the items of its secrets
			}
			for _, c := range all {
				if err := p.delete(ctx, c.items(p.tenant)...); err != nil {
					return err
				}
			}
			if item.Key == tenantKey(p.tenant) {
				continue
			}
			if err := p.delete(ctx, item); err != nil {
				return err
			}
		}
		return nil
	})
}
