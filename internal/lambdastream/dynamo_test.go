package lambdastream_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/lambdastream"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// The stream of DynamoDB has the same records as that of the embedded engine, as a function
// gets them.
func TestRecords_OfDynamoDB(t *testing.T) {
	tabletest.RunStream(t, func(t *testing.T) (table.Table, func(t *testing.T) []table.Record) {
		tbl, stream := tabletest.DynamoWithStream(t, nil)
		return tbl, func(t *testing.T) []table.Record {
			var event lambdastream.Event
			require.NoError(t, json.Unmarshal(stream.Event(t, tabletest.StreamSuffix), &event))
			return lambdastream.Records(event)
		}
	})
}
