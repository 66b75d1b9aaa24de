package adminapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// optional is a member of a body: left out, null, or with a value.
type optional[T any] struct {
	set, null bool
	value     T
}

// UnmarshalJSON reads null or a value.
func (o *optional[T]) UnmarshalJSON(b []byte) error {
	o.set = true
	if string(b) == "null" {
		o.null = true
		return nil
	}
	return json.Unmarshal(b, &o.value)
}

// tenantBody is the body of PUT and PATCH.
type tenantBody struct {
	ID                 optional[string] `json:"id"`
	DisplayName        optional[string] `json:"displayName"`
	MaxSeats           optional[int64]  `json:"maxSeats"`
	MaxReaders         optional[int64]  `json:"maxReaders"`
	DefaultAccountType optional[string] `json:"defaultAccountType"`
	UnknownMembers     optional[string] `json:"unknownMembers"`
	UnknownAttributes  optional[string] `json:"unknownAttributes"`
	DeletedUsers       optional[string] `json:"deletedUsers"`
	Rehire             optional[string] `json:"rehire"`
	Dialect            optional[string] `json:"dialect"`
	SCIMEnabled        optional[bool]   `json:"scimEnabled"`
	LogDays            optional[int]    `json:"logDays"`
}

const maxDisplayName = 200

// apply sets the members of the body on a tenant.
func (b tenantBody) apply(t *tenant.Tenant) error {
	if b.ID.set && b.ID.value != t.ID.String() {
		return &problem{kind: kindInvalid, detail: "id must be that of the path; a tenant cannot be renamed."}
	}
	for _, limit := range []struct {
		name string
		sent optional[int64]
		to   *int64
	}{{"maxSeats", b.MaxSeats, &t.MaxSeats}, {"maxReaders", b.MaxReaders, &t.MaxReaders}} {
		switch {
		case !limit.sent.set:
		case limit.sent.null:
			*limit.to = tenant.Unlimited
		case limit.sent.value < 0 || limit.sent.value > tenant.Unlimited:
			return &problem{kind: kindInvalid, detail: fmt.Sprintf("%s is null, for no limit, or a number from 0 to %d.", limit.name, int64(tenant.Unlimited))}
		default:
			*limit.to = limit.sent.value
		}
	}
	return b.choose(&t.Settings)
}

