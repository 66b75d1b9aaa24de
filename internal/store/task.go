package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of a task.
const (
	attrWhere = "gone"  // of a user's: 1 if the user's record is among the deleted
	attrState = "state" // of an epoch's: stateStaged or stateEnding
	attrUntil = "until" // of a staged epoch: when it may be given up, in milliseconds
	attrKeep  = "keep"  // of accepted members: the retention of log entries, in seconds
	attrLeft  = "left"  // of an accepted change: how many parts are left
	attrLoose = "loose" // of a part: 1 if it may name members that do not change
)

const (
	// stateStaged: a request writes members that no reader sees yet.
	stateStaged = "staged"
	// stateEnding: the epoch is not a group's any more, and its memberships are
	// being ended; or the change was not accepted, and its parts are being
	// deleted.
	stateEnding = "ending"
	// stateAccepted: the group names the change, and its parts are being
	// applied.
	stateAccepted = "accepted"
)

// unclaimedTime is how long parts of a change may exist without a group that
// names the change: a request that would still accept them has ended by then.
const unclaimedTime = time.Minute

// taskSort returns a task's name in its tenant.
func taskSort(task directory.Task) string {
	name := string(task.Kind) + "#" + task.Resource
	if task.Name != "" {
		name += "#" + task.Name
	}
	return name
}

func parseTask(name string) (directory.Task, bool) {
	parts := strings.SplitN(name, "#", 3)
	if len(parts) < 2 {
		return directory.Task{}, false
	}
	task := directory.Task{Kind: directory.TaskKind(parts[0]), Resource: parts[1]}
	if len(parts) == 3 {
		task.Name = parts[2]
	}
	return task, true
}

// taskOps write a task, and its name among those that are due.
func taskOps(t tenant.ID, task directory.Task, a table.Attributes) []operation {
	name := taskSort(task)
	return []operation{
		{Op: table.Put(table.Item{Key: taskKey(t, name), Attributes: a})},
		{Op: dueOp(t, name, a[attrTime])},
	}
}

func dueOp(t tenant.ID, name string, at table.Value) table.Op {
	return table.Put(table.Item{Key: dueKey(t, name), Attributes: table.Attributes{attrTime: at}})
}

// doneOps delete a task.
func doneOps(t tenant.ID, task directory.Task, when ...table.Condition) []operation {
	name := taskSort(task)
	return []operation{
		{Op: table.Delete(taskKey(t, name), when...)},
		{Op: table.Delete(dueKey(t, name))},
	}
}

func epochTask(group string, epoch int64) directory.Task {
	return directory.Task{Kind: directory.TaskEpoch, Resource: group, Name: fmt.Sprint(epoch)}
}

// endEpochOps leave the memberships of an epoch to a task.
func endEpochOps(t tenant.ID, group string, epoch int64, at time.Time) []operation {
	return taskOps(t, epochTask(group, epoch), table.Attributes{
		attrTime: millis(at), attrState: table.Text(stateEnding),
	})
}

// takeEpochOps make a staged epoch a group's: its task is deleted.
func takeEpochOps(t tenant.ID, group string, epoch int64) []operation {
	task := epochTask(group, epoch)
	return append(doneOps(t, task, table.Is(attrState, table.Text(stateStaged))), endLanesOps(t, task)...)
}

// laneKey returns the key of a lane of a staged epoch: an item that exists while
// members may be staged. Of the transactions that stage members in parallel, each has a
// lane of its own, because two that check one item conflict.
func laneKey(t tenant.ID, epoch directory.Task, lane int) table.Key {
	return taskKey(t, taskSort(epoch)+"#"+strconv.Itoa(lane))
}

// endLanesOps end the staging of an epoch.
func endLanesOps(t tenant.ID, epoch directory.Task) []operation {
	ops := make([]operation, parallelWrites)
	for lane := range ops {
		ops[lane].Op = table.Delete(laneKey(t, epoch, lane))
	}
	return ops
}

