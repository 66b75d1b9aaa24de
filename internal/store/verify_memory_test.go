package store

import (
	"context"
	flags "flag"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var verifyUsers = flags.Int("verify-users", 2000, "how many users the memory of an audit is measured with")

// crowded is a table with a tenant of any number of users, which it computes when
// they are read: it stores nothing.
type crowded struct {
	table.Table

	f     *fixture
	users int
	once  sync.Once
	// full is called when everything but the memberships was read.
	full func()
}

// userAt returns a user with a userName, two addresses and an externalId.
func (c *crowded) userAt(i int) *directory.User {
	id := fmt.Sprintf("0199d2a0-0000-7000-8000-%012d", i)
	u := &directory.User{
		ID: id, Version: 1, Created: c.f.now(), Modified: c.f.now(), Type: tenant.User,
		Doc: fmt.Appendf(nil, `{"active":false,"emails":[{"type":"work","value":"first.last%d@example.com"},{"type":"home","value":"home%d@example.net"}],`+
			`"externalId":"00u%017d","id":%q,"name":{"familyName":"Last%d","givenName":"First"},"title":%q,"userName":"flast%d"}`,
			i, i, i, id, i, strings.Repeat("long ", 200), i),
	}
	r, err := u.Resource()
	c.f.must(err)
	u.Held = directory.ClaimsOf(r)
	return u
}

// itemAt returns an item of a partition, by the number of its user.
func (c *crowded) itemAt(name string, i int) (table.Item, bool) {
	u := c.userAt(i)
	if name == partition(c.f.tenant, "USERS") {
		return userItem(c.f.tenant, u), true
	}
	for kind, value := range u.Held {
		if key := reservationKey(c.f.tenant, kind, value); key.Partition == name {
			return table.Item{Key: key, Attributes: table.Attributes{attrHolder: table.Text(u.ID)}}, true
		}
	}
	if name == partition(c.f.tenant, "MAILS") {
		return table.Item{Key: mailKey(c.f.tenant, fmt.Sprintf("home%d@example.net", i), u.ID)}, true
	}
	return table.Item{}, false
}

// Query returns up to 500 items; the position of a page is the number of its last
// user.
func (c *crowded) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if strings.HasPrefix(q.Partition, partition(c.f.tenant, "U#")) {
		c.once.Do(c.full)
		return table.Page{}, nil
	}
	if _, has := c.itemAt(q.Partition, 0); !has {
		return c.Table.Query(ctx, q)
	}
	first := 0
	if q.After != "" {
		_, err := fmt.Sscan(q.After, &first)
		c.f.must(err)
		first++
	}
	last := min(first+500, c.users) - 1
	page := table.Page{More: last < c.users-1, Last: fmt.Sprint(last)}
	for i := first; i <= last; i++ {
		item, _ := c.itemAt(q.Partition, i)
		page.Items = append(page.Items, item)
	}
	return page, nil
}

// An audit keeps a few hundred bytes for each user, whatever the size of their
// documents: a tenant of a million users is audited in less than 500 MB.
func TestVerify_MemoryForEachUser(t *testing.T) {
	f := sweepFixture(t, enginetest.Memory(t))
	c := &crowded{users: *verifyUsers, f: f, Table: f.table}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	var kept int64
	c.full = func() { kept = heap() - before }
	a, err := c.f.on(c).audit(t.Context(), c.f.tenant)
	require.NoError(t, err)
	assert.Equal(t, int64(c.users), a.counts.Users)
	require.NotZero(t, kept)
	t.Logf("%d users: %d bytes kept for each, %d MB in all", c.users, kept/int64(c.users), kept>>20)
	assert.Less(t, kept, 400*int64(c.users), "bytes kept")
	for _, fault := range a.all(nil) {
		assert.Failf(t, "a fault", "%s", fault)
		break
	}
}
