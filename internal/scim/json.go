package scim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// DecodeJSON decodes a body that must be exactly one JSON value, into
// map[string]any, []any, string, bool, nil and Number. It refuses what JSON
// readers disagree on: names that occur twice, in any ASCII case, invalid
// UTF-8, lone surrogates, bytes after the value, numbers beyond float64, and
// nesting deeper than MaxDepth. A leading byte order mark is skipped.
//
// An error is an *Error with the line and the byte offset; it quotes nothing of
// the body. RFC 8259; RFC 7643 §2.1
func DecodeJSON(body []byte) (any, error) { return decodeJSON(body, 0) }

// decodeJSON does what DecodeJSON does, and accepts more levels of nesting.
func decodeJSON(body []byte, more int) (any, error) {
	v, _, err := readJSON(body, more)
	return v, err
}

// readJSON does what decodeJSON does; deep reports that the fault is only the nesting.
func readJSON(body []byte, more int) (v any, deep bool, err error) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, false, &Error{Type: InvalidSyntax, Detail: "The body is empty: send a JSON object."}
	}
	r := reader{body: body, dec: jsontext.NewDecoder(bytes.NewBuffer(body)), depth: -more}
	if v, err = r.value(); err != nil {
		return nil, r.deep, err
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, false, r.fault("there is something after its end")
	}
	return v, false, nil
}

// DecodeText decodes the JSON object or array in a string. ok is false for any
// other string; deep reports that the fault is only the nesting.
func DecodeText(text string) (v any, ok, deep bool) {
	if begin := strings.TrimLeft(text, " \t\r\n"); begin == "" || begin[0] != '{' && begin[0] != '[' {
		return nil, false, false
	}
	v, deep, err := readJSON([]byte(text), 0)
	return v, err == nil, deep
}

// DecodeObject decodes a body that must be a JSON object.
func DecodeObject(body []byte) (map[string]any, error) { return DecodeDeep(body, 0) }

// DecodeDeep does what DecodeObject does, and accepts more levels of nesting.
func DecodeDeep(body []byte, more int) (map[string]any, error) {
	v, err := decodeJSON(body, more)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, &Error{Type: InvalidSyntax, Detail: "The body must be a JSON object, not " + KindOf(v) + "."}
	}
	return object, nil
}

// reader reads one JSON text token by token.
type reader struct {
	body  []byte
	dec   *jsontext.Decoder
	depth int
	// deep reports that reading stopped at the limit of nesting.
	deep bool
	// trusted reports that Encode wrote the text: names need no check.
	trusted bool
}

func (r *reader) value() (any, error) {
	tok, err := r.dec.ReadToken()
	if err != nil {
		return nil, r.broken(err)
	}
	switch tok.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return tok.Bool(), nil
	case '"':
		return tok.String(), nil
	case '0':
		return r.number(tok.String())
	}
	if r.depth++; r.depth > MaxDepth {
		r.deep = true
		return nil, r.fault(fmt.Sprintf("it nests deeper than %d levels", MaxDepth))
	}
	defer func() { r.depth-- }()
	if tok.Kind() == '{' {
		return r.object()
	}
	return r.array()
}

func (r *reader) object() (any, error) {
	object := map[string]any{}
	var seen names
	for r.dec.PeekKind() != '}' {
		tok, err := r.dec.ReadToken()
		if err != nil {
			return nil, r.broken(err)
		}
		name := tok.String()
		if !r.trusted && !seen.add(name) {
			return nil, r.fault("an object has the same name twice; names are equal in any case")
		}
		if object[name], err = r.value(); err != nil {
			return nil, err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, r.broken(err)
	}
	return object, nil
}

func (r *reader) array() (any, error) {
	array := []any{}
	for r.dec.PeekKind() != ']' {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return nil, r.broken(err)
	}
	return array, nil
}

func (r *reader) number(text string) (any, error) {
	if f, err := strconv.ParseFloat(text, 64); err != nil || math.IsInf(f, 0) {
		return nil, r.fault("a number is too large")
	}
	return Number(text), nil
}

// broken returns the error for an error of the token reader, whose own text
// quotes the body.
func (r *reader) broken(err error) error {
	problem := "something is not valid JSON"
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		problem = "an object has the same name twice"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		problem = "it ends too early"
	case !utf8.Valid(r.body):
		problem = "it is not valid UTF-8"
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return r.faultAt(int(syntactic.ByteOffset), problem)
	}
	return r.fault(problem)
}

func (r *reader) fault(problem string) error {
	return r.faultAt(int(r.dec.InputOffset()), problem)
}

func (r *reader) faultAt(offset int, problem string) error {
	offset = min(max(offset, 0), len(r.body))
	line := 1 + bytes.Count(r.body[:offset], []byte("\n"))
	return &Error{
		Type: InvalidSyntax, Rule: RuleJSON,
		Detail: fmt.Sprintf("The JSON body cannot be read: %s, at line %d, byte %d.", problem, line, offset),
	}
}
