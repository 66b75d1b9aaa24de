package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-scim/rollcall/internal/e2e/match"
)

// An Outcome is the outcome of a line.
type Outcome string

// The outcomes.
const (
	Passed Outcome = "pass"
	Failed Outcome = "FAIL"
	// Waiting: the service lacks a capability that the line needs.
	Waiting Outcome = "waits"
	// NotRun: the line cannot be run on this target.
	NotRun Outcome = "not run"
)

// A Result is the outcome of a line, with the reasons.
type Result struct {
	ID      string
	Outcome Outcome
	// Reasons are the differences, the reason for waiting, or why the line was not run.
	Reasons []string
	// Unseen are the checks that were skipped, each with its reason: the target
	// does not show its log, or the check waits for a capability.
	Unseen []string
}

// Run sets a line up, sends its request and makes its checks. It returns when
// all of them are done, or after the first step that fails.
func Run(ctx context.Context, t Target, c Case) Result {
	if c.Waits != nil {
		return Result{ID: c.ID, Outcome: Waiting, Reasons: []string{c.Waits.For + " — " + c.Waits.Reason}}
	}
	if t.Other == "" && c.NeedsOther() {
		return Result{ID: c.ID, Outcome: NotRun, Reasons: []string{"needs a second tenant's token"}}
	}
	r := newRunner(ctx, t, c)
	r.run()
	if t.Shared {
		if err := r.cleanUp(); err != nil {
			r.fail("resources of the line remain: %v", err)
		}
	}
	result := Result{ID: c.ID, Outcome: Passed, Reasons: r.failures, Unseen: r.unseen}
	switch {
	case len(r.failures) > 0:
		result.Outcome = Failed
	case r.unfit != nil:
		result.Outcome, result.Reasons = NotRun, []string{r.unfit.Error()}
	}
	return result
}

// NeedsOther reports whether the case needs a second tenant.
func (c *Case) NeedsOther() bool {
	for _, steps := range [][]Step{c.Steps, c.Checks} {
		for _, s := range steps {
			if s.Tenant == otherTenant {
				return true
			}
		}
	}
	return false
}

// A runner is a line in progress.
type runner struct {
	ctx    context.Context
	target Target
	c      Case
	vars   *match.Variables
	// answer is the answer to the line's own request.
	answer *answer
	// serial numbers the generated names.
	serial int
	// fillers are the users that leaveSeats created and did not delete again.
	fillers  []string
	failures []string
	unseen   []string
	// unfit is why the line cannot be run on this target.
	unfit error

	mu   sync.Mutex // guards made, to which concurrent requests add
	made []made
}

func newRunner(ctx context.Context, t Target, c Case) *runner {
	if t.ExtensionURN == "" {
		t.ExtensionURN = DefaultExtension
	}
	r := &runner{ctx: ctx, target: t, c: c, vars: match.New()}
	run := ""
	if t.Shared {
		run = randomRun()
	}
	r.vars.Set(varRun, run)
	r.vars.Set(varExtension, t.ExtensionURN)
	r.vars.Set(varToken, t.Token)
	return r
}

// An unfitError is a reason for NotRun.
type unfitError struct{ reason string }

func (e unfitError) Error() string { return e.reason }

func (r *runner) fail(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *runner) run() {
	for i := range r.c.Steps {
		err := r.do(&r.c.Steps[i])
		if errors.As(err, &unfitError{}) {
			r.unfit = err
			return
		}
		if err != nil {
			r.fail("step %d, %s: %v", i+1, r.c.Steps[i].verb(), err)
			return
		}
	}
	if r.target.Strict && r.c.Strict != nil {
		var err error
		if r.c, err = r.strictly(r.c); err != nil {
			r.fail("%v", err)
			return
		}
	}
	m, err := r.own()
	if err == nil {
		r.answer, err = r.sendOwn(m)
	}
	if err != nil {
		r.fail("%v", err)
		return
	}
	if !r.c.Expect.Status.allow(r.answer.status) {
		r.fail("the status is %d, want %s: %s", r.answer.status, r.c.Expect.Status, match.Show(r.answer.document))
		return
	}
	if err := r.answer.manners(); err != nil {
		r.fail("%v", err)
	}
	for i := range r.c.Checks {
		s := &r.c.Checks[i]
		err := r.do(s)
		if errors.As(err, &unfitError{}) {
			r.unfit = err
			return
		}
		if err != nil {
			says := ""
			if s.Says != "" {
				says = " (" + s.Says + ")"
			}
			r.fail("check %d: %v%s", i+1, err, says)
		}
	}
}

