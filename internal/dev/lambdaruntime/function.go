package lambdaruntime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Limits of Lambda.
const (
	// MaxPayload is the largest event, in bytes; Lambda's API refuses a larger
	// one and the function never sees it.
	MaxPayload = 6 << 20
	// MaxResponse is the largest response, in bytes. A larger one is refused
	// with 413, and the invocation fails with Function.ResponseSizeTooLarge.
	MaxResponse = 6<<20 + 100
	// DefaultInitTimeout is how long a process may take until it requests its
	// first event.
	DefaultInitTimeout = 10 * time.Second
)

// DefaultTimeout is how long an invocation may take unless Process sets another
// limit: the Timeout of template.yaml's functions.
const DefaultTimeout = 25 * time.Second

// Types of the failures that Lambda reports if the process does not.
const (
	ExitError        = "Runtime.ExitError"
	TimedOut         = "Sandbox.Timedout"
	ResponseTooLarge = "Function.ResponseSizeTooLarge"
)

// ErrShutDown is the error of an invocation after Shutdown.
var ErrShutDown = errors.New("lambdaruntime: the function is shut down")

// Process is a program to run, and its limits.
type Process struct {
	// Binary is the path of the function's binary, named bootstrap in Lambda.
	Binary string
	// Env has the function's own variables. Lambda's are added; the process
	// gets nothing of the caller's environment. If both define a name, the
	// function's value counts, except for AWS_LAMBDA_RUNTIME_API.
	Env map[string]string
	// Dir is its working directory, the folder of Binary if empty.
	Dir string
	// Name is the function's name, "function" if empty.
	Name string
	// Timeout is how long an invocation may take, DefaultTimeout if 0. A
	// process that takes longer is killed.
	Timeout time.Duration
	// InitTimeout is how long a start may take, DefaultInitTimeout if 0.
	InitTimeout time.Duration
}

// Failure is the failure of an invocation or of a start.
type Failure struct {
	// Type and Message are those of the document, as far as it has them.
	Type, Message string
	// Document is the error document for Lambda's caller: the one that the process
	// posted, or the one that Lambda creates if the process ended or took too long.
	Document []byte
}

// Error returns type and message.
func (f *Failure) Error() string { return f.Type + ": " + f.Message }

// Result is the result of one invocation.
type Result struct {
	// RequestID is the invocation's, a UUID.
	RequestID string
	// Response is the function's answer; nil if Failure is set.
	Response []byte
	// Failure is nil if the function answered.
	Failure *Failure
	// Logs is the output of the process, from the moment it got the event until it
	// requested the next one or ended.
	Logs []byte
	// Duration is that time.
	Duration time.Duration
	// Init is the start that this invocation waited for, because the previous
	// process had ended; nil if a running process served it.
	Init *Init
}

// Init is the start of a process.
type Init struct {
	// Duration is the time from the start of the process until it requested its
	// first event.
	Duration time.Duration
	// Logs is its output until then.
	Logs []byte
}

// InitError reports that a process ended, posted an error or ran out of time
// before it requested its first event.
type InitError struct {
	// Failure is the error that the process posted to init/error, or that Lambda reports.
	Failure *Failure
	// Posted reports whether the process posted to init/error.
	Posted bool
	// Exit is the end of the process.
	Exit Exit
	// Logs is all that it wrote.
	Logs []byte
}

// Error returns the failure and what the process wrote.
func (e *InitError) Error() string {
	return fmt.Sprintf("lambdaruntime: the process requested no event: %v\n%s", e.Failure, e.Logs)
}

// Unwrap returns the failure.
func (e *InitError) Unwrap() error { return e.Failure }

// Exit is the end of a process.
type Exit struct {
	// State is nil if no process ran.
	State *os.ProcessState
	// Killed reports that Function killed it with SIGKILL: it took too long, or
	// ignored SIGTERM.
	Killed bool
}

// String returns, for example, "exit status 1" or "signal: terminated".
func (e Exit) String() string {
	if e.State == nil {
		return "no process"
	}
	return e.State.String()
}

// Function is a function with one execution environment. Its methods are safe
// for concurrent use; invocations wait for one another.
type Function struct {
	process Process
	// turn holds one value while an invocation is in progress.
	turn chan struct{}

	mu       sync.Mutex // guards the fields below
	instance *instance
	closed   bool
	init     Init // of the first process; written before Start returns
}

// Start starts the process and returns when it requests its first event. The
// context limits only the start; Shutdown ends the process. The error is an
// *InitError if the process does not get that far.
func Start(ctx context.Context, p Process) (*Function, error) {
	p, err := p.filled()
	if err != nil {
		return nil, err
	}
	f := &Function{process: p, turn: make(chan struct{}, 1)}
	_, started, err := f.started(ctx)
	if err != nil {
		_, _ = f.Shutdown(0) // the error of the start says more
		return nil, err
	}
	f.init = *started
	return f, nil
}

func (p Process) filled() (Process, error) {
	path, err := filepath.Abs(p.Binary)
	if err != nil {
		return p, fmt.Errorf("lambdaruntime: %w", err)
	}
	p.Binary = path
	if p.Dir == "" {
		p.Dir = filepath.Dir(path)
	}
	if p.Name == "" {
		p.Name = "function"
	}
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	if p.InitTimeout == 0 {
		p.InitTimeout = DefaultInitTimeout
	}
	return p, nil
}

