package main

import (
	"context"
	"fmt"
	"time"
)

// An image is the container image that the functions run in.
type image struct {
	name string
	// ours is set if it is not the one that SAM would use by itself.
	ours bool
}

const (
	// awsImage is AWS's image for the template's runtime, without its
	// processor.
	awsImage = "public.ecr.aws/lambda/provided:al2023-"
	// ownImage is its replacement: infra/local-image.
	ownImage = "rollcall-local-lambda:"
)

// pulling is how long fetching AWS's image may take.
const pulling = 5 * time.Minute

// chooseImage uses AWS's image, which it fetches if it can, or else builds its
// replacement.
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
			return fmt.Errorf("AWS's image cannot be fetched; --image own builds a replacement: %w", err)
		}
	}
	s.image = own
	if choice == "own" && s.hasImage(ctx, own) {
		return nil
	}
	if err := s.has(static); err != nil {
		return fmt.Errorf("AWS's image cannot be fetched, and no replacement can be built: %w", err)
	}
	s.say("building a replacement for AWS's image, which needs no network (infra/local-image/build.sh)")
	return s.quietly(ctx, s.command(ctx, "infra/local-image/build.sh", own.name))
}

func (s *session) hasImage(ctx context.Context, i image) bool {
	return s.quietly(ctx, s.command(ctx, "docker", "image", "inspect", i.name)) == nil
}
