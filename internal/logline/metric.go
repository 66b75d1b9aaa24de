package logline

import (
	"context"
	"log/slog"
)

// Namespace is where CloudWatch keeps the metrics of all deployments.
const Namespace = "rollcall"

// The metrics, which are fields of the lines that are counted.
const (
	// Failures is 1 in the line of what failed.
	Failures = "failures"
	// Warnings is 1 in the line of what was done with a warning.
	Warnings = "warnings"
	// Retries is how often the table was asked again. It is a field of every
	// event, and counted where it is not 0.
	Retries = "retries"
)

// The dimensions. A tenant, a user or anything else that a client chooses is never
// one: each value of a dimension is a metric that costs by the month.
const (
	// Stack is the deployment.
	Stack = "stack"
	// Cause is one of the closed list of package provlog.
	Cause = "cause"
)

// Counted marks the events of SCIM requests that say something worth counting, so
// that CloudWatch makes metrics of them (embedded metric format). A line is marked
// by what it says: outcome and cause, and retries. One of a request that went well
// stays as it is.
func Counted(h slog.Handler, stack string) slog.Handler { return &counted{Handler: h, stack: stack} }

type counted struct {
	slog.Handler
	stack string
}

// Handle marks a line and hands it on.
func (c *counted) Handle(ctx context.Context, r slog.Record) error {
	var event, outcome, cause string
	var retries int64
	r.Attrs(func(a slog.Attr) bool {
		switch {
		case a.Key == "event":
			event = a.Value.String()
		case a.Key == "outcome":
			outcome = a.Value.String()
		case a.Key == Cause:
			cause = a.Value.String()
		case a.Key == Retries && a.Value.Kind() == slog.KindInt64:
			retries = a.Value.Int64()
		}
		return true
	})
	if event != "scim.request" {
		return c.Handler.Handle(ctx, r)
	}
	var directives []directive
	for _, of := range [...]struct{ outcome, metric string }{{"failure", Failures}, {"warning", Warnings}} {
		if outcome == of.outcome && cause != "" {
			r.AddAttrs(slog.Int(of.metric, 1))
			directives = append(directives, count(of.metric, []string{Stack}, []string{Stack, Cause}))
		}
	}
	if retries > 0 {
		directives = append(directives, count(Retries, []string{Stack}))
	}
	if directives != nil {
		r.AddAttrs(slog.String(Stack, c.stack), slog.Any("_aws", metadata{r.Time.UnixMilli(), directives}))
	}
	return c.Handler.Handle(ctx, r)
}

// WithAttrs keeps counting.
func (c *counted) WithAttrs(attrs []slog.Attr) slog.Handler {
	return Counted(c.Handler.WithAttrs(attrs), c.stack)
}

// WithGroup ends it: fields in a group are not where CloudWatch looks.
func (c *counted) WithGroup(name string) slog.Handler { return c.Handler.WithGroup(name) }

// metadata is the field _aws of the embedded metric format, the one field of a line
// that is not flat.
type metadata struct {
	Timestamp         int64
	CloudWatchMetrics []directive
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

type metric struct{ Name, Unit string }

func count(name string, dimensions ...[]string) directive {
	return directive{Namespace: Namespace, Dimensions: dimensions, Metrics: []metric{{name, "Count"}}}
}
