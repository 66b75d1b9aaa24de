package contention

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// Work is what came of one request, or of one sweep, while nothing else used the
// table.
type Work struct {
	Name string
	Took time.Duration
	// Transactions is how many were sent, and Conflicts how many of them were refused,
	// by the kind of the item: the work's own doing.
	Transactions int
	Conflicts    map[string]int
}

// Alone does all that the service does in more than one transaction, one thing
// after another, in a tenant of this many users. It must be called in a bubble of
// testing/synctest.
func Alone(ctx context.Context, hold time.Duration, users int) ([]Work, error) {
	w, err := newWorld(ctx, 1, hold, tenant.Unlimited)
	if err != nil {
		return nil, err
	}
	ids, err := w.users(ctx, users)
	if err != nil {
		return nil, err
	}
	l := &lonely{world: w, in: w.take(), ids: ids}
	if err := l.large(ctx); err != nil {
		return l.done, err
	}
	if err := l.bulk(ctx); err != nil {
		return l.done, err
	}
	if err := l.memberships(ctx); err != nil {
		return l.done, err
	}
	if err := l.renewal(ctx); err != nil {
		return l.done, err
	}
	return l.done, l.erasure(ctx)
}

// lonely is one instance that does one thing after another.
type lonely struct {
	world *world
	in    *instance
	ids   []string
	done  []Work
}

