package faults

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A pair is a write and another request that runs while it does.
type pair struct {
	*study
	other request
	// loose is set if one of them deletes a user: that moves the versions of all
	// groups in which the user was found, also of one that the user is no longer
	// in, or not yet.
	loose bool
	// Of each set of requests, what they lead to one after the other: the write,
	// the other one, both in both orders, and both with the write sent again.
	one, two, oneTwo, twoOne, oneTwoOne, twoOneOne history
}

func (s *study) newPair(other request) *pair {
	a, b := s.request, other
	return &pair{
		study: s, other: other, loose: a.deletesUser() || b.deletesUser(),
		one: s.serial(a), two: s.serial(b), oneTwo: s.serial(a, b), twoOne: s.serial(b, a),
		oneTwoOne: s.serial(a, b, a), twoOneOne: s.serial(b, a, a),
	}
}

func (r request) deletesUser() bool { return r.method == "DELETE" && strings.Contains(r.path, "sers/") }

// wrong returns what is wrong without a fault and one after the other.
func (p *pair) wrong() []string {
	return slices.Concat(p.one.wrong, p.two.wrong, p.oneTwo.wrong, p.twoOne.wrong, p.oneTwoOne.wrong, p.twoOneOne.wrong)
}

// An order is one way in which two requests may have come one after the other.
type order struct {
	history
	// one and two are the answers, 0 for a request that has not been done.
	one, two int
}

// orders returns what may have happened: a request that is not acknowledged is
// done or not done.
func (p *pair) orders(a, b answer) []order {
	orders := []order{
		{p.oneTwo, p.oneTwo.answers[0].status, p.oneTwo.answers[1].status},
		{p.twoOne, p.twoOne.answers[1].status, p.twoOne.answers[0].status},
	}
	if !a.acknowledged() {
		orders = append(orders, order{p.two, 0, p.two.answers[0].status})
	}
	if !b.acknowledged() {
		orders = append(orders, order{p.one, p.one.answers[0].status, 0})
	}
	if !a.acknowledged() && !b.acknowledged() {
		orders = append(orders, order{history{state: p.before}, 0, 0})
	}
	return slices.DeleteFunc(orders, func(o order) bool {
		return a.acknowledged() && a.status != o.one || b.acknowledged() && b.status != o.two
	})
}

// together tries the request with a fault, and the other one when the fault is
// met: the first waits until the second has been answered. What they lead to is
// what they lead to one after the other.
func (p *pair) together(t trial) (res result) {
	r := p.begin(t)
	defer r.close()
	second := r.instance(r.world.table, 0)
	var b answer
	sent := false
	send := func() { sent, b = true, second.send(r.t.Context(), p.other) }
	r.table.meanwhile = send
	a, wrong := r.send(p.study, t)
	res.met, res.wrong = r.table.met > 0, append(wrong, r.table.wrong...)
	if !res.met && !(t.fault.unseen && t.fault.at == beforeWriteOrEnd) {
		return res
	}
	if !sent {
		send()
	}
	if b.status >= 500 && b.status != http.StatusServiceUnavailable {
		res.wrong = append(res.wrong, fmt.Sprintf("%s is answered %d: %v", p.other, b.status, b.body))
	}
	settled, wrong := r.settle(r.state())
	res.wrong = append(res.wrong, wrong...)
	orders := p.orders(a, b)
	i := slices.IndexFunc(orders, func(o order) bool { return p.same(o.state, settled) })
	if i < 0 {
		res.wrong = append(res.wrong, p.unordered(a, b, settled))
		return res
	}
	res.word = p.word(a, orders[i].one) + "+" + p.word(b, orders[i].two)
	if !a.acknowledged() {
		res.wrong = append(res.wrong, p.retry(r)...)
	}
	return res
}

// same compares two states.
func (p *pair) same(a, b state) bool {
	if p.loose {
		a, b = a.unversioned(), b.unversioned()
	}
	return a.equal(b)
}

// word names the outcome of one request: its answer, or whether it was done.
func (p *pair) word(a answer, done int) string {
	word := "no"
	if done >= 200 && done < 300 {
		word = "yes"
	}
	switch {
	case a.acknowledged():
		return fmt.Sprint(a.status)
	case a.status == 0:
		return word
	}
	return fmt.Sprintf("%d %s", a.status, word)
}

func (p *pair) unordered(a, b answer, settled state) string {
	var text strings.Builder
	fmt.Fprintf(&text, "with %s: answered %d and %d, and no order leads to that", p.other, a.status, b.status)
	for _, o := range []struct {
		name string
		history
	}{{"first it", p.oneTwo}, {"first the other", p.twoOne}, {"only it", p.one}, {"only the other", p.two}} {
		var statuses []int
		for _, a := range o.answers {
			statuses = append(statuses, a.status)
		}
		fmt.Fprintf(&text, "\n\t%s (%v):%s", o.name, statuses, settled.diff(o.state))
	}
	return text.String()
}

// retry sends the request once more, as an identity provider does that got no
// answer or a 503.
func (p *pair) retry(r *run) (wrong []string) {
	a := r.instance(r.world.table, 0).send(r.t.Context(), p.request)
	if !a.acknowledged() {
		wrong = append(wrong, fmt.Sprintf("sent again it is answered %d: %v", a.status, a.body))
	}
	settled, faults := r.settle(r.state())
	wrong = append(wrong, faults...)
	for _, h := range []history{p.oneTwoOne, p.twoOneOne, p.twoOne} {
		if p.same(h.state, settled) {
			return wrong
		}
	}
	return append(wrong, fmt.Sprintf("with %s: sent again it leads to another state:%s", p.other, settled.diff(p.twoOneOne.state)))
}

// waits are the columns without a fault: the request waits for the other one.
func waits() []fault {
	return []fault{
		{name: "waits before a write", at: beforeWrite, write: parked},
		{name: "waits after a read", at: afterRead, unordered: true},
	}
}
