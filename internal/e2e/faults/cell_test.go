package faults

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
)

// A write is one request that writes: a row of the table.
type write struct {
	name string
	// crowd is how many users {u0}, {u1} and so on it needs.
	crowd int
	// before creates what the request needs.
	before func(w *world)
	request
	// status is its answer without a fault, seats how many seats are in use
	// afterwards, and logged the changes that its entries name.
	status int
	seats  int64
	logged []string
	// refusal is set if the request changes nothing, and its entry is written
	// before the answer.
	refusal bool
	// others are requests that contradict it, sent while it runs.
	others []request
	// operations are the requests that it consists of, if it is a bulk request:
	// each of them is there or not.
	operations []request
}

// A study is a write with what happens without a fault.
type study struct {
	write
	base   *world
	broken func(table.Table) table.Table // breaks the table beneath the faults; nil for none

	before, after state
	// again is the answer to the same request sent once more, and twice the
	// state after that.
	again answer
	twice state
	// parts are the states in which some of the operations are done.
	parts []state
}

// newStudy sends the request without a fault.
func newStudy(t testing.TB, on engine, w write) *study {
	t.Helper()
	s := &study{write: w, base: newWorld(t, on, w)}
	s.before = s.serial().state
	once := s.serial(w.request)
	require.Equal(t, w.status, once.answers[0].status, "%s: %v", w.name, once.answers[0].body)
	s.after = once.state
	require.Empty(t, once.wrong, w.name)
	if w.seats >= 0 {
		require.Contains(t, strings.Join(s.after, "\n"), fmt.Sprintf(`"seats":{"limit":%s,"used":%d}`, limitOf(s.after), w.seats), w.name)
	}
	require.Equal(t, slices.Sorted(slices.Values(w.logged)), s.newEntries(), "entries of %s", w.name)
	again := s.serial(w.request, w.request)
	require.Empty(t, again.wrong, w.name)
	s.again, s.twice = again.answers[1], again.state
	for set := range 1 << len(w.operations) {
		var some []request
		for i, operation := range w.operations {
			if set&(1<<i) != 0 {
				some = append(some, operation)
			}
		}
		s.parts = append(s.parts, s.serial(some...).state)
	}
	return s
}

// limitOf returns the limit of seats in a state.
func limitOf(s state) string {
	for _, line := range s {
		if _, rest, ok := strings.Cut(line, `"seats":{"limit":`); ok {
			limit, _, _ := strings.Cut(rest, ",")
			return limit
		}
	}
	return ""
}

// newEntries returns the actions of the entries that the request wrote.
func (s *study) newEntries() []string {
	var actions []string
	for _, line := range strings.Split(s.after.whole(s.before), "\n") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "+ entry "); ok {
			_, rest, _ = strings.Cut(rest, `"action":"`)
			action, _, _ := strings.Cut(rest, `"`)
			var n int
			_, _ = fmt.Sscanf(line[strings.LastIndex(line, "("):], "(%d)", &n)
			actions = append(actions, slices.Repeat([]string{action}, n)...)
		}
	}
	slices.Sort(actions)
	return actions
}

// A history is what requests one after the other lead to.
type history struct {
	answers []answer
	state   state // after a sweep
	wrong   []string
}

// serial sends requests one after the other to a copy of the world, without a
// fault.
func (s *study) serial(requests ...request) history {
	w := s.base.copy()
	defer w.close()
	var h history
	for _, r := range requests {
		h.answers = append(h.answers, w.healthy.send(w.t.Context(), r))
	}
	seen := w.state()
	h.state, h.wrong = w.settle(seen)
	return h
}

// A trial is one request that meets a fault at one point.
type trial struct {
	fault fault
	nth   int
	kind  string
}

func (t trial) String() string {
	switch t.fault.at {
	case atReads:
		return fmt.Sprintf("%s, of %s", t.fault.name, t.kind)
	case anywhere:
		return t.fault.name
	}
	return fmt.Sprintf("%s, %d", t.fault.name, t.nth)
}

// A result is the outcome of a trial: a word for the table, and what is wrong.
type result struct {
	word  string
	met   bool
	wrong []string
}

// A run is a trial in progress: a copy of the world, and the process whose table
// fails.
type run struct {
	*world
	table   *faulty
	process *instance
}

