package replay

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// strictLine is a line whose request a strict tenant refuses.
const strictLine = `{"id":"a","method":"PATCH","path":"/Users/1","body":{"active":"False"},"expect":{"status":200,"notes":"n"},` +
	`"strict":{"status":400,"error":"invalidValue","why":"RFC 7643 §2.3.2: a boolean is no text","instead":{"body":{"active":false}}},` +
	`"checks":[{"says":"inactive","body":{"/active":false}},` +
	`{"says":"again","request":"PATCH /Users/1","with":{"active":"True"},"body":{"/active":true},"strict":{"status":400,"error":"invalidValue"}},` +
	`{"says":"a notice","request":"GET /Users/notice","strict":{"omit":"nothing is tolerated"}}]}`

// A typist is a service with one user, which is active or not.
type typist struct {
	strict bool
	// kind is the scimType of its refusals; leaky ones change the user.
	kind   string
	leaky  bool
	active bool
	sent   []string
}

func (s *typist) do(q *http.Request) (int, http.Header, string) {
	body := ""
	if q.Body != nil {
		b, _ := io.ReadAll(q.Body)
		body = string(b)
	}
	s.sent = append(s.sent, q.Method+" "+strings.TrimPrefix(q.URL.Opaque, "/scim/v2")+" "+body)
	header := http.Header{"Content-Type": {mediaType}}
	if q.Method == http.MethodPatch {
		text := strings.Contains(body, `"True"`) || strings.Contains(body, `"False"`)
		refused := text && s.strict
		if !refused || s.leaky {
			s.active = strings.Contains(strings.ToLower(body), "true")
		}
		if refused {
			return 400, header, errorBody(400, s.kind, "a boolean")
		}
	}
	if s.active {
		return 200, header, `{"active":true}`
	}
	return 200, header, `{"active":false}`
}

func TestRun_OfAStrictTenant(t *testing.T) {
	c := load(t, strictLine)
	for name, tt := range map[string]struct {
		service typist
		strict  bool
		want    string // of the failure, or "" if there is none
	}{
		"refuses, and takes what the RFCs have":  {typist{strict: true, kind: "invalidValue"}, true, ""},
		"takes what it should refuse":            {typist{}, true, "a strict tenant answers 200, want 400 (RFC 7643 §2.3.2"},
		"refuses with another scimType":          {typist{strict: true, kind: "invalidSyntax"}, true, `want "invalidValue"`},
		"changes what it refuses":                {typist{strict: true, kind: "invalidValue", leaky: true}, true, "changed"},
		"of another tenant, which takes it":      {typist{}, false, ""},
		"of another tenant, which does not take": {typist{strict: true, kind: "invalidValue"}, false, "the status is 400, want 200"},
	} {
		t.Run(name, func(t *testing.T) {
			s := tt.service
			s.active = true
			r := Run(t.Context(), Target{Client: doer(s.do), Base: "http://scim.test/scim/v2", Strict: tt.strict}, c)
			if tt.want != "" {
				if r.Outcome != Failed || !strings.Contains(strings.Join(r.Reasons, "\n"), tt.want) {
					t.Errorf("%s %v, want %q", r.Outcome, r.Reasons, tt.want)
				}
				return
			}
			wantPassed(t, r)
			all := strings.Join(s.sent, "\n")
			assert.NotEqualf(t, tt.strict, strings.Contains(all, "/Users/notice"), "the omitted check: strict %t, sent\n%s", tt.strict, all)
			assert.Equalf(t, tt.strict, strings.Contains(all, `{"active":false}`), "the RFCs' form: strict %t, sent\n%s", tt.strict, all)
		})
	}
}

func TestRun_OfAStrictTenantByAnotherPath(t *testing.T) {
	c := load(t, `{"id":"a","method":"GET","path":"/Users?filter=x","body":null,"expect":{"status":200,"notes":"n"},`+
		`"strict":{"status":400,"error":"invalidFilter","why":"RFC 7644 §3.4.2.2","instead":{"path":"/Users?filter=y"}},"checks":[{"body":{"/a":1}}]}`)
	client := doer(func(q *http.Request) (int, http.Header, string) {
		header := http.Header{"Content-Type": {mediaType}}
		if strings.HasSuffix(q.URL.Opaque, "filter=x") {
			return 400, header, errorBody(400, "invalidFilter", "no")
		}
		return 200, header, `{"a":1}`
	})
	wantPassed(t, Run(t.Context(), Target{Client: client, Base: "http://scim.test/scim/v2", Strict: true}, c))
}

func TestLoad_RefusesAStrictAnswerThatSaysNothing(t *testing.T) {
	_, err := Load(strings.NewReader(strictLine))
	require.NoError(t, err)
	for _, tt := range []struct{ name, of, with, want string }{
		{"no status", `"strict":{"status":400,`, `"strict":{`, "from 400"},
		{"a success", `"strict":{"status":400,`, `"strict":{"status":200,`, "from 400"},
		{"what the others answer", `"expect":{"status":200`, `"expect":{"status":[200,400]`, "differently"},
		{"no reason", `"why":"RFC 7643 §2.3.2: a boolean is no text"`, `"why":"because"`, "section"},
		{"nothing instead", `"instead":{"body":{"active":false}}`, `"instead":{}`, "instead"},
		{"no request instead", `"instead":{"body":{"active":false}}`, `"instead":{"path":"Users"}`, "begin with /"},
		{"an unset variable", `{"active":false}}`, `{"active":"{{x}}"}}`, "is not set"},
		{"an unknown word", `"why"`, `"y"`, "unknown field"},
		{"a check that is both", `{"omit":"nothing`, `{"status":400,"omit":"nothing`, "not both"},
		{"a check that is neither", `{"omit":"nothing is tolerated"}`, `{}`, "omitted"},
		{"a check without a request", `"body":{"/active":false}}`, `"body":{"/active":false},"strict":{"status":400}}`, "only a request"},
		{"a step that sets up", `"checks":[`, `"steps":[{"create":"user","strict":{"omit":"x"}}],"checks":[`, "every tenant"},
	} {
		_, err := Load(strings.NewReader(strings.Replace(strictLine, tt.of, tt.with, 1)))
		assert.Truef(t, err != nil && strings.Contains(err.Error(), tt.want), "%s: %v, want %q in it", tt.name, err, tt.want)
	}
}
