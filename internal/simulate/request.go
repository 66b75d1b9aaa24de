package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/rollcall-scim/rollcall/internal/recording"
)

// A Request is one SCIM request, before its token and its base URL.
type Request struct {
	// Kind says what the request is for, for example "create user".
	Kind string
	// Path is below the base URL, with the query. One that begins with /scim/ takes
	// the place of the base URL's own.
	Method, Path, Body string
	// Headers are names and values in turn, in place of those that are always sent.
	Headers []string
}

// A line is what the simulator reads of a recorded request.
type line struct {
	ID     string          `json:"id"`
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"`
}

// recorded returns the recorded requests by their ids.
var recorded = sync.OnceValue(func() map[string]line {
	lines := make(map[string]line)
	for text := range bytes.Lines(recording.Requests) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			panic(fmt.Sprintf("recording: %v", err)) // the file is part of the program
		}
		if string(l.Body) == "null" {
			l.Body = nil
		}
		lines[l.ID] = l
	}
	return lines
})

// fill returns a recorded request with other values: pairs of a text that the
// recording has and what takes its place. A text that it does not have is a mistake
// in this package.
func fill(kind, id string, pairs ...string) Request {
	l, ok := recorded()[id]
	if !ok {
		panic("recording: no request " + id)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(l.Path+string(l.Body), pairs[i]) {
			panic(fmt.Sprintf("recording: %s has no %s", id, pairs[i]))
		}
	}
	r := strings.NewReplacer(append(pairs, "{{run}}", "")...)
	return Request{Kind: kind, Method: l.Method, Path: r.Replace(l.Path), Body: r.Replace(string(l.Body))}
}

// quoted returns a text as a JSON string.
func quoted(text string) string {
	encoded, _ := json.Marshal(text)
	return string(encoded)
}

// list returns a JSON array with one element for each value.
func list(values []string, element func(value string) string) string {
	elements := make([]string, len(values))
	for i, value := range values {
		elements[i] = element(value)
	}
	return "[" + strings.Join(elements, ", ") + "]"
}
