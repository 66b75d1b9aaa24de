package kill

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
)

// A change is one request that changes something.
type change struct {
	kind               string
	method, path, body string
	status             []int // the success
	// after are the states that the change passes through: one for a request that is
	// applied as a whole, one for each operation of a bulk request.
	after []state
	// operations are what each operation of a bulk request does to a state, and created the
	// userNames that they create, "" for those that create none.
	operations []func(s *state)
	created    []string
}

// possible are the states that may be found after a change without an acknowledgement: one
// for each number of operations that were applied, from none.
func (c change) possible(before state) []outcome {
	all := []outcome{{before, 0}}
	for i, s := range c.after {
		all = append(all, outcome{s, i + 1})
	}
	return all
}

// An outcome is a state that may be found, and the number of changes that led to it.
type outcome struct {
	state   state
	applied int
}

// partly are the states that may be found after a bulk request of which some operations
// were acknowledged: each of the others may have been applied or not.
func (c change) partly(before state, acknowledged []bool) []outcome {
	all := []outcome{{before, 0}}
	for i, operation := range c.operations {
		var next []outcome
		for _, o := range all {
			with := o.state.clone()
			operation(&with)
			next = append(next, outcome{with, o.applied + 1})
			if !acknowledged[i] {
				next = append(next, o)
			}
		}
		all = next
	}
	return all
}

// A dialect is the way in which an identity provider writes its requests.
type dialect struct {
	agent string
	// puts says that users and whole groups are replaced by PUT.
	puts bool
	// capital says that operations begin with a capital and booleans are texts.
	capital bool
	// bulk says that bulk requests are sent.
	bulk bool
}

var dialects = []dialect{
	{agent: "Okta SCIM Client 1.0.0", puts: true},
	{agent: "Microsoft-AzureAD-Provisioning/1.0", capital: true},
	{agent: "scim-client/2.0", bulk: true},
	{agent: "OneLogin SCIM/1.0", puts: true, bulk: true},
}

// A generator draws changes for one client. The same seed and states give the same
// changes.
type generator struct {
	dialect
	random *rand.Rand
	prefix string // of the names of the client's users and groups
	shared string // the id of the tenant's shared group
	// most limits the number of users.
	most  int
	count int // makes names and titles unique
}

func (g *generator) unique() string {
	g.count++
	return strconv.Itoa(g.count)
}

func (g *generator) op(name string) string {
	if g.capital {
		return strings.ToUpper(name[:1]) + name[1:]
	}
	return name
}

// next draws a change of a state.
func (g *generator) next(s state) change {
	for {
		kind := kinds[g.random.IntN(len(kinds))]
		if c, ok := kind.draw(g, s); ok {
			c.kind = kind.name
			return c
		}
	}
}

// A changeKind is a kind of change; draw reports false for a state in which it is not
// possible.
type changeKind struct {
	name string
	draw func(g *generator, s state) (change, bool)
}

var kinds = []changeKind{
	{"create", (*generator).create},
	{"create again", (*generator).createAgain},
	{"title", (*generator).retitle},
	{"title", (*generator).retitle},
	{"deactivate", func(g *generator, s state) (change, bool) { return g.activity(s, false) }},
	{"reactivate", func(g *generator, s state) (change, bool) { return g.activity(s, true) }},
	{"reactivate by POST", (*generator).reactivate},
	{"delete", (*generator).remove},
	{"create group", (*generator).createGroup},
	{"add members", func(g *generator, s state) (change, bool) { return g.add(s, 3) }},
	{"add many members", func(g *generator, s state) (change, bool) { return g.add(s, 100) }},
	{"remove members", func(g *generator, s state) (change, bool) { return g.takeOut(s, 3) }},
	{"remove many members", func(g *generator, s state) (change, bool) { return g.takeOut(s, 100) }},
	{"replace members", (*generator).replaceMembers},
	{"clear members", (*generator).clear},
	{"rename group", (*generator).rename},
	{"delete group", (*generator).deleteGroup},
	{"join shared group", func(g *generator, s state) (change, bool) { return g.share(s, true) }},
	{"leave shared group", func(g *generator, s state) (change, bool) { return g.share(s, false) }},
	{"bulk", (*generator).bulkRequest},
}

