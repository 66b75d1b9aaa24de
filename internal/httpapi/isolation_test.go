package httpapi_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// ward is a table that records which partitions were used, and every key that was ever
// written.
type ward struct {
	table.Table

	mu            sync.Mutex
	read, written map[string]bool // partitions, since forget
	keys          map[table.Key]bool
}

func (w *ward) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	w.mu.Lock()
	for _, key := range keys {
		w.read[key.Partition] = true
	}
	w.mu.Unlock()
	return w.Table.Get(ctx, keys...)
}

func (w *ward) Query(ctx context.Context, q table.Query) (table.Page, error) {
	w.mu.Lock()
	w.read[q.Partition] = true
	w.mu.Unlock()
	return w.Table.Query(ctx, q)
}

func (w *ward) Write(ctx context.Context, tx table.Transaction) error {
	w.mu.Lock()
	for _, op := range tx.Ops {
		w.written[op.Key.Partition], w.keys[op.Key] = true, true
	}
	w.mu.Unlock()
	return w.Table.Write(ctx, tx)
}

func (w *ward) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.read, w.written = map[string]bool{}, map[string]bool{}
}

// partitions returns the partitions that were read or written since forget and do not
// belong to a tenant.
func (w *ward) partitions(of string, used map[string]bool) (others []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range used {
		if !strings.HasPrefix(name+"#", "T#"+of+"#") {
			others = append(others, name)
		}
	}
	return others
}

// items returns all that is stored of a tenant.
func (w *ward) items(t *testing.T, of string) map[table.Key]table.Item {
	t.Helper()
	w.mu.Lock()
	keys := slices.Collect(maps.Keys(w.keys))
	w.mu.Unlock()
	all := map[table.Key]table.Item{}
	for chunk := range slices.Chunk(keys, table.MaxGetKeys) {
		items, err := w.Table.Get(t.Context(), chunk...)
		require.NoError(t, err)
		for key, item := range items {
			if strings.HasPrefix(key.Partition+"#", "T#"+of+"#") {
				all[key] = item
			}
		}
	}
	return all
}

// hidden is in every record of the other tenant, and is never sent.
const hidden = "hidden-from-acme"

// twoTenants is the tenant acme, which sends all requests, and the tenant other.
type twoTenants struct {
	*service
	ward               *ward
	user, group        string // of acme
	otherUser          string
	otherGroup, cursor string
	otherToken         string
}

func newTwoTenants(t *testing.T) *twoTenants {
	t.Helper()
	w := &ward{Table: enginetest.Memory(t), keys: map[table.Key]bool{}}
	w.forget()
	s := newServiceOn(t, w, 50, tenant.DefaultSettings())
	tt := &twoTenants{service: s, ward: w}
	acme := s.token
	_, tt.otherToken = stage.TenantWith(t, s.app.Store, "other", 50, tenant.DefaultSettings(), time.Now())
	s.token = tt.otherToken
	tt.otherUser = s.mustCreate(fmt.Sprintf(`"userName":"%s@x","externalId":%q,"displayName":%q`, hidden, hidden, hidden))
	s.mustCreate(fmt.Sprintf(`"userName":"%s2@x"`, hidden))
	tt.otherGroup = s.made("/Groups", stage.Group(hidden, tt.otherUser))
	tt.cursor, _ = s.send("GET", "/Users?count=1&cursor", "").body["nextCursor"].(string)
	require.NotEmpty(t, tt.cursor)
	s.token = acme
	tt.user = s.mustCreate(`"userName":"anna@x"`)
	tt.group = s.made("/Groups", stage.Group("Staff", tt.user))
	return tt
}

func (s *service) made(path, body string) string {
	s.t.Helper()
	a := s.send("POST", path, body)
	require.Equal(s.t, http.StatusCreated, a.status, a.raw)
	return a.body["id"].(string)
}

// sent is a request that names the tenant other, or a resource of it, in one
// place.
type sent struct {
	place, method, path, body string
	headers                   []string
	// want is the status of the answer, or of the operation of a bulk request.
	want int
}

// tenantNames are the names by which a service might take a tenant from a request.
var tenantNames = []string{"tenant", "tenantId", "tenant_id", "tenant-id", "t", "org", "account", "customer", "realm"}

