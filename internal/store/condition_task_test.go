package store

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/internal/watch"
)

// leave deletes a stored user in request r1, and leaves its memberships to a task.
func (f *fixture) leave(id string) {
	f.t.Helper()
	c := f.changed(id, func(u *directory.User) { u.Deleted, u.Active, u.Leaving = true, false, true })
	c.Ends, c.Later = true, true
	f.must(f.commitUser(f.store, c))
}

func taskDecisions(t tenant.ID) []decision {
	finish := func(kind directory.TaskKind, resource, name string) func(f *fixture, s *Store) error {
		return func(f *fixture, s *Store) error {
			_, err := s.Finish(f.t.Context(), f.tenant, directory.Task{Kind: kind, Resource: resource, Name: name})
			return err
		}
	}
	user := finish(directory.TaskUser, "u1", "")
	leaver := func(f *fixture) { f.create(person("u1")); f.group("g1", "u1"); f.leave("u1") }
	same := func(race string) settled {
		return settled{taskKey(t, "user#u1"), table.Is(attrPartOf, table.Text("r1")), "", race}
	}
	ending := func(f *fixture) {
		f.create(person("u1"))
		f.end()
		f.pass(endingTime)
	}
	tenantSame := func(race string) []settled {
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		return []settled{{taskKey(t, "tenant#acme"), table.Is(attrTime, millis(at)), "", race}}
	}
	deletion := finish(directory.TaskTenant, "acme", "")
	return []decision{
		{
			name: "the name of a task that does not exist", returned: leftToOthers,
			given:      func(f *fixture) { f.write(dueOp(t, "epoch#g1#1", millis(f.now()))) },
			commit:     finish(directory.TaskEpoch, "g1", "1"),
			conditions: []settled{{taskKey(t, "epoch#g1#1"), table.Absent(), "", "a name that is forgotten and a new task"}},
		},
		{
			name: "an epoch that is given up", returned: leftToOthers,
			given:      func(f *fixture) { group1(f); f.stageSet("g1", "a") },
			commit:     func(f *fixture, s *Store) error { return s.GiveUpEpoch(f.t.Context(), f.tenant, "g1", 2) },
			conditions: []settled{{taskKey(t, "epoch#g1#2"), table.Is(attrState, table.Text(stateStaged)), "", "an epoch that is given up and its commit"}},
		},
		{
			name: "memberships of a deleted user", given: leaver, commit: user,
			conditions: []settled{
				{groupKey(t, "g1"), table.Present(), "", "a membership and the deletion of its group"},
				same("a delayed request and a later deletion"),
			},
		},
		{
			name: "the last of a deleted user's memberships", given: leaver, commit: user, nth: 1,
			conditions: []settled{
				{goneKey(t, "u1"), table.Present(), "", "the end of the task and a purge"},
				same("a delayed request and a later deletion"),
			},
		},
		{
			name: "the task of a user whose record is gone", returned: leftToOthers, commit: user, nth: 1,
			given: func(f *fixture) {
				f.create(person("u1"))
				f.leave("u1")
				f.write(table.Delete(goneKey(t, "u1")))
			},
			conditions: []settled{
				{goneKey(t, "u1"), table.Absent(), "", "the end of the task and the return of the user"},
				same("a delayed request and a later deletion"),
			},
		},
		{
			name: "a leaving user without a task", returned: leftToOthers, commit: user,
			given: func(f *fixture) {
				f.create(person("u1"))
				f.write(table.Update(userKey(t, "u1"), table.Change{Set: table.Attributes{attrLeaving: flag(true)}}))
			},
			conditions: []settled{
				{taskKey(t, "user#u1"), table.Absent(), "", "the repair and a new deletion"},
				{userKey(t, "u1"), table.Is(attrLeaving, flag(true)), "", "two repairs"},
			},
		},
		{
			name: "what is stored of a deleted tenant", returned: leftToOthers, given: ending, commit: deletion,
			conditions: tenantSame("a delayed deletion and a tenant of the same name"),
		},
		{
			name: "the progress of a tenant's deletion", returned: leftToOthers, given: ending, commit: deletion,
			has:        func(op table.Op) bool { return op.Kind == table.OpUpdate },
			conditions: tenantSame("a delayed note and a tenant of the same name"),
		},
		{
			name: "the last of a deleted tenant", returned: leftToOthers, given: ending, commit: deletion,
			has:        func(op table.Op) bool { return op.Key == tenantKey(t) },
			conditions: tenantSame("a delayed end and a tenant of the same name"),
		},
		{
			name: "the progress of a task", returned: leftToOthers,
			given: func(f *fixture) { f.write(dueOp(t, "epoch#g1#1", millis(f.now()))) },
			commit: func(f *fixture, s *Store) error {
				s.markMoved(f.t.Context(), &dueTask{name: "acme#epoch#g1#1", moved: f.now()})
				return nil
			},
			conditions: []settled{{dueKey(t, "epoch#g1#1"), table.Present(), "", "a task that moved and one that was finished"}},
		},
	}
}

