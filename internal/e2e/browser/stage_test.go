package browsertest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/e2e/provoke"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// served is a service whose console is served on this machine.
type served struct {
	*provoke.Stage
	console *console.Console
	base    string
}

func serve(t *testing.T, seats int64) *served {
	t.Helper()
	return serveOn(t, provoke.New(t, enginetest.Memory(t), seats))
}

func serveOn(t *testing.T, stage *provoke.Stage) *served {
	t.Helper()
	s := &served{Stage: stage}
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	s.base = "http://" + address
	client, err := adminclient.New(s.base+adminapi.Prefix, adminclient.Bearer("admin"))
	require.NoError(t, err)
	s.console, err = console.New(console.Config{Client: client, Address: address, Place: "this machine", Log: logline.New(t.Output()), Now: s.Now})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(console.Prefix+"/", s.console)
	mux.HandleFunc(adminapi.Prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer admin" {
			r.Header.Set(web.OperatorHeader, provoke.Operator)
		}
		s.Admin().ServeHTTP(w, r)
	})
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: mux}}
	server.Start()
	t.Cleanup(server.Close)
	return s
}

// user provisions a user, and returns the answer.
func (s *served) user(name string, more ...string) provoke.Answer {
	quoted, _ := json.Marshal(name)
	return s.Send("POST", "/Users", stage.User(fmt.Sprintf(`"userName":%s%s`, quoted, strings.Join(more, ""))))
}
