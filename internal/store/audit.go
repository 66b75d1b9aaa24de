package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
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
//   - a group with owed members says so, and groups are owed only to users that
//     exist;
//   - no task is left, and unfinished work has a task;
//   - the ledger's counts are those of the records, its shards are numbered without a
//     gap, their limits add up to the tenant's, and none of several is above its own.
//
// It is reliable for a tenant that is not written to while it runs; Verify reads
// again before it reports. Memberships are found from existing users and groups:
// partitions that no record leads to are not seen, and no reader sees them
// either.
//
// It keeps about 350 bytes for each user in memory, and no document.
func (s *Store) Audit(ctx context.Context, t tenant.ID) ([]Fault, error) {
	a, err := s.audit(ctx, t)
	if err != nil {
		return nil, err
	}
	return a.all(a.counting.faults()), nil
}

// audit reads all of a tenant.
func (s *Store) audit(ctx context.Context, t tenant.ID) (*audit, error) {
	a := newAudit(t)
	var err error
	if a.before, err = s.scanShards(ctx, t); err != nil {
		return nil, err
	}
	for _, scan := range a.scans() {
		if err := s.scan(ctx, scan.partition, scan.visit); err != nil {
			return nil, err
		}
	}
	for _, read := range []func(context.Context, *audit) error{s.auditGuard, s.auditMarkers, s.auditOwed, s.auditTasks, s.auditMembers, s.auditLedger} {
		if err := read(ctx, a); err != nil {
			return nil, err
		}
	}
	a.after, err = s.scanShards(ctx, t)
	a.compare()
	return a, err
}

// audit collects what the records say, and compares the other items with it.
type audit struct {
	counting

	tenant tenant.ID
	mu     sync.Mutex // for the faults: memberships are read in parallel
	faults []Fault
	// records are the users and groups, users and groups their places in it.
	records []audited
	users   map[string]uint32
	groups  map[string]auditedGroup
	tasks   map[directory.Task]bool
	// claims are the values that records hold, mails the index entries that they
	// need, formerMails what an earlier version put into the index.
	claims      map[digest]claimant
	mails       map[digest]claimant
	formerMails map[digest]bool
	missing     []missing
	// wanting are live records with a value in their documents that they do not
	// hold, contested the values that two live records hold.
	wanting   map[digest][]uint32
	contested map[digest]bool
	// suspects are the records whose names are at fault, and stray the reservations
	// and entries of the index that no record needs.
	suspects map[uint32]bool
	stray    []table.Key
}

func newAudit(t tenant.ID) *audit {
	return &audit{
		tenant: t, users: map[string]uint32{}, groups: map[string]auditedGroup{},
		claims: map[digest]claimant{}, mails: map[digest]claimant{}, formerMails: map[digest]bool{},
		wanting: map[digest][]uint32{}, contested: map[digest]bool{}, suspects: map[uint32]bool{},
	}
}

// audited is what an audit keeps of a record: a tenant may have a million users.
type audited struct {
	id                                 string
	group, deleted, leaving, protected bool
}

// live reports whether a user is not deleted.
func (r audited) live() bool { return !r.deleted }

// String returns the item of the record.
func (r audited) String() string {
	if r.group {
		return "group " + r.id
	}
	return "user " + r.id
}

// auditedGroup is a group's place among the records, and what its memberships
// are compared with.
type auditedGroup struct {
	record        uint32
	epoch, epochs int64
	pending       string
	owed          bool
}

// digest stands for a key: keys are longer, and a value that a client chose
// cannot have the digest of another.
type digest [16]byte

func digestOf(k table.Key) digest {
	sum := sha256.Sum256([]byte(k.Partition + "\x00" + k.Sort))
	return digest(sum[:16])
}

// claimant is the record that needs an item.
type claimant struct {
	record uint32
	kind   uint8 // the place in auditedKinds, of a claim
	found  bool  // the item exists
	wanted bool  // the value is in the record's document
}

// auditedKinds are the kinds of claim.
var auditedKinds = slices.Concat(directory.Kinds[:], directory.GroupKinds[:])

// missing is a value that a record should hold and does not, or holds in the
// form of an earlier version.
type missing struct {
	record uint32
	kind   directory.Kind
	key    digest
	held   bool
}

