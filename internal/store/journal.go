package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// The attributes of a failure's entry and of a failing subject, besides those
// of all entries.
const (
	attrDetail   = "det"   // the detail of the error, or of a warning
	attrScimType = "sct"   // the error's scimType
	attrRemedy   = "rem"   // names the advice, if it is not the cause's own; earlier versions wrote its text, as "todo"
	attrAbout    = "about" // the key of the failing subject
	attrFirst    = "first" // of a failing subject: the first failure since its last success
	attrCount    = "n"     // failures since; of an entry the requests that it stands for
	attrUnnamed  = "none"  // 1 of a failure that is of no single user or group
	attrRequest  = "req"   // the last request that failed
	attrAsked    = "ask"   // of a failing subject: the values of that request on which the rules depend
)

// maxDetail is the most bytes of a detail that are stored.
const maxDetail = 600

// subjectName returns a subject's key among the failing ones, which also begins
// its keys in the index. Names are hashed: they may be long, and need not be
// readable here. An unknown subject has none.
func subjectName(s journal.Subject) string {
	hash := func(kind, value string) string {
		sum := sha256.Sum256([]byte(value))
		return s.Type + "~" + kind + base64.RawURLEncoding.EncodeToString(sum[:18])
	}
	switch {
	case s.ID != "":
		return s.Type + "#" + s.ID
	case s.Name != "":
		return hash("n", directory.FoldName(s.Name))
	case s.ExternalID != "":
		return hash("e", s.ExternalID)
	}
	return ""
}

func subjectOfRecord(e journal.Entry) journal.Subject {
	return journal.Subject{Type: e.ResourceType, ID: e.ResourceID}
}

// The index of the log is a partition with two kinds of keys: failures in the
// order of time, and the entries of a subject that no record leads to.
const (
	indexFailures = "F#"
	indexSubject  = "S#"
)

func indexKey(t tenant.ID, place, entry string) table.Key {
	return table.Key{Partition: partition(t, "INDEX"), Sort: place + entry}
}

// indexOp adds an entry to those of a subject.
func indexOp(t tenant.ID, s journal.Subject, e journal.Entry, expires time.Time) table.Op {
	return table.Put(table.Item{
		Key:        indexKey(t, indexSubject+subjectName(s)+"#", e.Key()),
		Attributes: table.Attributes{table.ExpiryName: table.Number(expires.Unix())},
	})
}

// failureOp adds an entry to the failures.
func failureOp(t tenant.ID, e journal.Entry, expires time.Time) table.Op {
	a := table.Attributes{attrCause: table.Text(string(e.Cause)), table.ExpiryName: table.Number(expires.Unix())}
	if e.StandsFor > 1 {
		a[attrCount] = table.Number(e.StandsFor)
	}
	if e.Unnamed {
		a[attrUnnamed] = table.Number(1)
	}
	return table.Put(table.Item{Key: indexKey(t, indexFailures, e.Key()), Attributes: a})
}

// WhoFails reads which of the subjects are failing now.
func (s *Store) WhoFails(ctx context.Context, t tenant.ID, subjects ...journal.Subject) (map[journal.Subject]bool, error) {
	items, err := s.failing(ctx, t, subjects)
	if err != nil {
		return nil, err
	}
	fails := map[journal.Subject]bool{}
	for subject := range items {
		fails[subject] = true
	}
	return fails, nil
}

// failing reads the items of the failing ones among some subjects, including
// expired items.
func (s *Store) failing(ctx context.Context, t tenant.ID, subjects []journal.Subject) (map[journal.Subject]table.Item, error) {
	of := map[table.Key]journal.Subject{}
	var keys []table.Key
	for _, subject := range subjects {
		name := subjectName(subject)
		if name == "" { // an unknown subject cannot be marked as failing
			continue
		}
		key := failingKey(t, name)
		if _, twice := of[key]; !twice {
			of[key] = subject
			keys = append(keys, key)
		}
	}
	found, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	items := make(map[journal.Subject]table.Item, len(found))
	for key, item := range found {
		items[of[key]] = item
	}
	return items, nil
}

// Record writes the entry of a request that has none by its change, and updates
// the failing subjects:
//
//	log entry         absent
//	index             of failures, and of the subject
//	failing subject   created, or its count incremented
//	resolved subjects present, deleted, each with a signal: of two requests one says so
//	renamed subjects  present, deleted: a failure that goes on under an id does not begin
func (s *Store) Record(ctx context.Context, t tenant.ID, r journal.Record) error {
	if err := s.limitSignals(ctx, t, &r); err != nil {
		return err
	}
	for range maxRecords {
		again, err := s.recordOnce(ctx, t, &r)
		if !again {
			return writeError(err)
		}
		// Another request of the subject was written in between, or resolved it.
	}
	return fmt.Errorf("%w: the failing subjects changed at each attempt", directory.ErrBusy)
}

// maxRecords is how often a record is written again because failing subjects changed.
const maxRecords = 5

// limitSignals completes a record without an entry whose subjects are resolved: its signals
// are kept as log entries are, and none is written later than its id says.
func (s *Store) limitSignals(ctx context.Context, t tenant.ID, r *journal.Record) error {
	if len(r.Resolved) == 0 {
		return nil
	}
	if r.NotAfter.IsZero() {
		r.NotAfter = s.now().Add(journal.WriteTime)
	}
	if r.Expires.IsZero() {
		found, ok, err := s.Tenant(ctx, t)
		if err != nil {
			return err
		}
		if !ok {
			found.Settings = tenant.DefaultSettings()
		}
		r.Expires = s.now().Add(found.Settings.LogRetention())
	}
	return nil
}

