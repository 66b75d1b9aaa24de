package system

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/meter"
)

// seedUsers stores n users as if long ago, each a copy of the first, whose userName is
// pattern, with its own name. Their ids are in the order of their numbers.
func (s *service) seedUsers(raw table.Table, first string, n int, nameOf func(i int) string) (ids []string) {
	s.t.Helper()
	user := table.Key{Partition: "T#acme#USERS", Sort: first}
	reservation := table.Key{Partition: "T#acme#NAMES#user", Sort: "pattern"}
	items, err := raw.Get(s.t.Context(), user, reservation)
	require.Truef(s.t, err == nil && len(items) == 2, "%d items, %v", len(items), err)
	var ops []table.Op
	write := func() {
		require.NoError(s.t, raw.Write(context.Background(), table.Transaction{Token: uuid.NewString(), Ops: ops}))
		ops = ops[:0]
	}
	for i := range n {
		id := fmt.Sprintf("01900000-0000-7000-8000-%012d", i)
		name := nameOf(i)
		ids = append(ids, id)
		copied := table.Attributes{}
		for key, value := range items[user].Attributes {
			if !value.IsNumber() {
				value = table.Text(strings.NewReplacer(first, id, "pattern", name).Replace(value.Text()))
			}
			copied[key] = value
		}
		holder := table.Attributes{}
		for key, value := range items[reservation].Attributes {
			if !value.IsNumber() {
				value = table.Text(strings.ReplaceAll(value.Text(), first, id))
			}
			holder[key] = value
		}
		ops = append(ops,
			table.Put(table.Item{Key: table.Key{Partition: user.Partition, Sort: id}, Attributes: copied}, table.Absent()),
			table.Put(table.Item{Key: table.Key{Partition: reservation.Partition, Sort: name}, Attributes: holder}, table.Absent()))
		if len(ops) == table.MaxOps || i == n-1 {
			write()
		}
	}
	seats := int64(n) * s.ledger().Seats // those of the first
	ops = append(ops, table.Update(table.Key{Partition: "T#acme#LEDGER", Sort: "0"},
		table.Change{Add: map[string]int64{"users": int64(n), "seats": seats}}, table.Present()))
	write()
	return ids
}

// Lists of more users than a request reads, while users are created, deactivated and
// deleted: no user that exists all along is missed or listed twice, and every page costs
// the same. DynamoDB Local has fewer users.
//
// Covers: 9865-5.3-1
func TestList_OfManyUsers(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		most, less, count := size(100_000, 20_000), size(20_000, 12_000), 200
		if engine.Name != "embedded" {
			most, less, count = size(2_000, 600), size(2_000, 600), 50
		}
		units := float64(count)
		testWalk(t, engine.Open(t), most, count, []walk{
			{"startIndex", "?", false, 3, units/2 + 5},
			{"cursor", "?", true, 1, units/2 + 5},
		})
		testWalk(t, engine.Open(t), less, count, []walk{
			// A page that includes the names of deleted users takes two
			// more.
			{"cursor, by userName", "?sortBy=userName&", true, 4, units + 50},
			{"cursor, by userName descending", "?sortBy=userName&sortOrder=descending&", true, 4, units + 50},
			{"cursor, those who match", "?filter=" + url.QueryEscape(`title eq "seeded"`) + "&", true, 2, units + 200},
		})
	})
}

// A walk is a way to list all users, with the largest cost of a page.
type walk struct {
	name, query      string
	byCursor         bool
	trips, readUnits float64
}

