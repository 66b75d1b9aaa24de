package idp

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Target is the server that is replayed against.
type Target struct {
	// BaseURL ends in /scim/v2.
	BaseURL string
	Token   string
	// OtherToken is of another tenant, "" when there is none.
	OtherToken string
	// ExtensionURN names the schema that has isTeamAccount.
	ExtensionURN string
	Client       *http.Client
	// Event finds what was logged of a request, by its X-Request-Id; nil where
	// the log is not seen.
	Event func(requestID string) map[string]any
}

// Result is what became of a case.
type Result struct {
	Case Case
	// Failures are the checks that do not hold, each in one line.
	Failures []string
	// NotRun says why the case could not be run here, "" when it was.
	NotRun string
	// Unseen are checks that need what this target does not show.
	Unseen []string
}

// Passed tells that the case was run and every check holds.
func (r Result) Passed() bool { return r.NotRun == "" && len(r.Failures) == 0 }

// errNotRun ends a case that this target has not what it needs for.
var errNotRun = errors.New("not run")

// maxFill is how many users a Fill makes at most before it gives up: a tenant
// with more free seats is no place for it.
const maxFill = 2000

// Run runs one case, and deletes the users it made.
func Run(ctx context.Context, t Target, c Case) Result {
	if c.Waits != nil {
		return Result{Case: c, NotRun: "waits for " + c.Waits.For + ": " + c.Waits.Reason}
	}
	random := make([]byte, 4)
	_, _ = rand.Read(random) // never fails: it ends the program instead
	r := &run{
		ctx: ctx, target: t, result: Result{Case: c},
		agent: map[string]string{"okta": "Okta SCIM Client 1.0.0"}[c.IdP],
		vars: map[string]string{
			"run": "-" + hex.EncodeToString(random), "token": t.Token, "extUrn": t.ExtensionURN,
		},
	}
	defer r.cleanUp()
	for _, s := range c.Steps {
		if err := r.step("step", s); err != nil {
			return r.end(err)
		}
	}
	a, err := r.send(Request{Method: c.Method, Path: c.Path, Body: c.Body}, c.Headers)
	if err != nil {
		return r.end(err)
	}
	if a.status != c.Status {
		r.failf("status %d, want %d: %.300s", a.status, c.Status, a.raw)
		return r.result
	}
	return r.end(r.checks("", a, c.Checks))
}

type run struct {
	ctx    context.Context //nolint:containedctx // a run is one call
	target Target
	agent  string
	result Result
	vars   map[string]string

	mu      sync.Mutex
	made    []string // ids of all users that were made
	other   string   // id of the user in the other tenant
	fillers []string // those that only hold a seat
	filled  bool
	count   int
}

// answer is a response, decoded.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   any
}

func (r *run) end(err error) Result {
	switch {
	case errors.Is(err, errNotRun):
		r.result.NotRun = strings.TrimPrefix(err.Error(), errNotRun.Error()+": ")
	case err != nil:
		r.failf("%v", err)
	}
	return r.result
}

func (r *run) failf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Failures = append(r.result.Failures, fmt.Sprintf(format, args...))
}

// fill puts the variables into a text.
func (r *run) fill(text string) string {
	for name, value := range r.vars {
		text = strings.ReplaceAll(text, "{{"+name+"}}", value)
	}
	return text
}