// choose sets the members of the body; null is the setting's default.
func (b tenantBody) choose(s *tenant.Settings) error {
	d := tenant.DefaultSettings()
	if b.DisplayName.set {
		if !isLine(b.DisplayName.value, maxDisplayName) {
			return &problem{kind: kindInvalid, detail: fmt.Sprintf("displayName must be one line of text of at most %d bytes.", maxDisplayName)}
		}
		s.DisplayName = b.DisplayName.value
	}
	if b.SCIMEnabled.set {
		s.SCIMDisabled = !b.SCIMEnabled.null && !b.SCIMEnabled.value
	}
	if b.LogDays.set {
		const most = 3650
		if !b.LogDays.null && (b.LogDays.value < 1 || b.LogDays.value > most) {
			return &problem{kind: kindInvalid, detail: fmt.Sprintf("logDays must be a number from 1 to %d.", most)}
		}
		if s.LogDays = b.LogDays.value; b.LogDays.null {
			s.LogDays = d.LogDays
		}
	}
	for _, err := range []error{
		choose("defaultAccountType", b.DefaultAccountType, &s.DefaultAccountType, d.DefaultAccountType, tenant.User, tenant.Reader),
		choose("unknownMembers", b.UnknownMembers, &s.UnknownMembers, d.UnknownMembers, tenant.UnknownMembersSkip, tenant.UnknownMembersRefuse),
		choose("unknownAttributes", b.UnknownAttributes, &s.UnknownAttributes, d.UnknownAttributes, tenant.UnknownDrop, tenant.UnknownRefuse),
		choose("deletedUsers", b.DeletedUsers, &s.DeletedUsers, d.DeletedUsers, tenant.DeletedHidden, tenant.DeletedReadable),
		choose("rehire", b.Rehire, &s.Rehire, d.Rehire, tenant.RehireWarn, tenant.RehireKeep, tenant.RehireRefuse),
		choose("dialect", b.Dialect, &s.Dialects, d.Dialects, tenant.DialectsTake, tenant.DialectsRefuse),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// choose sets a setting to one of its choices.
func choose[T ~string](name string, sent optional[string], to *T, otherwise T, choices ...T) error {
	if !sent.set {
		return nil
	}
	if sent.null {
		*to = otherwise
		return nil
	}
	names := make([]string, len(choices))
	for i, c := range choices {
		if sent.value == string(c) {
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

// limitOf is a limit as it is shown: null for none.
func limitOf(n int64) any {
	if n >= tenant.Unlimited {
		return nil
	}
	return n
}

// tenantDocument is a tenant as it is shown.
func (s *Service) tenantDocument(t tenant.Tenant) map[string]any {
	c := t.Settings
	document := map[string]any{
		"id": t.ID.String(), "displayName": c.DisplayName,
		"maxSeats": limitOf(t.MaxSeats), "maxReaders": limitOf(t.MaxReaders),
		"defaultAccountType": string(c.DefaultAccountType), "unknownMembers": string(c.UnknownMembers),
		"unknownAttributes": string(c.UnknownAttributes), "deletedUsers": string(c.DeletedUsers),
		"rehire": string(c.Rehire), "dialect": string(c.Dialects), "scimEnabled": !c.SCIMDisabled, "logDays": c.LogDays,
		"version": t.Version(), "created": instant(t.Created), "scimBaseUrl": s.BaseURL,
	}
	if c.Ending {
		document["deleting"] = true
	}
	if !t.Deletion.At.IsZero() {
		document["itemsDeleted"], document["progressAt"] = t.Deletion.Items, instant(t.Deletion.At)
	}
	return document
}

func (s *Service) tenantReply(status int, t tenant.Tenant) (*reply, error) {
	return answer(status, s.tenantDocument(t), map[string]string{"ETag": `W/"` + t.Version() + `"`})
}

// instant is a time as it is shown, null for none.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
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
	if err := q.known(); err != nil {
		return nil, err
	}
	var body tenantBody
	if err := q.decode(&body); err != nil {
		return nil, err
	}
	q.action = "updated"
	if !whole {
		t, err := s.Tenants.Change(ctx, q.tenant, q.sameVersion(), body.apply)
		if err != nil {
			return nil, err
		}
		return s.tenantReply(http.StatusOK, t)
	}
	wanted := tenant.Tenant{
		ID: q.tenant, Settings: tenant.DefaultSettings(), MaxSeats: tenant.Unlimited, MaxReaders: tenant.Unlimited,
	}
	if err := body.apply(&wanted); err != nil {
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
	if err := q.known(); err != nil {
		return nil, err
	}
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

func usageDocument(l directory.Ledger) map[string]any {
	return map[string]any{
		"seats":   map[string]any{"used": l.Seats, "limit": limitOf(l.SeatLimit)},
		"readers": map[string]any{"used": l.Readers, "limit": limitOf(l.ReaderLimit)},
		"users":   l.Users, "groups": l.Groups,
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
	documents := make([]any, len(tenants))
	for i, t := range tenants {
		documents[i] = s.tenantDocument(t)
	}
	return page("tenants", documents, next)
}

// deleteTenant: DELETE /tenants/{tenant}?confirm=TENANT deletes the tenant and all
// its data for good. Requests are refused from now on; the sweep deletes the data once
// the requests that began before have ended.
func (s *Service) deleteTenant(ctx context.Context, q *request) (*reply, error) {
	if err := q.known("confirm"); err != nil {
		return nil, err
	}
	if q.parameter("confirm") != q.tenant.String() {
		return nil, &problem{kind: kindConfirm, detail: "Deleting a tenant deletes its users, groups, tokens and log for good. To confirm, send ?confirm= with the tenant's id."}
	}
	q.action = "deleted"
	if err := s.Tenants.End(ctx, q.tenant); err != nil {
		return nil, err
	}
	return answer(http.StatusAccepted, map[string]any{"id": q.tenant.String(), "deleting": true}, nil)
}

// page is a page of a list: next is present while others follow, to be sent as after.
func page(name string, documents []any, next string) (*reply, error) {
	return ok(pageDocument(name, documents, next))
}

func pageDocument(name string, documents []any, next string) map[string]any {
	list := map[string]any{name: documents}
	if next != "" {
		list["next"] = sealPlace(next)
	}
	return list
}

// A place in a list is opaque to clients, which send it back as it came; there is
// nothing secret in it.
func sealPlace(place string) string { return base64.RawURLEncoding.EncodeToString([]byte(place)) }

func openPlace(text string, longest int) (string, error) {
	place, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(place) > longest || !isPlace(place) {
		return "", errNoPlace
	}
	return string(place), nil
}

var errNoPlace = &problem{kind: kindInvalid, detail: "after must be the next of a page; leave it out for the first page."}

// isPlace reports whether a text can be a place: an id, with a mark for the list that
// it is in. Any other text could not be a key of the table.
func isPlace(text []byte) bool {
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// maxPlace is the longest place in a list, in bytes.
const maxPlace = 128
