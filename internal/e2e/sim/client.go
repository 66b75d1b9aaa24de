package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rollcall-scim/rollcall/internal/tenant"
	"github.com/rollcall-scim/rollcall/mirror"
)

// A proc is a simulated process outside of the service. It may wait only by its
// methods.
type proc struct {
	world  *world
	name   string
	random *rand.Rand
}

// spawn starts a process.
func (w *world) spawn(name string, run func(p *proc)) {
	p := &proc{world: w, name: name, random: rand.New(rand.NewPCG(w.random.Uint64(), w.random.Uint64()))} //nolint:gosec // repeatable on purpose
	w.running.Add(1)
	go func() {
		defer w.running.Add(-1)
		p.sleep(time.Duration(p.random.Int64N(int64(time.Second))))
		run(p)
	}()
}

// sleep waits for a time.
func (p *proc) sleep(d time.Duration) {
	woken := make(chan struct{})
	p.world.scheduler.post(&event{
		name: func() string { return "sleep " + p.name },
		plan: func(*rand.Rand) time.Duration { return d },
		run:  func() { close(woken) },
	})
	p.await(woken)
}

// await waits for an event. The process ends if the run does.
func (p *proc) await(happened <-chan struct{}) {
	select {
	case <-happened:
	case <-p.world.over:
		runtime.Goexit()
	}
}

// do runs a function in the scheduler, while all goroutines are blocked.
func (p *proc) do(run func()) {
	done := make(chan struct{})
	p.world.scheduler.post(&event{
		name: func() string { return "do " + p.name },
		plan: func(*rand.Rand) time.Duration { return 0 },
		run:  func() { run(); close(done) },
	})
	p.await(done)
}

// chance reports whether something with a probability happens.
func (p *proc) chance(probability float64) bool { return p.random.Float64() < probability }

// between draws a time.
func (p *proc) between(low, high time.Duration) time.Duration {
	return low + time.Duration(p.random.Int64N(int64(high-low)))
}

// A request is one HTTP request of a client.
type request struct {
	customer *customer
	from     string // the process
	method   string
	path     string // after /scim/v2, or /admin/v1 of the admin API
	body     string
	agent    string
	token    string
	admin    bool
	// by is what a token request proves, by an assertion, in a Basic header or in its body; nil
	// for any other request.
	by               *proof
	assertion, basic string

	n       atomic.Int64
	in      *instance
	sent    time.Time
	lines   atomic.Int64
	began   time.Time
	took    time.Duration // until the instance answered
	counted time.Time     // when it was counted for the rate; see countedAt
	served  *answer       // what the instance answered
	got     *answer       // what the client received
	// crashed says that the instance crashed before it answered. unknown says
	// that a write of the request may be applied later than its answer, or
	// without its knowledge.
	crashed  bool
	unknown  atomic.Bool
	finished chan struct{}
	over     bool
	// changes are the transactions that it has applied.
	changes []change
}

// An answer is the answer to a request.
type answer struct {
	status int
	header http.Header
	text   []byte
	body   map[string]any
}

type requestKey struct{}

// requestOf returns the request of a context, nil if there is none.
func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// number returns the number of a request, 0 for none.
func (r *request) number() int {
	if r == nil {
		return 0
	}
	return int(r.n.Load())
}

// String returns the request in one line.
func (r *request) String() string {
	status := "no answer"
	if r.got != nil {
		status = fmt.Sprint(r.got.status)
	}
	return fmt.Sprintf("request %d of %s for %s: %s %s %s: %s", r.number(), r.from, r.customer, r.method, r.path, r.body, status)
}

// inOrder returns requests in the order of their numbers.
func inOrder(requests map[*request]bool) []*request {
	return slices.SortedFunc(maps.Keys(requests), func(a, b *request) int { return a.number() - b.number() })
}

// finish lets the client continue, with an answer or without.
func (r *request) finish(a *answer) {
	if !r.over {
		r.over = true
		r.got = a
		close(r.finished)
	}
}

// patience is how long clients wait for an answer: longer than a request is
// worked on, so that the one before has ended when it is sent again. In some runs
// they wait less, and several requests for the same are worked on at once.
const patience = 25 * time.Second

