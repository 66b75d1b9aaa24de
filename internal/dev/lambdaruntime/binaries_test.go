package lambdaruntime_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime/runtimetest"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

const (
	users, groups    = "functions/users", "functions/groups"
	bulk             = "functions/bulk"
	discovery, sweep = "functions/discovery", "functions/sweep"
	oauth            = "functions/oauth"
	portal           = "functions/portal"
	admin            = "functions/admin"
	feed, deliver    = "functions/feed", "functions/deliver"
	panics           = "internal/dev/lambdaruntime/testdata/panics"

	prefix      = "/scim/v2"
	baseURL     = "https://scim.example.com" + prefix
	errorURN    = "urn:ietf:params:scim:api:messages:2.0:Error"
	unreachable = "http://127.0.0.1:1" // no server listens there

	// scheduled is the event with which EventBridge invokes the sweep.
	scheduled = `{"version":"0","id":"53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa","detail-type":"Scheduled Event","source":"aws.events","account":"123456789012","time":"2026-11-23T10:00:00Z","region":"us-east-1","resources":["arn:aws:events:us-east-1:123456789012:rule/Schedule"],"detail":{}}`
)

// invocation returns an event with which a function that takes no SCIM request reads the table.
func invocation(t *testing.T, folder string) []byte {
	t.Helper()
	name, ok := map[string]string{feed: "feed/user_deactivated", oauth: "deploy/oauth_unknown_client", portal: "portal/unknown_link"}[folder]
	if !ok {
		return []byte(scheduled)
	}
	event, err := os.ReadFile("../../../events/" + name + ".json")
	require.NoError(t, err)
	// Of a link with a mark, the keys of the deployment are read.
	marked := "rcl_acme_" + strings.Repeat("a", 16) + "_" + strings.Repeat("a", 52) + "_" + strings.Repeat("0", 32)
	return bytes.ReplaceAll(event, []byte("rcl_acme_x"), []byte(marked))
}

// needsToken has a request for each function that reads the table for its
// token.
var needsToken = map[string][2]string{
	users: {"GET", "/Users/42"}, groups: {"GET", "/Groups/42"}, bulk: {"POST", "/Bulk"}, discovery: {"GET", "/Schemas"},
}

// variables returns the environment variables of a deployed function, with
// DynamoDB at an endpoint.
func variables(endpoint, table string) map[string]string {
	return map[string]string{
		"ROLLCALL_TABLE":            table,
		"ROLLCALL_BASE_URL":         baseURL,
		"ROLLCALL_PORTAL":           "on",
		"ROLLCALL_EXTENSION_URN":    "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User",
		"ROLLCALL_STACK":            "rollcall-prod",
		"ROLLCALL_WAKE_QUEUE":       unreachable + "/123456789012/rollcall-wake",
		"AWS_ENDPOINT_URL_DYNAMODB": endpoint,
	}
}

// event returns a request as API Gateway passes it. A path of three segments is
// that of a resource.
func event(t *testing.T, method, path, token, body string) []byte {
	t.Helper()
	path, query, _ := strings.Cut(path, "?")
	e := lambdahttp.Event{
		Version: "2.0", RawPath: prefix + path, RawQueryString: query, Body: body,
		Headers: map[string]string{"host": "scim.example.com", "user-agent": "Okta SCIM Client 1.0.0", "content-type": "application/scim+json"},
	}
	if token != "" {
		e.Headers["authorization"] = "Bearer " + token
	}
	e.RouteKey = "ANY " + e.RawPath
	if resource, id, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/"); ok {
		e.RouteKey, e.PathParameters = "ANY "+prefix+"/"+resource+"/{id}", map[string]string{"id": id}
	}
	e.RequestContext.RouteKey, e.RequestContext.Stage = e.RouteKey, "$default"
	e.RequestContext.RequestID = "JKJaXmPLvHcESHA="
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Path = method, e.RawPath
	e.RequestContext.HTTP.SourceIP = "192.0.2.1"
	b, err := json.Marshal(e)
	require.NoError(t, err)
	return b
}