// own returns the line's request.
func (r *runner) own() (message, error) {
	m, err := r.message(r.vars, r.c.Method, r.c.Path, r.c.Headers, r.c.Body, nil)
	m.base = r.c.Base
	return m, err
}

// sendOwn sends the line's request, as often as Repeat allows.
func (r *runner) sendOwn(m message) (*answer, error) {
	a, err := r.sendPatiently(m, r.c.Expect.Status)
	for n := 1; err == nil && n < r.c.Repeat && !r.c.Expect.Status.allow(a.status); n++ {
		a, err = r.send(m)
	}
	return a, err
}

const patchURN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// message returns a request with its variables filled in.
func (r *runner) message(
	v *match.Variables, method, path string, headers map[string]string, body, operations json.RawMessage,
) (message, error) {
	m := message{method: method, headers: make(map[string]string)}
	var err error
	if m.path, err = v.Expand(path); err != nil {
		return m, err
	}
	for name, value := range headers {
		if m.headers[name], err = v.Expand(value); err != nil {
			return m, err
		}
	}
	if operations != nil {
		body = []byte(`{"schemas":["` + patchURN + `"],"Operations":` + string(operations) + `}`)
	}
	if body != nil && string(body) != "null" {
		m.body, err = v.ExpandJSON(body)
	}
	return m, err
}

// do runs a step's verb and checks what it expects.
func (r *runner) do(s *Step) error {
	if s.Waits != "" {
		if s.Says != "" {
			r.unseen = append(r.unseen, "waits for "+s.Waits+": "+s.Says)
		}
		return nil
	}
	if r.target.Strict {
		strict, omit := s.forStrict()
		if omit {
			return nil
		}
		s = strict
	}
	switch s.verb() {
	case "":
		return r.check(s, r.answer)
	case "request":
		method, path := splitRequest(s.Request)
		m, err := r.message(r.vars, method, path, s.Headers, s.With, s.Operations)
		return r.exchange(s, m, err)
	case "again":
		m, err := r.own()
		for name, value := range s.Headers {
			if err == nil {
				m.headers[name], err = r.vars.Expand(value)
			}
		}
		return r.exchange(s, m, err)
	case "create":
		return r.create(s)
	case "leaveSeats":
		return r.leaveSeats(*s.LeaveSeats)
	case "freeSeats":
		return r.freeSeats(*s.FreeSeats)
	case "walk":
		return r.walk(s.Walk)
	case "together":
		return r.together(s)
	case "rest":
		d, err := time.ParseDuration(s.Rest)
		if err != nil {
			return err
		}
		return sleep(r.ctx, d)
	case "list":
		return r.list(s)
	}
	return fmt.Errorf("unknown verb %s", s.verb())
}

// exchange sends a request of a step and checks the answer.
func (r *runner) exchange(s *Step, m message, err error) error {
	if err != nil {
		return err
	}
	m.other = s.Tenant == otherTenant
	a, err := r.sendPatiently(m, s.Status)
	if err != nil {
		return err
	}
	if !s.Status.allow(a.status) {
		return fmt.Errorf("%s: the status is %d, want %s: %s", m, a.status, s.Status, match.Show(a.document))
	}
	if err := errors.Join(a.manners(), r.check(s, a)); err != nil {
		return fmt.Errorf("%s: %w", m, err)
	}
	return nil
}

// turns returns the variables for each repetition of a step.
func (r *runner) turns(s *Step) ([]*match.Variables, error) {
	switch {
	case s.Times != nil:
		n, err := r.vars.Times(s.Times)
		if err != nil {
			return nil, err
		}
		var turns []*match.Variables
		for i := range n + s.More {
			turns = append(turns, r.vars.With(varN, float64(i+1)))
		}
		return turns, nil
	case s.Each != "":
		expanded, err := r.vars.ExpandJSON([]byte(match.Compact(s.Each)))
		if err != nil {
			return nil, err
		}
		items, err := match.DecodeList(expanded)
		if err != nil {
			return nil, err
		}
		var turns []*match.Variables
		for i, item := range items {
			turns = append(turns, r.vars.With(varN, float64(i+1)).With(varItem, item))
		}
		return turns, nil
	}
	return []*match.Variables{r.vars}, nil
}

