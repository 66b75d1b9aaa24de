package sim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
)

// check compares what is stored at the end with everything that is known of the
// run.
func (w *world) check() {
	memory, ok := w.engine.(*tabletest.Memory)
	if !ok {
		return // the same run is checked on the simulation's own engine
	}
	w.checkRequests()
	w.checkRates()
	w.checkAccess()
	w.audit()
	stored := map[string][]table.Item{}
	for _, item := range memory.Items() {
		if isShared(item.Key) {
			continue
		}
		of := tenantOf(item.Key)
		stored[of] = append(stored[of], item)
	}
	for _, c := range w.customers {
		items := stored[c.name]
		delete(stored, c.name)
		w.checkMarks(c, items)
		if c.gone {
			if len(items) > 0 {
				w.fail("%s is deleted, and %d items are left, the first is %q", c, len(items), items[0].Key)
			}
			continue
		}
		l := newLedger(items)
		w.checkLog(c, l)
		w.checkAcknowledged(c, l)
		w.checkPeople(c, l)
		w.checkEvents(c, l)
	}
	for of, items := range stored {
		w.fail("%d items of no tenant: %q", len(items), of)
	}
}

// audit runs what `rollcall verify` runs, on every tenant. All tasks have had their
// time.
func (w *world) audit() {
	s := app.NewStore(w.engine, app.Options{})
	tenants, _, err := s.Tenants(background, "", len(w.customers)+1)
	if err != nil {
		w.fail("listing tenants: %v", err)
	}
	there := 0
	for _, c := range w.customers {
		if !c.gone {
			there++
		}
	}
	if len(tenants) != there {
		w.fail("%d tenants are listed, there are %d", len(tenants), there)
	}
	for _, t := range tenants {
		faults, err := s.Audit(background, t.ID)
		if err != nil {
			w.fail("audit of %s: %v", t.ID, err)
		}
		for _, fault := range faults {
			w.fail("audit of %s: %s", t.ID, fault)
		}
	}
}

// longestRequest is how long a request may take. At 25 seconds Lambda ends the function,
// and what a bulk request has done is answered to nobody.
const longestRequest = 19500 * time.Millisecond

// settling is how long after the end of the faults a request may still meet
// what they left: transactions under way, a retry that waits.
const settling = 30 * time.Second

// checkRequests checks that every request was answered, or its instance had
// crashed; that each answer has one log line; and that without faults none is an
// error of the server.
func (w *world) checkRequests() {
	for _, r := range w.requests {
		if r.customer == nil {
			continue // a sweep, or a program of the operator
		}
		w.checkRefusal(r)
		healthy := w.isHealthy(r)
		switch {
		case r.served == nil && !r.crashed && r.in != nil:
			w.fail("%s: its instance runs and never answered", r)
		case healthy && r.got == nil:
			w.fail("%s: sent without faults", r)
		case healthy && r.got.status >= 500:
			w.fail("%s: sent without faults: %s", r, r.got.text)
		case r.served != nil && r.lines.Load() != 1 && r.path != "/Bulk":
			w.fail("%s: has %d log lines", r, r.lines.Load())
		case r.served != nil && r.took > longestRequest:
			w.fail("%s: took %s", r, r.took)
		case r.served != nil && r.served.status == 500:
			w.fail("%s: %s", r, r.served.text)
		}
		if at, ok := r.customer.revoked[r.token]; ok && r.got.ok() && !r.admin && r.sent.After(at.Add(revocation)) {
			w.fail("%s: sent with a token that was revoked %s before", r, r.sent.Sub(at))
		}
	}
}

// isHealthy reports whether a request was sent long enough after the last fault.
func (w *world) isHealthy(r *request) bool {
	return !w.calm.IsZero() && r.sent.After(w.calm.Add(settling))
}

// revocation is how long after its revocation a token may work: the time for
// which it is cached.
const revocation = 10 * time.Second

// checkMarks checks that a tenant's items have no value of another.
func (w *world) checkMarks(c *customer, items []table.Item) {
	for _, item := range items {
		if other := c.foreign(item.Sort + " " + item.Partition); other != "" {
			w.fail("%s: the item %q has data of another tenant", c, item.Key)
		}
		for name, value := range item.Attributes {
			if other := c.foreign(value.Text()); other != "" {
				w.fail("%s: %s of the item %q has data of another tenant: %s", c, name, item.Key, value.Text())
			}
		}
	}
}

// A ledger is what is stored of a tenant, in the form in which it is compared.
type ledger struct {
	counts  table.Attributes
	users   map[string]table.Item // live ones
	deleted map[string]table.Item
	groups  map[string]table.Item
	members map[string]map[string]bool // by group
	entries []table.Item
	tokens  map[string]bool
}

