package directory_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rollcall-scim/rollcall/internal/cause"
	"github.com/rollcall-scim/rollcall/internal/directory"
	"github.com/rollcall-scim/rollcall/internal/journal"
	"github.com/rollcall-scim/rollcall/internal/scim/match"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/table/embedded"
	"github.com/rollcall-scim/rollcall/internal/table/tabletest"
	"github.com/rollcall-scim/rollcall/internal/tenant"
)

// model is a model of users as the product defines them, without a table: a
// live user holds its values, a deleted one until another user wants them.
type model struct {
	f     *fixture
	users map[string]*modelUser
	order []string
	limit int
	// group is the group that users join.
	group string
}

type modelUser struct {
	id           string
	claims       map[directory.Kind]string
	active, gone bool
	reader       bool
	// linked reports that an identity provider manages the user, offInApp that
	// the application deactivated it.
	linked, offInApp, protected bool
	// external is the externalId of the document, which a deleted user keeps
	// even when another user holds the value; member reports that the user is
	// in the group.
	external string
	member   bool
	// mail is the email of the document, or "" if there is none.
	mail string
}

// holds returns the kind under which the user holds a value, in the space of a
// kind.
func (u *modelUser) holds(kind directory.Kind, value string) (directory.Kind, bool) {
	for held, v := range u.claims {
		if v == value && v != "" && held.Space() == kind.Space() {
			return held, true
		}
	}
	return "", false
}

func (u *modelUser) shares(claims map[directory.Kind]string) bool {
	for kind, value := range claims {
		if _, ok := u.holds(kind, value); ok {
			return true
		}
	}
	return false
}

// refusedProtected reports whether a request would activate, deactivate or
// convert a protected user, or change its claims; a link may fill in missing
// ones.
func (u *modelUser) refusedProtected(claims map[directory.Kind]string, active, reader, links bool) bool {
	if !u.protected {
		return false
	}
	for _, kind := range []directory.Kind{directory.UserName, directory.Email, directory.ExternalID} {
		if was := u.claims[kind]; was != claims[kind] && (was != "" || !links) {
			return true
		}
	}
	return u.active != active || u.reader != reader
}

// differs reports whether a POST that would link the user has another userName
// or unique email.
func (u *modelUser) differs(claims map[directory.Kind]string) bool {
	mail := u.claims[directory.Email]
	return u.claims[directory.UserName] != claims[directory.UserName] || mail != "" && mail != claims[directory.Email]
}

// rehired reports whether the user is found again with another externalId.
func (u *modelUser) rehired(s sent) bool { return u.external != "" && u.external != s.external }

func (m *model) holders(claims map[directory.Kind]string, not string) (live, gone []*modelUser) {
	for _, id := range m.order {
		u := m.users[id]
		switch {
		case !u.shares(claims) || id == not:
		case u.gone:
			gone = append(gone, u)
		default:
			live = append(live, u)
		}
	}
	return live, gone
}

func (m *model) seats() (n int) {
	for _, u := range m.users {
		if u.active && !u.gone && !u.reader {
			n++
		}
	}
	return n
}

// take assigns claims to a user; deleted holders lose them.
func (m *model) take(u *modelUser, claims map[directory.Kind]string) {
	for _, other := range m.users {
		if other == u || !other.gone {
			continue
		}
		for kind, value := range claims {
			if held, ok := other.holds(kind, value); ok {
				delete(other.claims, held)
			}
		}
	}
	u.claims = claims
}

// sent has a user's attributes, drawn from few values so that they collide.
type sent struct {
	name, mail, external string
	active, reader       *bool
}

func drawSent(t *rapid.T) sent {
	flag := func(label string) *bool {
		switch rapid.IntRange(0, 3).Draw(t, label) {
		case 0:
			return new(bool)
		case 1:
			yes := true
			return &yes
		}
		return nil
	}
	return sent{
		name:     rapid.SampledFrom([]string{"ann", "ANN", "bob", "cat@x", "dan@x"}).Draw(t, "name"),
		mail:     rapid.SampledFrom([]string{"", "ann@x", "cat@x", "Dan@x"}).Draw(t, "mail"),
		external: rapid.SampledFrom([]string{"", "e1", "e2", "E2"}).Draw(t, "external"),
		active:   flag("active"), reader: flag("reader"),
	}
}

