package store

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// firstSource is before every key of the log and of the signals, which are UUIDv7s.
const firstSource = "0"

// Sources reads the sources of a tenant's events after a position, in the order of their
// keys, of those whose keys are older than a time: one round trip, and another one for whole
// new sets of members. It reads at most limit items of each partition, and ends before a
// further set once the sets have maxSetMembers.
func (s *Store) Sources(ctx context.Context, t tenant.ID, after event.Position, until time.Time, limit int) (event.Page, error) {
	end := event.PositionBefore(until).Key
	if after.Key > end {
		return event.Page{To: after.Key}, nil
	}
	pages, err := s.sourcePages(ctx, t, func(partition string) table.Query { return upwards(partition, after, end, limit) })
	if err != nil {
		return event.Page{}, err
	}
	page := event.Page{To: end}
	for _, p := range pages {
		// A partition with more is known only up to its last item.
		if p.More {
			page.To, page.More = min(page.To, p.Last), true
		}
	}
	for i, p := range pages {
		for _, item := range p.Items {
			if item.Sort <= page.To && !expired(item.Attributes, s.now()) {
				page.Sources = append(page.Sources, decodeSource(item, i == 1))
			}
		}
	}
	slices.SortFunc(page.Sources, func(x, y event.Source) int { return strings.Compare(x.Key(), y.Key()) })
	return s.withSets(ctx, t, endBeforeSets(page))
}

// NewestSources reads the sources of a tenant's events before a position, the newest first, of
// those whose keys are older than a time: as many round trips as Sources, with the same limits.
// The zero Position is after the newest one. The To of the page is the key down to which it has
// all sources.
func (s *Store) NewestSources(ctx context.Context, t tenant.ID, before event.Position, until time.Time, limit int) (event.Page, error) {
	end := event.PositionBefore(until).Key
	pages, err := s.sourcePages(ctx, t, func(partition string) table.Query { return downwards(partition, before, end, limit) })
	if err != nil {
		return event.Page{}, err
	}
	page := event.Page{To: firstSource}
	for _, p := range pages {
		if p.More {
			page.To, page.More = max(page.To, p.Last), true
		}
	}
	for i, p := range pages {
		for _, item := range p.Items {
			if item.Sort >= page.To && !expired(item.Attributes, s.now()) {
				page.Sources = append(page.Sources, decodeSource(item, i == 1))
			}
		}
	}
	slices.SortFunc(page.Sources, func(x, y event.Source) int { return strings.Compare(y.Key(), x.Key()) })
	return s.withSets(ctx, t, endBeforeSets(page))
}

// sourcePages reads a page of the log and one of the signals: one round trip.
func (s *Store) sourcePages(ctx context.Context, t tenant.ID, query func(partition string) table.Query) (pages [2]table.Page, err error) {
	read := func(i int, name string) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			pages[i], err = s.table.Query(ctx, query(partition(t, name)))
			return readError(err)
		}
	}
	return pages, s.Together(ctx, read(0, logName), read(1, signalsName))
}

// maxSetMembers is how many members the whole new sets of a page have at most, unless it has
// one set only: a request may send that many.
const maxSetMembers = scim.MaxMembers

// endBeforeSets returns a page without what follows too many members of whole new sets.
func endBeforeSets(page event.Page) event.Page {
	members := 0
	for i, source := range page.Sources {
		e := source.Entry
		if e == nil || !e.NewSet {
			continue
		}
		if members += e.Size; members > maxSetMembers && members > e.Size {
			return event.Page{Sources: page.Sources[:i], To: page.Sources[i-1].Key(), More: true}
		}
	}
	return page
}

// withSets reads the members of the whole new sets of a page, a few in parallel.
func (s *Store) withSets(ctx context.Context, t tenant.ID, page event.Page) (event.Page, error) {
	var sets []*event.Source
	for i, source := range page.Sources {
		if source.Entry != nil && source.Entry.NewSet {
			sets = append(sets, &page.Sources[i])
		}
	}
	err := parallel(table.Together(ctx), len(sets), func(ctx context.Context, i int) (err error) {
		sets[i].Set, err = s.SetOf(ctx, t, sets[i].Key())
		return err
	})
	return page, err
}

// SourceAt reads one source; ok is false if it has expired.
func (s *Store) SourceAt(ctx context.Context, t tenant.ID, key string, signal bool) (source event.Source, ok bool, err error) {
	name := logName
	if signal {
		name = signalsName
	}
	item, ok, err := s.read(ctx, table.Key{Partition: partition(t, name), Sort: key})
	if err != nil || !ok || expired(item.Attributes, s.now()) {
		return event.Source{}, false, err
	}
	page, err := s.withSets(ctx, t, event.Page{Sources: []event.Source{decodeSource(item, signal)}})
	return page.Sources[0], err == nil, err
}

// UsersNow reads users by id: the subjects live or deleted, the members live only. It takes
// one round trip, and up to two more for subjects that are not live.
func (s *Store) UsersNow(ctx context.Context, t tenant.ID, subjects, members []string) (map[string]*directory.User, error) {
	live, err := s.LiveUsers(ctx, t, slices.Compact(slices.Sorted(slices.Values(slices.Concat(subjects, members)))))
	if err != nil {
		return nil, err
	}
	users := make(map[string]*directory.User, len(live))
	for _, u := range live {
		users[u.ID] = u
	}
	others, err := s.Records(ctx, t, slices.DeleteFunc(slices.Clone(subjects), func(id string) bool { return users[id] != nil }))
	maps.Copy(users, others)
	return users, err
}

// StoredMemberships reads which memberships are stored. It does not read the users.
func (s *Store) StoredMemberships(ctx context.Context, t tenant.ID, asked []directory.Membership) (map[directory.Membership]bool, error) {
	of := make(map[table.Key]directory.Membership, len(asked))
	for _, m := range asked {
		of[membershipKey(t, m.Group, m.Epoch, m.User)] = m
	}
	items, err := s.getAll(ctx, slices.Collect(maps.Keys(of)))
	if err != nil {
		return nil, err
	}
	stored := make(map[directory.Membership]bool, len(items))
	for key := range items {
		stored[of[key]] = true
	}
	return stored, nil
}

// decodeSource decodes an entry or a signal.
func decodeSource(item table.Item, signal bool) event.Source {
	if signal {
		return event.Source{Signal: new(decodeSignal(item))}
	}
	return event.Source{Entry: new(decodeEntry(item))}
}

// upwards returns a query of a partition after a position. The source at which a position
// within a source is has to be read again.
func upwards(partition string, after event.Position, end string, limit int) table.Query {
	q := table.Query{Partition: partition, From: max(after.Key, firstSource), To: end, Limit: limit}
	if after.Part == 0 {
		q.After = after.Key
	}
	return q
}

// downwards returns a query of a partition before a position, from the end. The source at which
// a position within a source is has to be read again.
func downwards(partition string, before event.Position, end string, limit int) table.Query {
	q := table.Query{Partition: partition, From: firstSource, To: end, Limit: limit, Descending: true}
	if before.Key == "" || before.Key > end {
		return q
	}
	if q.To = before.Key; before.Part == 0 {
		q.After = before.Key
	}
	return q
}
