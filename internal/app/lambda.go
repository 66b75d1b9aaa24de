package app

import (
	"context"
	"log/slog"
	"net/http"
	"os"

	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
)

// Users is the handler of functions/users.
func Users(ctx context.Context, c Config) (http.Handler, error) { return function(ctx, c, "users") }

// Discovery is the handler of functions/discovery, which also answers for every
// path that has no route.
func Discovery(ctx context.Context, c Config) (http.Handler, error) {
	return function(ctx, c, "discovery")
}

// function builds one function's handler on DynamoDB. It opens no connection:
// the first request does.
func function(ctx context.Context, c Config, name string) (http.Handler, error) {
	client, err := dynamo.NewClient(ctx)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	a, err := New(dynamo.New(client, c.Table), c, log)
	if err != nil {
		return nil, err
	}
	return a.Handler(name), nil
}
