package directory

import (
	"context"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// record is an item of a list: a user or a group.
type record interface {
	recordID() string
	// name is the name by which the record is ordered.
	name() string
}

func (u *User) recordID() string { return u.ID }
func (u *User) name() string     { return u.Held[UserName] }

func (g *Group) recordID() string { return g.ID }
func (g *Group) name() string     { return g.Held[GroupName] }

// list is one request for a list of records of one type.
type list[R record] struct {
	d      *Directory
	tenant tenant.ID
	by     Caller
	query  Query
	// of names the type in bookmarks.
	of string
	// order is the order of the table in which the records are read; kept
	// reports whether it is the one asked for.
	order Order
	kept  bool
	// key is the attribute that the filter looks up by key, or "" if there is none,
	// and ids are the records that were found.
	key string
	ids []string
	// page reads a page; byID reads records in the order of their ids.
	page  func(ctx context.Context, t tenant.ID, r Range) (Page[R], error)
	byID  func(ctx context.Context, t tenant.ID, ids []string) ([]R, error)
	total func(Ledger) int64
	// size is the size of a record on a page, and used the size of the records that
	// are already on it.
	size func(R) Size
	used Size
	// served returns records as filters see them.
	served func(ctx context.Context, records []R) ([]scim.Resource, error)
	// deep reports whether served reads further items for each record.
	deep bool
	// decided reports whether the key that found the records is the whole
	// filter: then all of them match.
	decided bool
}

// all returns a page of all records. Their number is in the ledger, so the
// total is exact and costs one read.
func (l *list[R]) all(ctx context.Context) (Found[R], error) {
	q := l.query
	if q.Count == 0 {
		ledger, err := l.counts(ctx)
		return Found[R]{Total: int(l.total(ledger))}, err
	}
	var ledger Ledger
	var page Page[R]
	var err error
	// One more than requested, to know whether another page follows.
	want := q.Count + 1
	if q.StartIndex == 1 {
		ledger, page, err = l.first(ctx, Range{Order: l.order, Limit: want})
	} else {
		ledger, page, err = l.laterPage(ctx, want)
	}
	if err != nil {
		return Found[R]{}, err
	}
	records, more, err := l.fill(ctx, l.order, page, want)
	if err != nil {
		return Found[R]{}, err
	}
	total := int(l.total(ledger))
	next := q.StartIndex + len(records)
	switch {
	case len(records) == 0:
		return Found[R]{Total: total}, nil
	case !more:
		// A record created while the page was read is on it and not yet in the
		// ledger.
		return Found[R]{Records: records, Total: max(total, next-1)}, nil
	}
	// Harmless to lose: the next page then skips from the beginning.
	saving, cancel := context.WithTimeout(ctx, bookmarkPatience)
	defer cancel()
	_ = l.d.store.SaveBookmark(saving, l.tenant, l.mark(next), l.positionOf(records[len(records)-1]))
	// Records deleted from earlier pages do not renumber the later ones, so
	// that the walk ends after the last record and not before.
	return Found[R]{Records: records, Total: max(total, next)}, nil
}

func (l *list[R]) counts(ctx context.Context) (Ledger, error) { return l.d.store.Ledger(ctx, l.tenant) }

// first reads the counts and a page: one round trip.
func (l *list[R]) first(ctx context.Context, r Range) (Ledger, Page[R], error) {
	return readBoth(ctx, l.d.store, l.counts,
		func(ctx context.Context) (Page[R], error) { return l.page(ctx, l.tenant, r) })
}

// laterPage reads a page that is not the first. It begins after the last record
// of the previous page if that was read in the last minutes, else it skips from
// the beginning.
func (l *list[R]) laterPage(ctx context.Context, want int) (Ledger, Page[R], error) {
	ledger, after, err := readBoth(ctx, l.d.store, l.counts,
		func(ctx context.Context) (string, error) {
			return l.d.store.Bookmark(ctx, l.tenant, l.mark(l.query.StartIndex))
		})
	if err != nil {
		return Ledger{}, Page[R]{}, err
	}
	if after == "" {
		if l.query.StartIndex > int(l.total(ledger)) {
			return ledger, Page[R]{}, nil
		}
		if after, err = l.skip(ctx, l.query.StartIndex-1); err != nil || after == "" {
			return ledger, Page[R]{}, err
		}
	}
	page, err := l.page(ctx, l.tenant, Range{Order: l.order, After: after, Limit: want})
	return ledger, page, err
}

// fill reads on after a page until there are as many records as wanted (one
// more than the answer has), or as many as fit into an answer. more reports
// that others follow.
func (l *list[R]) fill(ctx context.Context, order Order, page Page[R], want int) (records []R, more bool, err error) {
	end := l.d.now().Add(l.d.walkTime)
	records = page.Records
	for page.More && len(records) < want && l.fitting(records) == len(records) {
		if l.d.now().After(end) {
			// So many names of deleted users in a row are rare. A page may be
			// short but not empty: an empty page means the end.
			if len(records) > 0 {
				return records, true, nil
			}
			return nil, false, &TooManyError{Sought: "sortBy", Limit: l.d.maxWalk}
		}
		page, err = l.page(ctx, l.tenant, Range{Order: order, After: page.Last, Limit: max(want-len(records), fewNames)})
		if err != nil {
			return nil, false, err
		}
		records = append(records, page.Records...)
	}
	if fit := min(l.fitting(records), want-1); len(records) > fit {
		return records[:fit], true, nil
	}
	return records, page.More, nil
}

// fewNames is the smallest number of names to read when filling a page that
// contains names of deleted users: there may be more of them.
const fewNames = 25

// positionOf returns the position of a record in the table's order.
func (l *list[R]) positionOf(r R) string {
	if l.order.ByName {
		return r.name()
	}
	return r.recordID()
}

func (l *list[R]) mark(startIndex int) Bookmark {
	m := Bookmark{TokenID: l.by.TokenID, Of: l.of, StartIndex: startIndex, Now: l.by.Time}
	if l.order != (Order{}) {
		m.Order = l.query.Sort.String()
	}
	return m
}

// skip returns the position of the n-th record, "" if there are fewer.
func (l *list[R]) skip(ctx context.Context, n int) (string, error) {
	if n > l.d.maxWalk {
		return "", &TooManyError{Sought: "startIndex", Limit: l.d.maxWalk}
	}
	end := l.d.now().Add(l.d.walkTime)
	after := ""
	for n > 0 {
		page, err := l.page(ctx, l.tenant, Range{Order: l.order, After: after, Limit: n})
		if err != nil {
			return "", err
		}
		n -= len(page.Records)
		after = page.Last
		if n > 0 && !page.More {
			return "", nil
		}
		if n > 0 && l.d.now().After(end) {
			return "", &TooManyError{Sought: "startIndex", Limit: l.d.maxWalk}
		}
	}
	return after, nil
}

// among lists those of the given records that match, in the order of their ids.
// If the key decides the whole filter, ids outside the page are not even read.
func (l *list[R]) among(ctx context.Context) (Found[R], error) {
	ids := l.ids
	slices.Sort(ids)
	q := l.query
	if l.decided {
		from := min(q.StartIndex-1, len(ids))
		records, err := l.some(ctx, ids[from:min(from+q.Count, len(ids))])
		return Found[R]{Records: records, Total: len(ids)}, err
	}
	w := window[R]{size: l.used}
	err := l.eachOf(ctx, ids, func(records []R) error { return w.take(ctx, l, records) })
	return w.found, err
}

// some reads the records with the given ids, as many as fit on a page.
func (l *list[R]) some(ctx context.Context, ids []string) ([]R, error) {
	var records []R
	for batch := range slices.Chunk(ids, readBatch) {
		read, err := l.byID(ctx, l.tenant, batch)
		if err != nil {
			return nil, err
		}
		records = append(records, read...)
		if fit := l.fitting(records); fit < len(records) {
			return records[:fit], nil
		}
	}
	return records, nil
}

// eachOf reads records by id, a batch at a time, in the order of their ids.
func (l *list[R]) eachOf(ctx context.Context, ids []string, take func([]R) error) error {
	if len(ids) > l.d.maxWalk {
		return &TooManyError{Sought: "filter", Limit: l.d.maxWalk}
	}
	end := l.d.now().Add(l.d.walkTime)
	for batch := range slices.Chunk(ids, readBatch) {
		if batch[0] != ids[0] && l.d.now().After(end) { // the first is always read
			return &TooManyError{Sought: "filter", Limit: l.d.maxWalk}
		}
		records, err := l.byID(ctx, l.tenant, batch)
		if err != nil {
			return err
		}
		slices.SortFunc(records, func(a, b R) int { return strings.Compare(a.recordID(), b.recordID()) })
		if err := take(records); err != nil {
			return err
		}
	}
	return nil
}

// readBatch is how many candidate records are in memory at once.
const readBatch = 200

// isLookup reports whether a filter is one equality and nothing else: then each
// record with the value matches.
func isLookup(f *match.Filter) bool {
	lookups := f.Lookups()
	if len(lookups) != 1 {
		return false
	}
	attribute, value := lookups[0].Attribute, string(scim.EncodeValue(lookups[0].Value))
	plural, sub, _ := strings.Cut(attribute, ".")
	return f.String() == attribute+" eq "+value || f.String() == plural+"["+sub+" eq "+value+"]"
}

// walk evaluates a filter on every record, within the limits.
func (l *list[R]) walk(ctx context.Context) (Found[R], error) {
	w := window[R]{size: l.used}
	err := l.each(ctx, "filter", func(records []R) error { return w.take(ctx, l, records) })
	return w.found, err
}

// each reads all records, within the limits; sought names them in an error.
func (l *list[R]) each(ctx context.Context, sought string, take func([]R) error) error {
	longest := l.longest()
	end := l.d.now().Add(l.d.walkTime)
	after, read := "", 0
	for {
		page, err := l.page(ctx, l.tenant, Range{Order: l.order, After: after})
		if err != nil {
			return err
		}
		if read += len(page.Records); read > longest || read == longest && page.More {
			return &TooManyError{Sought: sought, Limit: longest}
		}
		if err := take(page.Records); err != nil {
			return err
		}
		if !page.More {
			return nil
		}
		if l.d.now().After(end) {
			return &TooManyError{Sought: sought, Limit: longest}
		}
		after = page.Last
	}
}

// longest returns how many records one request reads without a key.
func (l *list[R]) longest() int {
	if l.deep {
		return min(l.d.maxWalk, maxDeepWalk)
	}
	return l.d.maxWalk
}

// window collects the matching records of one page and counts all of them. size
// is that of the page, and full reports that no more records are added.
type window[R record] struct {
	found Found[R]
	size  Size
	full  bool
}

// deepBatch is how many records are read with their further items before the
// clock is checked again.
const deepBatch = 20

func (w *window[R]) take(ctx context.Context, l *list[R], records []R) error {
	return l.matching(ctx, records, func(r R, _ scim.Resource) {
		w.found.Total++
		if w.found.Total < l.query.StartIndex || w.full {
			return
		}
		with := w.size.plus(l.size(r))
		if w.full = len(w.found.Records) == l.query.Count || !with.fits() && w.size != (Size{}); !w.full {
			w.found.Records, w.size = append(w.found.Records, r), with
		}
	})
}

// matching calls found for each of the records that matches the filter, with
// the resource that the filter sees.
func (l *list[R]) matching(ctx context.Context, records []R, found func(R, scim.Resource)) error {
	end := l.d.now().Add(l.d.walkTime)
	for batch := range slices.Chunk(records, batchSize(l.deep)) {
		if l.deep && l.d.now().After(end) {
			return &TooManyError{Sought: "filter", Limit: maxDeepWalk}
		}
		resources, err := l.served(ctx, batch)
		if err != nil {
			return err
		}
		for i, r := range batch {
			// What the last record cost refuses nothing: the search is complete.
			if err := l.worked(); err != nil {
				return err
			}
			if l.query.Filter == nil || l.query.Filter.Match(resources[i]) {
				found(r, resources[i])
			}
		}
	}
	return nil
}

// worked returns an error once the filter has cost more than one request may.
func (l *list[R]) worked() error {
	if f := l.query.Filter; f != nil && f.Work() > MaxFilterWork {
		return &TooManyError{Sought: "comparisons", Limit: MaxFilterWork, Terms: f.Terms()}
	}
	return nil
}

func batchSize(deep bool) int {
	if deep {
		return deepBatch
	}
	return readBatch
}
