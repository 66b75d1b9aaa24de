package system

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A readOnly is a table that refuses all writes.
type readOnly struct {
	table.Table
	refuse func(context.Context) error
}

func (r *readOnly) Write(ctx context.Context, _ table.Transaction) error { return r.refuse(ctx) }

// leftOver stores the unfinished tasks of n groups, as if their requests had
// been killed at the given time.
func leftOver(t *testing.T, engine table.Table, name string, at time.Time, groups ...string) {
	t.Helper()
	id, err := tenant.ParseID(name)
	require.NoError(t, err)
	s := app.NewStore(engine, app.Options{Now: func() time.Time { return at }})
	for _, group := range groups {
		require.NoError(t, s.BeginEpoch(t.Context(), id, group, nil, 1, at))
	}
}

func memory(t *testing.T) *embedded.Table {
	t.Helper()
	engine, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = engine.Close() })
	return engine
}

// sweeper returns the service on a table, and its log.
func sweeper(t *testing.T, engine table.Table) (*app.App, *bytes.Buffer) {
	t.Helper()
	log := &bytes.Buffer{}
	a, err := app.New(calls.Table(engine), app.Config{BaseURL: "https://scim.test/scim/v2"}, logline.New(log))
	require.NoError(t, err)
	return a, log
}

// line returns the only line of a log, without what differs between runs.
func line(t *testing.T, log *bytes.Buffer) map[string]any {
	t.Helper()
	var event map[string]any
	decoder := json.NewDecoder(log)
	require.NoError(t, decoder.Decode(&event), "no line that is JSON")
	assert.Falsef(t, decoder.More(), "more than one line: %s", log)
	return event
}

// costs are the fields that a line has only if they are not zero.
var costs = map[string]bool{"retries": true, "itemsRead": true, "writeUnits": true}

// wantFields compares the named fields. Costs of zero are left out of a line.
func wantFields(t *testing.T, got, want map[string]any) {
	t.Helper()
	for name, value := range want {
		_, present := got[name]
		assert.Truef(t, got[name] == value || value == 0.0 && !present && costs[name], "%s = %v, want %v in %v", name, got[name], value, got)
	}
}

func TestSweep_FinishesOldTasksOfAllTenants(t *testing.T) {
	engine := memory(t)
	long, now := time.Now().Add(-2*store.SweepAge), time.Now()
	leftOver(t, engine, "acme", long, "g1", "g2")
	leftOver(t, engine, "globex", long, "g1")
	leftOver(t, engine, "globex", now, "g2")
	a, log := sweeper(t, engine)

	assert.NoError(t, a.Sweep(iam.As(t.Context(), "SweepFunction")))
	event := line(t, log)
	wantFields(t, event, map[string]any{
		"event": "scim.sweep", "level": "INFO", "due": 4.0, "done": 3.0, "young": 1.0, "failed": 0.0, "interrupted": false, "error": nil,
	})
	for _, name := range []string{"durationMs", "roundTrips", "itemsRead", "readUnits", "writeUnits"} {
		if n, _ := event[name].(float64); n <= 0 {
			t.Errorf("%s = %v", name, event[name])
		}
	}

	assert.NoError(t, a.Sweep(iam.As(t.Context(), "SweepFunction")))
	wantFields(t, line(t, log), map[string]any{"done": 0.0, "young": 1.0, "roundTrips": 2.0, "writeUnits": 0.0})
}

// Nearly every sweep finds nothing, so its cost decides the bill. The first one of a day
// searches the tenants for credentials.
func TestSweep_CostsTwoReadUnitsWithoutTasks(t *testing.T) {
	a, log := sweeper(t, memory(t))
	assert.NoError(t, a.Sweep(iam.As(t.Context(), "SweepFunction")))
	wantFields(t, line(t, log), map[string]any{"roundTrips": 4.0})
	assert.NoError(t, a.Sweep(iam.As(t.Context(), "SweepFunction")))
	wantFields(t, line(t, log), map[string]any{
		"done": 0.0, "young": 0.0, "failed": 0.0, "expiring": 0.0, "roundTrips": 2.0, "readUnits": 2.0, "writeUnits": 0.0,
	})
}

