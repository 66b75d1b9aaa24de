package lambdaruntime

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// invocation is one event that a process serves.
type invocation struct {
	id, function string
	payload      []byte
	deadline     time.Time
	done         chan struct{} // closed when the process requests the next event

	mu       sync.Mutex // guards the fields below
	response []byte
	failure  *Failure
}

// The first answer counts: a process may end after it has answered.

func (v *invocation) succeed(response []byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.response != nil || v.failure != nil {
		return false
	}
	v.response = response
	return true
}

func (v *invocation) fail(f *Failure) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.response != nil || v.failure != nil {
		return false
	}
	v.failure = f
	return true
}

func (v *invocation) answer() ([]byte, *Failure) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.response, v.failure
}

func (v *invocation) answered() bool {
	response, failed := v.answer()
	return response != nil || failed != nil
}

// The runtime API's headers.
const (
	requestIDHeader = "Lambda-Runtime-Aws-Request-Id"
	deadlineHeader  = "Lambda-Runtime-Deadline-Ms"
	functionHeader  = "Lambda-Runtime-Invoked-Function-Arn"
	traceHeader     = "Lambda-Runtime-Trace-Id"
	// errorTypeHeader and errorBodyTrailer report, after a body, that it is
	// incomplete.
	errorTypeHeader  = "Lambda-Runtime-Function-Error-Type"
	errorBodyTrailer = "Lambda-Runtime-Function-Error-Body"
)

// api returns the runtime API of one process, version 2018-06-01. A request
// that is out of sequence gets 403, one about another invocation 400.
func (i *instance) api() http.Handler {
	const runtime = "/2018-06-01/runtime"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtime+"/invocation/next", i.next)
	mux.HandleFunc("POST "+runtime+"/invocation/{id}/response", i.response)
	mux.HandleFunc("POST "+runtime+"/invocation/{id}/error", i.failed)
	mux.HandleFunc("POST "+runtime+"/init/error", i.initFailed)
	return mux
}

// next delivers the next event. Requesting it ends the previous one.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	if !i.ask() {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "The event before has no answer, or the next was asked for already.")
		return
	}
	var v *invocation
	select {
	case v = <-i.work:
	case <-r.Context().Done():
	case <-i.exited:
	}
	i.mu.Lock()
	i.waiting, i.current = false, v
	i.mu.Unlock()
	if v == nil {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set(requestIDHeader, v.id)
	h.Set(deadlineHeader, strconv.FormatInt(v.deadline.UnixMilli(), 10))
	h.Set(functionHeader, "arn:aws:lambda:"+region+":"+account+":function:"+v.function)
	h.Set(traceHeader, trace(v.id, time.Now()))
	_, _ = w.Write(v.payload) // a process that does not read it runs out of time
}

// ask records that the process requests an event, and reports whether it may.
func (i *instance) ask() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.waiting || i.current != nil && !i.current.answered() {
		return false
	}
	i.waiting = true
	if i.current != nil {
		close(i.current.done)
		i.current = nil
	}
	if i.init == 0 {
		i.init = time.Since(i.began)
		close(i.first)
	}
	return true
}

// asked returns the invocation that a request concerns, or nil after a refusal.
func (i *instance) asked(w http.ResponseWriter, r *http.Request) *invocation {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.current == nil || i.current.id != r.PathValue("id") {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "This is not the invocation under way.")
		return nil
	}
	return i.current
}

// response accepts the answer of an invocation.
func (i *instance) response(w http.ResponseWriter, r *http.Request) {
	v := i.asked(w, r)
	if v == nil {
		return
	}
	body, size, err := read(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	if size > MaxResponse {
		v.fail(tooLarge(size))
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", MaxResponse))
		return
	}
	if errorType := r.Trailer.Get(errorTypeHeader); errorType != "" {
		text, _ := base64.StdEncoding.DecodeString(r.Trailer.Get(errorBodyTrailer)) // the type is enough
		accept(w, v.fail(posted(text, errorType)))
		return
	}
	accept(w, v.succeed(body))
}

// failed accepts the error of an invocation.
func (i *instance) failed(w http.ResponseWriter, r *http.Request) {
	v := i.asked(w, r)
	if v == nil {
		return
	}
	body, size, err := read(r)
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
	case size > MaxResponse:
		v.fail(tooLarge(size))
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", MaxResponse))
	default:
		accept(w, v.fail(posted(body, r.Header.Get(errorTypeHeader))))
	}
}

// initFailed accepts the error of a start.
func (i *instance) initFailed(w http.ResponseWriter, r *http.Request) {
	body, _, err := read(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	i.mu.Lock()
	ok := i.init == 0 && i.initError == nil
	if ok {
		i.initError = posted(body, r.Header.Get(errorTypeHeader))
		close(i.refused)
	}
	i.mu.Unlock()
	accept(w, ok)
}

// read reads a request's body to its end, and returns its size; bytes beyond
// MaxResponse are counted and dropped.
func read(r *http.Request) (body []byte, size int64, err error) {
	body, err = io.ReadAll(io.LimitReader(r.Body, MaxResponse+1))
	if err != nil {
		return nil, 0, err
	}
	rest, err := io.Copy(io.Discard, r.Body)
	return body, int64(len(body)) + rest, err
}

func accept(w http.ResponseWriter, ok bool) {
	if !ok {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "There is an answer already.")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`) // the status says it all
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(failure(errorType, message).Document) // the status says it all
}

// trace returns an X-Ray trace id derived from a request id.
func trace(id string, now time.Time) string {
	digits := strings.ReplaceAll(id, "-", "")
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=1", now.Unix(), digits[:24], digits[16:])
}
