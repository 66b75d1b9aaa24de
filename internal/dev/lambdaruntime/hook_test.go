package lambdaruntime_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime/runtimetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// services stands in for Lambda's and CodeDeploy's APIs: it invokes functions by
// the ARN of their version, and keeps what is reported.
type services struct {
	invoke func(folder string, event []byte) (answer []byte, failure string)

	mu       sync.Mutex // guards the fields below
	reported []map[string]string
	invoked  map[string]int
}

// version returns the ARN of a function's version.
func version(folder string) string {
	return "arn:aws:lambda:us-east-1:123456789012:function:" + lambdaruntime.FunctionName(folder) + ":7"
}

func (s *services) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.Header.Get("X-Amz-Target") == "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus" {
		var report map[string]string
		if json.Unmarshal(body, &report) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.reported = append(s.reported, report)
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, "{}")
		return
	}
	arn, _ := url.PathUnescape(strings.TrimSuffix(strings.TrimPrefix(r.URL.EscapedPath(), "/2015-03-31/functions/"), "/invocations"))
	for _, folder := range lambdaruntime.Functions {
		if arn != version(folder) {
			continue
		}
		s.mu.Lock()
		s.invoked[folder]++
		s.mu.Unlock()
		answer, failure := s.invoke(folder, body)
		if failure != "" {
			w.Header().Set("X-Amz-Function-Error", failure)
		}
		_, _ = w.Write(answer)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// hook runs the hook's binary with a deployment's event.
func hook(t *testing.T, s *services) lambdaruntime.Result {
	t.Helper()
	s.invoked = map[string]int{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	f := runtimetest.Start(t, lambdaruntime.Hook, map[string]string{
		"AWS_ENDPOINT_URL_LAMBDA": server.URL, "AWS_ENDPOINT_URL_CODEDEPLOY": server.URL, "ROLLCALL_STACK": "rollcall-prod",
		"ROLLCALL_NEW_USERS": version(users), "ROLLCALL_NEW_GROUPS": version(groups), "ROLLCALL_NEW_BULK": version(bulk),
		"ROLLCALL_NEW_ADMIN": version(admin), "ROLLCALL_NEW_DISCOVERY": version(discovery), "ROLLCALL_NEW_OAUTH": version(oauth), "ROLLCALL_NEW_PORTAL": version(portal),
	})
	return runtimetest.Invoke(t, f, []byte(`{"DeploymentId":"d-ABCDEF123","LifecycleEventHookExecutionId":"step"}`))
}

// The hook's binary invokes the functions' own binaries with every event of a deployment, and
// reports that they may get requests.
func TestHook_PassesWorkingFunctions(t *testing.T) {
	t.Parallel()
	tabletest.Endpoint(t)
	shared := filledTable(t)
	functions := map[string]*lambdaruntime.Function{}
	for _, folder := range []string{users, groups, bulk, admin, discovery, oauth, portal} {
		functions[folder] = runtimetest.Start(t, folder, shared)
	}
	s := &services{invoke: func(folder string, event []byte) (answer []byte, failure string) {
		r, err := functions[folder].Invoke(t.Context(), event)
		if err != nil || r.Failure != nil {
			return []byte("{}"), "Unhandled"
		}
		return r.Response, ""
	}}
	r := hook(t, s)
	require.Nilf(t, r.Failure, "%v\n%s", r.Failure, r.Logs)
	want := []map[string]string{{"deploymentId": "d-ABCDEF123", "lifecycleEventHookExecutionId": "step", "status": "Succeeded"}}
	assert.Equalf(t, want, s.reported, "log %s", r.Logs)
	assert.Len(t, s.invoked, 7)
	assert.Equal(t, 0.0, lines(t, r.Logs)[0]["failed"])
}

// A function that fails keeps the requests at the old version; the log has the reason.
func TestHook_StopsAFailingFunction(t *testing.T) {
	t.Parallel()
	s := &services{invoke: func(string, []byte) (answer []byte, failure string) {
		return []byte(`{"errorType":"Runtime.ExitError","errorMessage":"exit status 1"}`), "Unhandled"
	}}
	r := hook(t, s)
	require.Nil(t, r.Failure)
	require.Len(t, s.reported, 1)
	assert.Equal(t, "Failed", s.reported[0]["status"])
	line := lines(t, r.Logs)[0]
	assert.Equal(t, "ERROR", line["level"])
	assert.Contains(t, line["error"], "users_no_token: the function failed (Unhandled): ")
	assert.Contains(t, line["error"], "exit status 1")
}

func TestHook_ExitsWithoutVersions(t *testing.T) {
	t.Parallel()
	_, err := lambdaruntime.Start(t.Context(), lambdaruntime.Process{Binary: runtimetest.Binary(t, lambdaruntime.Hook)})
	var failed *lambdaruntime.InitError
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, string(failed.Logs), "ROLLCALL_NEW_USERS and the others are not set")
}
