package idp

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestCases_AreWhole(t *testing.T) {
	cases, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	waiting := map[string]int{}
	for _, c := range cases {
		if c.Waits != nil {
			waiting[c.Waits.For]++
			if strings.Contains(c.Path, "/Users") && c.Waits.For == "groups" {
				t.Errorf("%s is about users and waits for groups", c.ID)
			}
		}
	}
	if len(cases) != 117 {
		t.Errorf("%d cases, want 117", len(cases))
	}
	t.Logf("%d cases wait: %v", func() (n int) {
		for _, k := range waiting {
			n += k
		}
		return n
	}(), waiting)
}

func TestParse_RefusesWhatChecksNothing(t *testing.T) {
	const good = `{"id":"a","method":"GET","path":"/Users","status":200,"notes":"n","checks":[{"at":"/id","is":1}]}`
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatalf("a good line: %v", err)
	}
	for name, line := range map[string]string{
		"unknown word":      strings.Replace(good, `"is"`, `"iss"`, 1),
		"no checks":         strings.Replace(good, `{"at":"/id","is":1}`, ``, 1),
		"no notes":          strings.Replace(good, `"n"`, `""`, 1),
		"empty check":       strings.Replace(good, `{"at":"/id","is":1}`, `{}`, 1),
		"judges nothing":    strings.Replace(good, `,"is":1`, ``, 1),
		"judgement of what": strings.Replace(good, `"at":"/id",`, ``, 1),
		"same id":           good + "\n" + good,
		"waits for nothing": `{"id":"a","waits":{"for":"","reason":""}}`,
	} {
		if _, err := Parse([]byte(line)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// fake answers every request alike.
func fake(t *testing.T, status int, body string, header http.Header) Target {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return Target{
		BaseURL: server.URL + "/scim/v2", Token: "t", ExtensionURN: "urn:x", Client: server.Client(),
		Event: func(string) map[string]any { return map[string]any{"outcome": "warning"} },
	}
}

// Every word of a check holds of one answer and fails of another.
func TestChecks_CanFail(t *testing.T) {
	for _, tt := range []struct{ check, holds, fails string }{
		{`{"at":"/a","is":1}`, `{"a":1}`, `{"a":2}`},
		{`{"at":"/a","is":"{{extUrn}}"}`, `{"a":"urn:x"}`, `{"a":"{{extUrn}}"}`},
		{`{"at":"/a/0/b","is":[true]}`, `{"a":[{"b":[true]}]}`, `{"a":[]}`},
		{`{"at":"/a","isNot":1}`, `{"a":2}`, `{"a":1}`},
		{`{"at":"/a","isNot":1}`, `{"a":2}`, `{}`},
		{`{"at":"/a","absent":true}`, `{}`, `{"a":false}`},
		{`{"at":"/a","type":"string"}`, `{"a":""}`, `{"a":1}`},
		{`{"at":"/a","type":"number"}`, `{"a":1}`, `{"a":"1"}`},
		{`{"at":"/a","type":"array"}`, `{"a":[]}`, `{}`},
		{`{"at":"/a","type":"boolean"}`, `{"a":false}`, `{"a":"false"}`},
		{`{"at":"/a","matches":"^x+$"}`, `{"a":"xx"}`, `{"a":"xy"}`},
		{`{"at":"/a","count":1}`, `{"a":[0]}`, `{"a":[]}`},
		{`{"at":"/a","count":0}`, `{"a":[]}`, `{}`},
		{`{"at":"/a","atLeast":2}`, `{"a":2}`, `{"a":1}`},
		{`{"at":"/a","atLeast":2}`, `{"a":3}`, `{"a":"3"}`},
		{`{"at":"/a","atMost":2}`, `{"a":2}`, `{"a":3}`},
		{`{"at":"/a","holds":"x"}`, `{"a":["y","x"]}`, `{"a":["y"]}`},
		{`{"at":"/a","some":{"b":1,"c":"x"}}`, `{"a":[{"b":2},{"b":1,"c":"x"}]}`, `{"a":[{"b":1},{"c":"x"}]}`},
		{`{"at":"/a","none":{"b":1}}`, `{"a":[{"b":2}]}`, `{"a":[{"b":1}]}`},
		{`{"at":"/a","none":{"b":1}}`, `{"a":[]}`, `{}`},
		{`{"header":"X-H","matches":"^h$"}`, `{}`, "header"},
		{`{"header":"X-H","sameAs":"/a"}`, `{"a":"h"}`, `{"a":"i"}`},
		{`{"empty":true}`, ``, `{}`},
		{`{"bodyLacks":"secret"}`, `{}`, `{"a":"my secret"}`},
		{`{"save":{"v":"/a"}}`, `{"a":"x"}`, `{"a":1}`},
		{`{"then":{"send":{"method":"GET","path":"/x"},"want":200}}`, `{}`, "status"},
		{`{"then":{"send":{"method":"GET","path":"/x"},"want":200,"checks":[{"at":"/a","is":1}]}}`, `{"a":1}`, `{"a":2}`},
		{`{"then":{"send":{"method":"GET","path":"/{{unset}}"},"want":200}}`, "", `{}`},
		{`{"then":{"fill":{"left":0}}}`, "", `{}`},
		{`{"then":{"users":1}}`, "", `{}`},
		{`{"then":{}}`, "", `{}`},
		{`{"seatsFree":0}`, "", `{}`},
		{`{"freeOne":true}`, "", `{}`},
		{`{"race":{"send":[{"method":"GET","path":"/x"}],"want":{"200":1}}}`, `{}`, "status"},
		{`{"echo":{"method":"PUT","path":"/x","want":200,"checks":[{"at":"/a","is":1}]}}`, `{"a":1}`, `{"a":2}`},
		{`{"walk":{"count":1,"users":1}}`, `{"totalResults":1,"Resources":[{"id":"u"}]}`, `{"totalResults":2,"Resources":[{"id":"u"}]}`},
		{`{"walk":{"count":1,"users":2}}`, "", `{"totalResults":1,"Resources":[{"id":"u"}]}`},
		{`{"event":{"outcome":"warn"}}`, `{}`, "event"},
	} {
		line := `{"id":"a","method":"GET","path":"/Users","status":200,"notes":"n","checks":[` + tt.check + `]}`
		cases, err := Parse([]byte(line))
		if err != nil {
			t.Errorf("%s: %v", tt.check, err)
			continue
		}
		header := http.Header{"X-H": {"h"}}
		if tt.holds != "" || tt.check == `{"empty":true}` {
			if r := Run(context.Background(), fake(t, 200, tt.holds, header), cases[0]); !r.Passed() {
				t.Errorf("%s does not hold of %s: %v %s", tt.check, tt.holds, r.Failures, r.NotRun)
			}
		}
		target := fake(t, 200, tt.fails, header)
		switch tt.fails {
		case "header":
			target = fake(t, 200, `{}`, nil)
		case "status":
			target = second(t)
		case "event":
			target = fake(t, 200, `{}`, nil)
			target.Event = func(string) map[string]any { return nil }
		}
		if r := Run(context.Background(), target, cases[0]); r.Passed() {
			t.Errorf("%s holds of %s", tt.check, tt.fails)
		}
	}
}

// second answers the first request with 200 and all others with 404.
func second(t *testing.T) Target {
	t.Helper()
	target := fake(t, 200, `{}`, nil)
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n > 1 {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = fmt.Fprint(w, `{}`)
	}))
	t.Cleanup(server.Close)
	target.BaseURL, target.Client = server.URL+"/scim/v2", server.Client()
	return target
}

