package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Repairer is who repairs a tenant, and whether anything is written.
type Repairer struct {
	// Who is the person, for the log.
	Who string
	// Apply makes the repairs; without it they are only computed.
	Apply bool
}

// A Repair is one transaction of a repair.
type Repair struct {
	// Item is the item at fault, and Change what is changed: what there was, and
	// what there is then.
	Item, Change string
	// Entry is the entry of the log, "" if nothing was written.
	Entry string
}

// Rebuilt is the result of RebuildNames.
type Rebuilt struct {
	Repairs []Repair
	// Conflicts are values that two records have, and what changed at each attempt.
	Conflicts []Fault
}

// RebuildNames makes the reservations of a tenant, and its index of emails, those
// of the documents:
//
//   - a record holds and reserves what its document has; a deleted one what is left
//     to it;
//   - a reservation that names a record without the value is deleted;
//   - a value is never taken from a live record that holds it. A deleted record
//     loses it to a live one, as in any request.
//
// A value that two live records have is a conflict: the machine cannot know whose
// it is, and it stays as it is.
//
// Each record is one transaction under its version, which changes, under what its
// reservations say and under the state of each other record that they name; it has
// an entry in the log. So it is safe concurrently with requests, and to repeat.
// Names in the form of an earlier version are left to RenewNames.
func (s *Store) RebuildNames(ctx context.Context, t tenant.ID, by Repairer) (Rebuilt, error) {
	found, ok, err := s.Tenant(ctx, t)
	if err != nil || !ok {
		return Rebuilt{}, err
	}
	if found.Settings.Ending {
		return Rebuilt{}, tenant.ErrEnding
	}
	a, err := s.audit(ctx, t)
	if err != nil {
		return Rebuilt{}, err
	}
	r := &rebuild{store: s, tenant: found, by: by, audit: a}
	for _, n := range slices.Sorted(maps.Keys(a.suspects)) {
		if err := r.record(ctx, a.records[n]); err != nil {
			return r.done, err
		}
	}
	for _, key := range a.stray {
		if err := r.stray(ctx, key); err != nil {
			return r.done, err
		}
	}
	return r.done, nil
}

// rebuild is one run of RebuildNames.
type rebuild struct {
	store  *Store
	tenant tenant.Tenant
	by     Repairer
	audit  *audit
	done   Rebuilt
}

// holding is a record with what it holds, as read for a repair. The zero holding
// is a record that does not exist.
type holding struct {
	key            table.Key
	id             string
	group, deleted bool
	// same are the conditions under which the record is as read.
	same           []table.Condition
	version        int64
	kinds          []directory.Kind
	held, wanted   directory.Claims
	mails, former  []string
	history        journal.History
	subject, extID string
}

func (h *holding) exists() bool { return h.id != "" }

// read reads a user or a group. One whose document does not decode exists and
// wants nothing.
func (r *rebuild) read(ctx context.Context, id string, group bool) (*holding, error) {
	t := r.tenant.ID
	if group {
		item, ok, err := r.store.read(ctx, groupKey(t, id))
		if err != nil || !ok {
			return &holding{}, err
		}
		g := decodeGroup(item)
		h := &holding{
			key: item.Key, id: id, group: true, version: g.Version, kinds: directory.GroupKinds[:], held: g.Held, history: g.History,
			same: []table.Condition{table.Is(attrRevision, table.Number(g.Revision))}, wanted: maps.Clone(g.Held),
		}
		if doc, err := g.Resource(); err == nil {
			h.want(directory.GroupClaimsOf(doc), directory.FormerGroupClaims(doc))
			h.subject, h.extID = doc.Text("displayName"), doc.Text("externalId")
		}
		return h, nil
	}
	records, err := r.store.Records(ctx, t, []string{id})
	u := records[id]
	if err != nil || u == nil {
		return &holding{}, err
	}
	h := &holding{
		key: recordKey(t, u), id: id, deleted: u.Deleted, version: u.Version, kinds: directory.Kinds[:], held: u.Held, history: u.History,
		same: []table.Condition{table.Is(attrVersion, table.Number(u.Version))}, wanted: maps.Clone(u.Held),
	}
	if doc, err := u.Resource(); err == nil {
		h.want(directory.ClaimsOf(doc), directory.FormerClaims(doc))
		h.mails, h.former = directory.OtherEmails(doc), directory.FormerOtherEmails(doc)
		h.subject, h.extID = doc.Text("userName"), doc.Text("externalId")
	}
	return h, nil
}