func newLedger(items []table.Item) *ledger {
	l := &ledger{
		counts: table.Attributes{},
		users:  map[string]table.Item{}, deleted: map[string]table.Item{}, groups: map[string]table.Item{},
		members: map[string]map[string]bool{}, tokens: map[string]bool{},
	}
	for _, item := range items {
		switch name := part(item.Key); name {
		case "LEDGER":
			// The counts of all shards; limits are not read here.
			for name, value := range item.Attributes {
				l.counts[name] = table.Number(l.counts.Number(name) + value.Number())
			}
		case "USERS":
			l.users[item.Sort] = item
		case "GONE":
			l.deleted[item.Sort] = item
		case "GROUPS":
			l.groups[item.Sort] = item
		case "LOG":
			l.entries = append(l.entries, item)
		case "":
			for _, credential := range []string{"TOKEN#", "CLIENT#"} {
				if id, ok := strings.CutPrefix(item.Sort, credential); ok {
					l.tokens[id] = true
				}
			}
		}
	}
	for _, item := range items {
		fields := strings.Split(part(item.Key), "#") // G#gid#epoch
		if len(fields) != 3 || fields[0] != "G" {
			continue
		}
		g, ok := l.groups[fields[1]]
		if !ok || encode(g.Attributes.Number("epoch")) != fields[2] {
			continue
		}
		if l.members[fields[1]] == nil {
			l.members[fields[1]] = map[string]bool{}
		}
		l.members[fields[1]][item.Sort] = true
	}
	return l
}

// user returns a user, live or deleted.
func (l *ledger) user(id string) (item table.Item, live, ok bool) {
	if item, ok = l.users[id]; ok {
		return item, true, true
	}
	item, ok = l.deleted[id]
	return item, false, ok
}

// isChange reports whether an entry is that of a change.
func isChange(e table.Attributes) bool {
	out := e.Text("out")
	return (out == "success" || out == "warning") && e.Text("did") != "unchanged" && e.Text("did") != ""
}

