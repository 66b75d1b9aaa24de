package system

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// fed passes the newest entries of the log to the feed, as its function, and forgets them.
func (s *service) fed(t *testing.T, clock *movedClock, log io.Writer, after string) (last string) {
	t.Helper()
	page, err := s.table.Query(t.Context(), table.Query{Partition: "T#acme#LOG", After: after})
	require.NoError(t, err)
	var records []table.Record
	for i, item := range page.Items {
		records = append(records, table.Record{Sequence: fmt.Sprint(i + 1), Inserted: true, Key: item.Key, Item: &item, Time: clock.now()})
		after = item.Sort
	}
	feed := app.NewFeed(calls.Table(s.table), logline.New(log), app.Outlets{}, app.Options{Now: clock.now})
	_, err = feed.Handle(iam.As(t.Context(), "FeedFunction"), records)
	require.NoError(t, err)
	return after
}

// An identity provider deactivates and deletes 21 of 100 users: the application reads the event,
// the overview shows it for a day, and the log has a line that an alarm counts. What the
// application does itself is not counted.
func TestPull_HasUnusualDeactivations(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		s, clock := pulling(t, engine.Open(t))
		log := &bytes.Buffer{}
		ids := make([]string, 105)
		for i := range ids {
			ids[i] = s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d@example.com"`, i)))
		}
		for _, id := range ids[100:] {
			s.mustAdmin(200, "PATCH", "/tenants/acme/users/"+id, `{"active":false}`)
		}
		for _, id := range ids[:12] {
			s.must(200, "PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"active","value":false}]`))
		}
		after := s.fed(t, clock, log, "")
		for _, id := range ids[12:20] {
			s.must(204, "DELETE", "/Users/"+id, "")
		}
		s.must(204, "DELETE", "/Users/"+ids[0], "") // inactive already
		after = s.fed(t, clock, log, after)
		clock.settled()
		events, _ := s.pull("", "types=deactivations.unusual")
		require.Empty(t, events, "20 of 100 are usual")
		require.NotContains(t, s.mustAdmin(200, "GET", "/tenants/acme/overview", ""), "unusualDeactivations")

		s.must(204, "DELETE", "/Users/"+ids[20], "")
		for range 2 { // a batch may come again
			s.fed(t, clock, log, after)
		}
		clock.settled()
		events, _ = s.pull("", "types=deactivations.unusual")
		require.Len(t, events, 1)
		details := events[0]["details"].(map[string]any)
		assert.Equal(t, []any{"21", "100"}, []any{details["count"], details["activeUsers"]})
		assert.NotEmpty(t, details["credentialIds"])
		assert.NotEmpty(t, details["whatToDo"])
		assert.Nil(t, events[0]["resource"])

		o := s.mustAdmin(200, "GET", "/tenants/acme/overview", "")
		shown := o["unusualDeactivations"].(map[string]any)
		assert.Equal(t, []any{21.0, 100.0}, []any{shown["count"], shown["activeUsers"]})
		assert.Contains(t, fmt.Sprint(o["notices"]), "deactivations_unusual")
		assert.Equal(t, "warning", o["state"])
		assert.Contains(t, log.String(), `"event":"deactivations.unusual","tenant":"acme","count":21,"activeUsers":100,"unusualDeactivations":1`)
		clock.pass(24 * time.Hour)
		o = s.mustAdmin(200, "GET", "/tenants/acme/overview", "")
		assert.NotContains(t, o, "unusualDeactivations")
		assert.NotContains(t, fmt.Sprint(o["notices"]), "deactivations_unusual")
	})
}