func (s *study) begin(t trial) *run {
	w := s.base.copy()
	beneath := w.table
	if s.broken != nil {
		beneath = s.broken(beneath)
	}
	f := &faulty{Table: beneath, client: newClient(w.t.Context())}
	r := &run{world: w, table: f, process: w.instance(f, t.fault.skew)}
	if s.side == toSCIM {
		r.process.send(w.t.Context(), scim("GET", "/Users?count=0", "")) // reads the token
	}
	f.tokens, f.read, f.kinds, f.applied = nil, 0, nil, nil
	f.fault, f.nth, f.kind = t.fault, t.nth, t.kind
	f.sweep = func() {
		if _, err := w.healthy.app.Store.SweepNow(w.t.Context(), w.tenant); err != nil {
			f.wrong = append(f.wrong, fmt.Sprintf("sweep meanwhile: %v", err))
		}
	}
	return r
}

// send sends the request, and judges its answer by itself.
func (r *run) send(s *study, t trial) (a answer, wrong []string) {
	a = r.process.send(r.table.client, s.request)
	if t.fault.unseen {
		return answer{}, nil
	}
	switch {
	case a.status == http.StatusServiceUnavailable && a.retryAfter == "":
		wrong = append(wrong, fmt.Sprintf("503 without Retry-After: %v", a.body))
	case a.status >= 500 && a.status != http.StatusServiceUnavailable:
		wrong = append(wrong, fmt.Sprintf("answered %d: %v", a.status, a.body))
	}
	return a, wrong
}

// alone tries the request with a fault, and nothing else at the same time.
func (s *study) alone(t trial) (res result) {
	r := s.begin(t)
	defer r.close()
	a, wrong := r.send(s, t)
	res.met, res.wrong = r.table.met > 0, append(wrong, r.table.wrong...)
	if !res.met && t.fault.at != anywhere && !(t.fault.unseen && t.fault.at == beforeWriteOrEnd) {
		return res
	}
	seen := r.state()
	done, word := s.what(seen)
	switch {
	case s.operations != nil && a.acknowledged():
		res.word, wrong = s.judgeBulk(seen, a)
		res.wrong = append(res.wrong, wrong...)
	case a.acknowledged():
		res.word = "done"
		if s.refusal && r.entryOf(a).status != 200 {
			res.word = "no entry"
		}
		if a.status != s.status {
			res.word = fmt.Sprint(a.status)
			res.wrong = append(res.wrong, fmt.Sprintf("answered %d, not %d: %v", a.status, s.status, a.body))
		}
		if !seen.equal(s.after) {
			res.wrong = append(res.wrong, "acknowledged, but not there:"+seen.diff(s.after))
		}
		res.wrong = append(res.wrong, s.inLog(r, a)...)
	case a.status == 0:
		res.word = word
	default:
		res.word = strings.TrimSpace(fmt.Sprintf("%d %s", a.status, word))
		if text := fmt.Sprint(a.body); done && !s.before.equal(s.after) && strings.Contains(text, "othing was changed") {
			res.wrong = append(res.wrong, "it was changed, and the answer is that nothing was: "+text)
		}
	}
	if word == "in part" {
		res.wrong = append(res.wrong, "done in part: compared with before"+seen.diff(s.before)+"\n\tcompared with after"+seen.diff(s.after))
	}
	if t.fault.later {
		res.wrong = append(res.wrong, s.sendLater(r)...)
		seen = r.state()
	}
	if !a.acknowledged() && s.operations == nil {
		seen = s.retry(r, done, &res)
	}
	_, wrong = r.settle(seen)
	res.wrong = append(res.wrong, wrong...)
	return res
}

// judgeBulk compares the answer to each operation with what is there.
func (s *study) judgeBulk(seen state, a answer) (word string, wrong []string) {
	acknowledged, open := 0, 0
	answers := documents(a.body["Operations"])
	for i, operation := range answers {
		switch status := fmt.Sprint(operation["status"]); {
		case status < "300":
			acknowledged |= 1 << i
		case status != "503":
			wrong = append(wrong, fmt.Sprintf("operation %d: %v", i+1, operation))
		case !strings.Contains(fmt.Sprint(operation["response"]), "othing was changed"):
			open |= 1 << i
		}
	}
	if len(answers) != len(s.operations) {
		wrong = append(wrong, fmt.Sprintf("%d operations are answered", len(answers)))
	}
	for set, part := range s.parts {
		if set&^open == acknowledged && seen.equal(part) {
			if set == len(s.parts)-1 && open == 0 {
				return "done", wrong
			}
			return "some 503", wrong
		}
	}
	return "in part", append(wrong, fmt.Sprintf("not what the answers to the operations say, %b with %b unknown:%s", acknowledged, open, seen.diff(s.after)))
}

