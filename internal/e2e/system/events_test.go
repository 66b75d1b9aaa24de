package system

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/check/iam"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/e2e/eventfile"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/lambdaqueue"
	"github.com/rollcall-scim/rollcall/internal/lambdastream"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/oauth"
	"github.com/rollcall-scim/rollcall/internal/portal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

var update = flag.Bool("update", false, "write what is answered into the .want.json files under events/")

const eventsFolder = "../../../events"

// functions returns the function of each route.
func functions(t testing.TB) map[string]string {
	t.Helper()
	routes, err := local.Routes(rollcall.Template)
	require.NoError(t, err)
	byKey := map[string]string{}
	for _, r := range routes {
		byKey[r.Key()] = r.Function
	}
	return byKey
}

// functionOf returns the function of an event.
func functionOf(byKey map[string]string, e eventfile.Event) string {
	return cmp.Or(e.Function, byKey[e.RouteKey])
}

func loadEvents(t testing.TB) []eventfile.Event {
	t.Helper()
	events, err := eventfile.Load(eventsFolder)
	require.NoError(t, err)
	return events
}

// Every event is answered by its own function as expected, and leaves the data
// valid. The tests of the functions' binaries send all of them to DynamoDB Local.
func TestEvents(t *testing.T) {
	events, byKey := loadEvents(t), functions(t)
	filled, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = filled.Close() })
	require.NoError(t, fixture.Fill(t.Context(), filled))
	for _, e := range events {
		t.Run(e.Name, func(t *testing.T) {
			engine, err := filled.Copy()
			require.NoError(t, err)
			t.Cleanup(func() { _ = engine.Close() })
			answer, lines, a := invoke(t, engine, functionOf(byKey, e), e.Payload)
			if *update {
				writeWant(t, e, answer, lines)
			} else if err := e.Want.Check(answer, lines, fixture.BaseURL); err != nil {
				t.Errorf("%s\n%v", e.Want.About, err)
			}
			for _, name := range []string{"acme", "full"} {
				id, err := tenant.ParseID(name)
				require.NoError(t, err)
				faults, err := a.Store.Audit(t.Context(), id)
				// A tenant that is being deleted is left to the sweep.
				faults = slices.DeleteFunc(faults, func(f store.Fault) bool { return f.Unfinished && e.Name == "admin/delete_tenant" })
				assert.Truef(t, err == nil && len(faults) == 0, "audit of %s: %v %v", name, faults, err)
			}
		})
	}
}

// asleep wakes nobody.
type asleep struct{}

func (asleep) Wake(context.Context, []string) error                   { return nil }
func (asleep) WakeAfter(context.Context, string, time.Duration) error { return nil }

// invoke returns a function's answer to an event, and what it logged.
func invoke(t *testing.T, engine table.Table, function string, payload []byte) ([]byte, []map[string]any, *app.App) {
	t.Helper()
	log := &bytes.Buffer{}
	a, err := app.New(calls.Table(engine), app.Config{BaseURL: fixture.BaseURL}, logline.New(log))
	require.NoError(t, err)
	a.WithPortal()
	ctx := iam.As(t.Context(), function)
	answer := []byte("null")
	switch folder := strings.ToLower(strings.TrimSuffix(function, "Function")); folder {
	case "sweep":
		require.NoError(t, a.Sweep(ctx))
	case "feed":
		var batch lambdastream.Event
		require.NoError(t, json.Unmarshal(payload, &batch))
		response, err := lambdastream.Function(app.NewFeed(calls.Table(engine), logline.New(log), app.Outlets{Waker: asleep{}}, app.Options{}).Handle)(ctx, batch)
		require.NoError(t, err)
		answer, err = json.Marshal(response)
		require.NoError(t, err)
	case "deliver":
		deliveries := app.NewDeliveries(app.NewDeliverer(calls.Table(engine), logline.New(log), asleep{}, false, app.Options{}), logline.New(log))
		answer, err = lambdaqueue.Function(deliveries)(ctx, payload)
		require.NoError(t, err)
	default:
		var event lambdahttp.Event
		require.NoError(t, json.Unmarshal(payload, &event))
		visited, err := portal.Local(calls.Table(engine), app.Config{BaseURL: fixture.BaseURL}, portal.Config{Brand: console.Brand{Name: portal.DefaultName}}, logline.New(log), app.Options{})
		require.NoError(t, err)
		response, err := lambdahttp.Handler(portal.Functions(a, visited)(folder))(ctx, event)
		require.NoError(t, err)
		answer, err = json.Marshal(response)
		require.NoError(t, err)
	}
	for _, token := range []string{fixture.Token, fixture.FullToken, fixture.RevokedToken, fixture.ClientSecret, fixture.ExpiredSecret} {
		secret := strings.Split(token, "_")[3]
		assert.True(t, !bytes.Contains(log.Bytes(), []byte(secret)) && !bytes.Contains(answer, []byte(secret)), "a token is in the answer or in the log")
	}
	var lines []map[string]any
	for line := range bytes.Lines(log.Bytes()) {
		var fields map[string]any
		require.NoErrorf(t, json.Unmarshal(line, &fields), "log line %s", line)
		lines = append(lines, fields)
	}
	return answer, lines, a
}

