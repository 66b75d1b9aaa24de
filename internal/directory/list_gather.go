package directory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// gathered are all records that match, in the requested order: their positions,
// and the first of the records themselves.
type gathered[R record] struct {
	positions []position
	kept      map[string]R
	bytes     int
}

// position is the position of a record in an order.
type position struct{ key, id string }

// inOrder compares two positions.
func (s *Sort) inOrder(a, b position) int {
	n := cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.id, b.id))
	if s != nil && s.Descending {
		return -n
	}
	return n
}

// gather finds the positions of all records that match: among the records that
// were found by key, or else within the limits of a walk.
func (l *list[R]) gather(ctx context.Context) (*gathered[R], error) {
	g := &gathered[R]{kept: map[string]R{}}
	switch {
	case l.decided && l.query.Sort == nil:
		for _, id := range l.ids {
			g.positions = append(g.positions, position{id: id})
		}
	case l.key != "":
		slices.Sort(l.ids)
		if err := l.eachOf(ctx, l.ids, func(records []R) error { return g.take(ctx, l, records) }); err != nil {
			return nil, err
		}
	default:
		if err := l.each(ctx, "sortBy", func(records []R) error { return g.take(ctx, l, records) }); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(g.positions, l.query.Sort.inOrder)
	return g, nil
}

// maxKept is the total size of the records that are kept while positions are
// gathered.
const maxKept = 1 << 20

func (g *gathered[R]) take(ctx context.Context, l *list[R], records []R) error {
	return l.matching(ctx, records, func(r R, resource scim.Resource) {
		p := position{id: r.recordID()}
		if l.query.Sort != nil {
			p.key = l.query.Sort.Key(resource)
		}
		g.positions = append(g.positions, p)
		if g.bytes += l.size(r).Plain; g.bytes <= maxKept {
			g.kept[p.id] = r
		}
	})
}

// page returns the requested page.
func (g *gathered[R]) page(ctx context.Context, l *list[R]) (Found[R], error) {
	found := Found[R]{Total: len(g.positions)}
	from, to, err := onPage(g.positions, l.query, func(batch []position) error { return g.read(ctx, l, batch) }, func(p position) (Size, bool) {
		r, ok := g.kept[p.id]
		if !ok {
			return Size{}, false
		}
		return l.size(r), true
	})
	if err != nil {
		return Found[R]{}, err
	}
	for _, p := range g.positions[from:to] {
		if r, ok := g.kept[p.id]; ok {
			found.Records = append(found.Records, r)
		}
	}
	if l.query.Cursor != nil {
		found.Next, found.Previous = around(g.positions, from, to)
	}
	return found, nil
}

// onPage returns the part of the positions that a page has: as many as were
// requested, or as fit on it. A page of a backward walk ends before the
// cursor's record, so it is filled from its end. The records are read a batch
// at a time; sized returns the size of a record that still exists.
func onPage(positions []position, q Query, read func([]position) error, sized func(position) (Size, bool)) (from, to int, err error) {
	from, to = span(positions, q)
	back := q.Cursor != nil && q.Cursor.Back
	wanted := slices.Clone(positions[from:to])
	if back {
		slices.Reverse(wanted)
	}
	accepted, used := 0, Size{}
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
			used, accepted = with, accepted+1
		}
	}
	if back {
		return to - accepted, to, nil
	}
	return from, from + accepted, nil
}

// span returns the part of the positions that a page covers.
func span(positions []position, q Query) (from, to int) {
	if q.Cursor == nil {
		from = min(q.StartIndex-1, len(positions))
		return from, min(from+q.Count, len(positions))
	}
	c := *q.Cursor
	if c == (Cursor{}) {
		return 0, min(q.Count, len(positions))
	}
	at := position{c.Key, c.ID}
	if c.Back {
		to, _ = slices.BinarySearchFunc(positions, at, q.Sort.inOrder)
		return max(to-q.Count, 0), to
	}
	from, is := slices.BinarySearchFunc(positions, at, q.Sort.inOrder)
	if is {
		from++
	}
	return from, min(from+q.Count, len(positions))
}

// around returns the cursors to the pages after and before a part of the
// positions.
func around(positions []position, from, to int) (next, previous *Cursor) {
	if to < len(positions) {
		next = &Cursor{}
		if to > 0 {
			next = &Cursor{Key: positions[to-1].key, ID: positions[to-1].id}
		}
	}
	if from > 0 && from < len(positions) {
		previous = &Cursor{Key: positions[from].key, ID: positions[from].id, Back: true}
	}
	return next, previous
}

// read reads the records at the given positions that are not kept.
func (g *gathered[R]) read(ctx context.Context, l *list[R], positions []position) error {
	var missing []string
	for _, p := range positions {
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
