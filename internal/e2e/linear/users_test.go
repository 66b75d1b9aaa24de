package linear

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/anishathalye/porcupine"

	"github.com/rollcall-scim/rollcall/internal/adminapi"
	"github.com/rollcall-scim/rollcall/internal/scim"
)

// users is a history of requests about users, in progress.
type users struct {
	*recorder
	w *world
	// sharded reports that the ledger has several shards, and both kinds of limits change.
	sharded bool

	mu    sync.Mutex
	known []string         // ids, in the order in which they were first shown
	at    map[string]int64 // their versions as last seen
}

func usersModel(limit int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return &userState{limit: limit, readers: unlimited} },
		Step: func(state, input, output any) (bool, any) {
			ok, next := state.(*userState).step(input.(*userCall), output.(*userAnswer))
			return ok, next
		},
		Equal:             sameUsers,
		DescribeOperation: func(input, output any) string { return fmt.Sprint(input, " → ", output) },
		DescribeState:     func(state any) string { return fmt.Sprint(state) },
	}
}

// The values that users have: few, so that they collide.
var (
	userNames = []string{"ann", "bob", "cat@x.example", "dan@x.example"}
	mails     = []string{"", "", "ann@x.example", "cat@x.example", "dan@x.example"}
	externals = []string{"", "e1", "e2"}
)

func one[T any](r *rand.Rand, of []T) *T { return &of[r.IntN(len(of))] }

func sometimes(r *rand.Rand, in int, of ...bool) *bool {
	if r.IntN(in) > 0 {
		return nil
	}
	return one(r, of)
}

// draw returns the next request of a client.
func (h *users) draw(r *rand.Rand) *userCall {
	c := &userCall{n: h.next()}
	c.kind = *one(r, []string{
		doPost, doPost, doPost, doPost, doPut, doPut, doPatch, doPatch, doPatch, doPatch, doDelete, doDelete, doGet, doGet, doFind,
		doLimit, doUsage, doCreateApp, doModifyApp, doPurge,
	})
	if h.sharded && r.IntN(4) == 0 {
		c.kind = *one(r, []string{doGrow, doLimit, doPatch, doModifyApp})
	}
	title := fmt.Sprint("t", c.n)
	mails, externals := mails, externals
	if h.sharded && r.IntN(3) > 0 { // seats are to be refused, not values
		mails, externals = []string{""}, []string{""}
	}
	switch c.kind {
	case doPost, doPut:
		c.sent = sent{name: one(r, h.names()), title: &title, active: sometimes(r, 3, true, false), reader: sometimes(r, 3, true, false)}
		if m := one(r, mails); *m != "" {
			c.sent.mail = m
		}
		if e := one(r, externals); *e != "" {
			c.sent.external = e
		}
	case doPatch:
		switch r.IntN(7) {
		case 0:
			c.sent.title = &title
		case 1:
			c.sent.name = one(r, h.names())
		case 2:
			c.sent.external = one(r, []string{"e1", "e2"})
		case 3:
			c.sent.reader = one(r, []bool{true, false})
		default:
			c.sent.active = one(r, []bool{true, false})
		}
	case doFind:
		c.by = *one(r, []string{"userName", "emails", "externalId"})
		c.value = *one(r, h.searched(c.by))
	case doLimit:
		c.limit, c.of = r.IntN(4), seat
		if h.sharded {
			h.drawLimit(r, c)
		}
	case doCreateApp:
		c.sent = sent{name: one(r, h.names()), active: sometimes(r, 4, false), reader: sometimes(r, 4, true)}
		if m := one(r, mails); *m != "" {
			c.sent.mail = m
		}
	case doModifyApp:
		c.sent = sent{active: sometimes(r, 1, true, false), reader: sometimes(r, 3, true, false)}
		if h.sharded && r.IntN(2) == 0 { // a conversion alone
			c.sent = sent{reader: one(r, []bool{true, false})}
		}
	}
	if slices.Contains([]string{doPut, doPatch, doDelete, doGet, doModifyApp, doPurge}, c.kind) {
		h.aim(r, c)
	}
	return c
}

func (h *users) searched(by string) []string {
	return map[string][]string{"userName": h.names(), "emails": mails[2:], "externalId": externals[1:]}[by]
}

// names returns the userNames: as many as there may be seats.
func (h *users) names() []string {
	if h.sharded {
		return append(userNames[:len(userNames):len(userNames)], "eve", "fay", "gus", "hal")
	}
	return userNames
}

// drawLimit draws a limit around what is in use, or none.
func (h *users) drawLimit(r *rand.Rand, c *userCall) {
	c.of = *one(r, []holding{seat, seat, licence})
	switch {
	case r.IntN(5) == 0:
		c.limit = unlimited
	case c.of == seat:
		c.limit = 1 + r.IntN(4)
	default:
		c.limit = r.IntN(3)
	}
}

