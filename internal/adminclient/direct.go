package adminclient

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
)

// Direct returns a Client of a service in the same process. Its requests take no connection, and
// each has the context of the call.
func Direct(service http.Handler, authorize Authorize) *Client {
	return &Client{
		base: &url.URL{Scheme: "http", Host: "localhost", Path: "/admin/v1"}, authorize: authorize,
		http: &http.Client{Transport: direct{service}}, wait: sleep,
	}
}

// direct sends requests to a handler.
type direct struct{ service http.Handler }

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Clone(r.Context())
	sent.RequestURI = r.URL.RequestURI()
	if sent.Body == nil {
		sent.Body = http.NoBody
	}
	got := &answered{status: http.StatusOK, header: http.Header{}}
	d.service.ServeHTTP(got, sent)
	return &http.Response{
		StatusCode: got.status, Status: http.StatusText(got.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: got.header, Body: io.NopCloser(&got.body), ContentLength: int64(got.body.Len()), Request: r,
	}, nil
}

// answered is the answer of a handler.
type answered struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answered) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answered) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *answered) Write(b []byte) (int, error) { return a.body.Write(b) }
