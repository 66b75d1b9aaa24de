package linear

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/anishathalye/porcupine"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/store"
)

// groups is a history of requests about groups, in progress.
type groups struct {
	*recorder
	w *world

	mu    sync.Mutex
	known []string
	at    map[string]int64
	left  people // users that may be deleted
}

func groupsModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return &groupState{} },
		Step: func(state, input, output any) (bool, any) {
			ok, next := state.(*groupState).step(input.(*groupCall), output.(*groupAnswer))
			return ok, next
		},
		Equal:             sameGroups,
		DescribeOperation: func(input, output any) string { return fmt.Sprint(input, " → ", output) },
		DescribeState:     func(state any) string { return fmt.Sprint(state) },
	}
}

func (h *groups) history() *recorder { return h.recorder }

// teams are the names of groups.
var teams = []string{"Sales", "Support", "Legal"}

// block returns users: one, twelve or forty. The blocks overlap.
func block(r *rand.Rand) people {
	size := *one(r, []int{1, 1, 1, 12, 12, 40})
	return span(r.IntN(crowd-size+1)%14, size)
}

// crowd is the number of users.
const crowd = 44

// draw returns the next request of a client. Deleted users do not return: a large
// change that has skipped one does not look again.
func (h *groups) draw(r *rand.Rand) *groupCall {
	c := &groupCall{n: h.next(), name: -1, user: r.IntN(14)}
	c.kind = *one(r, []string{
		doPost, doPost, doPut, doPut, doPut, doPatch, doPatch, doPatch, doPatch, doPatch, doPatch, doClear, doSpare, doSwap,
		doDelete, doGet, doGet, doGet, doHead, doLeave, doLeave, doHead, sawUser,
	})
	switch c.kind {
	case doPost, doPut:
		c.name, c.add = r.IntN(len(teams)), block(r)
	case doPatch:
		switch r.IntN(6) {
		case 0:
			c.name = r.IntN(len(teams))
		case 1:
			c.name, c.add = r.IntN(len(teams)), block(r)
		case 2, 3:
			c.add = block(r)
		case 4:
			c.remove = block(r)
		default:
			c.add = block(r)
			c.remove = block(r) &^ c.add
		}
	case doSwap:
		c.remove = 1 << c.user
		c.add = 1 << ((c.user + 1 + r.IntN(12)) % 14)
	}
	if !slices.Contains([]string{doPost, doLeave, doReturn, sawUser}, c.kind) {
		h.aim(r, c)
	}
	return c
}

func (h *groups) aim(r *rand.Rand, c *groupCall) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) == 0 {
		*c = groupCall{n: c.n, kind: doPost, name: r.IntN(len(teams)), add: block(r)}
		return
	}
	c.id = h.known[len(h.known)-1-min(r.IntN(len(h.known)), r.IntN(len(h.known)))]
	if version := h.at[c.id]; r.IntN(4) == 0 {
		switch c.kind {
		case doPut, doPatch, doDelete, doClear:
			c.ifMatch = version
		case doGet:
			c.ifNone = version
		}
	}
}

