package replay

import (
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
)

// failing has, for each check, an answer to GET /Users for which it holds, one
// for which it fails, and the text of the failure.
var failing = []struct{ check, holds, fails, want string }{
	{`{"body":{"/a":1}}`, `{"a":1}`, `{"a":2}`, "/a is 2, want 1"},
	{`{"body":{"/a":1}}`, `{"a":1.0}`, `{"a":"1"}`, `is "1", want 1`},
	{`{"body":{"/a":1}}`, `{"a":1}`, `{"A":1}`, "is absent"},
	{`{"body":{"/a":null}}`, `{"a":null}`, `{}`, "is absent"},
	{`{"body":{"/a":[1,2]}}`, `{"a":[1,2]}`, `{"a":[2,1]}`, "want [1,2]"},
	{`{"body":{"":{"size":1}}}`, `{"a":1}`, `{}`, "the body is {}: its size is 0"},
	{`{"body":{"/a/b=x/c":1}}`, `{"a":[{"b":"y"},{"b":"x","c":1}]}`, `{"a":[{"b":"y","c":1}]}`, "is absent"},
	{`{"body":{"/a/b=true/c":1}}`, `{"a":[{"b":true,"c":1}]}`, `{"a":[{"b":true,"c":1},{"b":true,"c":1}]}`, "2 elements"},
	{`{"body":{"/a/*/b":[1,2]}}`, `{"a":[{"b":1},{},{"b":2}]}`, `{"a":[{"b":1}]}`, "is [1]"},
	{`{"body":{"/a/*/b/*/c":[1,2]}}`, `{"a":[{"b":[{"c":1}]},{"b":[{"c":2}]}]}`, `{"a":[]}`, "is []"},
	{`{"body":{"/a/0":1}}`, `{"a":[1]}`, `{"a":[]}`, "is absent"},
	{`{"body":{"/a/x":1}}`, `{"a":{"x":1}}`, `{"a":[1]}`, "does not select an element"},
	{`{"body":{"/a":{"present":true}}}`, `{"a":0}`, `{}`, "is absent"},
	{`{"body":{"/a":{"present":false}}}`, `{}`, `{"a":null}`, "want it absent"},
	{`{"body":{"/a":{"empty":true}}}`, `{}`, `{"a":[1]}`, "want it empty"},
	{`{"body":{"/a":{"empty":true}}}`, `{"a":null}`, `{"a":""}`, "want it empty"},
	{`{"body":{"/a":{"empty":true}}}`, `{"a":[]}`, `{"a":{"b":1}}`, "want it empty"},
	{`{"body":{"/a":{"empty":true}}}`, `{"a":{}}`, `{"a":0}`, "want it empty"},
	{`{"body":{"/a":{"type":"string"}}}`, `{"a":""}`, `{"a":1}`, "want a string"},
	{`{"body":{"/a":{"type":"number"}}}`, `{"a":1}`, `{"a":"1"}`, "want a number"},
	{`{"body":{"/a":{"type":"boolean"}}}`, `{"a":false}`, `{"a":"false"}`, "want a boolean"},
	{`{"body":{"/a":{"type":"array"}}}`, `{"a":[]}`, `{"a":{}}`, "want a array"},
	{`{"body":{"/a":{"type":"object"}}}`, `{"a":{}}`, `{"a":null}`, "JSON null"},
	{`{"body":{"/a":{"equals":{"b":1}}}}`, `{"a":{"b":1}}`, `{"a":{"b":1,"c":2}}`, `want {"b":1}`},
	{`{"body":{"/a":{"not":1}}}`, `{"a":2}`, `{"a":1}`, "want it not 1"},
	{`{"body":{"/a":{"not":1}}}`, `{"a":2}`, `{}`, "is absent"},
	{`{"body":{"/a":{"oneOf":[1,2]}}}`, `{"a":2}`, `{"a":3}`, "one of [1,2]"},
	{`{"body":{"/a":{"sameAs":"/b"}}}`, `{"a":1,"b":1}`, `{"a":1,"b":2}`, "want 2 as at /b"},
	{`{"body":{"/a":{"sameAs":"/b"}}}`, `{"a":1,"b":1}`, `{"a":1}`, "/b, which is absent"},
	{`{"body":{"/a":{"min":2}}}`, `{"a":2}`, `{"a":1}`, "at least 2"},
	{`{"body":{"/a":{"min":2}}}`, `{"a":2}`, `{"a":true}`, "want a number"},
	{`{"body":{"/a":{"max":2}}}`, `{"a":2}`, `{"a":3}`, "at most 2"},
	{`{"body":{"/a":{"size":2}}}`, `{"a":[1,2]}`, `{"a":[1]}`, "its size is 1, want 2"},
	{`{"body":{"/a":{"size":{"min":1}}}}`, `{"a":"x"}`, `{"a":""}`, "its size is 0"},
	{`{"body":{"/a":{"size":1}}}`, `{"a":"x"}`, `{"a":1}`, "no size"},
	{`{"body":{"/a":{"matches":"^x+$"}}}`, `{"a":"xx"}`, `{"a":"xy"}`, "matches ^x+$"},
	{`{"body":{"/a":{"matches":"1"}}}`, `{"a":"1"}`, `{"a":1}`, "want a text"},
	{`{"body":{"/a":{"contains":"x"}}}`, `{"a":"axb"}`, `{"a":"ab"}`, `want "x" in it`},
	{`{"body":{"/a":{"contains":"x"}}}`, `{"a":["x"]}`, `{"a":["xy"]}`, `want "x" in it`},
	{`{"body":{"/a":{"containsAll":[1,2]}}}`, `{"a":[2,3,1]}`, `{"a":[1]}`, "want 2 in it"},
	{`{"body":{"/a":{"containsAll":[]}}}`, `{"a":[]}`, `{"a":1}`, "want an array"},
	{`{"body":{"/a":{"containsNone":[1]}}}`, `{"a":[2]}`, `{"a":[1]}`, "want 1 not in it"},
	{`{"body":{"/a":{"containsNone":[1]}}}`, `{"a":[]}`, `{}`, "is absent"},
	{`{"body":{"/a":{"anyOrder":[1,2]}}}`, `{"a":[2,1]}`, `{"a":[1,1]}`, "in any order"},
	{`{"body":{"/a":{"anyOrder":[1,2]}}}`, `{"a":[2,1]}`, `{"a":[1,2,3]}`, "in any order"},
	{`{"body":{"/a":{"each":{"min":1}}}}`, `{"a":[1,2]}`, `{"a":[1,0]}`, "element 1 that is 0"},
	{`{"body":{"/a":{"each":1}}}`, `{"a":[1]}`, `{"a":[]}`, "with elements"},
	{`{"body":{"/a":{"distinct":true}}}`, `{"a":[1,2]}`, `{"a":[1,1]}`, "twice"},
	{`{"body":{"":{"noNulls":true}}}`, `{"a":[{"b":1}]}`, `{"a":[{"b":null}]}`, "a null"},
	{`{"header":{"X-A":{"sameAs":"/a"}}}`, `{"a":"h"}`, `{"a":"g"}`, "the header X-A"},
	{`{"header":{"X-None":{"present":false}}}`, `{}`, `!X-None`, "X-None"},
	{`{"header":{"X-A":"h"}}`, `{}`, `!-X-A`, "is absent"},
	{`{"lacks":["secret"]}`, `{"a":"x"}`, `{"a":"my secret"}`, "has secret in it"},
	{`{"lacks":["header secret"]}`, `{}`, `!X-Leak`, "header secret"},
	{`{"within":"1m"}`, `{}`, "", ""},
	{`{"within":"1ns"}`, "", `{}`, "the answer took"},
	{`{"status":[200,204]}`, `{}`, "", ""},
	{`{"status":404}`, "", `{}`, "the status is 200, want 404"},
	{`{"error":"mutability"}`, "", `{}`, "not a SCIM error"},
	{`{"says":"s","event":{"/outcome":"warning"}}`, `{}`, `!event`, "/outcome"},
	{`{"says":"s","event":{"/outcome":"warning"}}`, `{}`, `!noevent`, "has none"},
	{`{"says":"s","unlogged":["secret"]}`, `{}`, `!secretevent`, "has secret"},
	{`{"capture":{"x":"/a"}}`, `{"a":1}`, `{}`, "captured as x"},
	{`{"again":true,"body":{"/a":1}}`, `{"a":1}`, `{"a":2}`, "GET /Users: /a is 2"},
	{`{"request":"GET /other","body":{"/a":1}}`, `{"a":1}`, `{"a":2}`, "GET /other: /a is 2"},
	{`{"request":"GET /other","status":404}`, "", `{}`, "want 404"},
	{`{"create":"user","status":200,"body":{"/a":1}}`, `{"id":"u","a":1}`, `{"id":"u","a":2}`, "/a is 2"},
	{`{"create":"user"}`, "", `{"id":"u"}`, "want 201"},
	{`{"create":"user","status":200}`, `{"id":"u"}`, `{}`, "no id"},
	{`{"together":[{"request":"GET /x"}],"times":3,"statuses":{"200":3}}`, `{}`, "!404", "want 3"},
	{`{"together":[{"request":"GET /x"}],"times":3,"statuses":{"2xx":3}}`, `{}`, "!404", "want 3"},
	{`{"walk":{"path":"/Users","count":2}}`, `{"totalResults":1,"startIndex":1,"itemsPerPage":1,"Resources":[{"id":"u"}]}`, `{"totalResults":2,"startIndex":1,"itemsPerPage":1,"Resources":[{"id":"u"}]}`, "startIndex is 1, want 2"},
	{`{"walk":{"path":"/Users","count":2}}`, "", `{"totalResults":1,"startIndex":2,"Resources":[{"id":"u"}]}`, "startIndex is 2"},
	{`{"walk":{"path":"/Users","count":2}}`, "", `{"totalResults":2,"startIndex":1,"itemsPerPage":1,"Resources":[]}`, "itemsPerPage is 1"},
	{`{"walk":{"path":"/Users","count":2}}`, "", `{"totalResults":2,"startIndex":1,"Resources":[]}`, "does not end"},
	{`{"walk":{"path":"/Users","count":2}}`, "", `{"startIndex":1,"Resources":[]}`, "totalResults is missing"},
	{`{"walk":{"path":"/Users","count":1}}`, "", `{"totalResults":2,"startIndex":1,"Resources":[{"id":"u"},{"id":"v"}]}`, "more than the 1"},
	{`{"walk":{"path":"/Users","count":2}}`, "", `{"totalResults":2,"startIndex":1,"Resources":[{"id":"u"},{"id":"u"}]}`, "twice"},
	{`{"walk":{"path":"/Users","count":2}}`, "", `{"totalResults":1,"startIndex":1,"Resources":[{"id":"u"},{"id":"v"}]}`, "and 2 came"},
	{`{"walk":{"path":"/Users","count":2}}`, "", `{"totalResults":1,"startIndex":1,"Resources":[{}]}`, "no id"},
	{`{"walk":{"path":"/Users","count":2,"pages":2}}`, "", `{"totalResults":1,"startIndex":1,"Resources":[{"id":"u"}]}`, "want at least 2"},
	{`{"walk":{"path":"/Users","count":2,"ids":["u"]}}`, `{"totalResults":1,"startIndex":1,"Resources":[{"id":"u"}]}`, `{"totalResults":1,"startIndex":1,"Resources":[{"id":"v"}]}`, "list of all ids"},
	{`{"walk":{"path":"/Users","count":2,"by":"cursor"}}`, `{"totalResults":1,"Resources":[{"id":"u"}]}`, `{"nextCursor":"c","Resources":[{"id":"u"}]}`, "twice"},
	{`{"walk":{"path":"/Users","count":2}}`, "", "!404", "want 200"},
	{`{"freeSeats":0}`, "", `{"id":"u"}`, "want 201, or 403"},
}

