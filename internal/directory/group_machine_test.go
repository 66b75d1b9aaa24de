package directory_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/scim/resource"
	"github.com/rollcall-scim/rollcall/internal/scim/schema"
	"github.com/rollcall-scim/rollcall/internal/store"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// roll is a model of groups as the product defines them, without a table: a
// name, an externalId and a set of live users each. It has no epochs, parts or
// tasks, and does not know which way a change takes.
type roll struct {
	f   *fixture
	raw table.Table
	// dir is the directory on a table that may be faulty; kills reports that
	// the process of a request may be killed.
	dir    *directory.Directory
	kills  bool
	users  map[string]*rollUser
	people []string
	groups map[string]*rollGroup
	order  []string
	// seen maps each version of a settled group to its state.
	seen  map[string]string
	names int
	// leaving reports that the deletion of a user was killed, and that memberships
	// of the user may still have to be ended: the request that ends them changes
	// the group's version once more.
	leaving bool
}

// fail ends the history, with names in the place of ids.
func (m *roll) fail(rt *rapid.T, format string, args ...any) {
	rt.Helper()
	var pairs []string
	for i, id := range m.people {
		pairs = append(pairs, id, fmt.Sprint("u", i))
	}
	for i, id := range m.order {
		pairs = append(pairs, id, fmt.Sprint("g", i))
	}
	rt.Fatal(strings.NewReplacer(pairs...).Replace(fmt.Sprintf(format, args...)))
}

type rollUser struct {
	id, name     string
	active, gone bool
	version      int64
}

// rollGroup is a group with its known state or, after a request was killed, its
// possible states. A nil state means that the group does not exist.
type rollGroup struct {
	id     string
	states []*rollState
}

type rollState struct {
	name, external string
	members        map[string]bool
	// whole reports that a request sends a whole new set of members.
	whole bool
}

func (s *rollState) clone() *rollState {
	return &rollState{name: s.name, external: s.external, members: maps.Clone(s.members)}
}

func (s *rollState) String() string {
	if s == nil {
		return "no group"
	}
	return fmt.Sprintf("%q %q with %d %s", s.name, s.external, len(s.members), slices.Sorted(maps.Keys(s.members)))
}

func sameState(a, b *rollState) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.name == b.name && a.external == b.external && maps.Equal(a.members, b.members)
}

// The outcomes of a request about a group, besides those of one about a user.
const (
	isUnchanged = "unchanged"
	isStrange   = "strange" // refused for members that are not users
	isNoTarget  = "noTarget"
)

func groupOutcome(rt *rapid.T, action journal.Action, err error) string {
	var takenError *directory.TakenError
	var strangers *directory.UnknownMembersError
	var refusal *scim.Error
	switch {
	case err == nil && action == journal.Unchanged:
		return isUnchanged
	case err == nil:
		return ok
	case errors.As(err, &takenError) && takenError.Reason == directory.TakenGroup:
		return isTaken
	case errors.As(err, &strangers):
		return isStrange
	case errors.As(err, &refusal) && refusal.Type == scim.NoTarget:
		return isNoTarget
	case errors.Is(err, directory.ErrNoGroup):
		return isAbsent
	}
	rt.Fatalf("unexpected error: %v", err)
	return ""
}

// edit is a step of a PATCH: what is sent, and its effect on the state. The ids
// in it need not be users'. hit is false if it does not find the member that it
// needs.
type edit struct {
	sent string
	do   func(s *rollState) (hit bool)
}

// verdict is the expected effect of a request on one state.
type verdict struct {
	after    *rollState
	outcomes []string // any of them
	skipped  []string
}

// judge applies the rules to a request that turns one state into another.
func (m *roll) judge(id string, before, wanted *rollState, strict bool) verdict {
	v := verdict{after: wanted}
	sent, itself := len(wanted.members), wanted.members[id]
	for user := range wanted.members {
		if u := m.users[user]; u == nil || u.gone {
			delete(wanted.members, user)
			v.skipped = append(v.skipped, user)
		}
	}
	slices.Sort(v.skipped)
	for other, g := range m.groups {
		s := g.states[0]
		if other == id || s == nil {
			continue
		}
		name := strings.EqualFold(s.name, wanted.name) && (before == nil || !strings.EqualFold(before.name, wanted.name))
		external := s.external == wanted.external && wanted.external != "" && (before == nil || before.external != wanted.external)
		if name || external {
			v.outcomes = []string{isTaken}
		}
	}
	if len(v.skipped) > 0 && (strict || itself || wanted.whole && len(v.skipped) == sent) {
		v.outcomes = append(v.outcomes, isStrange)
	}
	switch {
	case v.outcomes != nil:
		v.after = before
	case sameState(before, wanted):
		v.outcomes = []string{isUnchanged}
	default:
		v.outcomes = []string{ok}
	}
	return v
}

// rollRequest is a request about one group.
type rollRequest struct {
	text string
	by   directory.Caller
	send func(d *directory.Directory) (directory.GroupResult, error)
	want func(s *rollState) verdict
}

func (m *roll) strict(r *rollRequest) bool {
	return r.by.Settings.UnknownMembers == tenant.UnknownMembersRefuse
}

func (m *roll) newRequest(rt *rapid.T) *rollRequest {
	by := m.f.by()
	by.ShowMembers = rapid.Bool().Draw(rt, "show members")
	if rapid.IntRange(0, 5).Draw(rt, "strict") == 0 {
		by.Settings.UnknownMembers = tenant.UnknownMembersRefuse
	}
	return &rollRequest{by: by}
}

