// Command admin is the Lambda function that serves the admin API under
// /admin/v1.
package main

import (
	"os"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/bus"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
)

func main() {
	config, err := app.ConfigFromEnv()
	if err != nil {
		lambdahttp.Fail(err)
	}
	// Without a queue, what a redelivery asks for waits for the schedule.
	var out app.Outlets
	if queue := os.Getenv("ROLLCALL_WAKE_QUEUE"); queue != "" {
		if out.Waker, err = bus.NewWaker(queue); err != nil {
			lambdahttp.Fail(err)
		}
	}
	handler, err := app.Admin(config, out)
	if err != nil {
		lambdahttp.Fail(err)
	}
	lambdahttp.Start(handler)
}
