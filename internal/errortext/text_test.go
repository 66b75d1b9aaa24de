package errortext

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/e2e/corpus"
)

const (
	id    = "019b8d62-7a80-7000-8000-0000000000f1"
	other = "019b8d62-7a80-7000-8000-0000000000f2"
	token = "rct_acme_abcdefghijklmnop_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst_0123abcd"
)

func TestRequestID(t *testing.T) {
	for text, want := range map[string]string{
		id:                         id,
		" " + id + "\n":            id,
		strings.ToUpper(id):        id,
		"id: " + id + ".":          id,
		`"` + id + `"`:             id,
		"Request " + id:            id,
		"no. (request " + id + ")": id,
		"(request " + other + ") (request " + id + ") again":   id,
		"(request 019b8d62-7a80-\r\n  7000-8000-0000000000f1)": id,
		"&#40;request " + id + "&#41;":                         id,
		`{"detail":"no.\n(request ` + id + `)"}`:               id,
		"X-Request-Id: " + id + "\nX: y":                       id,
		`{"requestId":"` + id + `","status":409}`:              id,
		`{\"requestId\":\"` + id + `\"}`:                       id,
		"(request 6ba7b810-9dad-11d1-80b4-00c04fd430c8)":       "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
		"the active user " + id + ". Nothing was changed.":     "", // a user's
		id + " " + other:     "",
		"(request abc)":      "",
		"(request <script>)": "",
		"":                   "",
		"two words":          "",
		"../../tokens":       "",
	} {
		assert.Equalf(t, want, RequestID(text), "%q has", text)
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		text, cut, idp string
		status         int
		names          []string
	}{
		{"(request 019b8d62-7a8…", "019b8d62-7a8", "", 0, nil},
		{"no. (request 019b8d62-", "019b8d62-", "", 0, nil},
		{`{"detail":"no. (request 019b"}`, "019b", "", 0, nil},
		{"Automatic provisioning of user zed@x.example to app A failed: Error while creating user zed@x.example: Conflict. Errors reported by remote server: no", "", "okta", 409, []string{"zed@x.example"}},
		{"Failed to update User “Zed” in customappsso; StatusCode: BadRequest", "", "entra", 400, []string{"Zed"}},
		{`{"status":"403","detail":"409 Conflict"}`, "", "", 403, nil},
		{"HTTP/1.1 404", "", "", 404, nil},
		{"HTTP/404 Not Found rather than HTTP/200 OK", "", "", 404, nil},
		{"Response Status Code: NotFound", "", "", 404, nil},
		{"status code 503", "", "", 503, nil},
		{"429 Too Many Requests", "", "", 429, nil},
		{"500", "", "", 500, nil},
		{"500 of 500 seats", "", "", 0, nil},
		{"room 404", "", "", 0, nil},
		{"Not Found", "", "", 404, nil},
		{"The user was not found in the group", "", "", 0, nil},
		{"unauthorised", "", "", 401, nil},
		{"OneLogin: Bad Gateway", "", "onelogin", 502, nil},
		{"EntryConflict", "", "", 409, nil},
	} {
		x := Parse(tt.text)
		if x.CutID != tt.cut || x.IdP != tt.idp || x.Status != tt.status || !slices.Equal(x.Names, tt.names) {
			t.Errorf("%q: id %q, idp %q, status %d, names %q", tt.text, x.CutID, x.IdP, x.Status, x.Names)
		}
	}
}

// However a text is escaped, it has the same letters.
func TestParse_DecodesEscapes(t *testing.T) {
	for _, text := range []string{
		`CORP\nancy "x" é`, `CORP\\nancy \"x\" \u00e9`, `CORP\\\\nancy \\\"x\\\" \\u00e9`, "CORP\\nancy &quot;x&quot; &eacute;", "CORP\\nancy “x” é",
		"CORP\\nan\r\n  cy ‘x’ é", "<p>CORP\\nancy</p><br/>x é", "CORP\\nancy\u00a0\u200bx é",
	} {
		assert.Equalf(t, "corpancyxé", Parse(text).whole, "%q", text)
	}
	assert.Contains(t, Parse(`\ud83d\ude00 \ud83d \u12`).plain, "😀")
}

func TestHasName(t *testing.T) {
	for _, tt := range []struct {
		text, name string
		want       bool
	}{
		{"user eve@x.example failed", "EVE@x.example", true},
		{"user eve@x.example.", "eve@x.example", true},
		{"user eve@x.example.org", "eve@x.example", false},
		{"steve@x.example", "eve@x.example", false},
		{"steve@x.example, eve@x.example", "eve@x.example", true},
		{"'eve'", "eve", true},
		{"ab", "ab", false}, // too short to say anything
		{"x", "", false},
	} {
		assert.Equalf(t, tt.want, Parse(tt.text).HasName(tt.name), "%q in %q", tt.name, tt.text)
	}
}

func TestClean(t *testing.T) {
	long := strings.Repeat("é", MaxText)
	for name, tt := range map[string]struct {
		pasted, want string
		redacted     bool
	}{
		"short":             {"x", "x", false},
		"a token":           {"Bearer " + token + " no", "Bearer [token] no", true},
		"not UTF-8":         {"a\xffb", "a b", false},
		"long":              {long, long[:MaxText], false},
		"long with an id":   {"x" + long + "(request " + id + ")" + long, "", false},
		"long with a token": {long + token, long[:MaxText], true},
	} {
		text, redacted := Clean(tt.pasted)
		if len(text) > MaxText || redacted != tt.redacted || tt.want != "" && text != tt.want || tt.want == "" && RequestID(text) != id || strings.Contains(text, token) {
			t.Errorf("%s: %d bytes, redacted %t", name, len(text), redacted)
		}
	}
}

// Parse reads any pasted text in time, and does not panic.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"", id, `\u00`, "&#x110000;", "(request " + id, strings.Repeat("...", 3000), strings.Repeat("a@", 3000), strings.Repeat(`\`, 999)} {
		f.Add(text, "the end")
	}
	known := corpus.Read(f, "../..")
	for _, text := range append(known.Bodies, known.Values...) {
		f.Add(text, "userName")
	}
	f.Fuzz(func(t *testing.T, text, words string) {
		begun := time.Now()
		x := Parse(text)
		x.Contains(words)
		x.CutOff(words)
		x.HasName(words)
		Clean(text)
		elapsed := time.Since(begun)
		assert.Truef(t, elapsed <= 10*time.Second, "it takes %v", elapsed)
		assert.Falsef(t, x.RequestID != "" && !wholeID.get().MatchString(x.RequestID), "the id is %q", x.RequestID)
	})
}