// checkLog replays the log and compares the result with what is stored. Only
// sums and sets are compared: the order of entries is by the clocks of several
// instances.
func (w *world) checkLog(c *customer, l *ledger) {
	sums, seats := map[string]int64{}, map[string]int64{}
	versions, joined := map[string][]int64{}, map[string]int{}
	created, ended := map[string]bool{}, map[string]bool{}
	reset := map[string]bool{} // groups whose members cannot be summed up
	for _, entry := range l.entries {
		e := entry.Attributes
		if !isChange(e) {
			continue
		}
		id := e.Text("rid")
		if id != c.name { // a recount corrects what no change has done
			sums["seats"] += e.Number("dseat")
			sums["readers"] += e.Number("dread")
		}
		seats[id] += e.Number("dseat")
		if v := e.Number("ver"); v > 0 {
			versions[id] = append(versions[id], v)
		}
		switch e.Text("did") {
		case "created":
			created[id] = true
		case "deleted", "purged", "reactivated", "restored":
			ended[id] = true // its memberships may have ended, without entries of their own
		}
		reset[id] = reset[id] || e.Has("mset")
		for _, user := range list(e.Text("madd")) {
			joined[id+" "+user]++
		}
		for _, user := range list(e.Text("mrem")) {
			joined[id+" "+user]--
		}
		if token := e.Text("tok"); token != "" && !l.tokens[token] {
			w.fail("%s: the log entry %s has the token %s, which the tenant never had", c, entry.Sort, token)
		}
	}
	for name, sum := range sums {
		if got := l.counts.Number(name); got != sum {
			w.fail("%s: %d %s are in use, by the log %d", c, got, name, sum)
		}
	}
	for id, list := range versions {
		slices.Sort(list)
		if len(slices.Compact(slices.Clone(list))) != len(list) {
			w.fail("%s: two entries of %s have the same version: %v", c, id, list)
		}
	}
	w.checkRecords(c, l, versions, seats, created)
	w.checkMembers(c, l, joined, reset, ended)
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// checkRecords compares users and groups with the entries of each.
func (w *world) checkRecords(c *customer, l *ledger, versions map[string][]int64, seats map[string]int64, created map[string]bool) {
	for _, id := range slices.Concat(keys(l.users), keys(l.deleted)) {
		item, live, _ := l.user(id)
		a := item.Attributes
		holds := int64(0)
		if live && a.Number("act") == 1 && a.Text("typ") == "user" {
			holds = 1
		}
		if seats[id] != holds {
			w.fail("%s: user %s holds %d seats, by the log %d", c, id, holds, seats[id])
		}
		if !created[id] {
			w.fail("%s: user %s exists, and no entry says that it was created", c, id)
		}
		// A deleted user that loses a name to another one has the version of that
		// change, which is the other's entry; it may have been restored since.
		if n := len(versions[id]); n == 0 || versions[id][n-1] > a.Number("ver") || !w.hasLost(id) && int64(n) != a.Number("ver") {
			w.fail("%s: user %s has version %d, the log has entries of the versions %v", c, id, a.Number("ver"), versions[id])
		}
	}
	for id, item := range l.groups {
		if !created[id] {
			w.fail("%s: group %s exists, and no entry says that it was created", c, id)
		}
		if n := len(versions[id]); n > 0 && versions[id][n-1] > item.Attributes.Number("ver") {
			w.fail("%s: group %s has version %d, the log has entries of the versions %v", c, id, item.Attributes.Number("ver"), versions[id])
		}
	}
}

// hasLost reports whether a user lost a name to another one while it was
// deleted.
func (w *world) hasLost(id string) bool { return w.lost[id] }

// checkMembers compares memberships with the joins and leaves in the log, except
// for groups that got a whole new set, and for users whose memberships ended with
// something else than a leave.
func (w *world) checkMembers(c *customer, l *ledger, joined map[string]int, reset, ended map[string]bool) {
	for group := range l.groups {
		if reset[group] {
			continue
		}
		for user := range l.users {
			if ended[user] {
				continue
			}
			want := 0
			if l.members[group][user] {
				want = 1
			}
			if got := joined[group+" "+user]; got != want {
				w.fail("%s: user %s is a member of group %s %d times, by the log %d", c, user, group, want, got)
			}
		}
	}
}

// checkAcknowledged compares the log with the answers: a change that was
// answered with success has its entries, and a change that was refused has none.
func (w *world) checkAcknowledged(c *customer, l *ledger) {
	changes, entries := map[string][]table.Attributes{}, map[string]bool{}
	for _, entry := range l.entries {
		e := entry.Attributes
		id := entry.Sort
		if of := e.Text("of"); of != "" {
			id = of
		}
		entries[id] = true
		if isChange(e) {
			changes[id] = append(changes[id], e)
		}
	}
	for _, r := range w.requests {
		if r.customer != c || r.got == nil || r.method == "GET" || r.by != nil || strings.HasPrefix(r.path, "/Bulk") || r.admin && !strings.Contains(r.path, "/users") {
			continue
		}
		id := r.got.header.Get("X-Request-Id")
		switch {
		case r.got.ok() && len(r.changes) > 0 && len(changes[id]) == 0:
			w.fail("%s: changed %v, and has no entry in the log", r, r.changes)
		case r.got.ok() && !r.admin && !entries[id] && w.isHealthy(r):
			w.fail("%s: is not in the log", r)
		case r.got.status >= 400 && r.got.status < 500 && len(changes[id]) > 0 && !r.unknown.Load():
			w.fail("%s: was refused, and the log has a change: %s", r, changes[id][0].Text("did"))
		}
	}
}

// checkPeople checks that the users whose last change was answered with success
// are as it left them.
func (w *world) checkPeople(c *customer, l *ledger) {
	for _, i := range c.idps {
		for _, p := range i.people {
			if p.id != "" && p.settled && !p.shared && !c.purged[p.id] {
				w.checkPerson(c, i, p, l)
			}
		}
		for _, g := range i.groups {
			w.checkGroup(c, i, g, l)
		}
	}
}

func (w *world) checkPerson(c *customer, i *idp, p *person, l *ledger) {
	item, live, ok := l.user(p.id)
	if !ok {
		w.fail("%s: user %s was answered to %s and is gone", c, p.id, i.name)
		return
	}
	var document struct {
		Title string `json:"title"`
	}
	if err := json.Unmarshal([]byte(item.Attributes.Text("doc")), &document); err != nil {
		w.fail("%s: user %s: %v", c, p.id, err)
	}
	if live == (p.deleted && !c.readable) {
		w.fail("%s: user %s is live: %t, the last answer to %s says %t", c, p.id, live, i.name, !p.deleted || c.readable)
	}
	if !p.deleted && document.Title != p.title {
		w.fail("%s: user %s has the title %q, the last answer to %s says %q", c, p.id, document.Title, i.name, p.title)
	}
	if active := item.Attributes.Number("act") == 1; active != p.active && !c.touched[p.id] {
		w.fail("%s: user %s is active: %t, the last answer to %s says %t", c, p.id, active, i.name, p.active)
	}
}

// checkGroup checks that a group has the members that were last pushed, if they
// are still there.
func (w *world) checkGroup(c *customer, i *idp, g *group, l *ledger) {
	if !g.settled || g.shared || slices.ContainsFunc(g.members, func(p *person) bool { return p.shared || c.touched[p.id] || c.purged[p.id] }) {
		return
	}
	if _, ok := l.groups[g.id]; !ok {
		return // the application may have deleted it
	}
	for _, id := range g.pushed {
		if _, live := l.users[id]; live && !l.members[g.id][id] {
			w.fail("%s: user %s is not a member of group %s, to which %s pushed it", c, id, g.id, i.name)
		}
	}
	for id := range l.members[g.id] {
		if !slices.Contains(g.pushed, id) && !c.touched[id] {
			w.fail("%s: user %s is a member of group %s, and %s did not push it", c, id, g.id, i.name)
		}
	}
}

// keys returns the keys of a map, in order.
func keys[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for key := range m {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}