// create creates users or groups with names of their own.
func (r *runner) create(s *Step) error {
	turns, err := r.turns(s)
	if err != nil {
		return err
	}
	var ids []any
	for _, v := range turns {
		path, body, err := r.resource(v, s.Create, s.With)
		if err != nil {
			return err
		}
		m := message{method: http.MethodPost, path: path, body: body, other: s.Tenant == otherTenant}
		a, err := r.sendPatiently(m, s.Status)
		if err != nil {
			return err
		}
		expected := s.Status
		if expected == nil {
			expected = statuses{http.StatusCreated}
		}
		if !expected.allow(a.status) {
			return fmt.Errorf("%s: the status is %d, want %s: %s", m, a.status, expected, match.Show(a.document))
		}
		if a.status/100 == 2 && a.id() == "" {
			return fmt.Errorf("%s: the answer has no id: %s", m, match.Show(a.document))
		}
		if err := errors.Join(a.manners(), r.check(s, a)); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
		ids = append(ids, a.id())
	}
	switch {
	case s.As == "":
	case s.Times != nil || s.Each != "":
		r.vars.Set(s.As, ids)
	default:
		r.vars.Set(s.As, ids[0])
	}
	return nil
}

const (
	userURN  = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN = "urn:ietf:params:scim:schemas:core:2.0:Group"
)

// resource returns the body of a user or group, with a generated name unless
// the attributes have one.
func (r *runner) resource(v *match.Variables, what string, attributes json.RawMessage) (path string, body []byte, err error) {
	r.serial++
	run, err := v.Expand("{{" + varRun + "}}")
	if err != nil {
		return "", nil, err
	}
	resource := map[string]any{"schemas": []string{groupURN}, "displayName": fmt.Sprintf("Replay %d%s", r.serial, run)}
	path = "/Groups"
	if what == "user" {
		path = "/Users"
		resource = map[string]any{
			"schemas": []string{userURN}, "userName": fmt.Sprintf("replay.%d%s@example.com", r.serial, run), "active": true,
		}
	}
	if attributes != nil {
		expanded, err := v.ExpandJSON(attributes)
		if err != nil {
			return "", nil, err
		}
		if err := json.Unmarshal(expanded, &resource); err != nil {
			return "", nil, err
		}
	}
	return path, []byte(match.Compact(resource)), nil
}

// list sets a variable to an array.
func (r *runner) list(s *Step) error {
	turns, err := r.turns(s)
	if err != nil {
		return err
	}
	items := []any{}
	for _, v := range turns {
		expanded, err := v.ExpandJSON(s.With)
		if err != nil {
			return err
		}
		item, err := match.Decode(expanded)
		if err != nil {
			return err
		}
		items = append(items, item)
	}
	r.vars.Set(s.As, items)
	return nil
}

// anySuccess is the key in Step.Statuses that counts all successes.
const anySuccess = "2xx"

// maxTogether is the largest number of concurrent requests.
const maxTogether = 64

// together sends requests concurrently and counts their answers by status.
func (r *runner) together(s *Step) error {
	turns, err := r.turns(s)
	if err != nil {
		return err
	}
	var messages []message
	for _, v := range turns {
		for _, q := range s.Together {
			method, path := splitRequest(q.Request)
			m, err := r.message(v, method, path, nil, q.With, q.Operations)
			if err != nil {
				return err
			}
			messages = append(messages, m)
		}
	}
	// A limiter that earlier requests have emptied is not part of the answer,
	// unless the step counts its refusals.
	send := func(m message) (*answer, error) { return r.sendPatiently(m, nil) }
	if _, counted := s.Statuses[strconv.Itoa(http.StatusTooManyRequests)]; counted {
		send = r.send
	}
	answers, err := sendAll(messages, send)
	if err != nil {
		return err
	}
	counts := make(map[string]int)
	for _, a := range answers {
		counts[strconv.Itoa(a.status)]++
		if a.status/100 == 2 {
			counts[anySuccess]++
		}
	}
	var differ []error
	for _, status := range sortedNames(s.Statuses) {
		if err := s.Statuses[status].Check(r.vars, float64(counts[status]), true, nil); err != nil {
			differ = append(differ, fmt.Errorf("of %d requests at once the number answered with %s %w (all: %v)", len(messages), status, err, counts))
		}
	}
	return errors.Join(differ...)
}

// sendAll sends requests concurrently.
func sendAll(messages []message, send func(message) (*answer, error)) ([]*answer, error) {
	answers := make([]*answer, len(messages))
	faults := make([]error, len(messages))
	slots := make(chan struct{}, maxTogether)
	var group sync.WaitGroup
	for i, m := range messages {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			answers[i], faults[i] = send(m)
			if faults[i] == nil {
				faults[i] = answers[i].manners()
			}
		})
	}
	group.Wait()
	return answers, errors.Join(faults...)
}

