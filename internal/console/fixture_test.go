package console

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminclient"
	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

// noon is the time of the tests.
var noon = time.Date(2026, 7, 14, 12, 0, 0, 0, time.UTC)

// A service is an admin API for tests: it gives the answers that it is set to,
// and records the requests.
type service struct {
	mu      sync.Mutex
	answers map[string]any
	asked   []string
	bodies  []string
}

// A refusal is an answer that is a problem.
type refusal struct {
	status int
	kind   string
	detail string
}

// A bytesAnswer is an answer sent unchanged.
type bytesAnswer string

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer admin-secret" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/admin/v1")
	call := r.Method + " " + path
	s.asked = append(s.asked, call+question(r.URL.RawQuery))
	s.bodies = append(s.bodies, string(body))
	answer, ok := s.answers[call]
	if !ok {
		answer = refusal{http.StatusNotFound, "not-found", "Tenant not found."}
	}
	switch a := answer.(type) {
	case refusal:
		w.WriteHeader(a.status)
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "https://x#" + a.kind, "title": "T", "status": a.status, "detail": a.detail, "requestId": "admin-1"})
	case bytesAnswer:
		_, _ = io.WriteString(w, string(a))
	case nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		_ = json.NewEncoder(w).Encode(a)
	}
}

func (s *service) set(call string, answer any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[call] = answer
}

// last returns the requests since the last call, and the body of the last one.
func (s *service) last() (asked []string, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked = s.asked
	if n := len(s.bodies); n > 0 {
		body = s.bodies[n-1]
	}
	s.asked, s.bodies = nil, nil
	return asked, body
}

const (
	acme     = "/tenants/acme"
	failedID = "0197d0aa-1111-7000-8000-000000000001"
)

// A browser is a browser with its cookies, in front of a console.
type browser struct {
	t       *testing.T
	console *Console
	service *service
	log     *bytes.Buffer
	now     time.Time
	cookies map[string]string
}

const host = "127.0.0.1:8090"

// outsider returns a browser without a session.
func outsider(t *testing.T, answers map[string]any) *browser {
	t.Helper()
	b := &browser{t: t, service: &service{answers: map[string]any{}}, log: &bytes.Buffer{}, now: noon, cookies: map[string]string{}}
	maps.Copy(b.service.answers, answers)
	server := httptest.NewServer(b.service)
	t.Cleanup(server.Close)
	client, err := adminclient.New(server.URL+"/admin/v1", adminclient.Bearer("admin-secret"))
	require.NoError(t, err)
	b.console, err = New(Config{
		Client: client, Address: host, Place: "this machine", Now: func() time.Time { return b.now },
		Log: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})),
	})
	require.NoError(t, err)
	return b
}

// visitor returns a browser with a session.
func visitor(t *testing.T, answers map[string]any) *browser {
	t.Helper()
	b := outsider(t, answers)
	a := b.get(b.console.Link(""))
	require.Truef(t, a.Code == http.StatusSeeOther && len(b.cookies) == 1, "the link: %d, cookies %v", a.Code, b.cookies)
	return b
}

// An answer is the answer that a browser got.
type answer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

func (b *browser) send(r *http.Request) answer {
	b.t.Helper()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.console.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return answer{w, b.t}
}

func (b *browser) newRequest(method, path, body string) *http.Request {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(body))
	r.Host = host
	return r
}

func (b *browser) get(path string) answer { return b.send(b.newRequest(http.MethodGet, path, "")) }

// follow returns a page after following any redirects.
func (b *browser) follow(path string) answer {
	b.t.Helper()
	a := b.get(path)
	for range 3 {
		if a.Code != http.StatusSeeOther {
			break
		}
		a = b.get(a.Header().Get("Location"))
	}
	return a
}

// post sends a form, as a page of the console does.
func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	if !form.Has("form") {
		form.Set("form", b.console.sessions.formToken(b.cookies[b.console.cookie]))
	}
	r := b.newRequest(http.MethodPost, path, form.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://"+host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(r)
}

// An element is an element of a page.
type element struct {
	name     string
	attrs    map[string]string
	parent   *element
	children []*element
	data     string // of a text
}

