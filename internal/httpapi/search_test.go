package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// searchBody returns a search request with these attributes.
func searchBody(attributes string) string {
	if attributes != "" {
		attributes = "," + attributes
	}
	return `{"schemas":["` + scim.SearchURN + `"]` + attributes + `}`
}

// namesOf returns the userNames and displayNames of a list, in its order.
func namesOf(a answer) []string {
	var names []string
	resources, _ := a.body["Resources"].([]any)
	for _, r := range resources {
		r := r.(map[string]any)
		name, ok := r["userName"].(string)
		if !ok {
			name, _ = r["displayName"].(string)
		}
		names = append(names, name)
	}
	return names
}

// Covers: 7644-3.4.2.1-1, 7644-3.4.2.1-3, 7644-3.4.3-1, 7644-3.4.3-3, 7644-3.4.3-4
func TestSearch(t *testing.T) { enginetest.RunOn(t, enginetest.Three(), testSearch) }

func testSearch(t *testing.T, open opener) {
	s := newService(t, open, 10)
	var ids []string
	for _, name := range []string{"ann", "bob", "cid"} {
		ids = append(ids, s.mustCreate(fmt.Sprintf(`"userName":"%s@example.com","displayName":"Person %s"`, name, name)))
	}
	s.mustGroup("Crew", ids[0], ids[1])
	s.mustGroup("Person of note")
	for _, tt := range []struct {
		name, path, body string
		want             []string
		total            float64
	}{
		{"all users", "/Users/.search", "", []string{"ann@example.com", "bob@example.com", "cid@example.com"}, 3},
		{"in lower case", "/users/.search", "", []string{"ann@example.com", "bob@example.com", "cid@example.com"}, 3},
		{"by name", "/Users/.search", `"filter":"userName eq \"BOB@example.com\""`, []string{"bob@example.com"}, 1},
		{"a page", "/Users/.search", `"startIndex":2,"count":1`, []string{"bob@example.com"}, 3},
		{"names in any case", "/Users/.search", `"STARTINDEX":2,"Count":1`, []string{"bob@example.com"}, 3},
		{"null is absent", "/Users/.search", `"filter":null,"count":1`, []string{"ann@example.com"}, 3},
		{"the total alone", "/Users/.search", `"count":0`, nil, 3},
		{"all groups", "/Groups/.search", "", []string{"Crew", "Person of note"}, 2},
		{"groups in lower case", "/groups/.search", `"filter":"displayName eq \"crew\""`, []string{"Crew"}, 1},
		{"both types", "/.search", "", []string{"ann@example.com", "bob@example.com", "cid@example.com", "Crew", "Person of note"}, 5},
		{"both, the first page", "/.search", `"count":2`, []string{"ann@example.com", "bob@example.com"}, 5},
		{"both, over the border", "/.search", `"startIndex":3,"count":2`, []string{"cid@example.com", "Crew"}, 5},
		{"both, after the border", "/.search", `"startIndex":4,"count":5`, []string{"Crew", "Person of note"}, 5},
		{"both, the last", "/.search", `"startIndex":5`, []string{"Person of note"}, 5},
		{"both, past the end", "/.search", `"startIndex":9`, nil, 5},
		{"both, the total alone", "/.search", `"count":0`, nil, 5},
		{"an attribute of both", "/.search", `"filter":"displayName sw \"person\""`, []string{"ann@example.com", "bob@example.com", "cid@example.com", "Person of note"}, 4},
		// Covers: 7644-3.4.2.1-4
		{"an attribute of users", "/.search", `"filter":"userName sw \"a\""`, []string{"ann@example.com"}, 1},
		{"an attribute of groups", "/.search", `"filter":"members.value eq \"` + ids[0] + `\""`, []string{"Crew"}, 1},
		// Covers: 7644-3.4.2.1-4
		{"one of each", "/.search", `"filter":"userName eq \"cid@example.com\" or members.value eq \"` + ids[0] + `\""`, []string{"cid@example.com", "Crew"}, 2},
		{"both at once", "/.search", `"filter":"userName pr and members pr"`, nil, 0},
		// Covers: 7644-3.4.2.1-4
		{"an attribute that only groups lack", "/.search", `"filter":"not (userName pr)"`, []string{"Crew", "Person of note"}, 2},
		{"an extension", "/.search", `"filter":"` + scim.RollcallURN + `:isTeamAccount eq true","count":1`, []string{"ann@example.com"}, 3},
		{"by type", "/.search", `"filter":"meta.resourceType eq \"Group\""`, []string{"Crew", "Person of note"}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			a := s.send("POST", tt.path, searchBody(tt.body))
			if got := namesOf(a); a.status != 200 || !slices.Equal(got, tt.want) || a.body["totalResults"] != tt.total {
				t.Errorf("%d, %q of %v, want %q of %v: %s", a.status, got, a.body["totalResults"], tt.want, tt.total, a.raw)
			}
			assert.Truef(t, a.event["operation"] == "search" && a.event["outcome"] == "success", "event %v", a.event)
			if a.event["itemsRead"].(float64) > 20 {
				t.Errorf("%v items read", a.event["itemsRead"])
			}
		})
	}
	t.Run("projection", func(t *testing.T) {
		s.t = t
		a := s.send("POST", "/.search", searchBody(`"attributes":["userName","displayName","members"],"count":4`))
		resources := a.body["Resources"].([]any)
		user, group := resources[0].(map[string]any), resources[3].(map[string]any)
		if user["userName"] != "ann@example.com" || user["active"] != nil || user["meta"] != nil || len(values(group["members"])) != 2 {
			t.Errorf("%s", a.raw)
		}
		a = s.send("POST", "/Users/.search", searchBody(`"attributes":"userName,active"`))
		user = a.body["Resources"].([]any)[0].(map[string]any)
		if user["displayName"] != nil || user["active"] != true || a.event["notices"] != "single_value:attributes" {
			t.Errorf("%s %v", a.raw, a.event["notices"])
		}
		a = s.send("POST", "/Users/.search", searchBody(`"excludedAttributes":["displayName","meta"]`))
		user = a.body["Resources"].([]any)[0].(map[string]any)
		assert.Truef(t, user["displayName"] == nil && user["meta"] == nil && user["active"] == true, "%s", a.raw)
	})
}

