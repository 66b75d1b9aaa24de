package directory

import (
	"context"
	"errors"
	"slices"
	"time"
)

// run answers the request.
func (l *list[R]) run(ctx context.Context) (Found[R], error) {
	q := l.query
	looked := l.key != ""
	switch {
	case q.Count == 0 || q.Cursor == nil && (q.Sort == nil || l.kept && !looked):
		// The total needs no order.
		switch {
		case q.Filter == nil:
			return l.all(ctx)
		case looked:
			return l.among(ctx)
		}
		return l.walk(ctx)
	case !l.kept || looked:
		g, err := l.gather(ctx)
		if err != nil {
			return Found[R]{}, err
		}
		return g.page(ctx, l)
	case q.Filter == nil:
		return l.step(ctx)
	}
	return l.stepMatching(ctx)
}

// ErrCursor reports a cursor that this walk has not given out.
var ErrCursor = errors.New("directory: the cursor does not belong to this walk")

// step returns a page of all records in a walk by cursors, after a record or
// before it: two round trips at most, wherever it is.
func (l *list[R]) step(ctx context.Context) (Found[R], error) {
	c, order, want := *l.query.Cursor, l.order, l.query.Count+1
	order.Descending = order.Descending != c.Back
	ledger, page, err := l.first(ctx, Range{Order: order, After: l.keyOf(c), Limit: want})
	if err != nil {
		return Found[R]{}, err
	}
	records, more, err := l.fill(ctx, order, page, want)
	if err != nil {
		return Found[R]{}, err
	}
	found := Found[R]{Records: records, Total: int(l.total(ledger))}
	if c.Back {
		slices.Reverse(records) // they were read from the end of the page
		found.Next = &Cursor{}
	} else if more { // no room on the page
		found.Next = &c
	}
	if len(records) == 0 {
		return found, nil
	}
	if c.Back || more {
		found.Next = l.cursor(records[len(records)-1], false)
	}
	if c.Back && more || !c.Back && c != (Cursor{}) {
		found.Previous = l.cursor(records[0], true)
	}
	return found, nil
}

// stepMatching returns a page of the records that match a filter without a
// lookup by key. It stops when the page is full or a limit is reached: a page
// may have fewer records than wanted, even none, although others follow. The
// matches are not counted.
func (l *list[R]) stepMatching(ctx context.Context) (Found[R], error) {
	q := l.query
	if q.Cursor.Back {
		return Found[R]{}, ErrCursor // no page of this walk has such a cursor
	}
	w := matchWalk[R]{l: l, found: Found[R]{Uncounted: true}, used: l.used, end: l.d.now().Add(l.d.walkTime)}
	after := l.keyOf(*q.Cursor)
	limit := q.Count + 1 // enough if most records match; after that whole pages
	for {
		page, err := l.page(ctx, l.tenant, Range{Order: l.order, After: after, Limit: limit})
		if err != nil {
			return Found[R]{}, err
		}
		limit = 0
		if done, err := w.take(ctx, page); done || err != nil {
			return w.found, err
		}
		after = page.Last
		if l.d.now().After(w.end) { // a page of names only, whose users are deleted
			w.found.Next = l.at(after, false)
			return w.found, nil
		}
	}
}

// matchWalk is a walk over all records that collects a page of those that
// match.
type matchWalk[R record] struct {
	l     *list[R]
	found Found[R]
	// used is the size of the page, and read how many records were read.
	used Size
	read int
	// end is when the walk stops.
	end time.Time
}

// take adds the matching records of a page of the table. done reports that the
// walk ends here: found is complete, or says where the next page begins.
func (w *matchWalk[R]) take(ctx context.Context, page Page[R]) (done bool, err error) {
	l, records := w.l, page.Records
	for batch := range slices.Chunk(page.Records, batchSize(l.deep)) {
		records = records[len(batch):]
		resources, err := l.served(ctx, batch)
		if err != nil {
			return true, err
		}
		for i, r := range batch {
			if l.query.Filter.Match(resources[i]) && !w.add(r) {
				return true, nil
			}
			if l.worked() != nil && (page.More || len(records) > 0 || i < len(batch)-1) {
				w.found.Next = l.cursor(r, false) // the next page continues
				return true, nil
			}
		}
		w.read += len(batch)
		if (w.read >= l.longest() || l.d.now().After(w.end)) && (page.More || len(records) > 0) {
			w.found.Next = l.cursor(batch[len(batch)-1], false)
			return true, nil
		}
	}
	return !page.More, nil
}

// add adds a matching record. If it does not fit on the page, add reports false
// and the next page begins with it.
func (w *matchWalk[R]) add(r R) bool {
	with := w.used.plus(w.l.size(r))
	switch n := len(w.found.Records); {
	case n == w.l.query.Count || !with.fits() && n > 0:
		w.found.Next = w.l.cursor(w.found.Records[n-1], false)
		return false
	case !with.fits() && w.used != Size{}: // no room on the page
		w.found.Next = w.l.query.Cursor
		return false
	}
	w.found.Records, w.used = append(w.found.Records, r), with
	return true
}

// cursor returns the cursor after a record, or before it.
func (l *list[R]) cursor(r R, back bool) *Cursor { return l.at(l.positionOf(r), back) }

func (l *list[R]) at(position string, back bool) *Cursor {
	if l.order.ByName {
		return &Cursor{Key: position, Back: back}
	}
	return &Cursor{ID: position, Back: back}
}

func (l *list[R]) keyOf(c Cursor) string {
	if l.order.ByName {
		return c.Key
	}
	return c.ID
}
