package linear

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A userState is a tenant with its users, as the product defines them: a
// sequential model without a table. It is never changed in place.
type userState struct {
	// limit and readers are the limits of seats and of Readers' licences, unlimited
	// for none.
	limit, readers int
	users          []person // in the order of the requests that created them
}

// claims are the values that a record keeps unique, "" for none. The unique email
// and an address, which is a userName, share one namespace.
type claims struct{ name, mail, address, external string }

// The sides that can have deactivated a user.
const (
	byNobody = iota
	byProvider
	byApplication
)

// A person is a user's record.
type person struct {
	by      int    // the request that created it
	id      string // "" while no answer has shown it
	version int64

	name, mail, external, title string
	active, reader              bool
	gone, linked                bool
	off                         int
	held                        claims
}

func claimsOf(name, mail, external string) claims {
	c := claims{name: name, mail: mail, external: external}
	if strings.Contains(name, "@") {
		switch mail {
		case "":
			c.mail = name
		case name:
		default:
			c.address = name
		}
	}
	return c
}

func (c claims) hasMail(value string) bool {
	return value != "" && (c.mail == value || c.address == value)
}

func (c claims) shares(other claims) bool {
	return c.name != "" && c.name == other.name || c.external != "" && c.external == other.external ||
		c.hasMail(other.mail) || c.hasMail(other.address)
}

// without returns the claims that are left when another record takes its own.
func (c claims) without(taken claims) claims {
	if c.name == taken.name {
		c.name = ""
	}
	if c.external == taken.external {
		c.external = ""
	}
	if taken.hasMail(c.mail) {
		c.mail = ""
	}
	if taken.hasMail(c.address) {
		c.address = ""
	}
	return c
}

// unlimited is the limit of a tenant without one.
const unlimited = math.MaxInt

// A holding is what an active user holds, by the name in a refusal.
type holding string

const (
	nothing holding = ""
	seat    holding = "seats"
	licence holding = "Reader licences"
)

func (p person) holds() holding {
	switch {
	case !p.active:
		return nothing
	case p.reader:
		return licence
	}
	return seat
}

func (s *userState) used(of holding) (n int) {
	for _, p := range s.users {
		if p.holds() == of {
			n++
		}
	}
	return n
}

// lacks returns what a user needs and cannot have, if it held something before.
func (s *userState) lacks(p person, before holding) holding {
	needs := p.holds()
	if needs != before && (needs == seat && s.used(seat) >= s.limit || needs == licence && s.used(licence) >= s.readers) {
		return needs
	}
	return nothing
}

// having returns the state with other users.
func (s *userState) having(users []person) *userState {
	return &userState{limit: s.limit, readers: s.readers, users: users}
}

// holders returns the indices of the records that hold one of the values.
func (s *userState) holders(wanted claims, except int) (live, gone []int) {
	for i, p := range s.users {
		switch {
		case i == except || !p.held.shares(wanted):
		case p.gone:
			gone = append(gone, i)
		default:
			live = append(live, i)
		}
	}
	return live, gone
}

func (s *userState) byID(id string) int {
	return slices.IndexFunc(s.users, func(p person) bool { return p.id == id })
}

// with returns the state in which a record is another one, which takes its values
// from deleted records.
func (s *userState) with(i int, p person) *userState {
	next := s.having(slices.Clone(s.users))
	for j := range next.users {
		if other := &next.users[j]; j != i && other.gone && other.held.shares(p.held) {
			// One more version, however many values it loses.
			other.held, other.version = other.held.without(p.held), other.version+1
		}
	}
	next.users[i] = p
	return next
}

// and returns the state with one more record.
func (s *userState) and(p person) (*userState, int) {
	at, _ := slices.BinarySearchFunc(s.users, p.by, func(q person, by int) int { return q.by - by })
	grown := s.having(slices.Insert(slices.Clone(s.users), at, person{by: p.by, gone: true}))
	return grown.with(at, p), at
}

func sameUsers(a, b any) bool {
	x, y := a.(*userState), b.(*userState)
	return x == y || x.limit == y.limit && x.readers == y.readers && slices.Equal(x.users, y.users)
}

func (s *userState) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %s seats, %d of %s readers", s.used(seat), limitText(s.limit), s.used(licence), limitText(s.readers))
	for _, p := range s.users {
		fmt.Fprintf(&b, "; %s", p)
	}
	return b.String()
}

