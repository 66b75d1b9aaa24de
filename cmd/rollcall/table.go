package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// column is a column of a table. If a line does not fit the terminal, columns that
// may be moved are moved out of the table, the last one first.
type column struct {
	heading string
	narrow  narrow
}

// A narrow is the treatment of a column on a narrow terminal.
type narrow int

const (
	// stays keeps the column in its line.
	stays narrow = iota
	// below moves its values to a line of their own, after the row's.
	below
	// left leaves it out, and says so after the table.
	left
)

// printTable prints rows under their headings. In a pipe every row is one line and nothing is
// cut. On a terminal no line is longer than the terminal is wide: addresses and ids are
// never split, and only a value that is longer than a whole line is cut.
func printTable(w io.Writer, cols []column, rows [][]string) { printTableIn(w, columns(w), cols, rows) }

// printList prints a table, or that nothing of a list was found.
func printList(w io.Writer, what string, cols []column, rows [][]string) {
	if len(rows) == 0 {
		fmt.Fprintf(w, "No %s found.\n", what)
		return
	}
	printTable(w, cols, rows)
}

func printTableIn(w io.Writer, width int, cols []column, rows [][]string) {
	l := layout{w: w, width: width, cols: cols, in: make([]bool, len(cols)), long: -1}
	for i := range cols {
		l.in[i] = true
	}
	if width > 0 {
		rows = cutRows(rows, width)
	}
	l.measure(rows)
	if width > 0 {
		l.fit()
	}
	headings := make([]string, len(cols))
	var missing []string
	for i, c := range cols {
		headings[i] = c.heading
		if !l.in[i] && c.narrow == left {
			missing = append(missing, c.heading)
		}
	}
	l.line(headings)
	for _, row := range rows {
		l.line(row)
		l.below(row)
	}
	if len(missing) > 0 && len(rows) > 0 {
		fmt.Fprintf(w, "\nNot shown: %s. A wider terminal, a pipe or --json shows all.\n", strings.Join(missing, ", "))
	}
}

// layout is the layout of a table.
type layout struct {
	w     io.Writer
	width int
	cols  []column
	// in are the columns that stay in their line, widths how wide they are.
	in     []bool
	widths []int
	// long is the column of the longest values, which have a line of their own where they
	// are wider than the column; -1 where all fit.
	long int
}

// enough is the width that a column of long values has at least before others make room
// for it.
const enough = 40

// fit moves columns out of the table until a line fits the terminal. A few long values do
// not cost a column.
func (l *layout) fit() {
	natural := slices.Clone(l.widths)
	l.long = 0
	for i, w := range natural {
		if l.cols[i].narrow == stays && w > natural[l.long] {
			l.long = i
		}
	}
	l.widths[l.long] = min(natural[l.long], enough)
	for i := len(l.cols) - 1; i > 0 && l.total() > l.width; i-- {
		l.in[i] = l.cols[i].narrow == stays
	}
	room := l.width - (l.total() - l.widths[l.long])
	if l.widths[l.long] = min(natural[l.long], max(room, 20)); l.widths[l.long] == natural[l.long] {
		l.long = -1
	}
}

func (l *layout) measure(rows [][]string) {
	l.widths = make([]int, len(l.cols))
	for i, c := range l.cols {
		l.widths[i] = utf8.RuneCountInString(c.heading)
		for _, row := range rows {
			l.widths[i] = max(l.widths[i], utf8.RuneCountInString(row[i]))
		}
	}
}

// total returns the width of the columns that stay.
func (l *layout) total() (width int) {
	for i, w := range l.widths {
		if l.in[i] {
			width += w + len(gap)
		}
	}
	return width - len(gap)
}

// gap separates two columns.
const gap = "  "

// line prints the values of a row that stay in its line.
func (l *layout) line(row []string) {
	var b strings.Builder
	for i, value := range row {
		if !l.in[i] {
			continue
		}
		if l.tooLong(i, value) {
			if i == 0 {
				fmt.Fprintln(l.w, value)
			}
			value = ""
		}
		fmt.Fprintf(&b, "%-*s%s", l.widths[i], value, gap)
	}
	fmt.Fprintln(l.w, strings.TrimRight(b.String(), " "))
}

// tooLong reports whether a value does not fit its column.
func (l *layout) tooLong(i int, value string) bool {
	return i == l.long && utf8.RuneCountInString(value) > l.widths[i]
}

// below prints the values of a row that were moved out of its line, after their headings.
func (l *layout) below(row []string) {
	line := ""
	for i, c := range l.cols {
		moved := !l.in[i] && c.narrow == below && row[i] != "-" && row[i] != ""
		if !moved && (i == 0 || !l.tooLong(i, row[i])) {
			continue
		}
		one := gap + strings.ToLower(c.heading) + " " + row[i]
		if line != "" && utf8.RuneCountInString(line+one) > l.width {
			fmt.Fprintln(l.w, line)
			line = ""
		}
		line += one
	}
	if line != "" {
		fmt.Fprintln(l.w, line)
	}
}

// cutRows returns rows in which values longer than a line are cut.
func cutRows(rows [][]string, width int) [][]string {
	fit := make([][]string, len(rows))
	for i, row := range rows {
		fit[i] = make([]string, len(row))
		for j, value := range row {
			fit[i][j] = cutTo(value, width)
		}
	}
	return fit
}

// cutTo returns a text cut to a number of characters.
func cutTo(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

// seconds returns a time of the service without fractions of a second.
func seconds(v any) string {
	s := text(v)
	if whole, _, ok := strings.Cut(s, "."); ok && strings.HasSuffix(s, "Z") {
		return whole + "Z"
	}
	return s
}
