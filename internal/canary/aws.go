package canary

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	deploytypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// AWS invokes functions with Lambda and reports to CodeDeploy.
type AWS struct {
	lambda *lambda.Client
	deploy *codedeploy.Client
}

// NewAWS returns the clients of a function, with the region and the role's
// credentials from its environment. AWS_ENDPOINT_URL_LAMBDA and
// AWS_ENDPOINT_URL_CODEDEPLOY name other addresses of the services, in tests.
func NewAWS() (*AWS, error) {
	region := os.Getenv("AWS_REGION")
	if region == "" {
		return nil, errors.New("AWS_REGION is not set: Lambda sets it to the function's region")
	}
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{
			AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Source: "the function's environment",
		}, nil
	})
	return &AWS{
		lambda: lambda.New(lambda.Options{Region: region, Credentials: credentials, BaseEndpoint: endpoint("AWS_ENDPOINT_URL_LAMBDA")}),
		deploy: codedeploy.New(codedeploy.Options{Region: region, Credentials: credentials, BaseEndpoint: endpoint("AWS_ENDPOINT_URL_CODEDEPLOY")}),
	}, nil
}

// endpoint returns the value of a variable, nil if it has none.
func endpoint(name string) *string {
	if value := os.Getenv(name); value != "" {
		return &value
	}
	return nil
}

// Invoke invokes a version of a function and waits for its answer.
func (a *AWS) Invoke(ctx context.Context, version string, event []byte) ([]byte, error) {
	out, err := a.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &version, Payload: event})
	if err != nil {
		return nil, err
	}
	if failure := aws.ToString(out.FunctionError); failure != "" {
		return nil, fmt.Errorf("the function failed (%s): %.500s", failure, out.Payload)
	}
	return out.Payload, nil
}

// Report ends the step of a deployment that waits for a hook.
func (a *AWS) Report(ctx context.Context, d Deployment, succeeded bool) error {
	status := deploytypes.LifecycleEventStatusFailed
	if succeeded {
		status = deploytypes.LifecycleEventStatusSucceeded
	}
	_, err := a.deploy.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
		DeploymentId: &d.ID, LifecycleEventHookExecutionId: &d.Step, Status: status,
	})
	return err
}
