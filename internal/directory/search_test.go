package directory_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

func (f *fixture) search(filter string, startIndex, count int) (directory.Found[*directory.User], error) {
	f.t.Helper()
	q := directory.Query{StartIndex: startIndex, Count: count}
	if filter != "" {
		compiled, err := match.CompileFilter(f.types, filter)
		require.NoErrorf(f.t, err, "filter %s", filter)
		q.Filter = compiled
	}
	return f.dir.Search(f.t.Context(), f.tenant, f.by(), q)
}

func names(t *testing.T, found directory.Found[*directory.User]) []string {
	t.Helper()
	list := []string{}
	for _, u := range found.Records {
		list = append(list, object(t, u)["userName"].(string))
	}
	return list
}

// Covers: 7644-3.4.2.2-1
func TestSearch_Filters(t *testing.T) { enginetest.Run(t, testSearch_Filters) }

func testSearch_Filters(t *testing.T, open opener) {
	f := newFixture(t, open, 50, 50)
	f.mustPost(user(`"userName":"ann@x","externalId":"e-ann","title":"boss","emails":[{"value":"ann@x","primary":true},{"value":"team@x","type":"other"}]`))
	bob := f.mustPost(user(`"userName":"bob@x","externalId":"e-bob","emails":[{"value":"bob@x","type":"work"},{"value":"team@x","type":"home"}]`))
	f.mustPost(user(`"userName":"cat","active":false`))
	f.mustRemove(f.mustPost(user(`"userName":"gone@x","externalId":"e-gone","emails":[{"value":"gone@x"},{"value":"team@x"}]`)).ID)
	for filter, want := range map[string][]string{
		`userName eq "ANN@x"`:                                          {"ann@x"},
		`userName eq "gone@x"`:                                         {},
		`userName eq ""`:                                               {},
		`externalId eq "e-bob"`:                                        {"bob@x"},
		`externalId eq "E-BOB"`:                                        {},
		`externalId eq "e-gone"`:                                       {},
		`externalId eq ""`:                                             {},
		`emails eq "team@x"`:                                           {"ann@x", "bob@x"},
		`emails.value eq "TEAM@x"`:                                     {"ann@x", "bob@x"},
		`emails[type eq "home"].value eq "team@x"`:                     {"bob@x"},
		`emails[type eq "work" and value eq "bob@x"]`:                  {"bob@x"},
		`emails eq "ann@x"`:                                            {"ann@x"},
		`emails eq "cat"`:                                              {},
		`id eq "` + bob.ID + `"`:                                       {"bob@x"},
		`id eq "` + bob.ID + `" and userName eq "ann@x"`:               {},
		`id eq "no/such id"`:                                           {},
		`userName eq "ann@x" and title eq "boss"`:                      {"ann@x"},
		`userName eq "ann@x" and title eq "clerk"`:                     {},
		`userName eq "ann@x" or userName eq "cat"`:                     {"ann@x", "cat"},
		`not (active eq true)`:                                         {"cat"},
		`title pr`:                                                     {"ann@x"},
		`userName sw "b"`:                                              {"bob@x"},
		`meta.resourceType eq "User" and active eq true`:               {"ann@x", "bob@x"},
		`urn:ietf:params:scim:schemas:core:2.0:User:userName eq "cat"`: {"cat"},
	} {
		found, err := f.search(filter, 1, 100)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		got := names(t, found)
		assert.Truef(t, slices.Equal(got, want) && found.Total == len(want), "%s = %q of %d, want %q", filter, got, found.Total, want)
	}
}

// Covers: 7644-3.4.2.4-4, 7644-3.4.2.4-6
func TestSearch_Pages(t *testing.T) { enginetest.Run(t, testSearch_Pages) }

func testSearch_Pages(t *testing.T, open opener) {
	f := newFixture(t, open, 500, 50)
	const users = 25
	for i := range users {
		f.mustPost(user(fmt.Sprintf(`"userName":"u%02d","title":"even%d"`, i, i%2)))
	}
	for _, filter := range []string{"", `title eq "even0"`, `userName sw "u"`} {
		total := users
		if filter == `title eq "even0"` {
			total = 13
		}
		var walked []string
		for start := 1; ; {
			found, err := f.search(filter, start, 4)
			require.NoError(t, err)
			require.Equalf(t, total, found.Total, "%q from %d: total", filter, start)
			if len(found.Records) == 0 {
				break
			}
			walked = append(walked, names(t, found)...)
			start += len(found.Records)
		}
		if len(walked) != total || !slices.IsSorted(walked) || len(slices.Compact(slices.Clone(walked))) != total {
			t.Errorf("%q walked %q, want %d users once each in the order of creation", filter, walked, total)
		}
		for start, want := range map[int]int{1: 4, 24: min(2, max(0, total-23)), 9999: 0} {
			found, err := f.search(filter, start, 4)
			if err != nil || len(found.Records) != want || found.Total != total {
				t.Errorf("%q from %d: %d users of %d, %v; want %d of %d", filter, start, len(found.Records), found.Total, err, want, total)
			}
		}
		if found, err := f.search(filter, 1, 0); err != nil || len(found.Records) != 0 || found.Total != total {
			t.Errorf("%q count 0: %d users of %d, %v", filter, len(found.Records), found.Total, err)
		}
	}
}

// A walk with bookmarks returns every user that existed throughout, once,
// whatever is deleted from earlier pages: identity providers walk like this,
// until totalResults.
func TestSearch_WalkWhileUsersAreDeleted(t *testing.T) {
	enginetest.Run(t, testSearch_WalkWhileUsersAreDeleted)
}

