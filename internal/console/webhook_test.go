package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rollcall-scim/rollcall/internal/adminwire"
)

const newSecretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

func TestEvents_ListsEndpointsOfTheTenant(t *testing.T) {
	b := visitor(t, healthy())
	p := b.get("/console/t/acme/events").page()
	rows := p.id(t, "webhooks").named("tbody")[0].named("tr")
	require.Len(t, rows, 4, "that of another tenant is not listed")
	rows[0].says(t, "https://app.example.com/hooks/rollcall app works, last delivery 1 hour ago")
	rows[0].says(t, "user.deactivated, user.updated acme")
	rows[1].says(t, "disabled", "It answered 410 Gone.", "all types acme, beta")
	rows[2].says(t, "failing since 2 hours ago", "it is tried again in 30 minutes", "all tenants")
	rows[3].says(t, "nothing sent yet")
	p.id(t, "other-webhooks").says(t, "1 endpoint for other tenants only")
	b.service.set("GET /webhooks", adminwire.Webhooks{Webhooks: []adminwire.Webhook{}})
	b.get("/console/t/acme/events").page().id(t, "no-webhooks")
	require.Equal(t, http.StatusNotFound, b.get("/console/t/nobody/events").Code)
}

func TestEvents_ListsTheNewest(t *testing.T) {
	b := visitor(t, healthy())
	b.service.last()
	p := b.get("/console/t/acme/events").page()
	asked, _ := b.service.last()
	require.Contains(t, asked, "GET /tenants/acme/events?limit=20&newest=true")
	rows := p.id(t, "newest-events").named("tbody")[0].named("tr")
	require.Len(t, rows, 4)
	rows[0].says(t, "provisioning.failing", "carol@example.com", "seat_limit", "Okta", "1 hour ago", "View details")
	rows[1].says(t, "group.members_changed", "Sales", "2 joined, 1 left", "the application: Bo")
	rows[2].says(t, "user.updated", "anna@example.com", "title, displayName")
	rows[3].says(t, "seats.full", "rollcall")
	links := func(row int) (to []string) {
		for _, a := range rows[row].named("a") {
			to = append(to, a.attrs["href"])
		}
		return to
	}
	request := "/console/t/acme/requests/" + failedID
	require.Equal(t, []string{"/console/t/acme/log?subject=carol%40example.com", request}, links(0), "a user who does not exist has entries in the log")
	require.Equal(t, []string{"/console/t/acme/groups/g1", request}, links(1))
	require.Equal(t, []string{"/console/t/acme/users/u1", request}, links(2))
	require.Empty(t, links(3))
	require.Equal(t, "/console/t/acme/events?after=older&types=", p.id(t, "older").attrs["href"])

	b.service.set("GET "+acme+"/events", adminwire.Events{Next: "end"})
	for query, says := range map[string]string{"": "No events yet", "?types=user.deleted": "No event of these types", "?after=x": "No more events"} {
		b.get("/console/t/acme/events"+query).page().id(t, "no-events").says(t, says)
	}
	b.get("/console/t/acme/events?types=user.created,+user.deleted&after=x")
	asked, _ = b.service.last()
	require.Contains(t, asked, "GET /tenants/acme/events?after=x&limit=20&newest=true&types=user.created%2Cuser.deleted")

	b.service.set("GET "+acme+"/events", refusal{http.StatusBadRequest, "invalid", "types has an unknown type; the types are user.created."})
	a := b.get("/console/t/acme/events?types=user.lost")
	require.Equal(t, http.StatusBadRequest, a.Code)
	a.page().id(t, "event-types-wrong").says(t, "types has an unknown type")
}

func TestWebhook_ShowsDeliveriesWithAttempts(t *testing.T) {
	b := visitor(t, healthy())
	b.service.last()
	p := b.get("/console/t/acme/events/w1").page()
	asked, _ := b.service.last()
	require.Contains(t, asked, "GET /webhooks/w1/deliveries?limit=50&tenant=acme", "events of other tenants")
	p.id(t, "webhook").says(t, "Secret before signs too, and ends in 20 hours")
	rows := p.id(t, "deliveries").named("tbody")[0].named("tr")
	rows[0].says(t, "user.deactivated User u1 ev1", "delivered 1 hour ago", "1 attempt", "41 ms: 204 No Content")
	rows[1].says(t, "failed, next attempt in 5 minutes", "12 attempts", "30 ms: 500 Internal Server Error <h1>Oops</h1>", "10000 ms: No answer within 10 seconds.", "10 earlier attempts not kept")
	rows[2].says(t, "given up", "All attempts failed.", "none")
	rows[3].says(t, "waits", "none")
	require.Equal(t, "/console/t/acme/events/w1?after=older&state=", p.id(t, "older").attrs["href"])
	b.get("/console/t/acme/events/w1?state=failed&after=x")
	asked, _ = b.service.last()
	require.Contains(t, asked, "GET /webhooks/w1/deliveries?after=x&limit=50&state=failed&tenant=acme")
	b.get("/console/t/acme/events/w1?state=lost")
	asked, _ = b.service.last()
	require.Contains(t, asked, "GET /webhooks/w1/deliveries?limit=50&tenant=acme")
}

