// Package lambdaqueue connects a queue and a schedule with what does their work: it decodes the
// events of Lambda, and answers which messages have to come again.
//
// It knows nothing of what the messages mean.
package lambdaqueue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
)

// A Worker does the work of a queue and of a schedule.
type Worker interface {
	// Messages does what the messages of a batch ask for, by their bodies. It returns the
	// indexes of those that have to come again.
	Messages(ctx context.Context, bodies []string) (failed []int)
	// Scheduled does what is due.
	Scheduled(ctx context.Context) error
}

// Start serves Lambda's invocations. It does not return. Lines are logged as with
// lambdahttp.Start; an error fails the invocation.
func Start(w Worker) {
	lambdahttp.Prepare()
	lambda.Start(invoker(Function(w)))
}

// invoker passes payloads on as they are.
type invoker func(ctx context.Context, payload []byte) ([]byte, error)

// Invoke serves one event.
func (i invoker) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return i(ctx, payload) }

// Function serves an event of SQS with a worker, and any other as one of the schedule.
func Function(w Worker) func(ctx context.Context, payload []byte) ([]byte, error) {
	return func(ctx context.Context, payload []byte) ([]byte, error) { return serve(ctx, w, payload) }
}

func serve(ctx context.Context, w Worker, payload []byte) ([]byte, error) {
	var event struct {
		Records []events.SQSMessage `json:"Records"`
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("the event is neither of a queue nor of a schedule: %w", err)
	}
	if event.Records == nil {
		return []byte("null"), w.Scheduled(ctx)
	}
	bodies := make([]string, len(event.Records))
	for n, message := range event.Records {
		bodies[n] = message.Body
	}
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, n := range w.Messages(ctx, bodies) {
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: event.Records[n].MessageId})
	}
	return json.Marshal(response)
}