// patienceNow returns how long a client waits for an answer.
func (w *world) patienceNow() time.Duration {
	if w.calm.IsZero() {
		return w.patience
	}
	return patience
}

// send sends a request to any instance. It returns nil if no answer came.
func (p *proc) send(r *request) *answer {
	w := p.world
	r.from, r.finished = p.name, make(chan struct{})
	w.scheduler.post(&event{
		name: func() string { return "send " + p.name },
		plan: func(random *rand.Rand) time.Duration {
			w.requests = append(w.requests, r)
			r.n.Store(int64(len(w.requests)))
			r.sent = time.Now()
			w.scheduler.after(w.patienceNow(), func() { r.finish(nil) })
			return time.Duration(random.Int64N(int64(10 * time.Millisecond)))
		},
		run: func() {
			w.record("%s", r)
			if len(w.instances) == 0 {
				return // nobody answers
			}
			w.instances[w.random.IntN(len(w.instances))].serve(r)
		},
	})
	p.await(r.finished)
	a := r.got
	if a == nil {
		return nil
	}
	w.record("request %d: %d %s", r.number(), a.status, a.text)
	if len(a.text) > 0 {
		if err := json.Unmarshal(a.text, &a.body); err != nil {
			w.fail("%s: not JSON: %q", r, a.text)
		}
	}
	if other := r.customer.foreign(string(a.text)); other != "" {
		w.fail("%s: has data of another tenant: %s", r, other)
	}
	return a
}

// text returns a member of an answer that is a text, "" otherwise.
func (a *answer) string(name string) string {
	if a == nil {
		return ""
	}
	s, _ := a.body[name].(string)
	return s
}

// first returns the first resource of a list, nil for none.
func (a *answer) first() map[string]any {
	list, _ := a.body["Resources"].([]any)
	if len(list) == 0 {
		return nil
	}
	r, _ := list[0].(map[string]any)
	return r
}

// ok reports whether an answer is a success.
func (a *answer) ok() bool { return a != nil && a.status < 300 }

// A customer is one tenant as its administrator sees it. Processes share it;
// only one of them runs at a time.
type customer struct {
	name string
	// mark is part of every value that is sent for the tenant, and of no other.
	mark string
	// token is the token to use, "" before there is one. revoked has the others,
	// with the time from which they must be refused.
	token   string
	revoked map[string]time.Time
	// readable says that deleted users stay live, as inactive.
	readable bool
	// deleted says that the deletion of the tenant was asked for, and gone that it
	// was accepted.
	deleted, gone bool
	// goneAt is when it was accepted.
	goneAt time.Time
	// registry has the OAuth clients, nil in a run without them.
	registry *registry
	// groups are the ids of groups, for the application.
	groups []string
	// users are the ids of users that the application knows, purged those that
	// it purged or tried to.
	users  []string
	purged map[string]bool
	// touched are the users that the application changed.
	touched map[string]bool
	idps    []*idp
	// damaged says that the ledger counts a seat too many, and moments are what the ledger
	// was after each change.
	damaged bool
	moments []moment
	// pulled is the mirror of the list of events up to cursor, nil in a run without events.
	pulled *mirror.Memory
	cursor string
}

// id returns the tenant's id.
func (c *customer) id() tenant.ID {
	id, err := tenant.ParseID(c.name)
	if err != nil {
		panic(err) // addCustomer names it
	}
	return id
}

// String returns the tenant's name.
func (c *customer) String() string {
	if c == nil {
		return "all tenants"
	}
	return c.name
}

// markOf begins the mark of every tenant.
const markOf = ".of."

// foreign returns the first mark of another tenant in a text, "" for none.
func (c *customer) foreign(text string) string {
	for rest := text; ; {
		i := strings.Index(rest, markOf)
		if i < 0 || len(rest) < i+len(markOf)+1 {
			return ""
		}
		if mark := rest[i : i+len(markOf)+1]; c == nil || mark != c.mark {
			return mark
		}
		rest = rest[i+len(markOf):]
	}
}