func (h *groups) ids(p people) []string {
	var ids []string
	for i, id := range h.w.crowd {
		if p&(1<<i) != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (h *groups) patch(c *groupCall) string {
	var operations []string
	if c.name >= 0 {
		operations = append(operations, fmt.Sprintf(`{"op":"replace","path":"displayName","value":%q}`, teams[c.name]))
	}
	switch c.kind {
	case doClear:
		operations = append(operations, `{"op":"remove","path":"members"}`)
	case doSpare:
		operations = append(operations, fmt.Sprintf(`{"op":"remove","path":"members[value ne \"%s\"]"}`, h.w.crowd[c.user]))
	case doSwap:
		operations = append(operations, fmt.Sprintf(`{"op":"replace","path":"members[value eq \"%s\"].value","value":%q}`, h.w.crowd[c.user], h.ids(c.add)[0]))
	default:
		if c.add != 0 {
			operations = append(operations, `{"op":"add","path":"members","value":`+stage.Members(h.ids(c.add)...)+`}`)
		}
		if c.remove != 0 {
			operations = append(operations, `{"op":"remove","path":"members","value":`+stage.Members(h.ids(c.remove)...)+`}`)
		}
	}
	return stage.Patch(operations...)
}

func (h *groups) send(from *client, c *groupCall) answer {
	var headers []string
	if c.ifMatch != 0 {
		headers = append(headers, "If-Match", tag(c.ifMatch))
	}
	if c.ifNone != 0 {
		headers = append(headers, "If-None-Match", tag(c.ifNone))
	}
	path, user := "/Groups/"+c.id, h.w.crowd[c.user]
	switch c.kind {
	case doPost:
		return from.send(http.MethodPost, "/Groups", stage.Group(teams[c.name], h.ids(c.add)...))
	case doPut:
		return from.send(http.MethodPut, path, stage.Group(teams[c.name], h.ids(c.add)...), headers...)
	case doDelete:
		return from.send(http.MethodDelete, path, "", headers...)
	case doGet:
		return from.send(http.MethodGet, path, "", headers...)
	case doHead:
		return from.send(http.MethodGet, path+"?excludedAttributes=members", "")
	case doLeave:
		h.mu.Lock()
		h.left |= 1 << c.user
		h.mu.Unlock()
		return from.send(http.MethodDelete, "/Users/"+user, "")
	case doReturn:
		return from.send(http.MethodPost, "/Users", stage.User(fmt.Sprintf(`"userName":"p%d"`, c.user)))
	case sawUser:
		return from.send(http.MethodGet, "/Users/"+user, "")
	}
	return from.send(http.MethodPatch, path, h.patch(c), headers...)
}

type groupDocument struct {
	ID          string                    `json:"id"`
	DisplayName string                    `json:"displayName"`
	Members     *[]struct{ Value string } `json:"members"`
	Groups      []struct{ Value string }  `json:"groups"`
}

func (h *groups) read(from *client, c *groupCall, a answer) (*groupAnswer, []string) {
	out := &groupAnswer{answer: a}
	if a.status == http.StatusServiceUnavailable && strings.Contains(string(a.body), "was accepted") {
		out.accepted, out.unknown = true, false
	}
	if a.unknown || a.refused || a.status >= 300 || len(a.body) == 0 {
		return out, nil
	}
	var d groupDocument
	from.decode(a, &d)
	if c.kind == doReturn || c.kind == sawUser {
		var in []string
		for _, g := range d.Groups {
			in = append(in, g.Value)
		}
		return out, in
	}
	out.id, out.name, out.showsName = d.ID, slices.Index(teams, d.DisplayName), true
	if d.Members != nil {
		out.showsMembers = true
		for _, m := range *d.Members {
			if i := slices.Index(h.w.crowd, m.Value); i >= 0 {
				out.members |= 1 << i
			} else {
				h.w.t.Errorf("a member that is no user: %s", m.Value)
			}
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.at[d.ID]; !ok {
		h.known = append(h.known, d.ID)
	}
	h.at[d.ID] = a.etag
	return out, nil
}

// do sends a request and records it, and what its answer shows of other moments
// as operations of their own.
func (h *groups) do(from *client, c *groupCall) {
	op := porcupine.Operation{ClientId: from.number, Input: c, Call: h.now(from.number)}
	out, in := h.read(from, c, h.send(from, c))
	op.Output, op.Return = out, h.now(from.number)
	if out.unknown {
		op.Return = math.MaxInt64
	}
	also := func(input *groupCall, output *groupAnswer) {
		h.add(porcupine.Operation{ClientId: from.number, Input: input, Call: op.Call, Output: output, Return: op.Return})
	}
	switch {
	case out.broken():
		h.mu.Lock()
		h.wrong = append(h.wrong, fmt.Sprint(c, " → ", out))
		h.mu.Unlock()
	case out.unknown || out.accepted || out.status >= 300:
	case !out.showsMembers && (c.kind == doPut || c.kind == doPost && c.large()):
		// The group was deleted or could not be read.
	case c.kind == doPut, c.kind == doPost && c.large():
		out.owes = true
		also(&groupCall{n: c.n, kind: sawGroup, id: out.id, name: -1}, &groupAnswer{
			answer: answer{status: 200, etag: out.etag}, id: out.id, name: out.name, members: out.members, showsName: true, showsMembers: out.showsMembers,
		})
	case c.kind == doPatch && out.showsMembers && !c.large():
		// They were read beside the change, each at a moment of its own. One may be
		// missing whose membership ended because the whole set was replaced.
		// Two of them are checked: more would make the search long.
		for user, left := 0, 2; user < 14 && left > 0; user++ {
			if (out.members&^(c.add|c.remove))&(1<<user) != 0 {
				left--
				also(&groupCall{n: c.n, kind: sawMember, id: c.id, name: -1, user: user}, &groupAnswer{
					answer: answer{status: 200}, showsMembers: true,
				})
			}
		}
	case c.kind == sawUser:
		h.mu.Lock()
		known := slices.Clone(h.known)
		h.mu.Unlock()
		for _, id := range known {
			also(&groupCall{n: c.n, kind: sawUser, id: id, name: -1, user: c.user}, &groupAnswer{
				answer: answer{status: 200}, showsMembers: slices.Contains(in, id),
			})
		}
	}
	if c.kind != sawUser {
		h.add(op)
	}
}

// begin creates a group, of one, twelve or forty.
func (h *groups) begin(first *client, r *rand.Rand) {
	h.do(first, &groupCall{n: h.next(), kind: doPost, name: 0, add: block(r)})
}

func (h *groups) run(c *client, requests int) {
	for range requests {
		if c.random.IntN(20) == 0 {
			ctx := (&call{client: c.number, left: -1, patience: -1}).in(context.Background())
			_, _ = h.w.instance(c.instance).app.Store.Sweep(ctx, store.SweepAge) // what fails is left to the next one
			continue
		}
		h.do(c, h.draw(c.random))
	}
}

func (h *groups) end(last *client) {
	h.mu.Lock()
	known := slices.Clone(h.known)
	h.mu.Unlock()
	for _, id := range known {
		h.do(last, &groupCall{n: h.next(), kind: doGet, id: id, name: -1})
	}
	for i := range 3 {
		h.do(last, &groupCall{n: h.next(), kind: sawUser, name: -1, user: i})
	}
}

// tidy deletes the groups, and restores the users.
func (h *groups) tidy(last *client) {
	for _, id := range h.known {
		h.send(last, &groupCall{kind: doDelete, id: id})
	}
	// A creation without an answer may have left one that no answer has shown.
	for i, name := range teams {
		var list struct{ Resources []groupDocument }
		last.decode(last.send(http.MethodGet, "/Groups?filter="+url.QueryEscape(fmt.Sprintf("displayName eq %q", name)), ""), &list)
		for _, g := range list.Resources {
			h.send(last, &groupCall{kind: doDelete, id: g.ID, name: i})
		}
	}
	for i := range 14 {
		if h.left&(1<<i) != 0 {
			h.send(last, &groupCall{kind: doReturn, user: i})
		}
	}
}