// scans returns the partitions that are compared with each other, in the order
// in which they are read: records before what refers to them.
func (a *audit) scans() []auditScan {
	scans := []auditScan{
		{partition(a.tenant, "USERS"), func(i table.Item) { a.record(decodeUser(i, false)) }},
		{partition(a.tenant, "GONE"), func(i table.Item) { a.record(decodeUser(i, true)) }},
		{partition(a.tenant, "GROUPS"), func(i table.Item) { a.group(decodeGroup(i)) }},
		{partition(a.tenant, "MAILS"), a.mail},
	}
	for _, kind := range auditedKinds {
		if kind.Space() == kind {
			scans = append(scans, auditScan{reservationKey(a.tenant, kind, "x").Partition, a.reservation})
		}
	}
	return scans
}

type auditScan struct {
	partition string
	visit     func(table.Item)
}

// people returns the users, each once.
func (a *audit) people() iter.Seq[audited] {
	return func(yield func(audited) bool) {
		for i, r := range a.records {
			if !r.group && a.users[r.id] == uint32(i) && !yield(r) {
				return
			}
		}
	}
}

// known returns what is known of a user.
func (a *audit) known(id string) (audited, bool) {
	i, ok := a.users[id]
	if !ok {
		return audited{}, false
	}
	return a.records[i], true
}

func (a *audit) fault(item, format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = append(a.faults, Fault{Item: item, Problem: fmt.Sprintf(format, args...)})
}

func (a *audit) record(u *directory.User) {
	item := "user " + u.ID
	if _, twice := a.users[u.ID]; twice {
		a.fault(item, "is both live and deleted")
	}
	a.user(u)
	n := a.add(audited{id: u.ID, deleted: u.Deleted, leaving: u.Leaving, protected: u.Protected})
	a.users[u.ID] = n
	r, err := u.Resource()
	if err != nil {
		a.fault(item, "has a document that does not decode")
		return
	}
	if active, _ := r["active"].(bool); active != u.Active {
		a.fault(item, "is active in one place and inactive in another")
	}
	a.claim(n, u.Held, directory.ClaimsOf(r), directory.FormerClaims(r), u.Live())
	for _, mail := range directory.OtherEmails(r) {
		a.mails[digestOf(mailKey(a.tenant, mail, u.ID))] = claimant{record: n}
	}
	for _, mail := range directory.FormerOtherEmails(r) {
		key := digestOf(mailKey(a.tenant, mail, u.ID))
		if _, current := a.mails[key]; !current {
			a.formerMails[key] = true
		}
	}
}

// add adds a record, and returns its place.
func (a *audit) add(r audited) uint32 {
	a.records = append(a.records, r)
	return uint32(len(a.records) - 1) //nolint:gosec // G115: no tenant has four billion records
}

// claim compares the values that a record holds with those of its document. A
// deleted record may have lost some.
func (a *audit) claim(n uint32, held, claims, former directory.Claims, all bool) {
	item := a.records[n].String()
	for kind, value := range held {
		key := digestOf(reservationKey(a.tenant, kind, value))
		wanted := claims[kind] == value || claims[kind] != "" && former[kind] == value
		switch {
		case claims[kind] == value:
		case claims[kind] != "" && former[kind] == value:
			a.missing = append(a.missing, missing{record: n, kind: kind, key: digestOf(reservationKey(a.tenant, kind, claims[kind])), held: true})
		default:
			a.fault(item, "holds a %s that is not in its document", kind.Attribute())
			a.suspects[n] = true
		}
		if other, twice := a.claims[key]; twice {
			a.suspects[n], a.suspects[other.record] = true, true
			if wanted && other.wanted && !a.records[n].deleted && !a.records[other.record].deleted {
				a.contested[key] = true
			}
			a.fault(item, "holds the same %s as %s", kind.Attribute(), a.records[other.record])
		}
		if other, twice := a.claims[key]; !twice || a.records[other.record].deleted || !a.records[n].deleted {
			a.claims[key] = claimant{record: n, kind: uint8(slices.Index(auditedKinds, kind)), wanted: wanted} //nolint:gosec // G115: one of six
		}
	}
	for kind, value := range claims {
		was, ok := held[kind]
		if all && was != value && (!ok || former[kind] != was) && kind != directory.Address {
			key := digestOf(reservationKey(a.tenant, kind, value))
			a.wanting[key] = append(a.wanting[key], n)
		}
		switch {
		case ok || !all:
		case kind == directory.Address:
			a.missing = append(a.missing, missing{record: n, kind: kind, key: digestOf(reservationKey(a.tenant, kind, value))})
		default:
			a.fault(item, "does not hold the %s of its document", kind.Attribute())
			a.suspects[n] = true
		}
	}
}

