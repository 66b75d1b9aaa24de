// Package text makes texts of others safe to show: one function for each target. A
// text that a client sent cannot begin a line, move a cursor, change the direction of
// what is beside it, be invisible, or be longer than its place.
//
// It never decides whether a text is accepted, and knows nothing of its meaning.
// Package credential removes secrets from texts.
package text

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Hidden reports whether a character is not what it looks like: controls, directions,
// separators, characters without width, and those that look like a space.
func Hidden(r rune) bool {
	switch r {
	case '\u115F', '\u1160', '\u3164', '\uFFA0', '\u2800', '\u034F':
		return true
	}
	return !unicode.IsPrint(r)
}

// markup reports whether a character is hidden or begins markup.
func markup(r rune) bool { return r == '<' || r == '>' || r == '&' || Hidden(r) }

// Cut returns at most the first bytes of a text, whole characters only. A text that
// is cut ends in "…", which is not counted.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// CutRunes does what Cut does, and counts characters.
func CutRunes(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i] + "…"
		}
	}
	return s
}

// Terminal returns a text for a terminal, in one line: JSON escapes stand for hidden
// characters. A JSON document remains the same document.
func Terminal(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if !strings.ContainsFunc(s, Hidden) {
		return s
	}
	return string(escape(s, Hidden))
}

// LogLine returns a line of JSON for a log, the same document, without characters that
// a terminal or a page would interpret.
func LogLine(line []byte) []byte {
	document, end := bytes.CutSuffix(line, []byte("\n"))
	if bytes.IndexFunc(document, markup) < 0 {
		return line
	}
	escaped := escape(string(document), markup)
	if end {
		escaped = append(escaped, '\n')
	}
	return escaped
}

// escape returns a text with JSON escapes in place of some characters.
func escape(s string, of func(rune) bool) []byte {
	b := make([]byte, 0, len(s)+64)
	for _, r := range s {
		switch {
		case !of(r):
			b = utf8.AppendRune(b, r)
		case r > 0xffff:
			first, second := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, first, second)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return b
}
