package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// pagesOf follows the cursors of a list from the first page to the last and
// back again, and returns the names on each page. The pages must be the same on
// the way back, where they have a previousCursor.
func (s *service) pagesOf(path, parameters string, count int) [][]string {
	s.t.Helper()
	get := func(cursor string) answer {
		s.t.Helper()
		var a answer
		if strings.HasSuffix(path, ".search") {
			a = s.send("POST", path, searchBody(fmt.Sprintf(`%s"count":%d,"cursor":%q`, parameters, count, cursor)))
		} else {
			a = s.send("GET", fmt.Sprintf("%s?%scount=%d&cursor=%s", path, parameters, count, cursor), "")
		}
		require.Equalf(s.t, 200, a.status, "%s %s: %d %s", path, parameters, a.status, a.raw)
		_, there := a.body["startIndex"]
		assert.Falsef(s.t, there, "%s %s: a startIndex in a walk by cursors", path, parameters)
		if n := len(namesOf(a)); n > count || a.body["itemsPerPage"] != float64(n) {
			s.t.Errorf("%s %s: %d of at most %d, itemsPerPage %v", path, parameters, n, count, a.body["itemsPerPage"])
		}
		return a
	}
	a := get("")
	_, there := a.body["previousCursor"]
	assert.Falsef(s.t, there, "%s %s: a previousCursor on the first page", path, parameters)
	pages := [][]string{namesOf(a)}
	for {
		next, _ := a.body["nextCursor"].(string)
		if next == "" {
			break
		}
		assert.Emptyf(s.t, strings.Trim(next, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), "the cursor %q needs escapes", next)
		a = get(next)
		pages = append(pages, namesOf(a))
	}
	for i := len(pages) - 1; ; i-- {
		previous, _ := a.body["previousCursor"].(string)
		if previous == "" {
			break
		}
		require.NotEqualf(s.t, 0, i, "%s %s: there is a page before the first", path, parameters)
		a = get(previous)
		got := namesOf(a)
		assert.Truef(s.t, slices.Equal(got, pages[i-1]), "%s %s: page %d is %q going back, and was %q", path, parameters, i, got, pages[i-1])
	}
	return pages
}

// Covers: 9865-2-1, 9865-2-2, 9865-2-3, 9865-2-4, 9865-2-6, 9865-2.2-1, 9865-3-1
func TestCursor_WalksEveryList(t *testing.T) {
	enginetest.RunOn(t, enginetest.Three(), testCursorWalks)
}