func (s sent) body() string {
	b := fmt.Sprintf(`"userName":%q`, s.name)
	if s.mail != "" {
		b += fmt.Sprintf(`,"emails":[{"value":%q},{"value":"shared@x"}]`, s.mail)
	}
	if s.external != "" {
		b += fmt.Sprintf(`,"externalId":%q`, s.external)
	}
	if s.active != nil {
		b += fmt.Sprintf(`,"active":%t`, *s.active)
	}
	if s.reader != nil {
		b += fmt.Sprintf(`,%q:{"isTeamAccount":%t}`, extension, !*s.reader)
	}
	return user(b)
}

func folded(v string) string {
	switch v {
	case "ANN":
		return "ann"
	case "Dan@x":
		return "dan@x"
	}
	return v
}

func (s sent) claims() map[directory.Kind]string { return claimsOf(s.name, s.mail, s.external) }

// claimsOf returns the claims of a user with these values.
func claimsOf(name, mail, external string) map[directory.Kind]string {
	name, mail = folded(name), folded(mail)
	claims := map[directory.Kind]string{directory.UserName: name}
	switch address := strings.Contains(name, "@"); {
	case mail == "" && address:
		claims[directory.Email] = name
	case mail != "" && address && mail != name:
		claims[directory.Email], claims[directory.Address] = mail, name
	case mail != "":
		claims[directory.Email] = mail
	}
	if external != "" {
		claims[directory.ExternalID] = external
	}
	return claims
}

// The outcomes of an operation that the model distinguishes.
const (
	ok                = "ok"
	isTaken           = "taken"
	isFull            = "full"
	isAbsent          = "absent"
	refusesProtected  = "protected"
	isOffInApp        = "off in the application"
	refusesConversion = "not to be converted"
)

func outcome(t *rapid.T, err error) string {
	var takenError *directory.TakenError
	var fullError *directory.FullError
	var protectedError *directory.ProtectedError
	var convertError *directory.ConvertError
	switch {
	case err == nil:
		return ok
	case errors.As(err, &takenError):
		return isTaken
	case errors.As(err, &fullError):
		return isFull
	case errors.As(err, &protectedError):
		return refusesProtected
	case errors.As(err, &convertError):
		return refusesConversion
	case errors.Is(err, directory.ErrDeactivatedInApp):
		return isOffInApp
	case errors.Is(err, directory.ErrNotFound):
		return isAbsent
	}
	t.Fatalf("unexpected error: %v", err)
	return ""
}

func (m *model) post(t *rapid.T) {
	s := drawSent(t)
	claims := s.claims()
	live, gone := m.holders(claims, "")
	active := s.active == nil || *s.active
	var want string
	var found *modelUser
	link := len(live) == 1 && !live[0].linked
	switch {
	case link && (!active || live[0].reader || s.reader == nil || *s.reader):
		want = isTaken
	case link:
		found = live[0]
	case len(live) > 1, len(live) == 1 && (live[0].active || live[0].offInApp || !active):
		want = isTaken
	case len(live) == 1:
		found = live[0]
	case len(gone) > 0:
		for _, kind := range []directory.Kind{directory.ExternalID, directory.UserName, directory.Email, directory.Address} {
			for _, u := range gone {
				if _, ok := u.holds(kind, claims[kind]); ok && found == nil {
					found = u
				}
			}
		}
	}
	reader := s.reader != nil && *s.reader
	if found != nil && s.reader == nil {
		reader = found.reader
	}
	mail := folded(s.mail)
	if link && found != nil {
		active, reader = found.active, found.reader
		if mail == "" {
			// The link keeps the user's email.
			mail = found.mail
			claims = claimsOf(s.name, mail, s.external)
		}
	}
	rehire := found != nil && !link && found.rehired(s)
	switch {
	case want != "":
	case found != nil && found.gone && found.offInApp, rehire && m.f.settings.Rehire == tenant.RehireRefuse:
		want = isTaken
	case found != nil && found.refusedProtected(claims, active, reader, link):
		want = refusesProtected
	case link && found.differs(claims):
		want = isTaken
	case active && !reader && !link && m.seats() >= m.limit:
		want = isFull
	}
	result, err := m.f.post(s.body())
	got := outcome(t, err)
	if want == "" {
		want = ok
	}
	require.Equalf(t, want, got, "POST %+v = %s (%v), want %s", s, got, err, want)
	if got != ok {
		return
	}
	switch {
	case found == nil:
		found = &modelUser{id: result.User.ID}
		require.Nilf(t, m.users[found.id], "POST %+v found user %s, want a new one", s, found.id)
		m.users[found.id] = found
		m.order = append(m.order, found.id)
	case found.id != result.User.ID:
		t.Fatalf("POST %+v found user %s, want %s", s, result.User.ID, found.id)
	}
	require.Equalf(t, rehire, result.Warning == cause.ExternalIDChanged, "POST %+v warns %q", s, result.Warning)
	if rehire && m.f.settings.Rehire == tenant.RehireWarn {
		found.member = false
	}
	found.active, found.gone, found.reader, found.linked = active, false, reader, true
	if !link {
		found.offInApp = false
	}
	found.external, found.mail = s.external, mail
	m.take(found, claims)
}

