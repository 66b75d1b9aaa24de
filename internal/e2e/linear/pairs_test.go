package linear

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
)

// An interrupted table does something before one of the calls of a client.
type interrupted struct {
	table.Table
	client int
	// calls counts those of the client, of which some run side by side; do is called
	// before the call number at.
	calls atomic.Int64
	at    int64
	do    func()
}

func (i *interrupted) count(ctx context.Context) {
	if callOf(ctx).client != i.client {
		return
	}
	if i.calls.Add(1) == i.at {
		i.do()
	}
}

func (i *interrupted) Get(ctx context.Context, keys ...table.Key) (map[table.Key]table.Item, error) {
	i.count(ctx)
	return i.Table.Get(ctx, keys...)
}

func (i *interrupted) Query(ctx context.Context, q table.Query) (table.Page, error) {
	i.count(ctx)
	return i.Table.Query(ctx, q)
}

func (i *interrupted) Write(ctx context.Context, tx table.Transaction) error {
	i.count(ctx)
	return i.Table.Write(ctx, tx)
}

// A pair is a request and those that come between two of its calls to the table.
type pair struct {
	name    string
	first   func(h program, from *client)
	between func(h program, from *client)
}

// most is more calls than a request has.
const most = 60

// interrupt runs a request as often as it has calls to the table, each time with
// the others before another one of its calls, and checks that each history has an
// order.
func interrupt(t *testing.T, s subject, from start, begin func(h program, c *client), p pair, prepared *embedded.Table) (histories int) {
	t.Helper()
	for at := 1; at < most; at++ {
		copied, err := prepared.Copy()
		require.NoError(t, err)
		i := &interrupted{Table: copied, client: 1, at: int64(at)}
		w := newQuietWorld(t, uint64(at), i)
		w.token, w.crowd = from.token, from.crowd
		h := s.open(w)
		begin(h, &client{w: w})
		i.do = func() { p.between(h, &client{w: w, number: 2, instance: 1}) }
		p.first(h, &client{w: w, number: 1})
		reached := i.calls.Load() >= i.at
		h.end(&client{w: w})
		require.NoError(t, copied.Close())
		if !reached {
			return histories
		}
		histories++
		r := h.history()
		model := s.model(h, seatsOfPairs)
		check, info := porcupine.CheckOperationsVerbose(model, r.operations, checkTime)
		if len(r.wrong) == 0 && check == porcupine.Ok {
			continue
		}
		why := "no order of the requests explains the answers"
		switch {
		case len(r.wrong) > 0:
			why = "internal error: " + strings.Join(r.wrong, "; ")
		case check == porcupine.Unknown:
			why = undecided
		}
		t.Errorf("%s before call %d: %s\n%sagain:   go test ./internal/e2e/linear -run '^%s$' -linear.pair='%s'\npicture: %s",
			p.name, at, why, r.readable(), t.Name(), p.name, picture(t, model, info, fmt.Sprint(p.name, " ", at)))
	}
	t.Errorf("%s has more than %d calls", p.name, most)
	return histories
}

// allPairs makes the test try every pair: make soak does.
var allPairs = flag.Bool("linear.pairs", false, "try every pair of requests, not one in six")

// onlyPair makes the test try one pair: a failure prints its name.
var onlyPair = flag.String("linear.pair", "", "the only pair of requests to try, by its name")

// tried reports whether a pair is tried, by its name and its number.
func tried(name string, number int) bool {
	if *onlyPair != "" {
		return name == *onlyPair
	}
	return number%everyPair() == 0
}

// everyPair returns which share of the pairs is tried: one in this many.
func everyPair() int {
	switch {
	case *allPairs:
		return 1
	case raceDetector:
		return 150
	case testing.Short():
		return 60
	}
	return 6
}

// seatsOfPairs is the seat limit in the histories of pairs.
const seatsOfPairs = 3

