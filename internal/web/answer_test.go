package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAnswer_IsSentWithTheHeadersOfEveryAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		answer Answer
		header string
		body   string
	}{
		"a document": {"GET", Answer{Status: 200, Body: []byte("{}"), MediaType: "application/json"}, "Content-Length: 2\nContent-Type: application/json", "{}"},
		"by HEAD":    {"HEAD", Answer{Status: 200, Body: []byte("{}"), MediaType: "application/json"}, "Content-Length: 2\nContent-Type: application/json", ""},
		"no body":    {"DELETE", Answer{Status: 204, MediaType: "application/json"}, "", ""},
		"a method":   {"PUT", Answer{Status: 405, Allow: []string{"GET", "HEAD"}}, "Allow: GET, HEAD", ""},
		"a wait":     {"PUT", Answer{Status: 503, RetryAfter: 5}, "Retry-After: 5", ""},
		"a redirect": {"GET", *Redirect(303, "/x"), "Location: /x", ""},
		"its own":    {"GET", Answer{Status: 200, Header: map[string]string{"ETag": "1", "Vary": ""}}, "Etag: 1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			c.answer.Send(w, httptest.NewRequestWithContext(t.Context(), c.method, "/", nil), "id")
			want := http.Header{"Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"}, "X-Request-Id": {"id"}}
			for line := range strings.Lines(c.header) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				want.Set(name, value)
			}
			if w.Code != c.answer.Status || w.Body.String() != c.body || len(w.Header()) != len(want) {
				t.Errorf("%d %v %q, want %v", w.Code, w.Header(), w.Body, want)
			}
			for name := range want {
				if w.Header().Get(name) != want.Get(name) {
					t.Errorf("%s: %q, want %q", name, w.Header().Get(name), want.Get(name))
				}
			}
		})
	}
}

func TestRecovered_LeavesOutTheValue(t *testing.T) {
	panics := func() (err error) {
		defer Recovered(&err)
		panic("secret")
	}
	err := panics()
	assert.Truef(t, err != nil && strings.HasPrefix(err.Error(), "panic of type string at ") && !strings.Contains(err.Error(), "secret"), "%v", err)
}

func TestReadBody_StopsAtTheLimit(t *testing.T) {
	for text, want := range map[string]error{"": nil, "abc": nil, "abcd": ErrBodyTooLarge} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(text))
		body, err := ReadBody(r, 3)
		assert.Truef(t, errors.Is(err, want) && (want != nil || string(body) == text), "%q: %q, %v", text, body, err)
	}
}
