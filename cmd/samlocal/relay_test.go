package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// frame returns a piece of Docker's stream.
func frame(stream byte, content string) string {
	return string([]byte{stream, 0, 0, 0, 0, 0, byte(len(content) >> 8), byte(len(content))}) + content
}

func TestSplitLines_GivesEachLineAFrame(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, tt := range map[string]struct{ in, want string }{
		"together":     {frame(1, "{}\nEND x\nREPORT x\n"), frame(1, "{}\n") + frame(1, "END x\n") + frame(1, "REPORT x\n")},
		"no last line": {frame(2, "a\nb"), frame(2, "a\n") + frame(2, "b")},
		"single lines": {frame(1, "a\n") + frame(2, long), frame(1, "a\n") + frame(2, long)},
		"cut off":      {frame(1, "a\n") + frame(1, "bcd")[:9], frame(1, "a\n")},
	} {
		var out bytes.Buffer
		err := splitLines(&out, strings.NewReader(tt.in))
		assert.Truef(t, err != nil && out.String() == tt.want, "%s: %q %v, want %q", name, out.String(), err, tt.want)
	}
}

// fakeDocker answers an attach with a stream, and everything else with its path
// and body.
func fakeDocker(t *testing.T, socket, stream string) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !strings.HasSuffix(q.URL.Path, "/attach") {
			body, _ := io.ReadAll(q.Body)
			_, _ = io.WriteString(w, q.URL.RequestURI()+" "+string(body))
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 UPGRADED\r\nUpgrade: "+q.Header.Get("Upgrade")+"\r\n\r\n"+stream)
		_ = c.Close()
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
}

func TestRelay_HandsOnAndSplitsWhatContainersSay(t *testing.T) {
	s := newTestSession(t)
	socket := filepath.Join(t.TempDir(), "d")
	fakeDocker(t, socket, frame(1, "END\nREPORT\n"))
	host, err := s.startRelay("unix://" + socket)
	require.NoError(t, err)
	dial := func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", strings.TrimPrefix(host, "unix://"))
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial}}
	r, err := client.Post("http://docker/v1.41/build?t=a%2Fb", "application/x-tar", strings.NewReader("tar"))
	require.NoError(t, err)
	body, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	assert.Equalf(t, "/v1.41/build?t=a%2Fb tar", string(body), "%s", body)

	c, err := dial(t.Context(), "", "")
	require.NoError(t, err)
	defer c.Close()
	_, _ = io.WriteString(c, "POST /v1.41/containers/x/attach?stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	got, err := io.ReadAll(bufio.NewReader(c))
	want := "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n" + frame(1, "END\n") + frame(1, "REPORT\n")
	assert.Truef(t, err == nil && string(got) == want, "%q %v, want %q", got, err, want)
	client.CloseIdleConnections()
}

func TestRelay_IsForSocketsAlone(t *testing.T) {
	s := newTestSession(t)
	host, err := s.startRelay("tcp://127.0.0.1:2375")
	assert.Truef(t, host == "tcp://127.0.0.1:2375" && err == nil, "%s %v", host, err)
}
