package fuzz

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/rollcall-scim/rollcall/internal/access"
	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
)

// Any request, in any encoding as an event, keeps the promises of check.
func FuzzRequest(f *testing.F) {
	w := newWorld(f)
	for _, s := range seeds(f) {
		f.Add(s.method, s.target, s.headers, []byte(s.body), uint16(s.form))
	}
	f.Fuzz(func(t *testing.T, method, target, headers string, body []byte, bits uint16) {
		s := sent{method, target, headers, string(body), form(bits)}
		function, event := w.event(t, s)
		w.send(t, function, event, method).check(t, w, question{
			function: function, method: method, plain: s.plain(), tenants: s.tenants(), operator: s.form&authorized != 0,
		})
	})
}

// Any event, whether API Gateway could have sent it or not, keeps them too.
func FuzzEvent(f *testing.F) {
	w := newWorld(f)
	for _, e := range events(f) {
		payload, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	for _, payload := range []string{
		`{}`, `{"requestContext":{"http":{"method":"GET"}}}`,
		`{"routeKey":"ANY /scim/v2/Users/{id}","pathParameters":{"id":"../Groups"},"requestContext":{"http":{"method":"GET"}}}`,
		`{"routeKey":"$default","rawPath":"/scim/v2/Users","headers":{"authorization":"Bearer ` + fixture.Token + `"},"isBase64Encoded":true,"body":"e","requestContext":{"http":{"method":"POST"}}}`,
	} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var event lambdahttp.Event
		if json.Unmarshal(payload, &event) != nil {
			return // lambdahttp answers it without a handler
		}
		function := "BulkFunction"
		for _, name := range []string{"Users", "Groups", "Admin", "Discovery", "OAuth"} {
			if strings.Contains(strings.ToLower(event.RouteKey), strings.ToLower(name)) {
				function = name + "Function"
			}
		}
		var tenants, claimed []string
		for _, text := range event.Headers {
			tenants = append(tenants, named(text)...)
			for _, word := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' }) {
				if token, err := access.Parse(word); err == nil {
					claimed = append(claimed, token.Tenant.String())
				}
			}
		}
		method := event.RequestContext.HTTP.Method
		a := event.RequestContext.Authorizer
		w.send(t, function, event, method).check(t, w, question{
			function: function, method: method, tenants: tenants, claimed: claimed, operator: a != nil && a.IAM != nil && a.IAM.UserARN != "",
		})
	})
}

// tenants are the tenants that the request's credential belongs to.
func (s sent) tenants() []string {
	switch {
	case s.form&authorized != 0 || s.form&(brokenToken|twoTokens) != 0:
		return nil
	case s.form&noToken != 0:
		return named(s.headers)
	case s.form&revokedToken == 0 && s.form&otherToken != 0:
		return []string{"full"}
	}
	return []string{"acme"}
}

// named returns the tenants whose tokens are in a text.
func named(text string) []string {
	var all []string
	for name, token := range tokens {
		if strings.Contains(text, token) {
			all = append(all, name)
		}
	}
	if strings.Contains(text, fixture.RevokedToken) {
		all = append(all, "acme")
	}
	return all
}

// credential returns the value of the header Authorization, "" for none.
func (s sent) credential() string {
	switch {
	case s.form&(noToken|authorized) != 0:
		return ""
	case s.form&brokenToken != 0:
		return "Bearer " + fixture.Token[:len(fixture.Token)-1] + "7"
	case s.form&twoTokens != 0:
		return "Bearer " + fixture.Token + ",Bearer " + fixture.FullToken
	case s.form&revokedToken != 0:
		return "Bearer " + fixture.RevokedToken
	case s.form&otherToken != 0:
		return "Bearer " + fixture.FullToken
	}
	return "Bearer " + fixture.Token
}

// plain reports whether the canary is only where it is a secret: in a password or a cookie.
func (s sent) plain() bool {
	for line := range strings.Lines(s.headers) {
		name, _, _ := strings.Cut(line, ":")
		if strings.Contains(line, canary) && !strings.EqualFold(strings.TrimSpace(name), "cookie") {
			return false
		}
	}
	if strings.Contains(s.target, canary) {
		return false
	}
	if !strings.Contains(s.body, canary) {
		return true
	}
	var document any
	return json.Unmarshal([]byte(s.body), &document) == nil && !elsewhere(document)
}

