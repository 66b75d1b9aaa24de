package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
	"github.com/rollcall-scim/rollcall/internal/recording"
)

// Cases returns the recorded requests, the lines of recording.Requests.
func Cases() ([]Case, error) { return Load(bytes.NewReader(recording.Requests)) }

// maxLine is the longest line in bytes.
const maxLine = 1 << 20

// Load decodes cases, one JSON object a line. It refuses what would otherwise
// be ignored: an unknown word, a word that its verb does not allow, a variable
// that is not set, a line without steps and checks, notes without a check.
func Load(r io.Reader) ([]Case, error) {
	var cases []Case
	seen := make(map[string]bool)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		c, err := loadLine(lines.Bytes())
		if err == nil && seen[c.ID] {
			err = errors.New("the id occurs twice")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d %s: %w", n, c.ID, err)
		}
		seen[c.ID] = true
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the requests: %w", err)
	}
	if len(cases) == 0 {
		return nil, errors.New("the file has no request")
	}
	return cases, nil
}

func loadLine(line []byte) (Case, error) {
	var c Case
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return c, errors.New("something follows the object")
	}
	return c, c.validate()
}

func (c *Case) validate() error {
	switch {
	case c.ID == "":
		return errors.New("id is missing")
	case len(c.Expect.Status) == 0:
		return errors.New("expect.status is missing")
	case len(c.Steps) == 0 && len(c.Checks) == 0:
		return errors.New("neither steps nor checks")
	case c.Expect.Notes != "" && len(c.Checks) == 0:
		return errors.New("notes without a check")
	case c.Waits != nil && (c.Waits.For == "" || c.Waits.Reason == ""):
		return errors.New("waits needs for and reason")
	case c.Repeat < 0:
		return errors.New("repeat is a number from 1")
	}
	if err := checkRequest(c.Method, c.Path); err != nil {
		return err
	}
	known := map[string]bool{varRun: true, varExtension: true, varToken: true}
	for i := range c.Steps {
		if err := c.Steps[i].validate(true, known); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	sent := c.Path + string(c.Body) + match.Compact(headerValues(c.Headers))
	if err := allKnown(sent, known); err != nil {
		return err
	}
	if c.Strict != nil {
		if err := c.Strict.validate(c, known); err != nil {
			return err
		}
	}
	for i := range c.Checks {
		if err := c.Checks[i].validate(false, known); err != nil {
			return fmt.Errorf("check %d: %w", i+1, err)
		}
	}
	return nil
}

func headerValues(headers map[string]string) []any {
	var values []any
	for _, value := range headers {
		values = append(values, value)
	}
	return values
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

func checkRequest(method, path string) error {
	switch {
	case !slices.Contains(methods, method):
		return fmt.Errorf("%q is not a method", method)
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("the path %q does not begin with /", path)
	case strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' }):
		return fmt.Errorf("the path %q has characters that cannot be in a request line", path)
	}
	return nil
}

// The words that a step may have beside its verb.
const (
	wordsOfSending = "headers tenant status error header body lacks within event unlogged capture"
	wordsOfMaking  = "with as times each tenant status error header body lacks within event unlogged capture"
)

// allowed has the words that each verb allows; "" is a check of the line's own
// answer.
var allowed = map[string]string{
	"":           "status error header body lacks within event unlogged capture",
	"request":    "with operations " + wordsOfSending,
	"again":      wordsOfSending,
	"create":     wordsOfMaking,
	"leaveSeats": "",
	"freeSeats":  "",
	"walk":       "",
	"together":   "times more each statuses",
	"rest":       "",
	"list":       "with times more each as",
}

// words returns the words that a step has beside its verb.
func (s *Step) words() []string {
	var words []string
	for _, w := range []struct {
		name string
		has  bool
	}{
		{"with", s.With != nil},
		{"operations", s.Operations != nil},
		{"headers", s.Headers != nil},
		{"tenant", s.Tenant != ""},
		{"times", s.Times != nil},
		{"more", s.More != 0},
		{"each", s.Each != ""},
		{"as", s.As != ""},
		{"status", s.Status != nil},
		{"statuses", s.Statuses != nil},
		{"error", s.Error != nil},
		{"header", s.Header != nil},
		{"body", s.Body != nil},
		{"lacks", s.Lacks != nil},
		{"within", s.Within != ""},
		{"event", s.Event != nil},
		{"unlogged", s.Unlogged != nil},
		{"capture", s.Capture != nil},
	} {
		if w.has {
			words = append(words, w.name)
		}
	}
	return words
}

// validate checks a step by itself, and adds the variables that it sets to
// known.
func (s *Step) validate(setsUp bool, known map[string]bool) error {
	verbs := s.verbs()
	if len(verbs) > 1 {
		return fmt.Errorf("%s: one of them", strings.Join(verbs, " and "))
	}
	verb := s.verb()
	if verb == "" && setsUp {
		return errors.New("it does nothing")
	}
	if verb == "" && !s.expects() && s.Capture == nil {
		return errors.New("it expects nothing")
	}
	words := strings.Fields(allowed[verb])
	for _, w := range s.words() {
		if !slices.Contains(words, w) {
			return fmt.Errorf("%q is not allowed with %q", w, verb)
		}
	}
	if (s.Event != nil || s.Unlogged != nil || s.Waits != "" && !setsUp) && s.Says == "" {
		return errors.New("a check that may be skipped needs says")
	}
	if err := s.validateVerb(verb); err != nil {
		return err
	}
	if s.Strict != nil {
		if err := s.Strict.validate(verb, setsUp); err != nil {
			return err
		}
	}
	if err := s.validateExpected(); err != nil {
		return err
	}
	return s.define(known)
}

func (s *Step) validateVerb(verb string) error {
	if err := s.validateBeside(); err != nil {
		return err
	}
	many := s.Times != nil || s.Each != ""
	switch {
	case verb == "create" && s.Create != "user" && s.Create != "group":
		return fmt.Errorf("create needs user or group, not %s", s.Create)
	case verb == "create" && many && (s.Capture != nil || s.expects()):
		return errors.New("with times or each no answer is checked")
	case verb == "request":
		return checkRequest(splitRequest(s.Request))
	case verb == "leaveSeats" && *s.LeaveSeats < 0, verb == "freeSeats" && *s.FreeSeats < 0:
		return errors.New("seats are a number from 0")
	case verb == "walk":
		return s.Walk.validate()
	case verb == "together":
		return s.validateTogether()
	case verb == "rest":
		return validDuration(verb, s.Rest)
	case verb == "list" && (s.As == "" || s.With == nil || !many):
		return errors.New("list needs as, with, and times or each")
	}
	return nil
}

// validateBeside checks the words that belong to several verbs.
func (s *Step) validateBeside() error {
	switch {
	case s.Tenant != "" && s.Tenant != otherTenant:
		return fmt.Errorf("tenant can only be other, not %s", s.Tenant)
	case s.Times != nil && s.Each != "":
		return errors.New("times or each, not both")
	case s.More != 0 && s.Times == nil:
		return errors.New("more goes with times")
	case s.With != nil && s.Operations != nil:
		return errors.New("with or operations, not both")
	}
	return nil
}

func (s *Step) validateTogether() error {
	if len(s.Statuses) == 0 {
		return errors.New("together expects statuses")
	}
	for _, q := range s.Together {
		if q.With != nil && q.Operations != nil {
			return errors.New("with or operations, not both")
		}
		if err := checkRequest(splitRequest(q.Request)); err != nil {
			return err
		}
	}
	return nil
}

func (w *Walk) validate() error {
	switch {
	case w.Count < 1:
		return errors.New("walk needs a count")
	case w.By != "" && w.By != byStartIndex && w.By != byCursor:
		return fmt.Errorf("walk by startIndex or cursor, not by %s", w.By)
	}
	return checkRequest(http.MethodGet, w.Path)
}

// validDuration returns an error unless the text of a word is a duration above
// zero.
func validDuration(word, text string) error {
	if d, err := time.ParseDuration(text); err != nil || d <= 0 {
		return fmt.Errorf("%s %q is not a duration", word, text)
	}
	return nil
}

func (s *Step) validateExpected() error {
	if s.Within != "" {
		if err := validDuration("within", s.Within); err != nil {
			return err
		}
	}
	for status := range s.Statuses {
		if n, err := strconv.Atoi(status); status != anySuccess && (err != nil || n < 100 || n > 599) {
			return fmt.Errorf("%q is not a status", status)
		}
	}
	for _, named := range []map[string]match.Matcher{s.Body, s.Event} {
		for pointer := range named {
			if pointer != "" && pointer[0] != '/' {
				return fmt.Errorf("the pointer %q does not begin with /", pointer)
			}
		}
	}
	for name, pointer := range s.Capture {
		if pointer != "" && pointer[0] != '/' {
			return fmt.Errorf("the pointer %q of %s does not begin with /", pointer, name)
		}
	}
	return nil
}

// define checks that the variables a step uses are set before it, and adds
// those that it sets.
func (s *Step) define(known map[string]bool) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	inner := make(map[string]bool)
	if s.Times != nil || s.Each != "" {
		inner[varN] = true
	}
	if s.Each != "" {
		inner[varItem] = true
	}
	for _, name := range match.Names(string(text)) {
		if !known[name] && !inner[name] {
			return fmt.Errorf("the variable %s is not set before", name)
		}
	}
	var sets []string
	if s.As != "" {
		sets = append(sets, s.As)
	}
	if s.Walk != nil && s.Walk.As != "" {
		sets = append(sets, s.Walk.As)
	}
	for name := range s.Capture {
		sets = append(sets, name)
	}
	for _, name := range sets {
		if len(match.Names("{{"+name+"}}")) == 0 {
			return fmt.Errorf("%q is not a name of a variable", name)
		}
		known[name] = true
	}
	return nil
}

func allKnown(text string, known map[string]bool) error {
	for _, name := range match.Names(text) {
		if !known[name] {
			return fmt.Errorf("the variable %s is not set", name)
		}
	}
	return nil
}

func splitRequest(text string) (method, path string) {
	method, path, _ = strings.Cut(text, " ")
	return method, path
}
