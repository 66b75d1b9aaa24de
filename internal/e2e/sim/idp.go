package sim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
)

// An idp is an identity provider that provisions for one tenant: what its
// administrator assigned, and what it knows of the service's answers.
type idp struct {
	*proc
	customer *customer
	dialect  dialect
	people   []*person
	groups   []*group
	// crowd are people who are created all at once, and pushed to groups all at
	// once: such changes outlive their request. Not all identity providers have
	// one.
	crowd []string
	// tries is how often it sends a request before it leaves the rest to its
	// next cycle.
	tries int
	// held is the access token that it uses, nil if it has none.
	held *accessToken
	// titles counts the values that it has sent.
	titles int
	// unanswered are its requests without an answer: they may still be worked on.
	unanswered []*request
	// stopped is set once the tenant is gone.
	stopped bool
}

// A dialect is how an identity provider says what it wants.
type dialect struct {
	agent string
	// find is the filter by which a person is looked up.
	find func(p *person) string
	// puts reports whether profiles are replaced, instead of patched.
	puts bool
	// setActive and setTitle are the operations of a PATCH.
	setActive func(active bool) string
	setTitle  func(title string) string
	// join and leave are the operations on a group, one a request or several.
	join, leave func(ids []string) string
	// atOnce is how many members are sent in one request.
	atOnce int
}

var okta = dialect{
	agent: "Okta SCIM Client 1.0.0",
	find:  func(p *person) string { return fmt.Sprintf(`userName eq %q`, p.userName) },
	puts:  true,
	setActive: func(active bool) string {
		return fmt.Sprintf(`{"op":"replace","value":{"active":%t}}`, active)
	},
	setTitle: func(title string) string { return fmt.Sprintf(`{"op":"replace","value":{"title":%q}}`, title) },
	join: func(ids []string) string {
		return fmt.Sprintf(`{"op":"add","path":"members","value":%s}`, stage.Members(ids...))
	},
	leave: func(ids []string) string {
		ops := make([]string, len(ids))
		for i, id := range ids {
			ops[i] = fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, id)
		}
		return strings.Join(ops, ",")
	},
	atOnce: 20,
}

var entra = dialect{
	agent: "Microsoft-Azure-AD-SCIM-Client",
	find:  func(p *person) string { return fmt.Sprintf(`externalId eq %q`, p.externalID) },
	setActive: func(active bool) string {
		text := "False"
		if active {
			text = "True"
		}
		return fmt.Sprintf(`{"op":"Replace","path":"active","value":%q}`, text)
	},
	setTitle: func(title string) string { return fmt.Sprintf(`{"op":"Add","path":"title","value":%q}`, title) },
	join: func(ids []string) string {
		return fmt.Sprintf(`{"op":"Add","path":"members","value":%s}`, stage.Members(ids...))
	},
	leave: func(ids []string) string {
		return fmt.Sprintf(`{"op":"Remove","path":"members","value":%s}`, stage.Members(ids...))
	},
	atOnce: 3,
}

// A person is someone whom an identity provider provisions.
type person struct {
	userName, email, externalID string
	// shared says that another identity provider of the tenant provisions the
	// same person.
	shared bool
	// id is the user's id as last answered, "" for none that is known.
	id string
	// settled says that the last request to change the user was answered with
	// success: the user then has this title, and is active or deleted as this
	// says.
	settled         bool
	title           string
	active, deleted bool
}

// A group is a group that an identity provider pushes.
type group struct {
	name    string
	id      string
	members []*person
	// shared says that another identity provider of the tenant pushes the group
	// too.
	shared bool
	// settled says that the members were last pushed as a whole, with success.
	settled bool
	pushed  []string
}

// ask sends a request until it has an answer that decides it. It returns nil if
// there was none after some tries; once the faults have ended it does not give up.
func (i *idp) ask(method, path, body string) *answer {
	for try := 1; ; try++ {
		a := i.try(method, path, body)
		if a != nil && a.status < 500 && a.status != 429 && a.status != 401 {
			if a.status == 403 && i.customer.deleted && a.string("scimType") == "" && i.customer.gone {
				i.stopped = true
			}
			return a
		}
		if i.customer.deleted && (a == nil || a.status == 401) {
			i.stopped = true
		}
		if i.stopped || i.world.calm.IsZero() && try >= i.tries {
			return nil
		}
		wait := time.Duration(min(try, 30)) * time.Second
		if a != nil {
			if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil {
				wait = time.Duration(seconds) * time.Second
			}
		}
		i.sleep(wait + i.between(0, time.Second))
	}
}

