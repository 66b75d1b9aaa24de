package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	inert "github.com/rollcall-scim/rollcall/internal/text"
	"golang.org/x/term"
)

// aligned prints rows under their headings, each in one line.
func aligned(w io.Writer, headings []string, rows [][]string) {
	cols := make([]column, len(headings))
	for i, h := range headings {
		cols[i].heading = h
	}
	printTableIn(w, 0, cols, rows)
}

// fields prints a document, a line for each member, in the order of their names. For a
// member in shown it prints the text in shown.
func fields(w io.Writer, document any, shown map[string]string) {
	encoded, err := adminwire.Marshal(document)
	if err != nil {
		panic(err) // it was decoded
	}
	var members map[string]any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		panic(err)
	}
	names := slices.Sorted(maps.Keys(members))
	rows := make([][]string, len(names))
	for i, name := range names {
		rows[i] = []string{name, text(members[name])}
		if value, ok := shown[name]; ok {
			rows[i][1] = value
		}
	}
	if len(rows) > 0 {
		aligned(w, rows[0], rows[1:])
	}
}

// text returns a value for people; null and an empty text are a dash. Characters that move
// the cursor or change the direction are escaped, because other people choose the names.
func text(v any) string {
	switch at := v.(type) {
	case time.Time:
		return adminwire.FormatTime(at)
	case *time.Time:
		if at == nil {
			return "-"
		}
		return adminwire.FormatTime(*at)
	case nil:
		return "-"
	}
	if s := fmt.Sprint(v); s != "" {
		return visible(s)
	}
	return "-"
}

// visible returns a text with JSON escapes in place of characters that are not
// what they look like.
func visible(s string) string { return inert.Terminal(s) }

// inertJSON returns a document in one line. Characters that are not what they
// look like are JSON escapes, so it is the same document.
func inertJSON(document any) (string, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return "", err
	}
	return visible(strings.TrimSuffix(b.String(), "\n")) + "\n", nil
}

// cut returns a text that fits in a line of prose.
func cut(s string) string { return cutTo(s, 40) }

// labelled prints texts that are too long for columns beside their labels. On a
// terminal the lines fit its width.
func labelled(w io.Writer, indent string, rows [][2]string) { labelledIn(w, columns(w), indent, rows) }

func labelledIn(w io.Writer, width int, indent string, rows [][2]string) {
	widest := 0
	for _, row := range rows {
		widest = max(widest, len(row[0]))
	}
	for _, row := range rows {
		fmt.Fprintf(w, "%s%-*s  ", indent, widest, row[0])
		left := len(indent) + widest + 2
		for i, line := range folded(row[1], width-left) {
			if i > 0 {
				fmt.Fprintf(w, "%*s", left, "")
			}
			fmt.Fprintln(w, line)
		}
	}
}

// columns returns the width of a terminal, and 0 for other outputs: a text in a
// pipe is searched by lines.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// folded splits a text into lines of a width, between words if possible. A
// width too small to read splits nothing, and a URL is never split.
func folded(s string, width int) []string {
	const least = 20
	if width < least {
		return []string{s}
	}
	var lines []string
	line := []rune{}
	for _, word := range strings.Fields(s) {
		letters := []rune(word)
		if len(line) > 0 && len(line)+1+len(letters) > width {
			lines = append(lines, string(line))
			line = line[:0]
		}
		if len(line) > 0 {
			line = append(line, ' ')
		}
		if strings.Contains(word, "://") { // a link works only whole
			line = append(line, letters...)
			continue
		}
		for line = append(line, letters...); len(line) > width; line = line[width:] {
			lines = append(lines, string(line[:width]))
		}
	}
	return append(lines, string(line))
}

// A progress shows how far a long operation is, on a terminal only.
type progress struct {
	w     io.Writer
	what  string
	shown bool
}

func newProgress(w io.Writer, what string) *progress {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		w = nil
	}
	return &progress{w: w, what: what}
}

func (p *progress) at(n int) {
	if p.w == nil || n < 200 {
		return
	}
	p.shown = true
	fmt.Fprintf(p.w, "\r%d %s …", n, p.what)
}

func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