func TestCheck_HoldsAndCanFail(t *testing.T) {
	for _, tt := range failing {
		if tt.holds != "" {
			r := runCheck(t, tt.check, tt.holds)
			assert.Equalf(t, Passed, r.Outcome, "%s of %s: %s %v", tt.check, tt.holds, r.Outcome, r.Reasons)
		}
		if tt.fails == "" {
			continue
		}
		r := runCheck(t, tt.check, tt.fails)
		if said := strings.Join(r.Reasons, "\n"); r.Outcome != Failed || !strings.Contains(said, tt.want) {
			t.Errorf("%s of %s: %s %q, want a failure with %q", tt.check, tt.fails, r.Outcome, said, tt.want)
		}
	}
}

// runCheck runs one check on an answer. An answer that begins with ! is a fault
// instead.
func runCheck(t *testing.T, check, answer string) Result {
	t.Helper()
	header := http.Header{"X-A": {"h"}, "Content-Type": {mediaType}}
	event, body, later := `{"outcome":"warning"}`, answer, http.StatusOK
	switch answer {
	case "!X-None", "!X-Leak":
		header.Set(answer[1:], "header secret")
	case "!-X-A":
		header.Del("X-A")
	case "!event":
		event = `{"outcome":"success"}`
	case "!noevent":
		event = ""
	case "!secretevent":
		event = `{"detail":"my secret"}`
	case "!404":
		later = http.StatusNotFound
	}
	if strings.HasPrefix(answer, "!") {
		body = `{}`
	}
	var begun atomic.Bool
	c := oneCase(t, check)
	return Run(t.Context(), Target{
		Timed: true,
		Base:  "http://scim.test/scim/v2", Token: "t",
		Client: doer(func(*http.Request) (int, http.Header, string) {
			if !begun.Swap(true) || later == http.StatusOK {
				return http.StatusOK, header, body
			}
			return later, header, errorBody(later, "", "gone")
		}),
		Event: func(string) []byte {
			if event == "" {
				return nil
			}
			return []byte(event)
		},
	}, c)
}

