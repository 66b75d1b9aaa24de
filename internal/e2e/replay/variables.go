package replay

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// A variables has the values of {{name}}: JSON values, by name.
type variables struct {
	values map[string]any
}

// variable matches one variable. Alone within quotes it stands for the JSON
// value, elsewhere for its text.
var variable = regexp.MustCompile(`\{\{([A-Za-z][A-Za-z0-9]*)\}\}`)

var wholeVariable = regexp.MustCompile(`"\{\{([A-Za-z][A-Za-z0-9]*)\}\}"`)

func newVariables() *variables { return &variables{values: make(map[string]any)} }

func (v *variables) set(name string, value any) { v.values[name] = value }

// with returns these variables and one more.
func (v *variables) with(name string, value any) *variables {
	more := newVariables()
	for n, value := range v.values {
		more.set(n, value)
	}
	more.set(name, value)
	return more
}

func (v *variables) value(name string) (any, error) {
	value, ok := v.values[name]
	if !ok {
		return nil, fmt.Errorf("the variable %s has no value", name)
	}
	return value, nil
}

// expand fills variables into a text.
func (v *variables) expand(text string) (string, error) {
	return v.replace(variable, text, plain)
}

// expandJSON fills variables into a JSON text, and keeps the order of keys and
// keys that differ only in case.
func (v *variables) expandJSON(raw []byte) ([]byte, error) {
	text, err := v.replace(wholeVariable, string(raw), compact)
	if err != nil {
		return nil, err
	}
	text, err = v.replace(variable, text, func(value any) string {
		quoted := compact(plain(value))
		return quoted[1 : len(quoted)-1]
	})
	return []byte(text), err
}

func (v *variables) replace(pattern *regexp.Regexp, text string, write func(any) string) (string, error) {
	var failed error
	text = pattern.ReplaceAllStringFunc(text, func(found string) string {
		value, err := v.value(strings.Trim(found, `"{}`))
		if err != nil {
			failed = err
			return found
		}
		return write(value)
	})
	return text, failed
}

// times parses a number that may be a variable.
func (v *variables) times(raw json.RawMessage) (int, error) {
	expanded, err := v.expandJSON(raw)
	if err != nil {
		return 0, err
	}
	var n int
	if err := json.Unmarshal(expanded, &n); err != nil || n < 1 {
		return 0, fmt.Errorf("times is %s, want a number from 1", expanded)
	}
	return n, nil
}

// namesIn returns the variables that a text uses.
func namesIn(text string) []string {
	var names []string
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}
