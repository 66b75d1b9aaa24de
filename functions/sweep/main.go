// Command sweep is the Lambda function that finishes work that requests left
// unfinished. A schedule invokes it; the content of the event does not matter.
package main

import (
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
)

func main() {
	config, err := app.ConfigFromEnv()
	if err != nil {
		lambdahttp.Fail(err)
	}
	sweep, err := app.Sweep(config)
	if err != nil {
		lambdahttp.Fail(err)
	}
	lambdahttp.StartTask(sweep)
}