// send sends a request exactly as it is written: a client library would encode
// raw quotes and plus signs in a query anew.
func (r *run) send(q Request, headers map[string]string) (answer, error) {
	target := r.fill(q.Path)
	body := r.fill(string(q.Body))
	if left := strings.Index(target+body, "{{"); left >= 0 {
		return answer{}, fmt.Errorf("a variable is not set: %.40s", (target + body)[left:])
	}
	base, err := url.Parse(r.target.BaseURL)
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequestWithContext(r.ctx, q.Method, r.target.BaseURL, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	path, query, _ := strings.Cut(target, "?")
	request.URL = &url.URL{Scheme: base.Scheme, Host: base.Host, Opaque: base.Path + path, RawQuery: query}
	request.Header.Set("User-Agent", r.agent) // "" sends none, as Entra does
	request.Header.Set("Authorization", "Bearer "+r.target.Token)
	if body != "" {
		request.Header.Set("Content-Type", "application/scim+json")
	}
	for name, value := range headers {
		request.Header.Set(name, r.fill(value))
	}
	response, err := r.target.Client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.raw, err = io.ReadAll(response.Body); err != nil {
		return answer{}, err
	}
	if len(a.raw) > 0 {
		if err := json.Unmarshal(a.raw, &a.body); err != nil {
			return answer{}, fmt.Errorf("%s %s answers no JSON: %w", q.Method, q.Path, err)
		}
	}
	if q.Method == http.MethodPost && a.status < 300 {
		if id, ok := at(a.body, "/id").(string); ok {
			r.mu.Lock()
			r.made = append(r.made, id)
			r.mu.Unlock()
		}
	}
	return a, nil
}

// newUser makes a user with a name of its own.
func (r *run) newUser(active bool) (answer, error) {
	r.count++
	return r.send(Request{
		Method: http.MethodPost, Path: "/Users",
		Body: json.RawMessage(fmt.Sprintf(
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"filler%d{{run}}","active":%t}`, r.count, active)),
	}, nil)
}

// remove deletes a user.
func (r *run) remove(id string) error {
	_, err := r.send(Request{Method: http.MethodDelete, Path: "/Users/" + id}, nil)
	return err
}

func (r *run) cleanUp() {
	// The case may have ended with its context; its users are removed all the
	// same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), time.Minute)
	defer cancel()
	r.ctx = ctx
	for _, id := range r.made {
		if err := r.remove(id); err != nil {
			r.failf("a user could not be removed: %v", err)
			return
		}
	}
	if r.other != "" {
		if _, err := r.send(Request{Method: http.MethodDelete, Path: "/Users/" + r.other}, r.otherHeaders()); err != nil {
			r.failf("the other tenant's user could not be removed: %v", err)
		}
	}
}

// step does one step, and fails when it does not go as it must.
func (r *run) step(name string, s Step) error {
	switch {
	case s.Fill != nil:
		return r.fillSeats(s.Fill.Left)
	case s.OtherTenant != nil:
		return r.otherTenant(s.OtherTenant.As)
	case s.Users > 0:
		for range s.Users {
			if a, err := r.newUser(false); err != nil || a.status != http.StatusCreated {
				return fmt.Errorf("%s: a user could not be made: %d, %w", name, a.status, err)
			}
		}
		return nil
	case s.Send == nil:
		return fmt.Errorf("%s: does nothing", name)
	}
	name += " " + s.Send.Method + " " + s.Send.Path
	a, err := r.send(*s.Send, s.Headers)
	if err != nil {
		return err
	}
	if a.status != s.Want {
		return fmt.Errorf("%s: status %d, want %d: %.300s", name, a.status, s.Want, a.raw)
	}
	if err := r.save(a, s.Save); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return r.checks(name+": ", a, s.Checks)
}

func (r *run) save(a answer, save map[string]string) error {
	for name, pointer := range save {
		text, ok := at(a.body, pointer).(string)
		if !ok {
			return fmt.Errorf("there is no text at %s", pointer)
		}
		r.vars[name] = text
	}
	return nil
}

// fillSeats takes seats until there is none, and gives some back.
func (r *run) fillSeats(left int) error {
	for {
		a, err := r.newUser(true)
		if err != nil {
			return err
		}
		if a.status == http.StatusForbidden {
			break
		}
		if a.status != http.StatusCreated {
			return fmt.Errorf("filling the seats: status %d: %.300s", a.status, a.raw)
		}
		id, _ := at(a.body, "/id").(string)
		r.fillers = append(r.fillers, id)
		if len(r.fillers) >= maxFill {
			return fmt.Errorf("%w: the tenant has more than %d free seats; use one with fewer", errNotRun, maxFill)
		}
	}
	r.filled = true
	for range left {
		if err := r.freeOne(); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) freeOne() error {
	if len(r.fillers) == 0 {
		return fmt.Errorf("%w: the tenant has no free seat to begin with", errNotRun)
	}
	last := len(r.fillers) - 1
	err := r.remove(r.fillers[last])
	r.fillers = r.fillers[:last]
	return err
}

// seatsFree checks how many users can be made, and undoes it.
func (r *run) seatsFree(want int) error {
	if !r.filled {
		return errors.New("seatsFree without a fill")
	}
	var made []string
	for len(made) <= want {
		a, err := r.newUser(true)
		if err != nil {
			return err
		}
		if a.status != http.StatusCreated {
			break
		}
		id, _ := at(a.body, "/id").(string)
		made = append(made, id)
	}
	if len(made) != want {
		r.failf("%d seats or more are free, want %d", len(made), want)
	}
	for _, id := range made {
		if err := r.remove(id); err != nil {
			return err
		}
	}
	return nil
}

// otherTenant makes a user in the other tenant.
func (r *run) otherTenant(as string) error {
	if r.target.OtherToken == "" {
		return fmt.Errorf("%w: it needs the token of a second tenant", errNotRun)
	}
	a, err := r.send(Request{
		Method: http.MethodPost, Path: "/Users",
		Body: json.RawMessage(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"other{{run}}"}`),
	}, r.otherHeaders())
	if err == nil && a.status != http.StatusCreated {
		err = fmt.Errorf("the other tenant: status %d", a.status)
	}
	if err != nil {
		return err
	}
	r.other = r.made[len(r.made)-1]
	r.made = r.made[:len(r.made)-1]
	return r.save(a, map[string]string{as: "/id"})
}

func (r *run) otherHeaders() map[string]string {
	return map[string]string{"Authorization": "Bearer " + r.target.OtherToken}
}

// race sends requests at once and counts the statuses.
func (r *run) race(requests []Request, want map[string]int) error {
	got := map[string]int{}
	var wait sync.WaitGroup
	var failed error
	for _, q := range requests {
		wait.Add(1)
		go func() {
			defer wait.Done()
			a, err := r.send(q, nil)
			r.mu.Lock()
			defer r.mu.Unlock()
			if err != nil {
				failed = err
			}
			got[strconv.Itoa(a.status)]++
		}()
	}
	wait.Wait()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.failf("sent at once: %v, want %v", got, want)
	}
	return failed
}