// recordOnce writes a record. If a condition on a failing subject did not hold, the record
// becomes what can be written, and again is true.
func (s *Store) recordOnce(ctx context.Context, t tenant.ID, r *journal.Record) (again bool, err error) {
	ops := entryOps(t, r)
	fails := -1
	if r.Entry != nil && !r.Amends && !r.Fails.IsZero() {
		fails = len(ops)
		ops = append(ops, failingOp(t, *r))
	}
	ends := len(ops)
	for _, subject := range slices.Concat(r.Resolved, r.Renamed) {
		ops = append(ops, table.Delete(failingKey(t, subjectName(subject)), table.Present()))
	}
	for _, subject := range r.Resolved {
		ops = append(ops, s.fixedOp(t, *r, subject))
	}
	if len(ops) == 0 {
		return false, nil
	}
	err = s.write(ctx, r.NotAfter, ops...)
	var failed *table.ConditionError
	if !errors.As(err, &failed) {
		return false, err
	}
	turned := fails >= 0 && hasFailed(failed, fails)
	resolved := stillThere(r.Resolved, failed, ends)
	renamed := stillThere(r.Renamed, failed, ends+len(r.Resolved))
	again = turned || len(resolved) < len(r.Resolved) || len(renamed) < len(r.Renamed)
	r.Resolved, r.Renamed, r.Failed = resolved, renamed, r.Failed != turned
	return again, err
}

// stillThere returns the subjects that another request has not removed. The first of them
// is that of an operation.
func stillThere(subjects []journal.Subject, failed *table.ConditionError, first int) []journal.Subject {
	var there []journal.Subject
	for i, subject := range subjects {
		if !hasFailed(failed, first+i) {
			there = append(there, subject)
		}
	}
	return there
}

// entryOps write the entry of a record and its index, or amend the entry.
func entryOps(t tenant.ID, r *journal.Record) []table.Op {
	if r.Entry == nil {
		return nil
	}
	e := *r.Entry
	if r.Amends {
		return []table.Op{table.Update(logKey(t, e.Key(), 0), table.Change{Set: table.Attributes{
			attrOutcome: table.Text(string(e.Outcome)), attrCause: table.Text(string(e.Cause)),
		}}, table.Present())}
	}
	if !r.Fails.IsZero() {
		e.Begins = !r.Failed && len(r.Renamed) == 0
	}
	ops := []table.Op{table.Put(logItem(t, e, r.Expires), table.Absent())}
	if e.Outcome == journal.Failure {
		ops = append(ops, failureOp(t, e, r.Expires))
	}
	for _, subject := range indexed(e.About) {
		ops = append(ops, indexOp(t, subject, e, r.Expires))
	}
	return ops
}

// hasFailed reports whether an operation's condition did not hold.
func hasFailed(failed *table.ConditionError, op int) bool {
	return slices.ContainsFunc(failed.Failed, func(f table.FailedCondition) bool { return f.Op == op })
}

// fixedOp writes the signal of a subject that no longer fails.
func (s *Store) fixedOp(t tenant.ID, r journal.Record, subject journal.Subject) table.Op {
	if r.Provisioned.ID != "" && r.Provisioned.Type == subject.Type {
		subject = r.Provisioned
	}
	return signalOp(t, journal.Signal{
		ID: s.newID(), Time: s.now(), Type: string(event.ProvisioningFixed), Subject: subject, RequestID: r.RequestID,
	}, r.Expires)
}

// indexed returns the subjects under which a subject's entries are found: a
// record's id, or what is known of a subject without a record.
func indexed(s journal.Subject) []journal.Subject {
	var names []journal.Subject
	switch {
	case s.IsZero():
	case s.ID != "":
		names = append(names, journal.Subject{Type: s.Type, ID: s.ID})
	default:
		if s.Name != "" {
			names = append(names, journal.Subject{Type: s.Type, Name: s.Name})
		}
		if s.ExternalID != "" {
			names = append(names, journal.Subject{Type: s.Type, ExternalID: s.ExternalID})
		}
	}
	return names
}

// failingOp makes a subject a failing one, or counts a further failure.
func failingOp(t tenant.ID, r journal.Record) table.Op {
	e := r.Entry
	a := table.Attributes{
		attrTime: millis(e.Time), attrOperation: table.Text(string(e.Operation)), attrCause: table.Text(string(e.Cause)),
		attrResourceType: table.Text(r.Fails.Type), attrResourceID: table.Text(r.Fails.ID),
		attrSubject: table.Text(cut(e.Subject)), attrExternalID: table.Text(cut(e.ExternalID)), attrIdP: table.Text(string(e.IdP)),
		attrDetail: table.Text(text.Cut(e.Detail, maxDetail)), attrRemedy: table.Text(string(e.Remedy)), attrRequest: table.Text(e.Key()),
		attrAsked:        table.Text(r.Asked.Text()),
		attrFaults:       table.Text(joinNames(setting.Names(e.Faults))),
		table.ExpiryName: table.Number(journal.FailureExpires(r.Fails, e.Time, r.Expires).Unix()),
	}
	key := failingKey(t, subjectName(r.Fails))
	if r.Failed {
		return table.Update(key, table.Change{Set: a, Add: map[string]int64{attrCount: 1}}, table.Present())
	}
	a[attrFirst], a[attrCount] = millis(e.Time), table.Number(1)
	return table.Put(table.Item{Key: key, Attributes: a}, table.Absent())
}
