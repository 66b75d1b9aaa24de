// Command discovery is the Lambda function behind the discovery endpoints
// (RFC 7644 §4) and the API's $default route: 404, and 405 with Allow.
package main

import (
	"context"
	"log"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
)

func main() {
	config, err := app.ConfigFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	handler, err := app.Discovery(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	lambdahttp.Start(handler)
}