// patch draws a PATCH of one to three operations.
func (m *roll) patch(rt *rapid.T, g *rollGroup) *rollRequest {
	r := m.newRequest(rt)
	var edits []edit
	var sent []string
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(rt, "operations") {
		e := m.edit(rt, g.states[0])
		edits, sent = append(edits, e), append(sent, e.sent)
	}
	r.text = fmt.Sprintf("PATCH %s", sent)
	patch, err := resource.DecodePatch([]byte(`{"schemas":["` + scim.PatchURN + `"],"Operations":[` + strings.Join(sent, ",") + `]}`))
	require.NoError(rt, err)
	r.send = func(d *directory.Directory) (directory.GroupResult, error) {
		return d.ModifyGroup(context.Background(), m.f.tenant, r.by, g.id, nil, patch)
	}
	r.want = func(before *rollState) verdict {
		if before == nil {
			return verdict{outcomes: []string{isAbsent}}
		}
		wanted := before.clone()
		for _, e := range edits {
			if !e.do(wanted) {
				return verdict{after: before, outcomes: []string{isNoTarget}}
			}
		}
		return m.judge(g.id, before, wanted, m.strict(r))
	}
	return r
}

// edit draws one operation.
func (m *roll) edit(rt *rapid.T, now *rollState) edit {
	kinds := []string{"add", "add", "remove", "remove", "replace", "near", "clear", "where", "everybody", "swap", "rename", "external", "pathless"}
	switch rapid.SampledFrom(kinds).Draw(rt, "kind") {
	case "add":
		ids := m.ids(rt)
		return edit{add(ids...), setMembers(ids, true)}
	case "remove":
		ids := m.ids(rt)
		if rapid.IntRange(0, 2).Draw(rt, "of them") == 0 && now != nil {
			ids = m.few(now.members, len(now.members))
		}
		if len(ids) == 0 {
			return edit{remove(), func(*rollState) bool { return true }}
		}
		return edit{remove(ids...), setMembers(ids, false)}
	case "replace":
		ids := m.ids(rt)
		return edit{replace(ids...), resetMembers(ids)}
	case "near":
		ids := m.near(rt, now)
		return edit{replace(ids...), resetMembers(ids)}
	case "clear":
		return edit{
			rapid.SampledFrom([]string{`{"op":"remove","path":"members"}`, replace(), `{"op":"replace","path":"members","value":null}`}).Draw(rt, "how"),
			resetMembers(nil),
		}
	case "where":
		a, b := m.anybody(rt), m.anybody(rt)
		return edit{
			fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\" or value eq \"%s\"]"}`, a, b),
			setMembers([]string{a, b}, false),
		}
	case "everybody":
		spared := m.anybody(rt)
		return edit{fmt.Sprintf(`{"op":"remove","path":"members[type eq \"User\" and value ne \"%s\"]"}`, spared), func(s *rollState) bool {
			maps.DeleteFunc(s.members, func(id string, _ bool) bool { return id != spared })
			return true
		}}
	case "swap":
		leaves, joins := m.anybody(rt), m.anybody(rt)
		return edit{fmt.Sprintf(`{"op":"replace","path":"members[value eq \"%s\"].value","value":"%s"}`, leaves, joins), func(s *rollState) bool {
			if !s.members[leaves] {
				return false
			}
			delete(s.members, leaves)
			s.members[joins] = true
			return true
		}}
	case "rename":
		name := m.name(rt)
		return edit{fmt.Sprintf(`{"op":"replace","path":"displayName","value":%q}`, name), func(s *rollState) bool {
			s.name = name
			return true
		}}
	case "external":
		external := m.external(rt)
		return edit{fmt.Sprintf(`{"op":"replace","path":"externalId","value":%q}`, external), func(s *rollState) bool {
			s.external = external
			return true
		}}
	}
	name, ids := m.name(rt), m.ids(rt)
	return edit{fmt.Sprintf(`{"op":"add","value":{"displayName":%q,"members":[%s]}}`, name, values(ids)), func(s *rollState) bool {
		s.name = name
		return setMembers(ids, true)(s)
	}}
}

func setMembers(ids []string, is bool) func(*rollState) bool {
	return func(s *rollState) bool {
		for _, id := range ids {
			if delete(s.members, id); is {
				s.members[id] = true
			}
		}
		return true
	}
}

func resetMembers(ids []string) func(*rollState) bool {
	return func(s *rollState) bool {
		s.members, s.whole = map[string]bool{}, true
		return setMembers(ids, true)(s)
	}
}

// ids draws members: none, a few, or more than one transaction takes; some of
// them are not users, and some are repeated.
func (m *roll) ids(rt *rapid.T) []string {
	sizes := []int{0, 1, 1, 2, 3, 5, directory.MaxJoined - 1, directory.MaxJoined, directory.MaxJoined + 1, 40, 61, 70}
	n := rapid.SampledFrom(sizes).Draw(rt, "size")
	from := rapid.IntRange(0, len(m.people)-1).Draw(rt, "from")
	step := rapid.SampledFrom([]int{1, 7}).Draw(rt, "step")
	ids := make([]string, n)
	for i := range ids {
		ids[i] = m.people[(from+i*step)%len(m.people)]
	}
	return m.withOthers(rt, ids)
}

func (m *roll) withOthers(rt *rapid.T, ids []string) []string {
	switch rapid.IntRange(0, 7).Draw(rt, "others") {
	case 0:
		for i := range rapid.SampledFrom([]int{1, 3, 20}).Draw(rt, "strangers") {
			ids = append(ids, fmt.Sprint("nobody-", i))
		}
	case 1:
		ids = append(ids, "no such/id")
	case 2:
		ids = append(ids, ids[:len(ids)/2]...)
	case 3:
		ids = append(ids, m.order...) // groups are not users
	}
	return ids
}

// near draws a set that differs from the current one by a little, or by more
// than one transaction takes.
func (m *roll) near(rt *rapid.T, now *rollState) []string {
	if now == nil {
		return nil
	}
	ids := m.few(now.members, len(now.members))
	leave := min(rapid.SampledFrom([]int{0, 1, 15, 17, 31}).Draw(rt, "leave"), len(ids))
	ids = ids[leave:]
	join := rapid.SampledFrom([]int{0, 1, 15, 17, 31}).Draw(rt, "join")
	for _, id := range m.people {
		if join > 0 && !now.members[id] {
			ids = append(ids, id)
			join--
		}
	}
	return m.withOthers(rt, ids)
}

// few returns some of a set, in the order in which they were created.
func (m *roll) few(set map[string]bool, n int) []string {
	var ids []string
	for _, id := range m.people {
		if set[id] && len(ids) < n {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *roll) anybody(rt *rapid.T) string {
	i := rapid.IntRange(-1, len(m.people)-1).Draw(rt, "user")
	if i < 0 {
		return "nobody-0"
	}
	return m.people[i]
}

// name draws a displayName: one of few, so that some are taken, or a new one.
func (m *roll) name(rt *rapid.T) string {
	name := rapid.SampledFrom([]string{"", "", "Admins", "ADMINS", "Sales", "Staff", "staff"}).Draw(rt, "name")
	if name == "" {
		m.names++
		name = fmt.Sprint("Group ", m.names)
	}
	return name
}

func (m *roll) external(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", "", "e1", "E1", "e2"}).Draw(rt, "external")
}

// body draws a whole group.
func (m *roll) body(rt *rapid.T, r *rollRequest, now *rollState) (*rollState, scim.Resource) {
	s := &rollState{name: m.name(rt), external: m.external(rt)}
	ids := m.ids(rt)
	if now != nil && rapid.Bool().Draw(rt, "near") {
		s.name, ids = now.name, m.near(rt, now)
	}
	resetMembers(ids)(s)
	body := group(s.name, ids...)
	if s.external != "" {
		body = strings.Replace(body, `"displayName"`, fmt.Sprintf(`"externalId":%q,"displayName"`, s.external), 1)
	}
	r.text += fmt.Sprintf(" %s", body)
	return s, m.f.decodeGroup(body)
}

func (m *roll) put(rt *rapid.T, g *rollGroup) *rollRequest {
	r := m.newRequest(rt)
	r.text = "PUT"
	wanted, resource := m.body(rt, r, g.states[0])
	r.send = func(d *directory.Directory) (directory.GroupResult, error) {
		return d.ReplaceGroup(context.Background(), m.f.tenant, r.by, g.id, nil, resource)
	}
	r.want = func(before *rollState) verdict {
		if before == nil {
			return verdict{outcomes: []string{isAbsent}}
		}
		wanted := wanted.clone()
		wanted.whole = true
		return m.judge(g.id, before, wanted, m.strict(r))
	}
	return r
}

func (m *roll) delete(rt *rapid.T, g *rollGroup) *rollRequest {
	r := m.newRequest(rt)
	r.text = "DELETE"
	r.send = func(d *directory.Directory) (directory.GroupResult, error) {
		return d.DeleteGroup(context.Background(), m.f.tenant, r.by, g.id, nil)
	}
	r.want = func(before *rollState) verdict {
		if before == nil {
			return verdict{outcomes: []string{isAbsent}}
		}
		return verdict{outcomes: []string{ok}}
	}
	return r
}

// post creates a group. If it is killed, the group exists whole or not at all.
func (m *roll) post(rt *rapid.T) {
	if len(m.order) > 45 {
		rt.Skip("groups enough")
	}
	r := m.newRequest(rt)
	wanted, resource := m.body(rt, r, nil)
	m.make(rt, r, wanted, resource)
}

func (m *roll) make(rt *rapid.T, r *rollRequest, wanted *rollState, resource scim.Resource) {
	v := m.judge("", nil, wanted.clone(), m.strict(r))
	var result directory.GroupResult
	killed, err := m.run(rt, func(d *directory.Directory) (err error) {
		result, err = d.ProvisionGroup(context.Background(), m.f.tenant, r.by, resource)
		return err
	})
	if !killed {
		if got := groupOutcome(rt, result.Action, err); !slices.Contains(v.outcomes, got) {
			m.fail(rt, "POST%s = %s (%v), want %s", r.text, got, err, v.outcomes)
		}
	}
	if !slices.Contains(v.outcomes, ok) {
		return
	}
	found := m.findGroups(rt, fmt.Sprintf(`displayName eq %q`, wanted.name))
	if len(found) > 1 || len(found) == 0 && !killed {
		m.fail(rt, "POST%s: found %d groups", r.text, len(found))
	}
	for _, id := range found {
		m.groups[id] = &rollGroup{id: id, states: []*rollState{v.after}}
		m.order = append(m.order, id)
		m.settle(rt, m.groups[id], r.text)
	}
	if killed {
		return
	}
	n := len(v.after.members)
	if result.Group.ID != found[0] || result.Group.Version != 1 || result.Added != n || result.Removed != 0 || !result.Shown ||
		!same(result.Members, v.after.members) || !slices.Equal(slices.Sorted(slices.Values(result.Skipped)), v.skipped) {
		m.fail(rt, "POST%s = %+v, want %d members and %q skipped", r.text, result, n, v.skipped)
	}
}

// pick draws a group, mostly one of few.
func (m *roll) pick(rt *rapid.T) *rollGroup {
	if len(m.order) == 0 {
		rt.Skip("no groups yet")
	}
	last := len(m.order) - 1
	if rapid.IntRange(0, 3).Draw(rt, "any") > 0 {
		last = min(last, 3)
	}
	return m.groups[m.order[rapid.IntRange(0, last).Draw(rt, "group")]]
}

// change changes a group. After a kill, its state may be read only after other
// requests.
func (m *roll) change(rt *rapid.T) {
	g := m.pick(rt)
	for {
		var r *rollRequest
		switch rapid.IntRange(0, 9).Draw(rt, "request") {
		case 0:
			r = m.delete(rt, g)
		case 1, 2:
			r = m.put(rt, g)
		default:
			r = m.patch(rt, g)
		}
		m.send(rt, g, r)
		if len(g.states) == 1 {
			m.settle(rt, g, r.text)
			break
		}
		switch rapid.IntRange(0, 3).Draw(rt, "then") {
		case 0: // another request right away
			continue
		case 1:
			m.deleteUser(rt)
		case 2:
			m.sweepUp(rt)
		}
		m.settle(rt, g, r.text)
		break
	}
	if g.states[0] == nil {
		delete(m.groups, g.id)
		m.order = slices.DeleteFunc(m.order, func(id string) bool { return id == g.id })
	}
}

// send sends a request, and compares its answer with the expected effect on
// each possible state.
func (m *roll) send(rt *rapid.T, g *rollGroup, r *rollRequest) {
	before := g.states
	verdicts := make([]verdict, len(before))
	for i, s := range before {
		verdicts[i] = r.want(s)
	}
	var version int64
	if len(before) == 1 {
		version = m.version(rt, g.id)
	}
	var result directory.GroupResult
	killed, err := m.run(rt, func(d *directory.Directory) (err error) {
		result, err = r.send(d)
		return err
	})
	if killed {
		g.states = slices.Clone(before)
		for _, v := range verdicts {
			g.states = append(g.states, v.after)
		}
		g.states = distinctStates(g.states)
		return
	}
	got := groupOutcome(rt, result.Action, err)
	g.states = nil
	for _, v := range verdicts {
		if slices.Contains(v.outcomes, got) {
			g.states = append(g.states, v.after)
		}
	}
	if g.states = distinctStates(g.states); len(g.states) == 0 {
		m.fail(rt, "%s of %v = %s (%v), want %+v", r.text, before, got, err, verdicts)
	}
	if len(before) == 1 {
		m.checkResult(rt, r, result, before[0], verdicts[0], version, err)
	}
}

func distinctStates(states []*rollState) []*rollState {
	var distinct []*rollState
	for _, s := range states {
		if !slices.ContainsFunc(distinct, func(other *rollState) bool { return sameState(s, other) }) {
			distinct = append(distinct, s)
		}
	}
	return distinct
}

func (m *roll) version(rt *rapid.T, id string) int64 {
	g, err := m.f.dir.Group(context.Background(), m.f.tenant, id)
	switch {
	case errors.Is(err, directory.ErrNoGroup):
		return 0
	case err != nil:
		rt.Fatal(err)
	}
	return g.Version
}

// checkResult compares the answer to a request that ran to its end.
func (m *roll) checkResult(rt *rapid.T, r *rollRequest, result directory.GroupResult, before *rollState, v verdict, version int64, err error) {
	if before == nil || v.after == nil {
		return
	}
	now, changed := m.version(rt, result.Group.ID), !sameState(before, v.after)
	if moved := now != version; moved != changed && !(moved && m.leaving) || now < version {
		m.fail(rt, "%s: version %d became %d, changed %t", r.text, version, now, changed)
	}
	if err != nil {
		return
	}
	joined, left := 0, 0
	for id := range v.after.members {
		if !before.members[id] {
			joined++
		}
	}
	for id := range before.members {
		if !v.after.members[id] {
			left++
		}
	}
	if result.Removed == -1 { // a whole new set
		joined, left = len(v.after.members), -1
	}
	var attributes []string
	if before.name != v.after.name {
		attributes = append(attributes, "displayName")
	}
	if before.external != v.after.external {
		attributes = append(attributes, "externalId")
	}
	if !maps.Equal(before.members, v.after.members) {
		attributes = append(attributes, "members")
	}
	if result.Added != joined || result.Removed != left || result.Group.Version != now ||
		!slices.Equal(slices.Sorted(slices.Values(result.Changed)), attributes) ||
		!slices.Equal(slices.Sorted(slices.Values(result.Skipped)), v.skipped) {
		m.fail(rt, "%s of %v = %+v, want %d added, %d removed, version %d, %q changed, %q skipped",
			r.text, before, result, joined, left, now, attributes, v.skipped)
	}
	few := len(v.after.members) <= directory.MaxShown
	switch {
	case result.Shown && (!few || !same(result.Members, v.after.members)):
		m.fail(rt, "%s of %v shows %q, want %v", r.text, before, result.Members, v.after)
	case r.by.ShowMembers && !result.Shown && few && len(before.members) <= directory.MaxShown:
		m.fail(rt, "%s of %v does not show the members", r.text, before)
	}
}

// settle reads a group and checks that it is in one of its possible states.
func (m *roll) settle(rt *rapid.T, g *rollGroup, text string) {
	got := m.observe(rt, g.id)
	if !slices.ContainsFunc(g.states, func(s *rollState) bool { return sameState(s, got) }) {
		m.fail(rt, "%s:\nis   %v\nwant %v", text, got, g.states)
	}
	g.states = []*rollState{got}
}

// observe reads a group. A settled group must have the same state each time it
// is read at the same version.
func (m *roll) observe(rt *rapid.T, id string) *rollState {
	g, members, err := m.dir.Members(context.Background(), m.f.tenant, id, directory.MaxMembersRead)
	switch {
	case errors.Is(err, directory.ErrNoGroup):
		return nil
	case err != nil:
		m.fail(rt, "members of %s: %v", id, err)
	case !slices.IsSorted(members):
		m.fail(rt, "members of %s are not in the order of ids", id)
	}
	r, err := g.Resource()
	require.NoError(rt, err)
	s := &rollState{name: r.Text("displayName"), external: r.Text("externalId"), members: map[string]bool{}}
	setMembers(members, true)(s)
	again, resting, err := m.dir.Resting(context.Background(), m.f.tenant, id)
	require.NoError(rt, err)
	if !m.kills && !resting {
		m.fail(rt, "group %s is not settled, and no request was killed", id)
	}
	if resting && again.Version == g.Version {
		at := fmt.Sprint(id, " ", g.Version)
		if was, ok := m.seen[at]; ok && was != s.String() {
			m.fail(rt, "group at one version %d:\nwas %s\nis  %v", g.Version, was, s)
		}
		m.seen[at] = s.String()
	}
	return s
}

// run runs a request in a process that may be killed after one of its writes.
func (m *roll) run(rt *rapid.T, request func(d *directory.Directory) error) (killed bool, err error) {
	if !m.kills || !rapid.Bool().Draw(rt, "killed") {
		return false, request(m.dir)
	}
	stop := rapid.IntRange(1, 6).Draw(rt, "killed after write")
	return true, request(m.f.on(table.Retrying(tabletest.NewFault(m.raw, 1, tabletest.FaultPlan{StopAfter: stop}))))
}

// user draws a user, sometimes a member of many groups.
func (m *roll) user(rt *rapid.T) *rollUser {
	last := len(m.people) - 1
	if rapid.Bool().Draw(rt, "one of few") {
		last = 2
	}
	return m.users[m.people[rapid.IntRange(0, last).Draw(rt, "user")]]
}

func (m *roll) in(user string) []string {
	var ids []string
	for _, id := range m.order {
		if s := m.groups[id].states[0]; s != nil && s.members[user] {
			ids = append(ids, id)
		}
	}
	return ids
}

// patchUser deactivates or reactivates a user by PATCH: the memberships stay.
func (m *roll) patchUser(rt *rapid.T) {
	u := m.user(rt)
	after := *u
	after.active = rapid.Bool().Draw(rt, "active")
	want := ok
	switch {
	case u.gone:
		want, after = isAbsent, *u
	case after.active == u.active:
		want = isUnchanged
	}
	patch, err := resource.DecodePatch([]byte(fmt.Sprintf(
		`{"schemas":[%q],"Operations":[{"op":"replace","path":"active","value":%t}]}`, scim.PatchURN, after.active)))
	require.NoError(rt, err)
	m.changeUser(rt, u, after, "PATCH", want, func(d *directory.Directory, by directory.Caller) (directory.Result, error) {
		return d.Modify(context.Background(), m.f.tenant, by, u.id, nil, patch)
	})
}

// postUser sends a user again: an inactive one becomes active with its groups,
// a deleted one is restored without any.
func (m *roll) postUser(rt *rapid.T) {
	u := m.user(rt)
	after := *u
	after.active = rapid.IntRange(0, 3).Draw(rt, "active") > 0
	want := ok
	if after.gone = false; !u.gone && (u.active || !after.active) {
		want, after = isTaken, *u
	}
	sent := m.f.decode(user(fmt.Sprintf(`"userName":%q,"active":%t`, u.name, after.active)))
	if want == isTaken {
		sent = m.f.decode(user(fmt.Sprintf(`"userName":%q,"active":%t`, u.name, u.active)))
	}
	m.changeUser(rt, u, after, "POST", want, func(d *directory.Directory, by directory.Caller) (directory.Result, error) {
		return d.Provision(context.Background(), m.f.tenant, by, sent)
	})
}

// deleteUser ends all memberships of a user, who is hidden or stays readable.
func (m *roll) deleteUser(rt *rapid.T) {
	u := m.user(rt)
	hidden := rapid.Bool().Draw(rt, "hidden")
	after := *u
	after.active, after.gone = false, hidden
	want := ok
	switch {
	case u.gone:
		want, after = isAbsent, *u
	case !hidden && !u.active && !m.mayBeIn(u.id):
		want = isUnchanged
	}
	m.changeUser(rt, u, after, "DELETE", want, func(d *directory.Directory, by directory.Caller) (directory.Result, error) {
		by.Settings.DeletedUsers = tenant.DeletedReadable
		if hidden {
			by.Settings.DeletedUsers = tenant.DeletedHidden
		}
		return d.Delete(context.Background(), m.f.tenant, by, u.id, nil)
	})
}

func (m *roll) mayBeIn(user string) bool {
	for _, g := range m.groups {
		for _, s := range g.states {
			if s != nil && s.members[user] {
				return true
			}
		}
	}
	return false
}

// changeUser sends a request about a user. If it was killed, the record's
// version shows whether it was applied.
func (m *roll) changeUser(rt *rapid.T, u *rollUser, after rollUser, text, want string,
	send func(d *directory.Directory, by directory.Caller) (directory.Result, error),
) {
	by := m.f.by()
	by.ShowGroups = rapid.Bool().Draw(rt, "show groups")
	pending := slices.ContainsFunc(slices.Collect(maps.Values(m.groups)), func(g *rollGroup) bool { return len(g.states) > 1 })
	versions := map[string]int64{}
	for _, id := range m.in(u.id) {
		versions[id] = m.version(rt, id)
	}
	var result directory.Result
	killed, err := m.run(rt, func(d *directory.Directory) (err error) {
		result, err = send(d, by)
		return err
	})
	m.leaving = m.leaving || killed && text == "DELETE"
	if !killed {
		got := isUnchanged
		if err != nil || result.Action != journal.Unchanged {
			got = outcome(rt, err)
		}
		// Memberships that killed requests did not end may or may not still be
		// there.
		if got != want && !(m.kills && text == "DELETE" && !after.gone && err == nil) {
			m.fail(rt, "%s of %+v = %s (%v), want %s", text, u, got, err, want)
		}
	}
	before := *u
	m.readUser(rt, u)
	if text == "DELETE" && u.version != before.version {
		m.leaves(u)
	}
	moved := u.version - before.version
	after.version, before.version = u.version, u.version
	switch {
	case moved == 1 && *u == after && (want == ok || m.kills):
	case moved == 0 && *u == before && (want != ok || killed || pending && text == "DELETE"):
	default:
		m.fail(rt, "%s of %+v: is %+v, want %+v (%s, killed %t, version moved by %d)", text, before, *u, after, want, killed, moved)
	}
	if killed || pending {
		return
	}
	if groups := groupIDs(result.Groups); err == nil && by.ShowGroups && text != "DELETE" && !slices.Equal(groups, slices.Sorted(slices.Values(m.in(u.id)))) {
		m.fail(rt, "%s of %+v shows the groups %q, want %q", text, before, groups, m.in(u.id))
	}
	for id, version := range versions {
		if moved := m.version(rt, id) != version; !m.kills && moved != (text == "DELETE" && want == ok) {
			m.fail(rt, "%s of %+v: the version of group %s moved %t", text, before, id, moved)
		}
	}
}

// leaves removes a deleted user from all groups. A killed request that is
// applied later may add one that stays readable: it was never answered.
func (m *roll) leaves(u *rollUser) {
	for _, g := range m.groups {
		var states []*rollState
		for _, s := range g.states {
			if s != nil && s.members[u.id] {
				if len(g.states) > 1 && !u.gone {
					states = append(states, s)
				}
				s = s.clone()
				delete(s.members, u.id)
			}
			states = append(states, s)
		}
		g.states = distinctStates(states)
	}
}

func (m *roll) readUser(rt *rapid.T, u *rollUser) {
	records, err := m.f.store.Records(context.Background(), m.f.tenant, []string{u.id})
	if err != nil || records[u.id] == nil {
		m.fail(rt, "user %s not found: %v", u.id, err)
	}
	r := records[u.id]
	u.active, u.gone, u.version = r.Active, r.Deleted, r.Version
}

func groupIDs(groups []*directory.Group) []string {
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.ID
	}
	slices.Sort(ids)
	return ids
}

// createUser creates a user.
func (m *roll) createUser(rt *rapid.T) {
	if len(m.people) > rollUsers+10 {
		rt.Skip("users enough")
	}
	u, err := m.newUser(m.dir)
	require.NoError(rt, err)
	m.know(u)
}

func (m *roll) newUser(d *directory.Directory) (*rollUser, error) {
	u := &rollUser{name: fmt.Sprint("p", len(m.people)), active: len(m.people)%2 == 0, version: 1}
	result, err := d.Provision(context.Background(), m.f.tenant, m.f.by(),
		m.f.decode(user(fmt.Sprintf(`"userName":%q,"active":%t`, u.name, u.active))))
	if err == nil {
		u.id = result.User.ID
	}
	return u, err
}

func (m *roll) know(u *rollUser) {
	m.users[u.id] = u
	m.people = append(m.people, u.id)
}

// popular puts a user into more groups than end in one transaction.
func (m *roll) popular(rt *rapid.T) {
	u := m.users[m.people[rapid.IntRange(0, 2).Draw(rt, "user")]]
	if u.gone {
		rt.Skip("the user is deleted")
	}
	r := &rollRequest{by: m.f.by()}
	for len(m.in(u.id)) <= directory.MaxJoined && len(m.order) < 45 {
		m.names++
		s := &rollState{name: fmt.Sprint("Group ", m.names), members: map[string]bool{u.id: true}}
		result, err := m.dir.ProvisionGroup(context.Background(), m.f.tenant, r.by, m.f.decodeGroup(group(s.name, u.id)))
		require.NoError(rt, err)
		m.groups[result.Group.ID] = &rollGroup{id: result.Group.ID, states: []*rollState{s}}
		m.order = append(m.order, result.Group.ID)
		r.by = m.f.by()
	}
}

// sweepUp sweeps when the time of all requests so far is over; the sweep may be
// killed too.
func (m *roll) sweepUp(rt *rapid.T) {
	if m.kills && rapid.Bool().Draw(rt, "killed") {
		stop := rapid.IntRange(1, 6).Draw(rt, "killed after write")
		later := m.later(tabletest.NewFault(m.raw, 1, tabletest.FaultPlan{StopAfter: stop}))
		_, _ = later.SweepTenant(context.Background(), m.f.tenant, store.SweepAge)
		return
	}
	swept := m.sweep(rt, m.raw)
	m.leaving = false
	if swept.Finished > 0 && !m.kills {
		m.fail(rt, "%d tasks were left, and no request was killed", swept.Finished)
	}
}

func (m *roll) sweep(rt *rapid.T, raw table.Table) store.Sweeping {
	swept, err := m.later(raw).SweepTenant(context.Background(), m.f.tenant, store.SweepAge)
	if err != nil || swept.Young+swept.Failed > 0 {
		m.fail(rt, "sweep = %+v, %v", swept, err)
	}
	return swept
}

// later returns the store at a time when the time of all requests so far is
// over.
func (m *roll) later(raw table.Table) *store.Store {
	return store.New(raw, newID, func() time.Time { return time.Now().Add(time.Hour) })
}

func (m *roll) findGroups(rt *rapid.T, filter string) []string {
	f, err := match.CompileFilter(schema.GroupType(), filter)
	require.NoError(rt, err)
	found, err := m.dir.SearchGroups(context.Background(), m.f.tenant, m.f.by(), directory.Query{Filter: f, StartIndex: 1, Count: directory.MaxCount})
	if err != nil || found.Total != len(found.Records) {
		m.fail(rt, "%s: %d of %d, %v", filter, len(found.Records), found.Total, err)
	}
	return groupIDs(found.Records)
}

func (m *roll) findUsers(rt *rapid.T, filter string) []string {
	f, err := match.CompileFilter(m.f.types, filter)
	require.NoError(rt, err)
	found, err := m.dir.Search(context.Background(), m.f.tenant, m.f.by(), directory.Query{Filter: f, StartIndex: 1, Count: directory.MaxCount})
	if err != nil || found.Total != len(found.Records) {
		m.fail(rt, "%s: %d of %d, %v", filter, len(found.Records), found.Total, err)
	}
	ids := make([]string, len(found.Records))
	for i, u := range found.Records {
		ids[i] = u.ID
	}
	return ids
}

// compare compares all that readers see with the model, and checks the data.
func (m *roll) compare(rt *rapid.T) {
	for i, id := range m.order {
		m.settle(rt, m.groups[id], "group "+id)
		if i%10 > 4 {
			continue
		}
		s := m.groups[id].states[0]
		one := []string{id}
		if got := m.findGroups(rt, fmt.Sprintf(`displayName eq %q`, strings.ToUpper(s.name))); !slices.Equal(got, one) {
			m.fail(rt, "displayName %s finds %q, want %s", s.name, got, id)
		}
		if s.external != "" && !slices.Equal(m.findGroups(rt, fmt.Sprintf(`externalId eq %q`, s.external)), one) {
			m.fail(rt, "externalId %s does not find group %s", s.external, id)
		}
		if got := m.findUsers(rt, fmt.Sprintf(`groups.value eq %q`, id)); !same(got, s.members) || !slices.IsSorted(got) {
			m.fail(rt, "groups.value %s finds %q, want %v", id, got, s)
		}
	}
	live := m.compareUsers(rt)
	for i, id := range m.people {
		u, want := *m.users[id], slices.Sorted(slices.Values(m.in(id)))
		groups, err := m.dir.GroupsOf(context.Background(), m.f.tenant, id)
		if got := groupIDs(groups); err != nil || !slices.Equal(got, want) {
			m.fail(rt, "user %+v is in %q, %v; want %q", u, got, err, want)
		}
		if i%10 > 2 {
			continue
		}
		if got := m.findGroups(rt, fmt.Sprintf(`members eq %q`, id)); !slices.Equal(got, want) {
			m.fail(rt, "members eq %s finds %q, want %q", id, got, want)
		}
		for _, g := range m.order[:min(3, len(m.order))] {
			got := m.findGroups(rt, fmt.Sprintf(`id eq %q and members eq %q`, g, id))
			if is := slices.Equal(got, []string{g}); is != slices.Contains(want, g) || !is && len(got) > 0 {
				m.fail(rt, "id %s and members %s finds %q, want %q", g, id, got, want)
			}
		}
	}
	m.compareLists(rt, live)
	m.audit(rt, m.kills)
}

// compareUsers compares the records, and counts the live ones.
func (m *roll) compareUsers(rt *rapid.T) (live int) {
	for ids := range slices.Chunk(m.people, table.MaxGetKeys/2) {
		records, err := m.f.store.Records(context.Background(), m.f.tenant, ids)
		require.NoError(rt, err)
		for _, id := range ids {
			r, u := records[id], m.users[id]
			if r == nil || r.Active != u.active || r.Deleted != u.gone || r.Version != u.version || r.Leaving && !m.kills {
				m.fail(rt, "user is %+v, want %+v", r, u)
			}
			if !u.gone {
				live++
			}
		}
	}
	return live
}

// compareLists walks through all groups and all users.
func (m *roll) compareLists(rt *rapid.T, live int) {
	by := m.f.by()
	by.TokenID = newID() // a separate walk
	var ids []string
	for {
		page, err := m.dir.SearchGroups(context.Background(), m.f.tenant, by, directory.Query{StartIndex: len(ids) + 1, Count: 20})
		if err != nil || page.Total != len(m.order) {
			m.fail(rt, "%d groups in the list, want %d: %v", page.Total, len(m.order), err)
		}
		ids = append(ids, groupIDs(page.Records)...)
		if len(page.Records) == 0 || len(ids) >= page.Total {
			break
		}
	}
	if !slices.Equal(ids, slices.Sorted(slices.Values(m.order))) {
		m.fail(rt, "the list has %q, want %q", ids, m.order)
	}
	users, err := m.dir.Search(context.Background(), m.f.tenant, by, directory.Query{StartIndex: 1, Count: directory.MaxCount})
	if err != nil || users.Total != live || len(users.Records) != live {
		m.fail(rt, "%d users in the list of %d, want %d: %v", len(users.Records), users.Total, live, err)
	}
}

// audit reports faults of the data; unfinished work of killed requests is not
// one.
func (m *roll) audit(rt *rapid.T, unfinished bool) {
	faults, err := m.f.store.Audit(context.Background(), m.f.tenant)
	require.NoError(rt, err)
	for _, fault := range faults {
		assert.Truef(rt, unfinished && fault.Unfinished, "audit: %s", fault)
	}
}

// rollUsers is how many users there are at first: sets of them are below and
// above what one transaction takes, and below and above what is written as a
// difference.
const rollUsers = 90

// TestGroupRules_AnyHistory runs generated histories of groups and their
// members against the model: on a plain table; with calls lost, throttled and
// in conflict; and in processes that are killed after any write, which leave a
// request applied or not applied, never in between.
func TestGroupRules_AnyHistory(t *testing.T) {
	begun := newRoll(t)
	plain := func(_ *rapid.T, raw table.Table) table.Table { return table.Retrying(raw) }
	faulty := func(rt *rapid.T, raw table.Table) table.Table {
		seed := rapid.Uint64().Draw(rt, "seed")
		return table.Retrying(tabletest.NewConflict(tabletest.NewFault(raw, seed, tabletest.FaultPlan{
			WriteRates: map[tabletest.FaultKind]float64{
				tabletest.AnswerLost: 0.05, tabletest.RequestLost: 0.05, tabletest.Throttled: 0.05,
			},
			ReadRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 0.05, tabletest.Unavailable: 0.05},
		}), tabletest.ConflictOptions{Rate: 0.05, Mixed: true, Seed: seed}),
			table.RetryJitter(func(time.Duration) time.Duration { return 0 }))
	}
	for _, v := range []struct {
		name  string
		wrap  func(*rapid.T, table.Table) table.Table
		kills bool
	}{
		{"embedded", plain, false},
		{"embedded with kills, faults and conflicts", faulty, true},
	} {
		t.Run(v.name, func(t *testing.T) { rapid.Check(t, func(rt *rapid.T) { begun.history(rt, v.wrap, v.kills) }) })
	}
}

// newRoll returns the state in which all histories begin: users, and no groups.
func newRoll(t *testing.T) *roll {
	t.Helper()
	raw, err := embedded.Memory()
	require.NoError(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	m := &roll{f: newFixtureFor(t, raw, "acme", 500), raw: raw, users: map[string]*rollUser{}}
	for range rollUsers {
		u, err := m.newUser(m.f.dir)
		require.NoError(t, err)
		m.know(u)
	}
	return m
}

// history runs one history on a table of its own.
func (m *roll) history(rt *rapid.T, wrap func(*rapid.T, table.Table) table.Table, kills bool) {
	raw, err := m.raw.(*embedded.Table).Copy()
	require.NoError(rt, err)
	defer func() { _ = raw.Close() }()
	h := &roll{
		raw: raw, f: m.f.over(raw), kills: kills, users: map[string]*rollUser{},
		groups: map[string]*rollGroup{}, seen: map[string]string{},
	}
	h.dir = h.f.on(wrap(rt, raw))
	for _, id := range m.people {
		u := *m.users[id]
		h.know(&u)
	}
	rt.Repeat(map[string]func(*rapid.T){
		"post": h.post, "post again": h.post, "change": h.change, "change again": h.change, "change once more": h.change,
		"change a last time": h.change, "popular": h.popular, "create user": h.createUser, "patch user": h.patchUser,
		"post user": h.postUser, "delete user": h.deleteUser, "sweep": h.sweepUp, "compare": h.compare,
	})
	h.compare(rt)
	if kills {
		h.kills = false
		h.sweep(rt, raw)
		h.compare(rt)
	}
}

// over returns the same tenant on another table that has its data.
func (f *fixture) over(raw table.Table) *fixture {
	other := *f
	other.store = store.New(table.Retrying(raw), newID, time.Now)
	other.dir = other.directory(0)
	return &other
}