// adminEvent requests the tenants, authorized by IAM or not.
func adminEvent(t *testing.T, authorized bool) []byte {
	t.Helper()
	const path = "/admin/v1/tenants"
	e := lambdahttp.Event{
		Version: "2.0", RouteKey: "ANY /admin/v1/{s1}", RawPath: path, PathParameters: map[string]string{"s1": "tenants"},
		Headers: map[string]string{"host": "scim.example.com", strings.ToLower(web.OperatorHeader): "arn:aws:iam::1:user/forged"},
	}
	e.RequestContext.RouteKey, e.RequestContext.Stage = e.RouteKey, "$default"
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Path = "GET", path
	if authorized {
		lambdahttp.Authorize(&e, "arn:aws:iam::123456789012:role/application")
	}
	b, err := json.Marshal(e)
	require.NoError(t, err)
	return b
}

// answer is an HTTP API's response, with its body as it is sent.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func answerOf(t *testing.T, r lambdaruntime.Result) answer {
	t.Helper()
	require.Nilf(t, r.Failure, "the invocation failed: %v\n%s", r.Failure, r.Logs)
	var response lambdahttp.Response
	require.NoErrorf(t, json.Unmarshal(r.Response, &response), "response %s", r.Response)
	a := answer{status: response.StatusCode, header: http.Header{}}
	for name, value := range response.Headers {
		a.header.Set(name, value)
	}
	body := []byte(response.Body)
	if response.IsBase64Encoded {
		var err error
		body, err = base64.StdEncoding.DecodeString(response.Body)
		require.NoError(t, err)
	}
	if len(body) > 0 {
		require.NoErrorf(t, json.Unmarshal(body, &a.body), "body %s", body)
	}
	return a
}

// wantError checks an answer against RFC 7644 §3.12.
func wantError(t *testing.T, a answer, status int, scimType string) {
	t.Helper()
	got, _ := a.body["scimType"].(string)
	schemas, _ := a.body["schemas"].([]any)
	if a.status != status || a.body["status"] != strconv.Itoa(status) || got != scimType ||
		len(schemas) != 1 || schemas[0] != errorURN || a.body["detail"] == "" {
		t.Errorf("%d %v, want the SCIM error %d %s", a.status, a.body, status, scimType)
	}
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "application/scim+json") {
		t.Errorf("Content-Type %q", got)
	}
}

// lines returns the lines of a log, each of which must be a JSON object.
func lines(t *testing.T, log []byte) []map[string]any {
	t.Helper()
	var all []map[string]any
	for s := bufio.NewScanner(bytes.NewReader(log)); s.Scan(); {
		var line map[string]any
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			t.Fatalf("the log line %q is not JSON: %v", s.Text(), err)
		}
		all = append(all, line)
	}
	return all
}

// requestLine returns the one event of a request, after checking its
// invocation.
func requestLine(t *testing.T, r lambdaruntime.Result) map[string]any {
	t.Helper()
	all := lines(t, r.Logs)
	require.Truef(t, len(all) == 1 && all[0]["event"] == "scim.request", "log %s, want one scim.request", r.Logs)
	if all[0]["outcome"] != "success" || all[0]["coldStart"] == true {
		assert.Truef(t, all[0]["lambdaRequestId"] == r.RequestID, "lambdaRequestId %v, want %s", all[0]["lambdaRequestId"], r.RequestID)
	} else {
		assert.NotContains(t, all[0], "lambdaRequestId", "of a success, of which Lambda has no line")
	}
	id, _ := all[0]["traceId"].(string)
	assert.Falsef(t, !strings.HasPrefix(id, "Root=1-") && !strings.HasPrefix(id, "1-"), "traceId %q", id)
	return all[0]
}

func mint(t *testing.T) (string, access.Record) {
	t.Helper()
	id, err := tenant.ParseID("acme")
	require.NoError(t, err)
	return access.Mint(id)
}