func testWalk(t *testing.T, raw table.Table, size, count int, walks []walk) {
	// The time stands still: the token is read once.
	now := time.Now()
	s := newService(t, raw, 10*int64(size), app.Options{Now: func() time.Time { return now }, Meter: []meter.Option{meter.Exact}})
	first := s.must(201, "POST", "/Users", userBody(`"userName":"pattern","title":"seeded"`))
	// Their names are not in the order of their ids.
	seeded := s.seedUsers(raw, first, size, func(i int) string { return fmt.Sprintf("s%07d", i*7919%size) })
	random := rand.New(rand.NewPCG(1, uint64(size)))
	gone := map[string]bool{}
	var made []string
	// disturb creates a user, and deactivates and deletes others, anywhere.
	disturb := func() {
		made = append(made, s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"s%07d-%d"`, random.IntN(size), random.Uint64()))))
		s.must(200, "PATCH", "/Users/"+made[random.IntN(len(made))], patchBody(deactivate))
		for range 2 {
			id := seeded[random.IntN(size)]
			if gone[id] {
				continue
			}
			gone[id] = true
			s.must(204, "DELETE", "/Users/"+id, "")
		}
		if at := random.IntN(len(made)); len(made) > 10 {
			s.must(204, "DELETE", "/Users/"+made[at], "")
			made = append(made[:at], made[at+1:]...)
		}
	}
	for _, walk := range walks {
		t.Run(walk.name, func(t *testing.T) {
			there := map[string]bool{}
			for _, id := range seeded {
				if !gone[id] {
					there[id] = true
				}
			}
			given := map[string]bool{}
			start, cursor := 1, ""
			for pages := 0; ; pages++ {
				query := fmt.Sprintf("%scount=%d&attributes=userName", walk.query, count)
				if walk.byCursor {
					query += "&cursor=" + cursor
				} else {
					query += fmt.Sprintf("&startIndex=%d", start)
				}
				a := s.send("GET", "/Users"+query, "")
				require.Equalf(t, 200, a.status, "page %d: %d %v", pages, a.status, a.body)
				resources, _ := a.body["Resources"].([]any)
				for _, r := range resources {
					id := r.(map[string]any)["id"].(string)
					require.Falsef(t, given[id], "page %d gives %s a second time", pages, id)
					given[id] = true
				}
				// Retries on a slow machine do not count.
				if trips := a.event["roundTrips"].(float64) - a.event["retries"].(float64); trips > walk.trips {
					t.Errorf("page %d: %v round trips, want at most %v", pages, trips, walk.trips)
				}
				if units := a.event["readUnits"].(float64); units > walk.readUnits {
					t.Errorf("page %d: %v read units, want at most %v", pages, units, walk.readUnits)
				}
				start += len(resources)
				cursor, _ = a.body["nextCursor"].(string)
				if walk.byCursor && cursor == "" || !walk.byCursor && (len(resources) == 0 || float64(start) > a.body["totalResults"].(float64)) {
					break
				}
				require.True(t, pages <= 3*size/count, "the walk does not end")
				if pages%5 == 0 {
					disturb()
				}
			}
			missed := 0
			for id := range there {
				if !gone[id] && !given[id] {
					missed++
				}
			}
			assert.Truef(t, missed == 0, "%d users that existed all along are missed", missed)
		})
	}
	s.check(int64(len(seeded) + 1 - len(gone) + s.live(made)))
}

// live counts the active ones of some users.
func (s *service) live(ids []string) int {
	s.t.Helper()
	n := 0
	for _, id := range ids {
		if s.send("GET", "/Users/"+id, "").body["active"] == true {
			n++
		}
	}
	return n
}

// A revoked token cannot use the cursors that it was given.
//
// Covers: 9865-5.2-3
func TestCursor_EndsWithItsToken(t *testing.T) {
	now := time.Now()
	s := newService(t, enginetest.Memory(t), 10, app.Options{Now: func() time.Time { return now }})
	for i := range 3 {
		s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"u%d"`, i)))
	}
	a := s.send("GET", "/Users?count=1&cursor", "")
	next, _ := a.body["nextCursor"].(string)
	id := a.event["tokenId"].(string)
	require.NoError(t, s.app.Store.RevokeToken(t.Context(), s.tenant, id, now))
	now = now.Add(time.Minute)
	a = s.send("GET", "/Users?count=1&cursor="+next, "")
	body, _ := json.Marshal(a.body)
	assert.Truef(t, a.status == 401 && !strings.Contains(string(body), "u1"), "%d %s", a.status, body)
}