// BeginEpoch prepares members under an epoch: from here on a task is
// responsible for them. group is nil if it does not exist yet. The condition on
// the group refuses the same transaction when the members have become the
// group's: the task would end them.
func (s *Store) BeginEpoch(ctx context.Context, t tenant.ID, id string, group *directory.Group, epoch int64, until time.Time) error {
	task := epochTask(id, epoch)
	operations := taskOps(t, task, table.Attributes{
		attrTime: millis(s.now()), attrState: table.Text(stateStaged), attrUntil: millis(until),
	})
	for lane := range parallelWrites {
		operations = append(operations, operation{Op: table.Put(table.Item{Key: laneKey(t, task, lane)})})
	}
	begun := table.Check(groupKey(t, id), table.Absent())
	if group != nil {
		begun = table.Update(groupKey(t, id), table.Change{Set: table.Attributes{attrEpochs: table.Number(epoch)}},
			table.Is(attrEpochs, table.Number(group.Epochs)))
	}
	operations = append(operations, operation{Op: begun})
	return stale(s.commit(ctx, time.Time{}, operations))
}

// stale turns a commit's failed conditions into directory.ErrStale.
func stale(err error) error {
	var failed *directory.CommitError
	if errors.As(err, &failed) {
		return directory.ErrStale
	}
	return err
}

// attempt commits operations, unless their conditions do not hold any more: then
// another request has done the work.
func (s *Store) attempt(ctx context.Context, operations ...operation) error {
	err := s.commit(ctx, time.Time{}, operations)
	var failed *directory.CommitError
	if errors.As(err, &failed) {
		return nil
	}
	return err
}

// StageMembers writes members under an epoch that was begun, several
// transactions in parallel: readers do not see them, so their order does not
// matter.
func (s *Store) StageMembers(ctx context.Context, t tenant.ID, group string, epoch int64, users []string) ([]string, error) {
	batches := slices.Collect(slices.Chunk(users, directory.MaxJoined))
	unknown := make([][]string, len(batches))
	parent := ctx
	err := parallel(ctx, parallelWrites, func(ctx context.Context, lane int) error {
		staged := operation{Op: table.Check(laneKey(t, epochTask(group, epoch), lane), table.Present())}
		for i := lane; i < len(batches); i += parallelWrites {
			if ctx.Err() != nil {
				return parent.Err() // nil if another lane failed, whose error is returned
			}
			skipped, err := s.join(ctx, t, batches[i], time.Time{}, func(users []string) []operation {
				operations := []operation{staged}
				for _, user := range users {
					operations = append(operations, joinOps(t, group, epoch, user)...)
				}
				return operations
			})
			unknown[i] = skipped
			if err != nil {
				return err
			}
		}
		return nil
	})
	return slices.Concat(unknown...), err
}

// join commits operations by which users join. Those who are not live users are
// left out and returned; the memberships of leaving users are finished first.
func (s *Store) join(ctx context.Context, t tenant.ID, users []string, notAfter time.Time,
	operations func(users []string) []operation,
) (unknown []string, err error) {
	for {
		err := s.commit(ctx, notAfter, operations(users))
		var failed *directory.CommitError
		switch {
		case !errors.As(err, &failed):
			return unknown, err
		case failed.Has(directory.UserUnknown):
			skipped := failed.IDs(directory.UserUnknown)
			unknown = append(unknown, skipped...)
			users = slices.DeleteFunc(slices.Clone(users), func(id string) bool { return slices.Contains(skipped, id) })
		case failed.Has(directory.UserLeaving):
			for _, user := range failed.IDs(directory.UserLeaving) {
				if _, err := s.Finish(ctx, t, directory.Task{Kind: directory.TaskUser, Resource: user}); err != nil {
					return unknown, err
				}
			}
		default:
			return unknown, directory.ErrStale
		}
	}
}

