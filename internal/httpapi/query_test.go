package httpapi_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Query parameters are recognized in any letter case, unknown parameters are
// ignored, and a parameter that is sent twice is refused, also in two different
// cases.
//
// Covers: 7644-3.4.2-1
func TestQuery_NamesInAnyCase(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	for i := range 4 {
		s.mustCreate(fmt.Sprintf(`"userName":"u%d","title":"T%d"`, i, 4-i))
	}
	id := s.mustCreate(`"userName":"u4","title":"T0"`)
	for name, query := range map[string]string{
		"startIndex": "startIndex=3&count=1", "count": "count=2", "filter": "filter=userName+eq+%22u1%22",
		"attributes": "attributes=title", "excludedAttributes": "excludedAttributes=title", "sortBy": "sortBy=title",
		"sortOrder": "sortBy=title&sortOrder=descending", "cursor": "cursor&count=500",
	} {
		want := s.send("GET", "/Users?"+query, "")
		for _, spelled := range []string{strings.ToLower(name), strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			other := strings.Replace(query, name, spelled, 1)
			a := s.send("GET", "/Users?"+other+"&api-version=1&"+spelled+"_=%zz&=y", "")
			assert.Truef(t, a.status == 200 && a.raw == want.raw, "%s: %d %s, want %s", other, a.status, a.raw, want.raw)
		}
		value := map[string]string{"filter": "title+pr", "cursor": ""}[name]
		a := s.send("GET", "/Users?"+name+"="+value+"&"+strings.ToUpper(name)+"="+value, "")
		kind := "invalidSyntax"
		if name == "filter" {
			kind = "invalidFilter"
		}
		wantRefusal(t, a, kind, "gives "+name+" more than once", "Correct the query")
		wantEvent(t, a, map[string]any{"outcome": "failure", "cause": string(cause.Validation), "scimType": kind, "operation": "list"})
	}
	a := s.send("GET", "/Users/"+id+"?ATTRIBUTES=title", "")
	assert.Truef(t, a.body["title"] == "T0" && a.body["userName"] == nil, "one user: %s", a.raw)
	a = s.send("PATCH", "/Users/"+id+"?ExcludedAttributes=title", patchBody(`[]`))
	assert.Truef(t, a.body["title"] == nil && a.body["userName"] == "u4", "PATCH: %s", a.raw)
}

// In a form + means a space, and in a URL it means itself: the spaces outside
// quotes show which of the two a filter uses.
func TestQuery_PlusInAFilter(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	for _, name := range []string{"ann+hr@example.com", "ann hr@example.com", `q\"a+b`} {
		s.mustCreate(`"userName":"` + name + `","displayName":"` + name + ` x"`)
	}
	for raw, want := range map[string]string{
		"userName%20eq%20%22ann+hr@example.com%22":                             "ann+hr@example.com",
		"userName%20eq%20%22ann%2Bhr@example.com%22":                           "ann+hr@example.com",
		"userName%20eq%20%22ann%20hr@example.com%22":                           "ann hr@example.com",
		"userName+eq+%22ann+hr@example.com%22":                                 "ann hr@example.com",
		"userName+eq+%22ann%2Bhr@example.com%22":                               "ann+hr@example.com",
		"userName+eq+%22ann%20hr@example.com%22":                               "ann hr@example.com",
		"userName%20eq%20%22ann%2bhr@example.com%22%20and%20active+eq%20true":  "ann+hr@example.com",
		`userName%20eq%20"ann+hr@example.com"`:                                 "ann+hr@example.com",
		`userName+eq+"ann+hr@example.com"`:                                     "ann hr@example.com",
		"displayName%20eq%20%22ann+hr@example.com%20x%22":                      "ann+hr@example.com",
		"displayName+eq+%22ann+hr@example.com%20x%22":                          "ann hr@example.com",
		"emails%5Bvalue%20eq%20%22a+b%22%5D%20or%20userName%20sw%20%22ann+%22": "ann+hr@example.com",
		"userName%20eq%20%22q%5C%22a+b%22":                                     `q"a+b`,
		`userName%20eq%20%22q\%22a+b%22`:                                       `q"a+b`,
	} {
		a := s.send("GET", "/Users?filter="+raw, "")
		got := namesOf(a)
		assert.Truef(t, a.status == 200 && len(got) == 1 && got[0] == want, "%s: %d finds %q, want %q", raw, a.status, got, want)
	}
}

