package replay

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
)

//go:embed reports.jsonl
var reports []byte

// A Report is a public report of provisioning that failed, as requests with the
// correct answers.
type Report struct {
	ID string `json:"id"`
	// Area is the subject and Kind the class of fault; Kind is empty if nothing
	// was wrong.
	Area string `json:"area"`
	Kind string `json:"kind"`
	// Source is where it was reported, Job what the reporter was doing, Want
	// what they need.
	Source []string `json:"source"`
	Job    string   `json:"job"`
	Want   string   `json:"want"`
	// Setup is sent first and must succeed.
	Setup []ReportSetup `json:"setup"`
	// Requests is the one request under test.
	Requests []ReportRequest `json:"requests"`
	// After are reads that are sent afterwards.
	After    []ReportRead   `json:"after"`
	Expected ReportExpected `json:"expected"`
}

// A ReportSetup is a request [method, path, body, name]: name keeps its answer.
type ReportSetup struct {
	Method, Path string
	Body         json.RawMessage
	Name         string
}

// A ReportRequest is a request [method, path, body, headers]. A body that is a
// text beginning with BASE: is another base path, and no body. A null header is
// not sent.
type ReportRequest struct {
	Method, Path string
	Body         json.RawMessage
	Headers      map[string]*string
}

// A ReportRead is a request [method, path].
type ReportRead struct{ Method, Path string }

// A ReportExpected is the correct answer: one of the status codes, and all checks.
type ReportExpected struct {
	Status statuses      `json:"status"`
	Checks []ReportCheck `json:"checks"`
}

// A ReportCheck is [answer, path, operator, value]. The answer is r, that of
// the request under test; h, its headers; or a0, a1, … those of the reads
// afterwards.
type ReportCheck struct {
	Answer   string
	Path     []string
	Operator string
	Value    any
}

// tuple decodes a JSON array of exactly these values.
func tuple(b []byte, values ...any) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	if len(raw) != len(values) {
		return fmt.Errorf("%s has %d values, want %d", b, len(raw), len(values))
	}
	for i := range raw {
		if err := json.Unmarshal(raw[i], values[i]); err != nil {
			return fmt.Errorf("value %d of %s: %w", i, b, err)
		}
	}
	return nil
}

// UnmarshalJSON decodes [method, path, body, name].
func (s *ReportSetup) UnmarshalJSON(b []byte) error {
	return tuple(b, &s.Method, &s.Path, &s.Body, &s.Name)
}

// UnmarshalJSON decodes [method, path, body, headers].
func (q *ReportRequest) UnmarshalJSON(b []byte) error {
	return tuple(b, &q.Method, &q.Path, &q.Body, &q.Headers)
}

// UnmarshalJSON decodes [method, path].
func (a *ReportRead) UnmarshalJSON(b []byte) error { return tuple(b, &a.Method, &a.Path) }

// UnmarshalJSON decodes [answer, path, operator, value].
func (c *ReportCheck) UnmarshalJSON(b []byte) error {
	return tuple(b, &c.Answer, &c.Path, &c.Operator, &c.Value)
}

// Reports returns the lines of reports.jsonl.
func Reports() ([]Report, error) { return LoadReports(bytes.NewReader(reports)) }

// LoadReports decodes reports, one JSON object a line. It refuses an unknown
// member, a report without exactly one request under test, and an id that
// occurs twice.
func LoadReports(r io.Reader) ([]Report, error) {
	var all []Report
	seen := make(map[string]bool)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var report Report
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.DisallowUnknownFields()
		err := d.Decode(&report)
		switch {
		case err != nil:
		case report.ID == "" || report.Job == "" || report.Want == "" || len(report.Source) == 0:
			err = errors.New("a report needs id, source, job and want")
		case seen[report.ID]:
			err = errors.New("the id occurs twice")
		default:
			_, err = report.Case()
		}
		if err != nil {
			return nil, fmt.Errorf("line %d %s: %w", n, report.ID, err)
		}
		seen[report.ID] = true
		all = append(all, report)
	}
	return all, lines.Err()
}