func TestSearch_Refusals(t *testing.T) {
	s := newService(t, enginetest.Memory, 5)
	for _, tt := range []struct {
		name, path, body string
		status           int
		scimType, says   string
	}{
		{"no body", "/Users/.search", "", 400, "invalidSyntax", "The body is empty"},
		{"no JSON", "/Users/.search", "{", 400, "invalidSyntax", ""},
		{"no object", "/Users/.search", "[]", 400, "invalidSyntax", ""},
		// Covers: 7644-3.4.3-2
		{"another message", "/Users/.search", patchBody("[]"), 400, "invalidSyntax", ""},
		{"an unknown name", "/Users/.search", searchBody(`"fliter":"userName pr"`), 400, "invalidSyntax", "A search request has no fliter"},
		{"a name twice", "/Users/.search", searchBody(`"count":1,"COUNT":2`), 400, "invalidSyntax", ""},
		{"a number as text", "/Users/.search", searchBody(`"count":"one"`), 400, "invalidValue", "count must be a number"},
		{"a fraction", "/Users/.search", searchBody(`"count":1.5`), 400, "invalidValue", "count"},
		{"attributes as a number", "/Users/.search", searchBody(`"attributes":1`), 400, "invalidValue", "attributes must be an array"},
		{"attributes of numbers", "/Users/.search", searchBody(`"attributes":[1]`), 400, "invalidValue", "attributes must be an array"},
		{"both projections", "/.search", searchBody(`"attributes":["userName"],"excludedAttributes":["meta"]`), 400, "invalidValue", ""},
		{"a filter as a list", "/.search", searchBody(`"filter":["userName pr"]`), 400, "invalidValue", "filter must be a string"},
		{"a broken filter", "/.search", searchBody(`"filter":"userName"`), 400, "invalidFilter", "position"},
		{"an empty filter", "/Users/.search", searchBody(`"filter":""`), 400, "invalidFilter", ""},
		{"an attribute of neither type", "/.search", searchBody(`"filter":"shoeSize eq 44"`), 400, "invalidFilter", "shoeSize"},
		{"an attribute of the other type", "/Users/.search", searchBody(`"filter":"members pr"`), 400, "invalidFilter", "members"},
		{"a literal of another type", "/.search", searchBody(`"filter":"members.value eq 1"`), 400, "invalidFilter", ""},
		{"the password", "/.search", searchBody(`"filter":"password pr"`), 403, "sensitive", ""},
		{"a query beside the body", "/.search?count=1", searchBody(""), 400, "invalidSyntax", "leave out the query"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			a := s.send("POST", tt.path, tt.body)
			detail, _ := a.body["detail"].(string)
			if a.status != tt.status || a.body["scimType"] != tt.scimType || !strings.Contains(detail, tt.says) {
				t.Errorf("%d %s, want %d %s with %q", a.status, a.raw, tt.status, tt.scimType, tt.says)
			}
			assert.Truef(t, a.event["operation"] == "search" && a.event["outcome"] == "failure", "event %v", a.event)
		})
	}
	a := s.send("GET", "/.search", "")
	assert.Truef(t, a.status == 405 && a.header.Get("Allow") == "POST", "GET: %d, Allow %q", a.status, a.header.Get("Allow"))
}
