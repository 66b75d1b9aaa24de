package main

import "fmt"

// processor is one under the names that the parts give it.
type processor struct {
	// golang is Go's name, for LAMBDA_ARCH.
	golang string
	// lambda is Lambda's, for the template's Architecture and for images.
	lambda string
}

// processorOf is the processor by Go's name.
func processorOf(goarch string) (processor, error) {
	switch goarch {
	case "amd64":
		return processor{"amd64", "x86_64"}, nil
	case "arm64":
		return processor{"arm64", "arm64"}, nil
	}
	return processor{}, fmt.Errorf("no function runs on %s: Lambda has amd64 and arm64", goarch)
}