// want decides which values the record should hold: those of its document, and of a
// deleted record those that are left of them.
func (h *holding) want(claims, former directory.Claims) {
	h.wanted = directory.Claims{}
	for kind, value := range claims {
		was, held := h.held[kind]
		switch {
		case held && former[kind] == was:
			h.wanted[kind] = was // RenewNames
		case held && (was == value || !h.deleted), !held && !h.deleted && kind != directory.Address:
			h.wanted[kind] = value
		}
	}
}

// at returns the key of a record's value.
func (r *rebuild) at(kind directory.Kind, value string) table.Key {
	return reservationKey(r.tenant.ID, kind, value)
}

// holds reports under which kind the record holds the value of a reservation.
func (r *rebuild) holds(h *holding, key table.Key) (directory.Kind, bool) {
	for kind, value := range h.held {
		if r.at(kind, value) == key {
			return kind, true
		}
	}
	return "", false
}

// wants reports whether the record should hold the value of a reservation.
func (r *rebuild) wants(h *holding, key table.Key) bool {
	for kind, value := range h.wanted {
		if r.at(kind, value) == key {
			return true
		}
	}
	return false
}

// a fix is the transaction that repairs one item.
type fix struct {
	change  table.Change
	ops     []operation
	guards  map[table.Key]operation
	changes []string
	kinds   []string
	// lost are the deleted users that lose a value.
	lost []journal.Loss
	// conflicts are the other records that have a value.
	conflicts []string
}

func newFix() *fix {
	return &fix{change: table.Change{Set: table.Attributes{}}, guards: map[table.Key]operation{}}
}

func (f *fix) add(kind directory.Kind, op table.Op, format string, args ...any) {
	f.ops = append(f.ops, operation{Op: op})
	f.says(kind, format, args...)
}

// writes reports whether an operation is about an item.
func (f *fix) writes(key table.Key) bool {
	return slices.ContainsFunc(f.ops, func(o operation) bool { return o.Key == key })
}

func (f *fix) says(kind directory.Kind, format string, args ...any) {
	f.changes = append(f.changes, kind.Attribute()+" "+fmt.Sprintf(format, args...))
	if !slices.Contains(f.kinds, kind.Attribute()) {
		f.kinds = append(f.kinds, kind.Attribute())
	}
}

// guard requires that another record is as read. Of a user that does not exist
// both places are free.
func (r *rebuild) guard(f *fix, h *holding, id string, group bool) {
	t := r.tenant.ID
	switch {
	case h.exists():
		if _, there := f.guards[h.key]; !there {
			f.guards[h.key] = operation{Op: table.Check(h.key, h.same...)}
		}
	case group:
		f.guards[groupKey(t, id)] = operation{Op: table.Check(groupKey(t, id), table.Absent())}
	default:
		for _, key := range []table.Key{userKey(t, id), goneKey(t, id)} {
			f.guards[key] = operation{Op: table.Check(key, table.Absent())}
		}
	}
}

// record repairs what one record holds.
func (r *rebuild) record(ctx context.Context, of audited) error {
	return r.attempts(ctx, of.String(), func() (*fix, []operation, journal.Entry, error) {
		h, err := r.read(ctx, of.id, of.group)
		if err != nil || !h.exists() {
			return nil, nil, journal.Entry{}, err
		}
		f, err := r.fix(ctx, h)
		if err != nil || len(f.changes) == 0 {
			return f, nil, journal.Entry{}, err
		}
		e := r.entry(h.id, h.group, f)
		e.Version, e.Subject, e.ExternalID = h.version+1, h.subject, h.extID
		f.change.Add = map[string]int64{attrVersion: 1}
		if h.group {
			f.change.Add[attrRevision] = 1
		}
		extendHistory(&f.change, h.history, e)
		own := []operation{
			{Op: table.Update(h.key, f.change, h.same...)},
			{Op: logOp(r.tenant.ID, e, h.history, e.Time.Add(r.tenant.Settings.LogRetention()))},
		}
		return f, own, e, nil
	})
}

