package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/setting"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func decodeEntry(item table.Item) journal.Entry {
	a := item.Attributes
	e := journal.Entry{
		RequestID: item.Sort, Time: timeOf(a, attrTime), TokenID: a.Text(attrTokenID), IdP: idp.Provider(a.Text(attrIdP)),
		By: journal.Actor(a.Text(attrBy)), Who: a.Text(attrWho),
		Operation: journal.Operation(a.Text(attrOperation)), Action: journal.Action(a.Text(attrAction)),
		ResourceType: a.Text(attrResourceType), ResourceID: a.Text(attrResourceID), Version: a.Number(attrVersion),
		Subject: a.Text(attrSubject), ExternalID: a.Text(attrExternalID),
		Outcome: journal.Outcome(a.Text(attrOutcome)), Cause: cause.Cause(a.Text(attrCause)), ScimType: scim.ErrorType(a.Text(attrScimType)),
		Detail: a.Text(attrDetail), Remedy: cause.Remedy(a.Text(attrRemedy)), Faults: setting.ParseAll(splitIDs(a.Text(attrFaults))), StandsFor: a.Number(attrCount),
		Changed: splitIDs(a.Text(attrChanged)), Seats: a.Number(attrSeatDelta), Readers: a.Number(attrReaderDelta),
		Added: splitIDs(a.Text(attrAdded)), Removed: splitIDs(a.Text(attrRemoved)),
		NewSet: a.Has(attrNewSet), Size: int(a.Number(attrNewSet)), Epoch: a.Number(attrEpoch),
		Begins: a.Number(attrBegins) == 1, Kept: a.Number(attrKept) == 1, Ended: a.Number(attrEnded) == 1,
		Left: splitIDs(a.Text(attrLeftGroups)), Lost: splitLosses(a.Text(attrLost)),
		Skipped: splitIDs(a.Text(attrSkipped)), Tolerances: splitIDs(a.Text(attrTolerated)),
		SeatCounts:   tenant.SeatCounts{Seats: a.Number(attrSeatsThen), SeatLimit: a.Number(attrLimitThen), Read: timeOf(a, attrSeatsRead)},
		IdPRequestID: a.Text(attrIdPRequest), BulkID: a.Text(attrBulk), Earlier: splitLinks(a.Text(attrEarlier)),
	}
	if request := a.Text(attrPartOf); request != "" {
		e.ID, e.RequestID = item.Sort, request
	}
	if name := a.Text(attrAbout); name != "" {
		// A subject without a record is named by a hash, from which nothing can
		// be read.
		e.About.Type = e.ResourceType
		if _, id, ok := strings.Cut(name, "#"); ok {
			e.About.ID = id
		}
	}
	return e
}

// Entries reads entries by key.
func (s *Store) Entries(ctx context.Context, t tenant.ID, keys []string) (map[string]journal.Entry, error) {
	wanted := make([]table.Key, len(keys))
	for i, key := range keys {
		wanted[i] = logKey(t, key, 0)
	}
	items, err := s.getAll(ctx, wanted)
	if err != nil {
		return nil, err
	}
	entries := make(map[string]journal.Entry, len(items))
	for key, item := range items {
		if !expired(item.Attributes, s.now()) {
			entries[key.Sort] = decodeEntry(item)
		}
	}
	return entries, nil
}

// newest returns a query of a part of the log whose keys have a prefix.
func newest(partition, prefix string, span provlog.Span) table.Query {
	// The limits of the prefix: no key has a character after '~'.
	q := table.Query{Partition: partition, From: prefix, To: prefix + "~", Limit: span.Limit, Descending: true}
	if !span.From.IsZero() {
		q.From = prefix + provlog.FirstKey(span.From)
	}
	if !span.To.IsZero() {
		q.To = prefix + provlog.LastKey(span.To)
	}
	if span.After != "" {
		q.To = min(q.To, prefix+span.After+"~")
		if after := prefix + span.After; after >= q.From && after <= q.To {
			q.After = after
		}
	}
	return q
}

// logPage reads a page, newest first, without expired items.
func logPage[E any](ctx context.Context, s *Store, q table.Query, prefix string, decode func(table.Item) E) (page provlog.Page[E], err error) {
	if q.From > q.To {
		return page, nil
	}
	read, err := s.table.Query(ctx, q)
	if err != nil {
		return page, readError(err)
	}
	for _, item := range read.Items {
		if !expired(item.Attributes, s.now()) {
			page.Items = append(page.Items, decode(item))
		}
	}
	page.More, page.Last = read.More, strings.TrimPrefix(read.Last, prefix)
	return page, nil
}

// EntryPage reads a page of all entries, newest first.
func (s *Store) EntryPage(ctx context.Context, t tenant.ID, span provlog.Span) (provlog.Page[journal.Entry], error) {
	return logPage(ctx, s, newest(partition(t, logName), "", span), "", decodeEntry)
}

