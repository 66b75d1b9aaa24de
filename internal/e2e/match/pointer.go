package match

import (
	"fmt"
	"strconv"
	"strings"
)

// Lookup finds the value of a pointer in a JSON value: a JSON Pointer (RFC
// 6901) with two additions. name=value selects the one element of an array
// whose sub-attribute has the value; * selects every element, and the result is
// the list of what the rest of the pointer finds in them.
//
// Names are compared exactly, so that a check finds a name in another case.
func Lookup(value any, pointer string) (any, bool, error) {
	if pointer == "" {
		return value, true, nil
	}
	if pointer[0] != '/' {
		return nil, false, fmt.Errorf("the pointer %q does not begin with /", pointer)
	}
	return descend(value, strings.Split(pointer[1:], "/"))
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

func descend(value any, steps []string) (any, bool, error) {
	if len(steps) == 0 {
		return value, true, nil
	}
	step, rest := unescape.Replace(steps[0]), steps[1:]
	switch value := value.(type) {
	case map[string]any:
		inner, ok := value[step]
		if !ok {
			return nil, false, nil
		}
		return descend(inner, rest)
	case []any:
		if step == "*" {
			return every(value, rest)
		}
		if name, want, ok := strings.Cut(step, "="); ok {
			return choose(value, name, want, rest)
		}
		n, err := strconv.Atoi(step)
		if err != nil {
			return nil, false, fmt.Errorf("%q does not select an element of an array: use a number, * or name=value", step)
		}
		if n < 0 || n >= len(value) {
			return nil, false, nil
		}
		return descend(value[n], rest)
	}
	return nil, false, nil
}

// every follows the rest of a pointer in each element. Elements without it are
// left out; nested lists are joined.
func every(elements []any, rest []string) (any, bool, error) {
	all := []any{}
	for _, element := range elements {
		found, ok, err := descend(element, rest)
		if err != nil {
			return nil, false, err
		}
		if !ok {
			continue
		}
		if inner, many := found.([]any); many && strings.Contains(strings.Join(rest, "/"), "*") {
			all = append(all, inner...)
		} else {
			all = append(all, found)
		}
	}
	return all, true, nil
}

func choose(elements []any, name, want string, rest []string) (any, bool, error) {
	var chosen []any
	for _, element := range elements {
		if object, ok := element.(map[string]any); ok && object[name] != nil && Plain(object[name]) == want {
			chosen = append(chosen, element)
		}
	}
	switch len(chosen) {
	case 0:
		return nil, false, nil
	case 1:
		return descend(chosen[0], rest)
	}
	return nil, false, fmt.Errorf("%d elements have %s=%s", len(chosen), name, want)
}
