// Package bus sends events to a bus of EventBridge, and wake-ups of deliveries to a queue of
// SQS. The AWS SDK's clients of both end here.
//
// It neither knows what an event says nor decides which are sent.
package bus

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// callTime is the most that one attempt of a call takes, and maxWait the longest wait before
// the next. The SDK makes up to three attempts; the caller has the records of the stream, or the
// schedule of deliveries, to try again later.
const (
	callTime = 5 * time.Second
	maxWait  = time.Second
)

// An environment has what Lambda tells a function about the account: the clients take nothing
// else, for the same reason as that of DynamoDB (package dynamo).
type environment struct {
	region   string
	endpoint *string
	client   *http.Client
	retry    aws.Retryer
	fips     aws.FIPSEndpointState
	dual     aws.DualStackEndpointState
}

// readEnvironment returns the environment of the client of a service. AWS_ENDPOINT_URL_EVENTBRIDGE and
// AWS_ENDPOINT_URL_SQS name other addresses of the services.
func readEnvironment(service string) (environment, error) {
	e := environment{
		region: cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
		client: &http.Client{Timeout: callTime}, retry: retrying(maxWait),
	}
	if e.region == "" {
		return e, errors.New("bus: AWS_REGION is not set: Lambda sets it to the function's region")
	}
	if address := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_"+service), os.Getenv("AWS_ENDPOINT_URL")); address != "" {
		e.endpoint = &address
	}
	if os.Getenv("AWS_USE_FIPS_ENDPOINT") == "true" {
		e.fips = aws.FIPSEndpointStateEnabled
	}
	if os.Getenv("AWS_USE_DUALSTACK_ENDPOINT") == "true" {
		e.dual = aws.DualStackEndpointStateEnabled
	}
	return e, nil
}

// retrying repeats calls as the SDK does, after shorter waits.
func retrying(longest time.Duration) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = longest })
}

// credentials are those of the function's role.
var credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	if os.Getenv("AWS_SAM_LOCAL") == "true" {
		// SAM passes the developer's credentials, with which nothing is sent to AWS.
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
	}
	c := aws.Credentials{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Source: "the function's environment",
	}
	if !c.HasKeys() {
		return c, errors.New("bus: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: Lambda sets them to those of the function's role")
	}
	return c, nil
})