// pick draws a user that was created at some time.
func (m *model) pick(t *rapid.T) *modelUser {
	if len(m.order) == 0 {
		t.Skip("no users yet")
	}
	return m.users[rapid.SampledFrom(m.order).Draw(t, "user")]
}

// put replaces a user. For the model, patch is the same with a part of the
// attributes.
func (m *model) put(t *rapid.T) {
	u, s := m.pick(t), drawSent(t)
	claims := s.claims()
	active, reader := u.active, u.reader
	if s.active != nil {
		active = *s.active
	}
	if s.reader != nil {
		reader = *s.reader
	}
	want, warning := ok, cause.Cause("")
	rehire := active && !u.active && u.rehired(s)
	mail := u.claims[directory.Email]
	if renamed := u.claims[directory.UserName] != claims[directory.UserName]; !u.linked &&
		(renamed || mail != "" && mail != claims[directory.Email]) {
		warning = cause.IdentityChanged
	}
	live, _ := m.holders(claims, u.id)
	switch {
	case u.gone:
		want = isAbsent
	case !u.linked && !u.reader && reader:
		want = refusesConversion
	case active && u.offInApp:
		want = isOffInApp
	case u.refusedProtected(claims, active, reader, !u.linked):
		want = refusesProtected
	case rehire && m.f.settings.Rehire == tenant.RehireRefuse:
		want = isTaken
	case len(live) > 0:
		want = isTaken
	case active && !reader && (!u.active || u.reader) && m.seats() >= m.limit:
		want = isFull
	}
	result, err := m.f.put(u.id, s.body(), nil)
	got := outcome(t, err)
	require.Equalf(t, want, got, "PUT %s %+v = %s (%v), want %s", u.id, s, got, err, want)
	if want != ok {
		return
	}
	if rehire {
		warning = cause.ExternalIDChanged
	}
	require.Equalf(t, warning, result.Warning, "PUT %s %+v warns", u.id, s)
	if rehire && m.f.settings.Rehire == tenant.RehireWarn {
		u.member = false
	}
	u.active, u.reader, u.linked, u.external, u.mail = active, reader, true, s.external, folded(s.mail)
	m.take(u, claims)
}

// join adds a user to the group; a deleted one is skipped.
func (m *model) join(t *rapid.T) {
	u := m.pick(t)
	_, err := m.f.patchGroup(m.group, fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, u.id))
	require.NoErrorf(t, err, "%s joins", u.id)
	u.member = !u.gone
}

// setRehire changes the tenant's setting for a changed externalId.
func (m *model) setRehire(t *rapid.T) {
	m.f.settings.Rehire = rapid.SampledFrom([]tenant.Rehire{tenant.RehireWarn, tenant.RehireKeep, tenant.RehireRefuse}).Draw(t, "rehire")
}

func (m *model) patch(t *rapid.T) {
	u := m.pick(t)
	active := rapid.Bool().Draw(t, "active")
	want := ok
	switch {
	case u.gone:
		want = isAbsent
	case active && u.offInApp:
		want = isOffInApp
	case u.refusedProtected(u.claims, active, u.reader, true):
		want = refusesProtected
	case active && !u.active && !u.reader && m.seats() >= m.limit:
		want = isFull
	}
	_, err := m.f.patch(u.id, fmt.Sprintf(`[{"op":"replace","value":{"active":%t}}]`, active), nil)
	got := outcome(t, err)
	require.Equalf(t, want, got, "PATCH %s active=%t = %s (%v), want %s", u.id, active, got, err, want)
	if want == ok {
		u.active, u.linked = active, true
	}
}

func (m *model) remove(t *rapid.T) {
	u := m.pick(t)
	want := ok
	switch {
	case u.gone:
		want = isAbsent
	case u.protected:
		want = refusesProtected
	}
	require.Equalf(t, want, outcome(t, m.f.remove(u.id)), "DELETE %s", u.id)
	if want == ok {
		u.gone, u.active, u.linked, u.member = true, false, true, false
	}
}

