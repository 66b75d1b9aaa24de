package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// Swept is the result of a sweep.
type Swept struct {
	// Finished are the tasks that were finished, Young those left to the
	// requests that created them or to the next sweep, Failed those that could
	// not be finished.
	Finished, Young, Failed int
}

// Sweeping is the result of a sweep, with the tasks that it left.
type Sweeping struct {
	Swept
	// Due are the tasks that were due when the sweep began.
	Due int
	// Deleted counts the items that the sweep deleted.
	Deleted int
	// Advanced are the tasks that made progress and were not finished.
	Advanced int
	// Left are the tasks that are still due: the young ones, those that failed
	// or have more to do, and those for which there was no time.
	Left int
	// Oldest is the age of the oldest task that is left.
	Oldest time.Duration
	// Stalled is the longest time for which a task that is left made no
	// progress: since it became due, or since a sweep last made progress with
	// it.
	Stalled time.Duration
	// Waiting are the tasks that are left to the requests that created them.
	Waiting []Waiting
}

// Waiting is a task that may not be finished yet.
type Waiting struct {
	// Task is its name, as in an audit.
	Task string
	// Until is when it may be finished.
	Until time.Time
}

// SweepAge is how old a task must be before a sweep takes it: the request that
// created it has ended by then, whether it was able to finish it or not.
const SweepAge = time.Minute

const (
	// taskTime is how long a sweep works on one task before the next one: a
	// little more than the time for which a call to the table is retried.
	taskTime = 10 * time.Second
	// sweepTime is after how long a sweep begins no further round: the next
	// one, five minutes after this, finds the tasks that became due meanwhile.
	sweepTime = 4 * time.Minute
)

// Sweep finishes the tasks of all tenants that are older than an age. A task
// that fails is left for the next sweep and does not delay the others; its
// error is joined with theirs.
//
// It works on each task for a limited time, and then, in rounds, on those that
// made progress and are not finished. So a backlog of one tenant does not delay
// the others.
func (s *Store) Sweep(ctx context.Context, age time.Duration) (Sweeping, error) {
	return (&sweep{store: s, age: age, each: taskTime}).run(ctx, "")
}

// SweepTenant does what Sweep does for one tenant, without a time limit.
func (s *Store) SweepTenant(ctx context.Context, t tenant.ID, age time.Duration) (Sweeping, error) {
	return (&sweep{store: s, age: age, each: 24 * time.Hour}).run(ctx, t.String()+"#")
}

// SweepNow does what SweepTenant does, for tasks of any age. What a running
// request has staged is given up; the request then meets a conflict. Only a
// deletion of the tenant waits for the requests that may still write.
func (s *Store) SweepNow(ctx context.Context, t tenant.ID) (Sweeping, error) {
	return (&sweep{store: s, each: 24 * time.Hour, now: true}).run(ctx, t.String()+"#")
}

// sweep is one sweep.
type sweep struct {
	store *Store
	age   time.Duration
	each  time.Duration
	now   bool // includes staged work
	pace  *pace
}

// dueTask is a task that is due, and its outcome.
type dueTask struct {
	name  string // its tenant's id, or endpointDue, '#', and its name there
	at    time.Time
	moved time.Time // zero if no sweep made progress with it

	outcome outcome
	until   time.Time // of a waiting one
	err     error     // of a failed one
}

// outcome is the result of a sweep's work on a task.
type outcome int

const (
	notTaken outcome = iota
	finished
	waiting  // left to the request that created it
	advanced // its time ran out, and it made progress
	stalled  // its time ran out, and it made no progress
	failed
)

func (s *sweep) run(ctx context.Context, prefix string) (Sweeping, error) {
	begun := time.Now()
	var paced context.Context
	paced, s.pace = withPace(ctx, s.store.units)
	due, err := s.store.due(ctx, prefix)
	for turn := due; len(turn) > 0 && ctx.Err() == nil && time.Since(begun) < sweepTime; {
		var more []*dueTask
		for _, task := range turn {
			s.turn(paced, task)
			if task.outcome == advanced {
				more = append(more, task)
			}
			if ctx.Err() != nil {
				break
			}
		}
		turn = more
	}
	failures := []error{err}
	for _, task := range due {
		failures = append(failures, task.err)
	}
	return s.result(due), errors.Join(append(failures, ctx.Err())...)
}

// result returns what a sweep did and left.
func (s *sweep) result(due []*dueTask) Sweeping {
	done := Sweeping{Due: len(due), Deleted: s.pace.deleted()}
	now := s.store.now()
	for _, task := range due {
		switch task.outcome {
		case finished:
			done.Finished++
			continue
		case failed:
			done.Failed++
		case advanced:
			done.Young++
			done.Advanced++
		case stalled:
			done.Young++
		case waiting:
			done.Young++
			_, name, _ := strings.Cut(task.name, "#")
			done.Waiting = append(done.Waiting, Waiting{Task: name, Until: task.until})
		case notTaken:
		}
		done.Left++
		done.Oldest = max(done.Oldest, now.Sub(task.at))
		done.Stalled = max(done.Stalled, task.stalledAt(now))
	}
	return done
}

