package directory

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// gathered are all records that match, in the order asked for: their places, and
// the first of the records themselves.
type gathered[R record] struct {
	places []place
	kept   map[string]R
	size   int
}

// place is where a record stands in an order.
type place struct{ key, id string }

// inOrder compares two places.
func (s *Sort) inOrder(a, b place) int {
	n := cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.id, b.id))
	if s != nil && s.Descending {
		return -n
	}
	return n
}

// gather finds the places of all records that match, those with some ids when a
// key looked them up, else within the bounds of a walk.
func (l *list[R]) gather(ctx context.Context, ids []string, looked bool) (*gathered[R], error) {
	g := &gathered[R]{kept: map[string]R{}}
	switch {
	case l.decided && l.query.Sort == nil:
		for _, id := range ids {
			g.places = append(g.places, place{id: id})
		}
	case looked:
		slices.Sort(ids)
		if err := l.eachOf(ctx, ids, func(records []R) error { return g.take(ctx, l, records) }); err != nil {
			return nil, err
		}
	default:
		if err := l.each(ctx, "sortBy", func(records []R) error { return g.take(ctx, l, records) }); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(g.places, l.query.Sort.inOrder)
	return g, nil
}

// maxKept is the size of the records that are kept while places are gathered.
const maxKept = 1 << 20

func (g *gathered[R]) take(ctx context.Context, l *list[R], records []R) error {
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
			if l.query.Filter != nil && !l.query.Filter.Match(resources[i]) {
				continue
			}
			p := place{id: r.recordID()}
			if l.query.Sort != nil {
				p.key = l.query.Sort.Key(resources[i])
			}
			g.places = append(g.places, p)
			if g.size += r.size(); g.size <= maxKept {
				g.kept[p.id] = r
			}
		}
	}
	return nil
}

// page is the page asked for.
func (g *gathered[R]) page(ctx context.Context, l *list[R]) (Found[R], error) {
	from, to := span(g.places, l.query)
	records, err := g.records(ctx, l, g.places[from:to])
	if err != nil {
		return Found[R]{}, err
	}
	found := Found[R]{Records: records, Total: len(g.places)}
	if fit := fitting(records); fit < len(records) {
		found.Records = records[:fit]
		for to > from && g.places[to-1].id != records[fit-1].recordID() {
			to--
		}
	}
	if l.query.Cursor != nil {
		found.Next, found.Previous = around(g.places, from, to)
	}
	return found, nil
}

// span is the part of some places that a page has.
func span(places []place, q Query) (from, to int) {
	if q.Cursor == nil {
		from = min(q.StartIndex-1, len(places))
		return from, min(from+q.Count, len(places))
	}
	c := *q.Cursor
	if c == (Cursor{}) {
		return 0, min(q.Count, len(places))
	}
	at := place{c.Key, c.ID}
	if c.Back {
		to, _ = slices.BinarySearchFunc(places, at, q.Sort.inOrder)
		return max(to-q.Count, 0), to
	}
	from, is := slices.BinarySearchFunc(places, at, q.Sort.inOrder)
	if is {
		from++
	}
	return from, min(from+q.Count, len(places))
}

// around are the cursors to the pages behind and before a part of some places.
func around(places []place, from, to int) (next, previous *Cursor) {
	if to < len(places) {
		next = &Cursor{}
		if to > 0 {
			next = &Cursor{Key: places[to-1].key, ID: places[to-1].id}
		}
	}
	if from > 0 && from < len(places) {
		previous = &Cursor{Key: places[from].key, ID: places[from].id, Back: true}
	}
	return next, previous
}

// records are the records at some places, without those that are not there any
// more.
func (g *gathered[R]) records(ctx context.Context, l *list[R], places []place) ([]R, error) {
	if err := g.read(ctx, l, places); err != nil {
		return nil, err
	}
	records := make([]R, 0, len(places))
	for _, p := range places {
		if r, ok := g.kept[p.id]; ok {
			records = append(records, r)
		}
	}
	return records, nil
}

// read reads the records at some places that are not kept.
func (g *gathered[R]) read(ctx context.Context, l *list[R], places []place) error {
	var missing []string
	for _, p := range places {
		if _, ok := g.kept[p.id]; !ok {
			missing = append(missing, p.id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	records, err := l.byID(ctx, l.tenant, missing)
	for _, r := range records {
		g.kept[r.recordID()] = r
	}
	return err
}