// page parses an answer as XML, which the pages are, too: a tag that is not
// closed, a missing quote, or a character that no page may have fails the test.
func (a answer) page() *element {
	a.t.Helper()
	kind := a.Header().Get("Content-Type")
	require.Equalf(a.t, "text/html; charset=utf-8", kind, "%d %s is no page: %s", a.Code, kind, a.Body)
	d := xml.NewDecoder(bytes.NewReader(a.Body.Bytes()))
	root := &element{name: "#page"}
	at := root
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoErrorf(a.t, err, "the page is not well formed: %v\n%s", err, a.Body)
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attrs: map[string]string{}, parent: at}
			for _, attr := range token.Attr {
				e.attrs[attr.Name.Local] = attr.Value
			}
			at.children = append(at.children, e)
			at = e
		case xml.EndElement:
			at = at.parent
		case xml.CharData:
			at.children = append(at.children, &element{name: "#text", data: string(token), parent: at})
		}
	}
	return root
}

// text returns the text of an element and of those below. Text in a line or a
// cell of its own gets spaces around it.
func (e *element) text() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

func (e *element) write(b *strings.Builder) {
	around := " "
	switch e.name {
	case "#text", "a", "bdi", "span", "strong", "code", "time":
		around = ""
	}
	b.WriteString(around + e.data)
	for _, c := range e.children {
		c.write(b)
	}
	b.WriteString(around)
}

// all returns the elements below that a rule accepts.
func (e *element) all(is func(*element) bool) []*element {
	var found []*element
	for _, c := range e.children {
		if is(c) {
			found = append(found, c)
		}
		found = append(found, c.all(is)...)
	}
	return found
}

func (e *element) named(names ...string) []*element {
	return e.all(func(c *element) bool { return slices.Contains(names, c.name) })
}

// id returns the element with an id, which the page must have.
func (e *element) id(t *testing.T, id string) *element {
	t.Helper()
	found := e.all(func(c *element) bool { return c.attrs["id"] == id })
	if len(found) != 1 {
		t.Fatalf("%d elements have the id %s in\n%s", len(found), id, e.words())
	}
	return found[0]
}

func (e *element) has(id string) bool {
	return len(e.all(func(c *element) bool { return c.attrs["id"] == id })) > 0
}

// words returns the text with single spaces.
func (e *element) words() string { return strings.Join(strings.Fields(e.text()), " ") }

// link returns the address of the link with a text.
func (e *element) link(t *testing.T, text string) string {
	t.Helper()
	for _, a := range e.named("a") {
		if a.words() == text {
			return a.attrs["href"]
		}
	}
	t.Fatalf("no link %q in\n%s", text, e.words())
	return ""
}

// says fails the test for each text that the page does not have.
func (e *element) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(e.words(), text) {
			t.Errorf("%q is not in\n%s", text, e.words())
		}
	}
}

func limit(n int64) *int64 { return &n }

func at(d time.Duration) time.Time { return noon.Add(d) }

func atPtr(d time.Duration) *time.Time { t := noon.Add(d); return &t }

// carol fails because no seat is left.
var carol = adminwire.FailedUser{
	ResourceType: "User", Subject: "carol@example.com", ExternalID: "00u3", Operation: "create", IdP: "okta",
	Cause: "seat_limit", Detail: "50 of 50 seats in use; nothing was changed. (request " + failedID + ")", WhatToDo: "Deactivate a user, or buy more seats.",
	Documentation: "https://docs.example/causes.md#seat_limit", FirstFailure: at(-26 * time.Hour), LastFailure: at(-3 * time.Minute), Count: 4, RequestID: failedID,
}

// carolsEntry is the entry of carol's request.
var carolsEntry = adminwire.Entry{
	ID: failedID, RequestID: failedID, Time: at(-3 * time.Minute), By: "idp", IdP: "okta", TokenID: "tok1", IdPRequestID: "okta-77",
	Operation: "create", ResourceType: "User", Subject: "carol@example.com", ExternalID: "00u3", Outcome: "failure", Status: 403,
	Cause: "seat_limit", Detail: carol.Detail, WhatToDo: carol.WhatToDo, Documentation: carol.Documentation,
	Seats: &adminwire.Seats{Used: limit(50), Limit: adminwire.Of[int64](50), AsOf: atPtr(-3 * time.Minute)},
}

