package contention

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// The chart: a panel for each hold and kind of limit, in pixels.
const (
	panelWidth, panelHeight = 260, 190
	marginLeft, marginTop   = 62, 44
	gapX, gapY              = 58, 62
	shortestShown           = 10 * time.Millisecond
	longestShown            = 10 * time.Second
)

// palette has the colours of the numbers of shards, which a reader with any kind of
// colour blindness can distinguish (Okabe and Ito).
var palette = []string{"#000000", "#0072b2", "#009e73", "#d55e00", "#cc79a7"}

// Chart returns a drawing (SVG) of the 99th percentile over the rate.
func Chart(all []Outcome) string {
	var b strings.Builder
	width := marginLeft + len(holds)*(panelWidth+gapX)
	height := marginTop + 2*(panelHeight+gapY) + 10
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", width, height)
	b.WriteString("<title>99th percentile of the time of a create, over creates a second</title>\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	legend(&b)
	for row, limited := range []bool{false, true} {
		for column, hold := range holds {
			fmt.Fprintf(&b, `<g transform="translate(%d %d)">`+"\n", marginLeft+column*(panelWidth+gapX), marginTop+row*(panelHeight+gapY))
			label(&b, 0, -6, "start", fmt.Sprintf("hold %v, seats %s", hold, seatsName(limited)))
			axes(&b)
			for i, n := range shards {
				line(&b, series{hold, n, limited}.of(all), palette[i%len(palette)])
			}
			b.WriteString("</g>\n")
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func label(b *strings.Builder, x, y float64, anchor, text string) {
	fmt.Fprintf(b, `<text x="%.0f" y="%.0f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, text)
}

func legend(b *strings.Builder) {
	x := float64(marginLeft)
	label(b, x, 16, "start", "shards:")
	for i, n := range shards {
		x += 60
		colour := palette[i%len(palette)]
		fmt.Fprintf(b, `<path d="M%.0f 12h18" stroke="%s" stroke-width="2"/>`+"\n", x, colour)
		label(b, x+22, 16, "start", shardsName(n))
	}
	label(b, x+90, 16, "start", "open circle: some requests were answered 503")
}

// axes draws the frame of a panel, with a line at each power of ten and at each rate.
func axes(b *strings.Builder) {
	for d := shortestShown; d <= longestShown; d *= 10 {
		y, stroke := yOf(d), "#ddd"
		if d == time.Second {
			stroke = "#888" // the bound of a sustained rate
		}
		fmt.Fprintf(b, `<path d="M0 %.1fH%d" stroke="%s"/>`+"\n", y, panelWidth, stroke)
		label(b, -6, y+4, "end", d.String())
	}
	for _, rate := range rates {
		x := xOf(rate)
		fmt.Fprintf(b, `<path d="M%.1f 0V%d" stroke="#eee"/>`+"\n", x, panelHeight)
		label(b, x, panelHeight+16, "middle", fmt.Sprint(rate))
	}
	label(b, panelWidth/2, panelHeight+34, "middle", "creates a second")
}

// line draws the outcomes of a series.
func line(b *strings.Builder, own []Outcome, colour string) {
	points := make([]string, len(own))
	for i, o := range own {
		points[i] = fmt.Sprintf("%.1f,%.1f", xOf(o.Rate), yOf(o.P99))
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(points, " "), colour)
	for _, o := range own {
		fill := colour
		if o.Statuses[503] > 0 {
			fill = "#fff"
		}
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s" stroke="%s"/>`+"\n", xOf(o.Rate), yOf(o.P99), fill, colour)
	}
}

// xOf returns where a rate is, on a scale of its logarithm.
func xOf(rate int) float64 {
	first, last := float64(rates[0]), float64(rates[len(rates)-1])
	return 8 + (panelWidth-16)*math.Log(float64(rate)/first)/math.Log(last/first)
}

// yOf returns where a time is, on a scale of its logarithm.
func yOf(d time.Duration) float64 {
	d = min(max(d, shortestShown), longestShown)
	return panelHeight * (1 - math.Log(float64(d)/float64(shortestShown))/math.Log(float64(longestShown)/float64(shortestShown)))
}