func tenantDecisions(t tenant.ID) []decision {
	stored, err := encodeSettings(tenant.DefaultSettings())
	if err != nil {
		panic(err)
	}
	same := settled{tenantKey(t), table.Is(attrSettings, table.Text(stored)), "", "two changes of the settings"}
	ten := table.Number(10)
	read := func(f *fixture) tenant.Tenant {
		found, ok, err := f.store.Tenant(f.t.Context(), f.tenant)
		f.must(err)
		if !ok {
			f.t.Fatal("no tenant")
		}
		return found
	}
	beta := func() tenant.ID { id, _ := tenant.ParseID("beta"); return id }()
	urn, err := schema.ParseRegistration([]byte(`{"id":"urn:example:s","attributes":[{"name":"a"}]}`))
	if err != nil {
		panic(err)
	}
	put := func(f *fixture, s *Store) error {
		_, err := s.PutSchema(f.t.Context(), f.tenant, schema.Types{User: schema.UserType(), Group: schema.GroupType()}, urn, f.now())
		return err
	}
	lives := settled{tenantKey(t), table.Present(), "", "a schema and the deletion of its tenant"}
	// A userName that is an address, which an earlier version did not reserve as one, and a
	// displayName with a character that is folded away.
	outdated := func(f *fixture) {
		u := person("u1")
		u.Doc = []byte(`{"id":"u1","userName":"a@example.com","emails":[{"value":"u1@example.com"}]}`)
		u.Held = directory.Claims{directory.UserName: "a@example.com", directory.Email: "u1@example.com"}
		f.create(u)
	}
	outdatedGroup := func(f *fixture) {
		g := staff()
		g.Doc = []byte("{\"id\":\"g1\",\"displayName\":\"Sta\u200bff\"}")
		g.Held = directory.Claims{directory.GroupName: "sta\u200bff"}
		f.must(f.store.CreateGroup(f.t.Context(), f.tenant, directory.GroupCreation{Group: g, Logged: f.logged(f.entry("create", "created", "Group", "g1"))}))
	}
	renew := func(f *fixture, s *Store) error { _, err := s.RenewNames(f.t.Context(), f.tenant); return err }
	return []decision{
		{
			name: "a new tenant", returned: failsAs(ErrTenantExists),
			commit: func(f *fixture, s *Store) error {
				return s.CreateTenant(f.t.Context(), beta, tenant.DefaultSettings(), 1, 1, f.now())
			},
			conditions: []settled{
				{tenantKey(beta), table.Absent(), "", "two tenants of one id"},
				{ledgerKey(beta), table.Absent(), "", "a tenant and the deletion of the one before it"},
			},
		},
		{
			name: "changed settings", returned: failsAs(tenant.ErrChanged),
			commit: func(f *fixture, s *Store) error {
				before := read(f)
				after := before
				after.MaxSeats, after.Settings.LogDays = 11, 7
				return s.ChangeTenant(f.t.Context(), before, after, f.now())
			},
			conditions: []settled{
				same,
				{ledgerKey(t), table.Is(attrSeatLimit, ten), "", "two changes of the seats"},
				{ledgerKey(t), table.Is(attrReaderLimit, ten), "", "two changes of the Readers' licences"},
				{shardKey(t, 1), table.Absent(), "", "a change of the limits and a growth"},
			},
		},
		{
			name: "the end of a tenant", returned: failsAs(tenant.ErrChanged), conditions: []settled{same},
			commit: func(f *fixture, s *Store) error { return s.EndTenant(f.t.Context(), read(f), f.now()) },
		},
		{
			name: "the first schema", commit: put,
			conditions: []settled{{schemasKey(t), table.Absent(), "", "two first schemas"}, lives},
		},
		{
			name:  "another schema",
			given: func(f *fixture) { f.must(put(f, f.store)) },
			commit: func(f *fixture, s *Store) error {
				return s.RemoveSchema(f.t.Context(), f.tenant, "urn:example:s", f.now())
			},
			conditions: []settled{{schemasKey(t), table.Is(attrRevision, table.Number(1)), "", "two changes of the schemas"}, lives},
		},
		{
			name: "a user whose names are renewed", given: outdated, commit: renew,
			conditions: []settled{
				{userKey(t, "u1"), table.Is(attrVersion, table.Number(1)), "", "a renewal and a change of the user"},
				{reservationKey(t, directory.Email, "a@example.com"), table.Absent(), "", "a renewal and another user of the name"},
				{logKey(t, "*", 0), table.Absent(), "", "two entries under one name"},
			},
		},
		{
			name: "a group whose names are renewed", given: outdatedGroup, commit: renew,
			conditions: []settled{
				{groupKey(t, "g1"), table.Is(attrRevision, table.Number(1)), "", "a renewal and a change of the document"},
				{reservationKey(t, directory.GroupName, "sta\u200bff"), table.Is(attrHolder, table.Text("g1")), "", "a renewal and a name that another group holds by now"},
				{reservationKey(t, directory.GroupName, "staff"), table.Absent(), "", "a renewal and another group of the name"},
				{logKey(t, "*", 0), table.Absent(), "", "two entries under one name"},
			},
		},
	}
}