// try sends a request once. It returns nil if there is no answer.
func (i *idp) try(method, path, body string) *answer {
	token := i.bearer()
	if old := i.oldToken(); old != "" {
		token = old
	}
	r := &request{customer: i.customer, method: method, path: path, body: body, agent: i.dialect.agent, token: token}
	a := i.send(r)
	switch {
	case a == nil:
		i.unanswered = append(i.unanswered, r)
	case a.status == 401:
		i.held = nil
	}
	return a
}

// isWaitedFor reports whether an earlier request is still worked on: it may change
// what a later one is answered.
func (i *idp) isWaitedFor() bool {
	i.unanswered = slices.DeleteFunc(i.unanswered, func(r *request) bool { return r.served != nil || r.crashed || r.in == nil })
	return len(i.unanswered) > 0
}

// oldToken returns a token that was replaced, now and then: an administrator
// forgot one place in which it is configured.
func (i *idp) oldToken() string {
	if text := i.customer.registry.oldAccess(); text != "" && i.world.calm.IsZero() && i.chance(0.1) {
		return text
	}
	if len(i.customer.revoked) == 0 || !i.world.calm.IsZero() || !i.chance(0.1) {
		return ""
	}
	return oldest(i.customer.revoked)
}

// run does a number of things, and then, once the faults have ended, everything
// that is still to be done.
func (i *idp) run(steps int) {
	for i.customer.token == "" && !i.customer.deleted {
		i.sleep(time.Second)
	}
	i.stopped = i.customer.token == ""
	if i.crowd != nil && !i.stopped {
		i.gather()
	}
	for range steps {
		if i.stopped {
			break
		}
		i.step()
		if i.chance(0.5) {
			i.sleep(i.between(0, 4*time.Second))
		}
	}
	i.world.working.Add(-1)
	for i.world.calm.IsZero() {
		i.sleep(time.Second)
	}
	i.sleep(patience) // requests of before the calm have ended
	for _, p := range i.people {
		if !i.stopped && !p.deleted {
			i.provision(p)
		}
	}
	for _, g := range i.groups {
		if !i.stopped {
			i.pushAll(g)
		}
	}
}

// step does one thing.
func (i *idp) step() {
	p := i.people[i.random.IntN(len(i.people))]
	switch x := i.random.IntN(100); {
	case x < 24:
		i.provision(p)
	case x < 40:
		i.update(p)
	case x < 50:
		i.activate(p, false)
	case x < 57:
		i.activate(p, true)
	case x < 64:
		i.remove(p)
	case x < 68:
		i.rename(p)
	case x < 71:
		i.rehire(p)
	case x < 73:
		i.list()
	case x < 75:
		i.read(p)
	case x < 79:
		i.bulk()
	case x < 90 && i.crowd != nil:
		i.pushCrowd(i.groups[i.random.IntN(len(i.groups))])
	default:
		i.push(i.groups[i.random.IntN(len(i.groups))])
	}
}

// document returns the body of an active user, with a new title.
func (i *idp) document(p *person) (body, title string) {
	title = i.newTitle()
	return stage.User(fmt.Sprintf(`"userName":%q,"externalId":%q,"active":true,"title":%q,"name":{"familyName":"Of %s"},"emails":[{"primary":true,"type":"work","value":%q},{"type":"home","value":%q}]`,
		p.userName, p.externalID, title, i.customer.mark, p.email, "home."+p.email)), title
}

func (i *idp) newTitle() string {
	i.titles++
	return fmt.Sprintf("Title %d by %s %s", i.titles, i.name, i.customer.mark)
}

// find looks a person up, and returns whether the answer is known.
func (i *idp) find(p *person) bool {
	a := i.ask("GET", "/Users?startIndex=1&count=100&filter="+url.QueryEscape(i.dialect.find(p)), "")
	if !a.ok() {
		return false
	}
	was := p.id
	p.id = ""
	if found := a.first(); found != nil {
		p.id, _ = found["id"].(string)
		if p.id == was {
			i.compare(p, found)
		}
	}
	return true
}

// read reads a user by its id.
func (i *idp) read(p *person) {
	if p.id == "" {
		return
	}
	switch a := i.ask("GET", "/Users/"+p.id, ""); {
	case a == nil:
	case a.ok():
		i.compare(p, a.body)
	case a.status == 404 && p.settled && !p.deleted && !p.shared && !i.customer.purged[p.id]:
		i.world.fail("GET /Users/%s by %s: 404, and the last answer was that the user exists", p.id, i.name)
	}
}

// compare compares a user as it was read with the last answer to a change, which
// came before.
func (i *idp) compare(p *person, found map[string]any) {
	if got, _ := found["title"].(string); p.settled && !p.deleted && !p.shared && got != p.title {
		i.world.fail("%s reads user %s with the title %q after an answer that it is %q", i.name, p.id, got, p.title)
	}
}

