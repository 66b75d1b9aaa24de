package directory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

func TestDeleteGroupInApp_LeavesAMarker(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, open opener) {
		for _, size := range []int{0, 3, directory.MaxJoined + 3} {
			f := newFixture(t, open, 9, 9)
			ids := f.people(size + 1)
			body := group("Sales", ids[:size]...)
			id := f.mustPostGroup(body)
			by := f.app()
			if r, err := f.dir.DeleteGroupInApp(t.Context(), f.tenant, by, id); err != nil || r.Action != journal.Deleted {
				t.Fatalf("%+v, %v", r, err)
			}
			f.sweep()
			f.check(0)
			ctx := context.Background()
			for name, do := range map[string]func() error{
				"GET":         func() error { _, err := f.dir.Group(ctx, f.tenant, id); return err },
				"GET members": func() error { _, _, err := f.dir.Members(ctx, f.tenant, id, 10); return err },
				"GET resting": func() error { _, _, err := f.dir.Resting(ctx, f.tenant, id); return err },
				"PUT":         func() error { _, err := f.putGroup(id, body); return err },
				"PATCH":       func() error { _, err := f.patchGroup(id, add(ids[size])); return err },
				"PATCH clear": func() error { _, err := f.patchGroup(id, `{"op":"remove","path":"members"}`); return err },
				"DELETE": func() error {
					_, err := f.dir.DeleteGroup(ctx, f.tenant, f.by(), id, nil)
					return err
				},
				"in app again": func() error { _, err := f.dir.DeleteGroupInApp(ctx, f.tenant, f.app(), id); return err },
			} {
				err := do()
				var deleted *directory.GroupDeletedError
				if !errors.Is(err, directory.ErrNoGroup) || !errors.As(err, &deleted) {
					t.Errorf("%s: %v", name, err)
					continue
				}
				g := deleted.Group
				assert.Truef(t, g.ID == id && g.DisplayName == "Sales" && g.Who == by.Who && g.Deleted.Equal(by.Time), "%s: %+v", name, g)
			}
			again := f.mustPostGroup(body)
			assert.NotEqual(t, id, again, "the new group has the old id")
			page, err := f.dir.DeletedGroups(t.Context(), f.tenant, "", 10)
			assert.Truef(t, err == nil && len(page.Records) == 1 && page.Records[0].ID == id, "markers %+v, %v", page, err)
			// Another tenant does not see the marker, and an unknown id has
			// none.
			_, err = f.dir.Group(t.Context(), f.tenant, newID())
			var deleted *directory.GroupDeletedError
			assert.Truef(t, !errors.As(err, &deleted) && errors.Is(err, directory.ErrNoGroup), "an unknown id: %v", err)
			// A deletion by an identity provider leaves no marker.
			_, err = f.dir.DeleteGroup(t.Context(), f.tenant, f.by(), again, nil)
			require.NoError(t, err)
			if _, err = f.dir.Group(t.Context(), f.tenant, again); errors.As(err, &deleted) || !errors.Is(err, directory.ErrNoGroup) {
				t.Errorf("deleted by SCIM: %v", err)
			}
			f.sweep()
			f.check(0)
		}
	})
}