// errNotMoved: the tokens were leased by another instance.
var errNotMoved = errors.New("not moved")

func tokenDecisions(t tenant.ID) []decision {
	live := table.Is(attrRevoked, table.Number(0))
	next := func(id string) table.Condition { return table.Is(attrNextID, table.Text(id)) }
	replaces := func(id string) table.Condition { return table.Is(attrOldID, table.Text(id)) }
	record := func(id string) access.Record { return access.Record{ID: id, Hash: "h", LastFour: "abcd"} }
	report := func(before, after string) func(f *fixture, s *Store) error {
		return func(f *fixture, s *Store) error {
			return s.Report(f.t.Context(), f.tenant, watch.Report{Name: "SEATS", Before: before, After: after, Signal: journal.Signal{Type: "seats.full"}})
		}
	}
	client := func(version int64) access.Client {
		return access.Client{ID: "c1", SigningKey: []byte("key"), Version: version}
	}
	one := func(f *fixture) { f.must(f.store.SaveToken(f.t.Context(), f.tenant, record("k1"))) }
	both := func(f *fixture) {
		one(f)
		f.must(f.store.BeginRotation(f.t.Context(), f.tenant, "k1", record("k2")))
	}
	rotation := []settled{
		{tokenKey(t, "k1"), live, "", "a rotation and a revocation of the old token"},
		{tokenKey(t, "k1"), next("k2"), "", "two ends of one rotation, at the old token"},
		{tokenKey(t, "k2"), live, "", "a rotation and a revocation of the new token"},
		{tokenKey(t, "k2"), replaces("k1"), "", "two ends of one rotation, at the new token"},
	}
	rotated := failsAs(access.ErrRotation)
	used := func(before func(f *fixture) time.Time) func(f *fixture, s *Store) error {
		return func(f *fixture, s *Store) error {
			return s.Used(f.t.Context(), f.tenant, "k1", before(f), f.now().Add(time.Hour))
		}
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	spend := func(from, to time.Time) func(f *fixture, s *Store) error {
		return func(f *fixture, s *Store) error {
			_, moved, err := s.Spend(f.t.Context(), f.tenant, from, to)
			if err == nil && !moved {
				return errNotMoved
			}
			return err
		}
	}
	notAdded := failsAs(access.ErrClientChanged, tenant.ErrNotFound)
	key := func(id string) access.Key { return access.Key{ID: id, Secret: []byte("secret"), Created: at} }
	return []decision{
		{
			name: "the first tokens of a bucket", returned: failsAs(errNotMoved), commit: spend(time.Time{}, at),
			conditions: []settled{{bucketKey(t), table.Absent(), "", "two first leases"}},
		},
		{
			name: "further tokens of a bucket", returned: failsAs(errNotMoved), commit: spend(at, at.Add(time.Second)),
			given:      func(f *fixture) { f.must(spend(time.Time{}, at)(f, f.store)) },
			conditions: []settled{{bucketKey(t), table.Is(attrSpent, table.Number(at.UnixMicro())), "", "two leases of the same tokens"}},
		},
		{
			name: "the first key of tokens", returned: failsAs(access.ErrKeys),
			commit:     func(f *fixture, s *Store) error { return s.AddTokenKey(f.t.Context(), nil, key("0000000a")) },
			conditions: []settled{{tokenKeysKey(), table.Absent(), "", "two first keys of tokens"}},
		},
		{
			name: "another key of tokens", returned: failsAs(access.ErrKeys),
			given: func(f *fixture) { f.must(f.store.AddTokenKey(f.t.Context(), nil, key("0000000a"))) },
			commit: func(f *fixture, s *Store) error {
				return s.AddTokenKey(f.t.Context(), []access.Key{key("0000000a")}, key("0000000b"))
			},
			conditions: []settled{{
				tokenKeysKey(), table.Is(attrTokenKeys, table.Text(`[{"id":"0000000a","key":"c2VjcmV0","crt":1767323045000}]`)), "",
				"two successors of one key",
			}},
		},
		{
			name: "a new token", returned: failsAs(tenant.ErrNotFound),
			commit: func(f *fixture, s *Store) error { return s.SaveToken(f.t.Context(), f.tenant, record("k1")) },
			conditions: []settled{
				{tokenKey(t, "k1"), table.Absent(), "", "two tokens of one id"},
				{tenantKey(t), table.Present(), "", "a token and the deletion of its tenant"},
			},
		},
		{
			name: "a new client", returned: notAdded,
			commit: func(f *fixture, s *Store) error {
				return s.AddClient(f.t.Context(), f.tenant, client(1), access.Roster{})
			},
			conditions: []settled{
				{rosterKey(t), table.Absent(), "", "two first clients"},
				{clientKey(t, "c1"), table.Absent(), "", "two clients of one id"},
				{tenantKey(t), table.Present(), "", "a client and the deletion of its tenant"},
			},
		},
		{
			name: "a second client", returned: notAdded,
			given: func(f *fixture) {
				f.must(f.store.AddClient(f.t.Context(), f.tenant, access.Client{ID: "c0", Version: 1}, access.Roster{}))
			},
			commit: func(f *fixture, s *Store) error {
				return s.AddClient(f.t.Context(), f.tenant, client(1), access.Roster{Version: 1})
			},
			conditions: []settled{
				{rosterKey(t), table.Is(attrClientVersion, table.Number(1)), "", "two clients for one place"},
				{clientKey(t, "c1"), table.Absent(), "", "two more clients of one id"},
				{tenantKey(t), table.Present(), "", "another client and the deletion of its tenant"},
			},
		},
		{
			name: "a changed client", returned: failsAs(access.ErrClientChanged),
			given:      func(f *fixture) { f.must(f.store.AddClient(f.t.Context(), f.tenant, client(1), access.Roster{})) },
			commit:     func(f *fixture, s *Store) error { return s.ChangeClient(f.t.Context(), f.tenant, client(2)) },
			conditions: []settled{{clientKey(t, "c1"), table.Is(attrClientVersion, table.Number(1)), "", "two changes of a client"}},
		},
		{
			name: "a used assertion", returned: failsAs(access.ErrReplayed),
			commit: func(f *fixture, s *Store) error {
				return s.ClaimAssertion(f.t.Context(), f.tenant, "digest", f.now().Add(time.Hour))
			},
			conditions: []settled{{assertionKey(t, "digest"), table.Absent(), "", "two requests with one assertion"}},
		},
		{
			name: "the first report", returned: failsAs(watch.ErrReported), commit: report("", "full"),
			conditions: []settled{{watchKey(t, "SEATS"), table.Absent(), "", "two first reports"}},
		},
		{
			name: "another report", returned: failsAs(watch.ErrReported), commit: report("full", "free"),
			given:      func(f *fixture) { f.must(report("", "full")(f, f.store)) },
			conditions: []settled{{watchKey(t, "SEATS"), table.Is(attrReported, table.Text("full")), "", "two reports of one change"}},
		},
		{
			name: "the first use of a token", returned: leftToOthers,
			commit:     used(func(*fixture) time.Time { return time.Time{} }),
			conditions: []settled{{usedKey(t, "k1"), table.Absent(), "", "two instances that record the first use"}},
		},
		{
			name: "another use of a token", returned: leftToOthers,
			given:      func(f *fixture) { f.must(f.store.Used(f.t.Context(), f.tenant, "k1", time.Time{}, f.now())) },
			commit:     used((*fixture).now),
			conditions: []settled{{usedKey(t, "k1"), table.Is(attrTime, millis(at)), "", "two instances that record a use"}},
		},
		{
			name: "a revoked token", returned: rotated, given: one,
			commit: func(f *fixture, s *Store) error { return s.RevokeToken(f.t.Context(), f.tenant, "k1", f.now()) },
			conditions: []settled{
				{tokenKey(t, "k1"), next(""), "", "a revocation and a rotation of the token"},
				{tokenKey(t, "k1"), replaces(""), "", "a revocation and a rotation to the token"},
			},
		},
		{
			name: "a revoked token of before there were rotations", returned: rotated, nth: 1,
			given: func(f *fixture) {
				one(f)
				f.write(table.Update(tokenKey(t, "k1"), table.Change{Remove: []string{attrNextID, attrOldID}}))
			},
			commit:     func(f *fixture, s *Store) error { return s.RevokeToken(f.t.Context(), f.tenant, "k1", f.now()) },
			conditions: []settled{{tokenKey(t, "k1"), table.Present(), "", "a revocation and the deletion of the tenant"}},
		},
		{
			name: "a rotation that begins", returned: rotated, given: one,
			commit: func(f *fixture, s *Store) error {
				return s.BeginRotation(f.t.Context(), f.tenant, "k1", record("k2"))
			},
			conditions: []settled{
				{tokenKey(t, "k1"), live, "", "a rotation and a revocation"},
				{tokenKey(t, "k1"), next(""), "", "two rotations of one token"},
				{tokenKey(t, "k2"), table.Absent(), "", "two tokens of one id"},
			},
		},
		{
			name: "a rotation that is completed", returned: rotated, given: both, conditions: rotation,
			commit: func(f *fixture, s *Store) error {
				return s.CompleteRotation(f.t.Context(), f.tenant, "k1", "k2", f.now())
			},
		},
		{
			name: "a rotation that is cancelled", returned: rotated, given: both, conditions: rotation,
			commit: func(f *fixture, s *Store) error {
				return s.CancelRotation(f.t.Context(), f.tenant, "k1", "k2", f.now())
			},
		},
	}
}

func logDecisions(t tenant.ID) []decision {
	dora := journal.Subject{Type: "User", Name: "dora"}
	record := func(f *fixture) journal.Record {
		e := journal.Entry{
			RequestID: "r1", Time: f.now(), Operation: "create", Outcome: journal.Failure, Cause: cause.SeatLimit,
			ResourceType: "User", Subject: "dora", About: dora,
		}
		return journal.Record{Entry: &e, Expires: f.now().Add(time.Hour), Fails: dora}
	}
	logged := settled{logKey(t, "r1", 0), table.Absent(), "", "two entries under one name"}
	failing := failingKey(t, subjectName(dora))
	return []decision{
		{
			name:       "the first failure of a subject",
			commit:     func(f *fixture, s *Store) error { return s.Record(f.t.Context(), f.tenant, record(f)) },
			conditions: []settled{logged, {failing, table.Absent(), "", "two first failures of a subject"}},
		},
		{
			name: "another failure of a subject",
			given: func(f *fixture) {
				r := record(f)
				r.Entry.RequestID = uuid.NewString()
				f.must(f.store.Record(f.t.Context(), f.tenant, r))
			},
			commit: func(f *fixture, s *Store) error {
				r := record(f)
				r.Failed = true
				return s.Record(f.t.Context(), f.tenant, r)
			},
			conditions: []settled{logged, {failing, table.Present(), "", "a failure and the success of a subject"}},
		},
		{
			name:  "the end of a failure",
			given: func(f *fixture) { f.must(f.store.Record(f.t.Context(), f.tenant, record(f))) },
			commit: func(f *fixture, s *Store) error {
				return s.Record(f.t.Context(), f.tenant, journal.Record{Resolved: []journal.Subject{dora}})
			},
			conditions: []settled{{failing, table.Present(), "", "two successes of a subject"}},
		},
		{
			name: "a failure under an id that began under a name",
			given: func(f *fixture) {
				r := record(f)
				r.Entry.RequestID = uuid.NewString()
				f.must(f.store.Record(f.t.Context(), f.tenant, r))
			},
			commit: func(f *fixture, s *Store) error {
				r := record(f)
				r.Fails, r.Renamed = journal.Subject{Type: "User", ID: "u1"}, []journal.Subject{dora}
				return s.Record(f.t.Context(), f.tenant, r)
			},
			conditions: []settled{
				logged,
				{failingKey(t, "User#u1"), table.Absent(), "", "two first failures of a subject"},
				{failing, table.Present(), "", "a failure and the success of a subject"},
			},
		},
		{
			name: "a dismissed failure", returned: fails,
			given: func(f *fixture) {
				r := record(f)
				r.Entry.RequestID = "r0"
				f.must(f.store.Record(f.t.Context(), f.tenant, r))
			},
			commit: func(f *fixture, s *Store) error {
				_, err := s.Dismiss(f.t.Context(), f.tenant, journal.Dismissal{
					RequestID: "r0", Time: f.now(), Who: "Dana", Reason: "left", ID: "r1", Expires: f.now().Add(time.Hour),
				})
				return err
			},
			conditions: []settled{logged, {failing, table.Is(attrRequest, table.Text("r0")), "", "a dismissal and another failure"}},
		},
		{
			name: "an amended entry", returned: fails,
			given: func(f *fixture) { f.must(f.store.Record(f.t.Context(), f.tenant, record(f))) },
			commit: func(f *fixture, s *Store) error {
				r := record(f)
				r.Amends, r.Fails = true, journal.Subject{}
				return s.Record(f.t.Context(), f.tenant, r)
			},
			conditions: []settled{{logKey(t, "r1", 0), table.Present(), "", "an amendment and the end of the entry"}},
		},
	}
}
