package filter

import (
	"fmt"
	"strconv"
	"strings"
)

// The defaults of Limits. Filters that IdPs send are shorter than 200 bytes,
// nest three deep and compare five times; the defaults leave room for filters
// written by people.
const (
	defaultLength = 8192
	defaultDepth  = 40
	defaultTerms  = 200
)

// Error returns the position, counted in bytes from 1, and the problem there.
func (e *Error) Error() string {
	return "at position " + strconv.Itoa(e.Pos+1) + ": " + e.Problem
}

// Parse parses a filter. An error is an *Error.
//
// Two forms beyond the grammar of the standard are accepted: a comparison on
// the values that a filter in brackets matches, emails[type eq "work"].value eq
// "x", which Entra sends (internal/e2e/replay entra-006-match-work-email); and a
// missing space beside a parenthesis, a bracket or a quote, where none is
// needed to separate tokens.
//
// RFC 7644 §3.4.2.2
func Parse(text string, limits Limits) (Expr, error) {
	e, _, err := Read(text, limits)
	return e, err
}

// Read does what Parse does, and reports whether the text leaves out a space that the
// grammar requires. An attribute may follow one of the given URNs and a dot:
// otherwise the end of a URN that itself contains dots cannot be found.
func Read(text string, limits Limits, urns ...string) (e Expr, tight bool, err error) {
	p := newParser(text, limits, urns)
	e = p.or()
	if p.err == nil && p.tok.kind != end {
		p.fail(p.tok.pos, "expected and, or, or the end, found "+p.tok.name())
	}
	if p.err != nil {
		return nil, false, p.err
	}
	return e, p.tight, nil
}

// ParsePath parses the path of a PATCH operation. An error is an *Error. As in
// Read, an attribute may follow one of the URNs and a dot.
//
// The URN of a whole extension cannot be distinguished from an attribute here:
// its last segment is returned as the Attribute.
//
// RFC 7644 §3.5.2
func ParsePath(text string, limits Limits, urns ...string) (Path, error) {
	path, _, err := ReadPath(text, limits, urns...)
	return path, err
}

// ReadPath does what ParsePath does, and reports whether the text leaves out a
// space that the grammar requires.
func ReadPath(text string, limits Limits, urns ...string) (path Path, tight bool, err error) {
	p := newParser(text, limits, urns)
	path = p.path()
	if p.err == nil && p.tok.kind != end {
		p.fail(p.tok.pos, "expected the end of the path, found "+p.tok.name())
	}
	if p.err != nil {
		return Path{}, false, p.err
	}
	return path, p.tight, nil
}

// parser is one parse. After its first fault it sees only the end token, so
// that each function returns without checking err at every step.
type parser struct {
	text   string
	tok    token
	limits Limits
	// urns are those that a dot may follow.
	urns []string
	// depth is the number of open parentheses and brackets. It limits the
	// recursion: a stack overflow cannot be recovered from.
	depth int
	// terms is the number of comparisons so far.
	terms int
	// inside reports that a bracket is open: value paths do not nest.
	inside bool
	// last is where the token before the current one ends. tight reports that
	// two tokens touched where the grammar requires a space.
	last  int
	tight bool
	err   *Error
}

func newParser(text string, limits Limits, urns []string) *parser {
	if limits.Length <= 0 {
		limits.Length = defaultLength
	}
	if limits.Depth <= 0 {
		limits.Depth = defaultDepth
	}
	if limits.Terms <= 0 {
		limits.Terms = defaultTerms
	}
	p := &parser{text: text, limits: limits, urns: urns}
	if len(text) > limits.Length {
		p.fail(limits.Length, fmt.Sprintf("expected at most %d bytes, found %d", limits.Length, len(text)))
		return p
	}
	p.next(0)
	return p
}

// fail records the first fault.
func (p *parser) fail(pos int, problem string) {
	if p.err == nil {
		p.err = &Error{Pos: pos, Problem: problem, Inside: p.inside}
		p.tok = token{kind: end, pos: pos, end: pos}
	}
}

// advance moves to the token after the current one.
func (p *parser) advance() {
	p.last = p.tok.end
	p.next(p.tok.end)
}

// spaced moves past a word that the grammar puts between spaces.
func (p *parser) spaced() {
	tight := p.tok.pos == p.last
	p.advance()
	p.tight = p.tight || tight || p.tok.pos == p.last
}

func (p *parser) next(pos int) {
	if p.err != nil {
		return
	}
	p.tok = scan(p.text, pos)
	if p.tok.kind == broken {
		p.fail(p.tok.pos, p.tok.text)
	}
}

