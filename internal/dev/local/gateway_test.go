package local

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
	"github.com/rollcall-scim/rollcall/internal/web"
)

var testRoutes = []Route{
	{Method: "ANY", Path: "/scim/v2/Users", Function: "F"},
	{Method: "ANY", Path: "/scim/v2/Users/{id}", Function: "F"},
	{Method: "", Path: "$default", Function: "F"},
}

// gateway returns a gateway that serves testRoutes with one function.
func gateway(t testing.TB, f LambdaHandler) *Gateway {
	t.Helper()
	g, err := NewGateway(testRoutes, map[string]LambdaHandler{"F": f})
	require.NoError(t, err)
	return g
}

// raw sends a request as written, without the corrections of net/http's client,
// and returns the answer.
func raw(t testing.TB, h http.Handler, request string) *http.Response {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}

// event returns the event of a raw request.
func event(t testing.TB, request string) lambdahttp.Event {
	t.Helper()
	var got lambdahttp.Event
	g := gateway(t, func(_ context.Context, e lambdahttp.Event) (lambdahttp.Response, error) {
		got = e
		return lambdahttp.Response{StatusCode: http.StatusOK}, nil
	})
	response := raw(t, g, request)
	require.Equalf(t, http.StatusOK, response.StatusCode, "status %d for %q", response.StatusCode, request)
	return got
}

