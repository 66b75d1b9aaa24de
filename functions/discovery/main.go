// Command discovery is the Lambda function that serves the discovery endpoints.
// RFC 7644 §4
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
	handler, err := app.Discovery(config)
	if err != nil {
		lambdahttp.Fail(err)
	}
	lambdahttp.Start(handler)
}
