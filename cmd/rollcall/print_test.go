package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	inert "github.com/rollcall-scim/rollcall/internal/text"
	"github.com/rollcall-scim/rollcall/internal/text/texttest"
)

// JSON is escaped as well, and remains the same document.
func TestInertJSON_IsTheSameDocument(t *testing.T) {
	for name, tt := range texttest.Hostile {
		t.Run(name, func(t *testing.T) {
			document := map[string]any{tt.Text: []any{tt.Text, "<&>"}}
			line, err := inertJSON(document)
			require.NoError(t, err)
			text, ended := strings.CutSuffix(line, "\n")
			assert.Truef(t, ended && !strings.ContainsFunc(text, inert.Hidden) && strings.Contains(text, "<&>"), "it prints %q", line)
			want := strings.ToValidUTF8(strings.ReplaceAll(tt.Text, "\x9b31m\xff", "\ufffd31m\ufffd"), "\ufffd")
			var got map[string]any
			err = json.Unmarshal([]byte(line), &got)
			assert.Truef(t, err == nil && reflect.DeepEqual(got, map[string]any{want: []any{want, "<&>"}}), "%q is read as %q (%v)", line, got, err)
		})
	}
}

// An error about a command is one escaped line, whatever it names.
func TestRun_SaysErrorsInert(t *testing.T) {
	for name, tt := range texttest.Hostile {
		t.Run(name, func(t *testing.T) {
			out, said := &output{}, &output{}
			status := run(t.Context(), []string{"users", "list", "acme", "--info", "/nosuch/" + tt.Text}, strings.NewReader(""), out, said)
			line, ended := strings.CutSuffix(said.String(), "\n")
			if status != exitFailure || out.String() != "" || !ended || strings.ContainsFunc(line, inert.Hidden) || !strings.Contains(line, "/nosuch/"+tt.Terminal) {
				t.Errorf("status %d: %q", status, said)
			}
		})
	}
}

// A fault of the data names items, whose keys contain names.
func TestVerdict_PrintsFaultsInert(t *testing.T) {
	for name, tt := range texttest.Hostile {
		for form, o := range map[string]verifyOptions{"text": {}, "JSON": {json: true}} {
			t.Run(name+", "+form, func(t *testing.T) {
				b := &output{}
				v := verdict{Tenant: "acme", Faults: []fault{{Item: tt.Text, Problem: tt.Text}}}
				err := v.print(b, o)
				line, ended := strings.CutSuffix(b.String(), "\n")
				assert.Truef(t, err == nil && ended && !strings.ContainsFunc(line, inert.Hidden) && o.json == strings.HasPrefix(line, "{"), "%v: %q", err, b)
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
			assert.Equal(t, tt.want, b.String())
		})
	}
}
