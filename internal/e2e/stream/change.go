package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/rollcall-scim/rollcall/internal/app"
	"github.com/rollcall-scim/rollcall/internal/dev/demo"
	"github.com/rollcall-scim/rollcall/internal/dev/fixture"
	"github.com/rollcall-scim/rollcall/internal/e2e/stage"
	"github.com/rollcall-scim/rollcall/internal/httpapi"
	"github.com/rollcall-scim/rollcall/internal/table"
	"github.com/rollcall-scim/rollcall/internal/web"
)

// A Change is one kind of change of the fixture's data.
type Change struct {
	// Name is that of its event under events/feed.
	Name string
	// About says what changes, in a sentence.
	About string
	// Requests are made one after the other: a method, a path of SCIM or of the admin API, and
	// a body. The last one is the change; status is that of its answer.
	Requests []Request
	Status   int
}

// A Request is one request.
type Request struct{ Method, Path, Body string }

// Changes are all kinds of changes that cause events, and the ones that cause none.
var Changes = []Change{
	{"user_created", "Okta creates frank: his entry, and the ledger's item with one seat more.", []Request{
		{"POST", "/scim/v2/Users", stage.User(`"userName":"frank@example.com","externalId":"00u9frank","active":true`)},
	}, 201},
	{"user_updated", "alice gets another displayName.", []Request{
		{"PATCH", user(fixture.Alice), stage.Patch(`{"op":"replace","path":"displayName","value":"Alice A."}`)},
	}, 200},
	{"user_deactivated", "alice is deactivated: the application must act at once.", []Request{
		{"PATCH", user(fixture.Alice), stage.Patch(`{"op":"replace","path":"active","value":false}`)},
	}, 200},
	{"user_reactivated", "bob is active again.", []Request{
		{"PATCH", user(fixture.Bob), stage.Patch(`{"op":"replace","path":"active","value":true}`)},
	}, 200},
	{"user_rehired", "bob comes back with another externalId: he is out of the groups that he was in.", []Request{
		{"POST", "/scim/v2/Users", stage.User(`"userName":"bob@example.com","externalId":"00u2bobagain","active":true`)},
	}, 200},
	{"user_deleted", "alice is deleted, and is out of her group.", []Request{{"DELETE", user(fixture.Alice), ""}}, 204},
	{"user_restored", "carol, who was deleted, is created again.", []Request{
		{"POST", "/scim/v2/Users", stage.User(`"userName":"carol@example.com","externalId":"00u3carol","active":true`)},
	}, 200},
	{"user_linked", "Okta takes over a user whom the application had created.", []Request{
		{"POST", "/admin/v1/tenants/acme/users", `{"userName":"ivy@example.com","email":"ivy@example.com","origin":"jit"}`},
		{"POST", "/scim/v2/Users", stage.User(`"userName":"ivy@example.com","externalId":"00u8ivy","active":true,"` + extension + `":{"isTeamAccount":true}`)},
	}, 200},
	{"user_purged", "The application purges carol.", []Request{{"DELETE", "/admin/v1/tenants/acme/users/" + fixture.Carol, ""}}, 204},
	{"group_created", "Okta pushes a group with alice.", []Request{
		{"POST", "/scim/v2/Groups", stage.Group("Legal", fixture.Alice)},
	}, 201},
	{"group_updated", "The group Design gets another name.", []Request{
		{"PATCH", design, stage.Patch(`{"op":"replace","path":"displayName","value":"Design team"}`)},
	}, 200},
	{"group_members_changed", "dave joins the group Design, and alice leaves it.", []Request{
		{"PATCH", design, stage.Patch(`{"op":"add","path":"members","value":`+stage.Members(fixture.Dave)+`}`,
			`{"op":"remove","path":"members[value eq \"`+fixture.Alice+`\"]"}`)},
	}, 200},
	{"group_members_cleared", "All members of the group Design are removed.", []Request{
		{"PATCH", design, stage.Patch(`{"op":"remove","path":"members"}`)},
	}, 200},
	{"group_members_replaced", "The group Design gets a whole new set of 40 members.", []Request{
		{"POST", "/scim/v2/Bulk", readers(40)},
		{"PUT", design, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Design","externalId":"g-design","members":` + everyReader + `}`},
	}, 200},
	{"group_deleted", "The group Design is deleted.", []Request{{"DELETE", design, ""}}, 204},
	{"provisioning_failing", "Okta creates a user with the userName of alice, which is refused: her first failure.", []Request{
		{"POST", "/scim/v2/Users", stage.User(`"userName":"alice@example.com","externalId":"00u7zoe","active":true`)},
	}, 409},
	{"provisioning_fixed", "dora, who failed because no seat was left, is created.", []Request{
		{"POST", "/scim/v2/Users", stage.User(`"userName":"dora@example.com","externalId":"00u1dora","active":true`)},
	}, 201},
	{"provisioning_failing_again", "The request is refused once more, which is no event.", []Request{
		{"POST", "/scim/v2/Users", stage.User(`"userName":"alice@example.com","externalId":"00u7zoe","active":true`)},
		{"POST", "/scim/v2/Users", stage.User(`"userName":"alice@example.com","externalId":"00u7zoe","active":true`)},
	}, 409},
	{"nothing_changed", "A request that changes nothing has an entry, and no event.", []Request{
		{"PATCH", user(fixture.Alice), stage.Patch(`{"op":"replace","path":"active","value":true}`)},
	}, 200},
}

const extension = "urn:ietf:params:scim:schemas:extension:rollcall:2.0:User"

// everyReader stands in a body for the members of whom readers has made users.
const everyReader = "{{every reader}}"

// readers returns a bulk request that creates users without a seat.
func readers(n int) string {
	operations := make([]string, n)
	for i := range operations {
		operations[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"r%d","data":%s}`, i,
			stage.User(fmt.Sprintf(`"userName":"reader%02d@example.com","%s":{"isTeamAccount":false}`, i, extension)))
	}
	return stage.Bulk(operations...)
}

func user(id string) string { return "/scim/v2/Users/" + id }

const design = "/scim/v2/Groups/" + fixture.Design

// A Service is the service on a table with the fixture's data, at a time of its own.
type Service struct {
	App   *app.App
	clock *demo.Clock
	scim  http.Handler
	admin http.Handler
}

// Began is when the changes begin, some hours after the fixture's data was created.
var Began = time.Date(2026, time.January, 5, 12, 0, 0, 0, time.UTC)

// Options are those of a service at the time of the changes: all ids are the same in each run.
func Options() (app.Options, *demo.Clock) {
	clock := demo.NewClock(Began)
	count := 0
	return app.Options{
		Now: clock.Now, NewID: clock.NewID, Random: rand.NewChaCha8([32]byte{1}),
		NewToken: func() string { count++; return fmt.Sprintf("stream-%d-%d", time.Now().UnixNano(), count) },
		Retry:    []table.RetryOption{table.RetryClock(clock.Now, clock.Sleep)},
	}, clock
}

// NewService returns the service on a table, which has no data yet.
func NewService(ctx context.Context, t table.Table) (*Service, error) {
	if err := fixture.Fill(ctx, t); err != nil {
		return nil, err
	}
	options, clock := Options()
	a, err := app.NewWith(t, app.Config{BaseURL: fixture.BaseURL}, slog.New(slog.DiscardHandler), options)
	if err != nil {
		return nil, err
	}
	return &Service{a, clock, a.Handler(), a.AdminHandler()}, nil
}

// Do makes a request, a minute after the one before. It returns the status and the body of the
// answer.
func (s *Service) Do(ctx context.Context, r Request) (status int, body []byte) {
	s.clock.Pass(time.Minute)
	if strings.Contains(r.Body, everyReader) {
		r.Body = strings.ReplaceAll(r.Body, everyReader, stage.Members(s.readers(ctx)...))
	}
	request := httptest.NewRequestWithContext(ctx, r.Method, strings.TrimSuffix(fixture.BaseURL, httpapi.Prefix)+r.Path, strings.NewReader(r.Body))
	handler := s.scim
	if strings.HasPrefix(r.Path, "/admin") {
		handler = s.admin
		request.Header.Set(web.OperatorHeader, "arn:aws:iam::123456789012:role/application")
		request.Header.Set("Content-Type", "application/json")
	} else {
		request.Header.Set("Authorization", "Bearer "+fixture.Token)
		request.Header.Set("Content-Type", "application/scim+json")
		request.Header.Set("User-Agent", "Okta SCIM Client 1.0.0")
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, request)
	return w.Code, w.Body.Bytes()
}

// readers returns the ids of the users that a bulk request of readers has created.
func (s *Service) readers(ctx context.Context) (ids []string) {
	_, body := s.Do(ctx, Request{Method: http.MethodGet, Path: "/scim/v2/Users?count=200&filter=userName%20sw%20%22reader%22"})
	var list struct {
		Resources []struct{ ID string }
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil
	}
	for _, u := range list.Resources {
		ids = append(ids, u.ID)
	}
	return ids
}