func (p person) String() string {
	var is []string
	for _, flag := range []struct {
		on   bool
		name string
	}{{p.gone, "deleted"}, {p.active, "active"}, {p.reader, "Reader"}, {!p.linked, "unlinked"}, {p.off == byApplication, "off in app"}} {
		if flag.on {
			is = append(is, flag.name)
		}
	}
	return fmt.Sprintf("u%d v%d %s mail=%s ext=%s title=%s %s holds %v", p.by, p.version, p.name, p.mail, p.external, p.title, is, p.held)
}

func limitText(limit int) string {
	if limit == unlimited {
		return "any number of"
	}
	return strconv.Itoa(limit)
}

// A sent has what a request sends of a user; a nil value is not sent.
type sent struct {
	name, mail, external, title *string
	active, reader              *bool
}

func (s sent) String() string {
	var parts []string
	for _, p := range []struct {
		name  string
		value *string
	}{{"userName", s.name}, {"mail", s.mail}, {"externalId", s.external}, {"title", s.title}} {
		if p.value != nil {
			parts = append(parts, p.name+"="+*p.value)
		}
	}
	if s.active != nil {
		parts = append(parts, fmt.Sprint("active=", *s.active))
	}
	if s.reader != nil {
		parts = append(parts, fmt.Sprint("reader=", *s.reader))
	}
	return strings.Join(parts, " ")
}

// The kinds of request about users.
const (
	doPost      = "POST"
	doPut       = "PUT"
	doPatch     = "PATCH"
	doDelete    = "DELETE"
	doGet       = "GET"
	doFind      = "find"
	doLimit     = "limit"
	doUsage     = "usage"
	doCreateApp = "create in app"
	doModifyApp = "modify in app"
	doPurge     = "purge"
	doGrow      = "grow" // no request: shards are added to the ledger
)

// A userCall is a request.
type userCall struct {
	n    int // its number in the history
	kind string
	id   string
	sent sent
	// ifMatch and ifNone are versions, 0 for none.
	ifMatch, ifNone int64
	limit           int
	of              holding // that the limit is of
	by, value       string  // of a search: the attribute and its value
}

func (c *userCall) String() string {
	text := fmt.Sprintf("#%d %s", c.n, c.kind)
	if c.id != "" {
		text += " " + c.id[len(c.id)-4:]
	}
	if c.ifMatch != 0 {
		text += fmt.Sprint(" If-Match ", c.ifMatch)
	}
	if c.ifNone != 0 {
		text += fmt.Sprint(" If-None-Match ", c.ifNone)
	}
	switch c.kind {
	case doLimit:
		text += fmt.Sprint(" ", limitText(c.limit), " ", c.of)
	case doFind:
		text += fmt.Sprintf(" %s eq %q", c.by, c.value)
	}
	return strings.TrimSpace(text + " " + c.sent.String())
}

// A userAnswer is the answer to a userCall, decoded.
type userAnswer struct {
	answer
	// full is what the refusal says that none is left of.
	full holding
	// shown are the users in the answer, if it shows any.
	shown []seen
	// used and limit are those of seats, readers and readerLimit those of licences.
	used, limit, readers, readerLimit int
}

// A seen is a user as an answer shows it.
type seen struct {
	id                          string
	version                     int64
	name, mail, external, title string
	active, reader              bool
}

func (a *userAnswer) String() string {
	switch {
	case a.unknown:
		return "unknown outcome"
	case a.refused:
		return "503, nothing was changed"
	}
	text := fmt.Sprint(a.status)
	if a.full != nothing {
		text += " none left of the " + string(a.full)
	}
	for _, s := range a.shown {
		text += fmt.Sprintf(" %s v%d %s mail=%s ext=%s title=%s active=%t reader=%t", s.id[len(s.id)-4:], s.version, s.name, s.mail, s.external, s.title, s.active, s.reader)
	}
	if a.limit > 0 || a.used > 0 {
		text += fmt.Sprintf(" %d of %s seats, %d of %s readers", a.used, limitText(a.limit), a.readers, limitText(a.readerLimit))
	}
	return text
}

// A verdict has the state after a request, and its answer, by the rules.
type verdict struct {
	next   *userState
	status int
	full   holding
	// stale reports that If-Match does not hold, lacking what is missing then. A taken value and a missing seat are reported first, but each is read at a
	// moment of its own: if the values change hands meanwhile, the answer may be 412, or
	// that seats are missing.
	stale   bool
	lacking holding
	shown   []int // the records shown, by their index in next
}

