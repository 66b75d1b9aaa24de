package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// recent is a time after which DynamoDB does not remove what expires later, by its own clock.
var recent = time.Now().UTC().Truncate(time.Second)

// written has what a test writes into the log and the signals.
type written struct {
	*fixture
	n int
}

func (w *written) put(ops ...table.Op) {
	w.t.Helper()
	w.must(w.table.Write(w.t.Context(), table.Transaction{Token: w.newID(), Ops: ops}))
}

// entry writes a log entry of a time that expires at another time, and returns its key.
func (w *written) entry(at, expires time.Time, set ...string) string {
	w.t.Helper()
	w.n++
	e := journal.Entry{RequestID: keyAt(at, w.n), Time: at, Action: journal.Updated, ResourceType: journal.TypeUser, ResourceID: "u", Version: int64(w.n)}
	ops := []table.Op{}
	if len(set) > 0 {
		e.NewSet, e.Size, e.Epoch, e.ResourceType = true, len(set), 2, journal.TypeGroup
		for _, o := range setOps(w.tenant, e.Key(), set, expires) {
			ops = append(ops, o.Op)
		}
	}
	w.put(append(ops, logOp(w.tenant, e, nil, expires))...)
	return e.Key()
}

// signal writes a signal.
func (w *written) signal(at, expires time.Time) string {
	w.t.Helper()
	w.n++
	s := journal.Signal{ID: keyAt(at, w.n), Time: at, Type: string(event.SeatsFull), Details: map[string]string{"limit": "5"}}
	w.put(signalOp(w.tenant, s, expires))
	return s.ID
}

func keyAt(at time.Time, n int) string {
	return event.PositionBefore(at.Add(time.Millisecond)).Key[:13] + fmt.Sprintf("-7000-8000-%012d", n)
}

// follow reads pages until there is no more, and returns the keys.
func (w *written) follow(until time.Time, limit int) (keys []string) {
	w.t.Helper()
	var position event.Position
	for range 1000 {
		page, err := w.store.Sources(w.t.Context(), w.tenant, position, until, limit)
		w.must(err)
		for _, s := range page.Sources {
			keys = append(keys, s.Key())
		}
		position = event.Position{Key: page.To}
		if !page.More {
			return keys
		}
	}
	w.t.Fatal("the pages do not end")
	return nil
}

// back reads pages of the newest sources until there is no more, and returns the keys.
func (w *written) back(until time.Time, limit int) (keys []string) {
	w.t.Helper()
	var position event.Position
	for range 1000 {
		page, err := w.store.NewestSources(w.t.Context(), w.tenant, position, until, limit)
		w.must(err)
		for _, s := range page.Sources {
			keys = append(keys, s.Key())
		}
		position = event.Position{Key: page.To}
		if !page.More {
			return keys
		}
	}
	w.t.Fatal("the pages do not end")
	return nil
}

