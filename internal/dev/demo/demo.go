// Package demo fills a tenant with a week of provisioning by Okta and Entra:
// users, readers, groups, failures of several causes, warnings. 'rollcall local
// --demo' and the pictures of the console show the same week.
//
// Everything is sent as requests to the service's own handlers: the demo shows
// nothing that the service would not do. It is never deployed.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Seats is the tenant's seat limit; all seats are in use at the end.
const Seats = 45

// Length is the time from the first request to the end.
const Length = 6*24*time.Hour + 9*time.Hour

// A Service is the service of a new tenant, with a clock that is stopped.
type Service struct {
	// SCIM serves the SCIM routes, and Admin the admin API, for every caller.
	SCIM, Admin http.Handler
	Tenant      string
	// Pass advances the service's clock.
	Pass func(time.Duration)
}

// A Story names the things to look at first.
type Story struct {
	// Request is the id of the newest failed request, Subject the failing user,
	// and Detail the error that Okta shows.
	Request, Subject, Detail string
	// Okta and Entra are the ids of the tokens.
	Okta, Entra string
}

// Fill sends the requests of the week. They take Length of the service's time. An
// answer other than the expected one is an error.
func Fill(ctx context.Context, s Service) (Story, error) {
	w := &week{Service: s, ctx: ctx, ids: map[string]string{}}
	w.okta.agent, w.entra.agent = "Okta SCIM Client 1.0.0", "Microsoft-Entra-Provisioning/1.0"
	w.setUp()
	w.firstSync()
	for day := range days {
		w.day(day)
	}
	w.today()
	w.until(Length)
	if w.err != nil {
		return Story{}, fmt.Errorf("demo: %w", w.err)
	}
	return w.story, nil
}

// A provider is an identity provider.
type provider struct{ agent, token string }

// A week is the state of a Fill. After an error nothing more is sent.
type week struct {
	Service
	ctx         context.Context //nolint:containedctx // a Fill's own
	okta, entra provider
	passed      time.Duration
	// ids are the ids of users and groups, by name.
	ids   map[string]string
	story Story
	err   error
}

// until advances the clock to a time since the beginning.
func (w *week) until(t time.Duration) {
	if t > w.passed {
		w.Pass(t - w.passed)
		w.passed = t
	}
}

// at returns a time on a day of the week.
func at(day, hour, minute int) time.Duration {
	return time.Duration(day*24+hour)*time.Hour + time.Duration(minute)*time.Minute
}

// An answer is the answer of a handler.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// send sends a request, two seconds after the previous one, and returns the
// document in the answer.
func (w *week) send(h http.Handler, want int, method, path, body string, headers ...string) (document map[string]any, requestID string) {
	if w.err != nil {
		return nil, ""
	}
	w.until(w.passed + 2*time.Second)
	r, err := http.NewRequestWithContext(w.ctx, method, path, strings.NewReader(body))
	if err != nil {
		w.err = err
		return nil, ""
	}
	r.RequestURI = path
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a := &answer{header: http.Header{}}
	h.ServeHTTP(a, r)
	if a.status != want {
		w.err = fmt.Errorf("%s %s %s: %d %s, want %d", method, path, body, a.status, a.body.String(), want)
		return nil, ""
	}
	if a.body.Len() > 0 {
		w.err = json.Unmarshal(a.body.Bytes(), &document)
	}
	return document, a.header.Get("X-Request-Id")
}

// sync sends a SCIM request of an identity provider.
func (w *week) sync(p provider, want int, method, path, body string) (document map[string]any, requestID string) {
	return w.send(w.SCIM, want, method, "/scim/v2"+path, body,
		"Authorization", "Bearer "+p.token, "Content-Type", "application/scim+json", "User-Agent", p.agent)
}

// admin sends a request of the application about its tenant.
func (w *week) admin(want int, method, path, body string) map[string]any {
	document, _ := w.send(w.Admin, want, method, "/admin/v1/tenants/"+w.Tenant+path, body, "Content-Type", "application/json")
	return document
}

// token creates a token and returns its text and id.
func (w *week) token(label string) (text, id string) {
	created := w.admin(http.StatusCreated, http.MethodPost, "/tokens", fmt.Sprintf(`{"label":%q}`, label))
	text, _ = created["token"].(string)
	id, _ = created["id"].(string)
	return text, id
}

// user provisions a user.
func (w *week) user(p provider, want int, name, more string) (detail, requestID string) {
	given, family := person(name)
	made, requestID := w.sync(p, want, http.MethodPost, "/Users", fmt.Sprintf(
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q,"name":{"givenName":%q,"familyName":%q}%s}`,
		address(name), given, family, more))
	if want == http.StatusCreated {
		w.ids[name], _ = made["id"].(string)
	}
	detail, _ = made["detail"].(string)
	return detail, requestID
}

// group pushes a group.
func (w *week) group(p provider, name string, members ...string) {
	var list []string
	for _, m := range members {
		id := w.ids[m]
		if id == "" {
			id = address(m) // a member that is not provisioned
		}
		list = append(list, fmt.Sprintf(`{"value":%q}`, id))
	}
	made, _ := w.sync(p, http.StatusCreated, http.MethodPost, "/Groups", fmt.Sprintf(
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":%q,"members":[%s]}`, name, strings.Join(list, ",")))
	w.ids[name], _ = made["id"].(string)
}

// patch sends one operation on a user or group.
func (w *week) patch(p provider, want int, kind, name, path, value string) {
	w.sync(p, want, http.MethodPatch, "/"+kind+"/"+w.ids[name], fmt.Sprintf(
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":%q,"value":%s}]}`, path, value))
}

// address returns the userName of a person.
func address(name string) string { return name + "@example.com" }

// person returns the name in "anna.lindqvist".
func person(name string) (given, family string) {
	given, family, _ = strings.Cut(name, ".")
	return capital(given), capital(family)
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