// step reports whether an answer fits a state, and returns the next one.
func (s *userState) step(c *userCall, a *userAnswer) (bool, *userState) {
	if a.refused {
		return true, s
	}
	v := s.judge(c)
	if a.unknown {
		return true, v.next
	}
	if v.stale && (a.status == 412 || v.lacking != nothing && a.status == 403 && a.full == v.lacking) {
		return true, s
	}
	if a.status != v.status || a.full != v.full {
		return false, s
	}
	switch c.kind {
	case doUsage:
		return a.used == s.used(seat) && a.limit == s.limit && a.readers == s.used(licence) && a.readerLimit == s.readers, s
	case doLimit, doDelete, doPurge:
		return true, v.next
	}
	if a.status >= 300 {
		return true, v.next
	}
	return v.next.fits(v.shown, a.shown, c.kind == doCreateApp || c.kind == doModifyApp)
}

// fits compares records with those of an answer. The id of a record becomes known
// by the first answer that shows it. The application does not see titles.
func (s *userState) fits(records []int, shown []seen, app bool) (bool, *userState) {
	if len(records) != len(shown) {
		return false, s
	}
	next := s
	for _, i := range records {
		found := false
		for _, x := range shown {
			p := s.users[i]
			if p.id == "" && s.byID(x.id) < 0 {
				p.id = x.id
			}
			title := p.title
			if app {
				title = ""
			}
			if x != (seen{p.id, p.version, p.name, shownMail(p, app), p.external, title, p.active, p.reader}) {
				continue
			}
			if found = true; p != s.users[i] {
				next = s.having(slices.Clone(next.users))
				next.users[i] = p
			}
			break
		}
		if !found {
			return false, s
		}
	}
	return true, next
}

// shownMail returns the email that an answer shows: the application sees the
// unique one.
func shownMail(p person, app bool) string {
	if app {
		return claimsOf(p.name, p.mail, "").mail
	}
	return p.mail
}

func (s *userState) refuse(status int) verdict { return verdict{next: s, status: status} }

// judge applies the rules.
func (s *userState) judge(c *userCall) verdict {
	switch c.kind {
	case doPost:
		return s.post(c)
	case doCreateApp:
		return s.createInApp(c)
	case doLimit:
		next := s.having(s.users)
		if c.of == licence {
			next.readers = c.limit
		} else {
			next.limit = c.limit
		}
		return verdict{next: next, status: 200}
	case doUsage:
		return s.refuse(200)
	case doFind:
		return s.find(c)
	}
	i := s.byID(c.id)
	if i < 0 || s.users[i].gone && c.kind != doPurge {
		return s.refuse(404)
	}
	p := s.users[i]
	switch c.kind {
	case doGet:
		if c.ifNone == p.version {
			return s.refuse(304)
		}
		return verdict{next: s, status: 200, shown: []int{i}}
	case doDelete:
		if c.ifMatch != 0 && c.ifMatch != p.version {
			return s.refuse(412)
		}
		if p.active, p.gone, p.linked = false, true, true; p.off == byNobody {
			p.off = byProvider
		}
		p.version++
		return verdict{next: s.with(i, p), status: 204}
	case doPurge:
		return verdict{next: s.having(slices.Delete(slices.Clone(s.users), i, i+1)), status: 204}
	case doModifyApp:
		return s.modifyInApp(c, i)
	default:
		return s.update(c, i)
	}
}

func (s *userState) find(c *userCall) verdict {
	v := verdict{next: s, status: 200}
	for i, p := range s.users {
		has := map[string]string{"userName": p.name, "emails": p.mail, "externalId": p.external}[c.by]
		if !p.gone && has == c.value {
			v.shown = append(v.shown, i)
		}
	}
	return v
}

// post judges a POST: an unknown user is created, an inactive or deleted one is
// found again, and an unlinked one is linked.
func (s *userState) post(c *userCall) verdict {
	wanted := claimsOf(text(c.sent.name), text(c.sent.mail), text(c.sent.external))
	live, gone := s.holders(wanted, -1)
	active := c.sent.active == nil || *c.sent.active
	reader := c.sent.reader != nil && *c.sent.reader
	found, link := -1, len(live) == 1 && !s.users[live[0]].linked
	switch {
	case link && (!active || s.users[live[0]].reader || c.sent.reader == nil || reader):
		return s.refuse(409)
	case link:
		found = live[0]
	case len(live) > 1, len(live) == 1 && (s.users[live[0]].active || s.users[live[0]].off == byApplication || !active):
		return s.refuse(409)
	case len(live) == 1:
		found = live[0]
	case len(gone) > 0:
		if found = s.first(wanted, gone); s.users[found].off == byApplication {
			return s.refuse(409)
		}
	}
	mail := text(c.sent.mail)
	var p person
	if found >= 0 {
		p = s.users[found]
		if c.sent.reader == nil {
			reader = p.reader
		}
	}
	if link {
		was := claimsOf(p.name, p.mail, p.external)
		if mail == "" {
			mail = p.mail
			wanted = claimsOf(text(c.sent.name), mail, text(c.sent.external))
		}
		if was.name != wanted.name || was.mail != "" && was.mail != wanted.mail {
			return s.refuse(409)
		}
		active, reader = p.active, p.reader
	}
	if lacks := s.lacks(person{active: active, reader: reader}, nothing); !link && lacks != nothing {
		return verdict{next: s, status: 403, full: lacks}
	}
	p.version++
	p.name, p.mail, p.external, p.title, p.held = text(c.sent.name), mail, text(c.sent.external), text(c.sent.title), wanted
	p.active, p.reader, p.gone, p.linked = active, reader, false, true
	if !link {
		p.off = byNobody
		if !active {
			p.off = byProvider
		}
	}
	if found >= 0 {
		return verdict{next: s.with(found, p), status: 200, shown: []int{found}}
	}
	p.by = c.n
	next, at := s.and(p)
	return verdict{next: next, status: 201, shown: []int{at}}
}

