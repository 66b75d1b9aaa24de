package main

import "fmt"

// A processor is a processor under the names that tools use.
type processor struct {
	// golang is Go's name, for LAMBDA_ARCH.
	golang string
	// lambda is Lambda's name, for the template's Architecture and for images.
	lambda string
}

// processorOf returns the processor with a Go name.
func processorOf(goarch string) (processor, error) {
	switch goarch {
	case "amd64":
		return processor{"amd64", "x86_64"}, nil
	case "arm64":
		return processor{"arm64", "arm64"}, nil
	}
	return processor{}, fmt.Errorf("no function runs on %s: Lambda has amd64 and arm64", goarch)
}
