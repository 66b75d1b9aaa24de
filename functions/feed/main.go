// Command feed is the Lambda function that hands the events of the table's stream to the
// webhooks and to a bus. Lambda invokes it with the records of the stream.
package main

import (
	"log/slog"
	"os"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/bus"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/lambdastream"
	"github.com/rollcall-scim/rollcall/internal/logline"
)

func main() {
	handler, err := newHandler()
	if err != nil {
		lambdahttp.Fail(err)
	}
	lambdastream.Start(handler)
}

// newHandler returns the handler for the bus in ROLLCALL_EVENT_BUS, and for the webhooks that the queue
// in ROLLCALL_WAKE_QUEUE wakes. Each may be empty.
func newHandler() (lambdastream.Handler, error) {
	config, err := app.ConfigFromEnv()
	if err != nil {
		return nil, err
	}
	var out app.Outlets
	if queue := os.Getenv("ROLLCALL_WAKE_QUEUE"); queue != "" {
		if out.Waker, err = bus.NewWaker(queue); err != nil {
			return nil, err
		}
	}
	if name := os.Getenv("ROLLCALL_EVENT_BUS"); name != "" {
		if out.Bus, err = bus.NewPublisher(name, slog.New(logline.ForFunction())); err != nil {
			return nil, err
		}
	}
	return app.Feed(config, out)
}
