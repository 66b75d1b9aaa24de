package directory

import (
	"context"
	"strconv"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Task names work that outlives its transaction.
type Task struct {
	// Resource is the id of the group, the user or the tenant; Name is the
	// epoch or the accepted change.
	Kind     TaskKind
	Resource string
	Name     string
}

// TaskKind is a kind of task.
type TaskKind string

// The kinds of task.
const (
	// TaskEpoch ends the memberships of one epoch of a group: one that was
	// given up or replaced, or the last of a deleted group.
	TaskEpoch TaskKind = "epoch"
	// TaskMembers applies an accepted change of many members.
	TaskMembers TaskKind = "members"
	// TaskUser ends the memberships of a deleted user.
	TaskUser TaskKind = "user"
	// TaskTenant removes all that is stored of a deleted tenant.
	TaskTenant TaskKind = "tenant"
)

// cleaningTime is how long a request that is done spends on work that no reader
// sees.
const cleaningTime = 2 * time.Second

// finishSoon works on a task that changes nothing for readers. The sweep
// finishes what it has no time for.
func (d *Directory) finishSoon(ctx context.Context, t tenant.ID, task Task) {
	ctx, cancel := context.WithTimeout(ctx, cleaningTime)
	defer cancel()
	_, _ = d.store.Finish(ctx, t, task)
}

func epochTask(g *Group) Task {
	return Task{Kind: TaskEpoch, Resource: g.ID, Name: strconv.FormatInt(g.Epoch, 10)}
}

func leavingTask(id string) Task { return Task{Kind: TaskUser, Resource: id} }