// first picks among deleted records: by externalId, else by userName, else by an
// email.
func (s *userState) first(wanted claims, gone []int) int {
	for _, holds := range []func(held claims) bool{
		func(held claims) bool { return held.external != "" && held.external == wanted.external },
		func(held claims) bool { return held.name != "" && held.name == wanted.name },
		func(held claims) bool { return held.hasMail(wanted.mail) },
		func(held claims) bool { return held.hasMail(wanted.address) },
	} {
		for _, i := range gone {
			if holds(s.users[i].held) {
				return i
			}
		}
	}
	return gone[0]
}

// update judges a PUT or PATCH.
func (s *userState) update(c *userCall, i int) verdict {
	was := s.users[i]
	p := was
	if c.kind == doPut {
		p.mail, p.external, p.title = "", "", ""
	}
	set(&p.name, c.sent.name)
	set(&p.mail, c.sent.mail)
	set(&p.external, c.sent.external)
	set(&p.title, c.sent.title)
	set(&p.active, c.sent.active)
	set(&p.reader, c.sent.reader)
	p.linked = true
	switch {
	case !was.linked && !was.reader && p.reader:
		return s.refuse(409)
	case p.active && !was.active && was.off == byApplication:
		return s.refuse(403)
	case p.active && !was.active:
		p.off = byNobody
	case !p.active && was.active:
		p.off = byProvider
	}
	wanted := claimsOf(p.name, p.mail, p.external)
	live, _ := s.holders(wanted, i)
	lacks := s.lacks(p, was.holds())
	current := c.ifMatch == 0 || c.ifMatch == was.version
	p.held = wanted
	switch {
	case p == was && current:
		return verdict{next: s, status: 200, shown: []int{i}}
	case len(live) > 0:
		return verdict{next: s, status: 409, stale: !current, lacking: lacks}
	case lacks != nothing:
		return verdict{next: s, status: 403, full: lacks, stale: !current}
	case !current:
		return s.refuse(412)
	}
	p.version++
	return verdict{next: s.with(i, p), status: 200, shown: []int{i}}
}

// createInApp judges the creation of a user by the application.
func (s *userState) createInApp(c *userCall) verdict {
	wanted := claimsOf(text(c.sent.name), text(c.sent.mail), "")
	if live, _ := s.holders(wanted, -1); len(live) > 0 {
		return s.refuse(409)
	}
	p := person{
		by: c.n, version: 1, name: text(c.sent.name), mail: text(c.sent.mail), held: wanted,
		active: c.sent.active == nil || *c.sent.active, reader: c.sent.reader != nil && *c.sent.reader,
	}
	if !p.active {
		p.off = byApplication
	}
	if lacks := s.lacks(p, nothing); lacks != nothing {
		return verdict{next: s, status: 409, full: lacks}
	}
	next, at := s.and(p)
	return verdict{next: next, status: 201, shown: []int{at}}
}

// modifyInApp judges a change of activity or type by the application.
func (s *userState) modifyInApp(c *userCall, i int) verdict {
	was := s.users[i]
	p := was
	set(&p.reader, c.sent.reader)
	if c.sent.active != nil {
		if p.active, p.off = *c.sent.active, byApplication; p.active {
			p.off = byNobody
		}
	}
	if p == was {
		return verdict{next: s, status: 200, shown: []int{i}}
	}
	if lacks := s.lacks(p, was.holds()); lacks != nothing {
		return verdict{next: s, status: 409, full: lacks}
	}
	p.version++
	return verdict{next: s.with(i, p), status: 200, shown: []int{i}}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}