// The number of a page is parsed whatever its length, and no work is done for
// pages after the last.
//
// Covers: 7644-3.4.2.4-1
func TestQuery_NumbersOfAnyLength(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	for i := range 3 {
		s.mustCreate(fmt.Sprintf(`"userName":"u%d"`, i))
	}
	s.mustGroup("G")
	big := strings.Repeat("9", 400)
	for query, want := range map[string][2]float64{ // startIndex, itemsPerPage
		"count=2147483647": {1, 3}, "count=2147483648": {1, 3}, "count=9223372036854775807": {1, 3}, "count=9223372036854775808": {1, 3},
		"count=" + big: {1, 3}, "count=-" + big: {1, 0}, "count=-1": {1, 0}, "count=%2B2": {1, 2}, "count=002": {1, 2}, "count=": {1, 3},
		"startIndex=-" + big: {1, 3}, "startIndex=0": {1, 3}, "startIndex=2147483647": {2147483647, 0}, "startIndex=" + big: {2147483647, 0},
		"startIndex=" + big + "&count=" + big: {2147483647, 0},
	} {
		a := s.send("GET", "/Users?"+query, "")
		if a.status != 200 || a.body["startIndex"] != want[0] || a.body["itemsPerPage"] != want[1] || a.body["totalResults"] != 3.0 {
			t.Errorf("%.60s: %d %s", query, a.status, a.raw)
		}
		values, _ := url.ParseQuery(query)
		var asked []string
		for name, value := range values {
			if strings.HasPrefix(value[0], "+") || strings.HasPrefix(value[0], "00") || value[0] == "" {
				continue
			}
			asked = append(asked, fmt.Sprintf("%q:%s", name, value[0]), fmt.Sprintf("%q:%q", strings.ToUpper(name), value[0]))
		}
		for i := range asked {
			if len(values) > 1 {
				break
			}
			if len(asked[i]) > 100 && !strings.HasSuffix(asked[i], `"`) {
				continue // a JSON number beyond a double's range is refused
			}
			b := s.send("POST", "/Users/.search", searchBody(asked[i]))
			assert.Truef(t, b.status == 200 && b.raw == a.raw, "search for %.60s: %d %s, want %s", asked[i], b.status, b.raw, a.raw)
		}
	}
	for _, query := range []string{"count=ten", "count=1.0", "count=1e2", "count=--1", "count=-", "count=%2B-1", "count=1%20", "count=0x1", "startIndex=one", "count=١"} {
		wantRefusal(t, s.send("GET", "/Groups?"+query, ""), "invalidValue", "is not a whole number", "Correct the query")
	}
}

// An invalid search is refused as a search, and its query may have unknown
// parameters.
func TestSearch_ParametersInTheQuery(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	s.mustCreate(`"userName":"u"`)
	a := s.send("POST", "/Users/.search?api-version=1", searchBody(""))
	assert.Truef(t, a.status == 200 && a.body["totalResults"] == 1.0, "an unknown parameter: %d %s", a.status, a.raw)
	for _, query := range []string{"count=1", "FILTER=userName+pr", "cursor", "a;b", "%zz"} {
		a := s.send("POST", "/.search?"+query, searchBody(""))
		assert.Truef(t, a.status == 400 && a.body["scimType"] == "invalidSyntax", "%s: %d %s", query, a.status, a.raw)
	}
}

// writeAdvice matches advice that helps only with a change.
var writeAdvice = regexp.MustCompile(`(?i)attribute mapping|provision the user|push the group|nothing was (changed|done)|PATCH or PUT`)

// The refusal of a read never has advice that concerns changes.
func TestReads_AreRefusedWithAdviceForReads(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	user := s.mustCreate(`"userName":"a"`)
	group := s.mustGroup("G", user)
	refused := map[string]int{}
	judge := func(name string, a answer) {
		t.Helper()
		if a.status < 400 {
			return
		}
		detail, _ := a.event["detail"].(string)
		named, _ := a.event["cause"].(string)
		refused[named]++
		if named == string(cause.GroupNotFound) {
			detail = strings.Replace(detail, "push it again", "", 1)
		}
		assert.Truef(t, detail != "" && !writeAdvice.MatchString(detail), "%s: %d %s", name, a.status, detail)
	}
	for _, r := range httpapi.Routes() {
		search := strings.HasSuffix(r.Path, "/.search")
		if r.Method != "GET" && !search {
			continue
		}
		for _, id := range []string{user, group, "none", "a%2Fb"} {
			path := strings.Replace(r.Path, "{id}", id, 1)
			for _, w := range wrong {
				for _, method := range []string{r.Method, "HEAD"} {
					if method == "HEAD" && search {
						continue
					}
					judge(method+" "+path+", "+w.name, s.sendRaw(method, path+w.query, strings.NewReader(w.body), w.headers...))
				}
			}
			if !search {
				continue
			}
			for _, part := range []string{
				`"filter":"userName eq"`, `"filter":"shoeSize eq 1"`, `"filter":"active eq \"true\""`, `"filter":"password pr"`, `"filter":1`, `"filter":""`,
				`"count":"x"`, `"count":{}`, `"startIndex":[]`, `"sortBy":"shoeSize"`, `"sortBy":"userName","sortOrder":"up"`, `"sortBy":1`,
				`"attributes":1`, `"attributes":["a"],"excludedAttributes":["b"]`, `"cursor":"abc"`, `"cursor":""` + `,"startIndex":2`, `"fliter":"a"`,
				`"filter":"` + strings.Repeat("(", 100) + `"`, `"cursor":"","count":"-x"`,
			} {
				judge(path+" "+part, s.sendRaw("POST", path, strings.NewReader(searchBody(part))))
			}
		}
	}
	assert.Truef(t, refused[string(cause.Validation)] >= 100 && len(refused) >= 9, "only these are refused: %v", refused)
}