// pick draws one of the keys that a condition holds for.
func pick[V any](g *generator, from map[string]V, is func(V) bool) (string, bool) {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(from)) {
		if is(from[key]) {
			all = append(all, key)
		}
	}
	if len(all) == 0 {
		return "", false
	}
	return all[g.random.IntN(len(all))], true
}

func always[V any](V) bool { return true }

func (g *generator) user(name string, p person) string {
	return stage.User(fmt.Sprintf(`"userName":%q,"externalId":%q,"title":%q,"active":%t,"emails":[{"value":%q,"type":"work","primary":true}]`,
		name, "x-"+name, p.title, p.active, name))
}

// maxGone is how many deleted users a client has at most.
const maxGone = 40

func (g *generator) create(s state) (change, bool) {
	if len(s.users) >= g.most || len(s.gone) >= maxGone {
		return change{}, false
	}
	return g.post(s, g.prefix+"u"+g.unique()+"@example.com", 201), true
}

// createAgain creates a user that was deleted: the record is restored.
func (g *generator) createAgain(s state) (change, bool) {
	name, ok := pick(g, s.gone, always)
	if !ok || len(s.users) >= g.most {
		return change{}, false
	}
	return g.post(s, name, 200), true
}

func (g *generator) reactivate(s state) (change, bool) {
	name, ok := pick(g, s.users, func(p person) bool { return !p.active })
	if !ok {
		return change{}, false
	}
	return g.post(s, name, 200), true
}

func (g *generator) post(s state, name string, status int) change {
	after := s.clone()
	p := person{id: s.users[name].id, title: "t" + g.unique(), active: true}
	if p.id == "" {
		p.id = s.gone[name]
	}
	after.users[name] = p
	delete(after.gone, name)
	return change{method: "POST", path: "/Users", body: g.user(name, p), status: []int{status}, after: []state{after}}
}

func (g *generator) retitle(s state) (change, bool) {
	name, ok := pick(g, s.users, always)
	if !ok {
		return change{}, false
	}
	p := s.users[name]
	p.title = "t" + g.unique()
	return g.update(s, name, p, fmt.Sprintf(`{"op":%q,"path":"title","value":%q}`, g.op("replace"), p.title)), true
}

func (g *generator) activity(s state, active bool) (change, bool) {
	name, ok := pick(g, s.users, func(p person) bool { return p.active != active })
	if !ok {
		return change{}, false
	}
	p := s.users[name]
	p.active = active
	operation := fmt.Sprintf(`{"op":"replace","value":{"active":%t}}`, active)
	if g.capital {
		operation = fmt.Sprintf(`{"op":"Replace","path":"active","value":%q}`, map[bool]string{true: "True", false: "False"}[active])
	}
	return g.update(s, name, p, operation), true
}

// update changes a user by PUT or by PATCH.
func (g *generator) update(s state, name string, p person, operation string) change {
	after := s.clone()
	after.users[name] = p
	c := change{method: "PATCH", path: "/Users/" + p.id, body: stage.Patch(operation), status: []int{200}, after: []state{after}}
	if g.puts && g.random.IntN(2) == 0 {
		c.method, c.body = "PUT", g.user(name, p)
	}
	return c
}

func (g *generator) remove(s state) (change, bool) {
	if len(s.users) < g.most/2 || len(s.gone) >= maxGone {
		return change{}, false
	}
	return g.removeOne(s)
}

func (g *generator) removeOne(s state) (change, bool) {
	name, ok := pick(g, s.users, always)
	if !ok {
		return change{}, false
	}
	after := s.clone()
	after.forget(name)
	return change{method: "DELETE", path: "/Users/" + s.users[name].id, status: []int{204}, after: []state{after}}, true
}

// maxGroups is how many groups a client has at most.
const maxGroups = 4

func (g *generator) createGroup(s state) (change, bool) {
	if len(s.groups) >= maxGroups {
		return change{}, false
	}
	members := g.some(s.users, []int{0, 3, 100}[g.random.IntN(3)])
	return g.groupWith(s, members), true
}

