package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

func TestSchemas(t *testing.T) { enginetest.Run(t, testSchemas) }

func testSchemas(t *testing.T, open func(t testing.TB) table.Table) {
	ctx := t.Context()
	s := store.New(table.Retrying(open(t)), uuid.NewString, time.Now)
	base := schema.Types{User: schema.UserType(), Group: schema.GroupType()}
	acme, err := tenant.ParseID("acme")
	require.NoError(t, err)
	put := func(ctx context.Context, n int) error {
		schema, err := schema.ParseRegistration(fmt.Appendf(nil, `{"id":"urn:example:s%d","attributes":[{"name":"a"}]}`, n))
		if err != nil {
			return err
		}
		_, err = s.PutSchema(ctx, acme, base, schema, time.Now())
		return err
	}
	err = put(ctx, 0)
	assert.ErrorIsf(t, err, store.ErrNoTenant, "a schema of no tenant: %v, want ErrNoTenant", err)
	require.NoError(t, s.CreateTenant(ctx, acme, tenant.DefaultSettings(), 1, 1, time.Now()))
	err = s.RemoveSchema(ctx, acme, "urn:example:s0", time.Now())
	assert.ErrorIsf(t, err, store.ErrNoSchema, "a schema that is not there: %v, want ErrNoSchema", err)
	// Three at once: none is lost.
	var all sync.WaitGroup
	for n := range 3 {
		all.Go(func() {
			assert.NoErrorf(t, put(ctx, n), "schema %d", n)
		})
	}
	all.Wait()
	assert.NoError(t, put(ctx, 1), "the same again")
	require.NoError(t, s.RemoveSchema(ctx, acme, "URN:EXAMPLE:S2", time.Now()))
	schemas, err := s.Schemas(ctx, acme)
	require.NoError(t, err)
	for n, want := range []bool{true, true, false} {
		_, ok := schemas.Find(fmt.Sprintf("urn:example:s%d", n))
		assert.Equalf(t, want, ok, "schema %d is there", n)
	}
}
