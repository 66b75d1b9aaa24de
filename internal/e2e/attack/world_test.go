package attack

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	rollcall "github.com/rollcall-scim/rollcall"
	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/console"
	"github.com/rollcall-scim/rollcall/internal/dev/local"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/logline"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// adminToken gives access to the admin API, as that of rollcall local does.
const adminToken = "rca_local_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst"

// operator is the caller with adminToken.
const operator = "arn:aws:iam::123456789012:user/operator"

// victim is part of every name of the other tenant.
const victim = "victim"

// A world is the service on one engine, with the attacking tenant and the
// tenant that must not be touched.
type world struct {
	t       *testing.T
	handler http.Handler
	watch   *watch
	log     *lines
	port    string

	mu  sync.Mutex
	now time.Time

	// console is served beside the gateway.
	console *console.Console
	// victimWas is the other tenant's user as created.
	victimWas string

	// tenants counts the tenants created, and serial the values of {N}.
	tenants, serial int
	// other are the placeholders of the untouched tenant, and of all tenants;
	// vars are those of the tenant in use.
	other, vars map[string]string
	// crowd are the users of many, nil until they are needed.
	crowd []string
	// dirty is set when a case has changed the tenant in use.
	dirty bool
}

// newWorld assembles the service on a table, as rollcall local does.
func newWorld(t *testing.T, engine table.Table) *world {
	t.Helper()
	w := &world{t: t, watch: &watch{Table: engine}, log: &lines{}, now: time.Now().Truncate(time.Millisecond), dirty: true}
	logger := logline.New(w.log)
	before := slog.Default()
	slog.SetDefault(logger)
	t.Cleanup(func() { slog.SetDefault(before) })

	// A throttled call gives up at once: this test never waits.
	waited := time.Duration(0)
	o := app.Options{Now: w.clock, Retry: []table.RetryOption{table.RetryClock(
		func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now.Add(waited) },
		func(_ context.Context, d time.Duration) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			waited += d
			return nil
		},
	)}}
	a, err := app.NewWith(w.watch, app.Config{BaseURL: "https://scim.test/scim/v2", TenantRate: 0}, logger, o)
	require.NoError(t, err)
	gateway, err := local.FromTemplate(rollcall.Template, a.FunctionHandler)
	require.NoError(t, err)
	gateway.Authorize = func(r *http.Request) (string, bool) {
		sent := r.Header.Values("Authorization")
		return operator, len(sent) == 1 && sent[0] == "Bearer "+adminToken
	}
	w.handler = gateway
	w.listen(logger)
	w.other = map[string]string{"ADMIN_API_TOKEN": adminToken, "PORT": w.port, "T2": "globex"}
	w.tenant(w.other, "T2")
	w.other["T2_USERNAME"] = victim + "@example.com"
	w.other["T2_USER"] = w.post(w.other["T2_TOKEN"], "/scim/v2/Users", userBody(`"userName":"`+victim+`@example.com","externalId":"`+victim+`","title":"`+victim+`"`))
	w.post(w.other["T2_TOKEN"], "/scim/v2/Users", userBody(`"userName":"second.`+victim+`@example.com"`))
	w.other["T2_GROUP"] = w.post(w.other["T2_TOKEN"], "/scim/v2/Groups", groupBody(victim+" admins", w.other["T2_USER"]))
	w.victimWas = w.must(200, w.request("GET", "/scim/v2/Users/"+w.other["T2_USER"], w.other["T2_TOKEN"], "")).body
	w.other["T2_CURSOR"], _ = w.must(200, w.request("GET", "/scim/v2/Users?cursor&count=1", w.other["T2_TOKEN"], "")).document()["nextCursor"].(string)
	return w
}