// Whatever comes between any two calls of a request, the answers have an order.
func TestGroups_InterruptedAtAnyCall(t *testing.T) {
	t.Parallel()
	prepared, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = prepared.Close() })
	from := populate(t, prepared)
	do := func(c groupCall) func(program, *client) {
		return func(p program, from *client) {
			h, _ := p.(*groups)
			c := c
			if c.n = h.next(); c.id == "it" {
				h.mu.Lock()
				c.id = h.known[0]
				h.mu.Unlock()
			}
			h.do(from, &c)
		}
	}
	both := func(a, b func(program, *client)) func(program, *client) {
		return func(p program, c *client) { a(p, c); b(p, c) }
	}
	const none = -1
	requests := map[string]func(program, *client){
		"POST of 40":                do(groupCall{kind: doPost, name: 1, add: span(2, 40)}),
		"PATCH add 12":              do(groupCall{kind: doPatch, id: "it", name: none, add: span(6, 12)}),
		"PATCH remove 12":           do(groupCall{kind: doPatch, id: "it", name: none, remove: span(6, 12)}),
		"PATCH add 40":              do(groupCall{kind: doPatch, id: "it", name: none, add: span(4, 40)}),
		"PATCH remove 40":           do(groupCall{kind: doPatch, id: "it", name: none, remove: span(1, 40)}),
		"PATCH with an old version": do(groupCall{kind: doPatch, id: "it", name: 2, add: span(1, 1), ifMatch: 1}),
		"PATCH name":                do(groupCall{kind: doPatch, id: "it", name: 2}),
		"PUT of 3":                  do(groupCall{kind: doPut, id: "it", name: 2, add: span(1, 3)}),
		"PUT of 40":                 do(groupCall{kind: doPut, id: "it", name: 0, add: span(3, 40)}),
		"clear":                     do(groupCall{kind: doClear, id: "it", name: none}),
		"swap":                      do(groupCall{kind: doSwap, id: "it", name: none, user: 2, remove: span(2, 1), add: span(13, 1)}),
		"spare":                     do(groupCall{kind: doSpare, id: "it", name: none, user: 2}),
		"DELETE":                    do(groupCall{kind: doDelete, id: "it", name: none}),
		"DELETE of user 2":          do(groupCall{kind: doLeave, name: none, user: 2}),
	}
	reads := map[string]func(program, *client){
		"GET":           do(groupCall{kind: doGet, id: "it", name: none}),
		"GET as it was": do(groupCall{kind: doGet, id: "it", name: none, ifNone: 2}),
		"GET head":      do(groupCall{kind: doHead, id: "it", name: none}),
		"GET of user 2": do(groupCall{kind: sawUser, name: none, user: 2}),
	}
	between := map[string]func(program, *client){
		"DELETE, and a new group of the name": both(requests["DELETE"], do(groupCall{kind: doPost, name: 2, add: span(0, 1)})),
		"DELETE and return of user 2":         both(requests["DELETE of user 2"], do(groupCall{kind: doReturn, name: none, user: 2})),
		"PUT of 40 and of 3":                  both(requests["PUT of 40"], requests["PUT of 3"]),
		"PUT of 40 and back":                  both(requests["PUT of 40"], requests["PATCH remove 40"]),
	}
	for name, request := range requests {
		between[name] = request
		reads[name] = request
	}
	histories, combination := 0, 0
	sizes := map[string]people{"of 3": span(1, 3), "of 40": span(0, 40)}
	for _, size := range slices.Sorted(maps.Keys(sizes)) {
		members := sizes[size]
		begin := func(p program, c *client) {
			do(groupCall{kind: doPost, name: 0, add: members &^ span(0, 1)})(p, c)
			do(groupCall{kind: doPatch, id: "it", name: none, add: span(0, 1)})(p, c)
		}
		for _, name := range slices.Sorted(maps.Keys(reads)) {
			for _, other := range slices.Sorted(maps.Keys(between)) {
				p := pair{fmt.Sprintf("group %s: %s, with %s", size, name, other), reads[name], between[other]}
				if combination++; tried(p.name, combination) {
					histories += interrupt(t, ofGroups, from, begin, p, prepared)
				}
			}
		}
	}
	require.NotZero(t, histories, "no pair was tried")
	t.Logf("%d histories of one in %d of %d pairs", histories, everyPair(), combination)
}

