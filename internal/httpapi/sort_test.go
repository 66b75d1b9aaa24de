package httpapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Covers: 7644-3.4.2.3-1, 7644-3.4.2.3-2, 7644-3.4.2.3-3, 7644-3.4.2.3-4
func TestSort_OrdersLists(t *testing.T) { enginetest.RunOn(t, enginetest.Three(), testSort) }

func testSort(t *testing.T, open opener) {
	s := newService(t, open, 20)
	for i, name := range []string{"Eve", "bob", "dan", "Ann", "cid"} {
		attributes := fmt.Sprintf(`"userName":"%s","externalId":"%s","active":%t`, name, name, i%2 == 0)
		if i < 4 {
			attributes += fmt.Sprintf(`,"name":{"familyName":"F%d"},"emails":[{"value":"z%d@x"},{"value":"%s@x","primary":true}]`, 4-i, i, name)
		}
		s.mustCreate(attributes)
	}
	for _, tt := range []struct{ by, want string }{
		{"userName", "Ann bob cid dan Eve"},
		{"USERNAME&sortOrder=DESCENDING", "Eve dan cid bob Ann"},
		{"userName&sortOrder=ascending", "Ann bob cid dan Eve"},
		{"externalId", "Ann Eve bob cid dan"}, // case exact
		{"name.familyName", "Ann dan bob Eve cid"},
		{"name.familyName&sortOrder=descending", "cid Eve bob dan Ann"},
		{"emails", "Ann bob dan Eve cid"},
		{"emails.value&sortOrder=descending", "cid Eve dan bob Ann"},
		{"active", "bob Ann Eve dan cid"},
		{"meta.created&sortOrder=descending", "cid Ann dan bob Eve"},
		{"id", "Eve bob dan Ann cid"},
		{"title", "Eve bob dan Ann cid"},
	} {
		want := strings.Fields(tt.want)
		for _, filter := range []string{"", "&filter=" + url.QueryEscape(`userName pr`)} {
			for _, count := range []int{1, 2, 5} {
				var got []string
				for start := 1; start <= len(want); start += count {
					a := s.send("GET", fmt.Sprintf("/Users?startIndex=%d&count=%d%s&sortBy=%s", start, count, filter, tt.by), "")
					require.Truef(t, a.status == 200 && a.body["totalResults"] == 5.0, "%s: %d %s", tt.by, a.status, a.raw)
					got = append(got, namesOf(a)...)
				}
				assert.Truef(t, slices.Equal(got, want), "%s%s by %d: %q, want %q", tt.by, filter, count, got, want)
			}
		}
	}
}

// A user's former name neither places it in the order nor finds it there.
func TestSort_FollowsRenames(t *testing.T) { enginetest.RunOn(t, enginetest.Three(), testSortRenames) }

func testSortRenames(t *testing.T, open opener) {
	s := newService(t, open, 20)
	id := s.mustCreate(`"userName":"a"`)
	s.mustCreate(`"userName":"b"`)
	a := s.send("PATCH", "/Users/"+id, patchBody(`[{"op":"replace","path":"userName","value":"c"}]`))
	require.Equal(t, 200, a.status, a.raw)
	s.mustCreate(`"userName":"A"`)
	for i := range 30 { // names of deleted users, more than a page
		gone := s.mustCreate(fmt.Sprintf(`"userName":"a%02d"`, i))
		s.send("DELETE", "/Users/"+gone, "")
	}
	for count := 1; count <= 3; count++ {
		var got []string
		for start := 1; start <= 3; start += count {
			got = append(got, namesOf(s.send("GET", fmt.Sprintf("/Users?sortBy=userName&startIndex=%d&count=%d", start, count), ""))...)
		}
		assert.Truef(t, slices.Equal(got, []string{"A", "b", "c"}), "by %d: %q", count, got)
	}
}

func TestSort_RefusesAttributesWithoutOrder(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	s.mustCreate(`"userName":"a"`)
	for query, kind := range map[string]string{
		"sortBy=nosuch": "invalidValue", "sortBy=name": "invalidValue", "sortBy=groups": "invalidValue",
		"sortBy=userName&sortOrder=up": "invalidValue", "sortBy=userName&sortBy=id": "invalidSyntax",
	} {
		a := s.send("GET", "/Users?"+query, "")
		assert.Truef(t, a.status == 400 && a.body["scimType"] == kind, "%s: %d %s", query, a.status, a.raw)
	}
	a := s.send("GET", "/Users?sortBy=password", "")
	assert.Truef(t, a.status == 403 && a.body["scimType"] == "sensitive", "password: %d %s", a.status, a.raw)
	a = s.send("GET", "/Users?sortOrder=up", "")
	assert.Equalf(t, 200, a.status, "sortOrder without sortBy: %d %s", a.status, a.raw)
}
