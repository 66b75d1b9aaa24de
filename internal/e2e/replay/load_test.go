package replay

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCases_AreAll(t *testing.T) {
	cases, err := Cases()
	require.NoError(t, err)
	assert.Lenf(t, cases, 152, "%d cases, want 152", len(cases))
}

// The README lists the lines, and the checks within lines, that wait.
func TestREADME_ListsWhatWaits(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, text2, _ := strings.Cut(string(text), "## What waits")
	rows, parts, _ := strings.Cut(text2, "Parts of lines")
	cases, err := Cases()
	require.NoError(t, err)
	waiting := 0
	for _, c := range cases {
		if c.Waits != nil {
			waiting++
			row := regexp.MustCompile(`(?m)^\| ` + c.Waits.For + ` \|.*` + "`" + c.ID + "`")
			assert.Truef(t, row.MatchString(rows), "%s waits for %s, and the README does not say so", c.ID, c.Waits.For)
		}
		for _, s := range append(c.Steps, c.Checks...) {
			if s.Waits != "" && !regexp.MustCompile(s.Waits+" in [^,]*`"+c.ID+"`").MatchString(parts) {
				t.Errorf("a part of %s waits for %s, and the README does not say so", c.ID, s.Waits)
			}
		}
	}
	listed := strings.Count(rows, "`")
	assert.Equalf(t, 2*waiting, listed, "the README lists %d lines, %d wait", listed/2, waiting)
}

// good is a valid line; each case below breaks one part of it.
const good = `{"id":"a","method":"GET","path":"/Users/{{userId}}","body":null,"expect":{"status":200,"notes":"n"},` +
	`"steps":[{"create":"user","as":"userId"}],"checks":[{"body":{"/id":"{{userId}}"}}]}`

func TestLoad_RefusesWhatWouldPassInSilence(t *testing.T) {
	_, err := Load(strings.NewReader(good))
	require.NoError(t, err)
	check := func(check string) string { return strings.Replace(good, `{"body":{"/id":"{{userId}}"}}`, check, 1) }
	for _, tt := range []struct{ name, lines, want string }{
		{"no line", "\n", "no request"},
		{"not JSON", "{", "line 1"},
		{"something behind", good + "{}", "follows"},
		{"an id twice", good + "\n" + good, "twice"},
		{"no id", strings.Replace(good, `"a"`, `""`, 1), "id is missing"},
		{"an unknown word of a line", strings.Replace(good, `"body":null`, `"bodi":null`, 1), "bodi"},
		{"no status", strings.Replace(good, `"status":200,`, ``, 1), "expect.status"},
		{"neither steps nor checks", `{"id":"a","method":"GET","path":"/Users","expect":{"status":200,"notes":""}}`, "neither"},
		{"notes without a check", check(""), "notes without"},
		{"waits without a reason", strings.Replace(good, `"body":null`, `"waits":{"for":"x","reason":""}`, 1), "waits needs"},
		{"no method", strings.Replace(good, "GET", "FETCH", 1), "not a method"},
		{"a relative path", strings.Replace(good, "/Users", "Users", 1), "begin with /"},
		{"a space in the path", strings.Replace(good, "/Users", "/Us ers", 1), "request line"},
		{"an unset variable", strings.Replace(good, `"as":"userId"`, `"as":"other"`, 1), "the variable userId is not set"},
		{"a variable set later", strings.Replace(good, "{{userId}}", "{{late}}", 1), "is not set"},
		{"a step that does nothing", strings.Replace(good, `"create":"user","as":"userId"`, `"status":200`, 1), "does nothing"},
		{"an unknown thing to create", strings.Replace(good, `"create":"user"`, `"create":"role"`, 1), "not role"},
		{"a check of nothing", check(`{}`), "expects nothing"},
		{"an unknown word of a check", check(`{"boddy":{}}`), "boddy"},
		{"two verbs", check(`{"again":true,"freeSeats":1}`), "one of them"},
		{"a word that the verb passes over", check(`{"freeSeats":1,"status":200}`), "is not allowed with"},
		{"an expectation of many", check(`{"create":"user","times":2,"status":201}`), "no answer is checked"},
		{"another tenant", check(`{"request":"GET /Users","tenant":"third"}`), "tenant"},
		{"times and each", check(`{"list":true,"as":"x","with":1,"times":1,"each":"{{userId}}"}`), "not both"},
		{"more of nothing", check(`{"together":[{"request":"GET /Users"}],"more":1,"statuses":{"200":1}}`), "more goes with"},
		{"with and operations", check(`{"request":"PATCH /Users","with":{},"operations":[]}`), "not both"},
		{"with and operations at once", check(`{"together":[{"request":"PATCH /Users","with":{},"operations":[]}],"statuses":{"200":1}}`), "not both"},
		{"together without statuses", check(`{"together":[{"request":"GET /Users"}]}`), "statuses"},
		{"a rest of no duration", check(`{"rest":"soon"}`), "not a duration"},
		{"a request without a path", check(`{"request":"GET"}`), "begin with /"},
		{"no status of HTTP", check(`{"together":[{"request":"GET /Users"}],"statuses":{"ok":1}}`), "not a status"},
		{"a list without a name", check(`{"list":true,"with":1,"times":2}`), "list needs"},
		{"a walk without a count", check(`{"walk":{"path":"/Users"}}`), "count"},
		{"a walk by something else", check(`{"walk":{"path":"/Users","count":1,"by":"page"}}`), "not by page"},
		{"fewer seats than none", check(`{"freeSeats":-1}`), "from 0"},
		{"no time", check(`{"within":"soon"}`), "not a duration"},
		{"a pointer without its slash", check(`{"body":{"id":1}}`), "begin with /"},
		{"a captured pointer without its slash", check(`{"capture":{"x":"id"}}`), "begin with /"},
		{"no name of a variable", check(`{"capture":{"a b":"/id"}}`), "not a name"},
		{"a check of the log without words", check(`{"event":{"/outcome":"warning"}}`), "needs says"},
		{"an unknown word of a matcher", check(`{"body":{"/id":{"absent":true}}}`), "absent"},
		{"a matcher without words", check(`{"body":{"/id":{}}}`), "expects nothing"},
		{"absent and something", check(`{"body":{"/id":{"present":false,"type":"string"}}}`), "stands alone"},
		{"empty and something", check(`{"body":{"/id":{"empty":true,"type":"array"}}}`), "stands alone"},
		{"no type", check(`{"body":{"/id":{"type":"text"}}}`), "not a JSON type"},
		{"no pattern", check(`{"body":{"/id":{"matches":"("}}}`), "missing closing"},
	} {
		_, err := Load(strings.NewReader(tt.lines))
		assert.Truef(t, err != nil && strings.Contains(err.Error(), tt.want), "%s: %v, want %q in it", tt.name, err, tt.want)
	}
}
