package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// command returns a program that runs in the checkout, with the environment of
// the run, and without the terminal's signals.
func (s *session) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // names are constants, and arguments flags of the developer's own
	cmd.Dir = s.root
	cmd.Env = append(os.Environ(), s.environment...)
	apart(cmd)
	return cmd
}

// apart starts a program in its own process group, so that Ctrl-C reaches this
// program only, and ends the whole group when the command's context ends.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
}

// quietly runs a program to its end. Its output is shown if it fails.
func (s *session) quietly(ctx context.Context, cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%s: %w\n%s", shown(cmd), err, tail(said.Bytes()))
	}
	return nil
}

// fetch runs a script that downloads what it needs at first use, and shows the
// script's messages.
func (s *session) fetch(ctx context.Context, name string, args ...string) error {
	cmd := s.command(ctx, name, args...)
	cmd.Stderr = s.stderr
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%s: %w", shown(cmd), err)
	}
	return nil
}

// output returns what a program writes to its standard output.
func (s *session) output(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("%s: %w\n%s", shown(cmd), err, tail(said.Bytes()))
	}
	return strings.TrimSpace(out.String()), nil
}

// shown returns a command as it would be typed.
func shown(cmd *exec.Cmd) string { return strings.Join(cmd.Args, " ") }

// shownLines is the number of a program's last lines in an error.
const shownLines = 30

func tail(b []byte) string {
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	if len(lines) > shownLines {
		lines = lines[len(lines)-shownLines:]
	}
	return "  " + strings.Join(lines, "\n  ")
}

// A process is a program that runs beside this one.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // after its end
}

// start starts a program that runs until the run ends.
func (s *session) start(cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", shown(cmd), err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	s.atEnd(func(ctx context.Context) { p.stop(ctx) })
	return p, nil
}

// grace is how long a program has to stop after SIGTERM.
const grace = 20 * time.Second

// stop stops the program and everything it started.
func (p *process) stop(ctx context.Context) {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-p.ended:
		return
	case <-late.C:
	case <-ctx.Done():
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// until repeats a check until it succeeds, the program ends, or the time has
// passed.
func (p *process) until(ctx context.Context, most time.Duration, is func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		if is(ctx) {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %w", shown(p.cmd), errors.Join(p.err, errors.New("before it was ready")))
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready within %s", shown(p.cmd), most)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// A log keeps what a program writes until it is opened to a writer.
type log struct {
	mu   sync.Mutex
	kept bytes.Buffer
	to   io.Writer
}

// Write implements io.Writer.
func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to != nil {
		return l.to.Write(b)
	}
	return l.kept.Write(b)
}

// open passes on what is written from now on.
func (l *log) open(to io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
}

// last returns the end of what was written.
func (l *log) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return tail(l.kept.Bytes())
}
