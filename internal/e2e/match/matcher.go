package match

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Matcher is the expectation for one value. In JSON it is the value itself,
// or an object of words that must all hold; an object as a value needs the word
// equals.
type Matcher struct {
	raw json.RawMessage
}

// Words are the words of a matcher.
type Words struct {
	Present      *bool           `json:"present"`
	Empty        bool            `json:"empty"`
	Type         string          `json:"type"`
	Equals       json.RawMessage `json:"equals"`
	Not          *Matcher        `json:"not"`
	Min          *float64        `json:"min"`
	Max          *float64        `json:"max"`
	Size         *Matcher        `json:"size"`
	Contains     json.RawMessage `json:"contains"`
	ContainsAll  json.RawMessage `json:"containsAll"`
	ContainsNone json.RawMessage `json:"containsNone"`
	OneOf        json.RawMessage `json:"oneOf"`
	SameAs       *string         `json:"sameAs"`
	Matches      string          `json:"matches"`
	Each         *Matcher        `json:"each"`
	AnyOrder     json.RawMessage `json:"anyOrder"`
	Distinct     bool            `json:"distinct"`
	NoNulls      bool            `json:"noNulls"`
}

// UnmarshalJSON keeps the text, since variables are filled in later, and
// refuses unknown words.
func (m *Matcher) UnmarshalJSON(b []byte) error {
	m.raw = slices.Clone(b)
	if !m.hasWords() {
		return nil
	}
	w, err := m.words(b)
	if err != nil {
		return err
	}
	if w.Matches != "" {
		if _, err := regexp.Compile(variable.ReplaceAllString(w.Matches, "x")); err != nil {
			return err
		}
	}
	if w.Present != nil && !*w.Present && !reflect.DeepEqual(w, Words{Present: w.Present}) {
		return errors.New("present:false stands alone")
	}
	if w.Empty && !reflect.DeepEqual(w, Words{Empty: true}) {
		return errors.New("empty stands alone")
	}
	if reflect.DeepEqual(w, Words{}) {
		return errors.New("a matcher without a word expects nothing")
	}
	switch w.Type {
	case "", "string", "number", "boolean", "array", "object":
	default:
		return fmt.Errorf("%q is not a JSON type", w.Type)
	}
	return nil
}

// MarshalJSON returns what was read.
func (m Matcher) MarshalJSON() ([]byte, error) { return m.raw, nil }

func (m Matcher) hasWords() bool { return len(m.raw) > 0 && bytes.TrimSpace(m.raw)[0] == '{' }

func (m Matcher) words(b []byte) (Words, error) {
	var w Words
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return w, fmt.Errorf("a matcher: %w", err)
	}
	return w, nil
}

// Check compares a value with what is expected, and returns the difference.
// document is where sameAs looks.
func (m Matcher) Check(v *Variables, value any, found bool, document any) error {
	raw, err := v.ExpandJSON(m.raw)
	if err != nil {
		return err
	}
	// Words are recognized before variables are filled in: a variable may hold
	// an object.
	if !m.hasWords() {
		want, err := Decode(raw)
		switch {
		case err != nil:
			return err
		case !found:
			return fmt.Errorf("is absent, want %s", Show(want))
		case !v.equal(value, want):
			return fmt.Errorf("is %s, want %s", Show(value), Show(want))
		}
		return nil
	}
	w, err := m.words(raw)
	if err != nil {
		return err
	}
	if w.Present != nil && !*w.Present {
		if found {
			return fmt.Errorf("is %s, want it absent", Show(value))
		}
		return nil
	}
	if w.Empty {
		if n, ok := size(value); found && value != nil && (!ok || n > 0 || kind(value) == "string") {
			return fmt.Errorf("is %s, want it empty or absent", Show(value))
		}
		return nil
	}
	if !found {
		return fmt.Errorf("is absent, want %s", raw)
	}
	for _, rule := range []func(*Variables, Words, any, any) error{checkValue, checkRange, checkParts} {
		if err := rule(v, w, value, document); err != nil {
			return err
		}
	}
	return nil
}

// checkValue checks the words about the value as a whole.
func checkValue(v *Variables, w Words, value, document any) error {
	if w.Type != "" && kind(value) != w.Type {
		return fmt.Errorf("is %s, a JSON %s, want a %s", Show(value), kind(value), w.Type)
	}
	if w.Equals != nil {
		want, err := Decode(w.Equals)
		if err != nil {
			return err
		}
		if !v.equal(value, want) {
			return fmt.Errorf("is %s, want %s", Show(value), Show(want))
		}
	}
	if w.Not != nil && w.Not.Check(v, value, true, document) == nil {
		return fmt.Errorf("is %s, want it not %s", Show(value), w.Not.raw)
	}
	if w.OneOf != nil {
		options, err := DecodeList(w.OneOf)
		if err != nil {
			return err
		}
		if !v.contains(options, value) {
			return fmt.Errorf("is %s, want one of %s", Show(value), Show(options))
		}
	}
	if w.SameAs != nil {
		want, ok, err := Lookup(document, *w.SameAs)
		switch {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("should be as %s, which is absent", *w.SameAs)
		case !v.equal(value, want):
			return fmt.Errorf("is %s, want %s as at %s", Show(value), Show(want), *w.SameAs)
		}
	}
	if w.NoNulls && hasNull(value) {
		return errors.New("has a null in it")
	}
	return nil
}

