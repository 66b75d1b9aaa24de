package main

import (
	"context"
	"fmt"
	"time"
)

// image is what the functions run in.
type image struct {
	name string
	// ours tells that it is not the one SAM would take by itself.
	ours bool
}

const (
	// awsImage is AWS's image for the template's runtime, without its processor.
	awsImage = "public.ecr.aws/lambda/provided:al2023-"
	// ownImage is the one that stands in for it: infra/local-image.
	ownImage = "rollcall-local-lambda:"
)

// pulling is how long AWS's image may take to come.
const pulling = 5 * time.Minute

// chooseImage takes AWS's image, fetching it if it can be had, else makes the one
// that stands in for it.
func (s *session) chooseImage(ctx context.Context, choice string) error {
	aws, own := image{awsImage + s.processor.lambda, false}, image{ownImage + s.processor.lambda, true}
	if choice != "own" {
		if s.hasImage(ctx, aws) {
			s.image = aws
			return nil
		}
		if choice == "auto" && s.hasImage(ctx, own) {
			s.image = own
			return nil
		}
		s.say("fetching AWS's image %s (once)", aws.name)
		limited, cancel := context.WithTimeout(ctx, pulling)
		defer cancel()
		err := s.quietly(limited, s.command(limited, "docker", "pull", "--quiet", aws.name))
		switch {
		case err == nil:
			s.image = aws
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case choice == "aws":
			return fmt.Errorf("AWS's image cannot be had; --image own makes one that stands in for it: %w", err)
		}
	}
	s.image = own
	if choice == "own" && s.hasImage(ctx, own) {
		return nil
	}
	if err := s.has(static); err != nil {
		return fmt.Errorf("AWS's image cannot be fetched, and none can be made: %w", err)
	}
	s.say("making an image that stands in for AWS's, which needs no network (infra/local-image/build.sh)")
	return s.quietly(ctx, s.command(ctx, "infra/local-image/build.sh", own.name))
}

func (s *session) hasImage(ctx context.Context, i image) bool {
	return s.quietly(ctx, s.command(ctx, "docker", "image", "inspect", i.name)) == nil
}
