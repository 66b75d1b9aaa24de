package sabotage

import "strings"

// conditions are the conditions of the store's transactions, each removed where it is
// written.
func conditions() []Sabotage {
	var all []Sabotage
	for _, c := range removed {
		decision, race, _ := strings.Cut(c.noticed, "/")
		all = append(all, Sabotage{
			Name:    c.in + ": " + decision + ": " + race,
			Breaks:  "Of " + race + ", both are committed.",
			File:    "internal/store/" + c.file,
			Edits:   []Edit{{Func: c.in, Old: c.old, New: c.new}},
			Package: "./internal/store",
			Test:    strings.ReplaceAll("TestConditions_EachSettlesItsRace/"+c.noticed, " ", "_"),
		})
	}
	return all
}

// removed are the conditions in the order of the files. A list of conditions x is emptied
// as x[:0].
var removed = []struct {
	file, in, old, new string
	// noticed is the decision and the race of the row that fails.
	noticed string
}{
	{"accept.go", "AcceptMembers", "}}, table.Absent())},\n\t\t\t{Op: dueOp", "}})},\n\t\t\t{Op: dueOp", "a change of many members/two acceptances of one name"},
	{"accept.go", "AcceptMembers", "beside = []operation{{Op: table.Check(head, staged)}}", "beside = nil", "a change of very many members: more parts/further parts and their sweep"},
	{"accept.go", "AcceptMembers", "table.Text(stateAccepted)}}, staged)}", "table.Text(stateAccepted)}})}", "a change of very many members: its acceptance/an acceptance and its sweep"},
	{"accept.go", "partOps", "}, table.Absent())})", "})})", "a change of many members/two changes of one name"},
	{"accept.go", "forgetWork", ", table.Is(attrWork, table.Text(task.Name))", "", "a change of which nothing is left/the end of a change and another change"},
	{"accept.go", "forgetWork", "\t\toperation{Op: table.Check(taskKey(t, taskSort(task)), table.Absent())},\n", "", "a change of which nothing is left/the end of a change and parts that are left"},
	{"accept.go", "applyPart", "table.Change{Add: map[string]int64{attrLeft: -1}}, count)", "table.Change{Add: map[string]int64{attrLeft: -1}})", "a part of a change/two requests that apply the parts of a change"},
	{"accept.go", "applyPart", "doneOps(t, task, count)", "doneOps(t, task)", "the last part of a change/two requests that apply the parts of a change"},
	{"accept.go", "applyPart", "table.Is(attrEpoch, table.Number(group.Epoch)), ", "", "a part of a change/a part and a whole new set of members"},
	{"accept.go", "applyPart", ", table.Is(attrWork, table.Text(task.Name)))", ")", "a part of a change/a part and the end of its change"},
	{"accept.go", "applyPart", "table.Delete(part.Key, table.Present())", "table.Delete(part.Key)", "a part of a change/two requests that apply one part"},
	{"accept.go", "dropParts", "operations := []operation{{Op: table.Check(head, ending)}}", "operations := []operation{}", "a change that was not accepted: its parts/parts that are deleted and a change that was accepted"},
	{"accept.go", "dropParts", "doneOps(t, task, ending)", "doneOps(t, task)", "a change that was not accepted: its head/a head that is deleted and a change that was accepted"},

	{"bucket.go", "Spend", "}}, when))", "}}, []table.Condition{when}[:0]...))", "the first tokens of a bucket/two first leases"},
	{"bucket.go", "Spend", "when = table.Is(attrSpent, table.Number(from.UnixMicro()))", "when = table.Present()", "further tokens of a bucket/two leases of the same tokens"},

	{"commit.go", "recordOps", "return []operation{{Op: table.Put(item, table.Absent())}}", "return []operation{{Op: table.Put(item)}}", "a new user/two users of one id"},
	{"commit.go", "recordOps", "table.Is(attrVersion, table.Number(before.Version))", "", "a renamed user that is deactivated/two changes of one user"},
	{"commit.go", "recordOps", "same = append(same, table.Is(attrJoins, table.Number(before.Joins)))", "", "a deleted user, with its memberships/a deletion and a join"},
	{"commit.go", "recordOps", "userUpdate(t, after, same...)", "userUpdate(t, after, same[:0]...)", "a user that keeps its place and loses its memberships/the end of all memberships and a join"},
	{"commit.go", "recordOps", "table.Delete(recordKey(t, before), same...)", "table.Delete(recordKey(t, before), same[:0]...)", "a restored user/two changes of one deleted user"},
	{"commit.go", "recordOps", "\t\t{Op: table.Put(item, table.Absent())},", "\t\t{Op: table.Put(item)},", "a restored user/two restores of one user"},
	{"commit.go", "claimOps", "table.Delete(key, table.Is(attrHolder, table.Text(id)))", "table.Delete(key)", "a renamed user that is deactivated/a name given up that another user holds by now"},
	{"commit.go", "claimOps", "table.Put(item, table.Is(attrHolder, table.Text(loser)))", "table.Put(item)", "a new user with the names of a deleted one/two users who take one name"},
	{"commit.go", "claimOps", "table.Put(item, table.Absent())", "table.Put(item)", "a new user/two users of one userName"},
	{"commit.go", "claimOps", "table.Delete(key, table.Is(attrHolder, table.Text(loser)))", "table.Delete(key)", "a new user with the names of a deleted one/two users who take one name in its earlier form"},
	{"commit.go", "claimOps", "ops = append(ops, held(table.Check(key, table.Absent()), kind.Former()))", "", "a new user/a userName and its earlier form"},
	{"commit.go", "transferOps", ",\n\t\t\t\ttable.Is(attrVersion, table.Number(moved.From.Version))", "", "a new user with the names of a deleted one/a name that is taken and its user that is restored"},

	{"delivery.go", "AcquireLease", "}}, when...)", "}}, when[:0]...)", "the first lease of an endpoint/two first leases of an endpoint"},
	{"delivery.go", "AcquireLease", "\t\t\ttable.Is(attrLeaseOf, item.Attributes[attrLeaseOf]),\n", "", "a lease that has ended/two successors of a lease"},
	{"delivery.go", "AcquireLease", "\t\t\ttable.Is(attrUntil, item.Attributes[attrUntil]),\n", "", "a lease that has ended/a successor and a renewal"},
	{"delivery.go", "AcquireLease", ",\n\t\ttable.Check(endpointKey(endpoint), table.Present()))", ")", "the first lease of an endpoint/a lease and the deletion of the endpoint"},
	{"delivery.go", "ReleaseLease", ", table.Is(attrLeaseOf, table.Text(l.Holder)))", ")", "a lease that is released/a paused process and its successor"},
	{"delivery.go", "Settle", ",\n\t\ttable.Is(attrLeaseOf, table.Text(l.Holder)))}", ")}", "an acknowledged event/a paused process and its successor"},

	{"dismiss.go", "Dismiss", ", table.Is(attrRequest, table.Text(d.RequestID)))", ")", "a dismissed failure/a dismissal and another failure"},
	{"dismiss.go", "Dismiss", "table.Put(logged, table.Absent())", "table.Put(logged)", "a dismissed failure/two entries under one name"},

	{"expiring.go", "warn", "table.Delete(item.Key, table.Present()),", "table.Delete(item.Key),", "the signal of a token that ends/two sweeps at one date"},
	{"expiring.go", "addExpiring", "c.put(t, now, table.Absent())", "c.put(t, now)", "the item of a token of an earlier version/two searches at once"},

	{"group.go", "CreateGroup", "table.Put(item, table.Absent())", "table.Put(item)", "a new group with members/two groups of one id"},
	{"group.go", "UpdateGroup", "operations = append(operations, operation{Op: table.Check(groupKey(t, c.Before.ID), groupConditions(c.GroupEdit)...)})", "", "a change of a group that changes nothing/two changes of one version"},
	{"group.go", "UpdateGroup", "table.Change{Set: flags}, groupConditions(c.GroupEdit)...)", "table.Change{Set: flags})", "a change of a group that only skips a member/two changes of one version"},
	{"group.go", "ReplaceMembers", ", table.Is(attrEpochs, table.Number(c.Before.Epochs))", "", "a group that is emptied/two new sets under one epoch"},
	{"group.go", "DeleteGroup", "same...", "same[:0]...", "a deleted group/two changes of one version"},
	{"group.go", "groupConditions", "table.Is(attrEpoch, table.Number(e.Before.Epoch)), ", "", "a renamed group whose members change/a change and a whole new set of members"},
	{"group.go", "groupConditions", ", table.Is(attrWork, table.Text(\"\"))", "", "a renamed group whose members change/a change and an unfinished one in parts"},
	{"group.go", "groupConditions", "same = append(same, table.Is(attrRevision, table.Number(e.Before.Revision)))", "", "a renamed group whose members change/two changes of the document"},
	{"group.go", "groupConditions", "same = append(same, table.Is(attrVersion, table.Number(e.Before.Version)))", "", "a renamed group whose members change/two changes of one version"},
	{"group.go", "editOps", "append(groupConditions(e), when...)", "append(groupConditions(e), when[:0]...)", "a group that is emptied/two new sets under one epoch"},
	{"group.go", "editOps", "change, same...)", "change, same[:0]...)", "a group with a whole new set of members/a change and an unfinished one in parts"},
	{"group.go", "touchGroup", "map[string]int64{attrVersion: 1}}, when...)", "map[string]int64{attrVersion: 1}}, when[:0]...)", "a part of a change/a part and a whole new set of members"},

	{"journal.go", "entryOps", "}}, table.Present())}", "}})}", "an amended entry/an amendment and the end of the entry"},
	{"journal.go", "entryOps", "table.Put(logItem(t, e, r.Expires), table.Absent())", "table.Put(logItem(t, e, r.Expires))", "the first failure of a subject/two entries under one name"},
	{"journal.go", "recordOnce", "subjectName(subject)), table.Present())", "subjectName(subject)))", "the end of a failure/two successes of a subject"},
	{"journal.go", "failingOp", "Add: map[string]int64{attrCount: 1}}, table.Present())", "Add: map[string]int64{attrCount: 1}})", "another failure of a subject/a failure and the success of a subject"},
	{"journal.go", "failingOp", "Attributes: a}, table.Absent())", "Attributes: a})", "the first failure of a subject/two first failures of a subject"},

	{"ledger.go", "countOp", "when := []table.Condition{table.Present()}", "when := []table.Condition{}", "a renamed user that is deactivated/a count of a tenant that is being deleted"},
	{"ledger.go", "countOp", "when = []table.Condition{table.Below(attrSeats, attrSeatLimit)}", "", "a restored user/two users of the last seat"},
	{"ledger.go", "countOp", "when = []table.Condition{table.Below(attrReaders, attrReaderLimit)}", "", "a new Reader/two Readers of the last licence"},
	{"ledger.go", "countOp", "table.Change{Add: c.add()}, when...)", "table.Change{Add: c.add()}, when[:0]...)", "a new user/two users of the last seat"},

	{"limit.go", "ChangeTenant", ", sameSettings(before))", ")", "changed settings/two changes of the settings"},
	{"limit.go", "ops", "same = append(same, table.Is(c.total, table.Number(c.before)))", "", "a seat limit of several shards/two changes of the seats"},
	{"limit.go", "ops", ", table.Is(attrSeatLimit, table.Number(l.seats))", "", "changed settings/two changes of the seats"},
	{"limit.go", "ops", ", table.Is(attrReaderLimit, table.Number(l.readers)))}", ")}", "changed settings/two changes of the Readers' licences"},
	{"limit.go", "ops", "ops = append(ops, table.Check(shardKey(t, 1), table.Absent()))", "", "changed settings/a change of the limits and a growth"},
	{"limit.go", "mergeOps", ", table.Is(attrShards, table.Number(int64(len(r)))))}", ")}", "a merge of shards/two merges"},
	{"limit.go", "mergeOps", ", table.Is(attrMoves, table.Number(s.item.Attributes.Number(attrMoves)))))", "))", "a merge of shards/a merge and a change of the counts"},

	{"log.go", "logOp", "table.Put(logItem(t, e, expires), table.Absent())", "table.Put(logItem(t, e, expires))", "a new user/two entries under one name"},

	{"member.go", "joinOps", "user)}, when...)", "user)}, when[:0]...)", "a renamed group whose members change/two joins of one user"},
	{"member.go", "joinOps", ",\n\t\t\ttable.Is(attrLeaving, flag(false)))", ")", "a new group with members/a join and the deletion of the user"},
	{"member.go", "memberOps", "joinOps(t, g.ID, g.Epoch, user, table.Absent())", "joinOps(t, g.ID, g.Epoch, user)", "a new group with members/two joins of one user"},
	{"member.go", "memberOps", "table.Delete(membership(user), table.Present())", "table.Delete(membership(user))", "a renamed group whose members change/two leaves of one user"},
	{"member.go", "memberOps", "table.Check(protectedKey(t, user), table.Absent())", "table.Delete(protectedKey(t, \"nobody\"))", "a renamed group whose members change/a leave and a protection"},
	{"member.go", "memberOps", "ops = append(ops, means(table.Check(membership(user), table.Present()), directory.UserNotMember, user))", "_ = user", "a renamed group whose members change/a member that is added again and its leave"},
	{"member.go", "memberOps", "ops = append(ops, means(table.Check(membership(user), table.Absent()), directory.UserMember, user))", "_ = user", "a renamed group whose members change/a removed user, no member, and its join"},
	{"member.go", "memberOps", "ops = append(ops, means(table.Check(userKey(t, user), table.Absent()), directory.UserKnown, user))", "_ = user", "a new group with members/a skipped member and its return"},
	{"member.go", "endMembershipOps", "touchGroup(t, m.Group, e.Time, nil, table.Present())", "touchGroup(t, m.Group, e.Time, nil)", "a deleted user, with its memberships/a user and a group that are deleted"},

	{"member.go", "endMembershipOps", "ops = append(ops, operation{Op: table.Check(groupKey(t, m.Group), table.Absent())})", "", "a deleted user, with a membership of a group that is gone/a deletion and the creation of the group"},

	{"outbox.go", "enqueueOps", "table.Put(pendingItem(p), table.Absent())", "table.Put(pendingItem(p))", "an event that waits/two records of one event"},

	{"owed.go", "ForgetOwed", "Remove: []string{name}}, table.Present())", "Remove: []string{name}})", "a group that is no longer owed to a user/a group that is forgotten and the deletion of the user"},
	{"owed.go", "RemoveOwed", "table.Delete(key, table.Is(attrRequest, table.Text(o.Request)))", "table.Delete(key)", "the last owed member of a group/an item that is removed and a member that is skipped"},
	{"owed.go", "RemoveOwed", "flag(false)}}, table.Present())", "flag(false)}})", "the last owed member of a group/a flag that is removed and the deletion of the group"},

	{"protected.go", "protectedChecks", "ops := []operation{{Op: table.Check(protectedListKey(t), sameList(c.List))}}", "var ops []operation", "a group that is emptied/a change of many members and a protection"},
	{"protected.go", "protectedChecks", "ops = append(ops, operation{Op: table.Check(membershipKey(t, g.ID, g.Epoch, user), table.Absent())})", "_ = user", "a deleted group/a change of many members and a join of a protected user"},
	{"protected.go", "protectedOps", "}}, sameList(c.Before))}}", "}})}}", "the first protected user/two users who are protected first"},
	{"protected.go", "sameList", "table.Is(attrVersion, table.Number(l.Version))", "table.Present()", "a user that is no longer protected/two changes of the list of protected users"},

	{"purge.go", "finishTenant", "doneOps(t, task, same)", "doneOps(t, task)", "the last of a deleted tenant/a delayed end and a tenant of the same name"},
	{"purge.go", "flush", "ops := []operation{{Op: table.Check(p.task, p.same)}}", "ops := []operation{}", "what is stored of a deleted tenant/a delayed deletion and a tenant of the same name"},
	{"purge.go", "note", "}, p.same)}})", "})}})", "the progress of a tenant's deletion/a delayed note and a tenant of the same name"},
	{"purge_user.go", "Purge", "table.Is(attrVersion, table.Number(u.Version)), ", "", "a purged user/a purge and a change"},
	{"purge_user.go", "Purge", ", table.Is(attrJoins, table.Number(u.Joins))", "", "a purged user/a purge and a join"},

	{"rebuild.go", "read", "table.Is(attrRevision, table.Number(g.Revision))", "", "a group that has reserved another name than its document has/a rebuild and a change of the document"},
	{"rebuild.go", "read", "table.Is(attrVersion, table.Number(u.Version))", "", "a user whose reservation is missing/a rebuild and a change of the user"},
	{"rebuild.go", "guard", "f.guards[h.key] = operation{Op: table.Check(h.key, h.same...)}", "_ = h", "a user whose name is reserved for a user without it/a rebuild and a user who takes the name"},
	{"rebuild.go", "guard", "f.guards[groupKey(t, id)] = operation{Op: table.Check(groupKey(t, id), table.Absent())}", "_ = group", "a group whose name is reserved for nobody/a rebuild and a group that is created"},
	{"rebuild.go", "guard", "f.guards[key] = operation{Op: table.Check(key, table.Absent())}", "_ = key", "a user whose name is reserved for nobody/a rebuild and a user who is created or restored"},
	{"rebuild.go", "record", "table.Update(h.key, f.change, h.same...)", "table.Update(h.key, f.change, h.same[:0]...)", "a user whose reservation is missing/a rebuild and a change of the user"},
	{"rebuild.go", "fixClaim", "table.Delete(old, table.Is(attrHolder, table.Text(h.id)))", "table.Delete(old)", "a group that has reserved another name than its document has/a rebuild and a change of the reservation"},
	{"rebuild.go", "reserve", ", table.Is(attrHolder, table.Text(holder)))", ")", "a user whose name is reserved for nobody/a rebuild and a change of the reservation"},
	{"rebuild.go", "reserve", "mine.When = []table.Condition{table.Absent()}", "mine.When = nil", "a user whose reservation is missing/a rebuild and another user of the name"},
	{"rebuild.go", "reserve", "}, other.same...)", "}, other.same[:0]...)", "a user whose name a deleted one has reserved/a rebuild and the restore of the deleted user"},
	{"rebuild.go", "stray", "[]table.Condition{table.Is(attrHolder, table.Text(id))}", "[]table.Condition{}", "a reservation for nobody/a rebuild and a change of the reservation"},

	{"recount.go", "beginMoves", "table.Change{Add: map[string]int64{attrMoves: 1}}, table.Present())", "table.Change{Add: map[string]int64{attrMoves: 1}})", "a recount of a ledger of an earlier version/a recount and the end of the ledger"},
	{"recount.go", "setCounts", "first := table.Put(item, table.Absent())", "first := table.Put(item)", "a recount without the first shard/two recounts of a lost shard"},
	{"recount.go", "setCounts", "append(c.after[0].sameCounts(), table.Is(attrMoves, table.Number(c.after[0].moves())))...", "c.after[0].sameCounts()...", "a recount of one shard/a recount and a change that is counted"},
	{"recount.go", "setCounts", "append(c.after[0].sameCounts(), table", "append(c.after[0].sameCounts()[:0], table", "a recount of one shard/a recount and a version that writes no moves, seats"},
	{"recount.go", "sameCounts", "when = append(when, table.Is(name, table.Number(a.Number(name))))", "", "a recount of several shards/a recount and a version that writes no moves, seatLimit"},
	{"recount.go", "setCounts", "{Op: table.Check(tenantKey(t.ID), sameSettings(t))},", "", "a recount of one shard/a recount and the deletion of the tenant"},
	{"recount.go", "setCounts", ", table.Is(attrMoves, table.Number(other.moves())))})", ")})", "a recount without the first shard/a recount and a change that is counted"},

	{"renew.go", "user", "table.Is(attrVersion, table.Number(u.Version))", "", "a user whose names are renewed/a renewal and a change of the user"},
	{"renew.go", "group", "table.Is(attrRevision, table.Number(g.Revision))", "", "a group whose names are renewed/a renewal and a change of the document"},
	{"renew.go", "ops", "table.Update(key, change, same...)", "table.Update(key, change, same[:0]...)", "a user whose names are renewed/a renewal and a change of the user"},

	{"key.go", "AddTokenKey", "table.Put(item, when)", "table.Put(item, []table.Condition{when}[:0]...)", "the first key of tokens/two first keys of tokens"},
	{"key.go", "AddTokenKey", "when = table.Is(attrTokenKeys, table.Text(encodeTokenKeys(read)))", "when = table.Present()", "another key of tokens/two successors of one key"},

	{"schema.go", "changeSchemas", "table.Put(item, condition)", "table.Put(item, []table.Condition{condition}[:0]...)", "the first schema/two first schemas"},
	{"schema.go", "changeSchemas", "condition = table.Is(attrRevision, table.Number(revision))", "condition = table.Present()", "another schema/two changes of the schemas"},
	{"schema.go", "changeSchemas", ", table.Check(tenantKey(t), table.Present())", "", "the first schema/a schema and the deletion of its tenant"},

	{"sweep.go", "markMoved", "millis(task.moved)}}, table.Present())", "millis(task.moved)}})", "the progress of a task/a task that moved and one that was finished"},

	{"shard_growth.go", "grow", "when = append(when, table.Is(attrShards, table.Number(int64(n))))", "", "more shards of a ledger of four/a growth and a merge"},
	{"shard_growth.go", "grow", "when = append(when, table.Is(name, table.Number(limit)))", "", "more shards of a ledger of one/a growth and a change of the seats"},
	{"shard_growth.go", "grow", "when = append(when, table.Under(count, limit-given+1))", "_ = count", "more shards of a ledger of one/a growth and the grants of the seats that it gives away"},
	{"shard_growth.go", "grow", "table.Put(item, table.Absent())", "table.Put(item)", "more shards of a ledger of one/two growths, at shard 1"},
	{"shard_growth.go", "rebalance", ", table.Present()))", "))", "a part of a limit that moves/a move and a merge"},
	{"shard_growth.go", "rebalance", "table.Is(name, table.Number(limit)), ", "", "a part of a limit that moves/two moves from one shard"},
	{"shard_growth.go", "rebalance", ", table.Under(count, limit-given+1)))", ", table.Is(name, table.Number(limit+int64(len(count)-len(count))))))", "a part of a limit that moves/a move and the grants of what it gives away"},

	{"task.go", "doneOps", "when...", "when[:0]...", "the last of a deleted user's memberships/a delayed request and a later deletion"},
	{"task.go", "takeEpochOps", ", table.Is(attrState, table.Text(stateStaged))", "", "a group with a whole new set of members/a new set of members and its sweep"},
	{"task.go", "BeginEpoch", ",\n\t\t\ttable.Is(attrEpochs, table.Number(group.Epochs)))", ")", "an epoch that is begun/two epochs of one number"},
	{"task.go", "BeginEpoch", "begun := table.Check(groupKey(t, id), table.Absent())", "begun := table.Delete(taskKey(t, \"none\"))", "the epoch of a new group/an epoch that is begun again and the group that has it"},
	{"task.go", "StageMembers", "operations := []operation{staged}", "operations := []operation{staged}[:0]", "members that are staged/staged members and their sweep"},
	{"task.go", "forgetDue", "\t\t{Op: table.Check(taskKey(t, name), table.Absent())},\n", "", "the name of a task that does not exist/a name that is forgotten and a new task"},
	{"task.go", "endStagedOp", ",\n\t\ttable.Is(attrState, table.Text(stateStaged)))", ")", "an epoch that is given up/an epoch that is given up and its commit"},
	{"task.go", "stay", "\t\t\toperation{Op: table.Check(taskKey(t, taskSort(task)), table.Absent())},\n", "", "a leaving user without a task/the repair and a new deletion"},
	{"task.go", "stay", ",\n\t\t\t\ttable.Is(attrLeaving, flag(true)))", ")", "a leaving user without a task/two repairs"},
	{"task.go", "finishUser", "append(doneOps(t, task, same), operation", "append(doneOps(t, task), operation", "the last of a deleted user's memberships/a delayed request and a later deletion"},
	{"task.go", "finishUser", "flag(false)}}, table.Present())", "flag(false)}})", "the last of a deleted user's memberships/the end of the task and a purge"},
	{"task.go", "finishUser", "append(operations, operation{Op: table.Check(item.Key, same)})", "operations", "memberships of a deleted user/a delayed request and a later deletion"},
	{"task.go", "endWithoutRecord", "doneOps(t, task, same)", "doneOps(t, task)", "the task of a user whose record is gone/a delayed request and a later deletion"},
	{"task.go", "endWithoutRecord", "append(doneOps(t, task, same), operation{Op: table.Check(record, table.Absent())})", "doneOps(t, task, same)", "the task of a user whose record is gone/the end of the task and the return of the user"},

	{"tenant.go", "CreateTenant", "table.Put(item, table.Absent())", "table.Put(item)", "a new tenant/two tenants of one id"},
	{"tenant.go", "CreateTenant", "table.Put(ledger, table.Absent())", "table.Put(ledger)", "a new tenant/a tenant and the deletion of the one before it"},
	{"tenant.go", "sameSettings", "table.Is(attrSettings, table.Text(t.Stored))", "table.Present()", "changed settings/two changes of the settings"},
	{"tenant.go", "EndTenant", ", sameSettings(before))}", ")}", "the end of a tenant/two changes of the settings"},

	{"portal.go", "AddLink", "link), table.Absent())", "link))", "a new link/two links of one id"},
	{"portal.go", "AddLink", ", table.Check(tenantKey(t), table.Present())", "", "a new link/a link and the deletion of the tenant"},
	{"portal.go", "OpenLink", "table.Delete(linkKey(t, link), table.Present())", "table.Delete(linkKey(t, link))", "a session/two who open one link"},
	{"portal.go", "OpenLink", "session), table.Absent())", "session))", "a session/two sessions of one id"},
	{"portal.go", "OpenLink", ",\n\t\ttable.Check(tenantKey(t), table.Present())", "", "a session/a link and the deletion of the tenant"},
	{"portal.go", "CountWrong", ", table.Check(tenantKey(t), table.Present())", "", "a link that does not work/a link and the deletion of the tenant"},
	{"client.go", "AddClient", "same := table.Absent()", "same := table.Present()", "a new client/two first clients"},
	{"client.go", "AddClient", "same = table.Is(attrClientVersion, table.Number(read.Version))", "same = table.Present()", "a second client/two clients for one place"},
	{"client.go", "AddClient", "table.Put(clientItem(t, c), table.Absent())", "table.Put(clientItem(t, c))", "a new client/two clients of one id"},
	{"client.go", "AddClient", ", table.Check(tenantKey(t), table.Present())", "", "a new client/a client and the deletion of its tenant"},
	{"client.go", "ChangeClient", ", table.Is(attrClientVersion, table.Number(c.Version-1))", "", "a changed client/two changes of a client"},
	{"client.go", "ClaimAssertion", "table.Put(item, table.Absent())", "table.Put(item)", "a used assertion/two requests with one assertion"},
	{"watch.go", "Report", "Attributes: state}, when)", "Attributes: state}, []table.Condition{when}[:0]...)", "the first report/two first reports"},
	{"watch.go", "Report", "when = table.Is(attrReported, table.Text(r.Before))", "when = table.Present()", "another report/two reports of one change"},
	{"token.go", "SaveToken", "table.Put(tokenItem(t, r), table.Absent())", "table.Put(tokenItem(t, r))", "a new token/two tokens of one id"},
	{"token.go", "SaveToken", ", table.Check(tenantKey(t), table.Present())", "", "a new token/a token and the deletion of its tenant"},
	{"token.go", "Used", "table.Put(item, when)", "table.Put(item, []table.Condition{when}[:0]...)", "the first use of a token/two instances that record the first use"},
	{"token.go", "Used", "when = table.Is(attrTime, millis(before))", "when = table.Present()", "another use of a token/two instances that record a use"},
	{"token.go", "RevokeToken", ",\n\t\ttable.Is(attrNextID, table.Text(\"\"))", "", "a revoked token/a revocation and a rotation of the token"},
	{"token.go", "RevokeToken", ", table.Is(attrOldID, table.Text(\"\"))", "", "a revoked token/a revocation and a rotation to the token"},
	{"token.go", "RevokeToken", "revoked, table.Present())", "revoked)", "a revoked token of before there were rotations/a revocation and the deletion of the tenant"},
	{"token.go", "BeginRotation", "live, ", "", "a rotation that begins/a rotation and a revocation"},
	{"token.go", "BeginRotation", "live, table.Is(attrNextID, table.Text(\"\"))", "live", "a rotation that begins/two rotations of one token"},
	{"token.go", "BeginRotation", "table.Put(tokenItem(t, next), table.Absent())", "table.Put(tokenItem(t, next))", "a rotation that begins/two tokens of one id"},
	{"token.go", "CompleteRotation", "live, table.Is(attrNextID", "table.Is(attrNextID", "a rotation that is completed/a rotation and a revocation of the old token"},
	{"token.go", "CompleteRotation", "live, table.Is(attrNextID, table.Text(next))", "live", "a rotation that is completed/two ends of one rotation, at the old token"},
	{"token.go", "CompleteRotation", "live, table.Is(attrOldID", "table.Is(attrOldID", "a rotation that is completed/a rotation and a revocation of the new token"},
	{"token.go", "CompleteRotation", "live, table.Is(attrOldID, table.Text(old))", "live", "a rotation that is completed/two ends of one rotation, at the new token"},
	{"token.go", "CancelRotation", "live, table.Is(attrNextID", "table.Is(attrNextID", "a rotation that is cancelled/a rotation and a revocation of the old token"},
	{"token.go", "CancelRotation", "live, table.Is(attrNextID, table.Text(next))", "live", "a rotation that is cancelled/two ends of one rotation, at the old token"},
	{"token.go", "CancelRotation", "live, table.Is(attrOldID", "table.Is(attrOldID", "a rotation that is cancelled/a rotation and a revocation of the new token"},
	{"token.go", "CancelRotation", "live, table.Is(attrOldID, table.Text(old))", "live", "a rotation that is cancelled/two ends of one rotation, at the new token"},

	{"redeliver.go", "BeginRedelivery", "table.Put(item, table.Absent())", "table.Put(item)", "a redelivery that begins/two redeliveries to one endpoint"},
	{"redeliver.go", "BeginRedelivery", ", table.Check(endpointKey(r.Endpoint), table.Present())", "", "a redelivery that begins/a redelivery and the deletion of its endpoint"},
	{"redeliver.go", "redeliverStep", "table.Delete(item.Key, same)", "table.Delete(item.Key)", "the end of a redelivery/a step and a later redelivery"},
	{"redeliver.go", "redeliverStep", "\t}, same)))", "\t})))", "a step of a redelivery/a step and a later redelivery"},

	{"webhook.go", "registeredOp", "}}, when)", "}}, []table.Condition{when}[:0]...)", "the first endpoint/two first endpoints"},
	{"webhook.go", "registeredOp", "when = table.Is(attrRevision, table.Number(read.Revision))", "when = table.Present()", "another endpoint/two changes of the registrations"},
}

// kept are the places of conditions that no edit removes, because all edits of their uses do.
var kept = map[string]string{
	"internal/store/protected.go sameList table.Absent()":                                                  "removed in protectedChecks and protectedOps",
	"internal/store/purge.go finishTenant table.Is(attrTime, item.Attributes[attrTime])":                   "removed in flush and note, and at the end",
	"internal/store/task.go StageMembers table.Present()":                                                  "removed with its operation",
	"internal/store/task.go finishUser table.Is(attrPartOf, table.Text(item.Attributes.Text(attrPartOf)))": "removed where the memberships end, and in endWithoutRecord",
	"internal/store/schema.go changeSchemas table.Absent()":                                                "removed where the schemas are put",
	"internal/store/delivery.go AcquireLease table.Absent()":                                               "removed where the lease is put",
	"internal/store/bucket.go Spend table.Absent()":                                                        "removed where the bucket is put",
	"internal/store/key.go AddTokenKey table.Absent()":                                                     "removed where the keys are put",
	"internal/store/token.go Used table.Absent()":                                                          "removed where the use is put",
	"internal/store/watch.go Report table.Absent()":                                                        "removed where the report is put",
	"internal/store/webhook.go registeredOp table.Absent()":                                                "removed where the change is counted",
}
