// Command bulk is the Lambda function that serves /Bulk and the API's $default
// route: every endpoint under paths that are spelled differently from the
// routes, 404 for unknown paths, and 405 with Allow for wrong methods.
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