// anna is a user of the identity provider, and ben a protected one of the application.
var (
	anna = adminwire.User{
		ID: "u1", UserName: "anna@example.com", Email: "anna@example.com", DisplayName: "Anna A", ExternalID: "00u1", Origin: "scim", SCIMManaged: true,
		AccountType: "user", Active: true, Holds: "seat", Version: 7, Created: atPtr(-90 * time.Hour), Modified: atPtr(-2 * time.Hour),
	}
	ben = adminwire.User{
		ID: "u2", UserName: "ben@example.com", Email: "b@example.com", Origin: "manual", AccountType: "reader", DeactivatedBy: "app", Protected: true,
		Version: 2, Created: atPtr(-80 * time.Hour), Modified: atPtr(-70 * time.Hour),
	}
)

// hook is an endpoint whose secret is being rotated.
var hook = adminwire.Webhook{
	ID: "w1", URL: "https://app.example.com/hooks/rollcall", Label: "app", Types: []string{"user.deactivated", "user.updated"}, Tenants: []string{"acme"},
	Created: at(-90 * time.Hour), Version: 3, LastSuccess: atPtr(-time.Hour), OldSecretEnds: atPtr(20 * time.Hour),
}

var causeTexts = []adminwire.Cause{
	{Cause: "seat_limit", Status: 403, Summary: "All seats of the tenant are in use.", WhatToDo: "Deactivate a user, or buy more seats.", Documentation: "https://docs.example/causes.md#seat_limit", Where: "log"},
	{Cause: "token_revoked", Status: 401, Summary: "The token was revoked.", WhatToDo: "Create a new token.", Documentation: "https://docs.example/causes.md#token_revoked", Where: "cloudwatch"},
	{Cause: "no_route", Status: 404, Summary: "There is no such SCIM endpoint.", WhatToDo: "Check the base URL.", Documentation: "https://docs.example/causes.md#no_route", Where: "cloudwatch"},
	{Cause: "group_deleted", Status: 404, Summary: "The group was deleted in the application.", WhatToDo: "Unlink the group and push it again.", Documentation: "https://docs.example/causes.md#group_deleted", Where: "log"},
	{Cause: "unknown_members", Status: 400, ScimType: "invalidValue", Summary: "Members were sent that are no users.", WhatToDo: "Provision the users first.", Documentation: "javascript:alert(1)", Where: "log"},
}

