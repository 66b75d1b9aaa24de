package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a signal, besides those of log entries: attrTime, attrResourceType,
// attrResourceID, attrSubject, attrExternalID, attrPartOf.
const (
	attrSignal    = "sig" // the type of the event
	detailsPrefix = "d."  // + name: a detail
)

// AddSignals stores signals, each with an id and a time of now, as one transaction, and
// keeps them for a time, as long as log entries.
func (s *Store) AddSignals(ctx context.Context, t tenant.ID, keep time.Duration, signals ...journal.Signal) error {
	if len(signals) == 0 {
		return nil
	}
	now := s.now()
	ops := make([]table.Op, len(signals))
	for i, signal := range signals {
		signal.ID, signal.Time = s.newID(), now
		ops[i] = signalOp(t, signal, now.Add(keep))
	}
	return writeError(s.write(ctx, now.Add(journal.WriteTime), ops...))
}

// signalOp writes a signal. Its id is unique, so that no condition is needed.
func signalOp(t tenant.ID, signal journal.Signal, expires time.Time) table.Op {
	a := table.Attributes{
		attrTime:         millis(signal.Time),
		attrSignal:       table.Text(signal.Type),
		table.ExpiryName: table.Number(expires.Unix()),
	}
	setTexts(a, map[string]string{
		attrResourceType: signal.Subject.Type, attrResourceID: signal.Subject.ID,
		attrSubject: cut(signal.Subject.Name), attrExternalID: cut(signal.Subject.ExternalID),
		attrPartOf: signal.RequestID,
	})
	for name, value := range signal.Details {
		a[detailsPrefix+name] = table.Text(value)
	}
	return table.Put(table.Item{Key: signalKey(t, signal.ID), Attributes: a})
}

func decodeSignal(item table.Item) journal.Signal {
	a := item.Attributes
	signal := journal.Signal{
		ID: item.Sort, Time: timeOf(a, attrTime), Type: a.Text(attrSignal), RequestID: a.Text(attrPartOf),
		Subject: journal.Subject{
			Type: a.Text(attrResourceType), ID: a.Text(attrResourceID), Name: a.Text(attrSubject), ExternalID: a.Text(attrExternalID),
		},
	}
	for name, value := range a {
		if detail, ok := strings.CutPrefix(name, detailsPrefix); ok {
			if signal.Details == nil {
				signal.Details = map[string]string{}
			}
			signal.Details[detail] = value.Text()
		}
	}
	return signal
}

// SourceOf returns the source of events that an item is, and its tenant; ok is false for any
// other item. The source of an entry of a whole new set (journal.Entry.NewSet) is without the
// ids of the set: SetOf reads them.
func SourceOf(item table.Item) (t tenant.ID, s event.Source, ok bool) {
	name, of, ok := splitPartition(item.Partition)
	if !ok {
		return t, s, false
	}
	switch of {
	case logName:
		e := decodeEntry(item)
		s.Entry = &e
	case signalsName:
		signal := decodeSignal(item)
		s.Signal = &signal
	default:
		return t, s, false
	}
	t, err := tenant.ParseID(name)
	return t, s, err == nil
}

// setSize is how many ids one item has of a whole new set: 37 KB.
const setSize = event.SetSize

// setOps store the ids of a whole new set beside its log entry.
func setOps(t tenant.ID, entry string, ids []string, expires time.Time) []operation {
	var ops []operation
	for chunk := range slices.Chunk(ids, setSize) {
		ops = append(ops, operation{Op: table.Put(table.Item{
			Key:        setKey(t, entry, len(ops)+1),
			Attributes: table.Attributes{attrAdded: table.Text(strings.Join(chunk, ",")), table.ExpiryName: table.Number(expires.Unix())},
		})})
	}
	return ops
}

// SetOf reads the ids of the whole new set of the entry with a key, in order: none if the
// entry has no set, or was written by an earlier version. One round trip for each 27,000.
func (s *Store) SetOf(ctx context.Context, t tenant.ID, entry string) ([]string, error) {
	var ids []string
	err := s.pages(ctx, table.Query{Partition: setKey(t, entry, 1).Partition, Prefix: entry + "#"}, func(items []table.Item) (bool, error) {
		for _, item := range items {
			if !expired(item.Attributes, s.now()) {
				ids = append(ids, splitIDs(item.Attributes.Text(attrAdded))...)
			}
		}
		return true, nil
	})
	return ids, err
}
