package contention

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// columns are the columns of the table of storms.
var columns = []string{"seats", "hold", "shards", "creates a second", "writes a create", "p50", "p99", "answers", "wrong refusals", "excess seats"}

func (o Outcome) cells() []string {
	statuses := make([]string, 0, len(o.Statuses))
	for _, status := range slices.Sorted(maps.Keys(o.Statuses)) {
		statuses = append(statuses, fmt.Sprintf("%d: %d", status, o.Statuses[status]))
	}
	return []string{
		seatsName(o.Limited), fmt.Sprint(o.Hold), shardsName(o.Shards), fmt.Sprint(o.Rate), fmt.Sprintf("%.1f", o.Writes),
		short(o.P50), short(o.P99), strings.Join(statuses, ", "), fmt.Sprint(o.WrongRefusals), fmt.Sprint(o.ExcessSeats),
	}
}

func seatsName(limited bool) string {
	if limited {
		return "limited"
	}
	return "unlimited"
}

func shardsName(n int) string {
	if n == 0 {
		return "grows"
	}
	return fmt.Sprint(n)
}

// short returns a time with two or three digits.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// Text returns the table of storms for a terminal.
func Text(all []Outcome) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(columns, "\t"))
	for _, o := range all {
		fmt.Fprintln(w, strings.Join(o.cells(), "\t"))
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

// Markdown returns the tables of an experiment for a page: the rates that are
// sustained, the joins of a group, work that is alone, and all storms.
func Markdown(all []Outcome, crowds []Joined, alone []Work) string {
	var b strings.Builder
	b.WriteString("## Creates a second that are sustained\n\n")
	writeRows(&b, sustained(all))
	b.WriteString("\n## Joins of one group at the same time\n\n")
	writeRows(&b, joins(crowds))
	b.WriteString("\n## Work that is alone\n\n")
	writeRows(&b, works(alone))
	b.WriteString("\n## All storms\n\n")
	rows := [][]string{columns}
	for _, o := range all {
		rows = append(rows, o.cells())
	}
	writeRows(&b, rows)
	return b.String()
}

// sustained returns a row for each number of shards, and a column for each hold.
func sustained(all []Outcome) [][]string {
	head := []string{"shards"}
	var kinds []series
	for _, limited := range []bool{false, true} {
		for _, hold := range holds {
			head = append(head, fmt.Sprintf("%s, %v", seatsName(limited), hold))
			kinds = append(kinds, series{Hold: hold, Limited: limited})
		}
	}
	rows := [][]string{head}
	for _, n := range shards {
		row := []string{shardsName(n)}
		for _, s := range kinds {
			s.Shards = n
			row = append(row, s.sustainableText(all))
		}
		rows = append(rows, row)
	}
	return rows
}

// sustainableText returns the sustainable rate, with a plus if no higher one was
// tried.
func (s series) sustainableText(all []Outcome) string {
	best := s.sustainable(all)
	switch {
	case best == 0:
		return fmt.Sprintf("< %d", rates[0])
	case best == rates[len(rates)-1]:
		return fmt.Sprintf("≥ %d", best)
	}
	return fmt.Sprint(best)
}

func joins(crowds []Joined) [][]string {
	rows := [][]string{{"joins", "hold", "writes a join", "p50", "last answer", "answers", "conflicts on the group", "other conflicts"}}
	for _, j := range crowds {
		others := 0
		for kind, n := range j.Conflicts {
			if kind != "GROUPS" {
				others += n
			}
		}
		rows = append(rows, []string{
			fmt.Sprint(j.Joins), fmt.Sprint(j.Hold), fmt.Sprintf("%.1f", j.Writes), short(j.P50), short(j.Longest),
			fmt.Sprintf("200: %d of %d", j.Statuses[200], j.Joins), fmt.Sprint(j.Conflicts["GROUPS"]), fmt.Sprint(others),
		})
	}
	return rows
}

func works(alone []Work) [][]string {
	rows := [][]string{{"work", "time", "transactions", "conflicts"}}
	for _, w := range alone {
		conflicts := 0
		for _, n := range w.Conflicts {
			conflicts += n
		}
		rows = append(rows, []string{w.Name, short(w.Took), fmt.Sprint(w.Transactions), fmt.Sprint(conflicts)})
	}
	return rows
}

// writeRows writes rows as a table, the first as its head.
func writeRows(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
}
