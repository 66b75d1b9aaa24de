package store

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// SweepNow takes what a request has staged, at any point of that request:
// either the request succeeds, or it decides again and nothing of it is left.
func TestSweepNow_AtAnyPointOfARequest(t *testing.T) {
	requests := map[string]func(f *fixture, s *Store) error{
		"a whole new set": func(f *fixture, s *Store) error {
			before, err := f.store.Group(f.t.Context(), f.tenant, "g1")
			f.must(err)
			c := f.edit("g1")
			if err := s.BeginEpoch(f.t.Context(), f.tenant, "g1", before, 2, f.now().Add(time.Minute)); err != nil {
				return err
			}
			if _, err := s.StageMembers(f.t.Context(), f.tenant, "g1", 2, []string{"p00", "p03", "p04"}); err != nil {
				return err
			}
			c.After.Epoch, c.After.Epochs = 2, 2
			return s.ReplaceMembers(f.t.Context(), f.tenant, directory.GroupNewSet{GroupEdit: c, Staged: true})
		},
		"an accepted change in two transactions": func(f *fixture, s *Store) error {
			c := accepting(f.edit("g1"), "w1", manyMembers(), nil)
			c.Add[0] = "p05"
			return s.AcceptMembers(f.t.Context(), f.tenant, c)
		},
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			refused, done := 0, 0
			for at, met := int64(1), true; met; at++ {
				f := sweepFixture(t, enginetest.Memory(t))
				f.store.units = 0 // no pace
				f.people(6)
				f.group("g1", "p00", "p01")
				m := &meeting{Table: f.table, at: at, do: func() {
					swept, err := f.store.SweepNow(t.Context(), f.tenant)
					assert.Truef(t, err == nil && swept.Left == 0, "before write %d: swept %+v, %v", at, swept, err)
				}}
				err := request(f, f.on(m))
				var failed *directory.CommitError
				switch {
				case err == nil:
					done++
				case errors.Is(err, directory.ErrStale), errors.As(err, &failed) && failed.Stale():
					refused++
				default:
					t.Errorf("before write %d: %v, want directory.ErrStale", at, err)
				}
				swept, sweepErr := f.store.SweepNow(t.Context(), f.tenant)
				assert.Truef(t, sweepErr == nil && swept.Left+len(swept.Waiting) == 0, "before write %d: swept %+v, %v", at, swept, sweepErr)
				f.wantNoFaults()
				if err != nil {
					f.wantMembers("g1", []string{"p00", "p01"})
				}
				met = m.writes.Load() >= at
			}
			assert.Truef(t, refused != 0 && done != 0, "%d requests succeeded, %d did not: both outcomes must occur", done, refused)
		})
	}
}

// Only the deletion of a tenant waits.
func TestSweepNow_TakesAllButADeletion(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	m := f.mess()
	if swept, err := f.store.SweepNow(t.Context(), f.tenant); err != nil || swept.Swept != (Swept{Finished: tasks}) {
		t.Errorf("swept %+v, %v, want %d finished", swept, err, tasks)
	}
	m.wantTidy()
	f.end()
	want := Waiting{Task: "tenant#acme", Until: f.now().Add(endingTime)}
	swept, err := f.store.SweepNow(t.Context(), f.tenant)
	if err != nil || swept.Swept != (Swept{Young: 1}) || len(swept.Waiting) != 1 || !swept.Waiting[0].Until.Equal(want.Until) || swept.Waiting[0].Task != want.Task {
		t.Errorf("swept %+v, %v, want %+v", swept, err, want)
	}
	f.pass(endingTime - time.Millisecond)
	f.write(table.Check(tenantKey(f.tenant), table.Present()))
	f.pass(time.Millisecond)
	if swept, err := f.store.SweepNow(t.Context(), f.tenant); err != nil || swept.Swept != (Swept{Finished: 1}) {
		t.Errorf("swept %+v, %v", swept, err)
	}
}
