package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/provlog"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

var errCall = errors.New("the call failed")

// silent are the changes that another request repairs if they fail: their caller does not
// wait for them.
var silent = []string{"the progress of a task"}

// A change of which any read or write fails is reported as failed: nobody is told that
// something was stored that was not.
func TestStore_ReportsEachFailedCallOfAChange(t *testing.T) {
	acme := mustID(t, "acme")
	for _, d := range slices.Concat(userDecisions(acme), groupDecisions(acme), partDecisions(acme), taskDecisions(acme), tenantDecisions(acme), tokenDecisions(acme), logDecisions(acme), outboxDecisions(acme)) {
		if slices.Contains(silent, d.name) {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			calls := int64(1)
			for at := int64(0); at < calls; at++ {
				f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
				if d.given != nil {
					d.given(f)
				}
				count := tabletest.NewFailing(f.table, at, errCall)
				err := d.commit(f, f.on(count))
				require.ErrorIs(t, err, errCall, "call %d", at)
				calls = max(calls, count.Made())
				if at == 0 {
					calls = d.calls(t)
				}
			}
		})
	}
}

// calls returns how many calls the decision makes.
func (d decision) calls(t *testing.T) int64 {
	t.Helper()
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	if d.given != nil {
		d.given(f)
	}
	count := tabletest.NewFailing(f.table, -1, errCall)
	require.NoError(t, d.commit(f, f.on(count)))
	return count.Made()
}

// A reading is a method of the store that only reads. It returns what it read.
type reading struct {
	name string
	read func(ctx context.Context, s *Store, t tenant.ID) (any, error)
}

// full is what readings read: users, groups, members, tokens, failures and the rest.
func full(f *fixture) {
	f.users("a", "b", "c", "d")
	f.create(person("u1"))
	f.create(person("u2"))
	f.guard("u1")
	f.remove("u2")
	f.group("g1", "a", "b")
	f.group("g2", "a")
	f.fill()
	f.endpoint("e1")
	f.endpoint("e2")
}

