package portal

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/assumed"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Deployed returns the handler of functions/portal, on DynamoDB. With a role, whatever concerns a
// tenant is done with rights that reach that tenant alone.
func Deployed(c app.Config, p Config) (http.Handler, error) {
	client, err := dynamo.NewFunctionClient()
	if err != nil {
		return nil, err
	}
	own := dynamo.New(client, c.Table)
	of := func(context.Context, tenant.ID) (table.Table, error) { return own, nil }
	if p.Role != "" {
		of = assumed.New(client, c.Table, p.Role, assumed.NewRole(client), app.WallClock).Of
	}
	return New(own, of, c, p, slog.New(logline.ForFunction()), app.Options{})
}
