package lambdahttp

import (
	"context"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"

	"github.com/rollcall-scim/rollcall/internal/web"
)

// fault is why an event is not a request, as text for the answer, or "" if
// there is none.
type fault string

const (
	notAnEvent fault = "The request did not arrive as an event of an API Gateway HTTP API, payload format 2.0."
	badMethod  fault = "The request's method is not an HTTP method."
	badBody    fault = "The request's body arrived damaged: it is not the base64 text that API Gateway says it is."
)

// request returns the HTTP request of an event. The library creates method,
// body and source address; path, query and headers, where it guesses, are taken
// from the event itself.
func request(ctx context.Context, event Event) (*http.Request, fault) {
	method := event.RequestContext.HTTP.Method
	if method == "" {
		return nil, notAnEvent
	}
	if !isToken(method) {
		return nil, badMethod
	}

	plain := event
	plain.RawPath, plain.RawQueryString, plain.QueryStringParameters = "/", "", nil
	plain.Headers, plain.Cookies = nil, nil
	plain.RequestContext.DomainName = "localhost"
	var accessor core.RequestAccessorV2
	r, err := accessor.EventToRequestWithContext(ctx, plain)
	if err != nil {
		return nil, badBody
	}

	r.Method = method
	r.URL = requestURL(event)
	r.RequestURI = r.URL.RequestURI()
	r.Header = header(event)
	r.Host = r.Header.Get("Host")
	r.Header.Del("Host")
	if r.ContentLength == 0 {
		r.Body = http.NoBody
	}
	if ip := net.ParseIP(r.RemoteAddr); ip != nil {
		r.RemoteAddr = net.JoinHostPort(ip.String(), "0")
	}

	r.Header.Del(web.InvocationHeader)
	r.Header.Del(web.APIRequestHeader)
	r.Header.Del(web.TraceHeader)
	r.Header.Del(web.OperatorHeader)
	if a := event.RequestContext.Authorizer; a != nil && a.IAM != nil && a.IAM.UserARN != "" {
		r.Header.Set(web.OperatorHeader, a.IAM.UserARN)
	}
	if invocation, ok := lambdacontext.FromContext(ctx); ok && invocation.AwsRequestID != "" {
		r.Header.Set(web.InvocationHeader, invocation.AwsRequestID)
	}
	if id := event.RequestContext.RequestID; id != "" {
		r.Header.Set(web.APIRequestHeader, id)
	}
	if id, ok := ctx.Value(traceKey).(string); ok && id != "" {
		r.Header.Set(web.TraceHeader, id)
	}
	return r, ""
}

// header returns an event's headers under their canonical names, each value
// whole. API Gateway has joined the values of a repeated header with commas,
// and only the reader of a header knows whether a comma separates values: in
// If-Match it does, except inside an entity tag; in User-Agent it never does.
func header(event Event) http.Header {
	h := make(http.Header, len(event.Headers)+1)
	for name, value := range event.Headers {
		h.Add(textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value))
	}
	if len(event.Cookies) > 0 {
		h.Set("Cookie", strings.Join(event.Cookies, "; "))
	}
	return h
}

// requestURL returns path and query as the client sent them, or their
// equivalent. The query is taken raw: only its reader knows what + and a raw
// quote mean.
func requestURL(event Event) *url.URL {
	escaped := routedPath(event)
	if escaped == "" {
		escaped = escapePath(plainPath(event))
	}
	u := &url.URL{RawQuery: event.RawQueryString}
	if u.RawQuery == "" && len(event.QueryStringParameters) > 0 {
		// An event written by hand.
		values := make(url.Values, len(event.QueryStringParameters))
		for name, value := range event.QueryStringParameters {
			values.Set(name, value)
		}
		u.RawQuery = values.Encode()
	}
	path, err := url.PathUnescape(escaped)
	if err != nil {
		path = escaped // impossible: escaped is the result of escaping
	}
	u.Path = path
	if u.EscapedPath() != escaped {
		u.RawPath = escaped
	}
	return u
}

// routedPath rebuilds the path from the route that API Gateway chose and the
// values of its variables, "" if there is no route. API Gateway passes rawPath
// decoded: in it the id a%2Fb looks like two segments, and an id with %3F is
// cut off. The route and its variables are unambiguous, so that no id leads to
// another resource.
func routedPath(event Event) string {
	key := event.RouteKey
	if key == "" {
		key = event.RequestContext.RouteKey
	}
	_, path, ok := strings.Cut(key, " ")
	if !ok || !strings.HasPrefix(path, "/") {
		return "" // $default
	}
	segments := strings.Split(path[1:], "/")
	var b strings.Builder
	for _, segment := range segments {
		name, isVariable := strings.CutPrefix(segment, "{")
		if !isVariable {
			b.WriteString("/" + escapeSegment(segment))
			continue
		}
		name = strings.TrimSuffix(name, "}")
		name, isGreedy := strings.CutSuffix(name, "+")
		value, ok := event.PathParameters[name]
		if !ok || value == "" {
			return ""
		}
		if isGreedy {
			b.WriteString(escapePath("/" + strings.TrimPrefix(value, "/")))
		} else {
			b.WriteString("/" + escapeSegment(value))
		}
	}
	return b.String()
}

// plainPath returns the decoded path without the stage, which API Gateway
// prepends unless the stage is $default.
func plainPath(event Event) string {
	path := event.RawPath
	if path == "" {
		path = event.RequestContext.HTTP.Path
	}
	if stage := event.RequestContext.Stage; stage != "" && stage != "$default" {
		if rest, ok := strings.CutPrefix(path, "/"+stage); ok && (rest == "" || rest[0] == '/') {
			path = rest
		}
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path
}

// escapePath escapes a decoded path: a ?, # or % in it is an ordinary
// character.
func escapePath(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = escapeSegment(segment)
	}
	return strings.Join(segments, "/")
}

// escapeSegment escapes one segment. A segment of dots is escaped too: it is an
// id like any other here, not a parent folder.
func escapeSegment(segment string) string {
	switch segment {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	return url.PathEscape(segment)
}

// isToken reports whether net/http would accept a method. RFC 9110 §5.6.2
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			continue
		}
		if strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}