// or parses operands joined by or, which binds least tightly.
func (p *parser) or() Expr {
	left := p.and()
	for p.tok.is("or") {
		p.spaced()
		left = &Or{Left: left, Right: p.and()}
	}
	return left
}

// and parses operands joined by and.
func (p *parser) and() Expr {
	left := p.operand()
	for p.tok.is("and") {
		p.spaced()
		left = &And{Left: left, Right: p.operand()}
	}
	return left
}

// operand parses a group, a negated group or a comparison.
func (p *parser) operand() Expr {
	switch {
	case p.tok.kind == openParen:
		return p.group()
	case p.tok.is("not"):
		// An attribute may be called not: the parenthesis decides.
		if t := scan(p.text, p.tok.end); t.kind == openParen {
			p.tok = t
			return &Not{Expr: p.group()}
		}
		return p.comparison()
	case p.tok.kind == word:
		return p.comparison()
	}
	p.fail(p.tok.pos, `expected an attribute, not or "(", found `+p.tok.name())
	return nil
}

// group parses a filter in parentheses.
func (p *parser) group() Expr {
	p.open()
	e := p.or()
	p.close(closeParen, `")"`)
	return e
}

// open moves past an opening parenthesis or bracket, unless it exceeds the
// limit.
func (p *parser) open() {
	if p.depth == p.limits.Depth {
		p.fail(p.tok.pos, fmt.Sprintf("expected at most %d levels of parentheses and brackets, found more", p.limits.Depth))
		return
	}
	p.depth++
	p.advance()
}

// close moves past the closing token of the expected kind.
func (p *parser) close(k kind, name string) {
	p.depth--
	if p.tok.kind != k {
		p.fail(p.tok.pos, "expected and, or, or "+name+", found "+p.tok.name())
		return
	}
	p.advance()
}

// comparison parses an expression that begins with an attribute.
func (p *parser) comparison() Expr {
	first := p.tok
	path := p.path()
	if path.Filter != nil && path.Sub == "" && p.err == nil {
		e := &ValuePath{Path: path, Filter: path.Filter}
		e.Path.Filter = nil
		return e
	}
	if p.terms++; p.terms > p.limits.Terms {
		p.fail(first.pos, fmt.Sprintf("expected at most %d comparisons, found more", p.limits.Terms))
		return nil
	}
	if p.tok.is("pr") {
		p.tight = p.tight || p.tok.pos == p.last
		p.advance()
		return &Present{Path: path}
	}
	op, ok := operator(p.tok)
	if !ok {
		p.failOperator(first)
		return nil
	}
	p.spaced()
	return &Compare{Path: path, Op: op, Value: p.value()}
}

// operator returns the comparison operator that a token spells.
func operator(t token) (Op, bool) {
	if t.kind != word || len(t.text) != 2 {
		return "", false
	}
	switch [2]byte{lower(t.text[0]), lower(t.text[1])} {
	case [2]byte{'e', 'q'}:
		return Eq, true
	case [2]byte{'n', 'e'}:
		return Ne, true
	case [2]byte{'c', 'o'}:
		return Co, true
	case [2]byte{'s', 'w'}:
		return Sw, true
	case [2]byte{'e', 'w'}:
		return Ew, true
	case [2]byte{'g', 't'}:
		return Gt, true
	case [2]byte{'g', 'e'}:
		return Ge, true
	case [2]byte{'l', 't'}:
		return Lt, true
	case [2]byte{'l', 'e'}:
		return Le, true
	}
	return "", false
}

func (p *parser) failOperator(first token) {
	found := p.tok.name()
	switch {
	case first.is("not"):
		p.fail(p.tok.pos, `expected "(" after not, found `+found)
		return
	case p.tok.kind == word:
		found = clip(p.tok.text)
	}
	p.fail(p.tok.pos, "expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr), found "+found)
}

// value parses a literal.
func (p *parser) value() Value {
	var v Value
	switch t := p.tok; {
	case t.kind == stringLiteral:
		v = Value{Kind: String, Text: t.text}
	case t.kind == numberLiteral:
		v = Value{Kind: Number, Text: t.text}
	case t.kind == word && t.text == "true":
		v = Value{Kind: Bool, Bool: true}
	case t.kind == word && t.text == "false":
		v = Value{Kind: Bool}
	case t.kind == word && t.text == "null":
	case t.is("true") || t.is("false") || t.is("null"):
		p.fail(t.pos, "expected true, false and null in lower case, found capitals")
	case t.kind == word || t.kind == stray:
		p.fail(t.pos, "expected a value, found text without quotes: put it in double quotes")
	default:
		p.fail(t.pos, "expected a value, found "+t.name())
	}
	p.advance()
	return v
}

