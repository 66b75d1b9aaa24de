package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Fault is one broken invariant of a tenant's data.
type Fault struct {
	// Item is the item at fault: its kind and id.
	Item string
	// Problem is the fault.
	Problem string
	// Unfinished reports that it is unfinished work: a sweep finishes it.
	Unfinished bool
	// Renewable reports that an earlier version stored it this way: RenewNames
	// renews it.
	Renewable bool
}

// String returns the fault in one line.
func (f Fault) String() string { return f.Item + ": " + f.Problem }

// Audit reads all of a tenant's users, groups and memberships, its
// reservations, mails, tasks and its ledger, and reports every invariant that
// does not hold:
//
//   - a record's reservations are those of its document, less what a deleted
//     record has lost, and each reservation is held by the record it names;
//   - each other email is in the index, and the index has no others;
//   - each membership is stored in both directions, for an existing group,
//     under its current epoch, and for a live user; for any other membership a
//     task ends it;
//   - the protected users are those on the list, and no existing group has a
//     marker as deleted;
//   - no task is left, and unfinished work has a task;
//   - the ledger's counts are those of the records.
//
// It is reliable for a tenant that is not written to while it runs. Memberships
// are found from existing users and groups: partitions that no record leads to
// are not seen, and no reader sees them either.
func (s *Store) Audit(ctx context.Context, t tenant.ID) ([]Fault, error) {
	a := audit{
		tenant: t, records: map[string]*directory.User{}, groups: map[string]*directory.Group{},
		held: map[table.Key]string{}, mails: map[table.Key]bool{},
		deleted: map[string]bool{}, owners: map[table.Key]string{}, formerMails: map[table.Key]bool{},
	}
	scans := []struct {
		partition string
		visit     func(table.Item)
	}{
		{partition(t, "USERS"), func(i table.Item) { a.record(decodeUser(i, false)) }},
		{partition(t, "GONE"), func(i table.Item) { a.record(decodeUser(i, true)) }},
		{partition(t, "GROUPS"), func(i table.Item) { a.group(decodeGroup(i)) }},
		{partition(t, "MAILS"), a.mail},
	}
	for _, kind := range slices.Concat(directory.Kinds[:], directory.GroupKinds[:]) {
		if kind.Space() != kind {
			continue
		}
		scans = append(scans, struct {
			partition string
			visit     func(table.Item)
		}{reservationKey(t, kind, "x").Partition, a.reservation})
	}
	for _, scan := range scans {
		if err := s.scan(ctx, scan.partition, scan.visit); err != nil {
			return nil, err
		}
	}
	if err := s.auditGuard(ctx, &a); err != nil {
		return nil, err
	}
	if err := s.auditMarkers(ctx, &a); err != nil {
		return nil, err
	}
	if err := s.auditTasks(ctx, &a); err != nil {
		return nil, err
	}
	if err := s.auditMembers(ctx, &a); err != nil {
		return nil, err
	}
	ledger, err := s.Ledger(ctx, t)
	if err != nil {
		return nil, err
	}
	return a.finish(ledger), nil
}

// audit collects what the records say, and compares the other items with it.
type audit struct {
	tenant  tenant.ID
	mu      sync.Mutex // for the faults: memberships are read in parallel
	faults  []Fault
	counts  directory.Ledger
	records map[string]*directory.User
	groups  map[string]*directory.Group
	tasks   map[directory.Task]table.Item
	// held are the reservations that records hold, mails the index entries that
	// they need; entries found in the table are removed.
	held  map[table.Key]string
	mails map[table.Key]bool
	// deleted are the items of deleted records.
	deleted map[string]bool
	// owners are the records that hold a value, missing the values that records
	// should hold and do not, and formerMails what an earlier version put into
	// the index.
	owners      map[table.Key]string
	missing     []missing
	formerMails map[table.Key]bool
}

// missing is a value that a record should hold and does not, or holds in the
// form of an earlier version.
type missing struct {
	item, id string
	kind     directory.Kind
	key      table.Key
	// former is where the value is reserved in the form of an earlier version,
	// if held.
	former table.Key
	held   bool
}

func (a *audit) fault(item, format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = append(a.faults, Fault{Item: item, Problem: fmt.Sprintf(format, args...)})
}