// basePrefix begins a body that is another base path.
const basePrefix = "BASE:"

// Case returns the report as a case: its setup as steps, its checks and reads
// as checks. A report without checks has only its status checked.
func (r Report) Case() (Case, error) {
	if len(r.Requests) != 1 {
		return Case{}, fmt.Errorf("%d requests are under test, want one: the others are setup", len(r.Requests))
	}
	q := r.Requests[0]
	c := Case{
		ID: r.ID, Source: strings.Join(r.Source, "; "), Method: q.Method, Path: filled(q.Path), Body: filledJSON(q.Body),
		Expect: Expect{Status: r.Expected.Status, Notes: r.Want}, Headers: make(map[string]string),
		Checks: []Step{{Says: r.Want, Status: r.Expected.Status}},
	}
	var text string
	if json.Unmarshal(q.Body, &text) == nil && strings.HasPrefix(text, basePrefix) {
		base := strings.TrimPrefix(text, basePrefix)
		c.Base, c.Body = &base, nil
	}
	for name, value := range q.Headers {
		c.Headers[name] = ""
		if value != nil {
			c.Headers[name] = filled(*value)
		}
	}
	for _, s := range r.Setup {
		step := Step{Request: s.Method + " " + filled(s.Path), With: filledJSON(s.Body)}
		if s.Name != "" {
			step.Capture = map[string]string{s.Name + "Id": "/id"}
		}
		c.Steps = append(c.Steps, step)
	}
	for _, check := range r.Expected.Checks {
		step, err := r.check(check)
		if err != nil {
			return c, err
		}
		c.Checks = append(c.Checks, step)
	}
	whole := c
	if whole.Path == "" { // a request for the base URL itself
		whole.Path = "/"
	}
	return c, whole.validate()
}

// check returns a check as a step about the answer under test, or about that of
// a read afterwards.
func (r Report) check(c ReportCheck) (Step, error) {
	m, err := c.matcher()
	if err != nil {
		return Step{}, err
	}
	step := Step{Says: r.Want}
	switch {
	case c.Answer == "h" && len(c.Path) == 1:
		step.Header = map[string]match.Matcher{c.Path[0]: m}
		return step, nil
	case c.Answer == "r":
	default:
		var n int
		if _, err := fmt.Sscanf(c.Answer, "a%d", &n); err != nil || n < 0 || n >= len(r.After) {
			return step, fmt.Errorf("no answer %q", c.Answer)
		}
		step.Request = r.After[n].Method + " " + filled(r.After[n].Path)
	}
	pointer := ""
	for _, name := range c.Path {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	}
	step.Body = map[string]match.Matcher{pointer: m}
	return step, nil
}

// matcher returns what a check expects, in the words of cases.
func (c ReportCheck) matcher() (match.Matcher, error) {
	words := map[string]any{}
	switch c.Operator {
	case "eq", "eqt":
		words["equals"] = c.Value
	case "has", "hast":
		words["type"], words["contains"] = "string", c.Value
	case "contains":
		words["type"], words["contains"] = "array", c.Value
	case "absent":
		words["empty"] = true
	case "len":
		if c.Value == 0.0 {
			words["empty"] = true
		} else {
			words["type"], words["size"] = "array", c.Value
		}
	case "gt":
		words["type"], words["not"] = "number", map[string]any{"max": c.Value}
	default:
		return match.Matcher{}, fmt.Errorf("unknown operator %q", c.Operator)
	}
	var m match.Matcher
	return m, m.UnmarshalJSON([]byte(filled(match.Compact(words))))
}

// filled replaces the placeholders of reports with those of cases: {{n}} is a
// part of a name, {{u.id}} an id that was kept, {{TOK}} the token.
func filled(text string) string {
	return strings.NewReplacer("{{n}}", "7{{"+varRun+"}}", "{{TOK}}", "{{"+varToken+"}}", ".id}}", "Id}}").Replace(text)
}

func filledJSON(body json.RawMessage) json.RawMessage {
	if body == nil {
		return nil
	}
	return json.RawMessage(filled(string(body)))
}
