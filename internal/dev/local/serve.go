package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// A ServerConfig says what is served and where.
type ServerConfig struct {
	// Listen is host:port; port 0 means a free one.
	Listen string
	// Build returns the handler of the requests. It is called when the address
	// is known and cannot be taken by another program.
	Build func(address string) (http.Handler, error)
	// Ready is called once, with the address, when the server answers requests.
	// Its error stops the server and is returned by Serve.
	Ready func(address string) error
	// Grace is how long a stopping server waits for its requests; 0 means 10 s.
	Grace time.Duration
}

// Serve answers requests until ctx ends, and then waits for those that are
// running. Its errors are one line that says what to do.
func Serve(ctx context.Context, c ServerConfig) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return listenError(c.Listen, err)
	}
	address := listener.Addr().String()
	handler, err := c.Build(address)
	if err != nil {
		_ = listener.Close()
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute + IntegrationTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if c.Ready != nil {
		if err := c.Ready(address); err != nil {
			_ = server.Close()
			return err
		}
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", c.Listen, err)
	case <-ctx.Done():
	}

	grace := c.Grace
	if grace == 0 {
		grace = 10 * time.Second
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err = server.Shutdown(stopping)
	if errors.Is(err, context.DeadlineExceeded) {
		_ = server.Close()
		return fmt.Errorf("stopped with requests unfinished after %s", grace)
	}
	return err
}

// listenError returns an error that says what to do about an address.
func listenError(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use: stop the program that listens there, or choose another port with --listen HOST:PORT", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this machine: choose one with --listen HOST:PORT, for example 127.0.0.1:8080", address)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("listening on %s is not permitted: choose a port above 1023 with --listen HOST:PORT", address)
	}
	return fmt.Errorf("cannot listen on %q: choose an address with --listen HOST:PORT, for example 127.0.0.1:8080 (%w)", address, err)
}
