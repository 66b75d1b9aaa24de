package lambdaruntime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Made-up values: nothing here talks to AWS.
const (
	region  = "us-east-1"
	account = "123456789012"
	memory  = "512" // MB, as in template.yaml
)

// instance is one process and the runtime API that only it uses.
type instance struct {
	cmd     *exec.Cmd
	server  *http.Server
	served  chan struct{} // closed when the server has ended
	began   time.Time
	work    chan *invocation
	first   chan struct{} // closed when the process asks for its first event
	refused chan struct{} // closed when it posts an init error
	exited  chan struct{} // closed when it has ended
	gone    chan struct{} // closed when its server has ended too

	mu        sync.Mutex // guards the fields below
	init      time.Duration
	initError *Failure
	waiting   bool        // the process asks for an event
	current   *invocation // the event that it has
	killed    bool

	// log receives both outputs. It is a file rather than a pipe: what a
	// process wrote before it requested the next event is in it when that
	// request arrives.
	log    *os.File
	logged int64 // how much of it has been read
}

// launch starts a process.
func launch(p Process) (*instance, error) {
	log, err := os.CreateTemp("", "lambda-log-*")
	if err != nil {
		return nil, fmt.Errorf("lambdaruntime: %w", err)
	}
	// The file exists as long as a process has it open.
	if err := os.Remove(log.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("lambdaruntime: %w", err), log.Close())
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lambdaruntime: %w", err), log.Close())
	}
	i := &instance{
		log: log, served: make(chan struct{}), work: make(chan *invocation), first: make(chan struct{}),
		refused: make(chan struct{}), exited: make(chan struct{}), gone: make(chan struct{}),
	}
	i.server = &http.Server{Handler: i.api(), ReadHeaderTimeout: time.Minute}
	// The process ends by its own time limits, not by a context's.
	i.cmd = exec.CommandContext(context.Background(), p.Binary) //nolint:gosec // the caller's binary is what is to run
	i.cmd.Dir = p.Dir
	i.cmd.Env = environment(p, listener.Addr().String())
	i.cmd.Stdout, i.cmd.Stderr = log, log

	i.began = time.Now()
	if err := i.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("lambdaruntime: %w", err), listener.Close(), log.Close())
	}
	go func() {
		defer close(i.served)
		_ = i.server.Serve(listener) // ends when it is closed
	}()
	go func() {
		defer close(i.gone)
		_ = i.cmd.Wait() // ProcessState has it
		close(i.exited)
		// Its connections have ended, and so have their requests.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if i.server.Shutdown(ctx) != nil {
			_ = i.server.Close() // one of its children may hold a connection
		}
		<-i.served
	}()
	return i, nil
}

// environment returns that of a process, as NAME=value.
func environment(p Process, api string) []string {
	all := map[string]string{
		"_HANDLER":                        "bootstrap",
		"AWS_REGION":                      region,
		"AWS_DEFAULT_REGION":              region,
		"AWS_ACCESS_KEY_ID":               "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":           "example",
		"AWS_SESSION_TOKEN":               "example",
		"AWS_LAMBDA_FUNCTION_NAME":        p.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + p.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "2020/01/01/[$LATEST]0123456789abcdef0123456789abcdef",
		"AWS_LAMBDA_LOG_FORMAT":           "JSON",
		"AWS_LAMBDA_LOG_LEVEL":            "INFO",
		"LAMBDA_TASK_ROOT":                p.Dir,
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"TZ":                              ":UTC",
		// Not Lambda's: the AWS SDK would look for the developer's own ~/.aws.
		"HOME": p.Dir,
	}
	for name, value := range p.Env {
		all[name] = value
	}
	all["AWS_LAMBDA_RUNTIME_API"] = api
	env := make([]string, 0, len(all))
	for name, value := range all {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// awaitFirst waits until the process requests its first event, and ends it if
// it does not.
func (i *instance) awaitFirst(ctx context.Context, limit time.Duration) (*Init, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var failed *Failure
	select {
	case <-i.first:
		logs, err := i.logs()
		if err != nil {
			i.kill()
			return nil, err
		}
		i.mu.Lock()
		defer i.mu.Unlock()
		return &Init{Duration: i.init, Logs: logs}, nil
	case <-ctx.Done():
		i.kill()
		return nil, ctx.Err()
	case <-timer.C:
		i.kill()
		failed = timeout(newID(), limit)
	case <-i.refused:
		// It has given the reason, and is about to end.
		i.terminateAfter(time.Second)
	case <-i.exited:
	}
	logs, err := i.logs()
	if err != nil {
		return nil, err
	}
	e := &InitError{Failure: failed, Exit: i.exit(), Logs: logs}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.initError != nil:
		e.Failure, e.Posted = i.initError, true
	case e.Failure == nil:
		e.Failure = exit(newID(), e.Exit)
	}
	return nil, e
}

// runs reports whether the process has not ended.
func (i *instance) runs() bool {
	select {
	case <-i.exited:
		return false
	default:
		return true
	}
}

// exit returns how the process, which has ended, ended.
func (i *instance) exit() Exit {
	<-i.exited
	i.mu.Lock()
	defer i.mu.Unlock()
	return Exit{State: i.cmd.ProcessState, Killed: i.killed}
}

// terminate ends the process with SIGTERM, and with SIGKILL after the grace.
func (i *instance) terminate(grace time.Duration) {
	_ = i.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	i.terminateAfter(grace)
}

// terminateAfter ends the process if it has not ended by itself.
func (i *instance) terminateAfter(grace time.Duration) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-i.exited:
	case <-timer.C:
		i.kill()
	}
}

// kill ends the process and returns when it has ended.
func (i *instance) kill() {
	if i.cmd.Process.Kill() == nil {
		i.mu.Lock()
		i.killed = true
		i.mu.Unlock()
	}
	<-i.exited
}

// close releases the resources of a process that has ended.
func (i *instance) close() error {
	<-i.gone
	if err := i.log.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("lambdaruntime: %w", err)
	}
	return nil
}

// logs returns what the process has written since the last call. Only the
// invocation in progress calls it.
func (i *instance) logs() ([]byte, error) {
	b, err := io.ReadAll(io.NewSectionReader(i.log, i.logged, 1<<62))
	i.logged += int64(len(b))
	if err != nil {
		return nil, fmt.Errorf("lambdaruntime: %w", err)
	}
	return b, nil
}
