package dynamo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// NewFunctionClient returns the client of a Lambda function, configured by the
// variables that Lambda sets: region, credentials, and the endpoints that AWS's
// tools know. It does not call AWS.
//
// The SDK's own package config reads these too, and also files, single sign-on
// and metadata services that a function does not have: it would make every
// binary a sixth larger and slower to start.
//
// Under sam local, with an endpoint, the credentials and the region are made
// up, as those of NewLocalClient are.
func NewFunctionClient() (*dynamodb.Client, error) {
	region := cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	if region == "" {
		return nil, errors.New("dynamo: AWS_REGION is not set: Lambda sets it to the function's region")
	}
	o := dynamodb.Options{Region: region, Credentials: aws.CredentialsProviderFunc(functionCredentials)}
	if endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB"), os.Getenv("AWS_ENDPOINT_URL")); endpoint != "" {
		o.BaseEndpoint = &endpoint
		if os.Getenv("AWS_SAM_LOCAL") == "true" {
			// DynamoDB Local keeps separate tables for each set of credentials, and SAM
			// passes the developer's credentials.
			o.Region, o.Credentials = localRegion, aws.CredentialsProviderFunc(localCredentials)
		}
	}
	if os.Getenv("AWS_USE_FIPS_ENDPOINT") == "true" {
		o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
	}
	if os.Getenv("AWS_USE_DUALSTACK_ENDPOINT") == "true" {
		o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	return dynamodb.New(o), nil
}

// functionCredentials returns the credentials of the function's role. They are
// valid as long as the process that Lambda started with them.
func functionCredentials(context.Context) (aws.Credentials, error) {
	c := aws.Credentials{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Source: "the function's environment",
	}
	if !c.HasKeys() {
		return c, errors.New("dynamo: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: Lambda sets them to those of the function's role")
	}
	return c, nil
}

// NewLocalClient returns a client of a server that speaks DynamoDB on this
// machine or in the same network, usually DynamoDB Local. It sends made-up
// credentials, never real ones. Each wrap is put around the transport, for
// tests that disturb it.
func NewLocalClient(_ context.Context, endpoint string, wrap ...func(http.RoundTripper) http.RoundTripper) (*dynamodb.Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("dynamo: an endpoint looks like http://127.0.0.1:8000")
	}
	var transport http.RoundTripper = &LoopbackTransport{Base: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
		MaxIdleConns:        256,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     30 * time.Second,
	}}
	for _, w := range wrap {
		transport = w(transport)
	}
	return dynamodb.New(dynamodb.Options{
		Region:       localRegion,
		BaseEndpoint: aws.String(endpoint),
		HTTPClient:   &http.Client{Transport: transport},
		Credentials:  aws.CredentialsProviderFunc(localCredentials),
	}), nil
}

// localRegion and localCredentials are made up: a local server checks neither.
const localRegion = "us-east-1"

func localCredentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
}

// LoopbackTransport sends a copy of each request's body. The SDK closes bodies
// early; with a server as near and fast as a local one, that sometimes drops
// the connection during a request. It is not for the network, where this does
// not happen.
type LoopbackTransport struct {
	// Base sends the request; nil stands for http.DefaultTransport.
	Base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *LoopbackTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	if r.Body == nil {
		return base.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close() // it was read completely
	if err != nil {
		return nil, err
	}
	c := r.Clone(r.Context())
	c.Body = io.NopCloser(bytes.NewReader(body))
	c.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	c.ContentLength = int64(len(body))
	return base.RoundTrip(c)
}

// CreateTable creates the table if it does not exist, as template.yaml does in
// AWS, and waits until it can be used. It is for local use: the template of a
// deployment creates and protects its table.
//
// Only the stream is left out. Nothing reads it locally, and at each write
// DynamoDB Local processes all records of all streams, including those of
// dropped tables.
func CreateTable(ctx context.Context, client *dynamodb.Client, name string) error {
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(table.PartitionName), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(table.SortName), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(table.PartitionName), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(table.SortName), KeyType: types.KeyTypeRange},
		},
	})
	var exists *types.ResourceInUseException
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("dynamo: CreateTable: %w", err)
	}
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 50*time.Millisecond, time.Second
	})
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
		return fmt.Errorf("dynamo: table %s does not become active: %w", name, err)
	}
	return expire(ctx, client, name)
}

// expire enables the time to live, which fails if it is enabled.
func expire(ctx context.Context, client *dynamodb.Client, name string) error {
	out, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return fmt.Errorf("dynamo: DescribeTimeToLive: %w", err)
	}
	if d := out.TimeToLiveDescription; d != nil && d.TimeToLiveStatus != types.TimeToLiveStatusDisabled {
		return nil
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String(table.ExpiryName), Enabled: aws.Bool(true),
		},
	})
	if err != nil {
		return fmt.Errorf("dynamo: UpdateTimeToLive: %w", err)
	}
	return nil
}

// DropTable deletes a table and everything in it. It is for the tables of
// tests: it cannot delete one that a deployment's template protects.
func DropTable(ctx context.Context, client *dynamodb.Client, name string) error {
	if _, err := client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
		return fmt.Errorf("dynamo: DeleteTable: %w", err)
	}
	return nil
}
