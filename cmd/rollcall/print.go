package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"golang.org/x/term"
)

// aligned prints rows under their headings, aligned.
func aligned(w io.Writer, headings []string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, row := range append([][]string{headings}, rows...) {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = t.Flush()
}

// fields prints a document, a line for each member.
func fields(w io.Writer, document map[string]any, names ...string) {
	if len(names) == 0 {
		for name := range document {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	rows := make([][]string, len(names))
	for i, name := range names {
		rows[i] = []string{name, text(document[name])}
	}
	aligned(w, rows[0], rows[1:])
}

// text is a value for people; null is a dash. What moves the cursor or turns the
// writing is shown as it would be typed: names are other people's.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		if v == "" {
			return "-"
		}
		return visible(v)
	}
	return visible(fmt.Sprint(v))
}

func visible(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// members are a document's members as columns.
func members(list []any, names ...string) [][]string {
	rows := make([][]string, len(list))
	for i, v := range list {
		document, _ := v.(map[string]any)
		rows[i] = make([]string, len(names))
		for j, name := range names {
			rows[i][j] = text(document[name])
		}
	}
	return rows
}

// progress counts what takes long, on a terminal alone.
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
