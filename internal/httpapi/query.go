package httpapi

import (
	"errors"
	"net/url"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// parameters are the parameters of a query by name, in the RFC's letter case.
// Unknown ones are left out.
type parameters map[string][]string

// parseQuery decodes a query string. One that cannot be decoded is refused:
// without a part of its filter it would be another query.
func parseQuery(raw string) (parameters, error) {
	query := parameters{}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil || strings.Contains(part, ";") {
			return nil, errQuery
		}
		known := scim.SearchParameter(name)
		if known == "" {
			continue
		}
		if value, err = unescapeValue(value); err != nil {
			return nil, errQuery
		}
		query[known] = append(query[known], value)
	}
	return query, nil
}

var errQuery = &scim.Error{
	Type:   scim.InvalidSyntax,
	Detail: "The query string cannot be decoded: write ';' as %3B and '%' as %25.",
}

// unescapeValue decodes the value of a parameter. In a form + means a space,
// and in a URL it means itself: ann+hr@example.com. If the value encodes the
// spaces between its words as %20, + means itself. Spaces and plus signs within
// quotes decide nothing, since either can be meant there.
func unescapeValue(raw string) (string, error) {
	decoded, err := url.QueryUnescape(raw)
	if err != nil || !strings.Contains(raw, "+") {
		return decoded, err
	}
	form, percent := false, false
	quoted := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' { // two digits follow: QueryUnescape has checked that
			switch strings.ToUpper(raw[i+1 : i+3]) {
			case "22":
				c = '"'
			case "5C":
				c = '\\'
			case "20":
				c = ' '
			}
			i += 2
		}
		switch {
		case c == '\\' && quoted:
			i += escapedLength(raw[i+1:])
		case c == '"':
			quoted = !quoted
		case c == '+' && !quoted:
			form = true
		case c == ' ' && !quoted:
			percent = true
		}
	}
	if percent && !form {
		return url.PathUnescape(raw)
	}
	return decoded, nil
}

// escapedLength returns the length in the query, in bytes, of the character
// after a backslash.
func escapedLength(raw string) int {
	switch {
	case raw == "":
		return 0
	case raw[0] == '%':
		return 3
	}
	return 1
}

// one returns a parameter that may be given once, or "" if it is absent.
func (p parameters) one(name string) (string, error) {
	values := p[name]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	kind := scim.InvalidSyntax
	if name == "filter" {
		kind = scim.InvalidFilter
	}
	return "", &scim.Error{Type: kind, Detail: "The query gives " + name + " more than once; give it once."}
}

// parameter returns a parameter of the query, or "" if it is absent.
func (q *request) parameter(name string) (string, error) {
	if q.query == nil {
		parsed, err := parseQuery(q.URL.RawQuery)
		if err != nil {
			return "", err
		}
		q.query = parsed
	}
	return q.query.one(name)
}

// has reports whether the query has a parameter, even an empty one.
func (q *request) has(name string) bool { return len(q.query[name]) > 0 }

var errNotWhole = errors.New("httpapi: not a whole number")

// integer parses a whole number of any length. Beyond 32 bits it returns the
// largest or the smallest: a client that wants everything sends the largest
// number that it has.
func integer(text string) (int, error) {
	digits := strings.TrimPrefix(text, "-")
	if digits == text {
		digits = strings.TrimPrefix(text, "+")
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, errNotWhole
	}
	n := 0
	for i := range len(digits) {
		n = min(n*10+int(digits[i]-'0'), maxInteger)
	}
	if text[0] == '-' {
		n = -n
	}
	return n, nil
}

// maxInteger is the largest number that integer returns.
const maxInteger = 1<<31 - 1

// integer returns a parameter that is a whole number, or absent.
func (q *request) integer(name string, absent int) (int, error) {
	text, err := q.parameter(name)
	if err != nil || text == "" {
		return absent, err
	}
	n, err := integer(text)
	if err != nil {
		return 0, &scim.Error{Type: scim.InvalidValue, Detail: name + " is not a whole number."}
	}
	return n, nil
}
