package directory_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/event"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// observer is a table that compares each commit with its events: what a reader sees before and
// after it, and what the events say. One transaction is applied at a time.
type observer struct {
	table.Table
	t      testing.TB
	tenant tenant.ID
	reads  *store.Store // of the table itself

	mu     sync.Mutex
	before sight
	// events counts those that were compared, by type.
	events map[event.Type]int
	faults []string
}

// sight is what readers see of a tenant. The members of a group are live users whose
// memberships are not being ended.
type sight struct {
	users  map[string]*directory.User
	groups map[string]*directory.Group
	in     map[membership]bool
}

type membership struct{ group, user string }

func (w *observer) look() sight {
	ctx, all := context.Background(), directory.Range{Limit: 1000}
	s := sight{users: map[string]*directory.User{}, groups: map[string]*directory.Group{}, in: map[membership]bool{}}
	live, err := w.reads.Users(ctx, w.tenant, all)
	require.NoError(w.t, err)
	deleted, err := w.reads.DeletedUsers(ctx, w.tenant, all)
	require.NoError(w.t, err)
	groups, err := w.reads.Groups(ctx, w.tenant, all)
	require.NoError(w.t, err)
	require.False(w.t, live.More || deleted.More || groups.More)
	for _, u := range slices.Concat(live.Records, deleted.Records) {
		s.users[u.ID] = u
	}
	for _, g := range groups.Records {
		s.groups[g.ID] = g
		members, err := w.reads.Members(ctx, w.tenant, g.ID, g.Epoch, "", 1000)
		require.NoError(w.t, err)
		for _, id := range members.Records {
			if u := s.users[id]; u.Live() && !u.Leaving {
				s.in[membership{g.ID, id}] = true
			}
		}
	}
	return s
}

// Write applies a transaction, and compares it with its events.
func (w *observer) Write(ctx context.Context, tx table.Transaction) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.Table.Write(ctx, tx); err != nil {
		return err
	}
	after := w.look()
	w.compare(tx, w.before, after)
	w.before = after
	return nil
}

// eventsOf returns the events of the entries that a transaction writes, and how many entries
// have one. The first failure of a subject is no event of a change.
func (w *observer) eventsOf(tx table.Transaction) (drafts []event.Draft, entries int) {
	set := map[string][]string{}
	for _, op := range tx.Ops {
		if strings.HasSuffix(op.Key.Partition, "#SETS") {
			key, _, _ := strings.Cut(op.Key.Sort, "#")
			set[key] = append(set[key], strings.Split(op.Attributes.Text("madd"), ",")...)
		}
	}
	for _, op := range tx.Ops {
		t, source, ok := store.SourceOf(table.Item{Key: op.Key, Attributes: op.Attributes})
		if !ok || op.Kind != table.OpPut || source.Entry == nil {
			continue
		}
		source.Set = set[source.Key()]
		if of := event.Of(t, source); len(of) > 0 {
			drafts = append(drafts, of...)
			entries++
		}
	}
	return drafts, entries
}

// compare reports each change without an event, and each event without its change.
func (w *observer) compare(tx table.Transaction, before, after sight) {
	drafts, entries := w.eventsOf(tx)
	fault := func(format string, args ...any) {
		w.faults = append(w.faults, fmt.Sprintf(format, args...)+"\n"+describe(tx, drafts))
	}
	if entries > 1 {
		fault("%d entries in one commit", entries)
	}
	told := map[string]event.Draft{} // by subject
	for _, d := range drafts {
		w.events[d.Type]++
		if _, twice := told[d.Subject.ID]; !twice {
			told[d.Subject.ID] = d
		}
	}
	for _, id := range slices.Sorted(maps.Keys(keysOf(before.users, after.users))) {
		if problem := userProblem(before.users[id], after.users[id], told[id]); problem != "" {
			fault("user %s: %s", id, problem)
		}
	}
	leaves := leaver(tx, drafts, after)
	for _, id := range slices.Sorted(maps.Keys(keysOf(before.groups, after.groups))) {
		if problem := groupProblem(before.groups[id], after.groups[id], told[id], leaves); problem != "" {
			fault("group %s: %s", id, problem)
		}
	}
	for m := range keysOf(before.in, after.in) {
		switch was, is := before.in[m], after.in[m]; {
		case was && !is && !ends(drafts, m):
			fault("%v ended without an event", m)
		case !was && is && !begins(drafts, m):
			fault("%v began without an event", m)
		}
	}
	for _, d := range drafts {
		for _, id := range d.Added {
			if u := after.users[id]; !after.in[membership{d.Subject.ID, id}] && u.Live() && !u.Leaving {
				fault("%s says that %s joined", d.Type, id)
			}
		}
		for _, id := range d.Removed {
			if after.in[membership{d.Subject.ID, id}] {
				fault("%s says that %s left", d.Type, id)
			}
		}
		if g := after.groups[d.Subject.ID]; d.Generation > 0 && (g == nil || g.Epoch != d.Generation) {
			fault("%s is of generation %d", d.Type, d.Generation)
		}
	}
}