// Finish completes a task. Every step is a transaction that is harmless to
// repeat, so that any number of requests may work on one task concurrently.
func (s *Store) Finish(ctx context.Context, t tenant.ID, task directory.Task) ([]string, error) {
	unknown, err := s.finish(ctx, t, task)
	if _, young := isYoung(err); young {
		err = nil // its request is working on it
	}
	return unknown, err
}

// youngError reports a task that is left to the request that created it, whose
// time has not run out.
type youngError struct {
	// until is when it may be finished.
	until time.Time
}

func youngUntil(until time.Time) error { return &youngError{until} }

// Error says when.
func (e *youngError) Error() string {
	return "store: young task, until " + e.until.Format(time.RFC3339)
}

// isYoung reports whether a task was left alone, and until when.
func isYoung(err error) (until time.Time, ok bool) {
	var young *youngError
	if errors.As(err, &young) {
		return young.until, true
	}
	return time.Time{}, false
}

func (s *Store) finish(ctx context.Context, t tenant.ID, task directory.Task) ([]string, error) {
	switch task.Kind {
	case directory.TaskEpoch:
		return nil, s.finishEpoch(ctx, t, task)
	case directory.TaskMembers:
		return s.applyParts(ctx, t, task)
	case directory.TaskUser:
		return nil, s.finishUser(ctx, t, task)
	case directory.TaskTenant:
		return nil, s.finishTenant(ctx, t, task)
	}
	return nil, fmt.Errorf("store: unknown kind of task: %q", task.Kind)
}

// forgetDue removes the name of a task that does not exist from the due ones, and
// lanes of an epoch that has none: a restored backup may hold a part of a transaction.
func (s *Store) forgetDue(ctx context.Context, t tenant.ID, task directory.Task) error {
	name := taskSort(task)
	ops := []operation{
		{Op: table.Check(taskKey(t, name), table.Absent())},
		{Op: table.Delete(dueKey(t, name))},
	}
	if task.Kind == directory.TaskEpoch {
		ops = append(ops, endLanesOps(t, task)...)
	}
	return s.attempt(ctx, ops...)
}

// GiveUpEpoch ends an epoch that was staged and will not become the group's.
func (s *Store) GiveUpEpoch(ctx context.Context, t tenant.ID, group string, epoch int64) error {
	task := epochTask(group, epoch)
	if err := s.attempt(ctx, append(endLanesOps(t, task), endStagedOp(taskKey(t, taskSort(task))))...); err != nil {
		return err
	}
	return s.finishEpoch(ctx, t, task)
}

// endStagedOp marks what a request staged as given up, unless it was accepted.
func endStagedOp(task table.Key) operation {
	return operation{Op: table.Update(task, table.Change{Set: table.Attributes{attrState: table.Text(stateEnding)}},
		table.Is(attrState, table.Text(stateStaged)))}
}

// finishEpoch ends the memberships of an epoch that is not a group's any more.
// An epoch that is being staged is left alone until its time runs out.
func (s *Store) finishEpoch(ctx context.Context, t tenant.ID, task directory.Task) error {
	item, ok, err := s.read(ctx, taskKey(t, taskSort(task)))
	if err != nil {
		return err
	}
	if !ok {
		return s.forgetDue(ctx, t, task)
	}
	if item.Attributes.Text(attrState) == stateStaged {
		if until := timeOf(item.Attributes, attrUntil); s.now().Before(until) {
			return youngUntil(until)
		}
		group, epoch, ok := epochOf(task)
		if !ok {
			return fmt.Errorf("store: the task has no epoch")
		}
		return s.GiveUpEpoch(ctx, t, group, epoch)
	}
	group, epoch, ok := epochOf(task)
	if !ok {
		return fmt.Errorf("store: the task has no epoch")
	}
	for {
		page, err := s.Members(ctx, t, group, epoch, "", parallelWrites*endBatch)
		if err != nil {
			return err
		}
		if len(page.Records) == 0 {
			return s.commit(ctx, time.Time{}, doneOps(t, task))
		}
		batches := slices.Collect(slices.Chunk(page.Records, endBatch))
		err = parallel(ctx, len(batches), func(ctx context.Context, i int) error {
			var operations []operation
			for _, user := range batches[i] {
				operations = append(operations, endOps(t, group, epoch, user)...)
			}
			return s.commit(ctx, time.Time{}, operations)
		})
		if err != nil {
			return err
		}
	}
}