// check compares an answer with everything that a step expects, and captures
// variables from it.
func (r *runner) check(s *Step, a *answer) error {
	var differ []error
	fail := func(format string, args ...any) { differ = append(differ, fmt.Errorf(format, args...)) }
	if len(s.Status) > 0 && !s.Status.allow(a.status) {
		fail("the status is %d, want %s", a.status, s.Status)
	}
	if s.Error != nil {
		differ = append(differ, a.checkError(s.Error))
	}
	for _, name := range sortedNames(s.Header) {
		var value any
		values := a.header.Values(name)
		if len(values) > 0 {
			value = strings.Join(values, ", ")
		}
		if err := s.Header[name].Check(r.vars, value, len(values) > 0, a.document); err != nil {
			fail("the header %s %w", name, err)
		}
	}
	differ = append(differ, r.checkDocument(s.Body, a.document))
	for _, text := range s.Lacks {
		if err := r.checkLacks(text, string(a.body)+match.Compact(a.header)); err != nil {
			fail("the answer %w", err)
		}
	}
	differ = append(differ, r.checkWithin(s, a), r.checkEvent(s, a), r.capture(s, a))
	return errors.Join(differ...)
}

// capture sets the variables that a step takes from an answer.
func (r *runner) capture(s *Step, a *answer) error {
	var differ []error
	for _, name := range sortedNames(s.Capture) {
		value, found, err := r.lookup(a.document, s.Capture[name])
		if err == nil && !found {
			err = errors.New("is absent")
		}
		if err != nil {
			differ = append(differ, fmt.Errorf("%s, captured as %s, %w", s.Capture[name], name, err))
			continue
		}
		r.vars.Set(name, value)
	}
	return errors.Join(differ...)
}

// checkDocument compares the values of pointers in a JSON document.
func (r *runner) checkDocument(want map[string]match.Matcher, document any) error {
	var differ []error
	for _, pointer := range sortedNames(want) {
		value, found, err := r.lookup(document, pointer)
		if err == nil {
			err = want[pointer].Check(r.vars, value, found, document)
		}
		if err != nil {
			name := pointer
			if name == "" {
				name = "the body"
			}
			differ = append(differ, fmt.Errorf("%s %w", name, err))
		}
	}
	return errors.Join(differ...)
}

func (r *runner) lookup(document any, pointer string) (any, bool, error) {
	expanded, err := r.vars.Expand(pointer)
	if err != nil {
		return nil, false, err
	}
	return match.Lookup(document, expanded)
}

func (r *runner) checkLacks(text, in string) error {
	expanded, err := r.vars.Expand(text)
	if err != nil {
		return err
	}
	if strings.Contains(in, expanded) {
		return fmt.Errorf("has %s in it", text)
	}
	return nil
}

// tries is how often a read is sent before it counts as slow: one slow answer
// can be the machine's fault.
const tries = 3

func (r *runner) checkWithin(s *Step, a *answer) error {
	if s.Within == "" {
		return nil
	}
	if !r.target.Timed {
		r.unseen = append(r.unseen, "is checked on a running service only: "+s.Says)
		return nil
	}
	most, err := time.ParseDuration(s.Within)
	if err != nil {
		return err
	}
	best := a.elapsed
	for n := 1; n < tries && best > most && a.to.method == http.MethodGet; n++ {
		again, err := r.send(a.to)
		if err != nil {
			return err
		}
		best = min(best, again.elapsed)
	}
	if best > most {
		return fmt.Errorf("the answer took %s, want at most %s", best.Round(time.Millisecond), most)
	}
	return nil
}

// checkEvent checks the event that the service logged for a request. If the log
// is not shown, the result says so.
func (r *runner) checkEvent(s *Step, a *answer) error {
	if len(s.Event) == 0 && len(s.Unlogged) == 0 {
		return nil
	}
	if r.target.Event == nil {
		r.unseen = append(r.unseen, "needs the log: "+s.Says)
		return nil
	}
	line := r.event(a.requestID())
	if line == nil {
		return fmt.Errorf("the logged event: the request %q has none", a.requestID())
	}
	event, err := match.Decode(line)
	if err != nil {
		return err
	}
	differ := []error{r.checkDocument(s.Event, event)}
	for _, text := range s.Unlogged {
		differ = append(differ, r.checkLacks(text, string(line)))
	}
	if err := errors.Join(differ...); err != nil {
		return fmt.Errorf("the logged event: %w", err)
	}
	return nil
}

// event returns the event of a request. A service logs after it has answered,
// so the event may come a moment later.
func (r *runner) event(requestID string) []byte {
	const moments = 100
	for range moments {
		if line := r.target.Event(requestID); line != nil {
			return line
		}
		if sleep(r.ctx, 10*time.Millisecond) != nil {
			return nil
		}
	}
	return nil
}
