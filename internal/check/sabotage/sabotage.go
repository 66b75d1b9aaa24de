// Package sabotage removes, one at a time, what keeps the service's promises: a
// condition of a transaction, a check of a token, a limit. Each sabotage names the
// test that notices it within a minute. A sabotage that no test notices is a promise
// that nobody holds.
//
// The files of the repository stay as they are: the go command reads the changed
// file from an overlay.
package sabotage

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// Sabotage is one way to break a promise.
type Sabotage struct {
	// Name is unique.
	Name string
	// Breaks says what goes wrong.
	Breaks string
	// File is the changed file, by its path in the repository.
	File  string
	Edits []Edit
	// Package is the folder of the test, and Test its name as -run selects it: parts
	// separated by /, each of them a whole name with spaces as underscores.
	Package, Test string
}

// Edit is the replacement of a text, which occurs exactly once.
type Edit struct {
	// Func is the function or method that has the text, "" for the whole file.
	Func string
	Old  string
	New  string
}

// Apply returns the file as the sabotage leaves it. It is an error if one of the
// texts to replace does not occur exactly once: the code has moved, and the
// sabotage has to follow it.
func (s Sabotage) Apply(tree fs.FS) ([]byte, error) {
	content, err := fs.ReadFile(tree, s.File)
	if err != nil {
		return nil, fmt.Errorf("sabotage %q: %w", s.Name, err)
	}
	text := string(content)
	for _, e := range s.Edits {
		at, err := e.find(text)
		if err != nil {
			return nil, fmt.Errorf("sabotage %q: %s: %w", s.Name, s.File, err)
		}
		text = text[:at] + e.New + text[at+len(e.Old):]
	}
	return []byte(text), nil
}

// find returns where the text to replace begins.
func (e Edit) find(text string) (int, error) {
	if e.Old == e.New {
		return 0, fmt.Errorf("%q is replaced by itself", e.Old)
	}
	from, to := 0, len(text)
	if e.Func != "" {
		begin := regexp.MustCompile(`(?m)^func (\([^)]*\) )?`+regexp.QuoteMeta(e.Func)+`[\[(]`).FindAllStringIndex(text, -1)
		if len(begin) != 1 {
			return 0, fmt.Errorf("%d functions are named %s", len(begin), e.Func)
		}
		from = begin[0][0]
		if end := strings.Index(text[from:], "\n}\n"); end >= 0 {
			to = from + end
		}
	}
	if n := strings.Count(text[from:to], e.Old); n != 1 {
		return 0, fmt.Errorf("%q occurs %d times in %s, not once", e.Old, n, strings.TrimSpace("func "+e.Func))
	}
	return from + strings.Index(text[from:to], e.Old), nil
}

// All returns every sabotage.
func All() []Sabotage {
	return append(conditions(), promises()...)
}
