package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/rollcall-scim/rollcall/internal/logline"
)

// logHandler logs readably on a terminal and as JSON lines elsewhere.
func logHandler(w io.Writer) slog.Handler {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &readable{w: w, mu: &sync.Mutex{}}
	}
	return logline.Handler(w, slog.LevelInfo)
}

// readable prints a request's event in one line, and a refusal's detail in a
// second one.
type readable struct {
	w     io.Writer
	mu    *sync.Mutex
	attrs []slog.Attr
}

func (*readable) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (h *readable) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &readable{w: h.w, mu: h.mu, attrs: append(append([]slog.Attr{}, h.attrs...), attrs...)}
}

// WithGroup keeps the attributes flat: events are.
func (h *readable) WithGroup(string) slog.Handler { return h }

func (h *readable) Handle(_ context.Context, r slog.Record) error {
	values := map[string]string{}
	var order []string
	note := func(a slog.Attr) bool {
		values[a.Key] = a.Value.String()
		order = append(order, a.Key)
		return true
	}
	for _, a := range h.attrs {
		note(a)
	}
	r.Attrs(note)

	var b strings.Builder
	b.WriteString(r.Time.Format("15:04:05 "))
	switch values["event"] {
	case "scim.request", "admin.request":
		requestLine(&b, values)
	case "console.request":
		route := values["route"]
		if route == "" {
			route = values["method"] + " (no page)"
		}
		fmt.Fprintf(&b, "%s  %-32s  %s ms", values["status"], route, values["durationMs"])
		if values["error"] != "" {
			fmt.Fprintf(&b, "  %q", values["error"])
		}
		b.WriteByte('\n')
	default:
		fmt.Fprintf(&b, "%s %s", r.Level, visible(r.Message))
		for _, key := range order {
			fmt.Fprintf(&b, " %s=%q", key, values[key])
		}
		b.WriteByte('\n')
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, b.String())
	return err
}

func requestLine(b *strings.Builder, values map[string]string) {
	route := values["route"]
	if route == "" {
		route = values["method"] + " (no route)"
	}
	fmt.Fprintf(b, "%s  %-32s", values["status"], route)
	for _, key := range []string{"action", "cause", "resourceId"} {
		if values[key] != "" {
			fmt.Fprintf(b, "  %s", values[key])
		}
	}
	if subject := values["subject"]; subject != "" {
		fmt.Fprintf(b, "  %q", subject)
	}
	trips := values["roundTrips"] + " trips"
	if values["roundTrips"] == "1" {
		trips = "1 trip"
	}
	fmt.Fprintf(b, "  %s ms, %s, %s RRU, %s WRU\n",
		values["durationMs"], trips, cmp.Or(values["readUnits"], "0"), cmp.Or(values["writeUnits"], "0"))
	if values["detail"] != "" {
		fmt.Fprintf(b, "              %s\n", visible(values["detail"]))
	}
	if values["error"] != "" {
		fmt.Fprintf(b, "              %q\n", values["error"])
	}
}
