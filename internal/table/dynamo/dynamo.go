// Package dynamo is a table on Amazon DynamoDB.
//
// It sends each call once and reports the outcome in the errors of package
// table; table.Retrying sends it again. The SDK's own retries are disabled:
// they would send a write later than its NotAfter, and hide from the meter what
// was really sent. Its errors never contain a key or a value.
//
// It never writes outside a transaction. A plain UpdateItem whose answer is
// lost would be applied twice when it is sent again, and a conditional PutItem
// would then fail on its own success; only a transaction has a token against
// that.
package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// attemptTimeout limits one call. DynamoDB answers in milliseconds; a hanging
// connection must leave time for another attempt within the 8 seconds of
// table.Retrying.
const attemptTimeout = 2 * time.Second

// Table is one DynamoDB table. It is safe for concurrent use.
type Table struct {
	client  *dynamodb.Client
	name    string
	timeout time.Duration
}

var _ table.Table = (*Table)(nil)

// Option changes how a Table calls DynamoDB.
type Option func(*Table)

// AttemptTimeout limits one call; the default is 2 seconds.
func AttemptTimeout(d time.Duration) Option {
	return func(t *Table) { t.timeout = d }
}

// New returns the table of that name. It does not call DynamoDB.
func New(client *dynamodb.Client, tableName string, options ...Option) *Table {
	t := &Table{client: client, name: tableName, timeout: attemptTimeout}
	for _, o := range options {
		o(t)
	}
	return t
}

// Write implements table.Table, always with a transaction: see the package.
func (t *Table) Write(ctx context.Context, tx table.Transaction) error {
	if err := table.CheckTransaction(tx); err != nil {
		return err
	}
	// A new input for each call, with the token of the transaction: the SDK
	// writes a token of its own into an input without one.
	input := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: aws.String(tx.Token),
		TransactItems:      t.transactItems(tx.Ops),
	}
	c := t.start(ctx, "TransactWriteItems")
	defer c.cancel()
	_, err := t.client.TransactWriteItems(c.ctx, input, c.options)
	return c.writeError(err, tx.Ops)
}