// attempts decides and commits until the decision's conditions hold.
func (r *rebuild) attempts(ctx context.Context, item string, decide func() (*fix, []operation, journal.Entry, error)) error {
	for range maxRenewals {
		f, own, e, err := decide()
		if err != nil || f == nil {
			return err
		}
		if len(f.changes) > 0 && r.by.Apply {
			ops := slices.Concat(own, f.ops, slices.Collect(maps.Values(f.guards)))
			err := r.store.commit(ctx, r.store.now().Add(journal.WriteTime), ops)
			var failed *directory.CommitError
			if errors.As(err, &failed) {
				continue
			}
			if err != nil {
				return err
			}
		}
		for _, conflict := range f.conflicts {
			r.done.Conflicts = append(r.done.Conflicts, Fault{Item: item, Problem: conflict})
		}
		if len(f.changes) > 0 {
			made := Repair{Item: item, Change: strings.Join(f.changes, "; ")}
			if r.by.Apply {
				made.Entry = e.Key()
			}
			r.done.Repairs = append(r.done.Repairs, made)
		}
		return nil
	}
	r.done.Conflicts = append(r.done.Conflicts, Fault{Item: item, Problem: "changed at each attempt: repair again"})
	return nil
}

// entry returns the log entry of a repair.
func (r *rebuild) entry(id string, group bool, f *fix) journal.Entry {
	of := journal.TypeUser
	if group {
		of = journal.TypeGroup
	}
	return journal.Entry{
		RequestID: r.store.newID(), Time: r.store.now(), By: journal.ByApplication, Who: r.by.Who,
		Operation: journal.Repair, Action: journal.Repaired, Outcome: journal.Success,
		ResourceType: of, ResourceID: id, Changed: f.kinds, Lost: f.lost, Detail: strings.Join(f.changes, "; "),
	}
}

// fix decides what a record should hold and reserve.
func (r *rebuild) fix(ctx context.Context, h *holding) (*fix, error) {
	keys := map[table.Key]bool{}
	for _, claims := range []directory.Claims{h.held, h.wanted} {
		for kind, value := range claims {
			keys[r.at(kind, value)] = true
		}
	}
	for _, mail := range slices.Concat(h.mails, h.former) {
		keys[mailKey(r.tenant.ID, mail, h.id)] = true
	}
	items, err := r.store.getAll(ctx, slices.Collect(maps.Keys(keys)))
	if err != nil {
		return nil, err
	}
	f := newFix()
	for _, kind := range h.kinds {
		if err := r.fixClaim(ctx, f, h, kind, items); err != nil {
			return nil, err
		}
	}
	for i, mail := range h.mails {
		key := mailKey(r.tenant.ID, mail, h.id)
		_, now := items[key]
		if _, former := items[mailKey(r.tenant.ID, h.former[i], h.id)]; !now && !former {
			f.add(directory.Email, table.Put(table.Item{Key: key}), "not in the index: added")
		}
	}
	return f, nil
}

// fixClaim decides about one kind of value.
func (r *rebuild) fixClaim(ctx context.Context, f *fix, h *holding, kind directory.Kind, items map[table.Key]table.Item) error {
	was, had := h.held[kind]
	value, want := h.wanted[kind]
	if want {
		took, err := r.reserve(ctx, f, h, kind, r.at(kind, value), items)
		if err != nil || !took {
			return err
		}
		if was != value {
			f.change.Set[heldAttribute(kind)] = table.Text(value)
		}
	}
	if !had || want && was == value {
		return nil
	}
	if !want {
		f.change.Remove = append(f.change.Remove, heldAttribute(kind))
		f.says(kind, "held without being in the document: given up")
	}
	if old := r.at(kind, was); items[old].Attributes.Text(attrHolder) == h.id && !r.wants(h, old) && !f.writes(old) {
		f.ops = append(f.ops, operation{Op: table.Delete(old, table.Is(attrHolder, table.Text(h.id)))})
	}
	return nil
}

// loses records that a deleted user loses a value, each user once.
func (f *fix) loses(loss journal.Loss) {
	if !slices.Contains(f.lost, loss) {
		f.lost = append(f.lost, loss)
	}
}

