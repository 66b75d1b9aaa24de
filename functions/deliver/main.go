// Command deliver is the Lambda function that sends events to webhooks. Messages of a queue
// invoke it for endpoints, and a schedule each minute.
package main

import (
	"errors"
	"os"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/bus"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/lambdaqueue"
)

func main() {
	deliveries, err := newDeliveries()
	if err != nil {
		lambdahttp.Fail(err)
	}
	lambdaqueue.Start(deliveries)
}

// newDeliveries returns the deliveries that the queue in ROLLCALL_WAKE_QUEUE wakes.
func newDeliveries() (*app.Deliveries, error) {
	config, err := app.ConfigFromEnv()
	if err != nil {
		return nil, err
	}
	queue := os.Getenv("ROLLCALL_WAKE_QUEUE")
	if queue == "" {
		return nil, errors.New("ROLLCALL_WAKE_QUEUE is not set: it is the URL of the queue of wake-ups")
	}
	waker, err := bus.NewWaker(queue)
	if err != nil {
		return nil, err
	}
	return app.Deliver(config, waker)
}