// createInApp creates a user of the application.
func (m *model) createInApp(t *rapid.T) {
	s := drawSent(t)
	s.external = ""
	claims := s.claims()
	active, kind := s.active == nil || *s.active, tenant.User
	if s.reader != nil && *s.reader {
		kind = tenant.Reader
	}
	want := ok
	live, _ := m.holders(claims, "")
	switch {
	case len(live) > 0:
		want = isTaken
	case active && kind == tenant.User && m.seats() >= m.limit:
		want = isFull
	}
	protected := rapid.IntRange(0, 4).Draw(t, "protected") == 0
	result, err := m.f.dir.CreateInApp(m.f.t.Context(), m.f.tenant, m.f.app(), directory.AppUser{
		UserName: s.name, Email: s.mail, Origin: directory.OriginJIT, Type: kind, Active: &active, Protected: protected,
	})
	got := outcome(t, err)
	require.Equalf(t, want, got, "the application's %+v = %s (%v), want %s", s, got, err, want)
	if want != ok {
		return
	}
	u := &modelUser{id: result.User.ID, active: active, reader: kind == tenant.Reader, offInApp: !active, protected: protected, mail: folded(s.mail)}
	m.users[u.id] = u
	m.order = append(m.order, u.id)
	m.take(u, claims)
}

// modifyInApp deactivates, reactivates, converts, protects or unprotects a user
// in the application.
func (m *model) modifyInApp(t *rapid.T) {
	u, s := m.pick(t), drawSent(t)
	asked := directory.AppChange{Active: s.active}
	active, reader, protected, offInApp := u.active, u.reader, u.protected, u.offInApp
	if s.active != nil {
		active, offInApp = *s.active, !*s.active
	}
	if s.reader != nil {
		reader = *s.reader
		kind := tenant.User
		if reader {
			kind = tenant.Reader
		}
		asked.Type = &kind
	}
	if rapid.Bool().Draw(t, "changes protection") {
		protected = !protected
		asked.Protected = &protected
	}
	name, mail := u.claims[directory.UserName], u.mail
	if rapid.IntRange(0, 2).Draw(t, "renames") == 0 {
		asked.UserName, name = &s.name, s.name
		if s.mail != "" {
			asked.Email, mail = &s.mail, folded(s.mail)
		}
	}
	claims := claimsOf(name, mail, u.external)
	live, _ := m.holders(claims, u.id)
	want := ok
	switch {
	case u.gone:
		want = isAbsent
	case len(live) > 0:
		want = isTaken
	case active && !reader && (!u.active || u.reader) && m.seats() >= m.limit:
		want = isFull
	}
	_, err := m.f.modifyInApp(u.id, asked)
	got := outcome(t, err)
	require.Equalf(t, want, got, "the application changes %s by %+v = %s (%v), want %s", u.id, asked, got, err, want)
	if want == ok {
		u.active, u.reader, u.protected, u.offInApp, u.mail = active, reader, protected, offInApp, mail
		m.take(u, claims)
	}
}

// purge removes a user for good, live or deleted.
func (m *model) purge(t *rapid.T) {
	u := m.pick(t)
	require.Equalf(t, ok, outcome(t, m.f.purge(u.id)), "purge of %s", u.id)
	delete(m.users, u.id)
	m.order = slices.DeleteFunc(m.order, func(id string) bool { return id == u.id })
	require.Equalf(t, isAbsent, outcome(t, m.f.purge(u.id)), "second purge of %s", u.id)
}

func (m *model) setLimit(t *rapid.T) {
	m.limit = rapid.IntRange(0, 4).Draw(t, "limit")
	require.NoError(t, m.f.store.SetSeatLimit(m.f.t.Context(), m.f.tenant, int64(m.limit), m.f.by().Time))
}