// provision looks a person up, then creates or updates the user.
func (i *idp) provision(p *person) {
	if !i.find(p) {
		return
	}
	body, title := i.document(p)
	if p.id != "" {
		if i.dialect.puts {
			i.write(p, "PUT", "/Users/"+p.id, body, title, true)
		} else {
			i.write(p, "PATCH", "/Users/"+p.id, stage.Patch(i.dialect.setTitle(title), i.dialect.setActive(true)), title, true)
		}
		return
	}
	a := i.write(p, "POST", "/Users", body, title, true)
	if a.ok() {
		p.id = a.string("id")
	}
}

// write sends a request that leaves a user with a title and an activity.
func (i *idp) write(p *person, method, path, body, title string, active bool) *answer {
	alone := !i.isWaitedFor()
	p.settled = false
	a := i.ask(method, path, body)
	switch {
	case a == nil:
	case a.status == 404:
		p.id = ""
	case a.ok() && method == "DELETE":
		p.settled, p.deleted, p.active = alone, true, false
	case a.ok():
		p.settled, p.title, p.active, p.deleted = alone, title, active, false
		if got := a.string("title"); got != title {
			i.world.fail("%s %s by %s: the answer has the title %q, not %q", method, path, i.name, got, title)
		}
		if got, _ := a.body["active"].(bool); got != active {
			i.world.fail("%s %s by %s: the answer says active %t, not %t", method, path, i.name, got, active)
		}
	}
	return a
}

func (i *idp) update(p *person) {
	if p.id == "" {
		i.provision(p)
		return
	}
	if i.dialect.puts && i.chance(0.5) {
		body, title := i.document(p)
		i.write(p, "PUT", "/Users/"+p.id, body, title, true)
		return
	}
	title := i.newTitle()
	i.write(p, "PATCH", "/Users/"+p.id, stage.Patch(i.dialect.setTitle(title), i.dialect.setActive(true)), title, true)
}

func (i *idp) activate(p *person, active bool) {
	if p.id == "" {
		return
	}
	title := i.newTitle()
	i.write(p, "PATCH", "/Users/"+p.id, stage.Patch(i.dialect.setActive(active), i.dialect.setTitle(title)), title, active)
}

func (i *idp) remove(p *person) {
	if p.id != "" {
		i.write(p, "DELETE", "/Users/"+p.id, "", "", false)
	}
}

func (i *idp) rename(p *person) {
	if p.id == "" || p.shared {
		return
	}
	p.userName = "new." + p.userName
	if len(p.userName) > 80 {
		p.userName = strings.ReplaceAll(p.userName, "new.", "")
	}
	body, title := i.document(p)
	i.write(p, "PUT", "/Users/"+p.id, body, title, true)
}

// rehire provisions a person who comes back with another externalId.
func (i *idp) rehire(p *person) {
	p.externalID += "'"
	if len(p.externalID) > 40 {
		p.externalID = strings.ReplaceAll(p.externalID, "'", "")
	}
	body, title := i.document(p)
	if a := i.write(p, "POST", "/Users", body, title, true); a.ok() {
		p.id = a.string("id")
	}
}

// list reads all users, page by page.
func (i *idp) list() {
	for start := 1; start < 100; start += 3 {
		a := i.ask("GET", fmt.Sprintf("/Users?startIndex=%d&count=3", start), "")
		if !a.ok() || a.first() == nil {
			return
		}
	}
}

// bulk deactivates one person and changes another in one request. What came of
// each is not looked at: both are unsettled afterwards.
func (i *idp) bulk() {
	var operations []string
	for range 3 {
		p := i.people[i.random.IntN(len(i.people))]
		if p.id == "" {
			continue
		}
		p.settled = false
		operations = append(operations, fmt.Sprintf(`{"method":"PATCH","path":"/Users/%s","data":%s}`,
			p.id, stage.Patch(i.dialect.setTitle(i.newTitle()), i.dialect.setActive(i.chance(0.5)))))
	}
	if len(operations) > 0 {
		i.ask("POST", "/Bulk", stage.Bulk(operations...))
	}
}

// gather creates the crowd, without seats, in one request.
func (i *idp) gather() {
	operations := make([]string, len(i.crowd))
	for n, name := range i.crowd {
		operations[n] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":%s}`, n,
			stage.User(fmt.Sprintf(`"userName":%q,"active":false,"externalId":%q`, name, "x-"+name)))
	}
	a := i.ask("POST", "/Bulk", stage.Bulk(operations...))
	i.crowd = []string{}
	if !a.ok() {
		return
	}
	done, _ := a.body["Operations"].([]any)
	for _, one := range done {
		operation, _ := one.(map[string]any)
		location, _ := operation["location"].(string)
		if status, _ := operation["status"].(string); status == "201" || status == "200" {
			i.crowd = append(i.crowd, location[strings.LastIndex(location, "/")+1:])
		}
	}
}

