package canary

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// expected is the answer to an event, as the files under events/ have it.
type expected struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    map[string]any    `json:"body"`
}

// compare returns how a function's answer differs from the expected one: in its
// status, one of the named headers, or its body.
func (e expected) compare(payload []byte) error {
	var answer struct {
		StatusCode int               `json:"statusCode"`
		Headers    map[string]string `json:"headers"`
		Body       string            `json:"body"`
	}
	if err := json.Unmarshal(payload, &answer); err != nil {
		return fmt.Errorf("the answer is not an HTTP response: %w", err)
	}
	if answer.StatusCode != e.Status {
		return fmt.Errorf("status %d, want %d", answer.StatusCode, e.Status)
	}
	for name, want := range e.Headers {
		var got any // nil if the header is missing
		for sent, value := range answer.Headers {
			if strings.EqualFold(sent, name) {
				got = value
			}
		}
		if err := differ(name, got, want); err != nil {
			return err
		}
	}
	if e.Body == nil { // a page, which people read
		return nil
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(answer.Body), &body); err != nil {
		return fmt.Errorf("the body is not a JSON object: %w", err)
	}
	return differ("", body, e.Body)
}

// differ returns where a value differs from the expected one. A text with a
// placeholder, {{name}}, stands for any text with the same beginning: ids,
// times and addresses are not known before.
func differ(where string, got, want any) error {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok || len(got) != len(want) {
			return fmt.Errorf("%s: the members are not those expected", where)
		}
		for name := range want {
			if err := differ(where+"/"+name, got[name], want[name]); err != nil {
				return err
			}
		}
		return nil
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return fmt.Errorf("%s: the elements are not those expected", where)
		}
		for i := range want {
			if err := differ(fmt.Sprintf("%s/%d", where, i), got[i], want[i]); err != nil {
				return err
			}
		}
		return nil
	case string:
		before, _, isPattern := strings.Cut(want, "{{")
		if text, ok := got.(string); ok && isPattern && strings.HasPrefix(text, before) {
			return nil
		}
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s: %v, want %v", where, got, want)
	}
	return nil
}