func TestBinaries_StartWithoutATable(t *testing.T) {
	t.Parallel()
	for _, folder := range lambdaruntime.Functions {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			f := runtimetest.Start(t, folder, variables(unreachable, "none"))
			init := f.Init()
			assert.Emptyf(t, init.Logs, "a start says %s", init.Logs)
		})
	}
}

func TestBinaries_ExitWithoutAVariable(t *testing.T) {
	t.Parallel()
	for _, folder := range lambdaruntime.Functions {
		for _, missing := range []string{"ROLLCALL_TABLE", "ROLLCALL_BASE_URL"} {
			t.Run(folder+" without "+missing, func(t *testing.T) {
				t.Parallel()
				env := variables(unreachable, "none")
				delete(env, missing)
				_, err := lambdaruntime.Start(t.Context(), lambdaruntime.Process{Binary: runtimetest.Binary(t, folder), Env: env})
				var failed *lambdaruntime.InitError
				require.ErrorAs(t, err, &failed, "error")
				if failed.Exit.String() != "exit status 1" || failed.Posted || failed.Failure.Type != lambdaruntime.ExitError {
					t.Errorf("%s, posted %t, %v", failed.Exit, failed.Posted, failed.Failure)
				}
				var line struct{ Level, Message, Error string }
				if err := json.Unmarshal(failed.Logs, &line); err != nil || line.Level != "ERROR" || !strings.HasPrefix(line.Error, missing) {
					t.Errorf("log %q, want one line in JSON that names %s: %v", failed.Logs, missing, err)
				}
			})
		}
	}
}

// maxInitAllocations is the most that one of the service's packages allocates
// before main: a large table, or an expression to compile, slows each cold
// start. Allocations are counted because times vary.
const maxInitAllocations = 500

func TestBinaries_PrepareLittleAtTheStart(t *testing.T) {
	t.Parallel()
	started := regexp.MustCompile(`(?m)^init (\S+) .* (\d+) allocs$`)
	for _, folder := range lambdaruntime.Functions {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), runtimetest.Binary(t, folder))
			cmd.Env = []string{"GODEBUG=inittrace=1"}
			// Without its variables the function exits after the initialization.
			output, _ := cmd.CombinedOutput()
			var ours int
			for _, m := range started.FindAllSubmatch(output, -1) {
				name, count := string(m[1]), string(m[2])
				if !strings.Contains(name, "/rollcall/") {
					continue
				}
				ours++
				n, err := strconv.Atoi(count)
				assert.Truef(t, err == nil && n <= maxInitAllocations, "%s allocates %s times before main, want at most %d", name, count, maxInitAllocations)
			}
			assert.NotEqualf(t, 0, ours, "no package of the service in the trace: %s", output)
		})
	}
}

func TestBinaries_AnswerWithoutATable(t *testing.T) {
	t.Parallel()
	for folder, request := range needsToken {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			f := runtimetest.Start(t, folder, variables(unreachable, "none"))

			r := runtimetest.Invoke(t, f, event(t, request[0], request[1], "", ""))
			a := answerOf(t, r)
			wantError(t, a, 401, "")
			challenge := a.header.Get("WWW-Authenticate")
			assert.Truef(t, strings.HasPrefix(challenge, "Bearer"), "WWW-Authenticate %q", challenge)
			if line := requestLine(t, r); line["status"] != 401.0 || line["coldStart"] != true ||
				line["failures"] != 1.0 || line["stack"] != "rollcall-prod" || line["_aws"] == nil || line["timestamp"] == nil || line["level"] != "WARN" {
				t.Errorf("event %v", line)
			}

			for _, malformed := range []string{`{}`, `[]`, `"text"`, `null`, `{"version":"1.0","httpMethod":"GET","path":"/scim/v2/Users"}`} {
				r := runtimetest.Invoke(t, f, []byte(malformed))
				a := answerOf(t, r)
				wantError(t, a, 400, "invalidSyntax")
				if line := requestLine(t, r); line["cause"] != "bad_event" || line["requestId"] != a.header.Get("X-Request-Id") || line["detail"] != a.body["detail"] {
					t.Errorf("%s: %v %v, log %s", malformed, a.header, a.body, r.Logs)
				}
			}
		})
	}
}

