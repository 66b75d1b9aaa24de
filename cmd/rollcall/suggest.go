package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxListed is the largest number of names that an error lists.
const maxListed = 12

// unknown returns the text of an error about an unknown name. It suggests the
// nearest names. If none is near it lists the names, if there are few.
func unknown(what, word string, names []string) string {
	text := fmt.Sprintf("unknown %s %q", what, word)
	if near := nearest(word, names); len(near) > 0 {
		return text + ". Did you mean " + alternatives(near) + "?"
	}
	if len(names) > maxListed {
		return text
	}
	return text + ". Known: " + strings.Join(names, ", ")
}

// alternatives joins quoted names as a question does.
func alternatives(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	last := len(quoted) - 1
	if last < 1 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// nearest returns the names that a mistyped word is likely to be, at most three, the
// nearest first: those that are few edits away, or that begin with the word.
func nearest(word string, names []string) []string {
	type near struct {
		name     string
		distance int
	}
	word = strings.ToLower(word)
	var found []near
	for _, name := range names {
		folded := strings.ToLower(name)
		if folded == word {
			return []string{name}
		}
		d := edits(word, folded)
		if len(word) > 1 && strings.HasPrefix(folded, word) {
			d = min(d, 1)
		}
		if d <= max(1, min(len(word), len(folded))/3) {
			found = append(found, near{name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	found = found[:min(len(found), 3)]
	nearby := make([]string, len(found))
	for i, f := range found {
		nearby[i] = f.name
	}
	return nearby
}

// longestWord is the longest text that is compared with names: no name is longer.
const longestWord = 64

// edits returns the number of characters to insert, delete, replace or swap to
// make one text the other.
func edits(a, b string) int {
	if len(a) > longestWord {
		return len(a)
	}
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range y {
		rows[0][j+1] = j + 1
	}
	for i := range x {
		for j := range y {
			change := 1
			if x[i] == y[j] {
				change = 0
			}
			best := min(rows[i][j]+change, rows[i][j+1]+1, rows[i+1][j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				best = min(best, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = best
		}
	}
	return rows[len(x)][len(y)]
}