// elsewhere returns requests with the tenant other in each place in which a request can
// name it.
func (tt *twoTenants) elsewhere() []sent {
	var all []sent
	add := func(want int, place, method, path, body string, headers ...string) {
		all = append(all, sent{place, method, path, body, headers, want})
	}
	var members strings.Builder
	query := url.Values{}
	for _, name := range tenantNames {
		fmt.Fprintf(&members, `%q:"other",`, name)
		query.Set(name, "other")
	}
	in := members.String()
	n := 0
	user := func(more string) string {
		n++
		return stage.User(fmt.Sprintf(`%s"userName":"new%d@x"%s`, in, n, more))
	}
	add(201, "body of a user", "POST", "/Users", user(""))
	add(201, "meta of a user", "POST", "/Users", user(`,"meta":{`+in+`"resourceType":"User"}`))
	add(201, "extension of a user", "POST", "/Users", user(`,"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User":{`+in+`"isTeamAccount":true}`))
	add(200, "body of a replacement", "PUT", "/Users/"+tt.user, stage.User(in+`"userName":"anna@x","title":"a"`))
	add(200, "body of a patch", "PATCH", "/Users/"+tt.user, `{`+in+stage.Patch(`{` + in + `"op":"replace","value":{` + in + `"title":"b"}}`)[1:])
	add(201, "body of a group", "POST", "/Groups", `{`+in+stage.Group("Own")[1:])
	add(200, "body of a patch of a group", "PATCH", "/Groups/"+tt.group, `{`+in+stage.Patch(`{"op":"replace","path":"displayName","value":"Crew"}`)[1:])
	add(400, "body of a search", "POST", "/Users/.search", `{`+in+`"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}`)
	add(400, "body of a bulk request", "POST", "/Bulk", `{`+in+stage.Bulk(`{"method":"DELETE","path":"/Users/` + tt.user + `"}`)[1:])
	add(201, "data of a bulk operation", "POST", "/Bulk", stage.Bulk(`{"method":"POST","path":"/Users","bulkId":"a","data":`+user("")+`}`))
	add(200, "query", "GET", "/Users?"+query.Encode(), "")
	add(200, "query of a user", "GET", "/Users/"+tt.user+"?"+query.Encode(), "")
	add(201, "query of a creation", "POST", "/Users?"+query.Encode(), user(""))
	var headers []string
	for _, name := range tenantNames {
		headers = append(headers, name, "other", "X-"+name, "other", "X-Scim-"+name, "other", "X-Rollcall-"+name, "other")
	}
	headers = append(headers, "X-Forwarded-Host", "other.example", "X-Original-Url", "/other/scim/v2/Users", "X-Forwarded-Prefix", "/other",
		"Forwarded", "host=other.example", "Cookie", "tenant=other", "From", "other", "Origin", "https://other.example", "X-Amzn-Tenant", "other")
	add(201, "headers of a creation", "POST", "/Users", user(""), headers...)
	add(200, "headers of a list", "GET", "/Users", "", headers...)
	for _, path := range []string{"/other/Users", "/tenants/other/Users", "/T%23other/Users", "/Users/T%23other%23USERS", "/Users/..%2F..%2Fother", "/Users/other%23" + tt.otherUser} {
		add(404, "path "+path, "GET", path, "")
	}
	for _, resource := range []string{"/Users/" + tt.otherUser, "/Groups/" + tt.otherGroup} {
		add(404, "id in the path", "GET", resource, "")
		add(404, "id in the path", "DELETE", resource, "")
		add(404, "id in the path", "PATCH", resource, stage.Patch(`{"op":"replace","path":"displayName","value":"x"}`))
	}
	add(404, "id in the path", "PUT", "/Users/"+tt.otherUser, stage.User(`"userName":"x@x"`))
	add(404, "id in the path", "PUT", "/Groups/"+tt.otherGroup, stage.Group("x"))
	add(400, "cursor", "GET", "/Users?count=1&cursor="+tt.cursor, "")
	add(400, "cursor of a search", "POST", "/Users/.search", fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"count":1,"cursor":%q}`, tt.cursor))
	for _, path := range []string{"/Users/" + tt.otherUser, "/Groups/" + tt.otherGroup} {
		add(404, "id in the path of a bulk operation", "POST", "/Bulk", stage.Bulk(`{"method":"DELETE","path":"`+path+`"}`))
	}
	add(400, "path of a bulk operation", "POST", "/Bulk", stage.Bulk(`{"method":"DELETE","path":"/other/Users/`+tt.otherUser+`"}`))
	add(201, "members of a new group", "POST", "/Groups", stage.Group("Guests", tt.otherUser))
	add(400, "all members of a group", "PUT", "/Groups/"+tt.group, stage.Group("Staff", tt.otherUser))
	add(200, "a member of a group", "PATCH", "/Groups/"+tt.group, stage.Patch(`{"op":"add","path":"members","value":[{"value":"`+tt.otherUser+`","$ref":"https://other.example/scim/v2/Users/`+tt.otherUser+`"}]}`))
	for _, filter := range []string{`id eq "` + tt.otherUser + `"`, `userName sw "` + hidden + `"`, `externalId eq "` + hidden + `"`, `emails.value eq "` + hidden + `@x"`} {
		add(200, "filter "+filter, "GET", "/Users?filter="+url.QueryEscape(filter), "")
	}
	add(200, "filter of groups", "GET", "/Groups?filter="+url.QueryEscape(`members.value eq "`+tt.otherUser+`"`), "")
	return all
}

// sendOne sends a request, and returns its answer, its events, and its status: for a bulk
// request the status of the operation.
func (tt *twoTenants) sendOne(r sent) (a answer, status int, events []map[string]any) {
	tt.t.Helper()
	if r.path != "/Bulk" {
		a = tt.send(r.method, r.path, r.body, r.headers...)
		return a, a.status, []map[string]any{a.event}
	}
	bulk := tt.sendBulk(r.body)
	operations, _ := bulk.body["Operations"].([]any)
	if len(operations) != 1 {
		return bulk.answer, bulk.status, append(bulk.events, bulk.event)
	}
	text, _ := operations[0].(map[string]any)["status"].(string)
	status, err := strconv.Atoi(text)
	require.NoError(tt.t, err)
	return bulk.answer, status, append(bulk.events, bulk.event)
}

// A request reads, changes, shows and logs only the token's tenant, whatever other
// tenant it names.
func TestTenant_IsTheTokens(t *testing.T) {
	tt := newTwoTenants(t)
	for _, r := range tt.elsewhere() {
		t.Run(r.method+" "+r.place, func(t *testing.T) {
			before := tt.ward.items(t, "other")
			tt.ward.forget()
			a, status, events := tt.sendOne(r)
			require.Empty(t, tt.ward.partitions("acme", tt.ward.read), "partitions that were read")
			require.Empty(t, tt.ward.partitions("acme", tt.ward.written), "partitions that were written")
			require.Equal(t, r.want, status, a.raw)
			require.Equal(t, before, tt.ward.items(t, "other"), "what is stored of the other tenant")
			for _, event := range events {
				require.Contains(t, []any{"acme", nil}, event["tenant"], "the tenant in the event")
				require.False(t, event["route"] != nil && event["tenant"] == nil, "no tenant in the event")
			}
			if !strings.Contains(r.path+r.body, hidden) {
				require.NotContains(t, a.raw, hidden)
			}
		})
	}
}

// A token with the name of one tenant and the secret of another proves nothing: no
// tenant is changed, and the request is in no tenant's log.
func TestTenant_IsNotTakenFromTheTextOfAToken(t *testing.T) {
	tt := newTwoTenants(t)
	acme, other := strings.Split(tt.token, "_"), strings.Split(tt.otherToken, "_")
	for name, parts := range map[string][]string{
		"the other tenant's name":       {"rct", "other", acme[2], acme[3]},
		"its name and its token's id":   {"rct", "other", other[2], acme[3]},
		"the other's secret at our own": {"rct", "acme", acme[2], other[3]},
		"the other's id and secret":     {"rct", "acme", other[2], other[3]},
	} {
		t.Run(name, func(t *testing.T) {
			body := strings.Join(parts, "_")
			token := fmt.Sprintf("%s_%08x", body, crc32.ChecksumIEEE([]byte(body)))
			tt.ward.forget()
			a := tt.send("POST", "/Users", stage.User(`"userName":"eve@x"`), "Authorization", "Bearer "+token)
			require.Equal(t, 401, a.status, a.raw)
			require.Empty(t, tt.ward.partitions("", tt.ward.written), "partitions that were written")
			require.NotContains(t, a.event, "tenant", "a tenant that was only claimed")
		})
	}
}
