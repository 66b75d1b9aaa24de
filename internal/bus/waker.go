package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// MaxDelay is the longest time for which SQS keeps a message back.
const MaxDelay = 15 * time.Minute

// maxSent is the number of messages that one call sends.
const maxSent = 10

// A Waker wakes deliveries by messages of an SQS queue. The body of a message is the id of the
// endpoint.
type Waker struct {
	client *sqs.Client
	queue  string
}

// NewWaker returns the waker of a function, for the queue of a URL.
func NewWaker(queue string) (*Waker, error) {
	e, err := readEnvironment("SQS")
	if err != nil {
		return nil, err
	}
	return e.newWaker(queue), nil
}

func (e environment) newWaker(queue string) *Waker {
	return &Waker{queue: queue, client: sqs.New(sqs.Options{
		Region: e.region, Credentials: credentials, BaseEndpoint: e.endpoint, HTTPClient: e.client, Retryer: e.retry,
		EndpointOptions: sqs.EndpointResolverOptions{UseFIPSEndpoint: e.fips, UseDualStackEndpoint: e.dual},
	})}
}

// Wake implements feed.Waker and adminapi.Waker.
func (w *Waker) Wake(ctx context.Context, endpoints []string) error { return w.send(ctx, endpoints, 0) }

// WakeAfter implements webhook.Waker. The delay is at most MaxDelay: for what has to wait longer
// there is the schedule of deliveries.
func (w *Waker) WakeAfter(ctx context.Context, endpoint string, delay time.Duration) error {
	return w.send(ctx, []string{endpoint}, min(max(delay, 0), MaxDelay))
}

// send sends a message for each endpoint. The messages that SQS takes are not sent again.
func (w *Waker) send(ctx context.Context, endpoints []string, after time.Duration) error {
	var failed []error
	seconds := int32((after + time.Second - 1) / time.Second) //nolint:gosec // G115: at most MaxDelay
	for part := range slices.Chunk(endpoints, maxSent) {
		entries := make([]types.SendMessageBatchRequestEntry, len(part))
		for i, endpoint := range part {
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &endpoint, DelaySeconds: seconds}
		}
		out, err := w.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &w.queue, Entries: entries})
		if err != nil {
			failed = append(failed, fmt.Errorf("bus: %w", err))
			continue
		}
		for _, f := range out.Failed {
			failed = append(failed, fmt.Errorf("bus: SQS did not take a wake-up: %s: %s", aws.ToString(f.Code), aws.ToString(f.Message)))
		}
	}
	return errors.Join(failed...)
}
