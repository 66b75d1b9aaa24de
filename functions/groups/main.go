// Command groups is the Lambda function behind /Groups.
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
	handler, err := app.Groups(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	lambdahttp.Start(handler)
}
