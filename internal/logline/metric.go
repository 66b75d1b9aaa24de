package logline

import (
	"context"
	"log/slog"
	"slices"
)

// Namespace is where CloudWatch keeps the metrics of all deployments.
const Namespace = "rollcall"

// The metrics, which are fields of the lines that are counted.
const (
	// Failures is 1 in the line of a failure.
	Failures = "failures"
	// Warnings is 1 in the line of a success with a warning.
	Warnings = "warnings"
	// Retries is how often the table was called again. It is a field of every
	// event, and counted if it is not 0.
	Retries = "retries"
	// Due is how many tasks were due when a sweep began, Done how many of them it
	// finished, and Deleted how many items it deleted. Left is how many tasks are
	// due after it, OldestSeconds the age of the oldest, and StalledSeconds the
	// longest time for which one made no progress. They are fields of every sweep's
	// line, and counted if a task was due.
	Due            = "due"
	Done           = "done"
	Deleted        = "deleted"
	Left           = "left"
	OldestSeconds  = "oldestSeconds"
	StalledSeconds = "stalledSeconds"
	// Events is how many events a batch of the stream's records caused, RecordsFailed how many
	// records have to come again, and Poison how many cause no event because of a fault. They
	// are fields of every batch's line, and counted if one of them is not 0.
	Events        = "events"
	RecordsFailed = "recordsFailed"
	Poison        = "poison"
	// Delivered is how many events a delivery sent, and Failed how many attempts failed: fields
	// of its line. EndpointDisabled is 1 in the line of a delivery that disabled its endpoint.
	Delivered        = "delivered"
	Failed           = "failed"
	EndpointDisabled = "endpointDisabled"
	// PausedEndpoints is how many endpoints get nothing for a while because they fail,
	// PendingSeconds the age of the oldest event that waits for one, and UnacknowledgedSeconds
	// that of the oldest departure (a user deactivated, deleted or purged). They are fields of
	// the line about all endpoints, and counted if one of them is not 0.
	PausedEndpoints       = "pausedEndpoints"
	PendingSeconds        = "pendingSeconds"
	UnacknowledgedSeconds = "unacknowledgedSeconds"
	// UnusualDeactivations is 1 in the line about a tenant in which unusually many users were
	// deactivated or deleted.
	UnusualDeactivations = "unusualDeactivations"
)

// The events, besides SCIM requests, whose lines are counted.
const (
	Sweep    = "scim.sweep"
	Feed     = "feed"
	Delivery = "webhook.delivery"
	Overview = "webhook.overview"
	OAuth    = "oauth.token"
	Unusual  = "deactivations.unusual"
)

// A counting says which metrics a line has, and which fields make it worth counting: one of them
// is not 0.
type counting struct {
	unless0 []string
	metrics []metric
}

var countings = map[string]counting{
	Sweep: {[]string{Due}, []metric{
		{Due, "Count"}, {Done, "Count"}, {Deleted, "Count"}, {Left, "Count"}, {OldestSeconds, "Seconds"}, {StalledSeconds, "Seconds"},
	}},
	Feed:     {[]string{Events, RecordsFailed, Poison}, []metric{{Events, "Count"}, {RecordsFailed, "Count"}, {Poison, "Count"}}},
	Delivery: {[]string{Delivered, Failed, EndpointDisabled}, []metric{{Delivered, "Count"}, {Failed, "Count"}, {EndpointDisabled, "Count"}}},
	Unusual:  {[]string{UnusualDeactivations}, []metric{{UnusualDeactivations, "Count"}}},
	Overview: {[]string{PausedEndpoints, PendingSeconds, UnacknowledgedSeconds}, []metric{
		{PausedEndpoints, "Count"}, {PendingSeconds, "Seconds"}, {UnacknowledgedSeconds, "Seconds"},
	}},
}

// of returns the metrics of a line, none for one that is not worth counting. A metric whose field
// the line does not have is left out.
func (c counting) of(r slog.Record) []directive {
	has, worth := map[string]bool{}, false
	r.Attrs(func(a slog.Attr) bool {
		has[a.Key] = true
		worth = worth || slices.Contains(c.unless0, a.Key) && !a.Value.Equal(slog.Int64Value(0)) && !a.Value.Equal(slog.Float64Value(0))
		return true
	})
	if !worth {
		return nil
	}
	metrics := slices.DeleteFunc(slices.Clone(c.metrics), func(m metric) bool { return !has[m.Name] })
	return []directive{{Namespace: Namespace, Dimensions: [][]string{{Stack}}, Metrics: metrics}}
}

// The dimensions. A tenant, a user or any other value that a client chooses is
// never one: each value of a dimension is a metric with a monthly price.
const (
	// Stack is the deployment.
	Stack = "stack"
	// Cause is a cause of the closed list in package cause.
	Cause = "cause"
)

// Counted returns a handler that marks the lines that are worth counting, so that CloudWatch
// turns them into metrics (embedded metric format): of SCIM and token requests by outcome and cause,
// and retries; of sweeps, batches of the stream and deliveries by what they did. The line of a
// successful request, or of a sweep that found nothing, stays as it is.
func Counted(h slog.Handler, stack string) slog.Handler { return &counted{Handler: h, stack: stack} }

type counted struct {
	slog.Handler
	stack string
}

// Handle marks a line and passes it on.
func (c *counted) Handle(ctx context.Context, r slog.Record) error {
	var event, outcome, cause, disabled string
	var retries int64
	r.Attrs(func(a slog.Attr) bool {
		switch {
		case a.Key == "event":
			event = a.Value.String()
		case a.Key == "outcome":
			outcome = a.Value.String()
		case a.Key == Cause:
			cause = a.Value.String()
		case a.Key == "disabled":
			disabled = a.Value.String()
		case a.Key == Retries && a.Value.Kind() == slog.KindInt64:
			retries = a.Value.Int64()
		}
		return true
	})
	if event != "scim.request" && event != OAuth {
		counted, ok := countings[event]
		if !ok {
			return c.Handler.Handle(ctx, r)
		}
		if disabled != "" && event == Delivery {
			r.AddAttrs(slog.Int(EndpointDisabled, 1))
		}
		return c.mark(ctx, r, counted.of(r))
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
	return c.mark(ctx, r, directives)
}

// mark adds the metadata of metrics to a line that has some, and passes it on.
func (c *counted) mark(ctx context.Context, r slog.Record, directives []directive) error {
	if directives != nil {
		r.AddAttrs(slog.String(Stack, c.stack), slog.Any("_aws", metadata{r.Time.UnixMilli(), directives}))
	}
	return c.Handler.Handle(ctx, r)
}

// WithAttrs keeps counting.
func (c *counted) WithAttrs(attrs []slog.Attr) slog.Handler {
	return Counted(c.Handler.WithAttrs(attrs), c.stack)
}

// WithGroup stops counting: CloudWatch does not read fields in a group.
func (c *counted) WithGroup(name string) slog.Handler { return c.Handler.WithGroup(name) }

// metadata is the field _aws of the embedded metric format, the one field of a
// line that is not flat.
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
