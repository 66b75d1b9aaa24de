package main

import (
	"context"
	"flag"
	"fmt"
)

// An options has the flags that all commands share.
type options struct {
	dynamodb string
	image    string
}

func (o *options) register(flags *flag.FlagSet, m machine) {
	flags.StringVar(&o.dynamodb, "dynamodb", m.env("ROLLCALL_TEST_DYNAMODB"),
		"`ENDPOINT` of a running DynamoDB, for example http://127.0.0.1:8000 (or ROLLCALL_TEST_DYNAMODB); without it DynamoDB Local is started")
	flags.StringVar(&o.image, "image", "auto", "`WHICH` image the functions run in: aws, own (infra/local-image), or auto: AWS's if it can be fetched")
}

func (o *options) check() error {
	switch o.image {
	case "auto", "aws", "own":
	default:
		return usageError{fmt.Errorf("--image %q: choose aws, own or auto", o.image)}
	}
	if o.dynamodb == "" {
		return nil
	}
	_, err := fromContainers(o.dynamodb)
	return err
}

// prepare starts Docker and DynamoDB unless they run, and builds the functions,
// with build, and their image.
func (s *session) prepare(ctx context.Context, o options, build func(context.Context) error) error {
	needed := []tool{golang, gnu, python}
	if o.dynamodb == "" {
		needed = append(needed, java)
	}
	if err := s.need(needed...); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return s.needDocker(ctx) },
		func() error { s.atEnd(s.removeContainers); return nil },
		func() error { return s.startDynamoDB(ctx, o.dynamodb) },
		func() error { return s.fetch(ctx, sam, "python3", "--version") },
		func() error { return build(ctx) },
		func() error { return s.chooseImage(ctx, o.image) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
