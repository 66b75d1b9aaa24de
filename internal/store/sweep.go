package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Swept is what a sweep found.
type Swept struct {
	// Finished are the tasks brought to their end, Young those left to the
	// requests that made them, Failed those that could not be finished.
	Finished, Young, Failed int
}

// SweepAge is how old a task is before a sweep takes it: the request that made
// it is over by then, whether it was able to finish it or not.
const SweepAge = time.Minute

// Sweep finishes the tasks of all tenants that are older than an age. A task that
// fails is left for the next sweep and does not keep the others waiting; the
// error joins theirs.
func (s *Store) Sweep(ctx context.Context, age time.Duration) (Swept, error) {
	return s.sweep(ctx, "", age)
}

// SweepTenant is Sweep of one tenant.
func (s *Store) SweepTenant(ctx context.Context, t tenant.ID, age time.Duration) (Swept, error) {
	return s.sweep(ctx, t.String()+"#", age)
}

func (s *Store) sweep(ctx context.Context, prefix string, age time.Duration) (Swept, error) {
	var swept Swept
	var failures []error
	q := table.Query{Partition: duePartition, Prefix: prefix}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return swept, errors.Join(append(failures, readError(err))...)
		}
		for _, item := range page.Items {
			switch err := s.sweepOne(ctx, item, age); {
			case errors.Is(err, errYoung):
				swept.Young++
			case err != nil:
				swept.Failed++
				failures = append(failures, err)
			default:
				swept.Finished++
			}
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
		return err
	}
	task, ok := parseTask(rest)
	if !ok {
		return errors.New("store: a task without a name")
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
			task.Name, _, _ = strings.Cut(task.Name, "#")
		}
		tasks[task] = item
	})
	return tasks, err
}
