package lambdaruntime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime"
	"github.com/rollcall-scim/rollcall/internal/dev/lambdaruntime/runtimetest"
)

// childVariable turns this test binary into a function: its value selects how
// it behaves.
const childVariable = "ROLLCALL_TEST_CHILD"

// fileVariable names a file that a function creates when it hangs.
const fileVariable = "ROLLCALL_TEST_FILE"

func TestMain(m *testing.M) {
	if behaviour := os.Getenv(childVariable); behaviour != "" {
		child(behaviour)
	}
	os.Exit(runtimetest.Run(m))
}

// soon is far longer than anything here takes.
const soon = 10 * time.Second

// child runs a function that speaks the runtime API by hand.
func child(behaviour string) {
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime"
	post := func(path, body string) int {
		response, err := http.Post(base+path, "application/json", strings.NewReader(body))
		if err != nil {
			os.Exit(9)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return response.StatusCode
	}
	switch behaviour {
	case "cannot start":
		fmt.Fprintln(os.Stderr, "there is no table")
		os.Exit(4)
	case "says why":
		post("/init/error", `{"errorType":"Function.NoTable","errorMessage":"there is no table"}`)
		os.Exit(5)
	case "says why and stays":
		post("/init/error", `{"errorType":"Function.NoTable","errorMessage":"there is no table"}`)
		select {}
	case "never asks":
		fmt.Println("busy")
		select {}
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	}
	fmt.Println("ready")
	for {
		event, err := http.Get(base + "/invocation/next")
		if err != nil {
			os.Exit(9)
		}
		payload, _ := io.ReadAll(event.Body)
		_ = event.Body.Close()
		id := event.Header.Get("Lambda-Runtime-Aws-Request-Id")
		switch string(payload) {
		case "headers":
			b, _ := json.Marshal(event.Header)
			post("/invocation/"+id+"/response", string(b))
		case "environment":
			b, _ := json.Marshal(os.Environ())
			post("/invocation/"+id+"/response", string(b))
		case "nothing":
			post("/invocation/"+id+"/response", "")
		case "largest":
			post("/invocation/"+id+"/response", strings.Repeat("x", lambdaruntime.MaxResponse))
		case "too large":
			fmt.Println(post("/invocation/"+id+"/response", strings.Repeat("x", lambdaruntime.MaxResponse+1)))
		case "error":
			post("/invocation/"+id+"/error", `{"errorType":"Fault","errorMessage":"no","stackTrace":[]}`)
		case "breaks off":
			r, _ := http.NewRequest(http.MethodPost, base+"/invocation/"+id+"/response", io.MultiReader(strings.NewReader("half")))
			r.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": {"Fault"}}
			if response, err := http.DefaultClient.Do(r); err == nil {
				_ = response.Body.Close()
			}
		case "hang":
			if name := os.Getenv(fileVariable); name != "" {
				_ = os.WriteFile(name, nil, 0o600)
			}
			select {}
		case "exit":
			os.Exit(0)
		case "answer and exit":
			post("/invocation/"+id+"/response", "answered")
			os.Exit(6)
		case "misuse":
			again, _ := http.Get(base + "/invocation/next")
			_ = again.Body.Close()
			statuses := []int{
				again.StatusCode,
				post("/invocation/another/response", "1"),
				post("/init/error", "{}"),
				post("/invocation/"+id+"/response", "first"),
				post("/invocation/"+id+"/error", "{}"),
			}
			fmt.Println(statuses)
		default:
			fmt.Printf("got %s\n", payload)
			fmt.Fprintf(os.Stderr, "and %s\n", payload)
			post("/invocation/"+id+"/response", "echo "+string(payload))
		}
	}
}

func process(t *testing.T, behaviour string) lambdaruntime.Process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return lambdaruntime.Process{Binary: self, Env: map[string]string{childVariable: behaviour}}
}

func start(t *testing.T, p lambdaruntime.Process) *lambdaruntime.Function {
	t.Helper()
	f, err := lambdaruntime.Start(t.Context(), p)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := f.Shutdown(0)
		assert.NoError(t, err)
	})
	return f
}

