package demo_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/dev/demo"
	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// begin is when the tests' week begins.
var begin = time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)

func fill(t *testing.T, s *provoke.Stage) (demo.Story, error) {
	t.Helper()
	return demo.Fill(t.Context(), demo.Service{
		SCIM: s.SCIM(), Tenant: "acme", Pass: s.Pass,
		Admin: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set(web.OperatorHeader, provoke.Operator)
			s.Admin().ServeHTTP(w, r)
		}),
	})
}

// list asks for a list, and returns some members of each of its objects.
func list(t *testing.T, s *provoke.Stage, path, name string, members ...string) (all []string) {
	t.Helper()
	found, ok := s.Ask("GET", "/tenants/acme"+path, "").Body[name].([]any)
	require.Truef(t, ok, "%s has no %s", path, name)
	for _, one := range found {
		one, _ := one.(map[string]any)
		var parts []string
		for _, m := range members {
			parts = append(parts, fmt.Sprint(one[m]))
		}
		all = append(all, strings.Join(parts, " "))
	}
	return all
}

// The week is the same each time, ends when it should, and leaves failures of several
// causes by both identity providers, warnings, readers, and data that is sound.
func TestFill_IsTheSameEachTime(t *testing.T) {
	failing := []string{
		"anna.lindqvist@example.com seat_limit okta", "ben.ortiz@example.com seat_limit okta", "dmitri.volkov@example.com seat_limit entra",
		"chiara.russo@example.com validation okta", "tariq.khan@example.com validation entra", "grace.kim@example.com duplicate entra", "Interns group_deleted okta",
	}
	slices.Sort(failing)
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			s := provoke.NewAt(t, engine.Open(t), 5, begin)
			story, err := fill(t, s)
			require.NoError(t, err)
			assert.Equal(t, demo.Length, s.Now().Sub(begin), "it takes")
			got := list(t, s, "/failed-users", "failedUsers", "subject", "cause", "idp")
			if slices.Sort(got); !slices.Equal(got, failing) {
				t.Errorf("failing %q, want %q", got, failing)
			}
			warnings := list(t, s, "/log?outcome=warning", "entries", "subject", "cause", "idp")
			want := []string{"Sales unknown_members okta", "Advisers unknown_members entra", "sofia.lund@example.com tolerated entra"}
			assert.Truef(t, slices.Equal(warnings, want), "warnings %q, want %q", warnings, want)
			days, causes := map[string]bool{}, map[string]bool{}
			for _, e := range list(t, s, "/log?outcome=failure&limit=100", "entries", "time", "cause") {
				days[e[:10]] = true
				causes[strings.Fields(e)[1]] = true
			}
			assert.Truef(t, len(days) >= 6 && len(causes) >= 5, "failures on %v of %v", slices.Sorted(maps.Keys(days)), slices.Sorted(maps.Keys(causes)))
			overview := s.Ask("GET", "/tenants/acme/overview", "").Body
			seats, _ := overview["seats"].(map[string]any)
			sync, _ := overview["lastSync"].([]any)
			assert.Truef(t, len(sync) == 2 && seats["used"] == float64(demo.Seats) && seats["limit"] == float64(demo.Seats), "overview %v", overview)
			x := s.Ask("GET", "/tenants/acme/requests/"+story.Request, "")
			if x.Status != 200 || x.Body["now"] != "failing" || !strings.Contains(story.Detail, story.Request) {
				t.Errorf("%+v: %d %v", story, x.Status, x.Body)
			}
			id, err := tenant.ParseID("acme")
			require.NoError(t, err)
			faults, err := s.App.Store.Audit(t.Context(), id)
			assert.Truef(t, err == nil && len(faults) == 0, "audit: %v, %v", faults, err)
		})
	}
}

// An answer other than the expected one ends it with an error that has the request.
func TestFill_StopsAtAnUnexpectedStatus(t *testing.T) {
	s := provoke.NewAt(t, enginetest.Memory(t), 5, begin)
	a := s.Send("POST", "/Users", stage.User(`"userName":"clara.vogel@example.com"`))
	require.Equal(t, 201, a.Status, a)
	_, err := fill(t, s)
	assert.Truef(t, err != nil && strings.Contains(err.Error(), "clara.vogel") && strings.Contains(err.Error(), "want 201"), "%v", err)
}

func TestClock_OrdersIDs(t *testing.T) {
	c := demo.NewClock(begin)
	before := ""
	for range 5000 {
		id := c.NewID()
		require.Truef(t, id > before && len(id) == 36, "%s after %s", id, before)
		before = id
		c.Pass(time.Millisecond)
	}
}
