package console

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/amount"
)

// plot is a drawing of failures by cause over time: stacked bars, with the same
// numbers as a table.
type plot struct {
	Total int
	// Sampled reports that requests were refused early: the newest of them may not be
	// counted yet.
	Sampled bool
	Summary string
	// Width and Height are the drawing's own units.
	Width, Height int
	Lines         []plotLine
	Marks         []plotMark
	Bars          []plotBar
	Legend        []plotCause
	Rows          []plotRow
}

// A plotLine is a line in the background of the bars, with its number.
type plotLine struct{ Y, Label string }

// A plotMark is a time below the bars.
type plotMark struct{ X, Label string }

// A plotBar is the part of a bar for one cause.
type plotBar struct {
	Class, X, Y, Width, Height string
	Title                      string
}

// A plotCause is a cause in the legend.
type plotCause struct {
	Class, Label, To string
	Total            int
}

// A plotRow is a span with failures, in the table.
type plotRow struct {
	Span   string
	Counts []int
	Total  int
}

// The drawing, in its own units.
const (
	plotWidth  = 760
	plotHeight = 220
	plotLeft   = 36
	plotTop    = 10
	plotBottom = 26
	// plotColours is the number of causes with a colour of their own; the
	// others share one.
	plotColours = 6
	plotMarks   = 7
)

// sampled are the causes of which the log has one entry a minute.
var sampled = map[string]bool{"token_revoked": true, "token_expired": true, "scim_disabled": true, "rate_limit": true}

// newPlot draws the failures of spans, from the oldest.
func newPlot(at home, spans []adminwire.FailureSpan) plot {
	totals := map[string]int{}
	p := plot{Width: plotWidth, Height: plotHeight}
	for _, s := range spans {
		for cause, n := range s.Causes {
			if n > 0 {
				totals[cause] += n
				p.Total += n
				p.Sampled = p.Sampled || sampled[cause]
			}
		}
	}
	if p.Total == 0 {
		return p
	}
	causes := slices.SortedFunc(maps.Keys(totals), func(a, b string) int {
		if totals[a] != totals[b] {
			return totals[b] - totals[a]
		}
		return strings.Compare(a, b)
	})
	shown := causes[:min(len(causes), plotColours)]
	for i, cause := range shown {
		p.Legend = append(p.Legend, plotCause{
			Class: fmt.Sprintf("c%d", i+1), Label: distinctLabel(cause, shown), Total: totals[cause],
			To: at.find(url.Values{"cause": {cause}}, "log"),
		})
	}
	if rest := causes[len(shown):]; len(rest) > 0 {
		n := 0
		for _, cause := range rest {
			n += totals[cause]
		}
		p.Legend = append(p.Legend, plotCause{Class: "c0", Label: amount.Count(int64(len(rest)), "other cause"), Total: n})
	}
	p.draw(spans, shown)
	p.Summary = fmt.Sprintf("%s from %s to %s. Most: %s, %s.", amount.Count(int64(p.Total), "failure"),
		spans[0].From.UTC().Format("2 January 2006 15:04"), spans[len(spans)-1].To.UTC().Format("2 January 2006 15:04 UTC"),
		p.Legend[0].Label, amount.Number(int64(p.Legend[0].Total)))
	return p
}

// distinctLabel returns the label of a cause, with the cause's name if another
// one in the legend has the same label.
func distinctLabel(cause string, shown []string) string {
	l := label(cause)
	if slices.ContainsFunc(shown, func(other string) bool { return other != cause && label(other) == l }) {
		return l + " (" + nameText(cause).String() + ")"
	}
	return l
}

// draw adds bars, lines, marks and rows.
func (p *plot) draw(spans []adminwire.FailureSpan, shown []string) {
	highest := 0
	counts := make([][]int, len(spans))
	totals := make([]int, len(spans))
	for i, s := range spans {
		counts[i] = make([]int, len(p.Legend))
		for cause, n := range s.Causes {
			at := slices.Index(shown, cause)
			if at < 0 {
				at = len(p.Legend) - 1
			}
			counts[i][at] += max(n, 0)
			totals[i] += max(n, 0)
		}
		highest = max(highest, totals[i])
	}
	step := tick(highest)
	top := (highest + step - 1) / step * step
	const height = plotHeight - plotTop - plotBottom
	y := func(n int) float64 { return plotTop + height - float64(n)/float64(top)*height }
	for n := 0; n <= top; n += step {
		p.Lines = append(p.Lines, plotLine{Y: fixed(y(n)), Label: amount.Number(int64(n))})
	}
	width := float64(plotWidth-plotLeft) / float64(len(spans))
	form, label := spanForms(spans)
	every := max((len(spans)+plotMarks-1)/plotMarks, 1)
	for i, s := range spans {
		x := plotLeft + float64(i)*width
		if i%every == 0 {
			p.Marks = append(p.Marks, plotMark{X: fixed(x + 1), Label: s.From.UTC().Format(label)})
		}
		span := s.From.UTC().Format(form) + " to " + s.To.UTC().Format(form)
		stacked := 0
		for j, n := range counts[i] {
			if n == 0 {
				continue
			}
			p.Bars = append(p.Bars, plotBar{
				Class: p.Legend[j].Class, X: fixed(x + width*0.1), Width: fixed(width * 0.8),
				Y: fixed(y(stacked + n)), Height: fixed(y(stacked) - y(stacked+n)),
				Title: fmt.Sprintf("%s UTC: %s × %s", span, amount.Number(int64(n)), p.Legend[j].Label),
			})
			stacked += n
		}
		if totals[i] > 0 {
			p.Rows = append(p.Rows, plotRow{Span: span, Counts: counts[i], Total: totals[i]})
		}
	}
	slices.Reverse(p.Rows)
}

// spanForms returns the formats of the ends of spans and of the marks.
func spanForms(spans []adminwire.FailureSpan) (form, label string) {
	form, label = "2 Jan 15:04", "2 Jan"
	if spans[len(spans)-1].To.Sub(spans[0].From) <= 48*time.Hour {
		label = "15:04"
	}
	return form, label
}

// tick returns the distance of lines for a highest number: about four lines, at
// 1, 2 or 5 times a power of ten.
func tick(highest int) int {
	for power := 1; ; power *= 10 {
		for _, n := range []int{1, 2, 5} {
			if n*power*4 >= highest {
				return n * power
			}
		}
	}
}

func fixed(f float64) string { return fmt.Sprintf("%.1f", f) }