// A request arrives as it is written, raw quotes and plus signs included.
func TestRun_SendsBytesAsWritten(t *testing.T) {
	var got, agent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, agent = r.RequestURI, r.UserAgent()
		_, _ = fmt.Fprint(w, `{}`)
	}))
	t.Cleanup(server.Close)
	c := Case{ID: "a", IdP: "okta", Method: "GET", Path: `/Users?filter=userName+eq+"a%40b{{run}}'c"`, Status: 200}
	r := Run(t.Context(), Target{BaseURL: server.URL + "/scim/v2", Token: "t", Client: server.Client()}, c)
	if !r.Passed() || !strings.HasPrefix(got, `/scim/v2/Users?filter=userName+eq+"a%40b-`) || !strings.HasSuffix(got, `'c"`) {
		t.Errorf("sent %s: %v", got, r.Failures)
	}
	if agent != "Okta SCIM Client 1.0.0" {
		t.Errorf("user agent %q", agent)
	}
}

func TestRun_TellsWhyACaseIsNotRun(t *testing.T) {
	cases, err := Parse([]byte(`{"id":"a","method":"GET","path":"/Users/{{o}}","status":404,"notes":"n","steps":[{"otherTenant":{"as":"o"}}],"checks":[{"at":"/a","absent":true}]}
{"id":"b","waits":{"for":"groups","reason":"none yet"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"it needs the token of a second tenant", "waits for groups: none yet"} {
		if r := Run(t.Context(), fake(t, 200, `{}`, nil), cases[i]); r.NotRun != want || r.Passed() {
			t.Errorf("%s: not run because %q, want %q", cases[i].ID, r.NotRun, want)
		}
	}
}

// The README lists the lines that wait, and no others.
func TestREADME_ListsWhatWaits(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.SplitSeq(string(readme), "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) == 3 {
			for _, id := range regexp.MustCompile("`([a-z0-9A-Z-]+)`").FindAllStringSubmatch(cells[2], -1) {
				rows[id[1]] = strings.TrimPrefix(cells[0], "| ") + ": " + cells[1]
			}
		}
	}
	for _, c := range cases {
		want := ""
		if c.Waits != nil {
			want = c.Waits.For + ": " + c.Waits.Reason
		}
		if rows[c.ID] != want {
			t.Errorf("%s: the README says %q, the line %q", c.ID, rows[c.ID], want)
		}
	}
}
