package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A relay stands between SAM and Docker and passes on everything, the output of
// containers line by line. After each answer SAM waits up to a second for the
// line that ends a container's log. It recognizes the line only if that line,
// or the one before it, starts a piece of the stream, and Docker joins lines
// that come at the same time.
type relay struct {
	dial   func(context.Context) (net.Conn, error)
	server *http.Server
}

// startRelay starts a relay in front of the Docker at a host, and returns the
// host for SAM. Only a host that is a socket gets a relay.
func (s *session) startRelay(host string) (string, error) {
	path, isSocket := strings.CutPrefix(host, "unix://")
	if !isSocket {
		return host, nil
	}
	// A socket's path must be short.
	dir, err := os.MkdirTemp("", "rollcall-relay-*")
	if err != nil {
		return "", err
	}
	s.atEnd(func(context.Context) { _ = os.RemoveAll(dir) })
	r := newRelay(func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	})
	socket := filepath.Join(dir, "docker.sock")
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "unix", socket)
	if err != nil {
		return "", err
	}
	go func() { _ = r.server.Serve(l) }()
	s.atEnd(func(context.Context) { _ = r.server.Close() })
	return "unix://" + socket, nil
}

func newRelay(dial func(context.Context) (net.Conn, error)) *relay {
	r := &relay{dial: dial}
	onward := &httputil.ReverseProxy{
		Rewrite: func(q *httputil.ProxyRequest) {
			q.SetURL(&url.URL{Scheme: "http", Host: "docker"})
		},
		Transport:     &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }},
		FlushInterval: -1,
	}
	r.server = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Method == http.MethodPost && strings.HasSuffix(q.URL.Path, "/attach") {
				r.attach(w, q)
				return
			}
			onward.ServeHTTP(w, q)
		}),
	}
	return r
}

// attach relays the output of a container.
func (r *relay) attach(w http.ResponseWriter, q *http.Request) {
	docker, err := r.dial(q.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = docker.Close() }()
	if err := q.Write(docker); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	from := bufio.NewReader(docker)
	if err := copyHead(client, from); err != nil {
		return
	}
	// The end of either side ends both.
	var ends sync.WaitGroup
	ends.Go(func() {
		_, _ = io.Copy(docker, buffered)
		_ = docker.Close()
	})
	_ = splitLines(client, from)
	_ = client.Close()
	ends.Wait()
}

// copyHead copies the head of an answer.
func copyHead(to io.Writer, from *bufio.Reader) error {
	for {
		line, err := from.ReadSlice('\n')
		if err != nil {
			return err
		}
		if _, err := to.Write(line); err != nil {
			return err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
	}
}

// maxFrame is larger than Docker's frames.
const maxFrame = 1 << 20

// splitLines copies the frames of Docker's stream (a byte for stdout or stderr,
// three zeros, the size in four bytes), each line in a frame of its own.
func splitLines(to io.Writer, from io.Reader) error {
	var head [8]byte
	for {
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return err
		}
		size := binary.BigEndian.Uint32(head[4:])
		if size > maxFrame {
			return fmt.Errorf("a frame of %d bytes", size)
		}
		content := make([]byte, size)
		if _, err := io.ReadFull(from, content); err != nil {
			return err
		}
		for line := range bytes.Lines(content) {
			binary.BigEndian.PutUint32(head[4:], uint32(len(line))) //nolint:gosec // at most maxFrame
			if _, err := to.Write(append(head[:], line...)); err != nil {
				return err
			}
		}
	}
}
