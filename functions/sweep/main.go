// Command sweep is the Lambda function that finishes work which requests left
// over. A schedule invokes it; what it is invoked with does not matter.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rollcall-scim/rollcall/internal/app"
)

func main() {
	config, err := app.ConfigFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	sweep, err := app.Sweep(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(sweep)
}