// groupOf creates a group with a number of members.
func (g *generator) groupOf(s state, members int) (change, bool) {
	names := g.some(s.users, 100)
	if len(names) < members {
		return change{}, false
	}
	return g.groupWith(s, names[:members]), true
}

func (g *generator) groupWith(s state, members []string) change {
	key := g.prefix + "g" + g.unique()
	after := s.clone()
	after.groups[key] = team{name: key + " new", members: setOf(members)}
	return change{
		method: "POST", path: "/Groups", body: stage.Group(key+" new", ids(s, members)...), status: []int{201}, after: []state{after},
	}
}

// some draws up to a number of userNames.
func (g *generator) some(from map[string]person, most int) []string {
	names := slices.Sorted(maps.Keys(from))
	g.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	if most > 0 && most < 100 {
		most = 1 + g.random.IntN(most)
	}
	return names[:min(len(names), most)]
}

func setOf(names []string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

func ids(s state, names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = s.users[name].id
	}
	return all
}

// patchGroup changes a group by PATCH.
func patchGroup(id string, after state, operations ...string) change {
	return change{method: "PATCH", path: "/Groups/" + id, body: stage.Patch(operations...), status: []int{200}, after: []state{after}}
}

func (g *generator) addition(s state, names []string) string {
	return fmt.Sprintf(`{"op":%q,"path":"members","value":%s}`, g.op("add"), stage.Members(ids(s, names)...))
}

// removals returns the operations that remove members: Entra lists them as the value, the
// others name each by a filter.
func (g *generator) removals(s state, names []string) []string {
	if g.capital {
		return []string{fmt.Sprintf(`{"op":"Remove","path":"members","value":%s}`, stage.Members(ids(s, names)...))}
	}
	all := make([]string, len(names))
	for i, id := range ids(s, names) {
		all[i] = fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, id)
	}
	return all
}

func (g *generator) add(s state, most int) (change, bool) {
	key, ok := pick(g, s.groups, func(t team) bool { return len(t.members) < len(s.users) })
	if !ok {
		return change{}, false
	}
	out := maps.Clone(s.users)
	maps.DeleteFunc(out, func(name string, _ person) bool { return s.groups[key].members[name] })
	names := g.some(out, most)
	after := s.clone()
	maps.Copy(after.groups[key].members, setOf(names))
	return patchGroup(s.groups[key].id, after, g.addition(s, names)), true
}

// in returns the users that are members.
func in(s state, members map[string]bool) map[string]person {
	found := maps.Clone(s.users)
	maps.DeleteFunc(found, func(name string, _ person) bool { return !members[name] })
	return found
}

func (g *generator) takeOut(s state, most int) (change, bool) {
	key, ok := pick(g, s.groups, func(t team) bool { return len(t.members) > 0 })
	if !ok {
		return change{}, false
	}
	names := g.some(in(s, s.groups[key].members), most)
	after := s.clone()
	for _, name := range names {
		delete(after.groups[key].members, name)
	}
	return patchGroup(s.groups[key].id, after, g.removals(s, names)...), true
}

func (g *generator) replaceMembers(s state) (change, bool) {
	return g.replaceBy(s, []int{3, 100}[g.random.IntN(2)])
}

// replaceBy replaces the members of a group by at most as many.
func (g *generator) replaceBy(s state, most int) (change, bool) {
	key, ok := pick(g, s.groups, always)
	if !ok || len(s.users) < 2 {
		return change{}, false
	}
	names := g.some(s.users, 100)
	names = names[:min(most, len(names))]
	if maps.Equal(setOf(names), s.groups[key].members) {
		names = names[1:]
	}
	after := s.clone()
	t := after.groups[key]
	t.members = setOf(names)
	after.groups[key] = t
	if g.puts {
		return change{method: "PUT", path: "/Groups/" + t.id, body: stage.Group(t.name, ids(s, names)...), status: []int{200}, after: []state{after}}, true
	}
	return patchGroup(t.id, after, fmt.Sprintf(`{"op":%q,"path":"members","value":%s}`, g.op("replace"), stage.Members(ids(s, names)...))), true
}

