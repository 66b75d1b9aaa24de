package directory

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// gathered are all records that match, in the order asked for: their positions,
// and the first of the records themselves.
type gathered[R record] struct {
	places []place
	kept   map[string]R
	bytes  int
}

// place is the position of a record in an order.
type place struct{ key, id string }

// inOrder compares two positions.
func (s *Sort) inOrder(a, b place) int {
	n := cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.id, b.id))
	if s != nil && s.Descending {
		return -n
	}
	return n
}

// gather finds the positions of all records that match: among the given ids if
// a key looked them up, else within the limits of a walk.
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

// maxKept is the total size of the records that are kept while positions are
// gathered.
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
			if g.bytes += l.size(r).Plain; g.bytes <= maxKept {
				g.kept[p.id] = r
			}
		}
	}
	return nil
}

// page returns the page asked for.
func (g *gathered[R]) page(ctx context.Context, l *list[R]) (Found[R], error) {
	found := Found[R]{Total: len(g.places)}
	from, to, err := onPage(g.places, l.query, func(batch []place) error { return g.read(ctx, l, batch) }, func(p place) (Size, bool) {
		r, ok := g.kept[p.id]
		if !ok {
			return Size{}, false
		}
		return l.size(r), true
	})
	if err != nil {
		return Found[R]{}, err
	}
	for _, p := range g.places[from:to] {
		if r, ok := g.kept[p.id]; ok {
			found.Records = append(found.Records, r)
		}
	}
	if l.query.Cursor != nil {
		found.Next, found.Previous = around(g.places, from, to)
	}
	return found, nil
}

// onPage returns the part of the positions that a page has: as many as were
// asked for, or as fit on it. A page of a backward walk ends before the
// cursor's record, so it is filled from its end. The records are read a batch
// at a time; sized returns the size of a record that still exists.
func onPage(places []place, q Query, read func([]place) error, sized func(place) (Size, bool)) (from, to int, err error) {
	from, to = span(places, q)
	back := q.Cursor != nil && q.Cursor.Back
	wanted := slices.Clone(places[from:to])
	if back {
		slices.Reverse(wanted)
	}
	taken, used := 0, Size{}
fill:
	for batch := range slices.Chunk(wanted, readBatch) {
		if err := read(batch); err != nil {
			return 0, 0, err
		}
		for _, p := range batch {
			s, ok := sized(p)
			with := used.plus(s)
			if ok && !with.fits() && used != (Size{}) {
				break fill
			}
			used, taken = with, taken+1
		}
	}
	if back {
		return to - taken, to, nil
	}
	return from, from + taken, nil
}

// span returns the part of the positions that a page covers.
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

// around returns the cursors to the pages after and before a part of the
// positions.
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

// read reads the records at the given positions that are not kept.
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
