package local

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// built returns a Build function for a handler.
func built(h http.HandlerFunc) func(string) (http.Handler, error) {
	return func(string) (http.Handler, error) { return h, nil }
}

func TestServe_AnswersUntilStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	entered, release := make(chan struct{}), make(chan struct{})
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- Serve(ctx, ServerConfig{
			Listen: "127.0.0.1:0",
			Build: built(func(w http.ResponseWriter, _ *http.Request) {
				close(entered)
				<-release
				_, _ = io.WriteString(w, "finished")
			}),
			Ready: func(address string) error { ready <- address; return nil },
		})
	}()
	address := <-ready
	answered := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + address)
		if err != nil {
			answered <- err.Error()
			return
		}
		b, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		answered <- string(b)
	}()
	<-entered
	cancel()
	close(release)
	got := <-answered
	assert.Equalf(t, "finished", got, "a request that ran when the server stopped got %q", got)
	assert.NoError(t, <-done, "a clean stop is not an error")
}

func TestServe_StopsDespiteOpenRequests(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- Serve(ctx, ServerConfig{
			Listen: "127.0.0.1:0", Grace: 10 * time.Millisecond,
			Build: built(func(http.ResponseWriter, *http.Request) { close(entered); <-release }),
			Ready: func(address string) error { ready <- address; return nil },
		})
	}()
	conn, err := net.Dial("tcp", <-ready)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	<-entered
	cancel()
	err = <-done
	assert.Truef(t, err != nil && strings.Contains(err.Error(), "unfinished"), "got %v", err)
}

func TestServe_ErrorSaysWhatToDo(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = busy.Close() }()
	for _, tt := range []struct{ name, address, want string }{
		{"busy port", busy.Addr().String(), "in use: stop the program"},
		{"other machine", "192.0.2.1:8080", "not an address of this machine"},
		{"no port", "127.0.0.1", "--listen HOST:PORT"},
		{"bad port", "127.0.0.1:x", "--listen HOST:PORT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Serve(context.Background(), ServerConfig{Listen: tt.address, Build: built(http.NotFound)})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, tt.want)
			}
		})
	}
}

func TestServe_FailsWithoutAHandler(t *testing.T) {
	want := errors.New("no table")
	var address string
	err := Serve(context.Background(), ServerConfig{
		Listen: "127.0.0.1:0", Build: func(a string) (http.Handler, error) { address = a; return nil, want },
	})
	assert.ErrorIs(t, err, want)
	_, err = net.Dial("tcp", address)
	assert.Errorf(t, err, "%s still listens", address)
}

func TestServe_FailsIfTheCallerIsNotReady(t *testing.T) {
	want := errors.New("cannot write the file")
	err := Serve(context.Background(), ServerConfig{
		Listen: "127.0.0.1:0", Build: built(http.NotFound), Ready: func(string) error { return want },
	})
	assert.ErrorIs(t, err, want)
}
