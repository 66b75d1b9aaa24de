package httpapi

import (
	"errors"
	"net/url"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/scim"
)

// parameters are the parameters of a query by their names in the standard's letter
// case. Those that the standard does not have are left out.
type parameters map[string][]string

// parseQuery decodes a query string. A query that does not decode is refused:
// dropping a part of a filter would answer another question.
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
	Detail: "The query string does not decode: write ';' as %3B and '%' as %25.",
}

// unescapeValue decodes the value of a parameter. By the rules of forms + is a
// space, and by those of URLs it is itself: ann+hr@example.com. Where the value
// writes the spaces between its words as %20, + is itself. Within quotes either may
// stand, so they decide nothing.
func unescapeValue(raw string) (string, error) {
	decoded, err := url.QueryUnescape(raw)
	if err != nil || !strings.Contains(raw, "+") {
		return decoded, err
	}
	form, percent := false, false
	quoted := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' { // QueryUnescape has found two digits after it
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

// escapedLength returns how many bytes of a query the character after a backslash has.
func escapedLength(raw string) int {
	switch {
	case raw == "":
		return 0
	case raw[0] == '%':
		return 3
	}
	return 1
}

// one is a parameter that may be given once, "" when it is absent.
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

// parameter is a parameter of the query, "" when it is absent.
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

// has reports whether the query gives a parameter, be it empty.
func (q *request) has(name string) bool { return len(q.query[name]) > 0 }

var errNotWhole = errors.New("httpapi: not a whole number")

// integer reads a whole number of any length. What is beyond 32 bits is as good as
// the largest or the least of them: a client that wants everything asks for the
// largest number that it has.
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

// maxInteger is the largest number that differs from a larger one.
const maxInteger = 1<<31 - 1

// integer is a parameter that is a whole number.
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
