// Package rollcall holds the deployment's template, so that the local gateway
// serves the routes that are deployed, and the events with which a deployment
// tries new versions of the functions.
package rollcall

import "embed"

//go:generate go run ./internal/check/generate

// Template is template.yaml.
//
//go:embed template.yaml
var Template []byte

// DeployEvents has the folder events/deploy.
//
//go:embed events/deploy
var DeployEvents embed.FS