func TestBinaries_DescribeTheServiceWithoutATable(t *testing.T) {
	t.Parallel()
	f := runtimetest.Start(t, discovery, variables(unreachable, "none"))
	r := runtimetest.Invoke(t, f, event(t, "GET", "/ServiceProviderConfig", "", ""))
	a := answerOf(t, r)
	assert.Truef(t, a.status == 200 && a.body["patch"] != nil, "%d %v", a.status, a.body)
	line := requestLine(t, r)
	assert.Truef(t, line["operation"] == "discover" && line["roundTrips"] == 0.0, "event %v", line)
	wantError(t, answerOf(t, runtimetest.Invoke(t, f, event(t, "GET", "/Nowhere", "", ""))), 404, "")
}

// Without a connection the table is tried for 2 seconds before the answer, by all
// functions at the same time. The log has its address, the answer has not.
func TestBinaries_UnreachableTableIsServiceUnavailable(t *testing.T) {
	t.Parallel()
	token, _ := mint(t)
	var mu sync.Mutex
	functions, results := map[string]*lambdaruntime.Function{}, map[string]lambdaruntime.Result{}
	var callers sync.WaitGroup
	for _, folder := range lambdaruntime.Functions {
		f, payload := runtimetest.Start(t, folder, variables(unreachable, "none")), invocation(t, folder)
		if r, ok := needsToken[folder]; ok {
			payload = event(t, r[0], r[1], token, "")
		}
		functions[folder] = f
		callers.Go(func() {
			r, err := f.Invoke(t.Context(), payload)
			assert.NoErrorf(t, err, "%s", folder)
			mu.Lock()
			defer mu.Unlock()
			results[folder] = r
		})
	}
	callers.Wait()
	for folder, request := range needsToken {
		t.Run(folder, func(t *testing.T) {
			r := results[folder]
			a := answerOf(t, r)
			wantError(t, a, 503, "")
			seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
			assert.Truef(t, err == nil && seconds > 0, "Retry-After %q", a.header.Get("Retry-After"))
			line := requestLine(t, r)
			why, _ := line["error"].(string)
			if line["status"] != 503.0 || line["level"] != "ERROR" || line["cause"] != "store_unavailable" || !strings.Contains(why, unreachable) {
				t.Errorf("event %v", line)
			}
			if duration, _ := line["durationMs"].(float64); duration > 6000 || strings.Contains(string(r.Response), "127.0.0.1") {
				t.Errorf("answered after %v ms: %s", line["durationMs"], r.Response)
			}
			wantNoSecret(t, r, token)
			after := runtimetest.Invoke(t, functions[folder], event(t, request[0], request[1], "", ""))
			assert.Truef(t, answerOf(t, after).status == 401 && after.Init == nil, "the next request: %+v", after)
		})
	}
	t.Run(admin, func(t *testing.T) {
		for authorized, want := range map[bool]int{true: 503, false: 403} {
			r := runtimetest.Invoke(t, functions[admin], adminEvent(t, authorized))
			a := answerOf(t, r)
			if a.status != want || a.body["status"] != float64(want) || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("authorized %t: %d %v", authorized, a.status, a.body)
			}
			if all := lines(t, r.Logs); len(all) != 1 || all[0]["event"] != "admin.request" || all[0]["status"] != float64(want) {
				t.Errorf("authorized %t: log %s", authorized, r.Logs)
			}
		}
	})
	t.Run(sweep, func(t *testing.T) {
		r := results[sweep]
		require.NotNilf(t, r.Failure, "answered %s", r.Response)
		all := lines(t, r.Logs) // the second is that of Lambda's library
		if len(all) != 2 || all[0]["event"] != "scim.sweep" || all[0]["level"] != "ERROR" || all[0]["error"] != r.Failure.Message ||
			!strings.Contains(r.Failure.Message, "connection refused") {
			t.Errorf("failure %v, log %s", r.Failure, r.Logs)
		}
	})
}