// pushCrowd adds most of the crowd to a group, removes most of it, makes it the
// whole group, or deletes someone of it.
func (i *idp) pushCrowd(g *group) {
	if len(i.crowd) == 0 || g.id == "" && !i.findGroup(g) {
		return
	}
	g.settled = false
	from := i.random.IntN(len(i.crowd)/4 + 1)
	ids := i.crowd[from:]
	switch i.random.IntN(5) {
	case 0, 1:
		i.forget(g, i.ask("PATCH", "/Groups/"+g.id, stage.Patch(i.dialect.join(ids))))
	case 2:
		i.forget(g, i.ask("PATCH", "/Groups/"+g.id, stage.Patch(i.dialect.leave(ids))))
	case 3:
		i.forget(g, i.ask("PUT", "/Groups/"+g.id, stage.Group(g.name, ids...)))
	default:
		i.ask("DELETE", "/Users/"+i.crowd[from], "")
	}
}

// push changes a group: creates it, adds and removes members, renames it, or
// deletes it.
func (i *idp) push(g *group) {
	if g.id == "" && !i.findGroup(g) {
		return
	}
	g.settled = false
	switch x := i.random.IntN(100); {
	case x < 45:
		i.members(g, i.dialect.join)
	case x < 65:
		i.members(g, i.dialect.leave)
	case x < 80:
		i.pushAll(g)
	case x < 88:
		name := fmt.Sprintf("%s renamed %d", g.name, i.random.IntN(1000))
		if a := i.ask("PATCH", "/Groups/"+g.id, stage.Patch(fmt.Sprintf(`{"op":"replace","value":{"id":%q,"displayName":%q}}`, g.id, name))); a.ok() {
			g.name = name
		} else {
			i.forget(g, a)
		}
	case x < 93:
		if a := i.ask("DELETE", "/Groups/"+g.id, ""); a.ok() || a != nil && a.status == 404 {
			g.id = ""
		}
	default:
		i.ask("GET", "/Groups/"+g.id+"?excludedAttributes=members", "")
	}
}

// forget drops a group's id once it is unknown.
func (i *idp) forget(g *group, a *answer) {
	if a != nil && a.status == 404 {
		g.id = ""
	}
}

// findGroup looks a group up and creates it if it does not exist.
func (i *idp) findGroup(g *group) bool {
	a := i.ask("GET", "/Groups?filter="+url.QueryEscape(fmt.Sprintf(`displayName eq %q`, g.name)), "")
	if !a.ok() {
		return false
	}
	if found := a.first(); found != nil {
		g.id, _ = found["id"].(string)
		return true
	}
	a = i.ask("POST", "/Groups", stage.Group(g.name, i.known(i.some())...))
	if !a.ok() {
		return false
	}
	g.id = a.string("id")
	i.customer.groups = append(i.customer.groups, g.id)
	return true
}

// members adds or removes some members.
func (i *idp) members(g *group, operation func(ids []string) string) {
	ids := i.known(i.some())
	if i.chance(0.1) {
		ids = append(ids, "0192d3f4-0000-7000-8000-000000000000") // nobody
	}
	ids = ids[:min(len(ids), i.dialect.atOnce)]
	if len(ids) > 0 {
		i.forget(g, i.ask("PATCH", "/Groups/"+g.id, stage.Patch(operation(ids))))
	}
}

// pushAll replaces all members of a group.
func (i *idp) pushAll(g *group) {
	g.settled = false
	if !i.findGroup(g) {
		return
	}
	members := i.some()
	ids := i.known(members)
	a := i.ask("PUT", "/Groups/"+g.id, stage.Group(g.name, ids...))
	if a.ok() {
		g.settled, g.pushed, g.members = true, ids, members
	}
	i.forget(g, a)
}

// some draws some of the people.
func (i *idp) some() (people []*person) {
	for _, p := range i.people {
		if i.chance(0.5) {
			people = append(people, p)
		}
	}
	return people
}

// known returns the ids of the people who have one, each once.
func (i *idp) known(people []*person) (ids []string) {
	for _, p := range people {
		if p.id != "" && !slices.Contains(ids, p.id) {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// encode returns a value as JSON.
func encode(v any) string {
	text, _ := json.Marshal(v) // texts and numbers cannot fail
	return string(text)
}