// checkRange checks the words about numbers, lengths and texts.
func checkRange(v *Variables, w Words, value, document any) error {
	if w.Min != nil || w.Max != nil {
		n, err := strconv.ParseFloat(Plain(value), 64)
		if err != nil {
			return fmt.Errorf("is %s, want a number", Show(value))
		}
		if w.Min != nil && n < *w.Min {
			return fmt.Errorf("is %s, want at least %v", Show(value), *w.Min)
		}
		if w.Max != nil && n > *w.Max {
			return fmt.Errorf("is %s, want at most %v", Show(value), *w.Max)
		}
	}
	if w.Size != nil {
		n, ok := size(value)
		if !ok {
			return fmt.Errorf("is %s, which has no size", Show(value))
		}
		if err := w.Size.Check(v, float64(n), true, document); err != nil {
			return fmt.Errorf("is %s: its size %w", Show(value), err)
		}
	}
	if w.Matches != "" {
		text, ok := value.(string)
		pattern, err := regexp.Compile(w.Matches)
		if err != nil {
			return err
		}
		if !ok || !pattern.MatchString(text) {
			return fmt.Errorf("is %s, want a text that matches %s", Show(value), w.Matches)
		}
	}
	return nil
}

// checkParts checks the words about the parts of arrays and texts.
func checkParts(v *Variables, w Words, value, document any) error {
	if w.Contains != nil {
		want, err := Decode(w.Contains)
		if err != nil {
			return err
		}
		if !v.contains(value, want) {
			return fmt.Errorf("is %s, want %s in it", Show(value), Show(want))
		}
	}
	if w.ContainsAll != nil || w.ContainsNone != nil {
		if err := checkMembers(v, w, value); err != nil {
			return err
		}
	}
	if w.AnyOrder != nil {
		want, err := DecodeList(w.AnyOrder)
		if err != nil {
			return err
		}
		got, ok := value.([]any)
		if !ok || !v.sameElements(got, want) {
			return fmt.Errorf("is %s, want %s in any order", Show(value), Show(want))
		}
	}
	if w.Each != nil || w.Distinct {
		return checkElements(v, w, value, document)
	}
	return nil
}

// contains reports whether a text contains another one, or a list an element.
func (v *Variables) contains(value, want any) bool {
	if text, ok := value.(string); ok {
		part, ok := want.(string)
		return ok && strings.Contains(text, part)
	}
	elements, _ := value.([]any)
	return slices.ContainsFunc(elements, func(e any) bool { return v.equal(e, want) })
}

// checkElements checks the words about every element of an array.
func checkElements(v *Variables, w Words, value, document any) error {
	elements, ok := value.([]any)
	if !ok || len(elements) == 0 {
		return fmt.Errorf("is %s, want an array with elements", Show(value))
	}
	for i, element := range elements {
		if w.Each != nil {
			if err := w.Each.Check(v, element, true, document); err != nil {
				return fmt.Errorf("has an element %d that %w", i, err)
			}
		}
		if w.Distinct && v.contains(elements[:i], element) {
			return fmt.Errorf("has %s twice", Show(element))
		}
	}
	return nil
}

// checkMembers checks the words about the elements of an array.
func checkMembers(v *Variables, w Words, value any) error {
	elements, ok := value.([]any)
	if !ok {
		return fmt.Errorf("is %s, want an array", Show(value))
	}
	for _, rule := range []struct {
		of   json.RawMessage
		want bool
		text string
	}{{w.ContainsAll, true, "want %s in it"}, {w.ContainsNone, false, "want %s not in it"}} {
		if rule.of == nil {
			continue
		}
		list, err := DecodeList(rule.of)
		if err != nil {
			return err
		}
		for _, e := range list {
			if v.contains(elements, e) != rule.want {
				return fmt.Errorf("is %s, "+rule.text, Show(value), Show(e))
			}
		}
	}
	return nil
}

// Decode decodes exactly one JSON value.
func Decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return value, nil
}

// DecodeList decodes a JSON list.
func DecodeList(raw []byte) ([]any, error) {
	value, err := Decode(raw)
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a list", Show(value))
	}
	return list, nil
}

// sameElements reports whether a list has the elements that are wanted, in any order.
func (v *Variables) sameElements(got, want []any) bool {
	rest := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(rest, func(g any) bool { return v.equal(g, w) })
		if i < 0 {
			return false
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return len(rest) == 0
}

func kind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}

func size(value any) (int, bool) {
	switch value := value.(type) {
	case string:
		return len(value), true
	case []any:
		return len(value), true
	case map[string]any:
		return len(value), true
	}
	return 0, false
}

func hasNull(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(value, hasNull)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(value)), hasNull)
	}
	return false
}

// Plain returns a value as it is written inside a text.
func Plain(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case float64:
		if value == math.Trunc(value) && math.Abs(value) < 1e15 {
			return strconv.FormatInt(int64(value), 10)
		}
	}
	return Compact(value)
}

// Compact returns a value as JSON in one line.
func Compact(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Show returns a value for a failure; long ones are truncated.
func Show(value any) string {
	const most = 400
	text := Compact(value)
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
