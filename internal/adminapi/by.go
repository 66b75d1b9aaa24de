package adminapi

import (
	"context"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// tenantOf reads the tenant of a request that is not about the tenant itself.
func (s *Service) tenantOf(ctx context.Context, q *request) (tenant.Tenant, error) {
	t, err := s.Tenants.Tenant(ctx, q.tenant)
	if err == nil && t.Settings.Ending {
		err = tenant.ErrEnding
	}
	return t, err
}

// mustHave refuses a request for an unknown tenant.
func (s *Service) mustHave(ctx context.Context, q *request) error {
	_, err := s.tenantOf(ctx, q)
	return err
}

// by returns the caller of a change of the tenant's users or groups, with the tenant's
// own schemas, so that a change of one attribute keeps the values of the others.
func (s *Service) by(ctx context.Context, q *request) (directory.Caller, error) {
	t, err := s.tenantOf(ctx, q)
	if err != nil {
		return directory.Caller{}, err
	}
	own, err := s.Store.Schemas(ctx, q.tenant)
	if err != nil {
		return directory.Caller{}, err
	}
	return directory.Caller{
		RequestID: q.id, Settings: t.Settings, Time: q.start, Types: s.Types.With(own),
		By: journal.ByApplication, Who: q.who(),
	}, nil
}
