// Command sweep is the Lambda function that finishes work which requests left
// over. A schedule invokes it; what it is invoked with does not matter.
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
