package store

import (
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// nothingProtected is the condition of a change of many members in a tenant without
// protected users, except that p is not a member.
var nothingProtected = &directory.ProtectedCheck{NotMembers: []string{"p"}}

// editOf returns a change of a stored group, whose request is r1.
func (f *fixture) editOf(id string) directory.GroupEdit {
	f.t.Helper()
	e := f.edit(id)
	e.Entry.RequestID = "r1"
	return e
}

// group1 creates four users, and a group with two of them as members.
func group1(f *fixture) { f.users("a", "b", "c", "d"); f.group("g1", "b", "c") }

// sameGroup returns the rows of the conditions of every change of g1.
func sameGroup(t tenant.ID) []settled {
	return []settled{
		{groupKey(t, "g1"), table.Is(attrEpoch, table.Number(1)), directory.RecordChanged, "a change and a whole new set of members"},
		{groupKey(t, "g1"), table.Is(attrWork, table.Text("")), directory.RecordChanged, "a change and an unfinished one in parts"},
	}
}

// ofDocument and exactly return the rows of a change of the document, and of one at a version.
func ofDocument(t tenant.ID) settled {
	return settled{groupKey(t, "g1"), table.Is(attrRevision, table.Number(1)), directory.RecordChanged, "two changes of the document"}
}

func exactly(t tenant.ID) settled {
	return settled{groupKey(t, "g1"), table.Is(attrVersion, table.Number(1)), directory.RecordChanged, "two changes of one version"}
}

func groupDecisions(t tenant.ID) []decision {
	const changed, held = directory.RecordChanged, directory.ClaimHeld
	name := func(v string) table.Key { return reservationKey(t, directory.GroupName, v) }
	ext := reservationKey(t, directory.GroupExternalID, directory.HashExternalID("e-g1"))
	holder := table.Is(attrHolder, table.Text("g1"))
	counted := settled{ledgerKey(t), table.Present(), changed, "a count of a tenant that is being deleted"}
	logged := settled{logKey(t, "r1", 0), table.Absent(), changed, "two entries under one name"}
	joins := func(user string) []settled {
		return []settled{
			{membershipKey(t, "g1", 1, user), table.Absent(), directory.UserMember, "two joins of one user"},
			{userKey(t, user), table.Is(attrLeaving, flag(false)), directory.UserLeaving, "a join and the deletion of the user"},
		}
	}
	unprotected := []settled{
		{protectedListKey(t), table.Absent(), changed, "a change of many members and a protection"},
		{membershipKey(t, "g1", 1, "p"), table.Absent(), changed, "a change of many members and a join of a protected user"},
	}
	staged := func(epoch int64) settled {
		return settled{taskKey(t, taskSort(epochTask("g1", epoch))), table.Is(attrState, table.Text(stateStaged)), changed, "a new set of members and its sweep"}
	}
	fresh := func() *directory.Group {
		g := staff()
		g.Held = directory.Claims{directory.GroupName: "staff", directory.GroupExternalID: directory.HashExternalID("e-g1")}
		return g
	}
	create := func(f *fixture, s *Store, c directory.GroupCreation) error {
		c.Group, c.Logged = fresh(), f.logged(f.entry("create", "created", "Group", "g1"))
		c.Group.Former, c.Entry.RequestID = directory.Claims{directory.GroupName: "former"}, "r1"
		return s.CreateGroup(f.t.Context(), f.tenant, c)
	}
	created := []settled{
		{groupKey(t, "g1"), table.Absent(), changed, "two groups of one id"},
		{name("staff"), table.Absent(), held, "two groups of one displayName"},
		{ext, table.Absent(), held, "two groups of one externalId"},
		{name("former"), table.Absent(), held, "a displayName and its earlier form"},
		counted, logged,
	}
	return []decision{
		{
			name: "a new group with members", returned: refused, given: func(f *fixture) { f.users("a") },
			commit: func(f *fixture, s *Store) error {
				return create(f, s, directory.GroupCreation{Add: []string{"a"}, Unknown: []string{"x"}})
			},
			conditions: append(append(joins("a"),
				settled{userKey(t, "x"), table.Absent(), directory.UserKnown, "a skipped member and its return"}), created...),
		},
		{
			name: "a new group with staged members", returned: refused,
			given: func(f *fixture) {
				f.users("a")
				f.must(f.store.BeginEpoch(f.t.Context(), f.tenant, "g1", nil, 1, f.now().Add(time.Minute)))
				_, err := f.store.StageMembers(f.t.Context(), f.tenant, "g1", 1, []string{"a"})
				f.must(err)
			},
			commit:     func(f *fixture, s *Store) error { return create(f, s, directory.GroupCreation{Staged: true}) },
			conditions: append([]settled{staged(1)}, created...),
		},
		{
			name: "a renamed group whose members change", returned: refused, given: group1,
			commit: func(f *fixture, s *Store) error {
				e := f.editOf("g1")
				e.After.Held = directory.Claims{directory.GroupName: "new"}
				e.Rewrites, e.Exact = true, true
				return s.UpdateGroup(f.t.Context(), f.tenant, directory.GroupUpdate{GroupEdit: e, MemberDelta: directory.MemberDelta{
					Add: []string{"a"}, Remove: []string{"b"}, AlreadyMembers: []string{"c"}, NotMembers: []string{"d"}, Unknown: []string{"x"},
				}})
			},
			conditions: append(append(append(sameGroup(t), joins("a")...), ofDocument(t), exactly(t), logged),
				settled{name("group g1"), holder, changed, "a displayName given up that another group holds by now"},
				settled{ext, holder, changed, "an externalId given up that another group holds by now"},
				settled{name("new"), table.Absent(), held, "two groups of one new displayName"},
				settled{membershipKey(t, "g1", 1, "b"), table.Present(), directory.UserNotMember, "two leaves of one user"},
				settled{protectedKey(t, "b"), table.Absent(), directory.UserProtected, "a leave and a protection"},
				settled{membershipKey(t, "g1", 1, "c"), table.Present(), directory.UserNotMember, "a member that is added again and its leave"},
				settled{membershipKey(t, "g1", 1, "d"), table.Absent(), directory.UserMember, "a removed user, no member, and its join"},
				settled{userKey(t, "x"), table.Absent(), directory.UserKnown, "a skipped member and its return"}),
		},
		{
			name: "a change of a group that changes nothing", returned: refused, given: group1,
			commit: func(f *fixture, s *Store) error {
				e := f.editOf("g1")
				e.Document, e.Exact = true, true
				return s.UpdateGroup(f.t.Context(), f.tenant, directory.GroupUpdate{GroupEdit: e, MemberDelta: directory.MemberDelta{AlreadyMembers: []string{"c"}}})
			},
			conditions: append(sameGroup(t), ofDocument(t), exactly(t),
				settled{membershipKey(t, "g1", 1, "c"), table.Present(), directory.UserNotMember, "a member that is added again and its leave"}),
		},
		{
			name: "a change of a group that only skips a member", returned: refused, given: group1,
			commit: func(f *fixture, s *Store) error {
				e := f.editOf("g1")
				e.Document, e.Exact = true, true
				e.Entry.Skip([]string{"x"})
				return s.UpdateGroup(f.t.Context(), f.tenant, directory.GroupUpdate{GroupEdit: e, MemberDelta: directory.MemberDelta{Unknown: []string{"x"}}})
			},
			conditions: append(sameGroup(t), ofDocument(t), exactly(t),
				settled{userKey(t, "x"), table.Absent(), directory.UserKnown, "a skipped member and its return"}),
		},
		{
			name: "a group that is no longer owed to a user",
			given: func(f *fixture) {
				group1(f)
				f.write(table.Update(userKey(f.tenant, "a"), table.Change{Set: table.Attributes{owedName("g1"): table.Number(1)}}))
			},
			commit: func(f *fixture, s *Store) error {
				return s.ForgetOwed(f.t.Context(), f.tenant, "g1", []string{"a", "b"})
			},
			conditions: []settled{{userKey(t, "a"), table.Present(), "", "a group that is forgotten and the deletion of the user"}},
		},
		{
			name: "the last owed member of a group",
			given: func(f *fixture) {
				group1(f)
				f.write(table.Put(table.Item{Key: owedKey(f.tenant, "Group", "g1"), Attributes: table.Attributes{attrRequest: table.Text("r1")}}))
			},
			commit: func(f *fixture, s *Store) error {
				return s.RemoveOwed(f.t.Context(), f.tenant, provlog.Owed{Type: "Group", ID: "g1", Request: "r1"}, true)
			},
			conditions: []settled{
				{owedKey(t, "Group", "g1"), table.Is(attrRequest, table.Text("r1")), "", "an item that is removed and a member that is skipped"},
				{groupKey(t, "g1"), table.Present(), "", "a flag that is removed and the deletion of the group"},
			},
		},
		{
			name: "a group that is emptied", returned: refused, given: group1,
			commit: func(f *fixture, s *Store) error {
				c := emptied(f.editOf("g1"))
				c.Protected = nothingProtected
				return s.ReplaceMembers(f.t.Context(), f.tenant, c)
			},
			conditions: append(append(sameGroup(t), unprotected...), logged,
				settled{groupKey(t, "g1"), table.Is(attrEpochs, table.Number(1)), changed, "two new sets under one epoch"}),
		},
		{
			name: "a group with a whole new set of members", returned: refused,
			given: func(f *fixture) { group1(f); f.stageSet("g1", "a") },
			commit: func(f *fixture, s *Store) error {
				e := f.editOf("g1")
				e.After.Epoch = 2
				return s.ReplaceMembers(f.t.Context(), f.tenant, directory.GroupNewSet{GroupEdit: e, Staged: true})
			},
			conditions: append(sameGroup(t), staged(2), logged),
		},
		{
			name: "a deleted group", returned: refused, given: group1,
			commit: func(f *fixture, s *Store) error {
				e := f.editOf("g1")
				return s.DeleteGroup(f.t.Context(), f.tenant, directory.GroupDeletion{
					Before: e.Before, Exact: true, Ends: true, Members: []string{"b", "c"}, Protected: nothingProtected, Logged: e.Logged,
				})
			},
			conditions: append(append(sameGroup(t), unprotected...), ofDocument(t), exactly(t), counted, logged,
				settled{name("group g1"), holder, changed, "a displayName that another group holds by now"},
				settled{ext, holder, changed, "an externalId that another group holds by now"}),
		},
		{
			name: "a deleted group that leaves its members to a task", returned: refused, given: group1,
			commit: func(f *fixture, s *Store) error {
				e := f.editOf("g1")
				e.Before.Held = nil
				return s.DeleteGroup(f.t.Context(), f.tenant, directory.GroupDeletion{Before: e.Before, Logged: e.Logged})
			},
			conditions: append(sameGroup(t), ofDocument(t), counted, logged),
		},
		{
			name: "an epoch that is begun", returned: failsAs(directory.ErrStale), given: group1,
			commit: func(f *fixture, s *Store) error {
				return s.BeginEpoch(f.t.Context(), f.tenant, "g1", f.edit("g1").Before, 2, f.now())
			},
			conditions: []settled{{groupKey(t, "g1"), table.Is(attrEpochs, table.Number(1)), "", "two epochs of one number"}},
		},
		{
			name: "the epoch of a new group", returned: failsAs(directory.ErrStale),
			commit: func(f *fixture, s *Store) error {
				return s.BeginEpoch(f.t.Context(), f.tenant, "g1", nil, 1, f.now())
			},
			conditions: []settled{{groupKey(t, "g1"), table.Absent(), "", "an epoch that is begun again and the group that has it"}},
		},
		{
			name: "members that are staged",
			given: func(f *fixture) {
				group1(f)
				f.must(f.store.BeginEpoch(f.t.Context(), f.tenant, "g1", f.edit("g1").Before, 2, f.now().Add(time.Minute)))
			},
			commit: func(f *fixture, s *Store) error {
				_, err := s.StageMembers(f.t.Context(), f.tenant, "g1", 2, []string{"a"})
				return err
			},
			conditions: []settled{
				{laneKey(t, epochTask("g1", 2), 0), table.Present(), "", "staged members and their sweep"},
				{userKey(t, "a"), table.Is(attrLeaving, flag(false)), "", "a staged member and its deletion"},
			},
		},
	}
}

// partDecisions returns the decisions of a change that is applied in parts.
func partDecisions(t tenant.ID) []decision {
	const changed = directory.RecordChanged
	head := taskKey(t, "members#g1#w1")
	part := func(n string) table.Key { return taskKey(t, "members#g1#w1#"+n) }
	logged := settled{logKey(t, "r1", 0), table.Absent(), changed, "two entries under one name"}
	state := func(state string) table.Condition { return table.Is(attrState, table.Text(state)) }
	swept := settled{head, state(stateStaged), changed, "an acceptance and its sweep"}
	task := directory.Task{Kind: directory.TaskMembers, Resource: "g1", Name: "w1"}
	finish := func(f *fixture, s *Store) error { _, err := s.Finish(f.t.Context(), f.tenant, task); return err }
	accept := func(members func() []string) func(f *fixture, s *Store) error {
		return func(f *fixture, s *Store) error {
			c := accepting(f.editOf("g1"), "w1", members(), nil)
			c.Protected = nothingProtected
			return s.AcceptMembers(f.t.Context(), f.tenant, c)
		}
	}
	// Three transactions: more parts than two of them store.
	many := func() []string {
		ids := manyMembers()
		for range ids[:partsPerWrite*directory.MaxJoined] {
			ids = append(ids, "n"+ids[len(ids)-1])
		}
		return ids
	}
	applies := func(left int64) []settled {
		return []settled{
			{head, table.Is(attrLeft, table.Number(left)), "", "two requests that apply the parts of a change"},
			{part("0000"), table.Present(), "", "two requests that apply one part"},
			{groupKey(t, "g1"), table.Is(attrEpoch, table.Number(1)), "", "a part and a whole new set of members"},
			{groupKey(t, "g1"), table.Is(attrWork, table.Text("w1")), "", "a part and the end of its change"},
			{userKey(t, "p*"), table.Is(attrLeaving, flag(false)), "", "a member of a part and its deletion"},
			{logKey(t, "*", 0), table.Absent(), "", "two entries under one name"},
		}
	}
	abandoned := func(f *fixture) { f.group("g1"); f.writeParts(f.edit("g1"), 1); f.pass(unclaimedTime) }
	return []decision{
		{
			name: "a change of many members", returned: refused, given: func(f *fixture) { f.group("g1") },
			commit: accept(func() []string { return []string{"a", "b"} }),
			conditions: append(sameGroup(t), logged,
				settled{part("0000"), table.Absent(), changed, "two changes of one name"},
				settled{head, table.Absent(), changed, "two acceptances of one name"},
				settled{protectedListKey(t), table.Absent(), changed, "a change of many members and a protection"},
				settled{membershipKey(t, "g1", 1, "p"), table.Absent(), changed, "a change of many members and a join of a protected user"}),
		},
		{
			name: "a change of very many members: its first parts", returned: refused, given: func(f *fixture) { f.group("g1") }, commit: accept(many),
			conditions: []settled{
				{head, table.Absent(), changed, "two acceptances of one name"},
				{part("*"), table.Absent(), changed, "two changes of one name"},
			},
		},
		{
			name: "a change of very many members: more parts", returned: refused, given: func(f *fixture) { f.group("g1") }, commit: accept(many), nth: 1,
			conditions: []settled{
				{head, state(stateStaged), changed, "further parts and their sweep"},
				{part("*"), table.Absent(), changed, "two changes of one name"},
			},
		},
		{
			name: "a change of very many members: its acceptance", returned: refused, given: func(f *fixture) { f.group("g1") }, commit: accept(many), nth: 2,
			conditions: append(sameGroup(t), swept, logged,
				settled{part("*"), table.Absent(), changed, "two changes of one name"},
				settled{protectedListKey(t), table.Absent(), changed, "a change of many members and a protection"},
				settled{membershipKey(t, "g1", 1, "p"), table.Absent(), changed, "a change of many members and a join of a protected user"}),
		},
		{
			name: "a part of a change", commit: finish,
			given:      func(f *fixture) { f.group("g1"); f.accept("g1", f.people(directory.MaxJoined+1), nil) },
			conditions: applies(2),
		},
		{
			name: "the last part of a change", commit: finish,
			given:      func(f *fixture) { f.group("g1"); f.accept("g1", f.people(2), nil) },
			conditions: applies(1),
		},
		{
			name: "a change of which nothing is left", returned: leftToOthers, commit: finish,
			given: func(f *fixture) {
				f.group("g1")
				f.accept("g1", f.people(2), nil)
				f.write(table.Delete(head), table.Delete(part("0000")))
			},
			conditions: []settled{
				{groupKey(t, "g1"), table.Is(attrWork, table.Text("w1")), "", "the end of a change and another change"},
				{head, table.Absent(), "", "the end of a change and parts that are left"},
			},
		},
		{
			name: "a change that was not accepted: its end", returned: leftToOthers, given: abandoned, commit: finish,
			conditions: []settled{{head, state(stateStaged), "", "a sweep and an acceptance"}},
		},
		{
			name: "a change that was not accepted: its parts", returned: leftToOthers, given: abandoned, commit: finish, nth: 1,
			conditions: []settled{{head, state(stateEnding), "", "parts that are deleted and a change that was accepted"}},
		},
		{
			name: "a change that was not accepted: its head", returned: leftToOthers, given: abandoned, commit: finish, nth: 2,
			conditions: []settled{{head, state(stateEnding), "", "a head that is deleted and a change that was accepted"}},
		},
	}
}