// This test runs alone, because it counts all goroutines.
func TestShutdown_LeavesNoProcessOrGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, behaviour := range []string{"well", "stubborn", "cannot start"} {
		f, err := lambdaruntime.Start(t.Context(), process(t, behaviour))
		var failed *lambdaruntime.InitError
		if errors.As(err, &failed) {
			wantGone(t, failed.Exit)
			continue
		}
		require.NoError(t, err)
		runtimetest.Invoke(t, f, []byte("1"))
		runtimetest.Invoke(t, f, []byte("exit"))
		runtimetest.Invoke(t, f, []byte("2")) // by another process
		exit, err := f.Shutdown(100 * time.Millisecond)
		require.NoError(t, err)
		wantGone(t, exit)
		assert.Equalf(t, behaviour == "stubborn", exit.Killed, "%s: killed %t, %s", behaviour, exit.Killed, exit)
		again, err := f.Shutdown(0)
		assert.Truef(t, err == nil && again == exit, "the second Shutdown says %s, %v; the first %s", again, err, exit)
		_, err = f.Invoke(t.Context(), nil)
		assert.ErrorIs(t, err, lambdaruntime.ErrShutDown, "Invoke afterwards")
	}
	for deadline := time.Now().Add(soon); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func wantGone(t *testing.T, exit lambdaruntime.Exit) {
	t.Helper()
	require.NotNil(t, exit.State, "there was no process")
	p, err := os.FindProcess(exit.State.Pid())
	require.NoError(t, err)
	assert.ErrorIs(t, p.Signal(syscall.Signal(0)), os.ErrProcessDone, "the process is still there")
}

func TestInvoke_AnswersInOrderWithTheLogOfEach(t *testing.T) {
	t.Parallel()
	f := start(t, process(t, "well"))
	i := f.Init()
	assert.Truef(t, string(i.Logs) == "ready\n" && i.Duration > 0, "start of %v with the log %q", i.Duration, i.Logs)
	ids := map[string]bool{}
	for n := range 50 {
		r := runtimetest.Invoke(t, f, fmt.Appendf(nil, "%d", n))
		require.Truef(t, string(r.Response) == fmt.Sprintf("echo %d", n) && r.Failure == nil, "event %d: %q, %v", n, r.Response, r.Failure)
		want := fmt.Sprintf("got %d\nand %d\n", n, n)
		require.Equalf(t, want, string(r.Logs), "event %d: log %q, want %q", n, r.Logs, want)
		require.Truef(t, !ids[r.RequestID] && r.Init == nil && r.Duration > 0, "event %d: %+v", n, r)
		ids[r.RequestID] = true
	}
}

func TestInvoke_OneAtATime(t *testing.T) {
	t.Parallel()
	f := start(t, process(t, "well"))
	var callers sync.WaitGroup
	for n := range 20 {
		callers.Go(func() {
			r, err := f.Invoke(t.Context(), fmt.Appendf(nil, "%d", n))
			if err != nil || string(r.Response) != fmt.Sprintf("echo %d", n) || string(r.Logs) != fmt.Sprintf("got %d\nand %d\n", n, n) {
				t.Errorf("event %d: %q, log %q, %v", n, r.Response, r.Logs, err)
			}
		})
	}
	callers.Wait()
}

func TestInvoke_PassesLambdasContext(t *testing.T) {
	t.Parallel()
	f := start(t, process(t, "well"))
	r := runtimetest.Invoke(t, f, []byte("headers"))
	var h http.Header
	require.NoError(t, json.Unmarshal(r.Response, &h))
	assert.Equal(t, r.RequestID, h.Get("Lambda-Runtime-Aws-Request-Id"), "request id")
	got := h.Get("Lambda-Runtime-Invoked-Function-Arn")
	assert.Equalf(t, "arn:aws:lambda:us-east-1:123456789012:function:function", got, "ARN %q", got)
	got = h.Get("Lambda-Runtime-Trace-Id")
	assert.Truef(t, strings.HasPrefix(got, "Root=1-") && strings.Count(got, ";") == 2, "trace id %q", got)
	var ms int64
	_, err := fmt.Sscan(h.Get("Lambda-Runtime-Deadline-Ms"), &ms)
	require.NoError(t, err)
	left := time.Until(time.UnixMilli(ms))
	assert.Truef(t, left > 0 && left <= lambdaruntime.DefaultTimeout, "the deadline is %v away", left)
}

