package mirror_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/mirror"
)

// A service is the admin API of a model. Before each answer, and while it reads the events of a
// page, other changes are committed.
type service struct {
	*model
	// kept is the first event that has not expired.
	kept int
	// changes is how many changes may still be committed.
	changes int
	// status replaces the next answers.
	status []int
	// asked are the paths of the requests.
	asked []string
}

const pageSize = 3

func (s *service) disturb() {
	for s.changes > 0 && s.chance(30) {
		s.changes--
		s.commit()
	}
}

// RoundTrip answers a request.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.disturb()
	s.asked = append(s.asked, r.URL.Path)
	recorder := httptest.NewRecorder()
	if len(s.status) > 0 {
		status := s.status[0]
		s.status = s.status[1:]
		recorder.Header().Set("Retry-After", "7")
		recorder.WriteHeader(status)
		_, _ = recorder.WriteString(`{"type":"/docs#busy","detail":"Later."}`)
		return recorder.Result(), nil
	}
	status, document := s.answer(strings.Split(strings.TrimPrefix(r.URL.Path, "/admin/v1/tenants/"+tenant+"/"), "/"), r.URL.Query())
	recorder.WriteHeader(status)
	_, _ = recorder.Write(marshal(document))
	return recorder.Result(), nil
}

func notFound(kind string) (status int, document map[string]any) {
	return http.StatusNotFound, map[string]any{"type": "/docs#" + kind, "status": 404, "detail": "Not found."}
}

func (s *service) answer(path []string, query url.Values) (status int, document map[string]any) {
	after := query.Get("after")
	switch {
	case len(path) == 1 && path[0] == "events":
		return s.page(query)
	case len(path) == 1 && path[0] == "users":
		// As the service does, the deleted ones after the others: a user may move between them.
		part := slices.DeleteFunc(slices.Sorted(maps.Keys(s.users)), func(id string) bool { return s.users[id].deleted })
		if after, ok := strings.CutPrefix(after, "deleted "); ok {
			part = slices.DeleteFunc(slices.Sorted(maps.Keys(s.users)), func(id string) bool { return !s.users[id].deleted })
			return s.list("users", part, after, "deleted ", "", s.user)
		}
		return s.list("users", part, after, "", "deleted ", s.user)
	case len(path) == 1 && path[0] == "groups":
		return s.list("groups", slices.Sorted(maps.Keys(s.groups)), after, "", "", s.group)
	case path[0] == "users" && s.users[path[1]] != nil:
		return http.StatusOK, s.user(path[1])
	case path[0] == "groups" && len(path) == 2 && s.groups[path[1]] != nil:
		return http.StatusOK, s.group(path[1])
	case path[0] == "groups" && len(path) == 3 && s.groups[path[1]] != nil:
		return s.memberPage(path[1], after)
	}
	return notFound("not-found")
}

func (s *service) memberPage(group, after string) (status int, document map[string]any) {
	g, g1 := s.groups[group], s.group(group)
	generation := g.generation
	s.disturb() // the members are read after the group, under its generation
	members := slices.DeleteFunc(slices.Sorted(maps.Keys(g.members[generation])), func(id string) bool {
		return s.users[id] == nil || s.users[id].leaving
	})
	status, document = s.list("members", members, after, "", "", func(id string) map[string]any { return map[string]any{"id": id, "state": "active"} })
	document["group"] = g1
	return status, document
}

// list returns a page of a list whose cursors begin with a mark; another list may follow.
func (s *service) list(name string, ids []string, after, mark, follows string, of func(string) map[string]any) (status int, document map[string]any) {
	ids = slices.DeleteFunc(ids, func(id string) bool { return id <= after })
	documents := []any{}
	next := follows
	for i, id := range ids {
		if i == pageSize {
			next = mark + ids[i-1]
			break
		}
		documents = append(documents, of(id))
	}
	document = map[string]any{name: documents}
	if next != "" {
		document["next"] = next
	}
	return http.StatusOK, document
}

func (s *service) user(id string) map[string]any  { return object(userDocument(id, *s.users[id])) }
func (s *service) group(id string) map[string]any { return object(groupDocument(id, s.groups[id])) }

func object(text json.RawMessage) map[string]any {
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		panic(err)
	}
	o["modified"] = "2026-01-05T09:00:00.000Z"
	return o
}

