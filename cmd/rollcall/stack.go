package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
)

// The outputs of template.yaml that the command reads.
const (
	outputTable = "TableName"
	outputAdmin = "AdminUrl"
)

// stackOutputs returns the outputs of a deployment's stack, in the account and
// region that AWS tools take from the environment.
func stackOutputs(ctx context.Context, stack string) (map[string]string, error) {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("the AWS configuration cannot be read: %w", err)
	}
	if c.Region == "" {
		return nil, errors.New("no AWS region is set: set AWS_REGION to the region of the stack")
	}
	described, err := cloudformation.NewFromConfig(c).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	var refusal smithy.APIError
	switch {
	case errors.As(err, &refusal) && refusal.ErrorCode() == "ValidationError":
		return nil, fmt.Errorf("there is no stack %s in %s: give the stack_name that samconfig.toml has, and AWS_REGION (%s)", stack, c.Region, refusal.ErrorMessage())
	case err != nil:
		return nil, fmt.Errorf("the stack %s in %s cannot be read: %w", stack, c.Region, err)
	case len(described.Stacks) == 0:
		return nil, fmt.Errorf("there is no stack %s in %s", stack, c.Region)
	}
	outputs := map[string]string{}
	for _, o := range described.Stacks[0].Outputs {
		outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return outputs, nil
}

// tableOfStack returns the name of a deployment's table.
func tableOfStack(ctx context.Context, stack string) (string, error) {
	outputs, err := stackOutputs(ctx, stack)
	if err != nil {
		return "", err
	}
	if outputs[outputTable] == "" {
		return "", fmt.Errorf("the stack %s has no output %s: it is not rollcall's, or its first deployment is not finished", stack, outputTable)
	}
	return outputs[outputTable], nil
}