func (a *audit) record(u *directory.User) {
	item := "user " + u.ID
	if _, twice := a.records[u.ID]; twice {
		a.fault(item, "is both live and deleted")
	}
	a.records[u.ID] = u
	r, err := u.Resource()
	if err != nil {
		a.fault(item, "has a document that does not decode")
		return
	}
	if active, _ := r["active"].(bool); active != u.Active {
		a.fault(item, "is active in one place and inactive in another")
	}
	a.deleted[item] = u.Deleted
	a.claims(item, u.ID, u.Held, directory.ClaimsOf(r), directory.FormerClaims(r), u.Live())
	for _, mail := range directory.OtherEmails(r) {
		a.mails[mailKey(a.tenant, mail, u.ID)] = true
	}
	for _, mail := range directory.FormerOtherEmails(r) {
		a.formerMails[mailKey(a.tenant, mail, u.ID)] = true
	}
	if u.Live() {
		a.counts.Users++
	}
	switch u.Holds() {
	case directory.HoldsSeat:
		a.counts.Seats++
	case directory.HoldsReader:
		a.counts.Readers++
	case directory.HoldsNothing:
	}
}

// claims compares the values that a record holds with those of its document. A
// deleted record may have lost some.
func (a *audit) claims(item, id string, held, claims, former directory.Claims, all bool) {
	for kind, value := range held {
		key := reservationKey(a.tenant, kind, value)
		switch {
		case claims[kind] == value:
		case claims[kind] != "" && former[kind] == value:
			a.missing = append(a.missing, missing{
				item: item, id: id, kind: kind, key: reservationKey(a.tenant, kind, claims[kind]), former: key, held: true,
			})
		default:
			a.fault(item, "holds a %s that is not in its document", kind.Attribute())
		}
		if other, twice := a.owners[key]; twice {
			a.fault(item, "holds the same %s as %s", kind.Attribute(), other)
		}
		a.held[key], a.owners[key] = id, item
	}
	for kind, value := range claims {
		_, ok := held[kind]
		switch {
		case ok || !all:
		case kind == directory.Address:
			a.missing = append(a.missing, missing{item: item, id: id, kind: kind, key: reservationKey(a.tenant, kind, value)})
		default:
			a.fault(item, "does not hold the %s of its document", kind.Attribute())
		}
	}
}

// former reports what is stored in the form of an earlier version, each with
// the record that prevents its renewal.
func (a *audit) former() {
	for _, m := range a.missing {
		f := Fault{Item: m.item}
		owner := a.owners[m.key]
		switch {
		case owner == "" || owner == m.item || a.deleted[m.item] || a.deleted[owner]:
			// Free, or one of the two is deleted, and loses the value.
			f.Renewable = true
			f.Problem = "does not hold its userName as an address: an earlier version did not reserve it"
			if m.held {
				f.Problem = fmt.Sprintf("holds its %s in the form of an earlier version", m.kind.Attribute())
			}
		case m.held:
			f.Problem = fmt.Sprintf("has a %s that looks like that of %s: rename one of them", m.kind.Attribute(), owner)
		default:
			f.Problem = fmt.Sprintf("has a userName that is the email of %s: change one of them", owner)
		}
		a.faults = append(a.faults, f)
	}
}

func (a *audit) reservation(i table.Item) {
	holder := i.Attributes.Text(attrHolder)
	item := "reservation of " + holder
	switch want, ok := a.held[i.Key]; {
	case !ok:
		a.fault(item, "names a record that does not hold it")
	case want != holder:
		a.fault(item, "is held by %s", want)
	}
	delete(a.held, i.Key)
}

func (a *audit) mail(i table.Item) {
	if former := a.formerMails[i.Key]; former && !a.mails[i.Key] {
		_, id, _ := strings.Cut(i.Sort, mailDelimiter)
		a.faults = append(a.faults, Fault{
			Item: "email of user " + id, Problem: "is in the index in the form of an earlier version", Renewable: true,
		})
	} else if !a.mails[i.Key] {
		_, id, _ := strings.Cut(i.Sort, mailDelimiter)
		a.fault("email of user "+id, "is in the index and not in the document")
	}
	delete(a.mails, i.Key)
}

func (a *audit) finish(l directory.Ledger) []Fault {
	for key, id := range a.held {
		a.fault("record "+id, "has no reservation in %s", key.Partition)
	}
	renewable := map[string]bool{}
	for _, f := range a.faults {
		renewable[f.Item] = renewable[f.Item] || f.Renewable
	}
	for key := range a.mails {
		_, id, _ := strings.Cut(key.Sort, mailDelimiter)
		a.faults = append(a.faults, Fault{
			Item: "user " + id, Problem: "has an email that is not in the index", Renewable: renewable["email of user "+id],
		})
	}
	a.former()
	for _, c := range []struct {
		name      string
		got, want int64
	}{
		{"seats", l.Seats, a.counts.Seats},
		{"readers", l.Readers, a.counts.Readers},
		{"users", l.Users, a.counts.Users},
		{"groups", l.Groups, a.counts.Groups},
	} {
		if c.got != c.want {
			a.fault("ledger", "counts %d %s, there are %d", c.got, c.name, c.want)
		}
	}
	slices.SortStableFunc(a.faults, func(x, y Fault) int { return strings.Compare(x.String(), y.String()) })
	return a.faults
}