func TestGateway_SendsAPIGatewaysEvent(t *testing.T) {
	got := event(t, "PATCH /scim/v2/Users/a%2Fb%00c?filter=userName+eq+\"dale%40example.com\"&a=1&a=2 HTTP/1.1\r\n"+
		"Host: scim.example.com:8080\r\n"+
		"Authorization: Bearer x\r\n"+
		"User-Agent: Okta SCIM Client 1.0.0\r\n"+
		"If-Match: W/\"1\"\r\nIf-Match: \"2,3\"\r\n"+
		"Cookie: a=1; b=2\r\nCookie: c=3\r\n"+
		"X-Forwarded-For: 192.0.2.9\r\n"+
		"Connection: keep-alive\r\n"+
		"Content-Type: application/scim+json\r\nContent-Length: 2\r\n\r\n{}")

	for name, want := range map[string]string{
		"authorization":     "Bearer x",
		"user-agent":        "Okta SCIM Client 1.0.0",
		"if-match":          `W/"1","2,3"`,
		"host":              "scim.example.com:8080",
		"content-length":    "2",
		"x-forwarded-for":   "192.0.2.9, 127.0.0.1",
		"x-forwarded-port":  "8080",
		"x-forwarded-proto": "http",
	} {
		assert.Equalf(t, want, got.Headers[name], "header %s", name)
	}
	for name := range got.Headers {
		assert.Truef(t, name == strings.ToLower(name) && name != "cookie" && name != "connection", "header %s", name)
	}
	if !regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$`).MatchString(got.Headers["x-amzn-trace-id"]) {
		t.Errorf("trace id %q", got.Headers["x-amzn-trace-id"])
	}

	c := got.RequestContext
	if c.RequestID == "" || c.DomainName != "scim.example.com:8080" || c.DomainPrefix != "scim" || c.HTTP.SourceIP != "127.0.0.1" {
		t.Errorf("request context %+v", c)
	}
	when, err := time.Parse("02/Jan/2006:15:04:05 -0700", c.Time)
	assert.Truef(t, err == nil && time.UnixMilli(c.TimeEpoch).Unix() == when.Unix(), "time %q, epoch %d: %v", c.Time, c.TimeEpoch, err)

	got.Headers = nil
	got.RequestContext = c
	got.RequestContext.Time, got.RequestContext.TimeEpoch, got.RequestContext.RequestID = "", 0, ""
	want := lambdahttp.Event{
		Version:               "2.0",
		RouteKey:              "ANY /scim/v2/Users/{id}",
		RawPath:               "/scim/v2/Users/a/b\x00c",
		RawQueryString:        `filter=userName+eq+"dale%40example.com"&a=1&a=2`,
		Cookies:               []string{"a=1", "b=2", "c=3"},
		QueryStringParameters: map[string]string{"filter": `userName eq "dale@example.com"`, "a": "1,2"},
		PathParameters:        map[string]string{"id": "a/b\x00c"},
		Body:                  base64.StdEncoding.EncodeToString([]byte("{}")),
		IsBase64Encoded:       true,
	}
	w := &want.RequestContext
	w.RouteKey, w.AccountID, w.Stage, w.APIID = want.RouteKey, "000000000000", "$default", "local"
	w.DomainName, w.DomainPrefix = "scim.example.com:8080", "scim"
	w.HTTP.Method, w.HTTP.Path, w.HTTP.Protocol = "PATCH", want.RawPath, "HTTP/1.1"
	w.HTTP.SourceIP, w.HTTP.UserAgent = "127.0.0.1", "Okta SCIM Client 1.0.0"
	assert.Equalf(t, want, got, "event\n%+v\nwant\n%+v", got, want)
}

func TestGateway_BodyIsTextOrBase64(t *testing.T) {
	for _, tt := range []struct {
		mediaType, body string
		base64          bool
	}{
		{"application/json", "{}", false},
		{"Application/JSON; charset=UTF-8", "{}", false},
		{"text/plain", "x", false},
		{"text/csv", "x", false},
		{"application/xml", "<a/>", false},
		{"application/javascript", "x", false},
		{"application/json; charset=iso-8859-1", "{}", true},
		{"application/json; profile=x", "{}", true},
		{"application/scim+json", "{}", true},
		{"application/scim+json; charset=utf-8", "{}", true},
		{"application/problem+json", "{}", true},
		{"application/x-www-form-urlencoded", "a=1", true},
		{"application/octet-stream", "x", true},
		{"", "{}", true},
		{"nonsense;;", "{}", true},
		{"application/json", "\xff", true},
		{"application/scim+json", "", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/scim/v2/Users", strings.NewReader(tt.body))
		if tt.mediaType != "" {
			r.Header.Set("Content-Type", tt.mediaType)
		}
		got := newEvent(r, []byte(tt.body), testRoutes[0], nil, time.Now())
		body := got.Body
		if got.IsBase64Encoded {
			b, err := base64.StdEncoding.DecodeString(body)
			require.NoError(t, err)
			body = string(b)
		}
		if got.IsBase64Encoded != tt.base64 || body != tt.body {
			t.Errorf("%q of %q: base64 %t %q, want %t", tt.body, tt.mediaType, got.IsBase64Encoded, body, tt.base64)
		}
	}
}

func TestGateway_AnswersOfAPIGateway(t *testing.T) {
	reply := func(response lambdahttp.Response, err error) LambdaHandler {
		return func(context.Context, lambdahttp.Event) (lambdahttp.Response, error) { return response, err }
	}
	fine := reply(lambdahttp.Response{StatusCode: http.StatusOK}, nil)
	late := func(context.Context, lambdahttp.Event) (lambdahttp.Response, error) {
		return lambdahttp.Response{}, nil
	}
	for name, tt := range map[string]struct {
		function LambdaHandler
		path     string
		body     int
		status   int
		message  string
	}{
		"no route":                {fine, "/nowhere", 0, http.StatusNotFound, "Not Found"},
		"body over 10 MB":         {fine, "/a", 10<<20 + 1, http.StatusRequestEntityTooLarge, "Request Entity Too Large"},
		"event over 6 MB":         {fine, "/a", 5 << 20, http.StatusRequestEntityTooLarge, "Request Entity Too Large"},
		"function fails":          {reply(lambdahttp.Response{}, errors.New("secret")), "/a", 0, http.StatusInternalServerError, "Internal Server Error"},
		"function answers badly":  {reply(lambdahttp.Response{StatusCode: 0}, nil), "/a", 0, http.StatusInternalServerError, "Internal Server Error"},
		"function answers no b64": {reply(lambdahttp.Response{StatusCode: 200, Body: "!", IsBase64Encoded: true}, nil), "/a", 0, http.StatusInternalServerError, "Internal Server Error"},
		"function is late":        {late, "/a", 0, http.StatusServiceUnavailable, "Service Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := NewGateway([]Route{{Method: "ANY", Path: "/a", Function: "F"}}, map[string]LambdaHandler{"F": tt.function})
			require.NoError(t, err)
			r := httptest.NewRequest(http.MethodPost, tt.path, bytes.NewReader(make([]byte, tt.body)))
			if name == "function is late" {
				ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
				defer cancel()
				r = r.WithContext(ctx)
			}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			var got struct{ Message string }
			err = json.Unmarshal(w.Body.Bytes(), &got)
			require.NoErrorf(t, err, "%v in %s", err, w.Body)
			if w.Code != tt.status || got.Message != tt.message || w.Header().Get("Content-Type") != "application/json" ||
				w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%d %s, want %d %q", w.Code, w.Body, tt.status, tt.message)
			}
		})
	}
}

func TestNewGateway_NeedsEveryFunction(t *testing.T) {
	_, err := NewGateway(testRoutes, nil)
	assert.Truef(t, err != nil && strings.Contains(err.Error(), "function F"), "got %v", err)
}

// A sight is everything that a handler can see of a request, except the
// spelling of its path (%2e for a dot), which API Gateway's decoding loses.
type sight struct {
	Method, Path, Query, ID, Host, Body string
	Header                              map[string]string
}

// witness returns a handler that answers with the request as it arrived, and
// with the request's body.
func witness() http.Handler {
	mux := http.NewServeMux()
	see := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		header := make(map[string]string)
		for name, values := range r.Header {
			header[name] = strings.Join(values, ",")
		}
		for _, name := range []string{ // headers added on the way
			"X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", web.InvocationHeader, web.APIRequestHeader, web.TraceHeader,
			"Content-Length", "Connection",
		} {
			delete(header, name)
		}
		w.Header().Set("Content-Type", "application/scim+json")
		w.Header().Set("Etag", `W/"1,2"`)
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(sight{
			r.Method, r.URL.Path, r.URL.RawQuery, r.PathValue("id"), r.Host, string(body), header,
		})
		_, _ = w.Write(body)
	}
	mux.HandleFunc("/scim/v2/Users", see)
	mux.HandleFunc("/scim/v2/Users/{id}", see)
	return mux
}

// A handler sees the same request, and its client the same answer, over plain
// HTTP and through gateway, event, JSON and lambdahttp.
func TestGateway_ChangesNoRequestOrAnswer(t *testing.T) {
	handler := witness()
	direct := httptest.NewServer(handler)
	defer direct.Close()
	through := httptest.NewServer(gateway(t, lambdahttp.Handler(handler)))
	defer through.Close()

	text := rapid.StringMatching(`[ -~]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.OneOf(
			rapid.StringMatching(`[A-Za-z0-9_-]{1,40}`),
			rapid.SampledFrom([]string{"a%2Fb", "a%00b", "%2E%2E", "%2e", "a+b", "a%20b", "a%25b", "a%3Fb", "a%23b", "caf%C3%A9", "a,b", "a;b=c", "*", "%2F", "~"}),
		).Draw(t, "id")
		query := rapid.OneOf(
			rapid.Just(""),
			rapid.StringMatching(`[a-zA-Z0-9=&+%"',;:.\[\]-]{0,40}`),
			rapid.Just(`filter=userName+eq+"dale%40example.com"`),
		).Draw(t, "query")
		method := rapid.SampledFrom([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}).Draw(t, "method")
		body := ""
		if method != "GET" {
			body = rapid.OneOf(rapid.Just(""), rapid.String(), rapid.Just("\xff\xfe\x00"), rapid.Just(`{"a":"<&>"}`)).Draw(t, "body")
		}
		target := "/scim/v2/Users/" + id
		if query != "" {
			target += "?" + query
		}
		var head strings.Builder
		for _, name := range []string{"If-Match", "If-None-Match", "User-Agent", "Authorization", "Accept", "X-Any"} {
			for _, value := range rapid.SliceOfN(text, 0, 2).Draw(t, name) {
				if value = strings.TrimSpace(value); value != "" {
					head.WriteString(name + ": " + value + "\r\n")
				}
			}
		}
		if mediaType := rapid.SampledFrom([]string{"", "application/json", "application/scim+json", "text/plain; charset=utf-8"}).Draw(t, "type"); mediaType != "" {
			head.WriteString("Content-Type: " + mediaType + "\r\n")
		}
		if rapid.Bool().Draw(t, "cookies") {
			head.WriteString("Cookie: a=1; b=2\r\n")
		}
		request := method + " " + target + " HTTP/1.1\r\nHost: scim.example.com\r\n" + head.String()
		if body != "" {
			request += "Transfer-Encoding: chunked\r\n\r\n" + chunked(body)
		} else {
			request += "\r\n"
		}

		want, wantBody := exchange(t, direct, request)
		got, gotBody := exchange(t, through, request)
		for _, h := range []http.Header{want.Header, got.Header} {
			h.Del("Date")
			h.Del("Apigw-Requestid")
			h.Del("Content-Length")
		}
		if got.StatusCode != want.StatusCode || !bytes.Equal(gotBody, wantBody) || !reflect.DeepEqual(got.Header, want.Header) {
			t.Fatalf("request %q\ngot  %d %v %s\nwant %d %v %s", request, got.StatusCode, got.Header, gotBody, want.StatusCode, want.Header, wantBody)
		}
	})
}

