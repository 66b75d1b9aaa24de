package match

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Compare returns every difference between a JSON value and the wanted value. at names
// the value. A wanted text may have placeholders: a variable, or a kind of text,
// {{uuid}}, {{time}} or {{any}}. {{uuid:name}} sets a variable, so that it is the same
// text wherever it occurs.
func (v *Variables) Compare(at string, got, want any) []error {
	switch want := want.(type) {
	case map[string]any:
		return v.compareObjects(at, got, want)
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			break
		}
		var all []error
		for i := range want {
			all = append(all, v.Compare(at+"["+strconv.Itoa(i)+"]", list[i], want[i])...)
		}
		return all
	case string:
		text, ok := got.(string)
		if !ok {
			break
		}
		found, err := v.text(text, want)
		if err != nil {
			return []error{fmt.Errorf("%s is %q: %w", at, text, err)}
		}
		if found {
			return nil
		}
	default:
		if got == want {
			return nil
		}
	}
	return []error{fmt.Errorf("%s is %s, want %s", at, Compact(got), Compact(want))}
}

func (v *Variables) compareObjects(at string, got any, want map[string]any) []error {
	object, ok := got.(map[string]any)
	if !ok {
		return []error{fmt.Errorf("%s is %s, want an object", at, Compact(got))}
	}
	var all []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if value, ok := object[name]; ok {
			all = append(all, v.Compare(at+"."+name, value, want[name])...)
		} else {
			all = append(all, fmt.Errorf("%s.%s is missing, want %s", at, name, Compact(want[name])))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, ok := want[name]; !ok {
			all = append(all, fmt.Errorf("%s.%s is %s, want none", at, name, Compact(object[name])))
		}
	}
	return all
}

// equal reports whether a value equals the wanted value.
func (v *Variables) equal(got, want any) bool { return len(v.Compare("", got, want)) == 0 }

var placeholder = regexp.MustCompile(`\{\{(\w+)(?::(\w+))?\}\}`)

// kinds are the patterns of placeholders.
var kinds = map[string]string{
	"uuid": `[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`,
	"time": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`,
	"any":  `(?s:.*)`,
}

// text reports whether a text matches the wanted text, which may have placeholders,
// and sets the variables in it.
func (v *Variables) text(got, want string) (bool, error) {
	if !strings.Contains(want, "{{") {
		return got == want, nil
	}
	var unknown error
	var names []string // of the groups
	pattern, end := "^", 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(want, -1) {
		kind, name := want[m[2]:m[3]], want[m[0]+2:m[1]-2]
		pattern += regexp.QuoteMeta(want[end:m[0]])
		end = m[1]
		if known, ok := v.values[name]; ok {
			pattern += regexp.QuoteMeta(Plain(known))
		} else if kinds[kind] != "" {
			pattern, names = pattern+"("+kinds[kind]+")", append(names, name)
		} else {
			unknown = fmt.Errorf("unknown placeholder %s", want[m[0]:m[1]])
		}
	}
	if unknown != nil {
		return false, unknown
	}
	found := regexp.MustCompile(pattern + regexp.QuoteMeta(want[end:]) + "$").FindStringSubmatch(got)
	for i, name := range names {
		if found != nil && strings.Contains(name, ":") {
			v.Set(name, found[i+1])
		}
	}
	return found != nil, nil
}