func testCursorWalks(t *testing.T, open opener) {
	s := newService(t, open, 20)
	for i, name := range []string{"eve", "bob", "dan", "ann", "cid", "fay", "gil"} {
		attributes := fmt.Sprintf(`"userName":"%s","title":"t%d","displayName":"x%s"`, name, i%3, name)
		if i == 6 {
			attributes = fmt.Sprintf(`"userName":%q,"displayName":"xgil"`, name)
		}
		s.mustCreate(attributes)
	}
	gone := s.mustCreate(`"userName":"c-gone"`)
	require.Equal(t, 204, s.send("DELETE", "/Users/"+gone, "").status)
	for _, name := range []string{"Two", "one", "Three"} {
		s.mustGroup(name)
	}
	filter := func(text string) string { return "filter=" + url.QueryEscape(text) + "&" }
	for _, tt := range []struct {
		path, parameters string
		want             string
	}{
		{"/Users", "", "eve bob dan ann cid fay gil"},
		{"/Users", "sortBy=id&sortOrder=descending&", "gil fay cid ann dan bob eve"},
		{"/Users", "sortBy=meta.created&", "eve bob dan ann cid fay gil"},
		{"/Users", "sortBy=userName&", "ann bob cid dan eve fay gil"},
		{"/Users", "sortBy=userName&sortOrder=descending&", "gil fay eve dan cid bob ann"},
		{"/Users", "sortBy=title&", "eve ann bob cid dan fay gil"},
		{"/Users", "sortBy=title&sortOrder=descending&", "gil fay dan cid bob ann eve"},
		{"/Users", filter(`title pr`), "eve bob dan ann cid fay"},
		{"/Users", filter(`title pr`) + "sortBy=userName&", "ann bob cid dan eve fay"},
		{"/Users", filter(`title pr`) + "sortBy=userName&sortOrder=descending&", "fay eve dan cid bob ann"},
		{"/Users", filter(`title pr`) + "sortBy=displayName&", "ann bob cid dan eve fay"},
		{"/Users", filter(`userName sw "c"`), "cid"},
		{"/Users", filter(`userName sw ""`) + "sortBy=title&", "eve ann bob cid dan fay gil"},
		{"/Users", filter(`userName eq "nobody"`), ""},
		{"/Groups", "", "Two one Three"},
		{"/Groups", "sortBy=displayName&", "one Three Two"},
		{"/Groups", "sortBy=displayName&sortOrder=descending&", "Two Three one"},
		{"/Groups", "sortBy=externalId&", "Two one Three"},
		{"/Groups", filter(`displayName co "o"`), "Two one"},
		{"/Users/.search", `"sortBy":"userName",`, "ann bob cid dan eve fay gil"},
		{"/.search", "", "eve bob dan ann cid fay gil Two one Three"},
		{"/.search", `"sortBy":"displayName",`, "one Three Two ann bob cid dan eve fay gil"},
		{"/.search", `"sortBy":"displayName","sortOrder":"descending",`, "gil fay eve dan cid bob ann Two Three one"},
		{"/.search", `"sortBy":"userName","filter":"displayName pr",`, "ann bob cid dan eve fay gil Two one Three"},
		{"/.search", `"filter":"displayName co \"o\"",`, "bob Two one"},
		{"/.search", `"filter":"userName pr",`, "eve bob dan ann cid fay gil"},
		{"/.search", `"sortBy":"userName","filter":"userName pr",`, "ann bob cid dan eve fay gil"},
		{"/.search", `"filter":"userName eq \"bob\"",`, "bob"},
	} {
		for _, count := range []int{1, 2, 3, 7, 100} {
			pages := s.pagesOf(tt.path, tt.parameters, count)
			got := strings.Join(slices.Concat(pages...), " ")
			assert.Equalf(t, tt.want, got, "%s %s by %d: %s\nwant %s", tt.path, tt.parameters, count, got, tt.want)
		}
	}
}

// Going back and then forward shows every page again.
func TestCursor_GoesBackAndForward(t *testing.T) {
	enginetest.RunOn(t, enginetest.Three(), testCursorTurns)
}

func testCursorTurns(t *testing.T, open opener) {
	s := newService(t, open, 20)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		s.mustCreate(fmt.Sprintf(`"userName":%q,"title":%q`, name, name))
	}
	for _, order := range []string{"", "&sortBy=userName", "&sortBy=title", "&sortBy=title&sortOrder=descending"} {
		list := "/Users?count=2" + order + "&cursor="
		second := s.send("GET", list+s.send("GET", list, "").body["nextCursor"].(string), "")
		third := s.send("GET", list+second.body["nextCursor"].(string), "")
		back := s.send("GET", list+third.body["previousCursor"].(string), "")
		if back.raw != second.raw && !slices.Equal(namesOf(back), namesOf(second)) {
			t.Errorf("%s: %q is not %q", order, namesOf(back), namesOf(second))
		}
		again := s.send("GET", list+back.body["nextCursor"].(string), "")
		if !slices.Equal(namesOf(again), namesOf(third)) {
			t.Errorf("%s: %q is not %q", order, namesOf(again), namesOf(third))
		}
	}
}

