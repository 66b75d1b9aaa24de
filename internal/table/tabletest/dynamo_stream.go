package tabletest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
)

// A DynamoStream is the stream of a table in the DynamoDB of Endpoint. DynamoDB Local looks
// through the records of every stream it ever had at each write: a test writes a few items to
// such a table after its stream has begun, and no more.
type DynamoStream struct {
	endpoint, arn string
}

// DynamoWithStream returns a new table with a stream of new images, dropped when the test ends.
// The stream begins after prepare has written what the test is not about; nil writes nothing.
func DynamoWithStream(t testing.TB, prepare func(table.Table)) (table.Table, DynamoStream) {
	t.Helper()
	endpoint := Endpoint(t)
	client, err := dynamo.NewLocalClient(t.Context(), endpoint)
	require.NoError(t, err)
	name := "rollcall-test-" + uuid.NewString()
	require.NoError(t, dynamo.CreateTable(t.Context(), client, name))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		assert.NoError(t, dynamo.DropTable(ctx, client, name), "the test's table was not deleted")
	})
	tbl := dynamo.New(client, name, dynamo.AttemptTimeout(localTimeout))
	if prepare != nil {
		prepare(tbl)
	}
	changed, err := client.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: &name, StreamSpecification: &types.StreamSpecification{
		StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage,
	}})
	require.NoError(t, err)
	return tbl, DynamoStream{endpoint, aws.ToString(changed.TableDescription.LatestStreamArn)}
}

// Event returns all records of the stream so far, of the partitions that end in one of the
// suffixes, as the event by which Lambda passes them to a function: the records of the API of
// streams have the same form.
func (s DynamoStream) Event(t testing.TB, suffixes ...string) []byte {
	t.Helper()
	var described struct {
		StreamDescription struct {
			Shards []struct {
				ShardID string `json:"ShardId"`
			}
		}
	}
	s.call(t, "DescribeStream", map[string]any{"StreamArn": s.arn}, &described)
	records := []map[string]any{}
	for _, shard := range described.StreamDescription.Shards {
		var next struct{ ShardIterator string }
		s.call(t, "GetShardIterator", map[string]any{"StreamArn": s.arn, "ShardId": shard.ShardID, "ShardIteratorType": "TRIM_HORIZON"}, &next)
		for {
			var page struct {
				Records           []map[string]any
				NextShardIterator string
			}
			s.call(t, "GetRecords", map[string]any{"ShardIterator": next.ShardIterator}, &page)
			for _, r := range page.Records {
				if matches(r, suffixes) {
					records = append(records, r)
				}
			}
			if len(page.Records) == 0 || page.NextShardIterator == "" {
				break
			}
			next.ShardIterator = page.NextShardIterator
		}
	}
	event, err := json.Marshal(map[string]any{"Records": records})
	require.NoError(t, err)
	return event
}

func matches(record map[string]any, suffixes []string) bool {
	change, _ := record["dynamodb"].(map[string]any)
	keys, _ := change["Keys"].(map[string]any)
	pk, _ := keys[table.PartitionName].(map[string]any)
	text, _ := pk["S"].(string)
	for _, suffix := range suffixes {
		if strings.HasSuffix(text, suffix) {
			return true
		}
	}
	return false
}

// call sends a request of the API of streams, for which this module needs no client besides.
func (s DynamoStream) call(t testing.TB, operation string, input map[string]any, output any) {
	t.Helper()
	body, err := json.Marshal(input)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.endpoint, bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDBStreams_20120810."+operation)
	// DynamoDB Local reads who signs and in which region, and checks no signature.
	r.Header.Set("X-Amz-Date", time.Now().UTC().Format("20060102T150405Z"))
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=local/%s/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none", time.Now().UTC().Format("20060102")))
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s: %s", operation, text)
	require.NoError(t, json.Unmarshal(text, output), "%s: %s", operation, text)
}