// An error in the query of a change is not a fault of the mapping either.
func TestChanges_AreAdvisedAboutTheirQuery(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	user := s.mustCreate(`"userName":"a"`)
	for method, body := range map[string]string{"PUT": userBody(`"userName":"a"`), "PATCH": patchBody(`[]`)} {
		for _, query := range []string{"attributes=a&excludedAttributes=b", "attributes=%zz"} {
			a := s.send(method, "/Users/"+user+"?"+query, body)
			detail, _ := a.body["detail"].(string)
			if a.status != 400 || strings.Contains(detail, "mapping") || !strings.Contains(detail, "Nothing was changed. Correct the query") {
				t.Errorf("%s ?%s: %d %s", method, query, a.status, detail)
			}
		}
	}
	a := s.send("POST", "/Bulk", `{"schemas":["`+scim.BulkRequestURN+`"],"Operations":{}}`)
	assert.Truef(t, a.status == 400 && !strings.Contains(a.raw, "mapping"), "bulk: %d %s", a.status, a.raw)
}

// A malformed credential is described as precisely as its form allows.
//
// Covers: 7644-3.12-5
func TestCredentials_RefusalSaysWhatIsWrong(t *testing.T) {
	s := newService(t, enginetest.Memory, 50)
	cut := s.token[:20] + " " + s.token[20:]
	for header, says := range map[string]string{
		"Bearer Bearer " + s.token:        "Bearer twice",
		"bearer  Bearer " + s.token:       "Bearer twice",
		"Bearer bearer: " + s.token:       "Bearer twice",
		`Bearer "Bearer ` + s.token + `"`: "Bearer twice",
		"Bearer Bearer":                   "Bearer twice",
		"Bearer: " + s.token:              "a colon after the word Bearer",
		"BEARER:" + s.token:               "a colon after the word Bearer",
		s.token:                           "without the word Bearer",
		"Bearer":                          "the word Bearer and no token",
		"Token " + s.token:                "another scheme than Bearer",
		"Basic YTpi":                      "with the scheme Basic",
		"SSWS " + s.token:                 "another scheme than Bearer",
		`Bearer "` + s.token + `"`:        "with quotes or brackets",
		`"Bearer ` + s.token + `"`:        "with quotes or brackets",
		"Bearer '" + s.token + "'":        "with quotes or brackets",
		"Bearer <" + s.token + ">":        "with quotes or brackets",
		"Bearer “" + s.token + "”":        "with quotes or brackets",
		"Bearer " + cut:                   "spaces, line breaks",
		"Bearer " + s.token + "\u200b":    "spaces, line breaks",
		"Bearer " + s.token + `\n`:        "spaces, line breaks",
		"Bearer " + s.token + "%0A":       "spaces, line breaks",
		"Bearer\t" + s.token:              "another scheme than Bearer",
		"Bearer " + s.token[:30]:          "cut off or changed",
		"Bearer bearertoken":              "begins neither with rct nor with rcx",
	} {
		a := s.send("GET", "/Users", "", "Authorization", header)
		wantRefused(t, strings.ReplaceAll(header, s.token, "TOKEN"), a, 401, cause.TokenInvalid, says)
		detail, _ := a.body["detail"].(string)
		assert.Containsf(t, detail, "under Provisioning > Integration", "%s", says)
		got := a.header.Get("WWW-Authenticate")
		assert.Equalf(t, `Bearer realm="SCIM", error="invalid_token"`, got, "%s: WWW-Authenticate %q", header, got)
		secret := strings.Split(s.token, "_")[3]
		require.True(t, !strings.Contains(a.raw, secret[:8]) && !strings.Contains(s.log.String(), secret[:8]), "a part of the token is in the answer")
	}
}
