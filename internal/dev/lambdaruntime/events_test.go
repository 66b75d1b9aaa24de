package lambdaruntime_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime/runtimetest"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/e2e/eventfile"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// The binary of a function answers every event under events/ as its handler
// does. Events that only read share one table and one process of each function;
// events that write have their own. Without a queue to wake deliveries the feed only reads.
func TestBinaries_AnswerEveryEvent(t *testing.T) {
	t.Parallel()
	tabletest.Endpoint(t)
	events, err := eventfile.Load("../../../events")
	require.NoError(t, err)
	routes, err := local.Routes(rollcall.Template)
	require.NoError(t, err)
	folders := map[string]string{}
	for _, r := range routes {
		folders[r.Key()] = "functions/" + strings.ToLower(strings.TrimSuffix(r.Function, "Function"))
	}
	shared := filledTable(t)
	readers := map[string]*lambdaruntime.Function{}
	for _, e := range events {
		folder := folders[e.RouteKey]
		if e.Function != "" {
			folder = "functions/" + strings.ToLower(strings.TrimSuffix(e.Function, "Function"))
		}
		if folder == "" {
			t.Errorf("%s: the template has no route %q", e.Name, e.RouteKey)
			continue
		}
		reads := bytes.Contains(e.Payload, []byte("\n      \"method\": \"GET\",")) || folder == feed
		if reads && readers[folder] == nil {
			env := maps.Clone(shared)
			noQueue(env, folder)
			readers[folder] = runtimetest.Start(t, folder, env)
		}
		t.Run(e.Name, func(t *testing.T) {
			f := readers[folder]
			if !reads {
				env := filledTable(t)
				noQueue(env, folder)
				f = runtimetest.Start(t, folder, env)
			}
			r := runtimetest.Invoke(t, f, e.Payload)
			require.Nilf(t, r.Failure, "the invocation failed: %v\n%s", r.Failure, r.Logs)
			assert.NoErrorf(t, e.Want.Check(r.Response, lines(t, r.Logs), baseURL), "%s\n", e.Want.About)
			for _, token := range []string{fixture.Token, fixture.FullToken, fixture.RevokedToken} {
				assert.NotContainsf(t, string(r.Logs), strings.Split(token, "_")[3], "a token is in the log: %s", r.Logs)
			}
		})
	}
}

// noQueue lets a function that can do without the queue of wake-ups do so: there is none.
func noQueue(env map[string]string, folder string) {
	if folder == feed || folder == "functions/admin" {
		delete(env, "ROLLCALL_WAKE_QUEUE")
	}
}

// filledTable returns the environment of a function whose table has the
// fixture's data.
func filledTable(t *testing.T) map[string]string {
	t.Helper()
	endpoint, name := newTable(t)
	client, err := dynamo.NewLocalClient(t.Context(), endpoint)
	require.NoError(t, err)
	require.NoError(t, fixture.Fill(t.Context(), dynamo.New(client, name, dynamo.AttemptTimeout(20*time.Second))))
	return variables(endpoint, name)
}
