package contention

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A Crowd is one experiment: many users join one group at the same time, each by a
// request of its own.
type Crowd struct {
	Joins int
	Hold  time.Duration
	Seed  uint64
}

// Joined is what came of a crowd.
type Joined struct {
	Crowd
	// Writes is how many transactions were sent for each join.
	Writes   float64
	Statuses map[int]int
	// P50 and Longest are times from the arrival of a request to its answer.
	P50, Longest time.Duration
	// Conflicts count refused transactions by the kind of the item.
	Conflicts map[string]int
	// Members is how many members the group has in the end, and Versions by how
	// much its version is higher.
	Members  int
	Versions int64
}

// Run lets a crowd join. It must be called in a bubble of testing/synctest.
func (c Crowd) Run(ctx context.Context) (Joined, error) {
	w, err := newWorld(ctx, c.Seed, c.Hold, tenant.Unlimited)
	if err != nil {
		return Joined{}, err
	}
	users, err := w.users(ctx, c.Joins)
	if err != nil {
		return Joined{}, err
	}
	group, err := w.create(ctx, "/Groups", stage.Group("All"))
	if err != nil {
		return Joined{}, err
	}
	before, err := w.store.Group(ctx, w.tenant, group)
	if err != nil {
		return Joined{}, fmt.Errorf("contention: %w", err)
	}
	j := Joined{Crowd: c, Statuses: map[int]int{}}
	var mu sync.Mutex
	var times []time.Duration
	var all sync.WaitGroup
	for _, user := range users {
		if err := w.clock.sleep(ctx, 0); err != nil {
			return Joined{}, fmt.Errorf("contention: %w", err)
		}
		all.Go(func() {
			got := w.send(ctx, "PATCH", "/Groups/"+group, stage.Patch(fmt.Sprintf(`{"op":"add","path":"members","value":%s}`, stage.Members(user))))
			mu.Lock()
			defer mu.Unlock()
			j.Statuses[got.status]++
			times = append(times, got.took)
		})
	}
	all.Wait()
	slices.Sort(times)
	j.P50, j.Longest = at(times, 0.5), at(times, 1)
	j.Writes = float64(w.writes) / float64(c.Joins)
	j.Conflicts = w.conflict.Report().Overlaps
	after, err := w.store.Group(ctx, w.tenant, group)
	if err != nil {
		return Joined{}, fmt.Errorf("contention: %w", err)
	}
	j.Versions = after.Version - before.Version
	members, err := w.store.Members(ctx, w.tenant, group, after.Epoch, "", 0)
	j.Members = len(members.Records)
	return j, err
}

// users creates users from outside, and returns their ids.
func (w *world) users(ctx context.Context, n int) ([]string, error) {
	ids := make([]string, n)
	for i := range ids {
		id, err := w.create(ctx, "/Users", user(i))
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}

// create creates a resource from outside, and returns its id.
func (w *world) create(ctx context.Context, path, body string) (string, error) {
	got := w.outside.serve(ctx, "POST", path, body)
	var resource struct{ ID string }
	if err := json.Unmarshal([]byte(got.body), &resource); err != nil || resource.ID == "" {
		return "", fmt.Errorf("contention: POST %s: %d: %s", path, got.status, got.body)
	}
	return resource.ID, nil
}
