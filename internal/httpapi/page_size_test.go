package httpapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A page has up to 1,000 resources.
//
// Covers: 7643-5-9, 7644-3.4.2.4-2
func TestPages_HaveUpToAThousand(t *testing.T) {
	s := newService(t, enginetest.Memory, 5000)
	want := s.people(1_010)
	for _, path := range []string{"/Users?", "/?", "/Users?filter=active+eq+false&", "/Users?sortBy=userName&", "/Users?sortBy=displayName&"} {
		for _, from := range []string{"startIndex=1", "cursor="} {
			a := s.send("GET", path+"count=5000&"+from, "")
			first := idsOf(a)
			if a.status != 200 || len(first) != directory.MaxCount || a.body["itemsPerPage"] != 1000.0 {
				t.Fatalf("%s%s: %d, %d resources, itemsPerPage %v", path, from, a.status, len(first), a.body["itemsPerPage"])
			}
			next := "startIndex=1001"
			if cursor, ok := a.body["nextCursor"].(string); ok {
				next = "cursor=" + cursor
			}
			rest := idsOf(s.send("GET", path+"count=5000&"+next, ""))
			if got := slices.Sorted(slices.Values(append(first, rest...))); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				t.Errorf("%s%s: %d users, and %d on the next page", path, from, len(first), len(rest))
			}
		}
	}
	a := s.send("GET", "/ServiceProviderConfig", "")
	assert.Truef(t, at(a.body, "filter", "maxResults") == 1000.0 && at(a.body, "pagination", "maxPageSize") == 1000.0, "announced are %s", a.raw)
}

func idsOf(a answer) []string {
	var ids []string
	resources, _ := a.body["Resources"].([]any)
	for _, r := range resources {
		ids = append(ids, r.(map[string]any)["id"].(string))
	}
	return ids
}

// A page ends before it exceeds 5 MiB, or what Lambda returns; the next begins
// where it ends, by startIndex and by cursor, forwards and back.
func TestPages_EndBeforeTheyAreTooLarge(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		testPagesEnd(t, engine.Open, engine.Name == "dynamodb")
	})
}

// testPagesEnd reads every kind of list; with briefly, only those for which the
// engine is read differently, since pages of 5 MiB take a second each there.
func testPagesEnd(t *testing.T, open opener, briefly bool) {
	s := newService(t, open, 200)
	var want []string
	for i := range 110 {
		text := strings.Repeat("x", 7_000-i)
		if i >= 40 && i < 90 { // twice as long in an event
			text = strings.Repeat(`\"`, 3_500)
		}
		var addresses []string
		for j := range 7 + i%3 {
			addresses = append(addresses, fmt.Sprintf(`{"type":"t%d","formatted":"%s"}`, j, text))
		}
		want = append(want, s.mustCreate(fmt.Sprintf(`"userName":"u%03d","displayName":"d%03d","title":"T","addresses":[%s]`,
			i, (i*7)%110, strings.Join(addresses, ","))))
		s.log.Forget()
	}
	for i := range 5 {
		want = append(want, s.mustGroup(fmt.Sprintf("G%d", i)))
	}
	slices.Sort(want)
	users := slices.DeleteFunc(slices.Clone(want), func(id string) bool { return s.send("GET", "/Users/"+id, "").status != 200 })
	for _, tt := range []struct {
		path string
		want []string
	}{
		{"/Users?", users},
		{"/Users?filter=title+pr&", users},
		{"/Users?sortBy=userName&", users},
		{"/Users?sortBy=displayName&", users},
		{"/Users?sortBy=displayName&filter=title+pr&", users},
		{"?", want},
		{"?filter=displayName+pr&", want},
		{"?sortBy=displayName&sortOrder=descending&", want},
	} {
		for _, byCursor := range []bool{false, true} {
			if briefly && (byCursor || strings.Contains(tt.path, "filter") || strings.Contains(tt.path, "displayName")) {
				continue
			}
			t.Run(fmt.Sprintf("%s cursor %t", tt.path, byCursor), func(t *testing.T) {
				s.t = t
				pages := s.sizedPages(tt.path, byCursor, len(tt.want))
				var got []string
				for i, page := range pages {
					got = append(got, idsOf(page)...)
					assert.Falsef(t, i > 0 && roomBehind(t, pages[i-1], page), "page %d had room for the first of the next", i)
				}
				if slices.Sort(got); !slices.Equal(got, tt.want) {
					t.Errorf("%d resources in %d pages, want %d", len(got), len(pages), len(tt.want))
				}
				assert.Truef(t, len(pages) >= 2 && len(pages) <= 5, "%d pages", len(pages))
			})
		}
	}
}

