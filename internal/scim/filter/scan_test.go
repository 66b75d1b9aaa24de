package filter

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestScan(t *testing.T) {
	tests := []struct {
		text string
		want token
	}{
		{"", token{kind: end}},
		{"  ", token{kind: end, pos: 2, end: 2}},
		{"(", token{kind: openParen, end: 1}},
		{")", token{kind: closeParen, end: 1}},
		{" [", token{kind: openBracket, pos: 1, end: 2}},
		{"]", token{kind: closeBracket, end: 1}},

		{"userName", token{kind: word, end: 8, text: "userName"}},
		{"userName eq", token{kind: word, end: 8, text: "userName"}},
		{"name.givenName)", token{kind: word, end: 14, text: "name.givenName"}},
		{"$ref", token{kind: word, end: 4, text: "$ref"}},
		{"x_y-1[", token{kind: word, end: 5, text: "x_y-1"}},
		{"urn:a:2.0:User:b", token{kind: word, end: 16, text: "urn:a:2.0:User:b"}},
		{":name", token{kind: word, end: 5, text: ":name"}},
		{"naïve", token{kind: word, end: 2, text: "na"}},
		{".value eq", token{kind: suffix, end: 6, text: "value"}},
		{".", token{kind: suffix, end: 1}},

		{`""`, token{kind: stringLiteral, end: 2}},
		{`"a b"`, token{kind: stringLiteral, end: 5, text: "a b"}},
		{`"straße"`, token{kind: stringLiteral, end: 9, text: "straße"}},
		{`"\"\\\/\b\f\n\r\t"`, token{kind: stringLiteral, end: 18, text: "\"\\/\b\f\n\r\t"}},
		{`"\u00e9\u0041x"`, token{kind: stringLiteral, end: 15, text: "éAx"}},
		{`"\uD83D\uDE00"`, token{kind: stringLiteral, end: 14, text: "😀"}},
		{`"é\n"`, token{kind: stringLiteral, end: 6, text: "é\n"}},
		{"\"\x7f\"", token{kind: stringLiteral, end: 3, text: "\x7f"}},
		{`"\ufffd"`, token{kind: stringLiteral, end: 8, text: "\ufffd"}},
		{"\"\ufffd\"", token{kind: stringLiteral, end: 5, text: "\ufffd"}},

		{"0", token{kind: numberLiteral, end: 1, text: "0"}},
		{"-0", token{kind: numberLiteral, end: 2, text: "-0"}},
		{"10.50)", token{kind: numberLiteral, end: 5, text: "10.50"}},
		{"-1.5e+10 ", token{kind: numberLiteral, end: 8, text: "-1.5e+10"}},
		{"2E2", token{kind: numberLiteral, end: 3, text: "2E2"}},
		{"12345678901234567890", token{kind: numberLiteral, end: 20, text: "12345678901234567890"}},

		{"'a'", token{kind: stray, end: 1, text: "a single quote"}},
		{"=", token{kind: stray, end: 1, text: `"="`}},
		{"\t", token{kind: stray, end: 1, text: "a control character"}},
		{"“a”", token{kind: stray, end: 1, text: "a character outside ASCII"}},
	}
	for _, tt := range tests {
		assert.Equalf(t, tt.want, scan(tt.text, 0), "scan(%q)", tt.text)
	}
}

func TestScan_RefusesBrokenLiterals(t *testing.T) {
	tests := []struct {
		text string
		pos  int
	}{
		{`"a`, 0},
		{`"a\`, 0},
		{`"a\"`, 0},
		{`"ab\q"`, 3},
		{`"\U0041"`, 1},
		{`"\u00g0"`, 1},
		{`"\u00`, 1},
		{`"\u"`, 1},
		{`"x\ud800"`, 2},
		{`"\ud800\u0041"`, 1},
		{`"\ud800\u00"`, 1},
		{`"\ud800x"`, 1},
		{`"\udc00\ud800"`, 1},
		{"\"a\x00\"", 2},
		{"\"a\n\"", 2},
		{"\"ab\xff\"", 3},
		{"\"\xc3\"", 1},
		{"\"\\n\xe2\x82\"", 3},
		{"\"\xed\xa0\x80\"", 1},
		{"-", 0},
		{"-x", 0},
		{"01", 0},
		{"1.", 0},
		{"1.e1", 0},
		{"1e", 0},
		{"1e+", 0},
		{"123abc", 0},
		{"1.2.3", 0},
		{"2011-05-13", 0},
		{"5@example.com", 0},
	}
	for _, tt := range tests {
		got := scan(tt.text, 0)
		if got.kind != broken || got.pos != tt.pos {
			t.Errorf("scan(%q) = kind %d at %d (%s), want a broken literal at %d", tt.text, got.kind, got.pos, got.text, tt.pos)
		}
	}
}