func describe(tx table.Transaction, drafts []event.Draft) string {
	var b strings.Builder
	for _, d := range drafts {
		fmt.Fprintf(&b, "\tevent %s of %s %s, version %d, +%v -%v\n", d.Type, d.Subject.Type, d.Subject.ID, d.Version, d.Added, d.Removed)
	}
	for _, op := range tx.Ops {
		fmt.Fprintf(&b, "\top %d %s | %s\n", op.Kind, op.Key.Partition, op.Key.Sort)
	}
	return b.String()
}

// userProblem compares a change of a user with its event, whose type is "" if there is none.
func userProblem(before, after *directory.User, d event.Draft) string {
	want := event.Type("")
	switch {
	case before == nil && after == nil:
	case before == nil:
		want = event.UserCreated
	case after == nil:
		want = event.UserPurged
	case before.Deleted && !after.Deleted:
		want = event.UserRestored
	case !before.Deleted && after.Deleted:
		want = event.UserDeleted
	case before.Active && !after.Active:
		want = event.UserDeactivated
	case !before.Active && after.Active:
		want = event.UserReactivated
	case before.Version != after.Version && !before.Linked && after.Linked:
		want = event.UserLinked
	case before.Version != after.Version:
		want = event.UserUpdated
	case string(before.Doc) != string(after.Doc):
		return "changed without its version"
	}
	version := int64(0)
	if after != nil {
		version = after.Version
	} else if before != nil {
		version = before.Version + 1
	}
	// A deletion of an inactive user that stays readable ends its memberships.
	kept := (want == event.UserUpdated || want == event.UserLinked) && d.Type == event.UserDeactivated && d.Ended
	switch {
	case d.Type != want && !kept:
		return fmt.Sprintf("the event is %q, want %q", d.Type, want)
	case want != "" && d.Version != version:
		return fmt.Sprintf("the version is %d, want %d", d.Version, version)
	}
	return ""
}

// groupProblem compares a change of a group with its event. The versions of groups that a
// user leaves by a deletion or purge change without one.
func groupProblem(before, after *directory.Group, d event.Draft, leaves bool) string {
	want := []event.Type{""}
	switch {
	case before == nil:
		want = []event.Type{event.GroupCreated}
	case after == nil:
		want = []event.Type{event.GroupDeleted}
	case string(before.Doc) != string(after.Doc):
		want = []event.Type{event.GroupUpdated}
	case before.Version != after.Version && leaves:
		want = []event.Type{"", event.GroupMembersChanged}
	case before.Version != after.Version:
		want = []event.Type{event.GroupUpdated, event.GroupMembersChanged}
	}
	if !slices.Contains(want, d.Type) {
		return fmt.Sprintf("the event is %q, want one of %q", d.Type, want)
	}
	return ""
}

// leaver reports whether a transaction ends memberships of a user by a deletion or purge: by
// its event, or as the task that an earlier one left. A user who was hired again is active.
func leaver(tx table.Transaction, drafts []event.Draft, after sight) bool {
	return slices.ContainsFunc(drafts, func(d event.Draft) bool { return d.Ended && d.Type != event.UserReactivated }) ||
		slices.ContainsFunc(tx.Ops, func(op table.Op) bool {
			id, ok := strings.CutPrefix(op.Key.Sort, "user#")
			u := after.users[id]
			return ok && strings.HasSuffix(op.Key.Partition, "#TASKS") && (u == nil || !u.Active)
		})
}

// ends reports whether events say that a membership ends.
func ends(drafts []event.Draft, m membership) bool {
	replaced := false
	for _, d := range drafts {
		switch {
		case d.Subject.ID == m.user && d.Ended, d.Subject.ID == m.group && (d.Type == event.GroupDeleted || slices.Contains(d.Removed, m.user)):
			return true
		case d.Subject.ID == m.group && d.Replaced:
			replaced = true
		}
	}
	return replaced && !begins(drafts, m)
}

// begins reports whether events say that a membership begins.
func begins(drafts []event.Draft, m membership) bool {
	return slices.ContainsFunc(drafts, func(d event.Draft) bool {
		return d.Subject.ID == m.group && d.Subject.Type == journal.TypeGroup && slices.Contains(d.Added, m.user)
	})
}

// keysOf returns the keys of two maps.
func keysOf[K comparable, V any](x, y map[K]V) map[K]bool {
	keys := map[K]bool{}
	for k := range x {
		keys[k] = true
	}
	for k := range y {
		keys[k] = true
	}
	return keys
}
