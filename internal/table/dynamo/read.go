package dynamo

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// Get implements table.Table: it calls GetItem for one key, BatchGetItem for several.
func (t *Table) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	if err := table.CheckGet(keys...); err != nil {
		return nil, err
	}
	if len(keys) == 1 {
		return t.getOne(ctx, keys[0])
	}
	return t.getBatch(ctx, keys)
}

func (t *Table) getOne(ctx context.Context, key table.Key) (map[table.Key]table.Item, error) {
	c := t.start(ctx, "GetItem")
	defer c.cancel()
	out, err := t.client.GetItem(c.ctx, &dynamodb.GetItemInput{
		TableName: &t.name, Key: encodeKey(key), ConsistentRead: aws.Bool(true),
	}, c.options)
	if err != nil {
		return nil, c.readError(err)
	}
	items := make(map[table.Key]table.Item, 1)
	if len(out.Item) == 0 {
		return items, nil
	}
	return items, decodeInto(items, out.Item)
}

// A batch may be answered in parts: DynamoDB returns at most 16 MB at once,
// which is 41 items of the largest size, and leaves out what it had no capacity
// for. batchParts is how many parts are requested before it counts as a
// throttle.
const (
	batchParts = 8
	batchFirst = 10 * time.Millisecond
)

func (t *Table) getBatch(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	wanted := make([]map[string]types.AttributeValue, len(keys))
	for i, key := range keys {
		wanted[i] = encodeKey(key)
	}
	items := make(map[table.Key]table.Item, len(keys))
	for part := range batchParts {
		if part > 0 {
			if err := wait(ctx, batchFirst<<part); err != nil {
				return nil, fmt.Errorf("%w: %w", table.ErrUnavailable, err)
			}
			// The meter counts the call once; it cannot see its parts.
			table.Add(ctx, table.Counts{RoundTrips: 1, Retries: 1})
		}
		out, err := t.batch(ctx, wanted)
		if err != nil {
			return nil, err
		}
		for _, raw := range out.Responses[t.name] {
			if err := decodeInto(items, raw); err != nil {
				return nil, err
			}
		}
		if wanted = out.UnprocessedKeys[t.name].Keys; len(wanted) == 0 {
			return items, nil
		}
	}
	return nil, fmt.Errorf("%w: BatchGetItem left keys out %d times", table.ErrThrottled, batchParts)
}

func (t *Table) batch(ctx context.Context, wanted []map[string]types.AttributeValue) (*dynamodb.BatchGetItemOutput, error) {
	c := t.start(ctx, "BatchGetItem")
	defer c.cancel()
	out, err := t.client.BatchGetItem(c.ctx, &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{t.name: {Keys: wanted, ConsistentRead: aws.Bool(true)}},
	}, c.options)
	if err != nil {
		return nil, c.readError(err)
	}
	return out, nil
}

// wait waits for a random time of up to the given one.
func wait(ctx context.Context, longest time.Duration) error {
	timer := time.NewTimer(rand.N(longest)) //nolint:gosec // spreads load, no secret
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func decodeInto(items map[table.Key]table.Item, raw map[string]types.AttributeValue) error {
	item, err := decodeItem(raw)
	if err != nil {
		return err
	}
	items[item.Key] = item
	return nil
}

// Query implements table.Table.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := table.CheckQuery(q); err != nil {
		return table.Page{}, err
	}
	if q.After != "" && q.After == end(q) {
		// DynamoDB refuses to begin after the end of a range, even where it
		// ended a page there itself.
		return table.Page{}, nil
	}
	var e expression
	input := &dynamodb.QueryInput{
		TableName:              &t.name,
		ConsistentRead:         aws.Bool(true),
		ScanIndexForward:       aws.Bool(!q.Descending),
		KeyConditionExpression: aws.String(e.keys(q)),
	}
	input.ExpressionAttributeNames, input.ExpressionAttributeValues = e.names, e.values
	if q.Limit > 0 {
		input.Limit = aws.Int32(int32(min(q.Limit, math.MaxInt32)))
	}
	if q.After != "" {
		input.ExclusiveStartKey = encodeKey(table.Key{Partition: q.Partition, Sort: q.After})
	}
	c := t.start(ctx, "Query")
	defer c.cancel()
	out, err := t.client.Query(c.ctx, input, c.options)
	if err != nil {
		return table.Page{}, c.readError(err)
	}
	var page table.Page
	for _, raw := range out.Items {
		item, err := decodeItem(raw)
		if err != nil {
			return table.Page{}, err
		}
		page.Items = append(page.Items, item)
	}
	if len(out.LastEvaluatedKey) > 0 {
		last, err := decodeItem(out.LastEvaluatedKey)
		if err != nil {
			return table.Page{}, err
		}
		page.More, page.Last = true, last.Sort
	}
	return page, nil
}

// end returns the sort key with which the range of a query ends, "" if it is
// open.
func end(q table.Query) string {
	if q.Descending {
		return q.From
	}
	return q.To
}

// keys returns the key condition of a query.
func (e *expression) keys(q table.Query) string {
	text := func(s string) string { return e.value(&types.AttributeValueMemberS{Value: s}) }
	partition := e.name(table.PartitionName) + " = " + text(q.Partition)
	switch sort := table.SortName; {
	case q.Prefix != "":
		return partition + " AND begins_with(" + e.name(sort) + ", " + text(q.Prefix) + ")"
	case q.From != "" && q.To != "":
		return partition + " AND " + e.name(sort) + " BETWEEN " + text(q.From) + " AND " + text(q.To)
	case q.From != "":
		return partition + " AND " + e.name(sort) + " >= " + text(q.From)
	case q.To != "":
		return partition + " AND " + e.name(sort) + " <= " + text(q.To)
	}
	return partition
}