// what says whether the change is there.
func (s *study) what(seen state) (done bool, word string) {
	switch {
	case s.side == toSweep && seen.equal(s.after):
		return true, "left"
	case seen.equal(s.after) && seen.equal(s.before): // nothing to change
		return true, ""
	case seen.equal(s.after):
		return true, "yes"
	case seen.equal(s.before):
		return false, "no"
	case slices.ContainsFunc(s.parts, seen.equal):
		return false, "some"
	}
	return false, "in part"
}

// inLog returns what is wrong with the entry of an acknowledged request.
func (s *study) inLog(r *run, a answer) []string {
	if len(s.logged) == 0 || s.operations != nil {
		return nil
	}
	if found := r.entryOf(a); found.status != 200 {
		return []string{fmt.Sprintf("acknowledged, but the log does not have request %s: %v", a.id, found.body)}
	}
	return nil
}

// entryOf reads the entry of an answered request.
func (r *run) entryOf(a answer) answer {
	return r.healthy.send(r.t.Context(), admin("GET", acme+"/requests/"+a.id, ""))
}

// retry sends the request once more, as an identity provider does that got no
// answer or a 503, and returns what is seen then.
func (s *study) retry(r *run, done bool, res *result) state {
	want, state := s.status, s.after
	if done {
		want, state = s.again.status, s.twice
	}
	a := r.instance(r.world.table, 0).send(r.t.Context(), s.request)
	if a.status != want {
		res.wrong = append(res.wrong, fmt.Sprintf("sent again it is answered %d, not %d: %v", a.status, want, a.body))
	}
	seen := r.state()
	if !seen.equal(state) {
		res.wrong = append(res.wrong, "sent again it leads to another state:"+seen.diff(state))
	}
	return seen
}

// sendLater sends each transaction of the request again, as one that is not
// known any more: at once, and after another request. Its conditions refuse it,
// or it changes nothing.
func (s *study) sendLater(r *run) (wrong []string) {
	stale := slices.Clone(r.table.applied)
	for _, after := range append([]request{{}}, s.others...) {
		if after.method != "" {
			r.healthy.send(r.t.Context(), after)
		}
		before := r.state()
		for i, tx := range stale {
			tx.Token, tx.NotAfter = fmt.Sprintf("stale-%d-%s", i, idAt(r.clock.read())[:18]), r.clock.read().AddDate(1, 0, 0)
			err := r.world.table.Write(r.t.Context(), tx)
			if seen := r.state(); !seen.equal(before) {
				wrong = append(wrong, fmt.Sprintf("transaction %d sent again after %q changes it (%v):%s", i+1, after, err, seen.diff(before)))
				before = seen
			}
		}
	}
	return wrong
}

// trials calls try for each point at which the request can meet a fault, until
// it is not met any more, and returns the words of the cell.
func (s *study) trials(f fault, kinds []string, try func(trial) result) (words []string, wrong []string) {
	add := func(t trial, res result) {
		if !slices.Contains(words, res.word) && res.word != "" {
			words = append(words, res.word)
		}
		for _, w := range res.wrong {
			wrong = append(wrong, fmt.Sprintf("%s, %s: %s", s.name, t, w))
		}
	}
	switch f.at {
	case anywhere:
		t := trial{fault: f}
		add(t, try(t))
	case atReads:
		for _, kind := range kinds {
			t := trial{fault: f, kind: kind}
			if res := try(t); res.met {
				add(t, res)
			}
		}
	default:
		for n := 1; ; n++ {
			t := trial{fault: f, nth: n}
			res := try(t)
			if res.met || f.at == beforeWriteOrEnd {
				add(t, res)
			}
			if !res.met {
				break
			}
			if n == maxTransactions {
				wrong = append(wrong, fmt.Sprintf("%s, %s: it does not come to an end", s.name, f.name))
				break
			}
		}
	}
	slices.Sort(words)
	return words, wrong
}

// maxTransactions is more than any row needs.
const maxTransactions = 40

// kinds returns the kinds of items that the request reads.
func (s *study) kinds() []string {
	r := s.begin(trial{})
	defer r.close()
	r.process.send(r.t.Context(), s.request)
	return r.table.readKinds()
}
