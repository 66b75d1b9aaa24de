package main

import (
	"cmp"
	"slices"
	"strings"
)

// An edit replaces the text between two offsets of a file, or surrounds it. Edits never
// overlap except by enclosing one another.
type edit struct {
	start, end int
	open       string // inserted before start
	close      string // inserted after end
	replace    bool   // the text between start and end is left out
	mutants    []int
}

// part is an insertion into the source, or a removal.
type part struct {
	at, skip int
	text     string
	// order of the parts at one offset: what closes comes first, the innermost first; then
	// what opens, the outermost first
	rank, length, index int
	edit                int
}

// placed is the output range of an inserted text.
type placed struct {
	start, end int
	edit       int
}

// apply returns the source with the edits, and where their texts are in it.
func apply(source string, edits []edit) (string, []placed) {
	var parts []part
	for i, e := range edits {
		length := e.end - e.start
		if e.replace {
			parts = append(parts, part{at: e.start, skip: length, text: e.open, rank: 1, length: -length, index: i, edit: i})
			continue
		}
		if e.open != "" {
			parts = append(parts, part{at: e.start, text: e.open, rank: 1, length: -length, index: i, edit: i})
		}
		if e.close != "" {
			parts = append(parts, part{at: e.end, text: e.close, rank: 0, length: length, index: -i, edit: i})
		}
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank), cmp.Compare(a.length, b.length), cmp.Compare(a.index, b.index))
	})
	var out strings.Builder
	var places []placed
	at := 0
	for _, p := range parts {
		out.WriteString(source[at:p.at])
		start := out.Len()
		out.WriteString(p.text)
		places = append(places, placed{start, out.Len(), p.edit})
		at = p.at + p.skip
	}
	out.WriteString(source[at:])
	return out.String(), places
}
