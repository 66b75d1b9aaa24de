// Package lambdastream connects the stream of the DynamoDB table with a function: it turns
// the batches that Lambda reads from the stream into records of package table, and a failure
// into the answer from which Lambda continues.
//
// It knows nothing of what the records mean.
package lambdastream

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/table"
)

// Event is a batch of a stream's records.
type Event = events.DynamoDBEvent

// Response says from which record on a batch has to come again; without one it is done.
type Response = events.DynamoDBEventResponse

// A Handler handles records in their order. After an error, failed is the sequence of the
// first record that has to come again, with all after it; "" means all of them.
type Handler func(ctx context.Context, records []table.Record) (failed string, err error)

// margin is the time that a batch leaves of its invocation to report from which record on it
// failed, and to write its log line: a batch that Lambda ends comes again as a whole.
const margin = 5 * time.Second

// Start serves Lambda's invocations with a handler. It does not return. Logs are as with
// lambdahttp.Start.
func Start(h Handler) {
	lambdahttp.Prepare()
	lambda.Start(Function(h))
}

// Function serves batches with a handler. Its own error is one of the whole batch: Lambda
// sends it again, in halves.
func Function(h Handler) func(context.Context, Event) (Response, error) {
	return func(ctx context.Context, event Event) (Response, error) {
		if end, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end.Add(-margin))
			defer cancel()
		}
		failed, err := h(ctx, Records(event))
		switch {
		case err == nil:
			return Response{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}, nil
		case failed == "":
			return Response{}, err
		}
		// The handler has logged the error.
		return Response{BatchItemFailures: []events.DynamoDBBatchItemFailure{{ItemIdentifier: failed}}}, nil
	}
}

// Records returns the records of a batch.
func Records(event Event) []table.Record {
	records := make([]table.Record, len(event.Records))
	for i, r := range event.Records {
		records[i] = decodeRecord(r)
	}
	return records
}

func decodeRecord(r events.DynamoDBEventRecord) table.Record {
	record := table.Record{
		Sequence: r.Change.SequenceNumber, Inserted: r.EventName == string(events.DynamoDBOperationTypeInsert),
		Time: r.Change.ApproximateCreationDateTime.Time,
	}
	keys, fault := decodeAttributes(r.Change.Keys)
	record.Key = table.Key{Partition: keys.Text(table.PartitionName), Sort: keys.Text(table.SortName)}
	if record.Fault = fault; record.Key.Partition == "" || record.Key.Sort == "" {
		record.Fault = errForeign
	}
	if r.EventName == string(events.DynamoDBOperationTypeRemove) {
		return record
	}
	attributes, fault := decodeAttributes(r.Change.NewImage)
	if len(r.Change.NewImage) == 0 {
		fault = errNoImage
	}
	delete(attributes, table.PartitionName)
	delete(attributes, table.SortName)
	record.Item, record.Fault = &table.Item{Key: record.Key, Attributes: attributes}, errors.Join(record.Fault, fault)
	return record
}

// The faults of a record.
var (
	errForeign = errors.New("lambdastream: an item that rollcall did not write: keys must be texts, its attributes texts or whole numbers of 64 bits")
	errNoImage = errors.New("lambdastream: a record without the new item: the stream's view type must be NEW_IMAGE or NEW_AND_OLD_IMAGES")
)

// decodeAttributes returns those that rollcall can have written, and whether there are others.
func decodeAttributes(raw map[string]events.DynamoDBAttributeValue) (attributes table.Attributes, fault error) {
	attributes = make(table.Attributes, len(raw))
	for name, value := range raw {
		switch value.DataType() {
		case events.DataTypeString:
			attributes[name] = table.Text(value.String())
		case events.DataTypeNumber:
			n, err := strconv.ParseInt(value.Number(), 10, 64)
			if err != nil {
				fault = errForeign
				continue
			}
			attributes[name] = table.Number(n)
		default:
			fault = errForeign
		}
	}
	return attributes, fault
}
