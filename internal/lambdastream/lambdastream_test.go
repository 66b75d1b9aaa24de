package lambdastream_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/lambdastream"
	"github.com/rollcall-scim/rollcall/internal/table"
)

func records(t *testing.T, text string) []table.Record {
	t.Helper()
	var event lambdastream.Event
	require.NoError(t, json.Unmarshal([]byte(text), &event))
	return lambdastream.Records(event)
}

func TestRecords_AreReadAsLambdaSendsThem(t *testing.T) {
	key := table.Key{Partition: "T#acme#LOG", Sort: "1"}
	keys := `"Keys":{"pk":{"S":"T#acme#LOG"},"sk":{"S":"1"}}`
	got := records(t, `{"Records":[
		{"eventID":"e1","eventName":"INSERT","dynamodb":{"ApproximateCreationDateTime":1796126400,`+keys+`,
			"NewImage":{"pk":{"S":"T#acme#LOG"},"sk":{"S":"1"},"n":{"N":"-3"},"name":{"S":"Änna"}},"SequenceNumber":"4421584500000000017450439091","StreamViewType":"NEW_IMAGE"}},
		{"eventName":"MODIFY","dynamodb":{`+keys+`,"NewImage":{"n":{"N":"4"}},"SequenceNumber":"2"}},
		{"eventName":"REMOVE","dynamodb":{`+keys+`,"SequenceNumber":"3"},"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"}}]}`)
	assert.True(t, got[0].Time.Equal(time.Unix(1796126400, 0)))
	got[0].Time, got[1].Time, got[2].Time = time.Time{}, time.Time{}, time.Time{}
	assert.Equal(t, []table.Record{
		{Sequence: "4421584500000000017450439091", Inserted: true, Key: key, Item: &table.Item{Key: key, Attributes: table.Attributes{"n": table.Number(-3), "name": table.Text("Änna")}}},
		{Sequence: "2", Key: key, Item: &table.Item{Key: key, Attributes: table.Attributes{"n": table.Number(4)}}},
		{Sequence: "3", Key: key},
	}, got)
}

// What rollcall cannot have written is a fault of its record alone.
func TestRecords_OthersItemsAreFaults(t *testing.T) {
	for name, change := range map[string]string{
		"a truth":            `"Keys":{"pk":{"S":"p"},"sk":{"S":"s"}},"NewImage":{"x":{"BOOL":true}}`,
		"a list":             `"Keys":{"pk":{"S":"p"},"sk":{"S":"s"}},"NewImage":{"x":{"L":[{"S":"y"}]}}`,
		"a fraction":         `"Keys":{"pk":{"S":"p"},"sk":{"S":"s"}},"NewImage":{"x":{"N":"1.5"}}`,
		"a numeric key":      `"Keys":{"pk":{"S":"p"},"sk":{"N":"1"}},"NewImage":{"x":{"S":"y"}}`,
		"no key":             `"NewImage":{"x":{"S":"y"}}`,
		"keys without image": `"Keys":{"pk":{"S":"p"},"sk":{"S":"s"}}`,
	} {
		got := records(t, `{"Records":[{"eventName":"INSERT","dynamodb":{"SequenceNumber":"7",`+change+`}}]}`)
		require.Len(t, got, 1, name)
		assert.Error(t, got[0].Fault, name)
		assert.Equal(t, "7", got[0].Sequence, name)
	}
}

func TestFunction_ReportsFromWhereTheBatchComesAgain(t *testing.T) {
	down := errors.New("down")
	for name, c := range map[string]struct {
		failed string
		err    error
		want   string
	}{
		"done":              {"", nil, `{"batchItemFailures":[]}`},
		"from a record on":  {"7", down, `{"batchItemFailures":[{"itemIdentifier":"7"}]}`},
		"the whole of them": {"", down, ""},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := lambdastream.Function(func(context.Context, []table.Record) (string, error) { return c.failed, c.err })(t.Context(), lambdastream.Event{})
			if c.want == "" {
				require.ErrorIs(t, err, down)
				return
			}
			require.NoError(t, err)
			text, err := json.Marshal(response)
			require.NoError(t, err)
			assert.JSONEq(t, c.want, string(text))
		})
	}
}

// A batch ends before its invocation does, so that it can report what it has done.
func TestFunction_LeavesTimeToAnswer(t *testing.T) {
	end := time.Now().Add(time.Minute)
	ctx, cancel := context.WithDeadline(t.Context(), end)
	defer cancel()
	_, err := lambdastream.Function(func(ctx context.Context, _ []table.Record) (string, error) {
		until, ok := ctx.Deadline()
		assert.True(t, ok)
		assert.Equal(t, 5*time.Second, end.Sub(until))
		return "", nil
	})(ctx, lambdastream.Event{})
	require.NoError(t, err)
}
