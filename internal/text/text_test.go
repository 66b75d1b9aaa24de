package text

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/text/texttest"
)

func TestHostileTexts_AreInertOnEveryTarget(t *testing.T) {
	for name, tt := range texttest.Hostile {
		t.Run(name, func(t *testing.T) {
			if got := Terminal(tt.Text); got != tt.Terminal || strings.ContainsFunc(got, Hidden) {
				t.Errorf("a terminal shows %q, want %q", got, tt.Terminal)
			}
			if got := Page(tt.Text, 80).String(); got != tt.Page || strings.ContainsFunc(got, Hidden) {
				t.Errorf("a page shows %q, want %q", got, tt.Page)
			}
			if got := Field(tt.Text); strings.ContainsAny(got, "\x00\x07\x1b\r\n\u0085\u009b") || !utf8.ValidString(got) {
				t.Errorf("a field shows %q", got)
			}
			line, err := json.Marshal(map[string]string{"subject": tt.Text})
			require.NoError(t, err)
			logged := LogLine(append(line, '\n'))
			document, ended := strings.CutSuffix(string(logged), "\n")
			var got map[string]string
			err = json.Unmarshal(logged, &got)
			assert.Truef(t, err == nil && ended && !strings.ContainsFunc(document, markup), "a log has %q: %v", logged, err)
			assert.Equal(t, strings.ToValidUTF8(strings.ReplaceAll(tt.Text, "\x9b31m\xff", "\ufffd31m\ufffd"), "\ufffd"), got["subject"], "a log has")
		})
	}
}

func TestCut_EndsAtACharacter(t *testing.T) {
	for _, tt := range []struct {
		text         string
		most         int
		bytes, runes string
	}{
		{"", 0, "", ""},
		{"abc", 3, "abc", "abc"},
		{"abcd", 3, "abc…", "abc…"},
		{"éé", 3, "é…", "éé"},
		{"日本", 2, "…", "日本"},
		{"\xff\xfe\xfd", 2, "\xff\xfe…", "\xff\xfe…"},
		{"\x80\x80\x80", 2, "…", "\x80\x80…"},
	} {
		assert.Equalf(t, tt.bytes, Cut(tt.text, tt.most), "Cut(%q, %d)", tt.text, tt.most)
		assert.Equalf(t, tt.runes, CutRunes(tt.text, tt.most), "CutRunes(%q, %d)", tt.text, tt.most)
	}
}

func TestPage_HasTheWholeTextBesideItsBeginning(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"\ufffd":                "\ufffd",
		strings.Repeat("x", 80): strings.Repeat("x", 80),
		strings.Repeat("x", 81): strings.Repeat("x", 80) + "…",
		strings.Repeat("名", 81): strings.Repeat("名", 80) + "…",
	} {
		got := Page(text, 80).String()
		assert.Equalf(t, want, got, "%q is shown as %q", text, got)
	}
	long := Page(strings.Repeat("y", 5000)+"end", 80)
	whole := (Shown{Parts: long.Whole}).String()
	assert.Truef(t, strings.HasSuffix(whole, "yend") && len(whole) == 5003, "the whole text has %d bytes", len(whole))
	whole = (Shown{Parts: Page(strings.Repeat("y", 100_000), 80).Whole}).String()
	assert.Truef(t, len(whole) <= maxWhole+10, "the whole text has %d bytes", len(whole))
}