// healthy returns the answers of a service with the tenants acme and beta.
func healthy() map[string]any {
	tenant := adminwire.Tenant{
		ID: "acme", DisplayName: "Acme Ltd", MaxSeats: limit(50), DefaultAccountType: "user", UnknownMembers: "skip", UnknownAttributes: "drop", DeletedUsers: "hidden",
		Rehire: "warn", Dialect: "take", StaticTokens: "take", SCIMEnabled: true, LogDays: 90, Version: "v1", Created: at(-1000 * time.Hour), BaseURL: "https://scim.example/scim/v2",
	}
	spans := make([]adminwire.FailureSpan, 28)
	for i := range spans {
		from := noon.Add(time.Duration(i-28) * 6 * time.Hour)
		spans[i] = adminwire.FailureSpan{From: from, To: from.Add(6 * time.Hour), Causes: map[string]int{}}
	}
	spans[27].Causes = map[string]int{"seat_limit": 4, "duplicate": 1}
	spans[20].Causes = map[string]int{"seat_limit": 2}
	return map[string]any{
		"GET /tenants": adminwire.Tenants{Tenants: []adminwire.Tenant{tenant, {ID: "beta", SCIMEnabled: false}, {ID: "gone", SCIMEnabled: true, Deleting: true}}},
		"GET " + acme:  tenant,
		"GET /causes":  map[string]any{"causes": causeTexts},
		"GET " + acme + "/overview": adminwire.Overview{
			Seats: adminwire.Count{Used: 43, Limit: limit(50)}, Readers: adminwire.Count{Used: 1}, Users: 1234, Groups: 7,
			Failing: 1, LastSync: []adminwire.Entry{carolsEntry}, Failures: spans,
		},
		"GET " + acme + "/failed-users": adminwire.FailedUsers{FailedUsers: []adminwire.FailedUser{carol}},
		"GET " + acme + "/push-again": adminwire.PushAgain{PushAgain: []adminwire.PushAgainItem{
			{Reason: "member_skipped", Group: "Sales", GroupID: "g1", UserID: "u7", UserState: "unknown", Others: 3, Since: at(-3 * time.Hour), IdP: "okta", SentWithoutAsking: "never", WhatToDo: "Assign the user."},
			{Reason: "groups_lost", Group: "Sales", GroupID: "g1", User: "anna@example.com", UserID: "u1", UserState: "active", Since: at(-2 * time.Hour), IdP: "entra", SentWithoutAsking: "never", WhatToDo: "Select Restart provisioning."},
			{Reason: "group_refused", Group: "Design", Since: at(-time.Hour), IdP: "entra", SentWithoutAsking: "next_cycle", Cause: "duplicate", WhatToDo: "Rename the group."},
		}},
		"GET " + acme + "/events": adminwire.Events{Next: "older", More: true, CaughtUpTo: at(-15 * time.Second), Events: []adminwire.Event{
			{
				ID: "ev4", Type: "provisioning.failing", Time: at(-time.Hour), Tenant: "acme", Resource: &adminwire.EventResource{Type: "User", UserName: "carol@example.com"},
				Actor: adminwire.EventActor{Type: "idp", Name: "okta"}, RequestID: failedID, Details: map[string]string{"cause": "seat_limit"}, Data: []byte("null"),
			},
			{
				ID: "ev3", Type: "group.members_changed", Time: at(-2 * time.Hour), Tenant: "acme", Resource: &adminwire.EventResource{Type: "Group", ID: "g1", DisplayName: "Sales", Version: 4},
				Members: &adminwire.EventMembers{Added: []string{"u1", "u2"}, Removed: []string{"u3"}}, Actor: adminwire.EventActor{Type: "application", Name: "Bo"}, RequestID: failedID, Data: []byte("null"),
			},
			{
				ID: "ev2", Type: "user.updated", Time: at(-3 * time.Hour), Tenant: "acme", Resource: &adminwire.EventResource{Type: "User", ID: "u1", UserName: "anna@example.com", Version: 3},
				Changed: []string{"title", "displayName"}, Actor: adminwire.EventActor{Type: "idp", Name: "entra"}, RequestID: failedID, Data: []byte("null"),
			},
			{ID: "ev1", Type: "seats.full", Time: at(-4 * time.Hour), Tenant: "acme", Actor: adminwire.EventActor{Type: "rollcall"}, Data: []byte("null")},
		}},
		"GET " + acme + "/log": adminwire.Log{Entries: []adminwire.Entry{carolsEntry}},
		"GET " + acme + "/requests/" + failedID: adminwire.Explanation{
			RequestID: failedID, Entries: []adminwire.Entry{carolsEntry}, Now: "failing", Failing: &carol,
		},
		"GET " + acme + "/tokens": map[string]any{"tokens": []map[string]any{
			{"id": "tok1", "label": "Okta", "lastFour": "ab12", "state": "live", "createdAt": at(-2000 * time.Hour), "expiresAt": nil, "lastUsedAt": at(-2 * time.Hour), "revokedAt": nil},
			{"id": "tok2", "label": "Entra", "lastFour": "cd34", "state": "live", "createdAt": at(-50 * time.Hour), "expiresAt": at(400 * time.Hour), "lastUsedAt": nil, "revokedAt": nil, "replacedBy": "tok3"},
			{"id": "tok3", "label": "", "lastFour": "ef56", "state": "live", "createdAt": at(-time.Hour), "expiresAt": nil, "lastUsedAt": nil, "revokedAt": nil, "replaces": "tok2"},
			{"id": "tok4", "label": "old", "lastFour": "gh78", "state": "revoked", "createdAt": at(-3000 * time.Hour), "expiresAt": nil, "lastUsedAt": nil, "revokedAt": at(-100 * time.Hour)},
		}},
		"GET " + acme + "/clients":             adminwire.Clients{Clients: []adminwire.Client{oneClient(), otherClient()}},
		"GET " + acme + "/clients/" + clientID: oneClient(),
		"GET " + acme + "/clients/rcc_acme_b":  otherClient(),
		"GET " + acme + "/groups": adminwire.Groups{Groups: []adminwire.Group{
			{ID: "g1", DisplayName: "Sales", ExternalID: "00g1", Origin: "scim", Created: atPtr(-90 * time.Hour), Modified: atPtr(-80 * time.Hour)},
		}},
		"GET " + acme + "/groups/g1/members": adminwire.GroupMembers{
			Group:   adminwire.Group{ID: "g1", DisplayName: "Sales", ExternalID: "00g1", Origin: "scim", Created: atPtr(-90 * time.Hour), Modified: atPtr(-80 * time.Hour)},
			Members: []adminwire.Member{{ID: "u1", Subject: "anna@example.com", State: "active"}, {ID: "u2", Subject: "ben@example.com", State: "inactive", Failure: &carol}},
		},
		"GET /webhooks": adminwire.Webhooks{Webhooks: []adminwire.Webhook{
			hook,
			{ID: "w2", URL: "https://old.example.com/", Tenants: []string{"acme", "beta"}, Disabled: true, DisabledAt: atPtr(-time.Hour), DisabledReason: "It answered 410 Gone."},
			{ID: "w3", URL: "https://slow.example.com/", FailingSince: atPtr(-2 * time.Hour), PausedUntil: atPtr(30 * time.Minute), LastSuccess: atPtr(-3 * time.Hour)},
			{ID: "w4", URL: "https://beta.example.com/", Tenants: []string{"beta"}},
			{ID: "w5", URL: "https://new.example.com/"},
		}},
		"GET /webhooks/w1": hook,
		"GET /webhooks/w2": adminwire.Webhook{ID: "w2", URL: "https://old.example.com/", Disabled: true, DisabledAt: atPtr(-time.Hour), DisabledReason: "It answered 410 Gone."},
		"GET /webhooks/w4": adminwire.Webhook{ID: "w4", URL: "https://beta.example.com/", Tenants: []string{"beta"}},
		"GET /webhooks/w1/deliveries": adminwire.WebhookDeliveries{Next: "older", Deliveries: []adminwire.WebhookDelivery{
			{
				EventID: "ev1", Type: "user.deactivated", Tenant: "acme", ResourceType: "User", ResourceID: "u1", State: "delivered", Committed: at(-time.Hour),
				DeliveredAt: atPtr(-time.Hour), Count: 1, Attempts: []adminwire.WebhookAttempt{{Time: at(-time.Hour), DurationMs: 41, Status: 204}},
			},
			{
				EventID: "ev2", Type: "user.updated", Tenant: "acme", ResourceType: "User", ResourceID: "u1", State: "pending", Committed: at(-2 * time.Hour),
				NextAttempt: atPtr(5 * time.Minute), Count: 12, Attempts: []adminwire.WebhookAttempt{
					{Time: at(-time.Hour), DurationMs: 10000, Error: "No answer within 10 seconds."},
					{Time: at(-10 * time.Minute), DurationMs: 30, Status: 500, Answer: "<h1>Oops</h1>"},
				},
			},
			{EventID: "ev3", Type: "seats.full", Tenant: "acme", State: "failed", Reason: "All attempts failed.", Committed: at(-50 * time.Hour), Count: 8},
			{EventID: "ev4", Type: "group.created", Tenant: "acme", State: "pending", Committed: at(-time.Minute)},
		}},
		"GET " + acme + "/users":    adminwire.Users{Users: []adminwire.User{anna, ben}},
		"GET " + acme + "/users/u1": anna,
		"GET " + acme + "/users/u2": ben,
		"GET " + acme + "/users/u2/offboarding": adminwire.Offboarding{UserID: "u2", State: "inactive", Departures: []adminwire.Departure{
			{
				EventID: "ev1", Type: "user.deactivated", UserName: "ben@example.com", Committed: at(-time.Hour), RequestID: "r1",
				Actor: adminwire.EventActor{Type: "application", Name: "<i>dana</i>"}, Endpoints: []adminwire.DepartureDelivery{
					{WebhookID: "w1", URL: "https://app.example.com/hooks/rollcall", State: "delivered", FirstAttempt: atPtr(-time.Hour), DeliveredAt: atPtr(-time.Hour), Attempts: 1},
					{WebhookID: "w9", State: "failed", Reason: "The webhook was deleted before it acknowledged the event.", FirstAttempt: atPtr(-time.Hour), Attempts: 2},
				},
			},
			{
				EventID: "ev0", Type: "user.deleted", Committed: at(-50 * time.Hour), RequestID: "r0", Actor: adminwire.EventActor{Type: "idp", Name: "okta"}, ReturnedAt: atPtr(-49 * time.Hour),
				Acknowledged: true, SecondsToAcknowledge: new(1.25), Endpoints: []adminwire.DepartureDelivery{
					{WebhookID: "w1", URL: "https://app.example.com/hooks/rollcall", State: "delivered", FirstAttempt: atPtr(-50 * time.Hour), DeliveredAt: atPtr(-50 * time.Hour), Attempts: 1},
				},
			},
			{EventID: "ev", Type: "user.deactivated", Committed: at(-90 * time.Hour), RequestID: "r", Actor: adminwire.EventActor{Type: "idp"}, Notice: "Nobody is notified.", Endpoints: []adminwire.DepartureDelivery{}},
		}},
		"GET " + acme + "/deleted-groups": adminwire.DeletedGroups{DeletedGroups: []adminwire.DeletedGroup{
			{ID: "g9", DisplayName: "Sailing", DeletedAt: atPtr(-72 * time.Hour), DeletedBy: "dana@app.example"},
		}},
	}
}

