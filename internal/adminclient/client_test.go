package adminclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNew_TakesNoOtherURL(t *testing.T) {
	for _, base := range []string{
		"", "x", "http://scim.example.com/admin/v1", "ftp://localhost/admin/v1", "https://scim.example.com", "https://scim.example.com/scim/v2",
		"https://scim.example.com/admin/v1?x=1", "http://10.0.0.1/admin/v1",
	} {
		_, err := New(base, Bearer("t"))
		assert.Errorf(t, err, "%q is taken", base)
	}
	for _, base := range []string{"https://scim.example.com/admin/v1", "http://127.0.0.1:1/admin/v1/", "http://localhost:1/admin/v1", "http://[::1]:1/admin/v1"} {
		_, err := New(base, Bearer("t"))
		assert.NoErrorf(t, err, "%q", base)
	}
}

// A request comes as it was meant, signed with its body, and is sent again where
// that does no harm.
func TestDo_SendsAgainWhatDoesNoHarm(t *testing.T) {
	for _, tt := range []struct {
		name, method string
		statuses     []int
		want         int
		tries        int
	}{
		{"at once", "GET", []int{200}, 200, 1},
		{"busy", "PUT", []int{503, 503, 200}, 200, 3},
		{"busy for long", "GET", []int{503, 503, 503, 503, 200}, 503, 4},
		{"a POST is not made twice", "POST", []int{503, 200}, 503, 1},
		{"a POST that was refused for haste", "POST", []int{429, 201}, 201, 2},
		{"refused", "PATCH", []int{409, 200}, 409, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tries := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.URL.EscapedPath() != "/admin/v1/tenants/a%2Fb" || r.URL.RawQuery != "limit=2" || r.Header.Get("Authorization") != "Bearer secret" || string(body) != `{"a":1}` {
					t.Errorf("%s %s?%s %s %s", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Authorization"), body)
				}
				status := tt.statuses[tries]
				tries++
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(status)
				if status >= 400 {
					_, _ = io.WriteString(w, `{"type":"https://x#busy","title":"Busy","detail":"Come again.","requestId":"r1"}`)
				} else {
					_, _ = io.WriteString(w, `{}`)
				}
			}))
			defer server.Close()
			c, err := New(server.URL+"/admin/v1", Bearer("secret"))
			require.NoError(t, err)
			c.wait = func(_ context.Context, d time.Duration) error {
				assert.Equalf(t, 7*time.Second, d, "waits %v", d)
				return nil
			}
			_, status, err := c.Do(t.Context(), tt.method, "/tenants/a%2Fb", url.Values{"limit": {"2"}}, map[string]int{"a": 1})
			assert.Truef(t, status == tt.want && tries == tt.tries, "%d after %d tries: %v", status, tries, err)
			var problem *Problem
			if refused := errors.As(err, &problem); refused != (tt.want >= 400) {
				t.Errorf("%v", err)
			} else if refused && (problem.Kind() != "busy" || problem.Error() != "Come again. (request r1)" || problem.Status != tt.want) {
				t.Errorf("%+v", problem)
			}
		})
	}
}

func TestDo_TellsWhoDoesNotAnswer(t *testing.T) {
	c, err := New("http://127.0.0.1:1/admin/v1", Bearer("secret"))
	require.NoError(t, err)
	c.wait = func(context.Context, time.Duration) error { return nil }
	_, _, err = c.Do(t.Context(), "GET", "/tenants", nil, nil)
	assert.Truef(t, errors.Is(err, ErrUnreachable) && !strings.Contains(err.Error(), "secret") && strings.Contains(err.Error(), "127.0.0.1:1"), "%v", err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/stolen", http.StatusFound)
	}))
	defer server.Close()
	c, err = New(server.URL+"/admin/v1", Bearer("secret"))
	require.NoError(t, err)
	_, status, err := c.Do(t.Context(), "GET", "/tenants", nil, nil)
	assert.Truef(t, status == http.StatusFound && err != nil, "a redirect: %d %v", status, err)
}
