package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// portalDecisions are the transactions about links to the portal and its sessions.
func portalDecisions(t tenant.ID) []decision {
	visit := func(id string) access.Visit { return access.Visit{ID: id, Hash: "h"} }
	exists := settled{tenantKey(t), table.Present(), "", "a link and the deletion of the tenant"}
	return []decision{
		{
			name:     "a new link",
			commit:   func(f *fixture, s *Store) error { return s.AddLink(f.t.Context(), f.tenant, visit("l1")) },
			returned: failsAs(tenant.ErrNotFound),
			conditions: []settled{
				{linkKey(t, "l1"), table.Absent(), "", "two links of one id"}, exists,
			},
		},
		{
			name:  "a session",
			given: func(f *fixture) { f.must(f.store.AddLink(f.t.Context(), f.tenant, visit("l1"))) },
			commit: func(f *fixture, s *Store) error {
				return s.OpenLink(f.t.Context(), f.tenant, "l1", visit("s1"))
			},
			returned: failsAs(access.ErrNoLink),
			conditions: []settled{
				{linkKey(t, "l1"), table.Present(), "", "two who open one link"},
				{sessionKey(t, "s1"), table.Absent(), "", "two sessions of one id"},
				exists,
			},
		},
		{
			name: "a link that does not work",
			commit: func(f *fixture, s *Store) error {
				return s.CountWrong(f.t.Context(), f.tenant, "a", 1, f.now().Add(time.Hour))
			},
			returned:   func(t *testing.T, err error) { require.NoError(t, err) },
			conditions: []settled{exists},
		},
	}
}