// An endpoint that gets events of other tenants only is on no page of this one, and is not
// changed from there.
func TestWebhook_OfOtherTenantIsNotFound(t *testing.T) {
	b := visitor(t, healthy())
	for _, path := range []string{"", "/rotate", "/disable", "/delete"} {
		a := b.get("/console/t/acme/events/w4" + path)
		require.Equal(t, http.StatusNotFound, a.Code, path)
		require.NotContains(t, a.Body.String(), "beta.example.com", path)
	}
	b.service.last()
	require.Equal(t, http.StatusNotFound, b.post("/console/t/acme/events/w4/delete", nil).Code)
	asked, _ := b.service.last()
	require.Equal(t, []string{"GET /webhooks/w4"}, asked)
}

// A new secret is on one page, once, and in no address or log line.
func TestCreateWebhook_ShowsTheSecretOnce(t *testing.T) {
	b := visitor(t, healthy())
	b.service.set("POST /webhooks", adminwire.WebhookWithSecret{Webhook: hook, Secret: newSecretText})
	b.service.last()
	a := b.post("/console/t/acme/events", url.Values{
		"url": {" https://app.example.com/hooks/rollcall "}, "types": {"user.deactivated, user.deleted"}, "tenants": {"this"}, "label": {"app"},
	})
	asked, body := b.service.last()
	require.Equal(t, []string{"POST /webhooks"}, asked)
	require.JSONEq(t, `{"url":"https://app.example.com/hooks/rollcall","types":["user.deactivated","user.deleted"],"tenants":["acme"],"label":"app"}`, body)
	to := a.Header().Get("Location")
	require.Equal(t, "/console/t/acme/webhook-secret", to)
	require.Equal(t, http.StatusSeeOther, b.send(b.newRequest(http.MethodHead, to, "")).Code, "HEAD")
	require.NotContains(t, b.get("/console/t/beta/webhook-secret").Body.String(), newSecretText)
	require.NotContains(t, b.get("/console/t/acme/tokens/minted").Body.String(), newSecretText)
	require.Equal(t, newSecretText, b.get(to).page().id(t, "secret-text").words())
	for _, path := range []string{to, "/console/t/acme/events", "/console/t/acme/events/w1"} {
		require.NotContains(t, b.get(path).Body.String(), newSecretText, path)
	}
	require.Equal(t, http.StatusGone, b.get(to).Code, "again")
	require.NotContains(t, b.log.String(), "whsec_")
	b.post("/console/t/acme/events", url.Values{"url": {"https://b.example.com/"}, "tenants": {"all"}})
	_, body = b.service.last()
	require.JSONEq(t, `{"url":"https://b.example.com/"}`, body)
}

func TestCreateWebhook_ShowsWhichFieldIsWrong(t *testing.T) {
	b := visitor(t, healthy())
	a := b.post("/console/t/acme/events", url.Values{"url": {" "}, "label": {strings.Repeat("x", 101)}})
	require.Equal(t, http.StatusBadRequest, a.Code)
	p := a.page()
	p.id(t, "url-wrong")
	p.id(t, "label-wrong")
	for detail, id := range map[string]string{
		"url has a private address; use another.": "url-wrong", "types[0] is not a type of event.": "types-wrong", "The URL is that of the webhook w1.": "url-wrong",
	} {
		kind, status := "invalid-value", 400
		if id == "url-wrong" && strings.HasPrefix(detail, "The") {
			kind, status = "taken", 409
		}
		b.service.set("POST /webhooks", refusal{status, kind, detail})
		a := b.post("/console/t/acme/events", url.Values{"url": {"https://10.0.0.1/"}, "types": {"nothing"}})
		require.Equal(t, http.StatusBadRequest, a.Code, detail)
		p := a.page()
		p.id(t, id).says(t, detail)
		require.Equal(t, "https://10.0.0.1/", p.id(t, "url").attrs["value"])
	}
	b.service.set("POST /webhooks", refusal{409, "wrong-state", "There are as many webhooks as a deployment can have."})
	b.post("/console/t/acme/events", url.Values{"url": {"https://a.example.com/"}}).page().says(t, "There are as many webhooks")
}

