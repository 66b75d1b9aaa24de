// Command users is the Lambda function that serves /Users.
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
	handler, err := app.Users(config)
	if err != nil {
		lambdahttp.Fail(err)
	}
	lambdahttp.Start(handler)
}