func TestSources_AreLogAndSignalsInOrder(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		w := &written{fixture: newFixture(t, engine.Open(t), recent)}
		later := recent.Add(24 * time.Hour)
		w.pass(time.Hour)
		var want []string
		for i := range 30 {
			at := recent.Add(time.Duration(i) * time.Millisecond)
			switch i % 7 {
			case 0, 4:
				want = append(want, w.signal(at, later))
			case 2:
				w.entry(at, w.now()) // expired
			case 3:
				w.signal(at, w.now())
			default:
				want = append(want, w.entry(at, later))
			}
		}
		until := recent.Add(30 * time.Millisecond)
		for _, limit := range []int{1, 2, 3, 7, 100} {
			require.Equal(t, want, w.follow(until, limit), limit)
		}
		newest := slices.Clone(want)
		slices.Reverse(newest)
		for _, limit := range []int{1, 2, 3, 7, 100} {
			require.Equal(t, newest, w.back(until, limit), limit)
		}
		require.Equal(t, newest[1:], w.back(event.Position{Key: newest[0]}.Time(), 4))
		// After the newest one, before the oldest one, and within a source.
		for position, first := range map[event.Position]int{
			{Key: event.PositionBefore(later).Key}: 0, {Key: newest[0], Part: 1}: 0, {Key: newest[0]}: 1, {Key: firstSource}: len(newest),
		} {
			page, err := w.store.NewestSources(t.Context(), w.tenant, position, until, 100)
			require.NoError(t, err)
			require.Len(t, page.Sources, len(newest)-first, "%v", position)
			require.Equal(t, firstSource, page.To)
		}
		// The time is the first that is not served.
		last := want[len(want)-1]
		require.Equal(t, want[:len(want)-1], w.follow(event.Position{Key: last}.Time(), 4))
		require.Equal(t, want, w.follow(event.Position{Key: last}.Time().Add(time.Millisecond), 4))

		page, err := w.store.Sources(t.Context(), w.tenant, event.Position{Key: last}, until, 10)
		require.NoError(t, err)
		require.Empty(t, page.Sources)
		require.Equal(t, event.PositionBefore(until).Key, page.To) // it goes on although nothing is new
		ahead := event.PositionBefore(later)
		page, err = w.store.Sources(t.Context(), w.tenant, ahead, until, 10)
		require.NoError(t, err)
		require.Equal(t, event.Page{To: ahead.Key}, page) // never back
		// Within a source.
		page, err = w.store.Sources(t.Context(), w.tenant, event.Position{Key: last, Part: 1}, until, 10)
		require.NoError(t, err)
		require.Len(t, page.Sources, 1)
	})
}

func TestSources_HaveWholeNewSets(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		w := &written{fixture: newFixture(t, engine.Open(t), recent)}
		set := make([]string, 3*setSize)
		for i := range set {
			set[i] = fmt.Sprintf("user-%04d", i)
		}
		later := recent.Add(24 * time.Hour)
		keys := []string{w.entry(recent, later, set[:1]...), w.entry(recent, later, set...), w.entry(recent, later, set...), w.entry(recent, later)}
		until := recent.Add(time.Second)
		page, err := w.store.Sources(t.Context(), w.tenant, event.Position{}, until, 10)
		require.NoError(t, err)
		require.Len(t, page.Sources, 2, "two sets are too large for one page")
		require.Equal(t, set[:1], page.Sources[0].Set)
		require.Equal(t, set, page.Sources[1].Set)
		require.Equal(t, event.Page{Sources: page.Sources, To: keys[1], More: true}, page)
		require.Equal(t, keys, w.follow(until, 10))

		source, ok, err := w.store.SourceAt(t.Context(), w.tenant, keys[2], false)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, set, source.Set)
		signal := w.signal(recent, later)
		source, ok, err = w.store.SourceAt(t.Context(), w.tenant, signal, true)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, map[string]string{"limit": "5"}, source.Signal.Details)
		for _, other := range []string{signal, keyAt(recent, 999)} {
			_, ok, err = w.store.SourceAt(t.Context(), w.tenant, other, false)
			require.NoError(t, err)
			require.False(t, ok)
		}
		w.pass(48 * time.Hour)
		_, ok, err = w.store.SourceAt(t.Context(), w.tenant, keys[2], false)
		require.NoError(t, err)
		require.False(t, ok)
	})
}

func TestUsersNow_FindSubjectsInBothPlacesAndMembersAmongTheLiving(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		w := &written{fixture: newFixture(t, engine.Open(t), recent)}
		var subjects []string
		for i := range 120 {
			u := &directory.User{ID: fmt.Sprintf("u%03d", i), Version: int64(i + 1), Deleted: i%2 == 1, Doc: []byte("{}")}
			w.put(table.Put(userItem(w.tenant, u)))
			subjects = append(subjects, u.ID)
		}
		users, err := w.store.UsersNow(t.Context(), w.tenant, append(subjects[:110:110], "purged"), []string{"u001", "u112", "u113", "nobody"})
		require.NoError(t, err)
		require.Len(t, users, 111)
		require.True(t, users["u109"].Deleted)
		require.Equal(t, int64(110), users["u109"].Version)
		require.NotNil(t, users["u112"])
		require.Nil(t, users["u113"])
		users, err = w.store.UsersNow(t.Context(), w.tenant, nil, []string{"u001"})
		require.NoError(t, err)
		require.Empty(t, users)
	})
}
