package replay

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// report returns a report with one check, about GET /Users or a read
// afterwards.
func report(check string) string {
	return `{"id":"a","area":"x","kind":"","source":["s"],"job":"j","want":"w","setup":[["POST","/Users",{"userName":"u{{n}}"},"u"]],` +
		`"requests":[["GET","/Users/{{u.id}}",null,{"X-A":null,"X-B":"{{TOK}}"}]],"after":[["GET","/Users"]],` +
		`"expected":{"status":[200],"checks":[` + check + `]}}`
}

func TestReport_HoldsAndCanFail(t *testing.T) {
	for _, tt := range []struct{ check, holds, fails string }{
		{`["r",["a","0"],"eq",1]`, `{"a":[1]}`, `{"a":[2]}`},
		{`["r",["a"],"eqt","{{u.id}}"]`, `{"a":"7"}`, `{"a":"u"}`},
		{`["r",["a"],"has","x"]`, `{"a":"axb"}`, `{"a":["x"]}`},
		{`["r",["a"],"hast","{{u.id}}"]`, `{"a":"a7b"}`, `{"a":"ab"}`},
		{`["r",["a"],"contains","x"]`, `{"a":["x"]}`, `{"a":"x"}`},
		{`["r",["a"],"absent",null]`, `{"a":[]}`, `{"a":[0]}`},
		{`["a0",["a"],"len",0]`, `{}`, `{"a":[1]}`},
		{`["a0",["a"],"len",2]`, `{"a":[1,2]}`, `{}`},
		{`["a0",["a"],"gt",1]`, `{"a":2}`, `{"a":1}`},
		{`["a0",["a","*","b/c"],"eq",[1,2]]`, `{"a":[{"b/c":1},{"b/c":2}]}`, `{"a":[]}`},
		{`["h",["X-A"],"has","h"]`, `{}`, ""},
		{`["h",["X-None"],"has","h"]`, "", `{}`},
	} {
		all, err := LoadReports(strings.NewReader(report(tt.check)))
		if err != nil {
			t.Errorf("%s: %v", tt.check, err)
			continue
		}
		c, err := all[0].Case()
		require.NoError(t, err)
		for answer, want := range map[string]Outcome{tt.holds: Passed, tt.fails: Failed} {
			if answer == "" {
				continue
			}
			r := Run(t.Context(), Target{Base: "http://scim.test/scim/v2", Token: "t", Client: doer(func(q *http.Request) (int, http.Header, string) {
				header := http.Header{"X-A": {"h"}, "Content-Type": {mediaType}}
				if q.Method == http.MethodPost {
					return http.StatusCreated, header, `{"id":"7"}`
				}
				assert.Falsef(t, strings.HasSuffix(q.URL.Opaque, "/7") && (q.Header.Get("X-B") != "t" || q.Header["X-A"] != nil), "sent %v", q.Header)
				return http.StatusOK, header, answer
			})}, c)
			assert.Equalf(t, want, r.Outcome, "%s of %s: %s %v", tt.check, answer, r.Outcome, r.Reasons)
		}
	}
}

func TestReport_BaseAndPathAreAsWritten(t *testing.T) {
	for _, tt := range []struct{ request, want string }{
		{`["GET","",null,null]`, "/scim/v2"},
		{`["GET","//Users/",null,null]`, "/scim/v2//Users/"},
		{`["GET","/Users","BASE:/other",null]`, "/other/Users"},
	} {
		line := strings.Replace(report(`["r",["a"],"absent",null]`), `["GET","/Users/{{u.id}}",null,{"X-A":null,"X-B":"{{TOK}}"}]`, tt.request, 1)
		all, err := LoadReports(strings.NewReader(line))
		require.NoError(t, err)
		c, err := all[0].Case()
		require.NoError(t, err)
		var paths []string
		r := Run(t.Context(), Target{Base: "http://scim.test/scim/v2", Token: "t", Client: doer(func(q *http.Request) (int, http.Header, string) {
			if paths = append(paths, q.URL.Opaque); q.Body != nil && q.Method == http.MethodGet {
				t.Errorf("%s has a body", q.URL.Opaque)
			}
			return http.StatusOK, http.Header{"Content-Type": {mediaType}}, `{"id":"7"}`
		})}, c)
		if wantPassed(t, r); len(paths) < 2 || paths[1] != tt.want {
			t.Errorf("%s is sent to %v", tt.request, paths)
		}
	}
}

func TestLoadReports_RefusesWhatWouldPassInSilence(t *testing.T) {
	good := report(`["r",["a"],"eq",1]`)
	for _, tt := range []struct{ name, line, want string }{
		{"an id twice", good + "\n" + good, "twice"},
		{"no job", strings.Replace(good, `"j"`, `""`, 1), "needs id"},
		{"an unknown member", strings.Replace(good, `"area"`, `"aera"`, 1), "aera"},
		{"no request", strings.Replace(good, `["GET","/Users/{{u.id}}",null,{"X-A":null,"X-B":"{{TOK}}"}]`, "", 1), "0 requests"},
		{"a request with a value too few", strings.Replace(good, `,null,{"X-A"`, `,{"X-A"`, 1), "want 4"},
		{"an unknown operator", strings.Replace(good, `"eq"`, `"equals"`, 1), "unknown operator"},
		{"a check of a read that is not sent", strings.Replace(good, `["r"`, `["a1"`, 1), "no answer"},
		{"an id that was not kept", strings.Replace(good, `"u"]`, `null]`, 1), "is not set"},
		{"no status", strings.Replace(good, `[200]`, `[]`, 1), "status"},
	} {
		_, err := LoadReports(strings.NewReader(tt.line))
		assert.Truef(t, err != nil && strings.Contains(err.Error(), tt.want), "%s: %v, want %q in it", tt.name, err, tt.want)
	}
}
