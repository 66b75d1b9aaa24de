package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// The text of a tenant's own schemas, in an item separate from the tenant's, so
// that a change of the settings does not touch them.
const attrSchemas = "schemas" // JSON of schema.Registrations

var (
	// ErrNoTenant says that the tenant does not exist.
	ErrNoTenant = tenant.ErrNotFound
	// ErrNoSchema says that the tenant has no schema with the URN.
	ErrNoSchema = schema.ErrNotRegistered
)

// schemaTries is how often a change of the schemas is decided again because
// another came first.
const schemaTries = 5

// Schemas reads the schemas that a tenant has registered.
func (s *Store) Schemas(ctx context.Context, t tenant.ID) (schema.Registrations, error) {
	schemas, _, err := s.schemas(ctx, t)
	return schemas, err
}

// PutSchema registers a schema of a tenant, or replaces the one of the same
// URN, and reports whether it replaced one; base are the built-in types. Instances
// that have the tenant cached use the old schemas for access.CacheTime more. A schema that is refused is a
// *scim.Error. Values of resources stay as they are stored; those that no
// schema describes any more are not served.
func (s *Store) PutSchema(ctx context.Context, t tenant.ID, base schema.Types, added schema.Registration, now time.Time) (replaced bool, err error) {
	err = s.changeSchemas(ctx, t, now, func(before schema.Registrations) (schema.Registrations, error) {
		_, replaced = before.Find(added.Schema.ID)
		return before.Put(base, added)
	})
	return replaced, err
}

// RemoveSchema removes a schema, or returns ErrNoSchema. Its values stay
// stored, and are served again if it is registered again.
func (s *Store) RemoveSchema(ctx context.Context, t tenant.ID, urn string, now time.Time) error {
	return s.changeSchemas(ctx, t, now, func(before schema.Registrations) (schema.Registrations, error) {
		after, ok := before.Remove(urn)
		if !ok {
			return before, ErrNoSchema
		}
		return after, nil
	})
}

func (s *Store) schemas(ctx context.Context, t tenant.ID) (schemas schema.Registrations, revision int64, err error) {
	key := schemasKey(t)
	items, err := s.table.Get(ctx, tenantKey(t), key)
	if err != nil {
		return schema.Registrations{}, 0, readError(err)
	}
	if _, ok := items[tenantKey(t)]; !ok {
		return schema.Registrations{}, 0, ErrNoTenant
	}
	item, ok := items[key]
	if !ok {
		return schema.Registrations{}, 0, nil
	}
	if schemas, err = schema.DecodeRegistrations([]byte(item.Attributes.Text(attrSchemas))); err != nil {
		err = fmt.Errorf("store: %s: %w", t, err)
	}
	return schemas, item.Attributes.Number(attrRevision), err
}

// changeSchemas computes a change of a tenant's schemas and stores the result
// if they have not changed meanwhile: two concurrent registrations both take
// effect, and the limits apply to both.
func (s *Store) changeSchemas(ctx context.Context, t tenant.ID, now time.Time,
	change func(before schema.Registrations) (schema.Registrations, error),
) error {
	for range schemaTries {
		before, revision, err := s.schemas(ctx, t)
		if err != nil {
			return err
		}
		after, err := change(before)
		if err != nil {
			return err
		}
		if revision > 0 && string(after.Encode()) == string(before.Encode()) {
			return nil
		}
		item := table.Item{Key: schemasKey(t), Attributes: table.Attributes{
			attrSchemas:  table.Text(string(after.Encode())),
			attrRevision: table.Number(revision + 1),
		}}
		condition := table.Absent()
		if revision > 0 {
			condition = table.Is(attrRevision, table.Number(revision))
		}
		err = s.write(ctx, now.Add(journal.WriteTime), table.Put(item, condition), table.Check(tenantKey(t), table.Present()))
		var failed *table.ConditionError
		if !errors.As(err, &failed) {
			return writeError(err)
		}
	}
	return directory.ErrBusy
}
