package app_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/idp"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/local"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// TestIdP replays what identity providers really send, through the gateway and
// the events that Lambda would get, each case in a tenant of its own.
func TestIdP(t *testing.T) {
	cases, err := idp.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, engine := range enginetest.Plain() {
		t.Run(engine.Name, func(t *testing.T) {
			engine.Need(t)
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			base := "http://" + listener.Addr().String() + "/scim/v2"
			s := newServiceAt(t, engine.Open(t), 5, base, app.Options{})
			server := httptest.NewUnstartedServer(gatewayOf(t, s.app))
			_ = server.Listener.Close()
			server.Listener = listener
			server.Start()
			t.Cleanup(server.Close)

			waiting := 0
			other := s.newTenant("other", 5)
			for i, c := range cases {
				if c.Waits != nil {
					waiting++
					t.Logf("%s waits for %s: %s", c.ID, c.Waits.For, c.Waits.Reason)
					continue
				}
				t.Run(c.ID, func(t *testing.T) {
					r := idp.Run(t.Context(), idp.Target{
						BaseURL: base, Token: s.newTenant(fmt.Sprintf("t%d", i), 5), OtherToken: other,
						ExtensionURN: scim.RollcallURN, Client: server.Client(), Event: s.event,
					}, c)
					for _, failure := range r.Failures {
						t.Error(failure)
					}
					if r.NotRun != "" || len(r.Unseen) > 0 {
						t.Errorf("not run: %s%v", r.NotRun, r.Unseen)
					}
				})
			}
			t.Logf("%d of %d cases wait for what is not served yet", waiting, len(cases))
		})
	}
}

// gatewayOf serves the routes of template.yaml with the functions' handlers.
func gatewayOf(t *testing.T, a *app.App) http.Handler {
	t.Helper()
	routes, err := local.Routes(rollcall.Template)
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := local.NewGateway(routes, map[string]local.LambdaHandler{
		"UsersFunction":     lambdahttp.Handler(a.Handler("users")),
		"DiscoveryFunction": lambdahttp.Handler(a.Handler("discovery")),
	})
	if err != nil {
		t.Fatal(err)
	}
	return gateway
}

// event is what was logged of a request.
func (s *service) event(requestID string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, event := range s.events {
		if event["requestId"] == requestID {
			return event
		}
	}
	return nil
}