// A compressed answer reaches the client unchanged, and only a client that asks
// for one.
func TestGateway_PassesGzip(t *testing.T) {
	const plain = `{"Resources":[]}`
	server := httptest.NewServer(gateway(t, lambdahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		w.Header().Set("Vary", "Accept-Encoding")
		if r.Header.Get("Accept-Encoding") == "" {
			_, _ = io.WriteString(w, plain)
			return
		}
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = io.WriteString(z, plain)
		_ = z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", fmt.Sprint(packed.Len()))
		_, _ = w.Write(packed.Bytes())
	}))))
	defer server.Close()
	for name, tt := range map[string]*struct {
		transport    http.Transport
		accepted     string
		coding       string
		uncompressed bool
	}{
		"Go's client":             {coding: "", uncompressed: true},
		"curl":                    {transport: http.Transport{DisableCompression: true}},
		"a client that asks":      {accepted: "gzip", coding: "gzip"},
		"a client that asks more": {accepted: "br, gzip;q=0.5", coding: "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			defer tt.transport.CloseIdleConnections()
			r, _ := http.NewRequest(http.MethodGet, server.URL+"/scim/v2/Users", nil)
			if tt.accepted != "" {
				r.Header.Set("Accept-Encoding", tt.accepted)
			}
			response, err := tt.transport.RoundTrip(r)
			require.NoError(t, err)
			got, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			require.NoError(t, err)
			if response.Header.Get("Content-Encoding") != tt.coding || response.Uncompressed != tt.uncompressed ||
				response.Header.Get("Vary") != "Accept-Encoding" || !tt.uncompressed && response.ContentLength != int64(len(got)) {
				t.Errorf("%d bytes under %v, uncompressed %t", len(got), response.Header, response.Uncompressed)
			}
			if tt.coding != "" {
				z, err := gzip.NewReader(bytes.NewReader(got))
				require.NoError(t, err)
				got, err = io.ReadAll(z)
				require.NoError(t, err)
			}
			assert.Equalf(t, plain, string(got), "got %q, want %q", got, plain)
		})
	}
}

