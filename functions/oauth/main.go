// Command oauth is the Lambda function that serves the token endpoint and its metadata.
// RFC 6749 §3.2, RFC 8414
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
	handler, err := app.OAuth(config)
	if err != nil {
		lambdahttp.Fail(err)
	}
	lambdahttp.Start(handler)
}