// endBatch is how many memberships end in one transaction that does nothing
// else.
const endBatch = table.MaxOps / 2

func epochOf(task directory.Task) (group string, epoch int64, ok bool) {
	m, ok := decodeUserMembership(task.Resource + "#" + task.Name)
	return m.Group, m.Epoch, ok
}

// stay repairs a user who is leaving and has no task. Another request may just
// have finished it; otherwise the table was written to by other software.
func (s *Store) stay(ctx context.Context, t tenant.ID, task directory.Task) error {
	for _, key := range []table.Key{userKey(t, task.Resource), goneKey(t, task.Resource)} {
		err := s.attempt(ctx,
			operation{Op: table.Check(taskKey(t, taskSort(task)), table.Absent())},
			operation{Op: table.Update(key, table.Change{Set: table.Attributes{attrLeaving: flag(false)}},
				table.Is(attrLeaving, flag(true)))})
		if err != nil {
			return err
		}
	}
	return s.forgetDue(ctx, t, task)
}

// finishUser ends the memberships of a deleted user, a few groups at a time,
// and then allows the user to join groups again after a restore.
func (s *Store) finishUser(ctx context.Context, t tenant.ID, task directory.Task) error {
	name := taskSort(task)
	item, ok, err := s.read(ctx, taskKey(t, name))
	if err != nil {
		return err
	}
	if !ok {
		return s.stay(ctx, t, task)
	}
	// Every step requires this task and no later one: a delayed request must
	// not end memberships that the user has after a restore.
	same := table.Is(attrPartOf, table.Text(item.Attributes.Text(attrPartOf)))
	gone := map[string]bool{}
	for {
		memberships, err := s.MembershipsOf(ctx, t, task.Resource, directory.MaxJoined)
		if err != nil {
			return err
		}
		if len(memberships) == 0 {
			key := userKey(t, task.Resource)
			if item.Attributes.Number(attrWhere) == 1 {
				key = goneKey(t, task.Resource)
			}
			operations := append(doneOps(t, task, same), operation{
				Op: table.Update(key, table.Change{Set: table.Attributes{attrLeaving: flag(false)}}, table.Present()),
			})
			err := stale(s.commit(ctx, time.Time{}, operations))
			if errors.Is(err, directory.ErrStale) {
				return s.endWithoutRecord(ctx, t, task, key, same)
			}
			return err
		}
		operations, notAfter := s.leaveLaterOps(t, task, item, memberships, gone)
		err = s.commit(ctx, notAfter, append(operations, operation{Op: table.Check(item.Key, same)}))
		var failed *directory.CommitError
		switch {
		case errors.As(err, &failed) && failed.Stale():
			return s.finishUser(ctx, t, task) // another request finished it; there may be a new task
		case errors.As(err, &failed):
			for _, id := range failed.IDs(directory.GroupGone) {
				gone[id] = true
			}
		case err != nil:
			return err
		}
	}
}

// endWithoutRecord ends a task whose user's record was removed meanwhile, as by
// a purge. A task that another request finished is done already, and for a record
// that is there a later task is responsible.
func (s *Store) endWithoutRecord(ctx context.Context, t tenant.ID, task directory.Task, record table.Key, same table.Condition) error {
	return s.attempt(ctx, append(doneOps(t, task, same), operation{Op: table.Check(record, table.Absent())})...)
}