// Init returns the start of the first process.
func (f *Function) Init() Init { return f.init }

// Invoke lets the function serve one event, after those before it. An
// invocation that fails has no error but a Failure in its Result, as Lambda's
// caller sees it; if the process ended, the next invocation starts another. An
// error means that there was no invocation (ErrShutDown, an event that is too
// large, a binary that cannot be run), or that the context ended it, and the
// process with it.
func (f *Function) Invoke(ctx context.Context, payload []byte) (Result, error) {
	if len(payload) > MaxPayload {
		return Result{}, fmt.Errorf("lambdaruntime: an event of %d bytes: Lambda accepts %d", len(payload), MaxPayload)
	}
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}

	inv := &invocation{
		id: newID(), payload: payload, function: f.process.Name,
		done: make(chan struct{}),
	}
	r := Result{RequestID: inv.id}
	i, init, err := f.started(ctx)
	var failed *InitError
	if errors.As(err, &failed) {
		r.Logs, r.Failure = failed.Logs, failed.Failure
		return r, nil
	}
	if err != nil {
		return Result{}, err
	}
	r.Init = init

	began := time.Now()
	err = f.serve(ctx, i, inv)
	r.Duration = time.Since(began)
	logs, logErr := i.logs()
	if err = errors.Join(err, logErr); err != nil {
		return Result{}, err
	}
	r.Logs = logs
	if r.Response, r.Failure = inv.answer(); r.Response == nil && r.Failure == nil {
		r.Failure = exit(inv.id, i.exit())
	}
	return r, nil
}

// serve lets a process serve an invocation, and returns when it has an answer or
// failed, the process has ended, or the context is done.
func (f *Function) serve(ctx context.Context, i *instance, inv *invocation) error {
	inv.deadline = time.Now().Add(f.process.Timeout)
	timer := time.NewTimer(f.process.Timeout)
	defer timer.Stop()
	select {
	case i.work <- inv:
	case <-i.exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-inv.done:
	case <-i.exited:
	case <-timer.C:
		i.kill()
		inv.fail(timeout(inv.id, f.process.Timeout))
	case <-ctx.Done():
		i.kill()
		return ctx.Err()
	}
	return nil
}

// started returns the serving process, and its start if it was started now.
// After an error there is no process.
func (f *Function) started(ctx context.Context) (*instance, *Init, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, nil, ErrShutDown
	}
	if f.instance != nil && f.instance.runs() {
		defer f.mu.Unlock()
		return f.instance, nil, nil
	}
	if f.instance != nil {
		_ = f.instance.close() // nothing of it is needed
		f.instance = nil
	}
	i, err := launch(f.process)
	if err != nil {
		f.mu.Unlock()
		return nil, nil, err
	}
	f.instance = i
	f.mu.Unlock()

	init, err := i.awaitFirst(ctx, f.process.InitTimeout)
	if err != nil {
		return nil, nil, err
	}
	return i, init, nil
}

// Process returns the running process, which a test may stop, continue or kill; nil if the
// last one has ended.
func (f *Function) Process() *os.Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.instance == nil || !f.instance.runs() {
		return nil
	}
	return f.instance.cmd.Process
}

// Shutdown ends the process: with SIGTERM, and with SIGKILL if it still runs
// after the grace. An invocation in progress fails. It returns when the process
// has ended and its resources are released; the error reports what could not
// be. Called again, it returns again how the last process ended.
func (f *Function) Shutdown(grace time.Duration) (Exit, error) {
	f.mu.Lock()
	f.closed = true
	i := f.instance
	f.mu.Unlock()
	if i == nil {
		return Exit{}, nil
	}
	i.terminate(grace)
	// The invocation reads its log lines before the file is closed.
	f.turn <- struct{}{}
	defer func() { <-f.turn }()
	return i.exit(), i.close()
}

// timeout, exit: what Lambda reports, in its words.

func timeout(id string, after time.Duration) *Failure {
	return failure(TimedOut, fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", id, after.Seconds()))
}

func exit(id string, e Exit) *Failure {
	why := "Runtime exited without providing a reason"
	if e.State == nil || !e.State.Success() {
		why = "Runtime exited with error: " + e.String()
	}
	return failure(ExitError, fmt.Sprintf("RequestId: %s Error: %s", id, why))
}

func tooLarge(bytes int64) *Failure {
	return failure(ResponseTooLarge,
		fmt.Sprintf("Response payload size (%d bytes) exceeded maximum allowed payload size (%d bytes).", bytes, MaxResponse))
}

// document is an error as Lambda and its runtimes write it.
type document struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func failure(errorType, message string) *Failure {
	b, _ := json.Marshal(document{errorType, message}) // strings cannot fail
	return &Failure{Type: errorType, Message: message, Document: b}
}

// posted returns the failure that a process posted. The header counts if the
// document names no type.
func posted(body []byte, header string) *Failure {
	var d document
	_ = json.Unmarshal(body, &d) // the process may post anything
	if d.Type == "" {
		d.Type = header
	}
	return &Failure{Type: d.Type, Message: d.Message, Document: body}
}

// newID returns a UUIDv4, like Lambda's request ids.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}