func TestStart_PassesNoOtherEnvironment(t *testing.T) {
	t.Setenv("ROLLCALL_TEST_SECRET", "of the caller")
	p := process(t, "well")
	p.Env["AWS_REGION"], p.Env["AWS_LAMBDA_RUNTIME_API"] = "eu-central-1", "127.0.0.1:1"
	p.Name = "UsersFunction"
	f := start(t, p)
	var env []string
	require.NoError(t, json.Unmarshal(runtimetest.Invoke(t, f, []byte("environment")).Response, &env))
	for _, want := range []string{
		childVariable + "=well", "AWS_REGION=eu-central-1", "AWS_LAMBDA_FUNCTION_NAME=UsersFunction",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_LEVEL=INFO",
		"_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=" + filepath.Dir(p.Binary),
	} {
		assert.Truef(t, slices.Contains(env, want), "%s is not in the environment", want)
	}
	for _, got := range env {
		assert.Falsef(t, strings.HasPrefix(got, "ROLLCALL_TEST_SECRET="), "%s is in the environment", got)
	}
}

func TestInvoke_HasLambdasLimits(t *testing.T) {
	t.Parallel()
	f := start(t, process(t, "well"))
	if r := runtimetest.Invoke(t, f, []byte("largest")); len(r.Response) != lambdaruntime.MaxResponse || r.Failure != nil {
		t.Errorf("%d bytes, %v", len(r.Response), r.Failure)
	}
	r := runtimetest.Invoke(t, f, []byte("too large"))
	wantFailure(t, r, lambdaruntime.ResponseTooLarge, "6291557")
	assert.Equalf(t, "413\n", string(r.Logs), "the process saw %q", r.Logs)
	if r := runtimetest.Invoke(t, f, []byte("nothing")); r.Response == nil || len(r.Response) != 0 || r.Failure != nil {
		t.Errorf("an empty response: %q, %v", r.Response, r.Failure)
	}
	_, err := f.Invoke(t.Context(), bytes.Repeat([]byte("x"), lambdaruntime.MaxPayload+1))
	assert.Error(t, err, "an event over 6 MB is accepted")
	if r := runtimetest.Invoke(t, f, bytes.Repeat([]byte("x"), 1<<20)); len(r.Response) != 1<<20+len("echo ") {
		t.Errorf("%d bytes", len(r.Response))
	}
}

func wantFailure(t *testing.T, r lambdaruntime.Result, errorType, message string) {
	t.Helper()
	require.NotNilf(t, r.Failure, "answered %q, want %s", r.Response, errorType)
	if r.Failure.Type != errorType || !strings.Contains(r.Failure.Message, message) || r.Response != nil {
		t.Errorf("%v, want %s with %q", r.Failure, errorType, message)
	}
	var d struct{ ErrorType, ErrorMessage string }
	err := json.Unmarshal(r.Failure.Document, &d)
	assert.Truef(t, err == nil && d.ErrorType == r.Failure.Type && d.ErrorMessage == r.Failure.Message, "document %s, %v", r.Failure.Document, err)
}

func TestInvoke_ReturnsTheProcessesAnswer(t *testing.T) {
	t.Parallel()
	f := start(t, process(t, "well"))
	r := runtimetest.Invoke(t, f, []byte("error"))
	wantFailure(t, r, "Fault", "no")
	assert.Containsf(t, string(r.Failure.Document), "stackTrace", "document %s", r.Failure.Document)
	if r := runtimetest.Invoke(t, f, []byte("breaks off")); r.Failure == nil || r.Failure.Type != "Fault" {
		t.Errorf("a response that breaks off: %q, %v", r.Response, r.Failure)
	}
	if r := runtimetest.Invoke(t, f, []byte("1")); string(r.Response) != "echo 1" || r.Init != nil {
		t.Errorf("the same process serves the next: %+v", r)
	}
}

func TestInvoke_RefusesWhatTheRuntimeAPIRefuses(t *testing.T) {
	t.Parallel()
	f := start(t, process(t, "well"))
	r := runtimetest.Invoke(t, f, []byte("misuse"))
	assert.Truef(t, string(r.Logs) == "[403 400 403 202 403]\n" && string(r.Response) == "first", "statuses %s, response %q", r.Logs, r.Response)
}