// FailurePage reads a page of the failures' names, newest first.
func (s *Store) FailurePage(ctx context.Context, t tenant.ID, span provlog.Span) (provlog.Page[provlog.Ref], error) {
	return logPage(ctx, s, newest(partition(t, "INDEX"), indexFailures, span), indexFailures, func(item table.Item) provlog.Ref {
		return provlog.Ref{
			Key: strings.TrimPrefix(item.Sort, indexFailures), Cause: cause.Cause(item.Attributes.Text(attrCause)),
			Count: max(item.Attributes.Number(attrCount), 1), Unnamed: item.Attributes.Number(attrUnnamed) == 1,
		}
	})
}

// SubjectPages reads the names of the entries that the index has of subjects,
// in parallel.
func (s *Store) SubjectPages(ctx context.Context, t tenant.ID, about []journal.Subject, span provlog.Span) ([]provlog.Page[string], error) {
	pages := make([]provlog.Page[string], len(about))
	err := parallel(table.Together(ctx), len(about), func(ctx context.Context, i int) (err error) {
		prefix := indexSubject + subjectName(about[i]) + "#"
		pages[i], err = logPage(ctx, s, newest(partition(t, "INDEX"), prefix, span), prefix, func(item table.Item) string {
			return strings.TrimPrefix(item.Sort, prefix)
		})
		return err
	})
	return pages, err
}

// FindRecords reads the records that a text may mean: by id, or by what they
// hold.
func (s *Store) FindRecords(ctx context.Context, t tenant.ID, text string) ([]provlog.Record, error) {
	var keys []table.Key
	if directory.ValidID(text) {
		keys = append(keys, userKey(t, text), goneKey(t, text), groupKey(t, text))
	}
	of := map[table.Key]directory.Kind{
		reservationKey(t, directory.ExternalID, directory.HashExternalID(text)):      directory.ExternalID,
		reservationKey(t, directory.GroupExternalID, directory.HashExternalID(text)): directory.GroupExternalID,
	}
	former, _ := directory.FormerName(text)
	for _, folded := range []string{directory.FoldName(text), former} {
		if folded == "" || len(folded) > maxSought {
			continue
		}
		for _, kind := range []directory.Kind{directory.UserName, directory.Email, directory.GroupName} {
			of[reservationKey(t, kind, folded)] = kind
		}
	}
	keys = slices.AppendSeq(keys, maps.Keys(of))
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	var holders []table.Key
	for key, kind := range of {
		if item, ok := items[key]; ok {
			holders = append(holders, recordKeys(t, kind, item.Attributes.Text(attrHolder))...)
			delete(items, key)
		}
	}
	held, err := s.getAll(ctx, distinctKeys(holders, items))
	if err != nil {
		return nil, err
	}
	var records []provlog.Record
	for _, found := range []map[table.Key]table.Item{items, held} {
		for key, item := range found {
			kind := journal.TypeUser
			if key.Partition == groupKey(t, key.Sort).Partition {
				kind = journal.TypeGroup
			}
			records = append(records, provlog.Record{Type: kind, ID: key.Sort, History: decodeHistory(item.Attributes)})
		}
	}
	return records, nil
}