func TestSweep_LogsEachReasonOnce(t *testing.T) {
	engine := memory(t)
	leftOver(t, engine, "acme", time.Now().Add(-2*store.SweepAge), "g1", "g2", "g3")
	a, log := sweeper(t, &readOnly{Table: engine, refuse: func(context.Context) error { return errors.New("not\nallowed") }})
	assert.Error(t, a.Sweep(iam.As(t.Context(), "SweepFunction")), "a sweep of which tasks failed has no error")
	event := line(t, log)
	wantFields(t, event, map[string]any{"level": "ERROR", "done": 0.0, "failed": 3.0, "interrupted": false})
	reason, _ := event["error"].(string)
	assert.Equalf(t, 1, strings.Count(reason, "not; allowed"), "error = %q, want the reason once, in one line", reason)
}

func TestSweep_TimeoutIsNotAnError(t *testing.T) {
	engine := memory(t)
	leftOver(t, engine, "acme", time.Now().Add(-2*store.SweepAge), "g1", "g2")
	a, log := sweeper(t, &readOnly{Table: engine, refuse: func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	assert.NoError(t, a.Sweep(iam.As(ctx, "SweepFunction")))
	wantFields(t, line(t, log), map[string]any{"level": "WARN", "done": 0.0, "failed": 0.0, "interrupted": true, "error": nil})
}

func TestSweepEvery_LogsItsFindings(t *testing.T) {
	engine := memory(t)
	a, log := sweeper(t, engine)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); a.SweepEvery(ctx, time.Millisecond) }()
	time.Sleep(10 * time.Millisecond) // sweeps that find nothing
	leftOver(t, engine, "acme", time.Now().Add(-2*store.SweepAge), "g1")
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		faults, err := a.Store.Audit(t.Context(), acme)
		require.NoError(t, err)
		if len(faults) == 0 {
			break
		}
		require.Truef(t, time.Since(begin) <= 10*time.Second, "no sweep finishes it: %v", faults)
	}
	cancel()
	<-ended
	wantFields(t, line(t, log), map[string]any{"event": "scim.sweep", "done": 1.0})
}

// The function as deployed: its client, its table, the deadline of its
// invocation.
func TestSweep_AsDeployed(t *testing.T) {
	endpoint := tabletest.Endpoint(t)
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	client, err := dynamo.NewLocalClient(t.Context(), endpoint)
	require.NoError(t, err)
	name := "rollcall-sweep-" + time.Now().UTC().Format("20060102t150405.000000000")
	require.NoError(t, dynamo.CreateTable(t.Context(), client, name))
	t.Cleanup(func() { _ = dynamo.DropTable(context.Background(), client, name) })
	leftOver(t, dynamo.New(client, name), "acme", time.Now().Add(-2*store.SweepAge), "g1")

	read, write, err := os.Pipe()
	require.NoError(t, err)
	stdout := os.Stdout
	os.Stdout = write
	t.Cleanup(func() { os.Stdout = stdout })
	sweep, err := app.Sweep(app.Config{Table: name, BaseURL: "https://scim.test/scim/v2"})
	os.Stdout = stdout
	require.NoError(t, err)
	for _, tt := range []struct {
		timeout time.Duration
		want    map[string]any
	}{
		{time.Second, map[string]any{"done": 0.0, "interrupted": true}}, // shorter than the margin
		{time.Minute, map[string]any{"done": 1.0, "interrupted": false}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
		assert.NoError(t, sweep(ctx))
		cancel()
		buffer := make([]byte, 4096)
		n, err := read.Read(buffer)
		require.NoError(t, err)
		wantFields(t, line(t, bytes.NewBuffer(buffer[:n])), tt.want)
	}
}