func (g *generator) clear(s state) (change, bool) {
	key, ok := pick(g, s.groups, func(t team) bool { return len(t.members) > 0 })
	if !ok {
		return change{}, false
	}
	after := s.clone()
	clear(after.groups[key].members)
	return patchGroup(s.groups[key].id, after, fmt.Sprintf(`{"op":%q,"path":"members"}`, g.op("remove"))), true
}

func (g *generator) rename(s state) (change, bool) {
	key, ok := pick(g, s.groups, always)
	if !ok {
		return change{}, false
	}
	after := s.clone()
	t := after.groups[key]
	t.name = key + " r" + g.unique()
	after.groups[key] = t
	return patchGroup(t.id, after, fmt.Sprintf(`{"op":%q,"path":"displayName","value":%q}`, g.op("replace"), t.name)), true
}

func (g *generator) deleteGroup(s state) (change, bool) {
	if len(s.groups) < maxGroups {
		return change{}, false
	}
	return g.deleteOne(s)
}

func (g *generator) deleteOne(s state) (change, bool) {
	key, ok := pick(g, s.groups, always)
	if !ok {
		return change{}, false
	}
	after := s.clone()
	delete(after.groups, key)
	return change{method: "DELETE", path: "/Groups/" + s.groups[key].id, status: []int{204}, after: []state{after}}, true
}

// share lets some users join or leave the shared group.
func (g *generator) share(s state, join bool) (change, bool) {
	from := in(s, s.shared)
	if join {
		from = maps.Clone(s.users)
		maps.DeleteFunc(from, func(name string, _ person) bool { return s.shared[name] })
	}
	if len(from) == 0 {
		return change{}, false
	}
	names := g.some(from, 3)
	after := s.clone()
	if join {
		maps.Copy(after.shared, setOf(names))
		return patchGroup(g.shared, after, g.addition(s, names)), true
	}
	for _, name := range names {
		delete(after.shared, name)
	}
	return patchGroup(g.shared, after, g.removals(s, names)...), true
}

// bulkRequest creates users, adds one of them to a group and changes others: the
// operations are applied one after another, each as a whole.
func (g *generator) bulkRequest(s state) (change, bool) {
	if !g.bulk {
		return change{}, false
	}
	c := change{method: "POST", path: "/Bulk", status: []int{200}}
	var operations []string
	take := func(does func(s *state), method, path, bulkID, body, created string) {
		operation := fmt.Sprintf(`{"method":%q,"path":%q`, method, path)
		if bulkID != "" {
			operation += fmt.Sprintf(`,"bulkId":%q`, bulkID)
		}
		operations = append(operations, operation+`,"data":`+body+"}")
		s = s.clone()
		does(&s)
		c.after, c.operations, c.created = append(c.after, s), append(c.operations, does), append(c.created, created)
	}
	first := ""
	for range min(3, max(0, g.most-len(s.users)), max(0, maxGone-len(s.gone))) {
		name := g.prefix + "u" + g.unique() + "@example.com"
		p := person{title: "t" + g.unique(), active: true}
		take(func(s *state) { s.users[name] = p }, "POST", "/Users", name, g.user(name, p), name)
		if first == "" {
			first = name
		}
	}
	if key, ok := pick(g, s.groups, always); ok && first != "" {
		take(func(s *state) { s.groups[key].members[first] = true }, "PATCH", "/Groups/"+s.groups[key].id, "",
			stage.Patch(fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":"bulkId:%s"}]}`, first)), "")
	}
	for range 3 {
		// A user of this bulk request has no id yet, and no user is changed twice: the
		// operations can then be applied without one another.
		name, ok := pick(g, s.users, func(p person) bool { return p.id != "" && !strings.HasPrefix(p.title, "b") })
		if !ok {
			break
		}
		p := s.users[name]
		p.title = "b" + g.unique()
		take(func(s *state) { s.users[name] = p }, "PATCH", "/Users/"+p.id, "",
			stage.Patch(fmt.Sprintf(`{"op":"replace","path":"title","value":%q}`, p.title)), "")
	}
	c.body = stage.Bulk(operations...)
	return c, len(operations) > 0
}