func TestUsers_InterruptedAtAnyCall(t *testing.T) {
	t.Parallel()
	prepared, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = prepared.Close() })
	w := newQuietWorld(t, ^uint64(0), prepared)
	w.begin(t.Context(), seatsOfPairs)
	from := start{token: w.token}
	do := func(c userCall) func(program, *client) {
		return func(p program, from *client) {
			h, _ := p.(*users)
			c := c
			if c.n = h.next(); c.id == "it" {
				h.mu.Lock()
				c.id = h.known[0]
				h.mu.Unlock()
			}
			if c.kind == doPut || c.kind == doPost {
				title := fmt.Sprint("t", c.n)
				c.sent.title = &title
			}
			h.do(from, &c)
		}
	}
	all := func(requests ...func(program, *client)) func(program, *client) {
		return func(p program, c *client) {
			for _, request := range requests {
				request(p, c)
			}
		}
	}
	yes, no := true, false
	is := func(s string) *string { return &s }
	ann := sent{name: is("ann"), mail: is("ann@x.example"), external: is("e1")}
	requests := map[string]func(program, *client){
		"POST of it":                 do(userCall{kind: doPost, sent: ann}),
		"POST of it with another id": do(userCall{kind: doPost, sent: sent{name: is("ann"), external: is("e2")}}),
		"POST of another":            do(userCall{kind: doPost, sent: sent{name: is("cat@x.example"), external: is("e2")}}),
		"POST of two's values":       do(userCall{kind: doPost, sent: sent{name: is("ann"), mail: is("dan@x.example")}}),
		"PUT with other values":      do(userCall{kind: doPut, id: "it", sent: sent{name: is("cat@x.example"), mail: is("dan@x.example"), external: is("e2")}}),
		"PUT with an old version":    do(userCall{kind: doPut, id: "it", sent: sent{name: is("cat@x.example"), active: &yes}, ifMatch: 7}),
		"PATCH off":                  do(userCall{kind: doPatch, id: "it", sent: sent{active: &no}}),
		"PATCH on":                   do(userCall{kind: doPatch, id: "it", sent: sent{active: &yes}}),
		"PATCH to Reader":            do(userCall{kind: doPatch, id: "it", sent: sent{reader: &yes}}),
		"PATCH name":                 do(userCall{kind: doPatch, id: "it", sent: sent{name: is("dan@x.example")}}),
		"DELETE":                     do(userCall{kind: doDelete, id: "it"}),
		"purge":                      do(userCall{kind: doPurge, id: "it"}),
		"limit 2":                    do(userCall{kind: doLimit, limit: 2}),
		"create in app":              do(userCall{kind: doCreateApp, sent: sent{name: is("cat@x.example"), mail: is("dan@x.example")}}),
		"off in app":                 do(userCall{kind: doModifyApp, id: "it", sent: sent{active: &no}}),
	}
	firsts := map[string]func(program, *client){
		"GET":          do(userCall{kind: doGet, id: "it"}),
		"find by name": do(userCall{kind: doFind, by: "userName", value: "ann"}),
		"find by mail": do(userCall{kind: doFind, by: "emails", value: "ann@x.example"}),
		"usage":        do(userCall{kind: doUsage}),
	}
	between := map[string]func(program, *client){
		"DELETE and POST":               all(requests["DELETE"], requests["POST of it"]),
		"DELETE and POST of another":    all(requests["DELETE"], requests["POST of another"]),
		"purge and POST of it":          all(requests["purge"], requests["POST of it"]),
		"purge and POST of another":     all(requests["purge"], requests["POST of another"]),
		"DELETE and create in app":      all(requests["DELETE"], requests["create in app"]),
		"off, and its seat is taken":    all(requests["PATCH off"], requests["POST of another"], do(userCall{kind: doPost, sent: sent{name: is("x")}})),
		"its values to another":         all(requests["PATCH name"], do(userCall{kind: doPost, sent: sent{name: is("ann"), external: is("e2")}})),
		"off and on":                    all(requests["PATCH off"], requests["PATCH on"]),
		"the last seat, and it is free": all(requests["POST of another"], requests["limit 2"], do(userCall{kind: doLimit, limit: 5})),
	}
	for name, request := range requests {
		firsts[name], between[name] = request, request
	}
	bob := do(userCall{kind: doPost, sent: sent{name: is("bob"), mail: is("bob@x.example")}})
	begins := map[string]func(program, *client){
		"active":   all(requests["POST of it"], bob),
		"inactive": all(requests["POST of it"], bob, requests["PATCH off"]),
		"deleted":  all(requests["POST of it"], bob, requests["DELETE"]),
		"own":      all(do(userCall{kind: doCreateApp, sent: sent{name: is("ann"), mail: is("ann@x.example")}}), bob),
	}
	histories, combination := 0, 0
	for _, is := range slices.Sorted(maps.Keys(begins)) {
		for _, name := range slices.Sorted(maps.Keys(firsts)) {
			for _, other := range slices.Sorted(maps.Keys(between)) {
				p := pair{fmt.Sprintf("user %s: %s, with %s", is, name, other), firsts[name], between[other]}
				if combination++; tried(p.name, combination) {
					histories += interrupt(t, ofUsers, from, begins[is], p, prepared)
				}
			}
		}
	}
	require.NotZero(t, histories, "no pair was tried")
	t.Logf("%d histories of one in %d of %d pairs", histories, everyPair(), combination)
}