// pages returns the addresses of all pages of a session with healthy answers.
func pages() []string {
	const one = "/console/t/acme"
	return []string{
		"/console/", one, one + "/failed", one + "/push-again", one + "/log", one + "/log?from=yesterday", one + "/requests/" + failedID, one + "/requests/unknown", one + "/requests?id=(",
		one + "/groups", one + "/groups/g1", one + "/groups/none", one + "/users", one + "/users?state=deleted", one + "/users?subject=" + strings.Repeat("x", maxSubject+1), one + "/users/u1", one + "/users/u2",
		one + "/users/none", one + "/users/u1/deactivate", one + "/users/u1/protect", one + "/users/u2/reactivate", one + "/users/u2/unprotect", one + "/users/u1/unprotect", one + "/users/u1/eat", one + "/settings",
		one + "/tokens", one + "/tokens/tok1/revoke", one + "/tokens/tok1/rotate", one + "/tokens/tok2/complete", one + "/tokens/tok2/cancel",
		one + "/clients", one + "/clients/" + clientID, one + "/clients/rcc_acme_b", one + "/clients/none", one + "/client-secret", one + "/clients/" + clientID + "/revoke",
		one + "/clients/" + clientID + "/end-secret?secret=s1", one + "/clients/" + clientID + "/end-secret", one + "/clients/" + clientID + "/remove-federation",
		one + "/clients/" + clientID + "/remove-keys", one + "/clients/" + clientID + "/eat",
		one + "/connect", one + "/connect/okta", one + "/connect/okta?credential=tok1", one + "/connect/entra-federation", one + "/connect/another-key", one + "/connect/none",
		one + "/events", one + "/events/w1", one + "/events/w1?state=failed", one + "/events/w2", one + "/events/w4", one + "/events/none", one + "/events/w1/rotate",
		one + "/events/w1/disable", one + "/events/w2/enable", one + "/events/w1/delete", one + "/events/w1/eat", one + "/webhook-secret",
		one + "/dismissed", one + "/requests/" + failedID + "/dismiss", one + "/requests/unknown/dismiss",
		one + "/tokens/tok9/revoke", one + "/tokens/tok1/eat", one + "/tokens/minted", "/console/causes", "/console/causes/seat_limit", "/console/causes/token_revoked",
		"/console/causes/none", "/console/t/nobody", "/console/none",
	}
}

// events returns the lines that were logged.
func (b *browser) events() []map[string]any {
	b.t.Helper()
	var all []map[string]any
	for line := range strings.Lines(b.log.String()) {
		var e map[string]any
		require.NoError(b.t, json.Unmarshal([]byte(line), &e))
		all = append(all, e)
	}
	return all
}

// String returns the start tag of an element.
func (e *element) String() string { return fmt.Sprintf("<%s %v>", e.name, e.attrs) }