// page returns a page of events, whose cursor is the number of events before it.
func (s *service) page(query url.Values) (status int, document map[string]any) {
	after := s.kept
	if text := query.Get("after"); text != "" {
		after, _ = strconv.Atoi(text)
	}
	if after < s.kept {
		return http.StatusGone, map[string]any{"type": "/docs#cursor-expired", "next": strconv.Itoa(len(s.events)), "detail": "Expired."}
	}
	until := min(len(s.events), after+2*pageSize)
	var open []*reading
	if query.Get("types") == "" {
		for _, d := range s.events[after:until] {
			open = append(open, &reading{draft: d})
		}
	}
	documents := []any{}
	for range 3 {
		s.disturb()
		for _, r := range open {
			if s.read(r) {
				documents = append(documents, wire(r.event))
			}
		}
	}
	return http.StatusOK, map[string]any{"events": documents, "next": strconv.Itoa(until), "more": until < len(s.events), "caughtUpTo": "2026-01-05T09:00:00Z"}
}

func newPuller(s *service) *mirror.Puller {
	return &mirror.Puller{
		API:   &mirror.API{URL: "https://example.com/admin/v1", Client: &http.Client{Transport: s}, Authorize: mirror.Bearer("secret")},
		Store: &mirror.Memory{}, Tenant: tenant, AllowLoss: true,
	}
}

// push delivers some of the events from the given one on as webhooks do: any, at any time.
func (s *service) push(t *testing.T, store mirror.Store) {
	t.Helper()
	for _, d := range s.events[s.kept:] {
		if s.chance(15) {
			r := &reading{draft: d}
			for !s.read(r) {
				s.disturb()
			}
			require.NoError(t, mirror.Apply(t.Context(), store, r.event))
		}
	}
}

// A mirror that begins at any time, pulls now and then, gets some events by webhook too, and
// whose cursor expires, is the directory in the end, although everything changes while it
// reads.
func TestPull_MirrorEqualsTheDirectoryAfterAnyHistory(t *testing.T) {
	for seed := range uint64(*histories / 4) {
		s := &service{model: newModel(seed), changes: 30 + int(seed%30)}
		p := newPuller(s)
		for s.changes > 0 {
			for range 1 + s.random.IntN(10) {
				s.commit()
			}
			s.changes -= 5
			s.push(t, p.Store)
			if s.chance(60) {
				require.NoError(t, p.Pull(t.Context()))
			}
			if s.chance(20) {
				s.kept += s.random.IntN(len(s.events) - s.kept + 1)
			}
		}
		s.changes = 0
		s.settle()
		require.NoError(t, p.Pull(t.Context()))
		s.equals(t, seed, p)
	}
}

// settle ends the memberships of all users who are leaving. Of a user who came back, the event
// of the return may have expired: its memberships are then known to have ended one by one.
func (s *service) settle() {
	for _, id := range s.userIDs {
		if s.users[id] != nil {
			s.finishLeaving(id)
		}
	}
}

// Whatever did not come: a reconciliation repairs it, and reports nothing the second time.
func TestReconcile_RepairsWhatNeverCame(t *testing.T) {
	for seed := range uint64(*histories / 8) {
		s := &service{model: newModel(seed)}
		p := newPuller(s)
		for range 20 {
			s.commit()
			s.push(t, p.Store)
		}
		before := contentOf(memoryOf(p))
		report, err := p.Reconcile(t.Context())
		require.NoError(t, err)
		s.equals(t, seed, p)
		require.Equal(t, sameContent(before, s.content()), report.Repaired == 0, "seed %d: %v", seed, report.Differences)
		require.Len(t, report.Differences, report.Repaired)
		want := s.content()
		require.Equal(t, []int{len(want.Users), len(want.Groups), len(want.Members)}, []int{report.Users, report.Groups, report.Members})
		report, err = p.Reconcile(t.Context())
		require.NoError(t, err)
		require.Empty(t, report.Differences, "seed %d", seed)
	}
}

func sameContent(a, b content) bool { return bytes.Equal(marshal(a), marshal(b)) }

func (s *service) equals(t *testing.T, seed uint64, p *mirror.Puller) {
	t.Helper()
	if want, got := s.content(), contentOf(memoryOf(p)); !sameContent(want, got) {
		t.Fatalf("seed %d: the directory has\n%s\n\nand the mirror\n%s\n\nafter\n%s", seed, marshal(want), marshal(got), strings.Join(s.log, "\n"))
	}
}

