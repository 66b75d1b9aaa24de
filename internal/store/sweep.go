package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Swept is what a sweep found.
type Swept struct {
	// Finished are the tasks brought to their end, Young those left to the
	// requests that made them or to the next sweep, Failed those that could not be
	// finished.
	Finished, Young, Failed int
}

// SweepAge is how old a task is before a sweep takes it: the request that made
// it is over by then, whether it was able to finish it or not.
const SweepAge = time.Minute

// taskTime is how long a sweep works at one task: the next one goes on with it.
const taskTime = 30 * time.Second

// Sweep finishes the tasks of all tenants that are older than an age. A task that
// fails is left for the next sweep and does not keep the others waiting; the
// error joins theirs.
func (s *Store) Sweep(ctx context.Context, age time.Duration) (Swept, error) {
	return s.sweep(ctx, "", age, taskTime)
}

// SweepTenant is Sweep of one tenant.
func (s *Store) SweepTenant(ctx context.Context, t tenant.ID, age time.Duration) (Swept, error) {
	return s.sweep(ctx, t.String()+"#", age, 24*time.Hour)
}

// sweep takes the due tasks in no order, and works at each for a time, so that no
// tenant's backlog keeps the others waiting time and again.
func (s *Store) sweep(ctx context.Context, prefix string, age, each time.Duration) (Swept, error) {
	var swept Swept
	var failures []error
	q := table.Query{Partition: duePartition, Prefix: prefix}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return swept, errors.Join(append(failures, readError(err))...)
		}
		rand.Shuffle(len(page.Items), func(i, j int) { //nolint:gosec // spreads work; nothing secret hangs on it
			page.Items[i], page.Items[j] = page.Items[j], page.Items[i]
		})
		for _, item := range page.Items {
			one, cancel := context.WithTimeout(ctx, each)
			err := s.sweepOne(one, item, age)
			switch {
			case errors.Is(err, errYoung), err != nil && one.Err() != nil && ctx.Err() == nil:
				swept.Young++
			case err != nil:
				swept.Failed++
				failures = append(failures, err)
			default:
				swept.Finished++
			}
			cancel()
			if err := ctx.Err(); err != nil {
				return swept, errors.Join(append(failures, err)...)
			}
		}
		if !page.More {
			return swept, errors.Join(failures...)
		}
		q.After = page.Last
	}
}

func (s *Store) sweepOne(ctx context.Context, item table.Item, age time.Duration) error {
	if s.now().Sub(timeOf(item.Attributes, attrTime)) < age {
		return errYoung
	}
	name, rest, _ := strings.Cut(item.Sort, "#")
	t, err := tenant.ParseID(name)
	if err != nil {
		return fmt.Errorf("task %s: %w", item.Sort, err)
	}
	task, ok := parseTask(rest)
	if !ok {
		return fmt.Errorf("task %s: store: that is no task's name", item.Sort)
	}
	if _, err := s.finish(ctx, t, task); err != nil {
		return fmt.Errorf("task %s: %w", item.Sort, err)
	}
	return nil
}

// tasks lists the tasks of a tenant that are not finished, each once.
func (s *Store) tasks(ctx context.Context, t tenant.ID) (map[directory.Task]table.Item, error) {
	tasks := map[directory.Task]table.Item{}
	err := s.scan(ctx, partition(t, "TASKS"), func(item table.Item) {
		task, ok := parseTask(item.Sort)
		if !ok {
			return
		}
		if task.Kind == directory.TaskMembers {
			task.Name, _, _ = strings.Cut(task.Name, "#") // a part, behind its head
		}
		tasks[task] = item
	})
	return tasks, err
}
