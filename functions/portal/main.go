// Command portal is the Lambda function that serves the customer's portal under /portal.
package main

import (
	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/portal"
)

func main() {
	config, err := app.ConfigFromEnv()
	if err != nil {
		lambdahttp.Fail(err)
	}
	pages, err := portal.ConfigFromEnv()
	if err != nil {
		lambdahttp.Fail(err)
	}
	handler, err := portal.Deployed(config, pages)
	if err != nil {
		lambdahttp.Fail(err)
	}
	lambdahttp.Start(handler)
}