func memoryOf(p *mirror.Puller) *mirror.Memory {
	m, ok := p.Store.(*mirror.Memory)
	if !ok {
		panic("no memory")
	}
	return m
}

// What has just changed may be on its way: it is repaired, and not reported.
func TestReconcile_DoesNotReportWhatIsOnItsWay(t *testing.T) {
	s := &service{model: newModel(1)}
	for range 30 {
		s.commit()
	}
	p := newPuller(s)
	p.Now = func() time.Time { return time.Date(2026, 1, 5, 9, 0, 30, 0, time.UTC) }
	report, err := p.Reconcile(t.Context())
	require.NoError(t, err)
	require.Empty(t, report.Differences)
	require.Positive(t, report.Repaired)
	s.equals(t, 1, p)
}

// A user of whom only the end of its memberships is known was never there for the application.
func TestReconcile_DoesNotReportWhatWasNeverShown(t *testing.T) {
	p := newPuller(&service{model: newModel(1)})
	e, err := mirror.DecodeEvent(marshal(userEvent("1", "deleted", 2, nil)))
	require.NoError(t, err)
	require.NoError(t, mirror.Apply(t.Context(), p.Store, e))
	report, err := p.Reconcile(t.Context())
	require.NoError(t, err)
	require.Zero(t, report.Repaired)
}

func TestReconcile_RefusesAnUnusualLoss(t *testing.T) {
	s := &service{model: newModel(1)}
	p := newPuller(s)
	p.AllowLoss = false
	for i := range 20 {
		id := "u" + strconv.Itoa(i)
		s.users[id] = &modelUser{version: 1, active: true}
	}
	_, err := p.Reconcile(t.Context())
	require.NoError(t, err)
	all := maps.Clone(s.users)
	for i := range 11 {
		delete(s.users, "u"+strconv.Itoa(i))
	}
	_, err = p.Reconcile(t.Context())
	require.ErrorIs(t, err, mirror.ErrLoss)
	require.Len(t, memoryOf(p).Users(tenant), len(all))
	s.users["u0"] = all["u0"]
	report, err := p.Reconcile(t.Context())
	require.NoError(t, err)
	require.Len(t, report.Differences, 10)
	require.Equal(t, "extra user u1", report.Differences[0].String())
	require.Len(t, memoryOf(p).Users(tenant), 10)
}

func TestPull_TriesAgainWhatIsRefusedForHaste(t *testing.T) {
	s := &service{model: newModel(1), status: []int{429, 503, 502}}
	s.commit()
	p := newPuller(s)
	var waited []time.Duration
	mirror.SetWait(p.API, func(d time.Duration) { waited = append(waited, d) })
	require.NoError(t, p.Pull(t.Context()))
	s.equals(t, 1, p)
	require.Equal(t, []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}, waited)

	s.status = []int{403}
	var refused *mirror.Problem
	require.ErrorAs(t, p.Pull(t.Context()), &refused)
	require.Equal(t, 403, refused.Status)
}

// An expired cursor without a successor, and a list of another tenant, stop the mirror.
func TestPull_StopsAtAnAnswerItCannotTrust(t *testing.T) {
	for body, want := range map[string]string{
		`{"events":[{"id":"1","type":"user.created","tenant":"other","resource":{"type":"User","id":"u","version":1},"data":null}],"next":"1"}`: "of tenant",
		`{"events":[]}`: "no next",
		`{"events":`:    "malformed",
	} {
		p := newPuller(&service{model: newModel(1)})
		require.NoError(t, p.Pull(t.Context()))
		p.API.Client = &http.Client{Transport: answers(body)}
		require.ErrorContains(t, p.Pull(t.Context()), want)
	}
}

type answers string

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

// Each request has the authorization, and one that cannot be authorized is not sent.
func TestAPI_AuthorizesEachRequest(t *testing.T) {
	s := &service{model: newModel(1)}
	p := newPuller(s)
	authorized := 0
	p.API.Authorize = func(r *http.Request) error {
		authorized++
		require.Empty(t, r.Header.Get("Authorization"))
		return nil
	}
	require.NoError(t, p.Pull(t.Context()))
	require.Len(t, s.asked, authorized)
	p.API.Authorize = func(*http.Request) error { return io.ErrUnexpectedEOF }
	require.ErrorIs(t, p.Pull(t.Context()), io.ErrUnexpectedEOF)
	require.Len(t, s.asked, authorized)
}