// NamesLike reads the names of users and groups, in the form in which names are
// compared, that begin with a prefix, in parallel.
func (s *Store) NamesLike(ctx context.Context, t tenant.ID, prefix string, limit int) ([]string, error) {
	if prefix == "" || len(prefix) > maxSought {
		return nil, nil
	}
	kinds := [...]directory.Kind{directory.UserName, directory.Email, directory.GroupName}
	pages := make([]table.Page, len(kinds))
	err := parallel(table.Together(ctx), len(kinds), func(ctx context.Context, i int) (err error) {
		pages[i], err = s.table.Query(ctx, table.Query{Partition: reservationKey(t, kinds[i], "").Partition, Prefix: prefix, Limit: limit})
		return err
	})
	if err != nil {
		return nil, readError(err)
	}
	var names []string
	for _, page := range pages {
		for _, item := range page.Items {
			names = append(names, item.Sort)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// maxSought is the longest name that is looked up, in bytes: the longest key.
const maxSought = 1024

// recordKeys returns where the holder of a claim may be stored.
func recordKeys(t tenant.ID, kind directory.Kind, id string) []table.Key {
	if kind == directory.GroupName || kind == directory.GroupExternalID {
		return []table.Key{groupKey(t, id)}
	}
	return []table.Key{userKey(t, id), goneKey(t, id)}
}

// distinctKeys returns keys once each, without those that were read.
func distinctKeys(keys []table.Key, read map[table.Key]table.Item) []table.Key {
	seen := map[table.Key]bool{}
	var distinct []table.Key
	for _, key := range keys {
		if _, known := read[key]; !known && !seen[key] {
			seen[key] = true
			distinct = append(distinct, key)
		}
	}
	return distinct
}

// FailingPage reads a page of the failing subjects.
func (s *Store) FailingPage(ctx context.Context, t tenant.ID, after string, limit int) (provlog.Page[journal.Failing], error) {
	return logPage(ctx, s, table.Query{
		Partition: failingKey(t, "x").Partition, To: "~", After: after, Limit: limit,
	}, "", decodeFailing)
}

func decodeFailing(item table.Item) journal.Failing {
	a := item.Attributes
	return journal.Failing{
		Subject: journal.Subject{
			Type: a.Text(attrResourceType), ID: a.Text(attrResourceID), Name: a.Text(attrSubject), ExternalID: a.Text(attrExternalID),
		},
		Operation: journal.Operation(a.Text(attrOperation)), IdP: idp.Provider(a.Text(attrIdP)), Cause: cause.Cause(a.Text(attrCause)),
		Detail: a.Text(attrDetail), Remedy: cause.Remedy(a.Text(attrRemedy)), Faults: setting.ParseAll(splitIDs(a.Text(attrFaults))),
		First: timeOf(a, attrFirst), Last: timeOf(a, attrTime), Count: a.Number(attrCount), RequestID: a.Text(attrRequest),
		Asked:     journal.ParseAsked(a.Text(attrAsked)),
		Dismissal: decodeDismissal(a),
	}
}

// FailingOf reads the failing ones of some subjects.
func (s *Store) FailingOf(ctx context.Context, t tenant.ID, subjects []journal.Subject) (map[journal.Subject]journal.Failing, error) {
	items, err := s.failing(ctx, t, subjects)
	if err != nil {
		return nil, err
	}
	failing := make(map[journal.Subject]journal.Failing, len(items))
	for subject, item := range items {
		if !expired(item.Attributes, s.now()) {
			failing[subject] = decodeFailing(item)
		}
	}
	return failing, nil
}

// LiveRecords reads, for each subject, the live records that have its id, its
// name or its externalId: two round trips.
func (s *Store) LiveRecords(ctx context.Context, t tenant.ID, subjects []journal.Subject) ([][]provlog.LiveRecord, error) {
	claims := make([][]table.Key, len(subjects))
	for i, subject := range subjects {
		claims[i] = claimKeys(t, subject)
	}
	reservations, err := s.getAll(ctx, distinctKeys(slices.Concat(claims...), nil))
	if err != nil {
		return nil, err
	}
	found := make([][]table.Key, len(subjects))
	for i, subject := range subjects {
		if subject.ID != "" {
			found[i] = append(found[i], liveKey(t, subject.Type, subject.ID))
		}
		for _, key := range claims[i] {
			if item, ok := reservations[key]; ok {
				found[i] = append(found[i], liveKey(t, subject.Type, item.Attributes.Text(attrHolder)))
			}
		}
	}
	items, err := s.getAll(ctx, distinctKeys(slices.Concat(found...), nil))
	if err != nil {
		return nil, err
	}
	records := make([][]provlog.LiveRecord, len(subjects))
	for i, subject := range subjects {
		for _, key := range found[i] {
			if item, ok := items[key]; ok {
				records[i] = append(records[i], provlog.LiveRecord{
					ID: key.Sort, Modified: timeOf(item.Attributes, attrModified),
					Linked: subject.Type == journal.TypeGroup || item.Attributes.Number(attrLinked) == 1,
				})
			}
		}
	}
	return records, nil
}

// claimKeys returns where the name and the externalId of a subject would be
// reserved.
func claimKeys(t tenant.ID, s journal.Subject) (keys []table.Key) {
	name, id := directory.UserName, directory.ExternalID
	if s.Type == journal.TypeGroup {
		name, id = directory.GroupName, directory.GroupExternalID
	}
	// A folded name may be longer than the name, and than a key may be: no
	// record has it.
	if folded := directory.FoldName(s.Name); folded != "" && len(folded) <= maxSought {
		keys = append(keys, reservationKey(t, name, folded))
	}
	if s.ExternalID != "" {
		keys = append(keys, reservationKey(t, id, directory.HashExternalID(s.ExternalID)))
	}
	return keys
}

// liveKey returns where a live record of a type is stored.
func liveKey(t tenant.ID, kind, id string) table.Key {
	if kind == journal.TypeGroup {
		return groupKey(t, id)
	}
	return userKey(t, id)
}

// WhoAre reads who users are or were. Ids that cannot be a user's are left out.
func (s *Store) WhoAre(ctx context.Context, t tenant.ID, ids []string) (map[string]provlog.Who, error) {
	var keys []table.Key
	for _, id := range ids {
		if directory.ValidID(id) {
			keys = append(keys, userKey(t, id), goneKey(t, id))
		}
	}
	items, err := s.getAll(ctx, distinctKeys(keys, nil))
	if err != nil {
		return nil, err
	}
	who := map[string]provlog.Who{}
	for key, item := range items {
		u := decodeUser(item, key == goneKey(t, key.Sort))
		w := provlog.Who{State: u.State()}
		if r, err := u.Resource(); err == nil {
			w.Subject, _ = r.Subject()
		}
		who[u.ID] = w
	}
	return who, nil
}
