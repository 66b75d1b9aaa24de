// Package logline is the form of everything that the service logs: one JSON
// object a line, with timestamp, level and message as Lambda's log level filter
// reads them, and flat fields beside them.
//
// Text that a client sent is inert in the line: it cannot begin a new line,
// change the direction of displayed text, or be markup, and its length is
// limited. Decoding the JSON returns the same text.
package logline

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/rollcall-scim/rollcall/internal/credential"
	"github.com/rollcall-scim/rollcall/internal/text"
)

// The fields that every line has; an event has its name in place of a message.
const (
	Timestamp = "timestamp"
	Level     = "level"
	Message   = "message"
)

// MaxText is how many bytes of a text a line shows. A text that is cut off ends
// in "…". It leaves room for the stack of a panic; with some thirty fields, a
// line stays below the 256 KB that CloudWatch accepts as one event.
const MaxText = 8 << 10

// timeFormat is RFC 3339 in UTC, which Lambda uses as the time of the line. It
// has milliseconds, as CloudWatch does.
const timeFormat = "2006-01-02T15:04:05.000Z"

// New returns a logger that writes lines of level INFO and above.
func New(w io.Writer) *slog.Logger { return slog.New(Handler(w, slog.LevelInfo)) }

// Handler returns a handler that writes lines of a level and above, each in one
// Write.
func Handler(w io.Writer, level slog.Leveler) slog.Handler {
	return slog.NewJSONHandler(inert{w}, &slog.HandlerOptions{Level: level, ReplaceAttr: form})
}

// ForFunction returns the handler of a Lambda function: it writes to standard
// output, from the level in AWS_LAMBDA_LOG_LEVEL, which the function's
// configuration sets. With ROLLCALL_STACK, the name of the deployment, lines
// are counted as metrics.
func ForFunction() slog.Handler {
	h := Handler(os.Stdout, functionLevel(os.Getenv("AWS_LAMBDA_LOG_LEVEL")))
	if stack := os.Getenv("ROLLCALL_STACK"); stack != "" {
		return Counted(h, stack)
	}
	return h
}

// functionLevel returns a level by Lambda's names.
func functionLevel(name string) slog.Level {
	switch name {
	case "TRACE", "DEBUG":
		return slog.LevelDebug
	case "WARN":
		return slog.LevelWarn
	case "ERROR":
		return slog.LevelError
	case "FATAL":
		return slog.LevelError + 4
	default:
		return slog.LevelInfo
	}
}

// form names slog's own fields, limits every text, and removes credentials of
// ours, wherever they came from.
func form(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 {
		switch {
		case a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime:
			return slog.String(Timestamp, a.Value.Time().UTC().Format(timeFormat))
		case a.Key == slog.MessageKey && a.Value.String() == "":
			return slog.Attr{} // an event has its name
		case a.Key == slog.MessageKey:
			a.Key = Message
		}
	}
	switch v := a.Value.Any().(type) {
	case string:
		a.Value = slog.StringValue(text.Cut(credential.Redact(v), MaxText))
	case error:
		a.Value = slog.StringValue(text.Cut(credential.Redact(v.Error()), MaxText))
	case time.Duration:
		a.Value = slog.StringValue(v.String())
	}
	return a
}

// inert writes lines of JSON without characters that a terminal or a page would
// interpret. Such characters only occur inside texts.
type inert struct{ w io.Writer }

// Write writes one line.
func (i inert) Write(line []byte) (int, error) {
	if _, err := i.w.Write(text.LogLine(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}
