package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
)

// Users is the handler of functions/users.
func Users(c Config) (http.Handler, error) { return function(c, "users") }

// Groups is the handler of functions/groups.
func Groups(c Config) (http.Handler, error) { return function(c, "groups") }

// Bulk is the handler of functions/bulk, which also answers for every path that has
// no route.
func Bulk(c Config) (http.Handler, error) { return function(c, "bulk") }

// Admin is the handler of functions/admin, the application's side.
func Admin(c Config) (http.Handler, error) {
	a, err := deployed(c)
	if err != nil {
		return nil, err
	}
	return a.AdminHandler(), nil
}

// Discovery is the handler of functions/discovery.
func Discovery(c Config) (http.Handler, error) { return function(c, "discovery") }

// Sweep is what functions/sweep does when it is invoked. Its error makes the
// invocation one that failed, for whoever counts those; it has been logged.
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

// sweepMargin is what a sweep leaves of the time of its invocation, to write its
// line: Lambda ends a function in the middle of a word.
const sweepMargin = 5 * time.Second

// function builds one function's handler.
func function(c Config, name string) (http.Handler, error) {
	a, err := deployed(c)
	if err != nil {
		return nil, err
	}
	return a.Handler(name), nil
}

// deployed is the service on DynamoDB. It opens no connection: the first request
// does.
func deployed(c Config) (*App, error) {
	client, err := dynamo.NewFunctionClient()
	if err != nil {
		return nil, err
	}
	return New(dynamo.New(client, c.Table), c, slog.New(logline.ForFunction()))
}
