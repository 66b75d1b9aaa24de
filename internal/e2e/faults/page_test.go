package faults

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	update = flag.Bool("update", false, "write the table into docs/testing.md (make generate)")
	full   = flag.Bool("full", false, "try all faults at the requests that run at once (make soak)")
)

// pairFaults are the faults that a request meets while another one runs: most
// of them lead to a retry, as if the request had waited. -full has all of them.
func pairFaults() []fault {
	const most = "answers lost; killed"
	return append(waits(), slices.DeleteFunc(allFaults(), func(f fault) bool {
		return f.at == anywhere || !*full && !slices.Contains(strings.Split(most, "; "), f.name)
	})...)
}

// A row is a write, or a write and another request, with its cells.
type row struct {
	write, other int
	cells        []string
}

// A page collects the rows of the table.
type page struct {
	mu   sync.Mutex
	rows []row
}

func (p *page) add(r row) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows = append(p.rows, r)
}

const (
	document = "../../../docs/testing.md"
	begin    = "<!-- The table of faults: make generate. -->\n"
	end      = "<!-- The end of the table of faults. -->\n"
)

// compare prints the table, and compares it with the document, or writes it
// there.
func (p *page) compare(t *testing.T) {
	writes := allWrites()
	table := p.markdown(writes)
	t.Log("\n" + table)
	wanted := 0
	for _, w := range writes {
		wanted += 1 + len(w.meanwhile())
	}
	if len(p.rows) < wanted || *full || t.Failed() {
		return
	}
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found, "%s has no place for the table", document)
	had, after, found := strings.Cut(rest, end)
	require.True(t, found, "%s has no end of the table", document)
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(before+begin+table+end+after), 0o644))
		return
	}
	require.Equal(t, had, table, "make generate writes the table into docs/testing.md")
}

// markdown returns both tables: each write alone, and with another request.
func (p *page) markdown(writes []write) string {
	slices.SortFunc(p.rows, func(a, b row) int {
		if a.write != b.write {
			return a.write - b.write
		}
		return a.other - b.other
	})
	var alone, together []row
	for _, r := range p.rows {
		if r.other == 0 {
			alone = append(alone, r)
		} else {
			together = append(together, r)
		}
	}
	var b strings.Builder
	b.WriteString("\nEach write alone:\n\n")
	render(&b, "write", allFaults(), alone, func(r row) string { return writes[r.write].name })
	b.WriteString("\nEach write, while another request runs from its beginning to its end:\n\n")
	render(&b, "write, other request", pairFaults(), together, func(r row) string {
		w := writes[r.write]
		if r.other == 1 {
			return w.name + ", **the same**"
		}
		return w.name + ", **" + w.meanwhile()[r.other-1].String() + "**"
	})
	b.WriteString("\n")
	return b.String()
}

// render writes a table. Faults with the same outcome in all rows share a column.
func render(b *strings.Builder, corner string, faults []fault, rows []row, name func(row) string) {
	var heads []string
	var columns [][]string
	for i, f := range faults {
		if f.unordered {
			continue
		}
		column := make([]string, len(rows))
		for j, r := range rows {
			column[j] = r.cells[i]
		}
		if same := slices.IndexFunc(columns, func(c []string) bool { return slices.Equal(c, column) }); same >= 0 {
			heads[same] += ", " + f.name
			continue
		}
		heads, columns = append(heads, f.name), append(columns, column)
	}
	fmt.Fprintf(b, "| %s | %s |\n|---%s|\n", corner, strings.Join(heads, " | "), strings.Repeat("|---", len(heads)))
	for j, r := range rows {
		fmt.Fprintf(b, "| %s |", name(r))
		for _, column := range columns {
			fmt.Fprintf(b, " %s |", column[j])
		}
		b.WriteString("\n")
	}
}
