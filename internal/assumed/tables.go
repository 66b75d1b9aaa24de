// Package assumed opens the table with rights that reach one tenant: those of a role that is
// assumed with the tenant's id as its session tag. AWS itself then refuses every other tenant's
// items, whatever the code asks for.
package assumed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// TagName is the name of the session tag that has the tenant's id. The policy of the role names it
// in its conditions.
const TagName = "tenant"

const (
	// sessionLife is how long the rights are valid: the least that AWS gives, so that rights that
	// leaked are worth little.
	sessionLife = 15 * time.Minute
	// renewal is how long before their end they are replaced: longer than a request takes.
	renewal = 2 * time.Minute
	// maxTenants is how many tenants an instance has rights for at once.
	maxTenants = 64
)

// A Role gets credentials of a role. *sts.Client is one.
type Role interface {
	AssumeRole(ctx context.Context, in *sts.AssumeRoleInput, options ...func(*sts.Options)) (*sts.AssumeRoleOutput, error)
}

// Tables are one table as each tenant may use it. Safe for concurrent use.
type Tables struct {
	role Role
	arn  string
	base dynamodb.Options
	name string
	now  func() time.Time

	mu   sync.Mutex
	open map[tenant.ID]*opened
}

// opened is the table as one tenant may use it.
type opened struct {
	mu     sync.Mutex
	table  table.Table
	until  time.Time
	wanted time.Time
}

// New returns the tables of a function: name is the table's, arn that of the role. client is that
// of the function, whose region and endpoint they have.
func New(client *dynamodb.Client, name, arn string, role Role, now func() time.Time) *Tables {
	return &Tables{role: role, arn: arn, base: client.Options(), name: name, now: now, open: map[tenant.ID]*opened{}}
}

// NewRole returns the client that assumes roles with the function's own credentials.
func NewRole(client *dynamodb.Client) *sts.Client {
	o := client.Options()
	s := sts.Options{Region: o.Region, Credentials: o.Credentials}
	if endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_STS"), os.Getenv("AWS_ENDPOINT_URL")); endpoint != "" {
		s.BaseEndpoint = &endpoint
	}
	return sts.New(s)
}

// Of returns the table as a tenant may use it. The error is table.ErrUnreachable if AWS gives no
// rights now.
func (t *Tables) Of(ctx context.Context, id tenant.ID) (table.Table, error) {
	one := t.of(id)
	one.mu.Lock()
	defer one.mu.Unlock()
	if t.now().Before(one.until.Add(-renewal)) {
		return one.table, nil
	}
	credentials, err := t.assume(ctx, id)
	if err != nil {
		if t.now().Before(one.until) {
			return one.table, nil // they still work
		}
		return nil, fmt.Errorf("%w: assuming the tenant's role: %w", table.ErrUnreachable, err)
	}
	o := t.base
	o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil })
	one.table, one.until = dynamo.New(dynamodb.New(o), t.name), credentials.Expires
	return one.table, nil
}

// of returns the place of a tenant. The tenant that was not used for the longest time gives up its
// own when there are too many.
func (t *Tables) of(id tenant.ID) *opened {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.open[id]
	if one == nil {
		if len(t.open) >= maxTenants {
			delete(t.open, t.oldest())
		}
		one = &opened{}
		t.open[id] = one
	}
	one.wanted = t.now()
	return one
}

func (t *Tables) oldest() (oldest tenant.ID) {
	var at time.Time
	for id, one := range t.open {
		if oldest.IsZero() || one.wanted.Before(at) {
			oldest, at = id, one.wanted
		}
	}
	return oldest
}

// assume returns credentials that reach one tenant.
func (t *Tables) assume(ctx context.Context, id tenant.ID) (aws.Credentials, error) {
	got, err := t.role.AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: &t.arn, RoleSessionName: aws.String("portal"), DurationSeconds: aws.Int32(int32(sessionLife / time.Second)),
		Tags: []types.Tag{{Key: aws.String(TagName), Value: aws.String(id.String())}},
	})
	if err != nil {
		return aws.Credentials{}, err
	}
	c := got.Credentials
	if c == nil || c.AccessKeyId == nil || c.SecretAccessKey == nil || c.SessionToken == nil || c.Expiration == nil {
		return aws.Credentials{}, errors.New("assumed: an answer without credentials")
	}
	return aws.Credentials{
		AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken,
		CanExpire: true, Expires: *c.Expiration, Source: "the tenant's role",
	}, nil
}
