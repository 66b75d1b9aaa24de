package lambdahttp

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/awslabs/aws-lambda-go-api-proxy/core"
)

// responseWriter builds an HTTP API's response from what a handler writes. It
// keeps net/http's promises where the library's writer does not: the first
// status counts, headers are those at that moment, a handler that writes
// nothing answers 200, and 204 and 304 have no body.
type responseWriter struct {
	proxy  *core.ProxyResponseWriterV2
	header http.Header
	status int
}

func newResponseWriter() *responseWriter {
	return &responseWriter{proxy: core.NewProxyResponseWriterV2(), header: make(http.Header)}
}

// Header returns the response's header, until the status is written.
func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader writes the status, once. An informational one is dropped: an
// event has a single response.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status = status
	for name, values := range w.header {
		w.proxy.Header()[name] = append([]string(nil), values...)
	}
	w.proxy.WriteHeader(status)
}

// Write writes a part of the body.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	return w.proxy.Write(p)
}

// response returns what was written: text as it is, anything else in base64,
// the values of a repeated header joined, cookies apart. Text means UTF-8,
// which gzip never is: the second byte of its header cannot follow the first.
func (w *responseWriter) response(ctx context.Context) Response {
	w.WriteHeader(http.StatusOK)
	response, err := w.proxy.GetProxyResponse()
	if err != nil {
		// It fails only when no status was written.
		return refuse(ctx, panicked, "", "", slog.String("error", err.Error()))
	}
	return response
}
