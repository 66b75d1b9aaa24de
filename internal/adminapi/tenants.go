package adminapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

const maxDisplayName = 200

// applySettings sets the members of a body on a tenant.
func applySettings(b adminwire.TenantSettings, t *tenant.Tenant) error {
	if b.ID.Set && b.ID.Or("") != t.ID.String() {
		return &problem{kind: kindInvalid, detail: "id must be that of the path; a tenant cannot be renamed."}
	}
	for _, limit := range []struct {
		name string
		sent adminwire.Optional[int64]
		to   *int64
	}{{"maxSeats", b.MaxSeats, &t.MaxSeats}, {"maxReaders", b.MaxReaders, &t.MaxReaders}} {
		if n := limit.sent.Or(0); n < 0 || n > tenant.Unlimited {
			return &problem{kind: kindInvalid, detail: fmt.Sprintf("%s is null, for no limit, or a number from 0 to %d.", limit.name, int64(tenant.Unlimited))}
		}
		if limit.sent.Set {
			*limit.to = limit.sent.Or(tenant.Unlimited)
		}
	}
	return chooseSettings(b, &t.Settings)
}

// chooseSettings sets the members of a body; null is the setting's default.
func chooseSettings(b adminwire.TenantSettings, s *tenant.Settings) error {
	d := tenant.DefaultSettings()
	if b.DisplayName.Set {
		if s.DisplayName = b.DisplayName.Or(""); !isLine(s.DisplayName, maxDisplayName) {
			return &problem{kind: kindInvalid, detail: fmt.Sprintf("displayName must be one line of text of at most %d bytes.", maxDisplayName)}
		}
	}
	if b.SCIMEnabled.Set {
		s.SCIMDisabled = !b.SCIMEnabled.Or(true)
	}
	if b.LogDays.Set {
		const most = 3650
		if s.LogDays = int(b.LogDays.Or(int64(d.LogDays))); s.LogDays < 1 || s.LogDays > most {
			return &problem{kind: kindInvalid, detail: fmt.Sprintf("logDays must be a number from 1 to %d.", most)}
		}
	}
	for _, err := range []error{
		choose("defaultAccountType", b.DefaultAccountType, &s.DefaultAccountType, d.DefaultAccountType, tenant.User, tenant.Reader),
		choose("unknownMembers", b.UnknownMembers, &s.UnknownMembers, d.UnknownMembers, tenant.UnknownMembersSkip, tenant.UnknownMembersRefuse),
		choose("unknownAttributes", b.UnknownAttributes, &s.UnknownAttributes, d.UnknownAttributes, tenant.UnknownDrop, tenant.UnknownRefuse),
		choose("deletedUsers", b.DeletedUsers, &s.DeletedUsers, d.DeletedUsers, tenant.DeletedHidden, tenant.DeletedReadable),
		choose("rehire", b.Rehire, &s.Rehire, d.Rehire, tenant.RehireWarn, tenant.RehireKeep, tenant.RehireRefuse),
		choose("staticTokens", b.StaticTokens, &s.StaticTokens, d.StaticTokens, tenant.StaticTake, tenant.StaticRefuse),
		choose("dialect", b.Dialect, &s.Dialects, d.Dialects, tenant.DialectsTake, tenant.DialectsRefuse),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// choose sets a setting to one of its choices.
func choose[T ~string](name string, sent adminwire.Optional[string], to *T, otherwise T, choices ...T) error {
	if !sent.Set {
		return nil
	}
	if sent.Value == nil {
		*to = otherwise
		return nil
	}
	names := make([]string, len(choices))
	for i, c := range choices {
		if *sent.Value == string(c) {
			*to = c
			return nil
		}
		names[i] = string(c)
	}
	return &problem{kind: kindInvalid, detail: name + " is " + orList(names) + "."}
}

// orList joins names for a sentence.
func orList(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// limitOf returns a limit, or nil if there is none.
func limitOf(n int64) *int64 {
	if n >= tenant.Unlimited {
		return nil
	}
	return &n
}

// tenantDocument returns a tenant with its settings.
func (s *Service) tenantDocument(t tenant.Tenant) adminwire.Tenant {
	c := t.Settings
	return adminwire.Tenant{
		ID: t.ID.String(), DisplayName: c.DisplayName, MaxSeats: limitOf(t.MaxSeats), MaxReaders: limitOf(t.MaxReaders),
		DefaultAccountType: string(c.DefaultAccountType), UnknownMembers: string(c.UnknownMembers),
		UnknownAttributes: string(c.UnknownAttributes), DeletedUsers: string(c.DeletedUsers),
		Rehire: string(c.Rehire), Dialect: string(c.Dialects), StaticTokens: string(c.StaticTokens), SCIMEnabled: !c.SCIMDisabled, LogDays: c.LogDays,
		Version: t.Version(), Created: t.Created, BaseURL: s.BaseURL,
		Deleting: c.Ending, ItemsDeleted: t.Deletion.Items, ProgressAt: instant(t.Deletion.At),
	}
}

func (s *Service) tenantReply(status int, t tenant.Tenant) (*reply, error) {
	return answer(status, s.tenantDocument(t), map[string]string{"ETag": `W/"` + t.Version() + `"`})
}

// instant returns a time, or nil if there is none.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// putTenant: PUT /tenants/{tenant} creates a tenant, or replaces the settings of an
// existing one. Its tokens, schemas, users and groups stay.
func (s *Service) putTenant(ctx context.Context, q *request) (*reply, error) {
	return s.writeTenant(ctx, q, true)
}

// changeTenant: PATCH /tenants/{tenant} changes the settings that are sent.
func (s *Service) changeTenant(ctx context.Context, q *request) (*reply, error) {
	return s.writeTenant(ctx, q, false)
}

func (s *Service) writeTenant(ctx context.Context, q *request, whole bool) (*reply, error) {
	var body adminwire.TenantSettings
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	q.action = "updated"
	if !whole {
		t, err := s.Tenants.Change(ctx, q.tenant, q.sameVersion(), func(t *tenant.Tenant) error { return applySettings(body, t) })
		if err != nil {
			return nil, err
		}
		return s.tenantReply(http.StatusOK, t)
	}
	wanted := tenant.Tenant{
		ID: q.tenant, Settings: tenant.DefaultSettings(), MaxSeats: tenant.Unlimited, MaxReaders: tenant.Unlimited,
	}
	if err := applySettings(body, &wanted); err != nil {
		return nil, err
	}
	match := q.sameVersion()
	if only, err := q.onlyNew(); err != nil {
		return nil, err
	} else if only {
		match = func(tenant.Tenant) bool { return false }
	}
	t, created, err := s.Tenants.Put(ctx, wanted, match)
	if errors.Is(err, tenant.ErrVersion) && q.Header.Get("If-None-Match") != "" {
		err = &problem{kind: kindVersion, detail: fmt.Sprintf("The tenant %s exists already; nothing was changed. PATCH changes its settings.", q.tenant)}
	}
	if err != nil {
		return nil, err
	}
	if created {
		q.action = "created"
		return s.tenantReply(http.StatusCreated, t)
	}
	return s.tenantReply(http.StatusOK, t)
}

// sameVersion reports whether a tenant has a version that If-Match names; nil is any.
func (q *request) sameVersion() func(tenant.Tenant) bool {
	header := q.Header.Get("If-Match")
	if header == "" || header == "*" {
		return nil
	}
	return func(t tenant.Tenant) bool {
		for tag := range strings.SplitSeq(header, ",") {
			if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == `"`+t.Version()+`"` {
				return true
			}
		}
		return false
	}
}

// onlyNew reports whether the request has the header If-None-Match: *, which asks for a
// tenant to be created and none to be changed. RFC 9110 §13.1.2
func (q *request) onlyNew() (bool, error) {
	switch q.Header.Get("If-None-Match") {
	case "":
		return false, nil
	case "*":
		return true, nil
	}
	return false, &problem{kind: kindInvalid, detail: "If-None-Match can only be *: create the tenant, and change none."}
}

// readTenant: GET /tenants/{tenant}
func (s *Service) readTenant(ctx context.Context, q *request) (*reply, error) {
	t, err := s.Tenants.Tenant(ctx, q.tenant)
	if err != nil {
		return nil, err
	}
	return s.tenantReply(http.StatusOK, t)
}

// readUsage: GET /tenants/{tenant}/usage
func (s *Service) readUsage(ctx context.Context, q *request) (*reply, error) {
	if err := s.mustHave(ctx, q); err != nil {
		return nil, err
	}
	l, err := s.Store.Ledger(ctx, q.tenant)
	if err != nil {
		return nil, err
	}
	return ok(usageDocument(l))
}

func usageDocument(l directory.Ledger) adminwire.Usage {
	return adminwire.Usage{
		Seats:   adminwire.Count{Used: l.Seats, Limit: limitOf(l.SeatLimit)},
		Readers: adminwire.Count{Used: l.Readers, Limit: limitOf(l.ReaderLimit)},
		Users:   l.Users, Groups: l.Groups,
	}
}

// listTenants: GET /tenants
func (s *Service) listTenants(ctx context.Context, q *request) (*reply, error) {
	limit, after, err := q.list()
	if err != nil {
		return nil, err
	}
	tenants, next, err := s.Tenants.Tenants(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	return ok(adminwire.Tenants{Tenants: listOf(tenants, s.tenantDocument), Next: sealPosition(next)})
}

// deleteTenant: DELETE /tenants/{tenant}?confirm=TENANT deletes the tenant and all
// its data for good. Requests are refused from now on; the sweep deletes the data once
// the requests that began before have ended.
func (s *Service) deleteTenant(ctx context.Context, q *request) (*reply, error) {
	if q.parameter("confirm") != q.tenant.String() {
		return nil, &problem{kind: kindConfirm, detail: "Deleting a tenant deletes its users, groups, tokens and log for good. To confirm, send ?confirm= with the tenant's id."}
	}
	q.action = "deleted"
	if err := s.Tenants.End(ctx, q.tenant); err != nil {
		return nil, err
	}
	return answer(http.StatusAccepted, adminwire.Deleting{ID: q.tenant.String(), Deleting: true}, nil)
}