// do does one thing, and counts.
func (l *lonely) do(name string, what func() error) error {
	before, sent, begun := l.world.conflict.Report().Overlaps, l.world.writes, time.Now()
	if err := what(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	conflicts := maps.Clone(l.world.conflict.Report().Overlaps)
	for kind, n := range before {
		if conflicts[kind] -= n; conflicts[kind] == 0 {
			delete(conflicts, kind)
		}
	}
	l.done = append(l.done, Work{Name: name, Took: time.Since(begun), Transactions: l.world.writes - sent, Conflicts: conflicts})
	return nil
}

// send does one request of an identity provider, and wants success.
func (l *lonely) send(ctx context.Context, name, method, path, body string) error {
	return l.do(name, func() error {
		if got := l.in.serve(ctx, method, path, body); got.status >= 300 {
			return fmt.Errorf("%d: %.300s", got.status, got.body)
		}
		return nil
	})
}

// admin does one request of the application, and wants success.
func (l *lonely) admin(ctx context.Context, name, method, path string) error {
	return l.do(name, func() error {
		r := httptest.NewRequestWithContext(ctx, method, host+adminapi.Prefix+path, http.NoBody)
		r.Header.Set(web.OperatorHeader, "arn:aws:iam::123456789012:role/application")
		recorded := httptest.NewRecorder()
		l.in.app.AdminHandler().ServeHTTP(recorded, r)
		if recorded.Code >= 300 {
			return fmt.Errorf("%d: %s", recorded.Code, recorded.Body)
		}
		return nil
	})
}

// sweep lets what is left become due, and sweeps until nothing is left.
func (l *lonely) sweep(ctx context.Context, name string) error {
	time.Sleep(2 * time.Minute)
	return l.do(name, func() error {
		for range 100 {
			swept, err := l.in.app.Store.Sweep(ctx, time.Minute)
			if err != nil || swept.Left == 0 {
				return err
			}
		}
		return errors.New("work is left")
	})
}

// large changes a group by many members.
func (l *lonely) large(ctx context.Context) error {
	group, err := l.world.create(ctx, "/Groups", stage.Group("One"))
	if err != nil {
		return err
	}
	n := len(l.ids)
	patch := func(op string) string { return stage.Patch(op) }
	for _, r := range []struct{ name, method, path, body string }{
		{fmt.Sprintf("PUT of a group with %d members", n), "PUT", "/Groups/" + group, stage.Group("One", l.ids...)},
		{fmt.Sprintf("PUT of the group with the last %d members", n*4/5), "PUT", "/Groups/" + group, stage.Group("One", l.ids[n/5:]...)},
		{fmt.Sprintf("PATCH that adds %d members", n/5), "PATCH", "/Groups/" + group, patch(fmt.Sprintf(`{"op":"add","path":"members","value":%s}`, stage.Members(l.ids[:n/5]...)))},
		{fmt.Sprintf("PATCH that removes %d members", n/5), "PATCH", "/Groups/" + group, patch(fmt.Sprintf(`{"op":"remove","path":"members","value":%s}`, stage.Members(l.ids[n/5:2*n/5]...)))},
		{"PATCH that removes all members", "PATCH", "/Groups/" + group, patch(`{"op":"remove","path":"members"}`)},
		{fmt.Sprintf("POST of a group with %d members", n), "POST", "/Groups", stage.Group("Two", l.ids...)},
		{"DELETE of an empty group", "DELETE", "/Groups/" + group, ""},
	} {
		if err := l.send(ctx, r.name, r.method, r.path, r.body); err != nil {
			return err
		}
	}
	two, err := l.groupID(ctx, "Two")
	if err != nil {
		return err
	}
	if err := l.send(ctx, fmt.Sprintf("DELETE of a group with %d members", n), "DELETE", "/Groups/"+two, ""); err != nil {
		return err
	}
	return l.sweep(ctx, "sweep after the changes of groups")
}

// groupID returns the id of a group by its name.
func (l *lonely) groupID(ctx context.Context, name string) (string, error) {
	got := l.world.outside.serve(ctx, "GET", "/Groups?filter=displayName+eq+%22"+name+"%22", "")
	var list struct{ Resources []struct{ ID string } }
	if err := json.Unmarshal([]byte(got.body), &list); err != nil || len(list.Resources) != 1 {
		return "", fmt.Errorf("contention: no group %s: %d: %s", name, got.status, got.body)
	}
	return list.Resources[0].ID, nil
}

// bulk creates users by one request.
func (l *lonely) bulk(ctx context.Context) error {
	operations := make([]string, 20)
	for i := range operations {
		operations[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":%s}`, i, user(1_000_000+i))
	}
	return l.send(ctx, fmt.Sprintf("bulk request with %d creates", len(operations)), "POST", "/Bulk", stage.Bulk(operations...))
}

// memberships deletes and purges users of many groups.
func (l *lonely) memberships(ctx context.Context) error {
	for i := range 100 {
		if _, err := l.world.create(ctx, "/Groups", stage.Group(fmt.Sprintf("Of %d", i), l.ids[:3]...)); err != nil {
			return err
		}
	}
	if err := l.send(ctx, "DELETE of a user in 100 groups", "DELETE", "/Users/"+l.ids[0], ""); err != nil {
		return err
	}
	if err := l.admin(ctx, "purge of a user in 100 groups", "DELETE", "/tenants/acme/users/"+l.ids[1]); err != nil {
		return err
	}
	return l.sweep(ctx, "sweep after the deletion of users")
}

// renewal renews records as an earlier version stored them: without a reservation of
// the userName among the addresses.
func (l *lonely) renewal(ctx context.Context) error {
	for i := range 40 {
		body := stage.User(fmt.Sprintf(`"userName":"former%d@acme.example","emails":[{"primary":true,"value":"mail%d@acme.example"}]`, i, i))
		if _, err := l.world.create(ctx, "/Users", body); err != nil {
			return err
		}
	}
	attribute := "held." + string(directory.Address)
	names := "T#acme#NAMES#" + string(directory.Address.Space())
	var ops []table.Op
	records := 0
	for _, item := range l.world.engine.Items() {
		if kind(item.Key) == "USERS" && item.Attributes.Has(attribute) {
			records++
			ops = append(ops, table.Update(item.Key, table.Change{Remove: []string{attribute}}),
				table.Delete(table.Key{Partition: names, Sort: item.Attributes.Text(attribute)}))
		}
	}
	for i, batch := range slices.Collect(slices.Chunk(ops, table.MaxOps)) {
		if err := l.world.engine.Write(ctx, table.Transaction{Token: fmt.Sprint("renewal ", i), Ops: batch}); err != nil {
			return fmt.Errorf("contention: %w", err)
		}
	}
	return l.do(fmt.Sprintf("renewal of the names of %d users", records), func() error {
		renewed, err := l.in.app.Store.RenewNames(ctx, l.world.tenant)
		if err == nil && (renewed.Records != records || records == 0) {
			err = fmt.Errorf("%+v", renewed)
		}
		return err
	})
}

// erasure deletes the tenant.
func (l *lonely) erasure(ctx context.Context) error {
	if err := l.admin(ctx, "deletion of the tenant", "DELETE", "/tenants/acme?confirm=acme"); err != nil {
		return err
	}
	if err := l.sweep(ctx, "sweep that erases the tenant"); err != nil {
		return err
	}
	for _, item := range l.world.engine.Items() {
		if strings.HasPrefix(item.Partition, "T#") {
			return fmt.Errorf("contention: %v is left of the tenant", item.Key)
		}
	}
	return nil
}
