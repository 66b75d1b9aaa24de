package scim

import (
	"maps"
	"slices"
	"unicode"
)

// EqualValue compares two values: objects without regard to the order of their
// names, arrays with regard to the order of their elements.
func EqualValue(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, EqualValue)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, EqualValue)
	case string, bool, Number, nil:
		return a == b
	}
	return false
}

// IsNone reports whether a value means that the attribute has no value: null,
// "", an empty array and an empty object all do. RFC 7643 §2.5
func IsNone(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// Object returns a value that is an object, nil for any other.
func Object(v any) map[string]any {
	element, _ := v.(map[string]any)
	return element
}

// KindOf returns the JSON type of a value, with its article.
func KindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case Number:
		return "a number"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "something else"
}

// IsControl reports whether a character is a control character other than a tab
// or the end of a line.
func IsControl(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r'
}

// IsHidden reports whether a character is a control or format character or a
// separator of lines.
func IsHidden(c rune) bool {
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
