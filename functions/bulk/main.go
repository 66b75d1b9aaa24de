// Command bulk is the Lambda function behind /Bulk.
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
	handler, err := app.Bulk(config)
	if err != nil {
		lambdahttp.Fail(err)
	}
	lambdahttp.Start(handler)
}
