package attack

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/oauth"
	"github.com/rollcall-scim/rollcall/internal/table/enginetest"
)

// Every hostile request gets its one answer, and its invariant holds.
func TestAttacks(t *testing.T) {
	cases := load(t)
	known := map[string]bool{}
	for _, c := range cases {
		known[c.ID] = true
		assert.NotNilf(t, invariants[c.ID], "%s has no invariant", c.ID)
	}
	for id := range invariants {
		assert.Truef(t, known[id], "an invariant belongs to the case %s, which does not exist", id)
	}
	for id := range waiting {
		assert.Truef(t, known[id], "the case %s waits, and does not exist", id)
	}
	if t.Failed() {
		return
	}
	enginetest.Each(t, enginetest.Plain(), func(t *testing.T, engine enginetest.Engine) {
		w := newWorld(t, engine.Open(t))
		for _, c := range cases {
			t.Run(c.ID, func(t *testing.T) {
				w.t = t
				r := &run{w: w, attack: c}
				r.all()
				r.judge(t)
			})
		}
	})
}

// judge fails the test if the case failed, or, for a waiting case, if it
// passed.
func (r *run) judge(t *testing.T) {
	t.Helper()
	why, waits := waiting[r.ID]
	switch {
	case waits && len(r.faults) == 0:
		t.Errorf("the case passes: remove it from the waiting cases")
	case waits:
		r.w.dirty = true // it may have changed something
		t.Logf("waits for %s: %s", why, strings.Join(r.faults, "; "))
	default:
		for _, fault := range r.faults {
			t.Error(fault)
		}
		if t.Failed() {
			t.Log(r.Says)
		}
	}
}

// A run is one run of a case.
type run struct {
	*attack
	w      *world
	faults []string
	// before is the tenant's ledger before the request.
	before usage
	// answers are the answers to the request, in no order if it was sent in
	// parallel.
	answers []answer
	// calls and lines are the table calls and the log lines of the request.
	calls   []call
	lines   []map[string]any
	elapsed time.Duration
	// allocated is the memory that it allocated, in bytes.
	allocated uint64
	// racers are the users of a request that is sent in parallel, one for each.
	racers []string
}

// A usage is the numbers of seats, users and groups that a tenant uses.
type usage struct{ Seats, Users, Groups float64 }

