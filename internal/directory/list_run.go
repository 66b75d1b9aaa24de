package directory

import (
	"context"
	"errors"
	"slices"
)

// run answers the request. ids and found are what a key answers of its filter,
// as described at userList.
func (l *list[R]) run(ctx context.Context, ids []string, found string) (Found[R], error) {
	q := l.query
	_, kept := q.Sort.kept(l.nameAttribute())
	looked := found != ""
	switch {
	case q.Count == 0 || q.Cursor == nil && (q.Sort == nil || kept && !looked):
		// The total needs no order.
		switch {
		case q.Filter == nil:
			return l.all(ctx)
		case looked:
			return l.among(ctx, ids)
		}
		return l.walk(ctx)
	case !kept || looked:
		g, err := l.gather(ctx, ids, looked)
		if err != nil {
			return Found[R]{}, err
		}
		return g.page(ctx, l)
	case q.Filter == nil && q.Cursor.Back:
		return l.stepBack(ctx)
	case q.Filter == nil:
		return l.step(ctx)
	}
	return l.stepMatching(ctx)
}

// nameAttribute returns the attribute whose order the table keeps.
func (l *list[R]) nameAttribute() string {
	if l.of == "" {
		return "userName"
	}
	return "displayName"
}

// ErrCursor reports a cursor that this walk has not given out.
var ErrCursor = errors.New("directory: the cursor does not belong to this walk")

// step returns a page of all records in a walk by cursors: two round trips at
// most, wherever it is.
func (l *list[R]) step(ctx context.Context) (Found[R], error) {
	c := *l.query.Cursor
	want := l.query.Count + 1
	ledger, page, err := l.first(ctx, Range{Order: l.order, After: l.position(c), Limit: want})
	if err != nil {
		return Found[R]{}, err
	}
	records, more, err := l.fill(ctx, l.order, page, want)
	if err != nil {
		return Found[R]{}, err
	}
	found := Found[R]{Records: records, Total: int(l.total(ledger))}
	switch {
	case more && len(records) == 0: // no room on the page
		found.Next = &c
	case more:
		found.Next = l.cursor(records[len(records)-1], false)
	}
	if c != (Cursor{}) && len(records) > 0 {
		found.Previous = l.cursor(records[0], true)
	}
	return found, nil
}

// stepBack returns the page before a record.
func (l *list[R]) stepBack(ctx context.Context) (Found[R], error) {
	want := l.query.Count + 1
	order := l.order
	order.Descending = !order.Descending
	ledger, page, err := l.first(ctx, Range{Order: order, After: l.position(*l.query.Cursor), Limit: want})
	if err != nil {
		return Found[R]{}, err
	}
	records, more, err := l.fill(ctx, order, page, want)
	if err != nil {
		return Found[R]{}, err
	}
	// The records were read backwards, from the end of the page.
	slices.Reverse(records)
	found := Found[R]{Records: records, Total: int(l.total(ledger)), Next: &Cursor{}}
	if len(records) > 0 {
		found.Next = l.cursor(records[len(records)-1], false)
	}
	if more {
		found.Previous = l.cursor(records[0], true)
	}
	return found, nil
}

// stepMatching returns a page of the records that match a filter that no key
// answers. It reads no further than it needs, nor than the limits: a page may
// have fewer records than wanted, even none, while others follow. The matches
// are not counted.
func (l *list[R]) stepMatching(ctx context.Context) (Found[R], error) {
	q := l.query
	if q.Cursor.Back {
		return Found[R]{}, ErrCursor // no page of this walk has such a cursor
	}
	found := Found[R]{Uncounted: true}
	end := l.d.now().Add(l.d.walkTime)
	after, read, used := l.position(*q.Cursor), 0, l.used
	limit := q.Count + 1 // enough if most records match; after that whole pages
	for {
		page, err := l.page(ctx, l.tenant, Range{Order: l.order, After: after, Limit: limit})
		if err != nil {
			return Found[R]{}, err
		}
		limit = 0
		for len(page.Records) > 0 {
			batch := page.Records[:min(len(page.Records), batchSize(l.deep))]
			page.Records = page.Records[len(batch):]
			matched, err := l.matching(ctx, batch)
			if err != nil {
				return Found[R]{}, err
			}
			for _, i := range matched {
				with := used.plus(l.size(batch[i]))
				switch {
				case len(found.Records) == q.Count || !with.fits() && len(found.Records) > 0:
					found.Next = l.cursor(found.Records[len(found.Records)-1], false)
					return found, nil
				case !with.fits() && used != Size{}: // no room on the page
					found.Next = q.Cursor
					return found, nil
				}
				found.Records, used = append(found.Records, batch[i]), with
			}
			last := batch[len(batch)-1]
			if read += len(batch); (read >= l.longest() || l.d.now().After(end)) && (page.More || len(page.Records) > 0) {
				found.Next = l.cursor(last, false)
				return found, nil
			}
		}
		if !page.More {
			return found, nil
		}
		after = page.Last
		if l.d.now().After(end) { // a page of names only, whose users are deleted
			found.Next = l.at(after, false)
			return found, nil
		}
	}
}

// matching returns the indexes of the records that match the filter.
func (l *list[R]) matching(ctx context.Context, records []R) ([]int, error) {
	resources, err := l.served(ctx, records)
	if err != nil {
		return nil, err
	}
	var matched []int
	for i, r := range resources {
		if l.query.Filter.Match(r) {
			matched = append(matched, i)
		}
	}
	return matched, nil
}

// cursor returns the cursor after a record, or before it.
func (l *list[R]) cursor(r R, back bool) *Cursor { return l.at(l.place(r), back) }

func (l *list[R]) at(place string, back bool) *Cursor {
	if l.order.ByName {
		return &Cursor{Key: place, Back: back}
	}
	return &Cursor{ID: place, Back: back}
}

func (l *list[R]) position(c Cursor) string {
	if l.order.ByName {
		return c.Key
	}
	return c.ID
}
