// Package portal assembles the customer's portal: the pages of package console, over the admin API
// of package app, on a table that reaches no tenant but that of the session. It is a package of
// its own, so that no other function links the pages.
package portal

import (
	"context"
	"log/slog"
	"net/http"
	"os"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A Config has the settings of the customer's portal.
type Config struct {
	// Off says that the deployment serves no portal: each request is refused.
	Off   bool
	Brand console.Brand
	// Role is the ARN of the role that the portal assumes for the tenant of a session, "" for
	// the function's own rights.
	Role string
}

// ConfigFromEnv reads ROLLCALL_PORTAL, ROLLCALL_PORTAL_NAME, ROLLCALL_PORTAL_LOGO, ROLLCALL_PORTAL_COLOR,
// ROLLCALL_PORTAL_SUPPORT and ROLLCALL_PORTAL_ROLE.
func ConfigFromEnv() (Config, error) {
	c := Config{Brand: console.Brand{
		Name: os.Getenv("ROLLCALL_PORTAL_NAME"), Logo: os.Getenv("ROLLCALL_PORTAL_LOGO"),
		Color: os.Getenv("ROLLCALL_PORTAL_COLOR"), Support: os.Getenv("ROLLCALL_PORTAL_SUPPORT"),
	}, Role: role(), Off: os.Getenv(app.PortalVariable) != "on"}
	if c.Brand.Name == "" {
		c.Brand.Name = DefaultName
	}
	if c.Off {
		return c, nil // nobody sees the brand
	}
	return c, c.Brand.Check()
}

// role returns the role that the deployment names. Under sam local there are no roles.
func role() string {
	if os.Getenv("AWS_SAM_LOCAL") == "true" {
		return ""
	}
	return os.Getenv("ROLLCALL_PORTAL_ROLE")
}

// DefaultName is what the portal calls the product if the deployment does not say.
const DefaultName = "User provisioning"

// operator is who the admin API takes for the caller of the portal's requests: its log
// names the visitor beside it.
const operator = "portal"

// New returns the portal on a table. Whatever the code above the table does, a request reaches
// only the items of the tenant of its session: of returns the table as that tenant may use it, and
// common has the keys of the deployment.
func New(common table.Table, of func(context.Context, tenant.ID) (table.Table, error), c app.Config, p Config, log *slog.Logger, o app.Options) (http.Handler, error) {
	a, err := app.NewWith(store.Confined(common, of), c, log, o)
	if err != nil {
		return nil, err
	}
	if p.Off {
		return http.HandlerFunc(refuse), nil
	}
	a.SettleKeys()
	now := o.Now
	if now == nil {
		now = app.WallClock
	}
	api := a.AdminHandler()
	return console.NewPortal(console.PortalConfig{
		Porter: porter{a.Porter(), &pace{now: now}}, Origin: a.Origin(), Brand: p.Brand, Log: log, Now: now,
		Client: func(g console.Guest) *adminclient.Client {
			return adminclient.Direct(api, func(r *http.Request, _ []byte) error {
				r.Header.Set(web.OperatorHeader, operator)
				r.Header.Set(adminapi.ActorHeader, g.Actor)
				return nil
			})
		},
	})
}

// refuse answers every request of a deployment without a portal.
func refuse(w http.ResponseWriter, r *http.Request) {
	answer := web.Answer{Status: http.StatusForbidden, MediaType: "text/plain; charset=utf-8", Body: []byte("There is no portal here.\n")}
	answer.Send(w, r, "")
}

// Local returns the portal on a table without rights of its own, as rollcall local and tests serve
// it. The requests of a session still reach only its tenant.
func Local(t table.Table, c app.Config, p Config, log *slog.Logger, o app.Options) (http.Handler, error) {
	return New(t, func(context.Context, tenant.ID) (table.Table, error) { return t, nil }, c, p, log, o)
}

// Functions returns the handlers of all functions by their folders, for programs that serve all of
// them.
func Functions(a *app.App, portal http.Handler) func(folder string) http.Handler {
	return func(folder string) http.Handler {
		if folder == "portal" {
			return portal
		}
		return a.FunctionHandler(folder)
	}
}