func TestInvoke_StartsANewProcessAfterAnExit(t *testing.T) {
	t.Parallel()
	p := process(t, "well")
	p.Timeout = soon
	f := start(t, p)
	wantFailure(t, runtimetest.Invoke(t, f, []byte("exit")), lambdaruntime.ExitError, "without providing a reason")
	r := runtimetest.Invoke(t, f, []byte("1"))
	if string(r.Response) != "echo 1" || r.Init == nil || string(r.Init.Logs) != "ready\n" || string(r.Logs) != "got 1\nand 1\n" {
		t.Errorf("after an exit: %+v", r)
	}
	if r := runtimetest.Invoke(t, f, []byte("answer and exit")); string(r.Response) != "answered" || r.Failure != nil {
		t.Errorf("the answer of a process that ends: %q, %v", r.Response, r.Failure)
	}
	if r := runtimetest.Invoke(t, f, []byte("2")); string(r.Response) != "echo 2" || r.Init == nil {
		t.Errorf("after an exit that follows the answer: %+v", r)
	}
}

func TestInvoke_EndsAtTheFunctionsTimeout(t *testing.T) {
	t.Parallel()
	p := process(t, "well")
	p.Timeout = time.Second
	f := start(t, p)
	wantFailure(t, runtimetest.Invoke(t, f, []byte("hang")), lambdaruntime.TimedOut, "Task timed out after 1.00 seconds")
	r := runtimetest.Invoke(t, f, []byte("1"))
	assert.Truef(t, string(r.Response) == "echo 1" && r.Init != nil, "after a timeout: %+v", r)
}

func TestInvoke_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := start(t, process(t, "well"))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := f.Invoke(ctx, []byte("hang"))
	assert.ErrorIs(t, err, context.DeadlineExceeded, "error")
	r := runtimetest.Invoke(t, f, []byte("1"))
	assert.Truef(t, string(r.Response) == "echo 1" && r.Init != nil, "afterwards: %+v", r)
}

func TestShutdown_FailsTheCurrentInvocation(t *testing.T) {
	t.Parallel()
	p := process(t, "well")
	p.Env[fileVariable] = filepath.Join(t.TempDir(), "hangs")
	f := start(t, p)
	var result lambdaruntime.Result
	var err error
	var caller sync.WaitGroup
	caller.Go(func() { result, err = f.Invoke(t.Context(), []byte("hang")) })
	for deadline := time.Now().Add(soon); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(p.Env[fileVariable]); err == nil {
			break
		}
		require.False(t, time.Now().After(deadline), "the function does not get the event")
	}
	exit, shutdownErr := f.Shutdown(soon)
	caller.Wait()
	assert.Truef(t, shutdownErr == nil && !exit.Killed && exit.String() == "signal: terminated", "%s, killed %t, %v", exit, exit.Killed, shutdownErr)
	require.NoError(t, err)
	wantFailure(t, result, lambdaruntime.ExitError, "signal: terminated")
}

func TestStart_ReportsWhyAProcessAsksForNoEvent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		behaviour, errorType, message, exit, logs string
		posted                                    bool
	}{
		{"cannot start", lambdaruntime.ExitError, "exit status 4", "exit status 4", "there is no table\n", false},
		{"says why", "Function.NoTable", "there is no table", "exit status 5", "", true},
		{"says why and stays", "Function.NoTable", "there is no table", "signal: killed", "", true},
		{"never asks", lambdaruntime.TimedOut, "1.00 seconds", "signal: killed", "busy\n", false},
	} {
		t.Run(tt.behaviour, func(t *testing.T) {
			t.Parallel()
			p := process(t, tt.behaviour)
			if tt.errorType == lambdaruntime.TimedOut {
				p.InitTimeout = time.Second
			}
			_, err := lambdaruntime.Start(t.Context(), p)
			var got *lambdaruntime.InitError
			require.ErrorAs(t, err, &got, "error")
			if got.Failure.Type != tt.errorType || !strings.Contains(got.Failure.Message, tt.message) ||
				got.Posted != tt.posted || got.Exit.String() != tt.exit || string(got.Logs) != tt.logs {
				t.Errorf("%v, posted %t, %s, log %q", got.Failure, got.Posted, got.Exit, got.Logs)
			}
			wantGone(t, got.Exit)
		})
	}
}

func TestStart_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := lambdaruntime.Start(ctx, process(t, "never asks"))
	assert.ErrorIs(t, err, context.DeadlineExceeded, "error")
}

func TestStart_RefusesAFileThatIsNotAProgram(t *testing.T) {
	t.Parallel()
	_, err := lambdaruntime.Start(t.Context(), lambdaruntime.Process{Binary: "doc.go"})
	assert.Error(t, err)
}
