package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// sentCall returns a call whose request was sent.
func sentCall(t *testing.T) *call {
	t.Helper()
	c := (&Table{timeout: attemptTimeout}).start(t.Context(), "Test")
	t.Cleanup(c.cancel)
	c.sent.Store(true)
	return c
}

// DynamoDB Local cancels only for a condition or a size: this test covers what
// AWS does beyond that.
func TestCancelled(t *testing.T) {
	key := map[string]types.AttributeValue{
		table.PartitionName: &types.AttributeValueMemberS{Value: "p"}, table.SortName: &types.AttributeValueMemberS{Value: "s"},
	}
	reason := func(code string) types.CancellationReason { return types.CancellationReason{Code: aws.String(code)} }
	none, conflict, condition := reason("None"), reason("TransactionConflict"), reason("ConditionalCheckFailed")
	throttled, capacity, invalid := reason("ThrottlingError"), reason("ProvisionedThroughputExceeded"), reason("ValidationError")
	tooLarge := types.CancellationReason{Code: invalid.Code, Message: aws.String("Item size to update has exceeded the maximum allowed size")}
	withItem := types.CancellationReason{Code: condition.Code, Item: key}
	ops := []table.Op{table.Update(table.Key{}, table.Change{Add: map[string]int64{"n": 1}})}

	for name, c := range map[string]struct {
		reasons []types.CancellationReason
		want    string // kind of the error
	}{
		"one conflict":                     {[]types.CancellationReason{none, conflict, none}, "conflict 1"},
		"conflicts and throttles":          {[]types.CancellationReason{throttled, conflict, capacity, conflict}, "conflict 1 3"},
		"throttles":                        {[]types.CancellationReason{none, throttled, capacity}, "throttled"},
		"a condition":                      {[]types.CancellationReason{none, condition}, "condition 1"},
		"conditions, one with its item":    {[]types.CancellationReason{withItem, none, condition}, "condition 0+ 2"},
		"a condition outranks a conflict":  {[]types.CancellationReason{conflict, condition, throttled}, "condition 1"},
		"a condition outranks a refusal":   {[]types.CancellationReason{invalid, condition}, "condition 1"},
		"a refusal outranks a conflict":    {[]types.CancellationReason{invalid, conflict}, "limit 0 " + table.ReasonNotNumber},
		"an item too large":                {[]types.CancellationReason{none, tooLarge}, "limit 1 " + table.ReasonItemSize},
		"an unknown reason is not retried": {[]types.CancellationReason{reason("DuplicateItem"), conflict}, "other"},
		"no reason at all":                 {[]types.CancellationReason{none}, "other"},
	} {
		err := sentCall(t).writeError(&types.TransactionCanceledException{CancellationReasons: c.reasons}, ops)
		got := kind(err)
		assert.Equalf(t, c.want, got, "%s: %s (%v), want %s", name, got, err, c.want)
	}
}

func kind(err error) string {
	var condition *table.ConditionError
	var limit *table.LimitError
	var conflict *table.ConflictError
	switch {
	case err == nil:
		return "success"
	case errors.As(err, &conflict):
		return "conflict " + strings.Trim(fmt.Sprint(conflict.Ops), "[]")
	case errors.As(err, &condition):
		s := "condition"
		for _, f := range condition.Failed {
			s += fmt.Sprintf(" %d", f.Op)
			if f.Item != nil {
				s += "+"
			}
		}
		return s
	case errors.As(err, &limit):
		return fmt.Sprintf("limit %d %s", limit.Op, limit.Reason)
	}
	for name, sentinel := range map[string]error{
		"conflict": table.ErrConflict, "throttled": table.ErrThrottled, "unavailable": table.ErrUnavailable,
		"unknown": table.ErrUnknownOutcome, "reused": table.ErrTokenReused, "unreachable": table.ErrUnreachable,
	} {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	return "other"
}

func TestOutcome_OfErrorCodes(t *testing.T) {
	for _, c := range []struct {
		code        string
		status      int
		write, read string
	}{
		{"TransactionConflictException", 400, "conflict", "conflict"},
		{"ReplicatedWriteConflictException", 400, "conflict", "conflict"},
		{"ProvisionedThroughputExceededException", 400, "throttled", "throttled"},
		{"ThrottlingException", 400, "throttled", "throttled"},
		{"RequestLimitExceeded", 400, "throttled", "throttled"},
		{"TransactionInProgressException", 400, "unknown", "unavailable"},
		{"IdempotentParameterMismatchException", 400, "reused", "reused"},
		{"ValidationException", 400, "limit -1 Test: ValidationException", "limit -1 Test: ValidationException"},
		{"InternalServerError", 500, "unknown", "unavailable"},
		{"ServiceUnavailable", 503, "unknown", "unavailable"},
		{"UnknownError", 502, "unknown", "unavailable"},
		{"UnknownError", 400, "unknown", "unavailable"}, // its body was cut off: it may be any of these
		{"ResourceNotFoundException", 400, "unreachable", "unreachable"},
		{"AccessDeniedException", 400, "unreachable", "unreachable"},
		{"UnrecognizedClientException", 400, "unreachable", "unreachable"},
		{"ExpiredTokenException", 400, "unreachable", "unreachable"},
		{"LimitExceededException", 400, "other", "other"},
	} {
		err := &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: c.status}},
			Err:      &smithy.GenericAPIError{Code: c.code, Message: "secret"},
		}}
		assert.Equalf(t, c.write, kind(sentCall(t).writeError(err, nil)), "write, %d %s", c.status, c.code)
		assert.Equalf(t, c.read, kind(sentCall(t).readError(err)), "read, %d %s", c.status, c.code)
	}
}

// A request that was never sent cannot have been applied.
func TestOutcome_OfAnUnsentRequest(t *testing.T) {
	c := sentCall(t)
	c.sent.Store(false)
	assert.Equal(t, "unreachable", kind(c.writeError(errors.New("no credentials"), nil)), "without credentials")
	assert.Equal(t, "other", kind(c.writeError(&smithy.SerializationError{Err: errors.New("no number")}, nil)), "a request that cannot be written")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c = (&Table{timeout: attemptTimeout}).start(ctx, "Test")
	defer c.cancel()
	err := c.writeError(ctx.Err(), nil)
	assert.Truef(t, kind(err) == "other" && errors.Is(err, context.Canceled), "write with an ended context: %v", err)
	err = c.readError(ctx.Err())
	assert.Truef(t, kind(err) == "unavailable" && errors.Is(err, context.Canceled), "read with an ended context: %v", err)
}

func TestDecodeItem_RefusesForeignItems(t *testing.T) {
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	for name, foreign := range map[string]types.AttributeValue{
		"fraction": &types.AttributeValueMemberN{Value: "1.5"},
		"huge":     &types.AttributeValueMemberN{Value: "9223372036854775808"},
		"boolean":  &types.AttributeValueMemberBOOL{Value: true},
		"list":     &types.AttributeValueMemberL{},
	} {
		_, err := decodeItem(map[string]types.AttributeValue{"pk": text("p"), "sk": text("s"), "a": foreign})
		assert.ErrorIsf(t, err, errForeign, "%s", name)
	}
	_, err := decodeItem(map[string]types.AttributeValue{"pk": text("p")})
	assert.ErrorIs(t, err, errForeign, "without a sort key")
}