func testSearch_WalkWhileUsersAreDeleted(t *testing.T, open opener) {
	f := newFixture(t, open, 500, 50)
	var ids []string
	for i := range 12 {
		ids = append(ids, f.mustPost(user(fmt.Sprintf(`"userName":"u%02d"`, i))).ID)
	}
	walker := f.by()
	var walked []string
	for start, total := 1, 1; start <= total; start += 3 {
		found, err := f.dir.Search(t.Context(), f.tenant, walker, directory.Query{StartIndex: start, Count: 3})
		require.NoError(t, err)
		total = found.Total
		walked = append(walked, names(t, found)...)
		if start <= 4 {
			f.mustRemove(ids[start-1])
			f.mustRemove(ids[start])
		}
	}
	want := []string{"u00", "u01", "u02", "u03", "u04", "u05", "u06", "u07", "u08", "u09", "u10", "u11"}
	assert.Truef(t, slices.Equal(walked, want), "walked %q, want %q", walked, want)
	if found, err := f.search("", 1, 100); err != nil || found.Total != 8 || len(found.Records) != 8 {
		t.Errorf("after the walk: %d users of %d, %v; want 8", len(found.Records), found.Total, err)
	}
	// Another token's walk is independent.
	other := f.by()
	other.TokenID = "k2"
	found, err := f.dir.Search(t.Context(), f.tenant, other, directory.Query{StartIndex: 4, Count: 100})
	if err != nil || found.Total != 8 || len(found.Records) != 5 {
		t.Errorf("another token from 4: %d users of %d, %v; want 5 of 8", len(found.Records), found.Total, err)
	}
}

func TestSearch_Bounds(t *testing.T) { enginetest.Run(t, testSearch_Bounds) }

func testSearch_Bounds(t *testing.T, open opener) {
	const limit = 40
	f := newFixture(t, open, 500, 50)
	f.dir = f.directory(limit)
	for i := range limit + 1 {
		f.mustPost(user(fmt.Sprintf(`"userName":"u%05d"`, i)))
	}
	var tooMany *directory.TooManyError
	_, err := f.search(`title pr`, 1, 10)
	assert.Truef(t, errors.As(err, &tooMany) && tooMany.Sought == "filter" && tooMany.Limit == limit, "an unindexed filter = %v, want a TooManyError", err)
	_, err = f.search("", limit+2, 10)
	assert.NoError(t, err, "past the end")
	found, err := f.search("", limit+1, 10)
	assert.Truef(t, err == nil && len(found.Records) == 1, "the last user: %d, %v", len(found.Records), err)
	f.mustPost(user(`"userName":"one more"`))
	_, err = f.search("", limit+2, 10)
	assert.Truef(t, errors.As(err, &tooMany) && tooMany.Sought == "startIndex", "startIndex without a bookmark = %v, want a TooManyError", err)
	_, err = f.search(`title pr and userName eq "u00007"`, 1, 10)
	assert.NoError(t, err, "a filter with a key")
	// A walk with bookmarks has no limit.
	by := f.by()
	for start := 1; start <= limit+2; start += 10 {
		found, err := f.dir.Search(t.Context(), f.tenant, by, directory.Query{StartIndex: start, Count: 10})
		assert.Truef(t, err == nil && len(found.Records) == min(10, limit+3-start), "from %d: %d users, %v", start, len(found.Records), err)
	}
}

// A filter on the start of a userName finds what a plain evaluation finds,
// whatever the spaces, cases and spellings in names and filters.
func TestSearch_ByStartOfUserNameIsPlainEvaluation(t *testing.T) {
	f := newFixture(t, enginetest.Memory, 50, 50)
	var resources []scim.Resource
	all := []string{"ann", "anna", " Anton", "ANTON x", "bob", "b ob", "ǅ", "Straße", "STRASSE 2", "strassen", "Ｆull", "full", "ﬁne", "finer", "İx", "ix", "a\u0301b", "áb c"}
	for _, name := range all {
		text, err := json.Marshal(name)
		require.NoError(t, err)
		result, err := f.post(user(`"userName":` + string(text)))
		if err != nil {
			continue // taken or invalid: the user does not exist
		}
		r, err := f.documents().User(result.User, nil)
		require.NoError(t, err)
		resources = append(resources, r)
	}
	require.Truef(t, len(resources) >= 12, "%d users", len(resources))
	var texts []string
	for _, name := range all {
		for end := range name {
			texts = append(texts, name[:end], strings.ToUpper(name[:end]), " "+name[:end], name[:end]+" ")
		}
		texts = append(texts, name, name+"x")
	}
	found := 0
	for _, text := range texts {
		literal, err := json.Marshal(text)
		require.NoError(t, err)
		for _, filter := range []string{"userName sw " + string(literal), "userName sw " + string(literal) + " and active eq true", "userName sw \"a\" and userName sw " + string(literal)} {
			compiled, err := match.CompileFilter(f.types, filter)
			require.NoError(t, err)
			want := 0
			for _, r := range resources {
				if compiled.Match(r) {
					want++
				}
			}
			got, err := f.search(filter, 1, 100)
			assert.Truef(t, err == nil && got.Total == want, "%s finds %d, %v, want %d", filter, got.Total, err, want)
			found += want
		}
	}
	assert.Truef(t, found >= 100, "%d matches: the filters find too few to prove anything", found)
}
