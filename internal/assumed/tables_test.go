package assumed_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/assumed"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// A role stands in for AWS STS.
type role struct {
	mu    sync.Mutex
	asked []string
	err   error
	now   func() time.Time
}

func (r *role) AssumeRole(_ context.Context, in *sts.AssumeRoleInput, _ ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(in.Tags) != 1 || *in.Tags[0].Key != "tenant" || *in.RoleArn != "arn:role" || len(in.TransitiveTagKeys) > 0 {
		return nil, errors.New("wrong request")
	}
	r.asked = append(r.asked, *in.Tags[0].Value)
	if r.err != nil {
		return nil, r.err
	}
	return &sts.AssumeRoleOutput{Credentials: &types.Credentials{
		AccessKeyId: aws.String("id-" + *in.Tags[0].Value), SecretAccessKey: aws.String("s"), SessionToken: aws.String("t"),
		Expiration: aws.Time(r.now().Add(time.Duration(*in.DurationSeconds) * time.Second)),
	}}, nil
}

func id(t *testing.T, name string) tenant.ID {
	t.Helper()
	of, err := tenant.ParseID(name)
	require.NoError(t, err)
	return of
}

// Each tenant has rights of its own, which are asked for once and replaced before they end.
func TestTables_HaveTheRightsOfOneTenant(t *testing.T) {
	client, err := dynamo.NewLocalClient(t.Context(), "http://127.0.0.1:1")
	require.NoError(t, err)
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	r := &role{now: clock}
	tables := assumed.New(client, "table", "arn:role", r, clock)
	of := func(name string) table.Table {
		got, err := tables.Of(t.Context(), id(t, name))
		require.NoError(t, err)
		return got
	}
	acme := of("acme")
	require.Same(t, acme, of("acme"))
	require.NotSame(t, acme, of("beta"))
	require.Equal(t, []string{"acme", "beta"}, r.asked)

	now = now.Add(13*time.Minute - time.Second)
	require.Same(t, acme, of("acme"))
	now = now.Add(time.Second)
	r.err = errors.New("throttled")
	require.Same(t, acme, of("acme"), "rights that still work are not used")
	now = now.Add(2 * time.Minute)
	_, err = tables.Of(t.Context(), id(t, "acme"))
	require.ErrorIs(t, err, table.ErrUnreachable)
	r.err = nil
	require.NotSame(t, acme, of("acme"))
}

// An instance has rights for a bounded number of tenants.
func TestTables_AreBounded(t *testing.T) {
	client, err := dynamo.NewLocalClient(t.Context(), "http://127.0.0.1:1")
	require.NoError(t, err)
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	r := &role{now: func() time.Time { return now }}
	tables := assumed.New(client, "table", "arn:role", r, r.now)
	for i := range 100 {
		now = now.Add(time.Millisecond)
		_, err := tables.Of(t.Context(), id(t, fmt.Sprintf("t%d", i)))
		require.NoError(t, err)
	}
	r.asked = nil
	for _, name := range []string{"t99", "t36", "t35"} {
		_, err := tables.Of(t.Context(), id(t, name))
		require.NoError(t, err)
	}
	require.Equal(t, []string{"t35"}, r.asked)
}
