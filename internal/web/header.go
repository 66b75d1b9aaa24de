package web

import (
	"net/http"
	"strings"
)

// RequestIDHeader is the header with a request's id, in every answer of the service.
const RequestIDHeader = "X-Request-Id"

// The headers in which package lambdahttp passes on what API Gateway and Lambda know of a
// request. It removes those that a client sent.
const (
	// InvocationHeader is the id of the Lambda invocation.
	InvocationHeader = "Lambda-Runtime-Aws-Request-Id"
	// APIRequestHeader is API Gateway's id of the request.
	APIRequestHeader = "Lambda-Api-Request-Id"
	// TraceHeader is X-Ray's header.
	TraceHeader = "X-Amzn-Trace-Id"
	// OperatorHeader is the ARN of the user or role that API Gateway has authorized (AWS_IAM).
	OperatorHeader = "Lambda-Authorizer-Iam-Arn"
)

// TraceID returns the id of the trace in X-Ray's header, without the fields of a segment, ""
// for a request of which X-Ray keeps no trace.
func TraceID(header string) string {
	if strings.Contains(header, "Sampled=0") {
		return ""
	}
	for part := range strings.SplitSeq(header, ";") {
		if root, ok := strings.CutPrefix(part, "Root="); ok {
			return root
		}
	}
	return ""
}

// MediaType returns the media type of a request's body without its parameters, in lower case,
// or "" if there is none.
func MediaType(r *http.Request) string {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.Trim(kind, " \t"))
}

// PortalPrefix begins the path of every page of the customer's portal.
const PortalPrefix = "/portal"