// path parses an attribute and, directly after it, a filter in brackets and a
// sub-attribute.
func (p *parser) path() Path {
	if p.tok.kind != word {
		p.fail(p.tok.pos, "expected an attribute, found "+p.tok.name())
		return Path{}
	}
	path := p.name(p.tok)
	stop := p.tok.end
	p.advance()
	if p.tok.kind != openBracket || p.tok.pos != stop {
		return path
	}
	switch {
	case p.inside:
		p.fail(p.tok.pos, "expected an operator, found brackets inside brackets")
		return path
	case path.Sub != "":
		p.fail(p.tok.pos, "expected brackets after an attribute, found them after a sub-attribute")
		return path
	}
	p.inside = true
	p.open()
	path.Filter = p.or()
	stop = p.tok.end
	p.inside = p.tok.kind != closeBracket // what follows the bracket is outside
	p.close(closeBracket, `"]"`)
	p.inside = false
	if p.tok.kind == suffix && p.tok.pos == stop {
		path.Sub = p.tok.text
		if !isName(path.Sub) {
			p.fail(p.tok.pos+1, "expected one sub-attribute"+foundName(path.Sub))
		}
		p.advance()
	}
	return path
}

// name splits a word: the attribute follows the last colon, because a URN may
// contain dots, as urn:ietf:params:scim:schemas:core:2.0:User does.
func (p *parser) name(t token) Path {
	path := Path{Pos: t.pos}
	local := p.dotted(t.text)
	path.Dotted = local > 0
	if !path.Dotted {
		local = strings.LastIndexByte(t.text, ':') + 1
	}
	if local > 0 {
		path.URN = t.text[:local-1]
		if !isURN(path.URN) {
			p.fail(t.pos, "expected a URN before the last colon"+foundName(path.URN))
		}
	}
	var dotted bool
	path.Attribute, path.Sub, dotted = strings.Cut(t.text[local:], ".")
	switch {
	case !isName(path.Attribute):
		p.fail(t.pos+local, "expected an attribute (a letter, then letters, digits, - or _)"+foundName(path.Attribute))
	case dotted && strings.Contains(path.Sub, "."):
		p.fail(t.pos+local, "expected at most one sub-attribute"+foundName(t.text[local:]))
	case dotted && !isName(path.Sub):
		p.fail(t.pos+local+len(path.Attribute)+1, "expected a sub-attribute after the dot"+foundName(path.Sub))
	}
	return path
}

// dotted returns where the attribute begins in a word that has a dot after one
// of the parser's URNs, 0 for any other word.
func (p *parser) dotted(word string) int {
	at := 0
	for _, urn := range p.urns {
		if len(word) < len(urn) || !equal(word[:len(urn)], urn) {
			continue
		}
		if len(word) == len(urn) || word[len(urn)] == ':' {
			return 0
		}
		if word[len(urn)] == '.' {
			at = max(at, len(urn)+1)
		}
	}
	return at
}

// equal compares names without regard to ASCII case.
func equal(a, b string) bool {
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

// isName reports whether s is the name of an attribute. $ref is the only name
// that begins with a dollar sign. RFC 7643 §2.4
func isName(s string) bool {
	if s == "" || !isAlpha(s[0]) {
		return (token{kind: word, text: s}).is("$ref")
	}
	for i := 1; i < len(s); i++ {
		if !isNameByte(s[i]) {
			return false
		}
	}
	return true
}

// isURN reports whether s can be the URI of a schema: segments separated by
// colons, none of them empty, the first beginning with a letter.
func isURN(s string) bool {
	if s == "" || !isAlpha(s[0]) {
		return false
	}
	for i := range len(s) {
		if s[i] == '$' || s[i] == ':' && (i+1 == len(s) || s[i+1] == ':') {
			return false
		}
	}
	return true
}

// foundName returns the end of a problem: the name that is wrong, if there is
// one.
func foundName(s string) string {
	if s == "" {
		return ", found nothing"
	}
	return ", found " + clip(s)
}

// clip shortens a name for an error.
func clip(s string) string {
	const longest = 40
	if len(s) > longest {
		return s[:longest] + "…"
	}
	return s
}