func (r *run) faultf(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// want records a fault unless ok.
func (r *run) want(ok bool, format string, args ...any) {
	if !ok {
		r.faultf(format, args...)
	}
}

// all runs the case.
func (r *run) all() {
	r.w.begin()
	r.w.fill("{T1_TOKEN}")
	r.prepare()
	for _, s := range r.Setup {
		r.step("set up", s)
	}
	r.touched()
	if r.Wait > 0 {
		r.w.later(r.Wait)
	}
	r.before = r.usage()
	if r.SeatsLeft != nil {
		r.limit(r.before.Seats + float64(*r.SeatsLeft))
		r.w.dirty = true
	}
	if len(r.faults) > 0 {
		return
	}
	if r.w.dirty {
		r.w.later(int(settingsAge / time.Second))
	}
	if r.Fault != "" && r.Fault != clientLost {
		begin := faults[r.Fault]
		require.NotNilf(r.w.t, begin, "unknown fault %q", r.Fault)
		r.w.watch.fail = begin()
	}
	r.w.watch.take()
	r.w.log.take()
	r.measured(func() answer { r.answers = r.sendAll(); return answer{} })
	r.w.watch.fail = nil
	r.calls = r.w.watch.take()
	r.checkLog()
	r.checkTable()
	for _, a := range r.answers {
		r.checkAnswer(a)
	}
	r.checkExpected()
	if len(r.faults) == 0 {
		invariants[r.ID](r)
	}
	for _, s := range r.Check {
		r.step("afterwards", s)
	}
	r.touched()
	r.checkLog()
}

// clientLost is the fault of a client that sends its request again.
const clientLost = "answer to the client lost"

// measured records the time and memory that sending takes.
func (r *run) measured(send func() answer) answer {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	a := send()
	r.elapsed = time.Since(begun)
	runtime.ReadMemStats(&after)
	r.allocated = after.TotalAlloc - before.TotalAlloc
	return a
}

// settingsAge is longer than a tenant's settings are cached.
const settingsAge = 11 * time.Second

// prepare creates what the case's placeholders stand for, so that it does not
// count as done by the request.
func (r *run) prepare() {
	r.w.watch.take()
	saved := map[string]bool{}
	for _, s := range r.Setup {
		for name := range s.Save {
			saved[name] = true
		}
	}
	all := append([]step{{Request: r.Request}}, append(slices.Clone(r.Setup), r.Check...)...)
	for _, s := range all {
		body, _ := s.Request.body()
		texts := []string{string(s.Request.Path), body, s.Request.Raw, "{" + s.Request.As + "}", s.Has, s.HasNot}
		for _, h := range s.Request.Headers {
			texts = append(texts, string(h))
		}
		for _, text := range texts {
			for _, name := range placeholder.FindAllString(text, -1) {
				if !saved[name[1:len(name)-1]] {
					r.w.fill(name)
				}
			}
		}
	}
	if strings.Contains(string(r.Request.Body), "{USER_i}") {
		r.racers = r.w.many()[:r.Parallel]
	}
	r.w.watch.take()
}

// touched records whether the next case needs a new tenant.
func (r *run) touched() {
	for _, c := range r.w.watch.take() {
		r.w.dirty = r.w.dirty || c.write && r.w.fixed(c)
	}
}

// step sends a request beside the case's own.
func (r *run) step(when string, s step) {
	a := r.w.send(r.w.of(s.Request))
	what := fmt.Sprintf("%s: %s %s", when, s.Request.Method, s.Request.Path)
	r.want(a.status == s.Status, "%s: %d %s, want %d", what, a.status, a.body, s.Status)
	r.want(s.Has == "" || strings.Contains(a.body, r.w.fill(s.Has)), "%s: the answer lacks %q: %s", what, s.Has, a.body)
	r.want(s.HasNot == "" || !strings.Contains(a.body, r.w.fill(s.HasNot)), "%s: the answer has %q: %s", what, s.HasNot, a.body)
	for name, member := range s.Save {
		value, ok := a.document()[member].(string)
		r.want(ok, "%s: the answer has no text %s", what, member)
		r.w.vars[name] = value
	}
}

// sendAll sends the request as often as the case says.
func (r *run) sendAll() []answer {
	switch {
	case r.Request.Raw != "":
		return r.w.raw(r.w.fill(r.Request.Raw))
	case len(r.Request.CLI) > 0:
		return nil // the invariant sends the command's request
	case r.Parallel == 0 && r.Fault == clientLost:
		return []answer{r.w.send(r.w.of(r.Request)), r.w.send(r.w.of(r.Request))}
	case r.Parallel == 0:
		return []answer{r.w.send(r.w.of(r.Request))}
	}
	answers := make([]answer, r.Parallel)
	requests := make([]*http.Request, r.Parallel)
	for i := range requests {
		q := r.Request
		q.Body = text(strings.ReplaceAll(string(q.Body), "{i}", fmt.Sprint(i)))
		if len(r.racers) > 0 {
			q.Body = text(strings.ReplaceAll(string(q.Body), "{USER_i}", r.racers[i]))
		}
		requests[i] = r.w.of(q)
	}
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = r.w.send(requests[i]) })
	}
	all.Wait()
	return answers
}

// checkExpected compares the answers with those of the case.
func (r *run) checkExpected() {
	got := map[string]int{}
	for _, a := range r.answers {
		got[fmt.Sprint(a.status)]++
	}
	want := r.Answers
	if want == nil && r.Status != 0 {
		want = map[string]int{fmt.Sprint(r.Status): max(r.Parallel, 1)}
	}
	r.want(fmt.Sprint(got) == fmt.Sprint(want), "answered %v, want %v: %.600s", got, want, r.body())
	for _, a := range r.answers {
		if a.status >= 400 {
			kind, _ := a.document()["scimType"].(string)
			r.want(kind == r.SCIMType, "scimType %q, want %q: %.600s", kind, r.SCIMType, a.body)
		}
		r.want(r.Has == "" || strings.Contains(a.body, r.w.fill(r.Has)), "the answer lacks %q: %s", r.Has, a.body)
		r.want(r.HasNot == "" || !strings.Contains(a.body, r.w.fill(r.HasNot)), "the answer has %q: %s", r.HasNot, a.body)
	}
}

