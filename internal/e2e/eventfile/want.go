package eventfile

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
)

// A Want is the expected answer of a function.
type Want struct {
	// About says who sends the event and what must hold, in a sentence.
	About string `json:"about"`
	// Status is the status of the answer, 0 for an event with an empty answer.
	Status int `json:"status,omitempty"`
	// Headers must be present with these values; Absent must be absent.
	Headers map[string]string `json:"headers,omitempty"`
	Absent  []string          `json:"absent,omitempty"`
	// Body is the whole body, or null if there is none.
	Body any `json:"body,omitempty"`
	// Contains are texts of a body that is not JSON.
	Contains []string `json:"contains,omitempty"`
	// BodyFile is a file that has the body, relative to that of the expected answer.
	BodyFile string `json:"bodyFile,omitempty"`
	// Answer is the whole answer of a function that API Gateway does not invoke.
	Answer map[string]any `json:"answer,omitempty"`
	// Log has fields of the last line logged; null is a field that must be
	// absent.
	Log map[string]any `json:"log,omitempty"`
	// Events are what an event of the stream leaves for an endpoint that gets all events.
	Events []map[string]any `json:"events,omitempty"`
	// Operations have fields of the lines before it, one for each operation of
	// a bulk request.
	Operations []map[string]any `json:"operations,omitempty"`
}

// A Response is a function's answer to an event of an HTTP API.
type Response struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// DecodeResponse decodes an answer. Header names are in lower case, and the
// body is as the client sees it, without base64 and gzip.
func DecodeResponse(payload []byte) (Response, error) {
	var r Response
	if err := json.Unmarshal(payload, &r); err != nil {
		return r, fmt.Errorf("the answer is not an HTTP response: %w", err)
	}
	headers := make(map[string]string, len(r.Headers))
	for name, value := range r.Headers {
		headers[strings.ToLower(name)] = value
	}
	r.Headers = headers
	if r.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			return r, fmt.Errorf("the body is not base64: %w", err)
		}
		r.Body = string(body)
	}
	if r.Headers["content-encoding"] == "gzip" {
		z, err := gzip.NewReader(strings.NewReader(r.Body))
		if err != nil {
			return r, fmt.Errorf("the body is not gzip: %w", err)
		}
		body, err := io.ReadAll(z)
		if err != nil {
			return r, fmt.Errorf("the body is not gzip: %w", err)
		}
		r.Body = string(body)
	}
	return r, nil
}

// Check compares an answer, and the lines logged for it, with the expected
// ones; baseURL is that of the function. The error has every difference.
func (w Want) Check(payload []byte, log []map[string]any, baseURL string) error {
	c := &comparison{variables: match.New()}
	c.variables.Set("baseUrl", baseURL)
	c.variables.Set("origin", strings.TrimSuffix(baseURL, "/scim/v2"))
	switch {
	case w.Answer != nil:
		answer, err := match.Decode(payload)
		if err != nil {
			c.fail("the answer is not JSON: %w: %s", err, payload)
		}
		c.compare("answer", answer, w.Answer)
	case w.Status == 0:
		if text := strings.TrimSpace(string(payload)); text != "null" && text != "" {
			c.fail("the answer is %s, want none", text)
		}
	default:
		c.response(w, payload)
	}
	if w.Log != nil {
		c.log(w, log)
	}
	return errors.Join(c.faults...)
}

// A comparison is one run of Check.
type comparison struct {
	faults    []error
	variables *match.Variables
}

func (c *comparison) fail(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, args...))
}

func (c *comparison) compare(at string, got, want any) {
	c.faults = append(c.faults, c.variables.Compare(at, got, want)...)
}

func (c *comparison) response(w Want, payload []byte) {
	r, err := DecodeResponse(payload)
	if err != nil {
		c.fail("%w: %s", err, payload)
		return
	}
	if id := r.Headers["x-request-id"]; id != "" {
		c.variables.Set("requestId", id)
	}
	if r.StatusCode != w.Status {
		c.fail("status %d, want %d: %s", r.StatusCode, w.Status, r.Body)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Headers)) {
		value, ok := r.Headers[strings.ToLower(name)]
		if !ok {
			c.fail("header %s is missing, want %s", name, w.Headers[name])
			continue
		}
		c.compare("header "+name, value, w.Headers[name])
	}
	for _, name := range w.Absent {
		if value, ok := r.Headers[strings.ToLower(name)]; ok {
			c.fail("header %s is %s, want none", name, value)
		}
	}
	if mediaType := r.Headers["content-type"]; strings.HasPrefix(mediaType, "text/") {
		for _, text := range w.Contains {
			if !strings.Contains(r.Body, text) {
				c.fail("the body does not contain %q: %s", text, r.Body)
			}
		}
		return
	}
	var body any
	if r.Body != "" {
		if body, err = match.Decode([]byte(r.Body)); err != nil {
			c.fail("the body is not JSON: %w: %s", err, r.Body)
			return
		}
	}
	c.compare("body", body, w.Body)
}

func (c *comparison) log(w Want, log []map[string]any) {
	if len(log) != len(w.Operations)+1 {
		c.fail("%d lines were logged, want %d: %v", len(log), len(w.Operations)+1, log)
		return
	}
	for i, want := range append(slices.Clone(w.Operations), w.Log) {
		at := "log "
		if i < len(w.Operations) {
			at = "log of operation " + strconv.Itoa(i+1) + ", "
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			c.compare(at+name, log[i][name], want[name])
		}
	}
}
