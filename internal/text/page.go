package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Shown is a text on a page, in parts: characters that are hidden are written out.
type Shown struct {
	Parts []Part
	// Whole is the whole text if Parts are only its beginning, nil otherwise.
	Whole []Part
}

// A Part is a run of a text. A Mark stands for a character and is not part of the text
// itself.
type Part struct {
	Text string
	Mark bool
}

// maxWhole limits the characters of a whole text.
const maxWhole = 8000

// Page returns the first characters of a text for a page.
func Page(s string, most int) Shown {
	first, more := parts(s, most)
	if !more {
		return Shown{Parts: first}
	}
	whole, longer := parts(s, maxWhole)
	if longer {
		whole = append(whole, Part{Text: "…", Mark: true})
	}
	return Shown{Parts: append(first, Part{Text: "…"}), Whole: whole}
}

// parts returns the first characters of a text; more reports whether there are others.
func parts(s string, most int) (list []Part, more bool) {
	var run strings.Builder
	end := func() {
		if run.Len() > 0 {
			list = append(list, Part{Text: run.String()})
			run.Reset()
		}
	}
	n := 0
	for i, r := range s {
		if n == most {
			end()
			return list, true
		}
		n++
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			end()
			list = append(list, Part{Text: fmt.Sprintf("0x%02X", s[i]), Mark: true})
			continue
		}
		if !Hidden(r) {
			run.WriteRune(r)
			continue
		}
		end()
		list = append(list, Part{Text: fmt.Sprintf("U+%04X", r), Mark: true})
	}
	end()
	return list, false
}

// String returns the text in one line, for titles and labels, where elements are
// impossible. Characters that are written out are in brackets.
func (s Shown) String() string {
	var b strings.Builder
	for _, p := range s.Parts {
		if p.Mark {
			b.WriteString("[" + p.Text + "]")
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

// Empty reports whether the text is empty.
func (s Shown) Empty() bool { return len(s.Parts) == 0 }

// Field returns a text for a field of a form, which shows what was typed, without
// characters that a page may not have.
func Field(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\ufffe' || r == '\uffff' {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}
