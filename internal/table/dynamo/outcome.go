package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// call is one request to DynamoDB, which determines its outcome.
type call struct {
	operation string
	caller    context.Context
	ctx       context.Context // ends with the caller's or the attempt
	cancel    context.CancelFunc
	sent      atomic.Bool
	// address is where the request was sent, for the log.
	address atomic.Value
	// connecting and connected report how far the last connection got.
	connecting, connected atomic.Bool
}

func (t *Table) start(ctx context.Context, operation string) *call {
	c := &call{operation: operation, caller: ctx}
	c.ctx, c.cancel = context.WithTimeout(ctx, t.timeout)
	c.ctx = httptrace.WithClientTrace(c.ctx, &httptrace.ClientTrace{
		GetConn: func(string) { c.connecting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { c.connected.Store(true) },
	})
	return c
}

// options makes the SDK send the request once, and records when it does. The
// record distinguishes a request that was never sent, for lack of credentials
// or time, from a lost answer.
func (c *call) options(o *dynamodb.Options) {
	o.Retryer = aws.NopRetryer{}
	client := o.HTTPClient
	o.HTTPClient = sender(func(r *http.Request) (*http.Response, error) {
		c.sent.Store(true)
		c.address.Store(r.URL.Scheme + "://" + r.URL.Host)
		return client.Do(r)
	})
}

type sender func(*http.Request) (*http.Response, error)

func (f sender) Do(r *http.Request) (*http.Response, error) { return f(r) }

// readError returns the outcome of a read.
func (c *call) readError(err error) error {
	return c.outcome(err, table.ErrUnavailable)
}

// writeError returns the outcome of a transaction, and why it was cancelled.
func (c *call) writeError(err error, ops []table.Op) error {
	if err == nil {
		return nil
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) && len(cancelled.CancellationReasons) > 0 {
		return c.cancelled(cancelled.CancellationReasons, ops)
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "ValidationException" && strings.Contains(api.ErrorMessage(), "incorrect data type") {
		// DynamoDB Local refuses the whole call where AWS gives a reason.
		return &table.LimitError{Op: onlyAddition(ops), Reason: table.ReasonNotNumber}
	}
	return c.outcome(err, table.ErrUnknownOutcome)
}

// onlyAddition returns the one operation that adds to a number, -1 if there are
// several.
func onlyAddition(ops []table.Op) int {
	found := -1
	for i, op := range ops {
		if len(op.Change.Add) > 0 {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	return found
}

// outcome maps an error of the SDK to one of package table. lost is the error
// for a request without a usable answer: a write may then have been applied.
func (c *call) outcome(err, lost error) error {
	if !c.sent.Load() {
		return c.unsent(err, lost)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		if c.caller.Err() == nil && !c.connected.Load() && unconnected(err, c.connecting.Load()) {
			return fmt.Errorf("%w: dynamo: %s: %s: %s", table.ErrNoConnection, c.operation, c.address.Load(), reason(err))
		}
		return c.lost(err, lost)
	}
	switch code := api.ErrorCode(); code {
	case "TransactionConflictException", "ReplicatedWriteConflictException":
		return fmt.Errorf("%w: %s", table.ErrConflict, c.answer(err, code))
	case "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "RequestLimitExceeded":
		return fmt.Errorf("%w: %s", table.ErrThrottled, c.answer(err, code))
	case "TransactionInProgressException":
		// Our own first attempt is still in progress: only another one reveals
		// its outcome.
		return fmt.Errorf("%w: %s", lost, c.answer(err, code))
	case "IdempotentParameterMismatchException":
		return fmt.Errorf("%w: %s", table.ErrTokenReused, c.answer(err, code))
	case "ValidationException", "ItemCollectionSizeLimitExceededException":
		// The message may contain values. What is known to be refused was
		// detected before it was sent.
		return &table.LimitError{Op: -1, Reason: c.answer(err, code)}
	default:
		if status := status(err); status >= 400 && status < 500 && known(api) {
			if why, ok := unusable[code]; ok {
				return fmt.Errorf("%w: dynamo: %s: %s (%s)", table.ErrUnreachable, c.address.Load(), why, c.answer(err, code))
			}
			return fmt.Errorf("dynamo: %s", c.answer(err, code))
		}
		return c.lost(err, lost)
	}
}

// unsent returns the error for a request that was never sent: the caller's time has
// passed, there are no credentials, or the endpoint is invalid.
func (c *call) unsent(err, lost error) error {
	if ended := c.caller.Err(); ended != nil {
		return fmt.Errorf("dynamo: %s: not sent: %w", c.operation, c.ended(lost, ended))
	}
	if faulty := new(smithy.SerializationError); errors.As(err, &faulty) {
		return fmt.Errorf("dynamo: %s: not sent: %w", c.operation, err)
	}
	return fmt.Errorf("%w: dynamo: %s: not sent: %w", table.ErrUnreachable, c.operation, err)
}

// unconnected reports whether a request without an answer failed before it had a
// connection, so that nothing of it can have been applied. A timeout of the transport
// hides what it was waiting for, which the trace shows.
func unconnected(err error, connecting bool) bool {
	var dial *net.OpError
	return connecting || errors.As(err, &dial) && dial.Op == "dial"
}

// reason returns why there is no connection. It names addresses, and nothing that is
// stored.
func reason(err error) string {
	if dial := new(net.OpError); errors.As(err, &dial) {
		return dial.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no connection in time"
	}
	if send := new(url.Error); errors.As(err, &send) {
		return send.Err.Error()
	}
	return err.Error()
}

// unusable are the errors with which DynamoDB refuses every call of this caller, and
// what each means.
var unusable = map[string]string{
	"ResourceNotFoundException":           "the table does not exist",
	"AccessDeniedException":               "access is denied",
	"AccessDenied":                        "access is denied",
	"NotAuthorized":                       "access is denied",
	"OptInRequired":                       "the account has no access to DynamoDB",
	"UnrecognizedClientException":         "the credentials are unknown",
	"InvalidClientTokenId":                "the credentials are unknown",
	"MissingAuthenticationTokenException": "the credentials are missing",
	"IncompleteSignatureException":        "the signature is incomplete",
	"InvalidSignatureException":           "the signature is invalid",
	"SignatureDoesNotMatch":               "the signature is invalid",
	"ExpiredTokenException":               "the credentials have expired",
	"ExpiredToken":                        "the credentials have expired",
	"RequestExpired":                      "the signature has expired",
}

// ended returns the error for a caller's context that ended before anything was
// sent: a read got no answer, a write was certainly not applied.
func (c *call) ended(lost, ended error) error {
	if errors.Is(lost, table.ErrUnavailable) {
		return fmt.Errorf("%w: %w", lost, ended)
	}
	return ended
}

// lost returns the error for a request without a usable answer.
func (c *call) lost(err, lost error) error {
	if ended := c.caller.Err(); ended != nil {
		return fmt.Errorf("%w: %s: %w", lost, c.operation, ended)
	}
	var api smithy.APIError
	switch {
	case errors.Is(c.ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%w: %s: no answer in time", lost, c.operation)
	case errors.As(err, &api):
		return fmt.Errorf("%w: %s", lost, c.answer(err, api.ErrorCode()))
	case status(err) != 0:
		return fmt.Errorf("%w: %s: unreadable answer", lost, c.operation)
	default:
		return fmt.Errorf("%w: %s: %v", lost, c.operation, err) //nolint:errorlint // the SDK's types stay here
	}
}

// known distinguishes an error that DynamoDB named from one whose body was cut
// off.
func known(api smithy.APIError) bool {
	code := api.ErrorCode()
	return code != "" && code != "UnknownError"
}

// answer describes an error that DynamoDB returned, without its message.
func (c *call) answer(err error, code string) string {
	s := c.operation + ": " + code
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.ServiceRequestID() != "" {
		s += " (AWS request " + response.ServiceRequestID() + ")"
	}
	return s
}

// status returns the status of the answer, 0 if there was none.
func status(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// cancelled reads the reasons of a cancelled transaction, which are in the
// order of its operations. A condition that did not hold takes precedence over
// all others, because the caller decides again. An error that will never
// succeed takes precedence over one that may be retried.
func (c *call) cancelled(reasons []types.CancellationReason, ops []table.Op) error {
	var failed []table.FailedCondition
	var refused, transient, other error
	conflict := &table.ConflictError{}
	for i, reason := range reasons {
		code := deref(reason.Code)
		switch code {
		case "", "None":
		case "ConditionalCheckFailed":
			f := table.FailedCondition{Op: i}
			if len(reason.Item) > 0 {
				item, err := decodeItem(reason.Item)
				if err != nil {
					return err
				}
				f.Item = &item
			}
			failed = append(failed, f)
		case "TransactionConflict":
			conflict.Ops = append(conflict.Ops, i)
			transient = conflict
		case "ThrottlingError", "ProvisionedThroughputExceeded":
			if transient == nil {
				transient = table.ErrThrottled
			}
		case "ValidationError", "ItemCollectionSizeLimitExceeded":
			if refused == nil {
				refused = &table.LimitError{Op: i, Reason: refusal(reason, i, ops)}
			}
		default:
			other = fmt.Errorf("dynamo: %s: cancelled: %s", c.operation, code)
		}
	}
	switch {
	case len(failed) > 0:
		return &table.ConditionError{Failed: failed, Incomplete: transient != nil}
	case refused != nil:
		return refused
	case other != nil:
		return other
	case transient != nil:
		return fmt.Errorf("%w: %s: cancelled", transient, c.operation)
	}
	return fmt.Errorf("dynamo: %s: cancelled without a reason", c.operation)
}

// refusal returns the reason of a LimitError for an operation that DynamoDB
// refuses because of the stored item: DynamoDB's message distinguishes the two
// reasons.
func refusal(reason types.CancellationReason, i int, ops []table.Op) string {
	switch {
	case strings.Contains(strings.ToLower(deref(reason.Message)), "size"):
		return table.ReasonItemSize
	case i < len(ops) && len(ops[i].Change.Add) > 0:
		return table.ReasonNotNumber
	default:
		return "refused by DynamoDB"
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
