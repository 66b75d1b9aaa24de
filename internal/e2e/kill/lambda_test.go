package kill

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime/runtimetest"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A call is one call of DynamoDB that a function made.
type call struct {
	write bool
	// number counts the writes or the reads since the proxy was armed, from 1.
	number int
	// ended is closed when the function has ended the connection.
	ended <-chan struct{}
}

// A proxy is between a function and DynamoDB. It can act before a call is passed on, and
// before its answer is.
type proxy struct {
	t      testing.TB
	target string
	*httptest.Server

	mu            sync.Mutex
	reads, writes int
	// before and after act on a call; they report false to end the connection without an
	// answer. A call without an answer by before is not passed on.
	before, after func(call) bool
	// late are writes that arrived more than journal.WriteTime after the id of their log
	// entry.
	late []string
	// entries is the number of log entries among the writes.
	entries int
}

func newProxy(t testing.TB, target string) *proxy {
	p := &proxy{t: t, target: target}
	p.arm(nil, nil)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// arm sets what happens at the calls from now on, which are counted from 1.
func (p *proxy) arm(before, after func(call) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads, p.writes, p.before, p.after = 0, 0, before, after
}

// count notes a call.
func (p *proxy) count(r *http.Request, body []byte) (c call, before, after func(call) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.ended = r.Context().Done()
	c.write = strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems")
	if !c.write {
		p.reads++
		c.number = p.reads
		return c, p.before, p.after
	}
	p.writes++
	c.number = p.writes
	for _, id := range entriesIn(body) {
		p.entries++
		if late := time.Since(time.Unix(id.Time().UnixTime())); late > journal.WriteTime {
			p.late = append(p.late, fmt.Sprintf("entry %s was sent after %s", id, late))
		}
	}
	return c, p.before, p.after
}

// entriesIn returns the ids of the log entries that a transaction puts.
func entriesIn(body []byte) (found []uuid.UUID) {
	var transaction struct {
		TransactItems []struct {
			Put struct{ Item map[string]struct{ S string } }
		}
	}
	_ = json.Unmarshal(body, &transaction) // the SDK's
	for _, i := range transaction.TransactItems {
		partition, sort := i.Put.Item[table.PartitionName].S, i.Put.Item[table.SortName].S
		if !strings.HasSuffix(partition, "#LOG") {
			continue
		}
		sort, _, _ = strings.Cut(sort, "#")
		if id, err := uuid.Parse(sort); err == nil {
			found = append(found, id)
		}
	}
	return found
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the function was killed
	}
	c, before, after := p.count(r, body)
	if before != nil && !before(c) {
		panic(http.ErrAbortHandler)
	}
	// What DynamoDB has received it applies, even if the function is killed meanwhile.
	request, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, p.target+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		p.t.Error(err)
		panic(http.ErrAbortHandler)
	}
	request.Header = r.Header.Clone()
	request.Header.Del("Accept-Encoding")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Error(err)
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = response.Body.Close() }()
	answered, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Error(err)
	}
	if after != nil && !after(c) {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	_, _ = w.Write(answered) // a killed function does not read it
}

// A deployment is a tenant in DynamoDB, with one client whose requests are served by the
// binaries of the functions.
type deployment struct {
	t *testing.T
	*proxy
	// direct is the service in this process, past the proxy.
	direct    instance
	functions map[string]*lambdaruntime.Function
	own       *tenancy
	c         *client
}

// deploy creates a table, and starts the functions that have the time of a deployed one or
// less.
func deploy(t *testing.T, timeout time.Duration) *deployment {
	t.Helper()
	endpoint := tabletest.Endpoint(t)
	plain, err := dynamo.NewLocalClient(t.Context(), endpoint)
	require.NoError(t, err)
	name := "rollcall-test-" + uuid.NewString()
	require.NoError(t, dynamo.CreateTable(t.Context(), plain, name))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, dynamo.DropTable(ctx, plain, name))
	})
	d := &deployment{t: t, proxy: newProxy(t, endpoint), functions: map[string]*lambdaruntime.Function{}}
	since := time.Now()
	d.direct = newInstance(t, dynamo.New(plain, name, dynamo.AttemptTimeout(20*time.Second)), io.Discard, app.Options{})
	d.own = newTenancy(d.direct.open(t, "acme"), since, 0, 1, *seed, 1000)
	d.c = d.own.clients[0]
	d.c.dialect = dialect{agent: "scim-client/2.0", bulk: true}
	env := map[string]string{
		"ROLLCALL_TABLE": name, "ROLLCALL_BASE_URL": "https://scim.example.com/scim/v2", "AWS_ENDPOINT_URL_DYNAMODB": d.URL,
	}
	for _, folder := range []string{"functions/users", "functions/groups", "functions/bulk"} {
		f, err := lambdaruntime.Start(t.Context(), lambdaruntime.Process{
			Binary: runtimetest.Binary(t, folder), Env: env, Name: lambdaruntime.FunctionName(folder), Timeout: timeout,
		})
		require.NoError(t, err)
		t.Cleanup(func() {
			_, err := f.Shutdown(time.Second)
			require.NoError(t, err)
		})
		d.functions[folder] = f
	}
	return d
}

