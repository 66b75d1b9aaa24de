package dynamo_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table/dynamo"
)

// functionEnv sets what Lambda sets, and clears the developer's own variables.
func functionEnv(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example",
		"AWS_SESSION_TOKEN": "session", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_DYNAMODB": "",
		"AWS_USE_FIPS_ENDPOINT": "", "AWS_USE_DUALSTACK_ENDPOINT": "", "AWS_SAM_LOCAL": "",
	} {
		t.Setenv(name, value)
	}
}

func TestNewFunctionClient_ReadsLambdasVariables(t *testing.T) {
	functionEnv(t)
	client, err := dynamo.NewFunctionClient()
	require.NoError(t, err)
	o := client.Options()
	if o.Region != "eu-central-1" || o.BaseEndpoint != nil || o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled {
		t.Errorf("region %q, endpoint %v", o.Region, o.BaseEndpoint)
	}
	c, err := o.Credentials.Retrieve(t.Context())
	if err != nil || c.AccessKeyID != "AKIDEXAMPLE" || c.SecretAccessKey != "example" || c.SessionToken != "session" {
		t.Errorf("credentials of %q, %v", c.AccessKeyID, err)
	}
}

func TestNewFunctionClient_UsesAnotherEndpoint(t *testing.T) {
	functionEnv(t)
	t.Setenv("AWS_ENDPOINT_URL", "http://all.invalid")
	for _, want := range []string{"http://all.invalid", "http://dynamodb.invalid"} {
		client, err := dynamo.NewFunctionClient()
		require.NoError(t, err)
		assert.Equal(t, want, aws.ToString(client.Options().BaseEndpoint), "endpoint")
		t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://dynamodb.invalid")
	}
	// The credentials and the region are made up under sam local alone, and there only
	// with an endpoint: no others may be sent to AWS.
	for name, sam := range map[string]string{"deployed, with an endpoint": "", "another value": "false", "sam local without an endpoint": "true"} {
		t.Setenv("AWS_SAM_LOCAL", sam)
		if sam == "true" {
			t.Setenv("AWS_ENDPOINT_URL", "")
			t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", "")
		} else {
			t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://dynamodb.invalid")
		}
		client, err := dynamo.NewFunctionClient()
		require.NoError(t, err)
		used, err := client.Options().Credentials.Retrieve(t.Context())
		if err != nil || used.AccessKeyID != "AKIDEXAMPLE" || used.SessionToken != "session" || client.Options().Region != "eu-central-1" {
			t.Errorf("%s: %s in %s, %v", name, used.AccessKeyID, client.Options().Region, err)
		}
	}
	t.Setenv("AWS_SAM_LOCAL", "")
	t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
	t.Setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
	client, err := dynamo.NewFunctionClient()
	require.NoError(t, err)
	o := client.Options().EndpointOptions
	assert.Truef(t, o.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled && o.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled, "endpoint options %+v", o)
}

// Under sam local the function has the developer's own credentials. They are not sent,
// and the table is the one that a local client creates.
func TestNewFunctionClient_UnderSAMIsALocalClient(t *testing.T) {
	functionEnv(t)
	t.Setenv("AWS_SAM_LOCAL", "true")
	t.Setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://host.docker.internal:8000")
	client, err := dynamo.NewFunctionClient()
	require.NoError(t, err)
	local, err := dynamo.NewLocalClient(t.Context(), "http://127.0.0.1:8000")
	require.NoError(t, err)
	got, err := client.Options().Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	want, err := local.Options().Credentials.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != want.AccessKeyID || got.SessionToken != "" || client.Options().Region != local.Options().Region {
		t.Errorf("%q in %s, want %q in %s (%v)", got.AccessKeyID, client.Options().Region, want.AccessKeyID, local.Options().Region, err)
	}
}

func TestNewFunctionClient_NamesMissingVariables(t *testing.T) {
	functionEnv(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	client, err := dynamo.NewFunctionClient()
	require.NoError(t, err)
	_, err = client.Options().Credentials.Retrieve(t.Context())
	assert.Truef(t, err != nil && strings.Contains(err.Error(), "AWS_SECRET_ACCESS_KEY"), "without a key: %v", err)
	t.Setenv("AWS_REGION", "")
	_, err = dynamo.NewFunctionClient()
	assert.Truef(t, err != nil && strings.Contains(err.Error(), "AWS_REGION"), "without a region: %v", err)
}