// The headers and log fields in an expected answer.
var (
	wantHeaders = []string{"allow", "content-encoding", "content-type", "etag", "location", "retry-after", "www-authenticate"}
	wantLog     = []string{
		"event", "operation", "action", "resourceType", "subject", "outcome", "cause", "scimType", "changed", "notices",
		"membersAdded", "membersRemoved", "membersSkipped", "seatDelta", "readerDelta", "seatsUsed", "seatLimit", "done",
		"bulkRequestId", "bulkOperation", "bulkDone", "bulkFailed", "bulkLeft", "clientAuth", "clientId", "credential", "oauthError",
	}
)

// writeWant writes an answer as the expected one. Review what it writes: an
// answer is not correct because the code gave it.
func writeWant(t *testing.T, e eventfile.Event, answer []byte, lines []map[string]any) {
	t.Helper()
	want := eventfile.Want{About: e.Want.About, Headers: map[string]string{}, Absent: e.Want.Absent, Log: map[string]any{}}
	for name, value := range e.Want.Log {
		if value == nil { // a field that must be absent is added by hand
			want.Log[name] = nil
		}
	}
	seen := map[string]string{}
	replace := func(text string) string { return withPlaceholders(text, seen) }
	if string(answer) != "null" {
		r, err := eventfile.DecodeResponse(answer)
		require.NoError(t, err)
		seen[r.Headers["x-request-id"]] = "{{requestId}}"
		want.Status = r.StatusCode
		if want.BodyFile = e.Want.BodyFile; r.Body != "" && want.BodyFile == "" {
			require.NoError(t, json.Unmarshal([]byte(replace(r.Body)), &want.Body))
		}
		for _, name := range wantHeaders {
			if value, ok := r.Headers[name]; ok {
				want.Headers[name] = replace(value)
			}
		}
	}
	require.NotEmpty(t, lines, "nothing was logged")
	for i, line := range lines {
		fields := want.Log
		if i < len(lines)-1 {
			fields = map[string]any{}
			want.Operations = append(want.Operations, fields)
		}
		for _, name := range wantLog {
			if value, ok := line[name]; ok {
				if text, ok := value.(string); ok {
					value = replace(text)
				}
				fields[name] = value
			}
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(want))
	require.NoError(t, os.WriteFile(eventfile.WantPath(filepath.Join(eventsFolder, e.Name+".json")), b.Bytes(), 0o600))
}

var (
	uuidText = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	// An access token is another one each time.
	accessText = regexp.MustCompile(access.AccessPrefix + `_[a-z0-9_-]+`)

	timeText = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`)
)

// withPlaceholders puts placeholders where answers differ between runs; values
// of the fixture stay.
func withPlaceholders(text string, seen map[string]string) string {
	text = strings.ReplaceAll(text, fixture.BaseURL, "{{baseUrl}}")
	text = strings.ReplaceAll(text, strings.TrimSuffix(fixture.BaseURL, httpapi.Prefix), "{{origin}}")
	text = accessText.ReplaceAllString(text, "{{any}}")
	text = uuidText.ReplaceAllStringFunc(text, func(id string) string {
		if strings.HasPrefix(id, "019b8d62-7a80-7000-8000-") {
			return id
		}
		if seen[id] == "" {
			seen[id] = fmt.Sprintf("{{uuid:id%d}}", len(seen))
		}
		return seen[id]
	})
	return timeText.ReplaceAllStringFunc(text, func(at string) string {
		if parsed, err := time.Parse(time.RFC3339Nano, at); err == nil && time.Since(parsed).Abs() < time.Hour {
			return "{{time}}"
		}
		return at
	})
}

// Every route of the template and every handler has an event, every event has the route that
// API Gateway would choose, and bodies occur in both forms in which API Gateway sends them.
func TestEvents_CoverTheTemplate(t *testing.T) {
	byKey := functions(t)
	unused := maps.Clone(byKey)
	forms := map[bool]int{}
	served := map[string]int{}
	untried, handled := handlers()
	headed := false // the handler of a GET also serves HEAD
	for _, e := range loadEvents(t) {
		function := functionOf(byKey, e)
		assert.NotEmptyf(t, function, "%s: the template has no route %q", e.Name, e.RouteKey)
		served[function]++
		delete(unused, e.RouteKey)
		// A delivery that has nothing to do logs nothing.
		assert.Truef(t, e.Want.Log["event"] != nil || function == "DeliverFunction", "%s: the expected answer does not say what is logged", e.Name)
		if e.Function != "" {
			continue
		}
		event := decodeEvent(t, e)
		c := event.RequestContext
		if event.Version != "2.0" || c.RouteKey != event.RouteKey || c.HTTP.Path != event.RawPath || c.HTTP.UserAgent != event.Headers["user-agent"] {
			t.Errorf("%s contradicts itself", e.Name)
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(event.PathParameters)), func(value string) bool { return strings.Contains(value, "/") }) {
			want := gateway.Route(c.HTTP.Method, (&url.URL{Path: event.RawPath}).EscapedPath()).Key()
			assert.Equalf(t, want, e.RouteKey, "%s: the route of %s %s", e.Name, c.HTTP.Method, event.RawPath)
		}
		delete(untried, handled(c.HTTP.Method, event.RawPath))
		headed = headed || c.HTTP.Method == http.MethodHead
		if event.Body != "" {
			forms[event.IsBase64Encoded]++
			text := strings.HasPrefix(event.Headers["content-type"], "application/json")
			assert.NotEqualf(t, event.IsBase64Encoded, text, "%s: a body of %s, base64 %t", e.Name, event.Headers["content-type"], event.IsBase64Encoded)
		}
	}
	assert.True(t, headed, "no event of a HEAD")
	left := slices.Sorted(maps.Keys(unused))
	assert.Emptyf(t, left, "no event for %q", left)
	assert.Empty(t, slices.Sorted(maps.Keys(untried)), "no event for these handlers")
	assert.Truef(t, forms[true] != 0 && forms[false] != 0, "bodies in base64 %d, as text %d", forms[true], forms[false])
	for _, function := range []string{"UsersFunction", "GroupsFunction", "BulkFunction", "AdminFunction", "DiscoveryFunction", "OAuthFunction", "PortalFunction", "SweepFunction", "FeedFunction", "DeliverFunction"} {
		assert.NotEqualf(t, 0, served[function], "no event for %s", function)
	}
}

// handlers returns the methods and paths of the handlers of all APIs, and a function that
// returns those of the handler that serves a request.
func handlers() (all map[string]bool, handled func(method, path string) string) {
	all = map[string]bool{}
	var routes [][2]string
	add := func(method, path string) {
		all[method+" "+path] = true
		routes = append(routes, [2]string{method, path})
	}
	for _, r := range httpapi.Routes() {
		add(r.Method, r.Path)
	}
	for _, r := range adminapi.Routes() {
		add(r.Method, r.Path)
	}
	for _, r := range oauth.Routes() {
		add(r.Method, r.Path)
	}
	router := web.NewRouter(web.Exact, routes, func(r *[2]string) (method, path string) { return r[0], r[1] })
	return all, func(method, path string) string {
		r, _, _ := router.Find(method, (&url.URL{Path: path}).EscapedPath())
		if r == nil {
			return ""
		}
		return r[0] + " " + r[1]
	}
}

// decodeEvent decodes an event of an HTTP API. An unknown field is an error.
func decodeEvent(t *testing.T, e eventfile.Event) lambdahttp.Event {
	t.Helper()
	var event lambdahttp.Event
	decoder := json.NewDecoder(bytes.NewReader(e.Payload))
	decoder.DisallowUnknownFields()
	require.NoErrorf(t, decoder.Decode(&event), "%s", e.Name)
	return event
}

// Fields of an event that repeat each other (route and path, query and parameters,
// body and encoding) agree, as in an event that the gateway creates.
func TestEvents_MatchTheGateway(t *testing.T) {
	routes, err := local.Routes(rollcall.Template)
	require.NoError(t, err)
	var made lambdahttp.Event
	functions := map[string]local.LambdaHandler{}
	for _, r := range routes {
		functions[r.Function] = func(_ context.Context, event lambdahttp.Event) (lambdahttp.Response, error) {
			made = event
			return lambdahttp.Response{StatusCode: http.StatusNoContent}, nil
		}
	}
	gateway, err := local.NewGateway(routes, functions)
	require.NoError(t, err)
	operator := ""
	gateway.Authorize = func(*http.Request) (string, bool) { return operator, true }
	for _, e := range loadEvents(t) {
		if e.RouteKey == "" {
			continue
		}
		event := decodeEvent(t, e)
		operator, made = "", lambdahttp.Event{}
		if a := event.RequestContext.Authorizer; a != nil && a.IAM != nil {
			operator = a.IAM.UserARN
		}
		body := []byte(event.Body)
		if event.IsBase64Encoded {
			if body, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
				t.Fatalf("%s: %v", e.Name, err)
			}
		}
		r := httptest.NewRequest(event.RequestContext.HTTP.Method, "/", bytes.NewReader(body))
		r.URL = &url.URL{Path: event.RawPath, RawQuery: event.RawQueryString}
		r.Host = event.Headers["host"]
		r.RemoteAddr = net.JoinHostPort(event.RequestContext.HTTP.SourceIP, "443")
		for name, value := range event.Headers {
			if name != "host" && name != "x-forwarded-for" {
				r.Header.Set(name, value)
			}
		}
		gateway.ServeHTTP(httptest.NewRecorder(), r)

		got, want := event, made
		// These describe the gateway and the time, not the request.
		for _, side := range []*lambdahttp.Event{&got, &want} {
			for _, name := range []string{"x-amzn-trace-id", "x-forwarded-proto", "x-forwarded-port"} {
				delete(side.Headers, name)
			}
			if side.Headers["content-length"] == "0" {
				delete(side.Headers, "content-length")
			}
			c := &side.RequestContext
			c.AccountID, c.APIID, c.RequestID, c.Time, c.TimeEpoch = "", "", "", "", 0
			if c.Authorizer != nil {
				lambdahttp.Authorize(side, c.Authorizer.IAM.UserARN) // only the caller's identity
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is\n%s\nbut the gateway makes\n%s", e.Name, printed(t, got), printed(t, want))
		}
	}
}

func printed(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}

// Each tolerance is in docs/reference/idp-quirks.md, with an event that shows it and the
// scimType with which a strict tenant refuses it.
func TestQuirks_HaveEvents(t *testing.T) {
	text, err := os.ReadFile("../../../docs/reference/idp-quirks.md")
	require.NoError(t, err)
	events := map[string]eventfile.Event{}
	for _, e := range loadEvents(t) {
		events[e.Name] = e
	}
	name := regexp.MustCompile("`((?:okta|entra|rfc|other)/[a-z0-9_]+)`")
	var kinds []string
	rows := 0
	for row := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(row), " | ")
		if !strings.HasPrefix(row, "| ") || len(cells) < 3 || strings.HasPrefix(row, "| notice") || strings.HasPrefix(row, "| what is sent") {
			continue
		}
		rows++
		shown := name.FindAllStringSubmatch(row, -1)
		assert.NotEmptyf(t, shown, "no event shows %s", row)
		kind, isNotice := strings.CutPrefix(cells[0], "| `")
		kind = strings.TrimSuffix(kind, "`")
		if isNotice && len(cells) == 5 {
			kinds = append(kinds, kind)
			want := "`" + string(scim.Notice{Kind: kind}.Refusal().Type) + "` |"
			assert.Equalf(t, want, cells[4], "%s: strict", kind)
		}
		for _, m := range shown {
			e, ok := events[m[1]]
			if !ok {
				t.Errorf("the event %s does not exist", m[1])
				continue
			}
			notices, _ := e.Want.Log["notices"].(string)
			if isNotice && len(cells) == 5 && !strings.Contains(","+notices, ","+kind+":") {
				t.Errorf("%s has the notices %q, and not %s", m[1], notices, kind)
			}
		}
	}
	slices.Sort(kinds)
	if !slices.Equal(kinds, scim.NoticeKinds()) || rows < 30 {
		t.Errorf("%d rows, for %q; the notices are %q", rows, kinds, scim.NoticeKinds())
	}
}