// former reports what is stored in the form of an earlier version, each with
// the record that prevents its renewal.
func (a *audit) former() {
	for _, m := range a.missing {
		record := a.records[m.record]
		f := Fault{Item: record.String()}
		owner, owned := a.claims[m.key]
		switch {
		case !owned || owner.record == m.record || record.deleted || a.records[owner.record].deleted:
			// Free, or one of the two is deleted, and loses the value.
			f.Renewable = true
			f.Problem = "does not hold its userName as an address: an earlier version did not reserve it"
			if m.held {
				f.Problem = fmt.Sprintf("holds its %s in the form of an earlier version", m.kind.Attribute())
			}
		case m.held:
			f.Problem = fmt.Sprintf("has a %s that looks like that of %s: rename one of them", m.kind.Attribute(), a.records[owner.record])
		default:
			f.Problem = fmt.Sprintf("has a userName that is the email of %s: change one of them", a.records[owner.record])
		}
		a.faults = append(a.faults, f)
	}
}

func (a *audit) reservation(i table.Item) {
	holder := i.Attributes.Text(attrHolder)
	item := "reservation of " + holder
	key := digestOf(i.Key)
	want, ok := a.claims[key]
	switch {
	case !ok:
		a.fault(item, "names a record that does not hold it")
		a.stray = append(a.stray, i.Key)
		return
	case a.records[want.record].id != holder:
		a.fault(item, "is held by %s", a.records[want.record].id)
		a.suspects[want.record] = true
	}
	want.found = true
	a.claims[key] = want
}

// isWanted reports whether a record has the value of a reservation.
func (a *audit) isWanted(key table.Key) bool {
	_, held := a.claims[digestOf(key)]
	return held || len(a.wanting[digestOf(key)]) > 0
}

// isContested reports whether two live records have the value of a reservation.
func (a *audit) isContested(key table.Key) bool {
	d := digestOf(key)
	wanting := a.wanting[d]
	if a.contested[d] || len(wanting) > 1 {
		return true
	}
	owner, held := a.claims[d]
	return held && len(wanting) == 1 && owner.record != wanting[0] && owner.wanted && !a.records[owner.record].deleted
}

// liveWants reports whether a live record has the value of a reservation.
func (a *audit) liveWants(key table.Key) bool {
	owner, held := a.claims[digestOf(key)]
	return held && owner.wanted && !a.records[owner.record].deleted || len(a.wanting[digestOf(key)]) > 0
}

func (a *audit) mail(i table.Item) {
	_, id, _ := strings.Cut(i.Sort, mailDelimiter)
	key := digestOf(i.Key)
	want, ok := a.mails[key]
	switch {
	case ok:
		want.found = true
		a.mails[key] = want
	case a.formerMails[key]:
		a.faults = append(a.faults, Fault{
			Item: "email of user " + id, Problem: "is in the index in the form of an earlier version", Renewable: true,
		})
	default:
		a.fault("email of user "+id, "is in the index and not in the document")
		a.stray = append(a.stray, i.Key)
	}
}

// compare reports what records need and what does not exist.
func (a *audit) compare() {
	for _, c := range a.claims {
		if !c.found {
			a.suspects[c.record] = true
			a.fault("record "+a.records[c.record].id, "has no reservation in %s", reservationKey(a.tenant, auditedKinds[c.kind], "x").Partition)
		}
	}
	renewable := map[string]bool{}
	for _, f := range a.faults {
		renewable[f.Item] = renewable[f.Item] || f.Renewable
	}
	for _, m := range a.mails {
		if id := a.records[m.record].id; !m.found {
			a.suspects[m.record] = true
			a.faults = append(a.faults, Fault{
				Item: "user " + id, Problem: "has an email that is not in the index", Renewable: renewable["email of user "+id],
			})
		}
	}
	a.former()
}

// all returns the faults, with others.
func (a *audit) all(others []Fault) []Fault { return inOrder(append(others, a.faults...)) }

// inOrder sorts faults by their texts.
func inOrder(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(x, y Fault) int { return strings.Compare(x.String(), y.String()) })
	return faults
}
