package filter

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// kind is the kind of a token.
type kind int

const (
	end kind = iota
	// word is a run of the characters of names and URNs: an attribute, an
	// operator, and, or, not, true, false or null. The parser decides which.
	word
	// suffix is a dot and the run of name characters after it, as in ].value.
	suffix
	stringLiteral
	numberLiteral
	openParen
	closeParen
	openBracket
	closeBracket
	// stray is a character that begins no token.
	stray
	// broken is a literal that is not JSON; its text says what was expected.
	broken
)

// token is a token and the bytes [pos, end) of the text that it covers.
type token struct {
	kind     kind
	pos, end int
	// text is the word, the suffix without its dot, the value of a string
	// literal, the number as written, the description of a stray character, or
	// the problem of a broken literal.
	text string
}

// is reports whether a token is the word w, in any ASCII case; w is in lower
// case.
func (t token) is(w string) bool {
	if t.kind != word || len(t.text) != len(w) {
		return false
	}
	for i := range len(w) {
		if lower(t.text[i]) != w[i] {
			return false
		}
	}
	return true
}

// name returns what an error calls a token. It contains nothing of a literal.
func (t token) name() string {
	switch t.kind {
	case end:
		return "the end"
	case word:
		return "a word"
	case suffix:
		return "a dot"
	case stringLiteral:
		return "a string"
	case numberLiteral:
		return "a number"
	case openParen:
		return `"("`
	case closeParen:
		return `")"`
	case openBracket:
		return `"["`
	case closeBracket:
		return `"]"`
	}
	return t.text
}

// scan returns the token at or after an offset; only spaces separate tokens.
func scan(text string, pos int) token {
	for pos < len(text) && text[pos] == ' ' {
		pos++
	}
	if pos == len(text) {
		return token{kind: end, pos: pos, end: pos}
	}
	c := text[pos]
	switch {
	case isAlpha(c) || c == '$' || c == '_' || c == ':':
		stop := scanWord(text, pos)
		return token{kind: word, pos: pos, end: stop, text: text[pos:stop]}
	case c == '"':
		return scanString(text, pos)
	case isDigit(c) || c == '-':
		return scanNumber(text, pos)
	case c == '.':
		stop := scanWord(text, pos+1)
		return token{kind: suffix, pos: pos, end: stop, text: text[pos+1 : stop]}
	}
	t := token{pos: pos, end: pos + 1}
	switch c {
	case '(':
		t.kind = openParen
	case ')':
		t.kind = closeParen
	case '[':
		t.kind = openBracket
	case ']':
		t.kind = closeBracket
	default:
		t.kind, t.text = stray, strayName(c)
	}
	return t
}

// strayName names a character without repeating text of unknown meaning: only
// ASCII punctuation is shown.
func strayName(c byte) string {
	switch {
	case c == '\'':
		return "a single quote"
	case c < ' ' || c == 0x7f:
		return "a control character"
	case c >= utf8.RuneSelf:
		return "a character outside ASCII"
	}
	return strconv.Quote(string(rune(c)))
}

// scanWord returns the end of the run of name and URN characters from pos.
func scanWord(text string, pos int) int {
	for pos < len(text) && isWordByte(text[pos]) {
		pos++
	}
	return pos
}

// scanNumber scans a number. RFC 8259 §6
func scanNumber(text string, pos int) token {
	i := pos
	if text[i] == '-' {
		i++
	}
	whole := i
	i = skipDigits(text, i)
	ok := i > whole && (text[whole] != '0' || i == whole+1)
	if ok && i < len(text) && text[i] == '.' {
		fraction := i + 1
		i = skipDigits(text, fraction)
		ok = i > fraction
	}
	if ok && i < len(text) && lower(text[i]) == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		exponent := i
		i = skipDigits(text, exponent)
		ok = i > exponent
	}
	// A word directly after the digits means an identifier, a date or an
	// address without quotes, not a number.
	if ok && i < len(text) && (isWordByte(text[i]) || text[i] == '@') {
		ok = false
	}
	if !ok {
		return token{
			kind: broken, pos: pos, end: i,
			text: "expected a number of JSON, found text without quotes: put it in double quotes",
		}
	}
	return token{kind: numberLiteral, pos: pos, end: i, text: text[pos:i]}
}

func skipDigits(text string, pos int) int {
	for pos < len(text) && isDigit(text[pos]) {
		pos++
	}
	return pos
}

// scanString scans a string. A string without escapes is not copied. RFC 8259
// §7
func scanString(text string, pos int) token {
	ascii := true
	for i := pos + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			value := text[pos+1 : i]
			if !ascii && !utf8.ValidString(value) {
				return unescape(text, pos)
			}
			return token{kind: stringLiteral, pos: pos, end: i + 1, text: value}
		case c == '\\' || c < ' ':
			return unescape(text, pos)
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return unescape(text, pos)
}

// unescape scans a string that has escapes or a fault.
func unescape(text string, pos int) token {
	fault := func(at int, problem string) token {
		return token{kind: broken, pos: at, end: len(text), text: problem}
	}
	var b strings.Builder
	for i := pos + 1; i < len(text); {
		c := text[i]
		switch {
		case c == '"':
			return token{kind: stringLiteral, pos: pos, end: i + 1, text: b.String()}
		case c < ' ':
			return fault(i, `expected control characters in a string as escapes (\n, \t, \u0001), found one as it is`)
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && size == 1 {
				return fault(i, "expected UTF-8 in a string, found a byte that is not")
			}
			b.WriteString(text[i : i+size])
			i += size
		case c != '\\':
			b.WriteByte(c)
			i++
		case i+1 < len(text) && text[i+1] == 'u':
			r, size := unescapeUnicode(text[i:])
			switch size {
			case 0:
				return fault(i, `expected four hexadecimal digits after \u (a backslash itself is \\)`)
			case -1:
				return fault(i, "expected both halves of a surrogate pair, found one")
			}
			b.WriteRune(r)
			i += size
		case i+1 < len(text):
			at := strings.IndexByte(`"\/bfnrt`, text[i+1])
			if at < 0 {
				return fault(i, `expected an escape of JSON (a backslash itself is \\)`)
			}
			b.WriteByte("\"\\/\b\f\n\r\t"[at])
			i += 2
		default:
			i++
		}
	}
	return fault(pos, "expected a closing double quote, found the end")
}

// unescapeUnicode decodes a \u escape, or two that form a surrogate pair, and
// returns how many bytes it consumed: 0 if it is malformed, -1 if it is half a
// pair.
func unescapeUnicode(text string) (rune, int) {
	const one, pair = len(`\u0000`), len(`\u0000\u0000`)
	r, ok := hex4(text)
	switch {
	case !ok:
		return 0, 0
	case !utf16.IsSurrogate(r):
		return r, one
	case len(text) > one+1 && text[one] == '\\' && text[one+1] == 'u':
		low, ok := hex4(text[one:])
		if !ok {
			return 0, -1
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, pair
		}
	}
	return 0, -1
}

// hex4 returns the number after the \u at the start of text.
func hex4(text string) (rune, bool) {
	if len(text) < len(`\u0000`) {
		return 0, false
	}
	var r rune
	for i := 2; i < 6; i++ {
		switch c := lower(text[i]); {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

func isAlpha(c byte) bool { return 'a' <= lower(c) && lower(c) <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isNameByte reports whether c can continue a name. RFC 7644 §3.4.2.2
func isNameByte(c byte) bool { return isAlpha(c) || isDigit(c) || c == '-' || c == '_' }

func isWordByte(c byte) bool { return isNameByte(c) || c == '.' || c == ':' || c == '$' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