func (c *userCall) limitBody() string {
	name, value := "maxSeats", "null"
	if c.of == licence {
		name = "maxReaders"
	}
	if c.limit != unlimited {
		value = fmt.Sprint(c.limit)
	}
	return fmt.Sprintf(`{%q:%s}`, name, value)
}

// aim chooses the user of a request. One that is not known yet makes it a search.
func (h *users) aim(r *rand.Rand, c *userCall) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) == 0 {
		*c = userCall{n: c.n, kind: doFind, by: "userName", value: *one(r, userNames)}
		return
	}
	// Mostly the newest.
	c.id = h.known[len(h.known)-1-min(r.IntN(len(h.known)), r.IntN(len(h.known)))]
	version := h.at[c.id]
	if r.IntN(3) == 0 && version > 0 {
		switch c.kind {
		case doPut, doPatch, doDelete:
			c.ifMatch = version
		case doGet:
			c.ifNone = version
		}
	}
}

func (c *userCall) document() string {
	parts := []string{`"schemas":["` + scim.CoreUserURN + `"]`}
	add := func(name string, value *string) {
		if value != nil {
			parts = append(parts, fmt.Sprintf("%q:%q", name, *value))
		}
	}
	add("userName", c.sent.name)
	add("externalId", c.sent.external)
	add("title", c.sent.title)
	if c.sent.mail != nil {
		parts = append(parts, fmt.Sprintf(`"emails":[{"value":%q}]`, *c.sent.mail))
	}
	if c.sent.active != nil {
		parts = append(parts, fmt.Sprintf(`"active":%t`, *c.sent.active))
	}
	if c.sent.reader != nil {
		parts = append(parts, fmt.Sprintf(`%q:{"isTeamAccount":%t}`, scim.RollcallURN, !*c.sent.reader))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (c *userCall) patch() string {
	var operations []string
	add := func(path string, value any) {
		operations = append(operations, fmt.Sprintf(`{"op":"replace","path":%q,"value":%s}`, path, value))
	}
	for _, p := range []struct {
		path  string
		value *string
	}{{"userName", c.sent.name}, {"externalId", c.sent.external}, {"title", c.sent.title}} {
		if p.value != nil {
			add(p.path, fmt.Sprintf("%q", *p.value))
		}
	}
	if c.sent.active != nil {
		add("active", fmt.Sprint(*c.sent.active))
	}
	if c.sent.reader != nil {
		add(scim.RollcallURN+":isTeamAccount", fmt.Sprint(!*c.sent.reader))
	}
	return `{"schemas":["` + scim.PatchURN + `"],"Operations":[` + strings.Join(operations, ",") + `]}`
}

func (c *userCall) inApp() string {
	var parts []string
	if c.sent.name != nil {
		parts = append(parts, fmt.Sprintf(`"userName":%q`, *c.sent.name))
	}
	if c.sent.mail != nil {
		parts = append(parts, fmt.Sprintf(`"email":%q`, *c.sent.mail))
	}
	if c.sent.active != nil {
		parts = append(parts, fmt.Sprintf(`"active":%t`, *c.sent.active))
	}
	if c.sent.reader != nil {
		parts = append(parts, fmt.Sprintf(`"accountType":%q`, map[bool]string{true: "reader", false: "user"}[*c.sent.reader]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// send sends a request, and decodes what was answered.
func (h *users) send(from *client, c *userCall) *userAnswer {
	var headers []string
	if c.ifMatch != 0 {
		headers = append(headers, "If-Match", tag(c.ifMatch))
	}
	if c.ifNone != 0 {
		headers = append(headers, "If-None-Match", tag(c.ifNone))
	}
	one, app := "/Users/"+c.id, adminapi.Prefix+"/tenants/"+h.w.tenant.String()
	var a answer
	switch c.kind {
	case doPost:
		a = from.send(http.MethodPost, "/Users", c.document())
	case doPut:
		a = from.send(http.MethodPut, one, c.document(), headers...)
	case doPatch:
		a = from.send(http.MethodPatch, one, c.patch(), headers...)
	case doDelete:
		a = from.send(http.MethodDelete, one, "", headers...)
	case doGet:
		a = from.send(http.MethodGet, one, "", headers...)
	case doFind:
		a = from.send(http.MethodGet, "/Users?filter="+url.QueryEscape(fmt.Sprintf("%s eq %q", c.by, c.value)), "")
	case doLimit:
		a = from.send(http.MethodPatch, app, c.limitBody())
	case doUsage:
		a = from.send(http.MethodGet, app+"/usage", "")
	case doCreateApp:
		a = from.send(http.MethodPost, app+"/users", c.inApp())
	case doModifyApp:
		a = from.send(http.MethodPatch, app+"/users/"+c.id, c.inApp())
	case doPurge:
		a = from.send(http.MethodDelete, app+"/users/"+c.id, "")
	}
	return h.read(from, c, a)
}

// userDocument is a user in an answer of either API.
type userDocument struct {
	ID          string                       `json:"id"`
	UserName    string                       `json:"userName"`
	ExternalID  string                       `json:"externalId"`
	Title       string                       `json:"title"`
	Active      bool                         `json:"active"`
	Emails      []struct{ Value string }     `json:"emails"`
	Email       string                       `json:"email"`
	AccountType string                       `json:"accountType"`
	Version     int64                        `json:"version"`
	Meta        struct{ Version string }     `json:"meta"`
	Extension   struct{ IsTeamAccount bool } `json:"urn:ietf:params:scim:schemas:extension:rollcall:2.0:User"`
}

func (d userDocument) seen() seen {
	s := seen{
		id: d.ID, version: d.Version, name: d.UserName, mail: d.Email, external: d.ExternalID, title: d.Title, active: d.Active,
		reader: d.AccountType == "reader",
	}
	if d.Meta.Version != "" {
		s.version, s.reader = version(d.Meta.Version), !d.Extension.IsTeamAccount
		for _, e := range d.Emails {
			s.mail = e.Value
		}
	}
	return s
}

func (h *users) read(from *client, c *userCall, a answer) *userAnswer {
	out := &userAnswer{answer: a}
	switch {
	case a.unknown || a.refused:
	case a.status == http.StatusForbidden || a.status == http.StatusConflict:
		for _, of := range []holding{seat, licence} {
			if strings.Contains(string(a.body), string(of)+" in use") {
				out.full = of
				h.reach("none left of the " + string(of))
			}
		}
	case a.status >= 300 || c.kind == doDelete || c.kind == doPurge || c.kind == doLimit:
	case c.kind == doUsage:
		usage := struct{ Seats, Readers struct{ Used, Limit *int } }{}
		from.decode(a, &usage)
		count := func(n *int) int {
			if n == nil {
				return unlimited
			}
			return *n
		}
		out.used, out.limit = count(usage.Seats.Used), count(usage.Seats.Limit)
		out.readers, out.readerLimit = count(usage.Readers.Used), count(usage.Readers.Limit)
	case c.kind == doFind:
		var list struct{ Resources []userDocument }
		from.decode(a, &list)
		for _, d := range list.Resources {
			out.shown = append(out.shown, d.seen())
		}
	default:
		var d userDocument
		from.decode(a, &d)
		out.shown = []seen{d.seen()}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range out.shown {
		if _, ok := h.at[s.id]; !ok {
			h.known = append(h.known, s.id)
		}
		h.at[s.id] = s.version
	}
	return out
}

// do sends a request and records it.
func (h *users) do(from *client, c *userCall) *userAnswer {
	var out *userAnswer
	if c.kind == doGrow {
		h.grow(from)
		return nil
	}
	h.record(from.number, c, func() (any, outcome) {
		out = h.send(from, c)
		return out, outcome{unknown: out.unknown, wrong: out.broken(), status: out.status}
	})
	return out
}

// grow adds shards to the ledger, as contention does. No answer shows it.
func (h *users) grow(from *client) {
	ctx := (&call{client: from.number, left: -1, patience: -1}).in(context.Background())
	n, err := from.w.instance(from.instance).app.Store.AddShards(ctx, h.w.tenant)
	if err == nil { // otherwise a fault
		h.reach(fmt.Sprint(n, " shards"))
	}
}

// begin creates a few users. In shards, the ledger grows first, and about as many users are
// created as there are seats.
func (h *users) begin(first *client, r *rand.Rand) {
	few := r.IntN(3)
	if h.sharded {
		h.do(first, &userCall{n: h.next(), kind: doLimit, of: licence, limit: r.IntN(3)})
		for range r.IntN(3) {
			h.grow(first)
		}
		few = 2 + r.IntN(4)
	}
	for range few {
		c := h.draw(r)
		for c.kind != doPost && c.kind != doCreateApp {
			c = h.draw(r)
		}
		h.do(first, c)
	}
}

// run sends a client's requests.
func (h *users) run(c *client, requests int) {
	for range requests {
		h.do(c, h.draw(c.random))
	}
}

// end reads everything that can be read.
func (h *users) end(last *client) {
	for _, name := range h.names() {
		h.do(last, &userCall{n: h.next(), kind: doFind, by: "userName", value: name})
	}
	h.mu.Lock()
	known := slices.Clone(h.known)
	h.mu.Unlock()
	for _, id := range known {
		h.do(last, &userCall{n: h.next(), kind: doGet, id: id})
	}
	h.do(last, &userCall{n: h.next(), kind: doUsage})
}

// tidy does nothing: a history of users has a tenant of its own.
func (h *users) tidy(*client) {}
