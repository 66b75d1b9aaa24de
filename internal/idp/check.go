package idp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// checks judges an answer. What does not hold is a failure of the run; an error
// ends it.
func (r *run) checks(name string, a answer, checks []Check) error {
	for _, c := range checks {
		if err := r.act(a, c); err != nil {
			return fmt.Errorf("%s%w", name, err)
		}
		if problem := r.judge(a, c); problem != "" {
			r.failf("%s%s", name, problem)
		}
	}
	return nil
}

// act does what a check does beside judging the answer.
func (r *run) act(a answer, c Check) error {
	switch {
	case c.Save != nil:
		return r.save(a, c.Save)
	case c.Then != nil:
		return r.step("then", *c.Then)
	case c.SeatsFree != nil:
		return r.seatsFree(*c.SeatsFree)
	case c.FreeOne:
		return r.freeOne()
	case c.Race != nil:
		return r.race(c.Race.Send, c.Race.Want)
	case c.Echo != nil:
		return r.echo(a, c.Echo.Method, c.Echo.Path, c.Echo.Want, c.Echo.Checks)
	case c.Walk != nil:
		return r.walk(c.Walk.Count, c.Walk.Users)
	}
	return nil
}

// judge says what of a check does not hold, "" when all does.
func (r *run) judge(a answer, c Check) string {
	switch {
	case c.Empty && len(a.raw) > 0:
		return fmt.Sprintf("the answer has a body: %.100s", a.raw)
	case c.BodyLacks != "" && bytes.Contains(a.raw, []byte(c.BodyLacks)):
		return "the body shows " + strconv.Quote(c.BodyLacks)
	case c.Event != nil:
		return r.judgeEvent(a, c.Event)
	case c.Header != "":
		value := a.header.Get(c.Header)
		if c.SameAs != "" && value != at(a.body, c.SameAs) {
			return fmt.Sprintf("header %s is %q, want what is at %s: %v", c.Header, value, c.SameAs, at(a.body, c.SameAs))
		}
		if c.Matches != "" && !matches(r.fill(c.Matches), value) {
			return fmt.Sprintf("header %s is %q, want %s", c.Header, value, c.Matches)
		}
		return ""
	case c.At != "":
		if problem := r.judgeValue(at(a.body, r.fill(c.At)), c); problem != "" {
			return c.At + " " + problem
		}
	}
	return ""
}

func (r *run) judgeEvent(a answer, want map[string]string) string {
	if r.target.Event == nil {
		r.result.Unseen = append(r.result.Unseen, "the event that is logged")
		return ""
	}
	event := r.target.Event(a.header.Get("X-Request-Id"))
	for field, text := range want {
		if got, _ := event[field].(string); !strings.Contains(got, text) {
			return fmt.Sprintf("the event's %s is %q, want %q in it", field, got, text)
		}
	}
	return ""
}

// judgeValue judges the value that a check points at; nil is an absent one.
func (r *run) judgeValue(got any, c Check) string {
	text, isText := got.(string)
	switch {
	case c.Absent && got != nil:
		return fmt.Sprintf("is %s, want it absent", show(got))
	case len(c.Is) > 0 && !r.equal(got, c.Is):
		return fmt.Sprintf("is %s, want %s", show(got), r.fill(string(c.Is)))
	case len(c.IsNot) > 0 && (got == nil || r.equal(got, c.IsNot)):
		return fmt.Sprintf("is %s, want another", show(got))
	case c.Type != "" && typeOf(got) != c.Type:
		return fmt.Sprintf("is %s, want a %s", show(got), c.Type)
	case c.Matches != "" && !(isText && matches(r.fill(c.Matches), text)):
		return fmt.Sprintf("is %s, want %s", show(got), c.Matches)
	}
	if problem := judgeNumber(got, c); problem != "" {
		return problem
	}
	return r.judgeList(got, c)
}

func judgeNumber(got any, c Check) string {
	number, ok := got.(float64)
	switch {
	case c.AtLeast != nil && !(ok && number >= *c.AtLeast):
		return fmt.Sprintf("is %s, want at least %v", show(got), *c.AtLeast)
	case c.AtMost != nil && !(ok && number <= *c.AtMost):
		return fmt.Sprintf("is %s, want at most %v", show(got), *c.AtMost)
	}
	return ""
}

func (r *run) judgeList(got any, c Check) string {
	list, ok := got.([]any)
	switch {
	case c.Count != nil && !(ok && len(list) == *c.Count):
		return fmt.Sprintf("has %d elements, want %d: %s", len(list), *c.Count, show(got))
	case c.Holds != "" && !r.some(list, nil, r.fill(c.Holds)):
		return fmt.Sprintf("is %s, want %s in it", show(got), r.fill(c.Holds))
	case c.Some != nil && !r.some(list, c.Some, ""):
		return fmt.Sprintf("is %s, want an element with %v", show(got), c.Some)
	case c.None != nil && (!ok || r.some(list, c.None, "")):
		return fmt.Sprintf("is %s, want no element with %v", show(got), c.None)
	}
	return ""
}

// some tells whether an element is the text, or has the attributes.
func (r *run) some(list []any, attributes map[string]any, text string) bool {
	for _, element := range list {
		if attributes == nil {
			if element == text {
				return true
			}
			continue
		}
		object, has := element.(map[string]any)
		for name, want := range attributes {
			if s, ok := want.(string); ok {
				want = r.fill(s)
			}
			has = has && reflect.DeepEqual(object[name], want)
		}
		if has {
			return true
		}
	}
	return false
}

func (r *run) equal(got any, want json.RawMessage) bool {
	var wanted any
	if err := json.Unmarshal([]byte(r.fill(string(want))), &wanted); err != nil {
		return false
	}
	return reflect.DeepEqual(got, wanted)
}

func matches(pattern, text string) bool {
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(text)
}

func typeOf(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "absent"
}

func show(v any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return fmt.Sprintf("%.300s", encoded)
}

// at is the value at a JSON pointer, nil when there is none. RFC 6901
func at(v any, pointer string) any {
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		switch container := v.(type) {
		case map[string]any:
			v = container[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(container) {
				return nil
			}
			v = container[i]
		default:
			return nil
		}
	}
	return v
}
