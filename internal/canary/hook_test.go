package canary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
)

// answers are the functions of a test, by the ARN of their version.
type answers map[string]func(event []byte) ([]byte, error)

func (a answers) Invoke(_ context.Context, version string, event []byte) ([]byte, error) {
	return a[version](event)
}

// reports are the results that CodeDeploy got.
type reports struct {
	got  []bool
	of   []Deployment
	fail error
}

func (r *reports) Report(_ context.Context, d Deployment, succeeded bool) error {
	r.got, r.of = append(r.got, succeeded), append(r.of, d)
	return r.fail
}

// files are events of the functions users and groups, with their expected answers.
func files() fstest.MapFS {
	const want = `{"about":"x","status":401,"headers":{"content-type":"application/scim+json","location":"{{baseUrl}}/x"},"body":{"detail":"No. (request {{requestId}})","n":[1]}}`
	f := fstest.MapFS{}
	for _, name := range []string{"users_a", "users_b", "groups_a"} {
		f[name+".json"] = &fstest.MapFile{Data: []byte(`{"rawPath":"/` + name + `"}`)}
		f[name+".want.json"] = &fstest.MapFile{Data: []byte(want)}
	}
	return f
}

func answer(status int, contentType, body string) []byte {
	b, _ := json.Marshal(map[string]any{"statusCode": status, "headers": map[string]string{"Content-Type": contentType, "Location": "https://scim.example.com/scim/v2/x"}, "body": body})
	return b
}

const good = `{"n":[1],"detail":"No. (request 1)"}`

// handle lets a hook try the functions, of which users answers as given.
func handle(t *testing.T, users func([]byte) ([]byte, error), change func(*Hook)) (r *reports, log string, err error) {
	t.Helper()
	r = &reports{}
	var lines bytes.Buffer
	h := &Hook{
		Versions: map[string]string{"users": "U:2", "groups": "G:7"}, Events: files(), Reporter: r, Log: slog.New(slog.NewTextHandler(&lines, nil)),
		Invoker: answers{"U:2": users, "G:7": func([]byte) ([]byte, error) { return answer(401, "application/scim+json", good), nil }},
	}
	if change != nil {
		change(h)
	}
	err = h.Handle(t.Context(), Deployment{ID: "d-1", Step: "s-1"})
	return r, lines.String(), err
}

func TestHandle_ReportsSuccess(t *testing.T) {
	var seen []string
	r, log, err := handle(t, func(event []byte) ([]byte, error) {
		seen = append(seen, string(event))
		return answer(401, "application/scim+json", good), nil
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, []bool{true}, r.got)
	assert.Equal(t, []Deployment{{ID: "d-1", Step: "s-1"}}, r.of)
	assert.Equal(t, []string{`{"rawPath":"/users_a"}`, `{"rawPath":"/users_b"}`}, seen)
	assert.Contains(t, log, "tried=3 failed=0")
}

func TestHandle_ReportsFailure(t *testing.T) {
	const scim = "application/scim+json"
	for name, tt := range map[string]struct {
		payload []byte
		err     error
		want    string
	}{
		"function failed":     {nil, errors.New("the function failed (Unhandled)"), "users_b: the function failed (Unhandled)"},
		"another status":      {answer(200, scim, good), nil, "status 200, want 401"},
		"another header":      {answer(401, "text/html", good), nil, "content-type: text/html, want application/scim+json"},
		"another text":        {answer(401, scim, `{"n":[1],"detail":"Yes"}`), nil, "/detail: Yes"},
		"another number":      {answer(401, scim, `{"n":[2],"detail":"No. (request 1)"}`), nil, "/n/0: 2, want 1"},
		"another length":      {answer(401, scim, `{"n":[1,1],"detail":"No. (request 1)"}`), nil, "/n: the elements"},
		"one member more":     {answer(401, scim, `{"n":[1],"x":1,"detail":"No. (request 1)"}`), nil, "the members are not"},
		"no text":             {answer(401, scim, `{"n":[1],"detail":1}`), nil, "/detail: 1"},
		"not a JSON object":   {answer(401, scim, `[]`), nil, "the body is not a JSON object"},
		"not an HTTP answer":  {[]byte(`"x"`), nil, "the answer is not an HTTP response"},
		"an answer of errors": {[]byte(`{"errorMessage":"x"}`), nil, "status 0, want 401"},
	} {
		t.Run(name, func(t *testing.T) {
			r, log, err := handle(t, func(event []byte) ([]byte, error) {
				if strings.Contains(string(event), "users_a") {
					return answer(401, scim, good), nil
				}
				return tt.payload, tt.err
			}, nil)
			require.NoError(t, err, "a failed trial is a result of the hook, not its failure")
			assert.Equal(t, []bool{false}, r.got)
			assert.Contains(t, log, tt.want)
			assert.Contains(t, log, "failed=1")
		})
	}
}

// A hook that tried nothing, or not all functions, does not report success.
func TestHandle_NeedsAnEventForEachFunction(t *testing.T) {
	ok := func([]byte) ([]byte, error) { return answer(401, "application/scim+json", good), nil }
	for want, change := range map[string]func(*Hook){
		"no event for the function users": func(h *Hook) { h.Events = fstest.MapFS{} },
		"no event for the function bulk":  func(h *Hook) { h.Versions["bulk"] = "B:1" },
		"no version of the function users": func(h *Hook) {
			h.Versions = map[string]string{"groups": "G:7"}
		},
		"users_b: open users_b.want.json": func(h *Hook) { delete(h.Events.(fstest.MapFS), "users_b.want.json") },
	} {
		r, log, err := handle(t, ok, change)
		require.NoError(t, err)
		assert.Equal(t, []bool{false}, r.got, want)
		assert.Contains(t, log, want)
	}
}

// A result that CodeDeploy did not get fails the invocation, so that it is seen.
func TestHandle_FailsIfItCannotReport(t *testing.T) {
	ok := func([]byte) ([]byte, error) { return answer(401, "application/scim+json", good), nil }
	_, _, err := handle(t, ok, func(h *Hook) { h.Reporter = &reports{fail: errors.New("denied")} })
	assert.EqualError(t, err, "report to CodeDeploy: denied")
}

// slow is an invoker that waits for the end of its context.
type slow struct{}

func (slow) Invoke(ctx context.Context, _ string, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A function that does not answer leaves the hook time to report.
func TestHandle_ReportsBeforeItsTimeIsUp(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(reporting))
	defer cancel()
	r := &reports{}
	h := &Hook{Versions: map[string]string{"users": "U", "groups": "G"}, Events: files(), Invoker: slow{}, Reporter: r, Log: slog.New(slog.DiscardHandler)}
	require.NoError(t, h.Handle(ctx, Deployment{}))
	assert.Equal(t, []bool{false}, r.got)
	require.NoError(t, ctx.Err())
}

// The deployed events try every function of API Gateway, and change nothing: each is refused,
// or reads what everybody may read.
func TestDeployEvents_ChangeNothing(t *testing.T) {
	names, err := fs.Glob(rollcall.DeployEvents, "events/deploy/*.want.json")
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(names), 12)
	for _, name := range names {
		var want expected
		text, err := fs.ReadFile(rollcall.DeployEvents, name)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &want))
		if want.Status < 400 {
			assert.Contains(t, []string{"events/deploy/discovery_config.want.json", "events/deploy/oauth_metadata.want.json"}, name)
		}
	}
}
