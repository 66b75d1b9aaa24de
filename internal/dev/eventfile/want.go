package eventfile

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
	// Body is the whole body, null for none.
	Body any `json:"body,omitempty"`
	// BodyFile is a file that has the body, relative to that of the expected answer.
	BodyFile string `json:"bodyFile,omitempty"`
	// Log has fields of the last line logged; null is a field that must be
	// absent.
	Log map[string]any `json:"log,omitempty"`
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
	c := &comparison{variables: map[string]string{"baseUrl": baseURL}}
	if w.Status == 0 {
		if text := strings.TrimSpace(string(payload)); text != "null" && text != "" {
			c.fail("the answer is %s, want none", text)
		}
	} else {
		c.response(w, payload)
	}
	if w.Log != nil {
		c.log(w, log)
	}
	return errors.Join(c.faults...)
}

// A comparison is one run of Check.
type comparison struct {
	faults []error
	// variables are the texts of placeholders, by name.
	variables map[string]string
}

func (c *comparison) fail(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, args...))
}

func (c *comparison) response(w Want, payload []byte) {
	r, err := DecodeResponse(payload)
	if err != nil {
		c.fail("%w: %s", err, payload)
		return
	}
	if id := r.Headers["x-request-id"]; id != "" {
		c.variables["requestId"] = id
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
		c.text("header "+name, value, w.Headers[name])
	}
	for _, name := range w.Absent {
		if value, ok := r.Headers[strings.ToLower(name)]; ok {
			c.fail("header %s is %s, want none", name, value)
		}
	}
	var body any
	if r.Body != "" {
		decoder := json.NewDecoder(strings.NewReader(r.Body))
		if err := decoder.Decode(&body); err != nil {
			c.fail("the body is not JSON: %w: %s", err, r.Body)
			return
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			c.fail("the body is more than one value of JSON: %s", r.Body)
		}
	}
	c.value("body", body, w.Body)
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
			c.value(at+name, log[i][name], want[name])
		}
	}
}

// value compares two JSON values.
func (c *comparison) value(at string, got, want any) {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			c.fail("%s is %s, want an object", at, compact(got))
			return
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if value, ok := object[name]; ok {
				c.value(at+"."+name, value, want[name])
			} else {
				c.fail("%s.%s is missing, want %s", at, name, compact(want[name]))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if _, ok := want[name]; !ok {
				c.fail("%s.%s is %s, want none", at, name, compact(object[name]))
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			c.fail("%s is %s, want %s", at, compact(got), compact(want))
			return
		}
		for i := range want {
			c.value(at+"["+strconv.Itoa(i)+"]", list[i], want[i])
		}
	case string:
		text, ok := got.(string)
		if !ok {
			c.fail("%s is %s, want %q", at, compact(got), want)
			return
		}
		c.text(at, text, want)
	default:
		if got != want {
			c.fail("%s is %s, want %s", at, compact(got), compact(want))
		}
	}
}

var placeholder = regexp.MustCompile(`\{\{(\w+)(?::(\w+))?\}\}`)

// kinds are the patterns of placeholders.
var kinds = map[string]string{
	"uuid": `[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`,
	"time": `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`,
	"any":  `(?s:.*)`,
}

// text compares a text with one that may have placeholders. {{uuid:name}} is
// the same text wherever it occurs, and so are {{baseUrl}} and {{requestId}}.
func (c *comparison) text(at, got, want string) {
	var pattern strings.Builder
	var names []string // of the groups, "" for one without a name
	rest := want
	pattern.WriteByte('^')
	for {
		m := placeholder.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		pattern.WriteString(regexp.QuoteMeta(rest[:m[0]]))
		kind, name := rest[m[2]:m[3]], ""
		if m[4] >= 0 {
			name = kind + ":" + rest[m[4]:m[5]]
		}
		known, isKnown := c.variables[name]
		if name == "" {
			known, isKnown = c.variables[kind]
		}
		switch {
		case isKnown:
			pattern.WriteString(regexp.QuoteMeta(known))
		case kinds[kind] != "":
			pattern.WriteString("(" + kinds[kind] + ")")
			names = append(names, name)
		case kind == "requestId":
			c.fail("%s: the answer has no header X-Request-Id, want %q", at, want)
			return
		default:
			c.fail("%s: unknown placeholder %s", at, rest[m[0]:m[1]])
			return
		}
		rest = rest[m[1]:]
	}
	pattern.WriteString(regexp.QuoteMeta(rest) + "$")
	found := regexp.MustCompile(pattern.String()).FindStringSubmatch(got)
	if found == nil {
		c.fail("%s is %q, want %q", at, got, want)
		return
	}
	for i, name := range names {
		if name != "" {
			c.variables[name] = found[i+1]
		}
	}
}

func compact(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}
