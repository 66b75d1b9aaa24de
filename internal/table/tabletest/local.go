package tabletest

import (
	"context"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
)

// EndpointVariable names the endpoint of a server that speaks DynamoDB. make check
// starts one (scripts/dynamodb-local/run.sh) and sets it.
const EndpointVariable = "ROLLCALL_TEST_DYNAMODB"

// localTimeout is longer than in production: a test machine may be slow, and
// only tests that disturb the transport wait for it.
const localTimeout = 20 * time.Second

// Endpoint returns the endpoint of the test's DynamoDB. Without one the test
// fails in CI, and is skipped elsewhere, where make test needs only Go.
func Endpoint(t testing.TB) string {
	t.Helper()
	endpoint := os.Getenv(EndpointVariable)
	if endpoint != "" {
		return endpoint
	}
	const say = EndpointVariable + " is not set: run make check, or scripts/dynamodb-local/run.sh -- go test ./..."
	ci := os.Getenv("CI")
	require.False(t, ci != "" && ci != "false", say)
	t.Skip(say)
	return ""
}

// Dynamo returns a new table in the DynamoDB of Endpoint, dropped when the test
// ends.
func Dynamo(t testing.TB) table.Table {
	t.Helper()
	return DynamoThrough(t, func(base http.RoundTripper) http.RoundTripper { return base }, dynamo.AttemptTimeout(localTimeout))
}

// DynamoThrough does what Dynamo does, with the test's transport around the usual
// one, and with the timeouts of production unless an option overrides them. The
// table is created and dropped without that transport.
func DynamoThrough(t testing.TB, wrap func(http.RoundTripper) http.RoundTripper, options ...dynamo.Option) table.Table {
	t.Helper()
	endpoint := Endpoint(t)
	plain, err := dynamo.NewLocalClient(t.Context(), endpoint)
	require.NoError(t, err)
	name := "rollcall-test-" + uuid.NewString()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoErrorf(t, dynamo.CreateTable(ctx, plain, name), "%s=%s", EndpointVariable, endpoint)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		assert.NoError(t, dynamo.DropTable(ctx, plain, name), "the test's table was not deleted")
	})
	client, err := dynamo.NewLocalClient(t.Context(), endpoint, wrap)
	require.NoError(t, err)
	return dynamo.New(client, name, options...)
}