// stalledAt returns for how long the task made no progress.
func (d *dueTask) stalledAt(now time.Time) time.Duration {
	last := d.at
	if d.moved.After(last) {
		last = d.moved
	}
	return now.Sub(last)
}

// A Backlog is the unfinished work of all tenants.
type Backlog struct {
	// Due is the number of tasks, Oldest the age of the oldest, and Stalled the
	// longest time for which one made no progress.
	Due             int
	Oldest, Stalled time.Duration
}

// Backlog reads the tasks that are due.
func (s *Store) Backlog(ctx context.Context) (Backlog, error) {
	due, err := s.due(ctx, "")
	b := Backlog{Due: len(due)}
	for _, task := range due {
		b.Oldest = max(b.Oldest, s.now().Sub(task.at))
		b.Stalled = max(b.Stalled, task.stalledAt(s.now()))
	}
	return b, readError(err)
}

// due lists the tasks that are due, in the order in which a sweep takes them:
// random, but those that no sweep has worked on come first.
func (s *Store) due(ctx context.Context, prefix string) ([]*dueTask, error) {
	var due []*dueTask
	err := s.scanPrefix(ctx, duePartition, prefix, func(item table.Item) {
		due = append(due, &dueTask{
			name: item.Sort, at: timeOf(item.Attributes, attrTime), moved: timeOf(item.Attributes, attrMoved),
		})
	})
	s.shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	slices.SortStableFunc(due, func(a, b *dueTask) int {
		switch {
		case a.moved.IsZero() == b.moved.IsZero():
			return 0
		case a.moved.IsZero():
			return -1
		}
		return 1
	})
	return due, err
}

// turn works on a task for a limited time.
func (s *sweep) turn(ctx context.Context, task *dueTask) {
	one, cancel := context.WithTimeout(ctx, s.each)
	defer cancel()
	before := s.pace.applied()
	err := s.finish(one, task)
	until, young := isYoung(err)
	switch {
	case err == nil:
		task.outcome = finished
	case young:
		task.outcome, task.until = waiting, until
	case one.Err() == nil:
		task.outcome, task.err = failed, err
	case s.pace.applied() == before:
		task.outcome = stalled
	default:
		task.outcome = advanced
		task.moved = s.store.now()
		s.store.markMoved(ctx, task)
	}
}

// markMoved records in the due task that a sweep made progress with it. Only
// the order of the next sweep, and the time for which the task seems stalled,
// depend on it.
func (s *Store) markMoved(ctx context.Context, task *dueTask) {
	_ = s.write(ctx, time.Time{}, table.Update(table.Key{Partition: duePartition, Sort: task.name},
		table.Change{Set: table.Attributes{attrMoved: millis(task.moved)}}, table.Present()))
}

func (s *sweep) finish(ctx context.Context, due *dueTask) error {
	if until := due.at.Add(s.age); s.store.now().Before(until) {
		return youngUntil(until)
	}
	name, rest, _ := strings.Cut(due.name, "#")
	if name == endpointDue {
		endpoint, task, _ := strings.Cut(rest, "#")
		if err := s.store.finishEndpoint(ctx, due, endpoint, task); err != nil {
			return fmt.Errorf("task %s: %w", due.name, err)
		}
		return nil
	}
	t, err := tenant.ParseID(name)
	if err != nil {
		return fmt.Errorf("task %s: %w", due.name, err)
	}
	task, ok := parseTask(rest)
	if !ok {
		return fmt.Errorf("task %s: store: invalid name of a task", due.name)
	}
	_, err = s.store.finish(ctx, t, task)
	if _, young := isYoung(err); young && s.now {
		err = s.store.finishStaged(ctx, t, task, err)
	}
	if err != nil {
		return fmt.Errorf("task %s: %w", due.name, err)
	}
	return nil
}

// finishStaged gives up what a request has staged and may still use: of the
// two, exactly one succeeds. Any other young task stays young.
func (s *Store) finishStaged(ctx context.Context, t tenant.ID, task directory.Task, young error) error {
	switch task.Kind {
	case directory.TaskEpoch:
		group, epoch, ok := epochOf(task)
		if !ok {
			return young
		}
		return s.GiveUpEpoch(ctx, t, group, epoch)
	case directory.TaskMembers:
		if err := s.dropParts(ctx, t, task); err != nil {
			return err
		}
		_, err := s.finish(ctx, t, task) // it may have been accepted after all
		return err
	case directory.TaskUser, directory.TaskTenant:
	}
	return young
}

// tasks lists the unfinished tasks of a tenant, each once.
func (s *Store) tasks(ctx context.Context, t tenant.ID) (map[directory.Task]bool, error) {
	tasks := map[directory.Task]bool{}
	err := s.scan(ctx, partition(t, "TASKS"), func(item table.Item) {
		task, ok := parseTask(item.Sort)
		if !ok {
			return
		}
		if task.Kind == directory.TaskMembers || task.Kind == directory.TaskEpoch {
			task.Name, _, _ = strings.Cut(task.Name, "#") // a part, or a lane
		}
		tasks[task] = true
	})
	return tasks, err
}