func folderOf(path string) string {
	switch {
	case strings.HasPrefix(path, "/Users"):
		return "functions/users"
	case strings.HasPrefix(path, "/Groups"):
		return "functions/groups"
	}
	return "functions/bulk"
}

// send invokes the function of a path. An invocation without an answer is an error.
func (d *deployment) send(ctx context.Context, method, path, token, agent, body string) (answer, error) {
	path, query, _ := strings.Cut(path, "?")
	e := lambdahttp.Event{
		Version: "2.0", RawPath: "/scim/v2" + path, RawQueryString: query, Body: body,
		Headers: map[string]string{
			"host": "scim.example.com", "user-agent": agent, "content-type": "application/scim+json", "authorization": "Bearer " + token,
		},
	}
	e.RouteKey = "ANY " + e.RawPath
	if resource, id, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/"); ok {
		e.RouteKey, e.PathParameters = "ANY /scim/v2/"+resource+"/{id}", map[string]string{"id": id}
	}
	e.RequestContext.RouteKey, e.RequestContext.Stage = e.RouteKey, "$default"
	e.RequestContext.RequestID = "JKJaXmPLvHcESHA="
	e.RequestContext.HTTP.Method, e.RequestContext.HTTP.Path = method, e.RawPath
	e.RequestContext.HTTP.SourceIP = "192.0.2.1"
	event, err := json.Marshal(e)
	if err != nil {
		return answer{}, err
	}
	r, err := d.functions[folderOf(path)].Invoke(ctx, event)
	switch {
	case err != nil:
		return answer{}, err
	case r.Failure != nil:
		return answer{}, r.Failure
	}
	var response lambdahttp.Response
	if err := json.Unmarshal(r.Response, &response); err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, header: http.Header{}, body: []byte(response.Body)}
	for name, value := range response.Headers {
		a.header.Set(name, value)
	}
	if response.IsBase64Encoded {
		a.body, err = base64.StdEncoding.DecodeString(response.Body)
	}
	return a, err
}

// process returns the running process of a path's function.
func (d *deployment) process(path string) *os.Process {
	p := d.functions[folderOf(path)].Process()
	if p == nil {
		d.t.Error("the function does not run")
	}
	return p
}

// must sends a change that has to be acknowledged, unless DynamoDB is slow: after a 503 it
// draws another one.
func (d *deployment) must(to sender, draw func() (change, bool)) {
	d.t.Helper()
	for range 5 {
		c, ok := draw()
		require.True(d.t, ok, "the change is not possible in this state")
		if d.c.do(d.t.Context(), to, c) {
			return
		}
		d.settle()
	}
	d.t.Fatalf("no change is acknowledged: %v", d.c.answers)
}

// settle compares what is stored with what the client knows, and returns the number of
// findings of verify, all of which must be unfinished work.
func (d *deployment) settle() (unfinished int) {
	d.t.Helper()
	id, err := tenant.ParseID(d.own.tenant)
	require.NoError(d.t, err)
	faults, err := d.direct.app.Store.Audit(d.t.Context(), id)
	require.NoError(d.t, err)
	for _, f := range faults {
		require.True(d.t, f.Unfinished, "%s", f)
	}
	require.Empty(d.t, d.own.check(d.t.Context(), d.direct, d.direct))
	return len(faults)
}

// finish lets a sweep do what is left, after which verify finds nothing.
func (d *deployment) finish() {
	d.t.Helper()
	id, err := tenant.ParseID(d.own.tenant)
	require.NoError(d.t, err)
	_, err = d.direct.app.Store.SweepNow(d.t.Context(), id)
	require.NoError(d.t, err)
	faults, err := d.direct.app.Store.Audit(d.t.Context(), id)
	require.NoError(d.t, err)
	require.Empty(d.t, faults)
	require.Empty(d.t, d.own.check(d.t.Context(), d.direct, d.direct))
	d.mu.Lock()
	defer d.mu.Unlock()
	require.Empty(d.t, d.late, "writes after their time")
	require.Positive(d.t, d.entries, "no log entry was seen among the writes")
}

// A request is a change that takes one write or several, and what it needs before.
type request struct {
	name string
	// group is the number of members of the group that it changes, 0 for none.
	group int
	draw  func(g *generator, s state) (change, bool)
	// long says that it is only in the long form.
	long bool
}

