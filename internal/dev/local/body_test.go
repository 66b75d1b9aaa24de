package local

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/lambdahttp"
)

// An endless is a body without an end that counts the bytes read.
type endless struct {
	text string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.text)
	}
	e.read += n
	return n, nil
}

// A body that is too large for an event is refused before or while it is read,
// and no function is called for it.
func TestGateway_RefusesALargeBodyWhileReading(t *testing.T) {
	calls := 0
	g, err := NewGateway([]Route{{Method: "ANY", Path: "/a", Function: "F"}}, map[string]LambdaHandler{
		"F": func(context.Context, lambdahttp.Event) (lambdahttp.Response, error) {
			calls++
			return lambdahttp.Response{StatusCode: http.StatusOK}, nil
		},
	})
	require.NoError(t, err)
	send := func(body io.Reader, kind string, length int64) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/a", body)
		r.Header.Set("Content-Type", kind)
		r.ContentLength = length
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		return w
	}
	const text, other = "application/json", "application/scim+json"
	for kind, limit := range map[string]int{text: MaxEventBytes, other: MaxEventBytes / 4 * 3} {
		body := &endless{text: "x"}
		if w := send(body, kind, -1); w.Code != http.StatusRequestEntityTooLarge || body.read > 2*limit || calls != 0 {
			t.Errorf("%s without an end: %d, %d bytes read, %d calls", kind, w.Code, body.read, calls)
		}
		body = &endless{text: "x"}
		if w := send(body, kind, int64(limit)+1); w.Code != http.StatusRequestEntityTooLarge || body.read != 0 || calls != 0 {
			t.Errorf("%s with its length: %d, %d bytes read, %d calls", kind, w.Code, body.read, calls)
		}
		const room = 4 << 10 // the rest of the event
		w := send(strings.NewReader(strings.Repeat("x", limit-room)), kind, -1)
		assert.Truef(t, w.Code == http.StatusOK && calls == 1, "%s that fits: %d, %d calls", kind, w.Code, calls)
		calls = 0
	}
	// Characters that become longer in an event count with that length.
	for grown, by := range map[string]int{`"`: 2, "\\": 2, "\n": 2, "<": 6, "\x01": 6} {
		w := send(strings.NewReader(strings.Repeat(grown, MaxEventBytes/by+1)), text, -1)
		assert.Truef(t, w.Code == http.StatusRequestEntityTooLarge && calls == 0, "%q: %d, %d calls", grown, w.Code, calls)
	}
}
