package local

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
)

// newEvent returns the event that an HTTP API makes of a request, payload
// format 2.0, at its $default stage.
func newEvent(r *http.Request, body []byte, route Route, parameters map[string]string, now time.Time) lambdahttp.Event {
	sourceIP, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		sourceIP = r.RemoteAddr
	}
	// It is decoded, although it is called raw: API Gateway does so.
	path, err := url.PathUnescape(r.URL.EscapedPath())
	if err != nil {
		path = r.URL.Path
	}
	headers, cookies := eventHeaders(r, sourceIP, now)
	event := lambdahttp.Event{
		Version:               "2.0",
		RouteKey:              route.Key(),
		RawPath:               path,
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies,
		Headers:               headers,
		QueryStringParameters: eventQuery(r.URL.RawQuery),
		PathParameters:        parameters,
	}
	if len(body) > 0 {
		event.IsBase64Encoded = !isText(r.Header.Get("Content-Type")) || !utf8.Valid(body)
		if event.IsBase64Encoded {
			event.Body = base64.StdEncoding.EncodeToString(body)
		} else {
			event.Body = string(body)
		}
	}
	c := &event.RequestContext
	c.RouteKey = event.RouteKey
	c.AccountID = "000000000000"
	c.Stage = "$default"
	c.RequestID = base64.StdEncoding.EncodeToString(random(11))
	c.APIID = "local"
	c.DomainName = r.Host
	c.DomainPrefix, _, _ = strings.Cut(r.Host, ".")
	c.Time = now.UTC().Format("02/Jan/2006:15:04:05 -0700")
	c.TimeEpoch = now.UnixMilli()
	c.HTTP.Method = r.Method
	c.HTTP.Path = path
	c.HTTP.Protocol = r.Proto
	c.HTTP.SourceIP = sourceIP
	c.HTTP.UserAgent = r.UserAgent()
	return event
}

// hopHeaders concern the connection only and end at API Gateway.
var hopHeaders = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-connection": true, "te": true,
	"trailer": true, "transfer-encoding": true, "upgrade": true, "expect": true,
}

// eventHeaders returns the headers with lower-case names, repeated values
// joined by commas, and API Gateway's own headers; cookies are separate.
func eventHeaders(r *http.Request, sourceIP string, now time.Time) (headers map[string]string, cookies []string) {
	headers = make(map[string]string, len(r.Header)+5)
	for name, values := range r.Header {
		name = strings.ToLower(name)
		switch {
		case hopHeaders[name]:
		case name == "cookie":
			for _, value := range values {
				for cookie := range strings.SplitSeq(value, ";") {
					if cookie = strings.TrimSpace(cookie); cookie != "" {
						cookies = append(cookies, cookie)
					}
				}
			}
		default:
			headers[name] = strings.Join(values, ",")
		}
	}
	headers["host"] = r.Host
	if r.ContentLength >= 0 {
		headers["content-length"] = fmt.Sprint(r.ContentLength)
	}
	forwarded := sourceIP
	if before := headers["x-forwarded-for"]; before != "" {
		forwarded = before + ", " + sourceIP
	}
	headers["x-forwarded-for"] = forwarded
	headers["x-forwarded-proto"] = "http"
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		port = "80"
	}
	headers["x-forwarded-port"] = port
	headers["x-amzn-trace-id"] = traceRoot(now)
	return headers, cookies
}

// traceRoot returns a new trace id in X-Ray's form.
func traceRoot(now time.Time) string {
	return fmt.Sprintf("Root=1-%08x-%s", now.Unix(), hex.EncodeToString(random(12)))
}

// eventQuery returns the decoded query, with the values of a repeated name
// joined by commas, or nil if there is none. A part that cannot be decoded is
// left out.
func eventQuery(raw string) map[string]string {
	values, _ := url.ParseQuery(raw) // malformed parts are left out
	if len(values) == 0 {
		return nil
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	query := make(map[string]string, len(values))
	for _, name := range names {
		query[name] = strings.Join(values[name], ",")
	}
	return query
}

// isText reports whether an HTTP API passes on a body of the media type as
// text. AWS documents no list. Measured on a real one, text is text/*,
// application/json, application/xml and application/javascript, with no
// parameter except charset=utf-8. Everything else is base64: SCIM's
// application/scim+json, any other +json, and a body without a media type.
func isText(contentType string) bool {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	for name, value := range parameters {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	switch mediaType {
	case "application/json", "application/xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(mediaType, "text/")
}

// random returns n random bytes.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
