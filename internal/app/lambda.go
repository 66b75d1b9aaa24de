package app

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/rollcall-scim/rollcall/internal/admindoc"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/webhook"
)

// Users returns the handler of functions/users.
func Users(c Config) (http.Handler, error) { return function(c, "users") }

// Groups returns the handler of functions/groups.
func Groups(c Config) (http.Handler, error) { return function(c, "groups") }

// Bulk returns the handler of functions/bulk, which also answers every path
// without a route.
func Bulk(c Config) (http.Handler, error) { return function(c, "bulk") }

// Admin returns the handler of functions/admin, the admin API. Of the outlets it has the waker. It
// makes links to the portal if ROLLCALL_PORTAL is on.
func Admin(c Config, out Outlets) (http.Handler, error) {
	a, err := deployed(c)
	if err != nil {
		return nil, err
	}
	if os.Getenv(PortalVariable) == "on" {
		a.WithPortal()
	}
	return a.WithWaker(out.Waker).AdminHandler(), nil
}

// Discovery returns the handler of functions/discovery.
func Discovery(c Config) (http.Handler, error) { return function(c, "discovery") }

// OAuth returns the handler of functions/oauth, the token endpoint.
func OAuth(c Config) (http.Handler, error) {
	a, err := deployed(c)
	if err != nil {
		return nil, err
	}
	return a.OAuthHandler(), nil
}

// Sweep returns what functions/sweep does at each invocation. Its error has
// been logged, and makes the invocation count as failed.
func Sweep(c Config) (func(context.Context) error, error) {
	a, err := deployed(c)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if end, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end.Add(-sweepMargin))
			defer cancel()
		}
		return a.Sweep(ctx)
	}, nil
}

// Feed returns what functions/feed does with the records of the table's stream.
func Feed(c Config, out Outlets) (func(ctx context.Context, records []table.Record) (failed string, err error), error) {
	t, log, err := open(c)
	if err != nil {
		return nil, err
	}
	out.Documents = admindoc.NewReader(NewStore(t, Options{}))
	return NewFeed(t, log, out, Options{}).Handle, nil
}

// Deliver returns what functions/deliver does with wake-ups, and at each minute.
func Deliver(c Config, waker webhook.Waker) (*Deliveries, error) {
	t, log, err := open(c)
	if err != nil {
		return nil, err
	}
	return NewDeliveries(NewDeliverer(t, log, waker, false, Options{}), log), nil
}

// sweepMargin is the time that a sweep leaves of its invocation to write its
// log line: Lambda ends a function at the deadline, even in the middle of a
// line.
const sweepMargin = 5 * time.Second

// function returns one function's handler.
func function(c Config, name string) (http.Handler, error) {
	a, err := deployed(c)
	if err != nil {
		return nil, err
	}
	return a.Handler(name), nil
}

// deployed returns the service on DynamoDB. The first request opens the
// connection.
func deployed(c Config) (*App, error) {
	t, log, err := open(c)
	if err != nil {
		return nil, err
	}
	return New(t, c, log)
}

// open returns the table and the log of a function.
func open(c Config) (table.Table, *slog.Logger, error) {
	client, err := dynamo.NewFunctionClient()
	if err != nil {
		return nil, nil, err
	}
	return dynamo.New(client, c.Table), slog.New(logline.ForFunction()), nil
}
