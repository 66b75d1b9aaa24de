package match

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Variables have the values of {{name}}: JSON values, by name.
type Variables struct {
	values map[string]any
}

// variable matches one variable. A variable alone within quotes is replaced,
// with its quotes, by its JSON value; a variable inside a longer text is
// replaced by its text.
var variable = regexp.MustCompile(`\{\{([A-Za-z][A-Za-z0-9]*)\}\}`)

var wholeVariable = regexp.MustCompile(`"\{\{([A-Za-z][A-Za-z0-9]*)\}\}"`)

// New returns no variables.
func New() *Variables { return &Variables{values: make(map[string]any)} }

// Set sets a variable.
func (v *Variables) Set(name string, value any) { v.values[name] = value }

// With returns these variables and one more.
func (v *Variables) With(name string, value any) *Variables {
	more := New()
	for n, value := range v.values {
		more.Set(n, value)
	}
	more.Set(name, value)
	return more
}

func (v *Variables) value(name string) (any, error) {
	value, ok := v.values[name]
	if !ok {
		return nil, fmt.Errorf("the variable %s has no value", name)
	}
	return value, nil
}

// Expand fills variables into a text.
func (v *Variables) Expand(text string) (string, error) {
	return v.replace(variable, text, Plain)
}

// ExpandJSON fills variables into a JSON text, and keeps the order of keys and
// keys that differ only in case.
func (v *Variables) ExpandJSON(raw []byte) ([]byte, error) {
	text, err := v.replace(wholeVariable, string(raw), Compact)
	if err != nil {
		return nil, err
	}
	text, err = v.replace(variable, text, func(value any) string {
		quoted := Compact(Plain(value))
		return quoted[1 : len(quoted)-1]
	})
	return []byte(text), err
}

func (v *Variables) replace(pattern *regexp.Regexp, text string, write func(any) string) (string, error) {
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

// Times parses a number that may be a variable.
func (v *Variables) Times(raw json.RawMessage) (int, error) {
	expanded, err := v.ExpandJSON(raw)
	if err != nil {
		return 0, err
	}
	var n int
	if err := json.Unmarshal(expanded, &n); err != nil || n < 1 {
		return 0, fmt.Errorf("times is %s, want a number from 1", expanded)
	}
	return n, nil
}

// Names returns the variables that a text uses.
func Names(text string) []string {
	var names []string
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}
