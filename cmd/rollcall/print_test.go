package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// hostile are texts that affect a terminal, and what is printed instead.
var hostile = map[string]struct{ text, printed string }{
	"plain":            {`Åsa <a@b> 日本 "q" \\`, `Åsa <a@b> 日本 "q" \\`},
	"escape":           {"\x1b]0;title\x07", `\u001b]0;title\u0007`},
	"C1":               {"\u009b31m", `\u009b31m`},
	"delete":           {"a\x7f", `a\u007f`},
	"line":             {"a\r\nb\tc", `a\u000d\u000ab\u0009c`},
	"line separator":   {"a\u2028b\u2029", `a\u2028b\u2029`},
	"bidi":             {"\u202egnp.exe\u2066\u200f", `\u202egnp.exe\u2066\u200f`},
	"invisible":        {"a\u200b\ufeff\u00ad", `a\u200b\ufeff\u00ad`},
	"tags of language": {"a\U000e0041", `a\udb40\udc41`},
	"no UTF-8":         {"a\x9b31m\xff", "a\ufffd31m\ufffd"},
}

func TestVisible_IsInert(t *testing.T) {
	for name, tt := range hostile {
		t.Run(name, func(t *testing.T) {
			if got := visible(tt.text); got != tt.printed {
				t.Errorf("%q is printed as %q, want %q", tt.text, got, tt.printed)
			}
		})
	}
}

// JSON is escaped as well, and remains the same document.
func TestInertJSON_IsTheSameDocument(t *testing.T) {
	for name, tt := range hostile {
		t.Run(name, func(t *testing.T) {
			document := map[string]any{tt.text: []any{tt.text, "<&>"}}
			line, err := inertJSON(document)
			if err != nil {
				t.Fatal(err)
			}
			text, ended := strings.CutSuffix(line, "\n")
			if !ended || strings.ContainsFunc(text, hidden) || !strings.Contains(text, "<&>") {
				t.Errorf("it prints %q", line)
			}
			want := strings.ToValidUTF8(strings.ReplaceAll(tt.text, "\x9b31m\xff", "\ufffd31m\ufffd"), "\ufffd")
			var got map[string]any
			if err := json.Unmarshal([]byte(line), &got); err != nil || !reflect.DeepEqual(got, map[string]any{want: []any{want, "<&>"}}) {
				t.Errorf("%q is read as %q (%v)", line, got, err)
			}
		})
	}
}

// An error about a command is one escaped line, whatever it names.
func TestRun_SaysErrorsInert(t *testing.T) {
	for name, tt := range hostile {
		t.Run(name, func(t *testing.T) {
			out, said := &output{}, &output{}
			status := run(t.Context(), []string{"users", "list", "acme", "--info", "/nosuch/" + tt.text}, strings.NewReader(""), out, said)
			line, ended := strings.CutSuffix(said.String(), "\n")
			if status != exitFailure || out.String() != "" || !ended || strings.ContainsFunc(line, hidden) || !strings.Contains(line, "/nosuch/"+tt.printed) {
				t.Errorf("status %d: %q", status, said)
			}
		})
	}
}

// A fault of the data names items, whose keys contain names.
func TestVerdict_PrintsFaultsInert(t *testing.T) {
	for name, tt := range hostile {
		for form, o := range map[string]verifyOptions{"text": {}, "JSON": {json: true}} {
			t.Run(name+", "+form, func(t *testing.T) {
				b := &output{}
				v := verdict{Tenant: "acme", Faults: []fault{{Item: tt.text, Problem: tt.text}}}
				err := v.print(b, o)
				line, ended := strings.CutSuffix(b.String(), "\n")
				if err != nil || !ended || strings.ContainsFunc(line, hidden) || o.json != strings.HasPrefix(line, "{") {
					t.Errorf("%v: %q", err, b)
				}
			})
		}
	}
}

func TestLabelled_StaysWithinTheTerminal(t *testing.T) {
	rows := [][2]string{
		{"what to do", "Deactivate a user, make one a Reader, or buy more seats; then provision the user again."},
		{"who", strings.Repeat("x", 150)},
		{"cause", "seat_limit"},
		{"none", ""},
	}
	for name, tt := range map[string]struct {
		width int
		want  string
	}{
		"60 columns": {60, `  what to do  Deactivate a user, make one a Reader, or buy
              more seats; then provision the user again.
  who         ` + strings.Repeat("x", 46) + `
              ` + strings.Repeat("x", 46) + `
              ` + strings.Repeat("x", 46) + `
              xxxxxxxxxxxx
  cause       seat_limit
  none        
`},
		"no terminal": {0, "  what to do  " + rows[0][1] + "\n  who         " + rows[1][1] + "\n  cause       seat_limit\n  none        \n"},
		"too narrow":  {20, "  what to do  " + rows[0][1] + "\n  who         " + rows[1][1] + "\n  cause       seat_limit\n  none        \n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &output{}
			labelledIn(b, tt.width, "  ", rows)
			if b.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", b, tt.want)
			}
		})
	}
}
