package scim

import (
	"fmt"
	"strings"
)

// Search is a query sent as a body: the parameters of a GET, by their names.
// RFC 7644 §3.4.3
type Search map[string]string

// DecodeSearch decodes a search request. An unknown name is refused: ignoring a
// part of a query would answer another question. The parameters are interpreted
// where those of a query are. RFC 7644 §3.4.3
func DecodeSearch(body []byte) (Search, []Notice, error) {
	object, err := DecodeObject(body)
	if err != nil {
		return nil, nil, err
	}
	var notices Notices
	s := Search{}
	for _, name := range SortedNames(object) {
		v := object[name]
		known := SearchParameter(name)
		switch {
		case EqualName(name, "schemas"):
			continue
		case known == "":
			return nil, nil, &Error{Type: InvalidSyntax, Detail: "A search request has no " + NoticeName(name) +
				": it has attributes, excludedAttributes, filter, sortBy, sortOrder, startIndex, count and cursor."}
		case v == nil, IsNone(v) && known != "filter" && known != "cursor":
			// An empty cursor begins a walk, and an empty filter lists nothing.
			continue
		}
		if text, ok := v.(string); ok && (known == "attributes" || known == "excludedAttributes") {
			// The SCIM-SDK's client sends one string, as in a query.
			notices.Add(NoticeSingleValue, known)
			s[known] = text
			continue
		}
		if text, ok := v.(string); ok && (known == "startIndex" || known == "count") && isDigits(text) {
			// It also sends numbers as strings.
			notices.Add(NoticeStringNumber, known)
			s[known] = text
			continue
		}
		if s[known], err = searchText(known, v); err != nil {
			return nil, nil, err
		}
	}
	if err := notices.CheckSchemas(Member(object, "schemas"), SearchURN, NoExtension); err != nil {
		return nil, nil, err
	}
	return s, notices, nil
}

// SearchParameter returns the name of a query parameter in the standard's
// letter case, whatever case it is sent in, and "" for a name that the standard
// does not have. RFC 7644 §3.4.3, RFC 9865 §2
func SearchParameter(name string) string {
	for _, known := range []string{"attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count", "cursor"} {
		if EqualName(name, known) {
			return known
		}
	}
	return ""
}

// isDigits reports whether a text is a whole number.
func isDigits(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// searchText returns a parameter's value as a query would have it.
func searchText(name string, v any) (string, error) {
	switch name {
	case "attributes", "excludedAttributes":
		list, ok := v.([]any)
		if !ok {
			return "", &Error{Type: InvalidValue, Detail: name + " must be an array of names, not " + KindOf(v) + "."}
		}
		names := make([]string, len(list))
		for i, v := range list {
			if names[i], ok = v.(string); !ok {
				return "", &Error{Type: InvalidValue, Detail: name + " must be an array of names; it contains " + KindOf(v) + "."}
			}
		}
		return strings.Join(names, ","), nil
	case "startIndex", "count":
		if n, ok := v.(Number); ok {
			return string(n), nil
		}
		return "", &Error{Type: InvalidValue, Detail: name + " must be a number, not " + KindOf(v) + "."}
	}
	if text, ok := v.(string); ok {
		return text, nil
	}
	return "", &Error{Type: InvalidValue, Detail: fmt.Sprintf("%s must be a string, not %s.", name, KindOf(v))}
}
