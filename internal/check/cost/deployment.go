package cost

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// Deployment has the settings of template.yaml that a bill depends on.
type Deployment struct {
	// Access is the format of API Gateway's log line, "" for none.
	Access string `json:"access"`
	// Platform reports whether Lambda logs the start and the report of each
	// invocation.
	Platform bool `json:"platform"`
	Tracing  bool `json:"tracing"`
	MemoryMB int  `json:"memoryMB"`
	// SampleReads is N if one in N successful reads is logged.
	SampleReads int `json:"sampleReads"`
}

var (
	accessFormat = regexp.MustCompile(`(?s)AccessLogSettings:.*?Format: >-\s*\n\s*(\{[^\n]*\})`)
	systemLevel  = regexp.MustCompile(`SystemLogLevel: (\w+)`)
)

// ReadDeployment returns the settings that the template has by default.
func ReadDeployment(tree fs.FS) (Deployment, error) {
	file, err := fs.ReadFile(tree, "template.yaml")
	if err != nil {
		return Deployment{}, err
	}
	template := string(file)
	var d Deployment
	format := accessFormat.FindStringSubmatch(template)
	levels := systemLevel.FindAllStringSubmatch(template, -1)
	if format == nil || len(levels) == 0 || len(levels) != strings.Count(template, "LogFormat: JSON") {
		return d, errors.New("template.yaml has no format of API Gateway's log, or a function without SystemLogLevel")
	}
	d.Access = format[1]
	for _, level := range levels {
		d.Platform = d.Platform || level[1] != "WARN"
	}
	tracing, err := setting(template, "Tracing")
	if err != nil {
		return d, err
	}
	d.Tracing = tracing == "true"
	if d.MemoryMB, err = parameter(template, "MemorySize"); err != nil {
		return d, err
	}
	d.SampleReads, err = parameter(template, "LogSampleReads")
	return d, err
}

// parameter returns the default of a parameter of the template, a number.
func parameter(template, name string) (int, error) {
	text, err := setting(template, name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// setting returns the default of a parameter of the template.
func setting(template, name string) (string, error) {
	m := regexp.MustCompile(`\n  ` + name + `:\n(?:    .*\n)*?    Default: '?(\w+)`).FindStringSubmatch(template)
	if m == nil {
		return "", fmt.Errorf("template.yaml has no parameter %s with a default", name)
	}
	return m[1], nil
}

// perEvent is what CloudWatch adds to the length of each event.
const perEvent = 26

// usual are usual values of what API Gateway logs.
var usual = strings.NewReplacer(
	"$context.requestTimeEpoch", "1796073600", "$context.requestTime", "30/Nov/2026:21:00:00 +0000",
	"$context.integration.requestId", "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa", "$context.integration.latency", "22",
	"$context.integration.status", "200", "$context.integrationErrorMessage", "-", "$context.integrationStatus", "200",
	"$context.requestId", "JKJaXmPLvHcESHA=", "$context.identity.sourceIp", "203.0.113.25",
	"$context.routeKey", "PATCH /scim/v2/Users/{id}", "$context.httpMethod", "PATCH", "$context.status", "200",
	"$context.responseLength", "1749", "$context.responseLatency", "25", "$context.error.message", "-",
)

// accessBytes is the size of API Gateway's line for a usual request.
func (d Deployment) accessBytes() int {
	if d.Access == "" {
		return 0
	}
	return len(usual.Replace(d.Access)) + perEvent
}

// trace is the header that Lambda repeats in its own lines.
const trace = `"tracing":{"spanId":"24cd7d670fa455f0","type":"X-Amzn-Trace-Id","value":"Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"},`

// platformLines are the lines of a usual invocation: the examples of AWS's page
// on the Telemetry API.
var platformLines = []string{
	`{"time":"2022-10-21T14:05:03.165Z","type":"platform.start","record":{` + trace + `"requestId":"459921b5-681c-4a96-beb0-81e0aa586026","version":"$LATEST"}}`,
	`{"time":"2022-10-21T14:05:05.766Z","type":"platform.report","record":{"requestId":"459921b5-681c-4a96-beb0-81e0aa586026","metrics":{"durationMs":22.4,"billedDurationMs":23,"memorySizeMB":512,"maxMemoryUsedMB":44},` + trace + `"status":"success"}}`,
}

// platformBytes is the size of the lines that Lambda adds to an invocation.
func (d Deployment) platformBytes() int {
	if !d.Platform {
		return 0
	}
	size := 0
	for _, line := range platformLines {
		if !d.Tracing {
			line = strings.Replace(line, trace, "", 1)
		}
		size += len(line) + perEvent
	}
	return size
}
