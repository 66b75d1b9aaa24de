package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A hunt runs the tests against each mutant.
type hunt struct {
	tests []test // the cheapest first
	mu    sync.Mutex
	// killers are the tests that killed the mutants of a function so far, the cheapest
	// first: they probably kill the next one too.
	killers map[string][]int
	// useful counts the mutants of each file that a test killed so far, and under "" those of
	// all files.
	useful map[string]map[int]int
	// holders are the tests that killed mutants of transactions, without their cases: one
	// of them probably holds the next one too.
	holders map[string]bool
	done    int
}

// budget is how much of a processor's time the tests of one mutant may take: those that
// killed other mutants run first, and then the cheapest that reach it.
const budget = 5 * time.Second

// conditionBudget is the budget of a mutant of a transaction.
const conditionBudget = 10 * time.Second

// waves are the costs of the tests that run together. Few tests kill most mutants, and
// those of the last wave run for survivors alone.
var waves = []time.Duration{200 * time.Millisecond, time.Second, 5 * time.Second, time.Hour}

// newHunt returns a hunt that knows which tests killed mutants before.
func newHunt(tests []test, mutants []Mutant) *hunt {
	h := &hunt{tests: tests, killers: map[string][]int{}, holders: map[string]bool{}, useful: map[string]map[int]int{}}
	byName := map[string]int{}
	for n, t := range tests {
		byName[t.String()] = n
	}
	for _, m := range mutants {
		if n, ok := byName[m.Killer]; ok && m.Result == Killed {
			h.learn(&m, n)
		}
	}
	return h
}

// all runs the tests that reach each mutant, until one fails.
func (h *hunt) all(ctx context.Context, mutants []*Mutant, workers int, progress func(done, all int)) {
	each(len(mutants), workers, func(i int) {
		if ctx.Err() != nil {
			return // it has no result
		}
		h.one(ctx, mutants[i])
		h.mu.Lock()
		defer h.mu.Unlock()
		h.done++
		progress(h.done, len(mutants))
	})
}

func (h *hunt) one(ctx context.Context, m *Mutant) {
	order, likely := h.order(m)
	was := *m
	m.tried = true
	if len(order) == 0 {
		m.Result = cmp.Or(m.Result, Unreached)
		return
	}
	m.Result, m.Killer = Survived, ""
	for len(order) > 0 {
		n := likely
		if likely == 0 {
			n = h.wave(order)
		}
		likely = 0
		killer := h.run(ctx, m, order[:n])
		if ctx.Err() != nil {
			*m = was // its tests were ended before they could fail
			return
		}
		if killer != "" {
			m.Result, m.Killer = Killed, killer
			return
		}
		order = order[n:]
	}
}

// order returns the tests to run against a mutant, of which the first ones are likely to
// kill it.
func (h *hunt) order(m *Mutant) (order []int, likely int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.killers[m.Func] {
		if h.tests[n].reaches[m.ID] && len(order) < 2 {
			order = append(order, n)
		}
	}
	likely = len(order)
	left := budget
	if m.Condition {
		left = conditionBudget
	}
	isNext := map[int]bool{}
	for _, n := range order {
		isNext[n] = true
	}
	for _, group := range h.groups(m) {
		for _, n := range group {
			t := h.tests[n]
			if !t.reaches[m.ID] || isNext[n] {
				continue
			}
			if left -= t.Cost; left < 0 && len(order) > 0 {
				return order, likely
			}
			order, isNext[n] = append(order, n), true
		}
	}
	return order, likely
}

// groups returns the tests in the order in which they are tried: for a mutant of a transaction
// those that killed others, then those that killed others of the file, and of other files, the
// most for their cost first, and then all, first those on the plain engine: the same tests on another engine
// rarely notice more.
func (h *hunt) groups(m *Mutant) [][]int {
	useful := func(file string) []int {
		value := func(n int) float64 {
			return float64(h.useful[file][n]) / (h.tests[n].Cost + overhead).Seconds()
		}
		return slices.SortedFunc(maps.Keys(h.useful[file]), func(a, b int) int {
			return cmp.Or(cmp.Compare(value(b), value(a)), cmp.Compare(a, b))
		})
	}
	var holders, plain, others []int
	for i, t := range h.tests {
		switch {
		case m.Condition && h.holders[t.top()]:
			holders = append(holders, i)
		case strings.Contains(t.Name, "conflicts"):
			others = append(others, i)
		default:
			plain = append(plain, i)
		}
	}
	return [][]int{holders, useful(m.File), useful(""), plain, others}
}

// overhead is the cost of a test binary that runs no test.
const overhead = 50 * time.Millisecond

// wave returns how many of the tests run next.
func (h *hunt) wave(order []int) int {
	began := h.tests[order[0]].Cost
	var limit time.Duration
	for _, limit = range waves {
		if limit > began {
			break
		}
	}
	var sum time.Duration
	for i, n := range order {
		if sum += h.tests[n].Cost; sum > limit && i > 0 {
			return i
		}
	}
	return len(order)
}

// run runs some tests with the mutant, and returns the one that fails.
func (h *hunt) run(ctx context.Context, m *Mutant, order []int) string {
	byBinary := map[*binary][]int{}
	var binaries []*binary
	for _, n := range order {
		b := h.tests[n].binary
		if byBinary[b] == nil {
			binaries = append(binaries, b)
		}
		byBinary[b] = append(byBinary[b], n)
	}
	for _, b := range binaries {
		var names []string
		var steps int64
		var wall time.Duration
		for _, n := range byBinary[b] {
			t := h.tests[n]
			names, steps, wall = append(names, t.Name), steps+t.Steps, wall+t.Wall
		}
		o, err := b.run(ctx, names, 30*time.Second+10*wall,
			"MUTATE_ON="+strconv.Itoa(m.ID), fmt.Sprintf("MUTATE_STEPS=%d", 1_000_000+20*steps))
		if ctx.Err() == nil && err != nil {
			o.failed, o.killer = true, names[0]+endless
		}
		if !o.failed {
			continue
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, n := range byBinary[b] {
			if h.tests[n].Name == o.killer {
				h.learn(m, n)
			}
		}
		return b.name + "." + o.killer
	}
	return ""
}

// learn remembers a test that killed a mutant.
func (h *hunt) learn(m *Mutant, n int) {
	known := h.killers[m.Func]
	if i, ok := slices.BinarySearch(known, n); !ok {
		h.killers[m.Func] = slices.Insert(known, i, n)
	}
	for _, file := range []string{m.File, ""} {
		if h.useful[file] == nil {
			h.useful[file] = map[int]int{}
		}
		h.useful[file][n]++
	}
	if m.Condition {
		h.holders[h.tests[n].top()] = true
	}
}
