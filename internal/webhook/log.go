package webhook

import (
	"context"
	"log/slog"
	"time"

	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/subscription"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// The events of log lines: docs/reference/log-events.md describes their fields.
const (
	eventDelivery = "webhook.delivery"
	eventOverview = "webhook.overview"
	// eventFault is an event that cannot be sent because of a fault of rollcall's.
	eventFault = "webhook.fault"
	// eventWake is a wake-up that failed, and that Tick makes up for.
	eventWake = "webhook.wake"
)

// fault logs that an event cannot be sent because of a fault of rollcall's.
func (d *Deliverer) fault(ctx context.Context, p subscription.Pending, reason string) {
	d.c.Log.LogAttrs(ctx, slog.LevelError, "", slog.String("event", eventFault), slog.String("endpoint", p.Endpoint),
		slog.String("eventId", p.Event), slog.String("tenant", p.Tenant.String()), slog.String("error", reason))
}

// A line has the fields of the log line of one call of Wake.
type line struct {
	Endpoint  string `log:"endpoint,always"`
	Delivered int    `log:"delivered,always"`
	Failed    int    `log:"failed,always"`
	GivenUp   int    `log:"givenUp"`
	// Dropped are the events of a disabled endpoint that were given up.
	Dropped int `log:"dropped"`
	// Held are the users and groups that wait for another attempt.
	Held int `log:"held"`
	// Busy reports that another call is delivering to the endpoint, and Lost that another
	// one took over meanwhile.
	Busy bool `log:"busy"`
	Lost bool `log:"lost"`
	// PausedSeconds is how long nothing is sent to the endpoint.
	PausedSeconds float64 `log:"pausedSeconds"`
	// Disabled is why the endpoint was disabled by this call.
	Disabled string `log:"disabled"`
	// Interrupted reports that the time of the call was used up.
	Interrupted bool          `log:"interrupted"`
	Duration    time.Duration `log:"durationMs,always"`
	Used        table.Counts
	Err         error `log:"error"`
}

// log writes the line, if there was something to do.
func (d *Deliverer) log(ctx context.Context, l *line) {
	level := slog.LevelInfo
	switch {
	case l.Err != nil:
		level = slog.LevelError
	case l.Failed > 0 || l.GivenUp > 0 || l.Disabled != "":
		level = slog.LevelWarn
	case l.Delivered == 0 && l.Dropped == 0 && !l.Lost:
		level = slog.LevelDebug
	}
	attrs := append([]slog.Attr{slog.String("event", eventDelivery)}, logline.Fields(l)...)
	d.c.Log.LogAttrs(ctx, level, "", append(attrs, logline.Fields(l.Used)...)...)
}

// An overview has the fields of the log line of one call of Tick.
type overview struct {
	Endpoints int `log:"endpoints,always"`
	Disabled  int `log:"disabledEndpoints,always"`
	Paused    int `log:"pausedEndpoints,always"`
	Waiting   int `log:"waitingEndpoints,always"`
	// PendingSeconds is how long the oldest event has waited, and UnacknowledgedSeconds the
	// oldest departure.
	PendingSeconds        float64       `log:"pendingSeconds,always"`
	UnacknowledgedSeconds float64       `log:"unacknowledgedSeconds,always"`
	Duration              time.Duration `log:"durationMs,always"`
	Used                  table.Counts
	Err                   error `log:"error"`
}

// add adds an endpoint.
func (o *overview) add(e subscription.Endpoint, s subscription.State, waiting, urgent, now time.Time) {
	o.Endpoints++
	if !e.Disabled.IsZero() {
		o.Disabled++
		return
	}
	if s.Paused.After(now) {
		o.Paused++
	}
	if !waiting.IsZero() {
		o.Waiting++
		o.PendingSeconds = max(o.PendingSeconds, now.Sub(waiting).Seconds())
	}
	if !urgent.IsZero() {
		o.UnacknowledgedSeconds = max(o.UnacknowledgedSeconds, now.Sub(urgent).Seconds())
	}
}

// logOverview writes the line.
func (d *Deliverer) logOverview(ctx context.Context, o *overview) {
	level := slog.LevelInfo
	switch {
	case o.Err != nil:
		level = slog.LevelError
	case o.Endpoints == 0:
		level = slog.LevelDebug
	}
	attrs := append([]slog.Attr{slog.String("event", eventOverview)}, logline.Fields(o)...)
	d.c.Log.LogAttrs(ctx, level, "", append(attrs, logline.Fields(o.Used)...)...)
}
