// Command bulk is the Lambda function behind /Bulk and the API's $default route: it
// serves every endpoint, under paths that are spelled in another way than the
// routes, and answers 404, and 405 with Allow.
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
