package web

import (
	"errors"
	"io"
	"net/http"
)

// ErrBodyTooLarge is the error of a body that is longer than is accepted.
var ErrBodyTooLarge = errors.New("web: the body is too large")

// ReadBody reads the body of a request. The limit holds while it is read; any other error than
// ErrBodyTooLarge is one of the connection.
func ReadBody(r *http.Request, most int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, most))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, ErrBodyTooLarge
	}
	return body, err
}
