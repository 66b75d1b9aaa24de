package system

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// A fence is a table that reports every call that reaches the items of a
// tenant, while it is closed.
type fence struct {
	table.Table
	tenant string
	closed atomic.Bool
	mu     sync.Mutex
	calls  []string
}

func (f *fence) look(what, partition string) {
	if !f.closed.Load() || partition != "T#"+f.tenant && !strings.HasPrefix(partition, "T#"+f.tenant+"#") {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, what+" "+partition)
}

func (f *fence) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	for _, key := range keys {
		f.look("get", key.Partition)
	}
	return f.Table.Get(ctx, keys...)
}

func (f *fence) Query(ctx context.Context, q table.Query) (table.Page, error) {
	f.look("query", q.Partition)
	return f.Table.Query(ctx, q)
}

func (f *fence) Write(ctx context.Context, tx table.Transaction) error {
	for _, op := range tx.Ops {
		f.look("write", op.Key.Partition)
	}
	return f.Table.Write(ctx, tx)
}

func (f *fence) foreignCalls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// A client of one tenant cannot read, change or see anything of another tenant,
// even if it knows that tenant's ids and values. The id of another tenant's
// resource is answered like an unknown id.
func TestTenants_AreIsolated(t *testing.T) {
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		requests := 3000
		if engine.Name != "embedded" {
			requests = 300
		}
		testTenantsApart(t, engine.Open(t), requests)
	})
}

func testTenantsApart(t *testing.T, raw table.Table, requests int) {
	f := &fence{Table: raw, tenant: "other"}
	s := newService(t, f, 50, app.Options{})
	acme, other := s.token, s.newTenant("other", 50)
	s.token = other
	foreign := []string{}
	const secret = "hidden-from-acme"
	for i := range 3 {
		foreign = append(foreign, s.must(201, "POST", "/Users", userBody(fmt.Sprintf(`"userName":"%s-%d@x","externalId":"%s-%d","title":%q`, secret, i, secret, i, secret))))
	}
	groupOfOther := s.must(201, "POST", "/Groups", groupBody(secret+" group", foreign...))
	cursor, _ := s.send("GET", "/Users?count=1&cursor", "").body["nextCursor"].(string)
	s.token = acme
	f.closed.Store(true)

	random := rand.New(rand.NewPCG(7, uint64(requests)))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	ours, groups := []string{"nobody"}, []string{"nobody"}
	id := func() string {
		return pick(append([]string{foreign[random.IntN(3)], groupOfOther, "T%23other", "..%2Fother", "nosuch", ours[random.IntN(len(ours))], groups[random.IntN(len(groups))]}, foreign...)...)
	}
	value := func() string {
		return pick(secret+"-0@x", "a", "b", "c", id(), "T#other", "other", "\\u0000T#other", "é")
	}
	for range requests {
		method := pick("GET", "GET", "POST", "PUT", "PATCH", "DELETE")
		path := pick("/Users", "/Groups", "/Users/"+id(), "/Groups/"+id(), "/Users/.search", "/Groups/.search", "/.search", "/Bulk", "/Schemas", "/Me",
			"/Users?filter="+url.QueryEscape(fmt.Sprintf(`%s eq %q`, pick("userName", "id", "externalId", "groups.value", "emails", "title"), value())),
			"/Groups?filter="+url.QueryEscape(fmt.Sprintf(`%s eq %q`, pick("displayName", "id", "members.value"), value())),
			"/Users?count=1&cursor="+pick(cursor, ""), "/Users?sortBy="+pick("userName", "title"), "/Groups?sortBy=displayName")
		body := pick(
			userBody(fmt.Sprintf(`"userName":"%s","externalId":"%s"`, value(), value())),
			groupBody("g"+value(), id(), id()),
			patchBody(fmt.Sprintf(`[{"op":"%s","path":"members","value":[{"value":"%s"}]}]`, pick("add", "remove", "replace"), id())),
			patchBody(fmt.Sprintf(`[{"op":"replace","path":"%s","value":"%s"}]`, pick("userName", "title", "displayName", "externalId", "id"), value())),
			patchBody(deactivate),
			fmt.Sprintf(`{"schemas":[%q],"filter":"title eq \"%s\"","cursor":"%s"}`, scim.SearchURN, secret, pick(cursor, "")),
			fmt.Sprintf(`{"schemas":[%q],"Operations":[{"method":"%s","path":"/%s/%s","bulkId":"x","data":%s}]}`,
				scim.BulkRequestURN, pick("PUT", "PATCH", "DELETE"), pick("Users", "Groups"), id(), patchBody(deactivate)),
		)
		if method == "GET" {
			body = ""
		}
		a := s.send(method, path, body)
		require.Falsef(t, a.status >= 500 && a.status != 501, "%s %s %s: %d %v", method, path, body, a.status, a.body)
		if shown, _ := json.Marshal(a.body["Resources"]); strings.Contains(string(shown), secret+" group") || strings.Contains(string(shown), `"title":"`+secret+`"`) {
			t.Fatalf("%s %s shows the other tenant's: %s", method, path, shown)
		}
		if made, _ := a.body["id"].(string); a.status == 201 {
			if strings.HasPrefix(path, "/Users") {
				ours = append(ours, made)
			} else {
				groups = append(groups, made)
			}
		}
		require.Emptyf(t, f.foreignCalls(), "%s %s %s", method, path, body)
	}
	// The answers to a foreign id and to an unknown one are the same.
	normal := func(a answer, id string) string {
		body, _ := json.Marshal(a.body)
		return fmt.Sprint(a.status, strings.NewReplacer(id, "ID", a.header.Get("X-Request-Id"), "REQUEST").Replace(string(body)))
	}
	const missing = "01900000-0000-7000-8000-00000000beef"
	for _, resource := range []string{"/Users/", "/Groups/"} {
		for method, body := range map[string]string{
			"GET": "", "DELETE": "", "PATCH": patchBody(`[{"op":"replace","path":"externalId","value":"x"}]`), "PUT": userBody(`"userName":"x","displayName":"x"`),
		} {
			if resource == "/Groups/" && method == "PUT" {
				body = groupBody("x")
			}
			for _, foreignID := range []string{foreign[0], groupOfOther} {
				a, b := s.send(method, resource+foreignID, body), s.send(method, resource+missing, body)
				if normal(a, foreignID) != normal(b, missing) {
					t.Errorf("%s %s: %s\nis not %s", method, resource, normal(a, foreignID), normal(b, missing))
				}
			}
		}
	}
	f.closed.Store(false)
	s.token = other
	a := s.send("GET", "/Users", "")
	assert.Truef(t, a.body["totalResults"] == 3.0, "the other tenant has %v users", a.body["totalResults"])
	members := s.membersOf(groupOfOther)
	assert.Lenf(t, members, 3, "its group has %d members", len(members))
}

