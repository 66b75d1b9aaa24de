package store

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The attributes of tenants and tokens.
const (
	attrSettings  = "settings" // JSON of tenant.Settings
	attrCursorKey = "key"      // 256 random bits that sign cursors, base64
	attrHash      = "hash"     // SHA-256 of the token's secret
	attrLastFour  = "last4"
	attrLabel     = "label"
	attrExpires   = "exp" // milliseconds since 1970; absent for no end
	attrRevoked   = "rev" // milliseconds since 1970; absent for a live token
)

// ErrTenantExists says that the tenant is there already.
var ErrTenantExists = errors.New("store: the tenant exists")

// CreateTenant makes a tenant with its ledger, or ErrTenantExists.
func (s *Store) CreateTenant(ctx context.Context, t tenant.ID, settings tenant.Settings,
	seatLimit, readerLimit int64, now time.Time,
) error {
	encoded, err := json.Marshal(settings)
	if err != nil {
		return fmt.Errorf("store: settings: %w", err)
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	item := table.Item{Key: tenantKey(t), Attributes: table.Attributes{
		attrSettings:  table.Text(string(encoded)),
		attrCursorKey: table.Text(base64.StdEncoding.EncodeToString(key)),
		attrCreated:   millis(now),
	}}
	ledger := ledgerItem(t, directory.Ledger{SeatLimit: seatLimit, ReaderLimit: readerLimit})
	err = s.write(ctx, now.Add(directory.WriteTime), table.Put(item, table.Absent()), table.Put(ledger, table.Absent()))
	var failed *table.ConditionError
	if errors.As(err, &failed) {
		return ErrTenantExists
	}
	return writeError(err)
}

// SetSeatLimit changes how many seats a tenant has. A limit below the use takes
// no seat from anybody; none is granted until the use is below it.
func (s *Store) SetSeatLimit(ctx context.Context, t tenant.ID, limit int64, now time.Time) error {
	return writeError(s.write(ctx, now.Add(directory.WriteTime), table.Update(ledgerKey(t),
		table.Change{Set: table.Attributes{attrSeatLimit: table.Number(limit)}}, table.Present())))
}

// SaveToken stores what is kept of a minted token.
func (s *Store) SaveToken(ctx context.Context, t tenant.ID, r access.Record) error {
	item := table.Item{Key: tokenKey(t, r.ID), Attributes: table.Attributes{
		attrHash:     table.Text(r.Hash),
		attrLastFour: table.Text(r.LastFour),
		attrCreated:  millis(r.Created),
	}}
	if r.Label != "" {
		item.Attributes[attrLabel] = table.Text(r.Label)
	}
	if !r.Expires.IsZero() {
		item.Attributes[attrExpires] = millis(r.Expires)
	}
	return writeError(s.write(ctx, time.Time{}, table.Put(item, table.Absent())))
}

// RevokeToken ends a token; its record stays, so that whoever still sends it is
// told why it is refused. Instances that have it cached take it for
// access.CacheTime more.
func (s *Store) RevokeToken(ctx context.Context, t tenant.ID, id string, now time.Time) error {
	return writeError(s.write(ctx, time.Time{}, table.Update(tokenKey(t, id),
		table.Change{Set: table.Attributes{attrRevoked: millis(now)}}, table.Present())))
}

// Access reads a tenant, with its schemas, and one of its tokens in one round trip.
func (s *Store) Access(ctx context.Context, t tenant.ID, tokenID string) (
	access.Owner, access.Record, bool, error,
) {
	items, err := s.table.Get(ctx, tenantKey(t), tokenKey(t, tokenID), schemasKey(t))
	if err != nil {
		return access.Owner{}, access.Record{}, false, readError(err)
	}
	owner, known := items[tenantKey(t)]
	token, ok := items[tokenKey(t, tokenID)]
	if !known || !ok {
		return access.Owner{}, access.Record{}, false, nil
	}
	settings := tenant.DefaultSettings()
	if err := json.Unmarshal([]byte(owner.Attributes.Text(attrSettings)), &settings); err != nil {
		return access.Owner{}, access.Record{}, false, fmt.Errorf("store: settings of %s: %w", t, err)
	}
	key, err := base64.StdEncoding.DecodeString(owner.Attributes.Text(attrCursorKey))
	if err != nil {
		return access.Owner{}, access.Record{}, false, fmt.Errorf("store: cursor key of %s: %w", t, err)
	}
	a := token.Attributes
	schemas := items[schemasKey(t)].Attributes.Text(attrSchemas)
	return access.Owner{Settings: settings, CursorKey: key, Schemas: schemas}, access.Record{
		ID:       tokenID,
		Hash:     a.Text(attrHash),
		LastFour: a.Text(attrLastFour),
		Label:    a.Text(attrLabel),
		Created:  timeOf(a, attrCreated),
		Expires:  timeOf(a, attrExpires),
		Revoked:  timeOf(a, attrRevoked),
	}, true, nil
}