func readings() []reading {
	ids := []string{"a", "b", "u2"}
	span := provlog.Span{Limit: 3}
	subject := journal.Subject{Type: journal.TypeUser, ID: "u1"}
	named := journal.Subject{Type: journal.TypeUser, Name: "dora"}
	return []reading{
		{"User", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.User(ctx, t, "u1") }},
		{"LiveUsers", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.LiveUsers(ctx, t, ids) }},
		{"Records", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.Records(ctx, t, ids) }},
		{"Records of unknown users", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.Records(ctx, t, []string{"x"}) }},
		{"Users", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.Users(ctx, t, directory.Range{Limit: 2})
		}},
		{"DeletedUsers", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.DeletedUsers(ctx, t, directory.Range{Limit: 2})
		}},
		{"Holders", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.Holders(ctx, t, directory.Claims{directory.UserName: "u1"})
		}},
		{"NamesLike", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.NamesLike(ctx, t, "u", 5) }},
		{"NameHolders", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.NameHolders(ctx, t, "u", 5) }},
		{"EmailHolders", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.EmailHolders(ctx, t, "u1@example.com")
		}},
		{"Group", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.Group(ctx, t, "g1") }},
		{"GroupsByID", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.GroupsByID(ctx, t, []string{"g1", "g2"})
		}},
		{"Groups", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.Groups(ctx, t, directory.Range{Limit: 1})
		}},
		{"Members", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.Members(ctx, t, "g1", 1, "", 5)
		}},
		{"Joined", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			joined, _, err := s.Joined(ctx, t, "g1", 1, ids)
			return joined, err
		}},
		{"Memberships", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.Memberships(ctx, t, []directory.Membership{{Group: "g1", Epoch: 1, User: "a"}})
		}},
		{"MembershipsOf", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.MembershipsOf(ctx, t, "a", 5) }},
		{"MembershipsOfUsers", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.MembershipsOfUsers(ctx, t, ids, 5)
		}},
		{"Leaving", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.Leaving(ctx, t) }},
		{"ProtectedUsers", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.ProtectedUsers(ctx, t) }},
		{"Ledger", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.Ledger(ctx, t) }},
		{"DeletedGroup", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.DeletedGroup(ctx, t, "g9") }},
		{"DeletedGroups", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.DeletedGroups(ctx, t, "", 5) }},
		{"Tenant", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			found, _, err := s.Tenant(ctx, t)
			return found, err
		}},
		{"Tenants", func(ctx context.Context, s *Store, _ tenant.ID) (any, error) {
			page, _, err := s.Tenants(ctx, "", 5)
			return page, err
		}},
		{"Token", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			token, _, err := s.Token(ctx, t, "k1")
			return token, err
		}},
		{"Tokens", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.Tokens(ctx, t) }},
		{"Access", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			owner, _, _, err := s.Access(ctx, t, "k1")
			return owner, err
		}},
		{"Schemas", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.Schemas(ctx, t) }},
		{"Bookmark", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.Bookmark(ctx, t, directory.Bookmark{TokenID: "k1", StartIndex: 11})
		}},
		{"Activity", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.Activity(ctx, t) }},
		{"EntryPage", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.EntryPage(ctx, t, span) }},
		{"Entries", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.Entries(ctx, t, []string{"r1"})
		}},
		{"FailurePage", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.FailurePage(ctx, t, span) }},
		{"SubjectPages", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.SubjectPages(ctx, t, []journal.Subject{subject, named}, span)
		}},
		{"FailingPage", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.FailingPage(ctx, t, "", 5) }},
		{"FailingOf", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.FailingOf(ctx, t, []journal.Subject{subject, named})
		}},
		{"WhoFails", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.WhoFails(ctx, t, subject, named)
		}},
		{"FindRecords", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.FindRecords(ctx, t, "u1") }},
		{"LiveRecords", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.LiveRecords(ctx, t, []journal.Subject{subject, named})
		}},
		{"WhoAre", func(ctx context.Context, s *Store, t tenant.ID) (any, error) {
			return s.WhoAre(ctx, t, []string{"u1", "u2", "g1", "x"})
		}},
		{"Registrations", func(ctx context.Context, s *Store, _ tenant.ID) (any, error) { return s.Registrations(ctx) }},
		{"Endpoints", func(ctx context.Context, s *Store, _ tenant.ID) (any, error) { return s.Endpoints(ctx) }},
		{"Endpoint", func(ctx context.Context, s *Store, _ tenant.ID) (any, error) {
			e, _, err := s.Endpoint(ctx, "e1")
			return e, err
		}},
		{"Audit", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.Audit(ctx, t) }},
		{"SweepTenant", func(ctx context.Context, s *Store, t tenant.ID) (any, error) { return s.SweepTenant(ctx, t, SweepAge) }},
		{"Sweep", func(ctx context.Context, s *Store, _ tenant.ID) (any, error) { return s.Sweep(ctx, SweepAge) }},
	}
}

// A read of which any call fails is reported as failed: a part of an answer would look
// like the whole.
func TestStore_ReportsEachFailedCallOfARead(t *testing.T) {
	f := newFixture(t, enginetest.Memory(t), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	full(f)
	for _, r := range readings() {
		t.Run(r.name, func(t *testing.T) {
			whole := tabletest.NewFailing(f.table, -1, errCall)
			_, err := r.read(t.Context(), f.on(whole), f.tenant)
			require.NoError(t, err)
			require.NotZero(t, whole.Made(), "nothing was read")
			for at := range whole.Made() {
				_, err := r.read(t.Context(), f.on(tabletest.NewFailing(f.table, at, errCall)), f.tenant)
				require.ErrorIs(t, err, errCall, "call %d of %d", at, whole.Made())
			}
		})
	}
}