func TestChangeWebhook_AsksBefore(t *testing.T) {
	b := visitor(t, healthy())
	for change, want := range map[string]struct {
		call, body, endpoint, notice string
	}{
		"disable": {"PATCH /webhooks/w1", `{"disabled":true}`, "w1", "Endpoint disabled."},
		"enable":  {"PATCH /webhooks/w2", `{"disabled":false}`, "w2", "Endpoint enabled."},
		"delete":  {"DELETE /webhooks/w1", "", "w1", "Endpoint deleted."},
	} {
		path := "/console/t/acme/events/" + want.endpoint + "/" + change
		b.service.set(want.call, hook)
		b.service.last()
		p := b.get(path).page()
		asked, _ := b.service.last()
		require.NotContains(t, asked, want.call, "asking changes it")
		p.id(t, "confirm")
		shared := strings.Contains(p.words(), "the change is for all of them")
		assert.Equal(t, want.endpoint == "w2", shared, "%s says that other tenants are concerned: %t", change, shared)
		a := b.post(path, nil)
		asked, body := b.service.last()
		require.Equal(t, want.call, asked[len(asked)-1])
		require.Equal(t, want.body, body)
		require.Equal(t, "/console/t/acme/events", a.Header().Get("Location"))
		b.get("/console/t/acme/events").page().says(t, want.notice)
	}
	require.Equal(t, http.StatusForbidden, b.post("/console/t/acme/events/w1/delete", url.Values{"form": {"wrong"}}).Code)
	require.Equal(t, http.StatusNotFound, b.post("/console/t/acme/events/w1/eat", nil).Code)
}

func TestTestWebhook_SaysWhatCameOfIt(t *testing.T) {
	b := visitor(t, healthy())
	for delivered, want := range map[bool]string{true: "The endpoint acknowledged the event.", false: "The endpoint did not acknowledge the event."} {
		status := map[bool]int{true: 200, false: 503}[delivered]
		b.service.set("POST /webhooks/w1/test", adminwire.WebhookTest{
			EventID: "ev9", Delivered: delivered, Attempt: adminwire.WebhookAttempt{Time: noon, DurationMs: 7, Status: status, Answer: "<b>hello</b>"},
		})
		a := b.post("/console/t/acme/events/w1/test", nil)
		require.Equal(t, http.StatusOK, a.Code)
		p := a.page()
		checkStructure(t, "a test", p)
		p.id(t, "tested").says(t, want, "after 7 ms", "<b>hello</b>")
	}
	b.service.last()
	require.Equal(t, http.StatusNotFound, b.post("/console/t/acme/events/w4/test", nil).Code)
	require.Equal(t, http.StatusForbidden, b.post("/console/t/acme/events/w1/test", url.Values{"form": {"wrong"}}).Code)
	asked, _ := b.service.last()
	require.NotContains(t, strings.Join(asked, " "), "/test")
}

func TestRedeliver_OfATimeOrOfAnEvent(t *testing.T) {
	b := visitor(t, healthy())
	const path = "/console/t/acme/events/w1"
	b.service.set("POST /webhooks/w1/redeliver", adminwire.Redelivering{Events: 3})
	a := b.post(path+"/redeliver", url.Values{"from": {"2026-07-14 08:00"}, "to": {" "}})
	_, body := b.service.last()
	require.JSONEq(t, `{"from":"2026-07-14T08:00:00Z"}`, body)
	require.Equal(t, path, a.Header().Get("Location"))
	b.get(path).page().says(t, "3 events will be sent again. The service finds further ones within minutes.")
	b.service.set("POST /webhooks/w1/redeliver", adminwire.Redelivering{Events: 1, Complete: true})
	b.post(path+"/redeliver", url.Values{"event": {"ev1"}})
	_, body = b.service.last()
	require.JSONEq(t, `{"eventId":"ev1","tenant":"acme"}`, body, "an event of this tenant only")
	p := b.get(path).page()
	p.says(t, "1 event will be sent again.")
	require.Len(t, p.id(t, "deliveries").named("button"), 2, "what is tried again by itself has no button")

	a = b.post(path+"/redeliver", url.Values{"from": {""}, "to": {"soon"}})
	require.Equal(t, http.StatusBadRequest, a.Code)
	p = a.page()
	checkStructure(t, "a redelivery with faults", p)
	p.id(t, "from-wrong")
	p.id(t, "to-wrong")
	b.service.set("POST /webhooks/w1/redeliver", refusal{400, "invalid-value", "The time is longer than 31 days."})
	b.post(path+"/redeliver", url.Values{"from": {"2020-01-01"}}).page().id(t, "from-wrong").says(t, "longer than 31 days")
	b.service.set("POST /webhooks/w1/redeliver", refusal{409, "wrong-state", "An earlier redelivery is not complete."})
	require.Equal(t, http.StatusConflict, b.post(path+"/redeliver", url.Values{"from": {"2026-07-14"}}).Code)
}