// listen serves the gateway and a console on a socket.
func (w *world) listen(logger *slog.Logger) {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- local.Serve(ctx, local.ServerConfig{
			Listen: "127.0.0.1:0", Grace: 5 * time.Second,
			Build: func(address string) (http.Handler, error) {
				client, err := adminclient.New("http://"+address+adminapi.Prefix, adminclient.Bearer(adminToken))
				if err != nil {
					return nil, err
				}
				pages, err := console.New(console.Config{Client: client, Address: address, Place: "here", Log: logger, Now: w.clock})
				if err != nil {
					return nil, err
				}
				w.console = pages
				gateway := w.handler
				w.handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if console.Has(r.URL.Path) {
						pages.ServeHTTP(rw, r)
						return
					}
					gateway.ServeHTTP(rw, r)
				})
				return w.handler, nil
			},
			Ready: func(address string) error { ready <- address; return nil },
		})
	}()
	w.t.Cleanup(func() {
		stop()
		assert.NoError(w.t, <-ended)
	})
	select {
	case address := <-ready:
		_, w.port, _ = net.SplitHostPort(address)
	case err := <-ended:
		ended <- nil
		w.t.Fatal(err)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// later advances the clock by seconds.
func (w *world) later(seconds int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(time.Duration(seconds) * time.Second)
}

// tenant creates a tenant with a token, and sets the placeholders of both.
func (w *world) tenant(vars map[string]string, name string) {
	w.t.Helper()
	w.must(201, w.request("PUT", "/admin/v1/tenants/"+vars[name], adminToken, `{"maxSeats":5000}`))
	made := w.must(201, w.request("POST", "/admin/v1/tenants/"+vars[name]+"/tokens", adminToken, `{}`)).document()
	vars[name+"_TOKEN"], _ = made["token"].(string)
}

// begin prepares for a case: with a new tenant if the one in use was changed.
func (w *world) begin() {
	w.t.Helper()
	if w.dirty {
		w.tenants++
		w.vars = maps.Clone(w.other)
		w.vars["T1"] = fmt.Sprintf("acme-%d", w.tenants)
		w.tenant(w.vars, "T1")
		w.crowd, w.dirty = nil, false
	}
	w.serial++
	w.vars["N"] = fmt.Sprint(w.serial)
}

// make returns the value of a placeholder that is created when a case needs it,
// and false for any other.
func (w *world) make(name string) (value string, ok bool) {
	switch name {
	case "T1_USERNAME":
		return "ann@example.com", true
	case "T1_OWNER_NAME":
		return "owner@example.com", true
	case "T1_GROUP_NAME":
		w.fill("{T1_GROUP}") // an existing group must have the name
		return "Admins", true
	case "T1_USER":
		return w.user(`"userName":"ann@example.com","title":"before"`), true
	case "T1_OTHER_USER":
		return w.user(`"userName":"bob@example.com"`), true
	case "T1_OWNER":
		id := w.user(`"userName":"owner@example.com","externalId":"owner","emails":[{"value":"owner.mail@example.com","type":"work","primary":true}]`)
		w.must(200, w.request("PATCH", "/admin/v1/tenants/"+w.vars["T1"]+"/users/"+id, adminToken, `{"protected":true}`))
		return id, true
	case "T1_GROUP":
		return w.group("Admins", w.fill("{T1_OTHER_USER}")), true
	case "T1_ADMIN_GROUP":
		return w.group("Owners", w.fill("{T1_OWNER}")), true
	case "T1_GROUP_150":
		return w.group("Hundred and fifty", w.many()...), true
	case "T1_SECOND_TOKEN":
		return w.mint(), true
	case "T1_TOKEN_LAST_CHAR_FLIPPED":
		token := w.vars["T1_TOKEN"]
		if strings.HasSuffix(token, "0") {
			return token[:len(token)-1] + "1", true
		}
		return token[:len(token)-1] + "0", true
	}
	return "", false
}

func (w *world) user(attributes string) string {
	return w.post(w.vars["T1_TOKEN"], "/scim/v2/Users", userBody(attributes))
}

func (w *world) group(name string, members ...string) string {
	return w.post(w.vars["T1_TOKEN"], "/scim/v2/Groups", groupBody(name, members...))
}

// many returns 150 users of 3 KB each.
func (w *world) many() []string {
	if w.crowd == nil {
		w.crowd = w.users("member", 150, `"displayName":"`+strings.Repeat("Abc ", 750)+`x"`)
	}
	return w.crowd
}

// fixed reports whether a write changes what cases start with: the settings, or
// what a placeholder stands for.
func (w *world) fixed(c call) bool {
	if c.partition == "T#"+w.vars["T1"] && !strings.HasPrefix(c.sort, "TOKEN#") {
		return true
	}
	for name, id := range w.vars {
		if strings.HasPrefix(name, "T1_") && name != "T1_GROUP_150" && len(id) == 36 && strings.Contains(c.partition+c.sort, id) {
			return true
		}
	}
	return false
}

// users creates users, 50 in one bulk request.
func (w *world) users(name string, n int, attributes string) []string {
	w.t.Helper()
	var ids []string
	for begin := 0; begin < n; begin += 50 {
		var operations []string
		for i := begin; i < min(begin+50, n); i++ {
			operations = append(operations, fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":%s}`, i, userBody(fmt.Sprintf(`"userName":"%s-%d@example.com",%s`, name, i, attributes))))
		}
		a := w.must(200, w.request("POST", "/scim/v2/Bulk", w.vars["T1_TOKEN"],
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+strings.Join(operations, ",")+`]}`))
		for _, o := range a.document()["Operations"].([]any) {
			location, _ := o.(map[string]any)["location"].(string)
			ids = append(ids, location[strings.LastIndex(location, "/")+1:])
		}
	}
	return ids
}

func (w *world) mint() string {
	token, _ := w.must(201, w.request("POST", "/admin/v1/tenants/"+w.vars["T1"]+"/tokens", adminToken, `{}`)).document()["token"].(string)
	return token
}

// The bodies of requests.
var userBody, groupBody = stage.User, stage.Group

var placeholder = regexp.MustCompile(`\{[A-Z][A-Z0-9_]*\}`)

// fill replaces placeholders, and creates what they stand for.
func (w *world) fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(name string) string {
		name = name[1 : len(name)-1]
		value, ok := w.vars[name]
		if !ok {
			if value, ok = w.make(name); ok {
				w.vars[name] = value
			}
		}
		require.Truef(w.t, ok, "unknown placeholder {%s}", name)
		return value
	})
}