// A token is rotated while many requests use it: none is refused.
func TestRotation_UnderLoad(t *testing.T) {
	s := newApplication(t, enginetest.Memory(t), app.Options{})
	s.mustAdmin(201, "PUT", "/tenants/acme", `{"maxSeats":5}`)
	minted := s.mustAdmin(201, "POST", "/tenants/acme/tokens", `{}`)
	path := "/tenants/acme/tokens/" + minted["id"].(string) + "/rotation"
	var current atomic.Value
	current.Store(minted["token"].(string))
	var stop atomic.Bool
	var sent, refused atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for !stop.Load() {
				a := s.send("GET", "/Users?count=0", "", "Authorization", "Bearer "+current.Load().(string))
				if sent.Add(1); a.status != 200 {
					refused.Add(1)
				}
			}
		})
	}
	wait := func(n int64) {
		for end, until := time.Now().Add(20*time.Second), sent.Load()+n; sent.Load() < until && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
	wait(100)
	next := s.mustAdmin(201, "POST", path, "")
	wait(100)
	current.Store(next["token"].(string))
	wait(100) // requests that started with the old one have ended
	s.mustAdmin(204, "PUT", path, "")
	wait(100)
	stop.Store(true)
	clients.Wait()
	if n := refused.Load(); n > 0 || sent.Load() < 400 {
		t.Errorf("%d of %d requests were refused", n, sent.Load())
	}
	_, err := access.Parse(next["token"].(string))
	assert.NoError(t, err)
}
