package fuzz

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	rollcall "github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// operator is the caller that API Gateway has authorized for the admin API.
const operator = "arn:aws:iam::123456789012:user/operator"

// markers are the names of one user of each tenant. No seed has them: an answer to one
// tenant with the other's marker shows that tenant's data.
var markers = map[string]string{"acme": "marker-qvxw-of-acme", "full": "marker-qvxw-of-full"}

// tokens are the valid tokens by their tenant.
var tokens = map[string]string{"acme": fixture.Token, "full": fixture.FullToken}

// A world is the table that each request gets a copy of, and the routes of the deployment.
type world struct {
	filled *embedded.Table
	grants *iam.Recorder
	routes *local.Gateway
	// serve returns the handler of a function on a table.
	serve func(t testing.TB, a *app.App, on table.Table, function string, log io.Writer) http.Handler
	// routed is the event of the last request that routes was given.
	routed lambdahttp.Event
	// clean is a copy that was not written to, nil for none.
	clean *embedded.Table
}

func newWorld(f *testing.F) *world {
	f.Helper()
	w := &world{serve: func(_ testing.TB, a *app.App, _ table.Table, function string, _ io.Writer) http.Handler {
		return a.FunctionHandler(strings.ToLower(strings.TrimSuffix(function, "Function")))
	}}
	var err error
	w.grants, err = iam.NewRecorder(rollcall.Template)
	require.NoError(f, err)
	routes, err := local.Routes(rollcall.Template)
	require.NoError(f, err)
	functions := map[string]local.LambdaHandler{}
	for _, r := range routes {
		functions[r.Function] = func(_ context.Context, e lambdahttp.Event) (lambdahttp.Response, error) {
			w.routed = e
			return lambdahttp.Response{StatusCode: http.StatusNoContent}, nil
		}
	}
	w.routes, err = local.NewGateway(routes, functions)
	require.NoError(f, err)
	w.routes.Authorize = func(*http.Request) (string, bool) { return operator, true }

	var ok bool
	w.filled, ok = enginetest.Memory(f).(*embedded.Table)
	require.True(f, ok)
	require.NoError(f, fixture.Fill(f.Context(), w.filled))
	for name, marker := range markers {
		r := w.invoke(f, w.filled, "UsersFunction", lambdahttp.Event{
			RawPath: "/scim/v2/Users", Headers: map[string]string{"authorization": "Bearer " + tokens[name]},
			Body: stage.User(`"userName":"` + marker + `@example.com","active":false,"externalId":"` + marker + `"`),
		}, http.MethodPost)
		require.Equal(f, http.StatusCreated, r.response.StatusCode, r.response.Body)
	}
	f.Cleanup(func() {
		if w.clean != nil {
			_ = w.clean.Close()
		}
	})
	return w
}

// send invokes a function with an event, on a copy of the table.
func (w *world) send(t *testing.T, function string, event lambdahttp.Event, method string) *result {
	t.Helper()
	engine := w.clean
	if engine == nil {
		var err error
		engine, err = w.filled.Copy()
		require.NoError(t, err)
	}
	w.clean = nil
	r := w.invoke(t, engine, function, event, method)
	if r.app != nil && slices.ContainsFunc(r.calls, func(c call) bool { return c.write }) {
		t.Cleanup(func() { _ = engine.Close() })
	} else {
		w.clean = engine
	}
	return r
}

// A result is what one request led to.
type result struct {
	app      *app.App
	response lambdahttp.Response
	lines    [][]byte
	calls    []call
	trips    int
	took     time.Duration
	// allocated is the memory that the request allocated, in bytes.
	allocated uint64
}

// invoke invokes a function with an event, as Lambda does.
func (w *world) invoke(t testing.TB, engine *embedded.Table, function string, event lambdahttp.Event, method string) *result {
	t.Helper()
	event.RequestContext.HTTP.Method = method
	seen := &watch{Table: engine}
	log := &bytes.Buffer{}
	a, err := app.New(w.grants.Table(seen), app.Config{BaseURL: fixture.BaseURL}, logline.New(log))
	require.NoError(t, err)
	before := slog.Default()
	slog.SetDefault(logline.New(log)) // what lambdahttp logs itself
	defer slog.SetDefault(before)
	serve := lambdahttp.Handler(w.serve(t, a, w.grants.Table(seen), function, log))
	r := &result{app: a}
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	begun := time.Now()
	r.response, err = serve(iam.As(t.Context(), function), event)
	r.took = time.Since(begun)
	runtime.ReadMemStats(&end)
	require.NoError(t, err)
	r.allocated = end.TotalAlloc - start.TotalAlloc
	r.calls, r.trips = seen.calls, seen.trips
	for line := range bytes.Lines(log.Bytes()) {
		r.lines = append(r.lines, bytes.TrimSuffix(line, []byte("\n")))
	}
	return r
}
