// Package rollcall holds the deployment's template, so that the local gateway
// serves the routes that are deployed.
package rollcall

import _ "embed"

//go:generate go run ./internal/check/generate

// Template is template.yaml.
//
//go:embed template.yaml
var Template []byte