// check compares the directory with the model, and checks the data.
func (m *model) check(t *rapid.T) {
	faults, err := m.f.store.Audit(m.f.t.Context(), m.f.tenant)
	require.NoError(t, err)
	for _, fault := range faults {
		t.Errorf("audit: %s", fault)
	}
	if l := m.f.ledger(); int(l.Seats) != m.seats() {
		t.Fatalf("%d seats in use, the model has %d", l.Seats, m.seats())
	}
	if m.group != "" {
		var members []string
		for _, id := range slices.Sorted(slices.Values(m.order)) {
			if m.users[id].member {
				members = append(members, id)
			}
		}
		got := m.f.members(m.group)
		require.Truef(t, slices.Equal(got, members), "members %v, the model has %v", got, members)
	}
	records, err := m.f.store.Records(m.f.t.Context(), m.f.tenant, m.order)
	require.NoError(t, err)
	for id, u := range m.users {
		r := records[id]
		if r == nil || r.Deleted != u.gone || r.Active != u.active || (r.Type == tenant.Reader) != u.reader ||
			r.Protected != u.protected || (r.DeactivatedBy == journal.ByApplication) != u.offInApp || !u.gone && r.Linked != u.linked {
			t.Fatalf("record %+v, the model has %+v", r, u)
		}
		held := map[directory.Kind]string{}
		maps.Copy(held, r.Held)
		if id, ok := u.claims[directory.ExternalID]; ok {
			held[directory.ExternalID] = id
			require.Equalf(t, directory.HashExternalID(id), r.Held[directory.ExternalID], "record %s holds another externalId than the model", u.id)
		}
		require.Truef(t, maps.Equal(held, u.claims), "record %s holds %v, the model has %v", u.id, r.Held, u.claims)
	}
}

// TestRules_AnyHistory runs generated histories against the model: on a plain
// table, and with about every tenth write lost, throttled or in conflict.
func TestRules_AnyHistory(t *testing.T) {
	atOnce := table.RetryJitter(func(time.Duration) time.Duration { return 0 })
	faults := func(e table.Table) table.Table {
		return tabletest.NewConflict(tabletest.NewFault(e, 1, tabletest.FaultPlan{
			WriteRates: map[tabletest.FaultKind]float64{
				tabletest.AnswerLost: 0.05, tabletest.RequestLost: 0.05, tabletest.Throttled: 0.05,
			},
			ReadRates: map[tabletest.FaultKind]float64{tabletest.Throttled: 0.05, tabletest.Unavailable: 0.05},
		}), tabletest.ConflictOptions{Rate: 0.05, Mixed: true, Seed: 1})
	}
	t.Run("embedded", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) { history(t, rt, func(e table.Table) table.Table { return e }) })
	})
	t.Run("embedded with faults and conflicts", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) { history(t, rt, faults, atOnce) })
	})
}

func history(t *testing.T, rt *rapid.T, wrap func(table.Table) table.Table, retry ...table.RetryOption) {
	t.Helper()
	engine, err := embedded.Memory()
	require.NoError(rt, err)
	defer func() { _ = engine.Close() }()
	m := &model{f: newFixtureOn(t, table.Retrying(wrap(engine), retry...), 2, 50), users: map[string]*modelUser{}, limit: 2}
	m.group = m.f.mustPostGroup(group("g"))
	rt.Repeat(map[string]func(*rapid.T){
		"post": m.post, "post again": m.post, "put": m.put, "patch": m.patch, "delete": m.remove,
		"create in app": m.createInApp, "modify in app": m.modifyInApp, "modify in app again": m.modifyInApp, "purge": m.purge,
		"limit": m.setLimit, "join": m.join, "rehire": m.setRehire, "": m.check,
	})
}

// A search by any of its values finds a live user, and never a deleted one.
func TestRules_SearchFindsLiveUsers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		engine, err := embedded.Memory()
		require.NoError(rt, err)
		defer func() { _ = engine.Close() }()
		m := &model{f: newFixtureOn(t, table.Retrying(engine), 50, 50), users: map[string]*modelUser{}, limit: 50}
		for range rapid.IntRange(1, 12).Draw(rt, "operations") {
			if len(m.order) > 0 && rapid.IntRange(0, 3).Draw(rt, "kind") == 0 {
				m.remove(rt)
				continue
			}
			m.post(rt)
		}
		all, err := m.f.search("", 1, 200)
		require.NoError(rt, err)
		for _, filter := range []string{
			`userName eq "ann"`, `userName eq "cat@x"`, `externalId eq "e2"`, `emails eq "ann@x"`,
			`emails.value eq "SHARED@x"`, `userName eq "bob" and active eq true`,
		} {
			found, err := m.f.search(filter, 1, 200)
			require.NoError(rt, err)
			compiled, err := match.CompileFilter(m.f.types, filter)
			require.NoError(rt, err)
			var want []string
			for _, u := range all.Records {
				r, err := m.f.documents().User(u, nil)
				require.NoError(rt, err)
				if compiled.Match(r) {
					want = append(want, u.ID)
				}
			}
			var got []string
			for _, u := range found.Records {
				got = append(got, u.ID)
			}
			require.Truef(rt, slices.Equal(got, want) && found.Total == len(want), "%s finds %v of %d by key, %v by a walk", filter, got, found.Total, want)
		}
	})
}