// exchange sends a raw request on its own connection.
func exchange(t *rapid.T, server *httptest.Server, request string) (*http.Response, []byte) {
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, body
}

// chunked returns a body in chunked encoding, in one chunk.
func chunked(body string) string {
	return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
}

// A route with IAM authorization accepts authorized callers and passes their
// identity to the function; a client's claims about itself are ignored.
func TestGateway_AcceptsAuthorizedCallers(t *testing.T) {
	var operator string
	h := lambdahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operator = r.Header.Get(web.OperatorHeader)
		w.WriteHeader(http.StatusNoContent)
	}))
	routes := []Route{
		{Method: "GET", Path: "/admin", Function: "F", IAM: true},
		{Method: "GET", Path: "/open", Function: "F"},
	}
	g, err := NewGateway(routes, map[string]LambdaHandler{"F": h})
	require.NoError(t, err)
	send := func(path, authorization string) int {
		t.Helper()
		operator = ""
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		r.Header.Set("Authorization", authorization)
		r.Header.Set(web.OperatorHeader, "arn:aws:iam::1:user/forged")
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		return w.Code
	}
	status := send("/admin", "Bearer x")
	assert.Truef(t, status == http.StatusForbidden && operator == "", "without Authorize: %d, passed on %q", status, operator)
	g.Authorize = func(r *http.Request) (string, bool) {
		return "arn:aws:iam::1:user/a", r.Header.Get("Authorization") == "Bearer x"
	}
	for _, tt := range []struct {
		path, authorization string
		status              int
		operator            string
	}{
		{"/admin", "Bearer x", http.StatusNoContent, "arn:aws:iam::1:user/a"},
		{"/admin", "Bearer y", http.StatusForbidden, ""},
		{"/admin", "", http.StatusForbidden, ""},
		{"/open", "Bearer x", http.StatusNoContent, ""},
	} {
		status := send(tt.path, tt.authorization)
		assert.Truef(t, status == tt.status && operator == tt.operator, "%s with %q: %d, passed on %q", tt.path, tt.authorization, status, operator)
	}
}