func oneCase(t *testing.T, check string) Case {
	t.Helper()
	cases, err := Load(strings.NewReader(
		`{"id":"a","method":"GET","path":"/Users","body":null,"expect":{"status":200,"notes":"n"},"checks":[` + check + `]}`))
	require.NoErrorf(t, err, "%s", check)
	return cases[0]
}

// Every word of a check has a row above in which it fails: a word that cannot
// fail checks nothing.
func TestCheck_EveryWordFailsSomewhere(t *testing.T) {
	var rows strings.Builder
	for _, tt := range failing {
		if tt.fails != "" {
			rows.WriteString(tt.check + "\n")
		}
	}
	// These words have tests of their own, or are only options.
	elsewhere := regexp.MustCompile(`^(leaveSeats|list|rest|with|operations|headers|tenant|more|each|as|waits|says|strict)$`)
	for _, of := range []reflect.Type{reflect.TypeFor[match.Words](), reflect.TypeFor[Step](), reflect.TypeFor[Walk]()} {
		for i := range of.NumField() {
			word, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if of != reflect.TypeFor[match.Words]() && elsewhere.MatchString(word) {
				continue
			}
			assert.Containsf(t, rows.String(), `"`+word+`":`, "no row shows that %q of %s can fail", word, of.Name())
		}
	}
}