// request returns a request with a bearer token.
func (w *world) request(method, path, token, body string) *http.Request {
	r, err := newRequest(method, path, body)
	require.NoError(w.t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Content-Type", "application/scim+json")
	if strings.HasPrefix(path, adminapi.Prefix) {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// page returns a browser's request for a page of the console.
func (w *world) page(path, cookie string) *http.Request {
	r := w.request("GET", path, "", "")
	r.Host = "127.0.0.1:" + w.port
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return r
}

// newRequest returns a request of any bytes, as net/http's server decodes it.
func newRequest(method, path, body string) (*http.Request, error) {
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return nil, err
	}
	return &http.Request{
		Method: method, URL: u, RequestURI: path, Host: "scim.test", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), RemoteAddr: "192.0.2.1:1234",
	}, nil
}

// of returns the request of a case or a step.
func (w *world) of(q request) *http.Request {
	w.t.Helper()
	body, err := q.body()
	require.NoError(w.t, err)
	token := ""
	if q.As != "" {
		token = w.fill("{" + q.As + "}")
	}
	r := w.request(q.Method, w.fill(string(q.Path)), token, w.fill(body))
	for name, value := range q.Headers {
		if name == "Host" {
			r.Host = w.fill(string(value))
			continue
		}
		r.Header[http.CanonicalHeaderKey(name)] = []string{w.fill(string(value))}
	}
	return r
}

// An answer is the answer to a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// document returns the body as a JSON object, or nil if it is not one.
func (a answer) document() map[string]any {
	var d map[string]any
	_ = json.Unmarshal([]byte(a.body), &d)
	return d
}

// send sends a request through an event.
func (w *world) send(r *http.Request) answer {
	recorded := httptest.NewRecorder()
	w.handler.ServeHTTP(recorded, r.WithContext(w.t.Context()))
	return answer{recorded.Code, recorded.Header(), recorded.Body.String()}
}

// raw sends bytes over a socket, and returns the answers until the connection
// ends.
func (w *world) raw(sent string) []answer {
	w.t.Helper()
	var dialer net.Dialer
	connection, err := dialer.DialContext(w.t.Context(), "tcp", "127.0.0.1:"+w.port)
	require.NoError(w.t, err)
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = io.WriteString(connection, sent)
	require.NoError(w.t, err)
	var all []answer
	for reader := bufio.NewReader(connection); ; {
		if _, err := reader.Peek(1); err != nil {
			return all
		}
		response, err := http.ReadResponse(reader, nil)
		require.NoError(w.t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(w.t, err)
		_ = response.Body.Close()
		all = append(all, answer{response.StatusCode, response.Header, string(bytes.TrimSpace(body))})
	}
}

// must sends a request that must be answered with status.
func (w *world) must(status int, r *http.Request) answer {
	w.t.Helper()
	a := w.send(r)
	require.Equalf(w.t, status, a.status, "%s %s: %d %s, want %d", r.Method, r.URL, a.status, a.body, status)
	return a
}

func (w *world) post(token, path, body string) string {
	w.t.Helper()
	id, _ := w.must(201, w.request("POST", path, token, body)).document()["id"].(string)
	return id
}

// secrets returns the existing credentials, and the parts of tokens that must
// stay secret.
func (w *world) secrets() []string {
	all := []string{adminToken}
	for name, value := range w.vars {
		if name == "CLIENT_SECRET" || name == "ACCESS" {
			all = append(all, value, strings.Split(value, "_")[3])
		}
		if strings.HasSuffix(name, "_TOKEN") || name == "TOK" {
			if _, err := access.Parse(value); err == nil {
				all = append(all, value, strings.Split(value, "_")[3])
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