// walk reads all pages as Okta does: startIndex grows by count until it is beyond
// totalResults.
func (r *run) walk(count, users int) error {
	seen := map[string]bool{}
	total := 1.0
	for start := 1; float64(start) <= total; start += count {
		a, err := r.send(Request{Method: http.MethodGet, Path: fmt.Sprintf("/Users?startIndex=%d&count=%d", start, count)}, nil)
		if err != nil {
			return err
		}
		var ok bool
		if total, ok = at(a.body, "/totalResults").(float64); !ok || a.status != http.StatusOK {
			return fmt.Errorf("walking from %d: status %d: %.300s", start, a.status, a.raw)
		}
		resources, _ := at(a.body, "/Resources").([]any)
		for _, resource := range resources {
			id, _ := at(resource, "/id").(string)
			if seen[id] {
				r.failf("walking from %d: user %s came before", start, id)
			}
			seen[id] = true
		}
	}
	if float64(len(seen)) != total || len(seen) < users {
		r.failf("walked %d users of %v, want all, and %d at least", len(seen), total, users)
	}
	for _, id := range r.made {
		if !seen[id] {
			r.failf("the walk missed user %s", id)
		}
	}
	return nil
}

// echo sends an answer's body back.
func (r *run) echo(a answer, method, path string, want int, checks []Check) error {
	back, err := r.send(Request{Method: method, Path: path, Body: bytes.Clone(a.raw)}, nil)
	if err != nil {
		return err
	}
	if back.status != want {
		return fmt.Errorf("the answer sent back by %s: status %d, want %d: %.300s", method, back.status, want, back.raw)
	}
	return r.checks("sent back: ", back, checks)
}