// Records that cannot be handed on come again, and so do the schedule's deliveries.
func TestBinaries_EventsWaitForTheTable(t *testing.T) {
	t.Parallel()
	batch := invocation(t, feed)
	sequences := regexp.MustCompile(`"SequenceNumber": *"(\d+)"`).FindAllSubmatch(batch, -1)
	require.NotEmpty(t, sequences)
	r := runtimetest.Invoke(t, runtimetest.Start(t, feed, variables(unreachable, "none")), batch)
	require.Nilf(t, r.Failure, "%v", r.Failure)
	assert.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"`+string(sequences[0][1])+`"}]}`, string(r.Response))
	all := lines(t, r.Logs)
	require.Lenf(t, all, 1, "%s", r.Logs)
	assert.Equal(t, []any{"feed", "ERROR", float64(len(sequences)), "rollcall-prod"}, []any{all[0]["event"], all[0]["level"], all[0]["recordsFailed"], all[0]["stack"]})
	assert.Contains(t, all[0]["error"], unreachable)

	r = runtimetest.Invoke(t, runtimetest.Start(t, deliver, variables(unreachable, "none")), []byte(scheduled))
	require.NotNilf(t, r.Failure, "answered %s", r.Response)
	assert.Contains(t, r.Failure.Message, "connection refused")
}

// wantNoSecret checks that a log does not contain the secret of a token.
func wantNoSecret(t *testing.T, r lambdaruntime.Result, token string) {
	t.Helper()
	secret := strings.Split(token, "_")[3]
	assert.Truef(t, !bytes.Contains(r.Logs, []byte(secret)) && !bytes.Contains(r.Logs, []byte("Bearer")), "the token is logged: %s", r.Logs)
}

func TestBinaries_OneProcessServesManyRequests(t *testing.T) {
	t.Parallel()
	const requests = 200
	f := runtimetest.Start(t, users, variables(unreachable, "none"))
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	cold := 0
	for n := range requests {
		token := fmt.Sprintf("rct_acme_%d_not-a-token-at-all", n)
		r := runtimetest.Invoke(t, f, event(t, "PATCH", fmt.Sprintf("/Users/%d", n), token, `{"schemas":[]}`))
		a := answerOf(t, r)
		wantError(t, a, 401, "")
		line := requestLine(t, r)
		id := a.header.Get("X-Request-Id")
		require.Truef(t, uuid.MatchString(id) && !seen[id] && line["requestId"] == id, "request %d: X-Request-Id %q, event %v", n, id, line)
		detail, _ := a.body["detail"].(string)
		require.Containsf(t, detail, id, "request %d: the detail %q does not have the id %s", n, detail, id)
		seen[id] = true
		if line["coldStart"] == true {
			cold++
		}
		require.Nilf(t, r.Init, "request %d was served by another process", n)
		require.Truef(t, !bytes.Contains(r.Logs, []byte(token)) && !bytes.Contains(r.Logs, []byte("not-a-token")), "the token is logged: %s", r.Logs)
	}
	assert.Equalf(t, 1, cold, "%d cold starts", cold)
}

func TestBinaries_EndWithSIGTERM(t *testing.T) {
	t.Parallel()
	token, _ := mint(t)
	for _, folder := range lambdaruntime.Functions {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			idle := start(t, lambdaruntime.Process{Binary: runtimetest.Binary(t, folder), Env: variables(unreachable, "none")})
			wantTerminated(t, idle)

			endpoint, asked := deafTable(t)
			busy := start(t, lambdaruntime.Process{Binary: runtimetest.Binary(t, folder), Env: variables(endpoint, "none")})
			payload := invocation(t, folder)
			if r, ok := needsToken[folder]; ok {
				payload = event(t, r[0], r[1], token, "")
			} else if folder == admin {
				payload = adminEvent(t, true)
			}
			var r lambdaruntime.Result
			var err error
			var caller sync.WaitGroup
			caller.Go(func() { r, err = busy.Invoke(t.Context(), payload) })
			select {
			case <-asked:
			case <-time.After(soon):
				t.Error("the table is not asked")
			}
			wantTerminated(t, busy)
			caller.Wait()
			require.NoError(t, err)
			wantFailure(t, r, lambdaruntime.ExitError, "signal: terminated")
		})
	}
}

// deafTable returns a DynamoDB that accepts requests and never answers. The channel
// is closed at the first one.
func deafTable(t *testing.T) (endpoint string, asked <-chan struct{}) {
	t.Helper()
	first := make(chan struct{})
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server notices then that the client leaves
		once.Do(func() { close(first) })
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	return server.URL, first
}

func wantTerminated(t *testing.T, f *lambdaruntime.Function) {
	t.Helper()
	exit, err := f.Shutdown(soon)
	assert.Truef(t, err == nil && !exit.Killed && exit.String() == "signal: terminated", "%s, killed %t, %v", exit, exit.Killed, err)
	wantGone(t, exit)
}

func TestPanic_IsAnsweredAndTheProcessContinues(t *testing.T) {
	t.Parallel()
	f := runtimetest.Start(t, panics, nil)
	request := func(path string) lambdaruntime.Result {
		e := lambdahttp.Event{Version: "2.0", RouteKey: "$default", RawPath: path, Body: "what nobody may read"}
		e.RequestContext.HTTP.Method = http.MethodPost
		b, err := json.Marshal(e)
		require.NoError(t, err)
		return runtimetest.Invoke(t, f, b)
	}
	wantServed := func(r lambdaruntime.Result, want string, another bool) {
		t.Helper()
		if !strings.Contains(string(r.Response), want) || (r.Init != nil) != another {
			t.Errorf("response %s, failure %v, another process %t; want %s, %t", r.Response, r.Failure, r.Init != nil, want, another)
		}
	}
	wantServed(request("/"), `"1 20"`, false)

	r := request("/panic")
	wantError(t, answerOf(t, r), 500, "")
	all := lines(t, r.Logs)
	if len(all) != 1 || all[0]["level"] != "ERROR" || all[0]["cause"] != "internal" || all[0]["lambdaRequestId"] != r.RequestID {
		t.Errorf("log %s", r.Logs)
	} else if why, _ := all[0]["error"].(string); !strings.Contains(why, "main.main.func1") || strings.Contains(why, "a fault in the handler") {
		t.Errorf("error %q, want the stack, and not the value", why)
	}
	wantNoBody(t, r)
	wantServed(request("/"), `"3 20"`, false)

	r = request("/goroutine")
	wantFailure(t, r, lambdaruntime.ExitError, "exit status 2")
	assert.Truef(t, bytes.Contains(r.Logs, []byte("panic: a fault beside the handler")), "log %s", r.Logs)
	wantNoBody(t, r)
	wantServed(request("/"), `"1 20"`, true)

	wantFailure(t, request("/exit"), lambdaruntime.ExitError, "exit status 3")
	wantServed(request("/"), `"1 20"`, true)
}

func wantNoBody(t *testing.T, r lambdaruntime.Result) {
	t.Helper()
	assert.Falsef(t, bytes.Contains(r.Logs, []byte("nobody may read")), "the body is logged: %s", r.Logs)
}

func TestBuild_HasTheFlagsOfTheMakefile(t *testing.T) {
	makefile, err := os.ReadFile("../../../Makefile")
	require.NoError(t, err)
	for _, want := range []string{
		"\nBUILD = CGO_ENABLED=0 GOOS=linux go build " + strings.Join(lambdaruntime.BuildFlags(), " ") + "\n",
		"\tGOARCH=$(LAMBDA_ARCH) $(BUILD) -o ",
	} {
		assert.Containsf(t, strings.ReplaceAll(string(makefile), "'", ""), want, "the Makefile does not build a function with %s", want)
	}
	folders, err := os.ReadDir("../../../functions")
	require.NoError(t, err)
	assert.Lenf(t, folders, len(lambdaruntime.Functions)+1, "%d folders under functions, %d functions and the hook", len(folders), len(lambdaruntime.Functions))
}