// reserve reserves a value for a record, unless another has it: took is false, and
// the value stays as it is, or the record, if it is deleted, loses it.
func (r *rebuild) reserve(ctx context.Context, f *fix, h *holding, kind directory.Kind, key table.Key, items map[table.Key]table.Item) (took bool, err error) {
	item, reserved := items[key]
	holder := item.Attributes.Text(attrHolder)
	mine := table.Put(table.Item{Key: key, Attributes: table.Attributes{attrHolder: table.Text(h.id)}}, table.Is(attrHolder, table.Text(holder)))
	switch {
	case reserved && holder == h.id:
		if h.held[kind] != h.wanted[kind] {
			f.says(kind, "reserved and not held: held")
		}
		return true, nil
	case h.deleted && r.audit.liveWants(key):
		f.change.Remove = append(f.change.Remove, heldAttribute(kind))
		f.says(kind, "of a live record: lost")
		return false, nil
	case !h.deleted && r.audit.isContested(key):
		f.conflicts = append(f.conflicts, fmt.Sprintf("has the same %s as another live record: change one of them", kind.Attribute()))
		return false, nil
	case !reserved:
		mine.When = []table.Condition{table.Absent()}
		f.add(kind, mine, "not reserved: reserved")
		return true, nil
	}
	other, err := r.read(ctx, holder, h.group)
	if err != nil {
		return false, err
	}
	as, holds := r.holds(other, key)
	holds = holds && (other.deleted || r.wants(other, key)) // what is not in its document it gives up
	switch {
	case !holds && other.exists() && !other.deleted && r.wants(other, key):
		f.conflicts = append(f.conflicts, fmt.Sprintf("has the %s of %s: change one of them", kind.Attribute(), nameOf(other)))
		return false, nil
	case !holds:
		r.guard(f, other, holder, h.group)
		f.add(kind, mine, "reserved for %s, which does not have it: reserved for this one", holder)
		return true, nil
	case !h.deleted && other.deleted:
		loses := f.guards[other.key]
		loses.Op = table.Update(other.key, table.Change{
			Add: map[string]int64{attrVersion: 1}, Remove: append(loses.Change.Remove, heldAttribute(as)),
		}, other.same...)
		f.guards[other.key] = loses
		f.loses(journal.Loss{ID: other.id, Version: other.version + 1})
		f.add(kind, mine, "reserved for %s, which is deleted: reserved for this one", holder)
		return true, nil
	case h.deleted:
		f.change.Remove = append(f.change.Remove, heldAttribute(kind))
		f.says(kind, "reserved for %s: lost", holder)
		return false, nil
	}
	f.conflicts = append(f.conflicts, fmt.Sprintf("has the %s of %s: change one of them", kind.Attribute(), nameOf(other)))
	return false, nil
}

// nameOf returns the item of a record.
func nameOf(h *holding) string { return audited{id: h.id, group: h.group}.String() }

// stray deletes a reservation, or an entry of the index of emails, that no record
// needs.
func (r *rebuild) stray(ctx context.Context, key table.Key) error {
	if r.audit.isWanted(key) {
		return nil // a record has it: see record
	}
	mail := key.Partition == partition(r.tenant.ID, "MAILS")
	group := slices.ContainsFunc(directory.GroupKinds[:], func(k directory.Kind) bool { return r.at(k, "x").Partition == key.Partition })
	name := "reservation"
	if mail {
		name = "email"
	}
	return r.attempts(ctx, name+" in "+key.Partition, func() (*fix, []operation, journal.Entry, error) {
		item, ok, err := r.store.read(ctx, key)
		if err != nil || !ok {
			return nil, nil, journal.Entry{}, err
		}
		id := item.Attributes.Text(attrHolder)
		when := []table.Condition{table.Is(attrHolder, table.Text(id))}
		if mail {
			_, id, _ = strings.Cut(key.Sort, mailDelimiter)
			when = nil
		}
		h, err := r.read(ctx, id, group)
		if err != nil {
			return nil, nil, journal.Entry{}, err
		}
		if _, holds := r.holds(h, key); holds || r.wants(h, key) || mail && r.mentions(h, key) {
			return nil, nil, journal.Entry{}, nil
		}
		f := newFix()
		r.guard(f, h, id, group)
		f.add(kindOf(key), table.Delete(key, when...), "reserved for %s, which does not have it: deleted", id)
		if mail {
			f.changes = []string{fmt.Sprintf("emails in the index for %s, which does not have it: deleted", id)}
		}
		e := r.entry(id, group, f)
		expires := e.Time.Add(r.tenant.Settings.LogRetention())
		return f, []operation{
			{Op: logOp(r.tenant.ID, e, nil, expires)},
			{Op: indexOp(r.tenant.ID, subjectOfRecord(e), e, expires)},
		}, e, nil
	})
}

// mentions reports whether an email of the index is in the user's document.
func (r *rebuild) mentions(h *holding, key table.Key) bool {
	return slices.ContainsFunc(slices.Concat(h.mails, h.former), func(mail string) bool { return mailKey(r.tenant.ID, mail, h.id) == key })
}

// kindOf returns the kind of a reservation, Email for the index of emails.
func kindOf(key table.Key) directory.Kind {
	for _, kind := range auditedKinds {
		if strings.HasSuffix(key.Partition, "#NAMES#"+string(kind)) {
			return kind
		}
	}
	return directory.Email
}