// A page whose records have all been deleted meanwhile still leads to the next.
func TestCursor_OutlivesTheRecords(t *testing.T) {
	s := newService(t, enginetest.Memory, 20)
	ids := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		ids[name] = s.mustCreate(fmt.Sprintf(`"userName":%q,"title":%q`, name, name))
	}
	type walk struct{ list, next, previous string }
	var walks []walk
	for _, order := range []string{"", "&sortBy=userName", "&sortBy=title"} {
		list := "/Users?count=2" + order + "&cursor="
		next := s.send("GET", list, "").body["nextCursor"].(string)
		previous := s.send("GET", list+next, "").body["previousCursor"].(string)
		walks = append(walks, walk{list, next, previous})
	}
	for _, name := range []string{"a", "b", "c"} {
		s.send("DELETE", "/Users/"+ids[name], "")
	}
	for _, w := range walks {
		got := namesOf(s.send("GET", w.list+w.next, ""))
		assert.Truef(t, slices.Equal(got, []string{"d", "e"}), "%s: %q", w.list, got)
		back := s.send("GET", w.list+w.previous, "")
		assert.Truef(t, len(namesOf(back)) == 0 && back.body["previousCursor"] == nil, "%s: back %s", w.list, back.raw)
		got = namesOf(s.send("GET", w.list+back.body["nextCursor"].(string), ""))
		assert.Truef(t, slices.Equal(got, []string{"d", "e"}), "%s: on from an empty page %q", w.list, got)
	}
}