// The form of every answer is checked without a word for it.
func TestRun_ChecksTheMannersOfEveryAnswer(t *testing.T) {
	scimJSON := http.Header{"Content-Type": {mediaType}}
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   string
	}{
		{"good", 200, scimJSON, `{}`, ""},
		{"good error", 404, scimJSON, errorBody(404, "", "gone"), ""},
		{"good 204", 204, nil, "", ""},
		{"a 204 with a body", 204, scimJSON, `{}`, "has a body"},
		{"no JSON", 200, scimJSON, `<html>`, "not JSON"},
		{"JSON and more", 200, scimJSON, `{}{}`, "follows"},
		{"no media type", 200, nil, `{}`, "media type"},
		{"another media type", 200, http.Header{"Content-Type": {"application/json"}}, `{}`, "media type"},
		{"an error without a body", 404, nil, "", "not a SCIM error"},
		{"a number as status", 404, scimJSON, strings.Replace(errorBody(404, "", "gone"), `"404"`, "404", 1), "want the string"},
		{"another status", 404, scimJSON, errorBody(400, "", "gone"), `want the string "404"`},
		{"no detail", 404, scimJSON, errorBody(404, "", " "), "no detail"},
	} {
		c := oneCase(t, `{"request":"GET /later","status":[200,204,404]}`)
		c.Expect.Status = statuses{200, 204, 404}
		r := Run(t.Context(), Target{Base: "http://scim.test", Client: doer(func(*http.Request) (int, http.Header, string) {
			return tt.status, tt.header, tt.body
		})}, c)
		if said := strings.Join(r.Reasons, "\n"); (r.Outcome == Failed) != (tt.want != "") || strings.Count(said, tt.want) < min(len(tt.want), 2) {
			t.Errorf("%s: %s %q, want %q of both answers", tt.name, r.Outcome, said, tt.want)
		}
	}
	for _, tt := range []struct{ check, body, want string }{
		{`{"error":""}`, errorBody(404, "noTarget", "d"), "want none"},
		{`{"error":"noTarget"}`, errorBody(404, "", "d"), `want "noTarget"`},
		{`{"error":"noTarget"}`, errorBody(404, "noTarget", "d"), ""},
		{`{"error":""}`, errorBody(404, "", "d"), ""},
	} {
		c := oneCase(t, tt.check)
		c.Expect.Status = statuses{404}
		r := Run(t.Context(), Target{Base: "http://scim.test", Client: doer(func(*http.Request) (int, http.Header, string) {
			return 404, scimJSON, tt.body
		})}, c)
		if said := strings.Join(r.Reasons, "\n"); (r.Outcome == Failed) != (tt.want != "") || !strings.Contains(said, tt.want) {
			t.Errorf("%s of %s: %s %q, want %q", tt.check, tt.body, r.Outcome, said, tt.want)
		}
	}
}