// requests are those of the table in docs/testing.md. Those of 40 members take several
// transactions.
func requests() []request {
	inactive := func(p person) bool { return !p.active }
	return []request{
		{"create a user", 0, (*generator).create, false},
		{"deactivate a user", 0, func(g *generator, s state) (change, bool) { return g.activity(s, false) }, true},
		{"reactivate a user by POST", 0, func(g *generator, s state) (change, bool) {
			if _, ok := pick(g, s.users, inactive); !ok {
				return g.activity(s, false)
			}
			return g.reactivate(s)
		}, true},
		{"delete a user in a group", 3, (*generator).removeOne, true},
		{"bulk", 3, (*generator).bulkRequest, false},
		{"create a group of 40", 0, func(g *generator, s state) (change, bool) { return g.groupOf(s, 40) }, true},
		{"add members up to 40 to a group of 3", 3, func(g *generator, s state) (change, bool) { return g.add(s, 100) }, true},
		{"remove 40 from a group", 40, func(g *generator, s state) (change, bool) { return g.takeOut(s, 100) }, true},
		{"replace 40 members by 3", 40, func(g *generator, s state) (change, bool) { return g.replaceBy(s, 3) }, true},
		{"replace 3 members by 40", 3, func(g *generator, s state) (change, bool) { return g.replaceBy(s, 40) }, false},
		{"clear a group of 40", 40, (*generator).clear, true},
		{"delete a group of 40", 40, func(g *generator, s state) (change, bool) { return g.deleteOne(s) }, false},
	}
}

// prepare brings the client into the state that a request needs: some users, or 40 of them,
// and one group.
func (d *deployment) prepare(r request) change {
	d.t.Helper()
	people := 5
	if strings.Contains(r.name, "40") {
		people = 40
	}
	for len(d.c.state.users) < people {
		d.must(d.direct, func() (change, bool) { return d.c.create(d.c.state) })
	}
	for len(d.c.state.groups) > 0 {
		d.must(d.direct, func() (change, bool) { return d.c.deleteOne(d.c.state) })
	}
	for r.group > 0 && len(d.c.state.groups) == 0 {
		d.must(d.direct, func() (change, bool) { return d.c.groupOf(d.c.state, r.group) })
	}
	c, ok := r.draw(&d.c.generator, d.c.state)
	require.True(d.t, ok, "%s is not possible in this state", r.name)
	c.kind = r.name
	return c
}

// next sends requests that meet what is left over: to the group, if there is one, and to a
// user.
func (d *deployment) next() {
	d.t.Helper()
	if len(d.c.state.groups) > 0 {
		d.must(d, func() (change, bool) {
			if c, ok := d.c.add(d.c.state, 2); ok {
				return c, ok
			}
			return d.c.takeOut(d.c.state, 2)
		})
	}
	d.must(d, func() (change, bool) { return d.c.retitle(d.c.state) })
}

// ended are the ways in which a request is ended at a write.
var ended = []struct {
	name string
	// applied says that the write reaches the table.
	applied bool
	// lives says that the process is not killed: only the answer is lost.
	lives bool
	// long says that it is only in the long form.
	long bool
}{
	{"killed before it", false, false, true},
	{"killed after it", true, false, false},
	{"its answer is lost", true, true, true},
}

// TestFunctions_LoseNothingAtAnyWrite ends each kind of request at each of its writes: the
// process is killed before DynamoDB gets the write, or after it; or only the answer is lost,
// and the function has to answer. Afterwards the change is whole or absent, the log has it
// or not, and the next requests or the sweep finish what is left.
func TestFunctions_LoseNothingAtAnyWrite(t *testing.T) {
	t.Parallel()
	for _, r := range requests() {
		if r.long && !*full {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, 0)
			for _, end := range ended {
				if end.long && !*full {
					continue
				}
				answered := false
				for n := 1; n <= 30; n++ {
					writes, unfinished, acknowledged := d.endAt(r, n, end.applied, end.lives)
					if writes < n {
						t.Logf("%s: %d writes", end.name, writes)
						break
					}
					answered = answered || acknowledged
					if unfinished > 0 && n%2 == 0 {
						d.finish()
					}
					d.next()
				}
				// Not each of them: DynamoDB Local may be slow.
				assert.Equal(t, end.lives, answered, "%s: a change is acknowledged", end.name)
			}
			d.finish()
		})
	}
}

// warm lets the function of a change read its token, so that the first call is the change's
// own.
func (d *deployment) warm(c change) {
	d.t.Helper()
	method, path := "GET", c.path
	if path == "/Bulk" {
		method = "POST"
	}
	var err error
	for range 5 { // DynamoDB Local may be slow
		if _, err = d.send(d.t.Context(), method, path, d.c.token, "warm", ""); err == nil {
			return
		}
	}
	require.NoError(d.t, err)
}

// endAt ends a request at its n-th write, and returns how many it made.
func (d *deployment) endAt(r request, n int, applied, lives bool) (writes, unfinished int, acknowledged bool) {
	d.t.Helper()
	c := d.prepare(r)
	d.warm(c)
	happened := false
	end := func(at call) bool {
		if !at.write || at.number != n {
			return true
		}
		happened = true
		if !lives {
			assert.NoError(d.t, d.process(c.path).Kill())
		}
		return false
	}
	if applied {
		d.arm(nil, end)
	} else {
		d.arm(end, nil)
	}
	acknowledged = d.c.do(d.t.Context(), d, c)
	d.mu.Lock()
	writes = d.writes
	d.mu.Unlock()
	d.arm(nil, nil)
	assert.False(d.t, acknowledged && happened && !lives, "%s, killed at write %d of %d, is acknowledged", r.name, n, writes)
	return writes, d.settle(), acknowledged
}