// Covers: 9865-2-5, 9865-2.1-1, 9865-2.1-4
func TestCursor_Counts(t *testing.T) {
	s := newService(t, enginetest.Memory, 20)
	for i := range 3 {
		s.mustCreate(fmt.Sprintf(`"userName":"u%d"`, i))
	}
	for query, items := range map[string]float64{
		"?cursor": 3, "?cursor=": 3, "?cursor&count=2": 2, "?cursor&count=9999": 3, "?cursor&startIndex=1": 3,
	} {
		a := s.send("GET", "/Users"+query, "")
		assert.Truef(t, a.status == 200 && a.body["itemsPerPage"] == items && a.body["totalResults"] == 3.0, "%s: %d %s", query, a.status, a.raw)
	}
	for _, query := range []string{"?cursor&count=0", "?cursor&count=-5"} {
		a := s.send("GET", "/Users"+query, "")
		if a.status != 200 || a.body["totalResults"] != 3.0 || fmt.Sprint(a.body["Resources"]) != "[]" || a.body["nextCursor"] != nil {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	for query, kind := range map[string]string{
		"?cursor&count=many": "invalidCount", "?cursor&count=1.5": "invalidCount", "?cursor&startIndex=2": "invalidValue",
		"?cursor&cursor": "invalidSyntax",
	} {
		a := s.send("GET", "/Users"+query, "")
		assert.Truef(t, a.status == 400 && a.body["scimType"] == kind, "%s: %d %s", query, a.status, a.raw)
	}
}

// A cursor is valid unchanged for one hour, for the list that issued it.
//
// Covers: 9865-2.1-2, 9865-2.1-3, 9865-5.2-1, 9865-5.2-2, 9865-5.2-4
func TestCursor_IsRefusedElsewhere(t *testing.T) {
	now := time.Now()
	s := newService(t, enginetest.Memory, 20)
	engine := enginetest.Memory(t)
	var err error
	if s.app, err = app.NewWith(engine, app.Config{BaseURL: baseURL}, logline.New(s.log),
		app.Options{Now: func() time.Time { return now }}); err != nil {
		t.Fatal(err)
	}
	s.handler = s.app.Handler()
	tokens := map[string]string{}
	for _, name := range []string{"acme", "other"} {
		_, token := stage.TenantWith(t, s.app.Store, name, 20, tenant.DefaultSettings(), now)
		tokens[name] = token
		s.token = token
		for i := range 4 {
			s.mustCreate(fmt.Sprintf(`"userName":"%s%d","title":"t"`, name, i))
		}
		for i := range 2 {
			s.mustGroup(fmt.Sprintf("g%d", i))
		}
	}
	s.token = tokens["acme"]
	cursor := s.send("GET", `/Users?count=1&filter=title+pr&sortBy=userName&cursor`, "").body["nextCursor"].(string)
	const same = `/Users?count=1&filter=title+pr&sortBy=userName&cursor=`
	wantRefused := func(what, path, kind string) {
		t.Helper()
		a := s.send("GET", path, "")
		assert.Truef(t, a.status == 400 && a.body["scimType"] == kind, "%s: %d %s", what, a.status, a.raw)
		detail, _ := a.body["detail"].(string)
		assert.Truef(t, strings.Contains(detail, "empty cursor") && !strings.Contains(detail, "acme"), "%s: %s", what, detail)
	}
	a := s.send("GET", same+cursor, "")
	require.Truef(t, slices.Equal(namesOf(a), []string{"acme1"}), "as it was: %s", a.raw)
	a = s.send("GET", `/Users?count=3&filter=TITLE%20%20pr&sortBy=username&cursor=`+cursor, "")
	assert.Lenf(t, namesOf(a), 3, "another spelling and another count: %s", a.raw)
	wantRefused("no filter", "/Users?count=1&sortBy=userName&cursor="+cursor, "invalidCursor")
	wantRefused("another filter", "/Users?count=1&filter=displayName+pr&sortBy=userName&cursor="+cursor, "invalidCursor")
	wantRefused("no order", "/Users?count=1&filter=title+pr&cursor="+cursor, "invalidCursor")
	wantRefused("another order", "/Users?count=1&filter=title+pr&sortBy=id&cursor="+cursor, "invalidCursor")
	wantRefused("descending", "/Users?count=1&filter=title+pr&sortBy=userName&sortOrder=descending&cursor="+cursor, "invalidCursor")
	plain := s.send("GET", "/Users?count=1&cursor", "").body["nextCursor"].(string)
	wantRefused("groups", "/Groups?count=1&cursor="+plain, "invalidCursor")
	a = s.send("POST", "/.search", searchBody(`"count":1,"cursor":"`+plain+`"`))
	assert.Truef(t, a.status == 400 && a.body["scimType"] == "invalidCursor", "both types: %d %s", a.status, a.raw)
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	require.NoError(t, err)
	for i := range sealed {
		broken := slices.Clone(sealed)
		broken[i] ^= 1
		wantRefused(fmt.Sprintf("byte %d", i), same+base64.RawURLEncoding.EncodeToString(broken), "invalidCursor")
	}
	for i := range len(cursor) {
		wantRefused(fmt.Sprintf("the first %d", i+1), same+cursor[:i]+"*", "invalidCursor")
	}
	wantRefused("cut", same+cursor[:20], "invalidCursor")
	wantRefused("long", same+strings.Repeat("A", 100_000), "invalidCursor")
	for _, secret := range []string{"acme", "title", "userName"} {
		assert.NotContainsf(t, string(sealed), secret, "the cursor shows %q", secret)
	}
	s.token = tokens["other"]
	wantRefused("another tenant", same+cursor, "invalidCursor")

	s.token = tokens["acme"]
	now = now.Add(time.Hour - time.Second)
	a = s.send("GET", same+cursor, "")
	assert.Equalf(t, 200, a.status, "an hour later: %s", a.raw)
	now = now.Add(2 * time.Second)
	wantRefused("more than an hour later", same+cursor, "expiredCursor")
	a = s.send("GET", "/ServiceProviderConfig", "")
	assert.Truef(t, a.body["pagination"].(map[string]any)["cursorTimeout"] == 3600.0, "cursorTimeout: %s", a.raw)
	assert.NotContains(t, s.log.String(), cursor, "a cursor is in the log")
}