// elsewhere reports whether a document has the canary in another place than a password.
func elsewhere(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, canary)
	case []any:
		for _, e := range v {
			if elsewhere(e) {
				return true
			}
		}
	case map[string]any:
		for name, e := range v {
			if text, ok := e.(string); ok && strings.EqualFold(name, "password") && text != "" {
				continue
			}
			if strings.Contains(name, canary) || elsewhere(e) {
				return true
			}
		}
	}
	return false
}

// event returns the event of a request, and the function that gets it.
func (w *world) event(t *testing.T, s sent) (function string, event lambdahttp.Event) {
	path, query, _ := strings.Cut(s.target, "?")
	if s.form&unrouted == 0 {
		function, event = w.route(t, s, path)
	}
	if function == "" {
		decoded, err := url.PathUnescape(path)
		if err != nil {
			decoded = path
		}
		function, event = "BulkFunction", lambdahttp.Event{RouteKey: "$default", RawPath: decoded}
	}
	event.RawQueryString = query
	event.RequestContext.Authorizer = nil
	if s.form&authorized != 0 {
		lambdahttp.Authorize(&event, operator)
	}
	if s.form&asRawPath != 0 {
		event.RawPath = path
	}
	if s.form&staged != 0 {
		event.RequestContext.Stage, event.RawPath = "prod", "/prod"+event.RawPath
	}
	if s.form&parametersOnly != 0 {
		event.QueryStringParameters, event.RawQueryString = map[string]string{}, ""
		if values, err := url.ParseQuery(query); err == nil {
			for name := range values {
				event.QueryStringParameters[name] = strings.Join(values[name], ",")
			}
		}
	}
	s.addHeaders(&event)
	s.addBody(&event)
	return function, event
}

// route returns the event that API Gateway would make of the request's path, and the
// function of its route; "" if it has none.
func (w *world) route(t *testing.T, s sent, path string) (function string, event lambdahttp.Event) {
	u, err := url.ParseRequestURI(path)
	if err != nil || u.Host != "" {
		return "", event
	}
	r := &http.Request{Method: s.method, URL: u, Host: "scim.test", Proto: "HTTP/1.1", Header: http.Header{}, Body: http.NoBody}
	w.routed = lambdahttp.Event{}
	w.routes.ServeHTTP(httptest.NewRecorder(), r.WithContext(t.Context()))
	if w.routed.RouteKey == "" {
		return "", event
	}
	return w.routes.Route(s.method, u.EscapedPath()).Function, w.routed
}

// addHeaders adds headers, cookies and the credential. The values of a repeated header are
// joined, as API Gateway does.
func (s sent) addHeaders(event *lambdahttp.Event) {
	event.Headers = map[string]string{}
	event.Cookies = nil
	for line := range strings.Lines(s.headers) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case name == "authorization" && s.form&noToken == 0:
			continue
		case name == "cookie" && s.form&withCookies != 0:
			event.Cookies = append(event.Cookies, strings.TrimSpace(value))
			continue
		case s.form&upperNames != 0:
			name = strings.ToUpper(name)
		case textproto.TrimString(name) == "":
			continue
		}
		if before, ok := event.Headers[name]; ok {
			value = before + "," + value
		}
		event.Headers[name] = value
	}
	if text := s.credential(); text != "" {
		event.Headers["authorization"] = text
	}
}

// addBody adds the body.
func (s sent) addBody(event *lambdahttp.Event) {
	body := []byte(s.body)
	if s.form&asGzip != 0 {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(body)
		_ = z.Close()
		body, event.Headers["content-encoding"] = b.Bytes(), "gzip"
	}
	event.Body, event.IsBase64Encoded = string(body), false
	if s.form&(asBase64|asGzip) != 0 {
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	if s.form&notBase64 != 0 {
		event.IsBase64Encoded = !event.IsBase64Encoded
	}
}