// checkAnswer checks what must hold for every answer.
func (r *run) checkAnswer(a answer) {
	r.want(a.status < 500 || a.status == r.Status || r.Answers[fmt.Sprint(a.status)] > 0, "a fault of the service: %d %s", a.status, a.body)
	if strings.HasPrefix(string(r.Request.Path), "/admin/") {
		return
	}
	for _, forbidden := range append(r.w.secrets(), "arn:", operator) {
		if strings.Contains(a.body, forbidden) || strings.Contains(fmt.Sprint(a.header), forbidden) {
			r.faultf("the answer has %q: %s", forbidden, a.body)
		}
	}
	if a.status >= 400 && a.header.Get("X-Request-Id") != "" && r.Request.Method != http.MethodHead {
		d := a.document()
		if strings.HasPrefix(string(r.Request.Path), oauth.EndpointPath) {
			description, _ := d["error_description"].(string)
			r.want(d["error"] != nil && strings.Contains(description, "(request "+a.header.Get("X-Request-Id")+")"),
				"the error is not one of OAuth with its request's id: %s", a.body)
			return
		}
		detail, _ := d["detail"].(string)
		r.want(d["status"] == fmt.Sprint(a.status) && strings.Contains(detail, "(request "+a.header.Get("X-Request-Id")+")"),
			"the error is not a SCIM error with a detail and its request's id: %s", a.body)
	}
}

// checkLog checks what must hold for every line of the log.
func (r *run) checkLog() {
	all, faults := r.w.log.take()
	r.lines = append(r.lines, all...)
	r.faults = append(r.faults, faults...)
	for _, line := range all {
		for _, secret := range r.w.secrets() {
			r.want(!strings.Contains(fmt.Sprint(line), secret), "a credential is in the log: %v", line)
		}
	}
}

// checkTable checks what must hold for the table after every request: no item
// of the other tenant is touched, except by that tenant's own request, a
// refused request changes nothing, and no credential is stored.
func (r *run) checkTable() {
	itself := strings.Contains(fmt.Sprint(r.Request), "T2_TOKEN")
	refused := len(r.answers) > 0 && !slices.ContainsFunc(r.answers, func(a answer) bool { return a.status < 400 })
	for _, c := range r.calls {
		r.want(itself && !c.write || !of(r.w.vars["T2"], c.partition) || itself && logPartition(c.partition), "the other tenant's %s is touched", c.partition)
		if !c.write {
			continue
		}
		for _, secret := range r.w.secrets() {
			r.want(!strings.Contains(c.values+c.sort, secret), "a credential is stored in %s", c.partition)
		}
		if !logPartition(c.partition) {
			// The other tenant's data must be the same for the next case.
			r.w.dirty = r.w.dirty || r.w.fixed(c) || strings.Contains(string(r.Request.Body), "{T2_")
			r.want(!refused, "a refused request wrote %s %s", c.partition, c.sort)
		}
	}
}

// body returns the body of the first answer.
func (r *run) body() string {
	if len(r.answers) == 0 {
		return ""
	}
	return r.answers[0].body
}

// usage reads what the tenant has in use.
func (r *run) usage() usage {
	d := r.w.must(200, r.w.request("GET", "/admin/v1/tenants/"+r.w.vars["T1"]+"/usage", adminToken, "")).document()
	seats, _ := d["seats"].(map[string]any)
	u := usage{}
	u.Seats, _ = seats["used"].(float64)
	u.Users, _ = d["users"].(float64)
	u.Groups, _ = d["groups"].(float64)
	return u
}

// limit sets the tenant's seat limit.
func (r *run) limit(seats float64) {
	r.w.must(200, r.w.request("PATCH", "/admin/v1/tenants/"+r.w.vars["T1"], adminToken, fmt.Sprintf(`{"maxSeats":%.0f}`, seats)))
}