// sizedPages reads a list to its end, and back again if the pages have cursors.
func (s *service) sizedPages(path string, byCursor bool, total int) []answer {
	s.t.Helper()
	get := func(at string) answer {
		s.t.Helper()
		a := s.send("GET", path+"count=1000&"+at, "")
		printed, err := json.Marshal(lambdahttp.Response{Body: a.raw})
		require.NoError(s.t, err)
		if n := len(idsOf(a)); a.status != 200 || len(a.raw) > directory.MaxPageBytes || len(printed) > lambdahttp.MaxResponseBytes-64<<10 ||
			n == 0 || a.body["itemsPerPage"] != float64(n) {
			s.t.Fatalf("%s%s: %d, %d bytes, %d in an event, %d resources of %v", path, at, a.status, len(a.raw), len(printed), n, a.body["itemsPerPage"])
		}
		return a
	}
	at, start := "startIndex=1", 1
	if byCursor {
		at = "cursor="
	}
	var pages []answer
	for at != "" {
		a := get(at)
		pages = append(pages, a)
		start += len(idsOf(a))
		next, _ := a.body["nextCursor"].(string)
		switch {
		case byCursor && next != "":
			at = "cursor=" + next
		case !byCursor && start <= total:
			at = fmt.Sprintf("startIndex=%d", start)
		default:
			at = ""
		}
	}
	last := pages[len(pages)-1]
	var back []string
	for a := last; ; {
		back = append(back, idsOf(a)...)
		previous, _ := a.body["previousCursor"].(string)
		if previous == "" {
			break
		}
		a = get("cursor=" + previous)
	}
	var forth []string
	for _, a := range pages {
		forth = append(forth, idsOf(a)...)
	}
	if slices.Sort(back); len(back) > len(idsOf(last)) {
		if slices.Sort(forth); !slices.Equal(back, forth) {
			s.t.Errorf("%s: %d resources on the way back, %d on the way there", path, len(back), len(forth))
		}
	}
	return pages
}

// roomBehind reports whether the first resource of a page would have fitted on
// the page before it.
func roomBehind(t *testing.T, before, page answer) bool {
	t.Helper()
	var list struct{ Resources []json.RawMessage }
	require.NoError(t, json.Unmarshal([]byte(page.raw), &list))
	whole := before.raw + "," + string(list.Resources[0])
	const slack = 32 << 10 // for the page's head, the answer's, and a document's own
	printed := len(whole) + strings.Count(whole, `"`) + strings.Count(whole, `\`)
	return len(whole) < directory.MaxPageBytes-slack && printed < lambdahttp.MaxResponseBytes-128<<10-slack
}

// In a list of both types, groups have the room that users leave on a page,
// even none.
func TestPages_GroupsHaveTheRoomThatUsersLeave(t *testing.T) {
	s := newService(t, enginetest.Memory, 200)
	large := func(name string, sizes ...int) string {
		var addresses []string
		for i, n := range sizes {
			addresses = append(addresses, fmt.Sprintf(`{"type":"t%d","formatted":"%s"}`, i, strings.Repeat("x", n)))
		}
		s.log.Forget()
		return s.mustCreate(fmt.Sprintf(`"userName":%q,"displayName":"D","addresses":[%s]`, name, strings.Join(addresses, ",")))
	}
	var want []string
	for i := range 104 {
		want = append(want, large(fmt.Sprintf("u%03d", i), 7000, 7000, 7000, 7000, 7000, 7000, 7000))
	}
	const groups, groupSize = 60, 500
	for i := range groups {
		want = append(want, s.mustGroup(fmt.Sprintf("%02d%s", i, strings.Repeat("g", groupSize-10))))
	}
	walk := func(what string, first int) {
		t.Helper()
		for _, path := range []string{"?", "?filter=displayName+pr&"} {
			for _, byCursor := range []bool{false, true} {
				pages := s.sizedPages(path, byCursor, len(want))
				var got []string
				for _, page := range pages {
					got = append(got, idsOf(page)...)
				}
				if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
					t.Errorf("%s, %s by cursor %t: %d resources, want %d", what, path, byCursor, len(got), len(want))
				}
				if n := len(idsOf(pages[0])); len(pages) != 2 || n < first || first == len(want)-groups && n != first || n == len(want) {
					t.Errorf("%s, %s by cursor %t: %d pages, %d on the first", what, path, byCursor, len(pages), n)
				}
			}
		}
	}
	room := directory.MaxPageBytes - len(s.send("GET", "/Users?count=1000", "").raw)
	// The filler leaves room for some groups, but not for all.
	filler := func(left int) []int {
		var sizes []int
		for n := room - left; n > 0; n -= 7000 {
			sizes = append(sizes, min(n, 7000))
		}
		return sizes
	}
	id := large("last", filler(groups*groupSize/2)...)
	want = append(want, id)
	walk("some room", 106)
	require.Equal(t, 204, s.send("DELETE", "/Users/"+id, "").status, "DELETE")
	want[len(want)-1] = large("last but one", filler(9_300)...)
	walk("no room", 105)
}
