// Command empty is a function that does nothing but hold a DynamoDB client, for
// comparing the size and the start of the deployed functions.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func main() {
	c, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	_ = dynamodb.NewFromConfig(c)
	lambda.Start(func() {})
}
